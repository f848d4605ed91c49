/* store/kv_test.c - RocksDB and simkv give the same answers.
 *
 * The same random changes go to both, the same questions are asked. RocksDB works in a directory of
 * its own under the system's temporary one, removed at the end. */
#include "store/kv.h"

#include <ftw.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/keys.h"
#include "store/reclaim.h"
#include "store/rocks_private.h"
#include "store/scan.h"
#include "store/seal.h"

enum { PAIR_STEPS = 3000, PAIR_SNAPSHOTS = 4, PAIR_KEY_MAX = 8, PAIR_IDS = 3, PAIR_SPLIT = 300 };

struct pair {
    struct store_kv *kvs[2]; /* RocksDB, simkv */
    struct store_snapshot *snapshots[PAIR_SNAPSHOTS][2];
    struct random_doc random;
    uint64_t index;
    uint8_t ids[PAIR_IDS]; /* what is dropped is another id afterwards */
    uint8_t last_id;
    const char *compressor;
    struct store_seal *seal; /* with an even seed; else NULL */
    char directory[128];
};

static int pair_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void pair_open_rocks(struct pair *pair)
{
    struct err err = {0};
    struct store_rocks_options options = {
        .path = pair->directory,
        .cache_bytes = 1 << 20,
        .write_buffer_bytes = 64 << 10,
        .compressor = pair->compressor,
        .seal = pair->seal,
    };
    if (store_rocks_open(&options, &pair->kvs[0], &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void pair_open(struct pair *pair, uint64_t seed, const char *compressor)
{
    const char *base = getenv("TMPDIR");
    *pair = (struct pair){.random = {seed}, .ids = {1, 2, 3}, .last_id = 3};
    pair->compressor = compressor;
    if (seed % 2 == 0) {
        pair->seal = store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {1}}, 1);
    }
    snprintf(pair->directory, sizeof pair->directory, "%s/largetable-kv-XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(pair->directory));
    pair_open_rocks(pair);
    pair->kvs[1] = store_simkv_new();
}

static void pair_release(struct pair *pair, uint32_t slot)
{
    for (int i = 0; i < 2 && pair->snapshots[slot][0] != NULL; i++) {
        pair->kvs[i]->ops->snapshot_release(pair->kvs[i], pair->snapshots[slot][i]);
    }
    pair->snapshots[slot][0] = pair->snapshots[slot][1] = NULL;
}

static void pair_close(struct pair *pair)
{
    for (uint32_t i = 0; i < PAIR_SNAPSHOTS; i++) {
        pair_release(pair, i);
    }
    pair->kvs[0]->ops->close(pair->kvs[0]);
    pair->kvs[1]->ops->close(pair->kvs[1]);
    store_seal_free(pair->seal);
    assert_int_equal(nftw(pair->directory, pair_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A key of one of three ids: few, so that they meet; of bytes at the edges. */
static struct slice pair_key(struct pair *pair, uint8_t bytes[PAIR_KEY_MAX])
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    size_t len = 4 + random_doc_below(&pair->random, 4);
    memset(bytes, 0, 4);
    bytes[3] = pair->ids[random_doc_below(&pair->random, PAIR_IDS)];
    for (size_t i = 4; i < len; i++) {
        bytes[i] = edges[random_doc_below(&pair->random, sizeof edges)];
    }
    return slice_of(bytes, len);
}

static void pair_apply(struct pair *pair)
{
    struct buf bufs[2];
    struct slice payloads[2];
    uint8_t key[PAIR_KEY_MAX];
    uint8_t value[300];
    size_t count = 1 + random_doc_below(&pair->random, 2);
    for (size_t i = 0; i < count; i++) {
        buf_init(&bufs[i], NULL);
        store_effect_begin(&bufs[i], pair->index);
        for (uint32_t j = random_doc_below(&pair->random, 6); j > 0; j--) {
            struct slice name = pair_key(pair, key);
            size_t len = random_doc_below(&pair->random, sizeof value);
            memset(value, (int)random_doc_below(&pair->random, 256), len);
            if (random_doc_below(&pair->random, 3) == 0) {
                store_effect_delete(&bufs[i], name);
            } else {
                store_effect_put(&bufs[i], name, slice_of(value, len));
            }
        }
        payloads[i] = buf_slice(&bufs[i]);
    }
    pair->index += count;
    struct store_mark mark = {pair->index, 3, pair->index * 10};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pair->kvs[i]->ops->apply(pair->kvs[i], payloads, count, mark), 0);
        struct store_mark applied = pair->kvs[i]->ops->applied(pair->kvs[i]);
        assert_int_equal(applied.index, pair->index);
        assert_int_equal(applied.clock, pair->index * 10);
    }
    for (size_t i = 0; i < count; i++) {
        buf_close(&bufs[i]);
    }
}

static void pair_get(struct pair *pair)
{
    uint8_t bytes[PAIR_KEY_MAX];
    struct slice key = pair_key(pair, bytes);
    uint32_t slot = random_doc_below(&pair->random, PAIR_SNAPSHOTS);
    enum store_wait wait = random_doc_below(&pair->random, 2) ? STORE_MAY_WAIT : STORE_MEMORY_ONLY;
    struct store_pin pins[2];
    int codes[2];
    for (int i = 0; i < 2; i++) {
        struct store_kv *kv = pair->kvs[i];
        codes[i] = kv->ops->get(kv, pair->snapshots[slot][i], key, wait, &pins[i]);
        if (codes[i] == -LT_EAGAIN) { /* only RocksDB, and after a fetch no more */
            assert_int_equal(i, 0);
            assert_int_equal(store_fetch(kv, key, false, 1), 0);
            codes[i] = kv->ops->get(kv, pair->snapshots[slot][i], key, STORE_MAY_WAIT, &pins[i]);
        }
    }
    assert_int_equal(codes[0], codes[1]);
    if (codes[0] == 0) {
        assert_true(slice_equal(pins[0].value, pins[1].value));
        store_pin_release(&pins[0]);
        store_pin_release(&pins[1]);
    }
}

static void pair_same_place(struct store_cursor *cursors[2], const int there[2])
{
    assert_int_equal(there[0], there[1]);
    if (there[0] == 1) {
        assert_true(
            slice_equal(cursors[0]->ops->key(cursors[0]), cursors[1]->ops->key(cursors[1])));
        if (!slice_equal(cursors[0]->ops->key(cursors[0]), store_key_applied)) {
            assert_true(slice_equal(cursors[0]->ops->value(cursors[0]),
                                    cursors[1]->ops->value(cursors[1])));
        }
    }
}

/* Step over what was dropped, which RocksDB shows until files are merged. */
static int pair_skip_dropped(const struct pair *pair, struct store_cursor *cursor, int there)
{
    while (there == 1) {
        uint32_t id = store_key_load_id(cursor->ops->key(cursor).data);
        if (id == 0 || memchr(pair->ids, (int)id, PAIR_IDS) != NULL) {
            break;
        }
        there = cursor->ops->step(cursor);
    }
    return there;
}

static void pair_walk(struct pair *pair)
{
    uint8_t bytes[PAIR_KEY_MAX];
    uint32_t slot = random_doc_below(&pair->random, PAIR_SNAPSHOTS);
    struct store_cursor *cursors[2];
    int there[2];
    for (int i = 0; i < 2; i++) {
        struct store_kv *kv = pair->kvs[i];
        cursors[i] = kv->ops->cursor(kv, pair->snapshots[slot][i], STORE_MAY_WAIT);
    }
    for (int seeks = 0; seeks < 3; seeks++) {
        struct slice key = pair_key(pair, bytes);
        bool backward = random_doc_below(&pair->random, 2) == 1;
        for (int i = 0; i < 2; i++) {
            there[i] = cursors[i]->ops->seek(cursors[i], key, backward);
            there[i] = pair_skip_dropped(pair, cursors[i], there[i]);
        }
        pair_same_place(cursors, there);
        for (int steps = 0; steps < 12 && there[0] == 1; steps++) {
            for (int i = 0; i < 2; i++) {
                there[i] = cursors[i]->ops->step(cursors[i]);
                there[i] = pair_skip_dropped(pair, cursors[i], there[i]);
            }
            pair_same_place(cursors, there);
        }
    }
    cursors[0]->ops->close(cursors[0]);
    cursors[1]->ops->close(cursors[1]);
}

static void pair_snapshot(struct pair *pair)
{
    uint32_t slot = random_doc_below(&pair->random, PAIR_SNAPSHOTS);
    bool had = pair->snapshots[slot][0] != NULL;
    pair_release(pair, slot);
    for (int i = 0; i < 2 && !had; i++) {
        pair->snapshots[slot][i] = pair->kvs[i]->ops->snapshot(pair->kvs[i]);
    }
}

/* Only keys that nothing refers to are dropped: no snapshot is open then. */
static void pair_drop(struct pair *pair)
{
    struct buf from;
    struct buf to;
    uint8_t *slot = &pair->ids[random_doc_below(&pair->random, PAIR_IDS)];
    uint32_t id = *slot;
    buf_init(&from, NULL);
    buf_init(&to, NULL);
    store_key_id(&from, id);
    store_key_id(&to, id + 1);
    for (uint32_t i = 0; i < PAIR_SNAPSHOTS; i++) {
        pair_release(pair, i);
    }
    for (int i = 0; i < 2; i++) {
        struct store_kv *kv = pair->kvs[i];
        assert_int_equal(kv->ops->drop_range(kv, buf_slice(&from), buf_slice(&to)), 0);
    }
    *slot = ++pair->last_id;
    buf_close(&from);
    buf_close(&to);
}

static void pair_flush(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        uint64_t index = 0;
        assert_int_equal(pair->kvs[i]->ops->flush(pair->kvs[i], &index), 0);
        assert_int_equal(index, pair->index);
    }
}

static void pair_step(struct pair *pair)
{
    switch (random_doc_below(&pair->random, 60)) {
    case 0:
        pair_drop(pair);
        break;
    case 1:
        pair_flush(pair);
        break;
    case 2:
    case 3:
    case 4:
        pair_snapshot(pair);
        break;
    default:
        switch (random_doc_below(&pair->random, 3)) {
        case 0:
            pair_apply(pair);
            break;
        case 1:
            pair_get(pair);
            break;
        default:
            pair_walk(pair);
            break;
        }
        break;
    }
}

TEST(kv_engines_give_the_same_answers)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct pair pair;
        pair_open(&pair, seed, "lz4");
        for (int i = 0; i < PAIR_STEPS; i++) {
            pair_step(&pair);
        }
        pair_close(&pair);
    }
}

