/* command/merge.c - $merge: each document updates the one that has the same `on`, or is inserted.
 *
 * A document is what an update statement would be: a filter on `on`, and by mode {$set: document},
 * {$setOnInsert: document}, the document as replacement, or a pipeline that knows it as `new`. They
 * come in batches: when one fails the others of its batch are still written, then the command ends
 * with the first error. */
#include "command/merge.h"

#include "command/updating.h"
#include "doc/view.h"
#include "query/expr.h"

enum { MERGE_BATCH_DOCS = COMMAND_BATCH_MAX, MERGE_BATCH_BYTES = 16 << 20 };

struct merge_state {
    const struct command_merge *merge;
    struct slice simple; /* {locale: "simple"} */
    bool prepared;       /* the statement is the document's in hand, */
    struct slice doc;    /* which is this, as it is stored */
    struct command_updating updating;
    uint32_t batch_docs;
    uint64_t batch_bytes;
    struct err failed; /* the first error of the batch; code 0: none */
};

/* Comparing by bytes has to be said where the target's own collation is another. */
static struct slice merge_simple(struct arena *arena)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_text(builder, "locale", "simple");
    return doc_build_end(builder);
}

static int merge_open(struct command_op *op, struct command_sink *sink)
{
    struct merge_state *state = arena_zero(&op->arena, 1, sizeof *state);
    struct store_collection *target;
    sink->state = state;
    state->simple = merge_simple(&op->arena);
    state->merge = (const struct command_merge *)sink->spec;
    return command_write_collection(op, sink->spec->ns, false, &target);
}

/* ---- the filter ---- */

struct merge_value {
    struct doc_value value;
    bool array; /* it is one, or in one */
};

static bool merge_hit(void *context, const struct doc_path_hit *hit)
{
    struct merge_value *found = context;
    found->value = hit->value;
    found->array = hit->through_array || hit->at_index || hit->value.type == DOC_ARRAY;
    return true;
}

static int merge_on_value(const struct command_merge *merge, const struct doc_path *path,
                          struct slice doc, struct doc_value *ret_value, struct err *err)
{
    struct merge_value found = {.value = doc_missing, .array = true};
    doc_path_visit(path, doc, merge_hit, &found);
    if (found.array) {
        return err_set(err, 51185,
                       "$merge write error: 'on' field '%.*s' is an array or goes through one",
                       SLICE_FMT(path->text));
    }
    bool none = doc_value_is_nullish(found.value) || found.value.type == DOC_UNDEFINED;
    if (none && !merge->takes_null) {
        return err_set(err, 51132,
                       "$merge write error: 'on' field '%.*s' cannot be missing, null or undefined",
                       SLICE_FMT(path->text));
    }
    *ret_value = none ? doc_null : found.value;
    return 0;
}

/* {field: {$eq: value}, ...}: no value is taken for a condition. */
static int merge_filter(const struct command_merge *merge, struct slice doc, struct arena *arena,
                        struct slice *ret_filter, struct err *err)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    for (uint32_t i = 0; i < merge->on_count; i++) {
        struct doc_value value;
        int code = merge_on_value(merge, &merge->on[i], doc, &value, err);
        if (code < 0) {
            return code;
        }
        doc_build_open(builder, merge->on[i].text);
        doc_build_value(builder, SLICE("$eq"), value);
        doc_build_close(builder);
    }
    *ret_filter = doc_build_end(builder);
    return 0;
}

/* ---- the update ---- */

static struct doc_value merge_operator(struct arena *arena, const char *name, struct slice doc)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_doc(builder, name, doc);
    return doc_value_object(doc_build_end(builder));
}

/* The variables of the pipeline: `new` and what `let` says, of the source's document. */
static int merge_constants(const struct command_merge *merge, struct command_sink *sink,
                           struct slice doc, struct doc_value *ret_constants, struct err *err)
{
    struct doc_builder *builder = arena_alloc(&sink->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&sink->arena, sizeof *buf);
    buf_init(buf, &sink->arena);
    doc_build_begin(builder, buf);
    doc_build_doc(builder, "new", doc);
    sink->eval.root = doc_value_object(doc);
    for (uint32_t i = 0; i < merge->variables_count; i++) {
        struct doc_value value;
        int code = query_expr_eval(merge->variables[i].value, &sink->eval, &value, err);
        if (code < 0) {
            return code;
        }
        if (doc_value_exists(value)) {
            doc_build_value(builder, merge->variables[i].name, value);
        }
    }
    *ret_constants = doc_value_object(doc_build_end(builder));
    return 0;
}

