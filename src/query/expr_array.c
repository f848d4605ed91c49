/* query/expr_array.c - taking arrays apart and putting them together. */
#include "doc/compare.h"
#include "query/expr_private.h"

static int array_wrong(struct query__call *call, int code, const char *words,
                       struct doc_value value)
{
    return err_set(call->err, code, "%s's %s, but is %s", call->expr->op->name, words,
                   doc_type_name(value.type));
}

/* ---- $arrayElemAt, $first, $last ---- */

/* Element `index`, from the end when negative; missing when there is none. */
static struct doc_value array_pick(struct doc_value array, int64_t index)
{
    struct slice doc = doc_value_get_doc(array);
    if (index < 0) {
        index += (int64_t)doc_count(doc);
    }
    return index < 0 ? doc_missing : doc_array_at(doc, (size_t)index);
}

static int array_elem_at(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value array = call->args[0];
    struct doc_value index = call->args[1];
    if (array.type != DOC_ARRAY) {
        return array_wrong(call, 28689, "first argument must be an array", array);
    }
    if (!doc_value_is_number(index)) {
        return array_wrong(call, 28690, "second argument must be a numeric value", index);
    }
    int32_t position;
    if (!query__value_i32(index, &position)) {
        return err_set(call->err, 28691,
                       "$arrayElemAt's second argument must be representable as "
                       "a 32-bit integer: %.*s",
                       SLICE_FMT(query__print(call->eval, index)));
    }
    *ret_value = array_pick(array, position);
    return 0;
}

/* variant: the index */
static int array_end(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value array = call->args[0];
    if (array.type != DOC_ARRAY) {
        return array_wrong(call, 28689, "argument must be an array", array);
    }
    *ret_value = array_pick(array, call->expr->op->variant);
    return 0;
}

/* ---- $concatArrays, $reverseArray, $size, $isArray, $in ---- */

static int array_concat(struct query__call *call, struct doc_value *ret_value)
{
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value array = call->args[i];
        if (doc_value_is_nullish(array)) {
            *ret_value = doc_null;
            return 0;
        }
        if (array.type != DOC_ARRAY) {
            return err_set(call->err, 28664, "$concatArrays only supports arrays, not %s",
                           doc_type_name(array.type));
        }
        struct doc_iter iter;
        doc_iter_value(&iter, array);
        struct doc_elem elem;
        while (doc_iter_next(&iter, &elem)) {
            query__list_add(&list, elem.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

static int array_reverse(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 34435,
                       "The argument to $reverseArray must be an array, but was "
                       "of type: %s",
                       doc_type_name(call->args[0].type));
    }
    uint32_t count;
    struct doc_value *elements = query__elements(call->eval->arena, call->args[0], &count);
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    while (count > 0) {
        query__list_add(&list, elements[--count]);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

static int array_size(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 17124,
                       "The argument to $size must be an array, but was of type: "
                       "%s",
                       doc_type_name(call->args[0].type));
    }
    size_t count = doc_count(doc_value_get_doc(call->args[0]));
    *ret_value = doc_value_integer(call->eval->arena, (int64_t)count);
    return 0;
}

static int array_is(struct query__call *call, struct doc_value *ret_value)
{
    *ret_value = doc_value_bool(call->args[0].type == DOC_ARRAY);
    return 0;
}

/* The position of value in the array at or after `from`, before `to`; -1 when it is not there. */
static int64_t array_find(struct doc_value array, struct doc_value value, int64_t from, int64_t to,
                          const struct doc_collation *collation)
{
    struct doc_iter iter;
    doc_iter_value(&iter, array);
    struct doc_elem elem;
    for (int64_t i = 0; i < to && doc_iter_next(&iter, &elem); i++) {
        bool same_side = doc_value_exists(value) == doc_value_exists(elem.value);
        if (i >= from && same_side && doc_equal_by(elem.value, value, collation)) {
            return i;
        }
    }
    return -1;
}

void query__expr_in_by_bytes(struct query_expr *expr)
{
    if (expr->kind != QUERY__EXPR_CALL) {
        return;
    }
    struct slice name = slice_str(expr->op->name);
    if (slice_is(name, "$and") || slice_is(name, "$or")) {
        for (uint32_t i = 0; i < expr->args_count; i++) {
            query__expr_in_by_bytes(expr->args[i]);
        }
    } else if (slice_is(name, "$in") && expr->args[0]->kind == QUERY__EXPR_PATH &&
               expr->args[0]->slot == QUERY__ROOT && expr->args[1]->kind == QUERY__EXPR_CONSTANT) {
        expr->binds[0] = QUERY__IN_BY_BYTES;
    }
}

static int array_in(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[1].type != DOC_ARRAY) {
        return err_set(call->err, 40081, "$in requires an array as a second argument, found: %s",
                       doc_type_name(call->args[1].type));
    }
    const struct doc_collation *collation =
        call->expr->binds[0] == QUERY__IN_BY_BYTES ? NULL : call->eval->context->collation;
    int64_t position = array_find(call->args[1], call->args[0], 0, INT64_MAX, collation);
    *ret_value = doc_value_bool(position >= 0);
    return 0;
}

