/* query/update_array.c - the operators on arrays.
 *
 * An array is taken apart into a list of values, changed, and built again. $push inserts, then
 * sorts, then slices, whatever order the modifiers were written in. */
#include <stdlib.h>

#include "doc/compare.h"
#include "doc/path.h"
#include "doc/view.h"
#include "query/set.h"
#include "query/sort.h"
#include "query/update_private.h"

struct array_list {
    struct doc_value *items;
    size_t count;
    size_t cap;
};

struct array_push {
    struct slice each; /* array of what to add */
    int64_t slice;     /* what to keep: the first, or the last when negative */
    int64_t position;  /* where to insert; counts from the end when negative */
    bool has_slice;
    bool has_position;
    struct query_sort *sort; /* by fields */
    int direction;           /* whole elements: 1, -1, or 0 for no sort */
};

static void array_append(struct arena *arena, struct array_list *list, struct doc_value value)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        struct doc_value *items = arena_alloc(arena, cap * sizeof *items);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = value;
}

static void array_load(struct arena *arena, struct array_list *list, struct slice array)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        array_append(arena, list, elem.value);
    }
}

static struct doc_value array_build(struct arena *arena, const struct array_list *list)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    doc_build_begin_array(&builder, &buf);
    for (size_t i = 0; i < list->count; i++) {
        doc_build_value(&builder, SLICE(""), list->items[i]);
    }
    return doc_value_array(doc_build_end(&builder));
}

static int array_wanted(const struct update_op *op, struct update_run *run, struct doc_value old)
{
    if (!doc_value_exists(old) || old.type == DOC_ARRAY) {
        return 0;
    }
    return err_set(run->err, LT_EBADVALUE,
                   "The field '%.*s' must be an array but is of type %s in document",
                   SLICE_FMT(op->path.text), doc_type_name(old.type));
}

/* ---- $push ---- */

static bool array_int(struct doc_value value, int64_t *ret_number)
{
    bool number = value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
                  value.type == DOC_DECIMAL;
    return number && doc_value_to_i64_exact(value, ret_number);
}

static int array_push_sort(struct query_context *context, struct array_push *push,
                           struct doc_value spec, struct err *err)
{
    if (spec.type == DOC_OBJECT) {
        if (doc_is_empty(doc_value_get_doc(spec))) {
            return err_set(err, LT_EBADVALUE,
                           "The $sort pattern is empty when it should be a set of fields.");
        }
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, spec);
        while (doc_iter_next(&iter, &elem)) {
            int64_t way = 0;
            if (!array_int(elem.value, &way) || (way != 1 && way != -1)) {
                return err_set(err, LT_EBADVALUE, "The $sort element value must be either 1 or -1");
            }
            struct doc_path path;
            int rc = doc_path_parse(context->arena, elem.name, &path, err);
            if (rc < 0) {
                return rc;
            }
            if (doc_path_has_empty_part(&path)) {
                return err_set(err, LT_EBADVALUE,
                               "The $sort field is a dotted field but has an empty part: %.*s",
                               SLICE_FMT(elem.name));
            }
        }
        return query_sort_parse(context, doc_value_get_doc(spec), &push->sort, err);
    }
    int64_t way = 0;
    if (!array_int(spec, &way) || (way != 1 && way != -1)) {
        return err_set(
            err, LT_EBADVALUE,
            "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to "
            "sort embedded fields");
    }
    push->direction = (int)way;
    return 0;
}

static int array_push_clause(struct query_context *context, struct array_push *push,
                             struct doc_elem clause, struct err *err)
{
    if (slice_is(clause.name, "$each")) {
        if (clause.value.type != DOC_ARRAY) {
            return err_set(err, LT_EBADVALUE,
                           "The argument to $each in $push must be an array but it was of type: %s",
                           doc_type_name(clause.value.type));
        }
        push->each = doc_value_get_doc(clause.value);
        return 0;
    }
    if (slice_is(clause.name, "$slice")) {
        push->has_slice = true;
        if (!array_int(clause.value, &push->slice)) {
            return err_set(err, LT_EBADVALUE,
                           "The value for $slice must be an integer value but was given type: %s",
                           doc_type_name(clause.value.type));
        }
        return 0;
    }
    if (slice_is(clause.name, "$position")) {
        push->has_position = true;
        if (!array_int(clause.value, &push->position)) {
            return err_set(err, LT_EBADVALUE,
                           "The value for $position must be an integer value, not of type: %s",
                           doc_type_name(clause.value.type));
        }
        return 0;
    }
    if (slice_is(clause.name, "$sort")) {
        return array_push_sort(context, push, clause.value, err);
    }
    return err_set(err, LT_EBADVALUE, "Unrecognized clause in $push: %.*s", SLICE_FMT(clause.name));
}

