/* command/oplog_test.c - descriptions of updates as the documents in each other that they stand
 * for.
 */
#include "command/oplog.h"

#include "doc/build.h"
#include "doc/delta.h"
#include "doc/diff.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/test.h"

/* The diff between two documents, as JSON; applied to the old one, it gives the new one. */
static void oplog_expect(const char *old_json, const char *new_json, const char *expected)
{
    struct arena arena;
    struct slice description;
    struct slice applied;
    arena_init(&arena);
    struct slice old_doc = json_doc(&arena, old_json);
    struct slice new_doc = json_doc(&arena, new_json);
    assert_true(doc_diff(&arena, old_doc, new_doc, &description));
    struct slice diff = command_oplog_diff(&arena, description);
    assert_string_equal(json_text(&arena, diff), json_text(&arena, json_doc(&arena, expected)));
    assert_true(doc_delta_apply(&arena, old_doc, diff, &applied));
    assert_string_equal(json_text(&arena, applied), json_text(&arena, new_doc));
    arena_close(&arena);
}

TEST(oplog_diff_of_nothing_is_empty)
{
    oplog_expect("{'a': 1}", "{'a': 1}", "{}");
}

TEST(oplog_diff_tells_fields_that_came_changed_and_went)
{
    oplog_expect("{'a': 1, 'b': 2, 'c': 3}", "{'a': 1, 'b': 5, 'd': {'e': 4}}",
                 "{'d': {'c': false}, 'u': {'b': 5, 'd': {'e': 4}}}");
}

TEST(oplog_diff_goes_into_documents)
{
    oplog_expect("{'a': {'b': {'c': 1, 'd': 2, 'e': 0}}, 'z': 1}",
                 "{'a': {'b': {'c': 3, 'd': 2}}, 'z': 2}",
                 "{'u': {'z': 2}, 'sa': {'sb': {'d': {'e': false}, 'u': {'c': 3}}}}");
}

TEST(oplog_diff_goes_into_arrays)
{
    oplog_expect("{'a': [1, {'b': 2}, [3, 4]]}", "{'a': [0, {'b': 5}, [3, 6], 7]}",
                 "{'sa': {'a': true, 'u0': 0, 's1': {'u': {'b': 5}}, 's2': {'a': true, 'u1': 6}, "
                 "'u3': 7}}");
}

TEST(oplog_diff_cuts_arrays)
{
    oplog_expect("{'a': [1, 2, 3], 'b': {'c': [1, 2]}}", "{'a': [1], 'b': {'c': [1]}}",
                 "{'sa': {'a': true, 'l': 1}, 'sb': {'sc': {'a': true, 'l': 1}}}");
}

TEST(oplog_diff_knows_names_that_look_like_paths)
{
    oplog_expect("{'a.b': {'0': 1}, 'a': {'b': 2, 'x': [1]}, '3': {'4': {'k': 1}}}",
                 "{'a.b': {'0': 5}, 'a': {'b': 3, 'x': [2]}, '3': {'4': {}}}",
                 "{'sa.b': {'u': {'0': 5}}, 'sa': {'u': {'b': 3}, 'sx': {'a': true, 'u0': 2}}, "
                 "'s3': {'s4': {'d': {'k': false}}}}");
}

/* One table serves all nodes: a wide and deep change takes no longer than its length. */
TEST(oplog_diff_of_many_fields_keeps_their_order)
{
    enum { FIELDS = 20000 };
    struct arena arena;
    struct buf olds, news;
    struct doc_builder builder;
    struct slice description;
    arena_init(&arena);
    struct buf *bufs[] = {&olds, &news};
    for (int which = 0; which < 2; which++) {
        buf_init(bufs[which], &arena);
        doc_build_begin(&builder, bufs[which]);
        for (int i = 0; i < FIELDS; i++) {
            doc_build_open(&builder, arena_format(&arena, "f%d", i));
            doc_build_i32(&builder, "k", which);
            doc_build_close(&builder);
        }
        doc_build_end(&builder);
    }
    assert_true(doc_diff(&arena, buf_slice(&olds), buf_slice(&news), &description));
    struct doc_iter iter;
    struct doc_elem elem;
    int i = 0;
    doc_iter_init(&iter, command_oplog_diff(&arena, description));
    while (doc_iter_next(&iter, &elem)) {
        assert_true(slice_equal(elem.name, arena_format(&arena, "sf%d", i++)));
    }
    assert_int_equal(i, FIELDS);
    arena_close(&arena);
}
