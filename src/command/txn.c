/* command/txn.c - from the fields of a command to its transaction.
 *
 *   NONE --startTransaction--> OPEN --commitTransaction--> COMMITTED
 *    ^                          |
 *    +-- a newer number         +--abortTransaction, failure, age, killSessions--> ABORTED
 *
 * The state is that of the session's newest number (command/retry.h), where a retryable write has
 * its own. Only COMMITTED is stored, by the commit itself: what was open when the process died is
 * not known any more, which the client hears as NoSuchTransaction. */
#include "command/txn.h"

#include <assert.h>

#include "base/mem.h"
#include "command/api.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/snapshot.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/note.h"

enum {
    TXN_BYTES = 4096,           /* what one holds without effects, roughly */
    TXN_EFFECTS_MAX = 128 << 20 /* what one entry of the log takes in well */
};

/* ---- fields ---- */

static int txn_check_types(struct command_op *op)
{
    const struct command_common *common = &op->common;
    const struct {
        const char *name;
        struct doc_value value;
        enum doc_type type;
    } fields[] = {
        {"txnNumber", common->txn_number, DOC_INT64},
        {"autocommit", common->autocommit, DOC_BOOL},
        {"startTransaction", common->start_transaction, DOC_BOOL},
        {"lsid", common->session, DOC_OBJECT},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (doc_value_exists(fields[i].value) && fields[i].value.type != fields[i].type) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field '%s' is the wrong type '%s', expected type '%s'",
                           fields[i].name, doc_type_name(fields[i].value.type),
                           doc_type_name(fields[i].type));
        }
    }
    return 0;
}

/* Which of the fields go with which. */
static int txn_check_fields(struct command_op *op)
{
    const struct command_common *common = &op->common;
    bool has_number = doc_value_exists(common->txn_number);
    bool has_autocommit = doc_value_exists(common->autocommit);
    bool has_start = doc_value_exists(common->start_transaction);
    const char *wrong = NULL;
    uint8_t id[16];
    if (has_number && doc_value_get_i64(common->txn_number) < 0) {
        wrong = "Transaction number cannot be negative";
    } else if (has_number && !command_session_id(common->session, id)) {
        wrong = "Transaction number requires a session ID to also be specified";
    } else if (has_autocommit && !has_number) {
        wrong = "'autocommit' field requires a transaction number to also be specified";
    } else if (has_autocommit && doc_value_get_bool(common->autocommit)) {
        wrong = "Specifying autocommit=true is not allowed.";
    } else if (has_start && !has_number) {
        wrong = "'startTransaction' field requires a transaction number to also be specified";
    } else if (has_start && !has_autocommit) {
        wrong = "Must specify autocommit=false on all operations of a multi-statement transaction.";
    } else if (has_start && !doc_value_get_bool(common->start_transaction)) {
        wrong = "Specifying startTransaction=false is not allowed.";
    }
    return wrong == NULL ? 0 : err_set(&op->err, LT_EINVALIDOPTIONS, "%s", wrong);
}

/* Concerns belong to the beginning and the end of a transaction. */
static int txn_check_concerns(struct command_op *op)
{
    const struct command_common *common = &op->common;
    bool starts = doc_value_exists(common->start_transaction);
    bool ends = (op->command->flags & COMMAND_TXN_END) != 0;
    if (!ends && doc_value_exists(common->write_concern)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "writeConcern is not allowed within a multi-statement transaction");
    }
    if (doc_value_is_nullish(common->read_concern)) {
        return 0;
    }
    if (!starts) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Only the first command in a transaction may specify a readConcern");
    }
    struct doc_value level = doc_missing;
    if (common->read_concern.type == DOC_OBJECT) {
        level = doc_get_str(doc_value_get_doc(common->read_concern), "level");
    }
    struct slice text = level.type == DOC_STRING ? doc_value_get_string(level) : SLICE("local");
    if (!slice_is(text, "local") && !slice_is(text, "majority") && !slice_is(text, "snapshot")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "The readConcern level must be either 'local' (default), 'majority' or "
                       "'snapshot' in order to run in a transaction");
    }
    return 0;
}

int command_txn_check_db(struct slice db, struct err *err)
{
    return slice_is(db, "config") || slice_is(db, "local") || slice_is(db, "admin")
               ? err_set(err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                         "Cannot run command against the '%.*s' database in a transaction.",
                         SLICE_FMT(db))
               : 0;
}

