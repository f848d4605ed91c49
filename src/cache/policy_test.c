/* cache/policy_test.c - what every policy must do, and what each is for. */
#include "cache/policy.h"

#include <string.h>

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { POLICY_SLOTS = 200 };

static void policy_add(struct cache_policy *policy, uint32_t slot, uint64_t hash)
{
    struct cache_policy_entry entry = {.slot = slot, .size = 1, .hash = hash};
    policy->ops->add(policy, &entry);
}

/* Evict everything: it leaves in this order. */
static void policy_expect(struct cache_policy *policy, const uint32_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(policy->ops->evict(policy), slots[i]);
    }
    assert_int_equal(policy->ops->evict(policy), CACHE_NO_SLOT);
    policy->ops->free(policy);
}

/* With four slots, added in this order; the first was hit twice, then the second once. */
static struct cache_policy *policy_of_four_from(const struct cache_policy_ops *ops, uint32_t first)
{
    struct cache_policy *policy = ops->new (4, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        policy_add(policy, first + i, i + 1);
    }
    ops->hit(policy, first);
    ops->hit(policy, first);
    ops->hit(policy, first + 1);
    return policy;
}

static struct cache_policy *policy_of_four(const struct cache_policy_ops *ops)
{
    return policy_of_four_from(ops, 0);
}

/* The entry of a slot that is there gets a slot that is not. */
static void policy_move(struct cache_policy *policy, bool *there, uint32_t from, uint32_t to)
{
    if (to < from && there[from] && !there[to]) {
        policy->ops->move(policy, from, to);
        there[from] = false;
        there[to] = true;
    }
}

/* Those from 64 on get lower slots, as far as there are free ones; then their room goes. */
static void policy_trim(struct cache_policy *policy, bool *there)
{
    uint32_t to = 0;
    bool all = true;
    for (uint32_t from = 64; from < POLICY_SLOTS; from++) {
        while (to < 64 && there[to]) {
            to++;
        }
        policy_move(policy, there, from, to < 64 ? to : from);
        all &= !there[from];
    }
    if (all) {
        uint64_t before = policy->ops->bytes(policy);
        policy->ops->trim(policy, 64);
        assert_true(policy->ops->bytes(policy) <= before);
    }
}

/* Random changes against a plain set. */
static void policy_compare(const struct cache_policy_ops *ops, uint64_t seed)
{
    struct cache_policy *policy = ops->new (POLICY_SLOTS / 2, NULL);
    struct random_doc random = {seed};
    bool there[POLICY_SLOTS] = {false};
    uint32_t count = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t slot = random_doc_below(&random, POLICY_SLOTS);
        bool evict = random_doc_below(&random, 4) == 0;
        policy_move(policy, there, random_doc_below(&random, POLICY_SLOTS), slot);
        if (i % 500 == 0) {
            policy_trim(policy, there);
        }
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
    const struct cache_policy_ops *ops;
    for (size_t i = 0; (ops = cache_policy_at(i)) != NULL; i++) {
        policy_compare(ops, 1);
        policy_compare(ops, 2);
    }
}

