/* doc/decimal_test.c - text, conversion and rounding of Decimal128. */
#include "doc/decimal.h"

#include <math.h>

#include "lib/test.h"

static struct doc_decimal dec(const char *text)
{
    struct doc_decimal number = {0};
    if (!doc_decimal_of_text(slice_str(text), &number)) {
        fail_msg("not a decimal: %s", text);
    }
    return number;
}

static void expect_text(struct doc_decimal number, const char *expected)
{
    char text[DOC_DECIMAL_TEXT_MAX];
    doc_decimal_to_text(number, text);
    assert_string_equal(text, expected);
}

TEST(decimal_text_round_trips_in_canonical_form)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "1",
                                        "-1",
                                        "0.1",
                                        "1.00",
                                        "12345.678",
                                        "0.000001",
                                        "0.00000123",
                                        "1E-7",
                                        "1.2E-7",
                                        "1E+3",
                                        "1.5E+10",
                                        "0E-10",
                                        "0E+3",
                                        "0.00",
                                        "-0.0",
                                        "1E-6176",
                                        "9.999999999999999999999999999999999E+6144",
                                        "1.000000000000000000000000000000000E+6144",
                                        "0.1234567890123456789012345678901234",
                                        "1234567890123456789012345678901234",
                                        "0E-6176",
                                        "0E+6111",
                                        "NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "-9.999999999999999999999999999999999E-6143"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_text(dec(texts[i]), texts[i]);
    }
}

TEST(decimal_text_is_read_in_every_allowed_spelling)
{
    expect_text(dec("+1"), "1");
    expect_text(dec(".5"), "0.5");
    expect_text(dec("5."), "5");
    expect_text(dec("00012"), "12");
    expect_text(dec("1e3"), "1E+3");
    expect_text(dec("1E+03"), "1E+3");
    expect_text(dec("inf"), "Infinity");
    expect_text(dec("-INFINITY"), "-Infinity");
    expect_text(dec("nan"), "NaN");
    expect_text(dec("0.0000000000000000000000000000000000000000000000001"), "1E-49");
    expect_text(dec("1e6112"), "1.0E+6112");
    expect_text(dec("0e99999999999"), "0E+6111");
}

TEST(decimal_text_longer_than_34_digits_is_rounded_half_to_even)
{
    expect_text(dec("12345678901234567890123456789012345"),
                "1.234567890123456789012345678901234E+34");
    expect_text(dec("12345678901234567890123456789012355"),
                "1.234567890123456789012345678901236E+34");
    expect_text(dec("123456789012345678901234567890123450000000000000000000000001"),
                "1.234567890123456789012345678901235E+59");
}

TEST(decimal_text_that_is_no_number_is_refused)
{
    static const char *const texts[] = {"",     ".",  "+",  "-",     "e1",    "1e",       "1e+",
                                        "1 ",   " 1", "1x", "0x1",   "1.2.3", "--1",      "1e6145",
                                        "infi", "na", "E",  "1E1E1", "1,5",   "1E-999999"};
    struct doc_decimal number;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (doc_decimal_of_text(slice_str(texts[i]), &number)) {
            fail_msg("accepted: '%s'", texts[i]);
        }
    }
}

TEST(decimal_of_double_has_fifteen_digits)
{
    expect_text(doc_decimal_of_double(2.5), "2.50000000000000");
    expect_text(doc_decimal_of_double(0.1), "0.100000000000000");
    expect_text(doc_decimal_of_double(0.0), "0");
    expect_text(doc_decimal_of_double(-0.0), "-0");
    expect_text(doc_decimal_of_double(9999999999999998.0), "1.00000000000000E+16");
    expect_text(doc_decimal_of_double(0.9999999999999996), "1.00000000000000");
    expect_text(doc_decimal_of_double(1.234567890123456), "1.23456789012346");
    expect_text(doc_decimal_of_double(5e-324), "4.94065645841247E-324");
    expect_text(doc_decimal_of_double(1.7976931348623157e308), "1.79769313486232E+308");
    expect_text(doc_decimal_of_double(NAN), "NaN");
    expect_text(doc_decimal_of_double(-INFINITY), "-Infinity");
}

TEST(decimal_of_double_exact_keeps_what_the_double_is)
{
    expect_text(doc_decimal_of_double_exact(0.1), "0.1000000000000000055511151231257827");
    expect_text(doc_decimal_of_double_exact(0.5), "0.5");
}

