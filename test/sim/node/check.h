/* sim/node/check.h - is a history one that a correct database can give?
 *
 * Invariant   a checker looks at values only: what was asked, when it was asked and answered, and
 *             what came back. Times are numbers of moments; what was never answered may have
 *             happened at any moment since it was asked, once, or never.
 * Thread      any.
 * Memory      borrows its arguments.
 * Errors      false, and what is wrong in verdict->text.
 */
#ifndef SIM_NODE_CHECK_H
#define SIM_NODE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_verdict {
    char text[256];
};

/* Say what is wrong; returns false. */
bool check_reject(struct check_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* When something was asked and answered. */
struct check_span {
    uint64_t asked;
    uint64_t answered; /* CHECK_NEVER: not */
};
#define CHECK_NEVER UINT64_MAX

/* ---- ledger: what was acknowledged is there, once ---- */

enum check_fate { CHECK_NO, CHECK_MAYBE, CHECK_YES };

struct check_ledger_entry {
    int64_t id;
    enum check_fate inserted;
    enum check_fate deleted;
};
/* `found`: the ids that are there in the end, in any order, as often as they are. */
bool check_ledger(const struct check_ledger_entry *entries, size_t count, const int64_t *found,
                  size_t found_count, struct check_verdict *verdict);

/* ---- watch: each event is told once, in order ---- */

/* An id says whose it is: client * CHECK_CLIENT_IDS + how many it made before. */
enum { CHECK_CLIENTS = 16, CHECK_CLIENT_IDS = 100000 };

struct check_watch_event {
    int64_t id;
    bool is_delete; /* else an insertion */
};
struct check_watch {
    const struct check_ledger_entry *entries;
    size_t count;
    const struct check_watch_event *events; /* all that a stream told, from its beginning on */
    size_t events_count;
    const int64_t *found; /* the ids that are there in the end */
    size_t found_count;
};
bool check_watch(const struct check_watch *watch, struct check_verdict *verdict);

/* ---- register: is there one order of all operations that explains each answer? ---- */

enum check_register_kind { CHECK_READ, CHECK_WRITE, CHECK_SWAP, CHECK_REMOVE };

struct check_register_op {
    struct check_span span;
    enum check_register_kind kind;
    int64_t value;    /* READ: what was there; WRITE, SWAP: what is put; 0: nothing */
    int64_t expected; /* SWAP: only where this is */
    bool happened;    /* SWAP, REMOVE: what the answer says */
};
/* Wing and Gong's search with Lowe's memory of what was tried. One register, 0 at first. */
bool check_register(const struct check_register_op *ops, size_t count,
                    struct check_verdict *verdict);

/* ---- list: appends are there once, in one order, and reads are its beginnings ---- */

struct check_list_op {
    struct check_span span;
    bool is_read;
    int64_t value;         /* appended */
    const int64_t *values; /* read */
    size_t values_count;
};
/* The last read must be that of the end: all that was answered is in it. */
bool check_list(const struct check_list_op *ops, size_t count, struct check_verdict *verdict);

/* ---- counter: each increment counts once ---- */

struct check_counter_op {
    struct check_span span;
    bool is_read;
    int64_t value; /* added, or read */
};
bool check_counter(const struct check_counter_op *ops, size_t count, struct check_verdict *verdict);

/* ---- bank: money is moved, neither made nor lost ---- */

struct check_bank_view {
    const int64_t *balances;
    size_t count;
};
/* Each view is one snapshot of all accounts. */
bool check_bank(const struct check_bank_view *views, size_t count, int64_t total,
                struct check_verdict *verdict);

#endif
