/* base/options.c - the table as an array, values and their bounds. */
#include "base/options_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

static const struct option_row options_table[OPTIONS_COUNT] = {
#define OPTION_INT(id, name, flag, letter, number, low, high, help)                                \
    {OPTION_KIND_INT, #id, name, flag, letter, NULL, number, low, high, NULL, "NUMBER", help},
#define OPTION_BOOL(id, name, flag, letter, help)                                                  \
    {OPTION_KIND_BOOL, #id, name, flag, letter, NULL, 0, 0, 1, NULL, NULL, help},
#define OPTION_TEXT(id, name, flag, letter, fallback, value, help)                                 \
    {OPTION_KIND_TEXT, #id, name, flag, letter, fallback, 0, 0, 0, NULL, value, help},
#define OPTION_ONE(id, name, flag, letter, fallback, choices, help)                                \
    {OPTION_KIND_ONE, #id, name, flag, letter, fallback, 0, 0, 0, choices, choices, help},
#define OPTION_LIST(id, name, flag, letter, value, help)                                           \
    {OPTION_KIND_LIST, #id, name, flag, letter, NULL, 0, 0, 0, NULL, value, help},
#define OPTION_SKIP(id, name, help)                                                                \
    {OPTION_KIND_SKIP, #id, name, NULL, 0, NULL, 0, 0, 0, NULL, NULL, help},
#include "base/options.def"
};

const struct option_row *option_row(enum option_id id)
{
    assert((int)id >= 0 && id < OPTIONS_COUNT);
    return &options_table[id];
}

struct options *options_new(void)
{
    struct options *options = mem_zero(1, sizeof *options);
    arena_init(&options->arena);
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        options->values[i].number = options_table[i].number;
        options->values[i].text = options_table[i].fallback;
    }
    return options;
}

void options_free(struct options *options)
{
    if (options != NULL) {
        arena_close(&options->arena);
        mem_free(options->pairs);
        mem_free(options);
    }
}

/* ---- names ---- */

int option_find(struct slice name)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (options_table[i].name != NULL && slice_is(name, options_table[i].name)) {
            return i;
        }
    }
    return -1;
}

/* Levenshtein's distance, letters of either case being the same; names are short. */
static size_t option_distance(struct slice a, struct slice b)
{
    size_t row[OPTION__NAME_MAX + 1];
    if (a.len > OPTION__NAME_MAX || b.len > OPTION__NAME_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            bool same = strncasecmp((const char *)a.data + i, (const char *)b.data + j, 1) == 0;
            size_t best = diagonal + (same ? 0 : 1);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j + 1] + 1 < best ? row[j + 1] + 1 : best;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[b.len];
}

const char *option__name(enum option_id id, enum option__face face)
{
    const struct option_row *row = &options_table[id];
    return face == OPTION__FACE_FILE ? row->name : face == OPTION__FACE_FLAG ? row->flag : row->id;
}

const char *option__nearest(struct slice name, enum option__face face)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const char *known = option__name((enum option_id)i, face);
        size_t distance = known == NULL ? SIZE_MAX : option_distance(name, slice_str(known));
        if (distance < best) {
            best = distance;
            nearest = known;
        }
    }
    return nearest;
}

/* ---- values ---- */

static int option_refuse_bound(enum option_id id, const char *text, const char *where,
                               struct err *err)
{
    const struct option_row *row = &options_table[id];
    const char *name = row->name != NULL ? row->name : row->flag;
    switch (row->kind) {
    case OPTION_KIND_INT:
        return err_set(err, LT_EBADVALUE,
                       "%s: %s must be a whole number from %lld to %lld, not '%s'", where, name,
                       (long long)row->low, (long long)row->high, text);
    case OPTION_KIND_BOOL:
        return err_set(err, LT_EBADVALUE, "%s: %s must be true or false, not '%s'", where, name,
                       text);
    case OPTION_KIND_ONE:
        return err_set(err, LT_EBADVALUE, "%s: %s must be one of %s, not '%s'", where, name,
                       row->choices, text);
    case OPTION_KIND_LIST:
        return err_set(err, LT_EBADVALUE, "%s: %s must be NAME=VALUE, not '%s'", where, name, text);
    default:
        return err_set(err, LT_EBADVALUE, "%s: %s needs a value", where, name);
    }
}

static bool option_is_number(const char *text, int64_t *ret_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *ret_number = number;
    bool starts = (*text >= '0' && *text <= '9') || *text == '-';
    return starts && errno == 0 && end != text && *end == '\0';
}

static bool option_is_truth(const char *text, int64_t *ret_truth)
{
    bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    bool no = strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
    *ret_truth = yes;
    return yes || no;
}

static bool option_is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = choices; len > 0; at += strcspn(at, "|") + 1) {
        size_t choice = strcspn(at, "|");
        if (choice == len && memcmp(at, text, len) == 0) {
            return true;
        }
        if (at[choice] == '\0') {
            return false;
        }
    }
    return false;
}

