/* cache/cache_test.c - the cache in front of an engine is never seen, but for its speed. */
#include "cache/cache.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lib/cache_folder.h"
#include "lib/cells_kv.h"
#include "lib/test.h"
#include "store/page.h"

static struct cache *cells_open_with(struct cells *cells, const struct cache_options *options)
{
    *cells = (struct cells){.kv = {&cells_ops}};
    struct cache *cache = cache_new(options, &cells->kv);
    cache_begin(cache);
    cells->front = cache_kv(cache);
    return cache;
}

static struct cache *cells_open(struct cells *cells)
{
    struct cache_options options = {1 << 20, 42, &cache_policy_s3fifo};
    return cells_open_with(cells, &options);
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
        uint8_t cell = number % 100 == 0 ? (uint8_t)(1 + number / 100 % (CELLS - 1)) : 0;
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
        enum store_wait wait = random_doc_below(&random, 2) ? STORE_MAY_WAIT : STORE_MEMORY_ONLY;
        uint64_t value = cells_read_so(race->cells.front, cell, wait);
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

/* Reads the cells of collections in order, and tells of each that it waited for it. It brings what
 * is guessed, too: on a busy machine the other thread may always come too late. */
static void *race_read_in_order(void *context)
{
    struct race *race = context;
    for (uint32_t i = 0; !atomic_load(&race->done); i++) {
        struct cell_key key;
        uint8_t cell = cells_at((int)(i % CELLS));
        uint64_t before = atomic_load(&race->acknowledged[cell]);
        uint64_t misses = cache_stats(race->cache, 0).counts.misses;
        uint64_t value = cells_read(race->cells.front, cell);
        if (race_is_stale(race, cell, before, value)) {
            fail_msg("cell %u: read %lu after %lu was acknowledged", cell, (unsigned long)value,
                     (unsigned long)before);
        }
        if (cache_stats(race->cache, 0).counts.misses > misses) {
            cache_missed(race->cache, cell_key(cell, &key));
            assert_int_equal(cache_ahead_fetch(race->cache), 0);
        }
    }
    return NULL;
}

static void *race_bring(void *context)
{
    struct race *race = context;
    while (!atomic_load(&race->done)) {
        assert_int_equal(cache_ahead_fetch(race->cache), 0);
    }
    return NULL;
}

enum { RACE_QUOTA = 100 << 10, RACE_BYTES = 2 * RACE_QUOTA };

/* Now and then another collection has a space of its own, and others a lifetime. */
static void race_rules(struct cache *cache, struct random_doc *random)
{
    struct cache_rule rules[COLLECTIONS];
    uint32_t count = 0;
    uint32_t own = 1 + random_doc_below(random, COLLECTIONS);
    for (uint32_t id = 1; id <= COLLECTIONS; id++) {
        if (id == own) {
            rules[count++] = (struct cache_rule){&cache_policy_lru, RACE_QUOTA, id, 0};
        } else if (random_doc_below(random, 2) == 0) {
            rules[count++] = (struct cache_rule){.collection = id, .ttl_s = id};
        }
    }
    cache_set_rules(cache, rules, count);
}

/* Readers never see less than was acknowledged while one writes, until what is to be tried has
 * been tried often enough. */
static void race_run(struct race *race, const struct cache_options *options, uint32_t rules_every,
                     bool (*enough)(struct cache *cache))
{
    void *(*const threads[])(void *context) = {race_read, race_read,          race_read,
                                               race_tidy, race_read_in_order, race_bring};
    size_t count = options->ahead ? 6 : 4;
    pthread_t started[6];
    struct random_doc random = {5};
    *race = (struct race){0};
    struct cache *cache = race->cache = cells_open_with(&race->cells, options);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&started[i], NULL, threads[i], race), 0);
    }
    for (uint64_t number = 1; number % 1000 != 0 || !enough(cache); number++) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        atomic_store(&race->started[cell], number);
        cells_set(race->cells.front, cell, race_is_empty(number) ? 0 : number);
        atomic_store(&race->acknowledged[cell], number);
        if (rules_every != 0 && number % rules_every == 0) {
            race_rules(cache, &random);
        }
    }
    atomic_store(&race->done, true);
    for (size_t i = 0; i < count; i++) {
        pthread_join(started[i], NULL);
    }
}

