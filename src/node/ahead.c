/* node/ahead.c - what the cache has guessed is fetched by the work pool.
 *
 * A request that misses goes first: guesses wait while several do, and have one of the pool's
 * threads at a time. While as many wait as the cache has room for, newer ones are refused. */
#include "node/node_private.h"

enum { AHEAD_FETCHES_MAX = 2 }; /* that run, of the pool's four threads */

static struct node *ahead_node(struct net_work *work)
{
    return (struct node *)((uint8_t *)work - offsetof(struct node, ahead.work));
}

static void ahead_run(struct net_work *work)
{
    struct node *node = ahead_node(work);
    node->ahead.code = cache_ahead_fetch(node->server.cache);
}

/* The next one waits for the next poke, so that others come between. */
static void ahead_done(struct net_work *work)
{
    struct node *node = ahead_node(work);
    if (node->ahead.code < 0) {
        node__die(node, "reading from the store", node->ahead.code);
    }
    atomic_store(&node->ahead.busy, false);
    atomic_fetch_sub(&node->requests, 1);
}

void node__ahead_poke(struct node *node, struct net_loop *loop)
{
    if (!cache_ahead_waits(node->server.cache) ||
        atomic_load(&node->fetches.running) > AHEAD_FETCHES_MAX || atomic_load(&node->stopping) ||
        atomic_exchange(&node->ahead.busy, true)) {
        return;
    }
    atomic_fetch_add(&node->requests, 1); /* stopping waits for it */
    node->ahead.work = (struct net_work){ahead_run, ahead_done};
    net_loop_work(loop, &node->ahead.work);
}
