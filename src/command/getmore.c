/* command/getmore.c - getMore and killCursors. */
#include "command/api.h"
#include "command/args.h"
#include "command/cursor.h"
#include "command/fail_point.h"
#include "command/handlers.h"
#include "doc/view.h"

enum { GETMORE_AWAIT_US = 1000000 };

struct getmore_args {
    struct slice collection;
    int64_t batch_size;
};

static const struct command_arg getmore_arg_table[] = {
    {"collection", COMMAND_ARG_STRING, offsetof(struct getmore_args, collection),
     COMMAND_ARG_REQUIRED},
    {"batchSize", COMMAND_ARG_INT, offsetof(struct getmore_args, batch_size),
     COMMAND_ARG_NOT_NEGATIVE},
    {"term", COMMAND_ARG_IGNORE, 0, 0},
    {"lastKnownCommittedOpTime", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static int getmore_check(struct command_op *op, const struct getmore_args *args,
                         const struct command_cursor *cursor)
{
    struct slice ns = command_join(&op->arena, op->db, args->collection);
    if (!slice_equal(ns, cursor->ns)) {
        return err_set(&op->err, LT_EUNAUTHORIZED,
                       "Requested getMore on namespace '%.*s', but cursor belongs to a different "
                       "namespace %.*s",
                       SLICE_FMT(ns), SLICE_FMT(cursor->ns));
    }
    if (!doc_value_is_nullish(op->common.max_time) && cursor->stream == NULL &&
        !cursor->awaits_data) {
        return err_set(&op->err, LT_EBADVALUE,
                       "cannot set maxTimeMS on getMore command for a non-awaitData cursor");
    }
    int code = command_check_same_api(op, command_api_of(cursor->describe), "cursor");
    if (code < 0) {
        return code;
    }
    const struct store_collection *had =
        cursor->collection != NULL ? cursor->collection : cursor->read.collection;
    if (cursor->stream == NULL && had != NULL &&
        store_catalog_find_uuid(op->catalog, had->uuid) == NULL) {
        return err_set(&op->err, LT_EQUERYPLANKILLED, "collection dropped. UUID of %.*s is gone",
                       SLICE_FMT(cursor->ns));
    }
    return 0;
}

static int getmore_begin(struct command_op *op, struct command_batch **ret_batch)
{
    struct getmore_args args = {.batch_size = 0};
    struct doc_value id = doc_first(op->body).value;
    struct command_cursor *cursor;
    if (id.type != DOC_INT64) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'getMore.getMore' is the wrong type '%s', expected type 'long'",
                       doc_type_name(id.type));
    }
    int code = command_args(op, getmore_arg_table, &args);
    code = code < 0 ? code : command_check_collection(op->db, args.collection, &op->err);
    code = code < 0 ? code : command_cursor_take(op, doc_value_get_i64(id), &cursor);
    if (code < 0) {
        return code;
    }
    struct command_batch *batch =
        command_batch_new(op, cursor, args.batch_size > 0 ? args.batch_size : -1);
    batch->name = "nextBatch";
    atomic_fetch_add(&op->server->opcounters.getmore, 1);
    code = getmore_check(op, &args, cursor);
    if (cursor->stream != NULL ||
        cursor->awaits_data) { /* maxTimeMS is no limit there, but says how long to wait */
        batch->await_us = op->deadline_us != 0 ? op->deadline_us : op->mono_us + GETMORE_AWAIT_US;
        op->deadline_us = 0;
    }
    code = code < 0 ? code : command_fail_getmore(op);
    *ret_batch = batch;
    return code;
}

int command_getmore(struct command_op *op)
{
    struct command_batch *batch = op->state;
    int code = batch == NULL ? getmore_begin(op, &batch) : 0;
    return code < 0 ? code : command_batch_fill(op, batch);
}

struct kill_args {
    struct slice cursors;
};

static const struct command_arg kill_arg_table[] = {
    {"cursors", COMMAND_ARG_ARRAY, offsetof(struct kill_args, cursors), COMMAND_ARG_REQUIRED},
    {NULL},
};

static int kill_check(struct command_op *op, struct slice list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_INT64) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field 'killCursors.cursors.%.*s' is the wrong type '%s', expected "
                           "type 'long'",
                           SLICE_FMT(elem.name), doc_type_name(elem.value.type));
        }
    }
    return 0;
}

int command_kill_cursors(struct command_op *op)
{
    static const char *const names[] = {"cursorsKilled", "cursorsNotFound", "cursorsAlive",
                                        "cursorsUnknown"};
    struct kill_args args = {0};
    struct slice ns;
    struct buf lists[2];
    struct doc_builder *builders = arena_alloc(&op->arena, 2 * sizeof *builders);
    struct doc_iter iter;
    struct doc_elem elem;
    int code = command_args(op, kill_arg_table, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : kill_check(op, args.cursors);
    if (code < 0) {
        return code;
    }
    for (int i = 0; i < 2; i++) {
        buf_init(&lists[i], &op->arena);
        doc_build_begin_array(&builders[i], &lists[i]);
    }
    doc_iter_init(&iter, args.cursors);
    while (doc_iter_next(&iter, &elem)) {
        int64_t id = doc_value_get_i64(elem.value);
        bool killed = command_cursor_kill(op->server->cursors, id) == 0;
        doc_build_value(&builders[killed ? 0 : 1], SLICE(""), elem.value);
    }
    for (int i = 0; i < 4; i++) {
        struct slice list =
            i < 2 ? doc_build_end(&builders[i]) : doc_value_get_doc(doc_empty_array);
        doc_build_array(&op->builder, names[i], list);
    }
    return 0;
}
