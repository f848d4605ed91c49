/* cache/cache_test.c - the cache in front of an engine is never seen, but for its speed. */
#include "cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/effect.h"

enum { CELLS = 64 };

/* An engine of CELLS numbers; key = the cell's number, value = its number, a record of 8 bytes. */
struct cells {
    struct store_kv kv;
    _Atomic uint64_t cells[CELLS]; /* 0: not there */
    void (*during_get)(struct cells *cells);
    void (*during_apply)(struct cells *cells);
    struct store_kv *front;
    uint64_t gets;
};

static struct cells *cells_of(struct store_kv *kv)
{
    return (struct cells *)kv;
}

static int cells_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    (void)snapshot;
    (void)wait;
    struct cells *cells = cells_of(kv);
    uint64_t value = atomic_load(&cells->cells[key.data[0]]);
    if (cells->during_get != NULL) {
        cells->gets++;
        cells->during_get(cells);
    }
    if (value == 0) {
        return -LT_ENOSUCHKEY;
    }
    uint64_t *copy = mem_alloc(sizeof *copy);
    *copy = value;
    *ret_pin = (struct store_pin){slice_of(copy, sizeof *copy), copy, mem_free};
    return 0;
}

static int cells_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                       struct store_mark mark)
{
    (void)mark;
    struct cells *cells = cells_of(kv);
    for (size_t i = 0; i < count; i++) {
        struct store_effect effect;
        for (size_t at = 0; store_effect_next(payloads[i], &at, &effect) > 0;) {
            uint64_t value = 0;
            memcpy(&value, effect.value.data, effect.value.len);
            atomic_store(&cells->cells[effect.key.data[0]], value);
        }
    }
    if (cells->during_apply != NULL) {
        cells->during_apply(cells);
    }
    return 0;
}

static void cells_close(struct store_kv *kv)
{
    (void)kv;
}

static const struct store_kv_ops cells_ops = {
    .name = "cells", .close = cells_close, .get = cells_get, .apply = cells_apply};

static struct cache *cells_open(struct cells *cells)
{
    *cells = (struct cells){.kv = {&cells_ops}};
    struct cache_options options = {1 << 20, 42, &cache_policy_s3fifo};
    struct cache *cache = cache_new(&options, &cells->kv);
    cells->front = cache_kv(cache);
    return cache;
}

static void cells_set(struct store_kv *kv, uint8_t cell, uint64_t value)
{
    struct buf payload;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    if (value == 0) {
        store_effect_delete(&payload, slice_of(&cell, 1));
    } else {
        store_effect_put(&payload, slice_of(&cell, 1), slice_of(&value, sizeof value));
    }
    struct slice whole = buf_slice(&payload);
    assert_int_equal(kv->ops->apply(kv, &whole, 1, (struct store_mark){0}), 0);
    buf_close(&payload);
}

static uint64_t cells_read(struct store_kv *kv, uint8_t cell)
{
    struct store_pin pin = {0};
    uint64_t value = 0;
    int code = kv->ops->get(kv, NULL, slice_of(&cell, 1), STORE_MAY_WAIT, &pin);
    if (code == 0) {
        memcpy(&value, pin.value.data, sizeof value);
        store_pin_release(&pin);
    } else {
        assert_int_equal(code, -LT_ENOSUCHKEY);
    }
    return value;
}

TEST(a_second_get_is_a_hit_and_a_write_is_seen_at_once)
{
    struct cells cells;
    struct cache *cache = cells_open(&cells);
    cells_set(cells.front, 1, 10);
    assert_int_equal(cells_read(cells.front, 1), 10);
    assert_int_equal(cells_read(cells.front, 1), 10);
    assert_int_equal(cache_stats(cache).hits, 1);
    cells_set(cells.front, 1, 11);
    assert_int_equal(cells_read(cells.front, 1), 11);
    assert_int_equal(cache_stats(cache).hits, 2); /* what was cached is cached with its new value */
    cells_set(cells.front, 1, 0);
    assert_int_equal(cells_read(cells.front, 1), 0);
    cells.front->ops->close(cells.front);
}

static void change_once(struct cells *cells)
{
    if (cells->gets == 1) {
        cells_set(cells->front, 3, 31);
    }
}

TEST(a_value_that_changes_while_it_is_fetched_is_not_kept)
{
    struct cells cells;
    cells_open(&cells);
    cells_set(cells.front, 3, 30);
    cells.during_get = change_once;
    assert_int_equal(cells_read(cells.front, 3), 30); /* the get began before the write */
    assert_int_equal(cells_read(cells.front, 3), 31);
    cells.front->ops->close(cells.front);
}

/* In the middle of an apply a reader finds the engine's state, and leaves nothing behind. */
static void read_within(struct cells *cells)
{
    cells->during_apply = NULL;
    assert_int_equal(cells_read(cells->front, 4), 41);
    atomic_store(&cells->cells[4], 42);
}

TEST(nothing_is_kept_while_an_apply_goes_on)
{
    struct cells cells;
    cells_open(&cells);
    cells_set(cells.front, 4, 40);
    cells.during_apply = read_within;
    cells_set(cells.front, 4, 41);
    assert_int_equal(cells_read(cells.front, 4), 42);
    cells.front->ops->close(cells.front);
}

/* ---- threads ---- */

struct race {
    struct cells cells;
    _Atomic uint64_t acknowledged[CELLS];
    atomic_bool done;
};

static void *race_read(void *context)
{
    struct race *race = context;
    struct random_doc random = {(uint64_t)(uintptr_t)&random};
    uint64_t seen[CELLS] = {0};
    while (!atomic_load(&race->done)) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        uint64_t before = atomic_load(&race->acknowledged[cell]);
        uint64_t value = cells_read(race->cells.front, cell);
        if (value < before || value < seen[cell]) {
            fail_msg("cell %u: read %lu after %lu was acknowledged and %lu was seen", cell,
                     (unsigned long)value, (unsigned long)before, (unsigned long)seen[cell]);
        }
        seen[cell] = value;
    }
    return NULL;
}

TEST(no_read_after_an_acknowledged_write_is_stale)
{
    static struct race race;
    pthread_t readers[3];
    struct random_doc random = {5};
    struct cache *cache = cells_open(&race.cells);
    atomic_store(&race.done, false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, race_read, &race), 0);
    }
    for (uint64_t number = 1; number <= 20000; number++) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        cells_set(race.cells.front, cell, number);
        atomic_store(&race.acknowledged[cell], number);
    }
    atomic_store(&race.done, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(readers[i], NULL);
    }
    assert_true(cache_stats(cache).invalidations > 0);
    race.cells.front->ops->close(race.cells.front);
}
