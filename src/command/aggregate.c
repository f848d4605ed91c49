/* command/aggregate.c - the aggregate command.
 *
 * A view's pipeline comes first. A leading $match is the reader's filter, so that an index can
 * serve it; a $sort after it is left out when the index delivers its order. The rest runs as a
 * pipeline over what is read. */
#include "command/collation.h"
#include "command/explain.h"
#include "command/handlers.h"
#include "command/results.h"
#include "command/sink.h"
#include "command/stream.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

struct aggregate_args {
    struct slice pipeline;
    struct slice cursor;
    struct slice let;
    struct slice collation;
    struct doc_value hint;
    bool explain;
    bool bypass;
    bool cache_results;
    bool disk; /* no stage uses it */
    /* ---- of the first field ---- */
    struct slice ns;
    bool is_db;
};

static const struct command_arg aggregate_arg_table[] = {
    {"pipeline", COMMAND_ARG_ARRAY, offsetof(struct aggregate_args, pipeline),
     COMMAND_ARG_REQUIRED},
    {"cursor", COMMAND_ARG_DOC, offsetof(struct aggregate_args, cursor), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct aggregate_args, let), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct aggregate_args, collation), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct aggregate_args, hint), 0},
    {"explain", COMMAND_ARG_STRICT_BOOL, offsetof(struct aggregate_args, explain), 0},
    {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct aggregate_args, bypass), 0},
    {"cacheResults", COMMAND_ARG_BOOL, offsetof(struct aggregate_args, cache_results), 0},
    {"allowDiskUse", COMMAND_ARG_STRICT_BOOL, offsetof(struct aggregate_args, disk), 0},
    {"fromMongos", COMMAND_ARG_IGNORE, 0, 0},
    {"needsMerge", COMMAND_ARG_IGNORE, 0, 0},
    {"exchange", COMMAND_ARG_IGNORE, 0, 0},
    {"runtimeConstants", COMMAND_ARG_IGNORE, 0, 0},
    {"collectionUUID", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* "db.coll", or for {aggregate: 1} "db.$cmd.aggregate". */
static int aggregate_namespace(struct command_op *op, struct aggregate_args *args)
{
    struct doc_value first = doc_first(op->body).value;
    if (!doc_value_is_number(first)) {
        return command_namespace(op, &args->ns);
    }
    if (doc_value_to_double(first) != 1) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Invalid command format: the 'aggregate' field must specify a collection "
                       "name or 1");
    }
    args->is_db = true;
    args->ns = arena_format(&op->arena, "%.*s.$cmd.aggregate", SLICE_FMT(op->db));
    return 0;
}

static int aggregate_batch_size(struct command_op *op, const struct aggregate_args *args,
                                int64_t *ret_size)
{
    *ret_size = COMMAND_FIRST_BATCH;
    if (args->cursor.len == 0) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "The 'cursor' option is required, except for aggregate with the explain "
                       "argument");
    }
    struct command_arg table[] = {{"batchSize", COMMAND_ARG_INT, 0, COMMAND_ARG_NOT_NEGATIVE},
                                  {NULL}};
    struct command_args_spec spec = {"cursor", table, false, false};
    return command_args_read(&spec, args->cursor, ret_size, &op->err);
}

/* The filter of a first stage {$match: ...}, or an empty one. */
static struct slice aggregate_leading_filter(struct slice pipeline)
{
    struct doc_value first = doc_array_at(pipeline, 0);
    struct doc_value filter = doc_missing;
    if (first.type == DOC_OBJECT) {
        filter = doc_get_str(doc_value_get_doc(first), "$match");
    }
    return doc_value_get_doc(filter.type == DOC_OBJECT ? filter : doc_empty_object);
}

/* The pattern of a $sort at position `at`, or nothing. */
static struct slice aggregate_sort_at(struct slice pipeline, uint32_t at)
{
    struct doc_value stage = doc_array_at(pipeline, at);
    struct doc_value sort = doc_missing;
    if (stage.type == DOC_OBJECT) {
        sort = doc_get_str(doc_value_get_doc(stage), "$sort");
    }
    return sort.type == DOC_OBJECT ? doc_value_get_doc(sort) : (struct slice){0};
}

static bool aggregate_has_source(const struct query_pipeline *pipeline)
{
    return pipeline->count > 0 && (pipeline->stages[0].ops->flags & QUERY_STAGE_FIRST) != 0;
}

