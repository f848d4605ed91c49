/* query/regex.h - regular expressions, as $regex and its relatives speak them.
 *
 * Invariant   a compiled regex is immutable. Patterns and texts are UTF-8; matching is bounded in
 *             steps, depth and memory.
 * Thread      pure; share a compiled regex freely.
 * Memory      compiled forms live until the arena they were compiled in is dropped.
 * Errors      51091 for a bad pattern, 51108 for a bad option, 51156 when matching hit a limit.
 */
#ifndef QUERY_REGEX_H
#define QUERY_REGEX_H

#include "base/arena.h"
#include "base/err.h"

enum { QUERY_REGEX_PATTERN_MAX = 16384, QUERY_REGEX_GROUPS_MAX = 1000 };

struct query_regex;

/* Where a match lies: spans[0] is the whole, spans[i] group i; an unset group is empty at NULL. */
struct query_regex_spans {
    uint32_t count;
    struct slice *spans;
};

/* Options are letters of "imsxu". */
int query_regex_compile(struct arena *arena, struct slice pattern, struct slice options,
                        struct query_regex **ret_regex, struct err *err);

/* 1 when the pattern occurs in the text, 0 when not. */
int query_regex_match(const struct query_regex *regex, struct slice text, struct err *err);

/* The first occurrence at or after byte `from`: 1 and its spans (in `arena`), or 0. */
int query_regex_find(const struct query_regex *regex, struct slice text, size_t from,
                     struct query_regex_spans *ret_spans, struct arena *arena);

/* What every match begins with, when the pattern is anchored by ^ and case counts; else empty. */
struct slice query_regex_prefix(const struct query_regex *regex);

#endif
