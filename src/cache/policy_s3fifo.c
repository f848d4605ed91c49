/* cache/policy_s3fifo.c - S3-FIFO as published: its queues with their screws where they were. */
#include "base/mem.h"
#include "cache/policy_s3_private.h"

struct s3fifo {
    struct cache_policy policy;
    struct cache_s3 s3;
};

static struct cache_s3 *s3fifo_of(struct cache_policy *policy)
{
    return &((struct s3fifo *)policy)->s3;
}

static struct cache_policy *s3fifo_new(uint64_t bytes_max, struct cache_policy *leader)
{
    struct s3fifo *s3fifo = mem_zero(1, sizeof *s3fifo);
    (void)leader;
    s3fifo->policy.ops = &cache_policy_s3fifo;
    cache__s3_init(&s3fifo->s3, bytes_max, cache__s3_standard);
    return &s3fifo->policy;
}

static void s3fifo_free(struct cache_policy *policy)
{
    cache__s3_close(s3fifo_of(policy));
    mem_free(policy);
}

static void s3fifo_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    cache__s3_add(s3fifo_of(policy), entry);
}

static void s3fifo_hit(struct cache_policy *policy, uint32_t slot)
{
    cache__s3_hit(s3fifo_of(policy), slot);
}

static void s3fifo_remove(struct cache_policy *policy, uint32_t slot)
{
    cache__s3_remove(s3fifo_of(policy), slot);
}

static void s3fifo_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    cache__s3_move(s3fifo_of(policy), from, to);
}

static void s3fifo_trim(struct cache_policy *policy, uint32_t cap)
{
    cache__s3_trim(s3fifo_of(policy), cap);
}

static uint64_t s3fifo_bytes(const struct cache_policy *policy)
{
    const struct s3fifo *s3fifo = (const struct s3fifo *)policy;
    return sizeof *s3fifo + cache__s3_bytes(&s3fifo->s3);
}

static uint32_t s3fifo_evict(struct cache_policy *policy)
{
    return cache__s3_evict(s3fifo_of(policy));
}

static uint32_t s3fifo_evict_unproven(struct cache_policy *policy)
{
    return cache__s3_evict_unproven(s3fifo_of(policy));
}

static void s3fifo_resize(struct cache_policy *policy, uint64_t bytes_max)
{
    cache__s3_tune(s3fifo_of(policy), bytes_max, cache__s3_standard);
}

const struct cache_policy_ops cache_policy_s3fifo = {
    .name = "s3fifo",
    .new = s3fifo_new,
    .free = s3fifo_free,
    .add = s3fifo_add,
    .hit = s3fifo_hit,
    .remove = s3fifo_remove,
    .move = s3fifo_move,
    .trim = s3fifo_trim,
    .bytes = s3fifo_bytes,
    .evict = s3fifo_evict,
    .evict_unproven = s3fifo_evict_unproven,
    .resize = s3fifo_resize,
};
