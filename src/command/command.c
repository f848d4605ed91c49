/* command/command.c - finding a command, stepping it, finishing its reply.
 *
 * Handlers write fields into op->builder. When one is done, the fields that every reply has are
 * added; when one fails, what it wrote is thrown away and the error takes its place. */
#include "command/command.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "command/api.h"
#include "command/args.h"
#include "command/audit.h"
#include "command/authorize.h"
#include "command/causal.h"
#include "command/concern.h"
#include "command/fail_point.h"
#include "command/handlers.h"
#include "command/labels.h"
#include "command/member.h"
#include "command/server.h"
#include "command/session.h"
#include "command/sink.h"
#include "command/snapshot.h"
#include "command/txn.h"
#include "doc/view.h"
#include "store/effect.h"

static const struct command command_table[] = {
#define COMMAND(name, run, flags, help) {#name, run, (flags), help},
#include "command/commands.def"
};

enum { COMMAND_COUNT = sizeof command_table / sizeof command_table[0] };

const struct command *command_each(size_t index)
{
    return index < COMMAND_COUNT ? &command_table[index] : NULL;
}

bool command_is_hidden(const struct command_server *server, const struct command *command)
{
    return (command->flags & COMMAND_TEST) != 0 &&
           command_param(&server->parameters, COMMAND_PARAM_enableTestCommands) == 0;
}

/* An aggregate that writes what it reads. */
static const struct command command_writing = {
    .name = "aggregate",
    .run = command_aggregate_write,
    .flags = COMMAND_READ | COMMAND_WRITE | COMMAND_ONE_MOMENT | COMMAND_TXN | COMMAND_API_V1,
};

static const struct command *command_lookup(struct slice name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (slice_is(name, command_table[i].name)) {
            return &command_table[i];
        }
    }
    return NULL;
}

void command_op_init(struct command_op *op, struct command_server *server,
                     struct command_client *client)
{
    memset(op, 0, sizeof *op);
    arena_init(&op->arena);
    command_op_reuse(op, server, client);
}

void command_op_reuse(struct command_op *op, struct command_server *server,
                      struct command_client *client)
{
    op->server = server;
    op->client = client;
    buf_init(&op->reply, &op->arena);
    buf_init(&op->fetch_key, &op->arena);
    buf_init(&op->retried, &op->arena);
    command_memory_init(&op->memory, server->budgets);
}

static void command_unlist(struct command_op *op)
{
    if (op->opid == 0) {
        return;
    }
    pthread_mutex_lock(&op->server->ops_lock);
    if (op->previous != NULL) {
        op->previous->next = op->next;
    } else {
        op->server->ops = op->next;
    }
    if (op->next != NULL) {
        op->next->previous = op->previous;
    }
    pthread_mutex_unlock(&op->server->ops_lock);
    op->opid = 0;
}

static void command_list(struct command_op *op)
{
    struct command_server *server = op->server;
    if (op->opid != 0) {
        return;
    }
    op->opid = atomic_fetch_add(&server->next_opid, 1) + 1;
    pthread_mutex_lock(&server->ops_lock);
    op->previous = NULL;
    op->next = server->ops;
    if (server->ops != NULL) {
        server->ops->previous = op;
    }
    server->ops = op;
    pthread_mutex_unlock(&server->ops_lock);
}

/* Of a transaction and its session last: what `state` holds may be theirs. */
static void command_let_go(struct command_op *op)
{
    if (op->release != NULL) {
        op->release(op);
        op->release = NULL;
    }
    if (op->session != NULL) {
        command_txn_leave(op);
        command_session_release(op);
        op->session = NULL;
    }
    command_memory_close(&op->memory);
    command_snapshot_release(op->snapshot);
    op->snapshot = NULL;
    if (op->catalog != NULL) {
        store_catalog_release(op->catalog);
        op->catalog = NULL;
    }
}

void command_op_close(struct command_op *op)
{
    command_unlist(op);
    command_let_go(op);
    store_pin_release(&op->lent);
    arena_close(&op->arena);
}

