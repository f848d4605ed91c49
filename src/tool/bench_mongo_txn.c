/* tool/bench_mongo_txn.c - transactions: their commands one after another, then the commit. */
#include "doc/build.h"
#include "tool/bench_mongo_private.h"
#include "wire/compose.h"

/* Every connection has a session of its own. */
static void txn_build(struct doc_builder *builder, const struct bench_conn *conn,
                      enum mongo_part part)
{
    const int64_t mark = MONGO_MARK_I64;
    uint64_t session[2] = {bench_mix(conn->number), conn->bench->base + conn->bench->limit};
    doc_build_open(builder, SLICE("lsid"));
    doc_build_binary(builder, "id", 4, slice_of((uint8_t *)session, sizeof session));
    doc_build_close(builder);
    doc_build_i64(builder, "txnNumber", mark);
    if (part == MONGO_TXN_FIRST) {
        doc_build_bool(builder, "startTransaction", true);
    }
    doc_build_bool(builder, "autocommit", false);
}

static void txn_compose(struct mongo_state *state, const struct bench_conn *conn,
                        enum mongo_part part)
{
    const int64_t mark = MONGO_MARK_I64;
    struct mongo_request *request = &state->parts[part];
    struct doc_builder builder;
    bool inserts = conn->verb == BENCH_TXN_INSERT;
    bool commits = part == MONGO_TXN_COMMIT;
    bench__mongo_begin(request, &builder,
                       commits   ? "commitTransaction"
                       : inserts ? "insert"
                                 : "find");
    txn_build(&builder, conn, part);
    if (!commits && !inserts) {
        doc_build_open(&builder, SLICE("filter"));
        bench__mongo_build_key(&builder, "_id");
        doc_build_close(&builder);
        doc_build_i32(&builder, "limit", 1);
        doc_build_bool(&builder, "singleBatch", true);
    }
    doc_build_text(&builder, "$db", commits ? "admin" : BENCH_DB);
    doc_build_end(&builder);
    if (!commits && inserts) {
        size_t start = wire_compose_sequence(&request->message, SLICE("documents"));
        request->at = (uint32_t)request->message.len;
        buf_append_slice(&request->message, buf_slice(&conn->bench->layout.blank));
        wire_compose_sequence_end(&request->message, start);
    } else if (!commits) {
        request->at = bench__mongo_find_key(&request->message);
    }
    bench__mongo_end(request);
    state->numbers[part] = bench__mongo_find_mark(&request->message, &mark, sizeof mark);
}

/* The document that command `part` of a transaction is about. */
static uint64_t txn_key(const struct bench_conn *conn, uint32_t part)
{
    return conn->verb == BENCH_TXN_INSERT ? bench_own_number(conn, conn->inserted + part)
                                          : (conn->key + part) % conn->bench->options.documents;
}

/* Send the next command of the transaction. */
static int txn_send_part(struct bench_conn *conn, struct err *err)
{
    struct mongo_state *state = conn->state;
    enum mongo_part part = state->part == conn->count ? MONGO_TXN_COMMIT
                           : state->part == 0         ? MONGO_TXN_FIRST
                                                      : MONGO_TXN_NEXT;
    struct mongo_request *request = &state->parts[part];
    if (request->message.len == 0) {
        txn_compose(state, conn, part);
    }
    uint8_t *message = request->message.data;
    conn->request_id++;
    memcpy(message + 4, &conn->request_id, sizeof conn->request_id);
    memcpy(message + state->numbers[part], &state->number, sizeof state->number);
    if (part != MONGO_TXN_COMMIT && conn->verb == BENCH_TXN_INSERT) {
        bench_doc_patch(&conn->bench->layout, message + request->at, txn_key(conn, state->part));
    } else if (part != MONGO_TXN_COMMIT) {
        bench_key_write(message + request->at, txn_key(conn, state->part));
    }
    conn->out = buf_slice(&request->message);
    int code = bench_socket_send(conn, err);
    return code == 0 && conn->wants_out
               ? err_set(err, LT_EINTERNALERROR, "the socket does not take one small command")
               : code;
}

int bench__txn_check(struct bench_conn *conn, struct slice reply, struct err *err)
{
    const struct mongo_state *state = conn->state;
    if (state->part == conn->count) {
        return 0; /* the commit says no more than ok */
    }
    if (conn->verb == BENCH_TXN_READ) {
        return bench__mongo_check_find(conn, reply, txn_key(conn, state->part), 1, err);
    }
    return bench__mongo_is(reply, "n", 1) ? 0 : bench_wrong(conn, "another n", err);
}

int bench__txn_go_on(struct bench_conn *conn, struct err *err)
{
    struct mongo_state *state = conn->state;
    if (state->part == conn->count || conn->refused) {
        return 1;
    }
    state->part++;
    return txn_send_part(conn, err);
}

int bench__txn_send(struct bench_conn *conn, struct err *err)
{
    struct mongo_state *state = conn->state;
    state->part = 0;
    state->number++;
    return txn_send_part(conn, err);
}
