/* command/memory_test.c - commands when budgets are full, and what they say of memory. */
#include <stdio.h>

#include "base/mem.h"
#include "command/cursor.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

enum { SPARE = 64 }; /* what a full budget has left */

struct kit {
    struct mini_node *node;
    struct arena arena;
    struct command_server *server;
    uint64_t filled[COMMAND_BUDGETS];
};

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.node = mini_node_new()};
    kit->server = mini_node_server(kit->node);
    arena_init(&kit->arena);
}

static void kit_close(struct kit *kit)
{
    arena_close(&kit->arena);
    mini_node_free(kit->node);
}

static struct slice run(struct kit *kit, const char *command)
{
    return mini_node_run(kit->node, json_doc(&kit->arena, command));
}

/* A number in a reply; -1 when it is not there. */
static int64_t number(struct slice doc, const char *name)
{
    struct doc_value value = doc_get_str(doc, name);
    return doc_value_is_number(value) ? doc_value_to_i64_clamped(value) : -1;
}

static int code_of(struct kit *kit, const char *command)
{
    return (int)number(run(kit, command), "code");
}

static void run_ok(struct kit *kit, const char *command)
{
    struct slice reply = run(kit, command);
    if (number(reply, "ok") != 1 || doc_value_exists(doc_get_str(reply, "writeErrors"))) {
        fail_msg("%s: %s", command, json_text(&kit->arena, reply));
    }
}

static uint64_t used(struct kit *kit, enum command_budget id)
{
    return memory_budget_stats(kit->server->budgets->all[id]).used;
}

/* Somebody else holds all of it. */
static void fill(struct kit *kit, enum command_budget id)
{
    struct memory_budget_stats stats = memory_budget_stats(kit->server->budgets->all[id]);
    kit->filled[id] = stats.hard - stats.used - SPARE;
    assert_int_equal(command_budget_charge(kit->server->budgets, id, kit->filled[id], NULL), 0);
}

static void drain(struct kit *kit, enum command_budget id)
{
    command_budget_uncharge(kit->server->budgets, id, kit->filled[id]);
}

static void insert_some(struct kit *kit)
{
    run_ok(kit, "{'createIndexes': 'c', '$db': 'd', 'indexes': [{'key': {'a': 1}, 'name': 'a'}, "
                "{'key': {'b': 1}, 'name': 'b'}]}");
    run_ok(kit, "{'insert': 'c', '$db': 'd', 'documents': [{'_id': 1, 'a': [1, 2], 'b': 1}, "
                "{'_id': 2, 'a': [2, 3], 'b': 2}, {'_id': 3, 'a': [3, 1], 'b': 3}]}");
}

TEST(memory_full_budget_refuses_stages_with_146_and_lets_others_go_on)
{
    static const char sort[] =
        "{'aggregate': 'c', '$db': 'd', 'pipeline': [{'$sort': {'x': 1}}], 'cursor': {}}";
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    fill(&kit, COMMAND_BUDGET_SORT);
    struct slice reply = run(&kit, sort);
    assert_true(
        slice_is(doc_value_get_string(doc_get_str(reply, "codeName")), "ExceededMemoryLimit"));
    struct slice text = doc_value_get_string(doc_get_str(reply, "errmsg"));
    assert_non_null(memmem(text.data, text.len, "budget 'sort' is full", 21));
    assert_non_null(memmem(text.data, text.len, "--memoryLimitMB", 15));
    assert_int_equal(code_of(&kit, "{'aggregate': 'c', '$db': 'd', 'cursor': {}, 'pipeline': "
                                   "[{'$group': {'_id': '$b'}}]}"),
                     146);
    run_ok(&kit, "{'find': 'c', '$db': 'd', 'filter': {'_id': 1}}");
    run_ok(&kit, "{'find': 'c', '$db': 'd', 'filter': {'b': 2}}");
    run_ok(&kit, "{'insert': 'c', '$db': 'd', 'documents': [{'_id': 4}]}");
    drain(&kit, COMMAND_BUDGET_SORT);
    run_ok(&kit, sort);
    assert_int_equal(used(&kit, COMMAND_BUDGET_SORT), 0);
    kit_close(&kit);
}

