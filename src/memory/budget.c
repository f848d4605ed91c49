/* memory/budget.c - charging a chain of budgets, undoing it, and asking for memory back.
 *
 * A charge goes up from its budget to the root, each use by compare and swap, so that none is ever
 * seen past its hard limit. One that is refused on the way takes back what it had charged below,
 * asks the reclaimers, and tries once more. */
#include "memory/budget.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

enum { BUDGET_PARTS = 16 }; /* past the soft limit, every 16th part of it reclaims again */

struct memory_budget {
    const char *name;
    const char *advice;
    struct memory_budget *parent;
    struct memory_budget *root;
    uint64_t soft;
    uint64_t hard;
    _Atomic uint64_t used;
    _Atomic uint64_t peak;
    _Atomic uint64_t refusals;
    _Atomic uint64_t reclaim_at;         /* the use that reclaims next; 0: the soft limit */
    uint64_t measured;                   /* by the one thread that measures */
    struct memory_reclaimer *reclaimers; /* under the root's lock */
    pthread_mutex_t lock;                /* of the root; knows when its holder asks again */
};

struct memory_budget *memory_budget_new(const struct memory_budget_options *options)
{
    struct memory_budget *budget = mem_zero(1, sizeof *budget);
    pthread_mutexattr_t attributes;
    budget->name = options->name;
    budget->parent = options->parent;
    budget->root = options->parent == NULL ? budget : options->parent->root;
    budget->advice = options->parent == NULL ? options->advice : options->parent->advice;
    budget->soft = options->soft;
    budget->hard = options->hard;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&budget->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return budget;
}

void memory_budget_free(struct memory_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    assert(budget->reclaimers == NULL);
    memory_measure(budget, 0);
    pthread_mutex_destroy(&budget->lock);
    mem_free(budget);
}

/* ---- charging ---- */

static bool budget_take(struct memory_budget *budget, uint64_t bytes)
{
    uint64_t used = atomic_load(&budget->used);
    do {
        bool full = budget->hard != 0 && (bytes > budget->hard || used > budget->hard - bytes);
        if (full) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&budget->used, &used, used + bytes));
    return true;
}

static void budget_give(struct memory_budget *budget, const struct memory_budget *end,
                        uint64_t bytes)
{
    for (; budget != end; budget = budget->parent) {
        uint64_t before = atomic_fetch_sub(&budget->used, bytes);
        assert(before >= bytes);
    }
}

/* Charge all, or none: the budget that refused, or NULL. */
static struct memory_budget *budget_take_all(struct memory_budget *budget, uint64_t bytes)
{
    for (struct memory_budget *at = budget; at != NULL; at = at->parent) {
        if (!budget_take(at, bytes)) {
            budget_give(budget, at, bytes);
            return at;
        }
    }
    return NULL;
}

static void budget_note_peak(struct memory_budget *budget)
{
    uint64_t used = atomic_load(&budget->used);
    uint64_t peak = atomic_load(&budget->peak);
    while (used > peak && !atomic_compare_exchange_weak(&budget->peak, &peak, used)) {
    }
}

/* ---- reclaiming ---- */

/* With the root's lock. */
static uint64_t budget_reclaim(struct memory_budget *budget, uint64_t bytes)
{
    uint64_t given = 0;
    for (; budget != NULL && given < bytes; budget = budget->parent) {
        struct memory_reclaimer *at = budget->reclaimers;
        for (; at != NULL && given < bytes; at = at->next) {
            given += at->give_back(at->context, bytes - given);
        }
    }
    return given;
}

uint64_t memory_reclaim(struct memory_budget *budget, uint64_t bytes)
{
    if (pthread_mutex_lock(&budget->root->lock) != 0) {
        return 0; /* a reclaimer asks: EDEADLK */
    }
    uint64_t given = budget_reclaim(budget, bytes);
    pthread_mutex_unlock(&budget->root->lock);
    return given;
}

/* Past the soft limit: ask for what is too much, unless somebody asks already, or little has come
 * since the last time. */
static void budget_mind_soft(struct memory_budget *budget)
{
    uint64_t used = atomic_load(&budget->used);
    if (budget->soft == 0) {
        return;
    }
    if (used <= budget->soft) {
        if (atomic_load(&budget->reclaim_at) != 0) {
            atomic_store(&budget->reclaim_at, 0);
        }
        return;
    }
    if (used < atomic_load(&budget->reclaim_at) ||
        pthread_mutex_trylock(&budget->root->lock) != 0) {
        return;
    }
    budget_reclaim(budget, used - budget->soft);
    atomic_store(&budget->reclaim_at, atomic_load(&budget->used) + budget->soft / BUDGET_PARTS);
    pthread_mutex_unlock(&budget->root->lock);
}

