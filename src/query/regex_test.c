/* query/regex_test.c - patterns, options and limits. */
#include "query/regex.h"

#include "lib/test.h"

static int regex_case(const char *pattern, const char *options, const char *text)
{
    struct arena arena;
    struct err err = {0};
    struct query_regex *regex = NULL;
    arena_init(&arena);
    int rc = query_regex_compile(&arena, slice_str(pattern), slice_str(options), &regex, &err);
    if (rc == 0) {
        rc = query_regex_match(regex, slice_str(text), &err);
    }
    arena_close(&arena);
    return rc;
}

TEST(regex_without_special_characters_is_searched_for)
{
    assert_int_equal(regex_case("bc", "", "abcd"), 1);
    assert_int_equal(regex_case("bd", "", "abcd"), 0);
    assert_int_equal(regex_case("", "", "abcd"), 1);
    assert_int_equal(regex_case("", "", ""), 1);
}

TEST(regex_options_change_the_meaning)
{
    assert_int_equal(regex_case("BC", "i", "abcd"), 1);
    assert_int_equal(regex_case("^b", "m", "a\nb"), 1);
    assert_int_equal(regex_case("^b", "", "a\nb"), 0);
    assert_int_equal(regex_case("a.b", "s", "a\nb"), 1);
    assert_int_equal(regex_case("a b", "x", "ab"), 1);
    assert_int_equal(regex_case("\xC3\xA9", "iu", "\xC3\x89"), 1);
    assert_int_equal(regex_case("a", "q", "a"), -51108);
}

TEST(regex_that_runs_away_is_stopped)
{
    char text[64];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(regex_case("(a|aa)+$|(a*)*b(a*)*c", "", text), 1);
    assert_int_equal(regex_case("^(([a-z])+.)+[A-Z]([a-z])+$", "", text), -51156);
}

TEST(regex_prefix_is_what_every_match_begins_with)
{
    static const struct {
        const char *pattern;
        const char *options;
        const char *prefix;
    } cases[] = {
        {"^abc", "", "abc"}, {"^abc.*d", "", "abc"}, {"^abc?", "", "ab"},
        {"abc", "", ""},     {"^abc", "i", ""},      {"^a|b", "", ""},
        {"^abc", "m", ""},   {"^a\\.b", "", "a"},    {"^ab{2}", "", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct query_regex *regex = NULL;
        arena_init(&arena);
        assert_int_equal(query_regex_compile(&arena, slice_str(cases[i].pattern),
                                             slice_str(cases[i].options), &regex, NULL),
                         0);
        assert_true(slice_is(query_regex_prefix(regex), cases[i].prefix));
        arena_close(&arena);
    }
}

TEST(regex_find_gives_groups)
{
    struct arena arena;
    struct query_regex *regex = NULL;
    struct query_regex_spans spans = {0};
    arena_init(&arena);
    assert_int_equal(query_regex_compile(&arena, SLICE("(b)(x)?(c)"), SLICE(""), &regex, NULL), 0);
    assert_int_equal(query_regex_find(regex, SLICE("abcbc"), 2, &spans, &arena), 1);
    assert_int_equal(spans.count, 4);
    assert_true(slice_is(spans.spans[0], "bc"));
    assert_null(spans.spans[2].data);
    assert_int_equal(query_regex_find(regex, SLICE("abcbc"), 4, &spans, &arena), 0);
    arena_close(&arena);
}
