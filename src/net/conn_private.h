/* net/conn_private.h - connection and listener, for net/ only.
 *
 * Invariant   see net/conn.h.
 * Thread      the connection's loop; `server` counters are atomic.
 * Memory      a conn is freed when its handle is closed and no frame is in hand.
 * Errors      none.
 */
#ifndef NET_CONN_PRIVATE_H
#define NET_CONN_PRIVATE_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/loop_private.h"
#include "net/tls_private.h"

enum { NET_LISTENERS_MAX = 16, NET_PEER_MAX = 64 };

struct net_server {
    struct net_server_options options;
    struct net_listener {
        uv_poll_t poll;
        int fd;
        struct net_server *server;
    } listeners[NET_LISTENERS_MAX];
    uint32_t listeners_count;
    uint16_t port;
    bool started;
    uint32_t next_loop;
    atomic_uint current;
    _Atomic uint64_t created;
    _Atomic uint64_t refused;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
};

struct net_conn {
    uv_tcp_t tcp;
    struct net_loop *loop;
    struct net_server *server;
    void *user;
    struct net_tls_conn *tls; /* NULL: plain */
    struct net_conn *next;    /* of the loop's list */
    struct net_conn *previous;
    struct buf in;             /* bytes of frames that did not arrive whole */
    size_t out_bytes;          /* queued in libuv */
    size_t boxed_bytes;        /* in the loop's outbox */
    struct net_conn *due_next; /* of the loop's list */
    struct net_conn *due_previous;
    uint64_t turn;          /* of the loop: when it last delivered */
    uint32_t turn_frames;   /* delivered in that turn */
    uint64_t waiting_since; /* loop time: of the first byte of an unfinished frame, or of connect */
    bool first_frame;       /* none has arrived yet */
    bool fresh;             /* its first bytes have not told yet what they begin */
    bool busy;              /* a frame is in hand */
    bool delivering;        /* inside net__conn_process */
    bool reading;
    bool due; /* has whole frames, and had its turn */
    bool close_after_write;
    bool closing;
    bool closed;
    bool frame_is_in; /* the frame in hand is exactly `in` */
    char peer[NET_PEER_MAX];
    char local[NET_PEER_MAX];
};

/* A connection for an accepted socket, on its loop. */
void net__conn_open(struct net_loop *loop, struct net_server *server, int fd);
/* Those that are due have their turn. */
void net__conn_turns(struct net_loop *loop);
/* Close what has waited longer than its limit; once a second. */
void net__conn_sweep(struct net_loop *loop);
/* Write to the socket, or queue, what the outbox held. */
void net__conn_write(struct net_conn *conn, struct slice bytes);
/* Close at once, whatever is queued. */
void net__conn_abort(struct net_conn *conn);

#endif
