/* command/capped_copy.c - convertToCapped and cloneCollectionAsCapped.
 *
 * The newest documents that fit are inserted into a collection with a temporary name, in slices,
 * while commands that write to the source wait. At the end the copy gets its name, and what had it
 * goes, in one entry: until then nothing has changed, and a start drops what is temporary. A write
 * that was under way when the copy began, such as a transaction that commits, makes it begin anew.
 */
#include "command/capped.h"
#include "command/ddl.h"
#include "command/handlers.h"
#include "command/owner.h"
#include "command/server.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/scan.h"

struct capped_copy {
    struct slice from; /* "db.name" */
    struct slice to;   /* the copy's name in the end; the same as `from`: it takes its place */
    int64_t size;
    struct slice temporary;
    bool started;
    bool finished;
    struct store_collection *source; /* held, from here on: only when started */
    uint64_t changes;                /* of the source, before */
    int64_t left;                    /* bytes of the documents that were not looked at */
    struct store_scan scan;
    struct arena scratch; /* for each document anew */
};

/* ---- a start, and its end ---- */

static struct slice copy_temporary(struct command_op *op)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    uint64_t random = command_random(op->server);
    char name[13];
    for (size_t i = 0; i + 1 < sizeof name; i++, random >>= 5) {
        name[i] = letters[random % 32];
    }
    name[sizeof name - 1] = '\0';
    return arena_format(&op->arena, "tmp%s.convertToCapped", name);
}

/* The source's options, capped. */
static struct slice copy_options(struct command_op *op, const struct capped_copy *state,
                                 const struct store_collection *source)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    int64_t max = source->capped == NULL ? 0 : source->capped->documents_max;
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_fields(builder,
                     command_capped_options(&op->arena, source->options, state->size, max));
    doc_build_bool(builder, "temp", true);
    return doc_build_end(builder);
}

static int copy_missing(struct command_op *op, struct slice ns)
{
    return err_set(&op->err, LT_ENAMESPACENOTFOUND, "source collection %.*s does not exist",
                   SLICE_FMT(ns));
}

static int copy_check_free(struct command_op *op, const struct capped_copy *state)
{
    bool taken = !slice_equal(state->to, state->from) &&
                 store_catalog_find_any(op->writer->catalog, state->to) != NULL;
    return taken ? err_set(&op->err, LT_ENAMESPACEEXISTS,
                           "cloneCollectionAsCapped failed - destination collection %.*s already "
                           "exists",
                           SLICE_FMT(state->to))
                 : 0;
}

static int copy_start(struct command_op *op, struct capped_copy *state)
{
    struct store_collection *source = store_catalog_find(op->writer->catalog, state->from);
    struct store_counts counts;
    if (source == NULL) {
        return copy_missing(op, state->from);
    }
    int code = command_shown_refuse(op, source);
    code = code < 0 ? code : copy_check_free(op, state);
    code = code < 0 ? code : store_writer_counts(op->writer, source->id, &counts);
    if (code < 0) {
        return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
    }
    struct slice name = copy_temporary(op);
    state->temporary = command_join(&op->arena, op->db, name);
    state->source = store_collection_hold(source);
    code = command_create_collection(op, state->temporary, copy_options(op, state, source));
    if (code < 0) {
        store_collection_release(source);
        return code;
    }
    state->started = true;
    state->changes = store_writer_changes(op->writer, source->id);
    state->left = counts.bytes;
    arena_init(&state->scratch);
    store_scan_init(&state->scan, &op->writer->view, source,
                    source->capped == NULL ? NULL : &source->capped->natural);
    store_scan_set_ranges(&state->scan, &op->arena, NULL, 0, false);
    return 0;
}

/* What was begun is given up, or done. */
static void copy_end(struct command_op *op, struct capped_copy *state)
{
    struct store_collection *copy = store_catalog_find(op->writer->catalog, state->temporary);
    store_scan_close(&state->scan);
    arena_close(&state->scratch);
    if (!state->finished && copy != NULL) {
        command_drop_collection(op, copy);
    }
    store_collection_release(state->source);
    state->started = false;
}

static void copy_release(struct command_op *op)
{
    struct capped_copy *state = op->state;
    if (state->started) {
        copy_end(op, state);
    }
    command_owner_thaw(op->owner);
}

/* ---- documents ---- */

static int copy_document(struct command_op *op, struct capped_copy *state, struct slice doc)
{
    if (state->left > state->size) {
        state->left -= (int64_t)doc.len;
        return 0;
    }
    struct store_collection *copy = store_catalog_find(op->writer->catalog, state->temporary);
    if (copy == NULL) {
        return copy_missing(op, state->temporary);
    }
    struct store_write write = {op->writer, copy, &state->scratch, &op->err};
    return store_insert(&write, doc);
}

