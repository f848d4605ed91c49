/* cache/ahead_private.h - guesses that wait for somebody to carry them out.
 *
 * Invariant   a guess that was taken or refused is answered to the recorder, once.
 * Thread      any.
 * Memory      the cache's.
 * Errors      none.
 */
#ifndef CACHE_AHEAD_PRIVATE_H
#define CACHE_AHEAD_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/foresee.h"

struct cache_options;

enum { CACHE_GUESSES_WAITING = 8 };

struct cache_ahead {
    pthread_mutex_t lock;                              /* what follows is under it */
    struct cache_foresee *foresee;                     /* NULL: nothing is brought ahead */
    struct cache_guess waiting[CACHE_GUESSES_WAITING]; /* a ring */
    uint32_t first;
    atomic_uint count; /* written under the lock */
    _Atomic uint64_t guesses;
    _Atomic uint64_t refused;
    uint64_t bytes; /* of the recorder: they are taken out of the common space */
};

void cache__ahead_open(struct cache_ahead *ahead, const struct cache_options *options);
void cache__ahead_close(struct cache_ahead *ahead);

#endif
