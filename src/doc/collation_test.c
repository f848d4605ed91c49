/* doc/collation_test.c - collations as clients describe them, and how they compare. */
#include "doc/collation.h"

#include <string.h>

#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/random_doc.h"
#include "lib/test.h"

static struct arena test_arena;

static const struct doc_collation *collation_of(const char *spec)
{
    const struct doc_collation *collation = NULL;
    struct err err = {0};
    int code = doc_collation_parse(&test_arena, json_doc(&test_arena, spec), "collation",
                                   &collation, &err);
    if (code < 0) {
        fail_msg("%s: %s", spec, err.text);
    }
    return collation;
}

static void expect_refused(const char *spec, int expected, const char *words)
{
    const struct doc_collation *collation = NULL;
    struct err err = {0};
    int code = doc_collation_parse(&test_arena, json_doc(&test_arena, spec), "collation",
                                   &collation, &err);
    assert_int_equal(code, -expected);
    if (strstr(err.text, words) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", spec, err.text, words);
    }
}

static struct doc_value text_of(const char *text)
{
    return doc_value_string(&test_arena, slice_str(text));
}

/* Comparison, hash and key agree on the order. */
static void expect_order(const char *spec, const char *a, const char *b, int expected)
{
    const struct doc_collation *collation = collation_of(spec);
    struct doc_value x = text_of(a);
    struct doc_value y = text_of(b);
    struct buf x_key;
    struct buf y_key;
    buf_init(&x_key, &test_arena);
    buf_init(&y_key, &test_arena);
    doc_key_encode_by(&x_key, x, false, collation);
    doc_key_encode_by(&y_key, y, false, collation);
    int order = doc_compare_by(x, y, collation);
    int keys = slice_compare(buf_slice(&x_key), buf_slice(&y_key));
    assert_int_equal((order > 0) - (order < 0), expected);
    assert_int_equal((keys > 0) - (keys < 0), expected);
    bool same_hash = doc_hash_by(x, 3, collation) == doc_hash_by(y, 3, collation);
    assert_int_equal(same_hash, expected == 0);
}

TEST(what_a_document_leaves_out_the_locale_decides)
{
    arena_init(&test_arena);
    struct slice spec = doc_collation_spec(collation_of("{'locale': 'en', 'strength': 2}"));
    struct slice complete = json_doc(
        &test_arena, "{'locale': 'en', 'caseLevel': false, 'caseFirst': 'off', 'strength': 2, "
                     "'numericOrdering': false, 'alternate': 'non-ignorable', 'maxVariable': "
                     "'punct', 'normalization': false, 'backwards': false, 'version': '57.1'}");
    assert_true(slice_equal(spec, complete));
    spec = doc_collation_spec(collation_of("{'locale': 'fr_CA'}"));
    assert_true(doc_value_get_bool(doc_get_str(spec, "backwards")));
    spec = doc_collation_spec(collation_of("{'locale': 'da'}"));
    assert_true(slice_is(doc_value_get_string(doc_get_str(spec, "caseFirst")), "upper"));
    spec = doc_collation_spec(collation_of("{'locale': 'th'}"));
    assert_true(slice_is(doc_value_get_string(doc_get_str(spec, "alternate")), "shifted"));
    arena_close(&test_arena);
}

TEST(the_simple_collation_is_none)
{
    arena_init(&test_arena);
    assert_null(collation_of("{'locale': 'simple'}"));
    assert_null(collation_of("{'locale': 'simple', 'strength': 1, 'caseFirst': 'upper'}"));
    arena_close(&test_arena);
}

TEST(collations_are_the_same_when_all_options_are)
{
    arena_init(&test_arena);
    const struct doc_collation *a = collation_of("{'locale': 'en'}");
    const struct doc_collation *b =
        collation_of("{'caseLevel': false, 'strength': 3.0, 'locale': 'en'}");
    assert_true(doc_collation_is_same(a, b));
    assert_false(doc_collation_is_same(a, collation_of("{'locale': 'en', 'strength': 2}")));
    assert_false(doc_collation_is_same(a, NULL));
    assert_true(doc_collation_is_same(NULL, NULL));
    arena_close(&test_arena);
}

