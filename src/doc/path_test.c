/* doc/path_test.c - what dotted paths reach. */
#include "doc/path.h"

#include "doc/build.h"
#include "lib/test.h"

static struct arena test_arena;

static struct doc_path path_of(const char *text)
{
    struct doc_path path;
    assert_int_equal(doc_path_parse(&test_arena, slice_str(text), &path, NULL), 0);
    return path;
}

TEST(path_is_split_at_dots)
{
    struct doc_path path = path_of("a.12.00.b");
    assert_int_equal(path.count, 4);
    assert_int_equal(path.parts[0].index, -1);
    assert_int_equal(path.parts[1].index, 12);
    assert_int_equal(path.parts[2].index, -1);
    assert_false(doc_path_has_empty_part(&path));
    arena_close(&test_arena);
}

TEST(path_with_empty_parts_is_kept)
{
    static const char *const texts[] = {"", ".", "a.", ".a", "a..b"};
    for (size_t i = 0; i < 5; i++) {
        struct doc_path path = path_of(texts[i]);
        assert_true(doc_path_has_empty_part(&path));
    }
    arena_close(&test_arena);
}

TEST(path_index_must_fit_an_int32)
{
    assert_int_equal(path_of("2147483647").parts[0].index, INT32_MAX);
    assert_int_equal(path_of("2147483648").parts[0].index, -1);
    assert_int_equal(path_of("+1").parts[0].index, -1);
    arena_close(&test_arena);
}

TEST(path_of_more_than_200_parts_is_refused)
{
    char text[402];
    for (int i = 0; i < 201; i++) {
        memcpy(text + 2 * i, "a.", 2);
    }
    struct doc_path path;
    assert_int_equal(doc_path_parse(&test_arena, slice_of(text, 399), &path, NULL), 0);
    assert_int_equal(doc_path_parse(&test_arena, slice_of(text, 401), &path, NULL), -LT_EOVERFLOW);
    arena_close(&test_arena);
}

/* {a: [{b: 1}, 5, {c: 0}, {b: [7, {x: 8}]}], n: null, "0": {y: 3}, m: [[{b: 9}]]} */
static struct slice sample(void)
{
    struct buf buf;
    struct doc_builder b;
    buf_init(&buf, &test_arena);
    doc_build_begin(&b, &buf);
    doc_build_open_array(&b, SLICE("a"));
    doc_build_open(&b, SLICE(""));
    doc_build_i32(&b, "b", 1);
    doc_build_close(&b);
    doc_build_i32(&b, "", 5);
    doc_build_open(&b, SLICE(""));
    doc_build_i32(&b, "c", 0);
    doc_build_close(&b);
    doc_build_open(&b, SLICE(""));
    doc_build_open_array(&b, SLICE("b"));
    doc_build_i32(&b, "", 7);
    doc_build_open(&b, SLICE(""));
    doc_build_i32(&b, "x", 8);
    doc_build_close(&b);
    doc_build_close(&b);
    doc_build_close(&b);
    doc_build_close(&b);
    doc_build_null(&b, "n");
    doc_build_open(&b, SLICE("0"));
    doc_build_i32(&b, "y", 3);
    doc_build_close(&b);
    doc_build_open_array(&b, SLICE("m"));
    doc_build_open_array(&b, SLICE(""));
    doc_build_open(&b, SLICE(""));
    doc_build_i32(&b, "b", 9);
    doc_build_close(&b);
    doc_build_close(&b);
    doc_build_close(&b);
    return doc_build_end(&b);
}

static bool collect(void *context, const struct doc_path_hit *hit)
{
    struct buf *text = context;
    const char *through = hit->through_array ? "t" : "";
    const char *at = hit->at_index ? "i" : "";
    if (hit->value.type == DOC_INT32) {
        buf_format(text, "%d", doc_value_get_i32(hit->value));
    } else {
        buf_format(text, "%s", doc_type_name(hit->value.type));
    }
    buf_format(text, "@%d%s%s ", hit->array_index, through, at);
    return false;
}

static void expect_hits(const char *path_text, const char *expected)
{
    struct buf text;
    buf_init(&text, &test_arena);
    struct doc_path path = path_of(path_text);
    assert_false(doc_path_visit(&path, sample(), collect, &text));
    buf_append_byte(&text, 0);
    assert_string_equal((const char *)text.data, expected);
}

TEST(path_visit_enters_objects_in_arrays_one_level)
{
    expect_hits("a", "array@-1 ");
    expect_hits("a.b", "1@0t missing@2t array@3t ");
    expect_hits("a.b.x", "missing@0t missing@2t 8@3t ");
    expect_hits("a.1", "missing@0t 5@-1i missing@2t missing@3t ");
    expect_hits("a.0.b", "missing@0t 1@-1 missing@2t missing@3t ");
    expect_hits("a.3.b.1.x", "missing@0t missing@2t missing@3t missing@1t 8@-1 ");
    expect_hits("n.x", "missing@-1 ");
    expect_hits("zzz.x", "missing@-1 ");
    expect_hits("0.y", "3@-1 ");
    expect_hits("m.b", "");
    expect_hits("m.0.b", "9@0t ");
    expect_hits("m.0.0.b", "missing@0t 9@-1 ");
    arena_close(&test_arena);
}

static bool stop_at_once(void *context, const struct doc_path_hit *hit)
{
    (void)hit;
    ++*(int *)context;
    return true;
}

TEST(path_visit_stops_when_told)
{
    int calls = 0;
    struct doc_path path = path_of("a.b");
    assert_true(doc_path_visit(&path, sample(), stop_at_once, &calls));
    assert_int_equal(calls, 1);
    arena_close(&test_arena);
}

TEST(path_get_uses_only_numeric_parts_in_arrays)
{
    struct doc_path path = path_of("a.b");
    assert_false(doc_value_exists(doc_path_get(&path, sample())));
    path = path_of("a.3.b.1.x");
    assert_int_equal(doc_value_get_i32(doc_path_get(&path, sample())), 8);
    path = path_of("a.9");
    assert_false(doc_value_exists(doc_path_get(&path, sample())));
    path = path_of("0.y");
    assert_int_equal(doc_value_get_i32(doc_path_get(&path, sample())), 3);
    arena_close(&test_arena);
}
