/* net/conn.c - reading frames, writing replies.
 *
 * Bytes are read into the loop's shared buffer. A frame that arrives whole is handed over from
 * there; only the bytes of an unfinished one, or of one that comes while another is in hand, move
 * to a buffer of the connection's own, which grows as they arrive. So an idle connection has no
 * buffer at all.
 *
 * Small replies go into the loop's outbox and are written when its turn ends.
 *
 *   open --frame--> busy --done--> open --error, eof, close--> closing --handle closed--> free
 */
#include "net/conn.h"

#include <assert.h>

#include "base/mem.h"
#include "net/conn_private.h"

enum {
    CONN_TURN_FRAMES = 8,
    CONN_AHEAD_MAX = NET_READ_BUFFER,
    CONN_PARTS_MAX = 64,
    CONN_TLS_PIECE = 256 << 10
};

struct conn_write {
    uv_write_t request;
    struct net_conn *conn;
    size_t len;
    uint8_t data[];
};

static void conn_unlink(struct net_conn *conn)
{
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        conn->loop->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
}

static void conn_finish(struct net_conn *conn)
{
    if (!conn->closed || conn->busy) {
        return;
    }
    conn->server->options.ops->on_close(conn, conn->user);
    buf_close(&conn->in);
    net__tls_close(conn->tls);
    mem_free(conn);
}

static void conn_handle_closed(uv_handle_t *handle)
{
    struct net_conn *conn = handle->data;
    conn->closed = true;
    atomic_fetch_sub(&conn->loop->conns_count, 1);
    atomic_fetch_sub(&conn->server->current, 1);
    conn_unlink(conn);
    conn_finish(conn);
}

/* ---- turns: of one connection no more than CONN_TURN_FRAMES frames, then the others' ---- */

static bool conn_has_turn(struct net_conn *conn)
{
    if (conn->turn != conn->loop->turn) {
        conn->turn = conn->loop->turn;
        conn->turn_frames = 0;
    }
    return conn->turn_frames < CONN_TURN_FRAMES;
}

static void conn_set_due(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    conn->due = true;
    conn->due_previous = NULL;
    conn->due_next = loop->due;
    if (loop->due != NULL) {
        loop->due->due_previous = conn;
    }
    loop->due = conn;
}

static void conn_clear_due(struct net_conn *conn)
{
    if (!conn->due) {
        return;
    }
    conn->due = false;
    if (conn->due_previous != NULL) {
        conn->due_previous->due_next = conn->due_next;
    } else {
        conn->loop->due = conn->due_next;
    }
    if (conn->due_next != NULL) {
        conn->due_next->due_previous = conn->due_previous;
    }
}

/* The last word of TLS, if the socket takes it. */
static void conn_end_tls(struct net_conn *conn)
{
    if (conn->tls == NULL || conn->out_bytes > 0) {
        return;
    }
    net__tls_end(conn->tls);
    struct slice out = net__tls_out(conn->tls);
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)out.data, (unsigned)out.len);
    if (out.len > 0) {
        (void)uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    }
}

void net__conn_abort(struct net_conn *conn)
{
    if (!conn->closing) {
        conn_clear_due(conn);
        conn_end_tls(conn);
        conn->closing = true;
        uv_close((uv_handle_t *)&conn->tcp, conn_handle_closed);
    }
}

void net_conn_close(struct net_conn *conn)
{
    if (conn->out_bytes + conn->boxed_bytes > 0) {
        conn->close_after_write = true;
    } else {
        net__conn_abort(conn);
    }
}

bool net_conn_is_gone(const struct net_conn *conn)
{
    return conn->closing || conn->close_after_write;
}

/* ---- reading ---- */

static void conn_flush_tls(struct net_conn *conn);

/* Hand over one frame. */
static void conn_deliver(struct net_conn *conn, struct slice frame)
{
    conn->busy = true;
    conn->turn_frames++;
    conn->first_frame = false;
    conn->waiting_since = 0;
    conn->server->options.ops->on_frame(conn, conn->user, frame);
}

/* Bytes of the frame at the front of `bytes` when it is whole, 0 when not yet, negative to close.
 */
static int64_t conn_whole(struct net_conn *conn, struct slice bytes)
{
    int64_t size = conn->server->options.ops->frame_size(bytes, conn->user);
    return size > 0 && (uint64_t)size > bytes.len ? 0 : size;
}

/* Deliver whole frames from `bytes` until one stays in hand or the turn is over; returns what is
 * left. */
