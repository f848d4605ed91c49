/* cache/levels.h - the levels below memory, and what goes between them.
 *
 *   memory ── evicted, asked for more than once ──> spill queue ──> lt-cache: pack, write
 *                                                                       │
 *     ^ found: a copy goes up          mapped file: what was not hit leaves, what was hit
 *     └───────────────────────────────────┤  └── goes down, within the write budget ──┐
 *     └──────────────────────────── file on disk: what was hit stays, the rest leaves <┘
 *
 * Invariant   a level has no key that an apply has changed since: the owner removes what it is
 *             about to change, and what was taken up before is published only if the guard says
 *             that no apply has begun meanwhile.
 * Thread      get, remove, offer, stats: any. One background thread writes; where there is none,
 *             cache_levels_work does, by one thread at a time.
 * Memory      a pin holds what it shows; all are released before close. Memory taken: the index,
 *             four segments, the queue, dictionaries.
 * Errors      -LT_ENOSUCHKEY not there; -LT_EAGAIN it would have to be waited for. A level whose
 *             disk fails is switched off, `trouble` is told, and reads go on to the engine.
 */
#ifndef CACHE_LEVELS_H
#define CACHE_LEVELS_H

#include "cache/file.h"
#include "cache/memory.h"
#include "cache/packer.h"
#include "cache/shares.h"

struct cache_levels;

struct cache_levels_options {
    const char *path; /* the directory of the files, which must exist; borrowed by new */
    const struct store_seal *seal; /* what they are encrypted with; NULL: nothing; borrowed */
    uint64_t mapped_bytes;         /* of the mapped file; 0: none */
    uint64_t disk_bytes;           /* of the other; 0: none */
    bool moving_shares;            /* what ghosts ask for changes those two, but not their sum */
    uint32_t segment_bytes;        /* 0: what suits */
    uint64_t queue_bytes;          /* of the spill queue; 0: 2 MB */
    uint64_t write_bytes_second;   /* for both files; 0: no bound */
    uint64_t farewell_bytes;       /* of memory that are written at the end; 0: 192 MB */
    uint64_t door_entries;         /* that are remembered for having left memory unused */
    enum cache_codec codec;
    bool by_hand; /* no thread: the owner calls cache_levels_work */
    void (*trouble)(void *context, const char *text); /* NULL: nobody listens */
    void *context;
};

/* An entry that comes up without having been asked for. */
struct cache_kept {
    uint64_t hash;
    uint32_t begun;
    struct slice key;
    struct slice value;
};

/* What keeps a level from being given what an apply has changed meanwhile. */
struct cache_guard {
    /* How many applies have begun on keys like this one; false: one is going on. */
    bool (*note)(void *context, uint64_t hash, uint32_t *ret_begun);
    /* Publish an entry, unless an apply has begun since `begun`; as one step. False: one has. */
    bool (*publish)(void *context, struct cache_file *file, uint64_t hash, uint32_t position,
                    uint32_t begun);
    /* Take an entry into memory, unless an apply has begun since. */
    void (*keep)(void *context, const struct cache_kept *kept);
    /* How far the engine is. */
    struct store_mark (*applied)(void *context);
    void *context;
};

struct cache_levels_stats {
    struct cache_file_stats mapped;
    struct cache_file_stats disk;
    struct cache_packer_stats packed;
    uint64_t demotions;            /* memory to a file, and file to file */
    uint64_t refused;              /* left memory, but were asked for once only */
    uint64_t queue_dropped;        /* came while the queue was full */
    uint64_t budget_dropped;       /* would have passed the write budget */
    uint64_t overtaken;            /* changed by an apply on their way */
    uint64_t ghosts[CACHE_SHARES]; /* reads that a somewhat larger file would have answered */
    uint64_t prefetched;           /* brought into memory after a start */
};

/* *seed is that of the keys' hashes; it becomes that of the checkpoint when there is one. */
struct cache_levels *cache_levels_new(const struct cache_levels_options *options,
                                      const struct cache_guard *guard, uint64_t *seed);
void cache_levels_free(struct cache_levels *levels);

/* The engine is where it was: what was loaded may be used, if it belongs to it, and writing
 * begins. Before that nothing is found. */
void cache_levels_begin(struct cache_levels *levels);

/* Nobody comes any more: writing ends, by the budget too. */
void cache_levels_end(struct cache_levels *levels);

/* After the end, entries of memory, from those that are missed least on: first what is more than
 * the bytes that a stop has time for, to be told of only. */
uint64_t cache_levels_farewell_bytes(const struct cache_levels *levels);
void cache_levels_leave_out(struct cache_levels *levels, const struct cache_leaver *leaver);
/* Then the others: those that were asked for more than once are written and will be brought back.
 */
void cache_levels_farewell(struct cache_levels *levels, const struct cache_leaver *leaver,
                           uint32_t begun);

/* Write down what there is, if anything has begun: before that the checkpoint that was read stays.
 * After the end, or the writer. */
void cache_levels_save(struct cache_levels *levels);

int cache_levels_get(struct cache_levels *levels, uint64_t hash, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin);
void cache_levels_remove(struct cache_levels *levels, uint64_t hash);

/* An entry leaves memory; `begun` is what the guard counts now. Copies. */
void cache_levels_offer(struct cache_levels *levels, const struct cache_leaver *leaver,
                        uint32_t begun);

/* The mapped file's pages are no longer counted as this process's. Any thread. */
void cache_levels_let_go(struct cache_levels *levels);

/* Write what was offered, bring back what was hot, save when it is time. */
void cache_levels_work(struct cache_levels *levels, uint64_t now_us);

struct cache_levels_stats cache_levels_stats(struct cache_levels *levels);

#endif
