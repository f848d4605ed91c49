/* cache/policy_shadow.c - a hash table over the queues of policy_s3.c. Keys are their hashes. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "cache/policy_shadow_private.h"

enum { SHADOW_SLOTS_MIN = 64 };

void cache__shadow_init(struct cache_shadow *shadow, uint64_t bytes_max,
                        struct cache_s3_tuning tuning)
{
    *shadow = (struct cache_shadow){.free = CACHE_NO_SLOT};
    cache__s3_init(&shadow->s3, bytes_max, tuning);
}

void cache__shadow_close(struct cache_shadow *shadow)
{
    cache__s3_close(&shadow->s3);
    mem_free(shadow->buckets);
    mem_free(shadow->nexts);
}

uint64_t cache__shadow_bytes(const struct cache_shadow *shadow)
{
    return cache__s3_bytes(&shadow->s3) +
           shadow->cap * (sizeof *shadow->buckets + sizeof *shadow->nexts);
}

/* ---- the table ---- */

static uint32_t *shadow_bucket(struct cache_shadow *shadow, uint64_t hash)
{
    return &shadow->buckets[(uint32_t)hash & (shadow->cap - 1)];
}

/* The link that leads to the key's slot, or to CACHE_NO_SLOT. */
static uint32_t *shadow_find(struct cache_shadow *shadow, uint64_t hash)
{
    uint32_t *link = shadow_bucket(shadow, hash);
    while (*link != CACHE_NO_SLOT && shadow->s3.entries[*link].hash != hash) {
        link = &shadow->nexts[*link];
    }
    return link;
}

/* Twice the slots, all of which are in use, and every one in its new bucket. */
static void shadow_grow(struct cache_shadow *shadow)
{
    uint32_t used = shadow->cap;
    uint32_t cap = used == 0 ? SHADOW_SLOTS_MIN : used * 2;
    shadow->nexts = mem_grow(shadow->nexts, cap * sizeof *shadow->nexts);
    shadow->buckets = mem_grow(shadow->buckets, cap * sizeof *shadow->buckets);
    memset(shadow->buckets, 0xff, cap * sizeof *shadow->buckets);
    shadow->cap = cap;
    for (uint32_t slot = cap; slot-- > 0;) {
        uint32_t *link =
            slot < used ? shadow_bucket(shadow, shadow->s3.entries[slot].hash) : &shadow->free;
        shadow->nexts[slot] = *link;
        *link = slot;
    }
}

/* Unlink the slot that `link` leads to and free it. */
static void shadow_drop(struct cache_shadow *shadow, uint32_t *link)
{
    uint32_t slot = *link;
    *link = shadow->nexts[slot];
    shadow->nexts[slot] = shadow->free;
    shadow->free = slot;
}

/* ---- the doors ---- */

static void shadow_add(struct cache_shadow *shadow, uint64_t hash, uint32_t size)
{
    if (shadow->free == CACHE_NO_SLOT) {
        shadow_grow(shadow);
    }
    uint32_t slot = shadow->free;
    uint32_t *bucket = shadow_bucket(shadow, hash);
    shadow->free = shadow->nexts[slot];
    shadow->nexts[slot] = *bucket;
    *bucket = slot;
    struct cache_policy_entry entry = {.slot = slot, .size = size, .hash = hash};
    cache__s3_add(&shadow->s3, &entry);
}

static void shadow_evict(struct cache_shadow *shadow)
{
    uint32_t slot = cache__s3_evict(&shadow->s3);
    assert(slot < shadow->cap);
    uint32_t *link = shadow_bucket(shadow, shadow->s3.entries[slot].hash);
    while (*link != slot) {
        link = &shadow->nexts[*link];
    }
    shadow_drop(shadow, link);
}

bool cache__shadow_read(struct cache_shadow *shadow, uint64_t hash, uint32_t size)
{
    uint32_t slot = shadow->cap == 0 ? CACHE_NO_SLOT : *shadow_find(shadow, hash);
    if (slot != CACHE_NO_SLOT) {
        cache__s3_hit(&shadow->s3, slot);
        return true;
    }
    if (size > shadow->s3.bytes_max) {
        return false;
    }
    while (cache__s3_held(&shadow->s3) + size > shadow->s3.bytes_max) {
        shadow_evict(shadow);
    }
    shadow_add(shadow, hash, size);
    return false;
}

void cache__shadow_remove(struct cache_shadow *shadow, uint64_t hash)
{
    uint32_t *link = shadow->cap == 0 ? NULL : shadow_find(shadow, hash);
    if (link != NULL && *link != CACHE_NO_SLOT) {
        cache__s3_remove(&shadow->s3, *link);
        shadow_drop(shadow, link);
    }
}
