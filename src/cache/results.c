/* cache/results.c - whole results, kept in the common space under names with a version in them. */
#include <assert.h>

#include "cache/cache_private.h"

bool cache_version(const struct cache *cache, uint32_t collection, uint64_t *ret_version)
{
    return cache_versions_look(&cache->versions, collection, ret_version);
}

/* Among the system's keys, under a tag that none of them has. */
static struct cache_key cache_result_key(const struct cache *cache, struct slice name,
                                         uint8_t bytes[CACHE_RESULT_NAME_MAX + 5])
{
    static const uint8_t tag[5] = {0, 0, 0, 0, 'R'};
    assert(name.len <= CACHE_RESULT_NAME_MAX);
    memcpy(bytes, tag, sizeof tag);
    memcpy(bytes + sizeof tag, name.data, name.len);
    return cache__key(cache, slice_of(bytes, sizeof tag + name.len));
}

bool cache_result_find(struct cache *cache, struct slice name, struct store_pin *ret_pin)
{
    uint8_t bytes[CACHE_RESULT_NAME_MAX + 5];
    struct cache_key key = cache_result_key(cache, name, bytes);
    struct cache_stamp stamp;
    bool found = cache_space_look(&cache->spaces[0], &key, 0, ret_pin, &stamp) == CACHE_HIT;
    atomic_fetch_add_explicit(&cache->result_hits, found, memory_order_relaxed);
    return found;
}

void cache_result_keep(struct cache *cache, struct slice name, struct slice result)
{
    uint8_t bytes[CACHE_RESULT_NAME_MAX + 5];
    struct cache_key key = cache_result_key(cache, name, bytes);
    struct cache_item item = {.value = result};
    uint32_t begun;
    if (cache_space_note(&cache->spaces[0], key.hash, &begun)) {
        struct cache_stamp stamp = {begun, begun};
        cache_space_keep(&cache->spaces[0], &key, &item, stamp);
        atomic_fetch_add_explicit(&cache->results_kept, 1, memory_order_relaxed);
    }
}

struct cache_results_stats cache_results(const struct cache *cache)
{
    return (struct cache_results_stats){cache->result_hits, cache->results_kept};
}
