/* query/expr_logic.c - comparison and boolean operators. Comparison is the total order of BSON,
 * strings by the collation of the context. */
#include "doc/compare.h"
#include "query/expr_private.h"

enum { LOGIC_EQ, LOGIC_NE, LOGIC_GT, LOGIC_GTE, LOGIC_LT, LOGIC_LTE, LOGIC_CMP };

/* Missing and undefined sort below null here, where sort keys make them one. */
static int logic_order(struct doc_value a, struct doc_value b,
                       const struct doc_collation *collation)
{
    if (!doc_value_exists(a) || !doc_value_exists(b)) {
        struct doc_value present = doc_value_exists(a) ? a : b;
        int side = (int)doc_value_exists(a) - (int)doc_value_exists(b);
        return present.type == DOC_MINKEY ? -side : side;
    }
    int order = doc_compare_by(a, b, collation);
    return (order > 0) - (order < 0);
}

static int logic_compare(struct query__call *call, struct doc_value *ret_value)
{
    int order = logic_order(call->args[0], call->args[1], call->eval->context->collation);
    const bool truth[] = {order == 0, order != 0, order > 0, order >= 0, order < 0, order <= 0};
    int16_t variant = call->expr->op->variant;
    *ret_value = variant == LOGIC_CMP ? doc_value_i32(call->eval->arena, order)
                                      : doc_value_bool(truth[variant]);
    return 0;
}

/* $and stops at the first false, $or at the first true: variant is the value that stops. */
static int logic_and_or(const struct query_expr *expr, struct query_eval *eval,
                        struct doc_value *ret_value, struct err *err)
{
    bool stop = expr->op->variant != 0;
    for (uint32_t i = 0; i < expr->args_count; i++) {
        struct doc_value value;
        int rc = query_expr_eval(expr->args[i], eval, &value, err);
        if (rc < 0) {
            return rc;
        }
        if (doc_value_truth(value) == stop) {
            *ret_value = doc_value_bool(stop);
            return 0;
        }
    }
    *ret_value = doc_value_bool(!stop);
    return 0;
}

/* One constant that stops makes the whole constant, whatever the others are. */
static int logic_and_or_optimize(struct query_context *context, struct query_expr *expr,
                                 struct err *err)
{
    for (uint32_t i = 0; i < expr->args_count; i++) {
        int rc = query__expr_optimize(context, expr->args[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    bool stop = expr->op->variant != 0;
    for (uint32_t i = 0; i < expr->args_count; i++) {
        const struct doc_value *value = query_expr_constant(expr->args[i]);
        if (value != NULL && doc_value_truth(*value) == stop) {
            *expr =
                (struct query_expr){.kind = QUERY__EXPR_CONSTANT, .constant = doc_value_bool(stop)};
            break;
        }
    }
    return 0;
}

static int logic_not(struct query__call *call, struct doc_value *ret_value)
{
    *ret_value = doc_value_bool(!doc_value_truth(call->args[0]));
    return 0;
}

const struct query__op query__ops_logic[] = {
    {"$eq", 2, 2, .variant = LOGIC_EQ, .call = logic_compare},
    {"$ne", 2, 2, .variant = LOGIC_NE, .call = logic_compare},
    {"$gt", 2, 2, .variant = LOGIC_GT, .call = logic_compare},
    {"$gte", 2, 2, .variant = LOGIC_GTE, .call = logic_compare},
    {"$lt", 2, 2, .variant = LOGIC_LT, .call = logic_compare},
    {"$lte", 2, 2, .variant = LOGIC_LTE, .call = logic_compare},
    {"$cmp", 2, 2, .variant = LOGIC_CMP, .call = logic_compare},
    {"$and", 0, -1, .variant = 0, .eval = logic_and_or, .optimize = logic_and_or_optimize},
    {"$or", 0, -1, .variant = 1, .eval = logic_and_or, .optimize = logic_and_or_optimize},
    {"$not", 1, 1, .call = logic_not},
    {0},
};
