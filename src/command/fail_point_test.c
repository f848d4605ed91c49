/* command/fail_point_test.c - modes, who is hit, and what becomes of them. */
#include "command/fail_point.h"

#include "command/server.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

struct kit {
    struct mini_node *node;
    struct arena arena;
    struct slice reply;
};

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.node = mini_node_new()};
    struct err err;
    arena_init(&kit->arena);
    int code = command_params_set(&mini_node_server(kit->node)->parameters,
                                  SLICE("enableTestCommands"), doc_value_bool(true), true, &err);
    assert_int_equal(code, 0);
}

static void kit_close(struct kit *kit)
{
    arena_close(&kit->arena);
    mini_node_free(kit->node);
}

/* The code of the reply; 0 none. */
static int run(struct kit *kit, const char *command)
{
    struct slice text = arena_format(&kit->arena, "{%s, '$db': 'admin'}", command);
    kit->reply = mini_node_run(kit->node, json_doc(&kit->arena, (const char *)text.data));
    struct doc_value code = doc_get_str(kit->reply, "code");
    return doc_value_exists(code) ? (int)doc_value_to_i64_clamped(code) : 0;
}

static int set(struct kit *kit, const char *mode, const char *data)
{
    struct slice text = arena_format(
        &kit->arena, "'configureFailPoint': 'failCommand', 'mode': %s, 'data': %s", mode, data);
    return run(kit, (const char *)text.data);
}

static int64_t count(struct kit *kit)
{
    assert_int_equal(set(kit, "'off'", "{}"), 0);
    return doc_value_to_i64_clamped(doc_get_str(kit->reply, "count"));
}

static bool attends(struct kit *kit)
{
    return (atomic_load(&mini_node_server(kit->node)->attention) & COMMAND_ATTENDS_FAIL_POINTS) !=
           0;
}

TEST(fail_points_are_there_for_tests_only)
{
    struct mini_node *node = mini_node_new();
    struct kit kit = {.node = node};
    arena_init(&kit.arena);
    assert_int_equal(set(&kit, "'alwaysOn'", "{'failCommands': ['ping']}"), LT_ECOMMANDNOTFOUND);
    assert_int_equal(run(&kit, "'setParameter': 1, 'enableTestCommands': true"),
                     LT_EILLEGALOPERATION);
    kit_close(&kit);
}

TEST(fail_points_hit_as_often_as_their_mode_says)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(set(&kit, "{'times': 2}", "{'failCommands': ['ping'], 'errorCode': 11}"), 0);
    assert_true(attends(&kit));
    assert_int_equal(run(&kit, "'find': 'c'"), 0);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(run(&kit, "'ping': 1"), 0);
    assert_false(attends(&kit));
    assert_int_equal(set(&kit, "{'skip': 1}", "{'failCommands': ['ping'], 'errorCode': 11}"), 0);
    assert_int_equal(run(&kit, "'ping': 1"), 0);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(count(&kit), 4);
    assert_int_equal(
        set(&kit, "{'activationProbability': 0}", "{'failCommands': ['ping'], 'errorCode': 11}"),
        0);
    assert_int_equal(run(&kit, "'ping': 1"), 0);
    assert_int_equal(
        set(&kit, "{'activationProbability': 1}", "{'failCommands': ['ping'], 'errorCode': 11}"),
        0);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(set(&kit, "'alwaysOn'", "{'failCommands': ['ping'], 'errorCode': 11}"), 0);
    assert_int_equal(run(&kit, "'ping': 1"), 11);
    assert_int_equal(count(&kit), 6);
    assert_int_equal(run(&kit, "'ping': 1"), 0);
    kit_close(&kit);
}

TEST(fail_points_hit_those_they_are_about)
{
    struct kit kit;
    kit_open(&kit);
    const char *about = "{'failCommands': ['find', 'findAndModify'], 'errorCode': 11, "
                        "'namespace': 'admin.c'}";
    assert_int_equal(set(&kit, "'alwaysOn'", about), 0);
    assert_int_equal(run(&kit, "'find': 'c'"), 11);
    assert_int_equal(run(&kit, "'find': 'd'"), 0);
    assert_int_equal(run(&kit, "'findandmodify': 'c', 'remove': true"), 11);
    assert_int_equal(set(&kit, "'alwaysOn'",
                         "{'failCommands': ['ping'], 'errorCode': 11, 'appName': 'another'}"),
                     0);
    assert_int_equal(run(&kit, "'ping': 1"), 0);
    assert_int_equal(set(&kit, "'alwaysOn'",
                         "{'failCommands': ['configureFailPoint', 'hello'], 'errorCode': 11}"),
                     0);
    assert_int_equal(run(&kit, "'hello': 1"), 11);
    assert_int_equal(count(&kit), 3);
    kit_close(&kit);
}

