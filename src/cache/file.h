/* cache/file.h - one level of the cache in one file: a ring of segments, written whole.
 *
 * Invariant   what a get gives is what was published last under that key and not removed since:
 *             its checksum, its key and its segment's generation are compared. Damage is a miss,
 *             counted, and the entry leaves. An entry that was hit since it was written is offered
 *             when its segment is taken again; the others are forgotten with it.
 * Thread      get, has and remove: any, under one lock held for a look-up, reading outside of it.
 *             append, publish and seal: one thread, the writer.
 * Memory      a value that is lent holds its segment, so that it is not overwritten, or memory of
 *             its own; all are released before close. The index takes at most 12 bytes an entry;
 *             two segments are in memory.
 * Errors      -LT_ENOSUCHKEY not there; -LT_EAGAIN there, but it would have to be waited for;
 *             or, when writing, readers hold every segment; -LT_EBADVALUE too large to be kept;
 *             -LT_EIO the level is off. Any error of the disk switches it off: it is empty from
 *             then on, and `trouble` is told once.
 */
#ifndef CACHE_FILE_H
#define CACHE_FILE_H

#include "base/gcm.h"
#include "cache/codec.h"
#include "store/kv.h"

struct cache_file;

/* An entry as it lies in the file. */
struct cache_file_value {
    struct slice key;
    struct cache_packed packed;
    void *handle; /* NULL: nothing to release */
    void (*release)(void *handle);
};

/* One that leaves its segment. */
struct cache_file_leaver {
    struct cache_file *file;
    uint64_t hash;
    uint32_t position;
    struct slice key;
    struct cache_packed packed;
};

struct cache_file_options {
    int directory; /* where the file is; borrowed during open */
    const char *name;
    uint64_t bytes;         /* its bound at first */
    uint64_t bytes_most;    /* that the bound may become; 0: it stays */
    uint32_t segment_bytes; /* a multiple of the page size; 0: what suits its size */
    uint64_t seed;          /* of the keys' hashes: XXH3 */
    bool mapped;            /* reads that may not wait lend what is in the system's memory; else
                             * they copy it */
    struct gcm *gcm;        /* what entries are encrypted with; NULL: nothing; borrowed */
    /* An entry that was hit leaves: true to keep it in this level. The writer's thread. */
    bool (*leave)(void *context, const struct cache_file_leaver *leaver);
    /* One has left, hit or not, and is not in this file any more. The writer's thread. */
    void (*gone)(void *context, const struct cache_file_leaver *leaver);
    /* The level is off. Any thread. */
    void (*trouble)(void *context, const char *text);
    void *context;
};

struct cache_file_stats {
    uint64_t entries;
    uint64_t memory_bytes; /* its index and the segments in memory */
    uint64_t bytes;        /* of the segments that are in use */
    uint64_t bytes_max;    /* the bound now */
    uint64_t hits;
    uint64_t misses;
    uint64_t written; /* bytes */
    uint64_t kept;    /* entries that left their segment for another of this file */
    uint64_t evictions;
    uint64_t damaged; /* entries whose bytes were not what was written */
    bool off;
};

/* Open or create the file; what it holds is forgotten unless cache_file_load brings it back. */
int cache_file_open(const struct cache_file_options *options, struct cache_file **ret_file,
                    struct err *err);
void cache_file_close(struct cache_file *file);

/* ---- reading ---- */

/* The value is released with cache_file_release. With an empty key: of any key of that hash. */
int cache_file_get(struct cache_file *file, uint64_t hash, struct slice key, enum store_wait wait,
                   struct cache_file_value *ret_value);
void cache_file_release(struct cache_file_value *value);

/* Is there an entry of that hash; is that entry still there? */
bool cache_file_has_hash(struct cache_file *file, uint64_t hash);
bool cache_file_has(struct cache_file *file, const struct cache_file_leaver *leaver);

/* Forget the key, and with it others of the same hash. True when there was something. */
bool cache_file_remove(struct cache_file *file, uint64_t hash);

/* ---- writing ---- */

/* Write an entry; nobody sees it until it is published. May read and write a segment. */
int cache_file_append(struct cache_file *file, struct slice key, const struct cache_packed *packed,
                      uint32_t *ret_position);
void cache_file_publish(struct cache_file *file, uint64_t hash, uint32_t position);

/* The file is to be no larger from now on, or may be as large again: at least
 * four segments, at most bytes_most. */
void cache_file_set_bound(struct cache_file *file, uint64_t bytes);

/* Empty one segment that is past the bound, and shorten the file after the last; false when there
 * is none, or readers hold it. What was hit there is offered. */
bool cache_file_trim(struct cache_file *file);

/* Bring what was appended to the file, though its segment is not full. */
int cache_file_seal(struct cache_file *file);

/* ---- keeping: the writer's thread, before others come or after they have gone, but for save ----
 */

struct cache_checkpoint;

/* Everything is sealed, or the level off. */
void cache_file_save(struct cache_file *file, struct cache_checkpoint *out);
/* Into a file that was just opened. -LT_EBADVALUE the file has another shape now; -LT_ECORRUPT;
 * the level is empty then. */
int cache_file_load(struct cache_file *file, struct slice *from);
/* Forget every entry. Any time. */
void cache_file_forget(struct cache_file *file);

/* Give back what of the map counts as this process's memory; the system still has it. Any thread.
 */
void cache_file_let_go(struct cache_file *file);

/* Bytes an entry takes. */
uint64_t cache_file_entry_bytes(const struct cache_file *file, struct slice key,
                                const struct cache_packed *packed);

struct cache_file_stats cache_file_stats(struct cache_file *file);

#endif
