/* test/conformance/vectors.h - the vector files in memory, one line a case.
 *
 * Invariant   cases stand in the order of areas, then of lines.
 * Thread      read-only after loading.
 * Memory      owns all text until conf_vectors_close.
 * Errors      false with a message on stderr.
 */
#ifndef TEST_CONFORMANCE_VECTORS_H
#define TEST_CONFORMANCE_VECTORS_H

#include "base/buf.h"

enum { CONF_AREAS_MAX = 64, CONF_AREA_NAME_MAX = 64 };

struct conf_case {
    int area;
    struct slice line;
    struct slice id;
};

struct conf_vectors {
    char areas[CONF_AREAS_MAX][CONF_AREA_NAME_MAX];
    struct buf texts[CONF_AREAS_MAX];
    int areas_count;
    struct buf cases; /* of struct conf_case */
};

/* Load the areas that are named in vectors->areas, or all of `dir` when there are none; only cases
 * whose id contains `filter` unless that is NULL. */
bool conf_vectors_load(struct conf_vectors *vectors, const char *dir, const char *filter);
void conf_vectors_close(struct conf_vectors *vectors);

static inline size_t conf_vectors_count(const struct conf_vectors *vectors)
{
    return vectors->cases.len / sizeof(struct conf_case);
}

static inline const struct conf_case *conf_vectors_at(const struct conf_vectors *vectors, size_t i)
{
    return (const struct conf_case *)(const void *)vectors->cases.data + i;
}

#endif
