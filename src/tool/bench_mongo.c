/* tool/bench_mongo.c - Largetable, or anything that speaks MongoDB's wire protocol.
 *
 * Each connection writes its requests once and afterwards only fills in what differs: the message's
 * number, the key, the documents. Where those are is found by looking for marks. */
#include <stdio.h>

#include "base/mem.h"
#include "doc/build.h"
#include "doc/json.h"
#include "doc/view.h"
#include "tool/bench_mongo_private.h"
#include "tool/client.h"
#include "wire/compose.h"

enum { MONGO_MARK_I32 = 0x5a31c7e9, MONGO_IN_SIZE = 4096 };

/* ---- composing ---- */

uint32_t bench__mongo_find_mark(const struct buf *buf, const void *mark, size_t size)
{
    const uint8_t *found = memmem(buf->data, buf->len, mark, size);
    assert(found != NULL);
    return (uint32_t)(found - buf->data);
}

uint32_t bench__mongo_find_key(const struct buf *buf)
{
    uint8_t key[BENCH_KEY_SIZE];
    bench_key_write(key, 0);
    return bench__mongo_find_mark(buf, key, sizeof key);
}

void bench__mongo_build_key(struct doc_builder *builder, const char *name)
{
    uint8_t key[BENCH_KEY_SIZE];
    bench_key_write(key, 0);
    doc_build_string(builder, name, slice_of(key, sizeof key));
}

void bench__mongo_begin(struct mongo_request *request, struct doc_builder *builder,
                        const char *command)
{
    buf_init(&request->message, NULL);
    wire_compose_begin(&request->message, WIRE_OP_MSG);
    doc_build_begin(builder, &request->message);
    doc_build_text(builder, command, BENCH_TABLE);
}

static void mongo_end_body(struct doc_builder *builder)
{
    doc_build_text(builder, "$db", BENCH_DB);
    doc_build_end(builder);
}

void bench__mongo_end(struct mongo_request *request)
{
    const struct wire_stamp stamp = {0};
    wire_compose_end(&request->message, 0, &stamp);
}

static void mongo_build_write(struct mongo_request *request, struct doc_builder *builder,
                              const char *command)
{
    bench__mongo_begin(request, builder, command);
    doc_build_bool(builder, "ordered", true);
    doc_build_open(builder, SLICE("writeConcern"));
    doc_build_text(builder, "w", "majority");
    doc_build_bool(builder, "j", true);
    doc_build_close(builder);
    mongo_end_body(builder);
}

static void mongo_compose_insert(struct mongo_request *request, const struct bench *bench,
                                 uint32_t count)
{
    struct doc_builder builder;
    mongo_build_write(request, &builder, "insert");
    size_t start = wire_compose_sequence(&request->message, SLICE("documents"));
    request->size = (uint32_t)start;
    request->at = (uint32_t)request->message.len;
    for (uint32_t i = 0; i < count; i++) {
        buf_append_slice(&request->message, buf_slice(&bench->layout.blank));
    }
    wire_compose_sequence_end(&request->message, start);
    bench__mongo_end(request);
}

static void mongo_compose_update(struct mongo_request *request)
{
    struct doc_builder builder;
    mongo_build_write(request, &builder, "update");
    size_t start = wire_compose_sequence(&request->message, SLICE("updates"));
    doc_build_begin(&builder, &request->message);
    doc_build_open(&builder, SLICE("q"));
    bench__mongo_build_key(&builder, "_id");
    doc_build_close(&builder);
    doc_build_open(&builder, SLICE("u"));
    doc_build_open(&builder, SLICE("$inc"));
    doc_build_i64(&builder, "n", 1);
    doc_build_close(&builder);
    doc_build_close(&builder);
    doc_build_end(&builder);
    wire_compose_sequence_end(&request->message, start);
    bench__mongo_end(request);
    request->at = bench__mongo_find_key(&request->message);
}

