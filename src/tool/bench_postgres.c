/* tool/bench_postgres.c - PostgreSQL: table (id text primary key, doc jsonb), prepared statements,
 * synchronous_commit on.
 *
 * libpq is opened when it is needed and not linked, so that the server that shares this executable
 * neither needs nor loads it. Its interface has been stable for decades; the part used here is the
 * list below. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tool/bench_private.h"

struct pg_conn;
struct pg_result;

/* clang-format off */
#define POSTGRES_CALLS(CALL)                                                                       \
    CALL(struct pg_conn *, PQconnectdb, (const char *))                                            \
    CALL(int, PQstatus, (const struct pg_conn *))                                                  \
    CALL(char *, PQerrorMessage, (const struct pg_conn *))                                         \
    CALL(int, PQsocket, (const struct pg_conn *))                                                  \
    CALL(int, PQsetnonblocking, (struct pg_conn *, int))                                           \
    CALL(void, PQfinish, (struct pg_conn *))                                                       \
    CALL(struct pg_result *, PQexec, (struct pg_conn *, const char *))                             \
    CALL(struct pg_result *, PQprepare,                                                            \
         (struct pg_conn *, const char *, const char *, int, const unsigned *))                    \
    CALL(int, PQsendQueryPrepared, (struct pg_conn *, const char *, int, const char *const *,      \
                                    const int *, const int *, int))                                \
    CALL(int, PQflush, (struct pg_conn *))                                                         \
    CALL(int, PQconsumeInput, (struct pg_conn *))                                                  \
    CALL(int, PQisBusy, (struct pg_conn *))                                                        \
    CALL(struct pg_result *, PQgetResult, (struct pg_conn *))                                      \
    CALL(int, PQresultStatus, (const struct pg_result *))                                          \
    CALL(void, PQclear, (struct pg_result *))                                                      \
    CALL(int, PQntuples, (const struct pg_result *))                                               \
    CALL(char *, PQgetvalue, (const struct pg_result *, int, int))                                 \
    CALL(int, PQgetlength, (const struct pg_result *, int, int))                                   \
    CALL(char *, PQcmdTuples, (struct pg_result *))
/* clang-format on */

struct postgres_library {
#define CALL(returns, name, arguments) returns(*name) arguments;
    POSTGRES_CALLS(CALL)
#undef CALL
};

enum {
    POSTGRES_PORT = 5432,
    POSTGRES_CONNECTION_OK = 0,
    POSTGRES_COMMAND_OK = 1,
    POSTGRES_TUPLES_OK = 2,
    POSTGRES_TEXT_MAX = 40,
    POSTGRES_DOC_TEXT_MAX = 160, /* besides pad */
};

#define POSTGRES_TABLE "largetable_bench"

struct postgres_state {
    const struct postgres_library *pq;
    struct pg_conn *pg;
    bool answered;           /* the result has been seen, its end not yet */
    uint32_t prepared_count; /* of the rows of the prepared insertMany; 0: none yet */
    struct buf text;         /* parameters, and what to look for in replies */
    uint32_t *offsets;       /* of each parameter in it */
    const char **parameters;
};

static int postgres_load(struct bench *bench, struct err *err)
{
    if (bench->peer_state != NULL) {
        return 0;
    }
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return err_set(err, LT_EOPERATIONFAILED,
                       "measuring PostgreSQL needs libpq (Debian: apt install libpq5): %s",
                       dlerror());
    }
    struct postgres_library *library = mem_zero(1, sizeof *library);
    bench->peer_state = library;
    const char *missing = NULL;
#define CALL(returns, name, arguments)                                                             \
    *(void **)&library->name = dlsym(handle, #name);                                               \
    missing = library->name == NULL ? #name : missing;
    POSTGRES_CALLS(CALL)
#undef CALL
    return missing == NULL ? 0 : err_set(err, LT_EOPERATIONFAILED, "libpq lacks %s", missing);
}

/* ---- connecting ---- */

static int postgres_connect(const struct bench *bench, struct pg_conn **ret_pg, struct err *err)
{
    const struct postgres_library *pq = bench->peer_state;
    char text[512];
    snprintf(text, sizeof text,
             "host='%s' port=%u dbname=postgres application_name=largetable-bench "
             "options='-c synchronous_commit=on -c client_min_messages=warning'",
             bench->options.host, bench->options.port);
    struct pg_conn *pg = pq->PQconnectdb(text);
    if (pq->PQstatus(pg) != POSTGRES_CONNECTION_OK) {
        err_set(err, LT_EHOSTUNREACHABLE, "PostgreSQL: %s", pq->PQerrorMessage(pg));
        pq->PQfinish(pg);
        return -LT_EHOSTUNREACHABLE;
    }
    *ret_pg = pg;
    return 0;
}

