/* query/expr_set.c - arrays as sets: order and repetition do not count, types compare as BSON. */
#include "query/expr_private.h"
#include "query/set.h"

static int set_not_array(struct query__call *call, int code, struct doc_value value)
{
    return err_set(call->err, code,
                   "All operands of %s must be arrays. One argument is of type: %s",
                   call->expr->op->name, doc_type_name(value.type));
}

static struct doc_value set_list(const struct query__set *set, struct arena *arena)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (uint32_t i = 0; i < set->count; i++) {
        query__list_add(&list, set->values[i]);
    }
    return query__list_end(&list);
}

static int set_union(struct query__call *call, struct doc_value *ret_value)
{
    struct query__set set;
    query__set_init(&set, call->eval->arena, call->eval->context->collation);
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            *ret_value = doc_null;
            return 0;
        }
        if (value.type != DOC_ARRAY) {
            return set_not_array(call, 17043, value);
        }
        query__set_add_all(&set, value);
    }
    *ret_value = set_list(&set, call->eval->arena);
    return 0;
}

/* The values of `kept` that are also in the array. */
static struct query__set set_common(const struct query__set *kept, struct doc_value array)
{
    struct query__set other;
    query__set_init(&other, kept->arena, kept->collation);
    query__set_add_all(&other, array);
    struct query__set both;
    query__set_init(&both, kept->arena, kept->collation);
    for (uint32_t i = 0; i < kept->count; i++) {
        if (query__set_has(&other, kept->values[i])) {
            query__set_add(&both, kept->values[i], NULL);
        }
    }
    return both;
}

static int set_intersection(struct query__call *call, struct doc_value *ret_value)
{
    struct query__set set;
    query__set_init(&set, call->eval->arena, call->eval->context->collation);
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            *ret_value = doc_null;
            return 0;
        }
        if (value.type != DOC_ARRAY) {
            return set_not_array(call, 17047, value);
        }
        if (i == 0) {
            query__set_add_all(&set, value);
        } else {
            set = set_common(&set, value);
        }
    }
    *ret_value = set_list(&set, call->eval->arena);
    return 0;
}

/* Both operands are arrays, or the error with that operand's code. */
static int set_demand_arrays(struct query__call *call, int first_code, int second_code)
{
    const char *name = call->expr->op->name;
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, first_code,
                       "both operands of %s must be arrays. First argument is of type: %s", name,
                       doc_type_name(call->args[0].type));
    }
    if (call->args[1].type != DOC_ARRAY) {
        return err_set(call->err, second_code,
                       "both operands of %s must be arrays. Second argument is of type: %s", name,
                       doc_type_name(call->args[1].type));
    }
    return 0;
}

static int set_difference(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value left = call->args[0];
    struct doc_value right = call->args[1];
    if (doc_value_is_nullish(left) || doc_value_is_nullish(right)) {
        *ret_value = doc_null;
        return 0;
    }
    int rc = set_demand_arrays(call, 17048, 17049);
    if (rc < 0) {
        return rc;
    }
    struct query__set seen;
    query__set_init(&seen, call->eval->arena, call->eval->context->collation);
    query__set_add_all(&seen, right);
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, left);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (query__set_add(&seen, elem.value, NULL)) {
            query__list_add(&list, elem.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

static int set_is_subset(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value left = call->args[0];
    struct doc_value right = call->args[1];
    int rc = set_demand_arrays(call, 17046, 17042);
    if (rc < 0) {
        return rc;
    }
    struct query__set set;
    query__set_init(&set, call->eval->arena, call->eval->context->collation);
    query__set_add_all(&set, right);
    uint32_t count = set.count;
    query__set_add_all(&set, left);
    *ret_value = doc_value_bool(set.count == count);
    return 0;
}

static int set_equals_parse(struct query_context *context, struct doc_value spec,
                            struct query_expr *expr, struct err *err)
{
    int rc = query__parse_args(context, spec, expr, err);
    if (rc == 0 && expr->args_count < 2) {
        rc = err_set(err, 17045, "$setEquals needs at least two arguments had: %u",
                     expr->args_count);
    }
    return rc;
}

/* A constant operand that is no array is found before any document is. */
static int set_equals_optimize(struct query_context *context, struct query_expr *expr,
                               struct err *err)
{
    for (uint32_t i = 0; i < expr->args_count; i++) {
        int rc = query__expr_optimize(context, expr->args[i], err);
        if (rc < 0) {
            return rc;
        }
        const struct doc_value *value = query_expr_constant(expr->args[i]);
        if (value != NULL && value->type != DOC_ARRAY) {
            return err_set(err, 5887502,
                           "All operands of $setEquals must be arrays. %u-th argument "
                           "is of type: %s",
                           i + 1, doc_type_name(value->type));
        }
    }
    return 0;
}

static int set_equals(struct query__call *call, struct doc_value *ret_value)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (call->args[i].type != DOC_ARRAY) {
            return set_not_array(call, 17044, call->args[i]);
        }
    }
    struct query__set first;
    query__set_init(&first, call->eval->arena, call->eval->context->collation);
    query__set_add_all(&first, call->args[0]);
    bool equal = true;
    for (uint32_t i = 1; equal && i < call->count; i++) {
        struct query__set other;
        query__set_init(&other, call->eval->arena, call->eval->context->collation);
        query__set_add_all(&other, call->args[i]);
        equal = other.count == first.count;
        for (uint32_t j = 0; equal && j < other.count; j++) {
            equal = query__set_has(&first, other.values[j]);
        }
    }
    *ret_value = doc_value_bool(equal);
    return 0;
}

/* variant: the truth that decides (any true, or all but a false) */
static int set_elements_true(struct query__call *call, struct doc_value *ret_value)
{
    bool decides = call->expr->op->variant != 0;
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, decides ? 17041 : 17040,
                       "%s's argument must be an array, but is %s", call->expr->op->name,
                       doc_type_name(call->args[0].type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, call->args[0]);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (doc_value_truth(elem.value) == decides) {
            *ret_value = doc_value_bool(decides);
            return 0;
        }
    }
    *ret_value = doc_value_bool(!decides);
    return 0;
}

const struct query__op query__ops_set[] = {
    {"$setUnion", 0, -1, .call = set_union},
    {"$setIntersection", 0, -1, .call = set_intersection},
    {"$setDifference", 2, 2, .call = set_difference},
    {"$setIsSubset", 2, 2, .call = set_is_subset},
    {"$setEquals", 0, -1, .call = set_equals, .parse = set_equals_parse,
     .optimize = set_equals_optimize},
    {"$allElementsTrue", 1, 1, .variant = 0, .call = set_elements_true},
    {"$anyElementTrue", 1, 1, .variant = 1, .call = set_elements_true},
    {0},
};
