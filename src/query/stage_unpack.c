/* query/stage_unpack.c - $_internalUnpackBucket: a document for each row of a bucket. It is what a
 * time series collection is a view by. */
#include "query/pipeline_private.h"
#include "query/series.h"

struct unpack_state {
    struct arena arena; /* the bucket in hand, and its columns */
    struct query_series_cursor cursor;
    bool active;
};

static int unpack_option(struct doc_elem elem, struct query_series *series, struct err *err)
{
    bool is_time = slice_is(elem.name, "timeField");
    bool is_meta = slice_is(elem.name, "metaField");
    if (slice_is(elem.name, "bucketMaxSpanSeconds")) {
        return 0; /* tools give it */
    }
    if (!is_time && !is_meta) {
        return err_set(err, 5346506, "unrecognized parameter to $_internalUnpackBucket: %.*s",
                       SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_STRING) {
        return err_set(err, is_time ? 5346504 : 5346505,
                       "the field '%.*s' of $_internalUnpackBucket must be a string, but is a %s",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    *(is_time ? &series->time_field : &series->meta_field) = doc_value_get_string(elem.value);
    return 0;
}

static int unpack_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct query_series *series = arena_zero(parse->context->arena, 1, sizeof *series);
    struct doc_iter iter;
    struct doc_elem elem;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 5346500, "$_internalUnpackBucket takes an object, but got a %s",
                       doc_type_name(spec.type));
    }
    doc_iter_value(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int code = unpack_option(elem, series, err);
        if (code < 0) {
            return code;
        }
    }
    if (series->time_field.data == NULL) {
        return err_set(err, 5346508, "$_internalUnpackBucket requires the field 'timeField'");
    }
    query_stage_add(parse, &query__stage_unpack, series);
    return 0;
}

static int unpack_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct query_series *series = self->stage->parsed;
    struct unpack_state *state = self->state;
    for (;;) {
        if (state->active) {
            query_stage_fresh(self);
            if (query_series_next(&state->cursor, self->eval->arena, ret_doc)) {
                return 1;
            }
            state->active = false;
        }
        struct slice bucket;
        int code = query_stage_pull(self, &bucket, err);
        if (code <= 0) {
            return code;
        }
        arena_reset(&state->arena);
        bucket = arena_copy(&state->arena, bucket);
        code = query_series_open(&state->cursor, series, bucket, &state->arena, err);
        if (code < 0) {
            return code;
        }
        state->active = true;
    }
}

static void unpack_close(struct query_stage_run *self)
{
    struct unpack_state *state = self->state;
    arena_close(&state->arena);
}

const struct query_stage_ops query__stage_unpack = {.name = "$_internalUnpackBucket",
                                                    .state_size = sizeof(struct unpack_state),
                                                    .parse = unpack_parse,
                                                    .next = unpack_next,
                                                    .close = unpack_close};