TEST(kv_on_disk_comes_back_as_it_was_flushed)
{
    for (uint64_t seed = 77; seed <= 78; seed++) {
        struct pair pair;
        pair_open(&pair, seed, "lz4");
        for (int i = 0; i < 200; i++) {
            pair_apply(&pair);
        }
        pair_flush(&pair);
        pair.kvs[0]->ops->close(pair.kvs[0]);
        pair_open_rocks(&pair);
        assert_int_equal(pair.kvs[0]->ops->applied(pair.kvs[0]).index, pair.index);
        for (int i = 0; i < 200; i++) {
            pair_get(&pair);
            pair_walk(&pair);
        }
        pair_close(&pair);
    }
}

static struct slice pair_alike(int number, uint8_t key[PAIR_KEY_MAX])
{
    const uint8_t bytes[6] = {0, 0, 0, 1, (uint8_t)(number >> 8), (uint8_t)number};
    memcpy(key, bytes, sizeof bytes);
    return slice_of(key, sizeof bytes);
}

/* Records of 1 KB that begin alike, but for their number: flushed, and as they are. */
static void pair_load_alike(struct pair *pair, int count)
{
    uint8_t value[1000];
    memset(value, 'a', sizeof value);
    for (int i = 0; i < count; i++) {
        struct buf payload;
        uint8_t key[PAIR_KEY_MAX];
        memcpy(value, &i, sizeof i);
        buf_init(&payload, NULL);
        store_effect_begin(&payload, pair->index);
        store_effect_put(&payload, pair_alike(i, key), slice_of(value, sizeof value));
        struct slice payloads[1] = {buf_slice(&payload)};
        struct store_mark mark = {++pair->index, 3, pair->index};
        for (int k = 0; k < 2; k++) {
            assert_int_equal(pair->kvs[k]->ops->apply(pair->kvs[k], payloads, 1, mark), 0);
        }
        buf_close(&payload);
    }
    pair_flush(pair);
}