static bool race_has_invalidated(struct cache *cache)
{
    struct cache_counts counts = cache_stats(cache, 0).counts;
    return counts.invalidations > 10000 && counts.absent > 100;
}

TEST(no_read_after_an_acknowledged_write_is_stale)
{
    static struct race race;
    struct cache_options options = {1 << 20, 42, &cache_policy_s3fifo};
    race_run(&race, &options, 0, race_has_invalidated);
    race.cells.front->ops->close(race.cells.front);
}

TEST(not_even_while_rules_change)
{
    static struct race race;
    struct cache_options options = {RACE_BYTES, 42, &cache_policy_s3fifo};
    race_run(&race, &options, 50, race_has_invalidated);
    race.cells.front->ops->close(race.cells.front);
}

/* ---- pages ---- */

/* Which cells of a collection are there, by their page. */
static void race_read_page(struct race *race, uint32_t collection, bool there[CELLS])
{
    struct store_kv *front = race->cells.front;
    const uint8_t name[4] = {0, 0, 0, (uint8_t)collection};
    struct store_pin page;
    assert_int_equal(front->ops->page(front, slice_of(name, 4), STORE_MAY_WAIT, &page), 0);
    memset(there, 0, CELLS * sizeof *there);
    for (int i = 0; i < store_page_count(page.value); i++) {
        there[store_page_rest(page.value, i).data[0]] = true;
    }
    store_pin_release(&page);
}

static void *race_read_pages(void *context)
{
    struct race *race = context;
    struct random_doc random = {(uint64_t)(uintptr_t)&random};
    uint64_t before[CELLS];
    bool there[CELLS];
    while (!atomic_load(&race->done)) {
        uint32_t collection = 1 + random_doc_below(&random, COLLECTIONS);
        for (int cell = 0; cell < CELLS; cell++) {
            before[cell] = atomic_load(&race->acknowledged[cell]);
        }
        race_read_page(race, collection, there);
        for (uint32_t cell = collection - 1; cell < CELLS; cell += COLLECTIONS) {
            bool was_there = before[cell] != 0 && !race_is_empty(before[cell]);
            if (there[cell] != was_there && atomic_load(&race->started[cell]) == before[cell]) {
                fail_msg("cell %u: %s in the page after %lu was acknowledged", cell,
                         there[cell] ? "still" : "not", (unsigned long)before[cell]);
            }
        }
    }
    return NULL;
}

TEST(no_page_is_stale)
{
    static struct race race;
    struct random_doc random = {5};
    pthread_t readers[2];
    race = (struct race){0};
    struct cache *cache = race.cache = cells_open_with(&race.cells, &roomy);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, race_read_pages, &race), 0);
    }
    struct cache_counts counts = {0};
    for (uint64_t number = 1; counts.hits < 2000 || counts.invalidations < 2000; number++) {
        uint8_t cell = (uint8_t)random_doc_below(&random, CELLS);
        atomic_store(&race.started[cell], number);
        cells_change(race.cells.front, cell, race_is_empty(number) ? 0 : number, true);
        atomic_store(&race.acknowledged[cell], number);
        if (number % 1000 == 0) {
            counts = cache_stats(cache, 0).counts;
        }
        if (number % 8 == 0) {
            sched_yield();
        }
    }
    atomic_store(&race.done, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
    }
    race.cells.front->ops->close(race.cells.front);
}

/* ---- ahead ---- */

static bool race_has_brought(struct cache *cache)
{
    struct cache_counts counts = cache_stats(cache, 0).counts;
    return counts.ahead > 2000 && counts.ahead_used > 500 && counts.invalidations > 2000;
}

