/* test/lib/random_doc.h - random BSON, the same for the same seed.
 *
 * Invariant   values are valid BSON of every type; edge values and near neighbours of each other
 *             are far more frequent than chance would make them.
 * Thread      one.
 * Memory      values live in the arena that was passed.
 * Errors      none.
 */
#ifndef TEST_LIB_RANDOM_DOC_H
#define TEST_LIB_RANDOM_DOC_H

#include "doc/value.h"

struct random_doc {
    uint64_t state;
};

/* The next number of the sequence (splitmix64). */
uint64_t random_doc_next(struct random_doc *random);

/* Below `bound`, which is not 0. */
uint32_t random_doc_below(struct random_doc *random, uint32_t bound);

/* Any value; objects and arrays nest at most `depth` levels. */
struct doc_value random_doc_value(struct random_doc *random, struct arena *arena, int depth);

/* A number of any of the four types. */
struct doc_value random_doc_number(struct random_doc *random, struct arena *arena);

/* A whole document. */
struct slice random_doc_make(struct random_doc *random, struct arena *arena, int depth);

#endif
