/* test/conformance/expect.c - the forms of expectations; checks are in check.c. */
#include "conformance/expect.h"

#include <stdarg.h>
#include <stdio.h>

#include "conformance/check.h"
#include "conformance/equal.h"
#include "doc/view.h"

static const cJSON *expect_field(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void expect_fail(struct conf_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void expect_fail(struct conf_verdict *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->cause, sizeof verdict->cause, format, args);
    va_end(args);
    verdict->pass = false;
}

static int32_t expect_code_of(struct slice doc)
{
    int64_t code;
    struct doc_value value = doc_get_str(doc, "code");
    return doc_value_is_number(value) && doc_value_to_i64_exact(value, &code) ? (int32_t)code : -1;
}

bool conf_reply_is_error(struct slice doc, int32_t *ret_code)
{
    struct doc_value ok = doc_get_str(doc, "ok");
    *ret_code = expect_code_of(doc);
    return !(doc_value_is_number(ok) && doc_value_to_double(ok) == 1);
}

static bool expect_success(const struct conf_reply *reply, struct conf_verdict *verdict)
{
    int32_t code;
    if (conf_reply_is_error(reply->doc, &code)) {
        expect_fail(verdict, "success expected, got error %d", code);
        return false;
    }
    return true;
}

static void expect_code(const cJSON *expect, const struct conf_reply *reply,
                        struct conf_verdict *verdict)
{
    int32_t wanted = (int32_t)expect_field(expect, "code")->valuedouble;
    int32_t code;
    struct slice beside = reply->doc;
    if (!conf_reply_is_error(reply->doc, &code)) {
        struct doc_value first =
            conf_at(reply->arena, doc_value_object(reply->doc), "writeErrors.0");
        if (first.type != DOC_OBJECT) {
            expect_fail(verdict, "error %d expected, got success", wanted);
            return;
        }
        beside = doc_value_get_doc(first);
        code = expect_code_of(beside);
    }
    if (code != wanted) {
        expect_fail(verdict, "error %d expected, got error %d", wanted, code);
        return;
    }
    const char *message = cJSON_GetStringValue(expect_field(expect, "errmsg"));
    struct doc_value actual = doc_get_str(beside, "errmsg");
    if (message != NULL &&
        !(actual.type == DOC_STRING && slice_is(doc_value_get_string(actual), message))) {
        expect_fail(verdict, "error %d expected, got it with another message", wanted);
    }
}

/* The reply without what every reply of a replica set carries. */
static struct doc_value expect_raw(const struct conf_reply *reply)
{
    static const char *const hidden[] = {"$clusterTime", "operationTime", "electionId", "opTime"};
    struct buf buf;
    struct doc_builder builder;
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(&buf, reply->arena);
    doc_build_begin(&builder, &buf);
    doc_iter_init(&iter, reply->doc);
    while (doc_iter_next(&iter, &elem)) {
        bool skip = false;
        for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
            skip |= slice_is(elem.name, hidden[i]);
        }
        if (!skip) {
            doc_build_value(&builder, elem.name, elem.value);
        }
    }
    return doc_value_object(doc_build_end(&builder));
}

static const char *expect_where(const cJSON *expect)
{
    const char *where = cJSON_GetStringValue(expect_field(expect, "compare"));
    return where == NULL ? "raw" : where;
}

static struct doc_value expect_target(const cJSON *expect, const struct conf_reply *reply)
{
    const char *where = expect_where(expect);
    return strcmp(where, "raw") == 0 ? expect_raw(reply)
                                     : conf_at(reply->arena, doc_value_object(reply->doc), where);
}

