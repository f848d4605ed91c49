/* command/find.c - the find command. */
#include "command/args.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "doc/view.h"

struct find_args {
    struct slice filter;
    int64_t batch_size;
    int64_t limit;
    int64_t skip;
    bool single_batch;
};

static const struct command_arg find_arg_table[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct find_args, filter), 0},
    {"batchSize", COMMAND_ARG_INT, offsetof(struct find_args, batch_size),
     COMMAND_ARG_NOT_NEGATIVE},
    {"limit", COMMAND_ARG_INT, offsetof(struct find_args, limit), COMMAND_ARG_NOT_NEGATIVE},
    {"skip", COMMAND_ARG_INT, offsetof(struct find_args, skip), COMMAND_ARG_NOT_NEGATIVE},
    {"singleBatch", COMMAND_ARG_BOOL, offsetof(struct find_args, single_batch), 0},
    {NULL},
};

static int find_next(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    (void)err;
    return command_read_next(&cursor->read, ret_doc);
}

static int find_begin(struct command_op *op, struct command_batch **ret_batch)
{
    struct find_args args = {.filter = doc_value_get_doc(doc_empty_object),
                             .batch_size = COMMAND_FIRST_BATCH};
    struct slice ns;
    int code = command_args(op, find_arg_table, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, ns);
    struct command_read_spec spec = {
        .collection = store_catalog_find(op->catalog, ns),
        .filter = arena_copy(&cursor->arena, args.filter),
    };
    cursor->next = find_next;
    cursor->single_batch = args.single_batch;
    cursor->has_read = true;
    code = command_read_open(&cursor->read, &cursor->context, &cursor->view, &spec, &op->err);
    if (code < 0) {
        command_cursor_free(cursor);
        return code;
    }
    command_read_begin(&cursor->read, &cursor->context);
    struct command_batch *batch = arena_zero(&op->arena, 1, sizeof *batch);
    *batch = (struct command_batch){cursor, "firstBatch", args.batch_size, false, 0};
    *ret_batch = op->state = batch;
    return 0;
}

int command_find(struct command_op *op)
{
    struct command_batch *batch = op->state;
    int code = batch == NULL ? find_begin(op, &batch) : 0;
    return code < 0 ? code : command_batch_fill(op, batch);
}