/* Go on: 0 all are in, negative. */
static int copy_documents(struct command_op *op, struct capped_copy *state)
{
    struct store_scan_record record;
    for (uint32_t i = 0; i < COMMAND_SLICE_DOCS && !command_entry_is_full(op); i++) {
        arena_reset(&state->scratch);
        int code = store_scan_next(&state->scan, &record);
        if (code == 0) {
            return 0;
        }
        code = code < 0 ? code : copy_document(op, state, record.doc);
        if (command_is_paused(code)) {
            store_scan_retry(&state->scan);
        }
        if (code < 0) {
            return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
        }
    }
    store_scan_pause(&state->scan);
    return -LT_EYIELD;
}

/* ---- the commands ---- */

static int copy_finish(struct command_op *op, struct capped_copy *state)
{
    struct store_collection *source = store_catalog_find(op->writer->catalog, state->from);
    struct store_collection *copy = store_catalog_find(op->writer->catalog, state->temporary);
    bool replaces = slice_equal(state->to, state->from);
    if (source == NULL || source->id != state->source->id || copy == NULL) {
        return copy_missing(op, state->from);
    }
    int code = copy_check_free(op, state);
    if (code < 0) {
        return code;
    }
    if (store_writer_changes(op->writer, source->id) != state->changes) {
        copy_end(op, state);
        return -LT_EYIELD;
    }
    state->finished = true;
    return command_rename(op, copy, replaces ? source : NULL, state->to);
}

static int copy_run(struct command_op *op, struct capped_copy *state)
{
    int code = state->started ? 0 : copy_start(op, state);
    code = code < 0 ? code : copy_documents(op, state);
    return code < 0 ? code : copy_finish(op, state);
}

/* `size` as a client gave it. */
static int copy_open(struct command_op *op, const struct capped_copy *copy, int64_t size)
{
    if (size <= 0) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Capped collection size must be greater than zero");
    }
    int code = command_capped_check_size(op, "size", size);
    code = code < 0 ? code : command_view_refuse(op, copy->from);
    code = code < 0 ? code : command_view_refuse(op, copy->to);
    code = code < 0 ? code : command_owner_freeze(op, copy->from);
    if (code < 0) {
        return code;
    }
    struct capped_copy *state = arena_zero(&op->arena, 1, sizeof *state);
    *state = *copy;
    state->size = command_capped_size(size);
    op->state = state;
    op->release = copy_release;
    return 0;
}

static int convert_open(struct command_op *op)
{
    static const struct command_arg table[] = {{"size", COMMAND_ARG_INT, 0, COMMAND_ARG_REQUIRED},
                                               {NULL}};
    struct capped_copy copy = {.size = 0};
    int64_t size = 0;
    int code = command_args(op, table, &size);
    code = code < 0 ? code : command_namespace(op, &copy.from);
    copy.to = copy.from;
    return code < 0 ? code : copy_open(op, &copy, size);
}

int command_convert_to_capped(struct command_op *op)
{
    int code = op->state == NULL ? convert_open(op) : 0;
    return code < 0 ? code : copy_run(op, op->state);
}

/* A name that a user may give, or that of the profiler's collection. */
static int clone_check_name(struct command_op *op, struct slice ns)
{
    struct slice name = slice_from(ns, op->db.len + 1);
    if (slice_starts(name, SLICE("system.buckets."))) {
        return err_set(&op->err, LT_EILLEGALOPERATION,
                       "cannot copy from or to buckets of a time-series collection: %.*s",
                       SLICE_FMT(ns));
    }
    return slice_is(name, "system.profile") ? 0 : command_check_new_name(op, ns);
}

static int clone_target(struct command_op *op, struct slice *ret_ns)
{
    struct doc_value to = doc_get_str(op->body, "toCollection");
    struct slice name = to.type == DOC_STRING ? doc_value_get_string(to) : (struct slice){0};
    int code = command_check_collection(op->db, name, &op->err);
    if (code == 0) {
        *ret_ns = command_join(&op->arena, op->db, name);
        code = clone_check_name(op, *ret_ns);
    }
    return code;
}

static int clone_open(struct command_op *op)
{
    struct capped_copy copy = {.size = 0};
    struct doc_value size = doc_get_str(op->body, "size");
    int code = command_namespace(op, &copy.from);
    code = code < 0 ? code : clone_check_name(op, copy.from);
    code = code < 0 ? code : clone_target(op, &copy.to);
    if (code < 0) {
        return code;
    }
    if (slice_equal(copy.from, copy.to)) {
        return err_set(&op->err, LT_ENAMESPACEEXISTS, "a collection cannot be cloned as itself");
    }
    return copy_open(op, &copy, doc_value_is_number(size) ? doc_value_to_i64_clamped(size) : 0);
}

int command_clone_as_capped(struct command_op *op)
{
    int code = op->state == NULL ? clone_open(op) : 0;
    return code < 0 ? code : copy_run(op, op->state);
}
