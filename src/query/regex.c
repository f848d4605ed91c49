/* query/regex.c - PCRE2 with its limits always set.
 *
 * The pattern is compiled once, by the JIT when it can; JIT code lies outside the arena and goes
 * with it (arena_on_drop). A match that outgrows the JIT's stack is tried again by the interpreter,
 * whose memory is bounded too. A pattern without any special character is a plain search. */
#include "query/regex.h"

#include <assert.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

enum { REGEX_STEPS_MAX = 10000000, REGEX_DEPTH_MAX = 100000, REGEX_HEAP_KIB_MAX = 20000 };

struct query_regex {
    pcre2_code *code;
    pcre2_general_context *general;
    pcre2_match_context *limits;
    struct slice literal; /* the whole pattern when it is plain text */
    struct slice prefix;
    bool is_literal;
};

static void *regex_take(PCRE2_SIZE size, void *unused)
{
    (void)unused;
    return mem_alloc(size);
}

static void regex_give(void *memory, void *unused)
{
    (void)unused;
    mem_free(memory);
}

static void regex_drop(void *object)
{
    struct query_regex *regex = object;
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    pcre2_general_context_free(regex->general);
}

static int regex_options(struct slice options, uint32_t *ret_flags, struct err *err)
{
    uint32_t flags = PCRE2_UTF;
    for (size_t i = 0; i < options.len; i++) {
        switch (options.data[i]) {
        case 'i':
            flags |= PCRE2_CASELESS;
            break;
        case 'm':
            flags |= PCRE2_MULTILINE;
            break;
        case 's':
            flags |= PCRE2_DOTALL;
            break;
        case 'x':
            flags |= PCRE2_EXTENDED;
            break;
        case 'u':
            break;
        default:
            return err_set(err, 51108, "invalid flag in regex options: %c", options.data[i]);
        }
    }
    *ret_flags = flags;
    return 0;
}

static bool regex_is_plain(uint8_t byte)
{
    return byte != 0 && strchr("\\^$.|?*+()[]{}", byte) == NULL;
}

/* A literal character that a quantifier follows may be absent from the text. */
static void regex_study(struct query_regex *regex, struct slice pattern, uint32_t flags)
{
    if ((flags & (PCRE2_CASELESS | PCRE2_EXTENDED)) != 0) {
        return;
    }
    size_t start = pattern.len > 0 && pattern.data[0] == '^' ? 1 : 0;
    size_t end = start;
    while (end < pattern.len && regex_is_plain(pattern.data[end])) {
        end++;
    }
    regex->is_literal = start == 0 && end == pattern.len;
    regex->literal = pattern;
    bool alternatives = memchr(pattern.data, '|', pattern.len) != NULL;
    if (start == 1 && (flags & PCRE2_MULTILINE) == 0 && !alternatives) {
        if (end < pattern.len && strchr("?*{", pattern.data[end]) != NULL) {
            while (end > start && (pattern.data[end - 1] & 0xC0) == 0x80) {
                end--;
            }
            end -= end > start;
        }
        regex->prefix = slice_of(pattern.data + start, end - start);
    }
}

int query_regex_compile(struct arena *arena, struct slice pattern, struct slice options,
                        struct query_regex **ret_regex, struct err *err)
{
    uint32_t flags = 0;
    int rc = regex_options(options, &flags, err);
    if (rc < 0) {
        return rc;
    }
    if (pattern.len > QUERY_REGEX_PATTERN_MAX) {
        return err_set(err, 51091,
                       "Regular expression is invalid: pattern string is longer than the "
                       "limit set by the application");
    }
    struct query_regex *regex = arena_zero(arena, 1, sizeof *regex);
    regex->general = pcre2_general_context_create(regex_take, regex_give, NULL);
    regex->limits = pcre2_match_context_create(regex->general);
    pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
    pcre2_set_depth_limit(regex->limits, REGEX_DEPTH_MAX);
    pcre2_set_heap_limit(regex->limits, REGEX_HEAP_KIB_MAX);
    arena_on_drop(arena, regex_drop, regex);
    pcre2_compile_context *context = pcre2_compile_context_create(regex->general);
    int code = 0;
    PCRE2_SIZE where = 0;
    pattern = arena_copy(arena, pattern);
    regex->code = pcre2_compile(pattern.data, pattern.len, flags, &code, &where, context);
    pcre2_compile_context_free(context);
    if (regex->code == NULL) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(code, text, sizeof text);
        return err_set(err, 51091, "Regular expression is invalid: %s", (const char *)text);
    }
    regex_study(regex, pattern, flags);
    if (!regex->is_literal) {
        pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
    }
    *ret_regex = regex;
    return 0;
}

static int regex_run(const struct query_regex *regex, struct slice text, size_t from,
                     pcre2_match_data *data)
{
    const uint8_t *start = text.len > 0 ? text.data : (const uint8_t *)"";
    int rc = pcre2_match(regex->code, start, text.len, from, 0, data, regex->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        rc = pcre2_match(regex->code, start, text.len, from, PCRE2_NO_JIT, data, regex->limits);
    }
    return rc;
}

/* Text that is not UTF-8 matches nothing. */
static int regex_verdict(int rc, struct err *err)
{
    if (rc >= 0) {
        return 1;
    }
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_NOMEMORY) {
        return err_set(err, 51156,
                       "Error occurred while executing the regular expression. "
                       "Result code: %d",
                       rc);
    }
    return 0;
}

int query_regex_match(const struct query_regex *regex, struct slice text, struct err *err)
{
    if (regex->is_literal) {
        return regex->literal.len == 0 ||
               memmem(text.data, text.len, regex->literal.data, regex->literal.len) != NULL;
    }
    pcre2_match_data *data = pcre2_match_data_create(1, regex->general);
    int rc = regex_run(regex, text, 0, data);
    pcre2_match_data_free(data);
    return regex_verdict(rc, err);
}

int query_regex_find(const struct query_regex *regex, struct slice text, size_t from,
                     struct query_regex_spans *ret_spans, struct arena *arena)
{
    assert(from <= text.len);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, regex->general);
    int rc = regex_run(regex, text, from, data);
    int verdict = regex_verdict(rc, NULL);
    if (verdict == 1) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
        uint32_t count = pcre2_get_ovector_count(data);
        ret_spans->count = count;
        ret_spans->spans = arena_zero(arena, count, sizeof(struct slice));
        for (uint32_t i = 0; i < count; i++) {
            if (at[2 * i] != PCRE2_UNSET && at[2 * i + 1] >= at[2 * i]) {
                ret_spans->spans[i] = slice_of(text.data + at[2 * i], at[2 * i + 1] - at[2 * i]);
            }
        }
    }
    pcre2_match_data_free(data);
    return verdict;
}

struct slice query_regex_prefix(const struct query_regex *regex)
{
    return regex->prefix;
}