/* Take `result`: 0 when it has the status wanted. */
static int postgres_expect(const struct postgres_library *pq, struct pg_conn *pg,
                           struct pg_result *result, struct err *err)
{
    int status = pq->PQresultStatus(result);
    pq->PQclear(result);
    return status == POSTGRES_COMMAND_OK || status == POSTGRES_TUPLES_OK
               ? 0
               : err_set(err, LT_EOPERATIONFAILED, "PostgreSQL: %s", pq->PQerrorMessage(pg));
}

/* insertMany's statement for `count` rows. */
static int postgres_prepare_many(struct postgres_state *state, uint32_t count, struct err *err)
{
    struct buf text;
    buf_init(&text, NULL);
    buf_format(&text, "insert into " POSTGRES_TABLE " values ");
    for (uint32_t i = 0; i < count; i++) {
        buf_format(&text, "%s($%u,$%u)", i == 0 ? "" : ",", 2 * i + 1, 2 * i + 2);
    }
    buf_append_byte(&text, '\0');
    int code = 0;
    if (state->prepared_count != 0) {
        code = postgres_expect(state->pq, state->pg,
                               state->pq->PQexec(state->pg, "deallocate \"insertMany\""), err);
    }
    if (code == 0) {
        code = postgres_expect(
            state->pq, state->pg,
            state->pq->PQprepare(state->pg, "insertMany", (const char *)text.data, 0, NULL), err);
    }
    buf_close(&text);
    state->prepared_count = count;
    return code;
}

static int postgres_prepare_all(struct postgres_state *state, const struct bench *bench,
                                struct err *err)
{
    const struct {
        enum bench_op verb;
        const char *text;
    } statements[] = {
        {BENCH_READ, "select doc from " POSTGRES_TABLE " where id = $1"},
        {BENCH_READ_SECONDARY, bench->options.index_plain ? "select doc from " POSTGRES_TABLE
                                                            " where (doc->>'g')::bigint = $1"
                                                          : "select doc from " POSTGRES_TABLE
                                                            " where (doc->>'u')::bigint = $1"},
        {BENCH_UPDATE, "update " POSTGRES_TABLE " set doc = jsonb_set(doc, '{n}', "
                       "to_jsonb((doc->>'n')::bigint + 1)) where id = $1"},
        {BENCH_INSERT, "insert into " POSTGRES_TABLE " values ($1, $2)"},
        {BENCH_SCAN,
         "select doc from " POSTGRES_TABLE " where id >= $1 order by id limit $2::bigint"},
    };
    int code = 0;
    for (uint32_t i = 0; i < sizeof statements / sizeof statements[0] && code == 0; i++) {
        code = postgres_expect(state->pq, state->pg,
                               state->pq->PQprepare(state->pg, bench_op_names[statements[i].verb],
                                                    statements[i].text, 0, NULL),
                               err);
    }
    return code < 0 ? code : postgres_prepare_many(state, bench->options.batch, err);
}

static int postgres_open(struct bench_conn *conn, struct err *err)
{
    const struct bench *bench = conn->bench;
    struct postgres_state *state = mem_zero(1, sizeof *state);
    conn->state = state;
    state->pq = bench->peer_state;
    state->offsets = mem_zero(2 * bench->options.batch + 2, sizeof *state->offsets);
    state->parameters = mem_zero(2 * bench->options.batch + 2, sizeof *state->parameters);
    buf_init(&state->text, NULL);
    int code = postgres_connect(bench, &state->pg, err);
    code = code < 0 ? code : postgres_prepare_all(state, bench, err);
    if (code == 0) {
        conn->fd = state->pq->PQsocket(state->pg);
        state->pq->PQsetnonblocking(state->pg, 1);
    }
    return code;
}

static void postgres_close(struct bench_conn *conn)
{
    struct postgres_state *state = conn->state;
    if (state == NULL) {
        return;
    }
    if (state->pg != NULL) {
        state->pq->PQfinish(state->pg);
    }
    buf_close(&state->text);
    mem_free(state->offsets);
    mem_free(state->parameters);
    mem_free(state);
    conn->state = NULL;
    conn->fd = -1;
}

/* ---- requests ---- */

