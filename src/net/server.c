/* net/server.c - listening sockets on the first loop; accepted sockets go round the loops.
 *
 * Accepting in one place spreads connections evenly, which SO_REUSEPORT's hashing does not for few
 * of them. Past the connection limit a socket is accepted and closed at once, so that the client
 * learns it now. */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/conn_private.h"

enum { SERVER_BACKLOG = 4096, SERVER_ACCEPT_BATCH = 64, SERVER_SWEEP_MS = 1000 };

struct server_accepted {
    struct net_mail mail;
    struct net_loop *loop;
    struct net_server *server;
    int fd;
};

static void server_deliver(struct net_mail *mail)
{
    struct server_accepted *accepted = (struct server_accepted *)mail;
    if (atomic_load(&accepted->loop->stopping)) {
        close(accepted->fd);
    } else {
        net__conn_open(accepted->loop, accepted->server, accepted->fd);
    }
    mem_free(accepted);
}

static void server_hand_out(struct net_server *server, int fd)
{
    if (atomic_load(&server->current) >= server->options.limits.conns_max) {
        atomic_fetch_add(&server->refused, 1);
        close(fd);
        return;
    }
    atomic_fetch_add(&server->current, 1);
    atomic_fetch_add(&server->created, 1);
    struct net_loop *loop = server->options.loops[server->next_loop];
    server->next_loop = (server->next_loop + 1) % server->options.loops_count;
    struct server_accepted *accepted = mem_zero(1, sizeof *accepted);
    accepted->mail.deliver = server_deliver;
    accepted->loop = loop;
    accepted->server = server;
    accepted->fd = fd;
    net_loop_post(loop, &accepted->mail);
}

static void server_acceptable(uv_poll_t *poll, int status, int events)
{
    struct net_listener *listener = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < SERVER_ACCEPT_BATCH; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        server_hand_out(listener->server, fd);
    }
}

static int server_bind(const struct addrinfo *info, uint16_t port, int *ret_fd)
{
    struct sockaddr_storage address;
    int one = 1;
    memcpy(&address, info->ai_addr, info->ai_addrlen);
    if (info->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)&address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)&address)->sin_port = htons(port);
    }
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (info->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind(fd, (struct sockaddr *)&address, info->ai_addrlen) != 0 ||
        listen(fd, SERVER_BACKLOG) != 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

static uint16_t server_bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &len);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static int server_listen(struct net_server *server, const char *host, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0) {
        return err_set(err, LT_EBADVALUE, "net.bindIp: '%s' is no address: %s", host,
                       gai_strerror(code));
    }
    int bound = 0;
    for (struct addrinfo *info = found; info != NULL && bound == 0; info = info->ai_next) {
        if (server->listeners_count == NET_LISTENERS_MAX) {
            break;
        }
        struct net_listener *listener = &server->listeners[server->listeners_count];
        uint16_t port = server->port != 0 ? server->port : server->options.port;
        bound = server_bind(info, port, &listener->fd);
        if (bound == 0) {
            server->listeners_count++;
            listener->server = server;
            server->port = server_bound_port(listener->fd);
        }
    }
    freeaddrinfo(found);
    if (bound != 0) {
        return err_set(err, LT_EIO, "cannot listen on %s port %u: %s", host, server->options.port,
                       strerror(-bound));
    }
    return 0;
}

static int server_listen_all(struct net_server *server, struct err *err)
{
    char *list = mem_copy(slice_str(server->options.addresses));
    char *rest = list;
    char *host;
    int code = 0;
    while (code == 0 && (host = strsep(&rest, ",")) != NULL) {
        host += strspn(host, " ");
        if (*host != '\0') {
            code = server_listen(server, host, err);
        }
    }
    mem_free(list);
    if (code == 0 && server->listeners_count == 0) {
        code = err_set(err, LT_EBADVALUE, "net.bindIp: no address given");
    }
    return code;
}

static void server_sweep(void *context)
{
    net__conn_sweep(context);
}

int net_server_new(const struct net_server_options *options, struct net_server **ret_server,
                   struct err *err)
{
    struct net_server *server = mem_zero(1, sizeof *server);
    server->options = *options;
    int code = server_listen_all(server, err);
    if (code < 0) {
        net_server_free(server);
        return code;
    }
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        struct net_listener *listener = &server->listeners[i];
        uv_poll_init(&options->loops[0]->uv, &listener->poll, listener->fd);
        listener->poll.data = listener;
        uv_poll_start(&listener->poll, UV_READABLE, server_acceptable);
    }
    for (uint32_t i = 0; i < options->loops_count; i++) {
        net_loop_every(options->loops[i], SERVER_SWEEP_MS, server_sweep, options->loops[i]);
    }
    server->started = true;
    *ret_server = server;
    return 0;
}

uint16_t net_server_port(const struct net_server *server)
{
    return server->port;
}

void net_server_stop(struct net_server *server)
{
    assert(net_loop_is_here(server->options.loops[0]));
    for (uint32_t i = 0; i < server->listeners_count && server->started; i++) {
        if (!uv_is_closing((uv_handle_t *)&server->listeners[i].poll)) {
            uv_close((uv_handle_t *)&server->listeners[i].poll, NULL);
        }
    }
}

void net_server_free(struct net_server *server)
{
    if (server == NULL) {
        return;
    }
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        close(server->listeners[i].fd);
    }
    mem_free(server);
}

struct net_stats net_server_stats(const struct net_server *server)
{
    uint32_t current = atomic_load(&server->current);
    uint32_t max = server->options.limits.conns_max;
    return (struct net_stats){
        .current = current,
        .available = current < max ? max - current : 0,
        .created = atomic_load(&server->created),
        .refused = atomic_load(&server->refused),
        .bytes_in = atomic_load(&server->bytes_in),
        .bytes_out = atomic_load(&server->bytes_out),
    };
}