static int array_bound(struct query__call *call, uint32_t index, int64_t *ret_bound)
{
    if (index >= call->count) {
        return 0;
    }
    struct doc_value value = call->args[index];
    int32_t bound;
    if (!query__value_i32(value, &bound)) {
        return err_set(call->err, 9711600,
                       "%s requires an integral %s index, found a value of "
                       "type: %s, with value: %.*s",
                       call->expr->op->name, index == 2 ? "starting" : "ending",
                       doc_type_name(value.type), SLICE_FMT(query__print(call->eval, value)));
    }
    if (bound < 0) {
        return err_set(call->err, 9711601, "%s requires a nonnegative %s index, found: %d",
                       call->expr->op->name, index == 2 ? "starting" : "ending", bound);
    }
    *ret_bound = bound;
    return 0;
}

static int array_index_of(struct query__call *call, struct doc_value *ret_value)
{
    if (doc_value_is_nullish(call->args[0])) {
        *ret_value = doc_null;
        return 0;
    }
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 40090,
                       "$indexOfArray requires an array as a first argument, "
                       "found: %s",
                       doc_type_name(call->args[0].type));
    }
    int64_t from = 0;
    int64_t to = INT64_MAX;
    int rc = array_bound(call, 2, &from);
    rc = rc < 0 ? rc : array_bound(call, 3, &to);
    if (rc == 0) {
        int64_t position =
            array_find(call->args[0], call->args[1], from, to, call->eval->context->collation);
        *ret_value = doc_value_integer(call->eval->arena, position);
    }
    return rc;
}

/* ---- $slice ---- */

static int array_slice_number(struct query__call *call, uint32_t index, int32_t *ret_number)
{
    struct doc_value value = call->args[index];
    const char *which = index == 1 ? "second" : "third";
    if (!doc_value_is_number(value)) {
        return err_set(call->err, index == 1 ? 28725 : 28727,
                       "%s argument to $slice must be a numeric value, but is of type: %s", which,
                       doc_type_name(value.type));
    }
    if (!query__value_i32(value, ret_number)) {
        return err_set(call->err, index == 1 ? 28726 : 28728,
                       "%s argument to $slice can't be represented as a 32-bit integer: %.*s",
                       which, SLICE_FMT(query__print(call->eval, value)));
    }
    return 0;
}

