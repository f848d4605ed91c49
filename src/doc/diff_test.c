/* doc/diff_test.c - descriptions of what changed. */
#include "doc/diff.h"

#include <stdio.h>

#include "doc/build.h"
#include "doc/json.h"
#include "doc/value.h"
#include "lib/json_doc.h"

static void diff_is(const char *old_doc, const char *new_doc, const char *updated,
                    const char *removed, const char *truncated)
{
    struct arena arena;
    struct slice description;
    struct buf found;
    struct buf expected;
    arena_init(&arena);
    buf_init(&found, &arena);
    buf_init(&expected, &arena);
    assert_true(
        doc_diff(&arena, json_doc(&arena, old_doc), json_doc(&arena, new_doc), &description));
    buf_format(&expected, "{'updatedFields': %s, 'removedFields': %s, 'truncatedArrays': %s}",
               updated, removed, truncated);
    buf_append_byte(&expected, '\0');
    struct slice wanted = json_doc(&arena, (const char *)expected.data);
    doc_json_write_shell(&found, doc_value_object(description));
    expected.len = 0;
    doc_json_write_shell(&expected, doc_value_object(wanted));
    buf_append_byte(&found, '\0');
    buf_append_byte(&expected, '\0');
    assert_string_equal((const char *)found.data, (const char *)expected.data);
    arena_close(&arena);
}

TEST(diff_tells_fields_that_are_new_changed_or_gone)
{
    diff_is("{'_id': 1, 'a': 1, 'b': 2}", "{'_id': 1, 'a': 1, 'b': 2}", "{}", "[]", "[]");
    diff_is("{'_id': 1, 'a': 1, 'b': 2}", "{'_id': 1, 'a': 5, 'c': 3}", "{'a': 5, 'c': 3}", "['b']",
            "[]");
    diff_is("{'_id': 1, 'a': 1}", "{'_id': 1, 'a': '1'}", "{'a': '1'}", "[]", "[]");
    diff_is("{'_id': 1, 'a': 1, 'b': 2, 'c': 3}", "{'_id': 1, 'c': 3, 'b': 2, 'a': 1}", "{}", "[]",
            "[]");
}

TEST(diff_goes_into_documents)
{
    diff_is("{'a': {'b': {'c': 1, 'd': 1}}}", "{'a': {'b': {'c': 2}, 'e': 1}}",
            "{'a.b.c': 2, 'a.e': 1}", "['a.b.d']", "[]");
    diff_is("{'a': {}}", "{'a': {'b': 1}}", "{'a': {'b': 1}}", "[]", "[]");
    diff_is("{'a': {'b': 1}}", "{'a': {}}", "{}", "['a.b']", "[]");
    diff_is("{'a': {'b': 1}}", "{'a': [1]}", "{'a': [1]}", "[]", "[]");
}

TEST(diff_goes_into_arrays)
{
    diff_is("{'a': [1, 2, 3]}", "{'a': [1, 5, 3, 4]}", "{'a.1': 5, 'a.3': 4}", "[]", "[]");
    diff_is("{'a': [{'b': 1, 'c': 1}]}", "{'a': [{'b': 2, 'c': 1}]}", "{'a.0.b': 2}", "[]", "[]");
    diff_is("{'a': [1, 2, 3]}", "{'a': [1, 2]}", "{}", "[]", "[{'field': 'a', 'newSize': 2}]");
    diff_is("{'a': [1, 2, 3]}", "{'a': [2, 3]}", "{'a': [2, 3]}", "[]", "[]");
    diff_is("{'a': [1]}", "{'a': []}", "{'a': []}", "[]", "[]");
}

TEST(diff_says_which_path_is_meant)
{
    struct arena arena;
    struct slice description;
    struct buf text;
    arena_init(&arena);
    buf_init(&text, &arena);
    assert_true(doc_diff(&arena, json_doc(&arena, "{'a.b': 1, 'c': {'0': 1}, 'd': [1]}"),
                         json_doc(&arena, "{'a.b': 2, 'c': {'0': 2}, 'd': [2]}"), &description));
    doc_json_write_shell(&text, doc_value_object(description));
    buf_append_byte(&text, '\0');
    assert_non_null(strstr((const char *)text.data,
                           "disambiguatedPaths: { a.b: [ \"a.b\" ], c.0: [ \"c\", \"0\" ] }"));
    arena_close(&arena);
}

TEST(diff_gives_up_on_documents_in_another_order)
{
    enum { FIELDS = 5000 };
    struct arena arena;
    struct buf docs[2];
    struct slice description;
    arena_init(&arena);
    for (int k = 0; k < 2; k++) {
        struct doc_builder builder;
        buf_init(&docs[k], &arena);
        doc_build_begin(&builder, &docs[k]);
        for (int i = 0; i < FIELDS; i++) {
            char name[12];
            snprintf(name, sizeof name, "f%d", k == 0 ? i : FIELDS - i);
            doc_build_i32(&builder, name, 1);
        }
        doc_build_end(&builder);
    }
    assert_false(doc_diff(&arena, buf_slice(&docs[0]), buf_slice(&docs[1]), &description));
    arena_close(&arena);
}
