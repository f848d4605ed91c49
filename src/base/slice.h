/* base/slice.h - a borrowed run of bytes.
 *
 * Invariant   data is readable for len bytes; an empty slice may have any data, NULL included.
 * Thread      a value; copy it freely.
 * Memory      borrows: whoever made the bytes says how long they live.
 * Errors      none.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t len;
};

/* The bytes of a string literal, without its NUL. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})

/* printf("%.*s", SLICE_FMT(s)) */
#define SLICE_FMT(s) (int)(s).len, (const char *)(s).data

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

/* The bytes of a C string, without its NUL. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The first byte decides most comparisons with a table's names. */
static inline bool slice_is(struct slice s, const char *text)
{
    return s.len == 0 ? *text == '\0'
                      : s.data[0] == (uint8_t)*text && slice_equal(s, slice_str(text));
}

/* memcmp order, a prefix before what it prefixes: negative, 0 or positive. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

/* The bytes from `from` on; `from` may not be past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return (struct slice){s.data + from, s.len - from};
}

#endif