static void expect_result(const cJSON *expect, const struct conf_reply *reply,
                          struct conf_verdict *verdict)
{
    struct doc_value wanted;
    if (!conf_ejson_value(reply->arena, expect_field(expect, "result"), reply->cursors, &wanted)) {
        expect_fail(verdict, "the expectation is unreadable");
        return;
    }
    struct conf_equal options = {
        .arena = reply->arena,
        .unordered = cJSON_IsFalse(expect_field(expect, "order")),
        .unordered_fields = expect_field(expect, "unordered_fields"),
        .partial = cJSON_IsTrue(expect_field(expect, "partial")),
        .nan = cJSON_IsTrue(expect_field(expect, "nan")),
    };
    struct doc_value actual = expect_target(expect, reply);
    if (actual.type == DOC_MISSING) {
        expect_fail(verdict, "result missing at %s", expect_where(expect));
    } else if (!conf_equal_result(&options, wanted, actual)) {
        expect_fail(verdict, "result differs");
    } else {
        options.field_order = true;
        verdict->order_differs = !conf_equal_result(&options, wanted, actual);
    }
}

static bool expect_checks_hold(const cJSON *checks, const struct conf_reply *reply,
                               struct doc_value value, struct conf_verdict *verdict)
{
    const cJSON *check;
    cJSON_ArrayForEach(check, checks)
    {
        const char *failed = conf_check(check, value, reply->cursors, reply->arena);
        if (failed != NULL) {
            expect_fail(verdict, "check fails: %s %s", failed,
                        cJSON_GetStringValue(expect_field(check, "path")));
            return false;
        }
    }
    return true;
}

static void expect_checks(const cJSON *expect, const struct conf_reply *reply,
                          struct conf_verdict *verdict)
{
    const cJSON *checks = expect_field(expect, "checks");
    struct doc_value target = expect_target(expect, reply);
    if (strcmp(expect_where(expect), "cursor.firstBatch") != 0) {
        expect_checks_hold(checks, reply, target, verdict);
        return;
    }
    if (target.type != DOC_ARRAY || doc_is_empty(doc_value_get_doc(target))) {
        expect_fail(verdict, "no documents to check");
        return;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, target);
    while (doc_iter_next(&iter, &elem) && expect_checks_hold(checks, reply, elem.value, verdict)) {
    }
}

static void expect_docs(const cJSON *expect, const struct conf_reply *reply,
                        struct conf_verdict *verdict)
{
    const cJSON *docs = expect_field(expect, "docs");
    struct doc_value target = expect_target(expect, reply);
    if (target.type != DOC_ARRAY ||
        doc_count(doc_value_get_doc(target)) != (size_t)cJSON_GetArraySize(docs)) {
        expect_fail(verdict, "another number of documents");
        return;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    const cJSON *checks = docs->child;
    doc_iter_value(&iter, target);
    while (doc_iter_next(&iter, &elem) && expect_checks_hold(checks, reply, elem.value, verdict)) {
        checks = checks->next;
    }
}

static void expect_all(const cJSON *expect, const struct conf_reply *reply,
                       struct conf_verdict *verdict)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, expect_field(expect, "all"))
    {
        struct conf_verdict part;
        conf_expect(each, reply, &part);
        if (!part.pass) {
            *verdict = part;
            return;
        }
        verdict->order_differs |= part.order_differs;
    }
}

void conf_expect(const cJSON *expect, const struct conf_reply *reply,
                 struct conf_verdict *ret_verdict)
{
    *ret_verdict = (struct conf_verdict){.pass = true};
    if (expect_field(expect, "all") != NULL) {
        expect_all(expect, reply, ret_verdict);
    } else if (cJSON_IsNumber(expect_field(expect, "code"))) {
        expect_code(expect, reply, ret_verdict);
    } else if (!expect_success(reply, ret_verdict)) {
        return;
    } else if (expect_field(expect, "result") != NULL) {
        expect_result(expect, reply, ret_verdict);
    } else if (expect_field(expect, "checks") != NULL) {
        expect_checks(expect, reply, ret_verdict);
    } else if (expect_field(expect, "docs") != NULL) {
        expect_docs(expect, reply, ret_verdict);
    } else if (!cJSON_IsTrue(expect_field(expect, "ok"))) {
        expect_fail(ret_verdict, "an expectation of unknown form");
    }
}