/* Open the reader for what comes before the pipeline's own work. */
static int aggregate_read(struct command_op *op, struct command_cursor *cursor,
                          const struct command_view_base *base)
{
    struct command_results_plan *plan = cursor->plan;
    struct slice stages = base->stages;
    struct query_match *near = query_pipeline_leading_near(plan->pipeline);
    bool filters = query_pipeline_leading_match(plan->pipeline) != NULL;
    uint64_t limit;
    struct command_read_spec spec = {
        .server = op->server,
        .collection = cursor->collection,
        .match = near,
        .filter = filters ? aggregate_leading_filter(stages) : doc_value_get_doc(doc_empty_object),
        .hint =
            doc_value_exists(base->hint) ? doc_value_copy(&cursor->arena, base->hint) : doc_missing,
    };
    bool sorts = query_pipeline_leading_sort(plan->pipeline, &limit) != NULL;
    if (sorts) {
        spec.sort = aggregate_sort_at(stages, filters);
    }
    if (near != NULL && cursor->collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND,
                       "$geoNear requires a geo index to run, but %.*s does not exist",
                       SLICE_FMT(cursor->ns));
    }
    cursor->has_read = true;
    int code = command_read_open(&cursor->read, &cursor->context, &cursor->view, &spec, &op->err);
    if (code < 0) {
        return code;
    }
    plan->first_stage = filters;
    if (sorts && spec.sort.len > 0 && command_read_is_sorted(&cursor->read)) {
        plan->first_stage++;
    }
    return 0;
}

/* What may follow $changeStream: stages that make at most one document of each. */
static int aggregate_check_stream(struct command_op *op, const struct query_pipeline *pipeline)
{
    static const char *const known[] = {"$addFields", "$match",       "$project", "$replaceRoot",
                                        "$redact",    "$replaceWith", "$set",     "$unset"};
    for (uint32_t i = 1; i < pipeline->count; i++) {
        const char *name = pipeline->stages[i].ops->name;
        bool is_last = i + 1 == pipeline->count;
        bool fits = is_last && strcmp(name, "$changeStreamSplitLargeEvent") == 0;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            fits |= strcmp(name, known[k]) == 0;
        }
        if (!fits) {
            return err_set(&op->err, LT_EILLEGALOPERATION,
                           "%s is not permitted in a $changeStream pipeline", name);
        }
    }
    struct doc_value level = doc_missing;
    if (op->common.read_concern.type == DOC_OBJECT) {
        level = doc_get_str(doc_value_get_doc(op->common.read_concern), "level");
    }
    if (doc_value_exists(level) && !slice_is(doc_value_get_string(level), "majority")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "$changeStream cannot run with a readConcern other than 'majority', or in a "
                       "multi-document transaction. Current readConcern: %.*s",
                       SLICE_FMT(doc_value_get_string(level)));
    }
    return 0;
}

static bool aggregate_is_stream(struct slice stages)
{
    struct doc_value first = doc_array_at(stages, 0);
    return first.type == DOC_OBJECT &&
           slice_is(doc_first(doc_value_get_doc(first)).name, "$changeStream");
}

/* A change stream compares by bytes unless it is told otherwise. */
static int aggregate_collation(struct command_op *op, struct command_cursor *cursor,
                               const struct aggregate_args *args,
                               const struct store_collection *source)
{
    bool streams = aggregate_is_stream(args->pipeline);
    int code = command_collation(op, args->collation, streams ? NULL : source, &cursor->context);
    if (code == 0 && source != NULL && source->view_on.len > 0 && !streams) {
        code = command_collation_check_view(source, cursor->context.collation, &op->err);
    }
    return code;
}

