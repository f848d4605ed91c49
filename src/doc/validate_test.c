/* doc/validate_test.c - what must not get past the door. */
#include "doc/validate.h"

#include "doc/build.h"
#include "doc/view.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { NAME_LENGTHS = 160 };

static int check_bytes(const char *bytes, size_t len)
{
    uint8_t *copy = test_malloc(len > 0 ? len : 1); /* exact size: ASan sees reads past the end */
    memcpy(copy, bytes, len);
    struct err err;
    int result = doc_validate(slice_of(copy, len), DOC_DEPTH_STORED, &err);
    test_free(copy);
    return result;
}

#define CHECK(literal) check_bytes(literal, sizeof(literal) - 1)

TEST(validate_accepts_random_documents_and_knows_their_length)
{
    struct arena arena;
    struct random_doc random = {42};
    arena_init(&arena);
    for (int i = 0; i < 500; i++) {
        struct slice doc = random_doc_make(&random, &arena, 6);
        assert_int_equal(check_bytes((const char *)doc.data, doc.len), 0);
        struct buf longer;
        buf_init(&longer, &arena);
        buf_append_slice(&longer, doc);
        buf_append_slice(&longer, SLICE("\x07\x00"));
        size_t len = 0;
        assert_int_equal(doc_validate_prefix(buf_slice(&longer), 180, &len, NULL), 0);
        assert_int_equal(len, doc.len);
        assert_int_equal(doc_validate(buf_slice(&longer), 180, NULL), -LT_EINVALIDBSON);
    }
    arena_close(&arena);
}

TEST(validate_survives_every_single_byte_change)
{
    struct arena arena;
    struct random_doc random = {7};
    arena_init(&arena);
    for (int i = 0; i < 60; i++) {
        struct slice doc = random_doc_make(&random, &arena, 4);
        for (size_t at = 0; at < doc.len && at < 300; at++) {
            uint8_t *copy = test_malloc(doc.len);
            memcpy(copy, doc.data, doc.len);
            copy[at] ^= (uint8_t)(1u << random_doc_below(&random, 8));
            struct slice changed = slice_of(copy, doc.len);
            if (doc_validate(changed, DOC_DEPTH_STORED, NULL) == 0) {
                assert_true(doc_depth(changed) <= DOC_DEPTH_STORED);
                doc_count(changed);
            }
            test_free(copy);
        }
    }
    arena_close(&arena);
}

TEST(validate_refuses_every_truncation)
{
    struct arena arena;
    struct random_doc random = {8};
    arena_init(&arena);
    for (int i = 0; i < 30; i++) {
        struct slice doc = random_doc_make(&random, &arena, 4);
        for (size_t len = 0; len < doc.len && len < 300; len++) {
            assert_int_not_equal(check_bytes((const char *)doc.data, len), 0);
        }
    }
    arena_close(&arena);
}

