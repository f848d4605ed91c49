/* tool/bench_echo.c - the ceiling: what sockets and the client alone would let a server reach.
 *
 * A server that does nothing: one thread, one epoll, for each request of the size that a point
 * read has on our wire a reply of the size that its answer has. Both carry the request's number at
 * their start and at their end, so the client sees a reply that is late, short or another's. It
 * stops when the client that started it stops it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/bench_private.h"

enum {
    ECHO_REQUEST_SIZE = 132, /* the smoke test compares both with what a read moves */
    ECHO_REPLY_HEAD = 239,   /* of a reply, besides its document */
    ECHO_EVENTS = 256,
    ECHO_BACKLOG = 4096,
};

/* What the threads of the client keep for one connection. */
struct echo_state {
    uint8_t request[ECHO_REQUEST_SIZE];
    uint64_t number;
};

static size_t echo_reply_size(const struct bench *bench)
{
    return ECHO_REPLY_HEAD + bench->options.document_size;
}

static void echo_stamp(uint8_t *at, size_t size, uint64_t number)
{
    memcpy(at, &number, sizeof number);
    memcpy(at + size - sizeof number, &number, sizeof number);
}

/* ---- the server ---- */

/* A connection as the server sees it. */
struct echo_peer {
    int fd;
    size_t got;       /* of the request that is coming */
    size_t reply_off; /* of the reply that is going; its size: none */
    uint64_t number;
    uint8_t request[ECHO_REQUEST_SIZE];
};

struct echo_server {
    int epoll;
    int listener;
    uint8_t *reply;
    size_t reply_size;
};

static int echo_listen(uint16_t port)
{
    const int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool listens = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(fd, ECHO_BACKLOG) == 0;
    return listens ? fd : -1;
}

static void echo_watch(const struct echo_server *server, struct echo_peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(server->epoll, EPOLL_CTL_MOD, peer->fd, &event);
}

static void echo_accept(const struct echo_server *server)
{
    const int one = 1;
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct echo_peer *peer = mem_zero(1, sizeof *peer);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        peer->fd = fd;
        peer->reply_off = server->reply_size;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Send what is left of the reply; false when the connection is lost. */
static bool echo_reply(const struct echo_server *server, struct echo_peer *peer)
{
    echo_stamp(server->reply, server->reply_size, peer->number);
    while (peer->reply_off < server->reply_size) {
        ssize_t moved = send(peer->fd, server->reply + peer->reply_off,
                             server->reply_size - peer->reply_off, MSG_NOSIGNAL);
        if (moved < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        peer->reply_off += (size_t)moved;
    }
    return true;
}

/* One request in, its reply out; false when the connection has ended. */
static bool echo_serve_one(const struct echo_server *server, struct echo_peer *peer)
{
    bool waited = peer->reply_off < server->reply_size;
    if (!waited) {
        ssize_t moved = recv(peer->fd, peer->request + peer->got, ECHO_REQUEST_SIZE - peer->got, 0);
        if (moved <= 0) {
            return moved < 0 && (errno == EAGAIN || errno == EINTR);
        }
        peer->got += (size_t)moved;
        if (peer->got < ECHO_REQUEST_SIZE) {
            return true;
        }
        memcpy(&peer->number, peer->request, sizeof peer->number);
        peer->got = 0;
        peer->reply_off = 0;
    }
    bool alive = echo_reply(server, peer);
    bool waits = peer->reply_off < server->reply_size;
    if (alive && waits != waited) {
        echo_watch(server, peer, waits ? EPOLLOUT : EPOLLIN);
    }
    return alive;
}

/* SIGTERM ends it, in good order, as it does the server it stands beside. */
static int echo_stop_fd(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int echo_serve(const struct bench *bench, uint16_t port)
{
    struct echo_server server = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                                 .listener = echo_listen(port),
                                 .reply_size = echo_reply_size(bench)};
    int stop = echo_stop_fd();
    struct epoll_event events[ECHO_EVENTS];
    struct epoll_event on_listener = {.events = EPOLLIN, .data.ptr = &server.listener};
    struct epoll_event on_stop = {.events = EPOLLIN, .data.ptr = &stop};
    if (server.listener < 0 || stop < 0) {
        return 1;
    }
    server.reply = mem_zero(1, server.reply_size);
    epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &on_listener);
    epoll_ctl(server.epoll, EPOLL_CTL_ADD, stop, &on_stop);
    for (;;) {
        int count = epoll_wait(server.epoll, events, ECHO_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct echo_peer *peer = events[i].data.ptr;
            if (events[i].data.ptr == &stop) {
                mem_free(server.reply);
                return 0;
            }
            if (events[i].data.ptr == &server.listener) {
                echo_accept(&server);
            } else if (!echo_serve_one(&server, peer)) {
                close(peer->fd);
                mem_free(peer);
            }
        }
    }
}

/* ---- the client ---- */

static int echo_prepare(struct bench *bench, struct err *err)
{
    (void)bench;
    (void)err;
    return 0;
}

static int echo_greet(const struct bench *bench, int *ret_fd, struct err *err)
{
    return bench_socket_open(bench->options.host, bench->options.port, ret_fd, err);
}

static int echo_open(struct bench_conn *conn, struct err *err)
{
    int code = echo_greet(conn->bench, &conn->fd, err);
    if (code < 0) {
        return code;
    }
    struct echo_state *state = mem_zero(1, sizeof *state);
    state->number = (uint64_t)conn->number << 32;
    conn->state = state;
    return bench_socket_nonblocking(conn->fd, err);
}

static int echo_send(struct bench_conn *conn, struct err *err)
{
    struct echo_state *state = conn->state;
    state->number++;
    echo_stamp(state->request, sizeof state->request, state->number);
    conn->out = slice_of(state->request, sizeof state->request);
    return bench_socket_send(conn, err);
}

static int echo_receive(struct bench_conn *conn, struct err *err)
{
    const struct echo_state *state = conn->state;
    size_t size = echo_reply_size(conn->bench);
    while (conn->in.len < size) {
        int64_t moved = bench_socket_receive(conn, size - conn->in.len, err);
        if (moved <= 0) {
            return (int)moved;
        }
    }
    const uint8_t *end = conn->in.data + size - sizeof state->number;
    if (conn->in.len > size || memcmp(conn->in.data, &state->number, sizeof state->number) != 0 ||
        memcmp(end, &state->number, sizeof state->number) != 0) {
        return bench_wrong(conn, "a reply of another length or to another request", err);
    }
    return 1;
}

static void echo_close(struct bench_conn *conn)
{
    mem_free(conn->state);
    conn->state = NULL;
    bench_socket_close(conn);
}

/* It holds nothing: what is loaded counts for nothing, and what is asked for changes nothing. */
static int echo_tally(struct bench *bench, struct bench_tally *ret_tally, struct err *err)
{
    (void)err;
    *ret_tally = (struct bench_tally){.documents = (int64_t)bench->inserted};
    return 0;
}

const struct bench_peer bench_echo = {
    .name = "echo",
    .verbs = 1 << BENCH_READ,
    .holds_nothing = true,
    .serve = echo_serve,
    .prepare = echo_prepare,
    .greet = echo_greet,
    .open = echo_open,
    .send = echo_send,
    .flush = bench_socket_flush,
    .receive = echo_receive,
    .close = echo_close,
    .tally = echo_tally,
};
