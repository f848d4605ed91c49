/* doc/decimal.c - Decimal128 by Intel's library; only text and limits are our own.
 *
 * BSON stores the binary-integer form that the library computes with, so a value goes in and out by
 * copying two words. Text is ours: Intel writes "+1E+3", BSON wants the form of the specification,
 * and Intel reads what we must refuse. Exception flags are local to each call. */
#include "doc/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DECIMAL_CALL_BY_REFERENCE 0
#define DECIMAL_GLOBAL_ROUNDING 0
#define DECIMAL_GLOBAL_EXCEPTION_FLAGS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <bid_conf.h>
#include <bid_functions.h>
#pragma GCC diagnostic pop

#include "doc/number_private.h"

enum {
    DECIMAL_BIAS = 6176,
    DECIMAL_DIGITS = 34,
    DECIMAL_EXPONENT_MIN = -6176,
    DECIMAL_EXPONENT_MAX = 6111,
    DECIMAL_DOUBLE_DIGITS = 15,
    DECIMAL_READ_DIGITS = 40, /* kept of a longer text; a last digit stands for what is dropped */
    DECIMAL_READ_EXPONENT_MAX = 1000000,
};

static BID_UINT128 decimal_to_bid(struct doc_decimal number)
{
    BID_UINT128 bid;
    bid.w[0] = number.low;
    bid.w[1] = number.high;
    return bid;
}

static struct doc_decimal decimal_of_bid(BID_UINT128 bid)
{
    return (struct doc_decimal){bid.w[0], bid.w[1]};
}

/* ---- bits ---- */

bool doc_decimal_is_nan(struct doc_decimal number)
{
    return (number.high >> 58 & 0x1f) == 0x1f;
}

bool doc_decimal_is_infinite(struct doc_decimal number)
{
    return (number.high >> 58 & 0x1f) == 0x1e;
}

bool doc_decimal_is_negative(struct doc_decimal number)
{
    return number.high >> 63 != 0;
}

bool doc_decimal_is_zero(struct doc_decimal number)
{
    if (doc_decimal_is_nan(number) || doc_decimal_is_infinite(number)) {
        return false;
    }
    struct doc__decimal_parts parts;
    doc__decimal_split(number, &parts);
    return parts.coefficient == 0;
}

static unsigned __int128 decimal_limit(void)
{
    return (unsigned __int128)10000000000000000000u * 1000000000000000u;
}

void doc__decimal_split(struct doc_decimal number, struct doc__decimal_parts *ret_parts)
{
    assert(!doc_decimal_is_nan(number) && !doc_decimal_is_infinite(number));
    ret_parts->negative = doc_decimal_is_negative(number);
    if ((number.high >> 61 & 3) == 3) { /* a coefficient past 34 digits: not canonical, zero */
        ret_parts->exponent = (int)(number.high >> 47 & 0x3fff) - DECIMAL_BIAS;
        ret_parts->coefficient = 0;
        return;
    }
    ret_parts->exponent = (int)(number.high >> 49 & 0x3fff) - DECIMAL_BIAS;
    ret_parts->coefficient = (unsigned __int128)(number.high & 0x1ffffffffffffu) << 64 | number.low;
    if (ret_parts->coefficient >= decimal_limit()) {
        ret_parts->coefficient = 0;
    }
}

struct doc_decimal doc__decimal_join(const struct doc__decimal_parts *parts)
{
    assert(parts->coefficient < decimal_limit());
    assert(parts->exponent >= DECIMAL_EXPONENT_MIN && parts->exponent <= DECIMAL_EXPONENT_MAX);
    uint64_t high = (uint64_t)(parts->coefficient >> 64);
    high |= (uint64_t)(parts->exponent + DECIMAL_BIAS) << 49;
    high |= (uint64_t)parts->negative << 63;
    return (struct doc_decimal){(uint64_t)parts->coefficient, high};
}

/* ---- text ---- */

