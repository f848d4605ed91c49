/* query/hold.h - memory that grows with the data, told to whoever counts it.
 *
 * Invariant   what a hold was last set to is what its counter was told, also after a refusal.
 * Thread      as the run or the read that it belongs to.
 * Memory      a hold allocates nothing; the counter outlives it.
 * Errors      292 past QUERY_STAGE_BYTES_MAX; what the counter refuses passes through.
 */
#ifndef QUERY_HOLD_H
#define QUERY_HOLD_H

#include "base/err.h"

/* Who counts, for a command's context; the room above brings it. Called for each document that is
 * kept: cheap. */
struct query_memory {
    int (*take)(void *owner, uint64_t bytes, struct err *err);
    void (*give)(void *owner, uint64_t bytes);
    void *owner;
};

struct query_hold {
    const struct query_memory *memory; /* NULL: nobody counts */
    uint64_t bytes;
};

/* It is so many bytes now. */
int query_hold_set(struct query_hold *hold, uint64_t bytes, struct err *err);

/* It is nothing any more. */
void query_hold_drop(struct query_hold *hold);

/* Error 292 when `what` holds more than QUERY_STAGE_BYTES_MAX. */
int query_hold_check(const char *what, uint64_t bytes, struct err *err);

#endif
