/* query/accumulate.c - the table of accumulators. */
#include "query/accumulate_private.h"

#include <math.h>

#include "doc/compare.h"
#include "query/expr_private.h"

/* ---- numbers ---- */

static int accumulate_sum(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)err;
    query__sum_add(&work->state->sum, value);
    return 0;
}

static struct doc_value accumulate_sum_result(struct query__accumulate *work)
{
    return query__sum_value(&work->state->sum, work->eval->arena);
}

static struct doc_value accumulate_avg_result(struct query__accumulate *work)
{
    return query__sum_mean(&work->state->sum, work->eval->arena);
}

static int accumulate_count(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)value;
    (void)err;
    work->state->count++;
    return 0;
}

static struct doc_value accumulate_count_result(struct query__accumulate *work)
{
    return doc_value_integer(work->eval->arena, (int64_t)work->state->count);
}

static int accumulate_deviation(struct query__accumulate *work, struct doc_value value,
                                struct err *err)
{
    (void)err;
    struct query__accumulator_state *state = work->state;
    if (doc_value_is_number(value)) {
        double number = doc_value_to_double(value);
        double delta = number - state->mean;
        state->mean += delta / (double)++state->count;
        state->squares += delta * (number - state->mean);
    }
    return 0;
}

/* sign -1: of a sample */
static struct doc_value accumulate_deviation_result(struct query__accumulate *work)
{
    const struct query__accumulator_state *state = work->state;
    uint64_t divisor = state->count;
    if (work->accumulator->op->sign < 0 && divisor > 0) {
        divisor--;
    }
    return divisor == 0
               ? doc_null
               : doc_value_double(work->eval->arena, sqrt(state->squares / (double)divisor));
}

/* ---- one value ---- */

/* The room grows by doubling: what is left behind stays in proportion. */
uint8_t *query__room_copy(struct arena *hold, struct query__room *room, struct slice bytes)
{
    if (bytes.len > room->size || room->bytes == NULL) {
        room->size = bytes.len > 2 * room->size ? bytes.len : 2 * room->size;
        room->bytes = arena_alloc(hold, room->size);
    }
    if (bytes.len > 0) {
        memmove(room->bytes, bytes.data, bytes.len);
    }
    return room->bytes;
}

static void accumulate_replace(struct query__accumulate *work, struct doc_value value)
{
    struct slice bytes = slice_of(value.data, value.len);
    value.data = query__room_copy(work->hold, &work->state->room, bytes);
    work->state->value = value;
    work->state->seen = true;
}

/* $first (sign 1) and $last */
static int accumulate_end(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)err;
    if (!work->state->seen || work->accumulator->op->sign < 0) {
        accumulate_replace(work, doc_value_exists(value) ? value : doc_null);
    }
    return 0;
}

/* $max (sign 1) and $min */
static int accumulate_extreme(struct query__accumulate *work, struct doc_value value,
                              struct err *err)
{
    (void)err;
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    int sign = work->accumulator->op->sign;
    if (!work->state->seen ||
        sign * doc_compare_by(value, work->state->value, work->eval->context->collation) > 0) {
        accumulate_replace(work, value);
    }
    return 0;
}

static struct doc_value accumulate_value_result(struct query__accumulate *work)
{
    return work->state->seen ? work->state->value : doc_null;
}

static int accumulate_merge(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (value.type != DOC_OBJECT) {
        return err_set(err, 5911200,
                       "$mergeObjects requires object inputs, but input %.*s is of "
                       "type %s",
                       SLICE_FMT(query__print(work->eval, value)), doc_type_name(value.type));
    }
    struct doc_value old = work->state->seen ? work->state->value : doc_empty_object;
    accumulate_replace(work, query__object_merge(work->eval->arena, doc_value_get_doc(old),
                                                 doc_value_get_doc(value)));
    return 0;
}

static struct doc_value accumulate_merge_result(struct query__accumulate *work)
{
    return work->state->seen ? work->state->value : doc_empty_object;
}

/* ---- many values ---- */

