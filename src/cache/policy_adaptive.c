/* cache/policy_adaptive.c - S3-FIFO's queues, turned to what the shadows say is best.
 *
 *   keys ──────────────> the cache's own queues <── tuning ── choice <─┐
 *     └─ a sample, by ──> shadow: LRU                    misses ───────┤
 *        hash (SHARDS) ─> shadow: S3-FIFO                misses ───────┤
 *                      ─> shadow: ...                    misses ───────┘
 *
 * Each candidate tuning runs on a sample of the keys in a shadow as much smaller than the cache as
 * the sample is smaller than all. Every time that a shadow was read a quarter as often as it has
 * slots the misses are compared, the older the less they weigh. The cache follows another candidate
 * only when that one missed clearly less, so that chance does not move it. Until the cache evicts,
 * all candidates miss alike.
 *
 * What is best changes, and changing costs: the cache's own misses of the sample are compared with
 * those of the LRU shadow, over a longer time. When following was worse than LRU would have been,
 * the cache is LRU until that is made good or another candidate is far better.
 *
 * In a cache of many parts one finds out for all: the others have no shadows and take over its
 * tuning when they evict. */
#include <stdatomic.h>

#include "base/mem.h"
#include "cache/policy_shadow_private.h"

/* The first is where a cache starts: what is used again early is believed, and much that left is
 * remembered. Then: as published; slower to believe; half-way to recency; recency alone. */
static const struct cache_s3_tuning tunings[] = {
    {.small_percent = 10, .promote_at = 1, .ghost_percent = 200},
    {.small_percent = 10, .promote_at = 2, .ghost_percent = 90},
    {.small_percent = 10, .promote_at = 2, .ghost_percent = 200},
    {.small_percent = 30, .promote_at = 1, .ghost_percent = 200},
    {.small_percent = 100},
};

enum { TUNINGS = sizeof tunings / sizeof tunings[0], TUNING_LRU = TUNINGS - 1 };

enum {
    SHADOW_SLOTS_MAX = 2048, /* caches with no more are sampled whole */
    CHOICES_PER_SHADOW = 4,  /* in as many reads as a shadow has slots */
    MEMORY_CHOICES = 32,     /* after so many choices a miss weighs 1/e */
    MISS_WEIGHT = 256,       /* misses are counted in fractions, for they fade */
    CLEARLY_LESS_PART = 128, /* one of so many misses, and */
    CLEARLY_LESS_MISSES = 4, /* so many more */
    GUARD_CHOICES = 1024,    /* its memory */
    GUARD_ON_PART = 128,     /* more misses than LRU, by one of so many */
    GUARD_OFF_PART = 256,    /* less than that */
    GUARD_PAYS_PART = 8,     /* the chosen one misses less than LRU by that: no guard */
};

struct adaptive {
    struct cache_policy policy;
    struct cache_s3 s3;
    struct cache_shadow shadows[TUNINGS];
    uint64_t misses[TUNINGS]; /* times MISS_WEIGHT */
    uint64_t cache_misses;    /* the same of the cache itself and of LRU, remembered for longer: */
    uint64_t lru_misses;      /* what following cost until now */
    bool guarded;             /* too much: LRU it is */
    uint32_t chosen;
    uint32_t shift;                /* one of 2^shift keys is sampled */
    uint32_t reads;                /* sampled, since the last choice */
    atomic_uint tuning;            /* in force */
    const struct adaptive *leader; /* whose tuning this one takes over; NULL: finds out itself */
};

static struct adaptive *adaptive_of(struct cache_policy *policy)
{
    return (struct adaptive *)policy;
}

static void adaptive_tune(struct adaptive *adaptive, uint32_t tuning)
{
    atomic_store_explicit(&adaptive->tuning, tuning, memory_order_relaxed);
    cache__s3_tune(&adaptive->s3, adaptive->s3.bytes_max, tunings[tuning]);
}

static uint32_t adaptive_tuning(const struct adaptive *adaptive)
{
    return atomic_load_explicit(&adaptive->tuning, memory_order_relaxed);
}

/* ---- choosing ---- */

