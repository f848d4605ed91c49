/* node/fetch_private.h - who is bringing which key into memory: two that miss the same key read it
 * once.
 *
 * Invariant   of those that want the same at the same time one is told to fetch, and gets all the
 *             others back when it has.
 * Thread      any.
 * Memory      a fetch belongs to its caller, and stays where it is from begin to end; its key too.
 * Errors      none.
 */
#ifndef NODE_FETCH_PRIVATE_H
#define NODE_FETCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/slice.h"

enum { NODE_FETCH_BUCKETS = 64 };

struct node_fetch {
    struct slice key;
    uint32_t beside; /* as many neighbours, too */
    bool backward;
    struct node_fetch *next;   /* in its bucket, or among those that joined */
    struct node_fetch *joined; /* wait for this one */
};

struct node_fetches {
    pthread_mutex_t lock;
    struct node_fetch *buckets[NODE_FETCH_BUCKETS]; /* under lock */
    _Atomic uint64_t begun;
    _Atomic uint64_t joined; /* of these */
    atomic_uint running;
};

void node__fetches_init(struct node_fetches *fetches);
void node__fetches_close(struct node_fetches *fetches);

/* True: fetch it. False: another does, and its end gives this one back. */
bool node__fetch_begin(struct node_fetches *fetches, struct node_fetch *fetch);
/* The key is in memory: those that waited for it, linked by `next`. */
struct node_fetch *node__fetch_end(struct node_fetches *fetches, struct node_fetch *fetch);

#endif
