/* command/deleting.c - find and delete. */
#include "command/deleting.h"

#include "command/collation.h"

static int deleting_begin(struct command_op *op, struct command_deleting *deleting)
{
    const struct command_deleting_spec *spec = &deleting->spec;
    struct store_collection *collection;
    int code = command_write_collection(op, spec->ns, false, &collection);
    if (code < 0) {
        return code;
    }
    deleting->running = true;
    command_target_init(op, &deleting->target, (struct slice){0});
    struct command_target_spec target = {
        .collection = collection, .filter = spec->filter, .hint = spec->hint};
    struct query_context *context = &deleting->target.context;
    code = command_collation(op, spec->collation, collection, context);
    code = code < 0 ? code : command_let(op, context, spec->let);
    code = code < 0 ? code : command_target_open(op, &deleting->target, &target);
    if (code == 0) {
        command_target_begin(&deleting->target);
    }
    return code;
}

int command_deleting_step(struct command_op *op, struct command_deleting *deleting)
{
    int code = 0;
    if (!deleting->running) {
        deleting->deleted = 0;
        code = deleting_begin(op, deleting);
    }
    code = code < 0 ? code
                    : command_target_delete(op, &deleting->target, deleting->spec.just_one,
                                            &deleting->deleted);
    if (command_is_paused(code) && deleting->running) {
        command_target_pause(&deleting->target);
    }
    return code;
}

void command_deleting_end(struct command_deleting *deleting)
{
    if (deleting->running) {
        command_target_close(&deleting->target);
        deleting->running = false;
    }
}
