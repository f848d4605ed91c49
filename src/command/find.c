/* command/find.c - the find command.
 *
 * A sort that no index delivers becomes a one-stage pipeline; skip, limit and projection follow it.
 * A find by _id has none of these: it goes the short way of find_id.c. */
#include "command/collation.h"
#include "command/find_id.h"
#include "command/handlers.h"
#include "command/results.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

struct find_args {
    struct slice filter;
    struct slice sort;
    struct slice projection;
    struct slice let;
    struct slice collation;
    struct doc_value hint;
    struct slice min;
    struct slice max;
    int64_t batch_size;
    int64_t limit;
    int64_t skip;
    bool single_batch;
    bool no_timeout;
    bool return_key;
    bool show_record_id;
    bool tailable;
    bool await_data;
};

static const struct command_arg find_arg_table[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct find_args, filter), 0},
    {"sort", COMMAND_ARG_DOC, offsetof(struct find_args, sort), 0},
    {"projection", COMMAND_ARG_DOC, offsetof(struct find_args, projection), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct find_args, let), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct find_args, collation), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct find_args, hint), 0},
    {"min", COMMAND_ARG_DOC, offsetof(struct find_args, min), 0},
    {"max", COMMAND_ARG_DOC, offsetof(struct find_args, max), 0},
    {"batchSize", COMMAND_ARG_INT, offsetof(struct find_args, batch_size),
     COMMAND_ARG_NOT_NEGATIVE},
    {"limit", COMMAND_ARG_INT, offsetof(struct find_args, limit), COMMAND_ARG_NOT_NEGATIVE},
    {"skip", COMMAND_ARG_INT, offsetof(struct find_args, skip), COMMAND_ARG_NOT_NEGATIVE},
    {"singleBatch", COMMAND_ARG_BOOL, offsetof(struct find_args, single_batch), 0},
    {"noCursorTimeout", COMMAND_ARG_BOOL, offsetof(struct find_args, no_timeout), 0},
    {"returnKey", COMMAND_ARG_BOOL, offsetof(struct find_args, return_key), 0},
    {"showRecordId", COMMAND_ARG_BOOL, offsetof(struct find_args, show_record_id), 0},
    {"tailable", COMMAND_ARG_BOOL, offsetof(struct find_args, tailable), 0},
    {"awaitData", COMMAND_ARG_BOOL, offsetof(struct find_args, await_data), 0},
    {"allowDiskUse", COMMAND_ARG_IGNORE, 0, 0},
    {"allowPartialResults", COMMAND_ARG_IGNORE, 0, 0},
    {"oplogReplay", COMMAND_ARG_IGNORE, 0, 0},
    {"runtimeConstants", COMMAND_ARG_IGNORE, 0, 0},
    {"term", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static int find_check(struct command_op *op, const struct find_args *args)
{
    if (args->await_data && !args->tailable) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "Cannot set 'awaitData' without also setting 'tailable'");
    }
    if (args->tailable && args->single_batch) {
        return err_set(&op->err, LT_EBADVALUE, "Cannot set 'tailable' together with 'singleBatch'");
    }
    const char *missing = args->return_key       ? "returnKey"
                          : args->show_record_id ? "showRecordId"
                                                 : NULL;
    if (missing != NULL) {
        return err_set(&op->err, LT_ENOTIMPLEMENTED, "find: the option '%s' is not supported yet",
                       missing);
    }
    return 0;
}

/* Only the end of a collection whose documents stay in the order they came in can be waited at;
 * that of one which is not there is the end. */
static int find_check_tailable(struct command_op *op, const struct command_read_spec *spec)
{
    const struct command_shown *shown = command_shown_of(spec->collection);
    struct doc_value natural = doc_missing;
    if (spec->collection == NULL) {
        return 0;
    }
    if (spec->collection->capped == NULL && (shown == NULL || !shown->ops->capped)) {
        return err_set(
            &op->err, LT_EBADVALUE,
            "error processing query: tailable cursor requested on non capped collection");
    }
    if (spec->sort.len > 0 && !doc_is_empty(spec->sort)) {
        natural = doc_get_str(spec->sort, "$natural");
        if (!doc_value_is_number(natural) || doc_value_to_double(natural) != 1) {
            return err_set(&op->err, LT_EBADVALUE,
                           "cannot use tailable option with a sort other than {$natural: 1}");
        }
    }
    return 0;
}

/* The order of a capped collection is read, not an index, unless a hint says so. */
static void find_tail(struct command_cursor *cursor, struct command_read_spec *spec)
{
    struct doc_builder *builder = arena_alloc(&cursor->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&cursor->arena, sizeof *buf);
    spec->tails = spec->collection != NULL && spec->collection->capped != NULL;
    if (spec->tails && !doc_value_exists(spec->hint)) {
        buf_init(buf, &cursor->arena);
        doc_build_begin(builder, buf);
        doc_build_i32(builder, "$natural", 1);
        spec->hint = doc_value_object(doc_build_end(builder));
    }
}

static bool find_has(struct slice doc)
{
    return doc.len > 0 && !doc_is_empty(doc);
}

/* [{$sort: sort}] or [{$sort: sort}, {$limit: n}]: only the first n are kept while sorting. */
static struct slice find_sort_stages(struct arena *arena, struct slice sort, int64_t limit)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin_array(builder, buf);
    doc_build_open(builder, SLICE(""));
    doc_build_doc(builder, "$sort", sort);
    doc_build_close(builder);
    if (limit > 0) {
        doc_build_open(builder, SLICE(""));
        doc_build_i64(builder, "$limit", limit);
        doc_build_close(builder);
    }
    return doc_build_end(builder);
}

