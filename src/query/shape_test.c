/* query/shape_test.c - which filters are of one shape. */
#include "query/shape.h"

#include "doc/json.h"
#include "lib/test.h"

static struct slice shape_of(struct arena *arena, const char *json)
{
    struct query_context context = {.arena = arena};
    struct query_match *match;
    struct buf filter;
    size_t used;
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct err err;
    buf_init(&filter, arena);
    assert_int_equal(doc_json_read(slice_str(json), &filter, &used, &err), 0);
    assert_int_equal(query_match_parse(&context, buf_slice(&filter), &match, &err), 0);
    buf_init(buf, arena);
    query_shape_append(buf, match);
    return buf_slice(buf);
}

static bool shape_is_same(const char *a, const char *b)
{
    struct arena arena;
    arena_init(&arena);
    bool same = slice_equal(shape_of(&arena, a), shape_of(&arena, b));
    arena_close(&arena);
    return same;
}

TEST(shape_is_without_values)
{
    assert_true(shape_is_same("{\"a\": 1}", "{\"a\": \"x\"}"));
    assert_true(shape_is_same("{\"a\": {\"$in\": [1]}}", "{\"a\": {\"$in\": [1, 2, 3]}}"));
    assert_true(shape_is_same("{\"a\": 1, \"b\": 2}", "{\"b\": 1, \"a\": 2}"));
    assert_true(shape_is_same("{\"$or\": [{\"a\": 1}, {\"b\": 2}]}",
                              "{\"$or\": [{\"b\": 1}, {\"a\": 2}]}"));
    assert_true(shape_is_same("{}", "{}"));
}

TEST(shape_has_operators_and_paths)
{
    assert_false(shape_is_same("{\"a\": 1}", "{\"b\": 1}"));
    assert_false(shape_is_same("{\"a\": 1}", "{\"a\": {\"$gt\": 1}}"));
    assert_false(shape_is_same("{\"a\": 1}", "{\"a\": {\"$ne\": 1}}"));
    assert_false(shape_is_same("{\"a\": 1}", "{}"));
    assert_false(shape_is_same("{\"a\": 1, \"b\": 1}", "{\"ab\": 1}"));
    assert_false(shape_is_same("{\"$or\": [{\"a\": 1}, {\"b\": 2}]}", "{\"a\": 1, \"b\": 2}"));
}