static int merge_update(const struct command_merge *merge, struct command_sink *sink,
                        struct slice doc, struct command_updating_spec *spec, struct err *err)
{
    switch (merge->matched) {
    case COMMAND_MERGE_MERGE:
        spec->update = merge_operator(&sink->arena, "$set", doc);
        return 0;
    case COMMAND_MERGE_KEEP:
        spec->update = merge_operator(&sink->arena, "$setOnInsert", doc);
        return 0;
    case COMMAND_MERGE_PIPELINE:
        spec->update = merge->pipeline;
        spec->supplied = doc;
        return merge_constants(merge, sink, doc, &spec->constants, err);
    default:
        spec->update = doc_value_object(doc);
        return 0;
    }
}

/* Make the statement. The _id is made here when documents are found by it. */
static int merge_prepare(struct command_op *op, struct command_sink *sink)
{
    struct merge_state *state = sink->state;
    const struct command_merge *merge = state->merge;
    struct command_updating_spec spec = {.ns = sink->spec->ns,
                                         .upsert = merge->unmatched == COMMAND_MERGE_INSERT,
                                         .bypass = sink->bypass};
    const struct doc_collation *collation = sink->eval.context->collation;
    spec.collation = collation == NULL ? state->simple : doc_collation_spec(collation);
    bool wants_id = merge->on_id || merge->matched == COMMAND_MERGE_FAIL;
    int code = 0;
    state->doc = sink->doc;
    if (wants_id || doc_value_exists(doc_get_str(sink->doc, "_id"))) {
        code = command_prepare_document(op, sink->doc, &sink->arena, &state->doc);
    }
    code = code < 0 ? code : merge_filter(merge, state->doc, &sink->arena, &spec.filter, &op->err);
    code = code < 0 ? code : merge_update(merge, sink, state->doc, &spec, &op->err);
    state->updating.spec = spec;
    state->prepared = code == 0;
    return code;
}

/* ---- writing ---- */

static int merge_insert(struct command_op *op, struct command_sink *sink)
{
    const struct merge_state *state = sink->state;
    const struct command_insertion insertion = {sink->spec->ns, sink->bypass, &sink->arena};
    return command_insert_document(op, &insertion, state->doc);
}

static int merge_write(struct command_op *op, struct command_sink *sink)
{
    struct merge_state *state = sink->state;
    struct command_updating *updating = &state->updating;
    if (state->merge->matched == COMMAND_MERGE_FAIL) {
        return merge_insert(op, sink);
    }
    int code = command_updating_step(op, updating);
    if (command_is_paused(code)) {
        return code;
    }
    bool found = updating->matched > 0 || updating->upserted.len > 0;
    if (code == 0 && !found && state->merge->unmatched == COMMAND_MERGE_MISSING_FAILS) {
        code = err_set(&op->err, 13113,
                       "$merge could not find a matching document in the target collection for at "
                       "least one document in the source collection");
    }
    command_updating_end(op, updating);
    return code;
}

/* The batch is full, or the last one: does it end the command? */
static int merge_end_batch(struct command_op *op, struct merge_state *state)
{
    state->batch_docs = 0;
    state->batch_bytes = 0;
    if (state->failed.code != 0) {
        op->err = state->failed;
    }
    return -state->failed.code;
}

static int merge_put(struct command_op *op, struct command_sink *sink)
{
    struct merge_state *state = sink->state;
    int code = state->prepared ? 0 : merge_prepare(op, sink);
    if (code < 0) {
        return code;
    }
    code = merge_write(op, sink);
    if (command_is_paused(code)) {
        return code;
    }
    state->prepared = false;
    if (command_write_is_fatal(code)) {
        return code;
    }
    if (code < 0 && state->failed.code == 0) {
        state->failed = op->err;
        state->failed.info = arena_copy(&op->arena, op->err.info);
    }
    op->err.code = 0;
    state->batch_docs++;
    state->batch_bytes += sink->doc.len;
    bool full = state->batch_docs == MERGE_BATCH_DOCS || state->batch_bytes >= MERGE_BATCH_BYTES;
    return full ? merge_end_batch(op, state) : 0;
}

static int merge_finish(struct command_op *op, struct command_sink *sink)
{
    return merge_end_batch(op, sink->state);
}

static void merge_close(struct command_op *op, struct command_sink *sink)
{
    struct merge_state *state = sink->state;
    command_updating_end(op, &state->updating);
}

const struct command_sink_ops command_merge_sink = {merge_open, merge_put, merge_finish,
                                                    merge_close};
