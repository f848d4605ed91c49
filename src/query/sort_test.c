/* query/sort_test.c - keys order as documents do; distinct values. */
#include "query/sort.h"

#include "lib/json_doc.h"
#include "query/distinct.h"

/* Negative, 0 or positive; a code below -1 on error. */
static int sort_order(const char *spec, const char *a, const char *b)
{
    struct arena arena;
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_sort *sort = NULL;
    struct query_eval eval;
    struct buf keys[2];
    int rc = query_sort_parse(&context, json_doc(&arena, spec), &sort, NULL);
    if (rc == 0) {
        query_eval_init(&eval, &context, &arena);
        buf_init(&keys[0], &arena);
        buf_init(&keys[1], &arena);
        rc = query_sort_key(sort, &eval, json_doc(&arena, a), &keys[0], NULL);
    }
    if (rc == 0) {
        rc = query_sort_key(sort, &eval, json_doc(&arena, b), &keys[1], NULL);
    }
    if (rc == 0) {
        int order = slice_compare(buf_slice(&keys[0]), buf_slice(&keys[1]));
        rc = (order > 0) - (order < 0);
    }
    arena_close(&arena);
    return rc;
}

TEST(sort_takes_the_element_that_comes_first)
{
    assert_int_equal(sort_order("{'a': 1}", "{'a': [5, 1]}", "{'a': 2}"), -1);
    assert_int_equal(sort_order("{'a': -1}", "{'a': [5, 1]}", "{'a': 4}"), -1);
    assert_int_equal(sort_order("{'a': 1}", "{'a': []}", "{'a': null}"), -1);
    assert_int_equal(sort_order("{'a': 1}", "{}", "{'a': null}"), 0);
    assert_int_equal(sort_order("{'a': 1}", "{'a': [null]}", "{}"), 0);
    assert_int_equal(sort_order("{'a.b': 1}", "{'a': [{'b': 3}, {'b': 1}]}", "{'a': {'b': 2}}"),
                     -1);
}

TEST(sort_goes_field_by_field)
{
    assert_int_equal(sort_order("{'a': 1, 'b': -1}", "{'a': 1, 'b': 2}", "{'a': 1, 'b': 1}"), -1);
    assert_int_equal(sort_order("{'a': 1, 'b': 1}", "{'a': 'x', 'b': 0}", "{'a': 5, 'b': 9}"), 1);
    assert_int_equal(sort_order("{'a': 1, 'b': 1}", "{'a': [1], 'b': [1]}", "{}"), -LT_EBADVALUE);
}

TEST(sort_takes_all_fields_from_one_element)
{
    const char *pairs = "{'a': [{'b': 1, 'c': 9}, {'b': 2, 'c': 1}]}";
    assert_int_equal(sort_order("{'a.b': 1, 'a.c': 1}", pairs, "{'a': {'b': 1, 'c': 5}}"), 1);
    assert_int_equal(sort_order("{'a.b': 1, 'a.c': -1}", pairs, "{'a': {'b': 1, 'c': 5}}"), -1);
    assert_int_equal(sort_order("{'x': 1, 'a.b': 1}", pairs, "{'a': {'b': 0}}"), 1);
}

TEST(sort_refuses_bad_directions)
{
    assert_int_equal(sort_order("{'a': 0}", "{}", "{}"), -15975);
    assert_int_equal(sort_order("{'a': 'x'}", "{}", "{}"), -15974);
    assert_int_equal(sort_order("{'a': 1.9}", "{}", "{}"), 0);
    assert_int_equal(sort_order("{'': 1}", "{}", "{}"), -40352);
    assert_int_equal(sort_order("{'$natural': 1, 'a': 1}", "{}", "{}"), -LT_EBADVALUE);
}

TEST(distinct_unwinds_one_level_and_sorts)
{
    struct arena arena;
    struct doc_path path;
    arena_init(&arena);
    assert_int_equal(doc_path_parse(&arena, SLICE("a.b"), &path, NULL), 0);
    struct query_distinct *distinct = query_distinct_new(&arena, &path, NULL);
    static const char *const docs[] = {"{'a': {'b': [3, 1, [2]]}}", "{'a': [{'b': 1.0}, {'c': 1}]}",
                                       "{'a': 1}"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(query_distinct_add(distinct, json_doc(&arena, docs[i]), NULL), 0);
    }
    struct doc_value values = query_distinct_values(distinct);
    struct slice want = json_doc(&arena, "{'0': 1, '1': 3, '2': [2]}");
    assert_true(slice_equal(doc_value_get_doc(values), want));
    arena_close(&arena);
}
