/* cache/policy_random.c - anyone leaves, all with the same chance.
 *
 * The slots stand in an array without holes; the last one fills the place of one that goes. The
 * numbers come from a generator (splitmix64) that always starts the same. */
#include "base/mem.h"
#include "cache/policy_private.h"

struct chance {
    struct cache_policy policy;
    uint64_t state;
    uint32_t *slots;  /* those known, in any order */
    uint32_t *places; /* by slot: where it stands in slots */
    uint32_t count;
    uint32_t cap;
};

static struct chance *chance_of(struct cache_policy *policy)
{
    return (struct chance *)policy;
}

static struct cache_policy *chance_new(uint64_t bytes_max, struct cache_policy *leader)
{
    (void)bytes_max;
    (void)leader;
    struct chance *chance = mem_zero(1, sizeof *chance);
    chance->policy.ops = &cache_policy_random;
    return &chance->policy;
}

static void chance_resize(struct chance *chance, uint32_t cap)
{
    size_t old = chance->cap * sizeof *chance->slots;
    size_t size = cap * sizeof *chance->slots;
    chance->cap = cap;
    chance->slots = mem_resize(chance->slots, old, size);
    chance->places = mem_resize(chance->places, old, size);
}

static void chance_free(struct cache_policy *policy)
{
    chance_resize(chance_of(policy), 0);
    mem_free(policy);
}

static void chance_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct chance *chance = chance_of(policy);
    if (entry->slot >= chance->cap) {
        chance_resize(chance, cache__policy_cap(entry->slot));
    }
    chance->places[entry->slot] = chance->count;
    chance->slots[chance->count++] = entry->slot;
}

static void chance_hit(struct cache_policy *policy, uint32_t slot)
{
    (void)policy;
    (void)slot;
}

static void chance_remove(struct cache_policy *policy, uint32_t slot)
{
    struct chance *chance = chance_of(policy);
    uint32_t last = chance->slots[--chance->count];
    chance->slots[chance->places[slot]] = last;
    chance->places[last] = chance->places[slot];
}

static void chance_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    struct chance *chance = chance_of(policy);
    chance->places[to] = chance->places[from];
    chance->slots[chance->places[to]] = to;
}

static void chance_trim(struct cache_policy *policy, uint32_t cap)
{
    struct chance *chance = chance_of(policy);
    if (cap < chance->cap) {
        chance_resize(chance, cap);
    }
}

static uint64_t chance_bytes(const struct cache_policy *policy)
{
    const struct chance *chance = (const struct chance *)policy;
    return sizeof *chance + chance->cap * (sizeof *chance->slots + sizeof *chance->places);
}

static uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t chance_evict(struct cache_policy *policy)
{
    struct chance *chance = chance_of(policy);
    if (chance->count == 0) {
        return CACHE_NO_SLOT;
    }
    uint32_t place = (uint32_t)((chance_next(chance) >> 32) * chance->count >> 32);
    uint32_t slot = chance->slots[place];
    chance_remove(policy, slot);
    return slot;
}

const struct cache_policy_ops cache_policy_random = {
    .name = "random",
    .new = chance_new,
    .free = chance_free,
    .add = chance_add,
    .hit = chance_hit,
    .remove = chance_remove,
    .move = chance_move,
    .trim = chance_trim,
    .bytes = chance_bytes,
    .evict = chance_evict,
    .resize = cache__policy_resize,
};
