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

/* An engine of CELLS numbers, which belong to COLLECTIONS collections by turns. A key is the
 * collection's id and the cell's number; its value, 8 bytes, is the number in the cell. */
enum { COLLECTIONS = 4, CELL_KEY = 5 };

struct cells {
    struct store_kv kv;
    _Atomic uint64_t cells[CELLS]; /* 0: not there */
    void (*during_get)(struct cells *cells);
    void (*during_apply)(struct cells *cells);
    struct store_kv *front;
    _Atomic uint64_t gets;
};

static struct cells *cells_of(struct store_kv *kv)
{
    return (struct cells *)kv;
}

static struct slice cells_key(uint8_t cell, uint8_t bytes[CELL_KEY])
{
    const uint8_t key[CELL_KEY] = {0, 0, 0, (uint8_t)(1 + cell % COLLECTIONS), cell};
    memcpy(bytes, key, sizeof key);
    return slice_of(bytes, CELL_KEY);
}

static int cells_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    (void)snapshot;
    (void)wait;
    struct cells *cells = cells_of(kv);
    uint64_t value = atomic_load(&cells->cells[key.data[4]]);
    atomic_fetch_add(&cells->gets, 1);
    if (cells->during_get != NULL) {
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
            atomic_store(&cells->cells[effect.key.data[4]], value);
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

static int cells_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    (void)kv;
    (void)from;
    (void)to;
    return 0;
}

static const struct store_kv_ops cells_ops = {.name = "cells",
                                              .close = cells_close,
                                              .get = cells_get,
                                              .apply = cells_apply,
                                              .drop_range = cells_drop_range};

static struct cache *cells_open_with(struct cells *cells, const struct cache_options *options)
{
    *cells = (struct cells){.kv = {&cells_ops}};
    struct cache *cache = cache_new(options, &cells->kv);
    cells->front = cache_kv(cache);
    return cache;
}

static struct cache *cells_open(struct cells *cells)
{
    struct cache_options options = {1 << 20, 42, &cache_policy_s3fifo};
    return cells_open_with(cells, &options);
}

static void cells_set(struct store_kv *kv, uint8_t cell, uint64_t value)
{
    uint8_t bytes[CELL_KEY];
    struct slice key = cells_key(cell, bytes);
    struct buf payload;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    if (value == 0) {
        store_effect_delete(&payload, key);
    } else {
        store_effect_put(&payload, key, slice_of(&value, sizeof value));
    }
    struct slice whole = buf_slice(&payload);
    assert_int_equal(kv->ops->apply(kv, &whole, 1, (struct store_mark){0}), 0);
    buf_close(&payload);
}

static uint64_t cells_read(struct store_kv *kv, uint8_t cell)
{
    uint8_t bytes[CELL_KEY];
    struct store_pin pin = {0};
    uint64_t value = 0;
    int code = kv->ops->get(kv, NULL, cells_key(cell, bytes), STORE_MAY_WAIT, &pin);
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
    assert_int_equal(cache_stats(cache, 0).counts.hits, 1);
    cells_set(cells.front, 1, 11);
    assert_int_equal(cells_read(cells.front, 1), 11);
    assert_int_equal(cache_stats(cache, 0).counts.hits,
                     2); /* what was cached is cached with its new value */
    cells_set(cells.front, 1, 0);
    assert_int_equal(cells_read(cells.front, 1), 0);
    cells.front->ops->close(cells.front);
}

