/* cache/levels_keep.c - what a restart finds again.
 *
 * A checkpoint holds the dictionaries, both indexes, the hashes of what was in memory, and the
 * engine's mark as of when its writing began. It is written at a clean stop, and every minute.
 *
 * When may it be used? Let M be its mark, and E that of the engine when it is opened again; the
 * journal brings the engine from E to J, and J is not before M, since what was applied was durable.
 * Every entry of the checkpoint was good at some time from M on, when it was written: it has the
 * value that the key had after some apply A, and no apply from A to that time changed it. So it is
 * good now unless an apply after M changed the key. The applies from E to J come through the cache
 * and take out what they change. If E <= M, that is all of those after M: the entry is good or
 * gone. If E > M, the applies between M and E are in the engine already and nobody told the cache:
 * the checkpoint is refused. (Entries that changed between E and M are taken out without need.)
 *
 * Until the journal is replayed the engine is behind M, and what the cache has may be ahead of it;
 * so nothing is found before cache_levels_begin. If by then the engine has not come to M, the
 * journal is another one, restored from elsewhere, and everything is forgotten. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cache/levels_private.h"

enum {
    LEVELS_CHECKPOINT_US = 60 * 1000000,
    LEVELS_PREFETCH_ENTRIES = 256,
    LEVELS_PREFETCH_BYTES = 1 << 20,
};

/* ---- reading ---- */

void cache__levels_peek(struct cache_levels *levels, struct buf *body)
{
    struct cache_checkpoint_head head;
    struct store_mark now = levels->guard.applied(levels->guard.context);
    int code = cache_checkpoint_read(levels->directory, &levels->seal, &head, body);
    if (code == -LT_ENOSUCHKEY) {
        return;
    }
    if (code < 0) {
        cache__levels_trouble(levels, "the cache's index is damaged: its files start empty");
    } else if (head.mark.index == 0 || head.mark.index < now.index) {
        cache__levels_trouble(levels, "the cache's index is older than the store, as after a crash "
                                      "soon after the store was written: its files start empty");
    } else {
        levels->seed = head.seed;
        levels->loaded = head.mark;
    }
}

void cache__levels_seal(struct cache_levels *levels)
{
    struct cache_seal *seal = &levels->seal;
    if (seal->keys == NULL || (seal->gcm != NULL && levels->loaded.index != 0)) {
        return;
    }
    gcm_free(seal->gcm);
    seal->mark = store_seal_mark(seal->keys);
    int code = store_seal_gcm(seal->keys, seal->mark, &seal->gcm);
    assert(code == 0); /* it is the newest key's */
    (void)code;
}

static int levels_load_file(struct cache_file *file, struct slice *body)
{
    uint32_t there = 0;
    int code = cache_checkpoint_take(body, &there, sizeof there);
    if (code == 0 && there != (file != NULL)) {
        return -LT_EBADVALUE;
    }
    return code < 0 || file == NULL ? code : cache_file_load(file, body);
}

static int levels_load_bytes(struct slice *body, struct slice *ret_bytes)
{
    uint64_t len = 0;
    int code = cache_checkpoint_take(body, &len, sizeof len);
    if (code == 0 && len > body->len) {
        code = -LT_ECORRUPT;
    }
    if (code == 0) {
        *ret_bytes = slice_of(body->data, len);
        *body = slice_from(*body, len);
    }
    return code;
}

static void levels_forget(struct cache_levels *levels)
{
    levels->hot.len = 0;
    if (levels->mapped != NULL) {
        cache_file_forget(levels->mapped);
    }
    if (levels->disk != NULL) {
        cache_file_forget(levels->disk);
    }
}

void cache__levels_load(struct cache_levels *levels, struct slice body)
{
    struct slice bytes;
    if (levels->loaded.index == 0) {
        return;
    }
    int code = levels_load_bytes(&body, &bytes);
    code = code < 0 ? code : cache_packer_load(levels->packer, bytes);
    code = code < 0 ? code : levels_load_bytes(&body, &bytes);
    if (code == 0 && bytes.len % sizeof(uint64_t) == 0) {
        buf_append_slice(&levels->hot, bytes);
    }
    code = code < 0 ? code : levels_load_file(levels->mapped, &body);
    code = code < 0 ? code : levels_load_file(levels->disk, &body);
    if (code < 0) {
        levels_forget(levels);
        levels->loaded = (struct store_mark){0};
        cache__levels_trouble(levels, code == -LT_EBADVALUE
                                          ? "the cache's files have other sizes than before: they "
                                            "start empty"
                                          : "the cache's index is damaged: its files start empty");
    }
}

/* Has the engine come to where the checkpoint was, on the same way? */
static bool levels_has_come(struct store_mark to, struct store_mark now)
{
    return now.index == to.index
               ? now.term == to.term && now.clock == to.clock
               : now.index > to.index && now.term >= to.term && now.clock >= to.clock;
}

