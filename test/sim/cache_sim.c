/* cache_sim --trace FILE --format F [--requests N] [--seed N] (--policy P | --share PERCENT |
 *           --entries N)... [--ahead KEYS]
 *
 * Runs a trace through the policies of src/cache, at every share of its distinct keys (or number of
 * entries) with every policy, and prints a line for each:
 *
 *   entries policy requests misses ratio bytes      (bytes: the policy's own memory at the end)
 *
 * With --ahead src/cache/foresee.c, with room for so many keys, guesses what is fetched ahead, and
 * the line goes on: keys fetched by sequences, of these used; by pairs, used. The neighbours of a
 * key are those of the trace's keys whose numbers are next to its own.
 *
 * Entries have size 1. A trace with sizes is run by bytes: a share is one of the bytes of its
 * distinct keys, and --entries counts bytes. The policy `optimal` knows the future. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cache/policy.h"
#include "sim/ahead.h"
#include "sim/belady.h"

enum { SIM_LIST_MAX = 32 };

struct sim_plan {
    const char *path;
    struct trace_limits limits;
    const char *policies[SIM_LIST_MAX];
    size_t policies_count;
    double shares[SIM_LIST_MAX];
    size_t shares_count;
    uint64_t entries[SIM_LIST_MAX];
    size_t entries_count;
    uint32_t ahead; /* keys of the recorder; 0: nothing is fetched ahead */
};

struct sim_run {
    const struct trace *trace;
    struct cache_policy *policy;
    uint64_t bytes_max;
    uint64_t bytes;
    uint32_t *slot_of; /* by key */
    uint32_t *key_of;  /* by slot */
    uint32_t *size_of; /* by slot */
    uint32_t *free;    /* slots to use again */
    uint32_t free_count;
    uint32_t slots_count;
    uint64_t misses;
    struct ahead *ahead; /* NULL: nothing is fetched ahead */
    uint8_t *kind_of;    /* by slot: of the guess that fetched it, until it is used */
};

/* False: nobody may leave for a guess. */
static bool sim_evict(struct sim_run *run, bool guess)
{
    const struct cache_policy_ops *ops = run->policy->ops;
    bool unproven = guess && ops->evict_unproven != NULL;
    uint32_t slot = unproven ? ops->evict_unproven(run->policy) : ops->evict(run->policy);
    if (unproven && slot == CACHE_NO_SLOT) {
        return false;
    }
    if (slot >= run->slots_count || run->slot_of[run->key_of[slot]] != slot) {
        errx(1, "%s evicts slot %u, which it does not have", run->policy->ops->name, slot);
    }
    run->slot_of[run->key_of[slot]] = CACHE_NO_SLOT;
    run->bytes -= run->size_of[slot];
    run->free[run->free_count++] = slot;
    return true;
}

static void sim_add(struct sim_run *run, uint32_t key, uint32_t size, enum cache_guess_kind kind)
{
    if (size > run->bytes_max) {
        return;
    }
    while (run->bytes + size > run->bytes_max) {
        if (!sim_evict(run, kind != CACHE_GUESS_NONE)) {
            return;
        }
    }
    uint32_t slot = run->free_count > 0 ? run->free[--run->free_count] : run->slots_count++;
    run->slot_of[key] = slot;
    run->key_of[slot] = key;
    run->size_of[slot] = size;
    run->bytes += size;
    run->kind_of[slot] = (uint8_t)kind;
    struct cache_policy_entry entry = {.slot = slot,
                                       .size = size,
                                       .hash = run->trace->hashes[key],
                                       .ahead = kind != CACHE_GUESS_NONE};
    run->policy->ops->add(run->policy, &entry);
}

/* ---- ahead ---- */

static bool sim_fetch(void *context, uint32_t key, enum cache_guess_kind kind)
{
    struct sim_run *run = context;
    bool missing = run->slot_of[key] == CACHE_NO_SLOT;
    if (missing) {
        sim_add(run, key, run->ahead->sizes[key], kind);
    }
    return missing;
}

static void sim_request(struct sim_run *run, uint32_t key, uint32_t size)
{
    uint32_t slot = run->slot_of[key];
    if (slot != CACHE_NO_SLOT) {
        enum cache_guess_kind kind = run->kind_of[slot];
        run->kind_of[slot] = CACHE_GUESS_NONE;
        run->policy->ops->hit(run->policy, slot);
        if (kind != CACHE_GUESS_NONE) {
            ahead_used(run->ahead, key, kind, sim_fetch, run);
        }
        return;
    }
    run->misses++;
    sim_add(run, key, size, CACHE_GUESS_NONE);
    if (run->ahead != NULL) {
        ahead_miss(run->ahead, key, sim_fetch, run);
    }
}

