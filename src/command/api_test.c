/* command/api_test.c - what the stable API lets through. */
#include "command/api.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

#define V1 ", 'apiVersion': '1'"
#define STRICT V1 ", 'apiStrict': true"

struct kit {
    struct mini_node *node;
    struct arena arena;
    struct slice reply;
};

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.node = mini_node_new()};
    arena_init(&kit->arena);
}

static void kit_close(struct kit *kit)
{
    arena_close(&kit->arena);
    mini_node_free(kit->node);
}

/* The code of the reply; 0 none. */
static int run_in(struct kit *kit, const char *db, const char *command, const char *rest)
{
    struct slice text = arena_format(&kit->arena, "{%s, '$db': '%s', %s}", command, db, rest);
    kit->reply = mini_node_run(kit->node, json_doc(&kit->arena, (const char *)text.data));
    struct doc_value code = doc_get_str(kit->reply, "code");
    return doc_value_exists(code) ? (int)doc_value_to_i64_clamped(code) : 0;
}

static int run(struct kit *kit, const char *command)
{
    return run_in(kit, "admin", command, "'comment': 1");
}

static void expect_all(const char *const *commands, size_t count, int code)
{
    struct kit kit;
    kit_open(&kit);
    for (size_t i = 0; i < count; i++) {
        if (run(&kit, commands[i]) != code) {
            fail_msg("%s: %s", commands[i], json_text(&kit.arena, kit.reply));
        }
    }
    kit_close(&kit);
}

TEST(api_takes_version_1_and_all_that_is_in_it)
{
    static const char *const fine[] = {
        "'ping': 1" V1,
        "'ping': 1" STRICT,
        "'ping': 1, 'apiVersion': '1', 'apiStrict': false, 'apiDeprecationErrors': true",
        "'hello': 1" STRICT,
        "'find': 'c', 'sort': {'a': 1}" STRICT,
        "'insert': 'c', 'documents': [{}]" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$match': {}}, {'$facet': {'x': "
        "[]}}]" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$collStats': {'count': {}}}]" STRICT,
        "'createIndexes': 'c', 'indexes': [{'key': {'a': 1}, 'name': 'a'}]" STRICT,
        "'serverStatus': 1" V1,
        "'find': 'c', 'showRecordId': false" V1,
    };
    expect_all(fine, sizeof fine / sizeof *fine, 0);
}

TEST(api_knows_no_other_version)
{
    static const char *const others[] = {"'ping': 1, 'apiVersion': '2'",
                                         "'ping': 1, 'apiVersion': ''",
                                         "'ping': 1, 'apiVersion': '1.0'"};
    expect_all(others, sizeof others / sizeof *others, LT_EAPIVERSIONERROR);
    static const char *const without[] = {"'ping': 1, 'apiStrict': true",
                                          "'ping': 1, 'apiDeprecationErrors': false"};
    expect_all(without, sizeof without / sizeof *without, 4886600);
    static const char *const wrong[] = {
        "'ping': 1, 'apiVersion': 1", "'ping': 1, 'apiVersion': '1', 'apiStrict': 1",
        "'ping': 1, 'apiVersion': '1', 'apiDeprecationErrors': 'x'"};
    expect_all(wrong, sizeof wrong / sizeof *wrong, LT_ETYPEMISMATCH);
}

TEST(api_strict_refuses_what_is_not_in_version_1)
{
    static const char *const refused[] = {
        "'serverStatus': 1" STRICT,
        "'isMaster': 1" STRICT,
        "'distinct': 'c', 'key': 'a'" STRICT,
        "'find': 'c', 'tailable': true" STRICT,
        "'find': 'c', 'min': {'a': 1}" STRICT,
        "'findAndModify': 'c', 'remove': true, 'fields': {}" STRICT,
        "'create': 'c', 'capped': true" STRICT,
        "'aggregate': 'c', 'pipeline': [], 'explain': true" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$indexStats': {}}]" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$collStats': {'storageStats': {}}}]" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$unionWith': {'coll': 'd', 'pipeline': "
        "[{'$indexStats': {}}]}}]" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [{'$facet': {'a': [], 'b': [{'$lookup': "
        "{'pipeline': [{'$currentOp': {}}]}}]}}]" STRICT,
        "'createIndexes': 'c', 'indexes': [{'key': {'a': 1}, 'name': 'a', 'sparse': true}]" STRICT,
        "'createIndexes': 'c', 'indexes': [{'key': {'a': 'text'}, 'name': 'a'}]" STRICT,
    };
    expect_all(refused, sizeof refused / sizeof *refused, LT_EAPISTRICTERROR);
}

TEST(api_strict_leaves_nonsense_to_the_command)
{
    static const char *const nonsense[] = {
        "'aggregate': 'c', 'cursor': {}, 'pipeline': 1" STRICT,
        "'aggregate': 'c', 'cursor': {}, 'pipeline': [1, {}]" STRICT,
        "'createIndexes': 'c', 'indexes': 1" STRICT,
    };
    struct kit kit;
    kit_open(&kit);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        int code = run(&kit, nonsense[i]);
        assert_true(code != 0 && code != LT_EAPISTRICTERROR);
    }
    assert_int_equal(run(&kit, "'nobody': 1" STRICT), LT_ECOMMANDNOTFOUND);
    kit_close(&kit);
}

TEST(api_of_a_getmore_is_that_of_its_cursor)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(run(&kit, "'insert': 'c', 'documents': [{}, {}, {}]"), 0);
    assert_int_equal(run(&kit, "'find': 'c', 'batchSize': 1" V1), 0);
    struct slice cursor = doc_value_get_doc(doc_get_str(kit.reply, "cursor"));
    struct slice more = arena_format(
        &kit.arena, "'getMore': {'$numberLong': '%lld'}, 'collection': 'c', 'batchSize': 1",
        (long long)doc_value_get_i64(doc_get_str(cursor, "id")));
    assert_int_equal(run(&kit, (const char *)more.data), LT_EAPIMISMATCHERROR);
    kit_close(&kit);
}

TEST(api_of_a_statement_is_that_of_its_transaction)
{
    static const char txn[] = "'lsid': {'id': {'$binary': {'base64': 'AAECAwQFBgcICQoLDA0ODw==', "
                              "'subType': '04'}}}, 'txnNumber': {'$numberLong': '1'}, "
                              "'autocommit': false";
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(
        run_in(&kit, "d", "'insert': 'c', 'documents': [{}], 'startTransaction': true" V1, txn), 0);
    assert_int_equal(run_in(&kit, "d", "'find': 'c'", txn), LT_EAPIMISMATCHERROR);
    assert_int_equal(run_in(&kit, "d", "'find': 'c'" STRICT, txn), LT_EAPIMISMATCHERROR);
    assert_int_equal(run_in(&kit, "d", "'find': 'c'" V1, txn), 0);
    assert_int_equal(run_in(&kit, "admin", "'commitTransaction': 1", txn), LT_EAPIMISMATCHERROR);
    assert_int_equal(run_in(&kit, "admin", "'commitTransaction': 1" V1, txn), 0);
    kit_close(&kit);
}

TEST(api_can_be_required)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(run(&kit, "'setParameter': 1, 'requireApiVersion': true"), 0);
    assert_int_equal(run(&kit, "'find': 'c'"), 498870);
    assert_int_equal(run(&kit, "'find': 'c'" V1), 0);
    assert_int_equal(run(&kit, "'hello': 1"), 0);
    assert_int_equal(run(&kit, "'setParameter': 1, 'requireApiVersion': false" V1), 0);
    assert_int_equal(run(&kit, "'find': 'c'"), 0);
    kit_close(&kit);
}
