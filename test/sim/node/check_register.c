/* sim/node/check_register.c - Wing and Gong, "Testing and Verifying Concurrent Objects" (1993),
 * with the memory of Lowe, "Testing for linearizability" (2017).
 *
 * The moments of asking and answering stand in a doubly linked list. The search takes an operation
 * that is asked before the first answer, applies it to the register, lifts it out, and begins again
 * from the front; where an answer comes first nothing fits, and the newest choice is undone. A set
 * of operations that led to the same value before is not tried again.
 *
 * Operations that were never answered have no answer in the list: they may be taken or left. Of
 * them, what nobody can have seen is left out at once, which keeps the search short. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "sim/node/check.h"

struct register_moment {
    struct register_moment *next;
    struct register_moment *previous;
    struct register_moment *answer; /* of an asking: its end; NULL: never */
    const struct check_register_op *op;
    uint64_t at;
    uint32_t number; /* of the operation */
    bool is_asking;
};

/* What was lifted, and the value before. */
struct register_choice {
    struct register_moment *asking;
    int64_t value;
};

struct register_search {
    struct register_moment *moments;
    size_t moments_count;
    struct register_moment head;
    uint64_t *taken; /* a bit an operation, then the value: what is remembered */
    size_t words;    /* of `taken` */
    struct register_choice *choices;
    size_t choices_count;
    uint64_t *memory; /* `words` each, in a table that is never full */
    bool *used;
    size_t memory_cap;
    size_t memory_count;
    int64_t value;
};

/* ---- the register ---- */

/* Can `op` be next? Then the value after it. */
static bool register_apply(const struct check_register_op *op, int64_t value, int64_t *ret_value)
{
    bool known = op->span.answered != CHECK_NEVER;
    bool matches = op->kind == CHECK_SWAP ? value == op->expected : value != 0;
    *ret_value = value;
    switch (op->kind) {
    case CHECK_READ:
        return value == op->value;
    case CHECK_WRITE:
        *ret_value = op->value;
        return true;
    default:
        if (matches) {
            *ret_value = op->kind == CHECK_SWAP ? op->value : 0;
        }
        return !known || matches == op->happened;
    }
}

/* ---- what was tried ---- */

static size_t memory_slot(const struct register_search *search, const uint64_t *taken)
{
    size_t bytes = search->words * sizeof *taken;
    size_t slot = XXH3_64bits(taken, bytes) & (search->memory_cap - 1);
    while (search->used[slot] && memcmp(search->memory + slot * search->words, taken, bytes) != 0) {
        slot = (slot + 1) & (search->memory_cap - 1);
    }
    return slot;
}

static void memory_grow(struct register_search *search)
{
    uint64_t *old = search->memory;
    bool *old_used = search->used;
    size_t old_cap = search->memory_cap;
    search->memory_cap = old_cap == 0 ? 256 : old_cap * 4;
    search->memory = mem_alloc(search->memory_cap * search->words * sizeof *search->memory);
    search->used = mem_zero(search->memory_cap, sizeof *search->used);
    for (size_t i = 0; i < old_cap; i++) {
        if (old_used[i]) {
            size_t slot = memory_slot(search, old + i * search->words);
            search->used[slot] = true;
            memcpy(search->memory + slot * search->words, old + i * search->words,
                   search->words * sizeof *old);
        }
    }
    mem_free(old);
    mem_free(old_used);
}

/* Remember what is taken and the value it leads to: false when that was known. */
static bool memory_add(struct register_search *search, int64_t value)
{
    if (search->memory_count * 2 >= search->memory_cap) {
        memory_grow(search);
    }
    search->taken[search->words - 1] = (uint64_t)value;
    size_t slot = memory_slot(search, search->taken);
    if (search->used[slot]) {
        return false;
    }
    search->used[slot] = true;
    memcpy(search->memory + slot * search->words, search->taken,
           search->words * sizeof *search->taken);
    search->memory_count++;
    return true;
}

/* ---- the list ---- */

static void moment_unlink(struct register_moment *moment)
{
    moment->previous->next = moment->next;
    if (moment->next != NULL) {
        moment->next->previous = moment->previous;
    }
}

static void moment_relink(struct register_moment *moment)
{
    moment->previous->next = moment;
    if (moment->next != NULL) {
        moment->next->previous = moment;
    }
}

static void search_lift(struct register_moment *asking)
{
    moment_unlink(asking);
    if (asking->answer != NULL) {
        moment_unlink(asking->answer);
    }
}

static void search_put_back(struct register_moment *asking)
{
    if (asking->answer != NULL) {
        moment_relink(asking->answer);
    }
    moment_relink(asking);
}

