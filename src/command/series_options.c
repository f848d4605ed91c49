/* command/series_options.c - the option `timeseries` of create, collMod and $out, checked and put
 * into its normal form: a granularity and the span that goes with it, or a span and a rounding. */
#include "command/args.h"
#include "command/series.h"
#include "doc/view.h"

enum { SERIES_SPAN_MAX = 31536000, SERIES_GRANULARITIES = 3 };

static const struct {
    const char *name;
    int32_t span_s;
    int32_t rounding_s;
} series_granularities[SERIES_GRANULARITIES] = {
    {"seconds", 3600, 60}, {"minutes", 86400, 3600}, {"hours", 2592000, 86400}};

struct series_args {
    struct slice time;
    struct slice meta;
    struct slice granularity;
    struct doc_value span;
    struct doc_value rounding;
};

/* What buckets will be like. */
struct series_span {
    int granularity; /* -1: none, then both are the same */
    int64_t span_s;
    int64_t rounding_s;
};

int64_t command_series_rounding(struct doc_value granularity)
{
    for (int i = 0; i < SERIES_GRANULARITIES && granularity.type == DOC_STRING; i++) {
        if (slice_is(doc_value_get_string(granularity), series_granularities[i].name)) {
            return series_granularities[i].rounding_s;
        }
    }
    return series_granularities[0].rounding_s;
}

static int series_read(struct command_op *op, const char *prefix, struct slice given,
                       struct series_args *args)
{
    static const struct command_arg table[] = {
        {"timeField", COMMAND_ARG_STRING, offsetof(struct series_args, time), COMMAND_ARG_REQUIRED},
        {"metaField", COMMAND_ARG_STRING, offsetof(struct series_args, meta), 0},
        {"granularity", COMMAND_ARG_STRING, offsetof(struct series_args, granularity), 0},
        {"bucketMaxSpanSeconds", COMMAND_ARG_VALUE, offsetof(struct series_args, span), 0},
        {"bucketRoundingSeconds", COMMAND_ARG_VALUE, offsetof(struct series_args, rounding), 0},
        {NULL},
    };
    struct command_args_spec spec = {prefix, table, false, false};
    *args = (struct series_args){.span = doc_missing, .rounding = doc_missing};
    return command_args_read(&spec, given, args, &op->err);
}

static int series_read_change(struct command_op *op, struct slice given, struct series_args *args)
{
    static const struct command_arg table[] = {
        {"granularity", COMMAND_ARG_STRING, offsetof(struct series_args, granularity), 0},
        {"bucketMaxSpanSeconds", COMMAND_ARG_VALUE, offsetof(struct series_args, span), 0},
        {"bucketRoundingSeconds", COMMAND_ARG_VALUE, offsetof(struct series_args, rounding), 0},
        {NULL},
    };
    static const struct command_args_spec spec = {"collMod.timeseries", table, false, false};
    *args = (struct series_args){.span = doc_missing, .rounding = doc_missing};
    return command_args_read(&spec, given, args, &op->err);
}

/* ---- fields ---- */

static int series_check_field(struct command_op *op, const char *option, struct slice name)
{
    if (name.data == NULL) {
        return 0;
    }
    if (name.len > 0 && memchr(name.data, '\0', name.len) != NULL) {
        return err_set(&op->err, LT_EBADVALUE, "'%s' cannot contain embedded null bytes", option);
    }
    return name.len > 0 && memchr(name.data, '.', name.len) != NULL
               ? err_set(&op->err, LT_EINVALIDOPTIONS,
                         "'%s' must be the name of a top-level field, but '%.*s' has a dot in it",
                         option, SLICE_FMT(name))
               : 0;
}

static int series_check_fields(struct command_op *op, const struct series_args *args)
{
    int code = series_check_field(op, "timeField", args->time);
    code = code < 0 ? code : series_check_field(op, "metaField", args->meta);
    if (code < 0 || args->meta.data == NULL) {
        return code;
    }
    if (slice_is(args->meta, "_id")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "'metaField' cannot be \"_id\"");
    }
    return slice_equal(args->meta, args->time)
               ? err_set(&op->err, LT_EINVALIDOPTIONS,
                         "'metaField' cannot be the same as 'timeField', which is '%.*s'",
                         SLICE_FMT(args->time))
               : 0;
}

/* ---- the span ---- */

/* 0 when it is not given. */
static int series_seconds(struct command_op *op, const char *name, struct doc_value value,
                          int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'timeseries.%s' is the wrong type '%s', expected types '[long, "
                       "int, decimal, double]'",
                       name, doc_type_name(value.type));
    }
    *ret_seconds = doc_value_to_i64_clamped(value);
    return *ret_seconds >= 1 && *ret_seconds <= SERIES_SPAN_MAX
               ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "BSON field 'timeseries.%s' value must be >= 1 and <= %d, actual value "
                         "'%lld'",
                         name, SERIES_SPAN_MAX, (long long)*ret_seconds);
}

