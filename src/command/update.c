/* command/update.c - the update command: statement by statement. */
#include "command/handlers.h"
#include "command/server.h"
#include "command/updating.h"
#include "doc/view.h"

struct update_state {
    struct slice ns;
    struct slice let;
    bool bypass;
    struct command_statements statements;
    struct command_updating updating; /* the statement in hand */
};

/* One element of `updates`. */
struct update_statement {
    struct command_updating_spec spec;
};

static const struct command_arg update_args[] = {
    {"ordered", COMMAND_ARG_BOOL, offsetof(struct update_state, statements.ordered), 0},
    {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct update_state, bypass), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct update_state, let), 0},
    {"updates", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtId", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtIds", COMMAND_ARG_IGNORE, 0, 0},
    {"isTimeseriesNamespace", COMMAND_ARG_IGNORE, 0, 0},
    {"runtimeConstants", COMMAND_ARG_IGNORE, 0, 0},
    {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static const struct command_arg update_statement_args[] = {
    {"q", COMMAND_ARG_DOC, offsetof(struct update_statement, spec.filter), COMMAND_ARG_REQUIRED},
    {"u", COMMAND_ARG_VALUE, offsetof(struct update_statement, spec.update), COMMAND_ARG_REQUIRED},
    {"c", COMMAND_ARG_VALUE, offsetof(struct update_statement, spec.constants), 0},
    {"arrayFilters", COMMAND_ARG_VALUE, offsetof(struct update_statement, spec.array_filters), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct update_statement, spec.hint), 0},
    {"sort", COMMAND_ARG_DOC, offsetof(struct update_statement, spec.sort), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct update_statement, spec.collation), 0},
    {"multi", COMMAND_ARG_BOOL, offsetof(struct update_statement, spec.multi), 0},
    {"upsert", COMMAND_ARG_BOOL, offsetof(struct update_statement, spec.upsert), 0},
    {"upsertSupplied", COMMAND_ARG_IGNORE, 0, 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {"allowShardKeyUpdatesWithoutFullShardKeyInQuery", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void update_release(struct command_op *op)
{
    struct update_state *state = op->state;
    command_updating_end(op, &state->updating);
}

static int update_begin(struct command_op *op, struct update_state **ret_state)
{
    struct update_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->statements.ordered = true;
    int code = command_args(op, update_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : command_statements_open(op, "updates", &state->statements);
    if (code < 0) {
        return code;
    }
    *ret_state = op->state = state;
    op->release = update_release;
    return 0;
}

static int update_parse_statement(struct command_op *op, struct update_state *state)
{
    static const struct command_args_spec spec = {"update.updates", update_statement_args, false,
                                                  false};
    struct update_statement statement = {
        .spec = {.ns = state->ns, .let = state->let, .bypass = state->bypass}};
    struct slice doc;
    command_docs_next(&state->statements.docs, &doc);
    int code = command_args_read(&spec, doc, &statement, &op->err);
    code = code < 0 ? code : command_check_single(op, !statement.spec.multi, "multi=true");
    state->updating.spec = statement.spec;
    return code;
}

static int update_step(struct command_op *op)
{
    struct update_state *state = op->state;
    struct command_results *results = &state->statements.results;
    struct command_updating *updating = &state->updating;
    int code = updating->running ? 0 : update_parse_statement(op, state);
    if (code < 0) {
        return code;
    }
    code = command_updating_step(op, updating);
    if (command_is_paused(code)) {
        return code;
    }
    bool upserted = updating->upserted.len > 0;
    if (upserted) {
        command_results_upserted(results, state->statements.index,
                                 doc_get_str(updating->upserted, "_id"));
    }
    results->n += updating->matched + upserted;
    results->n_modified += updating->modified;
    command_updating_end(op, updating);
    return code;
}

int command_update(struct command_op *op)
{
    struct update_state *state = op->state;
    int code = state == NULL ? update_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    code = command_statements_run(op, &state->statements, update_step);
    if (code < 0) {
        return code;
    }
    atomic_fetch_add(&op->server->opcounters.update, state->statements.index);
    doc_build_i32(&op->builder, "n", (int32_t)state->statements.results.n);
    command_results_build_upserted(&state->statements.results, op);
    doc_build_i32(&op->builder, "nModified", (int32_t)state->statements.results.n_modified);
    command_results_build(&state->statements.results, op);
    return 0;
}
