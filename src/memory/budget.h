/* memory/budget.h - a tree of budgets: what each part of the process may hold.
 *
 * Invariant   the use of a budget includes that of the budgets below it; a charge never takes any
 *             use past a hard limit. What is measured elsewhere (memory_measure) counts even then.
 * Thread      any, but building and freeing the tree: one, before and after all others. A reclaimer
 *             runs on the thread whose charge needed it, one of the tree's at a time; it may
 *             uncharge, and what it charges finds no reclaimer. An owner: one thread at a time.
 * Memory      a budget owns a copy of nothing: names and advice live as long as it. Reclaimers
 *             belong to the caller until they are removed.
 * Errors      -LT_EEXCEEDEDMEMORYLIMIT; nothing is charged then, and the text names the budget that
 *             refused, its limit and the root's advice.
 */
#ifndef MEMORY_BUDGET_H
#define MEMORY_BUDGET_H

#include "base/err.h"

struct memory_budget;

struct memory_budget_options {
    const char *name;
    const char *advice;           /* of the root: how to get more, for the texts of refusals */
    struct memory_budget *parent; /* NULL: the root */
    uint64_t soft;                /* past it reclaimers are called; 0: none */
    uint64_t hard;                /* past it charges are refused; 0: none */
};

struct memory_budget *memory_budget_new(const struct memory_budget_options *options);
/* Those below it go first, and nothing may be charged any more. NULL is fine. */
void memory_budget_free(struct memory_budget *budget);

/* Charge a budget and all above it. `err` may be NULL. */
int memory_charge(struct memory_budget *budget, uint64_t bytes, struct err *err);
void memory_uncharge(struct memory_budget *budget, uint64_t bytes);

/* What a part that bounds itself was found to hold: takes the place of the last measure. One thread
 * measures a budget, and nobody charges it. */
void memory_measure(struct memory_budget *budget, uint64_t bytes);

/* ---- reclaiming ---- */

struct memory_reclaimer {
    /* Give back about so many bytes, which are uncharged by then; returns how many. */
    uint64_t (*give_back)(void *context, uint64_t bytes);
    void *context;
    struct memory_reclaimer *next; /* the tree's */
};

/* Called for the budget and those below it. */
void memory_reclaimer_add(struct memory_budget *budget, struct memory_reclaimer *reclaimer);
void memory_reclaimer_remove(struct memory_budget *budget, struct memory_reclaimer *reclaimer);

/* Ask the reclaimers of the budget and those above it for `bytes`; returns what they gave back,
 * 0 also on a thread that is reclaiming. Waits for another thread's reclaiming. */
uint64_t memory_reclaim(struct memory_budget *budget, uint64_t bytes);

/* ---- looking ---- */

struct memory_budget_stats {
    const char *name;
    uint64_t used;
    uint64_t peak;
    uint64_t soft; /* 0: none */
    uint64_t hard;
    uint64_t refusals; /* charges that this budget refused */
};

struct memory_budget_stats memory_budget_stats(struct memory_budget *budget);

/* ---- owners: many small pieces, few charges ---- */

enum { MEMORY_STEP = 64 << 10 };

/* What one operation holds. The tree is charged in steps, ahead of it; its counters, which all
 * threads share, are not touched for each piece. A zeroed owner counts, and is never refused. */
struct memory_owner {
    struct memory_budget *budget; /* NULL: none */
    uint64_t held;
    uint64_t charged; /* at least `held` when there is a budget */
};

int memory_owner_take(struct memory_owner *owner, uint64_t bytes, struct err *err);
void memory_owner_give(struct memory_owner *owner, uint64_t bytes);
/* Keep charged what is held, no more: for one that rests. */
void memory_owner_trim(struct memory_owner *owner);
/* Give back everything; the owner may be used again. */
void memory_owner_close(struct memory_owner *owner);

#endif
