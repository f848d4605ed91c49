/* security/restriction_test.c - ranges of addresses, and which restrictions they make. */
#include "security/restriction.h"

#include <stdio.h>

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/test.h"

static bool admits(const char *json, const char *client)
{
    struct arena arena;
    struct err err;
    arena_init(&arena);
    struct slice doc = json_doc(&arena, json);
    struct slice array = doc_value_get_doc(doc_get_str(doc, "r"));
    assert_int_equal(security_restrictions_check(array, &err), 0);
    bool admitted = security_restrictions_admit(array, client, "10.0.0.1:27017");
    arena_close(&arena);
    return admitted;
}

static int refusal(const char *json)
{
    struct arena arena;
    struct err err;
    arena_init(&arena);
    struct slice doc = json_doc(&arena, json);
    int code = security_restrictions_check(doc_value_get_doc(doc_get_str(doc, "r")), &err);
    arena_close(&arena);
    return -code;
}

TEST(restriction_of_an_address_admits_it_alone)
{
    assert_true(admits("{'r': [{'clientSource': ['192.0.2.7']}]}", "192.0.2.7:5"));
    assert_false(admits("{'r': [{'clientSource': ['192.0.2.7']}]}", "192.0.2.8:5"));
    assert_true(admits("{'r': [{'clientSource': '::1'}]}", "[::1]:5"));
}

TEST(restriction_of_a_range_compares_its_bits)
{
    assert_true(admits("{'r': [{'clientSource': ['192.0.2.0/25']}]}", "192.0.2.127:5"));
    assert_false(admits("{'r': [{'clientSource': ['192.0.2.0/25']}]}", "192.0.2.128:5"));
    assert_true(admits("{'r': [{'clientSource': ['0.0.0.0/0']}]}", "203.0.113.1:5"));
    assert_false(admits("{'r': [{'clientSource': ['0.0.0.0/0']}]}", "[2001:db8::1]:5"));
    assert_true(admits("{'r': [{'clientSource': ['2001:db8::/33']}]}", "[2001:db8:7fff::1]:5"));
    assert_false(admits("{'r': [{'clientSource': ['2001:db8::/33']}]}", "[2001:db8:8000::1]:5"));
    assert_true(admits("{'r': [{'clientSource': ['192.0.2.0/24']}]}", "[::ffff:192.0.2.9]:5"));
}

TEST(restriction_wants_all_of_one_and_one_of_all)
{
    const char *both = "{'r': [{'clientSource': ['127.0.0.1'], 'serverAddress': ['10.0.0.2']}]}";
    const char *either =
        "{'r': [{'serverAddress': ['10.0.0.2']}, {'clientSource': ['127.0.0.1']}]}";
    assert_false(admits(both, "127.0.0.1:5"));
    assert_true(admits(either, "127.0.0.1:5"));
    assert_true(admits("{'r': [{'serverAddress': ['10.0.0.2', '10.0.0.1']}]}", "1.2.3.4:5"));
    assert_true(admits("{'r': []}", "1.2.3.4:5"));
    assert_false(admits("{'r': [{'clientSource': []}]}", "1.2.3.4:5"));
}

TEST(restriction_that_is_none_is_refused)
{
    assert_int_equal(refusal("{'r': [1]}"), LT_ETYPEMISMATCH);
    assert_int_equal(refusal("{'r': [{}]}"), LT_EBADVALUE);
    assert_int_equal(refusal("{'r': [{'from': ['::1']}]}"), 40415);
    assert_int_equal(refusal("{'r': [{'clientSource': [1]}]}"), LT_ETYPEMISMATCH);
    static const char *const ranges[] = {"",           "x",           "1.2.3",
                                         "1.2.3.4/33", "1.2.3.4/",    "::1/129",
                                         "1.2.3.4/-1", "1.2.3.4/0x1", "::1/1000"};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{'r': [{'clientSource': ['%s']}]}", ranges[i]);
        assert_int_equal(refusal(json), LT_EUNSUPPORTEDFORMAT);
    }
}
