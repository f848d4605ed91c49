/* command/stage_out.c - $out: the documents become a collection, in the place of the one there was.
 *
 *   open: a temporary collection --> put: insert into it --> finish: it gets the target's name
 *                                                       \--> close before that: it is dropped
 *
 * The temporary collection has the target's options and indexes, so what could not be in the target
 * fails while that is still untouched. The last step is one log entry: nobody sees half of it. A
 * collection left by a server that died is dropped when it starts again: it has the option `temp`.
 */
#include "command/args.h"
#include "command/ddl.h"
#include "command/series_out.h"
#include "command/server.h"
#include "command/shown.h"
#include "command/sink.h"
#include "command/stages.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

enum { OUT_NAMESPACE_MAX = 255 };

/* ---- parsing ---- */

struct out_args {
    struct command_sink_target target;
    struct slice timeseries;
};

/* The rest is checked when it is opened. */
static int out_parse_timeseries(struct slice doc, struct err *err)
{
    static const struct command_arg args[] = {
        {"timeField", COMMAND_ARG_STRING, 0, COMMAND_ARG_REQUIRED},
        {"metaField", COMMAND_ARG_STRING, 0, 0},
        {"granularity", COMMAND_ARG_STRING, 0, 0},
        {"bucketMaxSpanSeconds", COMMAND_ARG_IGNORE, 0, 0},
        {"bucketRoundingSeconds", COMMAND_ARG_IGNORE, 0, 0},
        {NULL},
    };
    static const struct command_args_spec spec = {"$out.timeseries", args, false, false};
    struct slice ignored;
    return command_args_read(&spec, doc, &ignored, err);
}

static int out_read(struct doc_value spec, struct out_args *args, struct err *err)
{
    static const struct command_arg table[] = {
        {"db", COMMAND_ARG_STRING, offsetof(struct out_args, target.db), COMMAND_ARG_REQUIRED},
        {"coll", COMMAND_ARG_STRING, offsetof(struct out_args, target.coll), COMMAND_ARG_REQUIRED},
        {"timeseries", COMMAND_ARG_DOC, offsetof(struct out_args, timeseries), 0},
        {NULL},
    };
    static const struct command_args_spec fields = {"$out", table, false, false};
    if (spec.type == DOC_STRING) {
        args->target.coll = doc_value_get_string(spec);
        return 0;
    }
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 16990, "$out only supports a string or object argument, but found %s",
                       doc_type_name(spec.type));
    }
    int code = command_sink_check_fields("$out", doc_value_get_doc(spec), err);
    return code < 0 ? code : command_args_read(&fields, doc_value_get_doc(spec), args, err);
}

/* What no collection is renamed to. */
static int out_check_name(const struct query_stage_parse *parse,
                          const struct command_sink_target *target, struct err *err)
{
    const struct command_cursor *cursor = parse->options->owner;
    struct slice db = target->db.data == NULL ? command_db_of(cursor->ns) : target->db;
    bool dollar = target->coll.len > 0 && memchr(target->coll.data, '$', target->coll.len) != NULL;
    return dollar || db.len + 1 + target->coll.len > OUT_NAMESPACE_MAX
               ? err_set(err, LT_EILLEGALOPERATION,
                         "error with target namespace: Invalid collection name: %.*s",
                         SLICE_FMT(target->coll))
               : 0;
}

/* The parsed stage. */
struct out_spec {
    struct command_sink_spec sink;
    struct slice timeseries; /* data NULL: it is not given */
};

static const struct command_sink_ops out_sink_ops;

static int out_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct out_spec *spec_out = arena_zero(parse->context->arena, 1, sizeof *spec_out);
    struct command_sink_spec *out = &spec_out->sink;
    struct out_args args = {.target = {.database_code = 31321, .system_code = 17385}};
    out->ops = &out_sink_ops;
    out->name = parse->ops->name;
    int code = out_read(spec, &args, err);
    code = code < 0 ? code : out_check_name(parse, &args.target, err);
    code = code < 0 ? code : command_sink_resolve(parse, &args.target, &out->ns, err);
    spec_out->timeseries = args.timeseries;
    if (code == 0 && args.timeseries.len > 0) {
        code = out_parse_timeseries(args.timeseries, err);
    }
    if (code == 0) {
        query_stage_add(parse, parse->ops, spec_out);
    }
    return code;
}

const struct query_stage_ops command_stage_out = {
    .name = "$out",
    .flags = QUERY_STAGE_LAST,
    .parse = out_parse,
    .next = command_sink_next,
};

/* ---- writing ---- */

struct out_state {
    struct slice ns;                   /* of the temporary collection */
    uint32_t id;                       /* its; 0: it is not made yet */
    struct store_collection *target;   /* as it was at the beginning, held; NULL: there was none */
    struct command_series_out *series; /* instead of all that; NULL: no time series is written */
};

