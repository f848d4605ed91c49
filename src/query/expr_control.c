/* query/expr_control.c - operators that choose what is evaluated, and $let, $literal, $rand. */
#include <string.h>

#include "query/expr_private.h"

/* ---- $cond: if, then, else ---- */

static const struct query__params control_cond_params = {
    0, 17083, {{"if", 17080}, {"then", 17081}, {"else", 17082}}};

static int control_cond_parse(struct query_context *context, struct doc_value spec,
                              struct query_expr *expr, struct err *err)
{
    return spec.type == DOC_OBJECT ? query__parse_params(context, spec, expr, err)
                                   : query__parse_args(context, spec, expr, err);
}

static int control_cond(const struct query_expr *expr, struct query_eval *eval,
                        struct doc_value *ret_value, struct err *err)
{
    struct doc_value condition;
    int rc = query_expr_eval(expr->args[0], eval, &condition, err);
    if (rc < 0) {
        return rc;
    }
    return query_expr_eval(expr->args[doc_value_truth(condition) ? 1 : 2], eval, ret_value, err);
}

/* ---- $ifNull ---- */

static int control_if_null_parse(struct query_context *context, struct doc_value spec,
                                 struct query_expr *expr, struct err *err)
{
    int rc = query__parse_args(context, spec, expr, err);
    if (rc == 0 && expr->args_count < 2) {
        rc = err_set(err, 1257300, "$ifNull needs at least two arguments, had: %u",
                     expr->args_count);
    }
    return rc;
}

static int control_if_null(const struct query_expr *expr, struct query_eval *eval,
                           struct doc_value *ret_value, struct err *err)
{
    for (uint32_t i = 0; i < expr->args_count; i++) {
        int rc = query_expr_eval(expr->args[i], eval, ret_value, err);
        if (rc < 0 || !doc_value_is_nullish(*ret_value)) {
            return rc;
        }
    }
    return 0;
}

/* ---- $switch: args are case 0, then 0, case 1, then 1 ... default (may be NULL) ---- */

static int control_branch_parse(struct query_context *context, struct doc_value branch,
                                struct query_expr **ret_pair, struct err *err)
{
    if (branch.type != DOC_OBJECT) {
        return err_set(err, 40062, "$switch requires each branch to be an object, found: %s",
                       doc_type_name(branch.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, branch);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        bool is_case = slice_is(elem.name, "case");
        if (!is_case && !slice_is(elem.name, "then")) {
            return err_set(err, 40063, "$switch found an unknown argument to a branch: %.*s",
                           SLICE_FMT(elem.name));
        }
        int rc = query__expr_parse(context, elem.value, &ret_pair[is_case ? 0 : 1], err);
        if (rc < 0) {
            return rc;
        }
    }
    if (ret_pair[0] == NULL) {
        return err_set(err, 40064, "$switch requires each branch have a 'case' expression");
    }
    if (ret_pair[1] == NULL) {
        return err_set(err, 40065, "$switch requires each branch have a 'then' expression.");
    }
    return 0;
}

static int control_branches_parse(struct query_context *context, struct doc_value branches,
                                  struct query_expr *expr, struct err *err)
{
    if (branches.type != DOC_ARRAY) {
        return err_set(err, 40061, "$switch expected an array for 'branches', found: %s",
                       doc_type_name(branches.type));
    }
    uint32_t count;
    struct doc_value *list = query__elements(context->arena, branches, &count);
    struct query_expr *fallback = expr->args_count > 0 ? expr->args[0] : NULL;
    query__args_alloc(context, expr, 2 * count + 1);
    expr->args[2 * count] = fallback;
    for (uint32_t i = 0; i < count; i++) {
        int rc = control_branch_parse(context, list[i], expr->args + (size_t)2 * i, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int control_switch_parse(struct query_context *context, struct doc_value spec,
                                struct query_expr *expr, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40060, "$switch requires an object as an argument, found: %s",
                       doc_type_name(spec.type));
    }
    query__args_alloc(context, expr, 1);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc;
        if (slice_is(elem.name, "branches")) {
            rc = control_branches_parse(context, elem.value, expr, err);
        } else if (slice_is(elem.name, "default")) {
            rc = query__expr_parse(context, elem.value, &expr->args[expr->args_count - 1], err);
        } else {
            rc = err_set(err, 40067, "$switch found an unknown argument: %.*s",
                         SLICE_FMT(elem.name));
        }
        if (rc < 0) {
            return rc;
        }
    }
    if (expr->args_count == 1) {
        return err_set(err, 40068, "$switch requires at least one branch.");
    }
    return 0;
}

/* A case that is always false goes with its branch; one that is always true ends the list. */
static int control_switch_optimize(struct query_context *context, struct query_expr *expr,
                                   struct err *err)
{
    struct query_expr *fallback = expr->args[expr->args_count - 1];
    uint32_t kept = 0;
    int rc = query__expr_optimize(context, fallback, err);
    bool always = false;
    for (uint32_t i = 0; rc == 0 && !always && i + 2 < expr->args_count; i += 2) {
        struct query_expr *when = expr->args[i];
        rc = query__expr_optimize(context, when, err);
        if (rc == 0 && when->kind == QUERY__EXPR_CONSTANT && !doc_value_truth(when->constant)) {
            continue;
        }
        always = when->kind == QUERY__EXPR_CONSTANT;
        rc = rc < 0 ? rc : query__expr_optimize(context, expr->args[i + 1], err);
        expr->args[kept++] = when;
        expr->args[kept++] = expr->args[i + 1];
    }
    if (rc == 0 && kept == 0 && fallback == NULL) {
        return err_set(err, 40069,
                       "Cannot execute a switch statement where all the cases evaluate "
                       "to false without a default");
    }
    expr->args[kept] = fallback;
    expr->args_count = kept + 1;
    return rc;
}

static int control_switch(const struct query_expr *expr, struct query_eval *eval,
                          struct doc_value *ret_value, struct err *err)
{
    uint32_t last = expr->args_count - 1;
    for (uint32_t i = 0; i < last; i += 2) {
        struct doc_value condition;
        int rc = query_expr_eval(expr->args[i], eval, &condition, err);
        if (rc < 0) {
            return rc;
        }
        if (doc_value_truth(condition)) {
            return query_expr_eval(expr->args[i + 1], eval, ret_value, err);
        }
    }
    if (expr->args[last] == NULL) {
        return err_set(err, 40066,
                       "$switch could not find a matching branch for an input, and no "
                       "default was specified.");
    }
    return query_expr_eval(expr->args[last], eval, ret_value, err);
}

/* ---- $let: args are the variables' values, then `in`; detail is their slots ---- */

static int control_let_vars(struct query_context *context, struct doc_value vars,
                            struct query_expr *expr, struct err *err)
{
    struct doc_iter iter;
    doc_iter_value(&iter, vars);
    struct doc_elem elem;
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        int rc = query_variable_name(elem.name, err);
        if (rc == 0) {
            rc = query__expr_parse(context, elem.value, &expr->args[i], err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    uint32_t *slots = arena_zero(context->arena, expr->args_count, sizeof *slots);
    expr->detail = slots;
    doc_iter_value(&iter, vars);
    while (doc_iter_next(&iter, &elem)) {
        *slots++ = query_scope_push(context, elem.name);
    }
    return 0;
}

static int control_let_check(struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 16874, "$let only supports an object as its argument");
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "vars") && !slice_is(elem.name, "in")) {
            return err_set(err, 16875, "Unrecognized parameter to $let: %.*s",
                           SLICE_FMT(elem.name));
        }
    }
    struct slice doc = doc_value_get_doc(spec);
    if (!doc_value_exists(doc_get_str(doc, "vars"))) {
        return err_set(err, 16876, "Missing 'vars' parameter to $let");
    }
    if (!doc_value_exists(doc_get_str(doc, "in"))) {
        return err_set(err, 16877, "Missing 'in' parameter to $let");
    }
    return 0;
}

