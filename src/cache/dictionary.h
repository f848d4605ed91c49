/* cache/dictionary.h - what the values of a collection have in common, for Zstandard.
 *
 * Invariant   a version is never used twice; what was packed with one can be unpacked as long as
 *             the table has it. The table holds at most CACHE_DICTIONARIES_MAX, the oldest that is
 *             not in use leaves.
 * Thread      the table: any; `packing` of a dictionary: the packing thread only.
 * Memory      a dictionary is counted: whoever found or added it gives it back.
 * Errors      -LT_ENOSUCHKEY no such version; -LT_EBADVALUE samples that have nothing in common.
 */
#ifndef CACHE_DICTIONARY_H
#define CACHE_DICTIONARY_H

#include <pthread.h>
#include <stdatomic.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    CACHE_DICTIONARIES_MAX = 32,
    CACHE_DICTIONARY_BYTES = 16 << 10,
    CACHE_SAMPLES_BYTES = 256 << 10,
};

struct cache_dictionary {
    uint32_t version; /* not 0 */
    uint32_t collection;
    struct slice bytes;
    ZSTD_CDict *packing; /* NULL once there is a newer one */
    ZSTD_DDict *unpacking;
    atomic_uint holds;
};

struct cache_dictionaries {
    pthread_mutex_t lock;                                 /* everything here is under it */
    struct cache_dictionary *all[CACHE_DICTIONARIES_MAX]; /* oldest first */
    uint32_t count;
    uint32_t next_version;
};

void cache_dictionaries_init(struct cache_dictionaries *dictionaries);
void cache_dictionaries_close(struct cache_dictionaries *dictionaries);

/* Add one; version 0: the next. The caller's hold. */
struct cache_dictionary *cache_dictionaries_add(struct cache_dictionaries *dictionaries,
                                                uint32_t version, uint32_t collection,
                                                struct slice bytes);
int cache_dictionaries_find(struct cache_dictionaries *dictionaries, uint32_t version,
                            struct cache_dictionary **ret_dictionary);
void cache_dictionary_release(struct cache_dictionary *dictionary);

/* Values that a dictionary is made of. */
struct cache_samples {
    struct buf bytes;
    struct buf sizes; /* of size_t */
};

void cache_samples_init(struct cache_samples *samples);
void cache_samples_close(struct cache_samples *samples);
/* False when there is enough; a value too large to be typical is passed over. */
bool cache_samples_add(struct cache_samples *samples, struct slice value);
/* Make a dictionary of them, which takes about 50 ms, and forget them. */
int cache_samples_train(struct cache_samples *samples, struct buf *ret_bytes);

#endif
