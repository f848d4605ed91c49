/* command/apply_ops.c - the applyOps command: entries of an oplog, done again, one after another.
 *
 *   i  insert, or replace what is there     d  delete, if it is there
 *   u  by a delta, operators or a document  c  the command's own handler, run inside of this op
 *
 * An entry that fails ends it; what was applied before stays, and the reply says how much that is.
 * Applied twice, entries give what they give once, so a replay may begin too early. */
#include "command/apply_ops.h"

#include "command/args.h"
#include "command/deleting.h"
#include "command/directory.h"
#include "command/handlers.h"
#include "command/updating.h"
#include "doc/view.h"

struct apply_state {
    struct command_entries entries;
    bool bypass;
    size_t applied;
    struct command_updating updating;
    struct command_deleting deleting;
    /* ---- a command's handler, between its steps ---- */
    bool running;
    void *inner_state;
    void (*inner_release)(struct command_op *op);
    struct buf inner_reply;
};

/* ---- the command ---- */

struct apply_args {
    struct doc_value prepare;
    struct doc_value partial_txn;
    struct doc_value count;
    struct doc_value precondition;
    bool always_upsert;
    bool atomic;
    bool bypass;
};

/* What other versions take, and what only members of a set say to each other. */
static int apply_check_args(struct command_op *op, const struct apply_args *args)
{
    if (doc_value_exists(args->prepare)) {
        return err_set(&op->err, LT_EBADVALUE,
                       "applyOps: 'prepare' is for members of a sharded cluster only");
    }
    if (doc_value_exists(args->partial_txn)) {
        return err_set(&op->err, 31056, "applyOps: 'partialTxn' is for entries of an oplog only");
    }
    if (doc_value_exists(args->count)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "applyOps: 'count' is for entries of an oplog only, of type %s it is not",
                       doc_type_name(args->count.type));
    }
    if (doc_value_exists(args->precondition)) {
        return err_set(&op->err, 6711600,
                       "applyOps: 'preCondition' is not supported: the entries are not applied");
    }
    return args->always_upsert
               ? err_set(&op->err, 6711601,
                         "applyOps: 'alwaysUpsert: true' is not supported: an entry "
                         "with 'b: true' upserts")
               : 0;
}

static int apply_read(struct command_op *op, struct apply_state *state)
{
    static const struct command_arg table[] = {
        {"prepare", COMMAND_ARG_VALUE, offsetof(struct apply_args, prepare), 0},
        {"partialTxn", COMMAND_ARG_VALUE, offsetof(struct apply_args, partial_txn), 0},
        {"count", COMMAND_ARG_VALUE, offsetof(struct apply_args, count), 0},
        {"preCondition", COMMAND_ARG_VALUE, offsetof(struct apply_args, precondition), 0},
        {"alwaysUpsert", COMMAND_ARG_STRICT_BOOL, offsetof(struct apply_args, always_upsert), 0},
        {"allowAtomic", COMMAND_ARG_BOOL, offsetof(struct apply_args, atomic), 0},
        {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct apply_args, bypass), 0},
        {NULL},
    };
    struct apply_args args = {.prepare = doc_missing,
                              .partial_txn = doc_missing,
                              .count = doc_missing,
                              .precondition = doc_missing,
                              .bypass = true};
    int code = command_args(op, table, &args);
    code = code < 0 ? code : apply_check_args(op, &args);
    state->bypass = args.bypass;
    return code < 0 ? code : command_entries_read(op, &state->entries);
}

/* ---- documents ---- */

/* The collection is there: an oplog says when it is made. */
static int apply_find(struct command_op *op, struct slice ns)
{
    struct store_collection *collection;
    int code = command_write_collection(op, ns, false, &collection);
    return code < 0 || collection != NULL
               ? code
               : err_set(&op->err, LT_ENAMESPACENOTFOUND,
                         "Failed to apply operation due to missing collection: %.*s",
                         SLICE_FMT(ns));
}

/* A delta, operators, or the whole document. */
static void apply_begin_update(struct apply_state *state, const struct command_entry *entry)
{
    struct doc_value delta = doc_get_str(entry->o, "diff");
    bool is_delta = doc_value_exists(doc_get_str(entry->o, "$v")) && delta.type == DOC_OBJECT;
    state->updating.spec = (struct command_updating_spec){
        .ns = entry->ns,
        .filter = entry->which,
        .update = doc_value_object(entry->o),
        .delta = is_delta ? doc_value_get_doc(delta) : (struct slice){0},
        .constants = doc_missing,
        .array_filters = doc_missing,
        .hint = doc_missing,
        .upsert = !is_delta && (entry->upsert || entry->kind == COMMAND_ENTRY_INSERT),
        .bypass = state->bypass,
    };
}

