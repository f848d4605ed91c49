/* query/sum.h - adding numbers of all types without losing what can be kept.
 *
 * Invariant   integers are summed exactly, doubles with compensation, decimals as decimals; the
 *             result has the widest type in it: int (grows to long), long (to double), double,
 *             decimal. NaN and infinities are counted, so that they can be taken out again.
 * Thread      a value.
 * Memory      none.
 * Errors      none.
 */
#ifndef QUERY_SUM_H
#define QUERY_SUM_H

#include "doc/value.h"

enum { QUERY__SUM_TYPES = 4 }; /* int32, int64, double, decimal: each wider than the one before */

struct query__sum {
    /* all int32 and int64; aligned as arenas are */
    __int128 integer __attribute__((packed, aligned(8)));
    double sum;                        /* all finite doubles ... */
    double rest;                       /* ... and what their sum lost */
    double special;                    /* their plain sum, right when it overflows */
    struct doc_decimal decimal;        /* all finite decimals */
    uint64_t counts[QUERY__SUM_TYPES]; /* numbers in it, by type */
    uint64_t nans;
    uint64_t infinities[2]; /* positive, negative */
};

void query__sum_init(struct query__sum *sum);

/* Add a number; anything else is passed over. */
void query__sum_add(struct query__sum *sum, struct doc_value number);

/* Take out a number that was added. */
void query__sum_remove(struct query__sum *sum, struct doc_value number);

/* How many numbers are in it. */
uint64_t query__sum_count(const struct query__sum *sum);

/* The total: int32 0 when there is nothing in it. */
struct doc_value query__sum_value(const struct query__sum *sum, struct arena *arena);

/* The mean, a double or a decimal; null when there is nothing in it. */
struct doc_value query__sum_mean(const struct query__sum *sum, struct arena *arena);

#endif
