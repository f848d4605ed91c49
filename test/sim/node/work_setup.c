/* sim/node/work_setup.c - before anything befalls the node: indexes and accounts. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

/* NULL: the accounts. */
static const char *const setup_steps[] = {
    "{\"createIndexes\":\"ledger\",\"indexes\":[{\"key\":{\"u\":1},\"name\":\"u_1\",\"unique\":"
    "true}]}",
    "{\"createIndexes\":\"registers\",\"indexes\":[{\"key\":{\"v\":1},\"name\":\"v_1\"}]}",
    NULL,
};

enum { SETUP_STEPS = sizeof setup_steps / sizeof setup_steps[0] };

static void *setup_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(size_t));
}

static void setup_accounts(struct sim_client *client, struct sim_request *request)
{
    struct sim_history *history = client->history;
    history->accounts = client->life->options->keys + 2;
    buf_format(&request->json, "{\"insert\":\"accounts\",\"documents\":[");
    for (uint32_t i = 0; i < history->accounts; i++) {
        buf_format(&request->json, "%s{\"_id\":%u,\"b\":%d}", i == 0 ? "" : ",", i, SIM_BALANCE);
    }
    buf_format(&request->json, "]}");
}

static bool setup_next(struct sim_client *client, struct sim_request *request)
{
    const size_t *at = client->state;
    if (*at == SETUP_STEPS) {
        return false;
    }
    if (setup_steps[*at] == NULL) {
        setup_accounts(client, request);
    } else {
        buf_format(&request->json, "%s", setup_steps[*at]);
    }
    return true;
}

static void setup_answered(struct sim_client *client, const struct sim_answer *answer)
{
    size_t *at = client->state;
    (*at)++;
    if (answer->outcome != SIM_DONE ||
        doc_value_exists(doc_get_str(answer->reply, "writeErrors"))) {
        sim_unexpected(client, answer);
    }
}

const struct sim_work sim_work_setup = {
    .name = "setup",
    .open = setup_open,
    .next = setup_next,
    .answered = setup_answered,
};