TEST(fail_points_put_their_labels_in_place_of_others)
{
    struct kit kit;
    kit_open(&kit);
    const char *insert =
        "'insert': 'c', 'documents': [{}], 'txnNumber': {'$numberLong': '1'}, 'lsid': {'id': "
        "{'$binary': {'base64': 'AAECAwQFBgcICQoLDA0ODw==', 'subType': '04'}}}";
    assert_int_equal(set(&kit, "'alwaysOn'", "{'failCommands': ['insert'], 'errorCode': 10107}"),
                     0);
    assert_int_equal(run(&kit, insert), 10107);
    assert_int_equal(doc_count(doc_value_get_doc(doc_get_str(kit.reply, "errorLabels"))), 2);
    assert_true(doc_value_exists(doc_get_str(kit.reply, "topologyVersion")));
    assert_int_equal(set(&kit, "'alwaysOn'",
                         "{'failCommands': ['insert'], 'errorCode': 10107, 'errorLabels': []}"),
                     0);
    assert_int_equal(run(&kit, insert), 10107);
    assert_false(doc_value_exists(doc_get_str(kit.reply, "errorLabels")));
    assert_int_equal(set(&kit, "'alwaysOn'",
                         "{'failCommands': ['insert'], 'errorCode': 2, 'errorLabels': ['a']}"),
                     0);
    assert_int_equal(run(&kit, insert), 2);
    struct doc_value labels = doc_get_str(kit.reply, "errorLabels");
    assert_true(slice_is(doc_value_get_string(doc_array_at(doc_value_get_doc(labels), 0)), "a"));
    kit_close(&kit);
}

TEST(fail_points_let_a_write_be_done_whose_concern_fails)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(set(&kit, "{'times': 1}",
                         "{'failCommands': ['insert'], 'errorLabels': ['b'], 'writeConcernError': "
                         "{'code': 91, 'errmsg': 'x', 'errInfo': {'y': 1}}}"),
                     0);
    assert_int_equal(run(&kit, "'insert': 'c', 'documents': [{}]"), 0);
    struct doc_value error = doc_get_str(kit.reply, "writeConcernError");
    assert_int_equal(doc_value_get_i32(doc_get_str(doc_value_get_doc(error), "code")), 91);
    assert_true(doc_value_exists(doc_get_str(kit.reply, "errorLabels")));
    assert_int_equal(doc_value_get_i32(doc_get_str(kit.reply, "n")), 1);
    assert_int_equal(run(&kit, "'count': 'c'"), 0);
    assert_int_equal(doc_value_get_i32(doc_get_str(kit.reply, "n")), 1);
    kit_close(&kit);
}

TEST(fail_points_let_times_run_out)
{
    struct kit kit;
    kit_open(&kit);
    assert_int_equal(run(&kit, "'configureFailPoint': 'maxTimeAlwaysTimeOut', 'mode': 'alwaysOn'"),
                     0);
    assert_int_equal(run(&kit, "'find': 'c', 'maxTimeMS': 60000"), LT_EMAXTIMEMSEXPIRED);
    assert_int_equal(run(&kit, "'find': 'c'"), 0);
    assert_int_equal(run(&kit, "'configureFailPoint': 'maxTimeAlwaysTimeOut', 'mode': 'off'"), 0);
    assert_int_equal(run(&kit, "'find': 'c', 'maxTimeMS': 60000"), 0);
    kit_close(&kit);
}

TEST(fail_points_refuse_what_makes_no_sense)
{
    static const struct {
        int code;
        const char *mode;
        const char *data;
    } wrong[] = {
        {LT_EBADVALUE, "'sometimes'", "{}"},
        {LT_EBADVALUE, "{}", "{}"},
        {LT_EBADVALUE, "{'often': 1}", "{}"},
        {LT_ETYPEMISMATCH, "1", "{}"},
        {LT_ETYPEMISMATCH, "{'times': 'x'}", "{}"},
        {LT_EBADVALUE, "{'times': -1}", "{}"},
        {LT_EBADVALUE, "{'activationProbability': 2}", "{}"},
        {LT_ETYPEMISMATCH, "{'activationProbability': 'x'}", "{}"},
        {40414, "'alwaysOn'", "{'errorCode': 1}"},
        {LT_ETYPEMISMATCH, "'alwaysOn'", "1"},
        {LT_ETYPEMISMATCH, "'alwaysOn'", "{'failCommands': 'ping'}"},
        {LT_ETYPEMISMATCH, "'alwaysOn'", "{'failCommands': [1]}"},
        {LT_ETYPEMISMATCH, "'alwaysOn'", "{'failCommands': [], 'errorCode': 'x'}"},
        {LT_EBADVALUE, "'alwaysOn'", "{'failCommands': [], 'errorCode': 0}"},
        {LT_EBADVALUE, "'alwaysOn'", "{'failCommands': [], 'errorCode': 100002}"},
        {LT_ETYPEMISMATCH, "'alwaysOn'", "{'failCommands': [], 'errorLabels': [1]}"},
        {LT_EINVALIDOPTIONS, "'alwaysOn'", "{'failCommands': [], 'blockConnection': true}"},
        {LT_EBADVALUE, "'alwaysOn'", "{'failCommands': [], 'blockTimeMS': -1}"},
    };
    struct kit kit;
    kit_open(&kit);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (set(&kit, wrong[i].mode, wrong[i].data) != wrong[i].code) {
            fail_msg("%s %s: %s", wrong[i].mode, wrong[i].data, json_text(&kit.arena, kit.reply));
        }
        assert_false(attends(&kit));
    }
    assert_int_equal(run(&kit, "'configureFailPoint': 'nobody', 'mode': 'off'"),
                     LT_EFAILPOINTSETFAILED);
    assert_int_equal(run(&kit, "'configureFailPoint': 1, 'mode': 'off'"), LT_ETYPEMISMATCH);
    kit_close(&kit);
}
