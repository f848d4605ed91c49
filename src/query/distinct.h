/* query/distinct.h - the different values of one path.
 *
 * Invariant   an array at the end of the path gives its elements, one level; a missing field gives
 *             nothing; equal values of different numeric type are one, the first that was seen.
 * Thread      one at a time.
 * Memory      everything is in the arena given at the start; new values are copied into it.
 * Errors      -17217 when the values together outgrow a document.
 */
#ifndef QUERY_DISTINCT_H
#define QUERY_DISTINCT_H

#include "doc/collation.h"
#include "doc/path.h"
#include "doc/value.h"

struct query_distinct;

struct query_distinct *query_distinct_new(struct arena *arena, const struct doc_path *path,
                                          const struct doc_collation *collation);

int query_distinct_add(struct query_distinct *distinct, struct slice doc, struct err *err);

/* Add one value, as an index entry gives it. */
int query_distinct_add_value(struct query_distinct *distinct, struct doc_value value,
                             struct err *err);

/* All values as an array, in ascending order. */
struct doc_value query_distinct_values(struct query_distinct *distinct);

#endif