static int apply_update(struct command_op *op, struct apply_state *state,
                        const struct command_entry *entry)
{
    struct command_updating *updating = &state->updating;
    int code = updating->running ? 0 : apply_find(op, entry->ns);
    if (code == 0 && !updating->running) {
        apply_begin_update(state, entry);
    }
    code = code < 0 ? code : command_updating_step(op, updating);
    if (code == 0 && updating->matched == 0 && updating->upserted.len == 0) {
        code = err_set(&op->err, LT_EUNKNOWNERROR,
                       "Failed to apply update: no document of %.*s has that _id",
                       SLICE_FMT(entry->ns));
    }
    if (!command_is_paused(code)) {
        command_updating_end(op, updating);
    }
    return code;
}

static int apply_delete(struct command_op *op, struct apply_state *state,
                        const struct command_entry *entry)
{
    struct command_deleting *deleting = &state->deleting;
    int code = deleting->running ? 0 : apply_find(op, entry->ns);
    if (code == 0 && !deleting->running) {
        deleting->spec = (struct command_deleting_spec){
            .ns = entry->ns, .filter = entry->which, .hint = doc_missing, .just_one = true};
    }
    code = code < 0 ? code : command_deleting_step(op, deleting);
    if (!command_is_paused(code)) {
        command_deleting_end(deleting);
    }
    return code;
}

/* ---- commands ---- */

static void apply_end_command(struct command_op *op, struct apply_state *state)
{
    op->state = state->inner_state;
    if (state->inner_release != NULL) {
        state->inner_release(op);
    }
    op->state = state;
    state->inner_state = NULL;
    state->inner_release = NULL;
    state->running = false;
}

static void apply_release(struct command_op *op)
{
    struct apply_state *state = op->state;
    command_updating_end(op, &state->updating);
    command_deleting_end(&state->deleting);
    apply_end_command(op, state);
}

/* Its handler finds an op that is its own: body, database, state; what it replies goes nowhere. */
static int apply_command(struct command_op *op, struct apply_state *state,
                         const struct command_entry *entry)
{
    const struct command *outer = op->command;
    const struct doc_builder reply = op->builder;
    struct slice body = op->body;
    struct slice db = op->db;
    if (!state->running) {
        buf_init(&state->inner_reply, &op->arena);
        state->running = true;
    }
    state->inner_reply.len = 0;
    doc_build_begin(&op->builder, &state->inner_reply);
    op->state = state->inner_state;
    op->release = state->inner_release;
    op->command = entry->command;
    op->body = entry->o;
    op->db = command_db_of(entry->ns);
    int code = entry->command->run(op);
    state->inner_state = op->state;
    state->inner_release = op->release;
    op->state = state;
    op->release = apply_release;
    op->command = outer;
    op->body = body;
    op->db = db;
    op->builder = reply;
    if (!command_is_paused(code)) {
        apply_end_command(op, state);
    }
    return code;
}

/* ---- running ---- */

static int apply_step(struct command_op *op, struct apply_state *state)
{
    static int (*const steps[])(struct command_op * op, struct apply_state * state,
                                const struct command_entry *entry) = {
        [COMMAND_ENTRY_INSERT] = apply_update,
        [COMMAND_ENTRY_UPDATE] = apply_update,
        [COMMAND_ENTRY_DELETE] = apply_delete,
        [COMMAND_ENTRY_COMMAND] = apply_command,
    };
    for (uint32_t i = 0; state->applied < state->entries.count; i++) {
        if (i == COMMAND_SLICE_DOCS || command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
        const struct command_entry *entry = &state->entries.all[state->applied];
        int code = steps[entry->kind](op, state, entry);
        if (code < 0) {
            return code;
        }
        state->applied++;
    }
    return 0;
}

/* {applied: 2, results: [true, true, false]}: of those that were tried. */
static void apply_build(struct doc_builder *builder, const struct apply_state *state, bool failed)
{
    doc_build_i32(builder, "applied", (int32_t)(state->applied + failed));
    doc_build_open_array(builder, SLICE("results"));
    for (size_t i = 0; i < state->applied + failed; i++) {
        doc_build_bool(builder, "", i < state->applied);
    }
    doc_build_close(builder);
}

static void apply_fail(struct command_op *op, const struct apply_state *state)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *info = arena_alloc(&op->arena, sizeof *info);
    buf_init(info, &op->arena);
    doc_build_begin(builder, info);
    if (op->err.info.len > 0) {
        doc_build_fields(builder, op->err.info);
    }
    apply_build(builder, state, true);
    op->err.info = doc_build_end(builder);
}

static int apply_begin(struct command_op *op, struct apply_state **ret_state)
{
    struct apply_state *state = arena_zero(&op->arena, 1, sizeof *state);
    int code = apply_read(op, state);
    if (code == 0) {
        *ret_state = op->state = state;
        op->release = apply_release;
    }
    return code;
}

int command_apply_ops(struct command_op *op)
{
    struct apply_state *state = op->state;
    int code = state == NULL ? apply_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    code = apply_step(op, state);
    if (state->entries.in_admin) {
        command_directory_changed(op);
    }
    if (code < 0 && !command_is_paused(code)) {
        apply_fail(op, state);
    }
    if (code == 0) {
        apply_build(&op->builder, state, false);
    }
    return code;
}
