/* test/conformance/expect_test.c - every form of expectation, met and missed. */
#include "conformance/expect.h"

#include <stdio.h>

#include "lib/test.h"

#define INT(n) "{\"$numberInt\":\"" #n "\"}"
#define LONG(n) "{\"$numberLong\":\"" #n "\"}"
#define DBL(n) "{\"$numberDouble\":\"" #n "\"}"
#define DEC(n) "{\"$numberDecimal\":\"" #n "\"}"
#define OK "\"ok\":{\"$numberDouble\":\"1.0\"}"

static bool meets(const char *expect_text, const char *reply_text, struct conf_verdict *ret_verdict)
{
    struct arena arena;
    struct buf buf;
    struct conf_reply reply = {.arena = &arena};
    arena_init(&arena);
    buf_init(&buf, &arena);
    cJSON *expect = cJSON_Parse(expect_text);
    cJSON *json = cJSON_Parse(reply_text);
    assert_non_null(expect);
    assert_non_null(json);
    assert_true(conf_ejson_doc(&buf, json, NULL, NULL, &reply.doc));
    conf_expect(expect, &reply, ret_verdict);
    assert_true(ret_verdict->pass == (ret_verdict->cause[0] == '\0'));
    cJSON_Delete(expect);
    cJSON_Delete(json);
    arena_close(&arena);
    return ret_verdict->pass;
}

static bool meet(const char *expect_text, const char *reply_text)
{
    struct conf_verdict verdict;
    return meets(expect_text, reply_text, &verdict);
}

/* The expectation `options` on a first batch. */
static bool batch(const char *wanted, const char *options, const char *actual)
{
    char expect[2000];
    char reply[2000];
    snprintf(expect, sizeof expect, "{\"result\":%s,\"compare\":\"cursor.firstBatch\"%s}", wanted,
             options);
    snprintf(reply, sizeof reply, "{\"cursor\":{\"firstBatch\":%s}," OK "}", actual);
    return meet(expect, reply);
}

TEST(expect_code_is_of_the_reply_or_its_first_write_error)
{
    assert_true(meet("{\"code\":73}", "{\"ok\":" DBL(0.0) ",\"code\":" INT(73) "}"));
    assert_false(meet("{\"code\":73}", "{\"ok\":" DBL(0.0) ",\"code\":" INT(2) "}"));
    assert_false(meet("{\"code\":73}", "{" OK "}"));
    assert_true(meet("{\"code\":5}", "{\"writeErrors\":[{\"code\":" INT(5) "}]," OK "}"));
    assert_false(meet("{\"code\":5}", "{\"ok\":" DBL(0.0) ",\"code\":" INT(
                                          1) ",\"writeErrors\":[{\"code\":" INT(5) "}]}"));
    assert_true(meet("{\"code\":1,\"errmsg\":\"x\"}",
                     "{\"ok\":" DBL(0.0) ",\"code\":" INT(1) ",\"errmsg\":\"x\"}"));
    assert_false(meet("{\"code\":1,\"errmsg\":\"x\"}",
                      "{\"ok\":" DBL(0.0) ",\"code\":" INT(1) ",\"errmsg\":\"y\"}"));
}

TEST(expect_ok_is_any_reply_without_error)
{
    assert_true(meet("{\"ok\":true}", "{\"writeErrors\":[{}]," OK "}"));
    assert_true(meet("{\"ok\":true}", "{\"ok\":" INT(1) "}"));
    assert_false(meet("{\"ok\":true}", "{\"ok\":" INT(0) "}"));
    assert_false(meet("{\"ok\":true}", "{}"));
}

TEST(expect_raw_hides_what_replica_sets_add)
{
    assert_true(meet("{\"result\":{" OK "},\"compare\":\"raw\"}",
                     "{" OK ",\"operationTime\":null,\"$clusterTime\":{},\"opTime\":null,"
                     "\"electionId\":null}"));
    assert_false(meet("{\"result\":{" OK "},\"compare\":\"raw\"}", "{\"n\":null," OK "}"));
}

