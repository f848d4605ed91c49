/* doc/number_private.h - numbers of all four types taken apart, exactly.
 *
 * Invariant   floor is the largest double not above the number, exact says whether it is the number
 *             itself, decimal is the number when it is not. NaN is exact; zero is never negative.
 * Thread      pure.
 * Memory      values only.
 * Errors      none.
 */
#ifndef DOC_NUMBER_PRIVATE_H
#define DOC_NUMBER_PRIVATE_H

#include "doc/decimal.h"

struct doc__number {
    double floor;
    bool exact;
    struct doc_decimal decimal; /* only when not exact */
};

struct doc__number doc__number_of_value(struct doc_value value);

/* By value across all types, NaN lowest: negative, 0 or positive. */
int doc__number_compare(struct doc_value a, struct doc_value b);

/* A finite decimal as sign, coefficient (below 10^34) and power of ten. */
struct doc__decimal_parts {
    unsigned __int128 coefficient;
    int exponent;
    bool negative;
};

void doc__decimal_split(struct doc_decimal number, struct doc__decimal_parts *ret_parts);
struct doc_decimal doc__decimal_join(const struct doc__decimal_parts *parts);

/* Exact, NaN lowest and equal to NaN. */
int doc__decimal_compare_double(struct doc_decimal a, double b);

/* The largest double that is not above `number`, which is not NaN. */
double doc__decimal_floor_double(struct doc_decimal number);

#endif
