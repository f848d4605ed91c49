/* cache/checkpoint.h - the file that says what is in the cache's files, so that a restart finds it.
 *
 * Invariant   a checkpoint is read back byte by byte as it was written, or not at all: it has a
 *             checksum, and takes the old one's place only when it is whole.
 * Thread      one at a time.
 * Memory      a writer holds 64 KB; what is read is in the caller's buf.
 * Errors      -LT_ENOSUCHKEY there is none; -LT_ECORRUPT it is not what was written, or of another
 *             version; -LT_EIO, with errno.
 */
#ifndef CACHE_CHECKPOINT_H
#define CACHE_CHECKPOINT_H

#include <xxhash.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/gcm.h"
#include "store/kv.h"
#include "store/seal.h"

struct cache_checkpoint_head {
    uint64_t seed;          /* of the keys' hashes */
    struct store_mark mark; /* the engine's, when the writing began */
};

/* What it and the cache's files are encrypted with. */
struct cache_seal {
    const struct store_seal *keys; /* NULL: nothing is encrypted; borrowed */
    struct store_seal_mark mark;
    struct gcm *gcm; /* NULL: none yet */
};

struct cache_checkpoint {
    int directory;
    int fd;
    int code; /* of the first failure */
    struct buf waiting;
    XXH3_state_t *state;
    struct gcm *gcm; /* NULL: it is plain */
    uint64_t frames; /* that were written */
};

/* Begin to write one into the directory. Failures are told at the end. */
void cache_checkpoint_begin(struct cache_checkpoint *checkpoint, int directory,
                            const struct cache_seal *seal,
                            const struct cache_checkpoint_head *head);
void cache_checkpoint_add(struct cache_checkpoint *checkpoint, const void *data, size_t len);
/* Put it in the place of the old one. */
int cache_checkpoint_end(struct cache_checkpoint *checkpoint);

/* Append what was added to `out`; what it was encrypted with is put into `seal`, which has keys. */
int cache_checkpoint_read(int directory, struct cache_seal *seal,
                          struct cache_checkpoint_head *ret_head, struct buf *out);

/* Copy the next `len` bytes of what was read. */
int cache_checkpoint_take(struct slice *from, void *out, size_t len);

#endif
