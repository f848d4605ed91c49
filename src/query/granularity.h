/* query/granularity.h - series of preferred numbers: Renard, E, 1-2-5 and powers of two.
 *
 * Invariant   a series repeats for every power of ten (or is the powers of two).
 * Thread      pure.
 * Memory      static.
 * Errors      none.
 */
#ifndef QUERY_GRANULARITY_H
#define QUERY_GRANULARITY_H

#include "doc/value.h"

struct query__granularity;

/* The series called "R5" ... "E192", "1-2-5" or "POWERSOF2", or NULL. */
const struct query__granularity *query__granularity_find(struct slice name);

/* The nearest number of the series above (or below) a number that is not negative; 0 for 0. */
double query__granularity_up(const struct query__granularity *series, double number);
double query__granularity_down(const struct query__granularity *series, double number);

/* As MongoDB gives it: powers of two are integers where they can be. */
struct doc_value query__granularity_value(const struct query__granularity *series, double number,
                                          struct arena *arena);

#endif
