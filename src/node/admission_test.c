/* node/admission_test.c - queues are bounded, each by itself, and by memory. */
#include "node/admission.h"

#include "lib/test.h"

enum { LIMIT = 3, HARD = 1000 };

struct kit {
    struct memory_budget *total;
    struct node_admission admission;
};

static void kit_open(struct kit *kit)
{
    static const uint32_t limits[NODE_QUEUES] = {0, LIMIT, LIMIT, LIMIT, LIMIT};
    struct memory_budget_options options = {.name = "total", .hard = HARD};
    kit->total = memory_budget_new(&options);
    node__admission_init(&kit->admission, kit->total, limits);
}

static uint64_t refused(struct kit *kit, enum node_queue queue)
{
    return atomic_load(&kit->admission.queues[queue].refused);
}

TEST(a_queue_refuses_who_comes_past_its_limit_until_one_has_left)
{
    struct kit kit;
    kit_open(&kit);
    for (int i = 0; i < LIMIT; i++) {
        assert_true(node__admission_enter(&kit.admission, NODE_QUEUE_SCANS));
    }
    assert_false(node__admission_enter(&kit.admission, NODE_QUEUE_SCANS));
    assert_true(node__admission_enter(&kit.admission, NODE_QUEUE_WRITES));
    node__admission_leave(&kit.admission, NODE_QUEUE_SCANS);
    node__admission_leave(&kit.admission, NODE_QUEUE_NONE);
    assert_true(node__admission_enter(&kit.admission, NODE_QUEUE_SCANS));
    assert_false(node__admission_enter(&kit.admission, NODE_QUEUE_SCANS));
    assert_int_equal(refused(&kit, NODE_QUEUE_SCANS), 2);
    assert_int_equal(refused(&kit, NODE_QUEUE_WRITES), 0);
    assert_int_equal(atomic_load(&kit.admission.queues[NODE_QUEUE_SCANS].peak), LIMIT);
    assert_int_equal(atomic_load(&kit.admission.queues[NODE_QUEUE_SCANS].admitted), LIMIT + 1);
    memory_budget_free(kit.total);
}

TEST(a_full_budget_refuses_in_every_queue)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(memory_charge(kit.total, HARD, NULL), 0);
    for (int queue = NODE_QUEUE_FETCHES; queue < NODE_QUEUES; queue++) {
        assert_false(node__admission_enter(&kit.admission, (enum node_queue)queue));
        assert_int_equal(refused(&kit, (enum node_queue)queue), 1);
    }
    memory_uncharge(kit.total, 1);
    assert_true(node__admission_enter(&kit.admission, NODE_QUEUE_FETCHES));
    memory_uncharge(kit.total, HARD - 1);
    memory_budget_free(kit.total);
}
