/* sim/node/work_list.c - append to a few lists, each a document, and read them whole. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

enum { LIST_LENGTH = 60, LIST_VALUES = 10000 };

struct list_state {
    uint32_t key;
    size_t op; /* in the key's history */
    int64_t serial;
};

static void *list_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct list_state));
}

static bool list_next(struct sim_client *client, struct sim_request *request)
{
    struct list_state *state = client->state;
    uint32_t keys = client->life->options->keys;
    if (client->steps_left == 0) {
        return false;
    }
    client->steps_left--;
    uint32_t asked = client->history->lists_asked++;
    state->key =
        (asked / (LIST_LENGTH * keys) * keys + sim_below(client->world, keys)) % SIM_KEYS_MAX;
    struct sim_lists *history = &client->history->lists[state->key];
    struct check_list_op op = {.span = sim_asked(client->history)};
    op.is_read = sim_chance(client->world, 40);
    if (op.is_read) {
        buf_format(&request->json, "{\"find\":\"lists\",\"filter\":{\"_id\":%u}}", state->key);
    } else {
        request->manner = SIM_WRITE;
        op.value = (int64_t)(client->number + 1) * LIST_VALUES + ++state->serial;
        buf_format(&request->json,
                   "{\"update\":\"lists\",\"updates\":[{\"q\":{\"_id\":%u},"
                   "\"u\":{\"$push\":{\"l\":%lld}},\"upsert\":true}]}",
                   state->key, (long long)op.value);
    }
    state->op = history->count;
    *(struct check_list_op *)SIM_PUSH(history->ops, history->count, history->cap) = op;
    return true;
}

static void list_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct list_state *state = client->state;
    struct check_list_op *op = &client->history->lists[state->key].ops[state->op];
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
        op->values = sim_numbers(doc_value_get_doc(first.value), "l", &op->values_count);
    }
}

const struct sim_work sim_work_list = {
    .name = "list",
    .open = list_open,
    .next = list_next,
    .answered = list_answered,
};
