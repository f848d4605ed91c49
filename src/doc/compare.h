/* doc/compare.h - the total order of BSON values.
 *
 * Invariant   a total preorder: class order MinKey < undefined < null = missing < numbers <
 *             strings and symbols < object < array < binary < ObjectId < bool < date < timestamp <
 *             regex < DBPointer < code < code with scope < MaxKey; numbers compare exactly by value
 *             across their four types, NaN lowest; strings by bytes, or by a collation, wherever in
 *             a value they are; names of fields always by bytes.
 * Thread      pure.
 * Memory      none; nesting as deep as doc_validate lets through.
 * Errors      none.
 * Source      MONGODB.md 5.1.
 */
#ifndef DOC_COMPARE_H
#define DOC_COMPARE_H

#include "doc/collation.h"

/* Negative, 0 or positive. Missing equals null here; callers that tell them apart look first. */
int doc_compare(struct doc_value a, struct doc_value b);

/* The same, strings by the collation, which may be NULL. */
int doc_compare_by(struct doc_value a, struct doc_value b, const struct doc_collation *collation);

/* doc_compare of two whole documents, as objects. */
int doc_compare_docs(struct slice a, struct slice b);

static inline bool doc_equal(struct doc_value a, struct doc_value b)
{
    return doc_compare(a, b) == 0;
}

static inline bool doc_equal_by(struct doc_value a, struct doc_value b,
                                const struct doc_collation *collation)
{
    return doc_compare_by(a, b, collation) == 0;
}

/* The class that brackets comparisons: 0 undefined's, 5 null's, 10 numbers, 15 strings ... -1
 * MinKey, 127 MaxKey. Values of different class never match $gt, $lt and friends. */
int doc_class(uint8_t type);

/* A hash that equal values share: 1, 1.0 and Decimal 1.00 hash alike, at every depth. */
uint64_t doc_hash(struct doc_value value, uint64_t seed);

/* The same for values that are equal by the collation, which may be NULL. */
uint64_t doc_hash_by(struct doc_value value, uint64_t seed, const struct doc_collation *collation);

#endif
