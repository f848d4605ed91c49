/* cache/cache.h - the cache of records: an engine in front of another.
 *
 * Invariant   a get without a snapshot gives what the engine behind would give: an apply takes the
 *             keys it changes out before the engine changes, and nothing about them is kept until
 *             it is done. So no read after an acknowledged write sees what was before it.
 *             What leaves memory goes to the levels below, where there are any.
 * Thread      as store/kv.h: any thread reads, one applies.
 * Memory      the cache owns the engine behind it: closing one closes both. Pins hold what they
 *             show. Bytes held stay within the bound, but for what readers hold.
 * Errors      those of the engine behind.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "cache/levels.h"
#include "cache/rules.h"
#include "cache/sample.h"
#include "cache/space.h"
#include "cache/versions.h"
#include "memory/nodes.h"
#include "store/kv.h"

struct cache;

enum {
    CACHE_QUOTA_MIN = 16 << 20, /* bytes of a collection's own space */
    CACHE_QUOTAS_PART = 2,      /* all of them together are at most one of so many parts */
};

struct cache_options {
    uint64_t bytes_max;
    uint64_t seed; /* of the hash: keys are chosen by strangers */
    const struct cache_policy_ops *policy;
    bool huge_pages;
    const struct memory_placement *placement;  /* outlives the cache; NULL: none */
    uint64_t (*clock_us)(void);                /* NULL: clock_mono_us */
    const struct cache_levels_options *levels; /* NULL: memory is all */
    bool ahead; /* bring what will be asked for; what is remembered for that is in bytes_max */
};

/* Takes over `engine`. */
struct cache *cache_new(const struct cache_options *options, struct store_kv *engine);

/* The engine that readers and the owner use. */
struct store_kv *cache_kv(struct cache *cache);

/* How collections are cached from now on, all of them: one that is not listed is as the rest. The
 * thread that applies. A rule that asks for a space when there is no room for it gets none. */
void cache_set_rules(struct cache *cache, const struct cache_rule *list, uint32_t count);

/* The engine has applied what its journal has: the levels may be used. */
void cache_begin(struct cache *cache);

/* What the levels' thread does, where they have none. */
void cache_work(struct cache *cache, uint64_t now_us);

/* ---- whole results: any thread ----
 *
 * What was computed of many records is kept under a name that says of which versions, so a change
 * makes it unfindable and it ages away. */

/* How often a collection, or any (CACHE_ALL_COLLECTIONS), has changed; false: it is changing. */
bool cache_version(const struct cache *cache, uint32_t collection, uint64_t *ret_version);
enum { CACHE_RESULT_NAME_MAX = 48 };
bool cache_result_find(struct cache *cache, struct slice name, struct store_pin *ret_pin);
void cache_result_keep(struct cache *cache, struct slice name, struct slice result);

/* ---- ahead: any thread ----
 *
 * Of the reads that waited it is learnt what will be read next. Somebody who has a thread to spare
 * brings it, before it is asked for. */

/* A read of this key had to wait. */
void cache_missed(struct cache *cache, struct slice key);
/* Is there something to bring? */
bool cache_ahead_waits(const struct cache *cache);
/* Bring some of it. Blocks. 0, or what the engine says. */
int cache_ahead_fetch(struct cache *cache);

/* Hold no more than this, if it is within bytes_max; returns the bound that is now. Each space
 * gives its part; what is too much is evicted by the next walk, and by puts. Any thread. */
uint64_t cache_set_bound(struct cache *cache, uint64_t bytes);

/* ---- tidying ---- */

/* A walk through the cache that evicts what is past a bound that became smaller, closes up holes,
 * and gives free memory back to the system. */
struct cache_tidy {
    bool hurry;     /* also where entries are dying fast, and to the last free page */
    uint32_t space; /* the walk's: zeroes at first */
    struct cache_space_tidy in_space;
};

/* One step: some entries are evicted or moved, under their shard's lock, or one free page goes.
 * False: the walk has ended. One thread at a time. */
bool cache_tidy_step(struct cache *cache, struct cache_tidy *tidy);

/* What is resident of the mapped file is no longer counted as this process's memory; looking there
 * again costs a little more. Any thread. */
void cache_let_go(struct cache *cache);

/* ---- looking: any thread ---- */

/* Sums of counters that go on; of one collection, or of all with id 0. */
struct cache_space_stats cache_stats(struct cache *cache, uint32_t collection);
void cache_sampled(struct cache *cache, struct cache_sample_stats *ret_stats);
/* The bound now, and what it is when memory is not short. */
uint64_t cache_bound(const struct cache *cache);
uint64_t cache_bytes_max(const struct cache *cache);
struct cache_results_stats {
    uint64_t hits;
    uint64_t kept;
};
struct cache_results_stats cache_results(const struct cache *cache);
/* Bytes of segments that lie in regions of a kind of the placement. */
uint64_t cache_bytes_of(const struct cache *cache, uint32_t kind);
/* Bytes of free pages that hold memory all the same. */
uint64_t cache_spare(const struct cache *cache);

struct cache_below_stats {
    uint64_t promotions;   /* entries that came up from a level below memory */
    uint64_t engine_waits; /* reads that were sent to the engine and its disk */
    struct cache_levels_stats levels;
};
/* False: memory is all, and nothing is said of levels. */
bool cache_below(const struct cache *cache, struct cache_below_stats *ret_stats);

struct cache_ahead_stats {
    bool on;
    uint64_t bytes;   /* of what is remembered */
    uint64_t guesses; /* that were carried out */
    uint64_t refused; /* for want of memory, or of somebody who would have */
};
struct cache_ahead_stats cache_ahead_stats(const struct cache *cache);
/* Is what such guesses would bring for a collection brought? Not while they were in vain. */
bool cache_ahead_is_open(struct cache *cache, uint32_t collection, enum cache_guess_kind kind);

/* How a collection is cached. */
struct cache_manner {
    const char *policy;
    bool own;           /* it has a space of its own */
    uint64_t bytes_max; /* of its space */
    uint32_t ttl_s;     /* 0: for ever */
};
struct cache_manner cache_manner_of(const struct cache *cache, uint32_t collection);

#endif
