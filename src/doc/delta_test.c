/* doc/delta_test.c - documents changed by deltas. */
#include "doc/delta.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/test.h"

static bool delta_try(struct arena *arena, const char *old_doc, const char *delta,
                      struct slice *ret_doc)
{
    return doc_delta_apply(arena, json_doc(arena, old_doc), json_doc(arena, delta), ret_doc);
}

static void delta_is(const char *old_doc, const char *delta, const char *expected)
{
    struct arena arena;
    struct slice found;
    arena_init(&arena);
    assert_true(delta_try(&arena, old_doc, delta, &found));
    assert_string_equal(json_text(&arena, found), json_text(&arena, json_doc(&arena, expected)));
    arena_close(&arena);
}

static void delta_is_none(const char *delta)
{
    struct arena arena;
    struct slice found;
    arena_init(&arena);
    assert_false(delta_try(&arena, "{'a': {'b': 1}, 'c': [1]}", delta, &found));
    arena_close(&arena);
}

TEST(delta_of_nothing_changes_nothing)
{
    delta_is("{'_id': 1, 'a': [1]}", "{}", "{'_id': 1, 'a': [1]}");
}

TEST(delta_sets_in_place_takes_away_and_puts_new_fields_last)
{
    delta_is("{'_id': 1, 'a': 1, 'b': 2, 'c': 3}",
             "{'d': {'b': false}, 'u': {'a': 5, 'z': 6}, 'i': {'y': 7, 'c': 8}}",
             "{'_id': 1, 'a': 5, 'z': 6, 'y': 7, 'c': 8}");
}

TEST(delta_goes_into_documents_and_arrays)
{
    delta_is("{'a': {'b': {'c': 1, 'd': 2}}, 'l': [1, {'x': 1}, [3, 4]]}",
             "{'sa': {'sb': {'u': {'c': 9}, 'd': {'d': false}}}, "
             "'sl': {'a': true, 'u0': 0, 's1': {'u': {'x': 2}}, 's2': {'a': true, 'l': 1}}}",
             "{'a': {'b': {'c': 9}}, 'l': [0, {'x': 2}, [3]]}");
}

TEST(delta_makes_arrays_longer_by_position)
{
    delta_is("{'l': [1]}", "{'sl': {'a': true, 'u11': 11, 'u3': 3, 'u1': 1, 'u2': 2}}",
             "{'l': [1, 1, 2, 3, null, null, null, null, null, null, null, 11]}");
    delta_is("{'l': [1, 2, 3]}", "{'sl': {'a': true, 'l': 1, 'u1': 7}}", "{'l': [1, 7]}");
}

TEST(delta_of_what_is_something_else_by_now_is_passed_over)
{
    delta_is("{'a': 1, 'b': [1], 'c': {'0': 1}}",
             "{'sa': {'u': {'x': 1}}, 'sb': {'u': {'x': 1}}, 'sc': {'a': true, 'u0': 5}, "
             "'sgone': {'u': {'x': 1}}}",
             "{'a': 1, 'b': [1], 'c': {'0': 1}}");
}

TEST(delta_that_is_none_is_refused)
{
    delta_is_none("{'x': {'a': 1}}");
    delta_is_none("{'u': 1}");
    delta_is_none("{'sa': 1}");
    delta_is_none("{'sc': {'a': true, 'u': 1}}");
    delta_is_none("{'sc': {'a': true, 'ux': 1}}");
    delta_is_none("{'sc': {'a': true, 'u1500000': 1}}");
    delta_is_none("{'sc': {'a': true, 'l': 'x'}}");
    delta_is_none("{'sc': {'a': true, 'd': {'1': false}}}");
}
