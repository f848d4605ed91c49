/* command/memory.c - memoryStats, compactMemory, and serverStatus's short form of the first.
 *
 * Closing up memory takes long: the host does it beside its loops, and compactMemory sleeps until
 * it is done. */
#include "command/memory.h"

#include "base/mem.h"
#include "command/budgets.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "command/server.h"
#include "memory/allocator.h"
#include "memory/machine.h"

static void memory_budgets(const struct command_budgets *budgets, struct doc_builder *builder)
{
    doc_build_open_array(builder, SLICE("budgets"));
    for (int i = 0; i < COMMAND_BUDGETS; i++) {
        struct memory_budget_stats stats = memory_budget_stats(budgets->all[i]);
        doc_build_open(builder, SLICE(""));
        doc_build_text(builder, "name", stats.name);
        doc_build_i64(builder, "used", (int64_t)stats.used);
        doc_build_i64(builder, "peak", (int64_t)stats.peak);
        doc_build_i64(builder, "softLimit", (int64_t)stats.soft);
        doc_build_i64(builder, "hardLimit", (int64_t)stats.hard);
        doc_build_i64(builder, "refusals", (int64_t)stats.refusals);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static void memory_allocator(struct doc_builder *builder)
{
    struct memory_allocator heap;
    if (!memory_allocator_read(&heap)) {
        return;
    }
    doc_build_open(builder, SLICE("allocator"));
    doc_build_i64(builder, "allocated", (int64_t)heap.allocated);
    doc_build_i64(builder, "active", (int64_t)heap.active);
    doc_build_i64(builder, "resident", (int64_t)heap.resident);
    doc_build_i64(builder, "mapped", (int64_t)heap.mapped);
    doc_build_i64(builder, "dirty", (int64_t)heap.dirty);
    doc_build_i64(builder, "retained", (int64_t)heap.retained);
    doc_build_double(builder, "fragmentation", (double)heap.resident / (double)heap.allocated);
    doc_build_close(builder);
}

int command_memory_stats(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    double percent;
    if (op->server->budgets != NULL) {
        memory_budgets(op->server->budgets, builder);
    }
    doc_build_i64(builder, "resident", (int64_t)memory_process().resident);
    doc_build_i64(builder, "arrays", (int64_t)mem_arrays());
    memory_allocator(builder);
    op->server->host_ops->memory_status(op->server->host, builder);
    if (memory_machine_pressure("", &percent)) {
        doc_build_open(builder, SLICE("pressure"));
        doc_build_double(builder, "someAvg10", percent);
        doc_build_close(builder);
    }
    return 0;
}

void command_memory_status(const struct command_server *server, struct doc_builder *builder)
{
    uint64_t refusals = 0;
    if (server->budgets == NULL) {
        return;
    }
    struct memory_budget_stats total =
        memory_budget_stats(server->budgets->all[COMMAND_BUDGET_TOTAL]);
    doc_build_open(builder, SLICE("memory"));
    doc_build_i64(builder, "limit", (int64_t)total.hard);
    doc_build_i64(builder, "used", (int64_t)total.used);
    doc_build_i64(builder, "peak", (int64_t)total.peak);
    doc_build_open(builder, SLICE("budgets"));
    for (int i = 0; i < COMMAND_BUDGETS; i++) {
        struct memory_budget_stats stats = memory_budget_stats(server->budgets->all[i]);
        refusals += stats.refusals;
        if (i != COMMAND_BUDGET_TOTAL) {
            doc_build_i64(builder, stats.name, (int64_t)stats.used);
        }
    }
    doc_build_close(builder);
    doc_build_i64(builder, "refusals", (int64_t)refusals);
    doc_build_close(builder);
}

/* ---- compactMemory ---- */

enum { MEMORY_WAIT_US = 10000 };

struct memory_compaction {
    uint64_t before; /* bytes resident */
    uint64_t reclaimed;
    uint64_t walk; /* of the host */
};

/* Cursors that rest go; the cache is closed up, and keeps what it has. */
static struct memory_compaction *memory_begin(struct command_op *op)
{
    struct memory_compaction *state = arena_zero(&op->arena, 1, sizeof *state);
    state->before = memory_process().resident;
    if (op->server->budgets != NULL) {
        state->reclaimed = command_cursors_reclaim(op->server, UINT64_MAX);
    }
    state->walk = op->server->host_ops->tidy_memory(op->server->host);
    return op->state = state;
}

int command_compact_memory(struct command_op *op)
{
    struct memory_compaction *state = op->state == NULL ? memory_begin(op) : op->state;
    if (!op->server->host_ops->has_tidied(op->server->host, state->walk)) {
        op->wake_us = op->mono_us + MEMORY_WAIT_US;
        return -LT_EYIELD;
    }
    doc_build_i64(&op->builder, "residentBefore", (int64_t)state->before);
    doc_build_i64(&op->builder, "residentAfter", (int64_t)memory_process().resident);
    doc_build_i64(&op->builder, "reclaimed", (int64_t)state->reclaimed);
    return 0;
}
