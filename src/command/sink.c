/* command/sink.c - pulling a pipeline into its last stage, slice by slice. */
#include "command/sink.h"

#include "command/args.h"
#include "command/results.h"
#include "command/write.h"
#include "doc/view.h"

bool command_aggregate_writes(struct slice body)
{
    struct doc_value pipeline = doc_get_str(body, "pipeline");
    struct doc_iter iter;
    struct doc_elem elem = {0};
    if (pipeline.type != DOC_ARRAY || doc_value_truth(doc_get_str(body, "explain"))) {
        return false;
    }
    doc_iter_value(&iter, pipeline);
    while (doc_iter_next(&iter, &elem)) {
    }
    if (elem.value.type != DOC_OBJECT) {
        return false;
    }
    struct slice name = doc_first(doc_value_get_doc(elem.value)).name;
    return slice_is(name, "$out") || slice_is(name, "$merge");
}

/* ---- running ---- */

static void sink_release(struct command_op *op)
{
    struct command_sink *sink = op->state;
    struct err first = op->err;
    if (sink->opened) {
        sink->spec->ops->close(op, sink);
    }
    command_cursor_free(sink->cursor);
    arena_close(&sink->arena);
    op->err = first;
}

int command_sink_begin(struct command_op *op, struct command_cursor *cursor, bool bypass)
{
    struct command_sink *sink = arena_zero(&op->arena, 1, sizeof *sink);
    const struct command_results_plan *plan = cursor->plan;
    const struct query_pipeline *pipeline = plan->pipeline;
    sink->spec = pipeline->stages[pipeline->count - 1].parsed;
    sink->cursor = cursor;
    sink->bypass = bypass;
    arena_init(&sink->arena);
    sink->eval = plan->eval;
    sink->eval.arena = &sink->arena;
    op->state = sink;
    op->release = sink_release;
    if (op->txn != NULL) {
        return err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                       "Stage not supported inside of a multi-document transaction: %s",
                       sink->spec->name);
    }
    sink->opened = true;
    int code = sink->spec->ops->open(op, sink);
    return code < 0 ? code : command_sink_run(op);
}

/* 1 a document is in hand, 0 there are no more, negative. */
static int sink_pull(struct command_op *op, struct command_sink *sink)
{
    struct slice doc;
    if (sink->doc.len > 0 || sink->ended) {
        return sink->doc.len > 0;
    }
    int code = sink->cursor->next(sink->cursor, &doc, &op->err);
    if (code > 0) {
        arena_reset(&sink->arena);
        sink->doc = arena_copy(&sink->arena, doc);
    }
    sink->ended = code == 0;
    return code;
}

/* What the cursor waits for it says itself; a write has said so. Either lets go of iterators. */
static int sink_step(struct command_op *op, struct command_sink *sink)
{
    for (uint32_t i = 0; i < COMMAND_SLICE_DOCS && !command_entry_is_full(op); i++) {
        int code = sink_pull(op, sink);
        if (code <= 0) {
            return command_is_paused(code) ? command_cursor_pause(op, sink->cursor, code) : code;
        }
        code = sink->spec->ops->put(op, sink);
        if (code < 0) {
            command_cursor_pause(op, sink->cursor, -LT_EYIELD);
            return code;
        }
        sink->doc = (struct slice){0};
    }
    return command_cursor_pause(op, sink->cursor, -LT_EYIELD);
}

static void sink_reply(struct command_op *op, const struct command_sink *sink)
{
    doc_build_open(&op->builder, SLICE("cursor"));
    doc_build_open_array(&op->builder, SLICE("firstBatch"));
    doc_build_close(&op->builder);
    doc_build_i64(&op->builder, "id", 0);
    doc_build_string(&op->builder, "ns", sink->cursor->ns);
    doc_build_close(&op->builder);
}

int command_sink_run(struct command_op *op)
{
    struct command_sink *sink = op->state;
    int code = sink->cursor->has_read ? command_cursor_slice(op, sink->cursor) : 0;
    code = code < 0 ? code : sink_step(op, sink);
    code = code < 0 ? code : sink->spec->ops->finish(op, sink);
    if (code == 0) {
        sink_reply(op, sink);
    }
    return code;
}

/* ---- what the stages share ---- */

int command_sink_check_fields(const char *name, struct slice spec, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value first = doc_get(spec, elem.name);
        if (first.data != elem.value.data) {
            return err_set(err, 40413, "BSON field '%s.%.*s' is a duplicate field", name,
                           SLICE_FMT(elem.name));
        }
    }
    return 0;
}

int command_sink_resolve(const struct query_stage_parse *parse,
                         const struct command_sink_target *target, struct slice *ret_ns,
                         struct err *err)
{
    static const char *const internal[] = {"admin", "config", "local"};
    const struct command_cursor *cursor = parse->options->owner;
    const char *name = parse->ops->name;
    struct slice db = target->db.data == NULL ? command_db_of(cursor->ns) : target->db;
    int code = command_check_db(db, err);
    code = code < 0 ? code : command_check_collection(db, target->coll, err);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; i < sizeof internal / sizeof internal[0]; i++) {
        if (slice_is(db, internal[i])) {
            return err_set(err, target->database_code, "Cannot %s to internal database: %s", name,
                           internal[i]);
        }
    }
    if (slice_starts(target->coll, SLICE("system."))) {
        return err_set(err, target->system_code, "Cannot %s to special collection: %.*s", name,
                       SLICE_FMT(target->coll));
    }
    *ret_ns = command_join(parse->context->arena, db, target->coll);
    return 0;
}

int command_sink_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    return query_stage_pull(self, ret_doc, err);
}
