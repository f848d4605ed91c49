/* doc/json_test.c - Extended JSON out and in, and the style of error messages. */
#include "doc/json.h"

#include <math.h>

#include "doc/build.h"
#include "doc/compare.h"
#include "lib/random_doc.h"
#include "lib/test.h"

static struct slice read_json(struct arena *arena, const char *text)
{
    struct buf buf;
    size_t used = 0;
    struct err err = {0};
    buf_init(&buf, arena);
    if (doc_json_read(slice_str(text), &buf, &used, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(used, strlen(text));
    return buf_slice(&buf);
}

static void expect_same(const char *text, enum doc_json_form form)
{
    struct arena arena;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena);
    doc_json_write(&buf, read_json(&arena, text), form);
    buf_append_byte(&buf, 0);
    assert_string_equal((char *)buf.data, text);
    arena_close(&arena);
}

TEST(json_canonical_keeps_every_type)
{
    expect_same("{\"a\":{\"$numberInt\":\"1\"},\"b\":{\"$numberLong\":\"2\"}}", DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$numberDouble\":\"1.0\"},\"b\":{\"$numberDouble\":\"-0.0\"}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$numberDouble\":\"NaN\"},\"b\":{\"$numberDouble\":\"-Infinity\"}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$numberDecimal\":\"1.50\"}}", DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$oid\":\"65a0b1c2d3e4f50600100001\"}}", DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$date\":{\"$numberLong\":\"-1\"}}}", DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$binary\":{\"base64\":\"AQIDBA==\",\"subType\":\"80\"}}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$regularExpression\":{\"pattern\":\"^a/\",\"options\":\"im\"}}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$timestamp\":{\"t\":1,\"i\":4294967295}}}", DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$code\":\"f()\"},\"b\":{\"$code\":\"g\",\"$scope\":{\"x\":null}}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$minKey\":1},\"b\":{\"$maxKey\":1},\"c\":{\"$undefined\":true}}",
                DOC_JSON_CANONICAL);
    expect_same("{\"a\":{\"$symbol\":\"s\"},\"b\":[true,false,[],{}]}", DOC_JSON_CANONICAL);
}

TEST(json_relaxed_is_what_people_read)
{
    expect_same("{\"a\":1,\"b\":5000000000,\"c\":1.5,\"d\":2.0}", DOC_JSON_RELAXED);
    expect_same("{\"a\":{\"$date\":\"2020-01-02T03:04:05.006Z\"}}", DOC_JSON_RELAXED);
    expect_same("{\"a\":{\"$date\":\"1970-01-01T00:00:00Z\"}}", DOC_JSON_RELAXED);
    expect_same("{\"a\":0.1,\"b\":1e+23}", DOC_JSON_RELAXED);
}

TEST(json_escapes_control_characters_and_quotes)
{
    expect_same("{\"a\\\"\":\"\\\\ \\n\\t\\r\\b\\f \\u0001 \xc3\xa9\"}", DOC_JSON_RELAXED);
}

TEST(json_round_trips_random_documents)
{
    struct arena arena;
    struct random_doc random = {5};
    arena_init(&arena);
    for (int i = 0; i < 300; i++) {
        struct slice doc = random_doc_make(&random, &arena, 3);
        struct buf text, back;
        size_t used = 0;
        buf_init(&text, &arena);
        buf_init(&back, &arena);
        doc_json_write(&text, doc, DOC_JSON_CANONICAL);
        if (memmem(text.data, text.len, "\\u0000", 6) != NULL) {
            continue; /* libbson refuses NUL in some places */
        }
        struct err err;
        if (doc_json_read(buf_slice(&text), &back, &used, &err) != 0) {
            fail_msg("%.*s: %s", SLICE_FMT(buf_slice(&text)), err.text);
        }
        if (doc_compare_docs(doc, buf_slice(&back)) != 0) {
            fail_msg("%.*s", SLICE_FMT(buf_slice(&text)));
        }
    }
    arena_close(&arena);
}

TEST(json_read_stops_behind_the_object)
{
    struct buf buf;
    size_t used = 0;
    buf_init(&buf, NULL);
    assert_int_equal(doc_json_read(SLICE(" {\"a\":\"}\\\"\"} {\"b\":1}"), &buf, &used, NULL), 0);
    assert_int_equal(used, 12);
    buf_close(&buf);
}

TEST(json_read_refuses_what_is_no_object)
{
    static const char *const texts[] = {"",
                                        "  ",
                                        "1",
                                        "[1]",
                                        "{",
                                        "{\"a\":}",
                                        "{\"a\":\"x",
                                        "{a\0}",
                                        "{]}",
                                        "{\"a\":{\"$oid\":\"zz\"}}",
                                        "{\"a\":\"\\ud800\"}"};
    struct buf buf;
    buf_init(&buf, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t used = 0;
        assert_int_equal(doc_json_read(slice_str(texts[i]), &buf, &used, NULL), -LT_EFAILEDTOPARSE);
    }
    buf_close(&buf);
}

TEST(json_read_refuses_deep_nesting)
{
    char deep[20000];
    struct buf buf;
    size_t used = 0;
    buf_init(&buf, NULL);
    for (size_t i = 0; i < 4000; i++) {
        memcpy(deep + 5 * i, "{\"a\":", 5);
    }
    assert_int_equal(doc_json_read(slice_of(deep, sizeof deep), &buf, &used, NULL),
                     -LT_EFAILEDTOPARSE);
    buf_close(&buf);
}

TEST(json_shell_style_is_the_servers)
{
    struct arena arena;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena);
    struct slice doc = read_json(
        &arena,
        "{\"a\":1,\"b\":\"x\",\"c\":{\"$numberDouble\":\"1\"},\"d\":[1,[]],\"e\":{},"
        "\"f\":{\"$oid\":\"65a0b1c2d3e4f50600100001\"},\"g\":{\"$date\":{\"$numberLong\":\"5\"}},"
        "\"h\":{\"$minKey\":1},\"i\":null,\"j\":{\"$regularExpression\":{\"pattern\":\"p\","
        "\"options\":\"i\"}},\"k\":{\"$numberDecimal\":\"1.50\"},\"l\":true,"
        "\"m\":{\"$binary\":{\"base64\":\"q80=\",\"subType\":\"00\"}},"
        "\"n\":{\"$timestamp\":{\"t\":1,\"i\":2}}}");
    doc_json_write_shell(&buf, doc_value_object(doc));
    buf_append_byte(&buf, 0);
    assert_string_equal((char *)buf.data,
                        "{ a: 1, b: \"x\", c: 1.0, d: [ 1, [] ], e: {}, "
                        "f: ObjectId('65a0b1c2d3e4f50600100001'), g: new Date(5), h: MinKey, "
                        "i: null, j: /p/i, k: 1.50, l: true, m: BinData(0, ABCD), "
                        "n: Timestamp(1, 2) }");
    arena_close(&arena);
}
