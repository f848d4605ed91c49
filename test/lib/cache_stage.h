/* test/lib/cache_stage.h - a cache over cells, with levels below it in a folder, worked by hand.
 *
 * Invariant   time goes on by a twentieth of a second a turn, so budgets are filled.
 * Thread      one.
 * Memory      the cells outlive the cache, so that it can be stopped and started again.
 * Errors      asserted; those of the levels are counted.
 */
#ifndef TEST_LIB_CACHE_STAGE_H
#define TEST_LIB_CACHE_STAGE_H

#include "cache/cache.h"
#include "lib/cache_folder.h"
#include "lib/cells_kv.h"
#include "lib/test.h"

enum { SECOND_US = 1000000 };

/* A cache over cells that outlive it. */
struct stage {
    struct folder folder;
    struct cells cells;
    struct cache *cache;
    uint64_t now_us;
    uint64_t seed;
    uint32_t troubles;
    char trouble[256];
};

static inline void stage_trouble(void *context, const char *text)
{
    struct stage *stage = context;
    stage->troubles++;
    snprintf(stage->trouble, sizeof stage->trouble, "%s", text);
}

static inline void stage_init(struct stage *stage)
{
    *stage = (struct stage){.cells.kv.ops = &cells_ops, .now_us = SECOND_US};
    folder_open(&stage->folder, "lz4");
    stage->folder.levels.by_hand = true;
    stage->folder.levels.trouble = stage_trouble;
    stage->folder.levels.context = stage;
}

/* Memory for two thirds of the cells; every start has another seed. */
static inline void stage_open(struct stage *stage)
{
    struct cache_options options = {.bytes_max = 160 << 10,
                                    .seed = ++stage->seed,
                                    .policy = &cache_policy_lru,
                                    .levels = &stage->folder.levels};
    stage->cache = cache_new(&options, &stage->cells.kv);
    stage->cells.front = cache_kv(stage->cache);
}

static inline void stage_start(struct stage *stage)
{
    stage_open(stage);
    cache_begin(stage->cache);
}

static inline void stage_stop(struct stage *stage)
{
    stage->cells.front->ops->close(stage->cells.front);
}

static inline void stage_work(struct stage *stage)
{
    stage->now_us += SECOND_US / 20;
    cache_work(stage->cache, stage->now_us);
}

static inline void stage_fill(struct stage *stage)
{
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        cells_set(stage->cells.front, (uint8_t)cell, 1000 + cell);
    }
}

/* Read [from, to) some times over; every read is right. */
static inline void stage_read(struct stage *stage, uint32_t from, uint32_t to, int times)
{
    for (int i = 0; i < times; i++) {
        for (uint32_t cell = from; cell < to; cell++) {
            uint64_t value = cells_read(stage->cells.front, (uint8_t)cell);
            assert_int_equal(value, atomic_load(&stage->cells.cells[cell]));
            stage_work(stage);
        }
    }
}

static inline struct cache_levels_stats stage_stats(struct stage *stage)
{
    struct cache_below_stats below;
    assert_true(cache_below(stage->cache, &below));
    return below.levels;
}

static inline uint64_t stage_engine_gets(struct stage *stage, uint32_t from, uint32_t to)
{
    uint64_t before = atomic_load(&stage->cells.gets);
    stage_read(stage, from, to, 1);
    return atomic_load(&stage->cells.gets) - before;
}

static inline void stage_flip(struct stage *stage, const char *name, uint32_t seed)
{
    struct random_doc random = {seed};
    uint8_t byte;
    char path[96];
    snprintf(path, sizeof path, "%s/%s", stage->folder.path, name);
    int fd = open(path, O_RDWR);
    uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
    off_t at = (off_t)(random_doc_next(&random) % size);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (uint8_t)(1 << seed % 8);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Bits of both files turn over between a stop and a start: all reads are right, and damage is only
 * counted. */
static inline void stage_expect_misses(struct stage *stage)
{
    uint64_t damaged = 0;
    for (uint32_t seed = 0; seed < 40; seed++) {
        stage_read(stage, 0, CELLS, 3);
        stage_stop(stage);
        stage_flip(stage, seed % 2 == 0 ? "mapped" : "disk", seed);
        stage_start(stage);
        stage_read(stage, 0, CELLS, 2);
        struct cache_levels_stats stats = stage_stats(stage);
        damaged += stats.mapped.damaged + stats.disk.damaged;
    }
    assert_int_equal(stage->troubles, 0);
    assert_in_range(damaged, 5, 400);
}

#endif