static struct query__accumulated *accumulate_keep(struct query__accumulate *work,
                                                  struct doc_value value)
{
    struct query__accumulated *item = work->state->spare;
    if (item == NULL) {
        item = arena_zero(work->hold, 1, sizeof *item);
    } else {
        work->state->spare = item->next;
        item->next = NULL;
    }
    struct slice bytes = slice_of(value.data, value.len);
    value.data = query__room_copy(work->hold, &item->value_room, bytes);
    item->value = value;
    return item;
}

static void accumulate_drop(struct query__accumulator_state *state, struct query__accumulated *item)
{
    item->next = state->spare;
    state->spare = item;
}

static void accumulate_append(struct query__accumulator_state *state,
                              struct query__accumulated *item)
{
    if (state->last == NULL) {
        state->first = item;
    } else {
        state->last->next = item;
    }
    state->last = item;
    state->count++;
}

static void accumulate_push_one(struct query__accumulate *work, struct doc_value value)
{
    accumulate_append(work->state, accumulate_keep(work, value));
}

static int accumulate_push(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)err;
    if (doc_value_exists(value)) {
        accumulate_push_one(work, value);
    }
    return 0;
}

static struct doc_value accumulate_list_result(struct query__accumulate *work)
{
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    const struct query__accumulated *item = work->state->first;
    for (; item != NULL; item = item->next) {
        query__list_add(&list, item->value);
    }
    return query__list_end(&list);
}

static void accumulate_set_one(struct query__accumulate *work, struct doc_value value)
{
    struct query__set *set = &work->state->set;
    uint32_t number;
    if (query__set_add(set, value, &number)) {
        set->values[number] = doc_value_copy(work->hold, value);
    }
}

static int accumulate_set(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)err;
    if (doc_value_exists(value)) {
        accumulate_set_one(work, value);
    }
    return 0;
}

/* An accumulator of arrays: every element of value to add; nothing for a missing value. */
static int accumulate_each(struct query__accumulate *work, struct doc_value value,
                           void (*add)(struct query__accumulate *, struct doc_value),
                           struct err *err)
{
    if (!doc_value_exists(value)) {
        return 0;
    }
    if (value.type != DOC_ARRAY) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "%s requires array inputs, but input %.*s is of type "
                       "%s",
                       work->accumulator->op->name, SLICE_FMT(query__print(work->eval, value)),
                       doc_type_name(value.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, value);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        add(work, elem.value);
    }
    return 0;
}

/* $concatArrays */
static int accumulate_concat(struct query__accumulate *work, struct doc_value value,
                             struct err *err)
{
    return accumulate_each(work, value, accumulate_push_one, err);
}

/* $setUnion */
static int accumulate_union(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    return accumulate_each(work, value, accumulate_set_one, err);
}

static struct doc_value accumulate_set_result(struct query__accumulate *work)
{
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    for (uint32_t i = 0; i < work->state->set.count; i++) {
        query__list_add(&list, work->state->set.values[i]);
    }
    return query__list_end(&list);
}

/* ---- the first n of an order ---- */

/* $firstN (sign 1) and $lastN */
static int accumulate_end_n(struct query__accumulate *work, struct doc_value value, struct err *err)
{
    (void)err;
    struct query__accumulator_state *state = work->state;
    bool full = state->count == (uint64_t)state->n;
    if (full && work->accumulator->op->sign > 0) {
        return 0;
    }
    accumulate_append(state, accumulate_keep(work, doc_value_exists(value) ? value : doc_null));
    if (full) {
        struct query__accumulated *oldest = state->first;
        state->first = oldest->next;
        state->count--;
        accumulate_drop(state, oldest);
    }
    return 0;
}

/* Put the item after all that are not behind it; drop the last when there are more than n. */
static void accumulate_insert(struct query__accumulate *work, struct query__accumulated *item)
{
    struct query__accumulator_state *state = work->state;
    int sign = work->accumulator->op->sign;
    struct query__accumulated **at = &state->first;
    while (*at != NULL) {
        int order = item->key.data != NULL
                        ? slice_compare((*at)->key, item->key)
                        : doc_compare_by((*at)->value, item->value, work->eval->context->collation);
        if (sign * order > 0) {
            break;
        }
        at = &(*at)->next;
    }
    item->next = *at;
    *at = item;
    if (++state->count > (uint64_t)state->n) {
        at = &state->first;
        while ((*at)->next != NULL) {
            at = &(*at)->next;
        }
        accumulate_drop(state, *at);
        *at = NULL;
        state->count--;
    }
}