/* The recorder takes a third of the memory: there is room for a part of the cells. */
TEST(what_is_brought_ahead_is_not_stale_either)
{
    static struct race race;
    struct cache_options options = {.bytes_max = RACE_BYTES + RACE_QUOTA,
                                    .seed = 42,
                                    .policy = &cache_policy_s3fifo,
                                    .ahead = true};
    race_run(&race, &options, 50, race_has_brought);
    race.cells.front->ops->close(race.cells.front);
}

TEST(records_that_follow_those_that_were_missed_are_brought)
{
    struct cells cells;
    struct cache_options options = roomy;
    options.ahead = true;
    struct cache *cache = cells_open_with(&cells, &options);
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        cells_set(cells.front, (uint8_t)cell, cell + 1);
    }
    uint64_t waits = 0;
    for (int place = 0; place < CELLS / COLLECTIONS; place++) {
        struct cell_key key;
        uint64_t misses = cache_stats(cache, 0).counts.misses;
        assert_int_equal(cells_read(cells.front, cells_at(place)), cells_at(place) + 1u);
        if (cache_stats(cache, 0).counts.misses > misses) {
            cache_missed(cache, cell_key(cells_at(place), &key));
            waits++;
        }
        while (cache_ahead_waits(cache)) {
            assert_int_equal(cache_ahead_fetch(cache), 0);
        }
    }
    struct cache_counts counts = cache_stats(cache, 1).counts;
    assert_int_equal(waits, 3);
    assert_int_equal(counts.ahead,
                     CELLS / COLLECTIONS - 3); /* and nothing of the next collection */
    assert_int_equal(counts.ahead_used, counts.ahead);
    assert_int_equal(cache_stats(cache, 2).counts.ahead, 0);
    cells.front->ops->close(cells.front);
}

TEST(nothing_is_brought_while_memory_is_short)
{
    struct cells cells;
    struct cache_options options = roomy;
    options.ahead = true;
    struct cache *cache = cells_open_with(&cells, &options);
    cache_set_bound(cache, cache_bytes_max(cache) / 2);
    for (int place = 0; place < CELLS / COLLECTIONS; place++) {
        struct cell_key key;
        cache_missed(cache, cell_key(cells_at(place), &key));
        assert_false(cache_ahead_waits(cache));
    }
    assert_true(cache_ahead_stats(cache).refused > 0);
    cells.front->ops->close(cells.front);
}

/* ---- levels ---- */

static bool race_has_moved(struct cache *cache)
{
    struct cache_below_stats below;
    assert_true(cache_below(cache, &below));
    const struct cache_levels_stats *levels = &below.levels;
    return below.promotions > 500 && levels->demotions > 1000 && levels->overtaken > 10 &&
           levels->mapped.hits > 500 && levels->mapped.evictions > 100 && levels->disk.hits > 20;
}

static void race_levels(const char *codec, uint32_t rules_every)
{
    static struct race race;
    struct folder folder;
    struct cache_below_stats below;
    folder_open(&folder, codec);
    /* Memory is for a part of the cells only. */
    struct cache_options options = {.bytes_max = RACE_BYTES,
                                    .seed = 42,
                                    .policy = &cache_policy_s3fifo,
                                    .levels = &folder.levels};
    race_run(&race, &options, rules_every, race_has_moved);
    cache_below(race.cache, &below);
    assert_int_equal(below.levels.mapped.damaged + below.levels.disk.damaged, 0);
    race.cells.front->ops->close(race.cells.front);
    folder_close(&folder);
}

TEST(no_read_is_stale_while_entries_move_between_the_levels)
{
    race_levels("none", 0);
    race_levels("lz4", 0);
    race_levels("zstd", 0);
}

TEST(not_even_when_collections_come_and_go_in_the_common_space)
{
    race_levels("lz4", 500);
}
