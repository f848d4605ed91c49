/* store/history_test.c - the log's files read from either end, and where they do not reach. */
#include "store/history.h"

#include "lib/test.h"
#include "store/effect.h"
#include "store/journal.h"
#include "store/simdisk.h"

enum { HISTORY_ENTRIES = 200, HISTORY_SEGMENT = 4 << 10, HISTORY_TERM = 7 };

static int history_on_record(void *context, const struct store_journal_record *record)
{
    (void)context;
    (void)record;
    return 0;
}

static struct store_journal *history_journal(struct store_simdisk *sim)
{
    struct store_journal_options options = {.segment_bytes = HISTORY_SEGMENT,
                                            .on_record = history_on_record};
    struct store_journal *journal;
    struct err err;
    assert_int_equal(store_journal_open(store_simdisk_mount(sim), &options, &journal, &err), 0);
    return journal;
}

/* An entry with the clock 10 * index: every third is none of effects, and has no clock. */
static bool history_has_effects(uint64_t index)
{
    return index % 3 != 0;
}

static void history_write(struct store_journal *journal, uint64_t index)
{
    struct store_journal_record record = {
        .type = STORE_JOURNAL_BARRIER, .index = index, .term = HISTORY_TERM};
    struct buf payload;
    buf_init(&payload, NULL);
    if (history_has_effects(index)) {
        record.type = STORE_JOURNAL_COMMAND;
        store_effect_begin(&payload, 10 * index);
        store_effect_put(&payload, SLICE("key"), SLICE("some value that takes room"));
        record.payload = buf_slice(&payload);
    }
    assert_int_equal(store_journal_write(journal, &record, 1), 0);
    buf_close(&payload);
}

/* A log of HISTORY_ENTRIES entries, of which `trimmed` need not be kept. */
static struct store_simdisk *history_log(uint64_t trimmed)
{
    struct store_simdisk *sim = store_simdisk_new(1);
    struct store_journal *journal = history_journal(sim);
    for (uint64_t index = 1; index <= HISTORY_ENTRIES; index++) {
        history_write(journal, index);
    }
    assert_int_equal(store_journal_trim(journal, trimmed, 0), 0);
    store_journal_close(journal);
    return sim;
}

static uint64_t history_take(int code, struct store_tail_entry *entry)
{
    if (code == 0) {
        return 0;
    }
    assert_int_equal(code, 1);
    uint64_t index = entry->index;
    assert_int_equal(entry->clock, 10 * index);
    assert_int_equal(entry->term, HISTORY_TERM);
    store_tail_entry_release(entry);
    return index;
}

static uint64_t history_forward(struct store_history *history)
{
    struct store_tail_entry *entry = NULL;
    int code = store_history_next(history, &entry);
    return history_take(code, entry);
}

static uint64_t history_backward(struct store_history *history)
{
    struct store_tail_entry *entry = NULL;
    int code = store_history_previous(history, &entry);
    return history_take(code, entry);
}

TEST(history_goes_forward_from_behind_a_time)
{
    struct store_simdisk *sim = history_log(0);
    struct store_history history;
    assert_int_equal(store_history_open(&history, store_simdisk_mount(sim), 1000, 190), 0);
    for (uint64_t index = 101; index <= 190; index++) {
        if (history_has_effects(index)) {
            assert_int_equal(history_forward(&history), index);
        }
    }
    assert_int_equal(history_forward(&history), 0);
    store_history_close(&history);
    store_simdisk_free(sim);
}

TEST(history_goes_backward_from_what_is_durable)
{
    struct store_simdisk *sim = history_log(0);
    struct store_history history;
    assert_int_equal(store_history_open_back(&history, store_simdisk_mount(sim), UINT64_MAX, 190),
                     0);
    for (uint64_t index = 190; index > 0; index--) {
        if (history_has_effects(index)) {
            assert_int_equal(history_backward(&history), index);
        }
    }
    assert_int_equal(history_backward(&history), 0);
    store_history_close(&history);
    store_simdisk_free(sim);
}

TEST(history_begins_near_the_time_when_it_goes_backward)
{
    struct store_simdisk *sim = history_log(0);
    struct store_history history;
    assert_int_equal(store_history_open_back(&history, store_simdisk_mount(sim), 500, 200), 0);
    uint64_t first = history_backward(&history);
    assert_in_range(first, 50, 150); /* within the segment that has it */
    for (uint64_t index = first - 1; index > 0; index--) {
        if (history_has_effects(index)) {
            assert_int_equal(history_backward(&history), index);
        }
    }
    store_history_close(&history);
    store_simdisk_free(sim);
}

TEST(history_that_was_trimmed_has_an_oldest_entry)
{
    struct store_simdisk *sim = history_log(150);
    struct store_history history;
    assert_int_equal(store_history_open(&history, store_simdisk_mount(sim), 0, 200),
                     -LT_ECHANGESTREAMHISTORYLOST);
    assert_int_equal(store_history_open_oldest(&history, store_simdisk_mount(sim), 200), 0);
    uint64_t oldest = history_forward(&history);
    assert_in_range(oldest, 2, 151);
    store_history_close(&history);
    assert_int_equal(store_history_open_back(&history, store_simdisk_mount(sim), UINT64_MAX, 200),
                     0);
    uint64_t last = 0;
    for (uint64_t index = 0; (index = history_backward(&history)) > 0;) {
        last = index;
    }
    assert_int_equal(last, oldest);
    store_history_close(&history);
    store_simdisk_free(sim);
}

/* ---- dropped meanwhile ---- */

static int (*history_list)(struct store_disk *disk, void (*cb)(void *context, const char *name),
                           void *context);

static int history_list_more(struct store_disk *disk, void (*cb)(void *context, const char *name),
                             void *context)
{
    cb(context, "0000000000000001.log");
    return history_list(disk, cb, context);
}

/* A disk that lists a segment which is gone when somebody opens it. */
static struct store_disk *history_mount_dropping(struct store_simdisk *sim)
{
    static struct store_disk_ops ops;
    struct store_disk *disk = store_simdisk_mount(sim);
    ops = *disk->ops;
    history_list = ops.list;
    ops.list = history_list_more;
    disk->ops = &ops;
    return disk;
}

TEST(history_that_is_dropped_while_it_is_opened_is_not_missed)
{
    struct store_simdisk *sim = history_log(150);
    struct store_history history;
    assert_int_equal(store_history_open_oldest(&history, history_mount_dropping(sim), 200), 0);
    assert_in_range(history_forward(&history), 2, 151);
    store_history_close(&history);
    assert_int_equal(store_history_open(&history, history_mount_dropping(sim), 1900, 200), 0);
    assert_int_equal(history_forward(&history), 191);
    store_history_close(&history);
    assert_int_equal(store_history_open(&history, history_mount_dropping(sim), 0, 200),
                     -LT_ECHANGESTREAMHISTORYLOST);
    store_simdisk_free(sim);
}
