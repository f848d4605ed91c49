/* cache/cache.h - the cache of records: an engine in front of another.
 *
 * Invariant   a get without a snapshot gives what the engine behind would give: an apply takes the
 *             keys it changes out before the engine changes, and nothing about them is kept until
 *             it is done. So no read after an acknowledged write sees what was before it.
 * Thread      as store/kv.h: any thread reads, one applies.
 * Memory      the cache owns the engine behind it: closing one closes both. Pins hold what they
 *             show. Bytes held stay within the bound, but for what readers hold.
 * Errors      those of the engine behind.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "cache/policy.h"
#include "store/kv.h"

struct cache;

struct cache_options {
    uint64_t bytes_max;
    uint64_t seed; /* of the hash: keys are chosen by strangers */
    const struct cache_policy_ops *policy;
    bool huge_pages;
};

struct cache_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint64_t invalidations;
    uint64_t moves;   /* entries moved to close up memory */
    uint64_t entries; /* now */
    uint64_t bytes;   /* held now: entries, holes and tables */
    uint64_t live;    /* of entries */
    uint64_t bytes_max;
};

/* Takes over `engine`. */
struct cache *cache_new(const struct cache_options *options, struct store_kv *engine);

/* The engine that readers and the owner use. */
struct store_kv *cache_kv(struct cache *cache);

/* Any thread; sums of counters that go on. */
struct cache_stats cache_stats(struct cache *cache);

#endif
