/* cache/foresee_pairs.c - keys that came soon after one another, more than once.
 *
 * A table of sets of rows by hash; a row has a key and the rows of a few keys that came soon after
 * it, each with how sure that is. A set that is full forgets the row that was not seen for longest.
 * The idea of mining associations of misses is that of MITHRIL (Yang et al., SoCC 2017). */
#include <string.h>

#include "base/mem.h"
#include "cache/foresee_private.h"

enum {
    PAIRS_WAYS = 4,
    PAIRS_SPAN = 2, /* keys before, that a key is a successor of */
    PAIRS_SURE = 2, /* seen together so often: fetch it */
    PAIRS_SURE_MAX = 7,
};

struct pairs_next {
    uint32_t row;
    uint16_t tag; /* of the key that was in the row */
    uint16_t sure;
};

struct pairs_row {
    uint64_t hash; /* of a key that is not empty */
    uint32_t seen; /* the number of the event */
    struct cache_foresee_key key;
    struct pairs_next nexts[CACHE_GUESS_KEYS];
};

struct cache_pairs {
    struct pairs_row *rows;
    uint32_t mask;
    uint32_t events;
    struct pairs_next recent[PAIRS_SPAN]; /* the newest first */
};

struct cache_pairs *cache__pairs_new(uint32_t rows)
{
    struct cache_pairs *pairs = mem_zero(1, sizeof *pairs);
    pairs->rows = mem_zero(rows, sizeof *pairs->rows);
    pairs->mask = rows - 1;
    return pairs;
}

void cache__pairs_free(struct cache_pairs *pairs)
{
    mem_free(pairs->rows);
    mem_free(pairs);
}

uint64_t cache__pairs_bytes(const struct cache_pairs *pairs)
{
    return sizeof *pairs + (pairs->mask + UINT64_C(1)) * sizeof *pairs->rows;
}

static uint16_t pairs_tag(uint64_t hash)
{
    return (uint16_t)(hash >> 48) | 1;
}

/* The row that a successor was in, if it still is. */
static struct pairs_row *pairs_row(const struct cache_pairs *pairs, const struct pairs_next *next)
{
    struct pairs_row *row = &pairs->rows[next->row];
    return next->tag != 0 && pairs_tag(row->hash) == next->tag ? row : NULL;
}

/* The key's row, a new one if it has none. */
static struct pairs_row *pairs_take(struct cache_pairs *pairs, const struct cache_foreseen *seen)
{
    struct pairs_row *set = &pairs->rows[seen->hash & pairs->mask & ~(uint64_t)(PAIRS_WAYS - 1)];
    struct pairs_row *oldest = set;
    for (uint32_t i = 0; i < PAIRS_WAYS; i++) {
        if (set[i].hash == seen->hash && set[i].key.len > 0) {
            return &set[i];
        }
        bool older = pairs->events - set[i].seen > pairs->events - oldest->seen;
        oldest = set[i].key.len == 0 || older ? &set[i] : oldest;
    }
    *oldest = (struct pairs_row){.hash = seen->hash, .key.len = (uint8_t)seen->key.len};
    memcpy(oldest->key.bytes, seen->key.data, seen->key.len);
    return oldest;
}

/* One more time `next` came after the row's key. */
static void pairs_learn(struct pairs_row *row, struct pairs_next next)
{
    struct pairs_next *weakest = &row->nexts[0];
    for (uint32_t i = 0; i < CACHE_GUESS_KEYS; i++) {
        struct pairs_next *known = &row->nexts[i];
        if (known->row == next.row && known->tag == next.tag) {
            known->sure += known->sure < PAIRS_SURE_MAX;
            return;
        }
        weakest = known->sure < weakest->sure ? known : weakest;
    }
    if (weakest->sure > 1) {
        weakest->sure--;
    } else {
        *weakest = next;
    }
}

static bool pairs_guess(const struct cache_pairs *pairs, const struct pairs_row *row,
                        struct cache_guess *ret_guess)
{
    struct cache_guess guess = {.kind = CACHE_GUESS_PAIR};
    for (uint32_t i = 0; i < CACHE_GUESS_KEYS; i++) {
        const struct pairs_row *next = pairs_row(pairs, &row->nexts[i]);
        if (row->nexts[i].sure >= PAIRS_SURE && next != NULL && next != row) {
            guess.keys[guess.count++] = next->key;
        }
    }
    if (guess.count > 0) {
        *ret_guess = guess;
    }
    return guess.count > 0;
}

bool cache__pairs_seen(struct cache_pairs *pairs, const struct cache_foreseen *seen,
                       struct cache_guess *ret_guess)
{
    pairs->events++;
    struct pairs_row *row = pairs_take(pairs, seen);
    row->seen = pairs->events;
    struct pairs_next next = {(uint32_t)(row - pairs->rows), pairs_tag(seen->hash), 1};
    for (uint32_t i = 0; i < PAIRS_SPAN; i++) {
        struct pairs_row *before = pairs_row(pairs, &pairs->recent[i]);
        if (before != NULL && before != row) {
            pairs_learn(before, next);
        }
    }
    memmove(&pairs->recent[1], &pairs->recent[0], (PAIRS_SPAN - 1) * sizeof pairs->recent[0]);
    pairs->recent[0] = next;
    return pairs_guess(pairs, row, ret_guess);
}
