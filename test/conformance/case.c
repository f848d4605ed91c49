/* test/conformance/case.c - drop, set up, ask, judge.
 *
 * Each connection has a database of its own in place of `conf`, so cases run side by side. The few
 * that use other databases share those, and take a lock. */
#include "conformance/case.h"

#include <pthread.h>
#include <stdio.h>

#include "base/err.h"
#include "doc/json.h"
#include "doc/view.h"
#include "wire/frame.h"

static pthread_mutex_t case_shared_databases = PTHREAD_MUTEX_INITIALIZER;

struct case_run {
    struct conf_client *client;
    struct arena arena;
    struct conf_cursors cursors;
    struct conf_result *result;
    struct buf *detail;
};

static const cJSON *case_field(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void case_end(struct case_run *run, enum conf_status status, const char *cause)
{
    run->result->status = status;
    snprintf(run->result->cause, sizeof run->result->cause, "%s", cause);
}

static void case_tell_doc(struct case_run *run, const char *label, struct slice doc)
{
    const size_t most = 6000;
    if (run->detail != NULL) {
        struct buf text;
        buf_init(&text, &run->arena);
        doc_json_write(&text, doc, DOC_JSON_CANONICAL);
        bool cut = text.len > most;
        buf_format(run->detail, "  %-9s %.*s%s\n", label, (int)(cut ? most : text.len),
                   (const char *)text.data, cut ? " ..." : "");
    }
}

static void case_remember_cursor(struct case_run *run, struct slice reply)
{
    struct doc_value cursor = doc_get_str(reply, "cursor");
    struct doc_value id = doc_missing;
    if (cursor.type == DOC_OBJECT) {
        id = doc_get_str(doc_value_get_doc(cursor), "id");
    }
    if (run->cursors.count < CONF_CURSORS_MAX) {
        run->cursors.ids[run->cursors.count++] = id.type == DOC_INT64 ? doc_value_get_i64(id) : 0;
    }
}

/* Send {"db", "cmd"}; false after a result has been set. */
static bool case_send(struct case_run *run, const cJSON *step, struct slice *ret_reply)
{
    struct buf buf;
    struct slice command;
    const char *db = cJSON_GetStringValue(case_field(step, "db"));
    buf_init(&buf, &run->arena);
    if (db == NULL || !conf_ejson_doc(&buf, case_field(step, "cmd"), db, &run->cursors, &command)) {
        case_end(run, CONF_ERROR, "the vector is unreadable");
        return false;
    }
    case_tell_doc(run, "sent", command);
    if (slice_is(doc_first(command).name, "shutdown")) {
        case_end(run, CONF_FAIL, "shutdown: recorded as a remote client's, here it would succeed");
        return false;
    }
    int result = conf_client_call(run->client, command, ret_reply);
    if (result != 0) {
        char cause[CONF_CAUSE_MAX];
        struct slice name = doc_first(command).name;
        snprintf(cause, sizeof cause, "%s on %.*s", conf_client_error_text(result),
                 SLICE_FMT(name));
        case_end(run, CONF_ERROR, cause);
        return false;
    }
    case_remember_cursor(run, *ret_reply);
    return true;
}

static bool case_drop(struct case_run *run, const cJSON *dbs)
{
    const cJSON *db;
    cJSON_ArrayForEach(db, dbs)
    {
        struct buf buf;
        struct doc_builder builder;
        struct slice reply;
        buf_init(&buf, &run->arena);
        doc_build_begin(&builder, &buf);
        doc_build_i32(&builder, "dropDatabase", 1);
        doc_build_text(&builder, "$db", cJSON_GetStringValue(db));
        int result = conf_client_call(run->client, doc_build_end(&builder), &reply);
        if (result != 0) {
            char cause[CONF_CAUSE_MAX];
            snprintf(cause, sizeof cause, "%s on dropping", conf_client_error_text(result));
            case_end(run, CONF_ERROR, cause);
            return false;
        }
        int32_t code;
        if (conf_reply_is_error(reply, &code) && code != LT_EINVALIDNAMESPACE) {
            run->result->drop_failed = true;
            case_tell_doc(run, "drop got", reply);
        }
    }
    return true;
}

static bool case_set_up(struct case_run *run, const cJSON *setup)
{
    const cJSON *step;
    cJSON_ArrayForEach(step, setup)
    {
        struct slice reply;
        int32_t code;
        if (!case_send(run, step, &reply)) {
            return false;
        }
        if (conf_reply_is_error(reply, &code) ||
            doc_value_exists(doc_get_str(reply, "writeErrors"))) {
            case_tell_doc(run, "setup got", reply);
        }
    }
    return true;
}

/* One judged command; false when the case is decided. */
static bool case_judge(struct case_run *run, const cJSON *step, const cJSON *expect)
{
    struct slice reply;
    if (!case_send(run, step, &reply)) {
        return false;
    }
    if (expect == NULL) {
        return true;
    }
    struct conf_verdict verdict;
    struct conf_reply judged = {reply, &run->cursors, &run->arena};
    conf_expect(expect, &judged, &verdict);
    run->result->order_differs |= verdict.order_differs;
    if (verdict.pass) {
        return true;
    }
    case_end(run, CONF_FAIL, verdict.cause);
    if (run->detail != NULL) {
        char *text = cJSON_PrintUnformatted(expect);
        buf_format(run->detail, "  %-9s %s\n", "expected", text);
        cJSON_free(text);
    }
    case_tell_doc(run, "got", reply);
    return false;
}

static void case_steps(struct case_run *run, const cJSON *json)
{
    if (!case_drop(run, case_field(json, "dbs")) || !case_set_up(run, case_field(json, "setup"))) {
        return;
    }
    const cJSON *command = case_field(json, "command");
    if (command != NULL) {
        case_judge(run, command, case_field(json, "expect"));
        return;
    }
    const cJSON *step;
    cJSON_ArrayForEach(step, case_field(json, "steps"))
    {
        if (!case_judge(run, step, case_field(step, "expect"))) {
            return;
        }
    }
}

static bool case_is_shared(const cJSON *dbs, const char *own)
{
    const cJSON *db;
    cJSON_ArrayForEach(db, dbs)
    {
        if (strcmp(cJSON_GetStringValue(db), own) != 0) {
            return true;
        }
    }
    return false;
}

void conf_case_run(struct conf_client *client, struct slice line, const char *db,
                   struct conf_result *ret_result, struct buf *detail)
{
    struct case_run run = {.client = client, .result = ret_result, .detail = detail};
    *ret_result = (struct conf_result){.status = CONF_PASS};
    arena_init(&run.arena);
    cJSON *json = cJSON_Parse(conf_ejson_prepare(&run.arena, line, db));
    const char *topology = cJSON_GetStringValue(case_field(json, "topology"));
    if (json == NULL) {
        case_end(&run, CONF_ERROR, "the vector is unreadable");
    } else if (topology != NULL && strcmp(topology, "replica_set") != 0) {
        case_end(&run, CONF_SKIP, "another topology");
    } else {
        bool shared = case_is_shared(case_field(json, "dbs"), db);
        if (shared) {
            pthread_mutex_lock(&case_shared_databases);
        }
        case_steps(&run, json);
        if (shared) {
            pthread_mutex_unlock(&case_shared_databases);
        }
    }
    cJSON_Delete(json);
    arena_close(&run.arena);
}
