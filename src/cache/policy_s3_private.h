/* cache/policy_s3_private.h - S3-FIFO's queues with their screws: what s3fifo is, and what the
 * adaptive policy turns.
 *
 * Invariant   a slot that was added and not taken is in exactly one of the two queues. Tuning may
 *             change at any time: entries stay where they are and follow the new rules.
 * Thread      one at a time.
 * Memory      grows with the highest slot number.
 * Errors      none.
 */
#ifndef CACHE_POLICY_S3_PRIVATE_H
#define CACHE_POLICY_S3_PRIVATE_H

#include "cache/policy_private.h"

enum cache_s3_name { CACHE_S3_SMALL, CACHE_S3_MAIN, CACHE_S3_QUEUES };

struct cache_s3_tuning {
    uint8_t small_percent; /* of the bytes; 100: all, by recency: LRU */
    uint8_t promote_at;    /* so many hits in the small queue lead to the main one */
    uint8_t ghost_percent; /* so many evictions are remembered, of the entries there are; to 200 */
};

struct cache_s3_entry {
    uint64_t hash;
    uint32_t size;
    uint32_t used; /* the number of its last use */
    uint8_t frequency;
    uint8_t queue;
    bool ahead; /* nobody has asked for it yet */
};

struct cache_s3_ghost {
    uint32_t tag;
    uint32_t eviction; /* number of */
};

struct cache_s3 {
    uint64_t bytes_max;
    uint64_t small_bytes_max;
    struct cache_s3_tuning tuning;
    struct cache_queue queues[CACHE_S3_QUEUES];
    uint64_t queue_bytes[CACHE_S3_QUEUES];
    struct cache_links links;
    struct cache_s3_entry *entries; /* by slot */
    uint32_t ghosts_per_slot;
    struct cache_s3_ghost *ghosts; /* in sets */
    uint32_t evictions;            /* from the small queue */
    uint32_t uses;
};

extern const struct cache_s3_tuning cache__s3_standard;

/* The tuning says how much room the ghosts get: later ones may ask for less, or are given less. */
void cache__s3_init(struct cache_s3 *s3, uint64_t bytes_max, struct cache_s3_tuning tuning);
void cache__s3_close(struct cache_s3 *s3);

/* Other bounds from now on. */
void cache__s3_tune(struct cache_s3 *s3, uint64_t bytes_max, struct cache_s3_tuning tuning);

/* The slots of struct cache_policy_ops. */
void cache__s3_add(struct cache_s3 *s3, const struct cache_policy_entry *entry);
void cache__s3_hit(struct cache_s3 *s3, uint32_t slot);
void cache__s3_remove(struct cache_s3 *s3, uint32_t slot);
void cache__s3_move(struct cache_s3 *s3, uint32_t from, uint32_t to);
/* The ghosts of the upper part are forgotten. */
void cache__s3_trim(struct cache_s3 *s3, uint32_t cap);
uint32_t cache__s3_evict(struct cache_s3 *s3);
uint32_t cache__s3_evict_unproven(struct cache_s3 *s3);

/* Sizes of the entries it has, added up. */
uint64_t cache__s3_held(const struct cache_s3 *s3);

/* Memory it takes, besides itself. */
uint64_t cache__s3_bytes(const struct cache_s3 *s3);

#endif
