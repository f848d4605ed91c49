/* query/sum.h - adding numbers of all types without losing what can be kept.
 *
 * Invariant   integers are summed exactly, doubles with compensation, decimals as decimals; the
 *             result has the widest type seen: int (grows to long), long (to double), double,
 *             decimal.
 * Thread      a value.
 * Memory      none.
 * Errors      none.
 */
#ifndef QUERY_SUM_H
#define QUERY_SUM_H

#include "doc/value.h"

struct query__sum {
    /* all int32 and int64; aligned as arenas are */
    __int128 integer __attribute__((packed, aligned(8)));
    double sum;     /* all doubles ... */
    double rest;    /* ... and what their sum lost */
    double special; /* their plain sum, right when it is infinite or NaN */
    struct doc_decimal decimal;
    uint64_t count; /* numbers added */
    uint8_t widest; /* DOC_INT32, DOC_INT64, DOC_DOUBLE or DOC_DECIMAL */
};

void query__sum_init(struct query__sum *sum);

/* Add a number; anything else is passed over. */
void query__sum_add(struct query__sum *sum, struct doc_value number);

/* The total: int32 0 when nothing was added. */
struct doc_value query__sum_value(const struct query__sum *sum, struct arena *arena);

/* The mean, a double or a decimal; null when nothing was added. */
struct doc_value query__sum_mean(const struct query__sum *sum, struct arena *arena);

#endif
