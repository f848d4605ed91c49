/* cache/memory.h - one shard of the first level: keys and values in memory, within a bound.
 *
 * Invariant   what a get finds is what the last put of that key brought, unless a remove came
 *             after it. Any put may evict any entry; the bytes held stay within the bound.
 * Thread      one at a time; a pin may be released by any.
 * Memory      copies keys and values; a pin holds the segment its value is in, and keeps it valid
 *             after eviction.
 * Errors      none: a value too large for the shard is not kept.
 */
#ifndef CACHE_MEMORY_H
#define CACHE_MEMORY_H

#include "cache/policy.h"
#include "cache/segment.h"
#include "cache/tally.h"
#include "store/kv.h"

/* A key, and what the caller knows of it already. */
struct cache_key {
    struct slice bytes;
    uint64_t hash;
};

enum cache_found {
    CACHE_MISS,
    CACHE_HIT,
    CACHE_ABSENT,
    CACHE_HIT_SEQUENCE, /* the first of a key that such a guess brought */
    CACHE_HIT_PAIR,
};

struct cache_memory_slot {
    uint64_t hash;
    struct cache_segment *segment; /* NULL: free */
    uint32_t offset : 29;
    uint32_t ahead : 2;  /* enum cache_guess_kind: brought it, and nobody has asked for it yet */
    uint32_t reused : 1; /* was hit again, or came as one that had been */
    uint32_t next;       /* in its bucket, or in the list of free ones */
};

/* A value that the policy lets go. */
struct cache_leaver {
    uint64_t hash;
    struct slice key;
    struct slice value;
    bool reused;
};

/* What becomes of it: called before it is gone; may not touch this memory. */
typedef void (*cache_leave_cb)(void *context, const struct cache_leaver *leaver);

struct cache_memory {
    struct cache_log log;
    struct cache_policy *policy;
    uint64_t bytes_max;
    uint32_t *buckets;
    struct cache_memory_slot *slots;
    uint32_t slots_cap;     /* a power of two: so many slots, and buckets when all are split */
    uint32_t slots_held;    /* there is memory for so many slots and buckets, at least half */
    uint32_t buckets_count; /* split, at least half: the others are part of those below */
    uint32_t free;          /* the first in the list of free slots */
    uint32_t listed;        /* of the slots before this one all that are free are in the list */
    uint32_t half;          /* the slots that stay when it shrinks; 0: it does not */
    uint32_t moved;         /* all from there to this one are free */
    uint64_t shrinks;       /* of the table, to half */
    uint64_t count;
    uint64_t moves;         /* entries moved out of sparse segments */
    uint64_t killed_before; /* log.killed at the last look */
    cache_leave_cb leave;
    void *context;
    struct cache_tally tally;
};

struct cache_memory_options {
    const struct cache_policy_ops *policy;
    struct memory_pages *pages; /* where its memory comes from; outlives pins too */
    uint64_t bytes_max;
    uint32_t pages_kind;         /* of the regions */
    struct cache_policy *leader; /* of the policy; NULL: none */
    cache_leave_cb leave;        /* NULL: nobody cares. Not for what expires */
    void *context;
};

void cache_memory_init(struct cache_memory *memory, const struct cache_memory_options *options);
void cache_memory_close(struct cache_memory *memory);

/* Another bound: cache_memory_fit, and puts, let go of what is too much. */
void cache_memory_set_bound(struct cache_memory *memory, uint64_t bytes_max);

/* `now_s` on the clock that expiries are on. The pin is set by hits only. */
enum cache_found cache_memory_get(struct cache_memory *memory, const struct cache_key *key,
                                  uint32_t now_s, struct store_pin *ret_pin);
/* Of what nobody has asked for nothing is kept that takes the place of what was asked for again. */
void cache_memory_put(struct cache_memory *memory, const struct cache_key *key,
                      const struct cache_item *item);
bool cache_memory_has(struct cache_memory *memory, const struct cache_key *key);
/* It has changed. True when it was there. */
bool cache_memory_remove(struct cache_memory *memory, const struct cache_key *key);
/* Every key of a collection. */
void cache_memory_drop(struct cache_memory *memory, uint32_t collection);

/* Evict some entries, or empty a segment, when more than the bound is held; false: it is not, or
 * nobody may leave. */
bool cache_memory_fit(struct cache_memory *memory);

/* Move what lives in a segment to the end of the log, if so much of it is dead at least: one whose
 * emptying gains most. False: there is none. */
bool cache_memory_close_up(struct cache_memory *memory, uint32_t percent);

/* Has little died since the last call? While much does, holes grow by themselves, and closing them
 * up is cheaper later. */
bool cache_memory_is_calm(struct cache_memory *memory);

/* One step of making the tables smaller; false: they are as large as they should be. */
bool cache_memory_shrink(struct cache_memory *memory);
/* Is much of the tables unused? */
bool cache_memory_is_wide(const struct cache_memory *memory);
/* Bytes of the tables. */
uint64_t cache_memory_tables(const struct cache_memory *memory);

/* Let go the entry that the policy names; false when there is none. */
bool cache_memory_evict(struct cache_memory *memory);

/* Bytes held: segments and tables. */
uint64_t cache_memory_bytes(const struct cache_memory *memory);

#endif
