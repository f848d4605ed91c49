/* sim/node/history.c - arrays that grow, numbers out of replies, and the verdict. */
#include "sim/node/history.h"

#include "base/mem.h"
#include "doc/json.h"
#include "doc/view.h"

void *sim_push(void **items, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        *cap = *cap == 0 ? 16 : *cap * 2;
        *items = mem_grow(*items, *cap * size);
    }
    return (uint8_t *)*items + (*count)++ * size;
}

struct check_span sim_asked(struct sim_history *history)
{
    return (struct check_span){++history->moment, CHECK_NEVER};
}

struct slice sim_batch(struct slice reply)
{
    struct doc_value cursor = doc_get_str(reply, "cursor");
    struct doc_value batch = cursor.type == DOC_OBJECT
                                 ? doc_get_str(doc_value_get_doc(cursor), "firstBatch")
                                 : doc_missing;
    return doc_value_get_doc(batch.type == DOC_ARRAY ? batch : doc_empty_array);
}

int64_t sim_number(struct slice doc, const char *name)
{
    int64_t number = 0;
    struct doc_value value = doc_get_str(doc, name);
    return doc_value_is_number(value) && doc_value_to_i64_exact(value, &number) ? number : 0;
}

const int64_t *sim_numbers(struct slice doc, const char *name, size_t *ret_count)
{
    struct doc_value array = doc_get_str(doc, name);
    struct doc_iter iter;
    struct doc_elem elem;
    int64_t *numbers = NULL;
    size_t cap = 0;
    *ret_count = 0;
    if (array.type != DOC_ARRAY) {
        return NULL;
    }
    doc_iter_value(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        int64_t *number = SIM_PUSH(numbers, *ret_count, cap);
        if (!doc_value_is_number(elem.value) || !doc_value_to_i64_exact(elem.value, number)) {
            *number = INT64_MIN; /* no client wrote it */
        }
    }
    return numbers;
}

void sim_note_balances(struct sim_history *history, struct slice reply)
{
    struct check_bank_view *view =
        SIM_PUSH(history->views, history->views_count, history->views_cap);
    struct doc_iter iter;
    struct doc_elem elem;
    int64_t *balances = NULL;
    size_t cap = 0;
    view->count = 0;
    doc_iter_init(&iter, sim_batch(reply));
    while (doc_iter_next(&iter, &elem)) {
        *(int64_t *)SIM_PUSH(balances, view->count, cap) =
            sim_number(doc_value_get_doc(elem.value), "b");
    }
    view->balances = balances;
}

void sim_unexpected(struct sim_client *client, const struct sim_answer *answer)
{
    struct buf text;
    buf_init(&text, NULL);
    doc_json_write(&text, answer->reply, DOC_JSON_RELAXED);
    sim_fail(client->world, "%s (%s) gets an answer that cannot be: %.*s", client->name,
             client->work->name, (int)(text.len < 300 ? text.len : 300), (const char *)text.data);
    buf_close(&text);
}

void sim_history_check(struct sim_history *history, struct sim_world *world)
{
    struct check_verdict verdict;
    if (!check_ledger(history->ledger, history->ledger_count, history->found, history->found_count,
                      &verdict)) {
        sim_fail(world, "ledger: %s", verdict.text);
    }
    struct check_watch watch = {history->ledger,      history->ledger_count, history->watch.events,
                                history->watch.count, history->found,        history->found_count};
    if (history->watch.token[0] != '\0' && !check_watch(&watch, &verdict)) {
        sim_fail(world, "watch: %s", verdict.text);
    }
    if (!check_bank(history->views, history->views_count, (int64_t)history->accounts * SIM_BALANCE,
                    &verdict)) {
        sim_fail(world, "bank: %s", verdict.text);
    }
    for (int key = 0; key < SIM_KEYS_MAX; key++) {
        if (!check_register(history->registers[key].ops, history->registers[key].count, &verdict)) {
            sim_fail(world, "register %d: %s", key, verdict.text);
        }
        if (!check_list(history->lists[key].ops, history->lists[key].count, &verdict)) {
            sim_fail(world, "list %d: %s", key, verdict.text);
        }
        if (!check_counter(history->counters[key].ops, history->counters[key].count, &verdict)) {
            sim_fail(world, "counter %d: %s", key, verdict.text);
        }
    }
}