int query__update_push_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    struct array_push *push = arena_zero(context->arena, 1, sizeof *push);
    op->detail = push;
    if (op->operand.type != DOC_OBJECT ||
        !doc_value_exists(doc_get_str(doc_value_get_doc(op->operand), "$each"))) {
        struct array_list one = {0};
        array_append(context->arena, &one, op->operand);
        push->each = doc_value_get_doc(array_build(context->arena, &one));
        return 0;
    }
    struct doc_iter iter;
    struct doc_elem clause;
    doc_iter_value(&iter, op->operand);
    while (doc_iter_next(&iter, &clause)) {
        int rc = array_push_clause(context, push, clause, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

struct array_way {
    int direction;
    const struct doc_collation *collation;
};

struct array_keyed {
    struct doc_value value;
    struct slice key;
    size_t place;
};

static int array_key_order(const void *a, const void *b, void *context)
{
    (void)context;
    const struct array_keyed *x = a;
    const struct array_keyed *y = b;
    int order = slice_compare(x->key, y->key);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int array_value_order(const void *a, const void *b, void *context)
{
    const struct array_keyed *x = a;
    const struct array_keyed *y = b;
    const struct array_way *way = context;
    int order = way->direction * doc_compare_by(x->value, y->value, way->collation);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int array_sort(const struct array_push *push, struct update_run *run,
                      struct array_list *list)
{
    struct arena *arena = run->eval->arena;
    struct array_keyed *keyed = arena_zero(arena, list->count, sizeof *keyed);
    for (size_t i = 0; i < list->count; i++) {
        keyed[i].value = list->items[i];
        keyed[i].place = i;
        if (push->sort != NULL) {
            struct doc_value value = list->items[i];
            struct slice doc =
                doc_value_get_doc(value.type == DOC_OBJECT ? value : doc_empty_object);
            struct buf key;
            buf_init(&key, arena);
            int rc = query_sort_key(push->sort, run->eval, doc, &key, run->err);
            if (rc < 0) {
                return rc;
            }
            keyed[i].key = buf_slice(&key);
        }
    }
    struct array_way way = {push->direction, run->eval->context->collation};
    qsort_r(keyed, list->count, sizeof *keyed,
            push->sort != NULL ? array_key_order : array_value_order, &way);
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = keyed[i].value;
    }
    return 0;
}

static void array_slice(struct array_list *list, int64_t keep)
{
    if (keep >= 0) {
        if ((uint64_t)keep < list->count) {
            list->count = (size_t)keep;
        }
        return;
    }
    uint64_t last = 0 - (uint64_t)keep;
    if (last < list->count) {
        list->items += list->count - last;
        list->count = last;
    }
}

int query__update_push(const struct update_op *op, struct update_run *run, struct doc_value old,
                       struct doc_value *ret_value)
{
    const struct array_push *push = op->detail;
    int rc = array_wanted(op, run, old);
    if (rc < 0) {
        return rc;
    }
    struct arena *arena = run->eval->arena;
    struct array_list before = {0};
    struct array_list list = {0};
    if (doc_value_exists(old)) {
        array_load(arena, &before, doc_value_get_doc(old));
    }
    int64_t count = (int64_t)before.count;
    int64_t at = push->has_position ? push->position : count;
    if (at < 0) {
        at = at < -count ? 0 : count + at;
    }
    at = at > count ? count : at;
    for (int64_t i = 0; i < at; i++) {
        array_append(arena, &list, before.items[i]);
    }
    array_load(arena, &list, push->each);
    for (int64_t i = at; i < count; i++) {
        array_append(arena, &list, before.items[i]);
    }
    if ((push->sort != NULL || push->direction != 0) && list.count > 0) {
        rc = array_sort(push, run, &list);
        if (rc < 0) {
            return rc;
        }
    }
    if (push->has_slice) {
        array_slice(&list, push->slice);
    }
    *ret_value = array_build(arena, &list);
    return 0;
}

/* ---- $addToSet ---- */

int query__update_add_to_set_parse(struct query_context *context, struct update_op *op,
                                   struct err *err)
{
    struct slice *each = arena_zero(context->arena, 1, sizeof *each);
    op->detail = each;
    if (op->operand.type == DOC_OBJECT) {
        struct doc_elem first = doc_first(doc_value_get_doc(op->operand));
        if (slice_is(first.name, "$each")) {
            if (first.value.type != DOC_ARRAY) {
                return err_set(err, LT_ETYPEMISMATCH,
                               "The argument to $each in $addToSet must be an array but it was of "
                               "type %s",
                               doc_type_name(first.value.type));
            }
            if (doc_count(doc_value_get_doc(op->operand)) > 1) {
                return err_set(err, LT_EBADVALUE,
                               "Found unexpected fields after $each in $addToSet");
            }
            *each = doc_value_get_doc(first.value);
            return 0;
        }
    }
    struct array_list one = {0};
    array_append(context->arena, &one, op->operand);
    *each = doc_value_get_doc(array_build(context->arena, &one));
    return 0;
}

int query__update_add_to_set(const struct update_op *op, struct update_run *run,
                             struct doc_value old, struct doc_value *ret_value)
{
    int rc = array_wanted(op, run, old);
    if (rc < 0) {
        return rc;
    }
    struct arena *arena = run->eval->arena;
    struct array_list list = {0};
    struct query__set set;
    query__set_init(&set, arena, run->eval->context->collation);
    if (doc_value_exists(old)) {
        array_load(arena, &list, doc_value_get_doc(old));
        query__set_add_all(&set, old);
    }
    size_t before = list.count;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, *(const struct slice *)op->detail);
    while (doc_iter_next(&iter, &elem)) {
        if (query__set_add(&set, elem.value, NULL)) {
            array_append(arena, &list, elem.value);
        }
    }
    bool same = doc_value_exists(old) && list.count == before;
    *ret_value = same ? old : array_build(arena, &list);
    return 0;
}

/* ---- $pop ---- */

int query__update_pop_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    (void)context;
    int64_t way = 0;
    if (!array_int(op->operand, &way) || (way != 1 && way != -1)) {
        return err_set(err, LT_EFAILEDTOPARSE, "$pop expects 1 or -1, found type %s in: %.*s",
                       doc_type_name(op->operand.type), SLICE_FMT(op->path.text));
    }
    return 0;
}

int query__update_pop(const struct update_op *op, struct update_run *run, struct doc_value old,
                      struct doc_value *ret_value)
{
    if (!doc_value_exists(old)) {
        *ret_value = doc_missing;
        return 0;
    }
    if (old.type != DOC_ARRAY) {
        return err_set(run->err, LT_ETYPEMISMATCH,
                       "Path '%.*s' contains an element of non-array type '%s'",
                       SLICE_FMT(op->path.text), doc_type_name(old.type));
    }
    int64_t way = 0;
    struct array_list list = {0};
    array_load(run->eval->arena, &list, doc_value_get_doc(old));
    array_int(op->operand, &way);
    if (list.count > 0) {
        list.count--;
        list.items += way < 0;
    }
    *ret_value = array_build(run->eval->arena, &list);
    return 0;
}

/* ---- $pull, $pullAll ---- */

/* How a condition looks at an element. */
struct array_pull {
    struct query_match *match; /* NULL: equality with the operand */
    bool on_document;          /* the element is the document; else it stands under "" */
};

int query__update_pull_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    struct array_pull *pull = arena_zero(context->arena, 1, sizeof *pull);
    op->detail = pull;
    if (op->operand.type == DOC_OBJECT && !query_match_is_operators(op->operand)) {
        pull->on_document = true;
        return query_match_parse(context, doc_value_get_doc(op->operand), &pull->match, err);
    }
    if (op->operand.type != DOC_OBJECT && op->operand.type != DOC_REGEX) {
        return 0;
    }
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, context->arena);
    doc_build_begin(&builder, &buf);
    doc_build_value(&builder, SLICE(""), op->operand);
    return query_match_parse(context, doc_build_end(&builder), &pull->match, err);
}

