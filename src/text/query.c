/* text/query.c - parsing a search, and judging documents by it.
 *
 * The score of a text for a word: its weight, times 1 + 1/2 + 1/4 ... for each time that the word
 * is there, times one half and half of the word's share of the text; a tenth more when the word is
 * the text. A document's score is the sum over its texts and the words looked for. */
#include "text/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- parsing ---- */

struct query_parse {
    struct text_query *query;
    const struct text_language *language;
    struct text_words plain; /* as the index has words */
    struct text_words exact;
};

static void query_add_words(struct query_parse *parse, struct slice text, bool unwanted)
{
    struct arena *arena = parse->plain.arena;
    struct text_query *query = parse->query;
    struct slice word;
    for (size_t at = 0; text_words_next(text, &at, &word);) {
        struct slice exact = text_words_stem(&parse->exact, parse->language, word);
        if (exact.len == 0) {
            continue;
        }
        if (unwanted) {
            text_list_push(&query->unwanted, arena, exact);
            continue;
        }
        text_list_push(&query->wanted, arena, exact);
        text_list_push(&query->words, arena, text_words_stem(&parse->plain, parse->language, word));
    }
}

static void query_add_phrase(struct query_parse *parse, struct slice phrase, bool unwanted)
{
    struct text_list *list = unwanted ? &parse->query->unwanted_phrases : &parse->query->phrases;
    if (phrase.len > 0) {
        text_list_push(list, parse->plain.arena, text_words_fold(&parse->exact, phrase));
    }
    if (!unwanted) {
        query_add_words(parse, phrase, false);
    }
}

static bool query_is_space(uint8_t byte)
{
    return byte <= ' ';
}

/* From `at` on, up to a space or a quote. */
static size_t query_word_end(struct slice search, size_t at)
{
    while (at < search.len && !query_is_space(search.data[at]) && search.data[at] != '"') {
        at++;
    }
    return at;
}

static void query_cut(struct query_parse *parse, struct slice search)
{
    for (size_t at = 0; at < search.len;) {
        bool starts = at == 0 || query_is_space(search.data[at - 1]);
        if (query_is_space(search.data[at])) {
            at++;
            continue;
        }
        bool next = at + 1 < search.len && !query_is_space(search.data[at + 1]);
        bool unwanted = search.data[at] == '-' && starts && next;
        at += unwanted;
        const uint8_t *rest = search.data + at + 1;
        const uint8_t *close =
            search.data[at] != '"' ? NULL : memchr(rest, '"', search.len - at - 1);
        if (close != NULL) {
            query_add_phrase(parse, slice_of(rest, (size_t)(close - rest)), unwanted);
            at = (size_t)(close - search.data) + 1;
            continue;
        }
        size_t end = query_word_end(search, at + (search.data[at] == '"'));
        query_add_words(parse, slice_of(search.data + at, end - at), unwanted);
        at = end;
    }
}

int text_query_parse(struct arena *arena, const struct text_index *index,
                     const struct text_search *search, struct text_query **ret_query,
                     struct err *err)
{
    struct query_parse parse = {.language = index->language};
    struct text_query *query = arena_zero(arena, 1, sizeof *query);
    if (search->language.len > 0) {
        parse.language = text_language_find(search->language);
    }
    if (parse.language == NULL) {
        return err_set(err, LT_EBADVALUE, "unsupported language: \"%.*s\" for text index version 3",
                       SLICE_FMT(search->language));
    }
    query->index = index;
    query->keep = search->keep;
    parse.query = query;
    text_words_init(&parse.plain, arena, 0);
    text_words_init(&parse.exact, arena, search->keep);
    query_cut(&parse, search->search);
    text_words_close(&parse.plain);
    text_words_close(&parse.exact);
    struct text_list *lists[] = {&query->words, &query->wanted, &query->unwanted, &query->phrases,
                                 &query->unwanted_phrases};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        text_list_settle(lists[i]);
        if (lists[i]->count > TEXT_QUERY_WORDS_MAX) {
            return err_set(err, LT_EBADVALUE, "$search has %u words or phrases, the limit is %d",
                           lists[i]->count, TEXT_QUERY_WORDS_MAX);
        }
    }
    *ret_query = query;
    return 0;
}

/* ---- judging ---- */

struct query_run {
    const struct text_query *query;
    struct text_words words;
    bool *phrases; /* those that were met */
    bool unwanted; /* something was met that must not be there */
    bool any;      /* some word was met */
    double score;
};

static bool query_contains(struct slice text, struct slice phrase)
{
    return memmem(text.data, text.len, phrase.data, phrase.len) != NULL;
}

static void query_look_for_phrases(struct query_run *run, struct slice text)
{
    const struct text_query *query = run->query;
    if (query->phrases.count + query->unwanted_phrases.count == 0) {
        return;
    }
    struct slice folded = text_words_fold(&run->words, text);
    for (uint32_t i = 0; i < query->phrases.count; i++) {
        run->phrases[i] |= query_contains(folded, query->phrases.items[i]);
    }
    for (uint32_t i = 0; i < query->unwanted_phrases.count; i++) {
        run->unwanted |= query_contains(folded, query->unwanted_phrases.items[i]);
    }
}

static int query_order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* `found`: the wanted stems of one text, each as often as it is there, of `count` words. */
static void query_score(struct query_run *run, const struct text_piece *piece,
                        const struct text_list *found, uint32_t count)
{
    if (found->count > 1) {
        qsort(found->items, found->count, sizeof *found->items, query_order);
    }
    for (uint32_t i = 0; i < found->count;) {
        uint32_t times = 1;
        while (i + times < found->count && slice_equal(found->items[i], found->items[i + times])) {
            times++;
        }
        double often = 2 - ldexp(1, 1 - (int)(times < 1000 ? times : 1000));
        double share = 0.5 * times / count + 0.5;
        struct slice folded = text_words_fold(&run->words, piece->text);
        double whole = slice_equal(folded, found->items[i]) ? 1.1 : 1;
        run->score += piece->weight * often * share * whole;
        i += times;
    }
}

static int query_piece(void *context, const struct text_piece *piece)
{
    struct query_run *run = context;
    struct text_list found = {0};
    struct slice word;
    uint32_t count = 0;
    for (size_t at = 0; text_words_next(piece->text, &at, &word);) {
        struct slice stem = text_words_stem(&run->words, piece->language, word);
        if (stem.len == 0) {
            continue;
        }
        count++;
        run->unwanted |= text_list_has(&run->query->unwanted, stem);
        if (text_list_has(&run->query->wanted, stem)) {
            text_list_push(&found, run->words.arena, stem);
        }
    }
    run->any |= found.count > 0;
    query_score(run, piece, &found, count);
    query_look_for_phrases(run, piece->text);
    return 0;
}

int text_query_match(const struct text_query *query, struct arena *arena, struct slice doc,
                     double *ret_score, struct err *err)
{
    struct query_run run = {.query = query};
    run.phrases = arena_zero(arena, query->phrases.count + 1, sizeof *run.phrases);
    text_words_init(&run.words, arena, query->keep);
    struct text_reader reader = {arena, query_piece, &run, err};
    int code = text_index_pieces(query->index, doc, &reader);
    text_words_close(&run.words);
    bool all = run.any && !run.unwanted;
    for (uint32_t i = 0; i < query->phrases.count; i++) {
        all &= run.phrases[i];
    }
    *ret_score = run.score;
    return code < 0 ? code : all;
}
