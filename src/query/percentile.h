/* query/percentile.h - $percentile and $median, as expressions, accumulators and window operators.
 *
 * Invariant   a percentile is always one of the numbers: of n, the one that as many come before as
 *             p times n, rounded up, less one. What is no number, and NaN, does not count.
 * Thread      a parsed form is immutable.
 * Memory      parsed forms in context->arena, results in the arena given.
 * Errors      MongoDB's codes: 7429703 and 7436100 when there is no specification, 40414 and
 *             40415 for its fields, BadValue for a method, 7750300 and up for what p may not be.
 */
#ifndef QUERY_PERCENTILE_H
#define QUERY_PERCENTILE_H

#include "query/context.h"

struct query_expr;

struct query__percentile {
    double *p;
    uint32_t count;
    bool list; /* $percentile: the result is an array */
    struct query_expr *input;
};

/* Parse {input, p, method} of $percentile or {input, method} of $median. The input is not folded
 * yet. */
int query__percentile_parse(struct query_context *context, const char *name, struct doc_value spec,
                            struct query__percentile **ret_percentile, struct err *err);

/* Does the value count? Then *ret_number is it. */
bool query__percentile_takes(struct doc_value value, double *ret_number);

/* Of `count` numbers, of which at(context, rank) gives the one that `rank` others come before. */
struct doc_value query__percentile_of(const struct query__percentile *percentile, uint64_t count,
                                      double (*at)(const void *context, uint64_t rank),
                                      const void *context, struct arena *arena);

/* Of numbers in any order; they are sorted in place. */
struct doc_value query__percentile_sort(const struct query__percentile *percentile, double *numbers,
                                        uint64_t count, struct arena *arena);

#endif
