/* query/number.h - arithmetic in the two types that results of division have.
 *
 * Invariant   a number is a decimal when one that it came from is, else a double.
 * Thread      a value.
 * Memory      query__number_view borrows the number; the rest are values.
 * Errors      none: NaN and infinities are values.
 */
#ifndef QUERY_NUMBER_H
#define QUERY_NUMBER_H

#include "doc/decimal.h"

struct query__number {
    bool is_decimal;
    bool is_whole; /* it came from an integer: that is what it is as a decimal */
    double number; /* unless is_decimal */
    int64_t whole;
    struct doc_decimal decimal;
};

/* Of any number value. */
struct query__number query__number_of(struct doc_value value);
struct query__number query__number_of_double(double number);

/* ADD, SUBTRACT, MULTIPLY or DIVIDE. */
struct query__number query__number_apply(enum doc_decimal_op op, struct query__number a,
                                         struct query__number b);

/* Not NaN, not infinite. */
bool query__number_is_finite(const struct query__number *number);
bool query__number_is_zero(const struct query__number *number);

struct doc_value query__number_value(const struct query__number *number, struct arena *arena);
/* The same without an arena, as long as the number stays where it is. */
struct doc_value query__number_view(const struct query__number *number);

#endif
