/* cache/policy_lfu.c - the least often used leaves; among equals the one not used for longest.
 *
 *   group 1 <──> group 4 <──> group 5      each a queue of the entries that were used so often
 *
 * A hit moves an entry to the group of the next frequency, which is its group's neighbour or is
 * made there: constant time. A group lives as long as it has entries, so there are never more than
 * entries and one. */
#include <assert.h>

#include "base/mem.h"
#include "cache/policy_private.h"

enum { LFU_NO_GROUP = UINT32_MAX };

struct lfu_group {
    struct cache_queue queue;
    uint32_t more; /* the neighbours in order of frequency; more: also the list of free ones */
    uint32_t less;
    uint64_t frequency;
};

struct lfu {
    struct cache_policy policy;
    struct cache_links links;
    uint32_t *group_of; /* by slot */
    struct lfu_group *groups;
    uint32_t groups_cap;   /* at least one more than links */
    uint32_t groups_count; /* ever used; the rest is untouched */
    uint32_t free;
    uint32_t least;
};

static struct lfu *lfu_of(struct cache_policy *policy)
{
    return (struct lfu *)policy;
}

/* ---- groups ---- */

/* The group of `frequency` that stands after `less`; made if it is not there. */
static uint32_t lfu_group_after(struct lfu *lfu, uint32_t less, uint64_t frequency)
{
    uint32_t more = less == LFU_NO_GROUP ? lfu->least : lfu->groups[less].more;
    if (more != LFU_NO_GROUP && lfu->groups[more].frequency == frequency) {
        return more;
    }
    uint32_t made = lfu->free;
    if (made != LFU_NO_GROUP) {
        lfu->free = lfu->groups[made].more;
    } else {
        made = lfu->groups_count++;
        assert(made < lfu->groups_cap);
    }
    struct lfu_group *group = &lfu->groups[made];
    *group = (struct lfu_group){.more = more, .less = less, .frequency = frequency};
    cache__queue_init(&group->queue);
    *(less == LFU_NO_GROUP ? &lfu->least : &lfu->groups[less].more) = made;
    if (more != LFU_NO_GROUP) {
        lfu->groups[more].less = made;
    }
    return made;
}

static void lfu_enter(struct lfu *lfu, uint32_t slot, uint32_t group)
{
    lfu->group_of[slot] = group;
    cache__queue_push(&lfu->links, &lfu->groups[group].queue, slot);
}

/* Take an entry out of its group, and the group away if it was the last. */
static void lfu_leave(struct lfu *lfu, uint32_t slot)
{
    uint32_t index = lfu->group_of[slot];
    struct lfu_group *group = &lfu->groups[index];
    cache__queue_take(&lfu->links, &group->queue, slot);
    if (group->queue.count > 0) {
        return;
    }
    *(group->less == LFU_NO_GROUP ? &lfu->least : &lfu->groups[group->less].more) = group->more;
    if (group->more != LFU_NO_GROUP) {
        lfu->groups[group->more].less = group->less;
    }
    group->more = lfu->free;
    lfu->free = index;
}

/* ---- the policy ---- */

static struct cache_policy *lfu_new(uint64_t bytes_max, struct cache_policy *leader)
{
    (void)bytes_max;
    (void)leader;
    struct lfu *lfu = mem_zero(1, sizeof *lfu);
    lfu->policy.ops = &cache_policy_lfu;
    lfu->free = lfu->least = LFU_NO_GROUP;
    return &lfu->policy;
}

static void lfu_free(struct cache_policy *policy)
{
    struct lfu *lfu = lfu_of(policy);
    mem_resize(lfu->group_of, lfu->links.cap * sizeof *lfu->group_of, 0);
    mem_resize(lfu->groups, lfu->groups_cap * sizeof *lfu->groups, 0);
    cache__links_close(&lfu->links);
    mem_free(lfu);
}

/* As many groups as links and one more, or as many as were ever used. */
static void lfu_follow_links(struct lfu *lfu, size_t old)
{
    size_t cap = lfu->links.cap;
    size_t old_groups = lfu->groups_cap;
    lfu->groups_cap = lfu->groups_count > cap + 1 ? lfu->groups_count : (uint32_t)cap + 1;
    lfu->group_of =
        mem_resize(lfu->group_of, old * sizeof *lfu->group_of, cap * sizeof *lfu->group_of);
    lfu->groups = mem_resize(lfu->groups, old_groups * sizeof *lfu->groups,
                             lfu->groups_cap * sizeof *lfu->groups);
}

static void lfu_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct lfu *lfu = lfu_of(policy);
    uint32_t old = lfu->links.cap;
    if (cache__links_reserve(&lfu->links, entry->slot)) {
        lfu_follow_links(lfu, old);
    }
    lfu_enter(lfu, entry->slot, lfu_group_after(lfu, LFU_NO_GROUP, 1));
}

static void lfu_hit(struct cache_policy *policy, uint32_t slot)
{
    struct lfu *lfu = lfu_of(policy);
    uint32_t group = lfu->group_of[slot];
    uint32_t next = lfu_group_after(lfu, group, lfu->groups[group].frequency + 1);
    lfu_leave(lfu, slot);
    lfu_enter(lfu, slot, next);
}

static void lfu_remove(struct cache_policy *policy, uint32_t slot)
{
    lfu_leave(lfu_of(policy), slot);
}

static void lfu_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    struct lfu *lfu = lfu_of(policy);
    lfu->group_of[to] = lfu->group_of[from];
    cache__queue_move(&lfu->links, &lfu->groups[lfu->group_of[to]].queue, from, to);
}

static void lfu_trim(struct cache_policy *policy, uint32_t cap)
{
    struct lfu *lfu = lfu_of(policy);
    uint32_t old = lfu->links.cap;
    if (cache__links_trim(&lfu->links, cap)) {
        lfu_follow_links(lfu, old);
    }
}

static uint64_t lfu_bytes(const struct cache_policy *policy)
{
    const struct lfu *lfu = (const struct lfu *)policy;
    return sizeof *lfu + lfu->links.cap * (sizeof *lfu->links.at + sizeof *lfu->group_of) +
           lfu->groups_cap * sizeof *lfu->groups;
}

static uint32_t lfu_evict(struct cache_policy *policy)
{
    struct lfu *lfu = lfu_of(policy);
    if (lfu->least == LFU_NO_GROUP) {
        return CACHE_NO_SLOT;
    }
    uint32_t slot = lfu->groups[lfu->least].queue.oldest;
    lfu_leave(lfu, slot);
    return slot;
}

const struct cache_policy_ops cache_policy_lfu = {
    .name = "lfu",
    .new = lfu_new,
    .free = lfu_free,
    .add = lfu_add,
    .hit = lfu_hit,
    .remove = lfu_remove,
    .move = lfu_move,
    .trim = lfu_trim,
    .bytes = lfu_bytes,
    .evict = lfu_evict,
    .resize = cache__policy_resize,
};