static void mongo_compose_read(struct mongo_request *request)
{
    struct doc_builder builder;
    bench__mongo_begin(request, &builder, "find");
    doc_build_open(&builder, SLICE("filter"));
    bench__mongo_build_key(&builder, "_id");
    doc_build_close(&builder);
    doc_build_i32(&builder, "limit", 1);
    doc_build_bool(&builder, "singleBatch", true);
    mongo_end_body(&builder);
    bench__mongo_end(request);
    request->at = bench__mongo_find_key(&request->message);
}

static void mongo_compose_secondary(struct mongo_request *request, bool plain)
{
    const int64_t mark = MONGO_MARK_I64;
    struct doc_builder builder;
    bench__mongo_begin(request, &builder, "find");
    doc_build_open(&builder, SLICE("filter"));
    doc_build_i64(&builder, plain ? "g" : "u", mark);
    doc_build_close(&builder);
    mongo_end_body(&builder);
    bench__mongo_end(request);
    request->at = bench__mongo_find_mark(&request->message, &mark, sizeof mark);
}

static void mongo_compose_scan(struct mongo_request *request, const struct bench *bench)
{
    const int32_t mark = MONGO_MARK_I32;
    struct doc_builder builder;
    bench__mongo_begin(request, &builder, "find");
    doc_build_open(&builder, SLICE("filter"));
    doc_build_open(&builder, SLICE("_id"));
    bench__mongo_build_key(&builder, "$gte");
    doc_build_close(&builder);
    doc_build_close(&builder);
    doc_build_open(&builder, SLICE("sort"));
    doc_build_i32(&builder, "_id", 1);
    doc_build_close(&builder);
    doc_build_i32(&builder, "limit", mark);
    doc_build_i32(&builder, "batchSize", (int32_t)bench->options.scan_length);
    doc_build_bool(&builder, "singleBatch", true);
    mongo_end_body(&builder);
    bench__mongo_end(request);
    request->at = bench__mongo_find_key(&request->message);
    request->limit = bench__mongo_find_mark(&request->message, &mark, sizeof mark);
}

/* Only what is asked for: a batch is large, and connections may be many. */
static void mongo_compose(struct mongo_request *request, const struct bench *bench,
                          enum bench_op verb)
{
    switch (verb) {
    case BENCH_READ:
        mongo_compose_read(request);
        break;
    case BENCH_READ_SECONDARY:
        mongo_compose_secondary(request, bench->options.index_plain);
        break;
    case BENCH_UPDATE:
        mongo_compose_update(request);
        break;
    case BENCH_SCAN:
        mongo_compose_scan(request, bench);
        break;
    case BENCH_INSERT:
    case BENCH_INSERT_MANY:
        mongo_compose_insert(request, bench, verb == BENCH_INSERT ? 1 : bench->options.batch);
        break;
    default:
        assert(verb < BENCH_RMW);
    }
}

static void mongo_patch_insert(struct bench_conn *conn, struct mongo_request *request)
{
    const struct bench_layout *layout = &conn->bench->layout;
    for (uint32_t i = 0; i < conn->count; i++) {
        bench_doc_patch(layout, request->message.data + request->at + i * layout->blank.len,
                        bench_own_number(conn, conn->inserted + i));
    }
    /* the last batch of a phase is shorter; its sequence ends the message */
    uint32_t end = request->at + (uint32_t)(conn->count * layout->blank.len);
    uint32_t size = end - request->size;
    memcpy(request->message.data + request->size, &size, sizeof size);
    memcpy(request->message.data, &end, sizeof end);
    request->message.len = end;
}