/* The digits of the coefficient, without leading zeros, at least one. */
static int decimal_digits(unsigned __int128 coefficient, char digits[DECIMAL_DIGITS + 1])
{
    char reversed[DECIMAL_DIGITS + 6];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + (int)(coefficient % 10));
        coefficient /= 10;
    } while (coefficient > 0);
    assert(count <= DECIMAL_DIGITS);
    for (int i = 0; i < count; i++) {
        digits[i] = reversed[count - 1 - i];
    }
    digits[count] = '\0';
    return count;
}

static void decimal_write_scientific(char *text, const char *digits, int count, int adjusted)
{
    const char *point = count > 1 ? "." : "";
    assert(adjusted >= DECIMAL_EXPONENT_MIN && adjusted <= 6144);
    snprintf(text, DOC_DECIMAL_TEXT_MAX - 1, "%c%s%sE%+d", digits[0], point, digits + 1, adjusted);
}

static void decimal_write_plain(char *text, const char *digits, int count, int exponent)
{
    int whole = count + exponent; /* digits before the point */
    if (exponent == 0) {
        memcpy(text, digits, (size_t)count + 1);
    } else if (whole > 0) {
        memcpy(text, digits, (size_t)whole);
        text[whole] = '.';
        memcpy(text + whole + 1, digits + whole, (size_t)(count - whole) + 1);
    } else {
        memcpy(text, "0.000000", 8);
        memcpy(text + 2 - whole, digits, (size_t)count + 1);
    }
}

void doc_decimal_to_text(struct doc_decimal number, char text[DOC_DECIMAL_TEXT_MAX])
{
    if (doc_decimal_is_nan(number)) {
        memcpy(text, "NaN", 4);
        return;
    }
    if (doc_decimal_is_negative(number)) {
        *text++ = '-';
    }
    if (doc_decimal_is_infinite(number)) {
        memcpy(text, "Infinity", 9);
        return;
    }
    struct doc__decimal_parts parts;
    char digits[DECIMAL_DIGITS + 1];
    doc__decimal_split(number, &parts);
    int count = decimal_digits(parts.coefficient, digits);
    int adjusted = parts.exponent + count - 1;
    if (parts.exponent > 0 || adjusted < -6) {
        decimal_write_scientific(text, digits, count, adjusted);
    } else {
        decimal_write_plain(text, digits, count, parts.exponent);
    }
}

struct decimal_reader {
    const uint8_t *next;
    const uint8_t *end;
    char digits[DECIMAL_READ_DIGITS + 1];
    int count;    /* digits kept, leading zeros not among them */
    int exponent; /* of the last kept digit */
    bool sticky;  /* a digit other than 0 was dropped */
    bool any;     /* a digit was there at all */
};

static bool decimal_read_is_digit(const struct decimal_reader *reader)
{
    return reader->next < reader->end && *reader->next >= '0' && *reader->next <= '9';
}

static void decimal_read_run(struct decimal_reader *reader, bool after_point)
{
    while (decimal_read_is_digit(reader)) {
        char digit = (char)*reader->next++;
        reader->any = true;
        if (reader->count == 0 && digit == '0') {
            reader->exponent -= after_point;
        } else if (reader->count < DECIMAL_READ_DIGITS) {
            reader->digits[reader->count++] = digit;
            reader->exponent -= after_point;
        } else {
            reader->sticky |= digit != '0';
            reader->exponent += !after_point;
        }
    }
}

/* The exponent after "E"; false when no digit follows. */
static bool decimal_read_exponent(struct decimal_reader *reader)
{
    bool negative = false;
    if (reader->next < reader->end && (*reader->next == '+' || *reader->next == '-')) {
        negative = *reader->next++ == '-';
    }
    if (!decimal_read_is_digit(reader)) {
        return false;
    }
    int exponent = 0;
    while (decimal_read_is_digit(reader)) {
        int digit = *reader->next++ - '0';
        if (exponent < DECIMAL_READ_EXPONENT_MAX) {
            exponent = exponent * 10 + digit;
        }
    }
    reader->exponent += negative ? -exponent : exponent;
    return true;
}

