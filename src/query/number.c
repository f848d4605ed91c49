/* query/number.c - see number.h. */
#include "query/number.h"

#include <math.h>

struct query__number query__number_of_double(double number)
{
    return (struct query__number){.number = number};
}

struct query__number query__number_of(struct doc_value value)
{
    if (value.type == DOC_DECIMAL) {
        return (struct query__number){.is_decimal = true, .decimal = doc_value_get_decimal(value)};
    }
    struct query__number number = query__number_of_double(doc_value_to_double(value));
    number.is_whole = value.type != DOC_DOUBLE;
    if (number.is_whole) {
        number.whole =
            value.type == DOC_INT32 ? doc_value_get_i32(value) : doc_value_get_i64(value);
    }
    return number;
}

static struct doc_decimal number_decimal(struct query__number number)
{
    if (number.is_decimal) {
        return number.decimal;
    }
    return number.is_whole ? doc_decimal_of_i64(number.whole)
                           : doc_decimal_of_double(number.number);
}

static double number_apply(enum doc_decimal_op op, double a, double b)
{
    switch (op) {
    case DOC_DECIMAL_ADD:
        return a + b;
    case DOC_DECIMAL_SUBTRACT:
        return a - b;
    case DOC_DECIMAL_MULTIPLY:
        return a * b;
    default:
        assert(op == DOC_DECIMAL_DIVIDE);
        return a / b;
    }
}

struct query__number query__number_apply(enum doc_decimal_op op, struct query__number a,
                                         struct query__number b)
{
    if (!a.is_decimal && !b.is_decimal) {
        return query__number_of_double(number_apply(op, a.number, b.number));
    }
    struct doc_decimal result = doc_decimal_apply(op, number_decimal(a), number_decimal(b));
    return (struct query__number){.is_decimal = true, .decimal = result};
}

bool query__number_is_finite(const struct query__number *number)
{
    return number->is_decimal
               ? !doc_decimal_is_nan(number->decimal) && !doc_decimal_is_infinite(number->decimal)
               : isfinite(number->number);
}

bool query__number_is_zero(const struct query__number *number)
{
    return number->is_decimal ? doc_decimal_is_zero(number->decimal) : number->number == 0;
}

struct doc_value query__number_value(const struct query__number *number, struct arena *arena)
{
    return number->is_decimal ? doc_value_decimal(arena, number->decimal)
                              : doc_value_double(arena, number->number);
}

/* Doubles and Decimal128 lie in memory as BSON has them: little endian, the low half first. */
struct doc_value query__number_view(const struct query__number *number)
{
    if (number->is_decimal) {
        return (struct doc_value){(const uint8_t *)&number->decimal, 16, DOC_DECIMAL};
    }
    return (struct doc_value){(const uint8_t *)&number->number, 8, DOC_DOUBLE};
}