/* What is sent there whatever it is about: its end, a bulkWrite, more of one's results. */
enum { TXN_OF_ADMIN = COMMAND_TXN_END | COMMAND_ADMIN | COMMAND_GOES_ON };

static int txn_check_place(struct command_op *op)
{
    unsigned flags = op->command->flags;
    if ((flags & COMMAND_TXN_END) != 0 && doc_value_exists(op->common.start_transaction)) {
        return err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                       "Cannot run '%s' as the first command of a transaction", op->command->name);
    }
    if ((flags & COMMAND_TXN) == 0) {
        return err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                       "Cannot run '%s' in a multi-document transaction.", op->command->name);
    }
    bool of_admin = slice_is(op->db, "admin") && (flags & TXN_OF_ADMIN) != 0;
    int code = of_admin ? 0 : command_txn_check_db(op->db, &op->err);
    return code < 0 ? code : txn_check_concerns(op);
}

int command_txn_check(struct command_op *op)
{
    const struct command_common *common = &op->common;
    if (!doc_value_exists(common->session) && !doc_value_exists(common->txn_number) &&
        !doc_value_exists(common->autocommit) && !doc_value_exists(common->start_transaction)) {
        return 0;
    }
    int code = txn_check_types(op);
    code = code < 0 ? code : txn_check_fields(op);
    if (code < 0 || !doc_value_exists(common->txn_number)) {
        return code;
    }
    if (command_is_in_txn(op)) {
        return txn_check_place(op);
    }
    if ((op->command->flags & (COMMAND_RETRYABLE | COMMAND_TXN_END)) == 0) {
        return err_set(&op->err, LT_ENOTARETRYABLEWRITECOMMAND,
                       "txnNumber may only be provided for multi-document transactions and "
                       "retryable write commands. autocommit:false was not provided, and %s is not "
                       "a retryable write command.",
                       op->command->name);
    }
    return 0;
}

/* ---- numbers ---- */

static int txn_no_such(struct command_op *op, const char *why)
{
    return err_set(&op->err, LT_ENOSUCHTRANSACTION, "Transaction with { txnNumber: %lld } %s",
                   (long long)doc_value_get_i64(op->common.txn_number), why);
}

static int txn_too_old(struct command_op *op, int64_t number, int64_t newest)
{
    return err_set(&op->err, LT_ETRANSACTIONTOOOLD,
                   "Cannot use txnNumber %lld: a newer one, %lld, has already started on this "
                   "session.",
                   (long long)number, (long long)newest);
}

static void txn_begin(struct command_op *op, int64_t number)
{
    struct command_owner *owner = op->owner;
    struct command_session *session = op->session;
    struct command_txn *txn = mem_zero(1, sizeof *txn);
    struct store_catalog *catalog = command_server_catalog(op->server);
    command_retry_begin(&session->retry, number, COMMAND_RETRY_OPEN);
    store_fork_open(&txn->fork, owner->writer, catalog);
    store_catalog_release(catalog);
    txn->session = session;
    txn->started_us = op->mono_us;
    txn->api = command_api_of(op->body);
    txn->step_downs = atomic_load(&op->server->step_downs);
    txn->next = owner->txns;
    if (owner->txns != NULL) {
        owner->txns->previous = txn;
    }
    owner->txns = txn;
    owner->txns_count++;
    session->txn = txn;
    atomic_store_explicit(&session->txn_number, session->retry.txn_number, memory_order_relaxed);
    atomic_store_explicit(&session->txn_us, txn->started_us, memory_order_relaxed);
}

/* The number is the session's newest: is its transaction the one to go on with? */
static int txn_join(struct command_op *op)
{
    struct command_session *session = op->session;
    switch (session->retry.state) {
    case COMMAND_RETRY_OPEN:
        return command_check_same_api(op, session->txn->api, "transaction");
    case COMMAND_RETRY_COMMITTED:
        if (op->command->run == command_commit_transaction) {
            return 0;
        }
        return err_set(&op->err, LT_ETRANSACTIONCOMMITTED,
                       "Transaction with { txnNumber: %lld } has been committed.",
                       (long long)session->retry.txn_number);
    case COMMAND_RETRY_ABORTED:
        return txn_no_such(op, "has been aborted.");
    default:
        return txn_no_such(op, "is no transaction: the number was used by a retryable write.");
    }
}

