/* doc/decimal.h - Decimal128 arithmetic on BSON's own bits.
 *
 * Invariant   results are what Intel's IEEE 754-2008 library gives, rounded half to even.
 * Thread      pure.
 * Memory      values only.
 * Errors      none: NaN and infinities are values.
 */
#ifndef DOC_DECIMAL_H
#define DOC_DECIMAL_H

#include "doc/value.h"

enum { DOC_DECIMAL_TEXT_MAX = 48 };

struct doc_decimal doc_decimal_of_i64(int64_t number);
/* As MongoDB converts: rounded to 15 significant digits, which prints as people wrote it. */
struct doc_decimal doc_decimal_of_double(double number);
/* The exact value of the double, rounded to 34 digits. */
struct doc_decimal doc_decimal_of_double_exact(double number);
/* Any number value, doubles by doc_decimal_of_double. */
struct doc_decimal doc_decimal_of_value(struct doc_value number);
/* Strict Decimal128 text ("1E+3", "NaN", "-Infinity"); false when it is not one. */
bool doc_decimal_of_text(struct slice text, struct doc_decimal *ret_number);

/* Canonical text, NUL-terminated. */
void doc_decimal_to_text(struct doc_decimal number, char text[DOC_DECIMAL_TEXT_MAX]);
double doc_decimal_to_double(struct doc_decimal number);
/* True when it is a whole number in range. */
bool doc_decimal_to_i64_exact(struct doc_decimal number, int64_t *ret_number);
/* Half to even; clamped to the range; NaN is 0. */
int64_t doc_decimal_to_i64_clamped(struct doc_decimal number);

bool doc_decimal_is_nan(struct doc_decimal number);
bool doc_decimal_is_infinite(struct doc_decimal number);
bool doc_decimal_is_zero(struct doc_decimal number);
bool doc_decimal_is_negative(struct doc_decimal number);

/* By value, NaN lowest and equal to itself: negative, 0 or positive. */
int doc_decimal_compare(struct doc_decimal a, struct doc_decimal b);

enum doc_decimal_op {
    DOC_DECIMAL_ADD,
    DOC_DECIMAL_SUBTRACT,
    DOC_DECIMAL_MULTIPLY,
    DOC_DECIMAL_DIVIDE,
    DOC_DECIMAL_MOD, /* truncated, the sign of the dividend */
    DOC_DECIMAL_POW,
    DOC_DECIMAL_ATAN2,
};
struct doc_decimal doc_decimal_apply(enum doc_decimal_op op, struct doc_decimal a,
                                     struct doc_decimal b);

enum doc_decimal_fn {
    DOC_DECIMAL_ABS,
    DOC_DECIMAL_NEGATE,
    DOC_DECIMAL_FLOOR,
    DOC_DECIMAL_CEIL,
    DOC_DECIMAL_ROUND, /* half to even, to a whole number */
    DOC_DECIMAL_TRUNC,
    DOC_DECIMAL_SQRT,
    DOC_DECIMAL_EXP,
    DOC_DECIMAL_LN,
    DOC_DECIMAL_LOG10,
    DOC_DECIMAL_SIN,
    DOC_DECIMAL_COS,
    DOC_DECIMAL_TAN,
    DOC_DECIMAL_ASIN,
    DOC_DECIMAL_ACOS,
    DOC_DECIMAL_ATAN,
    DOC_DECIMAL_SINH,
    DOC_DECIMAL_COSH,
    DOC_DECIMAL_TANH,
    DOC_DECIMAL_ASINH,
    DOC_DECIMAL_ACOSH,
    DOC_DECIMAL_ATANH,
};
struct doc_decimal doc_decimal_call(enum doc_decimal_fn fn, struct doc_decimal number);

/* Rescaled to `places` digits after the point (negative: before it), half to even or truncated. */
struct doc_decimal doc_decimal_quantize(struct doc_decimal number, int places, bool truncate);

#endif
