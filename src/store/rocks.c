/* store/rocks.c - the engine on disk: RocksDB through its C API.
 *
 * One column family holds everything, so a flush is atomic by nature. The write-ahead log is off:
 * the journal is the database's one log, and the applied index travels inside each write. After a
 * crash RocksDB stands at its last flush, says so by its applied index, and the journal is
 * replayed from there. Any error of the engine is fail-stop for the node. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/effect.h"
#include "store/keys.h"
#include "store/rocks_private.h"

enum { ROCKS_KEPT_BYTES = 1 << 20 };

/* An effect and how its key begins, which decides most comparisons. */
struct rocks_place {
    uint64_t begin[2];
    const struct store_effect *effect;
};

struct store_snapshot {
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *read_options[2]; /* by enum store_wait */
};

struct rocks_cursor {
    struct store_cursor cursor;
    rocksdb_iterator_t *iterator;
    rocksdb_readoptions_t *read_options;
    bool backward;
};

static struct rocks_cursor *rocks_cursor_of(struct store_cursor *cursor)
{
    return (struct rocks_cursor *)cursor;
}

int store__rocks_code(char *message)
{
    if (message == NULL) {
        return 0;
    }
    bool incomplete = strncmp(message, "Result incomplete", 17) == 0;
    bool corrupt = strncmp(message, "Corruption", 10) == 0;
    free(message);
    return incomplete ? -LT_EAGAIN : corrupt ? -LT_ECORRUPT : -LT_EIO;
}

/* Dropped ranges are not looked at, where nobody reads. An iterator that does look goes on behind a
 * file below level 0 when its first block is damaged or must be waited for, as if nothing were in
 * it, unless it is the first file there (RocksDB 7.8; its pull request 11782 mends it). */
static rocksdb_readoptions_t *rocks_read_options(const rocksdb_snapshot_t *snapshot,
                                                 enum store_wait wait)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(options, 1);
    rocksdb_readoptions_set_read_tier(options, wait == STORE_MEMORY_ONLY ? 1 : 0);
    rocksdb_readoptions_set_ignore_range_deletions(options, 1);
    if (snapshot != NULL) {
        rocksdb_readoptions_set_snapshot(options, snapshot);
    }
    return options;
}

static void rocks_close(struct store_kv *kv)
{
    struct rocks *rocks = rocks_of(kv);
    if (rocks->db != NULL) {
        rocksdb_cancel_all_background_work(rocks->db, 1);
        rocksdb_close(rocks->db);
    }
    rocksdb_readoptions_destroy(rocks->read_options[STORE_MEMORY_ONLY]);
    rocksdb_readoptions_destroy(rocks->read_options[STORE_MAY_WAIT]);
    rocksdb_writeoptions_destroy(rocks->write_options);
    rocksdb_flushoptions_destroy(rocks->flush_options);
    rocksdb_options_destroy(rocks->options);
    rocksdb_block_based_options_destroy(rocks->table_options);
    rocksdb_cache_destroy(rocks->cache);
    store__rocks_env_free(rocks->env);
    pthread_mutex_destroy(&rocks->lock);
    rocksdb_writebatch_destroy(rocks->batch);
    buf_close(&rocks->effects);
    buf_close(&rocks->order);
    mem_free(rocks);
}

/* RocksDB counts every comparison in a variable of the thread's, which costs more than most of
 * them. A thread that comes here does not want that. */
static void rocks_count_nothing(void)
{
    rocksdb_set_perf_level(rocksdb_disable);
}

static void rocks_pin_release(void *handle)
{
    rocksdb_pinnableslice_destroy(handle);
}

/* Of a key that may be in a file that it has not opened, RocksDB says, when it may not wait, that
 * it is there with no bytes: so after a start, when there are many files. Values without bytes are
 * rare enough to be waited for too. */
static int rocks_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    struct rocks *rocks = rocks_of(kv);
    rocksdb_readoptions_t *options =
        snapshot != NULL ? snapshot->read_options[wait] : rocks->read_options[wait];
    char *message = NULL;
    rocks_count_nothing();
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned(rocks->db, options, (const char *)key.data, key.len, &message);
    if (message != NULL) {
        return store__rocks_code(message);
    }
    if (pinned == NULL) {
        return -LT_ENOSUCHKEY;
    }
    size_t len;
    const char *data = rocksdb_pinnableslice_value(pinned, &len);
    if (len == 0 && wait == STORE_MEMORY_ONLY) {
        rocksdb_pinnableslice_destroy(pinned);
        return -LT_EAGAIN;
    }
    *ret_pin = (struct store_pin){slice_of(data, len), pinned, rocks_pin_release};
    return 0;
}

