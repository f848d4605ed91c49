/* query/stage_bucket_auto.c - $bucketAuto: documents in the order of a value, cut into about equal
 * parts. A part takes all documents of its last value; the last part takes what is left. */
#include <math.h>

#include "doc/key.h"
#include "query/accumulate.h"
#include "query/granularity.h"
#include "query/pipeline_private.h"

struct auto_parsed {
    struct query_expr *by;
    int64_t buckets;
    struct query__accumulator *accumulators;
    uint32_t count;
    const struct query__granularity *series; /* NULL: bounds are values of documents */
};

struct auto_state {
    struct query__keep keep;
    struct arena arena; /* of the bucket in hand */
    uint64_t at;        /* first document of the next bucket */
    uint64_t size;      /* documents a bucket, if all values differ */
    int64_t emitted;
    double bound; /* with a series: where the bucket before ended */
    bool sorted;
};

/* ---- parsing ---- */

static int auto_buckets(struct doc_value spec, struct auto_parsed *parsed, struct err *err)
{
    int32_t number;
    if (!doc_value_is_number(spec)) {
        return err_set(err, 40241,
                       "The $bucketAuto 'buckets' field must be a numeric value, but "
                       "found type: %s.",
                       doc_type_name(spec.type));
    }
    if (!query__value_i32(spec, &number)) {
        return err_set(err, 40242,
                       "The $bucketAuto 'buckets' field must be representable as a "
                       "32-bit integer");
    }
    if (number <= 0) {
        return err_set(err, 40243,
                       "The $bucketAuto 'buckets' field must be greater than 0, but "
                       "found: %d.",
                       number);
    }
    parsed->buckets = number;
    return 0;
}

static int auto_output(struct query_context *context, struct doc_value spec,
                       struct auto_parsed *parsed, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40244,
                       "The $bucketAuto 'output' field must be an object, but found "
                       "type: %s.",
                       doc_type_name(spec.type));
    }
    size_t count = doc_count(doc_value_get_doc(spec));
    if (count == 0) {
        return 0;
    }
    parsed->accumulators = arena_zero(context->arena, count, sizeof *parsed->accumulators);
    parsed->count = 0;
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc =
            query__accumulator_parse(context, elem, &parsed->accumulators[parsed->count++], err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int auto_option(struct query_stage_parse *parse, struct doc_elem elem,
                       struct auto_parsed *parsed, struct err *err)
{
    if (slice_is(elem.name, "groupBy")) {
        bool path = elem.value.type == DOC_STRING &&
                    slice_starts(doc_value_get_string(elem.value), SLICE("$"));
        if (!path && elem.value.type != DOC_OBJECT) {
            return err_set(err, 40239,
                           "The $bucketAuto 'groupBy' field must be defined as a "
                           "$-prefixed path or an expression object");
        }
        return query_expr_parse(parse->context, elem.value, &parsed->by, err);
    }
    if (slice_is(elem.name, "buckets")) {
        return auto_buckets(elem.value, parsed, err);
    }
    if (slice_is(elem.name, "output")) {
        return auto_output(parse->context, elem.value, parsed, err);
    }
    if (!slice_is(elem.name, "granularity")) {
        return err_set(err, 40245, "Unrecognized option to $bucketAuto: %.*s.",
                       SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_STRING) {
        return err_set(err, 40261,
                       "The $bucketAuto 'granularity' field must be a string, but "
                       "found type: %s.",
                       doc_type_name(elem.value.type));
    }
    parsed->series = query__granularity_find(doc_value_get_string(elem.value));
    if (parsed->series == NULL) {
        return err_set(err, 40257, "Unknown rounding granularity '%.*s'",
                       SLICE_FMT(doc_value_get_string(elem.value)));
    }
    return 0;
}

static int auto_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40240,
                       "The argument to $bucketAuto must be an object, but found type: "
                       "%s.",
                       doc_type_name(spec.type));
    }
    struct arena *arena = parse->context->arena;
    struct auto_parsed *parsed = arena_zero(arena, 1, sizeof *parsed);
    struct query__list count;
    struct query__list sum;
    query__list_begin(&sum, arena, DOC_OBJECT);
    query__list_field(&sum, SLICE("$sum"), doc_value_i32(arena, 1));
    query__list_begin(&count, arena, DOC_OBJECT);
    query__list_field(&count, SLICE("count"), query__list_end(&sum));
    int rc = auto_output(parse->context, query__list_end(&count), parsed, err);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = auto_option(parse, elem, parsed, err);
    }
    if (rc == 0 && (parsed->by == NULL || parsed->buckets == 0)) {
        rc = err_set(err, 40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified.");
    }
    if (rc == 0) {
        query_stage_add(parse, &query__stage_bucket_auto, parsed);
    }
    return rc;
}

