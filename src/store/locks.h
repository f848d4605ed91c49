/* store/locks.h - keys that were written and not yet logged: whose are they?
 *
 * Invariant   a key has one holder at most.
 * Thread      the shard's owner only.
 * Memory      copies keys; a holder belongs to the caller, and lets go of its keys before it ends.
 * Errors      none.
 */
#ifndef STORE_LOCKS_H
#define STORE_LOCKS_H

#include <stdbool.h>

#include "base/slice.h"

struct store_lock;

struct store_locks_holder {
    struct store_lock *first; /* NULL: it holds nothing */
};

struct store_locks {
    struct store_lock **slots;
    size_t slots_count; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

void store_locks_init(struct store_locks *locks);
/* All holders have let go. */
void store_locks_close(struct store_locks *locks);

/* Who has the key; NULL: nobody. */
struct store_locks_holder *store_locks_find(const struct store_locks *locks, struct slice key);

/* Nobody has the key: now `holder` does. */
void store_locks_take(struct store_locks *locks, struct slice key,
                      struct store_locks_holder *holder);

/* Let go of all that `holder` has. */
void store_locks_release(struct store_locks *locks, struct store_locks_holder *holder);

#endif