static int find_plan(struct command_op *op, struct command_cursor *cursor, struct find_args *args)
{
    struct command_results_plan *plan = command_results_plan_new(cursor);
    struct command_read_spec spec = {
        .server = op->server,
        .collection = store_catalog_find(op->catalog, cursor->ns),
        .filter = arena_copy(&cursor->arena, args->filter),
        .sort = arena_copy(&cursor->arena, args->sort),
        .hint =
            doc_value_exists(args->hint) ? doc_value_copy(&cursor->arena, args->hint) : doc_missing,
        .min = arena_copy(&cursor->arena, args->min),
        .max = arena_copy(&cursor->arena, args->max),
        .projection = args->projection,
    };
    int code = args->tailable ? find_check_tailable(op, &spec) : 0;
    code =
        code < 0 ? code : command_collation(op, args->collation, spec.collection, &cursor->context);
    code =
        code < 0 ? code : command_let(op, &cursor->context, arena_copy(&cursor->arena, args->let));
    if (args->tailable) {
        find_tail(cursor, &spec);
    }
    cursor->tailable = args->tailable && spec.collection != NULL;
    cursor->awaits_data = args->await_data;
    cursor->has_read = true;
    code = code < 0
               ? code
               : command_read_open(&cursor->read, &cursor->context, &cursor->view, &spec, &op->err);
    if (code == 0 && find_has(args->projection)) {
        code = query_project_parse(&cursor->context, arena_copy(&cursor->arena, args->projection),
                                   QUERY_PROJECT_FIND, &plan->project, &op->err);
    }
    if (code == 0 && find_has(args->sort) && !command_read_is_sorted(&cursor->read)) {
        bool all = args->limit == 0 || args->limit > INT64_MAX - args->skip;
        int64_t wanted = all ? 0 : args->limit + args->skip;
        code = command_results_pipeline(op, cursor,
                                        find_sort_stages(&cursor->arena, spec.sort, wanted));
    }
    plan->skip = args->skip;
    plan->limit = args->limit;
    return code;
}

int command_find_open(struct command_op *op, struct command_cursor **ret_cursor,
                      int64_t *ret_batch_size)
{
    struct find_args args = {.filter = doc_value_get_doc(doc_empty_object),
                             .batch_size = COMMAND_FIRST_BATCH};
    struct slice ns;
    int code = command_args(op, find_arg_table, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : find_check(op, &args);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, ns);
    cursor->single_batch = args.single_batch;
    cursor->no_timeout = args.no_timeout;
    code = find_plan(op, cursor, &args);
    if (code < 0) {
        command_cursor_free(cursor);
        return code;
    }
    command_results_begin(cursor);
    *ret_cursor = cursor;
    *ret_batch_size = args.batch_size;
    return 0;
}

static int find_begin(struct command_op *op, struct command_batch **ret_batch)
{
    struct command_cursor *cursor;
    int64_t batch_size;
    int code = command_find_open(op, &cursor, &batch_size);
    if (code == 0) {
        atomic_fetch_add(&op->server->opcounters.query, 1);
        *ret_batch = command_batch_new(op, cursor, batch_size);
    }
    return code;
}

/* On a view it is an aggregate. */
int command_find_on_view(struct command_op *op, struct slice *ret_body)
{
    struct find_args args = {.batch_size = -1};
    int code = command_args(op, find_arg_table, &args);
    code = code < 0 ? code : find_check(op, &args);
    if (code == 0 && args.tailable) {
        code = err_set(&op->err, LT_EINVALIDPIPELINEOPERATOR,
                       "Option 'tailable' not supported on a view");
    }
    if (code == 0 && (find_has(args.min) || find_has(args.max))) {
        code = err_set(&op->err, LT_EINVALIDPIPELINEOPERATOR,
                       "Option 'min' or 'max' not supported on a view");
    }
    if (args.single_batch && args.batch_size > 0 &&
        (args.limit == 0 || args.batch_size < args.limit)) {
        args.limit = args.batch_size;
    }
    struct command_view_query query = {.filter = args.filter,
                                       .sort = args.sort,
                                       .skip = args.skip,
                                       .limit = args.limit,
                                       .projection = args.projection,
                                       .let = args.let,
                                       .collation = args.collation,
                                       .hint = args.hint,
                                       .batch_size = args.batch_size};
    *ret_body = code < 0 ? op->body : command_view_aggregate(op, &query);
    return code;
}

int command_find(struct command_op *op)
{
    struct command_batch *batch = op->state;
    struct doc_value id;
    if (batch == NULL && op->snapshot == NULL && command_find_is_by_id(op, &id)) {
        int code = command_find_by_id(op, id);
        if (code != -LT_ECOMMANDNOTSUPPORTEDONVIEW) {
            return code;
        }
    }
    int code = 0;
    if (batch == NULL) {
        struct slice ns;
        code = command_namespace(op, &ns);
        if (code == 0 && command_view_find(op->catalog, ns) != NULL) {
            code = command_find_on_view(op, &op->body);
            return code < 0 ? code : command_aggregate(op);
        }
        code = code < 0 ? code : find_begin(op, &batch);
    }
    return code < 0 ? code : command_batch_fill(op, batch);
}
