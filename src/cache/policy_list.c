/* cache/policy_list.c - one queue, the oldest leaves: fifo. When a hit makes an entry the newest
 * again: lru. */
#include "base/mem.h"
#include "cache/policy_private.h"

struct list {
    struct cache_policy policy;
    struct cache_links links;
    struct cache_queue queue;
};

static struct list *list_of(struct cache_policy *policy)
{
    return (struct list *)policy;
}

static struct cache_policy *list_new(const struct cache_policy_ops *ops)
{
    struct list *list = mem_zero(1, sizeof *list);
    list->policy.ops = ops;
    cache__queue_init(&list->queue);
    return &list->policy;
}

static struct cache_policy *lru_new(uint64_t bytes_max, struct cache_policy *leader)
{
    (void)bytes_max;
    (void)leader;
    return list_new(&cache_policy_lru);
}

static struct cache_policy *fifo_new(uint64_t bytes_max, struct cache_policy *leader)
{
    (void)bytes_max;
    (void)leader;
    return list_new(&cache_policy_fifo);
}

static void list_free(struct cache_policy *policy)
{
    cache__links_close(&list_of(policy)->links);
    mem_free(policy);
}

static void list_add(struct cache_policy *policy, const struct cache_policy_entry *entry)
{
    struct list *list = list_of(policy);
    cache__links_reserve(&list->links, entry->slot);
    cache__queue_push(&list->links, &list->queue, entry->slot);
}

static void lru_hit(struct cache_policy *policy, uint32_t slot)
{
    struct list *list = list_of(policy);
    cache__queue_take(&list->links, &list->queue, slot);
    cache__queue_push(&list->links, &list->queue, slot);
}

static void fifo_hit(struct cache_policy *policy, uint32_t slot)
{
    (void)policy;
    (void)slot;
}

static void list_remove(struct cache_policy *policy, uint32_t slot)
{
    cache__queue_take(&list_of(policy)->links, &list_of(policy)->queue, slot);
}

static void list_move(struct cache_policy *policy, uint32_t from, uint32_t to)
{
    cache__queue_move(&list_of(policy)->links, &list_of(policy)->queue, from, to);
}

static void list_trim(struct cache_policy *policy, uint32_t cap)
{
    cache__links_trim(&list_of(policy)->links, cap);
}

static uint64_t list_bytes(const struct cache_policy *policy)
{
    const struct list *list = (const struct list *)policy;
    return sizeof *list + list->links.cap * sizeof *list->links.at;
}

static uint32_t list_evict(struct cache_policy *policy)
{
    uint32_t slot = list_of(policy)->queue.oldest;
    if (slot != CACHE_NO_SLOT) {
        list_remove(policy, slot);
    }
    return slot;
}

const struct cache_policy_ops cache_policy_lru = {
    .name = "lru",
    .new = lru_new,
    .free = list_free,
    .add = list_add,
    .hit = lru_hit,
    .remove = list_remove,
    .move = list_move,
    .trim = list_trim,
    .bytes = list_bytes,
    .evict = list_evict,
    .resize = cache__policy_resize,
};

const struct cache_policy_ops cache_policy_fifo = {
    .name = "fifo",
    .new = fifo_new,
    .free = list_free,
    .add = list_add,
    .hit = fifo_hit,
    .remove = list_remove,
    .move = list_move,
    .trim = list_trim,
    .bytes = list_bytes,
    .evict = list_evict,
    .resize = cache__policy_resize,
};
