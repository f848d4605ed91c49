/* cache/rules.h - which collections are cached in another way than the rest.
 *
 * Invariant   what a reader was told held at the version it was told with; when the version is
 *             another afterwards it must ask again.
 * Thread      any thread reads, without a lock; one changes.
 * Memory      everything is in the struct.
 * Errors      none: rules past CACHE_RULES_MAX are without effect, and the caller says so.
 */
#ifndef CACHE_RULES_H
#define CACHE_RULES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "cache/policy.h"

enum { CACHE_RULES_MAX = 64, CACHE_SPACES_MAX = 16, CACHE_TTL_MAX_S = 30 * 24 * 3600 };

/* How one collection is cached. */
struct cache_rule {
    const struct cache_policy_ops *policy; /* of its own space; NULL: it has none */
    uint64_t quota;                        /* bytes of its own space; 0: it has none */
    uint32_t collection;                   /* its id */
    uint32_t ttl_s;                        /* entries live so long; 0: for ever */
};

/* What a key's collection is told: which space (0: the common one), and how long it lives. */
struct cache_route {
    uint32_t version;
    uint32_t ttl_s;
    uint8_t space;
};

struct cache_rules {
    atomic_uint version; /* odd while the table is being changed */
    atomic_uint count;
    _Atomic uint64_t table[CACHE_RULES_MAX * 2]; /* by id: id | ttl | space; 0: free */
};

struct cache_route cache_rules_route(const struct cache_rules *rules, uint32_t collection);

static inline bool cache_rules_hold(const struct cache_rules *rules, struct cache_route route)
{
    return atomic_load_explicit(&rules->version, memory_order_acquire) == route.version;
}

/* All rules, anew: `spaces` tells the space of each. */
void cache_rules_set(struct cache_rules *rules, const struct cache_rule *list,
                     const uint8_t *spaces, uint32_t count);

#endif