static struct slice conn_process(struct net_conn *conn, struct slice bytes)
{
    while (!conn->busy && bytes.len > 0 && conn_has_turn(conn) && !net_conn_is_gone(conn)) {
        int64_t size = conn_whole(conn, bytes);
        if (size < 0) {
            net_conn_close(conn);
            return (struct slice){0};
        }
        if (size == 0) {
            break;
        }
        struct slice frame = slice_of(bytes.data, (size_t)size);
        bytes = slice_from(bytes, (size_t)size);
        conn_deliver(conn, frame);
    }
    return net_conn_is_gone(conn) ? (struct slice){0} : bytes;
}

/* Deliver from the connection's own buffer. */
static void conn_process_own(struct net_conn *conn)
{
    conn->frame_is_in = conn_whole(conn, buf_slice(&conn->in)) == (int64_t)conn->in.len;
    uint8_t *start = conn->in.data;
    struct slice rest = conn_process(conn, buf_slice(&conn->in));
    conn->frame_is_in = false;
    if (conn->in.data != start) {
        return; /* the frame was taken */
    }
    if (rest.len == 0) {
        buf_close(&conn->in);
    } else {
        memmove(conn->in.data, rest.data, rest.len);
        conn->in.len = rest.len;
    }
}

static void conn_read_stop(struct net_conn *conn)
{
    if (conn->reading) {
        conn->reading = false;
        uv_read_stop((uv_stream_t *)&conn->tcp);
    }
}

/* What is left in `in`: an unfinished frame, frames for the next turn, or behind one in hand. */
static void conn_note_waiting(struct net_conn *conn)
{
    if (conn->in.len > 0 && !conn->busy && !conn->due && !net_conn_is_gone(conn) &&
        !conn_has_turn(conn) && conn_whole(conn, buf_slice(&conn->in)) != 0) {
        conn_set_due(conn);
        conn_read_stop(conn);
        return;
    }
    if (conn->in.len > 0 && !conn->busy && conn->waiting_since == 0) {
        conn->waiting_since = uv_now(&conn->loop->uv);
    }
    if (conn->in.len > CONN_AHEAD_MAX && conn->busy) {
        conn_read_stop(conn);
    }
}

static void conn_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct net_conn *conn = handle->data;
    (void)suggested;
    if (conn->in.len > 0 && conn->tls == NULL) {
        size_t room = conn->in.len < NET_READ_BUFFER ? NET_READ_BUFFER : conn->in.len;
        buf_reserve(&conn->in, room);
        *ret_buf = uv_buf_init((char *)conn->in.data + conn->in.len,
                               (unsigned)(conn->in.cap - conn->in.len));
    } else {
        *ret_buf = uv_buf_init((char *)conn->loop->read_buffer, NET_READ_BUFFER);
    }
}

/* Plain bytes: right behind what is in `in`, or elsewhere. */
static void conn_arrived(struct net_conn *conn, const uint8_t *data, size_t len)
{
    conn->delivering = true;
    if (conn->in.len > 0) {
        if (data == conn->in.data + conn->in.len) {
            conn->in.len += len;
        } else {
            buf_append(&conn->in, data, len);
        }
        conn_process_own(conn);
    } else {
        struct slice rest = conn_process(conn, slice_of(data, len));
        buf_append_slice(&conn->in, rest);
    }
    conn->delivering = false;
    conn_note_waiting(conn);
}

/* Bytes of TLS: what is plain in them is delivered, what TLS answers is written. */
static void conn_decrypt(struct net_conn *conn, struct slice bytes)
{
    uint8_t *plain = conn->loop->plain_buffer;
    int got;
    net__tls_feed(conn->tls, bytes);
    while ((got = net__tls_read(conn->tls, plain, NET_READ_BUFFER)) > 0 &&
           !net_conn_is_gone(conn)) {
        conn_arrived(conn, plain, (size_t)got);
    }
    if (!conn->closing) {
        conn_flush_tls(conn);
    }
    if (got < 0 && !conn->closing) {
        net_conn_close(conn);
    }
}

/* The first bytes tell whether the client speaks TLS. False: it may not go on. */
static bool conn_begins(struct net_conn *conn, struct slice bytes)
{
    struct net_tls *tls = conn->server->options.tls;
    enum net_tls_guess guess = net__tls_guess(bytes);
    conn->fresh = guess == NET_TLS_UNKNOWN;
    if (guess == NET_TLS_HELLO && tls != NULL) {
        conn->tls = net__tls_accept(tls);
    }
    return guess == NET_TLS_HELLO   ? tls != NULL
           : guess == NET_TLS_PLAIN ? tls == NULL || !net__tls_is_required(tls)
                                    : true;
}