static void postgres_doc(struct buf *buf, const struct bench_layout *layout, uint64_t number)
{
    buf_format(buf, "{\"n\": 0, \"u\": %" PRId64 ", \"g\": %" PRIu64 ", \"pad\": \"",
               bench_unique_of(number), number / BENCH_GROUP_SIZE);
    bench_pad_write(buf_extend(buf, layout->pad_size), layout->pad_size, number);
    buf_append_slice(buf, SLICE("\"}"));
}

static void postgres_key(struct buf *buf, uint64_t number)
{
    bench_key_write(buf_extend(buf, BENCH_KEY_SIZE), number);
}

/* Write the parameters into state->text, each ended by a NUL: how many they are. */
static uint32_t postgres_parameters(struct bench_conn *conn, struct postgres_state *state)
{
    struct buf *text = &state->text;
    uint32_t count = 0;
    text->len = 0;
    if (conn->verb == BENCH_INSERT || conn->verb == BENCH_INSERT_MANY) {
        for (uint32_t i = 0; i < conn->count; i++) {
            uint64_t number = bench_own_number(conn, conn->inserted + i);
            state->offsets[count++] = (uint32_t)text->len;
            postgres_key(text, number);
            buf_append_byte(text, '\0');
            state->offsets[count++] = (uint32_t)text->len;
            postgres_doc(text, &conn->bench->layout, number);
            buf_append_byte(text, '\0');
        }
        return count;
    }
    state->offsets[count++] = 0;
    if (conn->verb != BENCH_READ_SECONDARY) {
        postgres_key(text, conn->key);
    } else if (conn->bench->options.index_plain) {
        buf_format(text, "%" PRIu64, conn->key / BENCH_GROUP_SIZE);
    } else {
        buf_format(text, "%" PRId64, bench_unique_of(conn->key));
    }
    buf_append_byte(text, '\0');
    if (conn->verb == BENCH_SCAN) {
        state->offsets[count++] = (uint32_t)text->len;
        buf_format(text, "%u", conn->count);
        buf_append_byte(text, '\0');
    }
    return count;
}

static int postgres_flush(struct bench_conn *conn, struct err *err)
{
    struct postgres_state *state = conn->state;
    int left = state->pq->PQflush(state->pg);
    conn->wants_out = left == 1;
    return left >= 0 ? 0
                     : err_set(err, LT_EHOSTUNREACHABLE, "PostgreSQL: %s",
                               state->pq->PQerrorMessage(state->pg));
}