TEST(expect_equality_is_strict_about_types)
{
    assert_true(batch("[{\"a\":" INT(1) "}]", "", "[{\"a\":" INT(1) "}]"));
    assert_false(batch("[{\"a\":" INT(1) "}]", "", "[{\"a\":" LONG(1) "}]"));
    assert_false(batch("[{\"a\":" DBL(0.0) "}]", "", "[{\"a\":" DBL(-0.0) "}]"));
    assert_false(batch("[{\"a\":" DEC(1.0) "}]", "", "[{\"a\":" DEC(1.00) "}]"));
    assert_false(batch("[{\"a\":null}]", "", "[{}]"));
    assert_false(batch("[]", "", "[{}]"));
    assert_false(batch("[{}]", "", "[]"));
}

TEST(expect_field_order_is_reported_but_not_judged)
{
    struct conf_verdict verdict;
    const char *expect = "{\"result\":{\"a\":null,\"ok\":" DBL(1.0) "},\"compare\":\"raw\"}";
    assert_true(meets(expect, "{" OK ",\"a\":null}", &verdict));
    assert_true(verdict.order_differs);
    assert_true(meets(expect, "{\"a\":null," OK "}", &verdict));
    assert_false(verdict.order_differs);
}

TEST(expect_options_loosen_the_comparison)
{
    const char *two = "[{\"a\":\"x\"},{\"a\":\"y\"}]";
    const char *swapped = "[{\"a\":\"y\"},{\"a\":\"x\"}]";
    assert_false(batch(two, "", swapped));
    assert_true(batch(two, ",\"order\":false", swapped));
    assert_false(batch("[{\"a\":\"x\"},{\"a\":\"x\"}]", ",\"order\":false", swapped));
    assert_true(batch("[{\"r\":[\"a\",\"b\"]}]", ",\"unordered_fields\":[\"r\"]",
                      "[{\"r\":[\"b\",\"a\"]}]"));
    assert_false(batch("[{\"r\":[\"a\",\"b\"]}]", ",\"unordered_fields\":[\"q\"]",
                       "[{\"r\":[\"b\",\"a\"]}]"));
    assert_false(batch("[{\"r\":[\"a\",\"a\"]}]", ",\"unordered_fields\":[\"r\"]",
                       "[{\"r\":[\"a\",\"b\"]}]"));
    assert_true(batch("[{\"a\":{\"b\":null}}]", ",\"partial\":true",
                      "[{\"x\":null,\"a\":{\"c\":null,\"b\":null}},{}]"));
    assert_false(batch("[{\"a\":{\"b\":null}}]", ",\"partial\":true", "[{\"a\":{\"c\":null}}]"));
    assert_true(batch("[{\"a\":" DBL(NaN) "}]", ",\"nan\":true", "[{\"a\":" DEC(NaN) "}]"));
    assert_false(batch("[{\"a\":" DBL(NaN) "}]", ",\"nan\":true", "[{\"a\":" DBL(1.0) "}]"));
}

TEST(expect_approx_takes_any_number_near)
{
    const char *near =
        "[{\"a\":{\"$approx\":{\"value\":" DBL(2.0) ",\"tolerance\":" DBL(0.1) "}}}]";
    assert_true(batch(near, "", "[{\"a\":" INT(2) "}]"));
    assert_true(batch(near, "", "[{\"a\":" DBL(2.05) "}]"));
    assert_false(batch(near, "", "[{\"a\":" DBL(2.2) "}]"));
    assert_false(batch(near, "", "[{\"a\":" DEC(2) "}]"));
    const char *nan = "[{\"a\":{\"$approx\":{\"value\":" DBL(NaN) ",\"tolerance\":" DBL(0.0) "}}}]";
    assert_true(batch(nan, "", "[{\"a\":" DBL(NaN) "}]"));
    assert_false(batch(nan, "", "[{\"a\":" DBL(0.0) "}]"));
}

static bool check(const char *test, const char *value)
{
    char expect[600];
    char reply[600];
    snprintf(expect, sizeof expect, "{\"checks\":[{\"path\":\"v.0\",%s}],\"compare\":\"raw\"}",
             test);
    snprintf(reply, sizeof reply, "{\"v\":[%s]," OK "}", value);
    return meet(expect, reply);
}

