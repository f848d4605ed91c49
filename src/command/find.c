/* command/find.c - the find command.
 *
 * A sort that no index delivers becomes a one-stage pipeline; skip, limit and projection follow it.
 * A find by _id has none of these: it goes the short way of find_id.c. */
#include "command/find_id.h"
#include "command/handlers.h"
#include "command/results.h"
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
    if (args->tailable) {
        return err_set(
            &op->err, LT_EBADVALUE,
            "error processing query: tailable cursor requested on non capped collection");
    }
    const char *missing = args->return_key       ? "returnKey"
                          : args->show_record_id ? "showRecordId"
                                                 : NULL;
    if (missing != NULL) {
        return err_set(&op->err, LT_ENOTIMPLEMENTED, "find: the option '%s' is not supported yet",
                       missing);
    }
    return command_check_collation(op, args->collation);
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
        .collection = store_catalog_find(op->catalog, cursor->ns),
        .filter = arena_copy(&cursor->arena, args->filter),
        .sort = arena_copy(&cursor->arena, args->sort),
        .hint =
            doc_value_exists(args->hint) ? doc_value_copy(&cursor->arena, args->hint) : doc_missing,
        .min = arena_copy(&cursor->arena, args->min),
        .max = arena_copy(&cursor->arena, args->max),
    };
    int code = command_let(op, &cursor->context, arena_copy(&cursor->arena, args->let));
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

int command_find(struct command_op *op)
{
    struct command_batch *batch = op->state;
    struct doc_value id;
    if (batch == NULL && op->snapshot == NULL && command_find_is_by_id(op, &id)) {
        return command_find_by_id(op, id);
    }
    int code = batch == NULL ? find_begin(op, &batch) : 0;
    return code < 0 ? code : command_batch_fill(op, batch);
}