static int postgres_send(struct bench_conn *conn, struct err *err)
{
    struct postgres_state *state = conn->state;
    uint32_t count = postgres_parameters(conn, state);
    if (conn->verb == BENCH_INSERT_MANY && conn->count != state->prepared_count) {
        int code = postgres_prepare_many(state, conn->count, err);
        if (code < 0) {
            return code;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        state->parameters[i] = (const char *)state->text.data + state->offsets[i];
    }
    state->answered = false;
    if (!state->pq->PQsendQueryPrepared(state->pg, bench_op_names[conn->verb], (int)count,
                                        state->parameters, NULL, NULL, 0)) {
        return err_set(err, LT_EHOSTUNREACHABLE, "PostgreSQL: %s",
                       state->pq->PQerrorMessage(state->pg));
    }
    return postgres_flush(conn, err);
}

/* ---- replies ---- */

/* True when row `row` is document `number`: u and pad are as they must be. */
static bool postgres_is_doc(struct bench_conn *conn, const struct pg_result *result, int row,
                            uint64_t number)
{
    struct postgres_state *state = conn->state;
    const struct bench_layout *layout = &conn->bench->layout;
    const char *value = state->pq->PQgetvalue(result, row, 0);
    size_t size = (size_t)state->pq->PQgetlength(result, row, 0);
    state->text.len = 0;
    buf_format(&state->text, "\"u\": %" PRId64 ", \"pad\": \"", bench_unique_of(number));
    bench_pad_write(buf_extend(&state->text, layout->pad_size), layout->pad_size, number);
    buf_append_slice(&state->text, SLICE("\"}"));
    return size > state->text.len &&
           memcmp(value + size - state->text.len, state->text.data, state->text.len) == 0;
}

static int postgres_check_rows(struct bench_conn *conn, const struct pg_result *result,
                               struct err *err)
{
    struct postgres_state *state = conn->state;
    uint32_t seen = 0;
    if (state->pq->PQntuples(result) != (int)conn->count) {
        return bench_wrong(conn, "another number of rows", err);
    }
    for (uint32_t i = 0; i < conn->count; i++) {
        uint32_t at = i;
        if (conn->verb == BENCH_READ_SECONDARY) {
            for (at = 0; at < conn->count; at++) {
                if ((seen & 1u << at) == 0 &&
                    postgres_is_doc(conn, result, (int)i, conn->key + at)) {
                    break;
                }
            }
            seen |= at < conn->count ? 1u << at : 0;
        }
        if (at == conn->count || (conn->verb != BENCH_READ_SECONDARY &&
                                  !postgres_is_doc(conn, result, (int)i, conn->key + at))) {
            return bench_wrong(conn, "another document than was asked for", err);
        }
    }
    return 0;
}

static int postgres_check(struct bench_conn *conn, struct pg_result *result, struct err *err)
{
    struct postgres_state *state = conn->state;
    int status = state->pq->PQresultStatus(result);
    if (status == POSTGRES_TUPLES_OK) {
        return postgres_check_rows(conn, result, err);
    }
    if (status != POSTGRES_COMMAND_OK) {
        return bench_wrong(conn, state->pq->PQerrorMessage(state->pg), err);
    }
    return strtoul(state->pq->PQcmdTuples(result), NULL, 10) == conn->count
               ? 0
               : bench_wrong(conn, "another number of rows", err);
}

static int postgres_receive(struct bench_conn *conn, struct err *err)
{
    struct postgres_state *state = conn->state;
    if (!state->pq->PQconsumeInput(state->pg)) {
        return err_set(err, LT_EHOSTUNREACHABLE, "PostgreSQL: %s",
                       state->pq->PQerrorMessage(state->pg));
    }
    while (!state->pq->PQisBusy(state->pg)) {
        struct pg_result *result = state->pq->PQgetResult(state->pg);
        if (result == NULL) {
            return state->answered ? 1 : bench_wrong(conn, "no result", err);
        }
        int code = state->answered ? bench_wrong(conn, "two results", err)
                                   : postgres_check(conn, result, err);
        state->answered = true;
        state->pq->PQclear(result);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

/* ---- before and after ---- */

static int postgres_prepare(struct bench *bench, struct err *err)
{
    static const char *const indexes[] = {
        "create unique index on " POSTGRES_TABLE " (((doc->>'u')::bigint))",
        "create index on " POSTGRES_TABLE " (((doc->>'g')::bigint))",
    };
    struct pg_conn *pg;
    int code = postgres_load(bench, err);
    code = code < 0 ? code : postgres_connect(bench, &pg, err);
    if (code < 0) {
        return code;
    }
    const struct postgres_library *pq = bench->peer_state;
    code = postgres_expect(pq, pg,
                           pq->PQexec(pg, "drop table if exists " POSTGRES_TABLE
                                          "; create table " POSTGRES_TABLE
                                          " (id text collate \"C\" primary key, doc jsonb)"),
                           err);
    if (code == 0 && bench->options.workload->share[BENCH_READ_SECONDARY] > 0) {
        code = postgres_expect(pq, pg, pq->PQexec(pg, indexes[bench->options.index_plain ? 1 : 0]),
                               err);
    }
    for (uint32_t i = 0; i < bench->options.indexes && code == 0; i++) {
        char text[256];
        snprintf(text, sizeof text, "create index on " POSTGRES_TABLE " (%s)",
                 bench_indexes[i].expression);
        code = postgres_expect(pq, pg, pq->PQexec(pg, text), err);
    }
    pq->PQfinish(pg);
    return code;
}

static int postgres_tally(struct bench *bench, struct bench_tally *ret_tally, struct err *err)
{
    const struct postgres_library *pq = bench->peer_state;
    struct pg_conn *pg;
    int code = postgres_connect(bench, &pg, err);
    if (code < 0) {
        return code;
    }
    struct pg_result *result = pq->PQexec(
        pg, "select count(*), coalesce(sum((doc->>'n')::bigint), 0) from " POSTGRES_TABLE);
    if (pq->PQntuples(result) == 1) {
        *ret_tally =
            (struct bench_tally){.counts_updates = true,
                                 .documents = strtoll(pq->PQgetvalue(result, 0, 0), NULL, 10),
                                 .updates = strtoll(pq->PQgetvalue(result, 0, 1), NULL, 10)};
    }
    code = postgres_expect(pq, pg, result, err);
    pq->PQfinish(pg);
    return code;
}

const struct bench_peer bench_postgres = {
    .name = "postgres",
    .port = POSTGRES_PORT,
    .verbs = (1 << BENCH_OPS) - 1,
    .prepare = postgres_prepare,
    .open = postgres_open,
    .send = postgres_send,
    .flush = postgres_flush,
    .receive = postgres_receive,
    .close = postgres_close,
    .tally = postgres_tally,
};
