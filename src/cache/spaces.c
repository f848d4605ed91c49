/* cache/spaces.c - which spaces there are, and how large they may be.
 *
 * Rules change on the applying thread, so never during an apply. First readers are sent the new
 * way, then what was cached the old way is dropped. A reader that was sent the old way and looks
 * too late finds the version changed, and asks again; one that looked in time keeps nothing, since
 * its stamp is no longer true. */
#include <assert.h>

#include "cache/cache_private.h"

enum { CACHE_SPACE_SHARDS = 16 };

static const struct cache_rule *cache_rule_of(const struct cache *cache, uint32_t collection,
                                              uint8_t *ret_space)
{
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        if (cache->rules[i].collection == collection) {
            *ret_space = cache->rule_spaces[i];
            return &cache->rules[i];
        }
    }
    *ret_space = 0;
    return NULL;
}

/* A space that neither an old nor a new rule uses; 0: none. */
static uint8_t cache_free_space(const struct cache *cache, const uint8_t *taken, uint32_t count)
{
    bool used[CACHE_SPACES_MAX] = {true};
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        used[cache->rule_spaces[i]] = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        used[taken[i]] = true;
    }
    uint8_t space = 1;
    while (space < CACHE_SPACES_MAX && used[space]) {
        space++;
    }
    return space < CACHE_SPACES_MAX ? space : 0;
}

/* The part of a space's size that the bound leaves it. */
static uint64_t cache_part(const struct cache *cache, uint64_t size)
{
    double part = (double)cache->bound / (double)cache->options.bytes_max;
    return (uint64_t)((double)size * part);
}

/* With bounds_lock. */
static void cache_set_size(struct cache *cache, uint8_t space, uint64_t size)
{
    cache->sizes[space] = size;
    cache_space_resize(&cache->spaces[space], cache_part(cache, size));
}

static void cache_make_space(struct cache *cache, uint8_t space, const struct cache_rule *rule)
{
    struct cache_memory_options options = {
        .policy = rule->policy, .pages = cache->pages, .bytes_max = rule->quota};
    pthread_mutex_lock(&cache->bounds_lock);
    if (space < cache->spaces_count) {
        cache_space_reset(&cache->spaces[space], &options);
    } else {
        assert(space == cache->spaces_count);
        cache_space_init(&cache->spaces[space], &options, CACHE_SPACE_SHARDS);
        cache->spaces_count++;
    }
    cache_set_size(cache, space, rule->quota);
    pthread_mutex_unlock(&cache->bounds_lock);
}

/* Where each rule's collection is kept; the common space when there is no more room for others.
 * Returns the bytes of those that are not the common one. */
static uint64_t cache_place_rules(struct cache *cache, const struct cache_rule *list,
                                  uint32_t count, uint8_t *ret_spaces)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t space;
        const struct cache_rule *old = cache_rule_of(cache, list[i].collection, &space);
        bool same = old != NULL && old->quota == list[i].quota && old->policy == list[i].policy;
        bool fits = list[i].quota > 0 &&
                    bytes + list[i].quota <= cache->options.bytes_max / CACHE_QUOTAS_PART;
        ret_spaces[i] = 0;
        if (fits && same && space != 0) {
            ret_spaces[i] = space;
        } else if (fits) {
            ret_spaces[i] = cache_free_space(cache, ret_spaces, i);
        }
        if (ret_spaces[i] != 0 && ret_spaces[i] != space) {
            cache_make_space(cache, ret_spaces[i], &list[i]);
        }
        bytes += ret_spaces[i] == 0 ? 0 : list[i].quota;
    }
    return bytes;
}

/* What was cached of a collection under another rule goes. */
static void cache_forget(struct cache *cache, uint32_t collection, struct cache_route old)
{
    struct cache_route now = cache_rules_route(&cache->routes, collection);
    if (now.space != old.space || now.ttl_s != old.ttl_s) {
        cache_space_drop(&cache->spaces[old.space], collection);
    }
}

void cache_set_rules(struct cache *cache, const struct cache_rule *list, uint32_t count)
{
    uint8_t spaces[CACHE_RULES_MAX];
    struct cache_route old[CACHE_RULES_MAX * 2];
    uint32_t touched[CACHE_RULES_MAX * 2];
    uint32_t touched_count = 0;
    count = count < CACHE_RULES_MAX ? count : CACHE_RULES_MAX;
    if (count == cache->rules_count &&
        (count == 0 || memcmp(list, cache->rules, count * sizeof *list) == 0)) {
        return;
    }
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        touched[touched_count++] = cache->rules[i].collection;
    }
    for (uint32_t i = 0; i < count; i++) {
        touched[touched_count++] = list[i].collection;
    }
    for (uint32_t i = 0; i < touched_count; i++) {
        old[i] = cache_rules_route(&cache->routes, touched[i]);
    }
    uint64_t quotas = cache_place_rules(cache, list, count, spaces);
    cache_rules_set(&cache->routes, list, spaces, count);
    for (uint32_t i = 0; i < count; i++) {
        cache->rules[i] = list[i];
        cache->rule_spaces[i] = spaces[i];
    }
    cache->rules_count = count;
    for (uint32_t i = 0; i < touched_count; i++) {
        cache_forget(cache, touched[i], old[i]);
    }
    pthread_mutex_lock(&cache->bounds_lock);
    cache_set_size(cache, 0, cache->options.bytes_max - cache->ahead.bytes - quotas);
    pthread_mutex_unlock(&cache->bounds_lock);
}

uint64_t cache_set_bound(struct cache *cache, uint64_t bytes)
{
    pthread_mutex_lock(&cache->bounds_lock);
    cache->bound = bytes < cache->options.bytes_max ? bytes : cache->options.bytes_max;
    for (uint8_t i = 0; i < cache->spaces_count; i++) {
        cache_set_size(cache, i, cache->sizes[i]);
    }
    bytes = cache->bound;
    pthread_mutex_unlock(&cache->bounds_lock);
    return bytes;
}