static bool decimal_read_word(const struct decimal_reader *reader, const char *word)
{
    size_t len = (size_t)(reader->end - reader->next);
    if (len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((reader->next[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}

/* The collected digits, rounded; false when out of range. */
static bool decimal_read_finish(struct decimal_reader *reader, bool negative,
                                struct doc_decimal *ret_number)
{
    if (reader->count == 0) {
        struct doc__decimal_parts zero = {.negative = negative, .exponent = reader->exponent};
        zero.exponent = zero.exponent < DECIMAL_EXPONENT_MIN   ? DECIMAL_EXPONENT_MIN
                        : zero.exponent > DECIMAL_EXPONENT_MAX ? DECIMAL_EXPONENT_MAX
                                                               : zero.exponent;
        *ret_number = doc__decimal_join(&zero);
        return true;
    }
    if (reader->sticky && (reader->digits[reader->count - 1] % 5) == '0' % 5) {
        reader->digits[reader->count - 1]++; /* neither exact nor a tie */
    }
    reader->digits[reader->count] = '\0';
    char text[DECIMAL_READ_DIGITS + 24];
    snprintf(text, sizeof text, "%s%sE%d", negative ? "-" : "", reader->digits, reader->exponent);
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_from_string(text, BID_ROUNDING_TO_NEAREST, &flags);
    *ret_number = decimal_of_bid(bid);
    return (flags & (BID_OVERFLOW_EXCEPTION | BID_UNDERFLOW_EXCEPTION)) == 0;
}

bool doc_decimal_of_text(struct slice text, struct doc_decimal *ret_number)
{
    struct decimal_reader reader = {.next = text.data, .end = text.data + text.len};
    if (text.len == 0) {
        return false;
    }
    bool negative = *reader.next == '-';
    if (negative || *reader.next == '+') {
        reader.next++;
    }
    if (decimal_read_word(&reader, "inf") || decimal_read_word(&reader, "infinity")) {
        *ret_number = (struct doc_decimal){0, negative ? 0xf800000000000000u : 0x7800000000000000u};
        return true;
    }
    if (decimal_read_word(&reader, "nan")) {
        *ret_number = (struct doc_decimal){0, 0x7c00000000000000u};
        return true;
    }
    decimal_read_run(&reader, false);
    if (reader.next < reader.end && *reader.next == '.') {
        reader.next++;
        decimal_read_run(&reader, true);
    }
    if (!reader.any) {
        return false;
    }
    if (reader.next < reader.end && (*reader.next | 0x20) == 'e') {
        reader.next++;
        if (!decimal_read_exponent(&reader)) {
            return false;
        }
    }
    return reader.next == reader.end && decimal_read_finish(&reader, negative, ret_number);
}

/* ---- conversion ---- */

struct doc_decimal doc_decimal_of_i64(int64_t number)
{
    return decimal_of_bid(bid128_from_int64(number));
}

struct doc_decimal doc_decimal_of_double_exact(double number)
{
    _IDEC_flags flags = 0;
    return decimal_of_bid(binary64_to_bid128(number, BID_ROUNDING_TO_NEAREST, &flags));
}

static struct doc_decimal decimal_quantize_to(struct doc_decimal number, int exponent, int rounding)
{
    struct doc__decimal_parts unit = {.coefficient = 1, .exponent = exponent};
    _IDEC_flags flags = 0;
    return decimal_of_bid(bid128_quantize(
        decimal_to_bid(number), decimal_to_bid(doc__decimal_join(&unit)), rounding, &flags));
}

static int decimal_count_digits(unsigned __int128 coefficient)
{
    int count = 0;
    while (coefficient > 0) {
        coefficient /= 10;
        count++;
    }
    return count;
}

struct doc_decimal doc_decimal_of_double(double number)
{
    if (number == 0) {
        struct doc__decimal_parts zero = {.negative = signbit(number) != 0};
        return doc__decimal_join(&zero);
    }
    struct doc_decimal exact = doc_decimal_of_double_exact(number);
    if (!isfinite(number)) {
        return isnan(number) ? (struct doc_decimal){0, 0x7c00000000000000u} : exact;
    }
    struct doc__decimal_parts parts;
    doc__decimal_split(exact, &parts);
    int exponent = parts.exponent + decimal_count_digits(parts.coefficient) - DECIMAL_DOUBLE_DIGITS;
    struct doc_decimal rounded = decimal_quantize_to(exact, exponent, BID_ROUNDING_TO_NEAREST);
    doc__decimal_split(rounded, &parts);
    if (parts.coefficient == 1000000000000000u) { /* 9.99... became 10: one digit too many */
        parts.coefficient /= 10;
        parts.exponent++;
        rounded = doc__decimal_join(&parts);
    }
    return rounded;
}

struct doc_decimal doc_decimal_of_value(struct doc_value number)
{
    switch (number.type) {
    case DOC_INT32:
        return doc_decimal_of_i64(doc_value_get_i32(number));
    case DOC_INT64:
        return doc_decimal_of_i64(doc_value_get_i64(number));
    case DOC_DECIMAL:
        return doc_value_get_decimal(number);
    default:
        return doc_decimal_of_double(doc_value_get_double(number));
    }
}

double doc_decimal_to_double(struct doc_decimal number)
{
    _IDEC_flags flags = 0;
    return bid128_to_binary64(decimal_to_bid(number), BID_ROUNDING_TO_NEAREST, &flags);
}

bool doc_decimal_to_i64_exact(struct doc_decimal number, int64_t *ret_number)
{
    _IDEC_flags flags = 0;
    int64_t whole = bid128_to_int64_xint(decimal_to_bid(number), &flags);
    if (flags & (BID_INVALID_EXCEPTION | BID_INEXACT_EXCEPTION)) {
        return false;
    }
    *ret_number = whole;
    return true;
}

int64_t doc_decimal_to_i64_clamped(struct doc_decimal number)
{
    if (doc_decimal_is_nan(number)) {
        return 0;
    }
    _IDEC_flags flags = 0;
    int64_t whole = bid128_to_int64_rnint(decimal_to_bid(number), &flags);
    if (flags & BID_INVALID_EXCEPTION) {
        return doc_decimal_is_negative(number) ? INT64_MIN : INT64_MAX;
    }
    return whole;
}

/* ---- order ---- */

int doc_decimal_compare(struct doc_decimal a, struct doc_decimal b)
{
    bool a_nan = doc_decimal_is_nan(a);
    bool b_nan = doc_decimal_is_nan(b);
    if (a_nan || b_nan) {
        return (int)b_nan - (int)a_nan;
    }
    _IDEC_flags flags = 0;
    BID_UINT128 a_bid = decimal_to_bid(a);
    BID_UINT128 b_bid = decimal_to_bid(b);
    return bid128_quiet_greater(a_bid, b_bid, &flags) - bid128_quiet_less(a_bid, b_bid, &flags);
}

/* The double rounded down to 34 digits has no decimal between itself and the double. */
int doc__decimal_compare_double(struct doc_decimal a, double b)
{
    if (isnan(b) || doc_decimal_is_nan(a)) {
        return (int)(isnan(b) != 0) - (int)doc_decimal_is_nan(a);
    }
    _IDEC_flags flags = 0;
    BID_UINT128 floor_bid = binary64_to_bid128(b, BID_ROUNDING_DOWN, &flags);
    int order = doc_decimal_compare(a, decimal_of_bid(floor_bid));
    return order == 0 && (flags & BID_INEXACT_EXCEPTION) ? -1 : order;
}

double doc__decimal_floor_double(struct doc_decimal number)
{
    assert(!doc_decimal_is_nan(number));
    _IDEC_flags flags = 0;
    double low = bid128_to_binary64(decimal_to_bid(number), BID_ROUNDING_DOWN, &flags);
    while (doc__decimal_compare_double(number, low) < 0) {
        low = nextafter(low, -INFINITY);
    }
    return low;
}

/* ---- arithmetic ---- */

struct doc_decimal doc_decimal_apply(enum doc_decimal_op op, struct doc_decimal a,
                                     struct doc_decimal b)
{
    _IDEC_flags flags = 0;
    BID_UINT128 x = decimal_to_bid(a);
    BID_UINT128 y = decimal_to_bid(b);
    const int nearest = BID_ROUNDING_TO_NEAREST;
    switch (op) {
    case DOC_DECIMAL_ADD:
        return decimal_of_bid(bid128_add(x, y, nearest, &flags));
    case DOC_DECIMAL_SUBTRACT:
        return decimal_of_bid(bid128_sub(x, y, nearest, &flags));
    case DOC_DECIMAL_MULTIPLY:
        return decimal_of_bid(bid128_mul(x, y, nearest, &flags));
    case DOC_DECIMAL_DIVIDE:
        return decimal_of_bid(bid128_div(x, y, nearest, &flags));
    case DOC_DECIMAL_MOD:
        return decimal_of_bid(bid128_fmod(x, y, &flags));
    case DOC_DECIMAL_POW:
        return decimal_of_bid(bid128_pow(x, y, nearest, &flags));
    case DOC_DECIMAL_ATAN2:
        return decimal_of_bid(bid128_atan2(x, y, nearest, &flags));
    }
    assert(!"known operation");
    return a;
}

static BID_UINT128 decimal_call_curve(enum doc_decimal_fn fn, BID_UINT128 x)
{
    typedef BID_UINT128 (*decimal_curve_fn)(BID_UINT128, _IDEC_round, _IDEC_flags *);
    static const decimal_curve_fn curves[] = {
        [DOC_DECIMAL_SQRT] = bid128_sqrt,   [DOC_DECIMAL_EXP] = bid128_exp,
        [DOC_DECIMAL_LN] = bid128_log,      [DOC_DECIMAL_LOG10] = bid128_log10,
        [DOC_DECIMAL_SIN] = bid128_sin,     [DOC_DECIMAL_COS] = bid128_cos,
        [DOC_DECIMAL_TAN] = bid128_tan,     [DOC_DECIMAL_ASIN] = bid128_asin,
        [DOC_DECIMAL_ACOS] = bid128_acos,   [DOC_DECIMAL_ATAN] = bid128_atan,
        [DOC_DECIMAL_SINH] = bid128_sinh,   [DOC_DECIMAL_COSH] = bid128_cosh,
        [DOC_DECIMAL_TANH] = bid128_tanh,   [DOC_DECIMAL_ASINH] = bid128_asinh,
        [DOC_DECIMAL_ACOSH] = bid128_acosh, [DOC_DECIMAL_ATANH] = bid128_atanh,
    };
    _IDEC_flags flags = 0;
    assert((size_t)fn < sizeof curves / sizeof curves[0] && curves[fn] != NULL);
    return curves[fn](x, BID_ROUNDING_TO_NEAREST, &flags);
}

struct doc_decimal doc_decimal_call(enum doc_decimal_fn fn, struct doc_decimal number)
{
    _IDEC_flags flags = 0;
    BID_UINT128 x = decimal_to_bid(number);
    switch (fn) {
    case DOC_DECIMAL_ABS:
        return decimal_of_bid(bid128_abs(x));
    case DOC_DECIMAL_NEGATE:
        return decimal_of_bid(bid128_negate(x));
    case DOC_DECIMAL_FLOOR:
        return decimal_of_bid(bid128_round_integral_negative(x, &flags));
    case DOC_DECIMAL_CEIL:
        return decimal_of_bid(bid128_round_integral_positive(x, &flags));
    case DOC_DECIMAL_ROUND:
        return decimal_of_bid(bid128_round_integral_nearest_even(x, &flags));
    case DOC_DECIMAL_TRUNC:
        return decimal_of_bid(bid128_round_integral_zero(x, &flags));
    default:
        return decimal_of_bid(decimal_call_curve(fn, x));
    }
}

struct doc_decimal doc_decimal_quantize(struct doc_decimal number, int places, bool truncate)
{
    if (doc_decimal_is_nan(number) || doc_decimal_is_infinite(number) ||
        -places < DECIMAL_EXPONENT_MIN || -places > DECIMAL_EXPONENT_MAX) {
        return number;
    }
    int rounding = truncate ? BID_ROUNDING_TO_ZERO : BID_ROUNDING_TO_NEAREST;
    struct doc_decimal scaled = decimal_quantize_to(number, -places, rounding);
    return doc_decimal_is_nan(scaled) ? number : scaled; /* more digits than fit: as it was */
}
