/* cache/tally.h - what happened to the keys of each collection.
 *
 * Invariant   a collection that has a row keeps it; the first TALLY_ROWS - 1 that come get one, all
 *             later ones share the last.
 * Thread      one at a time.
 * Memory      everything is in the struct.
 * Errors      none.
 */
#ifndef CACHE_TALLY_H
#define CACHE_TALLY_H

#include "base/slice.h"

enum { CACHE_TALLY_ROWS = 32 };

struct cache_counts {
    uint64_t hits;   /* absent ones too */
    uint64_t absent; /* hits that said that the key is not there */
    uint64_t misses;
    uint64_t evictions;
    uint64_t expirations;
    uint64_t invalidations; /* by writes, of what was cached */
    uint64_t ahead;         /* fetched before they were asked for */
    uint64_t ahead_used;    /* of these, hit */
    uint64_t ahead_unused;  /* of these, gone without a hit */
    uint64_t entries;       /* now */
    uint64_t bytes;         /* now, of these */
};

struct cache_tally {
    uint32_t ids[CACHE_TALLY_ROWS]; /* the first four bytes of keys; 0: free */
    struct cache_counts counts[CACHE_TALLY_ROWS];
};

/* The row of the key's collection. */
struct cache_counts *cache_tally_of(struct cache_tally *tally, struct slice key);

/* The collection (or index) of a key. Keys shorter than an id belong to 0. */
uint32_t cache_tally_id(struct slice key);

void cache_counts_add(struct cache_counts *to, const struct cache_counts *from);

#endif