static int aggregate_plan(struct command_op *op, struct command_cursor *cursor,
                          const struct aggregate_args *args)
{
    struct command_results_plan *plan = command_results_plan_new(cursor);
    const struct store_collection *view = command_view_find(op->catalog, cursor->ns);
    struct command_view_base base = {.catalog = op->catalog,
                                     .collection = store_catalog_find(op->catalog, cursor->ns),
                                     .stages = arena_copy(&cursor->arena, args->pipeline),
                                     .hint = args->hint};
    int code = aggregate_is_stream(args->pipeline) ? command_view_refuse(op, cursor->ns) : 0;
    code = code < 0 || view == NULL ? code
                                    : command_view_resolve(view, &base, &cursor->arena, &op->err);
    if (code < 0) {
        return code;
    }
    struct slice stages = base.stages;
    command_cursor_use(cursor, base.collection);
    code = aggregate_collation(op, cursor, args, view != NULL ? view : base.collection);
    code =
        code < 0 ? code : command_let(op, &cursor->context, arena_copy(&cursor->arena, args->let));
    code = code < 0 ? code : command_results_pipeline(op, cursor, stages);
    if (code < 0) {
        return code;
    }
    if (cursor->stream != NULL) {
        code = aggregate_check_stream(op, plan->pipeline);
        if (code < 0) {
            return code;
        }
        command_sieve_set(&cursor->stream->sieve, query_pipeline_match_at(plan->pipeline, 1));
    }
    bool has_source = aggregate_has_source(plan->pipeline);
    if (args->is_db && !has_source) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE,
                       "{aggregate: 1} is not valid for '%s'; a collection is required.",
                       plan->pipeline->count > 0 ? plan->pipeline->stages[0].ops->name : "[]");
    }
    if (!args->is_db && has_source &&
        strcmp(plan->pipeline->stages[0].ops->name, "$documents") == 0) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE,
                       "'$documents' can only be run with {aggregate: 1}");
    }
    return has_source ? 0 : aggregate_read(op, cursor, &base);
}

/* What an explained aggregate may not say. */
static int aggregate_check_explain(struct command_op *op)
{
    if (doc_value_exists(op->common.write_concern)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "Aggregation explain does not support the 'writeConcern' option");
    }
    return 0;
}

/* `ret_size` NULL: to be explained. */
static int aggregate_open(struct command_op *op, const struct aggregate_args *args,
                          struct command_cursor **ret_cursor, int64_t *ret_size)
{
    int code = ret_size == NULL ? 0 : aggregate_batch_size(op, args, ret_size);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, args->ns);
    code = aggregate_plan(op, cursor, args);
    if (code < 0) {
        command_cursor_free(cursor);
        return code;
    }
    command_results_begin(cursor);
    *ret_cursor = cursor;
    return 0;
}

int command_aggregate_open(struct command_op *op, struct command_cursor **ret_cursor)
{
    struct aggregate_args args = {0};
    int code = command_args(op, aggregate_arg_table, &args);
    code = code < 0 ? code : aggregate_check_explain(op);
    code = code < 0 ? code : aggregate_namespace(op, &args);
    return code < 0 ? code : aggregate_open(op, &args, ret_cursor, NULL);
}

/* Whether it writes was told by the first pipeline of the body. */
static int aggregate_check_once(struct command_op *op, struct slice pipeline)
{
    struct slice first = doc_value_get_doc(doc_get_str(op->body, "pipeline"));
    return first.data == pipeline.data
               ? 0
               : err_set(&op->err, 40413, "BSON field 'aggregate.pipeline' is a duplicate field");
}

static int aggregate_begin(struct command_op *op)
{
    struct aggregate_args args = {0};
    struct command_cursor *cursor;
    int64_t batch_size;
    int code = command_args(op, aggregate_arg_table, &args);
    if (code == 0 && doc_get_str(op->body, "explain").type == DOC_NULL) {
        code = err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'aggregate.explain' is the wrong type 'null', expected type "
                       "'bool'");
    }
    if (code < 0 || args.explain) {
        return code < 0 ? code : command_explain_aggregate(op);
    }
    code = aggregate_namespace(op, &args);
    code = code < 0 ? code : aggregate_check_once(op, args.pipeline);
    if (code < 0) {
        return code;
    }
    const struct store_collection *collection = store_catalog_find(op->catalog, args.ns);
    struct command_cached *cached =
        command_cached_begin(op, collection, args.pipeline,
                             args.cache_results && op->txn == NULL && op->snapshot == NULL);
    if (cached != NULL && command_cached_find(op, cached)) {
        return 0;
    }
    code = aggregate_open(op, &args, &cursor, &batch_size);
    if (code < 0) {
        return code;
    }
    if (op->command->run == command_aggregate_write) {
        return command_sink_begin(op, cursor, args.bypass);
    }
    struct command_batch *batch = command_batch_new(op, cursor, batch_size);
    batch->cached = cached;
    return command_batch_fill(op, batch);
}

int command_aggregate(struct command_op *op)
{
    return op->state == NULL ? aggregate_begin(op) : command_batch_fill(op, op->state);
}

int command_aggregate_write(struct command_op *op)
{
    return op->state == NULL ? aggregate_begin(op) : command_sink_run(op);
}
