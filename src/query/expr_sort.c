/* query/expr_sort.c - $sortArray, and sorting values. Sorting is stable. */
#include <stdlib.h>

#include "doc/compare.h"
#include "query/expr_private.h"
#include "query/sort.h"

struct sort_item {
    struct doc_value value;
    struct slice key; /* of a document pattern; else empty */
    uint32_t index;
};

struct sort_way {
    int sign;
    const struct doc_collation *collation;
};

static int sort_items(const void *left, const void *right, void *context)
{
    const struct sort_way *way = context;
    const struct sort_item *a = left;
    const struct sort_item *b = right;
    int order = a->key.len > 0 ? slice_compare(a->key, b->key)
                               : way->sign * doc_compare_by(a->value, b->value, way->collation);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

void query__values_sort(const struct query_eval *eval, struct doc_value *values, uint32_t count,
                        int sign)
{
    struct sort_way way = {sign, eval->context->collation};
    struct sort_item *items = arena_zero(eval->arena, count, sizeof *items);
    for (uint32_t i = 0; i < count; i++) {
        items[i].value = values[i];
        items[i].index = i;
    }
    qsort_r(items, count, sizeof *items, sort_items, &way);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = items[i].value;
    }
}

/* ---- $sortArray: args[0] is input; detail a pattern, or NULL and binds[0] the sign ---- */

static int sort_by_parse(struct query_context *context, struct doc_value by,
                         struct query_expr *expr, struct err *err)
{
    if (by.type == DOC_OBJECT) {
        struct query_sort *sort = NULL;
        int rc = query_sort_parse(context, doc_value_get_doc(by), &sort, err);
        expr->detail = sort;
        return rc;
    }
    int32_t sign;
    if (!query__value_i32(by, &sign) || (sign != 1 && sign != -1)) {
        return err_set(err, 2942507,
                       "The $sortArray 'sortBy' parameter must be an object or 1 or "
                       "-1");
    }
    expr->binds[0] = sign;
    return 0;
}

static int sort_parse(struct query_context *context, struct doc_value spec, struct query_expr *expr,
                      struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 2942500, "$sortArray requires an object as an argument, found: %s",
                       doc_type_name(spec.type));
    }
    query__args_alloc(context, expr, 1);
    bool by = false;
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "input")) {
            rc = query__expr_parse(context, elem.value, &expr->args[0], err);
        } else if (slice_is(elem.name, "sortBy")) {
            by = true;
            rc = sort_by_parse(context, elem.value, expr, err);
        } else {
            rc = err_set(err, 2942501, "$sortArray found an unknown argument: %.*s",
                         SLICE_FMT(elem.name));
        }
    }
    if (rc == 0 && expr->args[0] == NULL) {
        rc = err_set(err, 2942502, "$sortArray requires 'input' to be specified");
    }
    if (rc == 0 && !by) {
        rc = err_set(err, 2942503, "$sortArray requires 'sortBy' to be specified");
    }
    return rc;
}

static int sort_by_pattern(struct query__call *call, struct doc_value *values, uint32_t count)
{
    struct sort_item *items = arena_zero(call->eval->arena, count, sizeof *items);
    for (uint32_t i = 0; i < count; i++) {
        struct buf key;
        buf_init(&key, call->eval->arena);
        struct doc_value doc = values[i].type == DOC_OBJECT ? values[i] : doc_empty_object;
        int rc =
            query_sort_key(call->expr->detail, call->eval, doc_value_get_doc(doc), &key, call->err);
        if (rc < 0) {
            return rc;
        }
        items[i] = (struct sort_item){values[i], buf_slice(&key), i};
    }
    struct sort_way way = {1, NULL};
    qsort_r(items, count, sizeof *items, sort_items, &way);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = items[i].value;
    }
    return 0;
}

static int sort_array(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 2942504,
                       "The input argument to $sortArray must be an array, but "
                       "was of type: %s",
                       doc_type_name(call->args[0].type));
    }
    struct arena *arena = call->eval->arena;
    uint32_t count;
    struct doc_value *values = query__elements(arena, call->args[0], &count);
    if (call->expr->detail != NULL) {
        int rc = sort_by_pattern(call, values, count);
        if (rc < 0) {
            return rc;
        }
    } else {
        query__values_sort(call->eval, values, count, call->expr->binds[0]);
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (uint32_t i = 0; i < count; i++) {
        query__list_add(&list, values[i]);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

const struct query__op query__ops_sort[] = {
    {"$sortArray", 1, 1, QUERY__NULLISH, .call = sort_array, .parse = sort_parse},
    {0},
};
