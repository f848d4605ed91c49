/* cache/levels_private.h - the parts of the levels, shared by their files.
 *
 * Invariant   until cache_levels_begin nothing is found: what a checkpoint brought back may be
 *             ahead of the engine.
 * Thread      as noted at each member.
 * Memory      as cache/levels.h.
 * Errors      as cache/levels.h.
 */
#ifndef CACHE_LEVELS_PRIVATE_H
#define CACHE_LEVELS_PRIVATE_H

#include <stdatomic.h>

#include "cache/checkpoint.h"
#include "cache/levels.h"
#include "cache/spill.h"

/* Bytes that may be written: up to a second's worth is saved. */
struct cache_levels_budget {
    uint64_t bytes_second; /* 0: no bound */
    uint64_t bytes;
    uint64_t now_us;
};

struct cache_levels {
    struct cache_levels_options options;
    struct cache_guard guard;
    uint64_t seed;
    int directory; /* -1: it could not be opened */
    struct cache_seal seal;
    struct cache_file *mapped; /* NULL: none */
    struct cache_file *disk;   /* NULL: none */
    struct cache_packer *packer;
    struct cache_spill spill;
    struct cache_shares shares;
    bool moving; /* between two files, as `shares` says */
    atomic_bool begun;
    struct cache_levels_budget budget; /* the writer's, as what follows */
    struct buf scratch;
    struct store_mark loaded;    /* of the checkpoint that was taken; zeroes: none */
    struct buf hot;              /* hashes: to be brought into memory, or to be saved; best last */
    uint64_t left_out;           /* bytes that a stop had no time for */
    uint64_t checkpoint_us;      /* when the last one was written */
    uint64_t checkpoint_written; /* bytes in the files then */
    pthread_t thread;
    bool started;
    _Atomic uint64_t demotions;
    _Atomic uint64_t budget_dropped;
    _Atomic uint64_t overtaken;
    _Atomic uint64_t prefetched;
};

void cache__levels_trouble(void *context, const char *text);

/* Read the checkpoint: its seed, and its mark as `loaded` when it may be used. Before the files are
 * opened; *body is what cache__levels_load takes after that. */
void cache__levels_peek(struct cache_levels *levels, struct buf *body);
/* What follows is encrypted as the checkpoint is that was taken, or with a key of its own. */
void cache__levels_seal(struct cache_levels *levels);
void cache__levels_load(struct cache_levels *levels, struct slice body);

/* The journal is replayed: forget what was loaded if the engine did not come to it. */
void cache__levels_settle(struct cache_levels *levels);

/* Write a checkpoint when it is time. */
void cache__levels_tend(struct cache_levels *levels, uint64_t now_us);

/* Bring some of the hot keys into memory; false when there are no more. */
bool cache__levels_prefetch(struct cache_levels *levels);

/* The value as it was; releases `value`. */
int cache__levels_unpack(struct cache_levels *levels, struct cache_file_value *value,
                         struct store_pin *ret_pin);

#endif
