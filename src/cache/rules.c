/* cache/rules.c - a table of words that are read while it is written: the version, which is odd
 * meanwhile and another afterwards, tells a reader that it has seen half of it. */
#include "cache/rules.h"

#include <assert.h>

enum { RULES_ROWS = CACHE_RULES_MAX * 2, RULES_TTL_BITS = 22 };

_Static_assert(CACHE_TTL_MAX_S < 1 << RULES_TTL_BITS, "a lifetime fits into its bits");
_Static_assert(CACHE_SPACES_MAX <= 1 << (32 - RULES_TTL_BITS), "a space fits into its bits");

/* Space and lifetime of a collection; 0 when there is no rule. */
static uint32_t rules_find(const struct cache_rules *rules, uint32_t collection)
{
    for (uint32_t i = 0; i < RULES_ROWS; i++) {
        uint64_t row = atomic_load_explicit(&rules->table[(collection + i) % RULES_ROWS],
                                            memory_order_acquire);
        if (row == 0 || row >> 32 == collection) {
            return (uint32_t)row;
        }
    }
    return 0;
}

struct cache_route cache_rules_route(const struct cache_rules *rules, uint32_t collection)
{
    struct cache_route route = {0};
    do {
        route.version = atomic_load_explicit(&rules->version, memory_order_acquire);
    } while (route.version % 2 != 0);
    if (atomic_load_explicit(&rules->count, memory_order_acquire) > 0) {
        uint32_t found = rules_find(rules, collection);
        route.ttl_s = found & ((1u << RULES_TTL_BITS) - 1);
        route.space = (uint8_t)((found >> RULES_TTL_BITS) % CACHE_SPACES_MAX);
    }
    return route;
}

static void rules_add(struct cache_rules *rules, const struct cache_rule *rule, uint8_t space)
{
    uint32_t at = rule->collection;
    while (atomic_load_explicit(&rules->table[at % RULES_ROWS], memory_order_relaxed) != 0) {
        at++;
    }
    uint64_t row =
        (uint64_t)rule->collection << 32 | (uint64_t)space << RULES_TTL_BITS | rule->ttl_s;
    atomic_store_explicit(&rules->table[at % RULES_ROWS], row, memory_order_release);
}

void cache_rules_set(struct cache_rules *rules, const struct cache_rule *list,
                     const uint8_t *spaces, uint32_t count)
{
    assert(count <= CACHE_RULES_MAX);
    atomic_fetch_add_explicit(&rules->version, 1, memory_order_seq_cst);
    for (uint32_t i = 0; i < RULES_ROWS; i++) {
        atomic_store_explicit(&rules->table[i], 0, memory_order_release);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(list[i].ttl_s <= CACHE_TTL_MAX_S && spaces[i] < CACHE_SPACES_MAX);
        rules_add(rules, &list[i], spaces[i]);
    }
    atomic_store_explicit(&rules->count, count, memory_order_release);
    atomic_fetch_add_explicit(&rules->version, 1, memory_order_seq_cst);
}
