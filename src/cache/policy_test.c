/* cache/policy_test.c - what every policy must do, and what each is for. */
#include "cache/policy.h"

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { POLICY_SLOTS = 200 };

static const struct cache_policy_ops *const policies[] = {&cache_policy_s3fifo};

static void policy_add(struct cache_policy *policy, uint32_t slot, uint64_t hash)
{
    struct cache_policy_entry entry = {.slot = slot, .size = 1, .hash = hash};
    policy->ops->add(policy, &entry);
}

/* Random changes against a plain set. */
static void policy_compare(const struct cache_policy_ops *ops, uint64_t seed)
{
    struct cache_policy *policy = ops->new (POLICY_SLOTS / 2);
    struct random_doc random = {seed};
    bool there[POLICY_SLOTS] = {false};
    uint32_t count = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t slot = random_doc_below(&random, POLICY_SLOTS);
        bool evict = random_doc_below(&random, 4) == 0;
        if (evict) {
            slot = ops->evict(policy);
            assert_int_equal(slot == CACHE_NO_SLOT, count == 0);
            if (slot == CACHE_NO_SLOT) {
                continue;
            }
            assert_true(there[slot]);
        } else if (!there[slot]) {
            policy_add(policy, slot, random_doc_below(&random, 500) * 0x9e3779b97f4a7c15u);
        } else if (random_doc_below(&random, 3) > 0) {
            ops->hit(policy, slot);
            continue;
        } else {
            ops->remove(policy, slot);
        }
        there[slot] = !there[slot];
        count = there[slot] ? count + 1 : count - 1;
    }
    while (count-- > 0) {
        uint32_t slot = ops->evict(policy);
        assert_true(slot < POLICY_SLOTS && there[slot]);
        there[slot] = false;
    }
    assert_int_equal(ops->evict(policy), CACHE_NO_SLOT);
    ops->free(policy);
}

TEST(a_policy_evicts_exactly_what_was_added)
{
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        policy_compare(policies[i], 1);
        policy_compare(policies[i], 2);
    }
}

TEST(s3fifo_keeps_what_is_used_while_a_scan_goes_by)
{
    struct cache_policy *policy = cache_policy_s3fifo.new(100);
    uint64_t number = 0;
    for (uint32_t slot = 0; slot < 100; slot++) {
        policy_add(policy, slot, ++number * 0x9e3779b97f4a7c15u);
        for (int hits = 0; hits < 2 && slot < 50; hits++) {
            policy->ops->hit(policy, slot);
        }
    }
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = policy->ops->evict(policy);
        assert_in_range(slot, 50, 99);
        policy_add(policy, slot, ++number * 0x9e3779b97f4a7c15u);
    }
    policy->ops->free(policy);
}

TEST(s3fifo_takes_what_comes_back_soon_into_the_main_queue)
{
    struct cache_policy *policy = cache_policy_s3fifo.new(10);
    for (uint32_t slot = 0; slot < 10; slot++) {
        policy_add(policy, slot, slot + 1);
        policy->ops->hit(policy, slot);
        policy->ops->hit(policy, slot);
    }
    assert_int_equal(policy->ops->evict(policy), 0); /* all were promoted, the oldest leaves */
    policy_add(policy, 0, 100);
    policy_add(policy, 10, 101);
    assert_int_equal(policy->ops->evict(policy), 0); /* the small queue holds more than its part */
    policy_add(policy, 0, 100);                      /* back, from the ghosts */
    policy_add(policy, 11, 102);
    assert_int_equal(policy->ops->evict(policy), 10);
    policy->ops->free(policy);
}