/* What may not be replaced. */
static int out_check_target(struct command_op *op, struct slice ns)
{
    struct store_collection *target = store_catalog_find(op->writer->catalog, ns);
    int code = command_view_refuse(op, ns);
    code = code < 0 ? code : command_shown_refuse(op, target);
    if (code == 0 && target != NULL && doc_value_truth(doc_get_str(target->options, "capped"))) {
        code = err_set(&op->err, 17152, "namespace '%.*s' is capped so it can't be used for $out",
                       SLICE_FMT(ns));
    }
    return code;
}

/* The target's, and {temp: true}. */
static struct slice out_options(struct command_op *op, const struct store_collection *target)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (target != NULL) {
        doc_build_fields(builder, target->options);
    }
    doc_build_bool(builder, "temp", true);
    return doc_build_end(builder);
}

static int out_open(struct command_op *op, struct command_sink *sink)
{
    struct out_state *state = sink->state = arena_zero(&op->arena, 1, sizeof *state);
    struct slice ns = sink->spec->ns;
    struct slice timeseries = ((const struct out_spec *)sink->spec)->timeseries;
    if (command_series_out_wanted(op, ns, timeseries)) {
        return command_series_out_open(op, ns, timeseries, &state->series);
    }
    int code = out_check_target(op, ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *target = store_catalog_find(op->writer->catalog, ns);
    state->target = target == NULL ? NULL : store_collection_hold(target);
    state->ns =
        arena_format(&op->arena, "%.*s.tmp.agg_out.%016llx%016llx", SLICE_FMT(command_db_of(ns)),
                     (unsigned long long)command_random(op->server),
                     (unsigned long long)command_random(op->server));
    code = command_create_collection(op, state->ns, out_options(op, target));
    if (code < 0) {
        return code;
    }
    struct store_collection *made = store_catalog_find(op->writer->catalog, state->ns);
    state->id = made->id;
    return target == NULL ? 0 : command_copy_indexes(op, made, state->target);
}

/* The temporary collection, unless somebody has taken it away: 175. */
static int out_collection(struct command_op *op, const struct out_state *state,
                          struct store_collection **ret_collection)
{
    struct store_collection *collection = store_catalog_find(op->writer->catalog, state->ns);
    if (collection == NULL || collection->id != state->id) {
        return err_set(&op->err, LT_EQUERYPLANKILLED,
                       "collection %.*s was dropped or renamed while $out filled it",
                       SLICE_FMT(state->ns));
    }
    *ret_collection = collection;
    return 0;
}

static int out_put(struct command_op *op, struct command_sink *sink)
{
    const struct out_state *state = sink->state;
    const struct command_insertion insertion = {state->ns, sink->bypass, &sink->arena};
    struct store_collection *collection;
    struct slice doc;
    if (state->series != NULL) {
        return command_series_out_put(op, state->series, sink->doc);
    }
    int code = out_collection(op, state, &collection);
    code = code < 0 ? code : command_prepare_document(op, sink->doc, &sink->arena, &doc);
    return code < 0 ? code : command_insert_document(op, &insertion, doc);
}

/* Has it still the options and the indexes that the temporary collection was given? */
static bool out_is_unchanged(const struct store_collection *was, const struct store_collection *is)
{
    if (was == NULL || is == NULL) {
        return was == is;
    }
    bool same = slice_equal(was->options, is->options) && was->indexes_count == is->indexes_count;
    for (uint32_t i = 0; same && i < was->indexes_count; i++) {
        same = slice_equal(was->indexes[i].spec, is->indexes[i].spec);
    }
    return same;
}

static int out_finish(struct command_op *op, struct command_sink *sink)
{
    struct out_state *state = sink->state;
    struct store_collection *made;
    if (state->series != NULL) {
        return command_series_out_finish(op, state->series);
    }
    int code = out_collection(op, state, &made);
    code = code < 0 ? code : out_check_target(op, sink->spec->ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *target = store_catalog_find(op->writer->catalog, sink->spec->ns);
    if (!out_is_unchanged(state->target, target)) {
        return err_set(&op->err, LT_ECOMMANDFAILED,
                       "the options or indexes of %.*s changed while $out wrote",
                       SLICE_FMT(sink->spec->ns));
    }
    return command_rename(op, made, target, sink->spec->ns);
}

static void out_close(struct command_op *op, struct command_sink *sink)
{
    struct out_state *state = sink->state;
    struct store_collection *made;
    if (state->id != 0 && out_collection(op, state, &made) == 0) {
        command_drop_collection(op, made);
    }
    command_series_out_close(op, state->series);
    store_collection_release(state->target);
}

static const struct command_sink_ops out_sink_ops = {out_open, out_put, out_finish, out_close};
