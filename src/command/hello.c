/* command/hello.c - hello, isMaster and ping: the face of a replica set of one.
 *
 * With topologyVersion and maxAwaitTimeMS the answer waits until the topology changes or the time
 * is up; over an exhaust connection one request gets answer after answer. */
#include "command/args.h"
#include "command/handlers.h"
#include "command/login.h"
#include "command/member.h"
#include "command/server.h"
#include "command/session.h"
#include "command/version.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "wire/compress.h"

enum { HELLO_METADATA_MAX = 512, HELLO_APP_NAME_MAX = 128, HELLO_STREAM_MIN_MS = 10 };

struct hello_state {
    bool waits;         /* awaitable hello: */
    uint64_t until_us;  /* answer at the latest then, */
    uint64_t counter;   /* or when the topology's is another than the client knows */
    struct slice login; /* fields about logins, for the first reply */
};

int command_ping(struct command_op *op)
{
    (void)op;
    return 0;
}

/* ---- the request ---- */

static int hello_check_metadata(struct command_op *op, struct doc_value value)
{
    if (value.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "The client metadata document must be a document, not %s",
                       doc_type_name(value.type));
    }
    struct slice metadata = doc_value_get_doc(value);
    if (metadata.len > HELLO_METADATA_MAX) {
        return err_set(&op->err, LT_ECLIENTMETADATADOCUMENTTOOLARGE,
                       "The client metadata document must be less than or equal to %d bytes",
                       HELLO_METADATA_MAX);
    }
    struct doc_value driver = doc_get_str(metadata, "driver");
    struct doc_value os = doc_get_str(metadata, "os");
    if (driver.type != DOC_OBJECT || os.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ECLIENTMETADATAMISSINGFIELD,
                       "Missing required sub-document '%s' in the client metadata document",
                       driver.type != DOC_OBJECT ? "driver" : "os");
    }
    return 0;
}

static int hello_app_name(struct command_op *op, struct slice metadata, struct slice *ret_name)
{
    struct doc_value application = doc_get_str(metadata, "application");
    struct doc_value name = doc_missing;
    if (application.type == DOC_OBJECT) {
        name = doc_get_str(doc_value_get_doc(application), "name");
    }
    *ret_name = name.type == DOC_STRING ? doc_value_get_string(name) : SLICE("");
    if (ret_name->len >= HELLO_APP_NAME_MAX) {
        return err_set(&op->err, LT_ECLIENTMETADATAAPPNAMETOOLARGE,
                       "The 'application.name' field must be less than or equal to %d bytes",
                       HELLO_APP_NAME_MAX);
    }
    return 0;
}

static int hello_take_metadata(struct command_op *op)
{
    struct command_client *client = op->client;
    struct doc_value value = doc_get_str(op->body, "client");
    struct slice name;
    if (!doc_value_exists(value)) {
        return 0;
    }
    if (client->metadata.len > 0) {
        return err_set(&op->err, LT_ECLIENTMETADATACANNOTBEMUTATED,
                       "The client metadata document may only be sent in the first hello");
    }
    int code = hello_check_metadata(op, value);
    code = code < 0 ? code : hello_app_name(op, doc_value_get_doc(value), &name);
    if (code < 0) {
        return code;
    }
    pthread_mutex_lock(&op->server->ops_lock); /* others may be looking */
    command_client_set_metadata(client, doc_value_get_doc(value));
    memcpy(client->app_name, name.data, name.len);
    client->app_name[name.len] = '\0';
    pthread_mutex_unlock(&op->server->ops_lock);
    return 0;
}

/* ---- the reply ---- */

static void hello_build_topology_version(struct command_op *op, uint64_t counter)
{
    doc_build_open(&op->builder, SLICE("topologyVersion"));
    doc_build_oid(&op->builder, "processId", op->server->process_id);
    doc_build_i64(&op->builder, "counter", (int64_t)counter);
    doc_build_close(&op->builder);
}

void command_build_topology_version(struct command_op *op)
{
    hello_build_topology_version(op, atomic_load(&op->server->topology_counter));
}