TEST(expect_checks_test_one_value)
{
    assert_true(check("\"exists\":true", "null"));
    assert_true(check("\"exists\":false", ""));
    assert_false(check("\"exists\":true", ""));
    assert_true(check("\"type\":\"long\"", LONG(1)));
    assert_false(check("\"type\":\"int\"", LONG(1)));
    assert_true(check("\"eq\":" INT(1), INT(1)));
    assert_false(check("\"eq\":" INT(1), LONG(1)));
    assert_true(check("\"ne\":" INT(1), INT(2)));
    assert_true(check("\"ne\":" INT(1), ""));
    assert_true(check("\"ne\":" INT(1), "\"x\""));
    assert_false(check("\"ne\":" INT(1), LONG(2)));
    assert_true(check("\"gt\":" INT(1), DBL(1.5)));
    assert_false(check("\"gt\":" INT(1), "\"x\""));
    assert_true(check("\"gte\":" INT(1), LONG(1)));
    assert_true(check("\"lte\":\"b\"", "\"a\""));
    assert_true(check("\"len\":2", "[null,null]"));
    assert_true(check("\"len_gt\":1", "[null,null]"));
    assert_false(check("\"len_lte\":1", "[null,null]"));
    assert_true(check("\"keys\":[\"a\",\"b\"]", "{\"a\":null,\"b\":null}"));
    assert_false(check("\"keys\":[\"b\",\"a\"]", "{\"a\":null,\"b\":null}"));
    assert_true(check("\"has_key\":\"a.b\"", "{\"a.b\":null}"));
    assert_true(check("\"contains\":{\"key\":\"k\",\"value\":\"x\"}", "[{},{\"k\":\"x\"}]"));
    assert_false(check("\"contains\":{\"key\":\"k\",\"value\":\"x\"}", "[{\"k\":\"y\"}]"));
    assert_true(check("\"not_contains\":{\"key\":\"k\",\"value\":\"x\"}", "[{\"k\":\"y\"}]"));
    assert_true(check("\"not_contains\":{\"key\":\"k\",\"value\":\"x\"}", ""));
    assert_true(check("\"contains_element\":\"x\"", "[\"x\"]"));
    assert_true(check("\"non_empty_str\":true", "\"x\""));
    assert_false(check("\"non_empty_str\":true", "\"\""));
    assert_true(check("\"byte_len\":1", "{\"$binary\":{\"base64\":\"AQ==\",\"subType\":\"00\"}}"));
    assert_false(check("\"wonder\":1", "null"));
}

TEST(expect_checks_and_docs_look_at_each_document)
{
    const char *reply = "{\"cursor\":{\"firstBatch\":[{\"a\":\"x\"},{\"a\":\"y\"}]}," OK "}";
    const char *empty = "{\"cursor\":{\"firstBatch\":[]}," OK "}";
    const char *each =
        "{\"checks\":[{\"path\":\"a\",\"type\":\"string\"}],\"compare\":\"cursor.firstBatch\"}";
    assert_true(meet(each, reply));
    assert_false(meet(each, empty));
    assert_true(
        meet("{\"docs\":[[{\"path\":\"a\",\"eq\":\"x\"}],[{\"path\":\"\",\"keys\":[\"a\"]}]],"
             "\"compare\":\"cursor.firstBatch\"}",
             reply));
    assert_false(meet(
        "{\"docs\":[[{\"path\":\"a\",\"eq\":\"x\"}]],\"compare\":\"cursor.firstBatch\"}", reply));
}

TEST(expect_all_holds_when_each_does)
{
    assert_true(meet("{\"all\":[{\"ok\":true},{\"checks\":[{\"path\":\"n\",\"type\":\"int\"}],"
                     "\"compare\":\"raw\"}]}",
                     "{\"n\":" INT(1) "," OK "}"));
    assert_false(meet("{\"all\":[{\"ok\":true},{\"code\":1}]}", "{" OK "}"));
}
