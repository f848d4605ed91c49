/* store/kv.h - the ordered key-value engine under everything: the seam.
 *
 * Invariant   keys are ordered by memcmp; a write is atomic, and carries the log index it was
 *             applied at, so that the engine always knows how far it has come.
 * Thread      any thread may read; one thread at a time writes. A cursor or snapshot belongs to one
 *             thread at a time.
 * Memory      values are pinned until store_pin_release; cursors lend key and value until they
 *             move.
 * Errors      -LT_ENOSUCHKEY not there; -LT_EAGAIN not in memory, and the caller said it may not
 *             wait for the disk; -LT_EIO, -LT_ECORRUPT from the engine: stop the node.
 */
#ifndef STORE_KV_H
#define STORE_KV_H

#include "base/err.h"

struct store_kv; /* an engine: its first member is the ops pointer */
struct store_snapshot;
struct store_cursor;

/* A value that stays where it is until it is released. */
struct store_pin {
    struct slice value;
    void *handle; /* the engine's; NULL: nothing to release */
    void (*release)(void *handle);
};

static inline void store_pin_release(struct store_pin *pin)
{
    if (pin->handle != NULL) {
        pin->release(pin->handle);
        pin->handle = NULL;
    }
}

/* How far an engine has applied the log. */
struct store_mark {
    uint64_t index;
    uint64_t term;  /* of that entry */
    uint64_t clock; /* hybrid clock of the newest effects */
};

/* May a read wait for the disk? */
enum store_wait { STORE_MEMORY_ONLY, STORE_MAY_WAIT };

struct store_kv_ops {
    const char *name;
    /* Stops background work; everything applied but not flushed is replayed from the journal. */
    void (*close)(struct store_kv *kv);
    /* May block when `wait` allows. */
    int (*get)(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
               enum store_wait wait, struct store_pin *ret_pin);
    /* The page (store/page.h) of the keys that begin with `name`: the newest. NULL: this engine
     * keeps none. As `get`, but that it is always there. */
    int (*page)(struct store_kv *kv, struct slice name, enum store_wait wait,
                struct store_pin *ret_pin);
    /* Apply effect payloads (store/effect.h) as one atomic write, and remember `mark` with it. May
     * block while the engine makes room. */
    int (*apply)(struct store_kv *kv, const struct slice *payloads, size_t count,
                 struct store_mark mark);
    /* The mark of the last apply; zeroes in an empty store. */
    struct store_mark (*applied)(struct store_kv *kv);
    /* Make everything applied survive power loss; *ret_index is how far. Blocks. */
    int (*flush)(struct store_kv *kv, uint64_t *ret_index);
    /* Let go of every key in [from, to), which are ids, now and not through the log: only keys that
     * nothing refers to. They may be seen until the engine has made room of them. */
    int (*drop_range)(struct store_kv *kv, struct slice from, struct slice to);
    /* Asked now and then, by one thread: when nothing was applied for some times that it was asked,
     * and much of what is kept takes more room than it must, begin to pack it. Never waits. True:
     * what was applied has not rested yet, ask again soon. */
    bool (*settle)(struct store_kv *kv);
    struct store_snapshot *(*snapshot)(struct store_kv *kv);
    void (*snapshot_release)(struct store_kv *kv, struct store_snapshot *snapshot);
    /* Approximate bytes on disk of [from, to). */
    uint64_t (*size)(struct store_kv *kv, struct slice from, struct slice to);
    /* A cursor over the snapshot (NULL: a new one of its own), placed nowhere. */
    struct store_cursor *(*cursor)(struct store_kv *kv, struct store_snapshot *snapshot,
                                   enum store_wait wait);
};

/* Every engine's cursor brings its own. */
struct store_cursor_ops {
    void (*close)(struct store_cursor *cursor);
    /* Place at the first key >= `key`, or with `backward` at the last key <= `key`: 1 there, 0 no
     * such key, negative on error. */
    int (*seek)(struct store_cursor *cursor, struct slice key, bool backward);
    /* One key on, in the direction of the last seek: 1, 0 at the end, negative. */
    int (*step)(struct store_cursor *cursor);
    struct slice (*key)(struct store_cursor *cursor);
    struct slice (*value)(struct store_cursor *cursor);
};

struct store_kv {
    const struct store_kv_ops *ops;
};

struct store_cursor {
    const struct store_cursor_ops *ops;
};

struct store_rocks_options {
    const char *path;
    uint64_t cache_bytes;          /* block cache */
    uint64_t write_buffer_bytes;   /* one memtable */
    const char *compressor;        /* "lz4", "snappy", "zstd" or "none", but for level 0 */
    const struct store_seal *seal; /* what its files are encrypted with; NULL: nothing */
};

/* Open or create RocksDB in a directory. */
int store_rocks_open(const struct store_rocks_options *options, struct store_kv **ret_kv,
                     struct err *err);

/* A sorted map in memory, for simulation and tests: the same answers as RocksDB. */
struct store_kv *store_simkv_new(void);
/* Its process is gone: what was applied since the last flush is lost. No cursor, snapshot or pin of
 * it may be in use afterwards. */
void store_simkv_crash(struct store_kv *kv);

#endif
