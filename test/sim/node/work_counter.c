/* sim/node/work_counter.c - count, one at a time, and read what was counted. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

struct counter_state {
    uint32_t key;
    size_t op; /* in the key's history */
};

static void *counter_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct counter_state));
}

static bool counter_next(struct sim_client *client, struct sim_request *request)
{
    struct counter_state *state = client->state;
    if (client->steps_left == 0) {
        return false;
    }
    client->steps_left--;
    state->key = sim_below(client->world, client->life->options->keys);
    struct sim_counters *history = &client->history->counters[state->key];
    struct check_counter_op op = {.span = sim_asked(client->history)};
    op.is_read = sim_chance(client->world, 20);
    if (op.is_read) {
        buf_format(&request->json, "{\"find\":\"counters\",\"filter\":{\"_id\":%u}}", state->key);
    } else {
        request->manner = SIM_WRITE;
        op.value = 1;
        buf_format(&request->json,
                   "{\"update\":\"counters\",\"updates\":[{\"q\":{\"_id\":%u},"
                   "\"u\":{\"$inc\":{\"n\":1}},\"upsert\":true}]}",
                   state->key);
    }
    state->op = history->count;
    *(struct check_counter_op *)SIM_PUSH(history->ops, history->count, history->cap) = op;
    return true;
}

static void counter_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct counter_state *state = client->state;
    struct check_counter_op *op = &client->history->counters[state->key].ops[state->op];
    if (answer->outcome == SIM_UNKNOWN) {
        return;
    }
    if (answer->outcome == SIM_REFUSED || (!op->is_read && sim_number(answer->reply, "n") != 1)) {
        sim_unexpected(client, answer);
        return;
    }
    op->span.answered = ++client->history->moment;
    struct doc_elem first =
        op->is_read ? doc_first(sim_batch(answer->reply)) : (struct doc_elem){0};
    if (first.value.type == DOC_OBJECT) {
        op->value = sim_number(doc_value_get_doc(first.value), "n");
    }
}

const struct sim_work sim_work_counter = {
    .name = "counter",
    .open = counter_open,
    .next = counter_next,
    .answered = counter_answered,
};
