/* cache/policy_s3.c - three first-in-first-out queues.
 *
 *   add ──> small ──used enough──> main <──used──┐
 *     │       │ not                 │ │          │
 *     │       v                     │ └──────────┘
 *     │     ghost (hashes only)     └──not──> out
 *     └─────────┴──seen before──> main
 *
 * A hit only counts up to three, so that hits cost next to nothing. The ghost queue is a table of
 * hashes, each with the number of the eviction that put it there: those older than a number of
 * evictions that goes with the number of entries are forgotten.
 *
 * Tuned to a small queue of everything, it is one queue by recency: a hit makes an entry the newest
 * of the small queue. What a former tuning left in the main one leaves when its turn comes: of the
 * ends of both queues the one goes that was not used for longer. */
#include "base/mem.h"
#include "cache/policy_s3_private.h"

enum { S3_FREQUENCY_MAX = 3, S3_GHOST_WAYS = 4, S3_UNPROVEN_LOOKS = 8 };

const struct cache_s3_tuning cache__s3_standard = {
    .small_percent = 10, .promote_at = 2, .ghost_percent = 90};

void cache__s3_init(struct cache_s3 *s3, uint64_t bytes_max, struct cache_s3_tuning tuning)
{
    *s3 = (struct cache_s3){0};
    for (int i = 0; i < CACHE_S3_QUEUES; i++) {
        cache__queue_init(&s3->queues[i]);
    }
    s3->ghosts_per_slot = tuning.ghost_percent > 100 ? 2 : 1;
    cache__s3_tune(s3, bytes_max, tuning);
}

/* Entries and ghosts for as many slots as there are links. The sets of the lower part stay what
 * they are for those hashes that they are still for. */
static void s3_follow_links(struct cache_s3 *s3, size_t old)
{
    size_t cap = s3->links.cap;
    size_t ghosts_size = s3->ghosts_per_slot * sizeof *s3->ghosts;
    s3->entries = mem_resize(s3->entries, old * sizeof *s3->entries, cap * sizeof *s3->entries);
    s3->ghosts = mem_resize(s3->ghosts, old * ghosts_size, cap * ghosts_size);
}

void cache__s3_close(struct cache_s3 *s3)
{
    uint32_t old = s3->links.cap;
    cache__links_close(&s3->links);
    s3_follow_links(s3, old);
}

void cache__s3_tune(struct cache_s3 *s3, uint64_t bytes_max, struct cache_s3_tuning tuning)
{
    s3->bytes_max = bytes_max;
    s3->tuning = tuning;
    s3->small_bytes_max =
        bytes_max / 100 * tuning.small_percent + bytes_max % 100 * tuning.small_percent / 100;
}

static bool s3_is_lru(const struct cache_s3 *s3)
{
    return s3->tuning.small_percent >= 100;
}

/* ---- queues ---- */

static void s3_push(struct cache_s3 *s3, uint32_t slot, enum cache_s3_name name)
{
    s3->entries[slot].queue = (uint8_t)name;
    s3->queue_bytes[name] += s3->entries[slot].size;
    cache__queue_push(&s3->links, &s3->queues[name], slot);
}

static void s3_take(struct cache_s3 *s3, uint32_t slot)
{
    uint8_t name = s3->entries[slot].queue;
    s3->queue_bytes[name] -= s3->entries[slot].size;
    cache__queue_take(&s3->links, &s3->queues[name], slot);
}

/* ---- ghosts ---- */

/* Sets come and go one after the other: what would be in one that is not there is in that of the
 * power of two below. */
static struct cache_s3_ghost *s3_ghost_set(struct cache_s3 *s3, uint64_t hash)
{
    uint32_t count = s3->links.cap * s3->ghosts_per_slot;
    uint32_t lower = UINT32_C(1) << (31 - __builtin_clz(count));
    uint32_t at = (uint32_t)hash & (2 * lower - 1) & ~(uint32_t)(S3_GHOST_WAYS - 1);
    return &s3->ghosts[at < count ? at : at - lower];
}