static int array_slice_bounds(struct query__call *call, int64_t size, int64_t *ret_from,
                              int64_t *ret_to)
{
    int32_t first;
    int32_t count = 0;
    int rc = array_slice_number(call, 1, &first);
    if (rc < 0) {
        return rc;
    }
    if (call->count == 2) {
        *ret_from = first >= 0 ? 0 : size + first;
        *ret_to = first >= 0 ? first : size;
        return 0;
    }
    rc = array_slice_number(call, 2, &count);
    if (rc == 0 && count <= 0) {
        return err_set(call->err, 28729, "third argument to $slice must be positive: %d", count);
    }
    int64_t from = first < 0 ? size + first : first;
    *ret_from = from < 0 ? 0 : from;
    *ret_to = *ret_from + count;
    return rc;
}

static int array_slice(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 28724,
                       "First argument to $slice must be an array, but is of "
                       "type: %s",
                       doc_type_name(call->args[0].type));
    }
    int64_t from = 0;
    int64_t to = 0;
    int64_t size = (int64_t)doc_count(doc_value_get_doc(call->args[0]));
    int rc = array_slice_bounds(call, size, &from, &to);
    if (rc < 0) {
        return rc;
    }
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, call->args[0]);
    struct doc_elem elem;
    for (int64_t i = 0; i < to && doc_iter_next(&iter, &elem); i++) {
        if (i >= from) {
            query__list_add(&list, elem.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $range ---- */

static int array_range_number(struct query__call *call, uint32_t index, int32_t *ret_number)
{
    static const struct {
        const char *what;
        int type_code;
        int value_code;
    } words[] = {{"starting", 34443, 34444}, {"ending", 34445, 34446}, {"step", 34447, 34448}};
    if (index >= call->count) {
        return 0;
    }
    struct doc_value value = call->args[index];
    if (!doc_value_is_number(value)) {
        return err_set(call->err, words[index].type_code,
                       "$range requires a numeric %s value, found value of type: %s",
                       words[index].what, doc_type_name(value.type));
    }
    if (!query__value_i32(value, ret_number)) {
        return err_set(call->err, words[index].value_code,
                       "$range requires a %s value that can be represented as a 32-bit integer, "
                       "found value: %.*s",
                       words[index].what, SLICE_FMT(query__print(call->eval, value)));
    }
    return 0;
}

enum { ARRAY_RANGE_BYTES_MAX = 64 * 1024 * 1024 };

static int array_range(struct query__call *call, struct doc_value *ret_value)
{
    int32_t bounds[3] = {0, 0, 1};
    for (uint32_t i = 0; i < 3; i++) {
        int rc = array_range_number(call, i, &bounds[i]);
        if (rc < 0) {
            return rc;
        }
    }
    if (bounds[2] == 0) {
        return err_set(call->err, 34449, "$range requires a non-zero step value");
    }
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    int64_t step = bounds[2];
    for (int64_t i = bounds[0]; step > 0 ? i < bounds[1] : i > bounds[1]; i += step) {
        int32_t number = (int32_t)i;
        query__list_add(&list, (struct doc_value){(const uint8_t *)&number, 4, DOC_INT32});
        if (list.buf.len > ARRAY_RANGE_BYTES_MAX) {
            return err_set(call->err, LT_EEXCEEDEDMEMORYLIMIT, "$range would use too much memory");
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

const struct query__op query__ops_array[] = {
    {"$arrayElemAt", 2, 2, QUERY__NULLISH, .call = array_elem_at},
    {"$first", 1, 1, QUERY__NULLISH, 0, .call = array_end},
    {"$last", 1, 1, QUERY__NULLISH, -1, .call = array_end},
    {"$concatArrays", 0, -1, .call = array_concat},
    {"$reverseArray", 1, 1, QUERY__NULLISH, .call = array_reverse},
    {"$size", 1, 1, .call = array_size},
    {"$isArray", 1, 1, .call = array_is},
    {"$in", 2, 2, .call = array_in},
    {"$indexOfArray", 2, 4, .call = array_index_of},
    {"$slice", 2, 3, QUERY__NULLISH, .call = array_slice},
    {"$range", 2, 3, .call = array_range},
    {0},
};
