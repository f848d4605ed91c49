/* cache/policy_private.h - the queues that policies are made of.
 *
 * Invariant   a slot is in at most one queue; a queue's links lead from its newest slot to its
 *             oldest and back, and count says how many there are.
 * Thread      one at a time.
 * Memory      links are an array by slot, shared by all queues of a policy.
 * Errors      none.
 */
#ifndef CACHE_POLICY_PRIVATE_H
#define CACHE_POLICY_PRIVATE_H

#include "cache/policy.h"

/* `resize` of those that do not mind how large the cache is. */
void cache__policy_resize(struct cache_policy *policy, uint64_t bytes_max);

struct cache_link {
    uint32_t newer;
    uint32_t older;
};

struct cache_links {
    struct cache_link *at; /* by slot */
    uint32_t cap;
};

struct cache_queue {
    uint32_t newest;
    uint32_t oldest;
    uint32_t count;
};

/* Room for how many slots goes with `slot`: a power of two, or slices. */
uint32_t cache__policy_cap(uint32_t slot);

/* Room for `slot`. True when cap is another now: what goes along with the links must grow, too. */
bool cache__links_reserve(struct cache_links *links, uint32_t slot);
/* None from `cap` on is in use. True when cap is another now. */
bool cache__links_trim(struct cache_links *links, uint32_t cap);
void cache__links_close(struct cache_links *links);

void cache__queue_init(struct cache_queue *queue);

/* Put `slot`, which is in no queue, at the newest end. */
void cache__queue_push(struct cache_links *links, struct cache_queue *queue, uint32_t slot);

/* Where `from` stood `to` stands, which is in no queue. */
void cache__queue_move(struct cache_links *links, struct cache_queue *queue, uint32_t from,
                       uint32_t to);

/* Take `slot` out of the queue it is in. */
void cache__queue_take(struct cache_links *links, struct cache_queue *queue, uint32_t slot);

#endif