static uint32_t s3_ghost_age(const struct cache_s3 *s3, const struct cache_s3_ghost *ghost)
{
    return ghost->tag == 0 ? UINT32_MAX : s3->evictions - ghost->eviction;
}

static uint64_t s3_ghost_age_max(const struct cache_s3 *s3)
{
    uint64_t count = s3->queues[CACHE_S3_SMALL].count + s3->queues[CACHE_S3_MAIN].count;
    return count * s3->tuning.ghost_percent / 100;
}

/* Of a key that nobody asked for nothing is remembered. */
static void s3_remember(struct cache_s3 *s3, uint32_t slot)
{
    if (s3->entries[slot].ahead) {
        return;
    }
    uint64_t hash = s3->entries[slot].hash;
    struct cache_s3_ghost *set = s3_ghost_set(s3, hash);
    struct cache_s3_ghost *oldest = set;
    for (int i = 1; i < S3_GHOST_WAYS; i++) {
        if (s3_ghost_age(s3, &set[i]) > s3_ghost_age(s3, oldest)) {
            oldest = &set[i];
        }
    }
    *oldest = (struct cache_s3_ghost){(uint32_t)(hash >> 32) | 1, s3->evictions++};
}

/* Was it evicted lately? Asking takes it out. */
static bool s3_ghost_take(struct cache_s3 *s3, uint64_t hash)
{
    struct cache_s3_ghost *set = s3_ghost_set(s3, hash);
    for (int i = 0; i < S3_GHOST_WAYS; i++) {
        if (set[i].tag == ((uint32_t)(hash >> 32) | 1)) {
            uint32_t age = s3_ghost_age(s3, &set[i]);
            set[i].tag = 0;
            return age <= s3_ghost_age_max(s3);
        }
    }
    return false;
}

/* ---- the policy ---- */

static void s3_reserve(struct cache_s3 *s3, uint32_t slot)
{
    uint32_t old = s3->links.cap;
    if (cache__links_reserve(&s3->links, slot)) {
        s3_follow_links(s3, old);
    }
}

void cache__s3_trim(struct cache_s3 *s3, uint32_t cap)
{
    uint32_t old = s3->links.cap;
    if (cache__links_trim(&s3->links, cap)) {
        s3_follow_links(s3, old);
    }
}

void cache__s3_move(struct cache_s3 *s3, uint32_t from, uint32_t to)
{
    s3->entries[to] = s3->entries[from];
    cache__queue_move(&s3->links, &s3->queues[s3->entries[to].queue], from, to);
}

/* Where one begins that is asked for. */
static enum cache_s3_name s3_queue_of(struct cache_s3 *s3, uint64_t hash)
{
    return s3_ghost_take(s3, hash) && !s3_is_lru(s3) ? CACHE_S3_MAIN : CACHE_S3_SMALL;
}

void cache__s3_add(struct cache_s3 *s3, const struct cache_policy_entry *entry)
{
    s3_reserve(s3, entry->slot);
    s3->entries[entry->slot] = (struct cache_s3_entry){
        .hash = entry->hash, .size = entry->size, .used = s3->uses++, .ahead = entry->ahead};
    s3_push(s3, entry->slot, entry->ahead ? CACHE_S3_SMALL : s3_queue_of(s3, entry->hash));
}

/* The first to ask for one that came ahead: it begins anew. */
static void s3_ask(struct cache_s3 *s3, uint32_t slot)
{
    struct cache_s3_entry *entry = &s3->entries[slot];
    entry->ahead = false;
    entry->used = s3->uses++;
    s3_take(s3, slot);
    s3_push(s3, slot, s3_queue_of(s3, entry->hash));
}

void cache__s3_hit(struct cache_s3 *s3, uint32_t slot)
{
    struct cache_s3_entry *entry = &s3->entries[slot];
    if (entry->ahead) {
        s3_ask(s3, slot);
        return;
    }
    entry->used = s3->uses++;
    if (entry->frequency < S3_FREQUENCY_MAX) {
        entry->frequency++;
    }
    if (s3_is_lru(s3)) {
        s3_take(s3, slot);
        s3_push(s3, slot, CACHE_S3_SMALL);
    }
}

