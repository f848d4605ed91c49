/* command/images.c - one option, checked and stored. */
#include "command/images.h"

#include "command/args.h"

struct images_args {
    bool enabled;
};

static const struct command_arg images_arg_table[] = {
    {"enabled", COMMAND_ARG_STRICT_BOOL, offsetof(struct images_args, enabled),
     COMMAND_ARG_REQUIRED},
    {NULL},
};

int command_images_option(struct command_op *op, struct slice *options, struct slice images)
{
    static const struct command_args_spec spec = {"changeStreamPreAndPostImages", images_arg_table,
                                                  false, false};
    struct images_args args = {0};
    int code = command_args_read(&spec, images, &args, &op->err);
    if (code == 0 &&
        (slice_is(op->db, "admin") || slice_is(op->db, "local") || slice_is(op->db, "config"))) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "changeStreamPreAndPostImages cannot be set in the database %.*s",
                       SLICE_FMT(op->db));
    }
    if (code < 0) {
        return code;
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, *options, "changeStreamPreAndPostImages");
    if (args.enabled) {
        doc_build_doc(builder, "changeStreamPreAndPostImages", images);
    }
    *options = doc_build_end(builder);
    return 0;
}
