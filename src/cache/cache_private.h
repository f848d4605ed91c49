/* cache/cache_private.h - the cache's parts, shared by its files.
 *
 * Invariant   as cache/cache.h.
 * Thread      as noted at each member.
 * Memory      the cache's.
 * Errors      none.
 */
#ifndef CACHE_CACHE_PRIVATE_H
#define CACHE_CACHE_PRIVATE_H

#include <pthread.h>

#include "base/buf.h"
#include "cache/ahead_private.h"
#include "cache/cache.h"

/* Nobody comes any more when it is not open: what memory has too much of is dropped, the rest is
 * written. */
enum cache_closing { CACHE_OPEN, CACHE_DROPPING, CACHE_LEAVING };

struct cache {
    struct store_kv kv;
    struct store_kv *engine;
    struct cache_options options;
    uint64_t started_us;
    struct memory_pages *pages;
    struct cache_sample *sample;
    struct cache_rules routes;
    struct cache_space spaces[CACHE_SPACES_MAX]; /* the common one first */
    atomic_uint spaces_count;                    /* that were made; they stay */
    pthread_mutex_t bounds_lock;
    _Atomic uint64_t bound;           /* written under it: bytes_max, or less */
    uint64_t sizes[CACHE_SPACES_MAX]; /* under it: of the spaces, of bytes_max */
    /* ---- the applying thread's ---- */
    struct cache_rule rules[CACHE_RULES_MAX]; /* in force */
    uint8_t rule_spaces[CACHE_RULES_MAX];
    uint32_t rules_count;
    struct buf changes; /* of struct cache_change */
    /* ---- whole results ---- */
    struct cache_versions versions;
    _Atomic uint64_t result_hits;
    _Atomic uint64_t results_kept;
    struct cache_ahead ahead;
    /* ---- below ---- */
    struct cache_levels *levels; /* NULL: memory is all */
    enum cache_closing closing;
    _Atomic uint64_t promotions;
    _Atomic uint64_t engine_waits;
};

struct cache_key cache__key(const struct cache *cache, struct slice key);
/* What is kept of a record of that route. */
struct cache_item cache__item(const struct cache *cache, struct cache_route route,
                              struct slice value);
/* The first hit of what was brought ahead. */
void cache__ahead_used(struct cache *cache, const struct cache_key *key,
                       enum cache_guess_kind kind);

#endif