static int search_order(const void *a, const void *b)
{
    const struct register_moment *left = a;
    const struct register_moment *right = b;
    return (left->at > right->at) - (left->at < right->at);
}

/* Has somebody seen what it put, or could its effect explain an answer? */
static bool search_matters(const struct check_register_op *ops, size_t count,
                           const struct check_register_op *op)
{
    bool seen = op->kind == CHECK_REMOVE;
    for (size_t i = 0; i < count && !seen; i++) {
        bool reads = ops[i].kind == CHECK_READ && ops[i].value == op->value;
        bool swaps = ops[i].kind == CHECK_SWAP && ops[i].expected == op->value &&
                     (ops[i].happened || ops[i].span.answered == CHECK_NEVER);
        bool failed = ops[i].kind == CHECK_SWAP && !ops[i].happened;
        seen = reads || swaps || failed || ops[i].kind == CHECK_REMOVE;
    }
    return seen;
}

static void search_add(struct register_search *search, const struct check_register_op *op,
                       uint64_t at, uint32_t number, bool is_asking)
{
    search->moments[search->moments_count++] =
        (struct register_moment){.op = op, .at = at, .number = number, .is_asking = is_asking};
}

static void search_link(struct register_search *search, size_t count)
{
    struct register_moment **askings = mem_zero(count + 1, sizeof *askings);
    struct register_moment *previous = &search->head;
    if (search->moments_count > 0) {
        qsort(search->moments, search->moments_count, sizeof *search->moments, search_order);
    }
    for (size_t i = 0; i < search->moments_count; i++) {
        struct register_moment *moment = &search->moments[i];
        if (moment->is_asking) {
            askings[moment->number] = moment;
        } else {
            askings[moment->number]->answer = moment;
        }
        moment->previous = previous;
        previous->next = moment;
        previous = moment;
    }
    mem_free(askings);
}

static void search_open(struct register_search *search, const struct check_register_op *ops,
                        size_t count)
{
    *search = (struct register_search){.words = count / 64 + 2};
    search->moments = mem_alloc((2 * count + 1) * sizeof *search->moments);
    search->choices = mem_alloc((count + 1) * sizeof *search->choices);
    search->taken = mem_zero(search->words, sizeof *search->taken);
    for (size_t i = 0; i < count; i++) {
        const struct check_register_op *op = &ops[i];
        bool known = op->span.answered != CHECK_NEVER;
        if (!known && (op->kind == CHECK_READ || !search_matters(ops, count, op))) {
            continue;
        }
        search_add(search, op, op->span.asked, (uint32_t)i, true);
        if (known) {
            search_add(search, op, op->span.answered, (uint32_t)i, false);
        }
    }
    search_link(search, count);
}

static void search_close(struct register_search *search)
{
    mem_free(search->moments);
    mem_free(search->choices);
    mem_free(search->taken);
    mem_free(search->memory);
    mem_free(search->used);
}

/* ---- the search ---- */

static void search_turn_over(struct register_search *search, uint32_t number)
{
    search->taken[number / 64] ^= UINT64_C(1) << number % 64;
}

/* Take the operation as the next one, when it fits and that was not tried. */
static bool search_take(struct register_search *search, struct register_moment *asking)
{
    int64_t value;
    if (!register_apply(asking->op, search->value, &value)) {
        return false;
    }
    search_turn_over(search, asking->number);
    if (!memory_add(search, value)) {
        search_turn_over(search, asking->number);
        return false;
    }
    search->choices[search->choices_count++] = (struct register_choice){asking, search->value};
    search->value = value;
    search_lift(asking);
    return true;
}

/* Undo the newest choice; what may be tried instead, or NULL: there was none. */
static struct register_moment *search_undo(struct register_search *search)
{
    if (search->choices_count == 0) {
        return NULL;
    }
    struct register_choice choice = search->choices[--search->choices_count];
    search->value = choice.value;
    search_turn_over(search, choice.asking->number);
    search_put_back(choice.asking);
    return choice.asking;
}

bool check_register(const struct check_register_op *ops, size_t count,
                    struct check_verdict *verdict)
{
    struct register_search search;
    search_open(&search, ops, count);
    struct register_moment *at = search.head.next;
    bool fine = true;
    while (at != NULL && fine) {
        if (!at->is_asking) {
            at = search_undo(&search);
            fine = at != NULL;
            at = fine ? at->next : NULL;
        } else if (search_take(&search, at)) {
            at = search.head.next;
        } else {
            at = at->next;
        }
    }
    search_close(&search);
    return fine ||
           check_reject(verdict, "no order of these %zu operations explains their answers", count);
}