static int series_granularity(struct command_op *op, struct slice given, int *ret_granularity)
{
    *ret_granularity = -1;
    if (given.data == NULL) {
        return 0;
    }
    for (int i = 0; i < SERIES_GRANULARITIES; i++) {
        if (slice_is(given, series_granularities[i].name)) {
            *ret_granularity = i;
            return 0;
        }
    }
    return err_set(&op->err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field 'timeseries.granularity' is not a valid "
                   "value: it must be \"seconds\", \"minutes\" or \"hours\"",
                   SLICE_FMT(given));
}

/* With a granularity, its own span alone may be given; without one, both numbers, which are equal.
 */
static int series_check_span(struct command_op *op, struct series_span *span)
{
    if (span->granularity >= 0) {
        int32_t usual = series_granularities[span->granularity].span_s;
        if (span->rounding_s != 0 || (span->span_s != 0 && span->span_s != usual)) {
            return err_set(&op->err, LT_EINVALIDOPTIONS,
                           "Timeseries 'granularity' cannot be given together with "
                           "'bucketRoundingSeconds', nor with a 'bucketMaxSpanSeconds' other than "
                           "its own, %d",
                           usual);
        }
        span->span_s = usual;
        span->rounding_s = series_granularities[span->granularity].rounding_s;
        return 0;
    }
    return span->span_s == span->rounding_s
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS,
                         "Timeseries 'bucketMaxSpanSeconds' and 'bucketRoundingSeconds' must be "
                         "given together and be equal");
}

static int series_span(struct command_op *op, const struct series_args *args,
                       struct series_span *ret_span)
{
    int code = series_granularity(op, args->granularity, &ret_span->granularity);
    code =
        code < 0 ? code : series_seconds(op, "bucketMaxSpanSeconds", args->span, &ret_span->span_s);
    code = code < 0
               ? code
               : series_seconds(op, "bucketRoundingSeconds", args->rounding, &ret_span->rounding_s);
    return code < 0 ? code : series_check_span(op, ret_span);
}

/* ---- the normal form ---- */

static struct slice series_normal(struct command_op *op, const struct query_series *fields,
                                  const struct series_span *span)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_string(builder, "timeField", fields->time_field);
    if (fields->meta_field.data != NULL) {
        doc_build_string(builder, "metaField", fields->meta_field);
    }
    if (span->granularity >= 0) {
        doc_build_text(builder, "granularity", series_granularities[span->granularity].name);
    } else {
        doc_build_i32(builder, "bucketRoundingSeconds", (int32_t)span->rounding_s);
    }
    doc_build_i32(builder, "bucketMaxSpanSeconds", (int32_t)span->span_s);
    return doc_build_end(builder);
}

int command_series_options(struct command_op *op, const char *prefix, struct slice given,
                           struct slice *ret_options)
{
    struct series_args args;
    struct series_span span;
    int code = series_read(op, prefix, given, &args);
    code = code < 0 ? code : series_check_fields(op, &args);
    code = code < 0 ? code : series_span(op, &args, &span);
    if (code < 0) {
        return code;
    }
    if (span.granularity < 0 && span.span_s == 0) {
        span = (struct series_span){0, series_granularities[0].span_s,
                                    series_granularities[0].rounding_s};
    }
    struct query_series fields = {.time_field = args.time, .meta_field = args.meta};
    *ret_options = series_normal(op, &fields, &span);
    return 0;
}

int command_series_change(struct command_op *op, const struct command_series *series,
                          struct slice given, struct slice *ret_options)
{
    struct series_args args;
    struct series_span span;
    int code = series_read_change(op, given, &args);
    code = code < 0 ? code : series_span(op, &args, &span);
    if (code < 0) {
        return code;
    }
    if (span.granularity < 0 && span.span_s == 0) {
        *ret_options = doc_value_get_doc(doc_get_str(series->view->options, "timeseries"));
        return 0;
    }
    if (span.span_s < series->span_s || span.rounding_s < series->rounding_s) {
        return err_set(
            &op->err, LT_EINVALIDOPTIONS,
            "Invalid transition for timeseries: buckets span %lld seconds now and begin "
            "at multiples of %lld; neither can become less, but %lld and %lld were given",
            (long long)series->span_s, (long long)series->rounding_s, (long long)span.span_s,
            (long long)span.rounding_s);
    }
    *ret_options = series_normal(op, &series->fields, &span);
    return 0;
}
