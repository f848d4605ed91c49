/* text/text_test.c - words, languages, searches and scores. */
#include "text/query.h"

#include <math.h>

#include "base/buf.h"
#include "lib/json_doc.h"

/* The stems of a text, a space between. */
static const char *stems_of(struct arena *arena, const char *language, const char *text,
                            unsigned keep)
{
    struct text_words words;
    struct slice word;
    struct buf all;
    buf_init(&all, arena);
    text_words_init(&words, arena, keep);
    for (size_t at = 0; text_words_next(slice_str(text), &at, &word);) {
        struct slice stem = text_words_stem(&words, text_language_find(slice_str(language)), word);
        if (stem.len > 0) {
            buf_format(&all, "%s%.*s", all.len > 0 ? " " : "", SLICE_FMT(stem));
        }
    }
    text_words_close(&words);
    buf_append_byte(&all, '\0');
    return (const char *)all.data;
}

TEST(text_words_are_cut_folded_and_stemmed)
{
    struct arena arena;
    arena_init(&arena);
    assert_string_equal(stems_of(&arena, "en", "The Blueberries, running-fast!", 0),
                        "blueberri run fast");
    assert_string_equal(stems_of(&arena, "none", "The  (quick) 'brown' $fox #1 isn't a_b", 0),
                        "the quick brown fox 1 isn't a_b");
    assert_string_equal(
        stems_of(&arena, "none", "Caf\xc3\xa9 \xc2\xab\xc3\x89t\xc3\xa9\xc2\xbb", 0), "cafe ete");
    assert_string_equal(stems_of(&arena, "none", "Caf\xc3\xa9", TEXT_KEEP_CASE), "Cafe");
    assert_string_equal(stems_of(&arena, "none", "Caf\xc3\xa9", TEXT_KEEP_MARKS), "caf\xc3\xa9");
    assert_string_equal(stems_of(&arena, "fr", "cours courant", 0), "cour cour");
    assert_string_equal(stems_of(&arena, "none", " ...- ", 0), "");
    arena_close(&arena);
}

TEST(text_languages_have_two_names)
{
    assert_ptr_equal(text_language_find(SLICE("Spanish")), text_language_find(SLICE("es")));
    assert_non_null(text_language_find(SLICE("none")));
    assert_null(text_language_find(SLICE("klingon")));
}

struct text_case {
    const char *search;
    unsigned keep;
    const char *doc;
    double score; /* 0: no match */
};

static void text_cases(const char *spec, const struct text_case *cases, size_t count)
{
    struct arena arena;
    arena_init(&arena);
    struct text_index *index = text_index_of_spec(&arena, json_doc(&arena, spec));
    for (size_t i = 0; i < count; i++) {
        struct text_search search = {.search = slice_str(cases[i].search), .keep = cases[i].keep};
        struct slice doc = json_doc(&arena, cases[i].doc);
        struct text_query *query;
        struct text_list words;
        double score;
        assert_int_equal(text_query_parse(&arena, index, &search, &query, NULL), 0);
        int code = text_query_match(query, &arena, doc, &score, NULL);
        if (code != (cases[i].score > 0) || (code > 0 && fabs(score - cases[i].score) > 1e-9)) {
            fail_msg("%s in %s: %d %.9f", cases[i].search, cases[i].doc, code, score);
        }
        bool shared = false;
        assert_int_equal(text_index_words(index, &arena, doc, &words, NULL), 0);
        for (uint32_t k = 0; k < words.count; k++) {
            shared |= text_list_has(&query->words, words.items[k]);
        }
        assert_true(shared || code == 0);
    }
    arena_close(&arena);
}

TEST(text_scores_by_frequency_share_and_weight)
{
    static const struct text_case cases[] = {
        {"hello", 0, "{'a': 'hello'}", 1.1},
        {"hello", 0, "{'a': 'hello world'}", 0.75},
        {"hello world", 0, "{'a': 'hello world'}", 1.5},
        {"coffee", 0, "{'a': 'coffee'}", 1},
        {"coffee", 0, "{'a': 'coffee and cream'}", 0.75},
        {"hello", 0, "{'a': 'hello hello world one'}", 1.5 * 0.75},
        {"hello", 0, "{'b': {'c': ['hello world', 'hello world']}}", 4.5},
        {"hello", 0, "{'a': 'none', 'd': 'hello'}", 0},
        {"the", 0, "{'a': 'the'}", 0},
    };
    text_cases("{'key': {'_fts': 'text', '_ftsx': 1}, 'weights': {'a': 1, 'b.c': 3}}", cases,
               sizeof cases / sizeof *cases);
}

TEST(text_searches_take_phrases_and_leave_out)
{
    static const struct text_case cases[] = {
        {"\"brown fox\"", 0, "{'a': 'the quick brown fox'}", 4.0 / 3},
        {"\"brown fox\" quick", 0, "{'a': 'quick rabbit'}", 0},
        {"fox -quick", 0, "{'a': 'quick fox'}", 0},
        {"fox -quick", 0, "{'a': 'slow fox'}", 0.75},
        {"-quick", 0, "{'a': 'slow fox'}", 0},
        {"fox -\"slow fox\"", 0, "{'a': 'slow fox'}", 0},
        {"pre-market", 0, "{'a': 'market day'}", 0.75},
        {"Fox", TEXT_KEEP_CASE, "{'a': 'fox den'}", 0},
        {"fox", TEXT_KEEP_CASE, "{'a': 'fox den'}", 0.75},
        {"", 0, "{'a': 'fox'}", 0},
        {"\"", 0, "{'a': 'fox'}", 0},
    };
    text_cases("{'key': {'_fts': 'text', '_ftsx': 1}, 'weights': {'$**': 1}}", cases,
               sizeof cases / sizeof *cases);
}

TEST(text_documents_say_their_language)
{
    struct arena arena;
    struct text_list words;
    struct err err = {0};
    arena_init(&arena);
    struct text_index *index = text_index_of_spec(
        &arena, json_doc(&arena, "{'key': {'_fts': 'text', '_ftsx': 1}, 'weights': {'a': 1, 'b.c': "
                                 "1}, 'default_language': 'none'}"));
    struct slice doc =
        json_doc(&arena, "{'a': 'running', 'b': {'language': 'en', 'c': 'running'}}");
    assert_int_equal(text_index_words(index, &arena, doc, &words, &err), 0);
    assert_int_equal(words.count, 2);
    doc = json_doc(&arena, "{'a': 'x', 'language': 'klingon'}");
    assert_int_equal(text_index_words(index, &arena, doc, &words, &err), -17262);
    doc = json_doc(&arena, "{'a': 'x', 'language': 5}");
    assert_int_equal(text_index_words(index, &arena, doc, &words, &err), -17261);
    arena_close(&arena);
}
