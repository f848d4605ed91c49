/* cache/foresee.c - what is missed or used goes to streams and pairs; gates hear of it, and let
 * guesses through. */
#include "cache/foresee.h"

#include <assert.h>

#include "base/mem.h"
#include "cache/foresee_private.h"
#include "store/keys.h"

struct cache_foresee {
    uint32_t collections[CACHE_FORESEE_COLLECTIONS]; /* ids; 0: free */
    struct cache_gate gates[CACHE_FORESEE_COLLECTIONS][CACHE_GUESSES];
    struct cache_streams streams;
    struct cache_pairs *pairs;
};

struct cache_foresee *cache_foresee_new(uint32_t keys)
{
    assert(keys >= 4 && (keys & (keys - 1)) == 0);
    struct cache_foresee *foresee = mem_zero(1, sizeof *foresee);
    foresee->pairs = cache__pairs_new(keys);
    return foresee;
}

void cache_foresee_free(struct cache_foresee *foresee)
{
    if (foresee != NULL) {
        cache__pairs_free(foresee->pairs);
        mem_free(foresee);
    }
}

uint64_t cache_foresee_bytes(const struct cache_foresee *foresee)
{
    return sizeof *foresee + cache__pairs_bytes(foresee->pairs);
}

/* The row of a collection: its own, the first free one, or the last, which is shared. */
static uint32_t foresee_row(const struct cache_foresee *foresee, uint32_t collection)
{
    uint32_t row = 0;
    while (row < CACHE_FORESEE_COLLECTIONS - 1 && foresee->collections[row] != 0 &&
           foresee->collections[row] != collection) {
        row++;
    }
    return row;
}

static struct cache_gate *foresee_gates(struct cache_foresee *foresee, uint32_t collection)
{
    uint32_t row = foresee_row(foresee, collection);
    if (foresee->collections[row] == 0) {
        foresee->collections[row] = collection;
    }
    return foresee->gates[row];
}

bool cache_foresee_is_open(const struct cache_foresee *foresee, uint32_t collection,
                           enum cache_guess_kind kind)
{
    return foresee->gates[foresee_row(foresee, collection)][kind].wait == 0;
}

static struct cache_foreseen foresee_seen(struct slice key, uint64_t hash)
{
    return (struct cache_foreseen){key, hash, store_key_load_id(key.data)};
}

static bool foresee_knows(struct slice key)
{
    return key.len > 4 && key.len <= CACHE_FORESEE_KEY_MAX;
}

/* Give the guess out if it comes through. One that does not is as one that found nothing. */
static bool foresee_pass(struct cache_foresee *foresee, struct cache_gate *gates,
                         const struct cache_guess *guess, struct cache_guess *ret_guess)
{
    static const struct cache_guessed nothing;
    bool pass = cache__gate_pass(&gates[guess->kind], guess->kind);
    if (pass) {
        *ret_guess = *guess;
    } else {
        cache_foresee_done(foresee, guess, &nothing);
    }
    return pass;
}

bool cache_foresee_miss(struct cache_foresee *foresee, struct slice key, uint64_t hash,
                        struct cache_guess *ret_guess)
{
    if (!foresee_knows(key)) {
        return false;
    }
    struct cache_foreseen seen = foresee_seen(key, hash);
    struct cache_gate *gates = foresee_gates(foresee, seen.collection);
    struct cache_guess guess;
    cache__gate_tick(&gates[CACHE_GUESS_SEQUENCE]);
    cache__gate_tick(&gates[CACHE_GUESS_PAIR]);
    bool paired = cache__pairs_seen(foresee->pairs, &seen, &guess);
    guess.collection = seen.collection;
    struct cache_guess ahead;
    return (cache__streams_miss(&foresee->streams, &seen, &ahead) &&
            foresee_pass(foresee, gates, &ahead, ret_guess)) ||
           (paired && foresee_pass(foresee, gates, &guess, ret_guess));
}

bool cache_foresee_used(struct cache_foresee *foresee, struct slice key, uint64_t hash,
                        enum cache_guess_kind kind, struct cache_guess *ret_guess)
{
    if (!foresee_knows(key)) {
        return false;
    }
    struct cache_foreseen seen = foresee_seen(key, hash);
    struct cache_gate *gates = foresee_gates(foresee, seen.collection);
    struct cache_guess guess;
    cache__gate_used(&gates[kind]);
    bool guessed = kind == CACHE_GUESS_SEQUENCE
                       ? cache__streams_used(&foresee->streams, &seen, &guess)
                       : cache__pairs_seen(foresee->pairs, &seen, &guess);
    guess.collection = seen.collection;
    return guessed && foresee_pass(foresee, gates, &guess, ret_guess);
}

void cache_foresee_done(struct cache_foresee *foresee, const struct cache_guess *guess,
                        const struct cache_guessed *guessed)
{
    struct cache_gate *gates = foresee_gates(foresee, guess->collection);
    cache__gate_issued(&gates[guess->kind], guessed->fetched);
    if (guess->kind == CACHE_GUESS_SEQUENCE) {
        cache__streams_done(&foresee->streams, guess, guessed);
    }
}
