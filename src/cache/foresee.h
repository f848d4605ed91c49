/* cache/foresee.h - which keys will be asked for next, by those that were missed before.
 *
 *   miss, first use of a guess ──> streams: keys that go up or down ──> "as many that follow"
 *                          └─────> pairs: keys that came soon after one another ──> "these too"
 *                                     └── a gate for each collection and kind: do guesses pay?
 *
 * Invariant   the same calls give the same guesses: no clock, no randomness. A gate that is shut
 *             lets a few guesses through now and then, the more seldom the more often they were in
 *             vain, and opens when they were not.
 * Thread      one at a time.
 * Memory      all of it is taken at the start: cache_foresee_bytes.
 * Errors      none: keys longer than CACHE_FORESEE_KEY_MAX are passed over.
 */
#ifndef CACHE_FORESEE_H
#define CACHE_FORESEE_H

#include <stdbool.h>

#include "base/slice.h"

enum {
    CACHE_FORESEE_KEY_MAX = 31,
    CACHE_FORESEE_COLLECTIONS = 32, /* have gates of their own; later ones share the last */
    CACHE_GUESS_KEYS = 3,
};

enum cache_guess_kind { CACHE_GUESS_NONE, CACHE_GUESS_SEQUENCE, CACHE_GUESS_PAIR, CACHE_GUESSES };

struct cache_foresee_key {
    uint8_t len; /* 0: no key */
    uint8_t bytes[CACHE_FORESEE_KEY_MAX];
};

static inline struct slice cache_foresee_slice(const struct cache_foresee_key *key)
{
    return slice_of(key->bytes, key->len);
}

/* What to fetch. It is to be answered by cache_foresee_done. */
struct cache_guess {
    enum cache_guess_kind kind;
    bool backward;
    uint32_t count; /* SEQUENCE: records next to keys[0]; PAIR: keys */
    uint32_t stream;
    uint32_t serial;
    uint32_t collection;
    struct cache_foresee_key keys[CACHE_GUESS_KEYS];
};

struct cache_foresee;

/* Room to remember so many keys (a power of two). */
struct cache_foresee *cache_foresee_new(uint32_t keys);
void cache_foresee_free(struct cache_foresee *foresee);
uint64_t cache_foresee_bytes(const struct cache_foresee *foresee);

/* A read of the key, which begins with its collection's id, has waited. True: a guess. */
bool cache_foresee_miss(struct cache_foresee *foresee, struct slice key, uint64_t hash,
                        struct cache_guess *ret_guess);
/* The key was fetched by a guess of that kind, and is read now for the first time. */
bool cache_foresee_used(struct cache_foresee *foresee, struct slice key, uint64_t hash,
                        enum cache_guess_kind kind, struct cache_guess *ret_guess);

/* What became of a guess. */
struct cache_guessed {
    uint32_t fetched;   /* keys that were not in memory yet */
    uint64_t mark_hash; /* of the key half-way; with the edge, where something was fetched */
    struct slice edge;  /* the last key that was looked at; empty: nothing follows */
};
void cache_foresee_done(struct cache_foresee *foresee, const struct cache_guess *guess,
                        const struct cache_guessed *guessed);

/* Are guesses of that kind let through, in that collection? */
bool cache_foresee_is_open(const struct cache_foresee *foresee, uint32_t collection,
                           enum cache_guess_kind kind);

#endif
