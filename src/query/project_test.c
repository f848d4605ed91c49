/* query/project_test.c - what a projection leaves, and what it adds. */
#include "query/project.h"

#include "lib/json_doc.h"

static void project_check(enum query_project_mode mode, const char *spec, const char *doc,
                          const char *want)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_project *project = NULL;
    int rc = query_project_parse(&context, json_doc(&arena, spec), mode, &project, &err);
    struct query_project_io io = {.doc = json_doc(&arena, doc), .array_index = 1};
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        rc = query_project_doc(project, &eval, &io, &err);
    }
    if (rc < 0) {
        fail_msg("%s: %s", spec, err.text);
    }
    assert_string_equal(json_text(&arena, io.new_doc), json_text(&arena, json_doc(&arena, want)));
    arena_close(&arena);
}

static int project_error(enum query_project_mode mode, const char *spec)
{
    struct arena arena;
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_project *project = NULL;
    int rc = query_project_parse(&context, json_doc(&arena, spec), mode, &project, NULL);
    arena_close(&arena);
    return rc;
}

TEST(project_keeps_or_drops_in_the_order_of_the_document)
{
    enum query_project_mode find = QUERY_PROJECT_FIND;
    project_check(find, "{'b': 1, 'a': 1}", "{'_id': 1, 'a': 2, 'b': 3, 'c': 4}",
                  "{'_id': 1, 'a': 2, 'b': 3}");
    project_check(find, "{'b': 1, '_id': 0}", "{'_id': 1, 'b': 3}", "{'b': 3}");
    project_check(find, "{'b': 0}", "{'_id': 1, 'a': 2, 'b': 3}", "{'_id': 1, 'a': 2}");
    project_check(find, "{'_id': 0}", "{'_id': 1, 'a': 2}", "{'a': 2}");
    project_check(find, "{'_id': 1}", "{'_id': 1, 'a': 2}", "{'_id': 1}");
    project_check(find, "{'a.b': 1}", "{'a': [{'b': 1, 'c': 2}, 3, [{'b': 4}]]}",
                  "{'a': [{'b': 1}, [{'b': 4}]]}");
    project_check(find, "{'a.b': 0}", "{'a': [{'b': 1, 'c': 2}, 3]}", "{'a': [{'c': 2}, 3]}");
    project_check(find, "{'a': {'b': 1}}", "{'a': 5}", "{}");
}

TEST(project_computes_after_what_it_keeps)
{
    project_check(QUERY_PROJECT_STAGE, "{'x': '$a', 'a': 1}", "{'_id': 1, 'a': 2, 'x': 3}",
                  "{'_id': 1, 'a': 2, 'x': 2}");
    project_check(QUERY_PROJECT_STAGE, "{'a.b': '$c'}", "{'a': [1, {'z': 1}], 'c': 3}",
                  "{'a': [{'b': 3}, {'b': 3}]}");
    project_check(QUERY_PROJECT_ADD, "{'a': 9, 'n.m': '$a'}", "{'a': 1, 'b': 2}",
                  "{'a': 9, 'b': 2, 'n': {'m': 1}}");
    project_check(QUERY_PROJECT_ADD, "{'a': {'c': 1}}", "{'a': {'b': 2}}",
                  "{'a': {'b': 2, 'c': 1}}");
}

TEST(project_find_cuts_arrays)
{
    enum query_project_mode find = QUERY_PROJECT_FIND;
    project_check(find, "{'a': {'$slice': 2}}", "{'a': [1, 2, 3], 'b': 1}",
                  "{'a': [1, 2], 'b': 1}");
    project_check(find, "{'a': {'$slice': [-2, 1]}}", "{'a': [1, 2, 3]}", "{'a': [2]}");
    project_check(find, "{'a': {'$slice': -1}, 'b': 1}", "{'a': [1, 2], 'b': 1, 'c': 1}",
                  "{'a': [2], 'b': 1}");
    project_check(find, "{'a': {'$elemMatch': {'$gt': 1}}}", "{'_id': 1, 'a': [1, 2, 3], 'b': 1}",
                  "{'_id': 1, 'a': [2]}");
    project_check(find, "{'a.$': 1}", "{'a': [4, 5, 6], 'b': 1}", "{'a': [5]}");
}

TEST(project_refuses_mixtures_and_collisions)
{
    enum query_project_mode find = QUERY_PROJECT_FIND;
    assert_int_equal(project_error(find, "{'a': 1, 'b': 0}"), -31254);
    assert_int_equal(project_error(find, "{'a': 0, 'b': 1}"), -31253);
    assert_int_equal(project_error(find, "{'a': 1, 'a.b': 1}"), -31249);
    assert_int_equal(project_error(find, "{'a.b': 1, 'a': 1}"), -31250);
    assert_int_equal(project_error(find, "{'a.': 1}"), -40353);
    assert_int_equal(project_error(find, "{'$a': 1}"), -16410);
    assert_int_equal(project_error(find, "{'a': {}}"), -51270);
    assert_int_equal(project_error(find, "{'a': {'$elemMatch': 1}}"), -31274);
    assert_int_equal(project_error(find, "{'a.$': 'x'}"), -31308);
    assert_int_equal(project_error(QUERY_PROJECT_STAGE, "{}"), -51272);
    assert_int_equal(project_error(QUERY_PROJECT_ADD, "{'a': 1, 'a.b': 1}"), -40176);
}