void cache__levels_settle(struct cache_levels *levels)
{
    struct store_mark now = levels->guard.applied(levels->guard.context);
    if (levels->loaded.index != 0 && !levels_has_come(levels->loaded, now)) {
        levels_forget(levels);
        cache__levels_trouble(levels, "the cache's index belongs to another journal: its files "
                                      "start empty");
    }
}

/* ---- writing ---- */

static void levels_save_bytes(struct cache_checkpoint *out, struct slice bytes)
{
    uint64_t len = bytes.len;
    cache_checkpoint_add(out, &len, sizeof len);
    cache_checkpoint_add(out, bytes.data, bytes.len);
}

static void levels_save_file(struct cache_checkpoint *out, struct cache_file *file)
{
    uint32_t there = file != NULL;
    cache_checkpoint_add(out, &there, sizeof there);
    if (file != NULL) {
        cache_file_save(file, out);
    }
}

static bool levels_seal(struct cache_levels *levels)
{
    return (levels->mapped == NULL || cache_file_seal(levels->mapped) == 0) &&
           (levels->disk == NULL || cache_file_seal(levels->disk) == 0);
}

void cache_levels_save(struct cache_levels *levels)
{
    struct cache_checkpoint out;
    struct buf dictionaries;
    struct cache_checkpoint_head head = {levels->seed,
                                         levels->guard.applied(levels->guard.context)};
    if (!atomic_load(&levels->begun) || levels->directory < 0 || !levels_seal(levels)) {
        return;
    }
    buf_init(&dictionaries, NULL);
    cache_packer_save(levels->packer, &dictionaries);
    cache_checkpoint_begin(&out, levels->directory, &levels->seal, &head);
    levels_save_bytes(&out, buf_slice(&dictionaries));
    levels_save_bytes(&out, buf_slice(&levels->hot));
    levels_save_file(&out, levels->mapped);
    levels_save_file(&out, levels->disk);
    if (cache_checkpoint_end(&out) < 0) {
        char text[256];
        snprintf(text, sizeof text,
                 "writing the cache's index failed (%s): after the next start its files are empty",
                 strerror(errno));
        cache__levels_trouble(levels, text);
    }
    buf_close(&dictionaries);
}

static uint64_t levels_written(struct cache_levels *levels)
{
    struct cache_levels_stats stats = cache_levels_stats(levels);
    return stats.mapped.written + stats.disk.written + stats.demotions;
}

void cache__levels_tend(struct cache_levels *levels, uint64_t now_us)
{
    if (levels->checkpoint_us == 0) {
        levels->checkpoint_us = now_us;
    }
    if (now_us - levels->checkpoint_us < LEVELS_CHECKPOINT_US) {
        return;
    }
    levels->checkpoint_us = now_us;
    uint64_t written = levels_written(levels);
    if (written != levels->checkpoint_written) {
        cache_levels_save(levels);
        levels->checkpoint_written = levels_written(levels);
    }
}

/* ---- bringing back ---- */

/* Of any key that has that hash; what an apply touches meanwhile is left to it. */
static uint64_t levels_bring(struct cache_levels *levels, struct cache_file *file, uint64_t hash)
{
    struct cache_file_value value;
    struct store_pin pin;
    uint32_t begun;
    uint64_t len = 0;
    const struct cache_guard *guard = &levels->guard;
    if (file == NULL || !guard->note(guard->context, hash, &begun) ||
        cache_file_get(file, hash, slice_of(NULL, 0), STORE_MAY_WAIT, &value) < 0) {
        return 0;
    }
    struct buf key;
    buf_init(&key, NULL);
    buf_append_slice(&key, value.key);
    if (cache__levels_unpack(levels, &value, &pin) == 0) {
        struct cache_kept kept = {hash, begun, buf_slice(&key), pin.value};
        guard->keep(guard->context, &kept);
        len = pin.value.len;
        store_pin_release(&pin);
        atomic_fetch_add_explicit(&levels->prefetched, 1, memory_order_relaxed);
    }
    buf_close(&key);
    return len;
}

bool cache__levels_prefetch(struct cache_levels *levels)
{
    uint64_t bytes = 0;
    for (int i = 0; i < LEVELS_PREFETCH_ENTRIES && bytes < LEVELS_PREFETCH_BYTES; i++) {
        uint64_t hash;
        if (levels->hot.len < sizeof hash) {
            buf_close(&levels->hot);
            return false;
        }
        levels->hot.len -= sizeof hash;
        memcpy(&hash, levels->hot.data + levels->hot.len, sizeof hash);
        uint64_t brought = levels_bring(levels, levels->mapped, hash);
        bytes += brought > 0 ? brought : levels_bring(levels, levels->disk, hash);
    }
    return true;
}