static void change_once(struct cells *cells)
{
    if (atomic_load(&cells->gets) == 1) {
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

TEST(a_key_asked_for_twice_in_vain_is_known_to_be_absent_until_it_is_written)
{
    struct cells cells;
    struct cache *cache = cells_open(&cells);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(cells_read(cells.front, 7), 0);
    }
    assert_int_equal(atomic_load(&cells.gets), 2);
    assert_int_equal(cache_stats(cache, 0).counts.absent, 3);
    cells_set(cells.front, 7, 70);
    assert_int_equal(cells_read(cells.front, 7), 70);
    assert_int_equal(atomic_load(&cells.gets), 2); /* it is cached with its value at once */
    cells.front->ops->close(cells.front);
}

/* ---- tidying ---- */

static void tidy_all(struct cache *cache)
{
    struct cache_tidy tidy = {.hurry = true};
    while (cache_tidy_step(cache, &tidy)) {
    }
}

/* One cell changes all the time, the others now and then: each segment has something that lives. */
TEST(tidying_gives_memory_back_and_keeps_what_is_cached)
{
    struct cells cells;
    struct cache *cache = cells_open(&cells);
    for (uint64_t number = 1; number < 20000; number++) {
        uint8_t cell = number % 300 == 0 ? (uint8_t)(1 + number / 300 % (CELLS - 1)) : 0;
        cells_set(cells.front, cell, number);
        cells_read(cells.front, cell);
    }
    struct cache_space_stats before = cache_stats(cache, 0);
    assert_true(before.dead + cache_spare(cache) > 2 * CACHE_SEGMENT_BYTES);
    tidy_all(cache);
    struct cache_space_stats after = cache_stats(cache, 0);
    assert_true(after.dead < CACHE_SEGMENT_BYTES); /* of the segment that is written to */
    assert_int_equal(cache_spare(cache), 0);
    assert_int_equal(after.counts.entries, before.counts.entries);
    assert_int_equal(after.live, before.live);
    for (uint8_t cell = 1; cell < CELLS; cell++) {
        assert_int_equal(cells_read(cells.front, cell), atomic_load(&cells.cells[cell]));
    }
    assert_int_equal(cache_stats(cache, 0).counts.misses, after.counts.misses);
    cells.front->ops->close(cells.front);
}

/* ---- rules ---- */

static const struct cache_options roomy = {64 << 20, 42, &cache_policy_s3fifo};

static uint64_t now_us;

static uint64_t fake_clock(void)
{
    return now_us;
}

TEST(a_collection_with_a_quota_has_a_space_and_a_policy_of_its_own)
{
    struct cells cells;
    struct cache *cache = cells_open_with(&cells, &roomy);
    struct cache_rule rule = {&cache_policy_lru, CACHE_QUOTA_MIN, 2, 0};
    cells_set(cells.front, 1, 10); /* of collection 2 */
    cells_read(cells.front, 1);
    cache_set_rules(cache, &rule, 1);
    struct cache_manner manner = cache_manner_of(cache, 2);
    assert_true(manner.own);
    assert_string_equal(manner.policy, "lru");
    assert_int_equal(manner.bytes_max, CACHE_QUOTA_MIN);
    assert_false(cache_manner_of(cache, 1).own);
    assert_int_equal(cache_manner_of(cache, 1).bytes_max, roomy.bytes_max - CACHE_QUOTA_MIN);
    assert_int_equal(cache_stats(cache, 2).counts.entries, 0); /* it begins empty */
    cells_read(cells.front, 1);
    cells_read(cells.front, 1);
    assert_int_equal(cache_stats(cache, 2).counts.hits, 1);
    cells_set(cells.front, 1, 11);
    assert_int_equal(cells_read(cells.front, 1), 11);
    cache_set_rules(cache, NULL, 0);
    assert_false(cache_manner_of(cache, 2).own);
    assert_int_equal(cache_manner_of(cache, 1).bytes_max, roomy.bytes_max);
    assert_int_equal(cache_stats(cache, 2).counts.entries, 0);
    assert_int_equal(cells_read(cells.front, 1), 11);
    cells.front->ops->close(cells.front);
}

TEST(quotas_take_at_most_half_and_later_ones_find_no_room)
{
    struct cells cells;
    struct cache *cache = cells_open_with(&cells, &roomy);
    struct cache_rule rules[COLLECTIONS];
    for (uint32_t i = 0; i < COLLECTIONS; i++) {
        rules[i] = (struct cache_rule){&cache_policy_pin, CACHE_QUOTA_MIN, i + 1, 0};
    }
    cache_set_rules(cache, rules, COLLECTIONS);
    for (uint32_t i = 0; i < COLLECTIONS; i++) {
        assert_int_equal(cache_manner_of(cache, i + 1).own, i < 2);
    }
    cells.front->ops->close(cells.front);
}

TEST(a_smaller_bound_is_shared_by_all_spaces)
{
    struct cells cells;
    struct cache *cache = cells_open_with(&cells, &roomy);
    struct cache_rule rule = {&cache_policy_lru, CACHE_QUOTA_MIN, 2, 0};
    cache_set_rules(cache, &rule, 1);
    assert_int_equal(cache_set_bound(cache, roomy.bytes_max / 4), roomy.bytes_max / 4);
    assert_int_equal(cache_manner_of(cache, 2).bytes_max, CACHE_QUOTA_MIN / 4);
    assert_int_equal(cache_manner_of(cache, 1).bytes_max, (roomy.bytes_max - CACHE_QUOTA_MIN) / 4);
    cache_set_rules(cache, NULL, 0);
    assert_int_equal(cache_manner_of(cache, 1).bytes_max, roomy.bytes_max / 4);
    cache_set_rules(cache, &rule, 1);
    assert_int_equal(cache_set_bound(cache, UINT64_MAX), roomy.bytes_max);
    assert_int_equal(cache_manner_of(cache, 2).bytes_max, CACHE_QUOTA_MIN);
    cells.front->ops->close(cells.front);
}

TEST(entries_of_a_collection_with_a_lifetime_expire)
{
    struct cells cells;
    struct cache_options options = roomy;
    struct cache_rule rule = {.collection = 2, .ttl_s = 5};
    options.clock_us = fake_clock;
    now_us = 1000000;
    struct cache *cache = cells_open_with(&cells, &options);
    cache_set_rules(cache, &rule, 1);
    cells_set(cells.front, 1, 10); /* of collection 2 */
    cells_set(cells.front, 2, 20); /* of another */
    for (int i = 0; i < 2; i++) {
        cells_read(cells.front, 1);
        cells_read(cells.front, 2);
    }
    assert_int_equal(atomic_load(&cells.gets), 2);
    now_us += 5000000;
    assert_int_equal(cells_read(cells.front, 1), 10);
    assert_int_equal(cells_read(cells.front, 2), 20);
    assert_int_equal(atomic_load(&cells.gets), 3);
    assert_int_equal(cache_stats(cache, 2).counts.expirations, 1);
    cells.front->ops->close(cells.front);
}

TEST(dropping_a_range_drops_what_is_cached_of_it)
{
    struct cells cells;
    struct cache *cache = cells_open(&cells);
    cells_set(cells.front, 1, 10);
    cells_set(cells.front, 2, 20);
    cells_read(cells.front, 1);
    cells_read(cells.front, 2);
    cells.front->ops->drop_range(cells.front, SLICE("\0\0\0\2"), SLICE("\0\0\0\3"));
    assert_int_equal(cache_stats(cache, 2).counts.entries, 0);
    assert_int_equal(cache_stats(cache, 3).counts.entries, 1);
    cells.front->ops->close(cells.front);
}

/* ---- threads ---- */

/* A write's number stands in `started` before it and in `acknowledged` after it. Numbers that
 * DELETES divides are deletions, after which a cell is empty. */
enum { DELETES = 5 };

struct race {
    struct cells cells;
    struct cache *cache;
    _Atomic uint64_t started[CELLS];
    _Atomic uint64_t acknowledged[CELLS];
    atomic_bool done;
};

static bool race_is_empty(uint64_t number)
{
    return number % DELETES == 0;
}

/* A number is stale when a later one was acknowledged before the read. That a cell is empty is
 * stale when the number acknowledged before is a value, and no other write began since. */
static bool race_is_stale(struct race *race, uint8_t cell, uint64_t before, uint64_t value)
{
    if (value != 0) {
        return value < before;
    }
    return !race_is_empty(before) && atomic_load(&race->started[cell]) == before;
}

static void *race_read(void *context)
{
    struct race *race = context;
    struct random_doc random = {(uint64_t)(uintptr_t)&random};
    while (!atomic_load(&race->done)) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        uint64_t before = atomic_load(&race->acknowledged[cell]);
        uint64_t value = cells_read(race->cells.front, cell);
        if (race_is_stale(race, cell, before, value)) {
            fail_msg("cell %u: read %lu after %lu was acknowledged", cell, (unsigned long)value,
                     (unsigned long)before);
        }
    }
    return NULL;
}