void memory_reclaimer_add(struct memory_budget *budget, struct memory_reclaimer *reclaimer)
{
    int code = pthread_mutex_lock(&budget->root->lock);
    assert(code == 0);
    reclaimer->next = budget->reclaimers;
    budget->reclaimers = reclaimer;
    pthread_mutex_unlock(&budget->root->lock);
}

void memory_reclaimer_remove(struct memory_budget *budget, struct memory_reclaimer *reclaimer)
{
    int code = pthread_mutex_lock(&budget->root->lock);
    assert(code == 0);
    struct memory_reclaimer **link = &budget->reclaimers;
    while (*link != reclaimer) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = reclaimer->next;
    pthread_mutex_unlock(&budget->root->lock);
}

/* ---- doors ---- */

static int budget_refuse(struct memory_budget *budget, uint64_t bytes, struct err *err)
{
    atomic_fetch_add(&budget->refusals, 1);
    return err_set(err, LT_EEXCEEDEDMEMORYLIMIT,
                   "the memory budget '%s' is full: %llu of %llu bytes are in use, %llu more are "
                   "needed; %s",
                   budget->name, (unsigned long long)atomic_load(&budget->used),
                   (unsigned long long)budget->hard, (unsigned long long)bytes,
                   budget->advice == NULL ? "try again later" : budget->advice);
}

int memory_charge(struct memory_budget *budget, uint64_t bytes, struct err *err)
{
    struct memory_budget *full = budget_take_all(budget, bytes);
    if (full != NULL && memory_reclaim(full, bytes) > 0) {
        full = budget_take_all(budget, bytes);
    }
    if (full != NULL) {
        return budget_refuse(full, bytes, err);
    }
    for (struct memory_budget *at = budget; at != NULL; at = at->parent) {
        budget_note_peak(at);
    }
    for (struct memory_budget *at = budget; at != NULL; at = at->parent) {
        budget_mind_soft(at);
    }
    return 0;
}

void memory_uncharge(struct memory_budget *budget, uint64_t bytes)
{
    budget_give(budget, NULL, bytes);
}

void memory_measure(struct memory_budget *budget, uint64_t bytes)
{
    uint64_t before = budget->measured;
    budget->measured = bytes;
    if (bytes < before) {
        budget_give(budget, NULL, before - bytes);
        return;
    }
    for (struct memory_budget *at = budget; at != NULL; at = at->parent) {
        atomic_fetch_add(&at->used, bytes - before);
        budget_note_peak(at);
    }
}

struct memory_budget_stats memory_budget_stats(struct memory_budget *budget)
{
    assert(budget != NULL);
    return (struct memory_budget_stats){
        .name = budget->name,
        .used = atomic_load(&budget->used),
        .peak = atomic_load(&budget->peak),
        .soft = budget->soft,
        .hard = budget->hard,
        .refusals = atomic_load(&budget->refusals),
    };
}

/* ---- owners ---- */

static uint64_t budget_steps(uint64_t bytes)
{
    return (bytes + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
}

int memory_owner_take(struct memory_owner *owner, uint64_t bytes, struct err *err)
{
    uint64_t held = owner->held + bytes;
    if (owner->budget != NULL && held > owner->charged) {
        uint64_t more = budget_steps(held) - owner->charged;
        int code = memory_charge(owner->budget, more, err);
        if (code < 0) {
            return code;
        }
        owner->charged += more;
    }
    owner->held = held;
    return 0;
}

/* One step more than needed stays, so that an owner at the edge of a step does not charge and
 * uncharge all the time. */
void memory_owner_give(struct memory_owner *owner, uint64_t bytes)
{
    assert(owner->held >= bytes);
    owner->held -= bytes;
    uint64_t keep = budget_steps(owner->held) + MEMORY_STEP;
    if (owner->charged > keep) {
        memory_uncharge(owner->budget, owner->charged - keep);
        owner->charged = keep;
    }
}

void memory_owner_trim(struct memory_owner *owner)
{
    if (owner->charged > owner->held) {
        memory_uncharge(owner->budget, owner->charged - owner->held);
        owner->charged = owner->held;
    }
}

void memory_owner_close(struct memory_owner *owner)
{
    if (owner->charged > 0) {
        memory_uncharge(owner->budget, owner->charged);
    }
    owner->charged = 0;
    owner->held = 0;
}
