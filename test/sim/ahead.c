/* sim/ahead.c - keys are those of one collection: its id, and the number in the trace, big-endian.
 */
#include "sim/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { AHEAD_COLLECTION = 1, AHEAD_KEY = 12 };

/* ---- keys ---- */

static struct slice ahead_key(const struct ahead *ahead, uint32_t key, uint8_t bytes[AHEAD_KEY])
{
    uint64_t number = __builtin_bswap64(ahead->trace->numbers[key]);
    memcpy(bytes, "\0\0\0\1", 4);
    memcpy(bytes + 4, &number, sizeof number);
    return slice_of(bytes, AHEAD_KEY);
}

static uint64_t ahead_number(struct slice key)
{
    uint64_t number;
    memcpy(&number, key.data + 4, sizeof number);
    return __builtin_bswap64(number);
}

/* Where a number is in the order, or would be. */
static uint32_t ahead_rank(const struct ahead *ahead, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = ahead->trace->distinct;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = ahead->trace->numbers[ahead->order[middle]] < number;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

static int ahead_compare(const void *a, const void *b, void *numbers)
{
    uint64_t left = ((const uint64_t *)numbers)[*(const uint32_t *)a];
    uint64_t right = ((const uint64_t *)numbers)[*(const uint32_t *)b];
    return (left > right) - (left < right);
}

void ahead_open(struct ahead *ahead, const struct trace *trace, uint32_t keys)
{
    *ahead = (struct ahead){.trace = trace, .foresee = cache_foresee_new(keys)};
    ahead->order = mem_alloc((trace->distinct + 1) * sizeof *ahead->order);
    ahead->sizes = mem_alloc((trace->distinct + 1) * sizeof *ahead->sizes);
    for (uint32_t i = 0; i < trace->distinct; i++) {
        ahead->order[i] = i;
    }
    for (size_t i = trace->count; i-- > 0;) {
        ahead->sizes[trace->keys[i]] = trace->sizes[i];
    }
    qsort_r(ahead->order, trace->distinct, sizeof *ahead->order, ahead_compare, trace->numbers);
}

void ahead_close(struct ahead *ahead)
{
    cache_foresee_free(ahead->foresee);
    mem_free(ahead->order);
    mem_free(ahead->sizes);
}

/* ---- guesses ---- */

struct ahead_fetcher {
    ahead_fetch_cb fetch;
    void *context;
};

static uint32_t ahead_fetch_pair(struct ahead *ahead, const struct cache_guess *guess,
                                 const struct ahead_fetcher *fetcher)
{
    uint32_t fetched = 0;
    for (uint32_t i = 0; i < guess->count; i++) {
        uint64_t number = ahead_number(cache_foresee_slice(&guess->keys[i]));
        uint32_t key = ahead->order[ahead_rank(ahead, number)];
        fetched += fetcher->fetch(fetcher->context, key, guess->kind);
    }
    return fetched;
}

/* The keys that follow in the order; those that are cached count as looked at. */
static uint32_t ahead_fetch_sequence(struct ahead *ahead, const struct cache_guess *guess,
                                     const struct ahead_fetcher *fetcher, uint32_t *ret_last,
                                     uint64_t *ret_mark)
{
    uint32_t fetched = 0;
    uint32_t at = ahead_rank(ahead, ahead_number(cache_foresee_slice(&guess->keys[0])));
    uint32_t end = guess->backward ? 0 : ahead->trace->distinct - 1;
    for (uint32_t i = 0; i < guess->count && at != end; i++) {
        at = guess->backward ? at - 1 : at + 1;
        *ret_last = ahead->order[at];
        if (fetcher->fetch(fetcher->context, *ret_last, guess->kind)) {
            fetched++;
            *ret_mark = i <= guess->count / 2 || *ret_mark == 0 ? ahead->trace->hashes[*ret_last]
                                                                : *ret_mark;
        }
    }
    return fetched;
}

static void ahead_carry_out(struct ahead *ahead, const struct cache_guess *guess,
                            const struct ahead_fetcher *fetcher)
{
    struct cache_guessed guessed = {0};
    uint8_t bytes[AHEAD_KEY];
    uint32_t last = UINT32_MAX;
    if (guess->kind == CACHE_GUESS_PAIR) {
        guessed.fetched = ahead_fetch_pair(ahead, guess, fetcher);
    } else {
        guessed.fetched = ahead_fetch_sequence(ahead, guess, fetcher, &last, &guessed.mark_hash);
    }
    if (last != UINT32_MAX) {
        guessed.edge = ahead_key(ahead, last, bytes);
    }
    ahead->fetched[guess->kind] += guessed.fetched;
    cache_foresee_done(ahead->foresee, guess, &guessed);
}

void ahead_miss(struct ahead *ahead, uint32_t key, ahead_fetch_cb fetch, void *context)
{
    uint8_t bytes[AHEAD_KEY];
    struct cache_guess guess;
    struct ahead_fetcher fetcher = {fetch, context};
    if (cache_foresee_miss(ahead->foresee, ahead_key(ahead, key, bytes), ahead->trace->hashes[key],
                           &guess)) {
        ahead_carry_out(ahead, &guess, &fetcher);
    }
}

void ahead_used(struct ahead *ahead, uint32_t key, enum cache_guess_kind kind, ahead_fetch_cb fetch,
                void *context)
{
    uint8_t bytes[AHEAD_KEY];
    struct cache_guess guess;
    struct ahead_fetcher fetcher = {fetch, context};
    ahead->used[kind]++;
    if (cache_foresee_used(ahead->foresee, ahead_key(ahead, key, bytes), ahead->trace->hashes[key],
                           kind, &guess)) {
        ahead_carry_out(ahead, &guess, &fetcher);
    }
}