static bool option_check(const struct option_row *row, const char *text, int64_t *ret_number)
{
    switch (row->kind) {
    case OPTION_KIND_INT:
        return option_is_number(text, ret_number) && *ret_number >= row->low &&
               *ret_number <= row->high;
    case OPTION_KIND_BOOL:
        return option_is_truth(text, ret_number);
    case OPTION_KIND_ONE:
        return option_is_choice(row->choices, text);
    case OPTION_KIND_LIST:
        return strchr(text, '=') != NULL && text[0] != '=';
    case OPTION_KIND_TEXT:
        return text[0] != '\0';
    case OPTION_KIND_SKIP:
        break;
    }
    return true;
}

/* Insert behind the pairs of weaker or equal sources. */
static void options_add_pair(struct options *options, const char *text, enum option_source source)
{
    size_t at = options->pairs_count;
    size_t size = (options->pairs_count + 1) * sizeof *options->pairs;
    options->pairs = mem_grow(options->pairs, size);
    for (; at > 0 && options->pairs[at - 1].source > source; at--) {
        options->pairs[at] = options->pairs[at - 1];
    }
    size_t name = strcspn(text, "=");
    options->pairs[at] = (struct options_pair){
        .name = (const char *)arena_copy(&options->arena, slice_of(text, name)).data,
        .value = text + name + 1,
        .source = source,
    };
    options->pairs_count++;
}

int options_set(struct options *options, enum option_id id, const char *text,
                struct option_origin origin, struct err *err)
{
    const struct option_row *row = option_row(id);
    struct options_value *value = &options->values[id];
    int64_t number = 0;
    if (!option_check(row, text, &number)) {
        return option_refuse_bound(id, text, origin.where, err);
    }
    const char *kept = (const char *)arena_copy(&options->arena, slice_str(text)).data;
    if (row->kind == OPTION_KIND_LIST) {
        options_add_pair(options, kept, origin.source);
    }
    if (origin.source >= value->source) {
        *value = (struct options_value){.source = origin.source, .number = number, .text = kept};
    }
    return 0;
}

/* ---- asking ---- */

int64_t options_int(const struct options *options, enum option_id id)
{
    assert(option_row(id)->kind == OPTION_KIND_INT);
    return options->values[id].number;
}

bool options_bool(const struct options *options, enum option_id id)
{
    assert(option_row(id)->kind == OPTION_KIND_BOOL);
    return options->values[id].number != 0;
}

const char *options_text(const struct options *options, enum option_id id)
{
    return options->values[id].text;
}

enum option_source options_source(const struct options *options, enum option_id id)
{
    return options->values[id].source;
}

size_t options_list_count(const struct options *options)
{
    return options->pairs_count;
}

void options_list_at(const struct options *options, size_t index, const char **ret_name,
                     const char **ret_value)
{
    assert(index < options->pairs_count);
    *ret_name = options->pairs[index].name;
    *ret_value = options->pairs[index].value;
}
