/* query/accumulate.c - the table of accumulators. */
#include "query/accumulate.h"

#include <math.h>

#include "doc/compare.h"
#include "query/expr_private.h"

enum accumulate_shape {
    ACCUMULATE_PLAIN,  /* {$sum: expression} */
    ACCUMULATE_EMPTY,  /* {$count: {}} */
    ACCUMULATE_N,      /* {$firstN: {input, n}} */
    ACCUMULATE_SORTED, /* {$top: {sortBy, output}} */
    ACCUMULATE_SORTED_N,
};

struct query__accumulator_op {
    const char *name;
    enum accumulate_shape shape;
    int sign; /* of the order: -1 for the last, the least */
    int (*add)(struct query__accumulate *work, struct doc_value value, struct err *err);
    struct doc_value (*result)(struct query__accumulate *work);
};

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

/* A copy in the room, which grows by doubling: what is left behind stays in proportion. */
static uint8_t *accumulate_copy(struct arena *hold, struct query__room *room, struct slice bytes)
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
    value.data = accumulate_copy(work->hold, &work->state->room, bytes);
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
    if (!work->state->seen || sign * doc_compare(value, work->state->value) > 0) {
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
    value.data = accumulate_copy(work->hold, &item->value_room, bytes);
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
static void accumulate_insert(struct query__accumulator_state *state,
                              struct query__accumulated *item, int sign)
{
    struct query__accumulated **at = &state->first;
    while (*at != NULL) {
        int order = item->key.data != NULL ? slice_compare((*at)->key, item->key)
                                           : doc_compare((*at)->value, item->value);
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
        accumulate_insert(work->state, accumulate_keep(work, value), work->accumulator->op->sign);
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
    item->key = slice_of(accumulate_copy(work->hold, &item->key_room, buf_slice(&key)), key.len);
    accumulate_insert(work->state, item, work->accumulator->op->sign);
    return 0;
}

static struct doc_value accumulate_sorted_result(struct query__accumulate *work)
{
    if (work->accumulator->op->sign > 0) {
        return accumulate_list_result(work);
    }
    struct query__accumulated *reversed = NULL;
    while (work->state->first != NULL) {
        struct query__accumulated *item = work->state->first;
        work->state->first = item->next;
        item->next = reversed;
        reversed = item;
    }
    work->state->first = reversed;
    return accumulate_list_result(work);
}

static struct doc_value accumulate_one_result(struct query__accumulate *work)
{
    return work->state->first == NULL ? doc_null : work->state->first->value;
}

static const struct query__accumulator_op accumulate_ops[] = {
    {"$sum", ACCUMULATE_PLAIN, 1, accumulate_sum, accumulate_sum_result},
    {"$avg", ACCUMULATE_PLAIN, 1, accumulate_sum, accumulate_avg_result},
    {"$min", ACCUMULATE_PLAIN, -1, accumulate_extreme, accumulate_value_result},
    {"$max", ACCUMULATE_PLAIN, 1, accumulate_extreme, accumulate_value_result},
    {"$first", ACCUMULATE_PLAIN, 1, accumulate_end, accumulate_value_result},
    {"$last", ACCUMULATE_PLAIN, -1, accumulate_end, accumulate_value_result},
    {"$push", ACCUMULATE_PLAIN, 1, accumulate_push, accumulate_list_result},
    {"$addToSet", ACCUMULATE_PLAIN, 1, accumulate_set, accumulate_set_result},
    {"$concatArrays", ACCUMULATE_PLAIN, 1, accumulate_concat, accumulate_list_result},
    {"$setUnion", ACCUMULATE_PLAIN, 1, accumulate_union, accumulate_set_result},
    {"$count", ACCUMULATE_EMPTY, 1, accumulate_count, accumulate_count_result},
    {"$mergeObjects", ACCUMULATE_PLAIN, 1, accumulate_merge, accumulate_merge_result},
    {"$stdDevPop", ACCUMULATE_PLAIN, 1, accumulate_deviation, accumulate_deviation_result},
    {"$stdDevSamp", ACCUMULATE_PLAIN, -1, accumulate_deviation, accumulate_deviation_result},
    {"$firstN", ACCUMULATE_N, 1, accumulate_end_n, accumulate_list_result},
    {"$lastN", ACCUMULATE_N, -1, accumulate_end_n, accumulate_list_result},
    {"$minN", ACCUMULATE_N, 1, accumulate_extreme_n, accumulate_list_result},
    {"$maxN", ACCUMULATE_N, -1, accumulate_extreme_n, accumulate_list_result},
    {"$top", ACCUMULATE_SORTED, 1, accumulate_sorted, accumulate_one_result},
    {"$bottom", ACCUMULATE_SORTED, -1, accumulate_sorted, accumulate_one_result},
    {"$topN", ACCUMULATE_SORTED_N, 1, accumulate_sorted, accumulate_list_result},
    {"$bottomN", ACCUMULATE_SORTED_N, -1, accumulate_sorted, accumulate_sorted_result},
};

/* ---- parsing ---- */

static const struct query__accumulator_op *accumulate_find(struct slice name)
{
    for (size_t i = 0; i < sizeof accumulate_ops / sizeof accumulate_ops[0]; i++) {
        if (slice_is(name, accumulate_ops[i].name)) {
            return &accumulate_ops[i];
        }
    }
    return NULL;
}

static int accumulate_parse_option(struct query_context *context, struct doc_elem elem,
                                   struct query__accumulator *accumulator, struct err *err)
{
    bool sorted = accumulator->op->shape >= ACCUMULATE_SORTED;
    bool counted = accumulator->op->shape != ACCUMULATE_SORTED;
    if (counted && slice_is(elem.name, "n")) {
        return query_expr_parse(context, elem.value, &accumulator->n, err);
    }
    if (slice_is(elem.name, sorted ? "output" : "input")) {
        return query_expr_parse(context, elem.value, &accumulator->input, err);
    }
    if (!sorted || !slice_is(elem.name, "sortBy")) {
        return err_set(err, sorted ? 5788002 : 5787901, "Unknown argument to %s: %.*s",
                       accumulator->op->name, SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_OBJECT) {
        return err_set(err, 10065, "invalid parameter: expected an object (sortBy)");
    }
    return query_sort_parse(context, doc_value_get_doc(elem.value), &accumulator->sort, err);
}

static int accumulate_parse_options(struct query_context *context, struct doc_value spec,
                                    struct query__accumulator *accumulator, struct err *err)
{
    const char *name = accumulator->op->name;
    bool sorted = accumulator->op->shape >= ACCUMULATE_SORTED;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, sorted ? 5788001 : 5787900,
                       "specification must be an object; found "
                       "%s: %s",
                       name, doc_type_name(spec.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = accumulate_parse_option(context, elem, accumulator, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (accumulator->op->shape != ACCUMULATE_SORTED && accumulator->n == NULL) {
        return err_set(err, sorted ? 5788003 : 5787906, "Missing value for 'n'");
    }
    if (accumulator->input == NULL) {
        return err_set(err, sorted ? 5788004 : 5787907, "Missing value for '%s'",
                       sorted ? "output" : "input");
    }
    if (sorted && accumulator->sort == NULL) {
        return err_set(err, 5788005, "Missing value for 'sortBy'");
    }
    return 0;
}

int query__accumulator_parse(struct query_context *context, struct doc_elem field,
                             struct query__accumulator *ret_accumulator, struct err *err)
{
    if (field.name.len > 0 && field.name.data[0] == '$') {
        return err_set(err, 40236, "The field name '%.*s' cannot be an operator name",
                       SLICE_FMT(field.name));
    }
    if (memchr(field.name.data, '.', field.name.len) != NULL) {
        return err_set(err, 40235, "The field name '%.*s' cannot contain '.'",
                       SLICE_FMT(field.name));
    }
    if (field.value.type != DOC_OBJECT) {
        return err_set(err, 40234, "The field '%.*s' must be an accumulator object",
                       SLICE_FMT(field.name));
    }
    if (doc_count(doc_value_get_doc(field.value)) != 1) {
        return err_set(err, 40238, "The field '%.*s' must specify one accumulator",
                       SLICE_FMT(field.name));
    }
    struct doc_elem call = doc_first(doc_value_get_doc(field.value));
    struct query__accumulator accumulator = {.op = accumulate_find(call.name), .name = field.name};
    if (accumulator.op == NULL) {
        return err_set(err, 15952, "unknown group operator '%.*s'", SLICE_FMT(call.name));
    }
    int rc = 0;
    if (accumulator.op->shape == ACCUMULATE_PLAIN) {
        if (call.value.type == DOC_ARRAY) {
            return err_set(err, 40237, "The %s accumulator is a unary operator",
                           accumulator.op->name);
        }
        rc = query_expr_parse(context, call.value, &accumulator.input, err);
    } else if (accumulator.op->shape == ACCUMULATE_EMPTY) {
        bool empty = call.value.type == DOC_OBJECT && doc_is_empty(doc_value_get_doc(call.value));
        rc =
            empty ? 0 : err_set(err, LT_ETYPEMISMATCH, "$count takes no arguments, i.e. $count:{}");
    } else {
        rc = accumulate_parse_options(context, call.value, &accumulator, err);
    }
    *ret_accumulator = accumulator;
    return rc;
}

/* ---- running ---- */

int query__accumulator_begin(struct query__accumulate *work, struct doc_value group,
                             struct err *err)
{
    struct query__accumulator_state *state = work->state;
    query__sum_init(&state->sum);
    query__set_init(&state->set, work->hold);
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
