/* command/capped_empty.c - emptycapped: all documents go, in slices, from the oldest on. Those that
 * come meanwhile may be the last to go, or stay. */
#include "command/handlers.h"
#include "command/server.h"
#include "command/view.h"
#include "command/write.h"
#include "store/scan.h"

struct capped_empty {
    struct store_collection *held; /* as it was in the beginning */
    struct store_scan scan;
    struct arena scratch; /* for each document anew */
};

static void empty_release(struct command_op *op)
{
    struct capped_empty *state = op->state;
    store_scan_close(&state->scan);
    arena_close(&state->scratch);
    store_collection_release(state->held);
}

static int empty_begin(struct command_op *op)
{
    static const struct command_arg table[] = {{NULL}};
    struct slice ns;
    int code = command_args(op, table, NULL);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : command_view_refuse(op, ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *collection = store_catalog_find(op->writer->catalog, ns);
    if (collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND,
                       "emptycapped not supported on view or non-existent collection: %.*s",
                       SLICE_FMT(ns));
    }
    if (collection->capped == NULL) {
        return err_set(&op->err, LT_EILLEGALOPERATION,
                       "emptycapped is for capped collections: %.*s is none", SLICE_FMT(ns));
    }
    struct capped_empty *state = arena_zero(&op->arena, 1, sizeof *state);
    state->held = store_collection_hold(collection);
    arena_init(&state->scratch);
    store_scan_init(&state->scan, &op->writer->view, state->held, &state->held->capped->natural);
    store_scan_set_ranges(&state->scan, &op->arena, NULL, 0, false);
    op->state = state;
    op->release = empty_release;
    return 0;
}

static int empty_document(struct command_op *op, struct capped_empty *state, struct slice doc)
{
    struct store_collection *now = store_catalog_find_uuid(op->writer->catalog, state->held->uuid);
    if (now == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "%.*s was dropped",
                       SLICE_FMT(state->held->ns));
    }
    struct store_write write = {op->writer, now, &state->scratch, &op->err};
    return store_delete(&write, doc);
}

int command_empty_capped(struct command_op *op)
{
    int code = op->state == NULL ? empty_begin(op) : 0;
    struct capped_empty *state = op->state;
    struct store_scan_record record;
    for (uint32_t i = 0; code == 0 && i < COMMAND_SLICE_DOCS && !command_entry_is_full(op); i++) {
        arena_reset(&state->scratch);
        code = store_scan_next(&state->scan, &record);
        if (code == 0) {
            return 0;
        }
        code = code < 0 ? code : empty_document(op, state, record.doc);
        if (command_is_paused(code)) {
            store_scan_retry(&state->scan);
        }
    }
    if (code < 0) {
        return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
    }
    store_scan_pause(&state->scan);
    return -LT_EYIELD;
}
