/* cache/memory_private.h - a shard's table of slots, which grows and shrinks in steps.
 *
 * Invariant   a slot with a segment is in the list of its bucket; one without is free. While the
 *             table shrinks, only slots of its lower half are given out.
 * Thread      one at a time.
 * Memory      the shard's.
 * Errors      none.
 */
#ifndef CACHE_MEMORY_PRIVATE_H
#define CACHE_MEMORY_PRIVATE_H

#include "cache/memory.h"

static inline struct cache_place cache__memory_place(const struct cache_memory_slot *slot)
{
    return (struct cache_place){slot->segment, slot->offset};
}

static inline uint32_t *cache__memory_bucket(const struct cache_memory *memory, uint64_t hash)
{
    uint32_t bucket = (uint32_t)hash & (memory->slots_cap - 1);
    uint32_t lower = bucket - memory->slots_cap / 2;
    return &memory->buckets[bucket < memory->buckets_count ? bucket : lower];
}

/* Hold memory for so many slots and buckets. */
void cache__memory_hold(struct cache_memory *memory, uint32_t slots);

/* The link that leads to a slot. */
uint32_t *cache__memory_link_of(struct cache_memory *memory, uint32_t index);

/* Is there a free slot? Then memory->free is one. False also when it was looked for long enough. */
bool cache__memory_has_free(struct cache_memory *memory);
/* There is none: make room for some. False: not all have been looked at. */
bool cache__memory_grow(struct cache_memory *memory);
/* Some of the work that growing has left: for every slot that is given out. */
void cache__memory_split(struct cache_memory *memory);
/* A slot that is in no bucket any more. */
void cache__memory_free_slot(struct cache_memory *memory, uint32_t index);

#endif