static int mongo_send(struct bench_conn *conn, struct err *err)
{
    struct mongo_state *state = conn->state;
    if (bench_op_is_txn(conn->verb)) {
        return bench__txn_send(conn, err);
    }
    struct mongo_request *request = &state->requests[conn->verb];
    if (request->message.len == 0) {
        mongo_compose(request, conn->bench, conn->verb);
    }
    uint8_t *message = request->message.data;
    conn->request_id++;
    memcpy(message + 4, &conn->request_id, sizeof conn->request_id);
    switch (conn->verb) {
    case BENCH_INSERT:
    case BENCH_INSERT_MANY:
        mongo_patch_insert(conn, request);
        break;
    case BENCH_READ_SECONDARY: {
        int64_t wanted = conn->bench->options.index_plain ? (int64_t)(conn->key / BENCH_GROUP_SIZE)
                                                          : bench_unique_of(conn->key);
        memcpy(message + request->at, &wanted, sizeof wanted);
        break;
    }
    case BENCH_SCAN:
        memcpy(message + request->limit, &conn->count, sizeof conn->count);
        bench_key_write(message + request->at, conn->key);
        break;
    default:
        bench_key_write(message + request->at, conn->key);
    }
    conn->out = buf_slice(&request->message);
    return bench_socket_send(conn, err);
}

/* ---- checking ---- */

bool bench__mongo_is(struct slice doc, const char *name, int64_t wanted)
{
    struct doc_value value = doc_get_str(doc, name);
    int64_t number;
    return doc_value_is_number(value) && doc_value_to_i64_exact(value, &number) && number == wanted;
}

/* The documents of a group come in any order; each once. */
static int mongo_check_group(struct bench_conn *conn, struct slice doc, uint32_t *seen,
                             struct err *err)
{
    for (uint32_t i = 0; i < conn->count; i++) {
        if ((*seen & 1u << i) == 0 && bench_doc_check(&conn->bench->layout, doc, conn->key + i)) {
            *seen |= 1u << i;
            return 0;
        }
    }
    return bench_wrong(conn, "a document that is not of the group, or twice", err);
}

int bench__mongo_check_find(struct bench_conn *conn, struct slice reply, uint64_t key,
                            uint32_t wanted, struct err *err)
{
    struct doc_value cursor = doc_get_str(reply, "cursor");
    struct doc_value batch = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t seen = 0;
    uint32_t count = 0;
    int code = 0;
    if (cursor.type == DOC_OBJECT && bench__mongo_is(doc_value_get_doc(cursor), "id", 0)) {
        batch = doc_get_str(doc_value_get_doc(cursor), "firstBatch");
    }
    if (batch.type != DOC_ARRAY) {
        return bench_wrong(conn, "no batch, or an open cursor", err);
    }
    doc_iter_value(&iter, batch);
    for (; code == 0 && doc_iter_next(&iter, &elem); count++) {
        if (elem.value.type != DOC_OBJECT || count == wanted) {
            code = bench_wrong(conn, "too many documents", err);
        } else if (conn->verb == BENCH_READ_SECONDARY) {
            code = mongo_check_group(conn, doc_value_get_doc(elem.value), &seen, err);
        } else if (!bench_doc_check(&conn->bench->layout, doc_value_get_doc(elem.value),
                                    key + count)) {
            code = bench_wrong(conn, "another document than was asked for", err);
        }
    }
    return code == 0 && count < wanted ? bench_wrong(conn, "too few documents", err) : code;
}

