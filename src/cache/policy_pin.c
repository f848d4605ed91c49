/* cache/policy_pin.c - nobody leaves: what does not fit is not let in. */
#include "base/mem.h"
#include "cache/policy_private.h"

static struct cache_policy *pin_new(uint64_t bytes_max, struct cache_policy *leader)
{
    struct cache_policy *policy = mem_zero(1, sizeof *policy);
    (void)bytes_max;
    (void)leader;
    policy->ops = &cache_policy_pin;
    return policy;
}

static void pin_free(struct cache_policy *policy)
{
    mem_free(policy);
}

static void pin_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    (void)policy;
    (void)entry;
}

static void pin_touch(struct cache_policy *policy, uint32_t slot)
{
    (void)policy;
    (void)slot;
}

static void pin_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    (void)policy;
    (void)from;
    (void)to;
}

static uint64_t pin_bytes(const struct cache_policy *policy)
{
    return sizeof *policy;
}

static uint32_t pin_evict(struct cache_policy *policy)
{
    (void)policy;
    return CACHE_NO_SLOT;
}

const struct cache_policy_ops cache_policy_pin = {
    .name = "pin",
    .new = pin_new,
    .free = pin_free,
    .add = pin_add,
    .hit = pin_touch,
    .remove = pin_touch,
    .move = pin_move,
    .trim = pin_touch,
    .bytes = pin_bytes,
    .evict = pin_evict,
    .resize = cache__policy_resize,
};
