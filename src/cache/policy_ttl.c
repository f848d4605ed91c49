/* cache/policy_ttl.c - who expires first leaves first; among equals, and among those that never
 * expire, who came first.
 *
 * A binary heap of slots, and for each slot its place in the heap so that any can be removed. The
 * order of expiry needs no clock: what has expired stands before what has not. */
#include "base/mem.h"
#include "cache/policy_private.h"

struct ttl_entry {
    uint64_t expires_ms;
    uint64_t number; /* of its add */
    uint32_t place;
};

struct ttl {
    struct cache_policy policy;
    struct ttl_entry *entries; /* by slot */
    uint32_t *heap;            /* slots */
    uint32_t count;
    uint32_t cap;
    uint64_t adds;
};

static struct ttl *ttl_of(struct cache_policy *policy)
{
    return (struct ttl *)policy;
}

/* ---- the heap ---- */

static bool ttl_before(const struct ttl *ttl, uint32_t a, uint32_t b)
{
    const struct ttl_entry *left = &ttl->entries[a];
    const struct ttl_entry *right = &ttl->entries[b];
    return left->expires_ms != right->expires_ms ? left->expires_ms < right->expires_ms
                                                 : left->number < right->number;
}

static void ttl_place(struct ttl *ttl, uint32_t place, uint32_t slot)
{
    ttl->heap[place] = slot;
    ttl->entries[slot].place = place;
}

static void ttl_up(struct ttl *ttl, uint32_t place, uint32_t slot)
{
    while (place > 0 && ttl_before(ttl, slot, ttl->heap[(place - 1) / 2])) {
        ttl_place(ttl, place, ttl->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    ttl_place(ttl, place, slot);
}

static void ttl_down(struct ttl *ttl, uint32_t place, uint32_t slot)
{
    for (uint32_t child; (child = place * 2 + 1) < ttl->count; place = child) {
        if (child + 1 < ttl->count && ttl_before(ttl, ttl->heap[child + 1], ttl->heap[child])) {
            child++;
        }
        if (!ttl_before(ttl, ttl->heap[child], slot)) {
            break;
        }
        ttl_place(ttl, place, ttl->heap[child]);
    }
    ttl_place(ttl, place, slot);
}

/* ---- the policy ---- */

static struct cache_policy *ttl_new(uint64_t bytes_max, struct cache_policy *leader)
{
    (void)bytes_max;
    (void)leader;
    struct ttl *ttl = mem_zero(1, sizeof *ttl);
    ttl->policy.ops = &cache_policy_ttl;
    return &ttl->policy;
}

static void ttl_set_cap(struct ttl *ttl, uint32_t cap)
{
    size_t old = ttl->cap;
    ttl->cap = cap;
    ttl->entries = mem_resize(ttl->entries, old * sizeof *ttl->entries, cap * sizeof *ttl->entries);
    ttl->heap = mem_resize(ttl->heap, old * sizeof *ttl->heap, cap * sizeof *ttl->heap);
}

static void ttl_free(struct cache_policy *policy)
{
    ttl_set_cap(ttl_of(policy), 0);
    mem_free(policy);
}

static void ttl_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct ttl *ttl = ttl_of(policy);
    if (entry->slot >= ttl->cap) {
        ttl_set_cap(ttl, cache__policy_cap(entry->slot));
    }
    uint64_t expires_ms = entry->expires_ms == 0 ? UINT64_MAX : entry->expires_ms;
    ttl->entries[entry->slot] = (struct ttl_entry){expires_ms, ttl->adds++, 0};
    ttl_up(ttl, ttl->count++, entry->slot);
}

static void ttl_hit(struct cache_policy *policy, uint32_t slot)
{
    (void)policy;
    (void)slot;
}

static void ttl_remove(struct cache_policy *policy, uint32_t slot)
{
    struct ttl *ttl = ttl_of(policy);
    uint32_t place = ttl->entries[slot].place;
    uint32_t last = ttl->heap[--ttl->count];
    if (last == slot) {
        return;
    }
    if (ttl_before(ttl, last, slot)) {
        ttl_up(ttl, place, last);
    } else {
        ttl_down(ttl, place, last);
    }
}

static void ttl_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    struct ttl *ttl = ttl_of(policy);
    ttl->entries[to] = ttl->entries[from];
    ttl->heap[ttl->entries[to].place] = to;
}

static void ttl_trim(struct cache_policy *policy, uint32_t cap)
{
    if (cap < ttl_of(policy)->cap) {
        ttl_set_cap(ttl_of(policy), cap);
    }
}

static uint64_t ttl_bytes(const struct cache_policy *policy)
{
    const struct ttl *ttl = (const struct ttl *)policy;
    return sizeof *ttl + ttl->cap * (sizeof *ttl->entries + sizeof *ttl->heap);
}

static uint32_t ttl_evict(struct cache_policy *policy)
{
    if (ttl_of(policy)->count == 0) {
        return CACHE_NO_SLOT;
    }
    uint32_t slot = ttl_of(policy)->heap[0];
    ttl_remove(policy, slot);
    return slot;
}

const struct cache_policy_ops cache_policy_ttl = {
    .name = "ttl",
    .new = ttl_new,
    .free = ttl_free,
    .add = ttl_add,
    .hit = ttl_hit,
    .remove = ttl_remove,
    .move = ttl_move,
    .trim = ttl_trim,
    .bytes = ttl_bytes,
    .evict = ttl_evict,
    .resize = cache__policy_resize,
};
