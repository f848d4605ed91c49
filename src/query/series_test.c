/* query/series_test.c - what goes into a bucket comes out of it. */
#include "query/series.h"

#include "doc/compare.h"
#include "lib/json_doc.h"

static const uint8_t series_id[12] = {1, 2, 3};

static const struct query_series series_plain = {
    .time_field = {(const uint8_t *)"t", 1},
    .meta_field = {(const uint8_t *)"m", 1},
    .rounding_ms = 60000,
};

static struct query_series_rows series_rows(struct arena *arena, const char *const *texts,
                                            uint32_t count)
{
    struct query_series_rows rows = {arena_zero(arena, count, sizeof *rows.rows), count};
    for (uint32_t i = 0; i < count; i++) {
        rows.rows[i].doc = json_doc(arena, texts[i]);
        rows.rows[i].time_ms = doc_value_get_i64(doc_get_str(rows.rows[i].doc, "t"));
    }
    return rows;
}

static void series_check(const char *const *texts, uint32_t count, const char *const *expected,
                         const char *bucket_text)
{
    struct arena arena;
    struct err err = {0};
    struct query_series_rows found;
    arena_init(&arena);
    struct query_series_rows rows = series_rows(&arena, texts, count);
    query_series_sort(rows);
    struct slice bucket = query_series_pack(&series_plain, series_id, rows, &arena);
    if (bucket_text != NULL) {
        struct doc_builder builder;
        struct buf buf;
        buf_init(&buf, &arena);
        doc_build_begin(&builder, &buf);
        doc_build_without(&builder, bucket, "_id");
        assert_string_equal(json_text(&arena, doc_build_end(&builder)), bucket_text);
    }
    assert_int_equal(query_series_count(&series_plain, bucket), count);
    assert_int_equal(query_series_unpack(&series_plain, bucket, &arena, &found, &err), 0);
    assert_int_equal(found.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(json_text(&arena, found.rows[i].doc), expected[i]);
    }
    arena_close(&arena);
}

TEST(series_rows_come_out_by_time_with_time_and_meta_first)
{
    static const char *const in[] = {"{'a': 1, 'm': 'x', 't': {'$date': 130000}}",
                                     "{'b': [2], 't': {'$date': 70000}, 'm': 'x'}",
                                     "{'a': null, 't': {'$date': 130000}, 'm': 'x', 'b': {}}"};
    static const char *const out[] = {
        "{'t':{'$date':'1970-01-01T00:01:10Z'},'m':'x','b':[2]}",
        "{'t':{'$date':'1970-01-01T00:02:10Z'},'m':'x','a':1}",
        "{'t':{'$date':'1970-01-01T00:02:10Z'},'m':'x','b':{},'a':null}"};
    series_check(in, 3, out, NULL);
}

TEST(series_control_has_the_least_and_the_greatest_of_each_field)
{
    static const char *const in[] = {
        "{'t': {'$date': 61000}, 'v': {'x': 5, 'y': 1}, 'w': 3}",
        "{'t': {'$date': 62000}, 'v': {'x': 2, 'z': {'k': 1}}, 'w': 'a'}"};
    static const char *const out[] = {
        "{'t':{'$date':'1970-01-01T00:01:01Z'},'v':{'x':5,'y':1},'w':3}",
        "{'t':{'$date':'1970-01-01T00:01:02Z'},'v':{'x':2,'z':{'k':1}},'w':'a'}"};
    series_check(in, 2, out,
                 "{'control':{'version':1,'min':{'t':{'$date':'1970-01-01T00:01:00Z'},"
                 "'v':{'x':2,'y':1,'z':{'k':1}},'w':3},'max':{'t':{'$date':'1970-01-01T00:01:02Z'},"
                 "'v':{'x':5,'y':1,'z':{'k':1}},'w':'a'}},'data':{'t':{'0':{'$date':"
                 "'1970-01-01T00:01:01Z'},'1':{'$date':'1970-01-01T00:01:02Z'}},'v':{'0':{'x':5,"
                 "'y':1},'1':{'x':2,'z':{'k':1}}},'w':{'0':3,'1':'a'}}}");
}

TEST(series_many_rows_with_many_fields_are_sorted_and_kept)
{
    enum { ROWS = 1000, FIELDS = 300 };
    struct arena arena;
    struct err err = {0};
    struct query_series_rows rows = {.count = ROWS};
    struct query_series_rows found;
    arena_init(&arena);
    rows.rows = arena_zero(&arena, ROWS, sizeof *rows.rows);
    for (uint32_t i = 0; i < ROWS; i++) {
        int64_t time = (int64_t)(i * 7919 % 997) * 1000;
        struct slice text = arena_format(&arena, "{'t': {'$date': %lld}, 'f%u': %u, 'n': %u}",
                                         (long long)time, i % FIELDS, i, i);
        rows.rows[i] = (struct query_series_row){time, json_doc(&arena, (const char *)text.data)};
    }
    query_series_sort(rows);
    for (uint32_t i = 1; i < ROWS; i++) {
        const struct query_series_row *a = &rows.rows[i - 1];
        const struct query_series_row *b = &rows.rows[i];
        int order = doc_compare(doc_get_str(a->doc, "n"), doc_get_str(b->doc, "n"));
        assert_true(a->time_ms < b->time_ms || (a->time_ms == b->time_ms && order < 0));
    }
    struct slice bucket = query_series_pack(&series_plain, series_id, rows, &arena);
    assert_int_equal(query_series_unpack(&series_plain, bucket, &arena, &found, &err), 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct doc_value number = doc_get_str(rows.rows[i].doc, "n");
        struct slice name =
            arena_format(&arena, "f%d", doc_value_get_i32(number) % (int32_t)FIELDS);
        assert_int_equal(doc_count(found.rows[i].doc), 3);
        assert_true(doc_equal(doc_get_str(found.rows[i].doc, "n"), number));
        assert_true(doc_equal(doc_get(found.rows[i].doc, name), number));
    }
    arena_close(&arena);
}

TEST(series_what_is_no_bucket_is_refused)
{
    static const char *const texts[] = {
        "{}", "{'control': {'version': 1}}", "{'control': {'version': 2}, 'data': {'t': {}}}",
        "{'control': 1, 'data': {'t': {}}}", "{'control': {'version': 1}, 'data': {'t': 5}}"};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        struct query_series_rows rows;
        struct slice bucket = json_doc(&arena, texts[i]);
        assert_int_equal(query_series_unpack(&series_plain, bucket, &arena, &rows, &err), -5346510);
        assert_int_equal(query_series_count(&series_plain, bucket), 0);
    }
    arena_close(&arena);
}
