/* net/conn.h - one client's connection: frames in, bytes out.
 *
 * Invariant   one frame is in hand at a time; the next one is delivered after net_conn_done. What
 *             was sent is written in order. A connection that reads nothing while more than
 *             out_bytes_max wait for it is closed.
 * Thread      the connection's loop.
 * Memory      net/ owns the connection; its user holds it until on_close, which is called once, and
 *             not while a frame is in hand: then after net_conn_done.
 * Errors      any socket error closes.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/loop.h"
#include "net/tls.h"

struct net_conn;

struct net_conn_ops {
    /* How many bytes the frame has whose first bytes are `head`: 0 more are needed to tell,
     * negative close the connection. */
    int64_t (*frame_size)(struct slice head, void *user);
    /* A new connection; *ret_user goes with it. */
    void (*on_open)(struct net_conn *conn, void *server, void **ret_user);
    /* A whole frame. It is valid during the call only, unless net_conn_take_frame takes it. */
    void (*on_frame)(struct net_conn *conn, void *user, struct slice frame);
    void (*on_close)(struct net_conn *conn, void *user);
};

struct net_limits {
    uint32_t conns_max;      /* of all loops together */
    size_t out_bytes_max;    /* waiting for one reader */
    uint32_t first_frame_ms; /* from connect to the first whole frame */
    uint32_t frame_ms;       /* from a frame's first byte to its last */
};

/* The frame in hand as heap memory that is now the caller's (mem_free), or NULL when it lies in the
 * loop's shared buffer and has to be copied. */
void *net_conn_take_frame(struct net_conn *conn);

/* Write the parts, gathered. They are copied if the socket does not take them at once. */
void net_conn_send(struct net_conn *conn, const struct slice *parts, size_t count);

/* The frame is dealt with: deliver the next one. */
void net_conn_done(struct net_conn *conn);

/* Close when what was sent is written; nothing more is delivered. */
void net_conn_close(struct net_conn *conn);

/* The client is gone or the connection is closing: nobody waits for the reply. */
bool net_conn_is_gone(const struct net_conn *conn);

struct net_loop *net_conn_loop(const struct net_conn *conn);

/* "address:port" of the client; valid as long as the connection. */
const char *net_conn_peer(const struct net_conn *conn);

/* The same of the server's end. */
const char *net_conn_local(const struct net_conn *conn);

/* The subject of the certificate that the client has shown, "CN=x,O=y", or NULL; as long as the
 * connection. */
const char *net_conn_certificate(const struct net_conn *conn);
bool net_conn_is_tls(const struct net_conn *conn);

/* ---- listening ---- */
struct net_server;

struct net_server_options {
    const struct net_conn_ops *ops;
    void *user; /* on_open's `server` */
    struct net_limits limits;
    struct net_loop **loops; /* connections are spread over these */
    uint32_t loops_count;
    struct net_tls *tls;   /* NULL: none */
    const char *addresses; /* "127.0.0.1,::1" */
    uint16_t port;         /* 0: any free one, net_server_port tells */
};

/* Bind and listen; accepting begins when loops[0] runs. Before the loops are started. */
int net_server_new(const struct net_server_options *options, struct net_server **ret_server,
                   struct err *err);
uint16_t net_server_port(const struct net_server *server);
/* Stop accepting; on loops[0]. */
void net_server_stop(struct net_server *server);
void net_server_free(struct net_server *server);

struct net_stats {
    uint32_t current;   /* connections */
    uint32_t available; /* until conns_max */
    uint64_t created;
    uint64_t refused;
    uint64_t bytes_in;
    uint64_t bytes_out;
};
struct net_stats net_server_stats(const struct net_server *server);

#endif
