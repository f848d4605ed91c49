/* cache/policy_shadow_private.h - a small cache that holds nothing, to see what a tuning would do.
 *
 * Invariant   it behaves as a cache of its bytes would that gets the keys it is shown: with one of
 *             2^n keys and of the bytes, its misses are about one of 2^n of theirs.
 * Thread      one at a time.
 * Memory      grows with the entries that fit in its bytes; no keys, no values.
 * Errors      none.
 */
#ifndef CACHE_POLICY_SHADOW_PRIVATE_H
#define CACHE_POLICY_SHADOW_PRIVATE_H

#include "cache/policy_s3_private.h"

struct cache_shadow {
    struct cache_s3 s3;
    uint32_t *buckets; /* as many as there is room for slots, which is a power of two */
    uint32_t *nexts;   /* by slot: in its bucket, or in the list of free ones */
    uint32_t cap;
    uint32_t free;
};

void cache__shadow_init(struct cache_shadow *shadow, uint64_t bytes_max,
                        struct cache_s3_tuning tuning);
void cache__shadow_close(struct cache_shadow *shadow);

/* Read a key: true when it was there. It is now, unless it is larger than the cache. */
bool cache__shadow_read(struct cache_shadow *shadow, uint64_t hash, uint32_t size);

/* Forget a key, if it is there. */
void cache__shadow_remove(struct cache_shadow *shadow, uint64_t hash);

/* Memory it takes, besides itself. */
uint64_t cache__shadow_bytes(const struct cache_shadow *shadow);

#endif
