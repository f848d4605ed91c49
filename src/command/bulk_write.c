/* command/bulk_write.c - the bulkWrite command: inserts, updates and deletes in any collections.
 *
 *   all ops are read once, so that a malformed one fails the command before anything is written;
 *   then each is a statement as those of insert, update and delete are, with an item in the reply.
 *
 * Items that do not fit into the reply rest in a cursor. */
#include "command/collation.h"
#include "command/cursor.h"
#include "command/deleting.h"
#include "command/directory.h"
#include "command/handlers.h"
#include "command/retry.h"
#include "command/txn.h"
#include "command/updating.h"
#include "doc/view.h"

enum bulk_kind { BULK_INSERT, BULK_UPDATE, BULK_DELETE, BULK_KINDS };

/* One element of `ops`. */
struct bulk_op {
    enum bulk_kind kind;
    struct slice ns;
    struct slice document;
    struct command_updating_spec update;
    struct command_deleting_spec remove;
    bool multi;
};

struct bulk_counts {
    int64_t errors;
    int64_t inserted;
    int64_t matched;
    int64_t modified;
    int64_t upserted;
    int64_t deleted;
};

struct bulk_state {
    bool bypass;
    bool errors_only;
    struct slice let;
    struct slice cursor;
    struct slice *namespaces;
    uint32_t namespaces_count;
    bool in_admin;  /* one of them is there: accounts may be written */
    uint8_t *kinds; /* of all ops */
    struct command_statements statements;
    struct bulk_counts counts;
    struct buf items;
    /* ---- the op in hand ---- */
    bool running;
    struct bulk_op op;
    struct slice doc; /* an insert's, prepared */
    struct command_updating updating;
    struct command_deleting deleting;
    int64_t n; /* what it did, when it is over */
    int64_t n_modified;
    struct doc_value upserted; /* its _id; missing: none */
};

