/* query/order_test.c - values that come and go: orders against plain arrays, sums against sums made
 * anew. */
#include "query/order.h"

#include <math.h>

#include "doc/compare.h"
#include "lib/random_doc.h"
#include "lib/test.h"
#include "query/sum.h"

enum { ORDER_ITEMS = 300 };

/* Does the order hold what is in the list, and as a stable sort of it would lie? */
static void order_check(const struct query__order *order, struct query__ordered *const *list,
                        uint32_t count)
{
    assert_int_equal(query__order_count(order), count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = 0;
        for (uint32_t k = 0; k < count; k++) {
            int by = order->sign * doc_compare(list[k]->value, list[i]->value);
            before += by < 0 || (by == 0 && list[k]->number < list[i]->number);
        }
        assert_ptr_equal(query__order_at(order, before), list[i]);
    }
}

static void order_run(int sign)
{
    struct arena arena;
    arena_init(&arena);
    struct random_doc random = {7};
    struct query__order order = {.sign = sign};
    struct query__ordered items[ORDER_ITEMS];
    struct query__ordered *list[ORDER_ITEMS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ORDER_ITEMS; i++) {
        items[i] = (struct query__ordered){
            .number = i, .value = doc_value_i32(&arena, (int32_t)random_doc_below(&random, 40))};
        query__order_add(&order, &items[i]);
        list[count++] = &items[i];
        while (count > 0 && random_doc_below(&random, 3) == 0) {
            uint32_t gone = random_doc_below(&random, count);
            query__order_remove(&order, list[gone]);
            list[gone] = list[--count];
        }
        if (i % 20 == 0) {
            order_check(&order, list, count);
        }
    }
    order_check(&order, list, count);
    arena_close(&arena);
}

TEST(order_keeps_items_as_a_stable_sort_does)
{
    order_run(1);
    order_run(-1);
}

TEST(order_finds_the_first_of_equals)
{
    struct arena arena;
    arena_init(&arena);
    struct query__order order = {.sign = -1};
    struct query__ordered items[20];
    for (uint32_t i = 0; i < 20; i++) {
        items[i] =
            (struct query__ordered){.number = i, .value = doc_value_i32(&arena, (int32_t)i % 5)};
        query__order_add(&order, &items[i]);
    }
    assert_ptr_equal(query__order_find(&order, doc_value_double(&arena, 3)), &items[3]);
    assert_null(query__order_find(&order, doc_value_i32(&arena, 5)));
    arena_close(&arena);
}

/* Sums that lost numbers are what sums without them are: in type, value, NaN and infinity. */
TEST(sum_forgets_what_is_taken_out)
{
    struct arena arena;
    arena_init(&arena);
    struct random_doc random = {11};
    struct doc_value numbers[200];
    for (uint32_t i = 0; i < 200; i++) {
        static const double doubles[] = {0.5, -2.25, 1e300, -1e300, INFINITY, -INFINITY, NAN};
        uint32_t kind = random_doc_below(&random, 8);
        int32_t small = (int32_t)random_doc_below(&random, 1000);
        struct doc_value decimal =
            doc_value_decimal(&arena, (struct doc_decimal){(uint64_t)small, 0x3040000000000000u});
        numbers[i] = kind < 3   ? doc_value_i32(&arena, small)
                     : kind < 5 ? doc_value_i64(&arena, INT64_MAX - small)
                     : kind < 7 ? doc_value_double(&arena, doubles[random_doc_below(&random, 7)])
                                : decimal;
    }
    for (uint32_t width = 1; width < 9; width++) {
        struct query__sum moving;
        query__sum_init(&moving);
        for (uint32_t i = 0; i < 200; i++) {
            query__sum_add(&moving, numbers[i]);
            struct query__sum fresh;
            query__sum_init(&fresh);
            for (uint32_t k = i + 1 > width ? i + 1 - width : 0; k <= i; k++) {
                query__sum_add(&fresh, numbers[k]);
            }
            if (i >= width) {
                query__sum_remove(&moving, numbers[i - width]);
            }
            struct doc_value got = query__sum_value(&moving, &arena);
            struct doc_value want = query__sum_value(&fresh, &arena);
            assert_int_equal(got.type, want.type);
            assert_int_equal(doc_compare(got, want), 0);
            assert_int_equal(query__sum_count(&moving), query__sum_count(&fresh));
        }
    }
    arena_close(&arena);
}
