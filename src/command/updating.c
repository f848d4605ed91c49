/* command/updating.c - find, change, and when nothing was found insert. */
#include "command/updating.h"

#include "command/collation.h"
#include "command/series_write.h"
#include "command/server.h"
#include "command/validator.h"
#include "doc/view.h"

/* What is updated; of a time series its buckets. */
static int updating_collection(struct command_op *op, struct command_updating *updating,
                               struct store_collection **ret_collection)
{
    struct command_series series;
    struct slice ns = updating->spec.ns;
    int code = command_write_collection(op, ns, false, ret_collection);
    updating->rows = NULL;
    if (code == -LT_ECOMMANDNOTSUPPORTEDONVIEW &&
        command_series_find(&op->arena, op->writer->catalog, ns, &series)) {
        op->err.code = 0;
        *ret_collection = series.buckets;
        code = command_series_update(op, &series, &updating->spec, &updating->rows);
    }
    return code;
}

static int updating_begin(struct command_op *op, struct command_updating *updating)
{
    const struct command_updating_spec *spec = &updating->spec;
    struct store_collection *collection;
    int code = updating_collection(op, updating, &collection);
    if (code < 0) {
        return code;
    }
    if (spec->multi && spec->sort.len > 0) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "Cannot specify sort with multi=true");
    }
    updating->running = true;
    command_target_init(op, &updating->target, (struct slice){0});
    struct command_target_spec target = {.collection = collection,
                                         .filter = spec->filter,
                                         .sort = spec->sort,
                                         .hint = spec->hint,
                                         .bypass = spec->bypass};
    struct query_update_spec update = {
        .update = spec->update,
        .delta = spec->delta,
        .array_filters = spec->array_filters,
        .constants = spec->constants,
        .multi = spec->multi,
        .upsert = spec->upsert,
    };
    struct query_context *context = &updating->target.context;
    code = command_collation(op, spec->collation, collection, context);
    code = code < 0 ? code : command_let(op, context, spec->let);
    code = code < 0 ? code : query_update_parse(context, &update, &updating->update, &op->err);
    code = code < 0 ? code : command_target_open(op, &updating->target, &target);
    if (code == 0) {
        command_target_begin(&updating->target);
    }
    return code;
}

/* Change one document. */
static int updating_document(struct command_op *op, struct command_updating *updating,
                             struct slice doc)
{
    struct store_collection *collection;
    struct command_target *target = &updating->target;
    int64_t count = updating->rows == NULL ? 1 : query_series_count(updating->rows, doc);
    struct query_update_io io = {.doc = doc, .array_index = target->read.array_index};
    int code = query_update_apply(updating->update, &target->read.eval, &io, &op->err);
    code = code < 0 ? code : command_target_collection(op, target, &collection);
    if (code < 0) {
        return code;
    }
    if (io.modified && !updating->spec.bypass) {
        code = command_validate(op, collection, doc, io.new_doc);
        if (code < 0) {
            return code;
        }
    }
    if (io.modified) {
        struct store_write write = {op->writer, collection, &target->read.scratch, &op->err,
                                    query_update_is_replacement(updating->update)};
        code = store_update(&write, doc, io.new_doc);
        if (command_is_paused(code)) {
            return command_target_again(op, target, doc, code);
        }
        if (code < 0) {
            return code;
        }
    }
    updating->matched += count;
    updating->modified += io.modified ? count : 0;
    return 0;
}

static int updating_run(struct command_op *op, struct command_updating *updating)
{
    const struct command_updating_spec *spec = &updating->spec;
    struct slice doc;
    int code;
    command_target_slice(op, &updating->target);
    while ((code = command_target_next(op, &updating->target, &doc)) > 0) {
        code = updating_document(op, updating, doc);
        if (code < 0) {
            return code;
        }
        if (!spec->multi) {
            return 0;
        }
        if (command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
    }
    if (code == 0 && updating->matched == 0 && spec->upsert) {
        const struct command_upsert upsert = {updating->update, spec->ns, spec->supplied};
        code = command_target_upsert(op, &updating->target, &upsert, &updating->upserted);
    }
    return code;
}

int command_updating_step(struct command_op *op, struct command_updating *updating)
{
    if (!updating->running) {
        updating->matched = 0;
        updating->modified = 0;
        updating->upserted = (struct slice){0};
    }
    int code = updating->running ? 0 : updating_begin(op, updating);
    code = code < 0 ? code : updating_run(op, updating);
    if (command_is_paused(code) && updating->running) {
        command_target_pause(&updating->target);
    }
    return code;
}

void command_updating_end(struct command_op *op, struct command_updating *updating)
{
    if (!updating->running) {
        return;
    }
    if (op->err.code != 0 && op->err.info.len > 0) {
        op->err.info = arena_copy(&op->arena, op->err.info);
    }
    command_target_close(&updating->target);
    updating->upserted = (struct slice){0};
    updating->running = false;
}
