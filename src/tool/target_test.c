/* tool/target_test.c - what connection strings say. */
#include "lib/test.h"
#include "tool/client.h"

static void refused(const char *uri, const char *word)
{
    struct tool_target target;
    struct err err = {0};
    assert_true(tool_target_parse(&target, uri, &err) < 0);
    if (strstr(err.text, word) == NULL) {
        fail_msg("%s: %s", uri, err.text);
    }
}

TEST(target_reads_hosts_ports_and_database)
{
    struct tool_target target;
    assert_int_equal(
        tool_target_parse(&target, "mongodb://a,b:1234,[::1]:5/shop?retryWrites=true", NULL), 0);
    assert_int_equal(target.seeds_count, 3);
    assert_string_equal(target.seeds[0].host, "a");
    assert_int_equal(target.seeds[0].port, 27017);
    assert_string_equal(target.seeds[1].host, "b");
    assert_int_equal(target.seeds[1].port, 1234);
    assert_string_equal(target.seeds[2].host, "::1");
    assert_int_equal(target.seeds[2].port, 5);
    assert_string_equal(target.db, "shop");
}

TEST(target_does_not_need_a_database)
{
    struct tool_target target;
    assert_int_equal(tool_target_parse(&target, "mongodb://localhost", NULL), 0);
    assert_string_equal(target.db, "");
}

TEST(target_refuses_what_it_cannot_do)
{
    refused("http://a", "mongodb://");
    refused("mongodb://", "no host");
    refused("mongodb://a:0", "port");
    refused("mongodb://a:70000", "port");
    refused("mongodb://a:1x", "port");
    refused("mongodb://user:secret@a", "credentials");
    refused("mongodb://a/?tls=true", "tls=true");
    refused("mongodb://a,b,c,d,e,f,g,h,i", "more than");
}
