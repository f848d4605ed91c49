/* cache/spill.h - what leaves memory, on its way to the thread that packs and writes it.
 *
 * Invariant   an entry is taken when it was used again, or has left before without having been:
 *             what is seen once only is not written. The queue is bounded; what does not fit is
 *             dropped and counted.
 * Thread      offer: any, it copies; wait and take: one thread.
 * Memory      two buffers of half the bound; two bytes for each entry that is remembered.
 * Errors      none.
 */
#ifndef CACHE_SPILL_H
#define CACHE_SPILL_H

#include <pthread.h>

#include "base/buf.h"
#include "cache/memory.h"

struct cache_spill {
    pthread_mutex_t lock; /* everything but `taken` is under it */
    pthread_cond_t wake;
    uint64_t half_max;
    struct buf filling;
    struct buf taken; /* the taking thread's */
    size_t at;        /* in taken */
    bool stopping;
    uint16_t *door; /* of what left unused: part of its hash, 0: nobody */
    uint32_t door_mask;
    uint64_t dropped;
    uint64_t refused; /* seen once only */
};

/* An entry of the queue. */
struct cache_spill_item {
    uint64_t hash;
    uint32_t begun; /* what the guard said when it left: cache/levels.h */
    struct slice key;
    struct slice value;
};

/* Remembers about `door_entries` that left unused. */
void cache_spill_init(struct cache_spill *spill, uint64_t bytes_max, uint64_t door_entries);
void cache_spill_close(struct cache_spill *spill);

void cache_spill_offer(struct cache_spill *spill, const struct cache_leaver *leaver,
                       uint32_t begun);

/* Wait until there is something worth the trouble, at most so long; false at the end. */
bool cache_spill_wait(struct cache_spill *spill, uint64_t wait_us_max);
void cache_spill_stop(struct cache_spill *spill);

/* The next entry, oldest first; false when there is none. Valid until the next call. */
bool cache_spill_take(struct cache_spill *spill, struct cache_spill_item *ret_item);

#endif
