/* store/highest_test.c - what is said to be above all keys is not there. */
#include "store/highest.h"

#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/keys.h"

struct high {
    struct store_kv *kv;
    struct store_overlay overlay;
    struct store_view view;
    struct store_highest highest;
    uint64_t index;
};

static void high_open(struct high *high)
{
    *high = (struct high){.kv = store_simkv_new()};
    store_overlay_init(&high->overlay);
    store_view_init(&high->view, high->kv, &high->overlay);
    store_highest_init(&high->highest);
}

static void high_close(struct high *high)
{
    store_view_close(&high->view);
    store_overlay_close(&high->overlay);
    high->kv->ops->close(high->kv);
}

static struct slice high_key(uint32_t id, uint32_t number, size_t len, uint8_t bytes[80])
{
    memset(bytes, 0, 80);
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    bytes[4] = (uint8_t)(number >> 8);
    bytes[5] = (uint8_t)number;
    return slice_of(bytes, len);
}

/* Put (or delete) in the overlay or, every other time, the engine. */
static void high_change(struct high *high, struct slice key, bool put)
{
    high->index++;
    if (high->index % 2 == 0) {
        if (put) {
            store_overlay_put(&high->overlay, high->index, key, SLICE("v"));
        } else {
            store_overlay_delete(&high->overlay, high->index, key);
        }
    } else {
        struct buf payload;
        buf_init(&payload, NULL);
        store_effect_begin(&payload, 1);
        if (put) {
            store_effect_put(&payload, key, SLICE("v"));
        } else {
            store_effect_delete(&payload, key);
        }
        struct slice whole = buf_slice(&payload);
        struct store_mark mark = {high->index, 1, 1};
        assert_int_equal(high->kv->ops->apply(high->kv, &whole, 1, mark), 0);
        buf_close(&payload);
    }
}

static void high_put(struct high *high, struct slice key)
{
    high_change(high, key, true);
    store_highest_raise(&high->highest, key);
}

static bool high_is_there(struct high *high, struct slice key)
{
    struct store_pin pin;
    int code = store_view_get(&high->view, key, &pin);
    if (code == 0) {
        store_pin_release(&pin);
    }
    return code == 0;
}

TEST(a_key_above_the_highest_is_not_there)
{
    struct high high;
    struct random_doc random = {11};
    uint8_t bytes[80];
    uint32_t above = 0;
    high_open(&high);
    for (int i = 0; i < 20000; i++) {
        uint32_t id = 1 + random_doc_below(&random, 3) * STORE_HIGHEST_PLACES;
        size_t len = 6 + random_doc_below(&random, 20) / 19 * 60; /* now and then a long one */
        struct slice key =
            high_key(id, (uint32_t)i / 8 + random_doc_below(&random, 200), len, bytes);
        bool there = high_is_there(&high, key);
        if (store_highest_knows_none(&high.highest, &high.view, key)) {
            assert_false(there);
            above++;
        }
        if (random_doc_below(&random, 2) == 0) {
            high_put(&high, key);
        } else if (random_doc_below(&random, 2) == 0) {
            high_change(&high, key, false);
        }
        if (random_doc_below(&random, 3) == 0) {
            store_gaps_begin_run(&high.highest.gaps);
        }
    }
    assert_true(above > 20);
    high_close(&high);
}

TEST(rising_keys_are_all_known_to_be_new)
{
    struct high high;
    uint8_t bytes[80];
    high_open(&high);
    for (uint32_t i = 0; i < 1000; i++) {
        struct slice key = high_key(7, i, 6, bytes);
        assert_true(store_highest_knows_none(&high.highest, &high.view, key));
        high_put(&high, key);
        assert_false(store_highest_knows_none(&high.highest, &high.view, key));
    }
    high_close(&high);
}

/* Batches of four keys, of which the later ones come first. */
TEST(what_comes_side_by_side_is_known_to_be_new)
{
    struct high high;
    uint8_t bytes[80];
    high_open(&high);
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t batch = 16; batch-- > 0;) {
            store_gaps_begin_run(&high.highest.gaps);
            for (uint32_t i = 0; i < 4; i++) {
                struct slice key = high_key(7, round * 64 + batch * 4 + i, 6, bytes);
                assert_true(store_highest_knows_none(&high.highest, &high.view, key));
                high_put(&high, key);
                assert_false(store_highest_knows_none(&high.highest, &high.view, key));
            }
        }
    }
    high_close(&high);
}

TEST(more_gaps_than_there_is_room_for_forget_the_oldest)
{
    struct high high;
    uint8_t bytes[80];
    high_open(&high);
    for (uint32_t i = 0; i < 2 * STORE_GAPS_MAX; i++) {
        struct slice key = high_key(7, 2 * i, 6, bytes);
        assert_true(store_highest_knows_none(&high.highest, &high.view, key));
        store_gaps_begin_run(&high.highest.gaps);
        high_put(&high, key);
    }
    for (uint32_t i = 0; i < 2 * STORE_GAPS_MAX - 1; i++) {
        struct slice key = high_key(7, 2 * i + 1, 6, bytes);
        assert_int_equal(store_highest_knows_none(&high.highest, &high.view, key),
                         i >= STORE_GAPS_MAX - 1);
    }
    high_close(&high);
}

/* Until the id's highest key is learned anew. */
static void high_ask_often(struct high *high, uint32_t id, uint32_t number)
{
    uint8_t bytes[80];
    for (int i = 0; i < 100; i++) {
        store_highest_knows_none(&high->highest, &high->view, high_key(id, number, 6, bytes));
    }
}

static void high_expect_there(struct high *high, uint32_t number)
{
    uint8_t bytes[80];
    struct slice key = high_key(7, number, 6, bytes);
    assert_true(high_is_there(high, key));
    assert_false(store_highest_knows_none(&high->highest, &high->view, key));
}

TEST(gaps_above_a_highest_that_is_lower_than_before_are_forgotten)
{
    struct high high;
    uint8_t bytes[80];
    high_open(&high);
    high_ask_often(&high, 7, 10);
    for (uint32_t number = 10; number <= 40; number += 10) {
        store_gaps_begin_run(&high.highest.gaps);
        high_put(&high, high_key(7, number, 6, bytes));
    }
    for (uint32_t number = 10; number <= 40; number += 10) {
        high_change(&high, high_key(7, number, 6, bytes), false);
    }
    high_ask_often(&high, 7 + STORE_HIGHEST_PLACES, 1);
    high_ask_often(&high, 7, 45);
    store_gaps_begin_run(&high.highest.gaps);
    for (uint32_t number = 18; number <= 38; number += 10) {
        high_put(&high, high_key(7, number, 6, bytes));
    }
    for (uint32_t number = 18; number <= 38; number += 10) {
        high_expect_there(&high, number);
    }
    high_close(&high);
}
