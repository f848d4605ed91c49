/* doc/wildcard_test.c - which paths a wildcard index has. */
#include "doc/wildcard.h"

#include "lib/json_doc.h"

static void place_is(const char *spec, const char *path, enum doc_wildcard_place want)
{
    struct arena arena;
    arena_init(&arena);
    struct doc_wildcard *wildcard = doc_wildcard_of_spec(&arena, json_doc(&arena, spec));
    assert_non_null(wildcard);
    if (doc_wildcard_place_of(wildcard, slice_str(path)) != want) {
        fail_msg("%s of %s", path, spec);
    }
    arena_close(&arena);
}

TEST(wildcard_names_end_with_the_mark)
{
    assert_true(doc_wildcard_is_name(SLICE("$**")));
    assert_true(doc_wildcard_is_name(SLICE("a.b.$**")));
    assert_false(doc_wildcard_is_name(SLICE("a$**")));
    assert_false(doc_wildcard_is_name(SLICE("$**.a")));
    assert_false(doc_wildcard_is_name(SLICE("**")));
}

TEST(wildcard_of_everything_leaves_out_the_id)
{
    static const char *const spec = "{'key': {'$**': 1}}";
    place_is(spec, "a", DOC_WILDCARD_INSIDE);
    place_is(spec, "a.b", DOC_WILDCARD_INSIDE);
    place_is(spec, "_id", DOC_WILDCARD_OUTSIDE);
    place_is(spec, "_id.x", DOC_WILDCARD_OUTSIDE);
    place_is(spec, "_idle", DOC_WILDCARD_INSIDE);
    place_is("{'key': {'$**': 1}, 'wildcardProjection': {'_id': 1, 'a': 0}}", "_id",
             DOC_WILDCARD_INSIDE);
}

TEST(wildcard_below_a_path_has_that_and_what_is_below)
{
    static const char *const spec = "{'key': {'a.b.$**': 1}}";
    place_is(spec, "a", DOC_WILDCARD_ABOVE);
    place_is(spec, "a.b", DOC_WILDCARD_INSIDE);
    place_is(spec, "a.b.c", DOC_WILDCARD_INSIDE);
    place_is(spec, "a.bc", DOC_WILDCARD_OUTSIDE);
    place_is(spec, "c", DOC_WILDCARD_OUTSIDE);
}

TEST(wildcard_projections_keep_or_leave_out)
{
    static const char *const keeps =
        "{'key': {'$**': 1}, 'wildcardProjection': {'a.b': 1, 'c': {'d': 1}}}";
    place_is(keeps, "a", DOC_WILDCARD_ABOVE);
    place_is(keeps, "a.b.x", DOC_WILDCARD_INSIDE);
    place_is(keeps, "c.d", DOC_WILDCARD_INSIDE);
    place_is(keeps, "c.e", DOC_WILDCARD_OUTSIDE);
    static const char *const drops =
        "{'key': {'$**': 1}, 'wildcardProjection': {'a.b': 0, 'c': 0}}";
    place_is(drops, "a", DOC_WILDCARD_INSIDE);
    place_is(drops, "a.b", DOC_WILDCARD_OUTSIDE);
    place_is(drops, "c.x", DOC_WILDCARD_OUTSIDE);
    place_is(drops, "d", DOC_WILDCARD_INSIDE);
}
