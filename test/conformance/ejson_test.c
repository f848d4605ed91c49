/* test/conformance/ejson_test.c - wrappers exactly by their keys. */
#include "conformance/ejson.h"

#include "doc/decimal.h"
#include "doc/json.h"
#include "doc/view.h"
#include "lib/test.h"

static bool read_value(struct arena *arena, const char *text, const struct conf_cursors *cursors,
                       struct doc_value *ret_value)
{
    cJSON *json = cJSON_Parse(conf_ejson_prepare(arena, slice_str(text), "conf_7"));
    assert_non_null(json);
    bool fine = conf_ejson_value(arena, json, cursors, ret_value);
    cJSON_Delete(json);
    return fine;
}

static void expect_json(const char *text, const char *expected)
{
    struct arena arena;
    struct doc_value value;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena);
    assert_true(read_value(&arena, text, NULL, &value));
    doc_json_write_value(&buf, value, DOC_JSON_CANONICAL);
    buf_append_byte(&buf, 0);
    assert_string_equal((char *)buf.data, expected);
    arena_close(&arena);
}

TEST(ejson_canonical_wrappers_round_trip)
{
    static const char *const texts[] = {
        "{\"$numberInt\":\"-5\"}",
        "{\"$numberLong\":\"9007199254740993\"}",
        "{\"$numberDouble\":\"-0.0\"}",
        "{\"$numberDouble\":\"NaN\"}",
        "{\"$numberDouble\":\"-Infinity\"}",
        "{\"$numberDecimal\":\"1.00\"}",
        "{\"$oid\":\"65a0b1c2d3e4f50600100001\"}",
        "{\"$date\":{\"$numberLong\":\"-1\"}}",
        "{\"$timestamp\":{\"t\":4294967295,\"i\":1}}",
        "{\"$binary\":{\"base64\":\"AQIDBA==\",\"subType\":\"02\"}}",
        "{\"$binary\":{\"base64\":\"\",\"subType\":\"80\"}}",
        "{\"$regularExpression\":{\"pattern\":\"a\",\"options\":\"i\"}}",
        "{\"$code\":\"f\"}",
        "{\"$code\":\"f\",\"$scope\":{\"a\":{\"$numberInt\":\"1\"}}}",
        "{\"$minKey\":1}",
        "{\"$maxKey\":1}",
        "[null,true,\"x\"]",
        "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_json(texts[i], texts[i]);
    }
}

TEST(ejson_other_dollar_objects_are_documents)
{
    expect_json("{\"$regex\":\"a\",\"$options\":\"i\"}", "{\"$regex\":\"a\",\"$options\":\"i\"}");
    expect_json("{\"$numberInt\":\"1\",\"x\":\"y\"}", "{\"$numberInt\":\"1\",\"x\":\"y\"}");
    expect_json("{\"$date\":\"x\",\"$foo\":null}", "{\"$date\":\"x\",\"$foo\":null}");
}

TEST(ejson_bare_numbers_are_refused)
{
    struct arena arena;
    struct doc_value value;
    arena_init(&arena);
    assert_false(read_value(&arena, "{\"a\":1}", NULL, &value));
    arena_close(&arena);
}

TEST(ejson_nul_survives_and_conf_is_renamed)
{
    struct arena arena;
    struct doc_value value;
    arena_init(&arena);
    assert_true(read_value(&arena, "\"a\\u0000b\"", NULL, &value));
    assert_true(slice_equal(doc_value_get_string(value), SLICE("a\0b")));
    assert_true(read_value(&arena, "\"a\\\\u0000b\"", NULL, &value));
    assert_true(slice_is(doc_value_get_string(value), "a\\u0000b"));
    assert_true(read_value(&arena, "\"conf.c_1 config conf_merge xconf conf\"", NULL, &value));
    assert_true(slice_is(doc_value_get_string(value), "conf_7.c_1 config conf_merge xconf conf_7"));
    arena_close(&arena);
}

TEST(ejson_cursor_of_is_a_number_seen_before)
{
    struct arena arena;
    struct doc_value value;
    struct conf_cursors cursors = {.ids = {0, 99}, .count = 2};
    arena_init(&arena);
    assert_true(read_value(&arena, "{\"$cursorOf\":1}", &cursors, &value));
    assert_int_equal(doc_value_get_i64(value), 99);
    assert_false(read_value(&arena, "{\"$cursorOf\":2}", &cursors, &value));
    arena_close(&arena);
}