static int txn_enter_txn(struct command_op *op, int64_t number)
{
    struct command_session *session = op->session;
    int64_t newest = session->retry.txn_number;
    bool starts = doc_value_exists(op->common.start_transaction);
    if (starts && number == newest) {
        return err_set(&op->err, 50911,
                       "Cannot start a transaction at given transaction number %lld: a transaction "
                       "or a retryable write with the same number has begun already.",
                       (long long)number);
    }
    if (!starts && number > newest) {
        return txn_no_such(op, "has not been started.");
    }
    int code = 0;
    if (starts) {
        txn_begin(op, number);
    } else {
        code = txn_join(op);
    }
    if (code == 0 && session->txn != NULL) {
        op->txn = session->txn;
        op->is_private = (op->command->flags & COMMAND_TXN_END) == 0;
        op->catalog = store_catalog_hold(session->txn->fork.writer.catalog);
    }
    return code;
}

static int txn_enter_write(struct command_op *op, int64_t number)
{
    struct command_retry *retry = &op->session->retry;
    if (number > retry->txn_number) {
        command_retry_begin(retry, number, COMMAND_RETRY_STATEMENTS);
    } else if (retry->state != COMMAND_RETRY_STATEMENTS) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "txnNumber %lld is that of a transaction: it cannot be used for a retryable "
                       "write",
                       (long long)number);
    }
    op->retry = retry;
    return 0;
}

/* The server was no primary since it was begun. */
static bool txn_is_over(const struct command_txn *txn, struct command_server *server)
{
    return txn->step_downs != atomic_load(&server->step_downs);
}

int command_txn_enter(struct command_op *op)
{
    struct command_session *session = op->session;
    struct command_retry *retry = &session->retry;
    struct store_view *view = &op->owner->writer->view;
    int64_t number = doc_value_get_i64(op->common.txn_number);
    int code = command_retry_load(retry, view, command_session_key(session));
    if (code == -LT_EAGAIN) {
        return command_wants(op, view, false);
    }
    if (code < 0) {
        return code;
    }
    if (number < retry->txn_number) {
        return txn_too_old(op, number, retry->txn_number);
    }
    if (session->txn != NULL &&
        (number > retry->txn_number || txn_is_over(session->txn, op->server))) {
        command_txn_end(op->owner, session->txn);
    }
    return command_is_in_txn(op) ? txn_enter_txn(op, number) : txn_enter_write(op, number);
}

/* ---- ends ---- */

void command_txn_end(struct command_owner *owner, struct command_txn *txn)
{
    struct command_session *session = txn->session;
    if (session->retry.state == COMMAND_RETRY_OPEN) {
        session->retry.state = COMMAND_RETRY_ABORTED;
    }
    session->txn = NULL;
    atomic_store_explicit(&session->txn_us, 0, memory_order_relaxed);
    if (txn->previous != NULL) {
        txn->previous->next = txn->next;
    } else {
        owner->txns = txn->next;
    }
    if (txn->next != NULL) {
        txn->next->previous = txn->previous;
    }
    owner->txns_count--;
    if (txn->cursors > 0) {
        command_cursors_kill_txn(owner->server->cursors, txn);
    }
    store_fork_close(&txn->fork);
    command_owner_wake(owner, &txn->fork.holder);
    command_budget_uncharge(owner->server->budgets, COMMAND_BUDGET_TRANSACTIONS, txn->charged);
    mem_free(txn);
}

void command_txn_leave(struct command_op *op)
{
    struct command_txn *txn = op->txn;
    op->txn = NULL;
    if (txn != NULL && (op->failed || (op->command->flags & COMMAND_TXN_END) != 0)) {
        command_txn_end(op->owner, txn);
    }
}

/* The code that a transaction ends with now; 0: it goes on. */
static int txn_expires(const struct command_owner *owner, const struct command_txn *txn,
                       uint64_t now_us)
{
    int64_t seconds =
        command_param(&owner->server->parameters, COMMAND_PARAM_transactionLifetimeLimitSeconds);
    if (txn_is_over(txn, owner->server)) {
        return LT_EINTERRUPTEDDUETOREPLSTATECHANGE;
    }
    return now_us - txn->started_us < (uint64_t)seconds * 1000000
               ? 0
               : LT_ETRANSACTIONEXCEEDEDLIFETIMELIMITSECONDS;
}

