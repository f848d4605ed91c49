/* query/expr.c - from BSON to an expression tree.
 *
 * A string "$a.b" is a path, "$$x.b" a path below a variable, a document whose first field begins
 * with "$" calls an operator, other documents and arrays hold expressions, all else is itself. A
 * node whose parts are all constant is evaluated after parsing and becomes a constant; an error
 * then is the parse's error, as in MongoDB. */
#include "query/expr_private.h"

#include <assert.h>

struct query_expr *query__constant(struct query_context *context, struct doc_value value)
{
    struct query_expr *expr = arena_zero(context->arena, 1, sizeof *expr);
    expr->kind = QUERY__EXPR_CONSTANT;
    expr->constant = value;
    return expr;
}

void query__args_alloc(struct query_context *context, struct query_expr *expr, uint32_t count)
{
    expr->args_count = count;
    expr->args = arena_zero(context->arena, count, sizeof(struct query_expr *));
}

bool query__is_operator(struct doc_value spec)
{
    if (spec.type != DOC_OBJECT) {
        return false;
    }
    struct slice name = doc_first(doc_value_get_doc(spec)).name;
    return name.len > 0 && name.data[0] == '$';
}

/* ---- folding ---- */

static bool expr_is_constant(const struct query_expr *expr)
{
    if (expr->kind == QUERY__EXPR_PATH) {
        return false;
    }
    if (expr->kind == QUERY__EXPR_CALL && (expr->op->flags & QUERY__VARIES)) {
        return false;
    }
    for (uint32_t i = 0; i < expr->args_count; i++) {
        if (expr->args[i] != NULL && expr->args[i]->kind != QUERY__EXPR_CONSTANT) {
            return false;
        }
    }
    return true;
}

static int expr_fold(struct query_context *context, struct query_expr *expr, struct err *err)
{
    if (expr->kind == QUERY__EXPR_CONSTANT || !expr_is_constant(expr)) {
        return 0;
    }
    struct query_eval eval;
    query_eval_init(&eval, context, context->arena);
    struct doc_value value;
    int rc = query_expr_eval(expr, &eval, &value, err);
    if (rc == 0) {
        *expr = (struct query_expr){.kind = QUERY__EXPR_CONSTANT, .constant = value};
    }
    return rc;
}

int query__expr_optimize(struct query_context *context, struct query_expr *expr, struct err *err)
{
    if (expr == NULL) {
        return 0;
    }
    int rc = 0;
    if (expr->kind == QUERY__EXPR_CALL && expr->op->optimize != NULL) {
        rc = expr->op->optimize(context, expr, err);
    } else {
        for (uint32_t i = 0; rc == 0 && i < expr->args_count; i++) {
            rc = query__expr_optimize(context, expr->args[i], err);
        }
    }
    return rc < 0 ? rc : expr_fold(context, expr, err);
}

/* ---- operators ---- */

static int expr_check_count(const struct query__op *op, uint32_t count, struct err *err)
{
    bool few = count < (uint32_t)op->args_min;
    bool many = op->args_max >= 0 && count > (uint32_t)op->args_max;
    if (!few && !many) {
        return 0;
    }
    if (op->args_min == op->args_max) {
        return err_set(err, 16020, "Expression %s takes exactly %d arguments. %u were passed in.",
                       op->name, op->args_min, count);
    }
    if (op->args_max < 0) {
        return err_set(err, 16020, "Expression %s takes at least %d arguments. %u were passed in.",
                       op->name, op->args_min, count);
    }
    return err_set(err, 28667,
                   "Expression %s takes at least %d arguments, and at most %d, but %u were passed "
                   "in.",
                   op->name, op->args_min, op->args_max, count);
}

int query__parse_args(struct query_context *context, struct doc_value spec, struct query_expr *expr,
                      struct err *err)
{
    if (spec.type != DOC_ARRAY || (expr->op->flags & QUERY__ONE)) {
        query__args_alloc(context, expr, 1);
        int rc = expr_check_count(expr->op, 1, err);
        return rc < 0 ? rc : query__expr_parse(context, spec, &expr->args[0], err);
    }
    struct slice array = doc_value_get_doc(spec);
    query__args_alloc(context, expr, (uint32_t)doc_count(array));
    int rc = expr_check_count(expr->op, expr->args_count, err);
    struct doc_iter iter;
    doc_iter_init(&iter, array);
    struct doc_elem elem;
    for (uint32_t i = 0; rc == 0 && doc_iter_next(&iter, &elem); i++) {
        rc = query__expr_parse(context, elem.value, &expr->args[i], err);
    }
    return rc;
}

static int params_index(const struct query__params *params, struct slice name)
{
    for (int i = 0; params->list[i].name != NULL; i++) {
        if (slice_is(name, params->list[i].name)) {
            return i;
        }
    }
    return -1;
}

