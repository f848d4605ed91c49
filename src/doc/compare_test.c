/* doc/compare_test.c - the total order at its edges. */
#include "doc/compare.h"

#include <math.h>

#include "doc/build.h"
#include "doc/decimal.h"
#include "lib/test.h"

static struct arena test_arena;

static struct doc_value num_dec(const char *text)
{
    struct doc_decimal number = {0};
    assert_true(doc_decimal_of_text(slice_str(text), &number));
    return doc_value_decimal(&test_arena, number);
}

static struct doc_value num(double number)
{
    return doc_value_double(&test_arena, number);
}

static struct doc_value i64(int64_t number)
{
    return doc_value_i64(&test_arena, number);
}

static void expect_order(struct doc_value a, struct doc_value b, int expected)
{
    int order = doc_compare(a, b);
    int back = doc_compare(b, a);
    assert_int_equal((order > 0) - (order < 0), expected);
    assert_int_equal((back > 0) - (back < 0), -expected);
    if (expected == 0) {
        assert_int_equal(doc_hash(a, 7), doc_hash(b, 7));
    } else {
        assert_int_not_equal(doc_hash(a, 7), doc_hash(b, 7));
    }
}

TEST(compare_numbers_of_equal_value_are_equal_across_types)
{
    expect_order(doc_value_i32(&test_arena, 1), i64(1), 0);
    expect_order(i64(1), num(1.0), 0);
    expect_order(num(1.0), num_dec("1.00"), 0);
    expect_order(num(0.0), num(-0.0), 0);
    expect_order(num_dec("-0E+10"), num(0.0), 0);
    expect_order(num(0.5), num_dec("0.50"), 0);
    expect_order(num(NAN), num_dec("NaN"), 0);
    expect_order(num(-NAN), num(NAN), 0);
    expect_order(num(INFINITY), num_dec("Infinity"), 0);
    expect_order(i64(9007199254740993), num_dec("9007199254740993"), 0);
    expect_order(num_dec("1E+20"), num(1e20), 0);
    expect_order(num_dec("1.0E+6000"), num_dec("10E+5999"), 0);
    arena_close(&test_arena);
}

TEST(compare_int64_with_double_is_exact)
{
    expect_order(i64(9007199254740993), num(9007199254740992.0), 1);
    expect_order(i64(9007199254740993), num(9007199254740994.0), -1);
    expect_order(i64(INT64_MAX), num(0x1p63), -1);
    expect_order(i64(INT64_MIN), num(-0x1p63), 0);
    expect_order(i64(INT64_MIN), num(-0x1.0000000000001p63), 1);
    expect_order(i64(-9007199254740993), num(-9007199254740992.0), -1);
    expect_order(i64(3), num(3.5), -1);
    expect_order(i64(-3), num(-3.5), 1);
    expect_order(i64(INT64_MIN), num(NAN), 1);
    expect_order(i64(INT64_MAX), num(INFINITY), -1);
    arena_close(&test_arena);
}

TEST(compare_decimal_with_double_uses_the_doubles_exact_value)
{
    expect_order(num(0.1), num_dec("0.1"), 1);
    expect_order(num(0.1), num_dec("0.1000000000000000055511151231257827"), 1);
    expect_order(num(0.1), num_dec("0.1000000000000000055511151231257828"), -1);
    expect_order(num(-0.1), num_dec("-0.1"), -1);
    expect_order(num(-0.1), num_dec("-0.1000000000000000055511151231257827"), -1);
    expect_order(num(-0.1), num_dec("-0.1000000000000000055511151231257828"), 1);
    expect_order(num(1.7976931348623157e308), num_dec("1E+309"), -1);
    expect_order(num(-1.7976931348623157e308), num_dec("-1E+309"), 1);
    expect_order(num(INFINITY), num_dec("9E+6144"), 1);
    expect_order(num(-INFINITY), num_dec("-9E+6144"), -1);
    expect_order(num(5e-324), num_dec("1E-6176"), 1);
    expect_order(num(-5e-324), num_dec("-1E-6176"), -1);
    expect_order(num(0.0), num_dec("1E-6176"), -1);
    expect_order(num(0.0), num_dec("-1E-6176"), 1);
    expect_order(num(1e23), num_dec("1E+23"), -1);
    expect_order(num(NAN), num_dec("-Infinity"), -1);
    arena_close(&test_arena);
}

