/* sim/ahead.h - what src/cache/foresee.c guesses of a trace, carried out at once.
 *
 * Invariant   a key's neighbours are the keys of the trace whose numbers are next to its own.
 * Thread      one.
 * Memory      ahead_close frees; the trace outlives it.
 * Errors      none.
 */
#ifndef SIM_AHEAD_H
#define SIM_AHEAD_H

#include "cache/foresee.h"
#include "sim/trace.h"

struct ahead {
    const struct trace *trace;
    struct cache_foresee *foresee;
    uint32_t *order; /* keys, by number */
    uint32_t *sizes; /* by key */
    uint64_t fetched[CACHE_GUESSES];
    uint64_t used[CACHE_GUESSES];
};

/* Fetch a key; false: it is cached. */
typedef bool (*ahead_fetch_cb)(void *context, uint32_t key, enum cache_guess_kind kind);

void ahead_open(struct ahead *ahead, const struct trace *trace, uint32_t keys);
void ahead_close(struct ahead *ahead);

void ahead_miss(struct ahead *ahead, uint32_t key, ahead_fetch_cb fetch, void *context);
/* The first use of one that was fetched. */
void ahead_used(struct ahead *ahead, uint32_t key, enum cache_guess_kind kind, ahead_fetch_cb fetch,
                void *context);

#endif