void cache__s3_remove(struct cache_s3 *s3, uint32_t slot)
{
    s3_take(s3, slot);
}

uint64_t cache__s3_held(const struct cache_s3 *s3)
{
    return s3->queue_bytes[CACHE_S3_SMALL] + s3->queue_bytes[CACHE_S3_MAIN];
}

uint64_t cache__s3_bytes(const struct cache_s3 *s3)
{
    return s3->links.cap *
           (sizeof *s3->links.at + sizeof *s3->entries + s3->ghosts_per_slot * sizeof *s3->ghosts);
}

/* Promote from the small queue's end until one is found that was not used: it leaves. */
static uint32_t s3_evict_small(struct cache_s3 *s3)
{
    uint32_t slot;
    while ((slot = s3->queues[CACHE_S3_SMALL].oldest) != CACHE_NO_SLOT) {
        s3_take(s3, slot);
        if (s3->entries[slot].frequency < s3->tuning.promote_at) {
            s3_remember(s3, slot);
            return slot;
        }
        s3->entries[slot].frequency = 0;
        s3_push(s3, slot, CACHE_S3_MAIN);
    }
    return CACHE_NO_SLOT;
}

static uint32_t s3_evict_main(struct cache_s3 *s3)
{
    uint32_t slot;
    while ((slot = s3->queues[CACHE_S3_MAIN].oldest) != CACHE_NO_SLOT) {
        s3_take(s3, slot);
        if (s3->entries[slot].frequency == 0) {
            return slot;
        }
        s3->entries[slot].frequency--;
        s3_push(s3, slot, CACHE_S3_MAIN);
    }
    return CACHE_NO_SLOT;
}

/* The end of a queue that was not used for longer leaves. */
static uint32_t s3_evict_lru(struct cache_s3 *s3)
{
    uint32_t small = s3->queues[CACHE_S3_SMALL].oldest;
    uint32_t main = s3->queues[CACHE_S3_MAIN].oldest;
    bool take_small = main == CACHE_NO_SLOT;
    if (small != CACHE_NO_SLOT && main != CACHE_NO_SLOT) {
        take_small = s3->uses - s3->entries[small].used > s3->uses - s3->entries[main].used;
    }
    uint32_t slot = take_small ? small : main;
    if (slot != CACHE_NO_SLOT) {
        s3_take(s3, slot);
        s3_remember(s3, slot);
    }
    return slot;
}

/* Where nothing leaves the small queue all of it was promoted, and the main one has it. */
uint32_t cache__s3_evict(struct cache_s3 *s3)
{
    if (s3_is_lru(s3)) {
        return s3_evict_lru(s3);
    }
    bool small = s3->queue_bytes[CACHE_S3_SMALL] > s3->small_bytes_max ||
                 s3->queues[CACHE_S3_MAIN].count == 0;
    uint32_t slot = small ? s3_evict_small(s3) : CACHE_NO_SLOT;
    return slot == CACHE_NO_SLOT ? s3_evict_main(s3) : slot;
}

/* Of the oldest few by recency, one that was not hit. */
static uint32_t s3_evict_lru_unproven(struct cache_s3 *s3)
{
    uint32_t slot = s3->queues[CACHE_S3_SMALL].oldest;
    for (int i = 0; i < S3_UNPROVEN_LOOKS && slot != CACHE_NO_SLOT; i++) {
        if (s3->entries[slot].frequency == 0) {
            s3_take(s3, slot);
            s3_remember(s3, slot);
            return slot;
        }
        slot = s3->links.at[slot].newer;
    }
    return CACHE_NO_SLOT;
}

uint32_t cache__s3_evict_unproven(struct cache_s3 *s3)
{
    return s3_is_lru(s3) ? s3_evict_lru_unproven(s3) : s3_evict_small(s3);
}