TEST(s3fifo_keeps_what_is_used_while_a_scan_goes_by)
{
    struct cache_policy *policy = cache_policy_s3fifo.new(100, NULL);
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
    struct cache_policy *policy = cache_policy_s3fifo.new(10, NULL);
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

TEST(s3fifo_evicts_when_all_of_the_small_queue_is_promoted_at_once)
{
    struct cache_policy *policy = cache_policy_s3fifo.new(1000, NULL);
    for (uint32_t slot = 0; slot < 3; slot++) {
        policy_add(policy, slot, slot + 1);
        policy->ops->hit(policy, slot);
        policy->ops->hit(policy, slot);
    }
    const uint32_t order[] = {0, 1, 2};
    policy_expect(policy, order, 3);
}

TEST(a_policy_is_found_by_its_name)
{
    const struct cache_policy_ops *ops;
    for (size_t i = 0; (ops = cache_policy_at(i)) != NULL; i++) {
        assert_ptr_equal(cache_policy_find(ops->name), ops);
    }
    assert_ptr_equal(cache_policy_find("lru"), &cache_policy_lru);
    assert_null(cache_policy_find("l"));
}

TEST(fifo_lru_and_lfu_evict_in_their_order)
{
    const uint32_t fifo[] = {0, 1, 2, 3};
    const uint32_t lru[] = {2, 3, 0, 1};
    const uint32_t lfu[] = {2, 3, 1, 0};
    policy_expect(policy_of_four(&cache_policy_fifo), fifo, 4);
    policy_expect(policy_of_four(&cache_policy_lru), lru, 4);
    policy_expect(policy_of_four(&cache_policy_lfu), lfu, 4);
}

TEST(ttl_evicts_what_expires_first_and_what_never_does_last)
{
    struct cache_policy *policy = cache_policy_ttl.new(5, NULL);
    const uint64_t expires_ms[] = {0, 500, 100, 0, 500};
    for (uint32_t slot = 0; slot < 5; slot++) {
        struct cache_policy_entry entry = {slot, 1, slot, expires_ms[slot]};
        policy->ops->add(policy, &entry);
    }
    const uint32_t order[] = {2, 1, 4, 0, 3};
    policy_expect(policy, order, 5);
}

TEST(random_evicts_every_slot_about_as_often)
{
    uint32_t evicted[10] = {0};
    struct cache_policy *policy = cache_policy_random.new(10, NULL);
    for (uint32_t slot = 0; slot < 10; slot++) {
        policy_add(policy, slot, slot);
    }
    for (int i = 0; i < 10000; i++) {
        uint32_t slot = policy->ops->evict(policy);
        evicted[slot]++;
        policy_add(policy, slot, slot);
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(evicted[i], 850, 1150);
    }
    policy->ops->free(policy);
}

/* ---- adaptive ---- */

enum { LOOP_ENTRIES = 100 };

struct loop {
    struct cache_policy *policy;
    uint32_t slot_of[LOOP_ENTRIES * 2]; /* by key */
    uint32_t key_of[LOOP_ENTRIES];
    uint32_t count;
    uint32_t misses;
};

static struct loop loop_new(const struct cache_policy_ops *ops, struct cache_policy *leader)
{
    struct loop loop = {.policy = ops->new (LOOP_ENTRIES, leader)};
    memset(loop.slot_of, 0xff, sizeof loop.slot_of);
    return loop;
}

static void loop_read(struct loop *loop, uint32_t key)
{
    if (loop->slot_of[key] != CACHE_NO_SLOT) {
        loop->policy->ops->hit(loop->policy, loop->slot_of[key]);
        return;
    }
    uint32_t slot = loop->count;
    if (loop->count == LOOP_ENTRIES) {
        slot = loop->policy->ops->evict(loop->policy);
        loop->slot_of[loop->key_of[slot]] = CACHE_NO_SLOT;
    } else {
        loop->count++;
    }
    loop->key_of[slot] = key;
    loop->slot_of[key] = slot;
    loop->misses++;
    policy_add(loop->policy, slot, (key + 1) * 0x9e3779b97f4a7c15u);
}

/* The misses of a policy when first a few keys are hot between others that come seldom, then all
 * keys come one after the other and back. */
static void loop_run(const struct cache_policy_ops *ops, uint32_t *ret_pools, uint32_t *ret_zigzag)
{
    struct loop loop = loop_new(ops, NULL);
    struct random_doc random = {7};
    for (int i = 0; i < 20000; i++) {
        loop_read(&loop, random_doc_below(&random, 80));
        loop_read(&loop, 80 + (uint32_t)i % 120);
    }
    *ret_pools = loop.misses;
    for (uint32_t i = 0; i < 40000; i++) {
        loop_read(&loop, i % 400 < 200 ? i % 200 : 199 - i % 200);
    }
    *ret_zigzag = loop.misses - *ret_pools;
    ops->free(loop.policy);
}

TEST(adaptive_follows_frequency_or_recency_as_the_keys_do)
{
    uint32_t pools[3];
    uint32_t zigzag[3];
    loop_run(&cache_policy_lru, &pools[0], &zigzag[0]);
    loop_run(&cache_policy_s3fifo, &pools[1], &zigzag[1]);
    loop_run(&cache_policy_adaptive, &pools[2], &zigzag[2]);
    assert_true(pools[1] < pools[0] * 9 / 10);    /* frequency is better here, */
    assert_true(pools[2] < pools[1] * 102 / 100); /* and taken */
    assert_true(zigzag[0] < zigzag[1] * 9 / 10);  /* recency is better there, */
    assert_true(zigzag[2] < zigzag[0] * 105 / 100);
}

/* There and back over all keys, which recency serves well. */
static void loop_zigzag(struct loop *loop, uint32_t i)
{
    loop_read(loop, i % 400 < 200 ? i % 200 : 199 - i % 200);
}

TEST(adaptive_takes_over_what_its_leader_found_out_and_has_no_shadows_then)
{
    struct loop leader = loop_new(&cache_policy_adaptive, NULL);
    struct loop follower = loop_new(&cache_policy_adaptive, leader.policy);
    struct loop lru = loop_new(&cache_policy_lru, NULL);
    for (uint32_t i = 0; i < 20000; i++) {
        loop_zigzag(&leader, i);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        loop_zigzag(&follower, i);
        loop_zigzag(&lru, i);
    }
    assert_true(follower.misses < lru.misses * 105 / 100);
    assert_true(leader.policy->ops->bytes(leader.policy) >
                follower.policy->ops->bytes(follower.policy) * 2);
    follower.policy->ops->free(follower.policy);
    leader.policy->ops->free(leader.policy);
    lru.policy->ops->free(lru.policy);
}

TEST(adaptive_keeps_its_shadows_small)
{
    struct cache_policy *plain = cache_policy_s3fifo.new(1 << 16, NULL);
    struct cache_policy *policy = cache_policy_adaptive.new(1 << 16, NULL);
    for (uint32_t slot = 0; slot < 1 << 16; slot++) {
        policy_add(plain, slot, (slot + 1) * 0x9e3779b97f4a7c15u);
        policy_add(policy, slot, (slot + 1) * 0x9e3779b97f4a7c15u);
    }
    uint64_t more = policy->ops->bytes(policy) - plain->ops->bytes(plain);
    assert_in_range(more, 1, 900 << 10);
    plain->ops->free(plain);
    policy->ops->free(policy);
}

/* Moving an entry changes nothing of when it leaves. */
TEST(an_entry_that_moves_to_another_slot_keeps_its_place)
{
    const struct cache_policy_ops *ops;
    for (size_t i = 0; (ops = cache_policy_at(i)) != NULL; i++) {
        struct cache_policy *stays = policy_of_four(ops);
        struct cache_policy *moved = policy_of_four_from(ops, 10);
        for (uint32_t slot = 0; slot < 4; slot++) {
            ops->move(moved, slot + 10, slot);
        }
        for (int left = 0; left < 4; left++) {
            assert_int_equal(ops->evict(moved), ops->evict(stays));
        }
        ops->free(stays);
        ops->free(moved);
    }
}
