/* sim/node/history.h - what all clients of a run asked and were answered.
 *
 * Invariant   an operation is noted when it is asked; its answer is filled in when it comes.
 * Thread      one.
 * Memory      the history owns everything until the process ends.
 * Errors      none.
 */
#ifndef SIM_NODE_HISTORY_H
#define SIM_NODE_HISTORY_H

#include "sim/node/check.h"
#include "sim/node/client.h"

enum { SIM_KEYS_MAX = 128, SIM_BALANCE = 100, SIM_TOKEN = 64 };

struct sim_registers {
    struct check_register_op *ops;
    size_t count, cap;
};
struct sim_lists {
    struct check_list_op *ops;
    size_t count, cap;
};
struct sim_counters {
    struct check_counter_op *ops;
    size_t count, cap;
};

/* A change stream on the ledger. */
struct sim_watch {
    char token[SIM_TOKEN];  /* where to resume; "": it was never opened */
    char newest[SIM_TOKEN]; /* of the last event */
    struct check_watch_event *events;
    size_t count, cap;
};

struct sim_history {
    uint64_t moment; /* the newest */
    struct check_ledger_entry *ledger;
    size_t ledger_count, ledger_cap;
    struct sim_registers registers[SIM_KEYS_MAX];
    struct sim_lists lists[SIM_KEYS_MAX];
    struct sim_counters counters[SIM_KEYS_MAX];
    uint32_t registers_asked, lists_asked; /* in all */
    struct check_bank_view *views;
    size_t views_count, views_cap;
    uint32_t accounts;
    struct sim_watch watch;
    int64_t *found; /* ids of the ledger in the end */
    size_t found_count, found_cap;
};

/* One more at the end of an array. */
void *sim_push(void **items, size_t *count, size_t *cap, size_t size);
#define SIM_PUSH(items, count, cap) sim_push((void **)&(items), &(count), &(cap), sizeof *(items))

/* Asked now, answered never. */
struct check_span sim_asked(struct sim_history *history);

/* The documents of a find's reply. */
struct slice sim_batch(struct slice reply);
/* A whole number in a document; 0 when it is not there. */
int64_t sim_number(struct slice doc, const char *name);
/* The numbers of an array field; *ret_count of them, to be kept. */
const int64_t *sim_numbers(struct slice doc, const char *name, size_t *ret_count);

/* A find of all accounts: one more view of the bank. */
void sim_note_balances(struct sim_history *history, struct slice reply);

/* Let every checker look: the first complaint fails the run. */
void sim_history_check(struct sim_history *history, struct sim_world *world);

/* A reply that no command of these clients should get. */
void sim_unexpected(struct sim_client *client, const struct sim_answer *answer);

extern const struct sim_work sim_work_ledger;
extern const struct sim_work sim_work_register;
extern const struct sim_work sim_work_list;
extern const struct sim_work sim_work_counter;
extern const struct sim_work sim_work_bank;
extern const struct sim_work sim_work_watch;
extern const struct sim_work sim_work_setup;
extern const struct sim_work sim_work_audit;

#endif
