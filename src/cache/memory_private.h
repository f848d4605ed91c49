/* cache/memory_private.h - a shard's table of slots: how it grows, and how it shrinks in steps.
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

/* Buckets of the upper half that are merged already are those of the lower. */
static inline uint32_t *cache__memory_bucket(const struct cache_memory *memory, uint64_t hash)
{
    uint32_t half = memory->slots_cap / 2;
    uint32_t bucket = (uint32_t)hash & (memory->slots_cap - 1);
    return &memory->buckets[bucket - half < memory->shrink.merged ? bucket - half : bucket];
}

/* The link that leads to a slot. */
uint32_t *cache__memory_link_of(struct cache_memory *memory, uint32_t index);

/* Is there a free slot? Then memory->free is one. */
bool cache__memory_has_free(struct cache_memory *memory);
/* There is none: make some. */
void cache__memory_grow(struct cache_memory *memory);
/* A slot that is in no bucket any more. */
void cache__memory_free_slot(struct cache_memory *memory, uint32_t index);

#endif
