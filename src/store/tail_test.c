/* store/tail_test.c - what readers leave with an entry: kept once, counted, gone with it. */
#include "store/tail.h"

#include "base/mem.h"
#include "lib/test.h"

enum { TAIL_ENTRY = 100, TAIL_MAX = 1000 };

static void tail_open(struct store_tail *tail, uint64_t entries)
{
    uint8_t payload[TAIL_ENTRY] = {0};
    store_tail_init(tail, TAIL_MAX);
    store_tail_follow(tail);
    for (uint64_t i = 1; i <= entries; i++) {
        struct store_mark mark = {i, 1, i};
        store_tail_append(tail, &mark, slice_of(payload, sizeof payload));
    }
}

static void tail_shut(struct store_tail *tail)
{
    store_tail_unfollow(tail);
    assert_int_equal(tail->bytes, 0);
    store_tail_close(tail);
}

static struct store_tail_gloss *tail_gloss(const char *name, size_t bytes)
{
    struct store_tail_gloss *gloss = mem_alloc(bytes);
    *gloss = (struct store_tail_gloss){.name = slice_str(name), .bytes = bytes};
    return gloss;
}

static struct store_tail_entry *tail_take(struct store_tail *tail, uint64_t clock)
{
    struct store_tail_entry *entry = NULL;
    assert_int_equal(store_tail_next(tail, clock - 1, &entry), 1);
    assert_int_equal(entry->clock, clock);
    return entry;
}

TEST(tail_keeps_what_was_left_first)
{
    struct store_tail tail;
    tail_open(&tail, 2);
    struct store_tail_entry *entry = tail_take(&tail, 1);
    assert_null(store_tail_gloss(entry, SLICE("a")));
    const struct store_tail_gloss *first = store_tail_leave(&tail, entry, tail_gloss("a", 64));
    assert_ptr_equal(store_tail_leave(&tail, entry, tail_gloss("a", 64)), first);
    assert_ptr_equal(store_tail_gloss(entry, SLICE("a")), first);
    assert_null(store_tail_gloss(entry, SLICE("b")));
    assert_int_equal(tail.bytes, 2 * TAIL_ENTRY + 64);
    store_tail_entry_release(entry);
    tail_shut(&tail);
}

TEST(tail_takes_so_many_and_no_more)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct store_tail tail;
    tail_open(&tail, 1);
    struct store_tail_entry *entry = tail_take(&tail, 1);
    for (int i = 0; i < STORE_TAIL_GLOSSES_MAX; i++) {
        assert_non_null(store_tail_leave(&tail, entry, tail_gloss(names[i], 64)));
    }
    assert_null(store_tail_leave(&tail, entry, tail_gloss("i", 64)));
    assert_non_null(store_tail_leave(&tail, entry, tail_gloss("h", 64)));
    assert_int_equal(tail.bytes, TAIL_ENTRY + 64 * STORE_TAIL_GLOSSES_MAX);
    store_tail_entry_release(entry);
    tail_shut(&tail);
}

TEST(tail_lets_old_entries_go_for_what_is_left)
{
    struct store_tail tail;
    tail_open(&tail, 10);
    struct store_tail_entry *first = tail_take(&tail, 1);
    struct store_tail_entry *last = tail_take(&tail, 10);
    assert_int_equal(tail.bytes, TAIL_MAX);
    assert_non_null(store_tail_leave(&tail, last, tail_gloss("a", 250)));
    assert_int_equal(tail.bytes, 7 * TAIL_ENTRY + 250);
    assert_int_equal(tail.from, 3);
    assert_non_null(store_tail_leave(&tail, first, tail_gloss("a", 250))); /* nobody's but ours */
    assert_int_equal(tail.bytes, 7 * TAIL_ENTRY + 250);
    store_tail_entry_release(first);
    store_tail_entry_release(last);
    tail_shut(&tail);
}