static uint32_t adaptive_best(const struct adaptive *adaptive)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < TUNINGS; i++) {
        best = adaptive->misses[i] < adaptive->misses[best] ? i : best;
    }
    return best;
}

/* Following others cost more than LRU would have, and nothing much better is in sight. */
static bool adaptive_guards(const struct adaptive *adaptive)
{
    uint64_t lru = adaptive->misses[TUNING_LRU];
    uint64_t chosen = adaptive->misses[adaptive->chosen];
    if (chosen + chosen / GUARD_PAYS_PART < lru) {
        return false;
    }
    uint64_t some = adaptive->lru_misses / (adaptive->guarded ? GUARD_OFF_PART : GUARD_ON_PART);
    return adaptive->cache_misses > adaptive->lru_misses + some;
}

static void adaptive_choose(struct adaptive *adaptive)
{
    uint32_t best = adaptive_best(adaptive);
    uint64_t now = adaptive->misses[adaptive->chosen];
    uint64_t clearly = now / CLEARLY_LESS_PART + CLEARLY_LESS_MISSES * MISS_WEIGHT;
    if (adaptive->misses[best] + clearly < now) {
        adaptive->chosen = best;
    }
    adaptive->guarded = adaptive_guards(adaptive);
    adaptive_tune(adaptive, adaptive->guarded ? TUNING_LRU : adaptive->chosen);
    adaptive->cache_misses -= adaptive->cache_misses / GUARD_CHOICES;
    adaptive->lru_misses -= adaptive->lru_misses / GUARD_CHOICES;
    for (uint32_t i = 0; i < TUNINGS; i++) {
        adaptive->misses[i] -= adaptive->misses[i] / MEMORY_CHOICES;
    }
    adaptive->reads = 0;
}

static bool adaptive_samples(const struct adaptive *adaptive, uint64_t hash)
{
    return adaptive->shift == 0 || (hash * 0x9e3779b97f4a7c15u) >> (64 - adaptive->shift) == 0;
}

static void adaptive_read(struct adaptive *adaptive, uint64_t hash, uint32_t size, bool missed)
{
    if (adaptive->leader != NULL || !adaptive_samples(adaptive, hash)) {
        return;
    }
    for (uint32_t i = 0; i < TUNINGS; i++) {
        bool hit = cache__shadow_read(&adaptive->shadows[i], hash, size);
        adaptive->misses[i] += hit ? 0 : MISS_WEIGHT;
        adaptive->lru_misses += hit || i != TUNING_LRU ? 0 : MISS_WEIGHT;
    }
    adaptive->cache_misses += missed ? MISS_WEIGHT : 0;
    if (++adaptive->reads >= adaptive->shadows[0].cap / CHOICES_PER_SHADOW) {
        adaptive_choose(adaptive);
    }
}

static void adaptive_begin_shadows(struct adaptive *adaptive)
{
    for (uint32_t i = 0; i < TUNINGS; i++) {
        cache__shadow_close(&adaptive->shadows[i]);
        cache__shadow_init(&adaptive->shadows[i], adaptive->s3.bytes_max >> adaptive->shift,
                           tunings[i]);
    }
}

/* When the cache has room for more entries than before, fewer of the keys will do. The shadows
 * start again, while the cache is still filling. */
static void adaptive_resample(struct adaptive *adaptive)
{
    uint32_t shift = adaptive->shift;
    while (adaptive->s3.links.cap >> shift > SHADOW_SLOTS_MAX) {
        shift++;
    }
    if (shift != adaptive->shift) {
        adaptive->shift = shift;
        adaptive_begin_shadows(adaptive);
    }
}

/* ---- the policy ---- */

static struct cache_policy *adaptive_new(uint64_t bytes_max, struct cache_policy *leader)
{
    struct adaptive *adaptive = mem_zero(1, sizeof *adaptive);
    adaptive->policy.ops = &cache_policy_adaptive;
    adaptive->leader = leader == NULL ? NULL : adaptive_of(leader);
    cache__s3_init(&adaptive->s3, bytes_max, tunings[0]);
    for (uint32_t i = 0; i < TUNINGS; i++) {
        cache__shadow_init(&adaptive->shadows[i], bytes_max, tunings[i]);
    }
    return &adaptive->policy;
}

