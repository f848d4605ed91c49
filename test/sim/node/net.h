/* sim/node/net.h - the simulated network: loops that take turns, links that take their time.
 *
 * Invariant   what is sent on a link arrives in order, or not at all once an end is gone. A loop
 *             does one turn at a time, and its end-of-turn callbacks at the end of it.
 * Thread      one.
 * Memory      a link belongs to its client; the node's end dies with the node.
 * Errors      none.
 */
#ifndef SIM_NODE_NET_H
#define SIM_NODE_NET_H

#include "net/conn.h"
#include "sim/node/world.h"

/* The client's end. */
struct sim_link_ops {
    void (*on_reply)(void *user, struct slice message);
    /* The other end is gone. The link is, too. */
    void (*on_close)(void *user);
};
struct sim_link;

struct sim_net {
    struct sim_world *world;
    const struct net_conn_ops *ops; /* of the node's server; NULL: nobody listens */
    void *server;
    struct net_loop **loops;
    uint32_t loops_count;
    struct net_loop *current; /* whose turn it is; NULL: nobody's */
    struct sim_link *links;
    uint32_t slow_percent; /* of messages that take long */
};

/* The process's one: net_loop_new has no context. */
struct sim_net *sim_net_here(void);
void sim_net_open(struct sim_net *net, struct sim_world *world);

/* The node is gone, with its loops and its ends of all links; clients learn of it later. */
void sim_net_crash(struct sim_net *net);

/* NULL: connection refused. */
struct sim_link *sim_net_connect(struct sim_net *net, const struct sim_link_ops *ops, void *user);
void sim_link_send(struct sim_link *link, struct slice message);
/* Nothing more is delivered; the node learns of it later. */
void sim_link_close(struct sim_link *link);

#endif