/* $minN (sign 1) and $maxN */
static int accumulate_extreme_n(struct query__accumulate *work, struct doc_value value,
                                struct err *err)
{
    (void)err;
    if (!doc_value_is_nullish(value)) {
        accumulate_insert(work, accumulate_keep(work, value));
    }
    return 0;
}

/* $top, $topN (sign 1), $bottom, $bottomN: the bottom n, too, come in the order of sortBy. */
static int accumulate_sorted(struct query__accumulate *work, struct doc_value value,
                             struct err *err)
{
    struct buf key;
    buf_init(&key, work->eval->arena);
    struct slice doc = doc_value_get_doc(work->eval->root);
    int rc = query_sort_key(work->accumulator->sort, work->eval, doc, &key, err);
    if (rc < 0) {
        return rc;
    }
    struct query__accumulated *item =
        accumulate_keep(work, doc_value_exists(value) ? value : doc_null);
    item->key = slice_of(query__room_copy(work->hold, &item->key_room, buf_slice(&key)), key.len);
    accumulate_insert(work, item);
    return 0;
}

/* The last first: what is kept is in descending order. */
static struct doc_value accumulate_sorted_result(struct query__accumulate *work)
{
    struct query__accumulator_state *state = work->state;
    struct arena *arena = work->eval->arena;
    struct doc_value *values = arena_alloc(arena, (state->count + 1) * sizeof *values);
    uint64_t at = state->count;
    for (const struct query__accumulated *item = state->first; item != NULL; item = item->next) {
        values[--at] = item->value;
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (; at < state->count; at++) {
        query__list_add(&list, values[at]);
    }
    return query__list_end(&list);
}

static struct doc_value accumulate_one_result(struct query__accumulate *work)
{
    return work->state->first == NULL ? doc_null : work->state->first->value;
}

/* ---- $median and $percentile ---- */

static int accumulate_percentile(struct query__accumulate *work, struct doc_value value,
                                 struct err *err)
{
    (void)err;
    struct query__accumulator_state *state = work->state;
    double number;
    if (!query__percentile_takes(value, &number)) {
        return 0;
    }
    struct slice old = slice_of(state->numbers, state->count * sizeof number);
    size_t needed = old.len + sizeof number;
    if (needed > state->room.size) {
        state->room.size = 2 * needed;
        state->numbers = arena_alloc(work->hold, state->room.size);
        if (old.len > 0) {
            memcpy(state->numbers, old.data, old.len);
        }
    }
    state->numbers[state->count++] = number;
    return 0;
}

static struct doc_value accumulate_percentile_result(struct query__accumulate *work)
{
    struct query__accumulator_state *state = work->state;
    return query__percentile_sort(work->accumulator->percentile, state->numbers, state->count,
                                  work->eval->arena);
}

const struct query__accumulator_op query__accumulator_ops[] = {
    {"$sum", QUERY__ACCUMULATE_PLAIN, 1, accumulate_sum, accumulate_sum_result},
    {"$avg", QUERY__ACCUMULATE_PLAIN, 1, accumulate_sum, accumulate_avg_result},
    {"$min", QUERY__ACCUMULATE_PLAIN, -1, accumulate_extreme, accumulate_value_result},
    {"$max", QUERY__ACCUMULATE_PLAIN, 1, accumulate_extreme, accumulate_value_result},
    {"$first", QUERY__ACCUMULATE_PLAIN, 1, accumulate_end, accumulate_value_result},
    {"$last", QUERY__ACCUMULATE_PLAIN, -1, accumulate_end, accumulate_value_result},
    {"$push", QUERY__ACCUMULATE_PLAIN, 1, accumulate_push, accumulate_list_result, true},
    {"$addToSet", QUERY__ACCUMULATE_PLAIN, 1, accumulate_set, accumulate_set_result, true},
    {"$concatArrays", QUERY__ACCUMULATE_PLAIN, 1, accumulate_concat, accumulate_list_result, true},
    {"$setUnion", QUERY__ACCUMULATE_PLAIN, 1, accumulate_union, accumulate_set_result, true},
    {"$count", QUERY__ACCUMULATE_EMPTY, 1, accumulate_count, accumulate_count_result},
    {"$mergeObjects", QUERY__ACCUMULATE_PLAIN, 1, accumulate_merge, accumulate_merge_result},
    {"$stdDevPop", QUERY__ACCUMULATE_PLAIN, 1, accumulate_deviation, accumulate_deviation_result},
    {"$stdDevSamp", QUERY__ACCUMULATE_PLAIN, -1, accumulate_deviation, accumulate_deviation_result},
    {"$firstN", QUERY__ACCUMULATE_N, 1, accumulate_end_n, accumulate_list_result, true},
    {"$lastN", QUERY__ACCUMULATE_N, -1, accumulate_end_n, accumulate_list_result, true},
    {"$minN", QUERY__ACCUMULATE_N, 1, accumulate_extreme_n, accumulate_list_result, true},
    {"$maxN", QUERY__ACCUMULATE_N, -1, accumulate_extreme_n, accumulate_list_result, true},
    {"$top", QUERY__ACCUMULATE_SORTED, 1, accumulate_sorted, accumulate_one_result},
    {"$bottom", QUERY__ACCUMULATE_SORTED, -1, accumulate_sorted, accumulate_one_result},
    {"$topN", QUERY__ACCUMULATE_SORTED_N, 1, accumulate_sorted, accumulate_list_result, true},
    {"$bottomN", QUERY__ACCUMULATE_SORTED_N, -1, accumulate_sorted, accumulate_sorted_result, true},
    {"$median", QUERY__ACCUMULATE_PERCENTILE, 1, accumulate_percentile,
     accumulate_percentile_result},
    {"$percentile", QUERY__ACCUMULATE_PERCENTILE, 1, accumulate_percentile,
     accumulate_percentile_result},
    {0},
};

/* ---- running ---- */

int query__accumulator_begin(struct query__accumulate *work, struct doc_value group,
                             struct err *err)
{
    struct query__accumulator_state *state = work->state;
    query__sum_init(&state->sum);
    query__set_init(&state->set, work->hold, work->eval->context->collation);
    state->n = 1;
    if (work->accumulator->n == NULL) {
        return 0;
    }
    struct doc_value document = work->eval->root;
    struct doc_value n;
    work->eval->root = group.type == DOC_OBJECT ? group : doc_empty_object;
    int rc = query_expr_eval(work->accumulator->n, work->eval, &n, err);
    work->eval->root = document;
    if (rc == 0 && query__accumulator_n(n, &state->n, err) < 0) {
        rc = err_set(err, 7548606, "parameter 'n' must be coercible to a positive 64-bit integer");
    }
    return rc;
}

int query__accumulator_add(struct query__accumulate *work, struct err *err)
{
    struct doc_value value = doc_missing;
    if (work->accumulator->input != NULL) {
        int rc = query_expr_eval(work->accumulator->input, work->eval, &value, err);
        if (rc < 0) {
            return rc;
        }
    }
    return work->accumulator->op->add(work, value, err);
}

struct doc_value query__accumulator_result(struct query__accumulate *work)
{
    return work->accumulator->op->result(work);
}

/* ---- what $group makes of values ---- */

struct doc_value query__accumulator_group_value(struct arena *arena, struct doc_value value)
{
    if (value.type == DOC_CODE) {
        value.type = DOC_STRING;
    }
    if (value.type != DOC_MINKEY && value.type != DOC_MAXKEY) {
        return value;
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    query__list_field(&list, (struct slice){0}, value);
    return query__list_end(&list);
}

struct doc_value query__accumulator_group_result(struct query__accumulate *work)
{
    struct doc_value value = query__accumulator_result(work);
    struct arena *arena = work->eval->arena;
    if (!work->accumulator->op->lists) {
        return query__accumulator_group_value(arena, value);
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, value);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        query__list_add(&list, query__accumulator_group_value(arena, elem.value));
    }
    return query__list_end(&list);
}
