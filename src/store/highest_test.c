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

/* Into the overlay or, every other time, the engine. */
static void high_put(struct high *high, struct slice key)
{
    high->index++;
    if (high->index % 2 == 0) {
        store_overlay_put(&high->overlay, high->index, key, SLICE("v"));
    } else {
        struct buf payload;
        buf_init(&payload, NULL);
        store_effect_begin(&payload, 1);
        store_effect_put(&payload, key, SLICE("v"));
        struct slice whole = buf_slice(&payload);
        struct store_mark mark = {high->index, 1, 1};
        assert_int_equal(high->kv->ops->apply(high->kv, &whole, 1, mark), 0);
        buf_close(&payload);
    }
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
        if (store_highest_is_below(&high.highest, &high.view, key)) {
            assert_false(there);
            above++;
        }
        if (random_doc_below(&random, 2) == 0) {
            high_put(&high, key);
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
        assert_true(store_highest_is_below(&high.highest, &high.view, key));
        high_put(&high, key);
        assert_false(store_highest_is_below(&high.highest, &high.view, key));
    }
    high_close(&high);
}
