#include "lib/test.h"

#include "base/buf.h"
#include "repl/repl.h"

static struct repl *repl_test_start(struct repl_event *start, struct repl_update *update)
{
    struct err err = {0};
    struct repl *repl;
    assert_int_equal(repl_new(1, "127.0.0.1:1", 7, &repl, &err), 0);
    start->type = REPL_START;
    assert_int_equal(repl_step(repl, start, update, &err), 0);
    return repl;
}

TEST(a_group_of_one_leads_at_once_and_commits_what_is_persisted)
{
    struct buf first;
    buf_init(&first, NULL);
    assert_int_equal(repl_first_configuration(1, "127.0.0.1:1", &first), 0);
    struct repl_entry log[] = {{1, 1, REPL_ENTRY_CHANGE, buf_slice(&first)}};
    struct repl_event event = {.entries = log, .entries_count = 1, .start = {.term = 1}};
    struct repl_update update;
    struct err err = {0};
    struct repl *repl = repl_test_start(&event, &update);
    assert_true(update.leader);
    assert_int_equal(update.term, 1);

    uint64_t next = repl_next_index(repl);
    struct repl_entry entry = {.type = REPL_ENTRY_COMMAND, .payload = SLICE("effect")};
    event = (struct repl_event){
        .type = REPL_PROPOSE, .now_ms = 1, .entries = &entry, .entries_count = 1};
    assert_int_equal(repl_step(repl, &event, &update, &err), 0);
    assert_int_equal(update.entries_count, 1);
    assert_int_equal(update.entries[0].index, next);
    assert_true(update.commit_index < next);

    event = (struct repl_event){.type = REPL_PERSISTED, .now_ms = 2, .index = next};
    assert_int_equal(repl_step(repl, &event, &update, &err), 0);
    assert_int_equal(update.commit_index, next);
    repl_free(repl);
    buf_close(&first);
}

TEST(a_member_that_starts_from_its_store_goes_on_after_it)
{
    struct buf first;
    buf_init(&first, NULL);
    assert_int_equal(repl_first_configuration(1, "127.0.0.1:1", &first), 0);
    struct repl_entry log[] = {{51, 2, REPL_ENTRY_COMMAND, SLICE("x")}};
    struct repl_event event = {
        .entries = log,
        .entries_count = 1,
        .start = {.term = 2, .voted_for = 1, .base = {50, 2, buf_slice(&first), 1}}};
    struct repl_update update;
    struct repl *repl = repl_test_start(&event, &update);
    assert_true(update.leader);
    assert_int_equal(update.commit_index, 51);
    assert_int_equal(repl_next_index(repl), 52);
    repl_free(repl);
    buf_close(&first);
}