static void hello_build_last_write(struct command_op *op)
{
    uint64_t clock = atomic_load(&op->server->applied_clock);
    int64_t date_ms = (int64_t)(clock >> 32) * 1000;
    static const char *const times[] = {"opTime", "majorityOpTime"};
    static const char *const dates[] = {"lastWriteDate", "majorityWriteDate"};
    doc_build_open(&op->builder, SLICE("lastWrite"));
    for (int i = 0; i < 2; i++) {
        doc_build_open(&op->builder, slice_str(times[i]));
        doc_build_timestamp(&op->builder, "ts", clock);
        doc_build_i64(&op->builder, "t", (int64_t)atomic_load(&op->server->term));
        doc_build_close(&op->builder);
        doc_build_date(&op->builder, dates[i], date_ms);
    }
    doc_build_close(&op->builder);
}

static void hello_build_set(struct command_op *op, bool legacy)
{
    const struct command_server *server = op->server;
    uint8_t election[12] = {0x7f, 0xff, 0xff, 0xff};
    uint64_t term = atomic_load(&server->term);
    bool primary = command_member_is_primary(op->server);
    for (int i = 0; i < 8; i++) {
        election[4 + i] = (uint8_t)(term >> (56 - 8 * i));
    }
    doc_build_open_array(&op->builder, SLICE("hosts"));
    doc_build_text(&op->builder, "", server->address);
    doc_build_close(&op->builder);
    doc_build_text(&op->builder, "setName", server->set_name);
    doc_build_i32(&op->builder, "setVersion", 1);
    doc_build_bool(&op->builder, legacy ? "ismaster" : "isWritablePrimary", primary);
    doc_build_bool(&op->builder, "secondary", !primary);
    if (primary) {
        doc_build_text(&op->builder, "primary", server->address);
    }
    doc_build_text(&op->builder, "me", server->address);
    if (primary) {
        doc_build_oid(&op->builder, "electionId", election);
    }
    hello_build_last_write(op);
}

static void hello_build(struct command_op *op, uint64_t counter)
{
    bool legacy = !slice_is(doc_first(op->body).name, "hello");
    if (doc_value_truth(doc_get_str(op->body, "helloOk"))) {
        op->client->hello_ok = true;
        doc_build_bool(&op->builder, "helloOk", true);
    }
    hello_build_topology_version(op, counter);
    hello_build_set(op, legacy);
    doc_build_i32(&op->builder, "maxBsonObjectSize", DOC_SIZE_MAX);
    doc_build_i32(&op->builder, "maxMessageSizeBytes", 48000000);
    doc_build_i32(&op->builder, "maxWriteBatchSize", 100000);
    doc_build_date(&op->builder, "localTime", op->wall_ms);
    doc_build_i32(&op->builder, "logicalSessionTimeoutMinutes",
                  command_session_minutes(op->server));
    doc_build_i32(&op->builder, "connectionId", op->client->connection_id);
    doc_build_i32(&op->builder, "minWireVersion", 0);
    doc_build_i32(&op->builder, "maxWireVersion", COMMAND_WIRE_VERSION_MAX);
    doc_build_bool(&op->builder, "readOnly", false);
    wire_compressors_agree(&op->builder, doc_get_str(op->body, "compression"));
}

/* ---- waiting for a change ---- */

/* Does the client already know this topology? Then it wants to hear of the next one. */
static int hello_knows(struct command_op *op, struct hello_state *state, bool *ret_knows)
{
    struct doc_value version = doc_get_str(op->body, "topologyVersion");
    struct doc_value await = doc_get_str(op->body, "maxAwaitTimeMS");
    *ret_knows = false;
    if (!doc_value_exists(version) && !doc_value_exists(await)) {
        return 0;
    }
    if (version.type != DOC_OBJECT || !doc_value_is_number(await)) {
        return err_set(&op->err, 31368,
                       "A request with 'topologyVersion' must include 'maxAwaitTimeMS', and vice "
                       "versa");
    }
    struct doc_value process = doc_get_str(doc_value_get_doc(version), "processId");
    struct doc_value counter = doc_get_str(doc_value_get_doc(version), "counter");
    int64_t known;
    if (process.type != DOC_OID || !doc_value_to_i64_exact(counter, &known)) {
        return err_set(&op->err, 40414, "BSON field 'topologyVersion' is incomplete");
    }
    if (known < 0) {
        return err_set(&op->err, 31372, "topologyVersion must have a non-negative counter");
    }
    if (doc_value_to_i64_clamped(await) < 0) {
        return err_set(&op->err, 31373, "maxAwaitTimeMS must be a non-negative integer");
    }
    *ret_knows = memcmp(process.data, op->server->process_id, 12) == 0 &&
                 (uint64_t)known == atomic_load(&op->server->topology_counter);
    state->counter = (uint64_t)known;
    return 0;
}

