/* cache/foresee_private.h - the parts of a recorder: streams, pairs and gates.
 *
 * Invariant   as cache/foresee.h.
 * Thread      one at a time.
 * Memory      the recorder's.
 * Errors      none.
 */
#ifndef CACHE_FORESEE_PRIVATE_H
#define CACHE_FORESEE_PRIVATE_H

#include "cache/foresee.h"

/* A key as the recorder's parts see it. */
struct cache_foreseen {
    struct slice key;
    uint64_t hash;
    uint32_t collection;
};

/* ---- gates: foresee_gate.c ---- */

struct cache_gate {
    uint32_t issued; /* keys that were fetched by guesses, lately */
    uint32_t used;   /* of these */
    uint32_t wait;   /* misses until the next trial; 0: it is open */
    uint32_t pause;  /* the last wait */
};

/* A miss: time goes by. */
void cache__gate_tick(struct cache_gate *gate);
/* May there be a guess? Shuts the gate when the last ones did not pay. */
bool cache__gate_pass(struct cache_gate *gate, enum cache_guess_kind kind);
void cache__gate_issued(struct cache_gate *gate, uint32_t keys);
void cache__gate_used(struct cache_gate *gate);

/* ---- streams: foresee_stream.c ---- */

enum { CACHE_STREAMS = 64, CACHE_STREAMS_PER_COLLECTION = 8 };

/* Keys of a collection that were missed in order. */
struct cache_stream {
    uint32_t collection; /* 0: free */
    uint32_t touched;    /* the number of the event */
    uint32_t serial;     /* of its guesses */
    uint32_t run;        /* misses in order, after the first */
    uint32_t window;     /* of the last guess */
    bool backward;
    bool waits;    /* for the end of a guess */
    double stride; /* between misses */
    uint64_t mark; /* hash of the key whose use asks for the next window; 0: none */
    struct cache_foresee_key last;
    struct cache_foresee_key edge; /* of what was fetched ahead */
};

struct cache_streams {
    struct cache_stream all[CACHE_STREAMS];
    uint32_t events;
};

bool cache__streams_miss(struct cache_streams *streams, const struct cache_foreseen *seen,
                         struct cache_guess *ret_guess);
bool cache__streams_used(struct cache_streams *streams, const struct cache_foreseen *seen,
                         struct cache_guess *ret_guess);
void cache__streams_done(struct cache_streams *streams, const struct cache_guess *guess,
                         const struct cache_guessed *guessed);

/* ---- pairs: foresee_pairs.c ---- */

struct cache_pairs;

struct cache_pairs *cache__pairs_new(uint32_t rows);
void cache__pairs_free(struct cache_pairs *pairs);
uint64_t cache__pairs_bytes(const struct cache_pairs *pairs);
/* The key was asked for, after those before it. True: a guess. */
bool cache__pairs_seen(struct cache_pairs *pairs, const struct cache_foreseen *seen,
                       struct cache_guess *ret_guess);

#endif
