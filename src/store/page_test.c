/* store/page_test.c - a page lists what begins with its name, and nothing else. */
#include "store/page.h"

#include "base/buf.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/keys.h"

static void page_put(struct store_kv *kv, struct slice key, bool deleted)
{
    struct buf payload;
    struct store_mark mark = kv->ops->applied(kv);
    mark.index++;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    if (deleted) {
        store_effect_delete_entry(&payload, key, 5);
    } else {
        store_effect_put_entry(&payload, key, 5, SLICE("v"));
    }
    struct slice whole = buf_slice(&payload);
    assert_int_equal(kv->ops->apply(kv, &whole, 1, mark), 0);
    buf_close(&payload);
}

static int page_count(struct store_kv *kv, struct slice name)
{
    struct store_pin pin;
    assert_int_equal(store_page_read(kv, name, STORE_MAY_WAIT, &pin), 0);
    int count = store_page_count(pin.value);
    store_pin_release(&pin);
    return count;
}

TEST(page_lists_what_begins_with_its_name)
{
    struct store_kv *kv = store_simkv_new();
    struct store_pin pin;
    const struct slice name = SLICE("\0\0\0\1b");
    static const char *const others[] = {"a", "a9", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct buf key;
        buf_init(&key, NULL);
        store_key_id(&key, 1);
        buf_append_slice(&key, slice_str(others[i]));
        page_put(kv, buf_slice(&key), false);
        buf_close(&key);
    }
    assert_int_equal(page_count(kv, name), 0);
    page_put(kv, SLICE("\0\0\0\1b22"), false);
    page_put(kv, SLICE("\0\0\0\1b1"), false);
    page_put(kv, SLICE("\0\0\0\1b333"), false);
    page_put(kv, SLICE("\0\0\0\1b1"), true);
    assert_int_equal(store_page_read(kv, name, STORE_MAY_WAIT, &pin), 0);
    assert_int_equal(store_page_count(pin.value), 2);
    assert_true(slice_equal(store_page_rest(pin.value, 0), SLICE("22")));
    assert_true(slice_equal(store_page_rest(pin.value, 1), SLICE("333")));
    store_pin_release(&pin);
    kv->ops->close(kv);
}

/* Put `count` keys of one name, each with `len` bytes behind it. */
static struct store_kv *page_many(int count, size_t len)
{
    struct store_kv *kv = store_simkv_new();
    for (int i = 0; i < count; i++) {
        struct buf key;
        buf_init(&key, NULL);
        store_key_id(&key, 1);
        buf_append_byte(&key, 'b');
        memset(buf_extend(&key, len), i, len);
        page_put(kv, buf_slice(&key), false);
        buf_close(&key);
    }
    return kv;
}

TEST(page_of_too_much_says_so)
{
    const struct slice name = SLICE("\0\0\0\1b");
    const struct {
        int count;
        size_t len;
        int listed;
    } cases[] = {{STORE_PAGE_KEYS_MAX, 12, STORE_PAGE_KEYS_MAX},
                 {STORE_PAGE_KEYS_MAX + 1, 12, -1},
                 {1, STORE_PAGE_BYTES_MAX - 4, 1},
                 {1, STORE_PAGE_BYTES_MAX - 3, -1},
                 {1, 1 << 17, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_kv *kv = page_many(cases[i].count, cases[i].len);
        assert_int_equal(page_count(kv, name), cases[i].listed);
        kv->ops->close(kv);
    }
}

TEST(effects_of_entries_name_their_page)
{
    struct buf payload;
    struct store_effect effect;
    size_t at = 0;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    store_effect_put_entry(&payload, SLICE("\0\0\0\1bkey"), 5, SLICE("value"));
    store_effect_delete_entry(&payload, SLICE("\0\0\0\1bkey"), 5);
    store_effect_put(&payload, SLICE("\0\0\0\2key"), SLICE("value"));
    assert_int_equal(store_effect_next(buf_slice(&payload), &at, &effect), 1);
    assert_int_equal(effect.kind, STORE_EFFECT_PUT);
    assert_true(slice_equal(effect.key, SLICE("\0\0\0\1bkey")));
    assert_true(slice_equal(effect.name, SLICE("\0\0\0\1b")));
    assert_true(slice_equal(effect.value, SLICE("value")));
    assert_int_equal(store_effect_next(buf_slice(&payload), &at, &effect), 1);
    assert_int_equal(effect.kind, STORE_EFFECT_DELETE);
    assert_true(slice_equal(effect.name, SLICE("\0\0\0\1b")));
    assert_int_equal(store_effect_next(buf_slice(&payload), &at, &effect), 1);
    assert_true(slice_equal(effect.name, effect.key));
    assert_int_equal(store_effect_next(buf_slice(&payload), &at, &effect), 0);
    /* a page's name that is longer than the key */
    size_t len = STORE_EFFECT_HEADER;
    at = 0;
    payload.len = len;
    store_effect_put_entry(&payload, SLICE("\0\0\0\1bkey"), 9, SLICE("value"));
    assert_int_equal(store_effect_next(buf_slice(&payload), &at, &effect), -LT_ECORRUPT);
    /* and one that is cut off */
    at = 0;
    struct slice cut = slice_of(payload.data, payload.len - 1);
    assert_int_equal(store_effect_next(cut, &at, &effect), -LT_ECORRUPT);
    buf_close(&payload);
}
