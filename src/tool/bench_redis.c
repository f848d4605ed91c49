/* tool/bench_redis.c - Redis by RESP: SET, MSET and GET of the same documents' bytes.
 *
 * Whether a SET is durable when it is acknowledged is the server's own setting (appendfsync). */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/bench_private.h"

enum { REDIS_PORT = 6379, REDIS_WANT = 1024, REDIS_LINE_MAX = 256 };

struct redis_state {
    struct buf request;
};

static void redis_append(struct buf *buf, struct slice argument)
{
    buf_format(buf, "$%zu\r\n", argument.len);
    buf_append_slice(buf, argument);
    buf_append_slice(buf, SLICE("\r\n"));
}

static void redis_append_key(struct buf *buf, uint64_t number)
{
    uint8_t key[BENCH_KEY_SIZE];
    bench_key_write(key, number);
    redis_append(buf, slice_of(key, sizeof key));
}

static void redis_append_doc(struct buf *buf, const struct bench_layout *layout, uint64_t number)
{
    redis_append(buf, buf_slice(&layout->blank));
    bench_doc_patch(layout, buf->data + buf->len - 2 - layout->blank.len, number);
}

static int redis_send(struct bench_conn *conn, struct err *err)
{
    struct redis_state *state = conn->state;
    struct buf *request = &state->request;
    request->len = 0;
    if (conn->verb == BENCH_READ) {
        buf_format(request, "*2\r\n");
        redis_append(request, SLICE("GET"));
        redis_append_key(request, conn->key);
    } else {
        buf_format(request, "*%u\r\n", 1 + 2 * conn->count);
        redis_append(request, conn->verb == BENCH_INSERT ? SLICE("SET") : SLICE("MSET"));
        for (uint32_t i = 0; i < conn->count; i++) {
            uint64_t number = bench_own_number(conn, conn->inserted + i);
            redis_append_key(request, number);
            redis_append_doc(request, &conn->bench->layout, number);
        }
    }
    conn->out = buf_slice(request);
    return bench_socket_send(conn, err);
}

/* The first line of what has come, without its end; false when it is not all there. */
static bool redis_line(const struct buf *in, struct slice *ret_line)
{
    const uint8_t *end = in->len < 2 ? NULL : memchr(in->data, '\n', in->len);
    if (end == NULL) {
        return false;
    }
    *ret_line = slice_of(in->data, (size_t)(end - in->data) - 1);
    return true;
}

static int redis_check(struct bench_conn *conn, struct slice line, struct err *err)
{
    const struct bench_layout *layout = &conn->bench->layout;
    struct slice rest = slice_from(buf_slice(&conn->in), line.len + 2);
    if (conn->verb != BENCH_READ) {
        return slice_is(line, "+OK") && rest.len == 0 ? 1 : bench_wrong(conn, "not +OK", err);
    }
    if (line.len < 2 || line.data[0] != '$' ||
        strtoul((const char *)line.data + 1, NULL, 10) != layout->blank.len) {
        return bench_wrong(conn, "no document of that size", err);
    }
    if (rest.len < layout->blank.len + 2) {
        return 0;
    }
    rest.len -= 2;
    return bench_doc_check(layout, rest, conn->key)
               ? 1
               : bench_wrong(conn, "another document than was asked for", err);
}

static int redis_receive(struct bench_conn *conn, struct err *err)
{
    for (;;) {
        struct slice line;
        int code = redis_line(&conn->in, &line) ? redis_check(conn, line, err) : 0;
        int64_t moved = code != 0 ? 0 : bench_socket_receive(conn, REDIS_WANT, err);
        if (code != 0 || moved <= 0) {
            return code != 0 ? code : (int)moved;
        }
    }
}

static int redis_greet(const struct bench *bench, int *ret_fd, struct err *err)
{
    return bench_socket_open(bench->options.host, bench->options.port, ret_fd, err);
}

static int redis_open(struct bench_conn *conn, struct err *err)
{
    int code = redis_greet(conn->bench, &conn->fd, err);
    if (code < 0) {
        return code;
    }
    struct redis_state *state = mem_zero(1, sizeof *state);
    buf_init(&state->request, NULL);
    conn->state = state;
    return bench_socket_nonblocking(conn->fd, err);
}

static void redis_close(struct bench_conn *conn)
{
    struct redis_state *state = conn->state;
    if (state != NULL) {
        buf_close(&state->request);
        mem_free(state);
        conn->state = NULL;
    }
    bench_socket_close(conn);
}

static int redis_tally(struct bench *bench, struct bench_tally *ret_tally, struct err *err)
{
    char line[REDIS_LINE_MAX + 1];
    size_t size = 0;
    int fd;
    int code = redis_greet(bench, &fd, err);
    if (code < 0) {
        return code;
    }
    ssize_t moved = write(fd, "DBSIZE\r\n", 8);
    while (moved > 0 && size < REDIS_LINE_MAX && memchr(line, '\n', size) == NULL) {
        moved = read(fd, line + size, REDIS_LINE_MAX - size);
        size += moved > 0 ? (size_t)moved : 0;
    }
    close(fd);
    line[size] = '\0';
    if (line[0] != ':') {
        return err_set(err, LT_EPROTOCOLERROR, "Redis does not say its size but '%s'", line);
    }
    *ret_tally = (struct bench_tally){.documents = strtoll(line + 1, NULL, 10)};
    return 0;
}

/* Redis has no database of ours to drop: it must be empty, lest we delete what somebody needs. */
static int redis_prepare(struct bench *bench, struct err *err)
{
    struct bench_tally tally = {0};
    int code = redis_tally(bench, &tally, err);
    return code == 0 && tally.documents != 0
               ? err_set(err, LT_EILLEGALOPERATION, "this Redis holds %lld keys; give an empty one",
                         (long long)tally.documents)
               : code;
}

const struct bench_peer bench_redis = {
    .name = "redis",
    .port = REDIS_PORT,
    .verbs = 1 << BENCH_READ | 1 << BENCH_INSERT | 1 << BENCH_INSERT_MANY,
    .prepare = redis_prepare,
    .greet = redis_greet,
    .open = redis_open,
    .send = redis_send,
    .flush = bench_socket_flush,
    .receive = redis_receive,
    .close = redis_close,
    .tally = redis_tally,
};