void command_txn_expire(struct command_owner *owner, uint64_t now_us)
{
    struct command_txn *txn = owner->txns;
    while (txn != NULL) {
        struct command_txn *next = txn->next;
        struct command_op *holder = txn->session->holder;
        int code = txn_expires(owner, txn, now_us);
        if (code != 0 && holder == NULL) {
            command_txn_end(owner, txn);
        } else if (code != 0) {
            atomic_store(&holder->killed, code);
        }
        txn = next;
    }
}

int command_txn_charge(struct command_op *op)
{
    struct command_txn *txn = op->txn;
    uint64_t bytes = TXN_BYTES + 2 * txn->fork.writer.effects.cap;
    if (txn->fork.writer.effects.len > TXN_EFFECTS_MAX) {
        return err_set(&op->err, LT_ETRANSACTIONTOOLARGE,
                       "the transaction has written more than %d MB: the limit of one",
                       TXN_EFFECTS_MAX >> 20);
    }
    if (bytes <= txn->charged) {
        return 0;
    }
    int code = command_budget_charge(op->server->budgets, COMMAND_BUDGET_TRANSACTIONS,
                                     bytes - txn->charged, &op->err);
    txn->charged = code < 0 ? txn->charged : bytes;
    return code;
}

/* ---- what statements see ---- */

void command_view_init(struct command_op *op, struct store_view *view)
{
    store_view_init(view, op->server->kv, NULL);
    if (op->txn != NULL) {
        view->snapshot = op->txn->fork.snapshot;
        view->overlay = &op->txn->fork.writer.overlay;
    } else if (op->snapshot != NULL) {
        view->snapshot = op->snapshot->engine;
    }
}

/* ---- the commands ---- */

static int txn_no_fields(struct command_op *op)
{
    static const struct command_arg args[] = {
        {"recoveryToken", COMMAND_ARG_IGNORE, 0, 0},
        {"coordinator", COMMAND_ARG_IGNORE, 0, 0},
        {NULL},
    };
    char nothing;
    if (!command_is_in_txn(op)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "%s must be run within a transaction: with txnNumber and autocommit: false",
                       op->command->name);
    }
    return command_args(op, args, &nothing);
}

/* Between two notes, so that who follows the log knows what belongs together. */
static void txn_merge(struct command_op *op, struct store_fork *fork)
{
    struct store_writer *writer = op->owner->writer;
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct store_note end = {.type = STORE_NOTE_TXN_END};
    struct buf details;
    buf_init(&details, &op->arena);
    doc_build_begin(builder, &details);
    doc_build_open(builder, SLICE("lsid"));
    doc_build_binary(builder, "id", 4, command_session_key(op->session));
    doc_build_close(builder);
    doc_build_i64(builder, "txnNumber", doc_value_get_i64(op->common.txn_number));
    struct store_note begin = {.type = STORE_NOTE_TXN, .details = doc_build_end(builder)};
    store_note_put(writer, NULL, &begin);
    store_fork_merge(fork);
    store_note_put(writer, NULL, &end);
}

int command_commit_transaction(struct command_op *op)
{
    struct command_txn *txn = op->txn;
    struct command_retry *retry = &op->session->retry;
    int code = txn_no_fields(op);
    if (code < 0 || txn == NULL) {
        return code; /* committed before: this waits until that is applied */
    }
    code = store_fork_check(&txn->fork);
    if (code == -LT_EAGAIN) {
        return command_wants(op, &op->owner->writer->view, false);
    }
    if (code < 0) {
        return err_set(&op->err, -code,
                       "a collection that the transaction wrote to was dropped, renamed or given "
                       "other indexes meanwhile");
    }
    if (store_fork_has_effects(&txn->fork)) {
        txn_merge(op, &txn->fork);
    }
    retry->state = COMMAND_RETRY_COMMITTED;
    retry->changed = store_fork_has_effects(&txn->fork);
    command_retry_flush(retry, op->owner->writer, command_session_key(op->session), op->wall_ms);
    return 0;
}

int command_abort_transaction(struct command_op *op)
{
    return txn_no_fields(op);
}
