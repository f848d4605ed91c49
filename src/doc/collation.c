/* doc/collation.c - a collation is a collator of ICU's with its options set.
 *
 * What the document leaves out the locale decides; then the collator is asked for all of it, so
 * that the complete document tells how it compares. A collator is only read from then on, which ICU
 * allows several threads at once. */
#include "doc/collation_private.h"

#include <unicode/uloc.h>
#include <unicode/ustring.h>

#include "doc/build.h"
#include "doc/json.h"

enum { COLLATION_LOCALE_MAX = 100, COLLATION_TEXT_SMALL = 256 };

static const UColAttributeValue collation_strengths[] = {
    UCOL_PRIMARY, UCOL_SECONDARY, UCOL_TERTIARY, UCOL_QUATERNARY, UCOL_IDENTICAL};

static void collation_drop(void *collator)
{
    ucol_close(collator);
}

/* ---- opening ---- */

static int collation_refuse_locale(struct slice spec, const char *meant, struct err *err)
{
    struct buf text;
    buf_init(&text, NULL);
    doc_json_write_shell(&text, doc_value_object(spec));
    int code = err_set(err, LT_EBADVALUE, "Field 'locale' is invalid in: %.*s%s%s%s",
                       SLICE_FMT(buf_slice(&text)), meant == NULL ? "" : ". Did you mean '",
                       meant == NULL ? "" : meant, meant == NULL ? "" : "'?");
    buf_close(&text);
    return code;
}

/* The collator of a locale that ICU has rules for, or at least its language's. */
static int collation_open(struct slice spec, struct slice locale, UCollator **ret_collator,
                          struct err *err)
{
    char name[COLLATION_LOCALE_MAX];
    char canonical[COLLATION_LOCALE_MAX];
    UErrorCode status = U_ZERO_ERROR;
    if (locale.len == 0 || locale.len >= sizeof name ||
        memchr(locale.data, 0, locale.len) != NULL) {
        return collation_refuse_locale(spec, NULL, err);
    }
    memcpy(name, locale.data, locale.len);
    name[locale.len] = '\0';
    int32_t len = uloc_getName(name, canonical, sizeof canonical, &status);
    if (U_FAILURE(status) || len >= (int32_t)sizeof canonical) {
        return collation_refuse_locale(spec, NULL, err);
    }
    status = U_ZERO_ERROR;
    UCollator *collator = ucol_open(name, &status);
    const char *valid =
        U_FAILURE(status) ? NULL : ucol_getLocaleByType(collator, ULOC_VALID_LOCALE, &status);
    bool known = U_SUCCESS(status) && valid != NULL && strcmp(valid, "root") != 0;
    if (!known || strcmp(name, canonical) != 0) {
        ucol_close(collator);
        return collation_refuse_locale(spec, known ? canonical : NULL, err);
    }
    *ret_collator = collator;
    return 0;
}

static void collation_set(UCollator *collator, UColAttribute attribute, int value,
                          UErrorCode *status)
{
    if (value != DOC__COLLATION_UNSET) {
        ucol_setAttribute(collator, attribute, (UColAttributeValue)value, status);
    }
}

static void collation_set_bool(UCollator *collator, UColAttribute attribute, int value,
                               UErrorCode *status)
{
    if (value != DOC__COLLATION_UNSET) {
        ucol_setAttribute(collator, attribute, value != 0 ? UCOL_ON : UCOL_OFF, status);
    }
}

static void collation_apply(UCollator *collator, const struct doc__collation_options *options,
                            UErrorCode *status)
{
    if (options->strength != DOC__COLLATION_UNSET) {
        collation_set(collator, UCOL_STRENGTH, collation_strengths[options->strength - 1], status);
    }
    if (options->max_variable != DOC__COLLATION_UNSET) {
        ucol_setMaxVariable(collator, (UColReorderCode)options->max_variable, status);
    }
    collation_set_bool(collator, UCOL_CASE_LEVEL, options->case_level, status);
    collation_set(collator, UCOL_CASE_FIRST, options->case_first, status);
    collation_set_bool(collator, UCOL_NUMERIC_COLLATION, options->numeric, status);
    collation_set(collator, UCOL_ALTERNATE_HANDLING, options->alternate, status);
    collation_set_bool(collator, UCOL_NORMALIZATION_MODE, options->normalization, status);
    collation_set_bool(collator, UCOL_FRENCH_COLLATION, options->backwards, status);
}

/* ---- what it came to ---- */

static int collation_get(const UCollator *collator, UColAttribute attribute)
{
    UErrorCode status = U_ZERO_ERROR;
    return ucol_getAttribute(collator, attribute, &status);
}

static int32_t collation_strength(const UCollator *collator)
{
    int strength = collation_get(collator, UCOL_STRENGTH);
    for (int32_t i = 0; i < 5; i++) {
        if ((int)collation_strengths[i] == strength) {
            return i + 1;
        }
    }
    return 3;
}

