/* doc/number_test.c - the exact pieces that comparing, hashing and keys are built from. */
#include <math.h>

#include "doc/number_private.h"
#include "lib/random_doc.h"
#include "lib/test.h"

static bool number_is_nan(struct doc_value value)
{
    return isnan(doc__number_of_value(value).floor);
}

TEST(number_floor_is_the_largest_double_not_above)
{
    struct arena arena;
    struct random_doc random = {31};
    arena_init(&arena);
    for (int i = 0; i < 20000; i++) {
        struct doc_value value = random_doc_number(&random, &arena);
        struct doc__number number = doc__number_of_value(value);
        if (number_is_nan(value)) {
            continue;
        }
        struct doc_value low = doc_value_double(&arena, number.floor);
        assert_int_equal(doc__number_compare(low, value) == 0, number.exact);
        assert_true(doc__number_compare(low, value) <= 0);
        if (number.floor != INFINITY) {
            struct doc_value next = doc_value_double(&arena, nextafter(number.floor, INFINITY));
            assert_true(doc__number_compare(next, value) > 0);
        }
        assert_false(number.floor == 0 && signbit(number.floor));
    }
    arena_close(&arena);
}

TEST(number_order_is_transitive_across_types)
{
    struct arena arena;
    struct random_doc random = {32};
    arena_init(&arena);
    for (int i = 0; i < 20000; i++) {
        struct doc_value a = random_doc_number(&random, &arena);
        struct doc_value b = random_doc_number(&random, &arena);
        struct doc_value c = random_doc_number(&random, &arena);
        if (doc__number_compare(a, b) <= 0 && doc__number_compare(b, c) <= 0) {
            assert_true(doc__number_compare(a, c) <= 0);
        }
    }
    arena_close(&arena);
}

TEST(number_parts_of_a_decimal_join_to_it)
{
    struct arena arena;
    struct random_doc random = {33};
    arena_init(&arena);
    for (int i = 0; i < 5000; i++) {
        struct doc_value value = random_doc_number(&random, &arena);
        struct doc_decimal number = doc_decimal_of_value(value);
        if (doc_decimal_is_nan(number) || doc_decimal_is_infinite(number)) {
            continue;
        }
        struct doc__decimal_parts parts;
        doc__decimal_split(number, &parts);
        struct doc_decimal back = doc__decimal_join(&parts);
        assert_true(back.low == number.low && back.high == number.high);
    }
    arena_close(&arena);
}
