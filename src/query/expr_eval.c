/* query/expr_eval.c - the value of an expression tree for one document. */
#include "query/expr_private.h"

#include <assert.h>

#include "doc/json.h"

enum { EVAL_ARGS_INLINE = 4 };

static int eval_call(const struct query_expr *expr, struct query_eval *eval,
                     struct doc_value *ret_value, struct err *err)
{
    const struct query__op *op = expr->op;
    if (op->eval != NULL) {
        return op->eval(expr, eval, ret_value, err);
    }
    struct doc_value inline_args[EVAL_ARGS_INLINE];
    struct doc_value *args = inline_args;
    if (expr->args_count > EVAL_ARGS_INLINE) {
        args = arena_alloc(eval->arena, expr->args_count * sizeof *args);
    }
    bool nullish = false;
    for (uint32_t i = 0; i < expr->args_count; i++) {
        int rc = query__arg_eval(expr, i, eval, &args[i], err);
        if (rc < 0) {
            return rc;
        }
        nullish |= expr->args[i] != NULL && doc_value_is_nullish(args[i]);
    }
    if (nullish && (op->flags & QUERY__NULLISH)) {
        *ret_value = doc_null;
        return 0;
    }
    struct query__call call = {expr, args, expr->args_count, eval, err};
    return op->call(&call, ret_value);
}

static int eval_children(const struct query_expr *expr, struct query_eval *eval,
                         struct doc_value *ret_value, struct err *err)
{
    bool named = expr->kind == QUERY__EXPR_OBJECT;
    struct query__list list;
    query__list_begin(&list, eval->arena, named ? DOC_OBJECT : DOC_ARRAY);
    for (uint32_t i = 0; i < expr->args_count; i++) {
        struct doc_value value;
        int rc = query_expr_eval(expr->args[i], eval, &value, err);
        if (rc < 0) {
            return rc;
        }
        if (named) {
            query__list_field(&list, expr->names[i], value);
        } else {
            query__list_add(&list, value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

int query_expr_eval(const struct query_expr *expr, struct query_eval *eval,
                    struct doc_value *ret_value, struct err *err)
{
    switch (expr->kind) {
    case QUERY__EXPR_CONSTANT:
        *ret_value = expr->constant;
        return 0;
    case QUERY__EXPR_PATH: {
        struct doc_value base = expr->slot == QUERY__ROOT ? eval->root : eval->slots[expr->slot];
        *ret_value = query__path_eval(expr->names, expr->names_count, base, eval->arena);
        return 0;
    }
    case QUERY__EXPR_CALL:
        return eval_call(expr, eval, ret_value, err);
    default:
        return eval_children(expr, eval, ret_value, err);
    }
}

int query__arg_eval(const struct query_expr *expr, uint32_t index, struct query_eval *eval,
                    struct doc_value *ret_value, struct err *err)
{
    assert(index < expr->args_count);
    if (expr->args[index] == NULL) {
        *ret_value = doc_missing;
        return 0;
    }
    return query_expr_eval(expr->args[index], eval, ret_value, err);
}

/* ---- building ---- */

void query__list_begin(struct query__list *list, struct arena *arena, uint8_t type)
{
    buf_init(&list->buf, arena);
    list->count = 0;
    list->type = type;
    memset(buf_extend(&list->buf, 4), 0, 4);
}

static void list_put(struct query__list *list, struct slice name, struct doc_value value)
{
    uint8_t *at = buf_extend(&list->buf, 1 + name.len + 1 + value.len);
    *at++ = value.type;
    if (name.len > 0) {
        memcpy(at, name.data, name.len);
    }
    at[name.len] = '\0';
    if (value.len > 0) {
        memcpy(at + name.len + 1, value.data, value.len);
    }
    list->count++;
}

void query__list_add(struct query__list *list, struct doc_value value)
{
    char digits[12];
    char *at = digits + sizeof digits;
    uint32_t index = list->count;
    do {
        *--at = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    size_t len = (size_t)(digits + sizeof digits - at);
    list_put(list, slice_of(at, len), doc_value_exists(value) ? value : doc_null);
}

void query__list_field(struct query__list *list, struct slice name, struct doc_value value)
{
    if (doc_value_exists(value)) {
        list_put(list, name, value);
    }
}

struct doc_value query__list_end(struct query__list *list)
{
    buf_append_byte(&list->buf, 0);
    assert(list->buf.len <= INT32_MAX);
    uint32_t len = (uint32_t)list->buf.len;
    memcpy(list->buf.data, &len, sizeof len);
    return (struct doc_value){list->buf.data, len, list->type};
}

struct doc_value *query__elements(struct arena *arena, struct doc_value array, uint32_t *ret_count)
{
    uint32_t count = (uint32_t)doc_count(doc_value_get_doc(array));
    struct doc_value *elements = arena_alloc(arena, count * sizeof *elements);
    struct doc_iter iter;
    doc_iter_value(&iter, array);
    struct doc_elem elem;
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        elements[i] = elem.value;
    }
    *ret_count = count;
    return elements;
}

/* ---- helpers ---- */

bool query__value_i32(struct doc_value value, int32_t *ret_number)
{
    int64_t number;
    if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, &number) ||
        number < INT32_MIN || number > INT32_MAX) {
        return false;
    }
    *ret_number = (int32_t)number;
    return true;
}

struct slice query__print(struct query_eval *eval, struct doc_value value)
{
    struct buf buf;
    buf_init(&buf, eval->arena);
    if (doc_value_exists(value)) {
        doc_json_write_shell(&buf, value);
    } else {
        buf_append_slice(&buf, SLICE("MISSING"));
    }
    return buf_slice(&buf);
}