static uint64_t pair_size(struct pair *pair)
{
    return pair->kvs[0]->ops->size(pair->kvs[0], SLICE("\0\0\0\1"), SLICE("\0\0\0\2"));
}

TEST(kv_on_disk_is_packed_when_it_rests)
{
    struct pair pair;
    pair_open(&pair, 5, "lz4");
    struct store_kv *kv = pair.kvs[0];
    pair_load_alike(&pair, 100);
    assert_true(pair_size(&pair) > 90000);
    for (int i = 0; i < 3; i++) {
        assert_true(kv->ops->settle(kv));
    }
    assert_false(kv->ops->settle(kv));
    uint64_t until = clock_mono_us() + 20 * 1000000;
    while (pair_size(&pair) > 45000) {
        assert_true(clock_mono_us() < until);
        sched_yield();
    }
    pair_walk(&pair);
    pair_close(&pair);
}

/* Have the records in files of a few each, most of which are not open, and none in memory: RocksDB
 * opens 16. */
static void pair_split(struct pair *pair)
{
    const char *names[1] = {"target_file_size_base"};
    const char *values[1] = {"2000"};
    char *message = NULL;
    rocksdb_t *db = rocks_of(pair->kvs[0])->db;
    rocksdb_set_options(db, 1, names, values, &message);
    assert_null(message);
    for (int i = 0; i < 2; i++) { /* the first file goes down as it is */
        pair_load_alike(pair, PAIR_SPLIT);
        rocksdb_compact_range(db, NULL, 0, NULL, 0);
    }
    const rocksdb_livefiles_t *files = rocksdb_livefiles(db);
    assert_true(rocksdb_livefiles_count(files) > 20);
    rocksdb_livefiles_destroy(files);
    pair->kvs[0]->ops->close(pair->kvs[0]);
    pair_open_rocks(pair);
}

