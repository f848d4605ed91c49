/* command/labels_test.c - which replies carry which labels. */
#include "command/labels.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

#define SESSION                                                                                    \
    "'lsid': {'id': {'$binary': {'base64': 'AAECAwQFBgcICQoLDA0ODw==', 'subType': '04'}}}"
#define NUMBER "'txnNumber': {'$numberLong': '1'}"

static const char plain[] = "{'insert': 'c', '$db': 'd'}";
static const char retryable[] = "{'insert': 'c', " SESSION ", " NUMBER ", '$db': 'd'}";

/* The reply's field when the command fails with `code`, as text; "" when there is none. */
static void expect(const char *command, int code, bool ran, const char *field, const char *expected)
{
    struct mini_node *node = mini_node_new();
    struct command_client client = {.connection_id = 1, .peer = "127.0.0.1:2"};
    struct command_op op;
    command_op_init(&op, mini_node_server(node), &client);
    op.message.body = json_doc(&op.arena, command);
    command_start(&op);
    op.stage = ran ? COMMAND_RUNS : COMMAND_NEW;
    command_fail(&op, code, "because");
    struct slice reply = buf_slice(&op.reply);
    struct doc_value value = doc_get_str(reply, field);
    const char *text = "";
    if (doc_value_exists(value)) {
        struct buf buf;
        struct doc_builder builder;
        buf_init(&buf, &op.arena);
        doc_build_begin(&builder, &buf);
        doc_build_value(&builder, SLICE("is"), value);
        text = json_text(&op.arena, doc_build_end(&builder));
    }
    assert_string_equal(text, expected);
    command_op_close(&op);
    mini_node_free(node);
}

TEST(labels_make_a_write_retryable_that_its_session_would_know_again)
{
    const char *both = "{'is':['RetryableWriteError','NoWritesPerformed']}";
    expect(retryable, LT_ENOTWRITABLEPRIMARY, false, "errorLabels", both);
    expect(retryable, LT_ESHUTDOWNINPROGRESS, false, "errorLabels", both);
    expect(retryable, LT_ENETWORKTIMEOUT, false, "errorLabels", both);
    expect(retryable, LT_EINTERRUPTEDATSHUTDOWN, true, "errorLabels",
           "{'is':['RetryableWriteError']}");
    expect(plain, LT_ENOTWRITABLEPRIMARY, false, "errorLabels", "");
    expect("{'insert': 'c', " SESSION ", '$db': 'd'}", LT_ENOTWRITABLEPRIMARY, false, "errorLabels",
           "");
    expect("{'insert': 'c', " NUMBER ", '$db': 'd'}", LT_ENOTWRITABLEPRIMARY, false, "errorLabels",
           "");
    expect("{'insert': 'c', " SESSION ", 'txnNumber': 1, '$db': 'd'}", LT_ENOTWRITABLEPRIMARY,
           false, "errorLabels", "");
}

TEST(labels_leave_other_errors_and_transactions_alone)
{
    expect(retryable, LT_EDUPLICATEKEY, false, "errorLabels", "");
    expect(retryable, LT_EINTERRUPTED, false, "errorLabels", "");
    expect(retryable, LT_ELEGACYNOTPRIMARY, false, "errorLabels", "");
}

TEST(labels_let_a_transaction_be_tried_again_that_came_to_nothing)
{
    const char *insert =
        "{'insert': 'c', " SESSION ", " NUMBER ", 'autocommit': false, '$db': 'd'}";
    const char *commit =
        "{'commitTransaction': 1, " SESSION ", " NUMBER ", 'autocommit': false, '$db': 'admin'}";
    const char *transient = "{'is':['TransientTransactionError']}";
    expect(insert, LT_EWRITECONFLICT, true, "errorLabels", transient);
    expect(insert, LT_ENOTWRITABLEPRIMARY, false, "errorLabels", transient);
    expect(insert, LT_EDUPLICATEKEY, true, "errorLabels", "");
    expect(commit, LT_EWRITECONFLICT, true, "errorLabels", transient);
    expect(commit, LT_EINTERRUPTEDATSHUTDOWN, true, "errorLabels",
           "{'is':['RetryableWriteError']}");
    expect(retryable, LT_EWRITECONFLICT, true, "errorLabels", "");
}

TEST(labels_say_that_an_overloaded_server_may_be_asked_again)
{
    const char *labels = "{'is':['SystemOverloadedError','RetryableError']}";
    expect(plain, LT_EINGRESSREQUESTRATELIMITEXCEEDED, false, "errorLabels", labels);
    expect(retryable, LT_EINGRESSREQUESTRATELIMITEXCEEDED, false, "errorLabels", labels);
}

TEST(labels_go_with_the_version_of_the_topology_when_it_changes)
{
    const char *version = "{'is':{'processId':{'$oid':'000000000000000000000000'},'counter':0}}";
    expect(plain, LT_ENOTWRITABLEPRIMARY, false, "topologyVersion", version);
    expect(plain, LT_ENOTPRIMARYNOSECONDARYOK, false, "topologyVersion", version);
    expect(plain, LT_EINTERRUPTEDATSHUTDOWN, true, "topologyVersion", version);
    expect(plain, LT_ENETWORKTIMEOUT, false, "topologyVersion", "");
    expect(plain, LT_EBADVALUE, false, "topologyVersion", "");
}
