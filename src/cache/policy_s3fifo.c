/* cache/policy_s3fifo.c - three first-in-first-out queues.
 *
 *   add ──> small ──used twice──> main <──used──┐
 *     │       │ not                │ │          │
 *     │       v                    │ └──────────┘
 *     │     ghost (hashes only)    └──not──> out
 *     └─────────┴──seen before──> main
 *
 * A hit only counts up to three, so that hits cost next to nothing. The ghost queue is a table of
 * hashes, each with the number of the eviction that put it there: one that is older than as many
 * evictions as the cache has entries is forgotten. */
#include "base/mem.h"
#include "cache/policy.h"

enum { S3_FREQUENCY_MAX = 3, S3_PROMOTE_AT = 2, S3_SMALL_PERCENT = 10, S3_GHOST_WAYS = 4 };

enum s3_queue_name { S3_SMALL, S3_MAIN, S3_QUEUES };

struct s3_entry {
    uint64_t hash;
    uint32_t newer; /* neighbours in the queue */
    uint32_t older;
    uint32_t size;
    uint8_t frequency;
    uint8_t queue;
};

struct s3_queue {
    uint32_t newest;
    uint32_t oldest;
    uint32_t count;
    uint64_t bytes;
};

struct s3_ghost {
    uint32_t tag;
    uint32_t eviction; /* number of */
};

struct s3 {
    struct cache_policy policy;
    uint64_t small_bytes_max;
    struct s3_queue queues[S3_QUEUES];
    struct s3_entry *entries; /* by slot */
    uint32_t entries_cap;
    struct s3_ghost *ghosts; /* in sets of S3_GHOST_WAYS */
    uint32_t ghosts_count;   /* a power of two */
    uint32_t evictions;      /* from the small queue */
};

static struct s3 *s3_of(struct cache_policy *policy)
{
    return (struct s3 *)policy;
}

/* ---- queues ---- */

static void s3_push(struct s3 *s3, uint32_t slot, enum s3_queue_name name)
{
    struct s3_queue *queue = &s3->queues[name];
    struct s3_entry *entry = &s3->entries[slot];
    entry->queue = (uint8_t)name;
    entry->newer = CACHE_NO_SLOT;
    entry->older = queue->newest;
    if (queue->newest != CACHE_NO_SLOT) {
        s3->entries[queue->newest].newer = slot;
    } else {
        queue->oldest = slot;
    }
    queue->newest = slot;
    queue->count++;
    queue->bytes += entry->size;
}

static void s3_take(struct s3 *s3, uint32_t slot)
{
    struct s3_entry *entry = &s3->entries[slot];
    struct s3_queue *queue = &s3->queues[entry->queue];
    if (entry->newer != CACHE_NO_SLOT) {
        s3->entries[entry->newer].older = entry->older;
    } else {
        queue->newest = entry->older;
    }
    if (entry->older != CACHE_NO_SLOT) {
        s3->entries[entry->older].newer = entry->newer;
    } else {
        queue->oldest = entry->newer;
    }
    queue->count--;
    queue->bytes -= entry->size;
}

/* ---- ghosts ---- */

static struct s3_ghost *s3_ghost_set(struct s3 *s3, uint64_t hash)
{
    return &s3->ghosts[(uint32_t)hash & (s3->ghosts_count - 1) & ~(uint32_t)(S3_GHOST_WAYS - 1)];
}

static uint32_t s3_ghost_age(const struct s3 *s3, const struct s3_ghost *ghost)
{
    return ghost->tag == 0 ? UINT32_MAX : s3->evictions - ghost->eviction;
}

static void s3_ghost_add(struct s3 *s3, uint64_t hash)
{
    struct s3_ghost *set = s3_ghost_set(s3, hash);
    struct s3_ghost *oldest = set;
    for (int i = 1; i < S3_GHOST_WAYS; i++) {
        if (s3_ghost_age(s3, &set[i]) > s3_ghost_age(s3, oldest)) {
            oldest = &set[i];
        }
    }
    *oldest = (struct s3_ghost){(uint32_t)(hash >> 32) | 1, s3->evictions++};
}

/* Was it evicted lately? Asking takes it out. */
static bool s3_ghost_take(struct s3 *s3, uint64_t hash)
{
    struct s3_ghost *set = s3_ghost_set(s3, hash);
    for (int i = 0; i < S3_GHOST_WAYS; i++) {
        if (set[i].tag == ((uint32_t)(hash >> 32) | 1)) {
            bool lately = s3_ghost_age(s3, &set[i]) <= s3->queues[S3_MAIN].count;
            set[i].tag = 0;
            return lately;
        }
    }
    return false;
}