void command_op_recycle(struct command_op *op)
{
    command_unlist(op);
    command_let_go(op);
    store_pin_release(&op->lent);
    arena_reset(&op->arena);
    memset(op, 0, offsetof(struct command_op, arena));
    op->err.code = 0;
    op->err.info = (struct slice){0};
}

/* By length first: most fields of most commands are none of these. */
static struct doc_value *command_common_field(struct command_common *common, struct slice name)
{
    switch (name.len) {
    case 3:
        return slice_is(name, "$db") ? &common->db : NULL;
    case 4:
        return slice_is(name, "lsid") ? &common->session : NULL;
    case 6:
        return slice_is(name, "stmtId") ? &common->statement : NULL;
    case 7:
        return slice_is(name, "stmtIds") ? &common->statements : NULL;
    case 9:
        return slice_is(name, "maxTimeMS")   ? &common->max_time
               : slice_is(name, "txnNumber") ? &common->txn_number
               : slice_is(name, "apiStrict") ? &common->api_strict
                                             : NULL;
    case 10:
        return slice_is(name, "autocommit")   ? &common->autocommit
               : slice_is(name, "apiVersion") ? &common->api_version
                                              : NULL;
    case 11:
        return slice_is(name, "readConcern") ? &common->read_concern : NULL;
    case 12:
        return slice_is(name, "$clusterTime")   ? &common->cluster_time
               : slice_is(name, "writeConcern") ? &common->write_concern
                                                : NULL;
    case 16:
        return slice_is(name, "startTransaction") ? &common->start_transaction : NULL;
    case 20:
        return slice_is(name, "apiDeprecationErrors") ? &common->api_deprecation : NULL;
    default:
        return NULL;
    }
}

/* Of fields given twice the first counts, as everywhere. */
void command_set_body(struct command_op *op, struct slice body)
{
    struct doc_iter iter;
    struct doc_elem elem;
    op->body = body;
    op->common = (struct command_common){0};
    doc_iter_init(&iter, body);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value *field = command_common_field(&op->common, elem.name);
        if (field != NULL && !doc_value_exists(*field)) {
            *field = elem.value;
        }
    }
}

void command_start(struct command_op *op)
{
    command_set_body(op, op->message.body);
    op->command = command_lookup(doc_first(op->body).name);
    if (op->command != NULL && op->command->run == command_aggregate &&
        command_aggregate_writes(op->body)) {
        op->command = &command_writing;
    }
    op->db = op->common.db.type == DOC_STRING ? doc_value_get_string(op->common.db)
                                              : op->message.database;
    doc_build_begin(&op->builder, &op->reply);
    command_causal_learn(op);
}

/* ---- replies ---- */

/* What the client has seen or done. A write is answered when all that is logged by now is applied.
 */
static uint64_t command_operation_time(const struct command_op *op)
{
    if (op->owner == NULL || op->is_private) {
        return atomic_load(&op->server->applied_clock);
    }
    const struct store_writer *writer = op->owner->writer;
    bool wrote = writer->effects.len > STORE_EFFECT_HEADER;
    return wrote ? writer->clock : atomic_load(&op->server->logged_clock);
}

/* Only the clock in them changes. */
static void command_build_times(struct command_op *op)
{
    const struct command_times *times = &op->server->times;
    uint64_t operation = command_operation_time(op);
    uint64_t known = command_causal_now(op->server);
    known = known > operation ? known : operation;
    doc_build_fields(&op->builder, slice_of(times->bytes, times->len));
    uint8_t *end = op->reply.data + op->reply.len;
    memcpy(end - times->cluster_time, &known, sizeof known);
    memcpy(end - times->operation_time, &operation, sizeof operation);
}

static void command_build_error(struct command_op *op)
{
    char scratch[32];
    doc_build_text(&op->builder, "errmsg", op->err.text);
    doc_build_i32(&op->builder, "code", op->err.code);
    doc_build_text(&op->builder, "codeName", err_code_name(op->err.code, scratch));
    if (op->err.info.len > 0) {
        doc_build_fields(&op->builder, op->err.info);
    }
    command_error_labels(op, op->err.code);
    if (command_error_is_of_state(op->err.code)) {
        command_build_topology_version(op);
        op->close_after |= !wire_message_wants_reply(&op->message); /* that is all it will hear */
    }
}

