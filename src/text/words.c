/* text/words.c - cutting, folding and stemming, most of it on plain ASCII. */
#include "text/words.h"

#include <assert.h>
#include <libstemmer.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

void text_words_init(struct text_words *words, struct arena *arena, unsigned keep)
{
    *words = (struct text_words){.arena = arena, .keep = keep};
}

void text_words_close(struct text_words *words)
{
    for (size_t i = 0; i < TEXT_LANGUAGES; i++) {
        if (words->stemmers[i] != NULL) {
            sb_stemmer_delete(words->stemmers[i]);
            words->stemmers[i] = NULL;
        }
    }
}

/* ---- cutting ---- */

static bool words_parts(UChar32 c)
{
    if (c >= 'a' && c <= 'z') {
        return false;
    }
    return c <= ' ' || u_hasBinaryProperty(c, UCHAR_WHITE_SPACE) ||
           u_hasBinaryProperty(c, UCHAR_PATTERN_SYNTAX) || u_hasBinaryProperty(c, UCHAR_DASH) ||
           u_hasBinaryProperty(c, UCHAR_HYPHEN) || u_hasBinaryProperty(c, UCHAR_QUOTATION_MARK) ||
           u_hasBinaryProperty(c, UCHAR_TERMINAL_PUNCTUATION);
}

static bool words_is_letter(struct slice text, size_t at)
{
    int32_t next = (int32_t)at;
    UChar32 c;
    if (at >= text.len) {
        return false;
    }
    U8_NEXT(text.data, next, (int32_t)text.len, c);
    return c >= 0 && !words_parts(c);
}

bool text_words_next(struct slice text, size_t *at, struct slice *ret_word)
{
    int32_t len = (int32_t)text.len;
    int32_t from = -1; /* where the word begins */
    for (int32_t i = (int32_t)*at; i < len;) {
        int32_t here = i;
        UChar32 c;
        U8_NEXT(text.data, i, len, c);
        bool parts = c < 0 || words_parts(c);
        bool joins = c == '\'' && from >= 0 && words_is_letter(text, (size_t)i);
        if (!parts && from < 0) {
            from = here;
        }
        if (parts && !joins && from >= 0) {
            *ret_word = slice_of(text.data + from, (size_t)(here - from));
            *at = (size_t)i;
            return true;
        }
    }
    *at = text.len;
    if (from >= 0) {
        *ret_word = slice_of(text.data + from, text.len - (size_t)from);
    }
    return from >= 0;
}

/* ---- folding ---- */

static bool words_is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static struct slice words_fold_ascii(struct arena *arena, struct slice text, unsigned keep)
{
    if (keep & TEXT_KEEP_CASE) {
        return text;
    }
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        bool upper = text.data[i] >= 'A' && text.data[i] <= 'Z';
        bytes[i] = (uint8_t)(text.data[i] + (upper ? 'a' - 'A' : 0));
    }
    return slice_of(bytes, text.len);
}

/* Letters apart from their marks. */
static UChar *words_apart(struct arena *arena, UChar *from, int32_t *len)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&status);
    int32_t cap = 4 * *len + 16; /* no character has a longer decomposition */
    UChar *apart = arena_alloc(arena, (size_t)cap * sizeof *apart);
    int32_t count = U_SUCCESS(status) ? unorm2_normalize(nfd, from, *len, apart, cap, &status) : 0;
    if (U_FAILURE(status)) {
        return from;
    }
    *len = count;
    return apart;
}

static struct slice words_fold(struct arena *arena, struct slice text, unsigned keep)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t len = 0;
    UChar *units = arena_alloc(arena, (text.len + 1) * sizeof *units);
    u_strFromUTF8(units, (int32_t)text.len + 1, &len, (const char *)text.data, (int32_t)text.len,
                  &status);
    if (U_FAILURE(status)) {
        return text;
    }
    if (!(keep & TEXT_KEEP_MARKS)) {
        units = words_apart(arena, units, &len);
    }
    uint8_t *bytes = arena_alloc(arena, (size_t)len * U8_MAX_LENGTH + 1);
    size_t count = 0;
    for (int32_t i = 0; i < len;) {
        UChar32 c;
        U16_NEXT(units, i, len, c);
        if (!(keep & TEXT_KEEP_MARKS) && u_charType(c) == U_NON_SPACING_MARK) {
            continue;
        }
        c = keep & TEXT_KEEP_CASE ? c : u_foldCase(c, U_FOLD_CASE_DEFAULT);
        U8_APPEND_UNSAFE(bytes, count, c);
    }
    return slice_of(bytes, count);
}

static struct slice words_fold_all(struct arena *arena, struct slice text, unsigned keep)
{
    if (words_is_ascii(text)) {
        return words_fold_ascii(arena, text, keep);
    }
    bool as_is = keep == (TEXT_KEEP_CASE | TEXT_KEEP_MARKS);
    return as_is ? text : words_fold(arena, text, keep);
}

struct slice text_words_fold(struct text_words *words, struct slice text)
{
    return words_fold_all(words->arena, text, words->keep);
}

/* ---- stems ---- */

static struct slice words_stem(struct text_words *words, const struct text_language *language,
                               struct slice word)
{
    struct sb_stemmer **stemmer = &words->stemmers[language->at];
    if (language->stemmer == NULL) {
        return word;
    }
    if (*stemmer == NULL) {
        *stemmer = sb_stemmer_new(language->stemmer, "UTF_8");
    }
    const sb_symbol *stem =
        *stemmer == NULL ? NULL : sb_stemmer_stem(*stemmer, word.data, (int)word.len);
    if (stem == NULL) { /* no memory */
        return word;
    }
    return arena_copy(words->arena, slice_of(stem, (size_t)sb_stemmer_length(*stemmer)));
}

struct slice text_words_stem(struct text_words *words, const struct text_language *language,
                             struct slice word)
{
    struct slice lower = words_fold_all(words->arena, word, TEXT_KEEP_MARKS);
    if (text_language_stops(language, lower)) {
        return (struct slice){0};
    }
    struct slice stem = words_stem(words, language, words->keep & TEXT_KEEP_CASE ? word : lower);
    return words_fold_all(words->arena, stem, words->keep);
}