static int mongo_check(struct bench_conn *conn, const struct wire_message *message, struct err *err)
{
    struct slice reply = message->body;
    if (message->header.response_to != (int32_t)conn->request_id) {
        return bench_wrong(conn, "the reply to another request", err);
    }
    conn->refused = bench__mongo_is(reply, "code", LT_EINGRESSREQUESTRATELIMITEXCEEDED);
    if (conn->refused) {
        return 0;
    }
    if (!bench__mongo_is(reply, "ok", 1) || doc_value_exists(doc_get_str(reply, "writeErrors")) ||
        doc_value_exists(doc_get_str(reply, "writeConcernError"))) {
        struct doc_value text = doc_get_str(reply, "errmsg");
        bench_wrong(conn, "", err);
        return err_set(err, LT_EBENCH_WRONG, "%s %.*s", err->text,
                       SLICE_FMT(text.type == DOC_STRING ? doc_value_get_string(text)
                                                         : SLICE("write errors")));
    }
    if (bench_op_is_txn(conn->verb)) {
        return bench__txn_check(conn, reply, err);
    }
    if (conn->verb == BENCH_INSERT || conn->verb == BENCH_INSERT_MANY) {
        return bench__mongo_is(reply, "n", conn->count) ? 0 : bench_wrong(conn, "another n", err);
    }
    if (conn->verb == BENCH_UPDATE) {
        return bench__mongo_is(reply, "n", 1) && bench__mongo_is(reply, "nModified", 1)
                   ? 0
                   : bench_wrong(conn, "another n or nModified", err);
    }
    return bench__mongo_check_find(conn, reply, conn->key, conn->count, err);
}

static int mongo_receive(struct bench_conn *conn, struct err *err)
{
    struct wire_header header = {.length = MONGO_IN_SIZE};
    struct wire_message message;
    for (;;) {
        int code =
            conn->in.len < WIRE_HEADER_SIZE
                ? 0
                : wire_header_parse(buf_slice(&conn->in), WIRE_MESSAGE_SIZE_MAX, &header, err);
        if (code < 0) {
            return code;
        }
        if (conn->in.len >= header.length) {
            break;
        }
        int64_t moved = bench_socket_receive(conn, header.length - conn->in.len, err);
        if (moved <= 0) {
            return (int)moved;
        }
        if (conn->in.len < WIRE_HEADER_SIZE) {
            return 0;
        }
    }
    int code = conn->in.len != header.length
                   ? bench_wrong(conn, "more than one reply", err)
                   : wire_message_parse(buf_slice(&conn->in), &message, err);
    code = code < 0 ? code : mongo_check(conn, &message, err);
    if (code == 0 && bench_op_is_txn(conn->verb)) {
        return bench__txn_go_on(conn, err);
    }
    return code < 0 ? code : 1;
}

/* ---- connecting ---- */

static int mongo_connect(const struct bench *bench, struct tool_client *client, struct err *err)
{
    struct tool_target target;
    tool_client_init(client);
    int code = tool_target_set(&target, bench->options.host, bench->options.port, err);
    return code < 0 ? code : tool_client_connect(client, &target, "largetable bench", err);
}

static int mongo_greet(const struct bench *bench, int *ret_fd, struct err *err)
{
    struct tool_client client;
    int code = mongo_connect(bench, &client, err);
    if (code == 0) {
        *ret_fd = client.fd;
        client.fd = -1;
    }
    tool_client_close(&client);
    return code;
}

static int mongo_open(struct bench_conn *conn, struct err *err)
{
    int code = mongo_greet(conn->bench, &conn->fd, err);
    if (code < 0) {
        return code;
    }
    struct mongo_state *state = mem_zero(1, sizeof *state);
    conn->state = state;
    conn->request_id = 1000;
    return bench_socket_nonblocking(conn->fd, err);
}

static void mongo_close(struct bench_conn *conn)
{
    struct mongo_state *state = conn->state;
    for (uint32_t i = 0; state != NULL && i < BENCH_OPS; i++) {
        buf_close(&state->requests[i].message);
    }
    for (uint32_t i = 0; state != NULL && i < MONGO_TXN_PARTS; i++) {
        buf_close(&state->parts[i].message);
    }
    mem_free(state);
    conn->state = NULL;
    bench_socket_close(conn);
}

/* ---- before and after ---- */

static int mongo_run(struct tool_client *client, const char *json, struct slice *ret_reply,
                     struct err *err)
{
    struct buf command;
    size_t used;
    buf_init(&command, NULL);
    int code = doc_json_read(slice_str(json), &command, &used, err);
    code = code < 0 ? code : tool_client_run(client, buf_slice(&command), ret_reply, err);
    buf_close(&command);
    return code;
}