/* The write concern of a command that went well, when it was not met or is to look so. */
static void command_build_unmet(struct command_op *op)
{
    int code = op->fail.data == NULL ? 0 : command_fail_concern(op);
    if (code == 0 && op->concern.unmet != 0) {
        code = op->concern.unmet;
        command_build_concern_error(op);
    }
    if (code != 0) {
        command_error_labels(op, code);
    }
}

static void command_finish(struct command_op *op, bool ok)
{
    if (ok) {
        command_build_unmet(op);
    }
    doc_build_double(&op->builder, "ok", ok ? 1.0 : 0.0);
    if (!ok) {
        command_build_error(op);
    }
    command_build_times(op);
    doc_build_end(&op->builder);
}

static void command_finish_failed(struct command_op *op)
{
    op->reply.len = op->reply_start;
    op->more_to_come = false;
    doc_build_begin(&op->builder, &op->reply);
    if (op->err.code == 0) {
        err_set(&op->err, LT_EINTERNALERROR, "the command failed without saying why");
    }
    command_finish(op, false);
}

void command_fail(struct command_op *op, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    op->err.code = code;
    op->err.info = (struct slice){0};
    vsnprintf(op->err.text, sizeof op->err.text, format, args);
    va_end(args);
    command_finish_failed(op);
}

/* ---- before the first step ---- */

/* What an operator has set for reads; 0: nothing. */
static uint64_t command_default_deadline(struct command_op *op)
{
    bool reads = (op->command->flags & (COMMAND_READ | COMMAND_GOES_ON)) == COMMAND_READ;
    int64_t ms = command_cluster_param(&op->server->cluster_params, COMMAND_CLUSTER_READ_MS);
    return reads && ms > 0 ? op->mono_us + (uint64_t)ms * 1000 : 0;
}

static int command_read_max_time(struct command_op *op)
{
    struct doc_value value = op->common.max_time;
    if (doc_value_is_nullish(value)) {
        op->deadline_us = command_default_deadline(op);
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.maxTimeMS' is the wrong type '%s', expected types "
                       "'[long, int, decimal, double]'",
                       op->command->name, doc_type_name(value.type));
    }
    int64_t ms;
    if (!doc_value_to_i64_exact(value, &ms)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "maxTimeMS has non-integral value or is out of range");
    }
    if (ms < 0 || ms > INT32_MAX) {
        return err_set(&op->err, LT_EBADVALUE, "%lld value for maxTimeMS is out of range [0, %d]",
                       (long long)ms, INT32_MAX);
    }
    op->deadline_us = ms == 0 ? 0 : op->mono_us + (uint64_t)ms * 1000;
    if (ms > 0 && command_fail_point_hits(op, COMMAND_FAIL_POINT_maxTimeAlwaysTimeOut, NULL)) {
        op->deadline_us = 1;
    }
    if (ms > 0 && command_fail_point_hits(op, COMMAND_FAIL_POINT_maxTimeNeverTimeOut, NULL)) {
        op->deadline_us = 0;
    }
    return 0;
}

/* On a full disk only what makes room is written. */
static int command_check_room(struct command_op *op)
{
    bool grows = (op->command->flags & (COMMAND_WRITE | COMMAND_FREES)) == COMMAND_WRITE;
    return grows && atomic_load(&op->server->disk_is_full)
               ? err_set(&op->err, LT_EOUTOFDISKSPACE,
                         "the disk is full: reads and deletes go on, other writes when there is "
                         "room again (largetable.diskReserveMB)")
               : 0;
}