/* The first one of a request, when the client knows the topology, and all later ones of a stream.
 */
static void hello_begin_await(struct command_op *op, struct hello_state *state)
{
    struct doc_value await = doc_get_str(op->body, "maxAwaitTimeMS");
    int64_t wait_ms = doc_value_to_i64_clamped(await);
    int64_t least_ms = op->reply_count > 0 ? HELLO_STREAM_MIN_MS : 0;
    wait_ms = wait_ms < least_ms ? least_ms : wait_ms > 60000 ? 60000 : wait_ms;
    state->waits = true;
    state->until_us = op->mono_us + (uint64_t)wait_ms * 1000;
}

static int hello_await(struct command_op *op, struct hello_state *state)
{
    if (state->waits && op->mono_us < state->until_us &&
        atomic_load(&op->server->topology_counter) == state->counter) {
        op->wake_us = state->until_us;
        op->wake_topology = state->counter;
        return -LT_EYIELD;
    }
    op->wake_us = 0;
    op->wake_topology = 0;
    state->waits = false;
    return 0;
}

/* Until it ends, a server that stops says so, and for how long it is still there. */
static int hello_says_goodbye(struct command_op *op)
{
    struct doc_builder builder;
    struct buf info;
    uint64_t until_us = atomic_load(&op->server->stop_until_us);
    int64_t left_us = until_us > op->mono_us ? (int64_t)(until_us - op->mono_us) : 0;
    buf_init(&info, &op->arena);
    doc_build_begin(&builder, &info);
    doc_build_i64(&builder, "remainingQuiesceTimeMillis", left_us / 1000);
    op->close_after = true;
    int code = err_set(&op->err, LT_ESHUTDOWNINPROGRESS,
                       "The server is in quiesce mode and will shut down");
    op->err.info = doc_build_end(&builder);
    return code;
}

static int hello_begin(struct command_op *op, struct hello_state **ret_state)
{
    struct hello_state *state = arena_zero(&op->arena, 1, sizeof *state);
    bool knows;
    int code = command_login_hello(op, &state->login);
    code = code < 0 ? code : hello_take_metadata(op);
    code = code < 0 ? code : hello_knows(op, state, &knows);
    if (code < 0) {
        return code;
    }
    if (knows) {
        hello_begin_await(op, state);
    }
    *ret_state = op->state = state;
    return 0;
}

int command_hello(struct command_op *op)
{
    struct hello_state *state = op->state;
    int code = 0;
    if (state == NULL) {
        code = hello_begin(op, &state);
    } else if (!state->waits) {
        hello_begin_await(op, state);
    }
    code = code < 0 ? code : hello_await(op, state);
    if (code < 0) {
        return code;
    }
    if (command_member_is_stopping(op->server)) {
        return hello_says_goodbye(op);
    }
    state->counter = atomic_load(&op->server->topology_counter);
    hello_build(op, state->counter);
    if (op->reply_count == 0 && state->login.len > 0) {
        doc_build_fields(&op->builder, state->login);
    }
    op->client->greeted = true;
    op->more_to_come = (op->message.flags & WIRE_EXHAUST_ALLOWED) != 0 &&
                       wire_message_wants_reply(&op->message) &&
                       doc_value_exists(doc_get_str(op->body, "topologyVersion"));
    return 0;
}
