/* command/insert.c - the insert command: document by document, at the owner.
 *
 * A document that must wait for the disk (a unique key that is not in memory) is tried again; the
 * ones before it stay done. Slices of COMMAND_SLICE_DOCS keep the owner's loop free. */
#include "command/handlers.h"
#include "command/series_insert.h"
#include "command/server.h"
#include "command/validator.h"
#include "command/write.h"

struct insert_state {
    bool bypass;
    struct slice ns;
    struct command_statements statements;
    struct slice doc; /* prepared, waiting to be tried again; empty: take the next */
    bool is_series;
    struct command_series_batch *series;
};

static const struct command_arg insert_args[] = {
    {"ordered", COMMAND_ARG_BOOL, offsetof(struct insert_state, statements.ordered), 0},
    {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct insert_state, bypass), 0},
    {"documents", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtId", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtIds", COMMAND_ARG_IGNORE, 0, 0},
    {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void insert_release(struct command_op *op)
{
    struct insert_state *state = op->state;
    command_series_insert_end(state->series);
}

static int insert_begin(struct command_op *op, struct insert_state **ret_state)
{
    struct insert_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->statements.ordered = true;
    int code = command_args(op, insert_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : command_statements_open(op, "documents", &state->statements);
    if (code < 0) {
        return code;
    }
    *ret_state = op->state = state;
    op->release = insert_release;
    state->is_series = command_series_is(store_catalog_find_any(op->writer->catalog, state->ns));
    return 0;
}

int command_insert_document(struct command_op *op, const struct command_insertion *insertion,
                            struct slice doc)
{
    struct store_collection *collection;
    struct command_series series;
    int code = command_write_collection(op, insertion->ns, true, &collection);
    if (code == -LT_ECOMMANDNOTSUPPORTEDONVIEW &&
        command_series_find(&op->arena, op->writer->catalog, insertion->ns, &series)) {
        op->err.code = 0;
        return command_series_insert_one(op, &series, doc, insertion->arena);
    }
    if (code == 0 && !insertion->bypass) {
        code = command_validate(op, collection, (struct slice){0}, doc);
    }
    if (code == 0) {
        struct store_write write = {op->writer, collection, insertion->arena, &op->err};
        code = store_insert(&write, doc);
    }
    return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
}

static int insert_prepare(struct command_op *op, struct insert_state *state)
{
    struct slice doc;
    command_docs_next(&state->statements.docs, &doc);
    return command_prepare_document(op, doc, &op->arena, &state->doc);
}

static int insert_step(struct command_op *op)
{
    struct insert_state *state = op->state;
    const struct command_insertion insertion = {state->ns, state->bypass, &op->arena};
    int code = state->doc.len > 0 ? 0 : insert_prepare(op, state);
    code = code < 0 ? code : command_insert_document(op, &insertion, state->doc);
    if (!command_is_paused(code)) {
        state->doc = (struct slice){0};
        state->statements.results.n += code == 0;
    }
    return code;
}

int command_insert(struct command_op *op)
{
    struct insert_state *state = op->state;
    int code = state == NULL ? insert_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    code = state->is_series
               ? command_series_insert(op, state->ns, &state->statements, &state->series)
               : command_statements_run(op, &state->statements, insert_step);
    if (code < 0) {
        return code;
    }
    atomic_fetch_add(&op->server->opcounters.insert, (uint64_t)state->statements.results.n);
    doc_build_i32(&op->builder, "n", (int32_t)state->statements.results.n);
    command_results_build(&state->statements.results, op);
    return 0;
}
