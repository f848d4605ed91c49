/* tool/bench_socket.c - non-blocking TCP for the peers whose protocol we speak ourselves. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/bench_private.h"

static int socket_failed(ssize_t moved, struct err *err)
{
    return moved == 0 ? err_set(err, LT_EHOSTUNREACHABLE, "the server closed the connection")
                      : err_set(err, LT_EHOSTUNREACHABLE, "the connection: %s", strerror(errno));
}

int bench_socket_open(const char *host, uint16_t port, int *ret_fd, struct err *err)
{
    const int one = 1;
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%u", port);
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) {
        return err_set(err, LT_EHOSTNOTFOUND, "%s: %s", host, gai_strerror(code));
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    code = fd < 0 ? -1 : connect(fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (code < 0) {
        code = err_set(err, LT_EHOSTUNREACHABLE, "%s:%u: %s", host, port, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *ret_fd = fd;
    return 0;
}

int bench_socket_nonblocking(int fd, struct err *err)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0
               ? 0
               : err_set(err, LT_EINTERNALERROR, "fcntl: %s", strerror(errno));
}

int bench_socket_flush(struct bench_conn *conn, struct err *err)
{
    while (conn->out_done < conn->out.len) {
        struct slice rest = slice_from(conn->out, conn->out_done);
        ssize_t moved = send(conn->fd, rest.data, rest.len, MSG_NOSIGNAL);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved < 0 && errno != EAGAIN) {
            return socket_failed(moved, err);
        }
        if (moved < 0) {
            break;
        }
        conn->out_done += (size_t)moved;
    }
    conn->wants_out = conn->out_done < conn->out.len;
    return 0;
}

int bench_socket_send(struct bench_conn *conn, struct err *err)
{
    conn->out_done = 0;
    conn->in.len = 0;
    return bench_socket_flush(conn, err);
}

int64_t bench_socket_receive(struct bench_conn *conn, size_t want, struct err *err)
{
    buf_reserve(&conn->in, want);
    for (;;) {
        ssize_t moved =
            recv(conn->fd, conn->in.data + conn->in.len, conn->in.cap - conn->in.len, 0);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved < 0 && errno == EAGAIN) {
            return 0;
        }
        if (moved <= 0) {
            return socket_failed(moved, err);
        }
        conn->in.len += (size_t)moved;
        return moved;
    }
}

void bench_socket_close(struct bench_conn *conn)
{
    if (conn->fd >= 0) {
        close(conn->fd);
        conn->fd = -1;
    }
    buf_close(&conn->in);
}

void bench_socket_raise_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int bench_wrong(const struct bench_conn *conn, const char *what, struct err *err)
{
    return err_set(err, LT_EBENCH_WRONG,
                   "WRONG ANSWER to %s of document %llu (%u documents) on connection %u: %s",
                   bench_op_names[conn->verb], (unsigned long long)conn->key, conn->count,
                   conn->number, what);
}