TEST(memory_of_what_was_given_is_counted_for_reads_and_writes)
{
    static const char *const commands[] = {
        "{'find': 'c', '$db': 'd', 'filter': {'a': {'$gte': 0}}, 'hint': 'a'}",
        "{'find': 'c', '$db': 'd', 'filter': {'$or': [{'a': {'$gte': 2}}, {'b': {'$gte': 2}}]}}",
        "{'count': 'c', '$db': 'd', 'query': {'a': {'$gte': 0}}, 'hint': 'a'}",
        "{'distinct': 'c', '$db': 'd', 'key': 'b', 'query': {'a': {'$gte': 0}}, 'hint': 'a'}",
    };
    static const char update[] = "{'update': 'c', '$db': 'd', 'updates': [{'q': {'b': {'$gte': "
                                 "0}}, 'u': {'$inc': {'b': 10}}, 'multi': true, 'hint': 'b'}]}";
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    fill(&kit, COMMAND_BUDGET_SORT);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_int_equal(code_of(&kit, commands[i]), 146);
    }
    struct doc_value errors = doc_get_str(run(&kit, update), "writeErrors");
    struct doc_value first = doc_array_at(doc_value_get_doc(errors), 0);
    assert_int_equal(number(doc_value_get_doc(first), "code"), 146);
    drain(&kit, COMMAND_BUDGET_SORT);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        run_ok(&kit, commands[i]);
    }
    struct slice reply = run(&kit, update);
    assert_int_equal(number(reply, "nModified"), 3);
    assert_int_equal(used(&kit, COMMAND_BUDGET_SORT), 0);
    kit_close(&kit);
}

/* A record's key holds its _id: few documents with long ones are much to remember. */
TEST(memory_of_one_read_ends_at_100_mb_with_292)
{
    enum { ID_BYTES = 2 << 20, DOCS = 51 };
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    uint8_t *id = mem_alloc(ID_BYTES);
    memset(id, 'i', ID_BYTES);
    for (int i = 0; i < DOCS; i++) {
        struct buf buf;
        struct doc_builder builder;
        id[0] = (uint8_t)('0' + i);
        buf_init(&buf, NULL);
        doc_build_begin(&builder, &buf);
        doc_build_text(&builder, "insert", "c");
        doc_build_text(&builder, "$db", "d");
        doc_build_open_array(&builder, SLICE("documents"));
        doc_build_open(&builder, SLICE(""));
        doc_build_string(&builder, "_id", slice_of(id, ID_BYTES));
        doc_build_i32(&builder, "a", i);
        doc_build_close(&builder);
        doc_build_close(&builder);
        struct slice reply = mini_node_run(kit.node, doc_build_end(&builder));
        assert_int_equal(number(reply, "n"), 1);
        buf_close(&buf);
    }
    mem_free(id);
    static const char count[] =
        "{'count': 'c', '$db': 'd', 'query': {'a': {'$gte': %d}, 'x': null}, 'hint': 'a'}";
    char command[128];
    snprintf(command, sizeof command, count, 0);
    assert_int_equal(code_of(&kit, command), 292);
    assert_int_equal(used(&kit, COMMAND_BUDGET_SORT), 0);
    snprintf(command, sizeof command, count, 10);
    run_ok(&kit, command);
    kit_close(&kit);
}

static int64_t open_cursor(struct kit *kit)
{
    struct slice reply = run(kit, "{'find': 'c', '$db': 'd', 'batchSize': 1}");
    struct slice cursor = doc_value_get_doc(doc_get_str(reply, "cursor"));
    return number(cursor, "id");
}

TEST(memory_of_resting_cursors_is_counted_until_they_go)
{
    struct kit kit;
    char command[128];
    kit_open(&kit);
    insert_some(&kit);
    int64_t id = open_cursor(&kit);
    assert_true(used(&kit, COMMAND_BUDGET_CURSORS) > 0);
    assert_true(used(&kit, COMMAND_BUDGET_PLANS) > 0);
    snprintf(command, sizeof command,
             "{'killCursors': 'c', '$db': 'd', 'cursors': [{'$numberLong': '%lld'}]}",
             (long long)id);
    run_ok(&kit, command);
    assert_int_equal(used(&kit, COMMAND_BUDGET_CURSORS), 0);
    assert_int_equal(used(&kit, COMMAND_BUDGET_PLANS), 0);
    kit_close(&kit);
}

