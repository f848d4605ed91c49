/* cache/levels_test.c - what goes down, what comes up, and what a restart finds. */
#include "cache/levels.h"

#include "lib/cache_stage.h"

/* ---- what goes down ---- */

TEST(what_is_read_once_only_is_not_written)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, CELLS, 1);
    assert_int_equal(stage_stats(&stage).demotions, 0);
    assert_in_range(stage_stats(&stage).refused, CELLS / 3, CELLS);
    stage_read(&stage, 0, CELLS, 1);
    assert_in_range(stage_stats(&stage).demotions, CELLS / 4, CELLS);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(what_was_hit_in_the_mapped_file_goes_down_and_the_rest_leaves)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, CELLS, 8);
    struct cache_levels_stats stats = stage_stats(&stage);
    assert_true(stats.mapped.hits > 100);
    assert_true(stats.disk.written > 0);
    assert_true(stats.disk.hits > 50);
    assert_true(stats.mapped.evictions > 50);
    assert_int_equal(stats.mapped.kept, 0);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(without_a_file_below_what_was_hit_stays)
{
    static struct stage stage;
    stage_init(&stage);
    stage.folder.levels.disk_bytes = 0;
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, CELLS, 8);
    assert_true(stage_stats(&stage).mapped.kept > 20);
    assert_int_equal(stage_stats(&stage).disk.bytes_max, 0);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(no_more_is_written_than_the_budget_allows)
{
    static struct stage stage;
    stage_init(&stage);
    stage.folder.levels.write_bytes_second = 4000;
    stage_start(&stage);
    stage_fill(&stage);
    uint64_t begin_us = stage.now_us;
    stage_read(&stage, 0, CELLS, 4);
    struct cache_levels_stats stats = stage_stats(&stage);
    uint64_t seconds = (stage.now_us - begin_us) / SECOND_US;
    assert_true(stats.budget_dropped > 100);
    assert_in_range(stats.mapped.written + stats.disk.written, 1000 * seconds,
                    4000 * (seconds + 2));
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(a_queue_that_is_full_drops_and_goes_on)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    for (uint32_t i = 0; i < 4 * CELLS; i++) {
        assert_int_equal(cells_read(stage.cells.front, (uint8_t)(i % CELLS)), 1000 + i % CELLS);
    }
    assert_true(stage_stats(&stage).queue_dropped > CELLS);
    stage_read(&stage, 0, CELLS, 2);
    assert_true(stage_stats(&stage).demotions > 20);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

/* A guard without applies. */
static bool calm_note(void *context, uint64_t hash, uint32_t *ret_begun)
{
    (void)context;
    (void)hash;
    *ret_begun = 0;
    return true;
}

static bool calm_publish(void *context, struct cache_file *file, uint64_t hash, uint32_t position,
                         uint32_t begun)
{
    (void)context;
    (void)begun;
    cache_file_publish(file, hash, position);
    return true;
}

static struct store_mark calm_applied(void *context)
{
    (void)context;
    return (struct store_mark){.index = 1};
}

TEST(what_a_loop_could_not_unpack_in_time_is_not_written)
{
    static uint8_t zeroes[(1 << 20) + 1];
    const struct cache_guard guard = {calm_note, calm_publish, NULL, calm_applied, NULL};
    const uint8_t key[] = {0, 0, 0, 1, 'k'};
    uint64_t seed = 1;
    struct folder folder;
    struct store_pin pin;
    folder_open(&folder, "zstd");
    folder.levels.by_hand = true;
    folder.levels.queue_bytes = 4 << 20;
    struct cache_levels *levels = cache_levels_new(&folder.levels, &guard, &seed);
    cache_levels_begin(levels);
    for (uint64_t more = 0; more < 2; more++) {
        uint64_t hash = more << 40;
        struct cache_leaver leaver = {hash, slice_of(key, sizeof key),
                                      slice_of(zeroes, sizeof zeroes - 1 + more), true};
        cache_levels_offer(levels, &leaver, 0);
        cache_levels_work(levels, SECOND_US);
        int code = cache_levels_get(levels, hash, leaver.key, STORE_MAY_WAIT, &pin);
        assert_int_equal(code, more == 0 ? 0 : -LT_ENOSUCHKEY);
        if (code == 0) {
            assert_true(slice_equal(pin.value, leaver.value));
            store_pin_release(&pin);
        }
    }
    cache_levels_free(levels);
    folder_close(&folder);
}

/* What is asked for in a circle leaves the lower file just before it would be hit there. */
TEST(ghosts_move_bytes_from_file_to_file_and_a_restart_goes_on_with_them)
{
    static struct stage stage;
    stage_init(&stage);
    stage.folder.levels.moving_shares = true;
    stage.folder.levels.segment_bytes = 4 << 10;
    stage.folder.levels.mapped_bytes = 48 << 10;
    stage.folder.levels.disk_bytes = 48 << 10;
    uint64_t both = stage.folder.levels.mapped_bytes + stage.folder.levels.disk_bytes;
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, CELLS, 100);
    struct cache_levels_stats stats = stage_stats(&stage);
    assert_true(stats.ghosts[CACHE_SHARE_DISK] > 256);
    assert_true(stats.mapped.bytes_max < both / 2);
    assert_in_range(stats.mapped.bytes_max + stats.disk.bytes_max, both - (8 << 10), both);
    stage_stop(&stage);
    stage_start(&stage);
    assert_int_equal(stage.troubles, 0);
    assert_int_equal(stage_stats(&stage).mapped.bytes_max, stats.mapped.bytes_max);
    assert_int_equal(stage_stats(&stage).disk.bytes_max, stats.disk.bytes_max);
    stage_read(&stage, 0, CELLS, 2);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

/* ---- what a restart finds ---- */

/* So few that the files hold all of them. */
enum { FEW = CELLS / 2 };

TEST(a_restart_finds_what_was_there_and_brings_back_what_was_hot)
{
    static struct stage stage;
    stage_init(&stage);
    stage.folder.levels.mapped_bytes *= 2; /* more than memory, as it should be */
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_read(&stage, 0, 10, 4);
    stage_stop(&stage);
    stage_start(&stage);
    assert_int_equal(stage.troubles, 0);
    stage_work(&stage);
    assert_in_range(stage_stats(&stage).prefetched, 10, FEW);
    uint64_t hits = cache_stats(stage.cache, 0).counts.hits;
    assert_int_equal(stage_engine_gets(&stage, 0, 10), 0);
    assert_int_equal(cache_stats(stage.cache, 0).counts.hits, hits + 10);
    assert_in_range(stage_engine_gets(&stage, 0, FEW), 0, FEW / 10);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(a_stop_writes_no_more_than_it_has_time_for_and_of_that_the_hottest)
{
    static struct stage stage;
    stage_init(&stage);
    stage.folder.levels.mapped_bytes *= 2;
    stage.folder.levels.farewell_bytes = 20 * CELL_BYTES;
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_read(&stage, 0, 10, 4);
    stage_stop(&stage);
    assert_int_equal(stage.troubles, 1);
    assert_non_null(strstr(stage.trouble, "the stop left"));
    stage_start(&stage);
    stage_work(&stage);
    assert_in_range(stage_stats(&stage).prefetched, 10, 20);
    assert_int_equal(stage_engine_gets(&stage, 0, 10), 0);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(writes_after_a_restart_are_seen)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_stop(&stage);
    stage_start(&stage);
    for (uint32_t cell = 0; cell < FEW; cell++) {
        cells_set(stage.cells.front, (uint8_t)cell, 2000 + cell);
        assert_int_equal(cells_read(stage.cells.front, (uint8_t)cell), 2000 + cell);
    }
    stage_read(&stage, 0, FEW, 3);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(a_flipped_bit_in_the_index_makes_the_files_start_empty)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    for (uint32_t seed = 0; seed < 40; seed++) {
        stage_read(&stage, 0, FEW, 3);
        stage_stop(&stage);
        stage_flip(&stage, "index", seed);
        stage_start(&stage);
        assert_int_equal(stage.troubles, seed + 1);
        assert_non_null(strstr(stage.trouble, "damaged"));
        assert_int_equal(stage_engine_gets(&stage, 0, FEW), FEW);
    }
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(flipped_bits_in_the_files_are_misses)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_expect_misses(&stage);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

/* The store was written by somebody who did not tell the cache. */
TEST(an_index_older_than_the_store_is_refused)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_stop(&stage);
    cells_set(&stage.cells.kv, 3, 4711);
    stage_start(&stage);
    assert_non_null(strstr(stage.trouble, "older than the store"));
    stage_read(&stage, 0, FEW, 2);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

TEST(an_index_that_the_journal_does_not_come_to_is_refused)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_stop(&stage);
    stage.cells.applied.index -= 5;
    stage_open(&stage);
    atomic_store(&stage.cells.cells[3], 4711);
    cells_set(stage.cells.front, 200 % CELLS, 4712);
    assert_int_equal(cells_read(stage.cells.front, 3), 4711);
    cache_begin(stage.cache);
    assert_non_null(strstr(stage.trouble, "another journal"));
    stage_read(&stage, 0, FEW, 2);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

/* A start that fails half way, in the middle of another journal, leaves no checkpoint of its own.
 */
TEST(what_never_began_is_not_saved)
{
    static struct stage stage;
    stage_init(&stage);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, FEW, 6);
    stage_stop(&stage);
    uint64_t index = stage.cells.applied.index;
    stage.cells.applied.index -= 5;
    stage_open(&stage);
    atomic_store(&stage.cells.cells[3], 4711);
    stage_stop(&stage);
    stage_start(&stage);
    assert_non_null(strstr(stage.trouble, "another journal"));
    assert_int_equal(stage.cells.applied.index, index - 5);
    stage_read(&stage, 0, FEW, 2);
    stage_stop(&stage);
    folder_close(&stage.folder);
}

/* ---- a crash ---- */

static const char *const stage_names[] = {"mapped", "disk", "index"};

/* Copy the files, as a crash now would leave them. */
static void stage_copy(const struct stage *from, const struct stage *to)
{
    static uint8_t bytes[1 << 20];
    for (size_t i = 0; i < sizeof stage_names / sizeof stage_names[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", from->folder.path, stage_names[i]);
        int in = open(path, O_RDONLY);
        snprintf(path, sizeof path, "%s/%s", to->folder.path, stage_names[i]);
        int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ssize_t len = read(in, bytes, sizeof bytes);
        assert_in_range(len, 1, sizeof bytes - 1);
        assert_int_equal(write(out, bytes, (size_t)len), len);
        close(in);
        close(out);
    }
}

struct story {
    struct stage stage;
    struct stage crashed;
    struct random_doc random;
    struct {
        uint8_t cell;
        uint64_t number;
    } log[4000];
    uint64_t end;     /* of the log: the newest index */
    uint64_t flushed; /* what the engine has when it is opened again */
};

static void story_go_on(struct story *story, uint64_t writes)
{
    for (uint64_t i = 0; i < writes; i++) {
        uint8_t cell = (uint8_t)random_doc_below(&story->random, CELLS);
        uint64_t index = ++story->end;
        story->log[index].cell = cell;
        story->log[index].number = 10 * index;
        cells_set(story->stage.cells.front, cell, 10 * index);
        for (int k = 0; k < 6; k++) {
            uint32_t other = random_doc_below(&story->random, CELLS);
            stage_read(&story->stage, other, other + 1, 1);
        }
    }
}

/* The engine stands at `flushed`, the journal brings the rest through the cache. */
static void story_recover(struct story *story)
{
    struct stage *crashed = &story->crashed;
    stage_init(crashed);
    stage_copy(&story->stage, crashed);
    crashed->seed = 100;
    for (uint64_t index = 1; index <= story->flushed; index++) {
        crashed->cells.cells[story->log[index].cell] = story->log[index].number;
    }
    crashed->cells.applied.index = story->flushed;
    stage_open(crashed);
    for (uint64_t index = story->flushed + 1; index <= story->end; index++) {
        cells_set(crashed->cells.front, story->log[index].cell, story->log[index].number);
    }
    cache_begin(crashed->cache);
}

/* The minute's checkpoint is old by then: files have gone round, records have changed. */
TEST(after_a_crash_nothing_is_stale_and_something_is_found)
{
    static struct story story;
    uint64_t found = 0;
    for (uint32_t seed = 0; seed < 30; seed++) {
        story = (struct story){.random = {seed}};
        stage_init(&story.stage);
        stage_start(&story.stage);
        story_go_on(&story, 300);
        story.flushed = story.end - random_doc_below(&story.random, 100);
        story.stage.now_us += 60 * (uint64_t)SECOND_US;
        stage_work(&story.stage);
        story_go_on(&story, random_doc_below(&story.random, 60));
        story_recover(&story);
        assert_int_equal(story.crashed.troubles, 0);
        stage_read(&story.crashed, 0, CELLS, 1);
        struct cache_levels_stats stats = stage_stats(&story.crashed);
        found += stats.mapped.hits + stats.disk.hits;
        stage_read(&story.crashed, 0, CELLS, 2);
        stage_stop(&story.crashed);
        folder_close(&story.crashed.folder);
        stage_stop(&story.stage);
        folder_close(&story.stage.folder);
    }
    assert_true(found > 500);
}
