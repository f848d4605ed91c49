/* command/defaults.c - getDefaultRWConcern and setDefaultRWConcern.
 *
 * What was set is one document under a key of the system's, written through the log like everything
 * else, and read from there whenever it is asked for. Nothing else looks at it: what may be a
 * default asks for less than every read and write does here (concern.h). */
#include "command/concern.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/keys.h"

#define DEFAULTS_READ "defaultReadConcern"
#define DEFAULTS_WRITE "defaultWriteConcern"

/* The stored document, in the op's arena; an empty one when nothing was ever set. */
static int defaults_load(struct command_op *op, struct store_view *view, struct slice *ret_doc)
{
    struct store_pin pin;
    int code = store_view_get(view, store_key_defaults, &pin);
    if (code == -LT_EAGAIN) {
        return command_wants(op, view, false);
    }
    if (code < 0 && code != -LT_ENOSUCHKEY) {
        return code;
    }
    *ret_doc = doc_value_get_doc(doc_empty_object);
    if (code == 0) {
        *ret_doc = arena_copy(&op->arena, pin.value);
        store_pin_release(&pin);
    }
    return 0;
}

/* The reply: what was set, and where it was not, what holds without. */
static void defaults_build(struct command_op *op, struct slice doc)
{
    struct doc_builder *builder = &op->builder;
    bool reads = doc_value_exists(doc_get_str(doc, DEFAULTS_READ));
    bool writes = doc_value_exists(doc_get_str(doc, DEFAULTS_WRITE));
    struct doc_value updated = doc_get_str(doc, "updateWallClockTime");
    if (!reads) {
        doc_build_open(builder, SLICE(DEFAULTS_READ));
        doc_build_text(builder, "level", "local");
        doc_build_close(builder);
    }
    if (!writes) {
        doc_build_open(builder, SLICE(DEFAULTS_WRITE));
        doc_build_text(builder, "w", "majority");
        doc_build_i32(builder, "wtimeout", 0);
        doc_build_close(builder);
    }
    doc_build_fields(builder, doc);
    doc_build_text(builder, DEFAULTS_WRITE "Source", writes ? "global" : "implicit");
    doc_build_text(builder, DEFAULTS_READ "Source", reads ? "global" : "implicit");
    doc_build_date(builder, "localUpdateWallClockTime",
                   doc_value_exists(updated) ? doc_value_get_i64(updated) : op->server->started_ms);
}

static const struct command_arg defaults_get_args[] = {
    {"inMemory", COMMAND_ARG_STRICT_BOOL, 0, 0},
    {NULL},
};

int command_get_default_rw_concern(struct command_op *op)
{
    bool in_memory = false;
    struct slice doc;
    struct store_view view;
    int code = command_args(op, defaults_get_args, &in_memory);
    if (code < 0) {
        return code;
    }
    store_view_init(&view, op->server->kv, NULL);
    view.wait = op->wait;
    code = defaults_load(op, &view, &doc);
    store_view_close(&view);
    if (code < 0) {
        return code;
    }
    defaults_build(op, doc);
    if (in_memory) {
        doc_build_bool(&op->builder, "inMemory", true);
    }
    return 0;
}

/* ---- setting ---- */

struct defaults_args {
    struct slice read;
    struct slice write;
};

static const struct command_arg defaults_set_args[] = {
    {DEFAULTS_READ, COMMAND_ARG_DOC, offsetof(struct defaults_args, read), 0},
    {DEFAULTS_WRITE, COMMAND_ARG_DOC, offsetof(struct defaults_args, write), 0},
    {NULL},
};

static int defaults_check_provenance(struct command_op *op, const char *name, struct slice doc)
{
    if (!doc_value_exists(doc_get_str(doc, "provenance"))) {
        return 0;
    }
    return err_set(&op->err, LT_EINVALIDOPTIONS, "'provenance' must not be given in %s", name);
}