static int command_check(struct command_op *op)
{
    if (op->command == NULL || command_is_hidden(op->server, op->command)) {
        return err_set(&op->err, LT_ECOMMANDNOTFOUND, "no such command: '%.*s'",
                       SLICE_FMT(doc_first(op->body).name));
    }
    if (op->message.header.opcode == WIRE_OP_QUERY && (op->command->flags & COMMAND_HELLO) == 0) {
        return err_set(
            &op->err, LT_EUNSUPPORTEDOPQUERYCOMMAND,
            "Unsupported OP_QUERY command: %s. The client driver may require an upgrade.",
            op->command->name);
    }
    if (op->db.len == 0) {
        return err_set(&op->err, 40414, "OP_MSG requests require a $db argument");
    }
    int code = command_check_db(op->db, &op->err);
    if (code < 0) {
        return code;
    }
    if ((op->command->flags & COMMAND_ADMIN) != 0 && !slice_is(op->db, "admin")) {
        return err_set(&op->err, LT_EUNAUTHORIZED, "%s may only be run against the admin database.",
                       op->command->name);
    }
    if (op->server->authorization) {
        code = command_authorize(op);
    }
    code = code < 0 ? code : command_check_api(op);
    code = code < 0 ? code : command_check_room(op);
    if (code < 0) {
        return code;
    }
    uint8_t id[16];
    uint8_t key[16];
    struct command_session *session;
    code = code < 0 ? code : command_txn_check(op);
    if (code == 0 && command_session_id(op->common.session, id)) {
        command_session_key_of(op, id, key);
        code = command_sessions_use(op, key, &session);
    }
    code = code < 0 ? code : command_causal_check(op);
    code = code < 0 ? code : command_check_concerns(op);
    return code < 0 ? code : command_read_max_time(op);
}

/* ---- stepping ---- */

static int command_interrupted(struct command_op *op)
{
    int killed = atomic_load(&op->killed);
    if (killed != 0) {
        return err_set(&op->err, killed, "operation was interrupted");
    }
    if (op->deadline_us != 0 && op->mono_us > op->deadline_us) {
        return err_set(&op->err, LT_EMAXTIMEMSEXPIRED, "operation exceeded time limit");
    }
    return 0;
}

static int command_begin(struct command_op *op)
{
    op->stage = COMMAND_ATTENDS;
    op->started_us = op->mono_us;
    int code = command_check(op);
    if (code < 0) {
        op->stage = code == -LT_EAGAIN ? COMMAND_NEW : op->stage; /* an account is not there yet */
        return code;
    }
    atomic_fetch_add(&op->server->opcounters.command, 1);
    if ((op->command->flags & COMMAND_ADMIN) != 0) {
        command_list(op); /* who asks for the list is on it */
    }
    return 0;
}

/* An op with a transaction number waits for its session's turn. */
static int command_enter(struct command_op *op)
{
    uint8_t id[16];
    uint8_t key[16];
    if (op->session == NULL) {
        command_session_id(op->common.session, id);
        command_session_key_of(op, id, key);
        int code = command_sessions_use(op, key, &op->session);
        if (code < 0) {
            return code;
        }
    }
    int code = command_session_hold(op);
    if (code == -LT_EWAIT) {
        op->session = NULL; /* it may be gone by the time of the turn */
    }
    return code < 0 ? code : command_txn_enter(op);
}

static void command_take_writer(struct command_op *op)
{
    op->owner->writer->view.wait = op->wait;
    op->writer = op->txn != NULL ? &op->txn->fork.writer : op->owner->writer;
    op->writer->view.wait = op->wait;
}

