/* sim/node/work_audit.c - when all is over, read everything, by each way there is. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

struct audit_step {
    const char *json;
    void (*answered)(struct sim_client *client, struct slice reply);
};

struct audit_state {
    size_t at;
    size_t found; /* by the step before */
};

#define AUDIT_ALL "\"filter\":{},\"batchSize\":100000"

/* The same as many as the step before has found, by another way. */
static void audit_as_many(struct sim_client *client, size_t count, const char *what)
{
    const struct audit_state *state = client->state;
    if (count != state->found) {
        sim_fail(client->world, "%s: %zu, and there are %zu", what, count, state->found);
    }
}

static void audit_ledger(struct sim_client *client, struct slice reply)
{
    struct audit_state *state = client->state;
    struct sim_history *history = client->history;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, sim_batch(reply));
    while (doc_iter_next(&iter, &elem)) {
        *(int64_t *)SIM_PUSH(history->found, history->found_count, history->found_cap) =
            sim_number(doc_value_get_doc(elem.value), "_id");
    }
    state->found = history->found_count;
}

static void audit_ledger_index(struct sim_client *client, struct slice reply)
{
    audit_as_many(client, doc_count(sim_batch(reply)), "ledger by its index");
}

static void audit_count(struct sim_client *client, struct slice reply)
{
    audit_as_many(client, (size_t)sim_number(reply, "n"), "ledger as it is counted");
}

/* A read of every register, also of those that are not there. */
static void audit_registers(struct sim_client *client, struct slice reply)
{
    struct audit_state *state = client->state;
    int64_t values[SIM_KEYS_MAX] = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    struct slice batch = sim_batch(reply);
    doc_iter_init(&iter, batch);
    while (doc_iter_next(&iter, &elem)) {
        struct slice doc = doc_value_get_doc(elem.value);
        values[sim_number(doc, "_id") % SIM_KEYS_MAX] = sim_number(doc, "v");
    }
    state->found = doc_count(batch);
    for (int key = 0; key < SIM_KEYS_MAX; key++) {
        struct sim_registers *history = &client->history->registers[key];
        struct check_register_op op = {.span = sim_asked(client->history), .value = values[key]};
        op.span.answered = ++client->history->moment;
        *(struct check_register_op *)SIM_PUSH(history->ops, history->count, history->cap) = op;
    }
}

static void audit_registers_index(struct sim_client *client, struct slice reply)
{
    audit_as_many(client, doc_count(sim_batch(reply)), "registers by their index");
}

static void audit_lists(struct sim_client *client, struct slice reply)
{
    struct check_list_op final[SIM_KEYS_MAX] = {{{0, 0}, false, 0, NULL, 0}};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, sim_batch(reply));
    while (doc_iter_next(&iter, &elem)) {
        struct slice doc = doc_value_get_doc(elem.value);
        struct check_list_op *op = &final[sim_number(doc, "_id") % SIM_KEYS_MAX];
        op->values = sim_numbers(doc, "l", &op->values_count);
    }
    for (int key = 0; key < SIM_KEYS_MAX; key++) {
        struct sim_lists *history = &client->history->lists[key];
        final[key].span = sim_asked(client->history);
        final[key].span.answered = ++client->history->moment;
        final[key].is_read = true;
        *(struct check_list_op *)SIM_PUSH(history->ops, history->count, history->cap) = final[key];
    }
}

static void audit_counters(struct sim_client *client, struct slice reply)
{
    int64_t values[SIM_KEYS_MAX] = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, sim_batch(reply));
    while (doc_iter_next(&iter, &elem)) {
        struct slice doc = doc_value_get_doc(elem.value);
        values[sim_number(doc, "_id") % SIM_KEYS_MAX] = sim_number(doc, "n");
    }
    for (int key = 0; key < SIM_KEYS_MAX; key++) {
        struct sim_counters *history = &client->history->counters[key];
        struct check_counter_op op = {sim_asked(client->history), true, values[key]};
        op.span.answered = ++client->history->moment;
        *(struct check_counter_op *)SIM_PUSH(history->ops, history->count, history->cap) = op;
    }
}

static void audit_accounts(struct sim_client *client, struct slice reply)
{
    sim_note_balances(client->history, reply);
}

static const struct audit_step audit_steps[] = {
    {"{\"find\":\"ledger\"," AUDIT_ALL "}", audit_ledger},
    {"{\"find\":\"ledger\"," AUDIT_ALL ",\"hint\":\"u_1\"}", audit_ledger_index},
    {"{\"count\":\"ledger\"}", audit_count},
    {"{\"find\":\"registers\"," AUDIT_ALL "}", audit_registers},
    {"{\"find\":\"registers\"," AUDIT_ALL ",\"hint\":\"v_1\"}", audit_registers_index},
    {"{\"find\":\"lists\"," AUDIT_ALL "}", audit_lists},
    {"{\"find\":\"counters\"," AUDIT_ALL "}", audit_counters},
    {"{\"find\":\"accounts\"," AUDIT_ALL "}", audit_accounts},
};

enum { AUDIT_STEPS = sizeof audit_steps / sizeof audit_steps[0] };

static void *audit_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct audit_state));
}

static bool audit_next(struct sim_client *client, struct sim_request *request)
{
    const struct audit_state *state = client->state;
    if (state->at == AUDIT_STEPS) {
        return false;
    }
    buf_format(&request->json, "%s", audit_steps[state->at].json);
    return true;
}

static void audit_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct audit_state *state = client->state;
    if (answer->outcome != SIM_DONE) {
        sim_unexpected(client, answer);
        return;
    }
    audit_steps[state->at++].answered(client, answer->reply);
}

const struct sim_work sim_work_audit = {
    .name = "audit",
    .open = audit_open,
    .next = audit_next,
    .answered = audit_answered,
};
