/* memory/budget_test.c - the tree beside a plain model of it, alone and with threads. */
#include "memory/budget.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/test.h"

enum { TREE = 7, TREE_ROUNDS = 20000, THREADS = 4, THREAD_ROUNDS = 20000 };

/* 0 <- 1, 2; 1 <- 3, 4; 2 <- 5; 4 <- 6 */
static const int tree_parents[TREE] = {-1, 0, 0, 1, 1, 2, 4};
static const uint64_t tree_hards[TREE] = {1000, 600, 0, 250, 500, 450, 300};
static const char *const tree_names[TREE] = {"0", "1", "2", "3", "4", "5", "6"};

static void tree_open(struct memory_budget *tree[TREE])
{
    for (int i = 0; i < TREE; i++) {
        struct memory_budget_options options = {
            .name = tree_names[i],
            .advice = "buy more",
            .parent = i == 0 ? NULL : tree[tree_parents[i]],
            .hard = tree_hards[i],
        };
        tree[i] = memory_budget_new(&options);
    }
}

static void tree_close(struct memory_budget *tree[TREE])
{
    for (int i = TREE; i > 0; i--) {
        memory_budget_free(tree[i - 1]);
    }
}

static uint64_t used(struct memory_budget *budget)
{
    return memory_budget_stats(budget).used;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The model: what each holds by itself; sums are taken anew each time. */
struct model {
    uint64_t own[TREE];
    uint64_t peak[TREE];
    uint64_t refusals[TREE];
};

static bool model_is_below(int node, int above)
{
    for (; node >= 0; node = tree_parents[node]) {
        if (node == above) {
            return true;
        }
    }
    return false;
}

static uint64_t model_used(const struct model *model, int above)
{
    uint64_t sum = 0;
    for (int i = 0; i < TREE; i++) {
        sum += model_is_below(i, above) ? model->own[i] : 0;
    }
    return sum;
}

static int model_charge(struct model *model, int node, uint64_t bytes)
{
    for (int at = node; at >= 0; at = tree_parents[at]) {
        if (tree_hards[at] != 0 && model_used(model, at) + bytes > tree_hards[at]) {
            model->refusals[at]++;
            return -LT_EEXCEEDEDMEMORYLIMIT;
        }
    }
    model->own[node] += bytes;
    for (int i = 0; i < TREE; i++) {
        uint64_t now = model_used(model, i);
        model->peak[i] = now > model->peak[i] ? now : model->peak[i];
    }
    return 0;
}

TEST(budget_tree_does_what_a_plain_model_does)
{
    struct memory_budget *tree[TREE];
    struct model model = {0};
    uint64_t random = 88172645463325252u;
    tree_open(tree);
    for (int round = 0; round < TREE_ROUNDS; round++) {
        int node = (int)(next_random(&random) % TREE);
        uint64_t bytes = next_random(&random) % 200;
        if (next_random(&random) % 2 == 0) {
            assert_int_equal(memory_charge(tree[node], bytes, NULL),
                             model_charge(&model, node, bytes));
        } else {
            bytes = bytes > model.own[node] ? model.own[node] : bytes;
            memory_uncharge(tree[node], bytes);
            model.own[node] -= bytes;
        }
        for (int i = 0; i < TREE; i++) {
            struct memory_budget_stats stats = memory_budget_stats(tree[i]);
            assert_int_equal(stats.used, model_used(&model, i));
            assert_int_equal(stats.peak, model.peak[i]);
            assert_int_equal(stats.refusals, model.refusals[i]);
        }
    }
    for (int i = 0; i < TREE; i++) {
        assert_true(tree_hards[i] == 0 || model.refusals[i] > 0); /* every limit was met */
        memory_uncharge(tree[i], model.own[i]);
    }
    tree_close(tree);
}

TEST(budget_refusal_above_is_undone_below_and_told)
{
    struct memory_budget *tree[TREE];
    struct err err;
    tree_open(tree);
    assert_int_equal(memory_charge(tree[5], 450, NULL), 0);
    assert_int_equal(memory_charge(tree[2], 400, NULL), 0);
    assert_int_equal(memory_charge(tree[6], 151, &err), -LT_EEXCEEDEDMEMORYLIMIT);
    assert_int_equal(used(tree[6]) + used(tree[4]) + used(tree[1]), 0);
    assert_int_equal(used(tree[0]), 850);
    assert_int_equal(memory_budget_stats(tree[6]).peak, 0);
    assert_string_equal(err.text, "the memory budget '0' is full: 850 of 1000 bytes are in use, "
                                  "151 more are needed; buy more");
    assert_int_equal(memory_charge(tree[6], 150, NULL), 0);
    memory_uncharge(tree[6], 150);
    memory_uncharge(tree[5], 450);
    memory_uncharge(tree[2], 400);
    tree_close(tree);
}

TEST(budget_measure_counts_past_the_limit_and_charges_are_refused_then)
{
    struct memory_budget *tree[TREE];
    tree_open(tree);
    memory_measure(tree[5], 1200);
    assert_int_equal(used(tree[0]), 1200);
    assert_int_equal(memory_charge(tree[6], 1, NULL), -LT_EEXCEEDEDMEMORYLIMIT);
    memory_measure(tree[5], 100);
    assert_int_equal(used(tree[2]), 100);
    assert_int_equal(memory_charge(tree[6], 1, NULL), 0);
    memory_uncharge(tree[6], 1);
    tree_close(tree);
}

/* ---- reclaiming ---- */

/* A cache that holds what the budget was charged, and lets go of it when asked. */
struct hoard {
    struct memory_budget *budget;
    uint64_t held;
    uint64_t asked;
    int calls;
    bool greedy; /* charges while it reclaims */
};

static uint64_t hoard_give_back(void *context, uint64_t bytes)
{
    struct hoard *hoard = context;
    uint64_t given = bytes < hoard->held ? bytes : hoard->held;
    hoard->calls++;
    hoard->asked = bytes;
    hoard->held -= given;
    memory_uncharge(hoard->budget, given);
    if (hoard->greedy) {
        assert_int_equal(memory_charge(hoard->budget, 2000, NULL), -LT_EEXCEEDEDMEMORYLIMIT);
        assert_int_equal(memory_reclaim(hoard->budget, 1), 0);
    }
    return given;
}

struct soft_tree {
    struct memory_budget *root;
    struct memory_budget *cache;
    struct memory_budget *sort;
    struct hoard hoard;
    struct memory_reclaimer reclaimer;
};

/* Root 1600, soft 800, over two; the cache's reclaimer is the root's. */
static void soft_open(struct soft_tree *tree, uint64_t held)
{
    struct memory_budget_options root = {.name = "root", .soft = 800, .hard = 1600};
    tree->root = memory_budget_new(&root);
    tree->cache =
        memory_budget_new(&(struct memory_budget_options){.name = "cache", .parent = tree->root});
    tree->sort =
        memory_budget_new(&(struct memory_budget_options){.name = "sort", .parent = tree->root});
    tree->hoard = (struct hoard){.budget = tree->cache, .held = held};
    tree->reclaimer = (struct memory_reclaimer){hoard_give_back, &tree->hoard, NULL};
    assert_int_equal(memory_charge(tree->cache, held, NULL), 0);
    memory_reclaimer_add(tree->root, &tree->reclaimer);
}

static void soft_close(struct soft_tree *tree)
{
    memory_uncharge(tree->cache, used(tree->cache));
    memory_uncharge(tree->sort, used(tree->sort));
    memory_reclaimer_remove(tree->root, &tree->reclaimer);
    memory_budget_free(tree->sort);
    memory_budget_free(tree->cache);
    memory_budget_free(tree->root);
}

TEST(budget_past_its_soft_limit_asks_for_what_is_too_much)
{
    struct soft_tree tree;
    soft_open(&tree, 700);
    assert_int_equal(memory_charge(tree.sort, 100, NULL), 0);
    assert_int_equal(tree.hoard.calls, 0);
    assert_int_equal(memory_charge(tree.sort, 30, NULL), 0);
    assert_int_equal(tree.hoard.calls, 1);
    assert_int_equal(tree.hoard.asked, 30);
    assert_int_equal(used(tree.root), 800);
    soft_close(&tree);
}

TEST(budget_with_nothing_to_give_back_is_not_asked_for_every_charge)
{
    struct soft_tree tree;
    soft_open(&tree, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(memory_charge(tree.sort, 1, NULL), 0);
    }
    assert_in_range(tree.hoard.calls, 2, 5);
    soft_close(&tree);
}

TEST(budget_at_its_hard_limit_reclaims_before_it_refuses)
{
    struct soft_tree tree;
    soft_open(&tree, 800);
    assert_int_equal(memory_charge(tree.sort, 1200, NULL), 0);
    assert_in_range(used(tree.root), 1200, 1600);
    assert_int_equal(memory_budget_stats(tree.root).refusals, 0);
    assert_int_equal(memory_charge(tree.sort, 401, NULL), -LT_EEXCEEDEDMEMORYLIMIT);
    soft_close(&tree);
}

TEST(budget_reclaimer_that_charges_does_not_call_itself)
{
    struct soft_tree tree;
    soft_open(&tree, 700);
    tree.hoard.greedy = true;
    assert_int_equal(memory_charge(tree.sort, 200, NULL), 0);
    assert_int_equal(tree.hoard.calls, 1);
    soft_close(&tree);
}

/* ---- owners ---- */

TEST(budget_owner_charges_in_steps_and_gives_back_all)
{
    struct memory_budget *budget =
        memory_budget_new(&(struct memory_budget_options){.name = "b", .hard = 10 * MEMORY_STEP});
    struct memory_owner owner = {.budget = budget};
    assert_int_equal(memory_owner_take(&owner, 1, NULL), 0);
    assert_int_equal(used(budget), MEMORY_STEP);
    assert_int_equal(memory_owner_take(&owner, MEMORY_STEP - 1, NULL), 0);
    assert_int_equal(used(budget), MEMORY_STEP);
    assert_int_equal(memory_owner_take(&owner, 8 * MEMORY_STEP + 1, NULL), 0);
    assert_int_equal(used(budget), 10 * MEMORY_STEP);
    assert_int_equal(memory_owner_take(&owner, MEMORY_STEP, NULL), -LT_EEXCEEDEDMEMORYLIMIT);
    assert_int_equal(owner.held, 9 * MEMORY_STEP + 1);
    memory_owner_give(&owner, 9 * MEMORY_STEP);
    assert_int_equal(used(budget), 2 * MEMORY_STEP);
    memory_owner_trim(&owner);
    assert_int_equal(used(budget), 1);
    assert_int_equal(memory_owner_take(&owner, MEMORY_STEP, NULL), 0);
    assert_int_equal(used(budget), 2 * MEMORY_STEP);
    memory_owner_close(&owner);
    assert_int_equal(used(budget), 0);
    memory_budget_free(budget);
}

/* ---- threads ---- */

struct crowd {
    struct memory_budget *tree[TREE];
    _Atomic uint64_t passed; /* times a use was seen past its limit */
    _Atomic uint64_t refused;
};

static void *crowd_run(void *context)
{
    struct crowd *crowd = context;
    uint64_t random = (uint64_t)(uintptr_t)&random | 1;
    for (int round = 0; round < THREAD_ROUNDS; round++) {
        int node = (int)(next_random(&random) % TREE);
        uint64_t bytes = next_random(&random) % 400;
        int code = memory_charge(crowd->tree[node], bytes, NULL);
        for (int i = 0; i < TREE; i++) {
            struct memory_budget_stats stats = memory_budget_stats(crowd->tree[i]);
            atomic_fetch_add(&crowd->passed, stats.hard != 0 && stats.used > stats.hard);
            atomic_fetch_add(&crowd->passed, stats.hard != 0 && stats.peak > stats.hard);
        }
        atomic_fetch_add(&crowd->refused, code < 0);
        if (code == 0) {
            memory_uncharge(crowd->tree[node], bytes);
        }
    }
    return NULL;
}

static uint64_t crowd_give_back(void *context, uint64_t bytes)
{
    (void)bytes;
    int *calls = context; /* the tree calls one at a time: the thread sanitizer agrees */
    ++*calls;
    return 0;
}

TEST(budget_holds_its_limits_when_many_threads_charge)
{
    struct crowd crowd = {.passed = 0};
    pthread_t threads[THREADS];
    int calls = 0;
    struct memory_reclaimer reclaimer = {crowd_give_back, &calls, NULL};
    tree_open(crowd.tree);
    memory_reclaimer_add(crowd.tree[0], &reclaimer);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    memory_reclaimer_remove(crowd.tree[0], &reclaimer);
    assert_int_equal(atomic_load(&crowd.passed), 0);
    assert_true(atomic_load(&crowd.refused) > 0);
    assert_int_equal((uint64_t)calls, atomic_load(&crowd.refused)); /* each asked once first */
    for (int i = 0; i < TREE; i++) {
        assert_int_equal(used(crowd.tree[i]), 0);
    }
    tree_close(crowd.tree);
}
