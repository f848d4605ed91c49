/* command/deleting.c - find and delete. */
#include "command/deleting.h"

#include "command/collation.h"
#include "command/series_write.h"

static int deleting_begin(struct command_op *op, struct command_deleting *deleting)
{
    const struct command_deleting_spec *spec = &deleting->spec;
    struct store_collection *collection;
    struct command_series series;
    int code = command_write_collection(op, spec->ns, false, &collection);
    bool is_series = code == -LT_ECOMMANDNOTSUPPORTEDONVIEW &&
                     command_series_find(&op->arena, op->writer->catalog, spec->ns, &series);
    if (code < 0 && !is_series) {
        return code;
    }
    op->err.code = 0;
    deleting->running = true;
    deleting->series = NULL;
    command_target_init(op, &deleting->target, (struct slice){0});
    struct command_target_spec target = {
        .collection = is_series ? NULL : collection, .filter = spec->filter, .hint = spec->hint};
    struct query_context *context = &deleting->target.context;
    code = command_collation(op, spec->collation, is_series ? series.buckets : collection, context);
    code = code < 0 ? code : command_let(op, context, spec->let);
    if (code == 0 && is_series) {
        return command_series_delete_begin(op, &series, &target, &deleting->target,
                                           &deleting->series);
    }
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
    bool just_one = deleting->spec.just_one;
    if (code == 0 && deleting->series != NULL) {
        code = command_series_delete(op, deleting->series, &deleting->target, just_one,
                                     &deleting->deleted);
    } else if (code == 0) {
        code = command_target_delete(op, &deleting->target, just_one, &deleting->deleted);
    }
    if (command_is_paused(code) && deleting->running) {
        command_target_pause(&deleting->target);
    }
    return code;
}

void command_deleting_end(struct command_deleting *deleting)
{
    if (deleting->running) {
        command_series_delete_end(deleting->series);
        command_target_close(&deleting->target);
        deleting->running = false;
    }
}