static struct slice collation_describe(struct arena *arena, const UCollator *collator,
                                       struct slice locale)
{
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct doc_builder builder;
    buf_init(buf, arena);
    doc_build_begin(&builder, buf);
    doc_build_string(&builder, "locale", locale);
    doc_build_bool(&builder, "caseLevel", collation_get(collator, UCOL_CASE_LEVEL) == UCOL_ON);
    doc_build_text(&builder, "caseFirst",
                   doc__collation_case_first_name(collation_get(collator, UCOL_CASE_FIRST)));
    doc_build_i32(&builder, "strength", collation_strength(collator));
    doc_build_bool(&builder, "numericOrdering",
                   collation_get(collator, UCOL_NUMERIC_COLLATION) == UCOL_ON);
    doc_build_text(&builder, "alternate",
                   doc__collation_alternate_name(collation_get(collator, UCOL_ALTERNATE_HANDLING)));
    doc_build_text(&builder, "maxVariable",
                   doc__collation_max_variable_name((int)ucol_getMaxVariable(collator)));
    doc_build_bool(&builder, "normalization",
                   collation_get(collator, UCOL_NORMALIZATION_MODE) == UCOL_ON);
    doc_build_bool(&builder, "backwards",
                   collation_get(collator, UCOL_FRENCH_COLLATION) == UCOL_ON);
    doc_build_text(&builder, "version", DOC__COLLATION_VERSION);
    return doc_build_end(&builder);
}

/* Options that contradict one another. */
static int collation_check(const UCollator *collator, struct slice spec, struct err *err)
{
    struct buf text;
    const char *what = NULL;
    int32_t strength = collation_strength(collator);
    bool first = collation_get(collator, UCOL_CASE_FIRST) != UCOL_OFF;
    if (first && strength <= 2 && collation_get(collator, UCOL_CASE_LEVEL) != UCOL_ON) {
        what = "'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2";
    } else if (collation_get(collator, UCOL_FRENCH_COLLATION) == UCOL_ON && strength == 1) {
        what = "'backwards' is invalid with 'strength' of 1";
    }
    if (what == NULL) {
        return 0;
    }
    buf_init(&text, NULL);
    doc_json_write_shell(&text, doc_value_object(spec));
    int code = err_set(err, LT_EBADVALUE, "%s, in: %.*s", what, SLICE_FMT(buf_slice(&text)));
    buf_close(&text);
    return code;
}

int doc_collation_parse(struct arena *arena, struct slice spec, const char *field,
                        const struct doc_collation **ret_collation, struct err *err)
{
    struct doc__collation_options options;
    UCollator *collator = NULL;
    UErrorCode status = U_ZERO_ERROR;
    int code = doc__collation_options(spec, field, &options, err);
    if (code < 0) {
        return code;
    }
    if (slice_is(options.locale, "simple")) {
        *ret_collation = NULL;
        return 0;
    }
    code = collation_open(spec, options.locale, &collator, err);
    if (code < 0) {
        return code;
    }
    arena_on_drop(arena, collation_drop, collator);
    collation_apply(collator, &options, &status);
    if (U_FAILURE(status)) {
        return err_set(err, LT_EBADVALUE, "the collation's options cannot be set: %s",
                       u_errorName(status));
    }
    code = collation_check(collator, spec, err);
    if (code < 0) {
        return code;
    }
    struct doc_collation *collation = arena_alloc(arena, sizeof *collation);
    collation->collator = collator;
    collation->spec = collation_describe(arena, collator, options.locale);
    *ret_collation = collation;
    return 0;
}

struct slice doc_collation_spec(const struct doc_collation *collation)
{
    return collation->spec;
}

bool doc_collation_is_same(const struct doc_collation *a, const struct doc_collation *b)
{
    return a == b || (a != NULL && b != NULL && slice_equal(a->spec, b->spec));
}

/* ---- texts ---- */

int doc_collation_compare(const struct doc_collation *collation, struct slice a, struct slice b)
{
    UErrorCode status = U_ZERO_ERROR;
    if (slice_equal(a, b)) {
        return 0;
    }
    return ucol_strcollUTF8(collation->collator, (const char *)a.data, (int32_t)a.len,
                            (const char *)b.data, (int32_t)b.len, &status);
}

/* Texts are no longer than a document, so lengths fit; keys without their NUL. */
static void collation_append_key(const struct doc_collation *collation, const UChar *wide,
                                 int32_t count, struct buf *buf)
{
    size_t start = buf->len;
    size_t room = 4 * (size_t)count + 32;
    uint8_t *at = buf_extend(buf, room);
    int32_t size = ucol_getSortKey(collation->collator, wide, count, at, (int32_t)room);
    if ((size_t)size > room) {
        buf->len = start;
        at = buf_extend(buf, (size_t)size);
        size = ucol_getSortKey(collation->collator, wide, count, at, size);
    }
    assert(size > 0);
    buf->len = start + (size_t)size - 1;
}

void doc_collation_sort_key(const struct doc_collation *collation, struct slice text,
                            struct buf *buf)
{
    UChar small[COLLATION_TEXT_SMALL];
    struct buf large;
    UErrorCode status = U_ZERO_ERROR;
    int32_t count = 0;
    buf_init(&large, NULL);
    UChar *wide = text.len <= COLLATION_TEXT_SMALL
                      ? small
                      : (UChar *)(void *)buf_extend(&large, text.len * sizeof *wide);
    int32_t room = text.len <= COLLATION_TEXT_SMALL ? COLLATION_TEXT_SMALL : (int32_t)text.len;
    u_strFromUTF8WithSub(wide, room, &count, (const char *)text.data, (int32_t)text.len, 0xfffd,
                         NULL, &status);
    assert(U_SUCCESS(status));
    collation_append_key(collation, wide, count, buf);
    buf_close(&large);
}