/* Bytes from the socket. */
static void conn_take(struct net_conn *conn, const uint8_t *data, size_t len)
{
    struct slice first = slice_of(data, len);
    bool own = conn->in.len > 0;
    if (conn->fresh) {
        first = own ? slice_of(conn->in.data, conn->in.len + len) : first;
        if (!conn_begins(conn, first)) {
            net__conn_abort(conn);
            return;
        }
    }
    if (conn->fresh) {
        buf_append(&conn->in, data, own ? 0 : len);
        conn->in.len += own ? len : 0;
    } else if (conn->tls == NULL) {
        conn_arrived(conn, data, len);
    } else if (first.len > len) {
        struct buf begun = conn->in;
        buf_init(&conn->in, NULL);
        conn_decrypt(conn, first);
        buf_close(&begun);
    } else {
        conn_decrypt(conn, first);
    }
}

static void conn_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *data)
{
    struct net_conn *conn = stream->data;
    net__loop_awake(conn->loop);
    if (nread < 0) {
        net__conn_abort(conn);
    } else if (nread > 0) {
        atomic_fetch_add_explicit(&conn->server->bytes_in, (uint64_t)nread, memory_order_relaxed);
        conn_take(conn, (const uint8_t *)data->base, (size_t)nread);
    }
}

static void conn_read_start(struct net_conn *conn)
{
    if (!conn->reading && !net_conn_is_gone(conn)) {
        conn->reading = true;
        uv_read_start((uv_stream_t *)&conn->tcp, conn_alloc, conn_read);
    }
}

void *net_conn_take_frame(struct net_conn *conn)
{
    if (!conn->frame_is_in) {
        return NULL;
    }
    void *frame = conn->in.data;
    conn->frame_is_in = false;
    buf_init(&conn->in, NULL);
    return frame;
}

/* Deliver what is there, then read on. */
static void conn_go_on(struct net_conn *conn)
{
    if (conn->in.len > 0) {
        conn->delivering = true;
        conn_process_own(conn);
        conn->delivering = false;
        conn_note_waiting(conn);
    }
    if (!conn->busy && !conn->due) {
        conn_read_start(conn);
    }
}

void net__conn_turns(struct net_loop *loop)
{
    struct net_conn *conn = loop->due;
    while (conn != NULL) {
        struct net_conn *next = conn->due_next;
        conn_clear_due(conn);
        conn_go_on(conn);
        conn = next;
    }
}

void net_conn_done(struct net_conn *conn)
{
    assert(conn->busy);
    conn->busy = false;
    if (conn->closed) {
        conn_finish(conn);
    } else if (!conn->delivering && !conn->due) {
        conn_go_on(conn);
    }
}

/* ---- writing ---- */

static void conn_written(uv_write_t *request, int status)
{
    struct conn_write *write = request->data;
    struct net_conn *conn = write->conn;
    conn->out_bytes -= write->len;
    mem_free(write);
    if (status < 0 || (conn->close_after_write && conn->out_bytes == 0)) {
        net__conn_abort(conn);
    }
}

/* Copy what the socket did not take, from byte `skip` of the parts on, and queue it. */
static void conn_queue(struct net_conn *conn, const struct slice *parts, size_t count, size_t skip)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
    }
    struct conn_write *write = mem_alloc(sizeof *write + total - skip);
    write->conn = conn;
    write->len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t drop = skip < parts[i].len ? skip : parts[i].len;
        memcpy(write->data + write->len, parts[i].data + drop, parts[i].len - drop);
        write->len += parts[i].len - drop;
        skip -= drop;
    }
    conn->out_bytes += write->len;
    write->request.data = write;
    uv_buf_t buf = uv_buf_init((char *)write->data, (unsigned)write->len);
    if (uv_write(&write->request, (uv_stream_t *)&conn->tcp, &buf, 1, conn_written) != 0) {
        conn->out_bytes -= write->len;
        mem_free(write);
        net__conn_abort(conn);
    } else if (conn->out_bytes > conn->server->options.limits.out_bytes_max) {
        net__conn_abort(conn);
    }
}

/* Write now what the socket takes, queue the rest. */
static void conn_put(struct net_conn *conn, const struct slice *parts, size_t count)
{
    size_t total = 0;
    uv_buf_t bufs[CONN_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)parts[i].data, (unsigned)parts[i].len);
        total += parts[i].len;
    }
    atomic_fetch_add_explicit(&conn->server->bytes_out, total, memory_order_relaxed);
    int written = 0;
    if (conn->out_bytes == 0) {
        written = uv_try_write((uv_stream_t *)&conn->tcp, bufs, (unsigned)count);
        written = written == UV_EAGAIN ? 0 : written;
    }
    if (written < 0) {
        net__conn_abort(conn);
    } else if ((size_t)written < total) {
        conn_queue(conn, parts, count, (size_t)written);
    }
}

