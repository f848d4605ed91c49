/* text/language.c - a table of languages, and English words that are no good to search for. */
#include "text/language.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct text_language languages[TEXT_LANGUAGES] = {
    {"none", "none", NULL, 0},
    {"danish", "da", "danish", 1},
    {"dutch", "nl", "dutch", 2},
    {"english", "en", "english", 3},
    {"finnish", "fi", "finnish", 4},
    {"french", "fr", "french", 5},
    {"german", "de", "german", 6},
    {"hungarian", "hu", "hungarian", 7},
    {"italian", "it", "italian", 8},
    {"norwegian", "nb", "norwegian", 9},
    {"portuguese", "pt", "portuguese", 10},
    {"romanian", "ro", "romanian", 11},
    {"russian", "ru", "russian", 12},
    {"spanish", "es", "spanish", 13},
    {"swedish", "sv", "swedish", 14},
    {"turkish", "tr", "turkish", 15},
};

/* Articles, pronouns, auxiliaries, prepositions, conjunctions; sorted. */
static const char *const language_english[] = {
    "a",     "about",   "above",  "after", "again",    "against",    "all",        "am",
    "an",    "and",     "any",    "are",   "as",       "at",         "be",         "because",
    "been",  "before",  "being",  "below", "between",  "both",       "but",        "by",
    "can",   "cannot",  "could",  "did",   "do",       "does",       "doing",      "don't",
    "down",  "during",  "each",   "few",   "for",      "from",       "further",    "had",
    "has",   "have",    "having", "he",    "her",      "here",       "hers",       "herself",
    "him",   "himself", "his",    "how",   "i",        "if",         "in",         "into",
    "is",    "it",      "it's",   "its",   "itself",   "me",         "more",       "most",
    "my",    "myself",  "no",     "nor",   "not",      "of",         "off",        "on",
    "once",  "only",    "or",     "other", "our",      "ours",       "ourselves",  "out",
    "over",  "own",     "same",   "she",   "should",   "so",         "some",       "such",
    "than",  "that",    "the",    "their", "theirs",   "them",       "themselves", "then",
    "there", "these",   "they",   "this",  "those",    "through",    "to",         "too",
    "under", "until",   "up",     "very",  "was",      "we",         "were",       "what",
    "when",  "where",   "which",  "while", "who",      "whom",       "why",        "with",
    "would", "you",     "your",   "yours", "yourself", "yourselves",
};

enum { LANGUAGE_ENGLISH = 3 };

static bool language_is(struct slice name, const char *other)
{
    return name.len == strlen(other) && strncasecmp((const char *)name.data, other, name.len) == 0;
}

const struct text_language *text_language_find(struct slice name)
{
    for (size_t i = 0; i < TEXT_LANGUAGES; i++) {
        if (language_is(name, languages[i].name) || language_is(name, languages[i].code)) {
            return &languages[i];
        }
    }
    return NULL;
}

static int language_order(const void *key, const void *item)
{
    return slice_compare(*(const struct slice *)key, slice_str(*(const char *const *)item));
}

bool text_language_stops(const struct text_language *language, struct slice word)
{
    size_t count = sizeof language_english / sizeof *language_english;
    return language->at == LANGUAGE_ENGLISH &&
           bsearch(&word, language_english, count, sizeof *language_english, language_order) !=
               NULL;
}