static void *race_tidy(void *context)
{
    struct race *race = context;
    while (!atomic_load(&race->done)) {
        tidy_all(race->cache);
    }
    return NULL;
}

/* Every collection is treated in another way now and then. */
static void race_rules(struct cache *cache, struct random_doc *random)
{
    struct cache_rule rules[COLLECTIONS];
    uint32_t count = 0;
    for (uint32_t id = 1; id <= COLLECTIONS; id++) {
        uint32_t kind = random_doc_below(random, 3);
        if (kind > 0) {
            rules[count++] = (struct cache_rule){kind == 1 ? &cache_policy_lru : NULL,
                                                 kind == 1 ? CACHE_QUOTA_MIN : 0, id, kind};
        }
    }
    cache_set_rules(cache, rules, count);
}

static void race_run(struct race *race, const struct cache_options *options, uint32_t rules_every)
{
    pthread_t readers[3];
    pthread_t tidier;
    struct random_doc random = {5};
    struct cache *cache = race->cache = cells_open_with(&race->cells, options);
    atomic_store(&race->done, false);
    assert_int_equal(pthread_create(&tidier, NULL, race_tidy, race), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, race_read, race), 0);
    }
    for (uint64_t number = 1; number <= 20000; number++) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        atomic_store(&race->started[cell], number);
        cells_set(race->cells.front, cell, race_is_empty(number) ? 0 : number);
        atomic_store(&race->acknowledged[cell], number);
        if (rules_every != 0 && number % rules_every == 0) {
            race_rules(cache, &random);
        }
    }
    atomic_store(&race->done, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(readers[i], NULL);
    }
    pthread_join(tidier, NULL);
    assert_true(cache_stats(cache, 0).counts.invalidations > 0);
    assert_true(cache_stats(cache, 0).counts.absent > 0);
    race->cells.front->ops->close(race->cells.front);
}

TEST(no_read_after_an_acknowledged_write_is_stale)
{
    static struct race race;
    struct cache_options options = {1 << 20, 42, &cache_policy_s3fifo};
    race_run(&race, &options, 0);
}

TEST(not_even_while_rules_change)
{
    static struct race race;
    race_run(&race, &roomy, 50);
}
