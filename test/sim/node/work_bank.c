/* sim/node/work_bank.c - move money between two accounts in a transaction, or look at all of them.
 *
 *   transfer  begin: read both ──> take from one ──> give to the other ──> commit
 *   view      begin: read all ──> commit
 *
 * Whatever is refused or lost before the commit is given up, and begun anew as another one: the
 * server forgets the old one when the same session begins the next. */
#include "base/mem.h"
#include "doc/view.h"
#include "sim/node/history.h"

enum bank_state_name { BANK_IDLE, BANK_READ, BANK_TAKE, BANK_GIVE, BANK_COMMIT };

struct bank_state {
    enum bank_state_name at; /* what was asked last */
    bool is_view;
    uint32_t from, to;
    int64_t amount;
};

static void *bank_open(struct sim_client *client)
{
    (void)client;
    return mem_zero(1, sizeof(struct bank_state));
}

static void bank_begin(struct sim_client *client, struct sim_request *request)
{
    struct bank_state *state = client->state;
    uint32_t accounts = client->history->accounts;
    client->steps_left--;
    request->manner = SIM_BEGIN;
    state->at = BANK_READ;
    state->is_view = sim_chance(client->world, 40);
    state->from = sim_below(client->world, accounts);
    state->to = (state->from + 1 + sim_below(client->world, accounts - 1)) % accounts;
    state->amount = 1 + sim_below(client->world, 10);
    if (state->is_view) {
        buf_format(&request->json, "{\"find\":\"accounts\",\"filter\":{},\"sort\":{\"_id\":1}}");
    } else {
        buf_format(&request->json, "{\"find\":\"accounts\",\"filter\":{\"_id\":{\"$in\":[%u,%u]}}}",
                   state->from, state->to);
    }
}

static void bank_move(struct sim_client *client, struct sim_request *request)
{
    struct bank_state *state = client->state;
    bool takes = state->at == BANK_READ;
    state->at = takes ? BANK_TAKE : BANK_GIVE;
    request->manner = SIM_WITHIN;
    buf_format(&request->json,
               "{\"update\":\"accounts\",\"updates\":[{\"q\":{\"_id\":%u},"
               "\"u\":{\"$inc\":{\"b\":%lld}}}]}",
               takes ? state->from : state->to,
               (long long)(takes ? -state->amount : state->amount));
}

static bool bank_next(struct sim_client *client, struct sim_request *request)
{
    struct bank_state *state = client->state;
    if (state->at == BANK_IDLE) {
        if (client->steps_left == 0) {
            return false;
        }
        bank_begin(client, request);
    } else if (state->at == BANK_GIVE || state->is_view) {
        state->at = BANK_COMMIT;
        request->manner = SIM_END;
        request->db = "admin";
        buf_format(&request->json, "{\"commitTransaction\":1}");
    } else {
        bank_move(client, request);
    }
    return true;
}

static void bank_answered(struct sim_client *client, const struct sim_answer *answer)
{
    struct bank_state *state = client->state;
    bool moved = state->at != BANK_TAKE && state->at != BANK_GIVE;
    if (answer->outcome != SIM_DONE || state->at == BANK_COMMIT) {
        state->at = BANK_IDLE;
    } else if (state->at == BANK_READ && state->is_view) {
        sim_note_balances(client->history, answer->reply);
    } else if (!moved && sim_number(answer->reply, "n") != 1) {
        sim_unexpected(client, answer);
    }
}

const struct sim_work sim_work_bank = {
    .name = "bank",
    .open = bank_open,
    .next = bank_next,
    .answered = bank_answered,
};