static void adaptive_free(struct cache_policy *policy)
{
    struct adaptive *adaptive = adaptive_of(policy);
    for (uint32_t i = 0; i < TUNINGS; i++) {
        cache__shadow_close(&adaptive->shadows[i]);
    }
    cache__s3_close(&adaptive->s3);
    mem_free(adaptive);
}

static void adaptive_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct adaptive *adaptive = adaptive_of(policy);
    cache__s3_add(&adaptive->s3, entry);
    adaptive_resample(adaptive);
    if (!entry->ahead) {
        adaptive_read(adaptive, entry->hash, entry->size, true);
    }
}

static void adaptive_hit(struct cache_policy *policy, uint32_t slot)
{
    struct adaptive *adaptive = adaptive_of(policy);
    const struct cache_s3_entry *entry = &adaptive->s3.entries[slot];
    bool missed = entry->ahead; /* but for a guess */
    cache__s3_hit(&adaptive->s3, slot);
    adaptive_read(adaptive, entry->hash, entry->size, missed);
}

static void adaptive_remove(struct cache_policy *policy, uint32_t slot)
{
    struct adaptive *adaptive = adaptive_of(policy);
    uint64_t hash = adaptive->s3.entries[slot].hash;
    cache__s3_remove(&adaptive->s3, slot);
    for (uint32_t i = 0; i < TUNINGS && adaptive_samples(adaptive, hash); i++) {
        cache__shadow_remove(&adaptive->shadows[i], hash);
    }
}

static void adaptive_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    cache__s3_move(&adaptive_of(policy)->s3, from, to);
}

static void adaptive_trim(struct cache_policy *policy, uint32_t cap)
{
    cache__s3_trim(&adaptive_of(policy)->s3, cap);
}

static uint64_t adaptive_bytes(const struct cache_policy *policy)
{
    const struct adaptive *adaptive = (const struct adaptive *)policy;
    uint64_t bytes = sizeof *adaptive + cache__s3_bytes(&adaptive->s3);
    for (uint32_t i = 0; i < TUNINGS; i++) {
        bytes += cache__shadow_bytes(&adaptive->shadows[i]);
    }
    return bytes;
}

/* Its tuning from now on, where another finds it out. */
static void adaptive_follow(struct adaptive *adaptive)
{
    if (adaptive->leader != NULL &&
        adaptive_tuning(adaptive->leader) != adaptive_tuning(adaptive)) {
        adaptive_tune(adaptive, adaptive_tuning(adaptive->leader));
    }
}

static uint32_t adaptive_evict(struct cache_policy *policy)
{
    struct adaptive *adaptive = adaptive_of(policy);
    adaptive_follow(adaptive);
    return cache__s3_evict(&adaptive->s3);
}

static uint32_t adaptive_evict_unproven(struct cache_policy *policy)
{
    struct adaptive *adaptive = adaptive_of(policy);
    adaptive_follow(adaptive);
    return cache__s3_evict_unproven(&adaptive->s3);
}

/* The shadows start again, at the new size. */
static void adaptive_resize(struct cache_policy *policy, uint64_t bytes_max)
{
    struct adaptive *adaptive = adaptive_of(policy);
    cache__s3_tune(&adaptive->s3, bytes_max, tunings[adaptive_tuning(adaptive)]);
    if (adaptive->leader == NULL) {
        adaptive_begin_shadows(adaptive);
    }
}

const struct cache_policy_ops cache_policy_adaptive = {
    .name = "adaptive",
    .new = adaptive_new,
    .free = adaptive_free,
    .add = adaptive_add,
    .hit = adaptive_hit,
    .remove = adaptive_remove,
    .move = adaptive_move,
    .trim = adaptive_trim,
    .bytes = adaptive_bytes,
    .evict = adaptive_evict,
    .evict_unproven = adaptive_evict_unproven,
    .resize = adaptive_resize,
};