static const struct command_arg bulk_args[] = {
    {"ordered", COMMAND_ARG_BOOL, offsetof(struct bulk_state, statements.ordered), 0},
    {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct bulk_state, bypass), 0},
    {"errorsOnly", COMMAND_ARG_BOOL, offsetof(struct bulk_state, errors_only), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct bulk_state, let), 0},
    {"cursor", COMMAND_ARG_DOC, offsetof(struct bulk_state, cursor), 0},
    {"ops", COMMAND_ARG_IGNORE, 0, 0},
    {"nsInfo", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtId", COMMAND_ARG_IGNORE, 0, 0},
    {"stmtIds", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* ---- reading ---- */

static const struct command_arg bulk_insert_args[] = {
    {"insert", COMMAND_ARG_IGNORE, 0, 0},
    {"document", COMMAND_ARG_DOC, offsetof(struct bulk_op, document), COMMAND_ARG_REQUIRED},
    {NULL},
};

static const struct command_arg bulk_update_args[] = {
    {"update", COMMAND_ARG_IGNORE, 0, 0},
    {"filter", COMMAND_ARG_DOC, offsetof(struct bulk_op, update.filter), COMMAND_ARG_REQUIRED},
    {"updateMods", COMMAND_ARG_VALUE, offsetof(struct bulk_op, update.update),
     COMMAND_ARG_REQUIRED},
    {"constants", COMMAND_ARG_VALUE, offsetof(struct bulk_op, update.constants), 0},
    {"arrayFilters", COMMAND_ARG_VALUE, offsetof(struct bulk_op, update.array_filters), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct bulk_op, update.hint), 0},
    {"sort", COMMAND_ARG_DOC, offsetof(struct bulk_op, update.sort), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct bulk_op, update.collation), 0},
    {"multi", COMMAND_ARG_BOOL, offsetof(struct bulk_op, multi), 0},
    {"upsert", COMMAND_ARG_BOOL, offsetof(struct bulk_op, update.upsert), 0},
    {"upsertSupplied", COMMAND_ARG_IGNORE, 0, 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static const struct command_arg bulk_delete_args[] = {
    {"delete", COMMAND_ARG_IGNORE, 0, 0},
    {"filter", COMMAND_ARG_DOC, offsetof(struct bulk_op, remove.filter), COMMAND_ARG_REQUIRED},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct bulk_op, remove.hint), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct bulk_op, remove.collation), 0},
    {"multi", COMMAND_ARG_BOOL, offsetof(struct bulk_op, multi), 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static const struct command_args_spec bulk_kinds[BULK_KINDS] = {
    [BULK_INSERT] = {"insert", bulk_insert_args, false, false},
    [BULK_UPDATE] = {"update", bulk_update_args, false, false},
    [BULK_DELETE] = {"delete", bulk_delete_args, false, false},
};

/* The first field says what it is, and in which of the namespaces. */
static int bulk_read_head(struct command_op *op, const struct bulk_state *state, struct slice doc,
                          struct bulk_op *bulk)
{
    struct doc_elem first = doc_first(doc);
    int64_t index = -1;
    bulk->kind = BULK_INSERT;
    while (bulk->kind < BULK_KINDS && !slice_is(first.name, bulk_kinds[bulk->kind].prefix)) {
        bulk->kind++;
    }
    if (bulk->kind == BULK_KINDS) {
        return err_set(&op->err, 40415, "BSON field 'bulkWrite.ops.%.*s' is an unknown field.",
                       SLICE_FMT(first.name));
    }
    if (!doc_value_is_number(first.value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%.*s' is the wrong type '%s', expected types '[long, int, "
                       "decimal, double]'",
                       SLICE_FMT(first.name), doc_type_name(first.value.type));
    }
    index = doc_value_to_i64_clamped(first.value);
    if (index < 0 || index >= state->namespaces_count) {
        return err_set(&op->err, LT_EBADVALUE,
                       "BulkWrite ops entry has an invalid nsInfo index: %lld", (long long)index);
    }
    bulk->ns = state->namespaces[index];
    return 0;
}

static int bulk_check_collation(struct command_op *op, const struct bulk_op *bulk)
{
    int code = command_collation_check(op, bulk->update.collation);
    return code < 0 ? code : command_collation_check(op, bulk->remove.collation);
}

static int bulk_read(struct command_op *op, const struct bulk_state *state, struct slice doc,
                     struct bulk_op *bulk)
{
    *bulk = (struct bulk_op){0};
    int code = bulk_read_head(op, state, doc, bulk);
    code = code < 0 ? code : command_args_read(&bulk_kinds[bulk->kind], doc, bulk, &op->err);
    code = code < 0 ? code : command_check_single(op, !bulk->multi, "multi=true");
    code = code < 0 ? code : bulk_check_collation(op, bulk);
    bulk->update.multi = bulk->multi;
    bulk->update.ns = bulk->remove.ns = bulk->ns;
    bulk->update.let = bulk->remove.let = state->let;
    bulk->update.bypass = state->bypass;
    bulk->remove.just_one = !bulk->multi;
    return code;
}

static int bulk_read_namespace(struct command_op *op, struct bulk_state *state, struct slice doc)
{
    struct slice ns;
    static const struct command_arg args[] = {
        {"ns", COMMAND_ARG_STRING, 0, COMMAND_ARG_REQUIRED},
        {"collectionUUID", COMMAND_ARG_IGNORE, 0, 0},
        {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
        {"isTimeseriesNamespace", COMMAND_ARG_IGNORE, 0, 0},
        {NULL},
    };
    static const struct command_args_spec spec = {"bulkWrite.nsInfo", args, false, false};
    int code = command_args_read(&spec, doc, &ns, &op->err);
    if (code < 0) {
        return code;
    }
    ns = doc_value_get_string(doc_get_str(doc, "ns")); /* the first, as rights are asked of it */
    struct slice db = command_db_of(ns);
    code = command_check_db(db, &op->err);
    code = code < 0 ? code : command_check_collection(db, command_name_of(ns), &op->err);
    if (code == 0 && op->txn != NULL) {
        code = command_txn_check_db(db, &op->err);
    }
    state->in_admin |= slice_is(db, "admin");
    state->namespaces[state->namespaces_count++] = ns;
    return code;
}

static int bulk_read_namespaces(struct command_op *op, struct bulk_state *state)
{
    struct command_docs docs;
    struct slice doc;
    int code = command_docs_open(op, "nsInfo", &docs);
    if (code == 0 && (docs.count == 0 || docs.count > COMMAND_BATCH_MAX)) {
        code = err_set(&op->err, LT_EINVALIDLENGTH,
                       "nsInfo must have between 1 and %d namespaces. Got %u.", COMMAND_BATCH_MAX,
                       docs.count);
    }
    if (code == 0) {
        state->namespaces = arena_zero(&op->arena, docs.count, sizeof *state->namespaces);
    }
    while (code == 0 && command_docs_next(&docs, &doc)) {
        code = bulk_read_namespace(op, state, doc);
    }
    return code;
}

/* All of them, before the first one is run. */
static int bulk_read_ops(struct command_op *op, struct bulk_state *state)
{
    struct command_docs docs = state->statements.docs;
    struct bulk_op bulk;
    struct slice doc;
    int code = 0;
    state->kinds = arena_alloc(&op->arena, docs.count);
    for (uint32_t i = 0; code == 0 && command_docs_next(&docs, &doc); i++) {
        code = bulk_read(op, state, doc, &bulk);
        state->kinds[i] = (uint8_t)bulk.kind;
    }
    return code;
}

/* ---- running ---- */

static void bulk_release(struct command_op *op)
{
    struct bulk_state *state = op->state;
    command_updating_end(op, &state->updating);
    command_deleting_end(&state->deleting);
}

static int bulk_insert(struct command_op *op, struct bulk_state *state)
{
    const struct command_insertion insertion = {state->op.ns, state->bypass, &op->arena};
    int code = state->doc.len > 0
                   ? 0
                   : command_prepare_document(op, state->op.document, &op->arena, &state->doc);
    code = code < 0 ? code : command_insert_document(op, &insertion, state->doc);
    state->n = code == 0;
    return code;
}

static int bulk_update(struct command_op *op, struct bulk_state *state)
{
    struct command_updating *updating = &state->updating;
    int code = command_updating_step(op, updating);
    if (command_is_paused(code)) {
        return code;
    }
    if (updating->upserted.len > 0) {
        state->upserted = doc_value_copy(&op->arena, doc_get_str(updating->upserted, "_id"));
        command_results_upserted(&state->statements.results, state->statements.index,
                                 state->upserted);
    }
    state->n = updating->matched + doc_value_exists(state->upserted);
    state->n_modified = updating->modified;
    command_updating_end(op, updating);
    return code;
}

static int bulk_delete(struct command_op *op, struct bulk_state *state)
{
    int code = command_deleting_step(op, &state->deleting);
    if (!command_is_paused(code)) {
        state->n = state->deleting.deleted;
        command_deleting_end(&state->deleting);
    }
    return code;
}

static int bulk_begin_op(struct command_op *op, struct bulk_state *state)
{
    struct slice doc;
    command_docs_next(&state->statements.docs, &doc);
    state->doc = (struct slice){0};
    state->n = 0;
    state->n_modified = 0;
    state->upserted = doc_missing;
    state->running = true;
    int code = bulk_read(op, state, doc, &state->op);
    state->updating.spec = state->op.update;
    state->deleting.spec = state->op.remove;
    return code;
}

static int bulk_step(struct command_op *op)
{
    static int (*const steps[BULK_KINDS])(struct command_op * op, struct bulk_state * state) = {
        [BULK_INSERT] = bulk_insert, [BULK_UPDATE] = bulk_update, [BULK_DELETE] = bulk_delete};
    struct bulk_state *state = op->state;
    int code = state->running ? 0 : bulk_begin_op(op, state);
    code = code < 0 ? code : steps[state->op.kind](op, state);
    if (!command_is_paused(code)) {
        state->statements.results.n += state->n;
        state->statements.results.n_modified += state->n_modified;
        state->running = false;
    }
    return code;
}

/* ---- the reply ---- */

static void bulk_count(struct command_op *op, struct bulk_state *state, enum bulk_kind kind)
{
    struct bulk_counts *counts = &state->counts;
    bool upserted = doc_value_exists(state->upserted);
    switch (kind) {
    case BULK_INSERT:
        counts->inserted += state->n;
        atomic_fetch_add(&op->server->opcounters.insert, (uint64_t)state->n);
        break;
    case BULK_UPDATE:
        counts->matched += state->n - upserted;
        counts->modified += state->n_modified;
        counts->upserted += upserted;
        atomic_fetch_add(&op->server->opcounters.update, 1);
        break;
    default:
        counts->deleted += state->n;
        atomic_fetch_add(&op->server->opcounters.remove, 1);
    }
}

static void bulk_build_error(struct doc_builder *builder, struct command_op *op)
{
    doc_build_i32(builder, "code", op->err.code);
    doc_build_text(builder, "errmsg", op->err.text);
    if (op->err.info.len > 0) {
        doc_build_fields(builder, op->err.info);
    }
}

static void bulk_build_item(struct command_op *op, struct bulk_state *state, enum bulk_kind kind,
                            int code)
{
    struct doc_builder builder;
    doc_build_begin(&builder, &state->items);
    doc_build_double(&builder, "ok", code == 0 ? 1.0 : 0.0);
    doc_build_i32(&builder, "idx", (int32_t)state->statements.index);
    if (code < 0) {
        bulk_build_error(&builder, op);
    }
    doc_build_i32(&builder, "n", (int32_t)state->n);
    if (kind == BULK_UPDATE) {
        doc_build_i32(&builder, "nModified", (int32_t)state->n_modified);
    }
    if (doc_value_exists(state->upserted)) {
        doc_build_open(&builder, SLICE("upserted"));
        doc_build_value(&builder, SLICE("_id"), state->upserted);
        doc_build_close(&builder);
    }
    doc_build_end(&builder);
}

/* An op is over: in this run of the command, or it was in one before. */
static void bulk_over(struct command_op *op, int code, const struct command_retry_result *known)
{
    struct bulk_state *state = op->state;
    enum bulk_kind kind = (enum bulk_kind)state->kinds[state->statements.index];
    if (known != NULL) {
        state->n = known->n;
        state->n_modified = known->n_modified;
        state->upserted = known->extra.len > 0 ? doc_get_str(known->extra, "_id") : doc_missing;
    }
    bulk_count(op, state, kind);
    if (code < 0 || !state->errors_only) {
        bulk_build_item(op, state, kind, code);
    }
    if (code < 0) {
        state->counts.errors++;
        op->err.code = 0;
        op->failed = true;
    }
}

static int bulk_next(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    struct slice *rest = cursor->plan;
    (void)err;
    if (rest->len == 0) {
        return 0;
    }
    *ret_doc = slice_of(rest->data, doc_load_u32(rest->data));
    *rest = slice_from(*rest, ret_doc->len);
    return 1;
}

/* The items, in a batch or more. */
static int bulk_build_cursor(struct command_op *op, const struct bulk_state *state)
{
    static const struct command_arg args[] = {
        {"batchSize", COMMAND_ARG_INT, 0, COMMAND_ARG_NOT_NEGATIVE}, {NULL}};
    static const struct command_args_spec spec = {"cursor", args, false, false};
    int64_t size = -1;
    int code =
        state->cursor.len == 0 ? 0 : command_args_read(&spec, state->cursor, &size, &op->err);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, SLICE("admin.$cmd.bulkWrite"));
    struct slice *rest = arena_alloc(&cursor->arena, sizeof *rest);
    *rest = arena_copy(&cursor->arena, buf_slice(&state->items));
    cursor->plan = rest;
    cursor->next = bulk_next;
    return command_batch_fill(op, command_batch_new(op, cursor, size));
}

static int bulk_reply(struct command_op *op, const struct bulk_state *state)
{
    const struct bulk_counts *counts = &state->counts;
    int code = bulk_build_cursor(op, state);
    if (code < 0) {
        return code;
    }
    doc_build_i32(&op->builder, "nErrors", (int32_t)counts->errors);
    doc_build_i32(&op->builder, "nInserted", (int32_t)counts->inserted);
    doc_build_i32(&op->builder, "nMatched", (int32_t)counts->matched);
    doc_build_i32(&op->builder, "nModified", (int32_t)counts->modified);
    doc_build_i32(&op->builder, "nUpserted", (int32_t)counts->upserted);
    doc_build_i32(&op->builder, "nDeleted", (int32_t)counts->deleted);
    command_results_build(&state->statements.results, op);
    return 0;
}

/* ---- the command ---- */

static int bulk_begin(struct command_op *op, struct bulk_state **ret_state)
{
    struct bulk_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->statements.ordered = true;
    state->statements.over = bulk_over;
    buf_init(&state->items, &op->arena);
    int code = command_args(op, bulk_args, state);
    code = code < 0 ? code : bulk_read_namespaces(op, state);
    code = code < 0 ? code : command_statements_open(op, "ops", &state->statements);
    code = code < 0 ? code : bulk_read_ops(op, state);
    if (code < 0) {
        return code;
    }
    *ret_state = op->state = state;
    op->release = bulk_release;
    return 0;
}

int command_bulk_write(struct command_op *op)
{
    struct bulk_state *state = op->state;
    int code = state == NULL ? bulk_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    code = command_statements_run(op, &state->statements, bulk_step);
    if (state->in_admin) {
        command_directory_changed(op);
    }
    if (code < 0) {
        return code;
    }
    bulk_release(op);
    return bulk_reply(op, state);
}
