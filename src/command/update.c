/* command/update.c - the update command: statement by statement, document by document. */
#include "query/update.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/target.h"
#include "doc/view.h"

/* One element of `updates`. */
struct update_statement {
    struct slice filter;
    struct doc_value update;
    struct doc_value constants;
    struct doc_value array_filters;
    struct doc_value hint;
    struct slice sort;
    struct slice collation;
    bool multi;
    bool upsert;
};

struct update_state {
    bool bypass;
    struct slice ns;
    struct slice let;
    struct command_statements statements;
    /* ---- the statement in hand ---- */
    bool running;
    struct update_statement statement;
    struct command_target target;
    struct query_update *update;
    int64_t matched;
    int64_t modified;
    bool did_upsert;
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
    {"q", COMMAND_ARG_DOC, offsetof(struct update_statement, filter), COMMAND_ARG_REQUIRED},
    {"u", COMMAND_ARG_VALUE, offsetof(struct update_statement, update), COMMAND_ARG_REQUIRED},
    {"c", COMMAND_ARG_VALUE, offsetof(struct update_statement, constants), 0},
    {"arrayFilters", COMMAND_ARG_VALUE, offsetof(struct update_statement, array_filters), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct update_statement, hint), 0},
    {"sort", COMMAND_ARG_DOC, offsetof(struct update_statement, sort), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct update_statement, collation), 0},
    {"multi", COMMAND_ARG_BOOL, offsetof(struct update_statement, multi), 0},
    {"upsert", COMMAND_ARG_BOOL, offsetof(struct update_statement, upsert), 0},
    {"upsertSupplied", COMMAND_ARG_IGNORE, 0, 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {"allowShardKeyUpdatesWithoutFullShardKeyInQuery", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void update_end_statement(struct update_state *state)
{
    if (state->running) {
        command_target_close(&state->target);
        state->running = false;
    }
}

static void update_release(struct command_op *op)
{
    update_end_statement(op->state);
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
    struct slice doc;
    command_docs_next(&state->statements.docs, &doc);
    state->statement = (struct update_statement){0};
    return command_args_read(&spec, doc, &state->statement, &op->err);
}

static int update_begin_statement(struct command_op *op, struct update_state *state)
{
    const struct update_statement *statement = &state->statement;
    struct store_collection *collection;
    int code = update_parse_statement(op, state);
    code = code < 0 ? code : command_check_single(op, !statement->multi, "multi=true");
    code = code < 0 ? code : command_check_collation(op, statement->collation);
    code = code < 0 ? code : command_write_collection(op, state->ns, false, &collection);
    if (code < 0) {
        return code;
    }
    if (statement->multi && statement->sort.len > 0) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "Cannot specify sort with multi=true");
    }
    state->running = true;
    state->matched = 0;
    state->modified = 0;
    state->did_upsert = false;
    command_target_init(op, &state->target, (struct slice){0});
    struct command_target_spec target = {.collection = collection,
                                         .filter = statement->filter,
                                         .sort = statement->sort,
                                         .hint = statement->hint};
    struct query_update_spec update = {
        .update = statement->update,
        .array_filters = statement->array_filters,
        .constants = statement->constants,
        .multi = statement->multi,
        .upsert = statement->upsert,
    };
    code = command_let(op, &state->target.context, state->let);
    code = code < 0 ? code
                    : query_update_parse(&state->target.context, &update, &state->update, &op->err);
    code = code < 0 ? code : command_target_open(op, &state->target, &target);
    if (code == 0) {
        command_target_begin(&state->target);
    }
    return code;
}

/* Change one document. */
static int update_document(struct command_op *op, struct update_state *state, struct slice doc)
{
    struct store_collection *collection;
    struct arena *scratch = &state->target.read.scratch;
    struct query_update_io io = {.doc = doc, .array_index = state->target.read.array_index};
    int code = query_update_apply(state->update, &state->target.read.eval, &io, &op->err);
    code = code < 0 ? code : command_target_collection(op, &state->target, &collection);
    if (code < 0) {
        return code;
    }
    if (io.modified) {
        struct store_write write = {op->writer, collection, scratch, &op->err,
                                    query_update_is_replacement(state->update)};
        code = store_update(&write, doc, io.new_doc);
        if (command_is_paused(code)) {
            return command_target_again(op, &state->target, doc, code);
        }
        if (code < 0) {
            return code;
        }
    }
    state->matched++;
    state->modified += io.modified;
    return 0;
}

/* Nothing matched: insert what filter and update make together. */
static int update_upsert(struct command_op *op, struct update_state *state)
{
    struct slice doc;
    int code = command_target_upsert(op, &state->target, state->update, state->ns, &doc);
    if (code < 0) {
        return code;
    }
    command_results_upserted(&state->statements.results, state->statements.index,
                             doc_get_str(doc, "_id"));
    state->did_upsert = true;
    return 0;
}

/* Run the statement in hand: 0 done, -LT_EYIELD, -LT_EAGAIN, or its error. */
static int update_run_statement(struct command_op *op, struct update_state *state)
{
    struct slice doc;
    int code;
    command_target_slice(op, &state->target);
    while ((code = command_target_next(op, &state->target, &doc)) > 0) {
        code = update_document(op, state, doc);
        if (code < 0) {
            return code;
        }
        if (!state->statement.multi) {
            return 0;
        }
        if (command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
    }
    if (code == 0 && state->matched == 0 && state->statement.upsert) {
        code = update_upsert(op, state);
    }
    return code;
}

static int update_step(struct command_op *op)
{
    struct update_state *state = op->state;
    int code = state->running ? 0 : update_begin_statement(op, state);
    code = code < 0 ? code : update_run_statement(op, state);
    if (command_is_paused(code)) {
        command_target_pause(&state->target);
        return code;
    }
    state->statements.results.n += state->matched + state->did_upsert;
    state->statements.results.n_modified += state->modified;
    state->matched = 0;
    state->modified = 0;
    state->did_upsert = false;
    if (code < 0 && op->err.info.len > 0) {
        /* it may lie in the statement's arena, which ends here */
        op->err.info = arena_copy(&op->arena, op->err.info);
    }
    update_end_statement(state);
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