static int rocks_collect(struct buf *effects, struct slice payload)
{
    struct store_effect effect;
    size_t at = 0;
    int more;
    while ((more = store_effect_next_change(payload, &at, &effect)) > 0) {
        buf_append(effects, &effect, sizeof effect);
    }
    return more;
}

/* Eight bytes of a key, as a number that orders like them; past its end are zeroes. */
static uint64_t rocks_word(struct slice key, size_t from)
{
    uint8_t bytes[8] = {0};
    uint64_t word;
    if (key.len > from) {
        size_t len = key.len - from < sizeof bytes ? key.len - from : sizeof bytes;
        memcpy(bytes, key.data + from, len);
    }
    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap64(word);
}

/* Effects lie in the order of the log: of equal keys the first stays before the second. */
static bool rocks_is_after(const struct rocks_place *left, const struct rocks_place *right)
{
    for (int i = 0; i < 2; i++) {
        if (left->begin[i] != right->begin[i]) {
            return left->begin[i] > right->begin[i];
        }
    }
    return slice_compare(left->effect->key, right->effect->key) > 0;
}

/* Merge two runs that lie side by side, [0, middle) and [middle, count), into `to`. */
static void rocks_merge(const struct rocks_place *from, size_t middle, size_t count,
                        struct rocks_place *to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        bool take_right =
            left == middle || (right < count && rocks_is_after(&from[left], &from[right]));
        to[i] = take_right ? from[right++] : from[left++];
    }
}

/* Sort by merging runs of growing length, there and back between the two halves of `places`;
 * returns the half where it ended. The C library's sort would take memory for each apply. */
static const struct rocks_place *rocks_sort(struct rocks_place *places, size_t count)
{
    struct rocks_place *from = places;
    struct rocks_place *to = places + count;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += 2 * run) {
            size_t rest = count - at;
            rocks_merge(from + at, run < rest ? run : rest, 2 * run < rest ? 2 * run : rest,
                        to + at);
        }
        struct rocks_place *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* The effects in the order of their keys. */
static const struct rocks_place *rocks_order(struct rocks *rocks, size_t count)
{
    const struct store_effect *effects = (const struct store_effect *)rocks->effects.data;
    rocks->order.len = 0;
    struct rocks_place *places =
        (struct rocks_place *)(void *)buf_extend(&rocks->order, 2 * count * sizeof *places);
    for (size_t i = 0; i < count; i++) {
        struct slice key = effects[i].key;
        places[i] = (struct rocks_place){{rocks_word(key, 0), rocks_word(key, 8)}, &effects[i]};
    }
    return rocks_sort(places, count);
}

/* In the order of keys, since a memtable takes neighbours cheaply; and of several changes to one
 * key only the newest. */
static void rocks_fill(struct rocks *rocks)
{
    size_t count = rocks->effects.len / sizeof(struct store_effect);
    const struct rocks_place *places = count == 0 ? NULL : rocks_order(rocks, count);
    for (size_t i = 0; i < count; i++) {
        const struct store_effect *effect = places[i].effect;
        const char *key = (const char *)effect->key.data;
        if (i + 1 < count && slice_equal(effect->key, places[i + 1].effect->key)) {
            continue;
        }
        if (effect->kind == STORE_EFFECT_PUT) {
            rocksdb_writebatch_put(rocks->batch, key, effect->key.len,
                                   (const char *)effect->value.data, effect->value.len);
        } else {
            rocksdb_writebatch_delete(rocks->batch, key, effect->key.len);
        }
    }
}

/* Forget what was applied, and what took unusually much memory. */
static void rocks_clear(struct rocks *rocks)
{
    size_t len;
    rocksdb_writebatch_data(rocks->batch, &len);
    if (len > ROCKS_KEPT_BYTES) {
        rocksdb_writebatch_destroy(rocks->batch);
        rocks->batch = rocksdb_writebatch_create();
        buf_close(&rocks->effects);
        buf_close(&rocks->order);
    } else {
        rocksdb_writebatch_clear(rocks->batch);
        rocks->effects.len = 0;
    }
}