TEST(memory_full_of_cursors_refuses_one_more)
{
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    fill(&kit, COMMAND_BUDGET_PLANS);
    assert_int_equal(code_of(&kit, "{'find': 'c', '$db': 'd', 'batchSize': 1}"), 146);
    assert_int_equal(command_cursors_count(kit.server->cursors), 0);
    assert_int_equal(used(&kit, COMMAND_BUDGET_CURSORS), 0);
    run_ok(&kit, "{'find': 'c', '$db': 'd'}"); /* it is done at once */
    drain(&kit, COMMAND_BUDGET_PLANS);
    kit_close(&kit);
}

/* The mini node's clock is years behind the wall's: its cursors have been idle for long. */
TEST(memory_short_of_space_takes_idle_cursors)
{
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    assert_true(open_cursor(&kit) != 0);
    assert_int_equal(command_cursors_count(kit.server->cursors), 1);
    fill(&kit, COMMAND_BUDGET_SORT); /* past its soft limit */
    assert_int_equal(command_cursors_count(kit.server->cursors), 0);
    drain(&kit, COMMAND_BUDGET_SORT);
    run_ok(&kit, "{'find': 'c', '$db': 'd', 'batchSize': 1, 'noCursorTimeout': true}");
    fill(&kit, COMMAND_BUDGET_SORT);
    assert_int_equal(command_cursors_count(kit.server->cursors), 1);
    drain(&kit, COMMAND_BUDGET_SORT);
    kit_close(&kit);
}

TEST(idle_cursors_go_after_the_time_that_the_parameter_says)
{
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    assert_true(open_cursor(&kit) != 0);
    struct slice hello = run(&kit, "{'hello': 1, '$db': 'admin'}");
    uint64_t now =
        (uint64_t)doc_value_get_i64(doc_get_str(hello, "localTime")) - MINI_NODE_BEGAN_MS;
    command_cursors_sweep(kit.server, (now + 599000) * 1000);
    assert_int_equal(command_cursors_count(kit.server->cursors), 1);
    run_ok(&kit, "{'setParameter': 1, 'cursorTimeoutMillis': 1000, '$db': 'admin'}");
    command_cursors_sweep(kit.server, (now + 2000) * 1000);
    assert_int_equal(command_cursors_count(kit.server->cursors), 0);
    kit_close(&kit);
}

TEST(memory_stats_tell_every_budget)
{
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    fill(&kit, COMMAND_BUDGET_SORT);
    uint64_t held = used(&kit, COMMAND_BUDGET_SORT);
    assert_int_equal(code_of(&kit, "{'aggregate': 'c', '$db': 'd', 'cursor': {}, 'pipeline': "
                                   "[{'$sort': {'x': 1}}]}"),
                     146);
    struct slice reply = run(&kit, "{'memoryStats': 1, '$db': 'admin'}");
    struct slice budgets = doc_value_get_doc(doc_get_str(reply, "budgets"));
    struct slice sort = doc_value_get_doc(doc_array_at(budgets, COMMAND_BUDGET_SORT));
    assert_true(slice_is(doc_value_get_string(doc_get_str(sort, "name")), "sort"));
    assert_int_equal(number(sort, "used"), held);
    assert_int_equal(number(sort, "hardLimit"), held + SPARE);
    assert_int_equal(number(sort, "refusals"), 1);
    assert_true(number(reply, "resident") > 0);
    reply = run(&kit, "{'serverStatus': 1, '$db': 'admin'}");
    struct slice memory = doc_value_get_doc(doc_get_str(reply, "memory"));
    assert_int_equal(number(memory, "used"), held);
    assert_int_equal(number(memory, "refusals"), 1);
    drain(&kit, COMMAND_BUDGET_SORT);
    assert_int_equal(code_of(&kit, "{'memoryStats': 1, '$db': 'd'}"), 13);
    kit_close(&kit);
}

TEST(memory_compaction_calls_the_reclaimers)
{
    struct kit kit;
    kit_open(&kit);
    insert_some(&kit);
    open_cursor(&kit);
    uint64_t held = used(&kit, COMMAND_BUDGET_CURSORS) + used(&kit, COMMAND_BUDGET_PLANS);
    struct slice reply = run(&kit, "{'compactMemory': 1, '$db': 'admin'}");
    assert_int_equal(number(reply, "reclaimed"), held);
    assert_true(number(reply, "residentBefore") > 0);
    assert_true(number(reply, "residentAfter") > 0);
    assert_int_equal(command_cursors_count(kit.server->cursors), 0);
    kit_close(&kit);
}
