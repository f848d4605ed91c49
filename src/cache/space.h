/* cache/space.h - a part of the first level with a size and a policy of its own: shards, each with
 * a lock.
 *
 * Invariant   a key that a change touches is not there until the change has ended, and what was
 *             looked up in the engine meanwhile is not kept: a reader that missed gets a stamp, the
 *             count of changes to keys like its own, and keeps what it found only if that count
 *             still holds.
 * Thread      any; changes come from one.
 * Memory      the space owns what it holds, up to its bound; pins hold what they show.
 * Errors      none.
 */
#ifndef CACHE_SPACE_H
#define CACHE_SPACE_H

#include "cache/memory.h"

/* Changes to the keys of one stripe. */
struct cache_stamp {
    uint32_t begun;
    uint32_t ended;
};

struct cache_shard;

struct cache_space {
    _Atomic(const struct cache_policy_ops *) policy;
    _Atomic uint64_t bytes_max;
    uint32_t shards_count; /* a power of two */
    struct cache_shard *shards;
    /* What becomes of a value that the policy lets go, good as of so many changes begun; under its
     * shard's lock. NULL: nothing. */
    void (*leave)(void *context, const struct cache_leaver *leaver, uint32_t begun);
    void *context;
};

/* `shards` is how many at most: a small space has fewer. */
void cache_space_init(struct cache_space *space, const struct cache_memory_options *options,
                      uint32_t shards);
void cache_space_close(struct cache_space *space);

/* Another size; what is too much is evicted by puts and by tidying. */
void cache_space_resize(struct cache_space *space, uint64_t bytes_max);
/* Another size and policy: what was held is gone, and what readers have looked up is not kept. */
void cache_space_reset(struct cache_space *space, const struct cache_memory_options *options);
/* One collection's keys are gone, and what readers have looked up is not kept. */
void cache_space_drop(struct cache_space *space, uint32_t collection);

/* ---- readers ---- */

enum cache_found cache_space_look(struct cache_space *space, const struct cache_key *key,
                                  uint32_t now_s, struct store_pin *ret_pin,
                                  struct cache_stamp *ret_stamp);
/* Is the key not there, and not changing? The stamp is a miss's. Nothing is counted. */
bool cache_space_lacks(struct cache_space *space, const struct cache_key *key,
                       struct cache_stamp *ret_stamp);
/* A key that is absent is kept when it was looked for before. */
void cache_space_keep(struct cache_space *space, const struct cache_key *key,
                      const struct cache_item *item, struct cache_stamp seen);

/* ---- the one that changes ---- */

/* True when the key was there. */
bool cache_space_begin(struct cache_space *space, const struct cache_key *key);
/* `item`: what to hold from now on; NULL: nothing. */
void cache_space_end(struct cache_space *space, const struct cache_key *key,
                     const struct cache_item *item);

/* ---- what lies below ---- */

/* How many changes to keys like this one have begun; false: one is going on. */
bool cache_space_note(struct cache_space *space, uint64_t hash, uint32_t *ret_begun);
/* Do something unless one has begun since, as one step. False: one has. */
bool cache_space_unless_begun(struct cache_space *space, uint64_t hash, uint32_t begun,
                              void (*act)(void *context), void *context);

/* Let entries go until no more than so many bytes of them are left, one entry of each shard after
 * the other: the policies know the order. Nobody else is there any more; no lock is held, so that
 * `leave` may come back. */
void cache_space_drain(struct cache_space *space, uint64_t left_bytes);

/* ---- tidying ---- */

struct cache_space_tidy {
    uint32_t shard; /* the walk's: 0 at first */
    uint32_t percent;
};

/* One step of a walk that evicts what is past the bound, closes up holes and makes tables smaller,
 * with `hurry` also where entries are dying fast: some entries, under their shard's lock. False:
 * the walk has ended. One thread at a time. */
bool cache_space_tidy_step(struct cache_space *space, struct cache_space_tidy *tidy, bool hurry);

/* ---- looking ---- */

struct cache_space_stats {
    struct cache_counts counts;
    uint64_t bytes;   /* held now: entries, holes and tables */
    uint64_t live;    /* of entries */
    uint64_t dead;    /* of entries that left holes */
    uint64_t moves;   /* entries moved to close up memory */
    uint64_t shrinks; /* tables that became half as large */
    uint64_t wide;    /* bytes of tables that could */
};

/* Of one collection the counts alone, or of all with id 0. */
struct cache_space_stats cache_space_stats(const struct cache_space *space, uint32_t collection);

#endif
