/* cache/policy_queue.c - doubly linked queues over an array of links. */
#include <assert.h>

#include "base/mem.h"
#include "cache/policy_private.h"

enum { LINKS_MIN = 64 };

uint32_t cache__policy_cap(uint32_t slot)
{
    assert(slot < UINT32_MAX / 2);
    uint32_t cap = LINKS_MIN;
    while (cap <= slot && cap < CACHE_SLOTS_SLICE) {
        cap *= 2;
    }
    return cap > slot ? cap : (slot / CACHE_SLOTS_SLICE + 1) * CACHE_SLOTS_SLICE;
}

static void links_set_cap(struct cache_links *links, uint32_t cap)
{
    links->at = mem_resize(links->at, links->cap * sizeof *links->at, cap * sizeof *links->at);
    links->cap = cap;
}

bool cache__links_reserve(struct cache_links *links, uint32_t slot)
{
    if (slot < links->cap) {
        return false;
    }
    links_set_cap(links, cache__policy_cap(slot));
    return true;
}

bool cache__links_trim(struct cache_links *links, uint32_t cap)
{
    if (cap >= links->cap || cap < LINKS_MIN) {
        return false;
    }
    links_set_cap(links, cap);
    return true;
}

void cache__links_close(struct cache_links *links)
{
    links_set_cap(links, 0);
}

void cache__queue_init(struct cache_queue *queue)
{
    *queue = (struct cache_queue){CACHE_NO_SLOT, CACHE_NO_SLOT, 0};
}

void cache__queue_push(struct cache_links *links, struct cache_queue *queue, uint32_t slot)
{
    links->at[slot] = (struct cache_link){CACHE_NO_SLOT, queue->newest};
    if (queue->newest != CACHE_NO_SLOT) {
        links->at[queue->newest].newer = slot;
    } else {
        queue->oldest = slot;
    }
    queue->newest = slot;
    queue->count++;
}

void cache__queue_move(struct cache_links *links, struct cache_queue *queue, uint32_t from,
                       uint32_t to)
{
    struct cache_link link = links->at[from];
    links->at[to] = link;
    *(link.newer == CACHE_NO_SLOT ? &queue->newest : &links->at[link.newer].older) = to;
    *(link.older == CACHE_NO_SLOT ? &queue->oldest : &links->at[link.older].newer) = to;
}

void cache__queue_take(struct cache_links *links, struct cache_queue *queue, uint32_t slot)
{
    struct cache_link link = links->at[slot];
    if (link.newer != CACHE_NO_SLOT) {
        links->at[link.newer].older = link.older;
    } else {
        assert(queue->newest == slot);
        queue->newest = link.older;
    }
    if (link.older != CACHE_NO_SLOT) {
        links->at[link.older].newer = link.newer;
    } else {
        assert(queue->oldest == slot);
        queue->oldest = link.newer;
    }
    queue->count--;
}

void cache__policy_resize(struct cache_policy *policy, uint64_t bytes_max)
{
    (void)policy;
    (void)bytes_max;
}
