/* command/delete.c - the delete command: statement by statement, document by document. */
#include "command/handlers.h"
#include "command/server.h"
#include "command/target.h"
#include "doc/view.h"

/* One element of `deletes`. */
struct delete_statement {
    struct slice filter;
    struct doc_value limit;
    struct doc_value hint;
    struct slice collation;
};

struct delete_state {
    struct slice ns;
    struct slice let;
    struct command_statements statements;
    /* ---- the statement in hand ---- */
    bool running;
    bool just_one;
    struct delete_statement statement;
    struct command_target target;
};

static const struct command_arg delete_args[] = {
    {"ordered", COMMAND_ARG_BOOL, offsetof(struct delete_state, statements.ordered), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct delete_state, let), 0},
    {"deletes", COMMAND_ARG_IGNORE, 0, 0},
    {"bypassDocumentValidation", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtId", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtIds", COMMAND_ARG_IGNORE, 0, 0},
    {"runtimeConstants", COMMAND_ARG_IGNORE, 0, 0},
    {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static const struct command_arg delete_statement_args[] = {
    {"q", COMMAND_ARG_DOC, offsetof(struct delete_statement, filter), COMMAND_ARG_REQUIRED},
    {"limit", COMMAND_ARG_VALUE, offsetof(struct delete_statement, limit), COMMAND_ARG_REQUIRED},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct delete_statement, hint), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct delete_statement, collation), 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void delete_end_statement(struct delete_state *state)
{
    if (state->running) {
        command_target_close(&state->target);
        state->running = false;
    }
}

static void delete_release(struct command_op *op)
{
    delete_end_statement(op->state);
}

static int delete_begin(struct command_op *op, struct delete_state **ret_state)
{
    struct delete_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->statements.ordered = true;
    int code = command_args(op, delete_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : command_statements_open(op, "deletes", &state->statements);
    if (code < 0) {
        return code;
    }
    *ret_state = op->state = state;
    op->release = delete_release;
    return 0;
}

static int delete_parse_statement(struct command_op *op, struct delete_state *state)
{
    static const struct command_args_spec spec = {"delete.deletes", delete_statement_args, false,
                                                  false};
    struct slice doc;
    int64_t limit = -1;
    command_docs_next(&state->statements.docs, &doc);
    state->statement = (struct delete_statement){0};
    int code = command_args_read(&spec, doc, &state->statement, &op->err);
    if (code < 0) {
        return code;
    }
    if (!doc_value_is_number(state->statement.limit)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'delete.deletes.limit' is the wrong type '%s', expected types "
                       "'[long, int, decimal, double]'",
                       doc_type_name(state->statement.limit.type));
    }
    if (!doc_value_to_i64_exact(state->statement.limit, &limit) || (limit != 0 && limit != 1)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "The limit field in delete objects must be 0 or 1. Got %lld",
                       (long long)doc_value_to_i64_clamped(state->statement.limit));
    }
    state->just_one = limit == 1;
    return 0;
}

static int delete_begin_statement(struct command_op *op, struct delete_state *state)
{
    struct store_collection *collection;
    int code = delete_parse_statement(op, state);
    code = code < 0 ? code : command_check_single(op, state->just_one, "limit=0");
    code = code < 0 ? code : command_check_collation(op, state->statement.collation);
    code = code < 0 ? code : command_write_collection(op, state->ns, false, &collection);
    if (code < 0) {
        return code;
    }
    state->running = true;
    command_target_init(op, &state->target, (struct slice){0});
    struct command_target_spec target = {
        .collection = collection, .filter = state->statement.filter, .hint = state->statement.hint};
    code = command_let(op, &state->target.context, state->let);
    code = code < 0 ? code : command_target_open(op, &state->target, &target);
    if (code == 0) {
        command_target_begin(&state->target);
    }
    return code;
}

static int delete_run_statement(struct command_op *op, struct delete_state *state)
{
    struct slice doc;
    int code;
    command_target_slice(op, &state->target);
    while ((code = command_target_next(op, &state->target, &doc)) > 0) {
        struct store_collection *collection;
        code = command_target_collection(op, &state->target, &collection);
        if (code < 0) {
            return code;
        }
        struct store_write write = {op->writer, collection, &state->target.read.scratch, &op->err};
        code = store_delete(&write, doc);
        if (command_is_paused(code)) {
            return command_target_again(op, &state->target, doc, code);
        }
        if (code < 0) {
            return code;
        }
        state->statements.results.n++;
        if (state->just_one) {
            return 0;
        }
        if (command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
    }
    return code;
}

static int delete_step(struct command_op *op)
{
    struct delete_state *state = op->state;
    int code = state->running ? 0 : delete_begin_statement(op, state);
    code = code < 0 ? code : delete_run_statement(op, state);
    if (command_is_paused(code)) {
        command_target_pause(&state->target);
        return code;
    }
    delete_end_statement(state);
    return code;
}

int command_delete(struct command_op *op)
{
    struct delete_state *state = op->state;
    int code = state == NULL ? delete_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    code = command_statements_run(op, &state->statements, delete_step);
    if (code < 0) {
        return code;
    }
    atomic_fetch_add(&op->server->opcounters.remove, state->statements.index);
    doc_build_i32(&op->builder, "n", (int32_t)state->statements.results.n);
    command_results_build(&state->statements.results, op);
    return 0;
}
