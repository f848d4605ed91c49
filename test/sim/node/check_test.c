/* sim/node/check_test.c - checkers take good histories and reject bad ones, each for its reason. */
#include "lib/test.h"
#include "sim/node/check.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void rejects(bool fine, const struct check_verdict *verdict, const char *why)
{
    assert_false(fine);
    if (strstr(verdict->text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", verdict->text, why);
    }
}

/* ---- ledger ---- */

static const struct check_ledger_entry ledger[] = {
    {1, CHECK_YES, CHECK_NO},    {2, CHECK_YES, CHECK_YES}, {3, CHECK_MAYBE, CHECK_NO},
    {4, CHECK_YES, CHECK_MAYBE}, {5, CHECK_NO, CHECK_NO},   {6, CHECK_YES, CHECK_NO},
};

static bool ledger_takes(const int64_t *found, size_t count, struct check_verdict *verdict)
{
    return check_ledger(ledger, COUNT(ledger), found, count, verdict);
}

TEST(ledger_takes_what_was_acknowledged_and_perhaps_the_rest)
{
    struct check_verdict verdict;
    static const int64_t least[] = {6, 1};
    static const int64_t most[] = {4, 1, 3, 6};
    assert_true(ledger_takes(least, COUNT(least), &verdict));
    assert_true(ledger_takes(most, COUNT(most), &verdict));
    assert_true(check_ledger(NULL, 0, NULL, 0, &verdict));
}

TEST(ledger_rejects_lost_doubled_undead_refused_and_foreign_entries)
{
    struct check_verdict verdict;
    static const int64_t lost[] = {1};
    static const int64_t doubled[] = {1, 6, 3, 3};
    static const int64_t back[] = {1, 2, 6};
    static const int64_t refused[] = {1, 5, 6};
    static const int64_t foreign[] = {1, 6, 7};
    static const int64_t between[] = {0, 1, 6};
    rejects(ledger_takes(lost, COUNT(lost), &verdict), &verdict, "lost: 6");
    rejects(ledger_takes(doubled, COUNT(doubled), &verdict), &verdict, "doubled: 3");
    rejects(ledger_takes(back, COUNT(back), &verdict), &verdict, "back: 2");
    rejects(ledger_takes(refused, COUNT(refused), &verdict), &verdict, "refused: 5");
    rejects(ledger_takes(foreign, COUNT(foreign), &verdict), &verdict, "from nowhere: 7");
    rejects(ledger_takes(between, COUNT(between), &verdict), &verdict, "from nowhere: 0");
}

/* ---- watch ---- */

/* `events`: ids, negative where the deletion is told. */
static bool watch_takes(const int64_t *events, size_t count, struct check_verdict *verdict)
{
    static const int64_t found[] = {1, 4, 6};
    struct check_watch_event told[16];
    for (size_t i = 0; i < count; i++) {
        told[i] = (struct check_watch_event){events[i] < 0 ? -events[i] : events[i], events[i] < 0};
    }
    struct check_watch watch = {ledger, COUNT(ledger), told, count, found, COUNT(found)};
    return check_watch(&watch, verdict);
}

TEST(watch_takes_each_event_once_and_in_order)
{
    struct check_verdict verdict;
    static const int64_t all[] = {1, 2, 4, -2, 6};
    static const int64_t early[] = {1, 2, -2, 4, 6};
    assert_true(watch_takes(all, COUNT(all), &verdict));
    assert_true(watch_takes(early, COUNT(early), &verdict));
}

TEST(watch_rejects_lost_doubled_turned_untrue_refused_and_foreign_events)
{
    struct check_verdict verdict;
    static const int64_t lost[] = {1, 2, -2, 4};
    static const int64_t undeleted[] = {1, 2, 4, 6};
    static const int64_t doubled[] = {1, 2, 2, -2, 4, 6};
    static const int64_t again[] = {1, 2, -2, 4, 6, -2};
    static const int64_t turned[] = {1, -2, 2, 4, 6};
    static const int64_t order[] = {2, 1, -2, 4, 6};
    static const int64_t untrue[] = {1, 2, -2, 3, 4, 6};
    static const int64_t gone[] = {1, 2, -2, 4, -4, 6};
    static const int64_t refused[] = {1, 2, -2, 4, 5, 6};
    static const int64_t foreign[] = {1, 2, -2, 4, 6, 7};
    rejects(watch_takes(lost, COUNT(lost), &verdict), &verdict, "lost: nothing tells that 6");
    rejects(watch_takes(undeleted, COUNT(undeleted), &verdict), &verdict, "2 was deleted");
    rejects(watch_takes(doubled, COUNT(doubled), &verdict), &verdict,
            "doubled: the insertion of 2");
    rejects(watch_takes(again, COUNT(again), &verdict), &verdict, "doubled: the deletion of 2");
    rejects(watch_takes(turned, COUNT(turned), &verdict), &verdict, "turned round: the deletion");
    rejects(watch_takes(order, COUNT(order), &verdict), &verdict, "turned round: 1");
    rejects(watch_takes(untrue, COUNT(untrue), &verdict), &verdict, "untrue: 3 is not there");
    rejects(watch_takes(gone, COUNT(gone), &verdict), &verdict, "untrue: 4 is there");
    rejects(watch_takes(refused, COUNT(refused), &verdict), &verdict, "5");
    rejects(watch_takes(foreign, COUNT(foreign), &verdict), &verdict, "from nowhere: 7");
}

/* ---- register ---- */

static bool register_takes(const struct check_register_op *ops, size_t count)
{
    struct check_verdict verdict;
    return check_register(ops, count, &verdict);
}

TEST(register_takes_answers_that_one_order_explains)
{
    static const struct check_register_op ops[] = {
        {{1, 10}, CHECK_WRITE, 7, 0, false},   {{2, 3}, CHECK_READ, 0, 0, false},
        {{4, 5}, CHECK_READ, 7, 0, false},     {{6, 12}, CHECK_SWAP, 8, 7, true},
        {{7, 8}, CHECK_READ, 7, 0, false},     {{13, 14}, CHECK_READ, 8, 0, false},
        {{15, 16}, CHECK_SWAP, 9, 7, false},   {{17, 18}, CHECK_REMOVE, 0, 0, true},
        {{19, 20}, CHECK_REMOVE, 0, 0, false}, {{21, 22}, CHECK_READ, 0, 0, false},
    };
    assert_true(register_takes(ops, COUNT(ops)));
    assert_true(register_takes(ops, 0));
}

TEST(register_lets_what_was_not_answered_happen_late_or_never)
{
    struct check_register_op ops[] = {
        {{1, CHECK_NEVER}, CHECK_WRITE, 7, 0, false},
        {{2, 3}, CHECK_WRITE, 5, 0, false},
        {{4, 5}, CHECK_READ, 5, 0, false},
        {{6, 7}, CHECK_READ, 7, 0, false},
        {{8, CHECK_NEVER}, CHECK_SWAP, 9, 7, false},
        {{10, 11}, CHECK_READ, 9, 0, false},
        {{12, CHECK_NEVER}, CHECK_REMOVE, 0, 0, false},
        {{13, 14}, CHECK_READ, 9, 0, false},
    };
    assert_true(register_takes(ops, COUNT(ops)));
    ops[3].value = 5; /* the first write happens just before it is swapped */
    assert_true(register_takes(ops, COUNT(ops)));
    ops[0].value = 6; /* nobody wrote what is swapped */
    assert_false(register_takes(ops, COUNT(ops)));
}

TEST(register_rejects_stale_and_lost_and_dirty_reads)
{
    static const struct check_register_op stale[] = {
        {{1, 2}, CHECK_WRITE, 7, 0, false},
        {{3, 4}, CHECK_WRITE, 8, 0, false},
        {{5, 6}, CHECK_READ, 7, 0, false},
    };
    static const struct check_register_op lost[] = {
        {{1, 2}, CHECK_WRITE, 7, 0, false},
        {{3, 4}, CHECK_READ, 0, 0, false},
    };
    static const struct check_register_op back[] = {
        {{1, CHECK_NEVER}, CHECK_WRITE, 7, 0, false},
        {{2, 3}, CHECK_READ, 7, 0, false},
        {{4, 5}, CHECK_READ, 0, 0, false},
    };
    static const struct check_register_op early[] = {
        {{1, 2}, CHECK_READ, 7, 0, false},
        {{3, 4}, CHECK_WRITE, 7, 0, false},
    };
    assert_false(register_takes(stale, COUNT(stale)));
    assert_false(register_takes(lost, COUNT(lost)));
    assert_false(register_takes(back, COUNT(back)));
    assert_false(register_takes(early, COUNT(early)));
}

TEST(register_rejects_swaps_and_removals_that_say_what_cannot_be)
{
    static const struct check_register_op twice[] = {
        {{1, 2}, CHECK_WRITE, 7, 0, false},
        {{3, 6}, CHECK_SWAP, 8, 7, true},
        {{4, 5}, CHECK_SWAP, 9, 7, true},
    };
    static const struct check_register_op missed[] = {
        {{1, 2}, CHECK_WRITE, 7, 0, false},
        {{3, 4}, CHECK_SWAP, 8, 7, false},
    };
    static const struct check_register_op removed[] = {
        {{1, 2}, CHECK_WRITE, 7, 0, false},
        {{3, 4}, CHECK_REMOVE, 0, 0, true},
        {{5, 6}, CHECK_REMOVE, 0, 0, true},
    };
    assert_false(register_takes(twice, COUNT(twice)));
    assert_false(register_takes(missed, COUNT(missed)));
    assert_false(register_takes(removed, COUNT(removed)));
}

/* Many at the same time: without a memory the search would not end. */
TEST(register_finds_out_about_many_at_once)
{
    struct check_register_op ops[20];
    for (int i = 0; i < 20; i++) {
        ops[i] = (struct check_register_op){{(uint64_t)i, (uint64_t)(100 + i)},
                                            i % 2 ? CHECK_READ : CHECK_WRITE,
                                            1 + i % 2,
                                            0,
                                            false};
        ops[i].value = i % 2 ? 1 + i % 3 : 1 + i % 4;
    }
    ops[1].value = 77; /* nobody wrote it */
    assert_false(register_takes(ops, COUNT(ops)));
}

/* ---- list ---- */

TEST(list_takes_reads_that_are_beginnings_of_the_last)
{
    struct check_verdict verdict;
    static const int64_t values[] = {5, 3, 9};
    static const struct check_list_op ops[] = {
        {{1, 4}, false, 3, NULL, 0},           {{2, 3}, false, 5, NULL, 0},
        {{5, 6}, true, 0, values, 2},          {{7, CHECK_NEVER}, false, 9, NULL, 0},
        {{8, CHECK_NEVER}, false, 4, NULL, 0}, {{9, 10}, true, 0, values, 3},
    };
    assert_true(check_list(ops, COUNT(ops), &verdict));
    assert_true(check_list(NULL, 0, &verdict));
}

static void list_rejects(const int64_t *first, const int64_t *last, size_t count, const char *why)
{
    struct check_verdict verdict;
    const struct check_list_op ops[] = {
        {{1, 2}, false, 3, NULL, 0}, {{3, 4}, true, 0, first, 1},     {{5, 6}, false, 5, NULL, 0},
        {{7, 8}, true, 0, first, 2}, {{9, 10}, true, 0, last, count},
    };
    rejects(check_list(ops, COUNT(ops), &verdict), &verdict, why);
}

TEST(list_rejects_lost_doubled_reordered_and_foreign_values)
{
    static const int64_t good[] = {3, 5};
    static const int64_t lost[] = {5};
    static const int64_t doubled[] = {3, 5, 3};
    static const int64_t reordered[] = {5, 3};
    static const int64_t foreign[] = {3, 5, 8};
    list_rejects(lost, lost, 1, "lost: 3");
    list_rejects(good, doubled, 3, "doubled: 3");
    const struct check_list_op swapped[] = {
        {{1, 2}, false, 3, NULL, 0},
        {{5, 6}, false, 5, NULL, 0},
        {{9, 10}, true, 0, reordered, 2},
    };
    struct check_verdict verdict;
    rejects(check_list(swapped, COUNT(swapped), &verdict), &verdict, "reordered: 5 before 3");
    list_rejects(good, foreign, 3, "from nowhere: 8");
    list_rejects(reordered, good, 2, "reordered: a list of 1");
}

TEST(list_rejects_reads_that_are_stale_or_early)
{
    struct check_verdict verdict;
    static const int64_t values[] = {3, 5};
    struct check_list_op ops[] = {
        {{1, 2}, false, 3, NULL, 0},
        {{3, 4}, true, 0, values, 0},
        {{5, 6}, false, 5, NULL, 0},
        {{7, 8}, true, 0, values, 2},
    };
    rejects(check_list(ops, COUNT(ops), &verdict), &verdict, "stale: a read misses 3");
    ops[1].values_count = 2;
    rejects(check_list(ops, COUNT(ops), &verdict), &verdict, "early: 5");
    ops[0].span.answered = CHECK_NEVER;
    ops[2] = ops[1];
    ops[2].span = (struct check_span){5, 6};
    ops[1].span = (struct check_span){3, 4};
    ops[2].values_count = 0;
    rejects(check_list(ops, COUNT(ops), &verdict), &verdict, "from nowhere: 5");
}

/* ---- counter ---- */

TEST(counter_takes_what_lies_between_must_and_may)
{
    struct check_verdict verdict;
    struct check_counter_op ops[] = {
        {{1, 2}, false, 1},
        {{3, CHECK_NEVER}, false, 1},
        {{4, 5}, true, 1},
        {{6, 7}, true, 2},
    };
    assert_true(check_counter(ops, COUNT(ops), &verdict));
    ops[3].value = 3;
    rejects(check_counter(ops, COUNT(ops), &verdict), &verdict, "counted twice");
    ops[3].value = 0;
    rejects(check_counter(ops, COUNT(ops), &verdict), &verdict, "lost");
    ops[3].span.answered = CHECK_NEVER;
    assert_true(check_counter(ops, COUNT(ops), &verdict));
}

/* ---- bank ---- */

TEST(bank_rejects_half_a_transfer)
{
    struct check_verdict verdict;
    static const int64_t good[] = {50, 50};
    static const int64_t bad[] = {40, 50};
    const struct check_bank_view views[] = {{good, 2}, {bad, 2}};
    assert_true(check_bank(views, 1, 100, &verdict));
    rejects(check_bank(views, 2, 100, &verdict), &verdict, "half a transfer: view 1");
}