TEST(what_is_wrong_with_a_document_is_told)
{
    arena_init(&test_arena);
    expect_refused("{'strength': 1}", 40414, "'collation.locale' is missing");
    expect_refused("{}", 40414, "'collation.locale' is missing");
    expect_refused("{'locale': 'en', 'Strength': 1}", 40415, "'collation.Strength' is an unknown");
    expect_refused("{'locale': 1}", LT_ETYPEMISMATCH, "'collation.locale' is the wrong type 'int'");
    expect_refused("{'locale': 'en', 'strength': 'a'}", LT_ETYPEMISMATCH, "collation.strength");
    expect_refused("{'locale': 'en', 'caseLevel': 1}", LT_ETYPEMISMATCH, "expected type 'bool'");
    expect_refused("{'locale': 'en', 'backwards': null}", LT_ETYPEMISMATCH, "collation.backwards");
    expect_refused("{'locale': 'en', 'strength': 0}", LT_EBADVALUE, "must be >= 1");
    expect_refused("{'locale': 'en', 'strength': 6}", LT_EBADVALUE, "must be <= 5");
    expect_refused("{'locale': 'en', 'alternate': 'x'}", LT_EBADVALUE, "'collation.alternate'");
    expect_refused("{'locale': 'en', 'version': 'x'}", LT_EINCOMPATIBLECOLLATIONVERSION, "57.1");
    expect_refused("{'locale': 'nowhere'}", LT_EBADVALUE, "'locale' is invalid");
    expect_refused("{'locale': ''}", LT_EBADVALUE, "'locale' is invalid");
    expect_refused("{'locale': 'en-US'}", LT_EBADVALUE, "Did you mean 'en_US'");
    expect_refused("{'locale': 'en', 'strength': 2, 'caseFirst': 'upper'}", LT_EBADVALUE,
                   "'caseFirst'");
    expect_refused("{'locale': 'en', 'strength': 1, 'backwards': true}", LT_EBADVALUE,
                   "'backwards'");
    arena_close(&test_arena);
}

TEST(null_is_an_option_that_is_not_there)
{
    arena_init(&test_arena);
    const struct doc_collation *collation = collation_of(
        "{'locale': 'en', 'strength': null, 'alternate': null, 'numericOrdering': null}");
    assert_true(doc_collation_is_same(collation, collation_of("{'locale': 'en'}")));
    arena_close(&test_arena);
}

TEST(texts_compare_by_locale_and_strength)
{
    arena_init(&test_arena);
    expect_order("{'locale': 'en', 'strength': 1}", "cafe", "CAF\xc3\x89", 0);
    expect_order("{'locale': 'en', 'strength': 2}", "cafe", "CAFE", 0);
    expect_order("{'locale': 'en', 'strength': 2}", "cafe", "caf\xc3\xa9", -1);
    expect_order("{'locale': 'en'}", "cafe", "Cafe", -1);
    expect_order("{'locale': 'en', 'caseFirst': 'upper'}", "cafe", "Cafe", 1);
    expect_order("{'locale': 'en', 'strength': 1, 'caseLevel': true}", "a", "A", -1);
    expect_order("{'locale': 'en', 'numericOrdering': true}", "a10", "a2", 1);
    expect_order("{'locale': 'en'}", "a10", "a2", -1);
    expect_order("{'locale': 'en', 'alternate': 'shifted'}", "a b", "ab", 0);
    expect_order("{'locale': 'en', 'alternate': 'shifted', 'maxVariable': 'space'}", "a-b", "ab",
                 -1);
    expect_order("{'locale': 'de@collation=phonebook', 'strength': 1}", "ae", "\xc3\xa4", 0);
    expect_order("{'locale': 'sv'}", "z", "\xc3\xa5", -1);
    expect_order("{'locale': 'en', 'strength': 5}", "a\xe2\x80\x8b", "a", 1);
    arena_close(&test_arena);
}

TEST(a_long_text_has_a_key_like_a_short_one)
{
    char a[2000];
    char b[2000];
    memset(a, 'a', sizeof a);
    memset(b, 'A', sizeof b);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    arena_init(&test_arena);
    expect_order("{'locale': 'en', 'strength': 2}", a, b, 0);
    expect_order("{'locale': 'en', 'strength': 3}", a, b, -1);
    b[1500] = 'b';
    expect_order("{'locale': 'en', 'strength': 5}", a, b, -1);
    arena_close(&test_arena);
}

/* Any two values: strings are also inside of documents and arrays. */
static void check_pair(struct doc_value a, struct doc_value b, const struct doc_collation *by)
{
    struct buf a_key;
    struct buf b_key;
    buf_init(&a_key, &test_arena);
    buf_init(&b_key, &test_arena);
    doc_key_encode_by(&a_key, a, false, by);
    doc_key_encode_by(&b_key, b, false, by);
    int order = doc_compare_by(a, b, by);
    int keys = slice_compare(buf_slice(&a_key), buf_slice(&b_key));
    assert_int_equal((order > 0) - (order < 0), (keys > 0) - (keys < 0));
    if (order == 0) {
        assert_int_equal(doc_hash_by(a, 1, by), doc_hash_by(b, 1, by));
    }
    assert_int_equal(doc_key_size(buf_slice(&a_key), false), a_key.len);
}

TEST(keys_hashes_and_comparison_agree_on_all_values)
{
    struct random_doc random = {7};
    struct doc_value values[200];
    arena_init(&test_arena);
    const struct doc_collation *by = collation_of("{'locale': 'en', 'strength': 1}");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        values[i] = random_doc_value(&random, &test_arena, 3);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            check_pair(values[i], values[k], by);
        }
    }
    arena_close(&test_arena);
}
