/* sim/node/work_watch.c - follow the ledger by a change stream, and resume it wherever it broke
 * off.
 *
 * A getMore whose answer is lost is not sent again: what it told is told once more to who resumes
 * behind the last thing he has. Without steps left it reads on until there is nothing more. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

enum { WATCH_NO_CURSOR = 43, WATCH_BATCH = 4, WATCH_WAIT_MS = 20 };

struct watch_state {
    int64_t cursor; /* 0: none is open */
    bool is_open;   /* it was asked for more, so an empty answer is the end */
    bool is_idle;   /* there was nothing more */
};

static void *watch_open(struct sim_client *client)
{
    client->retries = false;
    return mem_zero(1, sizeof(struct watch_state));
}

static void watch_begin(struct sim_client *client, struct sim_request *request)
{
    const struct sim_watch *watch = &client->history->watch;
    buf_format(&request->json, "{\"aggregate\":\"ledger\",\"pipeline\":[{\"$changeStream\":{");
    if (watch->token[0] != '\0') {
        buf_format(&request->json, "\"resumeAfter\":{\"_data\":\"%s\"}", watch->token);
    }
    buf_format(&request->json, "}}],\"cursor\":{\"batchSize\":%u}}",
               1 + sim_below(client->world, WATCH_BATCH));
}

static bool watch_next(struct sim_client *client, struct sim_request *request)
{
    struct watch_state *state = client->state;
    if (client->steps_left == 0 && state->is_idle) {
        return false;
    }
    client->steps_left -= client->steps_left > 0;
    if (sim_chance(client->world, 10)) {
        state->cursor = 0; /* its program begins anew */
    }
    state->is_open = state->cursor != 0;
    if (!state->is_open) {
        watch_begin(client, request);
        return true;
    }
    request->manner = SIM_WRITE;
    buf_format(&request->json,
               "{\"getMore\":{\"$numberLong\":\"%lld\"},\"collection\":\"ledger\",\"batchSize\":%u,"
               "\"maxTimeMS\":%u}",
               (long long)state->cursor, 1 + sim_below(client->world, WATCH_BATCH),
               1 + sim_below(client->world, WATCH_WAIT_MS));
    return true;
}

/* The digits of {_data: "..."}, into `ret_token`. */
static void watch_token(struct sim_client *client, struct doc_value token,
                        char ret_token[SIM_TOKEN])
{
    struct doc_value data = doc_missing;
    if (token.type == DOC_OBJECT) {
        data = doc_get_str(doc_value_get_doc(token), "_data");
    }
    if (data.type != DOC_STRING || doc_value_get_string(data).len >= SIM_TOKEN) {
        sim_fail(client->world, "%s gets no resume token", client->name);
        return;
    }
    struct slice text = doc_value_get_string(data);
    memcpy(ret_token, text.data, text.len);
    ret_token[text.len] = '\0';
}

static void watch_event(struct sim_client *client, struct slice event)
{
    struct sim_watch *watch = &client->history->watch;
    struct doc_value type = doc_get_str(event, "operationType");
    struct doc_value key = doc_get_str(event, "documentKey");
    char token[SIM_TOKEN] = "";
    watch_token(client, doc_get_str(event, "_id"), token);
    if (strcmp(token, watch->newest) <= 0) {
        sim_fail(client->world, "%s is told of %s behind %s", client->name, token, watch->newest);
    }
    memcpy(watch->newest, token, sizeof token);
    bool is_delete = slice_is(doc_value_get_string(type), "delete");
    if (key.type != DOC_OBJECT || (!is_delete && !slice_is(doc_value_get_string(type), "insert"))) {
        sim_fail(client->world, "%s is told of what nobody did", client->name);
        return;
    }
    *(struct check_watch_event *)SIM_PUSH(watch->events, watch->count, watch->cap) =
        (struct check_watch_event){sim_number(doc_value_get_doc(key), "_id"), is_delete};
}

/* A program may keep the place of the last event, or the one behind the batch. */
static void watch_keep_place(struct sim_client *client, struct slice cursor, size_t count)
{
    struct sim_watch *watch = &client->history->watch;
    if (count > 0 && sim_chance(client->world, 50)) {
        memcpy(watch->token, watch->newest, sizeof watch->token);
    } else {
        watch_token(client, doc_get_str(cursor, "postBatchResumeToken"), watch->token);
    }
}

static void watch_take(struct sim_client *client, struct slice reply)
{
    struct watch_state *state = client->state;
    struct slice cursor = doc_value_get_doc(doc_get_str(reply, "cursor"));
    struct doc_value batch = doc_get_str(cursor, state->is_open ? "nextBatch" : "firstBatch");
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = 0;
    doc_iter_value(&iter, batch);
    while (doc_iter_next(&iter, &elem)) {
        watch_event(client, doc_value_get_doc(elem.value));
        count++;
    }
    watch_keep_place(client, cursor, count);
    state->cursor = sim_number(cursor, "id");
    state->is_idle = state->is_open && count == 0;
}

static void watch_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct watch_state *state = client->state;
    if (answer->outcome == SIM_DONE) {
        watch_take(client, answer->reply);
        return;
    }
    if (answer->outcome == SIM_REFUSED && (!state->is_open || answer->code != WATCH_NO_CURSOR)) {
        sim_unexpected(client, answer);
    }
    state->cursor = 0; /* the node has begun anew, or the answer is lost */
}

const struct sim_work sim_work_watch = {
    .name = "watch",
    .open = watch_open,
    .next = watch_next,
    .answered = watch_answered,
};