static int rocks_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                       struct store_mark mark)
{
    struct rocks *rocks = rocks_of(kv);
    int code = 0;
    rocks_count_nothing();
    for (size_t i = 0; i < count && code == 0; i++) {
        code = rocks_collect(&rocks->effects, payloads[i]);
    }
    if (code == 0) {
        char *message = NULL;
        rocksdb_writebatch_put(rocks->batch, (const char *)store_key_applied.data,
                               store_key_applied.len, (const char *)&mark, sizeof mark);
        rocks_fill(rocks);
        rocksdb_write(rocks->db, rocks->write_options, rocks->batch, &message);
        code = store__rocks_code(message);
    }
    if (code == 0) {
        pthread_mutex_lock(&rocks->lock);
        rocks->applied = mark;
        pthread_mutex_unlock(&rocks->lock);
    }
    rocks_clear(rocks);
    return code;
}

static struct store_mark rocks_applied(struct store_kv *kv)
{
    struct rocks *rocks = rocks_of(kv);
    pthread_mutex_lock(&rocks->lock);
    struct store_mark mark = rocks->applied;
    pthread_mutex_unlock(&rocks->lock);
    return mark;
}

static int rocks_flush(struct store_kv *kv, uint64_t *ret_index)
{
    struct rocks *rocks = rocks_of(kv);
    uint64_t index = rocks_applied(kv).index;
    char *message = NULL;
    rocksdb_flush(rocks->db, rocks->flush_options, &message);
    int code = store__rocks_code(message);
    if (code == 0) {
        *ret_index = index;
    }
    return code;
}

static int rocks_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    struct rocks *rocks = rocks_of(kv);
    char *message = NULL;
    assert(from.len < ROCKS_HINT_BYTES);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range(batch, (const char *)from.data, from.len, (const char *)to.data,
                                    to.len);
    rocksdb_write(rocks->db, rocks->write_options, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return store__rocks_code(message);
}

static struct store_snapshot *rocks_snapshot(struct store_kv *kv)
{
    struct store_snapshot *snapshot = mem_alloc(sizeof *snapshot);
    snapshot->snapshot = rocksdb_create_snapshot(rocks_of(kv)->db);
    for (int wait = STORE_MEMORY_ONLY; wait <= STORE_MAY_WAIT; wait++) {
        snapshot->read_options[wait] = rocks_read_options(snapshot->snapshot, wait);
    }
    return snapshot;
}

static void rocks_snapshot_release(struct store_kv *kv, struct store_snapshot *snapshot)
{
    rocksdb_readoptions_destroy(snapshot->read_options[STORE_MEMORY_ONLY]);
    rocksdb_readoptions_destroy(snapshot->read_options[STORE_MAY_WAIT]);
    rocksdb_release_snapshot(rocks_of(kv)->db, snapshot->snapshot);
    mem_free(snapshot);
}

static uint64_t rocks_size(struct store_kv *kv, struct slice from, struct slice to)
{
    const char *starts[1] = {(const char *)from.data};
    const char *ends[1] = {(const char *)to.data};
    uint64_t size = 0;
    char *message = NULL;
    rocksdb_approximate_sizes(rocks_of(kv)->db, 1, starts, &from.len, ends, &to.len, &size,
                              &message);
    return store__rocks_code(message) == 0 ? size : 0;
}

static void rocks_cursor_close(struct store_cursor *base)
{
    struct rocks_cursor *cursor = rocks_cursor_of(base);
    rocksdb_iter_destroy(cursor->iterator);
    rocksdb_readoptions_destroy(cursor->read_options);
    mem_free(cursor);
}

static int rocks_cursor_state(struct rocks_cursor *cursor)
{
    if (rocksdb_iter_valid(cursor->iterator)) {
        return 1;
    }
    char *message = NULL;
    rocksdb_iter_get_error(cursor->iterator, &message);
    return store__rocks_code(message);
}

static int rocks_seek(struct store_cursor *base, struct slice key, bool backward)
{
    struct rocks_cursor *cursor = rocks_cursor_of(base);
    cursor->backward = backward;
    if (backward) {
        rocksdb_iter_seek_for_prev(cursor->iterator, (const char *)key.data, key.len);
    } else {
        rocksdb_iter_seek(cursor->iterator, (const char *)key.data, key.len);
    }
    return rocks_cursor_state(cursor);
}

