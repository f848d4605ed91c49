/* sim/node/work_register.c - write, read, swap and remove a few registers, each a document. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

enum { REGISTER_LENGTH = 40, REGISTER_VALUES = 10000 };

struct register_state {
    uint32_t key;
    size_t op; /* in the key's history */
    int64_t serial;
    int64_t seen[SIM_KEYS_MAX]; /* the last value that was read or written */
};

static void *register_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct register_state));
}

/* Keys change after a while: a search over long histories takes long. */
static uint32_t register_key(struct sim_client *client)
{
    uint32_t keys = client->life->options->keys;
    uint32_t asked = client->history->registers_asked++;
    return (asked / (REGISTER_LENGTH * keys) * keys + sim_below(client->world, keys)) %
           SIM_KEYS_MAX;
}

static void register_build(struct sim_request *request, const struct check_register_op *op,
                           uint32_t key)
{
    long long value = (long long)op->value;
    switch (op->kind) {
    case CHECK_READ:
        buf_format(&request->json, "{\"find\":\"registers\",\"filter\":{\"_id\":%u}}", key);
        return;
    case CHECK_WRITE:
        buf_format(&request->json,
                   "{\"update\":\"registers\",\"updates\":[{\"q\":{\"_id\":%u},"
                   "\"u\":{\"$set\":{\"v\":%lld}},\"upsert\":true}]}",
                   key, value);
        break;
    case CHECK_SWAP:
        buf_format(&request->json,
                   "{\"findAndModify\":\"registers\",\"query\":{\"_id\":%u,\"v\":%lld},"
                   "\"update\":{\"$set\":{\"v\":%lld}}}",
                   key, (long long)op->expected, value);
        break;
    case CHECK_REMOVE:
        buf_format(&request->json,
                   "{\"delete\":\"registers\",\"deletes\":[{\"q\":{\"_id\":%u},\"limit\":1}]}",
                   key);
        break;
    }
    request->manner = SIM_WRITE;
}

static bool register_next(struct sim_client *client, struct sim_request *request)
{
    struct register_state *state = client->state;
    uint32_t dice = sim_below(client->world, 100);
    if (client->steps_left == 0) {
        return false;
    }
    client->steps_left--;
    state->key = register_key(client);
    struct sim_registers *history = &client->history->registers[state->key];
    struct check_register_op op = {.span = sim_asked(client->history)};
    op.expected = state->seen[state->key];
    op.kind = dice < 35                       ? CHECK_READ
              : dice < 60 || op.expected == 0 ? CHECK_WRITE
              : dice < 85                     ? CHECK_SWAP
                                              : CHECK_REMOVE;
    if (op.kind == CHECK_WRITE || op.kind == CHECK_SWAP) {
        op.value = (int64_t)(client->number + 1) * REGISTER_VALUES + ++state->serial;
    }
    state->op = history->count;
    register_build(request, &op, state->key);
    *(struct check_register_op *)SIM_PUSH(history->ops, history->count, history->cap) = op;
    return true;
}

static int64_t register_value(struct slice reply)
{
    struct doc_elem first = doc_first(sim_batch(reply));
    return first.value.type == DOC_OBJECT ? sim_number(doc_value_get_doc(first.value), "v") : 0;
}

static void register_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct register_state *state = client->state;
    struct check_register_op *op = &client->history->registers[state->key].ops[state->op];
    if (answer->outcome == SIM_REFUSED || (answer->outcome == SIM_DONE && op->kind == CHECK_WRITE &&
                                           sim_number(answer->reply, "n") != 1)) {
        sim_unexpected(client, answer);
        return;
    }
    if (answer->outcome == SIM_UNKNOWN) {
        return;
    }
    op->span.answered = ++client->history->moment;
    if (op->kind == CHECK_READ) {
        op->value = register_value(answer->reply);
    } else if (op->kind == CHECK_SWAP) {
        op->happened = doc_get_str(answer->reply, "value").type == DOC_OBJECT;
    } else if (op->kind == CHECK_REMOVE) {
        op->happened = sim_number(answer->reply, "n") == 1;
    }
    if (op->kind != CHECK_SWAP || op->happened) {
        state->seen[state->key] = op->value;
    }
}

const struct sim_work sim_work_register = {
    .name = "register",
    .open = register_open,
    .next = register_next,
    .answered = register_answered,
};
