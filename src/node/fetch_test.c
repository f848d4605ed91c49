/* node/fetch_test.c - who fetches, and who waits for whom. */
#include "node/fetch_private.h"

#include "lib/test.h"

TEST(of_those_that_want_the_same_key_one_fetches_and_gets_the_others_back)
{
    struct node_fetches fetches;
    struct node_fetch first = {.key = SLICE("a"), .beside = 8};
    struct node_fetch second = {.key = SLICE("a"), .beside = 8};
    struct node_fetch third = {.key = SLICE("a"), .beside = 8};
    node__fetches_init(&fetches);
    assert_true(node__fetch_begin(&fetches, &first));
    assert_false(node__fetch_begin(&fetches, &second));
    assert_false(node__fetch_begin(&fetches, &third));
    assert_int_equal(atomic_load(&fetches.running), 1);
    struct node_fetch *joined = node__fetch_end(&fetches, &first);
    assert_ptr_equal(joined, &third);
    assert_ptr_equal(joined->next, &second);
    assert_null(joined->next->next);
    assert_true(node__fetch_begin(&fetches, &second)); /* it is over: the next one fetches again */
    assert_null(node__fetch_end(&fetches, &second));
    assert_int_equal(atomic_load(&fetches.begun), 4);
    assert_int_equal(atomic_load(&fetches.joined), 2);
    assert_int_equal(atomic_load(&fetches.running), 0);
    node__fetches_close(&fetches);
}

TEST(other_keys_directions_and_amounts_are_fetched_apart)
{
    struct node_fetches fetches;
    struct node_fetch list[] = {{.key = SLICE("a"), .beside = 8},
                                {.key = SLICE("b"), .beside = 8},
                                {.key = SLICE("a"), .beside = 0},
                                {.key = SLICE("a"), .beside = 8, .backward = true}};
    node__fetches_init(&fetches);
    for (size_t i = 0; i < 4; i++) {
        assert_true(node__fetch_begin(&fetches, &list[i]));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_null(node__fetch_end(&fetches, &list[i]));
    }
    node__fetches_close(&fetches);
}

/* Keys enough that buckets are shared. */
TEST(any_order_of_ends_is_fine)
{
    struct node_fetches fetches;
    static struct node_fetch list[500];
    static uint32_t keys[500];
    node__fetches_init(&fetches);
    for (uint32_t i = 0; i < 500; i++) {
        keys[i] = i;
        list[i] = (struct node_fetch){.key = slice_of(&keys[i], sizeof keys[i])};
        assert_true(node__fetch_begin(&fetches, &list[i]));
    }
    for (uint32_t i = 0; i < 500; i++) {
        assert_null(node__fetch_end(&fetches, &list[i * 7 % 500]));
    }
    for (uint32_t i = 0; i < NODE_FETCH_BUCKETS; i++) {
        assert_null(fetches.buckets[i]);
    }
    node__fetches_close(&fetches);
}