static void conn_flush_tls(struct net_conn *conn)
{
    struct slice out = net__tls_out(conn->tls);
    if (out.len > 0) {
        conn_put(conn, &out, 1);
        net__tls_sent(conn->tls);
    }
}

static void conn_write_parts(struct net_conn *conn, const struct slice *parts, size_t count)
{
    int code = 0;
    if (conn->tls == NULL) {
        conn_put(conn, parts, count);
        return;
    }
    for (size_t i = 0; i < count && code == 0; i++) {
        for (size_t at = 0; at < parts[i].len && code == 0 && !conn->closing;
             at += CONN_TLS_PIECE) {
            size_t left = parts[i].len - at;
            size_t len = left < CONN_TLS_PIECE ? left : CONN_TLS_PIECE;
            code = net__tls_write(conn->tls, slice_of(parts[i].data + at, len));
            conn_flush_tls(conn);
        }
    }
    if (code < 0) {
        net__conn_abort(conn);
    }
}

void net__conn_write(struct net_conn *conn, struct slice bytes)
{
    if (conn->closing) {
        return;
    }
    conn_write_parts(conn, &bytes, 1);
    if (conn->close_after_write && conn->out_bytes + conn->boxed_bytes == 0) {
        net__conn_abort(conn);
    }
}

void net_conn_send(struct net_conn *conn, const struct slice *parts, size_t count)
{
    struct net_outbox *box = &conn->loop->outbox;
    assert(count <= CONN_PARTS_MAX && net_loop_is_here(conn->loop));
    if (net_conn_is_gone(conn) || net__outbox_add(box, conn, parts, count)) {
        return;
    }
    if (conn->boxed_bytes > 0) {
        net__outbox_flush(box); /* what came before goes before */
    }
    if (!net_conn_is_gone(conn)) {
        conn_write_parts(conn, parts, count);
    }
}

/* ---- life ---- */

static void conn_name(const struct sockaddr_storage *address, char ret_name[NET_PEER_MAX])
{
    char text[INET6_ADDRSTRLEN] = "";
    bool six = address->ss_family == AF_INET6;
    uint16_t port = 0;
    if (six) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        uv_ip6_name(in6, text, sizeof text);
        port = ntohs(in6->sin6_port);
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
        uv_ip4_name(in4, text, sizeof text);
        port = ntohs(in4->sin_port);
    }
    snprintf(ret_name, NET_PEER_MAX, six ? "[%s]:%u" : "%s:%u", text, port);
}

static void conn_name_ends(struct net_conn *conn)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_storage local = {0};
    int len = sizeof peer;
    uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &len);
    len = sizeof local;
    uv_tcp_getsockname(&conn->tcp, (struct sockaddr *)&local, &len);
    conn_name(&peer, conn->peer);
    conn_name(&local, conn->local);
}

void net__conn_open(struct net_loop *loop, struct net_server *server, int fd)
{
    struct net_conn *conn = mem_zero(1, sizeof *conn);
    conn->loop = loop;
    conn->server = server;
    buf_init(&conn->in, NULL);
    uv_tcp_init(&loop->uv, &conn->tcp);
    conn->tcp.data = conn;
    conn->next = loop->conns;
    if (loop->conns != NULL) {
        loop->conns->previous = conn;
    }
    loop->conns = conn;
    atomic_fetch_add(&loop->conns_count, 1);
    uv_tcp_open(&conn->tcp, fd);
    uv_tcp_nodelay(&conn->tcp, 1);
    conn_name_ends(conn);
    conn->first_frame = true;
    conn->fresh = true;
    conn->waiting_since = uv_now(&loop->uv);
    server->options.ops->on_open(conn, server->options.user, &conn->user);
    conn_read_start(conn);
}

void net__conn_sweep(struct net_loop *loop)
{
    uint64_t now = uv_now(&loop->uv);
    struct net_conn *next;
    for (struct net_conn *conn = loop->conns; conn != NULL; conn = next) {
        next = conn->next;
        const struct net_limits *limits = &conn->server->options.limits;
        uint32_t limit = conn->first_frame ? limits->first_frame_ms : limits->frame_ms;
        if (conn->waiting_since != 0 && now - conn->waiting_since > limit) {
            net__conn_abort(conn);
        }
    }
}

struct net_loop *net_conn_loop(const struct net_conn *conn)
{
    return conn->loop;
}

const char *net_conn_certificate(const struct net_conn *conn)
{
    return conn->tls == NULL ? NULL : net__tls_subject(conn->tls);
}

bool net_conn_is_tls(const struct net_conn *conn)
{
    return conn->tls != NULL;
}

const char *net_conn_peer(const struct net_conn *conn)
{
    return conn->peer;
}

const char *net_conn_local(const struct net_conn *conn)
{
    return conn->local;
}