TEST(decimal_to_integer_is_exact_or_clamped)
{
    int64_t whole = 0;
    assert_true(doc_decimal_to_i64_exact(dec("9223372036854775807"), &whole));
    assert_int_equal(whole, INT64_MAX);
    assert_true(doc_decimal_to_i64_exact(dec("1E+3"), &whole));
    assert_int_equal(whole, 1000);
    assert_true(doc_decimal_to_i64_exact(dec("5.00"), &whole));
    assert_false(doc_decimal_to_i64_exact(dec("9223372036854775808"), &whole));
    assert_false(doc_decimal_to_i64_exact(dec("1.5"), &whole));
    assert_false(doc_decimal_to_i64_exact(dec("NaN"), &whole));
    assert_int_equal(doc_decimal_to_i64_clamped(dec("0.51")), 1);
    assert_int_equal(doc_decimal_to_i64_clamped(dec("2.5")), 2);
    assert_int_equal(doc_decimal_to_i64_clamped(dec("1E+100")), INT64_MAX);
    assert_int_equal(doc_decimal_to_i64_clamped(dec("-Infinity")), INT64_MIN);
    assert_int_equal(doc_decimal_to_i64_clamped(dec("NaN")), 0);
}

TEST(decimal_compares_by_value_with_nan_lowest)
{
    assert_int_equal(doc_decimal_compare(dec("1.0"), dec("1.00")), 0);
    assert_int_equal(doc_decimal_compare(dec("-0"), dec("0E+100")), 0);
    assert_true(doc_decimal_compare(dec("NaN"), dec("-Infinity")) < 0);
    assert_int_equal(doc_decimal_compare(dec("NaN"), dec("NaN")), 0);
    assert_true(doc_decimal_compare(dec("1E-6176"), dec("0")) > 0);
}

TEST(decimal_arithmetic_follows_ieee)
{
    expect_text(doc_decimal_apply(DOC_DECIMAL_ADD, dec("0.1"), dec("0.20")), "0.30");
    expect_text(doc_decimal_apply(DOC_DECIMAL_DIVIDE, dec("1"), dec("3")),
                "0.3333333333333333333333333333333333");
    expect_text(doc_decimal_apply(DOC_DECIMAL_MOD, dec("-7"), dec("3")), "-1");
    expect_text(doc_decimal_apply(DOC_DECIMAL_MULTIPLY, dec("9E+6144"), dec("10")), "Infinity");
    expect_text(doc_decimal_apply(DOC_DECIMAL_DIVIDE, dec("1"), dec("0")), "Infinity");
    expect_text(doc_decimal_call(DOC_DECIMAL_SQRT, dec("2")),
                "1.414213562373095048801688724209698");
    expect_text(doc_decimal_call(DOC_DECIMAL_FLOOR, dec("-1.5")), "-2");
    expect_text(doc_decimal_call(DOC_DECIMAL_ROUND, dec("2.5")), "2");
    expect_text(doc_decimal_call(DOC_DECIMAL_ABS, dec("-0")), "0");
    assert_int_equal(doc_decimal_compare(doc_decimal_call(DOC_DECIMAL_COSH, dec("0")), dec("1")),
                     0);
}

TEST(decimal_quantize_rounds_at_a_place)
{
    expect_text(doc_decimal_quantize(dec("1.005"), 2, false), "1.00");
    expect_text(doc_decimal_quantize(dec("2.015"), 2, false), "2.02");
    expect_text(doc_decimal_quantize(dec("23.298"), -1, false), "2E+1");
    expect_text(doc_decimal_quantize(dec("-1.29"), 1, true), "-1.2");
    expect_text(doc_decimal_quantize(dec("1.123456789012345678901234567890123"), 100, false),
                "1.123456789012345678901234567890123");
    expect_text(doc_decimal_quantize(dec("Infinity"), 2, false), "Infinity");
}

TEST(decimal_bits_outside_the_canonical_range_read_as_zero)
{
    struct doc_decimal big = {UINT64_MAX, 0x3041ed09bead87c0u | 0x1ffffffffffffu};
    assert_true(doc_decimal_is_zero(big));
    struct doc_decimal large = {0, 0x6000000000000000u};
    assert_true(doc_decimal_is_zero(large));
    assert_false(doc_decimal_is_nan(large));
}