int query__parse_params(struct query_context *context, struct doc_value spec,
                        struct query_expr *expr, struct err *err)
{
    const struct query__params *params = expr->op->params;
    const char *op = expr->op->name;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, params->object_code, "%s only supports an object as its argument", op);
    }
    uint32_t count = 0;
    while (params->list[count].name != NULL) {
        count++;
    }
    query__args_alloc(context, expr, count);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int index = params_index(params, elem.name);
        if (index < 0) {
            return err_set(err, params->unknown_code, "Unrecognized argument to %s: %.*s", op,
                           SLICE_FMT(elem.name));
        }
        int rc = query__expr_parse(context, elem.value, &expr->args[index], err);
        if (rc < 0) {
            return rc;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (expr->args[i] == NULL && params->list[i].missing_code != 0) {
            return err_set(err, params->list[i].missing_code, "Missing '%s' parameter to %s",
                           params->list[i].name, op);
        }
    }
    return 0;
}

static int expr_parse_call(struct query_context *context, struct doc_value spec,
                           struct query_expr **ret_expr, struct err *err)
{
    struct slice doc = doc_value_get_doc(spec);
    struct doc_elem elem = doc_first(doc);
    size_t count = doc_count(doc);
    if (count != 1) {
        return err_set(err, 15983,
                       "an object representing an expression must have exactly one field, but has "
                       "%zu",
                       count);
    }
    const struct query__op *op = query__op_find(elem.name);
    if (op == NULL) {
        return err_set(err, LT_EINVALIDPIPELINEOPERATOR, "Unrecognized expression '%.*s'",
                       SLICE_FMT(elem.name));
    }
    struct query_expr *expr = arena_zero(context->arena, 1, sizeof *expr);
    expr->kind = QUERY__EXPR_CALL;
    expr->op = op;
    int rc;
    if (op->parse != NULL) {
        rc = op->parse(context, elem.value, expr, err);
    } else if (op->params != NULL) {
        rc = query__parse_params(context, elem.value, expr, err);
    } else {
        rc = query__parse_args(context, elem.value, expr, err);
    }
    *ret_expr = expr;
    return rc;
}

/* ---- objects and arrays ---- */

int query__field_name(struct slice name, struct err *err)
{
    if (name.len == 0) {
        return err_set(err, 15998, "FieldPath field names may not be empty strings.");
    }
    if (name.data[0] == '$') {
        return err_set(err, 16410,
                       "FieldPath field names may not start with '$'. Consider using "
                       "$getField or $setField.");
    }
    if (memchr(name.data, '.', name.len) != NULL) {
        return err_set(err, 16412,
                       "FieldPath field names may not contain '.'. Consider using "
                       "$getField or $setField.");
    }
    return 0;
}

static int expr_parse_children(struct query_context *context, struct doc_value spec,
                               struct query_expr **ret_expr, struct err *err)
{
    bool named = spec.type == DOC_OBJECT;
    struct query_expr *expr = arena_zero(context->arena, 1, sizeof *expr);
    expr->kind = named ? QUERY__EXPR_OBJECT : QUERY__EXPR_ARRAY;
    query__args_alloc(context, expr, (uint32_t)doc_count(doc_value_get_doc(spec)));
    expr->names = arena_zero(context->arena, expr->args_count, sizeof(struct slice));
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        int rc = named ? query__field_name(elem.name, err) : 0;
        if (rc == 0) {
            rc = query__expr_parse(context, elem.value, &expr->args[i], err);
        }
        if (rc < 0) {
            return rc;
        }
        expr->names[i] = elem.name;
    }
    *ret_expr = expr;
    return 0;
}

static int expr_parse_kind(struct query_context *context, struct doc_value spec,
                           struct query_expr **ret_expr, struct err *err)
{
    if (spec.type == DOC_STRING) {
        return query__parse_string(context, spec, ret_expr, err);
    }
    if (query__is_operator(spec)) {
        return expr_parse_call(context, spec, ret_expr, err);
    }
    if (spec.type == DOC_OBJECT || spec.type == DOC_ARRAY) {
        return expr_parse_children(context, spec, ret_expr, err);
    }
    *ret_expr = query__constant(context, spec);
    return 0;
}

int query__expr_parse(struct query_context *context, struct doc_value spec,
                      struct query_expr **ret_expr, struct err *err)
{
    if (context->depth >= QUERY__DEPTH_MAX) {
        return err_set(err, LT_EOVERFLOW, "expression is nested too deeply");
    }
    struct query_expr *expr = NULL;
    context->depth++;
    int rc = expr_parse_kind(context, spec, &expr, err);
    context->depth--;
    if (rc == 0) {
        *ret_expr = expr;
    }
    return rc;
}

int query_expr_parse(struct query_context *context, struct doc_value spec,
                     struct query_expr **ret_expr, struct err *err)
{
    struct query_expr *expr = NULL;
    int rc = query__expr_parse(context, spec, &expr, err);
    if (rc == 0) {
        rc = query__expr_optimize(context, expr, err);
    }
    if (rc == 0) {
        *ret_expr = expr;
    }
    return rc;
}

const struct doc_value *query_expr_constant(const struct query_expr *expr)
{
    return expr->kind == QUERY__EXPR_CONSTANT ? &expr->constant : NULL;
}

void query_expr_fields(const struct query_expr *expr, void (*cb)(void *, struct slice),
                       void *cb_context)
{
    if (expr == NULL) {
        return;
    }
    if (expr->kind == QUERY__EXPR_PATH && expr->slot == QUERY__ROOT) {
        cb(cb_context, expr->path);
    }
    for (uint32_t i = 0; i < expr->args_count; i++) {
        query_expr_fields(expr->args[i], cb, cb_context);
    }
}
