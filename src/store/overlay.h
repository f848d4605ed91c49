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

struct store_overlay_touch;

struct store_overlay {
    struct store_skip skip;            /* versioned by `serial` */
    uint64_t serial;                   /* of the newest node */
    struct store_overlay_touch *queue; /* nodes in log order: a ring */
    size_t queue_head;
    size_t queue_count;
    size_t queue_cap;
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
const struct store_skip_node *store_overlay_get(struct store_overlay *overlay, struct slice key);

#endif
