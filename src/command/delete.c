/* command/delete.c - the delete command: statement by statement. */
#include "command/deleting.h"
#include "command/handlers.h"
#include "command/server.h"
#include "doc/view.h"

struct delete_state {
    struct slice ns;
    struct slice let;
    struct command_statements statements;
    struct command_deleting deleting; /* the statement in hand */
};

/* One element of `deletes`. */
struct delete_statement {
    struct command_deleting_spec spec;
    struct doc_value limit;
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
    {"q", COMMAND_ARG_DOC, offsetof(struct delete_statement, spec.filter), COMMAND_ARG_REQUIRED},
    {"limit", COMMAND_ARG_VALUE, offsetof(struct delete_statement, limit), COMMAND_ARG_REQUIRED},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct delete_statement, spec.hint), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct delete_statement, spec.collation), 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void delete_release(struct command_op *op)
{
    struct delete_state *state = op->state;
    command_deleting_end(&state->deleting);
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

static int delete_limit(struct command_op *op, struct doc_value limit, bool *ret_just_one)
{
    int64_t number = -1;
    if (!doc_value_is_number(limit)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'delete.deletes.limit' is the wrong type '%s', expected types "
                       "'[long, int, decimal, double]'",
                       doc_type_name(limit.type));
    }
    if (!doc_value_to_i64_exact(limit, &number) || (number != 0 && number != 1)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "The limit field in delete objects must be 0 or 1. Got %lld",
                       (long long)doc_value_to_i64_clamped(limit));
    }
    *ret_just_one = number == 1;
    return 0;
}

static int delete_parse_statement(struct command_op *op, struct delete_state *state)
{
    static const struct command_args_spec spec = {"delete.deletes", delete_statement_args, false,
                                                  false};
    struct delete_statement statement = {.spec = {.ns = state->ns, .let = state->let}};
    struct slice doc;
    command_docs_next(&state->statements.docs, &doc);
    int code = command_args_read(&spec, doc, &statement, &op->err);
    code = code < 0 ? code : delete_limit(op, statement.limit, &statement.spec.just_one);
    code = code < 0 ? code : command_check_single(op, statement.spec.just_one, "limit=0");
    state->deleting.spec = statement.spec;
    return code;
}

static int delete_step(struct command_op *op)
{
    struct delete_state *state = op->state;
    struct command_deleting *deleting = &state->deleting;
    int code = deleting->running ? 0 : delete_parse_statement(op, state);
    if (code < 0) {
        return code;
    }
    code = command_deleting_step(op, deleting);
    if (!command_is_paused(code)) {
        state->statements.results.n += deleting->deleted;
        command_deleting_end(deleting);
    }
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