TEST(validate_refuses_wrong_document_lengths)
{
    assert_int_equal(CHECK("\5\0\0\0\0"), 0);
    assert_int_equal(CHECK("\4\0\0\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\6\0\0\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\xff\xff\xff\xff\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\5\0\0\0\1"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\6\0\0\0\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK(""), -LT_EINVALIDBSON);
}

TEST(validate_refuses_a_child_past_its_parent)
{
    assert_int_equal(CHECK("\x0d\0\0\0\3a\0\6\0\0\0\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x0d\0\0\0\3a\0\5\0\0\0\0\0"), 0);
    assert_int_equal(CHECK("\x0d\0\0\0\3a\0\xff\xff\xff\x7f\0\0"), -LT_EINVALIDBSON);
}

TEST(validate_refuses_bad_strings)
{
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\2\0\0\0x\0\0"), 0);
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\0\0\0\0x\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\4\0\0\0x\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\xff\xff\xff\xffx\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\2\0\0\0xy\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x0e\0\0\0\2a\0\2\0\0\0\xff\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x08\0\0\0\2a\0\0"), -LT_EINVALIDBSON);
}

TEST(validate_refuses_bad_names)
{
    assert_int_equal(CHECK("\x08\0\0\0\x0a\x61\0\0"), 0);
    assert_int_equal(CHECK("\x08\0\0\0\x0a\xc3\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x09\0\0\0\x0a\xc3\xa9\0\0"), 0);
    assert_int_equal(CHECK("\x08\0\0\0\x0a\x61\x62\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x06\0\0\0\x0a\0"), -LT_EINVALIDBSON);
}

TEST(validate_refuses_unknown_types_and_bools_beyond_one)
{
    assert_int_equal(CHECK("\x08\0\0\0\x14\x61\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x08\0\0\0\x80\x61\0\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x09\0\0\0\x08\x61\0\1\0"), 0);
    assert_int_equal(CHECK("\x09\0\0\0\x08\x61\0\2\0"), -LT_EINVALIDBSON);
}

TEST(validate_checks_inner_lengths)
{
    /* binary of subtype 2 */
    assert_int_equal(CHECK("\x12\0\0\0\5a\0\5\0\0\0\2\1\0\0\0x\0"), 0);
    assert_int_equal(CHECK("\x12\0\0\0\5a\0\5\0\0\0\2\2\0\0\0x\0"), -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x10\0\0\0\5a\0\3\0\0\0\2\1\0\0\0"), -LT_EINVALIDBSON);
    /* code with scope: 4 + (4 + 1) + 5 */
    assert_int_equal(CHECK("\x16\0\0\0\x0f"
                           "a\0\x0e\0\0\0\1\0\0\0\0\5\0\0\0\0\0"),
                     0);
    assert_int_equal(CHECK("\x16\0\0\0\x0f"
                           "a\0\x0d\0\0\0\1\0\0\0\0\5\0\0\0\0\0"),
                     -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x16\0\0\0\x0f"
                           "a\0\x0f\0\0\0\1\0\0\0\0\5\0\0\0\0\0"),
                     -LT_EINVALIDBSON);
    assert_int_equal(CHECK("\x16\0\0\0\x0f"
                           "a\0\x0e\0\0\0\2\0\0\0\0\0\5\0\0\0\0"),
                     -LT_EINVALIDBSON);
    /* DBPointer cut short */
    assert_int_equal(CHECK("\x10\0\0\0\x0c"
                           "a\0\2\0\0\0x\0\1\2\0"),
                     -LT_EINVALIDBSON);
}

static int check_nesting(int levels, int depth_max)
{
    size_t len = 5 + 8 * (size_t)(levels - 1);
    uint8_t *bytes = test_calloc(1, len);
    for (int i = 0; i < levels; i++) {
        uint32_t left = (uint32_t)(len - 8 * (size_t)i);
        left -= (uint32_t)i;
        uint8_t *at = bytes + 7 * (size_t)i;
        left = (uint32_t)(len - 8 * (size_t)i);
        memcpy(at, &left, 4);
        if (i + 1 < levels) {
            memcpy(at + 4, "\3a", 3);
        }
    }
    struct err err;
    int result = doc_validate(slice_of(bytes, len), depth_max, &err);
    if (result == 0) {
        assert_int_equal(doc_depth(slice_of(bytes, len)), levels);
    }
    test_free(bytes);
    return result;
}

TEST(validate_counts_nesting_itself)
{
    assert_int_equal(check_nesting(1, 180), 0);
    assert_int_equal(check_nesting(180, 180), 0);
    assert_int_equal(check_nesting(181, 180), -LT_EOVERFLOW);
    assert_int_equal(check_nesting(200, 200), 0);
    assert_int_equal(check_nesting(100000, 200), -LT_EOVERFLOW);
}

/* {<name>: null} with a name of `len` bytes, behind which the document ends or another field is. */
static bool name_is_valid(const uint8_t *name, size_t len, bool followed)
{
    uint8_t bytes[NAME_LENGTHS + 32] = {0};
    uint32_t size = (uint32_t)(4 + 1 + len + 1 + (followed ? 3 : 0) + 1);
    memcpy(bytes, &size, sizeof size);
    bytes[4] = DOC_NULL;
    memcpy(bytes + 5, name, len);
    if (followed) {
        bytes[5 + len + 1] = DOC_NULL;
        bytes[5 + len + 2] = 'b';
    }
    return check_bytes((const char *)bytes, size) == 0;
}

TEST(validate_checks_names_at_every_place)
{
    uint8_t name[NAME_LENGTHS];
    for (size_t len = 2; len < 40; len++) {
        memset(name, 'a', sizeof name);
        for (int followed = 0; followed < 2; followed++) {
            assert_true(name_is_valid(name, len, followed));
            for (size_t at = 0; at < len; at++) {
                name[at] = 0x80;
                assert_false(name_is_valid(name, len, followed));
                name[at] = 0x01;
                assert_true(name_is_valid(name, len, followed));
                name[at] = 'a';
            }
            memcpy(name + len - 2, "\xc3\xa9", 2);
            assert_true(name_is_valid(name, len, followed));
            memset(name, 'a', sizeof name);
        }
    }
}