static int defaults_check_read(struct command_op *op, struct slice doc)
{
    struct slice level = {0};
    const struct command_arg args[] = {{"level", COMMAND_ARG_STRING, 0, 0}, {NULL}};
    const struct command_args_spec spec = {DEFAULTS_READ, args, false, false};
    static const char *const suitable[] = {"local", "available", "majority"};
    int code = defaults_check_provenance(op, DEFAULTS_READ, doc);
    code = code < 0 ? code : command_args_read(&spec, doc, &level, &op->err);
    if (code < 0 || doc_is_empty(doc)) {
        return code;
    }
    for (size_t i = 0; i < sizeof suitable / sizeof suitable[0] && level.data != NULL; i++) {
        if (slice_is(level, suitable[i])) {
            return 0;
        }
    }
    return err_set(&op->err, LT_EBADVALUE,
                   "level: '%.*s' is not suitable for the default read concern", SLICE_FMT(level));
}

/* As the concern of a write, which this set must be able to meet, and which waits for something. */
static int defaults_check_write(struct command_op *op, struct slice doc)
{
    struct command_write_concern concern = {0};
    int code = defaults_check_provenance(op, DEFAULTS_WRITE, doc);
    code = code < 0 ? code : command_check_write_concern(op, doc, &concern);
    if (code < 0) {
        return code;
    }
    if (concern.unmet != 0) {
        struct slice text = command_concern_text(op, &concern);
        return err_set(&op->err, concern.unmet, "%.*s", SLICE_FMT(text));
    }
    struct doc_value w = doc_get_str(doc, "w");
    if (doc_value_is_number(w) && doc_value_to_double(w) < 1) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Unacknowledged write concern is not suitable for the default write "
                       "concern");
    }
    return 0;
}

/* What holds from now on: the new ones, and of the old those that are not given. */
static struct slice defaults_merge(struct command_op *op, const struct defaults_args *args,
                                   struct slice old)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct doc_value read =
        args->read.data != NULL ? doc_value_object(args->read) : doc_get_str(old, DEFAULTS_READ);
    struct doc_value write = doc_get_str(old, DEFAULTS_WRITE);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (doc_value_exists(read) && !doc_is_empty(doc_value_get_doc(read))) {
        doc_build_value(builder, SLICE(DEFAULTS_READ), read);
    }
    if (args->write.data != NULL && !doc_is_empty(args->write)) {
        doc_build_open(builder, SLICE(DEFAULTS_WRITE));
        command_build_write_concern(builder, args->write);
        doc_build_close(builder);
    } else if (doc_value_exists(write)) {
        doc_build_value(builder, SLICE(DEFAULTS_WRITE), write);
    }
    doc_build_timestamp(builder, "updateOpTime", op->writer->clock);
    doc_build_date(builder, "updateWallClockTime", op->wall_ms);
    return doc_build_end(builder);
}

static int defaults_check(struct command_op *op, const struct defaults_args *args)
{
    if (args->read.data == NULL && args->write.data == NULL) {
        return err_set(&op->err, LT_EBADVALUE,
                       "At least one of the \"" DEFAULTS_READ "\" or \"" DEFAULTS_WRITE
                       "\" fields must be present");
    }
    int code = args->read.data == NULL ? 0 : defaults_check_read(op, args->read);
    return code < 0 || args->write.data == NULL ? code : defaults_check_write(op, args->write);
}

int command_set_default_rw_concern(struct command_op *op)
{
    struct defaults_args args = {0};
    struct slice old;
    int code = command_args(op, defaults_set_args, &args);
    code = code < 0 ? code : defaults_check(op, &args);
    code = code < 0 ? code : defaults_load(op, &op->writer->view, &old);
    if (code < 0) {
        return code;
    }
    bool unsets = args.write.data != NULL && doc_is_empty(args.write);
    if (unsets && doc_value_exists(doc_get_str(old, DEFAULTS_WRITE))) {
        return err_set(&op->err, LT_EILLEGALOPERATION,
                       "The global default write concern cannot be unset once it is set.");
    }
    struct slice doc = defaults_merge(op, &args, old);
    store_writer_put(op->writer, store_key_defaults, doc);
    defaults_build(op, doc);
    return 0;
}
