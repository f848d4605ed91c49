/* cache/memory.h - one shard of the first level: keys and values in memory, within a bound.
 *
 * Invariant   what a get finds is what the last put of that key brought, unless a remove came
 *             after it. Any put may evict any entry; the bytes held stay within the bound.
 * Thread      one at a time; a pin may be released by any.
 * Memory      copies keys and values; a pin holds the segment its value is in, and keeps it valid
 *             after eviction.
 * Errors      none: a value too large for the shard is not kept.
 */
#ifndef CACHE_MEMORY_H
#define CACHE_MEMORY_H

#include "cache/policy.h"
#include "cache/segment.h"
#include "store/kv.h"

struct cache_memory_slot {
    uint64_t hash;
    struct cache_segment *segment; /* NULL: free */
    uint32_t offset;
    uint32_t next; /* in its bucket, or in the list of free ones */
};

struct cache_memory {
    struct cache_log log;
    struct cache_policy *policy;
    uint64_t bytes_max;
    uint32_t *buckets; /* a power of two, as many as there is room for slots */
    struct cache_memory_slot *slots;
    uint32_t slots_cap;
    uint32_t free; /* the first free slot */
    uint64_t count;
    uint64_t evictions;
    uint64_t moves; /* entries moved out of sparse segments */
};

struct cache_memory_options {
    const struct cache_policy_ops *policy;
    struct memory_pages *pages; /* where its memory comes from; outlives pins too */
    uint64_t bytes_max;
};

void cache_memory_init(struct cache_memory *memory, const struct cache_memory_options *options);
void cache_memory_close(struct cache_memory *memory);

bool cache_memory_get(struct cache_memory *memory, uint64_t hash, struct slice key,
                      struct store_pin *ret_pin);
void cache_memory_put(struct cache_memory *memory, uint64_t hash, struct slice key,
                      struct slice value);
/* True when it was there. */
bool cache_memory_remove(struct cache_memory *memory, uint64_t hash, struct slice key);

/* Bytes held: segments and tables. */
uint64_t cache_memory_bytes(const struct cache_memory *memory);

#endif