static void sim_print(const struct sim_run *run, const char *name, uint64_t bytes)
{
    printf("%" PRIu64 " %s %zu %" PRIu64 " %.4f %" PRIu64, run->bytes_max, name, run->trace->count,
           run->misses, (double)run->misses / (double)run->trace->count, bytes);
    for (int kind = CACHE_GUESS_SEQUENCE; run->ahead != NULL && kind < CACHE_GUESSES; kind++) {
        printf(" %" PRIu64 " %" PRIu64, run->ahead->fetched[kind], run->ahead->used[kind]);
    }
    printf("\n");
    fflush(stdout);
}

static void sim_policy(const struct trace *trace, uint64_t bytes_max,
                       const struct cache_policy_ops *ops, uint32_t ahead_keys)
{
    struct ahead ahead;
    size_t keys = trace->distinct + 1;
    struct sim_run run = {
        .trace = trace,
        .policy = ops->new (bytes_max, NULL),
        .bytes_max = bytes_max,
        .slot_of = mem_alloc(keys * sizeof(uint32_t)),
        .key_of = mem_alloc(keys * sizeof(uint32_t)),
        .size_of = mem_alloc(keys * sizeof(uint32_t)),
        .free = mem_alloc(keys * sizeof(uint32_t)),
        .kind_of = mem_zero(keys, 1),
        .ahead = ahead_keys == 0 ? NULL : &ahead,
    };
    if (run.ahead != NULL) {
        ahead_open(&ahead, trace, ahead_keys);
    }
    memset(run.slot_of, 0xff, keys * sizeof(uint32_t));
    for (size_t i = 0; i < trace->count; i++) {
        sim_request(&run, trace->keys[i], trace->sizes[i]);
    }
    sim_print(&run, ops->name, ops->bytes(run.policy));
    ops->free(run.policy);
    mem_free(run.slot_of);
    mem_free(run.key_of);
    mem_free(run.size_of);
    mem_free(run.free);
    mem_free(run.kind_of);
    if (run.ahead != NULL) {
        ahead_close(&ahead);
    }
}

static void sim_at(const struct trace *trace, const struct sim_plan *plan, uint64_t bytes_max)
{
    for (size_t i = 0; i < plan->policies_count; i++) {
        const struct cache_policy_ops *ops = cache_policy_find(plan->policies[i]);
        if (ops != NULL) {
            sim_policy(trace, bytes_max, ops, plan->ahead);
        } else {
            struct sim_run run = {.trace = trace, .bytes_max = bytes_max};
            run.misses = belady_misses(trace, bytes_max);
            sim_print(&run, "optimal", 0);
        }
    }
}

static uint64_t sim_number(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number == 0) {
        errx(2, "\"%s\" is not a positive number", text);
    }
    return number;
}

static void sim_option(struct sim_plan *plan, const char *name, const char *value)
{
    if (value == NULL) {
        errx(2, "%s needs a value", name);
    }
    size_t used = plan->policies_count + plan->shares_count + plan->entries_count;
    if (used == SIM_LIST_MAX) {
        errx(2, "more than %d policies, shares and entries", SIM_LIST_MAX);
    }
    if (strcmp(name, "--trace") == 0) {
        plan->path = value;
    } else if (strcmp(name, "--format") == 0) {
        plan->limits.format = value;
    } else if (strcmp(name, "--requests") == 0) {
        plan->limits.count_max = sim_number(value);
    } else if (strcmp(name, "--seed") == 0) {
        plan->limits.seed = sim_number(value);
    } else if (strcmp(name, "--policy") == 0) {
        if (cache_policy_find(value) == NULL && strcmp(value, "optimal") != 0) {
            errx(2, "there is no policy \"%s\"", value);
        }
        plan->policies[plan->policies_count++] = value;
    } else if (strcmp(name, "--share") == 0) {
        plan->shares[plan->shares_count++] = strtod(value, NULL);
    } else if (strcmp(name, "--entries") == 0) {
        plan->entries[plan->entries_count++] = sim_number(value);
    } else if (strcmp(name, "--ahead") == 0) {
        plan->ahead = (uint32_t)sim_number(value);
    } else {
        errx(2, "there is no option %s; see the head of test/sim/cache_sim.c", name);
    }
}

static bool sim_format_known(const char *format)
{
    static const char *const formats[] = {"int32", "int64", "text", "sized", "ids"};
    for (size_t i = 0; format != NULL && i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i]) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct sim_plan plan = {.limits.count_max = SIZE_MAX};
    for (int i = 1; i < argc; i += 2) {
        sim_option(&plan, argv[i], argv[i + 1]);
    }
    if (plan.path == NULL || !sim_format_known(plan.limits.format)) {
        errx(2, "--trace FILE and --format int32, int64, text, sized or ids are needed");
    }
    struct trace trace;
    trace_read(&trace, plan.path, &plan.limits);
    for (size_t i = 0; i < plan.shares_count; i++) {
        double part = (double)trace.bytes * plan.shares[i] / 100;
        sim_at(&trace, &plan, part < 1 ? 1 : (uint64_t)part);
    }
    for (size_t i = 0; i < plan.entries_count; i++) {
        sim_at(&trace, &plan, plan.entries[i]);
    }
    trace_close(&trace);
}
