/* text/language.h - the languages that texts may be in.
 *
 * Invariant   the rows are constant; "none" has no stems and no stop words.
 * Thread      pure.
 * Memory      none.
 * Errors      none.
 */
#ifndef TEXT_LANGUAGE_H
#define TEXT_LANGUAGE_H

#include "base/slice.h"

enum { TEXT_LANGUAGES = 16 };

struct text_language {
    const char *name;
    const char *code;    /* ISO 639-1, another name */
    const char *stemmer; /* libstemmer's name; NULL: words are taken as they are */
    uint32_t at;         /* below TEXT_LANGUAGES */
};

/* By name or code, whatever the case; NULL: unknown. */
const struct text_language *text_language_find(struct slice name);

/* Does the word, in lower case, say too little to be looked for? */
bool text_language_stops(const struct text_language *language, struct slice word);

#endif
