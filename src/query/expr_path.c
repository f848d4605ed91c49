/* query/expr_path.c - field paths and variables: "$a.b", "$$x.b".
 *
 * "$a" is short for "$$CURRENT.a", and CURRENT is ROOT until a $let says otherwise. Constants of
 * the command ($$NOW, `let`) become constants of the tree. */
#include "query/expr_private.h"

#include <string.h>

int query__path_part_check(struct slice part, struct err *err)
{
    if (part.len == 0) {
        return err_set(err, 15998, "FieldPath field names may not be empty strings.");
    }
    if (part.data[0] == '$') {
        return err_set(err, 16410,
                       "FieldPath field names may not start with '$'. Consider using "
                       "$getField or $setField.");
    }
    if (memchr(part.data, '\0', part.len) != NULL) {
        return err_set(err, 16411, "FieldPath field names may not contain '\\0'.");
    }
    return 0;
}

int query__path_parse(struct query_context *context, struct slice text, struct query_expr *expr,
                      struct err *err)
{
    if (text.len == 0) {
        return err_set(err, 40352, "FieldPath cannot be constructed with empty string");
    }
    if (text.data[text.len - 1] == '.') {
        return err_set(err, 40353, "FieldPath must not end with a '.'.");
    }
    uint32_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == '.';
    }
    if (count > QUERY__PATH_PARTS_MAX) {
        return err_set(err, LT_EOVERFLOW, "FieldPath is too long");
    }
    expr->path = text;
    expr->names = arena_zero(context->arena, count, sizeof(struct slice));
    expr->names_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *dot = memchr(text.data, '.', text.len);
        size_t len = dot == NULL ? text.len : (size_t)(dot - text.data);
        expr->names[i] = slice_of(text.data, len);
        int rc = query__path_part_check(expr->names[i], err);
        if (rc < 0) {
            return rc;
        }
        text = slice_from(text, dot == NULL ? len : len + 1);
    }
    return 0;
}

static bool path_name_char(uint8_t c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static int path_variable_chars(struct slice name, struct err *err)
{
    if (name.len == 0) {
        return err_set(err, LT_EFAILEDTOPARSE, "empty variable names are not allowed");
    }
    uint8_t first = name.data[0];
    if (!path_name_char(first) || first == '_' || (first >= '0' && first <= '9')) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "'%.*s' starts with an invalid character for a variable name",
                       SLICE_FMT(name));
    }
    for (size_t i = 1; i < name.len; i++) {
        if (!path_name_char(name.data[i])) {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "'%.*s' contains an invalid character for a variable name: '%c'",
                           SLICE_FMT(name), name.data[i]);
        }
    }
    return 0;
}

int query_variable_name(struct slice name, struct err *err)
{
    if (slice_is(name, "CURRENT")) {
        return 0;
    }
    int rc = path_variable_chars(name, err);
    if (rc == 0 && name.data[0] >= 'A' && name.data[0] <= 'Z') {
        rc = err_set(err, LT_EFAILEDTOPARSE,
                     "'%.*s' starts with an invalid character for a user variable name",
                     SLICE_FMT(name));
    }
    return rc;
}

/* 1 and a value when the name is a constant of this command, 0 when it is not. */
static int path_constant(struct query_context *context, struct slice name,
                         struct doc_value *ret_value, struct err *err)
{
    if (slice_is(name, "REMOVE")) {
        *ret_value = doc_missing;
        return 1;
    }
    bool clock = slice_is(name, "NOW") || slice_is(name, "CLUSTER_TIME");
    if (clock && context->timeless) {
        return err_set(err, 51144, "Builtin variable '$$%.*s' is not available", SLICE_FMT(name));
    }
    if (slice_is(name, "NOW")) {
        *ret_value = doc_value_date(context->arena, context->now_ms);
        return 1;
    }
    if (slice_is(name, "CLUSTER_TIME")) {
        if (context->cluster_time == 0) {
            return err_set(err, 10071200, "Builtin variable '$$CLUSTER_TIME' is not available");
        }
        *ret_value = doc_value_timestamp(context->arena, (uint32_t)(context->cluster_time >> 32),
                                         (uint32_t)context->cluster_time);
        return 1;
    }
    if (context->let.len > 0) {
        *ret_value = doc_get(context->let, name);
        return doc_value_exists(*ret_value);
    }
    return 0;
}

static int path_variable(struct query_context *context, struct slice name, struct query_expr *expr,
                         struct err *err)
{
    expr->kind = QUERY__EXPR_PATH;
    expr->slot = query__scope_find(context, name);
    if (expr->slot >= 0) {
        return 0;
    }
    if (slice_is(name, "ROOT") || slice_is(name, "CURRENT")) {
        expr->slot = QUERY__ROOT;
        return 0;
    }
    int rc = path_constant(context, name, &expr->constant, err);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0) {
        return err_set(err, 17276, "Use of undefined variable: %.*s", SLICE_FMT(name));
    }
    expr->kind = QUERY__EXPR_CONSTANT;
    return 0;
}

static int path_parse_variable(struct query_context *context, struct slice text,
                               struct query_expr *expr, struct err *err)
{
    const uint8_t *dot = memchr(text.data, '.', text.len);
    size_t len = dot == NULL ? text.len : (size_t)(dot - text.data);
    struct slice name = slice_of(text.data, len);
    int rc = path_variable_chars(name, err);
    if (rc == 0) {
        rc = path_variable(context, name, expr, err);
    }
    if (rc == 0 && dot != NULL) {
        rc = query__path_parse(context, slice_from(text, len + 1), expr, err);
    }
    if (rc == 0 && expr->kind == QUERY__EXPR_CONSTANT) {
        expr->constant =
            query__path_eval(expr->names, expr->names_count, expr->constant, context->arena);
    }
    return rc;
}

int query__parse_string(struct query_context *context, struct doc_value spec,
                        struct query_expr **ret_expr, struct err *err)
{
    struct slice text = doc_value_get_string(spec);
    struct query_expr *expr = query__constant(context, spec);
    *ret_expr = expr;
    if (text.len == 0 || text.data[0] != '$') {
        return 0;
    }
    if (text.len == 1) {
        return err_set(err, 16872, "'$' by itself is not a valid FieldPath");
    }
    if (text.data[1] == '$') {
        return path_parse_variable(context, slice_from(text, 2), expr, err);
    }
    int32_t current = query__scope_find(context, SLICE("CURRENT"));
    expr->kind = QUERY__EXPR_PATH;
    expr->slot = current >= 0 ? current : QUERY__ROOT;
    return query__path_parse(context, slice_from(text, 1), expr, err);
}

static struct doc_value path_eval_array(const struct slice *names, uint32_t count,
                                        struct doc_value array, struct arena *arena)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, array);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_OBJECT) {
            continue;
        }
        struct doc_value reached = query__path_eval(names, count, elem.value, arena);
        if (doc_value_exists(reached)) {
            query__list_add(&list, reached);
        }
    }
    return query__list_end(&list);
}

struct doc_value query__path_eval(const struct slice *names, uint32_t count, struct doc_value value,
                                  struct arena *arena)
{
    for (uint32_t i = 0; i < count; i++) {
        if (value.type == DOC_ARRAY) {
            return path_eval_array(names + i, count - i, value, arena);
        }
        if (value.type != DOC_OBJECT) {
            return doc_missing;
        }
        value = doc_get(doc_value_get_doc(value), names[i]);
    }
    return value;
}