static int array_pulls(const struct update_op *op, struct update_run *run, struct doc_value value)
{
    const struct array_pull *pull = op->detail;
    if (pull->match == NULL) {
        return doc_equal_by(value, op->operand, run->eval->context->collation);
    }
    if (!pull->on_document) {
        return query_match_value(pull->match, run->eval, SLICE(""), value, run->err);
    }
    return value.type != DOC_OBJECT
               ? 0
               : query_match_doc(pull->match, run->eval, doc_value_get_doc(value), NULL, run->err);
}

/* The array without what the condition or the list picks. */
static int array_cull(const struct update_op *op, struct update_run *run, struct doc_value old,
                      struct doc_value *ret_value)
{
    bool all = op->detail == NULL;
    struct query__set set;
    if (!doc_value_exists(old)) {
        *ret_value = doc_missing;
        return 0;
    }
    if (old.type != DOC_ARRAY) {
        return err_set(run->err, LT_EBADVALUE, "Cannot apply %s to a non-array value",
                       op->kind->name);
    }
    if (all) {
        query__set_init(&set, run->eval->arena, run->eval->context->collation);
        query__set_add_all(&set, op->operand);
    }
    struct array_list list = {0};
    bool dropped = false;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, old);
    while (doc_iter_next(&iter, &elem)) {
        int rc = all ? query__set_has(&set, elem.value) : array_pulls(op, run, elem.value);
        if (rc < 0) {
            return rc;
        }
        if (rc == 1) {
            dropped = true;
        } else {
            array_append(run->eval->arena, &list, elem.value);
        }
    }
    *ret_value = dropped ? array_build(run->eval->arena, &list) : old;
    return 0;
}

int query__update_pull(const struct update_op *op, struct update_run *run, struct doc_value old,
                       struct doc_value *ret_value)
{
    assert(op->detail != NULL);
    return array_cull(op, run, old, ret_value);
}

int query__update_pull_all_parse(struct query_context *context, struct update_op *op,
                                 struct err *err)
{
    (void)context;
    if (op->operand.type != DOC_ARRAY) {
        return err_set(err, LT_EBADVALUE, "$pullAll requires an array argument but was given a %s",
                       doc_type_name(op->operand.type));
    }
    return 0;
}

int query__update_pull_all(const struct update_op *op, struct update_run *run, struct doc_value old,
                           struct doc_value *ret_value)
{
    assert(op->detail == NULL);
    return array_cull(op, run, old, ret_value);
}