static int mongo_prepare(struct bench *bench, struct err *err)
{
    static const char *const indexes[] = {
        "{\"createIndexes\": \"" BENCH_TABLE "\", \"indexes\": [{\"key\": {\"u\": 1}, "
        "\"name\": \"u_1\", \"unique\": true}], \"$db\": \"" BENCH_DB "\"}",
        "{\"createIndexes\": \"" BENCH_TABLE "\", \"indexes\": [{\"key\": {\"g\": 1}, "
        "\"name\": \"g_1\"}], \"$db\": \"" BENCH_DB "\"}",
    };
    struct tool_client client;
    struct slice reply;
    int code = mongo_connect(bench, &client, err);
    code = code < 0 ? code
                    : mongo_run(&client, "{\"dropDatabase\": 1, \"$db\": \"" BENCH_DB "\"}", &reply,
                                err);
    code = code < 0
               ? code
               : mongo_run(&client, "{\"create\": \"" BENCH_TABLE "\", \"$db\": \"" BENCH_DB "\"}",
                           &reply, err);
    if (code == 0 && bench->options.workload->share[BENCH_READ_SECONDARY] > 0) {
        code = mongo_run(&client, indexes[bench->options.index_plain ? 1 : 0], &reply, err);
    }
    for (uint32_t i = 0; i < bench->options.indexes && code >= 0; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"createIndexes\": \"" BENCH_TABLE "\", \"indexes\": [{\"key\": %s, "
                 "\"name\": \"%s\"}], \"$db\": \"" BENCH_DB "\"}",
                 bench_indexes[i].json, bench_indexes[i].name);
        code = mongo_run(&client, text, &reply, err);
    }
    tool_client_close(&client);
    return code < 0 ? code : 0;
}

static int mongo_tally(struct bench *bench, struct bench_tally *ret_tally, struct err *err)
{
    struct tool_client client;
    struct slice reply;
    int code = mongo_connect(bench, &client, err);
    code = code < 0 ? code
                    : mongo_run(&client,
                                "{\"aggregate\": \"" BENCH_TABLE "\", \"pipeline\": [{\"$group\": "
                                "{\"_id\": null, \"documents\": {\"$sum\": 1}, \"updates\": "
                                "{\"$sum\": \"$n\"}}}], \"cursor\": {}, \"$db\": \"" BENCH_DB "\"}",
                                &reply, err);
    if (code == 0) {
        struct doc_value cursor = doc_get_str(reply, "cursor");
        struct doc_value batch = cursor.type != DOC_OBJECT
                                     ? doc_missing
                                     : doc_get_str(doc_value_get_doc(cursor), "firstBatch");
        struct doc_value row =
            batch.type != DOC_ARRAY ? doc_missing : doc_array_at(doc_value_get_doc(batch), 0);
        *ret_tally = (struct bench_tally){.counts_updates = true};
        if (row.type == DOC_OBJECT &&
            (!doc_value_to_i64_exact(doc_get_str(doc_value_get_doc(row), "documents"),
                                     &ret_tally->documents) ||
             !doc_value_to_i64_exact(doc_get_str(doc_value_get_doc(row), "updates"),
                                     &ret_tally->updates))) {
            code = err_set(err, LT_EBENCH_WRONG, "WRONG ANSWER: the sums are no numbers");
        }
    }
    tool_client_close(&client);
    return code < 0 ? code : 0;
}

const struct bench_peer bench_mongo = {
    .name = "largetable",
    .port = TOOL_PORT,
    .verbs = (1 << BENCH_OPS) - 1,
    .prepare = mongo_prepare,
    .greet = mongo_greet,
    .open = mongo_open,
    .send = mongo_send,
    .flush = bench_socket_flush,
    .receive = mongo_receive,
    .close = mongo_close,
    .tally = mongo_tally,
};