/* How many keys there are from id 1 on, without waiting; what is missing is brought in between. */
static int pair_count_from_memory(struct pair *pair)
{
    struct store_kv *kv = pair->kvs[0];
    struct buf last;
    int count = 0;
    int code;
    buf_init(&last, NULL);
    store_key_id(&last, 1);
    do {
        struct store_cursor *cursor = kv->ops->cursor(kv, NULL, STORE_MEMORY_ONLY);
        code = cursor->ops->seek(cursor, buf_slice(&last), false);
        for (; code > 0; code = cursor->ops->step(cursor)) {
            struct slice key = cursor->ops->key(cursor);
            count += slice_compare(key, buf_slice(&last)) > 0;
            last.len = 0;
            buf_append_slice(&last, key);
        }
        cursor->ops->close(cursor);
        assert_int_equal(store_fetch(kv, buf_slice(&last), false, 1), 0);
    } while (code == -LT_EAGAIN);
    buf_close(&last);
    assert_int_equal(code, 0);
    return count;
}

TEST(kv_on_disk_walks_from_file_to_file_without_waiting_or_losing_any)
{
    struct pair pair;
    pair_open(&pair, 6, "none");
    pair_split(&pair);
    assert_int_equal(pair_count_from_memory(&pair), PAIR_SPLIT);
    pair_close(&pair);
}

/* No collection has these records' id: its range is given back, once. */
TEST(kv_on_disk_gives_back_what_the_catalog_does_not_know_once)
{
    static const struct store_filter_ops no_filters;
    struct pair pair;
    struct buf dropped;
    uint32_t ranges;
    pair_open(&pair, 7, "none");
    pair_load_alike(&pair, 100);
    buf_init(&dropped, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(store_reclaim(pair.kvs[0], &no_filters, &dropped, &ranges), 0);
        assert_int_equal(ranges, i == 0 ? 1 : 0);
        assert_int_equal(dropped.len, sizeof(uint32_t));
    }
    pair_flush(&pair);
    rocksdb_compact_range(rocks_of(pair.kvs[0])->db, NULL, 0, NULL, 0);
    assert_int_equal(store_reclaim(pair.kvs[0], &no_filters, &dropped, &ranges), 0);
    assert_int_equal(ranges, 0);
    assert_int_equal(dropped.len, 0);
    buf_close(&dropped);
    pair_close(&pair);
}

static sem_t merging_was_asked;
static int merging_nice;

static void merging_note(void *unused)
{
    (void)unused;
    merging_nice = getpriority(PRIO_PROCESS, 0);
    sem_post(&merging_was_asked);
}

TEST(kv_on_disk_merges_files_on_a_thread_that_stands_back)
{
    struct pair pair;
    int own = getpriority(PRIO_PROCESS, 0);
    sem_init(&merging_was_asked, 0, 0);
    pair_open(&pair, 6, "lz4");
    store__rocks_run_merging(merging_note);
    sem_wait(&merging_was_asked);
    assert_int_equal(merging_nice, own + 5 < 19 ? own + 5 : 19);
    pair_close(&pair);
    sem_destroy(&merging_was_asked);
}

TEST(kv_on_disk_says_of_what_is_not_in_memory_that_it_must_wait)
{
    struct pair pair;
    pair_open(&pair, 8, "none");
    pair_split(&pair);
    struct store_kv *kv = pair.kvs[0];
    for (int i = 0; i < PAIR_SPLIT; i++) {
        uint8_t bytes[PAIR_KEY_MAX];
        struct slice name = pair_alike(i, bytes);
        struct store_pin pin;
        int code = kv->ops->get(kv, NULL, name, STORE_MEMORY_ONLY, &pin);
        if (code == -LT_EAGAIN) {
            assert_int_equal(store_fetch(kv, name, false, 0), 0);
            code = kv->ops->get(kv, NULL, name, STORE_MEMORY_ONLY, &pin);
        }
        assert_int_equal(code, 0);
        assert_int_equal(pin.value.len, 1000);
        assert_memory_equal(pin.value.data, &i, sizeof i);
        store_pin_release(&pin);
    }
    pair_close(&pair);
}
