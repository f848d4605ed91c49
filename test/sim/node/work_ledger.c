/* sim/node/work_ledger.c - insert fresh documents, delete and find own ones. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

enum { LEDGER_BATCH = 5 };
enum ledger_action { LEDGER_INSERT, LEDGER_DELETE, LEDGER_FIND };

struct ledger_state {
    enum ledger_action action;
    size_t *own; /* positions in the history's ledger */
    size_t own_count, own_cap;
    size_t first; /* of the action: in `own` */
    size_t count;
};

static void *ledger_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct ledger_state));
}

static struct check_ledger_entry *ledger_entry(struct sim_client *client, size_t position)
{
    struct ledger_state *state = client->state;
    return &client->history->ledger[state->own[position]];
}

static void ledger_insert(struct sim_client *client, struct sim_request *request)
{
    struct ledger_state *state = client->state;
    struct sim_history *history = client->history;
    request->manner = SIM_WRITE;
    state->first = state->own_count;
    state->count = sim_chance(client->world, 50) ? 1 : 1 + sim_below(client->world, LEDGER_BATCH);
    buf_format(&request->json, "{\"insert\":\"ledger\",\"documents\":[");
    for (size_t i = 0; i < state->count; i++) {
        int64_t id = (int64_t)client->number * CHECK_CLIENT_IDS + (int64_t)state->own_count;
        *(size_t *)SIM_PUSH(state->own, state->own_count, state->own_cap) = history->ledger_count;
        *(struct check_ledger_entry *)SIM_PUSH(history->ledger, history->ledger_count,
                                               history->ledger_cap) =
            (struct check_ledger_entry){.id = id};
        buf_format(&request->json, "%s{\"_id\":%lld,\"u\":\"u%lld\",\"pad\":\"%0*d\"}",
                   i == 0 ? "" : ",", (long long)id, (long long)id,
                   (int)sim_below(client->world, 400), 0);
    }
    buf_format(&request->json, "]}");
}

static bool ledger_next(struct sim_client *client, struct sim_request *request)
{
    struct ledger_state *state = client->state;
    uint32_t dice = sim_below(client->world, 100);
    if (client->steps_left == 0) {
        return false;
    }
    client->steps_left--;
    if (state->own_count == 0 || dice < 50) {
        state->action = LEDGER_INSERT;
        ledger_insert(client, request);
        return true;
    }
    state->action = dice < 70 ? LEDGER_DELETE : LEDGER_FIND;
    state->first = sim_below(client->world, (uint32_t)state->own_count);
    state->count = 1;
    long long id = (long long)ledger_entry(client, state->first)->id;
    if (state->action == LEDGER_DELETE) {
        request->manner = SIM_WRITE;
        buf_format(&request->json,
                   "{\"delete\":\"ledger\",\"deletes\":[{\"q\":{\"_id\":%lld},\"limit\":1}]}", id);
    } else if (sim_chance(client->world, 50)) {
        buf_format(&request->json, "{\"find\":\"ledger\",\"filter\":{\"_id\":%lld}}", id);
    } else {
        buf_format(&request->json, "{\"find\":\"ledger\",\"filter\":{\"u\":\"u%lld\"}}", id);
    }
    return true;
}

static void ledger_inserted(struct sim_client *client, const struct sim_answer *answer)
{
    struct ledger_state *state = client->state;
    if (answer->outcome == SIM_DONE && sim_number(answer->reply, "n") != (int64_t)state->count) {
        sim_unexpected(client, answer);
    }
    for (size_t i = 0; i < state->count; i++) {
        ledger_entry(client, state->first + i)->inserted = answer->outcome == SIM_DONE ? CHECK_YES
                                                           : answer->outcome == SIM_UNKNOWN
                                                               ? CHECK_MAYBE
                                                               : CHECK_NO;
    }
}

/* Nobody else deletes it: what is known of it says what the answer must be. */
static void ledger_deleted(struct sim_client *client, const struct sim_answer *answer)
{
    struct ledger_state *state = client->state;
    struct check_ledger_entry *entry = ledger_entry(client, state->first);
    if (answer->outcome == SIM_UNKNOWN) {
        entry->deleted = entry->deleted == CHECK_YES ? CHECK_YES : CHECK_MAYBE;
        return;
    }
    bool gone = answer->outcome == SIM_DONE && sim_number(answer->reply, "n") == 1;
    bool must = entry->inserted == CHECK_YES && entry->deleted == CHECK_NO;
    bool may = entry->inserted != CHECK_NO && entry->deleted != CHECK_YES;
    if (answer->outcome == SIM_DONE && ((must && !gone) || (gone && !may))) {
        sim_unexpected(client, answer);
    }
    if (gone || (answer->outcome == SIM_DONE && entry->inserted == CHECK_YES)) {
        entry->deleted = CHECK_YES; /* else an insertion that was given up may still happen */
    }
}

static void ledger_found(struct sim_client *client, const struct sim_answer *answer)
{
    struct ledger_state *state = client->state;
    struct check_ledger_entry *entry = ledger_entry(client, state->first);
    if (answer->outcome == SIM_UNKNOWN) {
        return;
    }
    size_t count = doc_count(sim_batch(answer->reply));
    bool must = entry->inserted == CHECK_YES && entry->deleted == CHECK_NO;
    bool may = entry->inserted != CHECK_NO && entry->deleted != CHECK_YES;
    if (count > 1 || (must && count == 0) || (!may && count > 0)) {
        sim_unexpected(client, answer);
    }
}

static void ledger_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct ledger_state *state = client->state;
    if (answer->outcome == SIM_REFUSED) {
        sim_unexpected(client, answer);
    } else if (state->action == LEDGER_INSERT) {
        ledger_inserted(client, answer);
    } else if (state->action == LEDGER_DELETE) {
        ledger_deleted(client, answer);
    } else {
        ledger_found(client, answer);
    }
}

const struct sim_work sim_work_ledger = {
    .name = "ledger",
    .open = ledger_open,
    .next = ledger_next,
    .answered = ledger_answered,
};
