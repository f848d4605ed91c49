/* query/set.h - values told apart by doc_equal_by, each with a number.
 *
 * Invariant   the n-th distinct value added has number n, from 0; values stay in that order.
 * Thread      one at a time.
 * Memory      everything is in the arena given at init; values added are borrowed.
 * Errors      none.
 */
#ifndef QUERY_SET_H
#define QUERY_SET_H

#include "doc/collation.h"

struct query__set {
    struct arena *arena;
    const struct doc_collation *collation;
    struct doc_value *values; /* count of them, in the order of adding */
    uint64_t *hashes;
    uint32_t count;
    uint32_t room;   /* of values and hashes */
    uint32_t *slots; /* number + 1, or 0; a power of two, at most half full */
    uint32_t slots_count;
};

void query__set_init(struct query__set *set, struct arena *arena,
                     const struct doc_collation *collation);

/* True when the value was not there yet; *ret_number (may be NULL) is its number in any case. */
bool query__set_add(struct query__set *set, struct doc_value value, uint32_t *ret_number);

bool query__set_has(const struct query__set *set, struct doc_value value);

/* Add every element of an array. */
void query__set_add_all(struct query__set *set, struct doc_value array);

#endif
