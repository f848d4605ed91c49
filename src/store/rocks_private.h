/* store/rocks_private.h - what the files of the engine on disk share.
 *
 * Invariant   see store/kv.h; only these files know RocksDB.
 * Thread      as the parts of struct rocks say; what says nothing is set when the engine opens and
 *             read by any.
 * Memory      the engine owns everything in it.
 * Errors      those of store/kv.h.
 */
#ifndef STORE_ROCKS_PRIVATE_H
#define STORE_ROCKS_PRIVATE_H

#include <pthread.h>
#include <rocksdb/c.h>

#include "base/buf.h"
#include "store/kv.h"
#include "store/rocks_shim.h"

enum {
    ROCKS_HINT_BYTES = 5,  /* of a key, which a memtable remembers places by */
    ROCKS_PLAIN_FILES = 4, /* of level 0: so many are merged into the level below */
};

struct rocks {
    struct store_kv kv;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table_options;
    rocksdb_cache_t *cache;
    struct store_rocks_env *env; /* NULL: files are plain */
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options[2]; /* by enum store_wait, no snapshot */
    rocksdb_flushoptions_t *flush_options;
    pthread_mutex_t lock;
    struct store_mark applied; /* under lock */
    /* ---- the applying thread's, kept for the next apply ---- */
    rocksdb_writebatch_t *batch;
    struct buf effects; /* of struct store_effect, in the order of the log */
    struct buf order;   /* of struct rocks_place: twice as many as there are effects */
    /* ---- of the thread that settles ---- */
    uint64_t seen_index; /* of the last apply, when it was asked last */
    uint32_t rests;      /* times that it was the same */
    bool is_packing;     /* each file of level 0 is merged at once */
};

static inline struct rocks *rocks_of(struct store_kv *kv)
{
    return (struct rocks *)kv;
}

/* Turn RocksDB's message into a code and free it; NULL is 0. */
int store__rocks_code(char *message);

/* store_kv_ops.settle */
bool store__rocks_settle(struct store_kv *kv);

/* Let that thread stand back when others want the processor. */
void store__rocks_calm(void);

/* Make the options that the database is opened with, and the block cache they name. An error when
 * this RocksDB refuses one; what was made is closed with the engine. */
int store__rocks_set_options(struct rocks *rocks, const struct store_rocks_options *from,
                             struct err *err);

#endif
