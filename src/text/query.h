/* text/query.h - $text: what is looked for, and whether and how well a document matches.
 *
 * Words are looked for by their stems, one of them is enough; "phrases" must be there, letter by
 * letter; -words and -"phrases" must not.
 *
 * Invariant   a document that matches has a word of `words` among text_index_words.
 * Thread      pure; a parsed query may be shared.
 * Memory      the arena given.
 * Errors      BadValue for a language that is none and for too many words.
 */
#ifndef TEXT_QUERY_H
#define TEXT_QUERY_H

#include "text/index.h"

enum { TEXT_QUERY_WORDS_MAX = 10000 };

/* As the client wrote it. */
struct text_search {
    struct slice search;
    struct slice language; /* empty: the index's */
    unsigned keep;         /* TEXT_KEEP_ differences */
};

struct text_query {
    const struct text_index *index;
    unsigned keep;
    struct text_list words;    /* stems without differences, as the index has them */
    struct text_list wanted;   /* the same with the differences that are kept */
    struct text_list unwanted; /* stems */
    struct text_list phrases;  /* folded */
    struct text_list unwanted_phrases;
};

int text_query_parse(struct arena *arena, const struct text_index *index,
                     const struct text_search *search, struct text_query **ret_query,
                     struct err *err);

/* 1 with the score, 0, negative. */
int text_query_match(const struct text_query *query, struct arena *arena, struct slice doc,
                     double *ret_score, struct err *err);

#endif
