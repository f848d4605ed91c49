/* doc/key_test.c - keys order as values do, whatever the values are. */
#include "doc/key.h"

#include <stdlib.h>

#include "doc/compare.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { KEY_TEST_VALUES = 600 };

struct key_case {
    struct doc_value value;
    struct slice key;
};

static struct slice encode(struct arena *arena, struct doc_value value, bool descending)
{
    struct buf buf;
    buf_init(&buf, arena);
    doc_key_encode(&buf, value, descending);
    return buf_slice(&buf);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void expect_case(const struct key_case *a, const struct key_case *b, bool descending)
{
    int order = sign(doc_compare(a->value, b->value));
    int bytes = sign(slice_compare(a->key, b->key));
    if (bytes != (descending ? -order : order)) {
        fail_msg("%s and %s: values say %d, keys say %d", doc_type_name(a->value.type),
                 doc_type_name(b->value.type), order, bytes);
    }
    if (order != 0) {
        assert_false(slice_starts(a->key, b->key));
    } else {
        assert_int_equal(doc_hash(a->value, 1), doc_hash(b->value, 1));
    }
}

static void expect_round_trip(struct arena *arena, const struct key_case *it, bool descending)
{
    struct buf followed;
    buf_init(&followed, arena);
    buf_append_slice(&followed, it->key);
    buf_append(&followed, "\x00\xff\x01", 3);
    struct slice key = buf_slice(&followed);
    assert_int_equal(doc_key_size(key, descending), it->key.len);
    struct doc_value back;
    struct err err;
    assert_int_equal(doc_key_decode(&key, descending, arena, &back, &err), 0);
    assert_int_equal(key.len, 3);
    assert_int_equal(doc_compare(back, it->value), 0);
    for (size_t cut = 0; cut < it->key.len && it->key.len < 100; cut++) {
        assert_int_equal(doc_key_size(slice_of(it->key.data, cut), descending), 0);
    }
}

static void check_seed(uint64_t seed, bool descending, bool numbers_only)
{
    struct arena arena;
    struct random_doc random = {seed};
    struct key_case *cases = test_calloc(KEY_TEST_VALUES, sizeof *cases);
    arena_init(&arena);
    for (int i = 0; i < KEY_TEST_VALUES; i++) {
        cases[i].value = numbers_only ? random_doc_number(&random, &arena)
                                      : random_doc_value(&random, &arena, 4);
        cases[i].key = encode(&arena, cases[i].value, descending);
        expect_round_trip(&arena, &cases[i], descending);
    }
    for (int i = 0; i < KEY_TEST_VALUES; i++) {
        for (int j = 0; j < i; j++) {
            expect_case(&cases[i], &cases[j], descending);
        }
    }
    test_free(cases);
    arena_close(&arena);
}

TEST(key_order_is_value_order_ascending)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        check_seed(seed, false, false);
    }
}

TEST(key_order_is_value_order_descending)
{
    for (uint64_t seed = 100; seed <= 103; seed++) {
        check_seed(seed, true, false);
    }
}

TEST(key_order_is_value_order_for_numbers_of_all_types)
{
    for (uint64_t seed = 200; seed <= 205; seed++) {
        check_seed(seed, seed % 2, true);
    }
}

TEST(key_of_small_integers_is_short)
{
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(encode(&arena, doc_value_i32(&arena, 7), false).len, 3);
    assert_int_equal(encode(&arena, doc_value_i64(&arena, -256), false).len, 3);
    assert_int_equal(encode(&arena, doc_value_double(&arena, 40000), false).len, 4);
    arena_close(&arena);
}

TEST(key_bounds_of_a_class_surround_its_values)
{
    struct arena arena;
    struct random_doc random = {9};
    arena_init(&arena);
    for (int i = 0; i < 2000; i++) {
        bool descending = i % 2;
        struct doc_value value = random_doc_value(&random, &arena, 2);
        struct slice key = encode(&arena, value, descending);
        struct buf low, high;
        buf_init(&low, &arena);
        buf_init(&high, &arena);
        doc_key_encode_class_low(&low, doc_class(value.type), descending);
        doc_key_encode_class_high(&high, doc_class(value.type), descending);
        assert_true(slice_compare(buf_slice(&low), key) < 0);
        assert_true(slice_compare(buf_slice(&high), key) > 0);
        struct doc_value other = random_doc_value(&random, &arena, 2);
        if (doc_class(other.type) != doc_class(value.type)) {
            struct slice other_key = encode(&arena, other, descending);
            bool below = slice_compare(other_key, buf_slice(&low)) < 0;
            bool above = slice_compare(other_key, buf_slice(&high)) > 0;
            assert_true(below != above);
        }
    }
    arena_close(&arena);
}

TEST(key_decode_refuses_what_no_encoder_wrote)
{
    static const char *const bad[] = {"\xff",
                                      "\x01",
                                      "\x10",
                                      "\x1b\x00\x05\x00",
                                      "\x29x",
                                      "\x29\x00\x02",
                                      "\x29\xff\x00\x01",
                                      "\x2d\x04x\x00\x0d\x00",
                                      "\x1a\x05\x02"};
    static const size_t lens[] = {1, 1, 1, 4, 2, 3, 4, 6, 3};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct slice key = slice_of(bad[i], lens[i]);
        struct doc_value value;
        assert_int_equal(doc_key_decode(&key, false, &arena, &value, NULL), -LT_ECORRUPT);
    }
    struct slice empty = {0};
    assert_int_equal(doc_key_size(empty, true), 0);
    arena_close(&arena);
}

TEST(key_decode_refuses_endless_nesting)
{
    char deep[1000];
    memset(deep, 0x31, sizeof deep);
    assert_int_equal(doc_key_size(slice_of(deep, sizeof deep), false), 0);
}