static int rocks_step(struct store_cursor *base)
{
    struct rocks_cursor *cursor = rocks_cursor_of(base);
    if (cursor->backward) {
        rocksdb_iter_prev(cursor->iterator);
    } else {
        rocksdb_iter_next(cursor->iterator);
    }
    return rocks_cursor_state(cursor);
}

static struct slice rocks_key(struct store_cursor *base)
{
    size_t len;
    const char *data = rocksdb_iter_key(rocks_cursor_of(base)->iterator, &len);
    return slice_of(data, len);
}

static struct slice rocks_value(struct store_cursor *base)
{
    size_t len;
    const char *data = rocksdb_iter_value(rocks_cursor_of(base)->iterator, &len);
    return slice_of(data, len);
}

static const struct store_cursor_ops rocks_cursor_ops = {
    .close = rocks_cursor_close,
    .seek = rocks_seek,
    .step = rocks_step,
    .key = rocks_key,
    .value = rocks_value,
};

static struct store_cursor *rocks_cursor(struct store_kv *kv, struct store_snapshot *snapshot,
                                         enum store_wait wait)
{
    struct rocks_cursor *cursor = mem_alloc(sizeof *cursor);
    cursor->cursor.ops = &rocks_cursor_ops;
    cursor->backward = false;
    cursor->read_options = rocks_read_options(snapshot ? snapshot->snapshot : NULL, wait);
    rocks_count_nothing();
    cursor->iterator = rocksdb_create_iterator(rocks_of(kv)->db, cursor->read_options);
    return &cursor->cursor;
}

static const struct store_kv_ops rocks_ops = {
    .name = "rocksdb",
    .close = rocks_close,
    .get = rocks_get,
    .apply = rocks_apply,
    .applied = rocks_applied,
    .flush = rocks_flush,
    .drop_range = rocks_drop_range,
    .settle = store__rocks_settle,
    .snapshot = rocks_snapshot,
    .snapshot_release = rocks_snapshot_release,
    .size = rocks_size,
    .cursor = rocks_cursor,
};

static int rocks_load_applied(struct rocks *rocks)
{
    struct store_pin pin;
    int code = rocks_get(&rocks->kv, NULL, store_key_applied, STORE_MAY_WAIT, &pin);
    if (code == 0) {
        if (pin.value.len == sizeof rocks->applied) {
            memcpy(&rocks->applied, pin.value.data, sizeof rocks->applied);
        } else {
            code = -LT_ECORRUPT;
        }
        store_pin_release(&pin);
    } else if (code == -LT_ENOSUCHKEY) {
        code = 0;
    }
    return code;
}

int store_rocks_open(const struct store_rocks_options *options, struct store_kv **ret_kv,
                     struct err *err)
{
    struct rocks *rocks = mem_zero(1, sizeof *rocks);
    rocks->kv.ops = &rocks_ops;
    pthread_mutex_init(&rocks->lock, NULL);
    rocks->batch = rocksdb_writebatch_create();
    buf_init(&rocks->effects, NULL);
    buf_init(&rocks->order, NULL);
    int code = store__rocks_set_options(rocks, options, err);
    rocks->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->write_options, 1);
    rocks->read_options[STORE_MEMORY_ONLY] = rocks_read_options(NULL, STORE_MEMORY_ONLY);
    rocks->read_options[STORE_MAY_WAIT] = rocks_read_options(NULL, STORE_MAY_WAIT);
    rocks->flush_options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(rocks->flush_options, 1);

    if (code < 0) {
        rocks_close(&rocks->kv);
        return code;
    }
    char *message = NULL;
    rocks->db = rocksdb_open(rocks->options, options->path, &message);
    if (message != NULL) {
        code = err_set(err, LT_EIO, "cannot open the store in %s: %s", options->path, message);
        free(message);
        rocks_close(&rocks->kv);
        return code;
    }
    code = rocks_load_applied(rocks);
    if (code != 0) {
        rocks_close(&rocks->kv);
        return err_set(err, -code, "the store in %s does not say how far it was written",
                       options->path);
    }
    *ret_kv = &rocks->kv;
    return 0;
}