/* ---- the policy ---- */

static struct cache_policy *s3_new(uint64_t bytes_max)
{
    struct s3 *s3 = mem_zero(1, sizeof *s3);
    s3->policy.ops = &cache_policy_s3fifo;
    s3->small_bytes_max = bytes_max / 100 * S3_SMALL_PERCENT + bytes_max % 100 / 10;
    for (int i = 0; i < S3_QUEUES; i++) {
        s3->queues[i].newest = s3->queues[i].oldest = CACHE_NO_SLOT;
    }
    return &s3->policy;
}

static void s3_free(struct cache_policy *policy)
{
    struct s3 *s3 = s3_of(policy);
    mem_free(s3->entries);
    mem_free(s3->ghosts);
    mem_free(s3);
}

/* Room for `slot`, and as many ghosts; the ghosts of the smaller table are forgotten. */
static void s3_grow(struct s3 *s3, uint32_t slot)
{
    uint32_t cap = s3->entries_cap == 0 ? 64 : s3->entries_cap;
    while (cap <= slot) {
        cap *= 2;
    }
    s3->entries = mem_grow(s3->entries, cap * sizeof *s3->entries);
    mem_free(s3->ghosts);
    s3->ghosts = mem_zero(cap, sizeof *s3->ghosts);
    s3->entries_cap = s3->ghosts_count = cap;
}

static void s3_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct s3 *s3 = s3_of(policy);
    if (entry->slot >= s3->entries_cap) {
        s3_grow(s3, entry->slot);
    }
    s3->entries[entry->slot] = (struct s3_entry){.hash = entry->hash, .size = entry->size};
    s3_push(s3, entry->slot, s3_ghost_take(s3, entry->hash) ? S3_MAIN : S3_SMALL);
}

static void s3_hit(struct cache_policy *policy, uint32_t slot)
{
    struct s3_entry *entry = &s3_of(policy)->entries[slot];
    if (entry->frequency < S3_FREQUENCY_MAX) {
        entry->frequency++;
    }
}

static void s3_remove(struct cache_policy *policy, uint32_t slot)
{
    s3_take(s3_of(policy), slot);
}

static uint64_t s3_bytes(const struct cache_policy *policy)
{
    const struct s3 *s3 = (const struct s3 *)policy;
    return sizeof *s3 + s3->entries_cap * sizeof *s3->entries +
           s3->ghosts_count * sizeof *s3->ghosts;
}

/* Promote from the small queue's end until one is found that was not used: it leaves. */
static uint32_t s3_evict_small(struct s3 *s3)
{
    uint32_t slot;
    while ((slot = s3->queues[S3_SMALL].oldest) != CACHE_NO_SLOT) {
        s3_take(s3, slot);
        if (s3->entries[slot].frequency < S3_PROMOTE_AT) {
            s3_ghost_add(s3, s3->entries[slot].hash);
            return slot;
        }
        s3->entries[slot].frequency = 0;
        s3_push(s3, slot, S3_MAIN);
    }
    return CACHE_NO_SLOT;
}

static uint32_t s3_evict_main(struct s3 *s3)
{
    uint32_t slot;
    while ((slot = s3->queues[S3_MAIN].oldest) != CACHE_NO_SLOT) {
        s3_take(s3, slot);
        if (s3->entries[slot].frequency == 0) {
            return slot;
        }
        s3->entries[slot].frequency--;
        s3_push(s3, slot, S3_MAIN);
    }
    return CACHE_NO_SLOT;
}

static uint32_t s3_evict(struct cache_policy *policy)
{
    struct s3 *s3 = s3_of(policy);
    bool small = s3->queues[S3_SMALL].bytes > s3->small_bytes_max;
    uint32_t slot = small ? s3_evict_small(s3) : CACHE_NO_SLOT;
    slot = slot == CACHE_NO_SLOT ? s3_evict_main(s3) : slot;
    return slot == CACHE_NO_SLOT ? s3_evict_small(s3) : slot;
}

const struct cache_policy_ops cache_policy_s3fifo = {
    .name = "s3fifo",
    .new = s3_new,
    .free = s3_free,
    .add = s3_add,
    .hit = s3_hit,
    .remove = s3_remove,
    .bytes = s3_bytes,
    .evict = s3_evict,
};