TEST(compare_decimal_with_integer_is_exact)
{
    expect_order(i64(INT64_MAX), num_dec("9223372036854775806.9"), 1);
    expect_order(i64(INT64_MAX), num_dec("9223372036854775807.1"), -1);
    expect_order(doc_value_i32(&test_arena, -1), num_dec("-0.9999999999"), -1);
    arena_close(&test_arena);
}

TEST(compare_classes_stand_in_the_documented_order)
{
    static const uint8_t types[] = {
        DOC_MINKEY, DOC_UNDEFINED, DOC_NULL, DOC_DOUBLE,       DOC_STRING, DOC_OBJECT,
        DOC_ARRAY,  DOC_BINARY,    DOC_OID,  DOC_BOOL,         DOC_DATE,   DOC_TIMESTAMP,
        DOC_REGEX,  DOC_DBPOINTER, DOC_CODE, DOC_CODE_W_SCOPE, DOC_MAXKEY};
    for (size_t i = 1; i < sizeof types; i++) {
        assert_true(doc_class(types[i - 1]) < doc_class(types[i]));
    }
    assert_int_equal(doc_class(DOC_SYMBOL), doc_class(DOC_STRING));
    assert_int_equal(doc_class(DOC_MISSING), doc_class(DOC_NULL));
    expect_order(doc_missing, doc_null, 0);
}

TEST(compare_strings_by_bytes_with_embedded_nul)
{
    expect_order(doc_value_string(&test_arena, SLICE("a\0b")),
                 doc_value_string(&test_arena, SLICE("a")), 1);
    expect_order(doc_value_string(&test_arena, SLICE("Z")),
                 doc_value_string(&test_arena, SLICE("a")), -1);
    struct doc_value symbol = doc_value_string(&test_arena, SLICE("x"));
    symbol.type = DOC_SYMBOL;
    expect_order(symbol, doc_value_string(&test_arena, SLICE("x")), 0);
    arena_close(&test_arena);
}

TEST(compare_binary_by_length_then_subtype_then_bytes)
{
    struct doc_value longer = doc_value_binary(&test_arena, 0, SLICE("aaa"));
    struct doc_value user = doc_value_binary(&test_arena, 128, SLICE("zz"));
    struct doc_value generic = doc_value_binary(&test_arena, 0, SLICE("zzz"));
    expect_order(user, longer, -1);
    expect_order(longer, generic, -1);
    expect_order(doc_value_binary(&test_arena, 5, SLICE("aa")), user, -1);
    arena_close(&test_arena);
}

static struct doc_value pair(const char *a_name, double a, const char *b_name, double b)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, &test_arena);
    doc_build_begin(&builder, &buf);
    if (a_name != NULL) {
        doc_build_double(&builder, a_name, a);
    }
    if (b_name != NULL) {
        doc_build_double(&builder, b_name, b);
    }
    return doc_value_object(doc_build_end(&builder));
}

TEST(compare_objects_field_by_field)
{
    expect_order(pair("a", 1, "b", 2), pair("b", 2, "a", 1), -1);
    expect_order(pair("a", 1, NULL, 0), pair("a", 1, "b", 0), -1);
    expect_order(pair("a", 2, NULL, 0), pair("a", 1, "b", 0), 1);
    expect_order(pair(NULL, 0, NULL, 0), doc_empty_object, 0);
    expect_order(pair("a", -0.0, NULL, 0), pair("a", 0.0, NULL, 0), 0);
    arena_close(&test_arena);
}

TEST(compare_timestamps_are_unsigned_and_dates_signed)
{
    expect_order(doc_value_timestamp(&test_arena, UINT32_MAX, 1),
                 doc_value_timestamp(&test_arena, 1, 1), 1);
    expect_order(doc_value_date(&test_arena, -1), doc_value_date(&test_arena, 0), -1);
    arena_close(&test_arena);
}