static int control_let_parse(struct query_context *context, struct doc_value spec,
                             struct query_expr *expr, struct err *err)
{
    int rc = control_let_check(spec, err);
    if (rc < 0) {
        return rc;
    }
    struct doc_value vars = doc_get_str(doc_value_get_doc(spec), "vars");
    if (vars.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "invalid parameter: expected an object (vars)");
    }
    uint32_t count = (uint32_t)doc_count(doc_value_get_doc(vars));
    query__args_alloc(context, expr, count + 1);
    rc = control_let_vars(context, vars, expr, err);
    if (rc < 0) {
        return rc;
    }
    struct doc_value in = doc_get_str(doc_value_get_doc(spec), "in");
    rc = query__expr_parse(context, in, &expr->args[count], err);
    query_scope_pop(context, count);
    return rc;
}

static int control_let(const struct query_expr *expr, struct query_eval *eval,
                       struct doc_value *ret_value, struct err *err)
{
    const uint32_t *slots = expr->detail;
    uint32_t last = expr->args_count - 1;
    for (uint32_t i = 0; i < last; i++) {
        struct doc_value value;
        int rc = query_expr_eval(expr->args[i], eval, &value, err);
        if (rc < 0) {
            return rc;
        }
        eval->slots[slots[i]] = value;
    }
    return query_expr_eval(expr->args[last], eval, ret_value, err);
}

/* ---- $literal, $rand ---- */

static int control_literal_parse(struct query_context *context, struct doc_value spec,
                                 struct query_expr *expr, struct err *err)
{
    (void)context;
    (void)err;
    *expr = (struct query_expr){.kind = QUERY__EXPR_CONSTANT, .constant = spec};
    return 0;
}

static int control_rand_parse(struct query_context *context, struct doc_value spec,
                              struct query_expr *expr, struct err *err)
{
    (void)context;
    (void)expr;
    bool container = spec.type == DOC_OBJECT || spec.type == DOC_ARRAY;
    if (!container || !doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 3040501, "$rand does not currently accept arguments");
    }
    return 0;
}

static double control_random(struct query_eval *eval)
{
    return (double)(query_random(eval->context) >> 11) * 0x1p-53;
}

static int control_rand(struct query__call *call, struct doc_value *ret_value)
{
    *ret_value = doc_value_double(call->eval->arena, control_random(call->eval));
    return 0;
}

const struct query__op query__ops_control[] = {
    {"$cond", 3, 3, .params = &control_cond_params, .parse = control_cond_parse,
     .eval = control_cond},
    {"$ifNull", 0, -1, .parse = control_if_null_parse, .eval = control_if_null},
    {"$switch", 1, 1, .parse = control_switch_parse, .optimize = control_switch_optimize,
     .eval = control_switch},
    {"$let", 1, 1, .parse = control_let_parse, .eval = control_let},
    {"$literal", 1, 1, .parse = control_literal_parse, .call = NULL},
    {"$const", 1, 1, .parse = control_literal_parse, .call = NULL},
    {"$rand", 0, 0, QUERY__VARIES, .parse = control_rand_parse, .call = control_rand},
    {0},
};
