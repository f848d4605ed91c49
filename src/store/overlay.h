/* store/overlay.h - effects that are logged but not yet applied, readable by the next write.
 *
 * Invariant   for every key the overlay has every pending value or tombstone, newest first; what
 *             the engine already applied is not in it.
 * Thread      the shard's owner only.
 * Memory      copies keys and values; the bound is the journal's bound on what is in flight.
 * Errors      none.
 */
#ifndef STORE_OVERLAY_H
#define STORE_OVERLAY_H

#include "store/skip.h"

struct store_overlay_chunk;

/* What one effect does to one key. */
struct store_overlay_node {
    struct slice key;
    struct slice value;
    bool deleted;
    bool covered;    /* a newer one is pending for the key */
    uint64_t index;  /* of its log entry */
    uint64_t serial; /* its place among all */
    uint64_t hash;
    struct store_overlay_node *later;    /* in the order of the log */
    struct store_overlay_node *neighbor; /* in its bucket, unless it is covered */
    struct store_skip_node *sorted;      /* its copy in the order of keys; NULL: not yet */
};

struct store_overlay {
    struct store_overlay_node *first;    /* in the order of the log */
    struct store_overlay_node *last;     /* undefined without a first */
    struct store_overlay_node *unsorted; /* the first that is not in `skip` */
    struct store_overlay_node **buckets; /* by key */
    size_t buckets_count;                /* a power of two */
    size_t count;
    uint64_t serial; /* of the newest node */
    uint64_t seed;
    struct store_skip skip;            /* copies, versioned by `serial` */
    struct store_overlay_chunk *chunk; /* the oldest that nodes are in; NULL: none */
    struct store_overlay_chunk *newest;
    struct store_overlay_chunk *spare;
    uint32_t spare_count;
    size_t chunk_bytes; /* of the next one */
};

void store_overlay_init(struct store_overlay *overlay);
void store_overlay_close(struct store_overlay *overlay);

/* Remember that log entry `index` sets or deletes `key`. Indexes never go down. */
void store_overlay_put(struct store_overlay *overlay, uint64_t index, struct slice key,
                       struct slice value);
void store_overlay_delete(struct store_overlay *overlay, uint64_t index, struct slice key);

/* Forget what entries up to `index` did: the engine has it. */
void store_overlay_applied(struct store_overlay *overlay, uint64_t index);

/* The pending state of a key, or NULL: ask the engine. */
const struct store_overlay_node *store_overlay_get(const struct store_overlay *overlay,
                                                   struct slice key);

/* Everything in the order of keys; a node lives until its entry is applied. */
struct store_skip *store_overlay_sorted(struct store_overlay *overlay);

#endif