/* ---- running ---- */

static int auto_value(struct query_stage_run *self, struct slice doc, struct doc_value *ret_value,
                      struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    self->eval->root = doc_value_object(doc);
    int rc = query_expr_eval(parsed->by, self->eval, ret_value, err);
    if (rc == 0 && doc_value_is_nullish(*ret_value)) {
        *ret_value = doc_null;
    }
    return rc;
}

/* Values that a series can round: numbers, not NaN, not negative. */
static int auto_check(const struct auto_parsed *parsed, struct doc_value value, struct err *err)
{
    if (parsed->series == NULL) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(err, 40258,
                       "$bucketAuto can specify a 'granularity' with numeric boundaries "
                       "only, but found a value with type: %s",
                       doc_type_name(value.type));
    }
    double number = doc_value_to_double(value);
    if (isnan(number)) {
        return err_set(err, 40259,
                       "$bucketAuto can specify a 'granularity' with numeric boundaries "
                       "only, but found a NaN");
    }
    return number < 0 ? err_set(err, 40260,
                                "$bucketAuto can specify a 'granularity' with "
                                "non-negative numbers only, but found a negative "
                                "number")
                      : 0;
}

static int auto_fill(struct query_stage_run *self, struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    struct auto_state *state = self->state;
    while (!state->sorted) {
        struct slice doc;
        struct doc_value value;
        int rc = query_stage_pull(self, &doc, err);
        if (rc == 0) {
            query__keep_sort(&state->keep, 0);
            state->size = (uint64_t)llround((double)state->keep.count / (double)parsed->buckets);
            state->size = state->size == 0 ? 1 : state->size;
            state->sorted = true;
            return 0;
        }
        rc = rc < 0 ? rc : auto_value(self, doc, &value, err);
        rc = rc < 0 ? rc : auto_check(parsed, value, err);
        if (rc < 0) {
            return rc;
        }
        struct buf key;
        buf_init(&key, self->eval->arena);
        doc_key_encode_by(&key, value, false, self->eval->context->collation);
        query__keep_add(&state->keep, buf_slice(&key), doc);
        rc = query__stage_holds(self, state->keep.bytes, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static bool auto_same(const struct query__keep *keep, uint64_t a, uint64_t b)
{
    const struct query__kept *left = &keep->items[a];
    const struct query__kept *right = &keep->items[b];
    return slice_equal(slice_of(left->bytes, left->key_len),
                       slice_of(right->bytes, right->key_len));
}

/* Where the bucket that begins at state->at ends. */
static uint64_t auto_end(const struct auto_parsed *parsed, const struct auto_state *state)
{
    uint64_t left = state->keep.count - state->at;
    if (state->emitted + 1 == parsed->buckets || left <= state->size) {
        return state->keep.count;
    }
    uint64_t end = state->at + state->size;
    while (end < state->keep.count && auto_same(&state->keep, end - 1, end)) {
        end++;
    }
    return end;
}

static int auto_accumulate(struct query_stage_run *self, uint64_t end,
                           struct query__accumulator_state *states, struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    struct auto_state *state = self->state;
    for (uint32_t i = 0; i < parsed->count; i++) {
        struct query__accumulate work = {&parsed->accumulators[i], &states[i], self->eval,
                                         &state->arena};
        int rc = query__accumulator_begin(&work, doc_null, err);
        for (uint64_t at = state->at; rc == 0 && at < end; at++) {
            query_stage_fresh(self);
            self->eval->root = doc_value_object(query__keep_doc(&state->keep, at));
            rc = query__accumulator_add(&work, err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int auto_id(struct query_stage_run *self, uint64_t end, const double bounds[2],
                   struct doc_value *ret_id, struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    struct auto_state *state = self->state;
    struct doc_value low;
    struct doc_value high;
    uint64_t last = end < state->keep.count ? end : end - 1;
    int rc = 0;
    if (parsed->series != NULL) {
        low = query__granularity_value(parsed->series, bounds[0], self->eval->arena);
        high = query__granularity_value(parsed->series, bounds[1], self->eval->arena);
    } else {
        rc = auto_value(self, query__keep_doc(&state->keep, state->at), &low, err);
        rc = rc < 0 ? rc : auto_value(self, query__keep_doc(&state->keep, last), &high, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct query__list id;
    query__list_begin(&id, self->eval->arena, DOC_OBJECT);
    query__list_field(&id, SLICE("min"), low);
    query__list_field(&id, SLICE("max"), high);
    *ret_id = query__list_end(&id);
    return 0;
}

/* With a series: move the end to the rounded bound above the last value. */
static int auto_round(struct query_stage_run *self, uint64_t *end, double bounds[2],
                      struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    struct auto_state *state = self->state;
    struct doc_value value;
    int rc = auto_value(self, query__keep_doc(&state->keep, state->at), &value, err);
    if (rc < 0) {
        return rc;
    }
    double first = doc_value_to_double(value);
    bounds[0] = state->emitted > 0 ? state->bound : query__granularity_down(parsed->series, first);
    rc = auto_value(self, query__keep_doc(&state->keep, *end - 1), &value, err);
    if (rc < 0) {
        return rc;
    }
    bounds[1] = query__granularity_up(parsed->series, doc_value_to_double(value));
    state->bound = bounds[1];
    for (; *end < state->keep.count; (*end)++) {
        rc = auto_value(self, query__keep_doc(&state->keep, *end), &value, err);
        if (rc < 0 || doc_value_to_double(value) >= bounds[1]) {
            break;
        }
    }
    return rc;
}

static int auto_emit(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct auto_parsed *parsed = self->stage->parsed;
    struct auto_state *state = self->state;
    uint64_t end = auto_end(parsed, state);
    arena_reset(&state->arena);
    struct query__accumulator_state *states =
        arena_zero(&state->arena, parsed->count, sizeof *states);
    double bounds[2] = {0, 0};
    int rc = parsed->series == NULL ? 0 : auto_round(self, &end, bounds, err);
    rc = rc < 0 ? rc : auto_accumulate(self, end, states, err);
    query_stage_fresh(self);
    struct doc_value id;
    rc = rc < 0 ? rc : auto_id(self, end, bounds, &id, err);
    if (rc < 0) {
        return rc;
    }
    struct query__list list;
    query__list_begin(&list, self->eval->arena, DOC_OBJECT);
    query__list_field(&list, SLICE("_id"), id);
    for (uint32_t i = 0; i < parsed->count; i++) {
        struct query__accumulate work = {&parsed->accumulators[i], &states[i], self->eval,
                                         &state->arena};
        query__list_field(&list, parsed->accumulators[i].name, query__accumulator_result(&work));
    }
    *ret_doc = doc_value_get_doc(query__list_end(&list));
    state->at = end;
    state->emitted++;
    return 1;
}

static int auto_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct auto_state *state = self->state;
    int rc = auto_fill(self, err);
    if (rc < 0 || state->at == state->keep.count) {
        return rc;
    }
    return auto_emit(self, ret_doc, err);
}

static void auto_close(struct query_stage_run *self)
{
    struct auto_state *state = self->state;
    query__keep_close(&state->keep);
    arena_close(&state->arena);
}

const struct query_stage_ops query__stage_bucket_auto = {.name = "$bucketAuto",
                                                         .state_size = sizeof(struct auto_state),
                                                         .parse = auto_parse,
                                                         .next = auto_next,
                                                         .close = auto_close};
