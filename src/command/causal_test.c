/* command/causal_test.c - times that clients bring, and reads that name one. */
#include "command/causal.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

enum { NOW_S = 1700000000, YEAR_S = 31536000 };

struct kit {
    struct mini_node *node;
    struct command_server *server;
    struct arena arena;
};

/* Run it with `rest` behind, and say what the reply's code is; 0 none. */
static int run(struct kit *kit, const char *command, const char *rest, struct slice *ret_reply)
{
    struct slice text = arena_format(&kit->arena, "{%s, '$db': 'd'%s}", command, rest);
    *ret_reply = mini_node_run(kit->node, json_doc(&kit->arena, (const char *)text.data));
    struct doc_value code = doc_get_str(*ret_reply, "code");
    return doc_value_exists(code) ? (int)doc_value_to_i64_clamped(code) : 0;
}

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.node = mini_node_new()};
    kit->server = mini_node_server(kit->node);
    arena_init(&kit->arena);
    struct slice reply;
    assert_int_equal(run(kit, "'insert': 'c', 'documents': [{}]", "", &reply), 0);
}

static void kit_close(struct kit *kit)
{
    arena_close(&kit->arena);
    mini_node_free(kit->node);
}

static const char *stamp(struct kit *kit, int64_t seconds)
{
    struct slice text =
        arena_format(&kit->arena, "{'$timestamp': {'t': %lld, 'i': 1}}", (long long)seconds);
    return (const char *)text.data;
}

static int run_at(struct kit *kit, const char *command, int64_t seconds)
{
    struct slice reply;
    struct slice rest =
        arena_format(&kit->arena, ", '$clusterTime': {'clusterTime': %s}", stamp(kit, seconds));
    return run(kit, command, (const char *)rest.data, &reply);
}

static int find_after(struct kit *kit, const char *level, int64_t seconds)
{
    struct slice reply;
    struct slice rest = arena_format(&kit->arena, ", 'readConcern': {%s'afterClusterTime': %s}",
                                     level, stamp(kit, seconds));
    return run(kit, "'find': 'c'", (const char *)rest.data, &reply);
}

TEST(causal_reads_wait_for_a_time_that_another_server_gave)
{
    struct kit kit;
    struct slice reply;
    kit_open(&kit);
    assert_int_equal(find_after(&kit, "", 1), 0);
    assert_int_equal(find_after(&kit, "", NOW_S + 50), LT_EINVALIDOPTIONS);
    assert_int_equal(run_at(&kit, "'find': 'c'", NOW_S + 50), 0);
    assert_true(atomic_load(&kit.server->applied_clock) >> 32 < NOW_S + 50);
    assert_int_equal(find_after(&kit, "", NOW_S + 50), 0);
    assert_true(atomic_load(&kit.server->applied_clock) >> 32 >= NOW_S + 50);
    assert_int_equal(run(&kit, "'ping': 1", "", &reply), 0);
    uint64_t known = (uint64_t)doc_value_get_i64(doc_get_str(reply, "operationTime"));
    assert_true(known == atomic_load(&kit.server->applied_clock));
    kit_close(&kit);
}

TEST(causal_writes_come_after_every_time_that_a_client_brought)
{
    struct kit kit;
    struct slice reply;
    kit_open(&kit);
    assert_int_equal(run_at(&kit, "'insert': 'c', 'documents': [{}]", NOW_S + 500), 0);
    uint64_t first = atomic_load(&kit.server->applied_clock);
    assert_true(first > ((uint64_t)(NOW_S + 500) << 32 | 1));
    assert_int_equal(run(&kit, "'insert': 'c', 'documents': [{}]", "", &reply), 0);
    assert_true(atomic_load(&kit.server->applied_clock) > first);
    kit_close(&kit);
}

TEST(causal_times_too_far_ahead_are_refused)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(run_at(&kit, "'find': 'c'", NOW_S + YEAR_S + 60),
                     LT_ECLUSTERTIMEFAILSRATELIMITER);
    assert_int_equal(run_at(&kit, "'insert': 'c', 'documents': [{}]", UINT32_MAX),
                     LT_ECLUSTERTIMEFAILSRATELIMITER);
    assert_int_equal(atomic_load(&kit.server->cluster_clock), 0);
    assert_int_equal(run_at(&kit, "'find': 'c'", NOW_S + YEAR_S - 60), 0);
    assert_int_equal(run_at(&kit, "'find': 'c'", 5), 0);
    kit_close(&kit);
}

TEST(causal_times_of_clients_that_may_be_anybody_are_not_believed)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(run_at(&kit, "'ping': 1", NOW_S + 500), 0);
    assert_int_equal(run_at(&kit, "'nobody': 1", NOW_S + 500), LT_ECOMMANDNOTFOUND);
    kit.server->authorization = true;
    assert_int_equal(run_at(&kit, "'find': 'c'", NOW_S + 500), LT_EUNAUTHORIZED);
    kit.server->authorization = false;
    assert_int_equal(atomic_load(&kit.server->cluster_clock), 0);
    kit_close(&kit);
}

TEST(causal_times_that_are_none_are_refused)
{
    static const char *const wrong[] = {"1", "{}", "{'clusterTime': 1}", "null"};
    struct kit kit;
    struct slice reply;
    kit_open(&kit);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct slice rest = arena_format(&kit.arena, ", '$clusterTime': %s", wrong[i]);
        assert_int_equal(run(&kit, "'find': 'c'", (const char *)rest.data, &reply),
                         LT_ETYPEMISMATCH);
    }
    kit_close(&kit);
}

TEST(causal_reads_are_of_levels_that_can_wait)
{
    struct kit kit;
    struct slice reply;
    kit_open(&kit);
    assert_int_equal(find_after(&kit, "'level': 'majority', ", 1), 0);
    assert_int_equal(find_after(&kit, "'level': 'local', ", 1), 0);
    assert_int_equal(find_after(&kit, "'level': 'linearizable', ", 1), LT_EINVALIDOPTIONS);
    assert_int_equal(find_after(&kit, "'level': 'available', ", 1), LT_EINVALIDOPTIONS);
    assert_int_equal(run(&kit, "'find': 'c'", ", 'readConcern': {'level': 'linearizable'}", &reply),
                     0);
    kit_close(&kit);
}

TEST(causal_reads_wait_no_longer_than_they_may)
{
    struct kit kit;
    struct command_client client = {.connection_id = 1, .peer = "127.0.0.1:2"};
    struct command_op op;
    kit_open(&kit);
    uint64_t applied = atomic_load(&kit.server->applied_clock);
    atomic_store(&kit.server->logged_clock, applied + 1);
    command_op_init(&op, kit.server, &client);
    op.message.body = json_doc(&op.arena, "{'find': 'c', '$db': 'd', 'maxTimeMS': 100,"
                                          "'readConcern': {'level': 'linearizable'}}");
    op.mono_us = 1000;
    command_start(&op);
    assert_int_equal(command_step(&op), COMMAND_SLEEP);
    assert_false(command_is_due(&op, 2000));
    assert_true(command_is_due(&op, 1000 + 100001));
    atomic_store(&kit.server->applied_clock, applied + 1);
    assert_true(command_is_due(&op, 2000));
    atomic_store(&kit.server->applied_clock, applied);
    op.mono_us = 1000 + 100001;
    assert_int_equal(command_step(&op), COMMAND_DONE);
    assert_int_equal(op.err.code, LT_EMAXTIMEMSEXPIRED);
    command_op_close(&op);
    kit_close(&kit);
}