/* Until nothing is between the command and its handler. */
static int command_wait(struct command_op *op)
{
    int code = 0;
    bool attends = atomic_load(&op->server->attention) != 0 || op->fail.data != NULL;
    if (op->stage == COMMAND_ATTENDS && attends) {
        code = command_member_admits(op);
        code = code < 0 ? code : command_fail_before(op);
    }
    if (code < 0) {
        return code;
    }
    op->stage = COMMAND_WAITS;
    code = command_causal_wait(op);
    if (code == 0 && op->owner != NULL) {
        code = command_owner_admits(op);
    }
    if (code == 0 && op->owner != NULL && doc_value_exists(op->common.txn_number)) {
        code = command_enter(op);
        command_take_writer(op);
    }
    if (code < 0) {
        return code;
    }
    if (op->wants_snapshot || (op->command->flags & COMMAND_ONE_MOMENT) != 0) {
        code = command_snapshot_take(op);
        if (code < 0) {
            return code;
        }
        op->catalog = store_catalog_hold(op->snapshot->catalog);
    }
    op->stage = COMMAND_RUNS;
    if (!command_needs_owner(op) && op->catalog == NULL) {
        op->catalog = command_server_catalog(op->server);
    }
    return 0;
}

static int command_run(struct command_op *op)
{
    if (op->owner != NULL) {
        command_take_writer(op);
    }
    int code = op->stage == COMMAND_NEW ? command_begin(op) : command_member_keeps(op);
    code = code < 0 ? code : command_interrupted(op);
    code = code < 0 || op->stage == COMMAND_RUNS ? code : command_wait(op);
    code = code < 0 ? code : op->command->run(op);
    if (code == -LT_EWAIT && op->waits_for == NULL) {
        command_owner_wait(op, op->writer->blocker);
    }
    return code;
}

bool command_is_due(const struct command_op *op, uint64_t mono_us)
{
    struct command_server *server = op->server;
    return op->wake_us <= mono_us || atomic_load(&op->killed) != 0 ||
           command_member_is_stopping(server) ||
           (op->wake_clock != 0 && atomic_load(&server->applied_clock) >= op->wake_clock) ||
           (op->wake_topology != 0 && atomic_load(&server->topology_counter) != op->wake_topology);
}

/* At the owner, at the end of a step: what its statements did goes into the entry with it. */
static int command_keep(struct command_op *op)
{
    if (op->retry != NULL) {
        command_retry_flush(op->retry, op->owner->writer, command_session_key(op->session),
                            op->wall_ms);
    }
    return op->txn == NULL ? 0 : command_txn_charge(op);
}

/* Accounts can be written as any records, in `admin` only: by a restore, or by who moves a
 * collection there. A bulkWrite, which is always of that database, knows where it writes. */
static void command_note_accounts(struct command_op *op)
{
    bool elsewhere = op->command != NULL && op->command->run == command_bulk_write;
    if (op->owner != NULL && slice_is(op->db, "admin") && !elsewhere) {
        command_directory_changed(op);
    }
}

/* It is not done. While it rests, others see it and may kill it. */
static enum command_state command_rest(struct command_op *op, enum command_state state)
{
    command_list(op);
    return state;
}

enum command_state command_step(struct command_op *op)
{
    if (op->more_to_come) {
        op->more_to_come = false;
        op->reply_count++;
        op->reply.len = op->reply_start;
        op->stage = COMMAND_ATTENDS;
        op->fail = (struct slice){0};
        doc_build_begin(&op->builder, &op->reply);
    }
    int code = command_run(op);
    int kept = command_keep(op);
    command_note_accounts(op);
    code = kept < 0 ? kept : code;
    if (code == -LT_EWAIT) {
        return command_rest(op, COMMAND_WAIT);
    }
    if (code == -LT_EYIELD) {
        return command_rest(op, op->wake_us != 0 ? COMMAND_SLEEP : COMMAND_YIELD);
    }
    if (code == -LT_EAGAIN) {
        return command_rest(op, COMMAND_FETCH);
    }
    if (code < 0) {
        if (op->err.code == 0) {
            err_set(&op->err, -code, "%s failed", op->command->name);
        }
        op->failed = true;
        atomic_fetch_add_explicit(&op->server->opcounters.failed, 1, memory_order_relaxed);
        command_finish_failed(op);
    } else {
        command_finish(op, true);
    }
    if (op->server->audit != NULL) {
        command_audit_done(op, code < 0 ? op->err.code : 0);
    }
    if (!op->more_to_come) {
        command_let_go(op);
        command_unlist(op);
    }
    return COMMAND_DONE;
}
