/* text/words.h - the words of a text.
 *
 * White space, punctuation, dashes, quotes and symbols part words, as Unicode has them; an
 * apostrophe between letters does not. A word's stem is that of its lower case, and then without
 * marks above and below letters, unless these differences are kept.
 *
 * Invariant   the same text gives the same words, wherever it comes from.
 * Thread      a text_words belongs to one thread.
 * Memory      words are the arena's; text_words_close gives up the stemmers.
 * Errors      none.
 */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include "base/arena.h"
#include "text/language.h"

enum { TEXT_KEEP_CASE = 1, TEXT_KEEP_MARKS = 2 };

struct sb_stemmer;

struct text_words {
    struct arena *arena;
    unsigned keep; /* TEXT_KEEP_ differences */
    struct sb_stemmer *stemmers[TEXT_LANGUAGES];
};

void text_words_init(struct text_words *words, struct arena *arena, unsigned keep);
void text_words_close(struct text_words *words);

/* The next word as it stands in the text, from *at on; false at the end. */
bool text_words_next(struct slice text, size_t *at, struct slice *ret_word);

/* Its stem; empty when it is a stop word. */
struct slice text_words_stem(struct text_words *words, const struct text_language *language,
                             struct slice word);

/* A text without the differences that are not kept. */
struct slice text_words_fold(struct text_words *words, struct slice text);

#endif
