/* doc/number.c - exact comparison of int32, int64, double and decimal.
 *
 * Nothing is converted with loss: an integer meets a double by the double's whole part, a decimal
 * meets a double by the double rounded down to 34 digits, remembering whether that lost anything.
 */
#include "doc/number_private.h"

#include <math.h>

static int number_order_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int number_order_double(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (int)(isnan(b) != 0) - (int)(isnan(a) != 0);
    }
    return (a > b) - (a < b);
}

static int number_order_i64_double(int64_t a, double b)
{
    if (isnan(b) || b < -0x1p63) {
        return 1;
    }
    if (b >= 0x1p63) {
        return -1;
    }
    double whole = floor(b);
    int order = number_order_i64(a, (int64_t)whole);
    return order == 0 && b > whole ? -1 : order;
}

static bool number_is_integer(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64;
}

static int64_t number_integer(struct doc_value value)
{
    return value.type == DOC_INT32 ? doc_value_get_i32(value) : doc_value_get_i64(value);
}

static int number_compare_decimal(struct doc_decimal a, struct doc_value b)
{
    switch (b.type) {
    case DOC_DECIMAL:
        return doc_decimal_compare(a, doc_value_get_decimal(b));
    case DOC_DOUBLE:
        return doc__decimal_compare_double(a, doc_value_get_double(b));
    default:
        return doc_decimal_compare(a, doc_decimal_of_i64(number_integer(b)));
    }
}

int doc__number_compare(struct doc_value a, struct doc_value b)
{
    assert(doc_value_is_number(a) && doc_value_is_number(b));
    if (number_is_integer(a) && number_is_integer(b)) {
        return number_order_i64(number_integer(a), number_integer(b));
    }
    if (a.type == DOC_DECIMAL) {
        return number_compare_decimal(doc_value_get_decimal(a), b);
    }
    if (b.type == DOC_DECIMAL) {
        return -number_compare_decimal(doc_value_get_decimal(b), a);
    }
    if (number_is_integer(a)) {
        return number_order_i64_double(number_integer(a), doc_value_get_double(b));
    }
    if (number_is_integer(b)) {
        return -number_order_i64_double(number_integer(b), doc_value_get_double(a));
    }
    return number_order_double(doc_value_get_double(a), doc_value_get_double(b));
}

static struct doc__number number_of_i64(int64_t whole)
{
    double near = (double)whole;
    int order = number_order_i64_double(whole, near);
    if (order == 0) {
        return (struct doc__number){.floor = near, .exact = true};
    }
    return (struct doc__number){
        .floor = order < 0 ? nextafter(near, -INFINITY) : near,
        .decimal = doc_decimal_of_i64(whole),
    };
}

struct doc__number doc__number_of_value(struct doc_value value)
{
    if (number_is_integer(value)) {
        return number_of_i64(number_integer(value));
    }
    if (value.type == DOC_DOUBLE) {
        return (struct doc__number){.floor = doc_value_get_double(value) + 0.0, .exact = true};
    }
    struct doc_decimal decimal = doc_value_get_decimal(value);
    if (doc_decimal_is_nan(decimal)) {
        return (struct doc__number){.floor = NAN, .exact = true};
    }
    double low = doc__decimal_floor_double(decimal) + 0.0;
    bool exact = doc__decimal_compare_double(decimal, low) == 0;
    return (struct doc__number){.floor = low, .exact = exact, .decimal = decimal};
}
