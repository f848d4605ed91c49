/* command/budgets.c - the tree is budgets.def; the counter of a context is an owner of `sort`. */
#include "command/budgets.h"

#include "base/mem.h"

static const struct {
    const char *name;
    uint32_t soft; /* percent of the total; 0: none */
    uint32_t hard;
} budget_rows[COMMAND_BUDGETS] = {
#define BUDGET(id, name, soft, hard) {#name, (soft), (hard)},
#include "command/budgets.def"
};

struct command_budgets *command_budgets_new(uint64_t bytes)
{
    struct command_budgets *budgets = mem_zero(1, sizeof *budgets);
    for (int i = 0; i < COMMAND_BUDGETS; i++) {
        struct memory_budget_options options = {
            .name = budget_rows[i].name,
            .advice = "let other operations end, ask for less at a time, or raise "
                      "largetable.memory.limitMB (--memoryLimitMB)",
            .parent = i == 0 ? NULL : budgets->all[0],
            .soft = bytes * budget_rows[i].soft / 100,
            .hard = bytes * budget_rows[i].hard / 100,
        };
        budgets->all[i] = memory_budget_new(&options);
    }
    return budgets;
}

void command_budgets_free(struct command_budgets *budgets)
{
    if (budgets == NULL) {
        return;
    }
    for (int i = COMMAND_BUDGETS; i > 0; i--) {
        memory_budget_free(budgets->all[i - 1]);
    }
    mem_free(budgets);
}

int command_budget_charge(struct command_budgets *budgets, enum command_budget id, uint64_t bytes,
                          struct err *err)
{
    return budgets == NULL ? 0 : memory_charge(budgets->all[id], bytes, err);
}

void command_budget_uncharge(struct command_budgets *budgets, enum command_budget id,
                             uint64_t bytes)
{
    if (budgets != NULL) {
        memory_uncharge(budgets->all[id], bytes);
    }
}

static int budget_take(void *owner, uint64_t bytes, struct err *err)
{
    return memory_owner_take(owner, bytes, err);
}

static void budget_give(void *owner, uint64_t bytes)
{
    memory_owner_give(owner, bytes);
}

void command_memory_init(struct command_memory *memory, struct command_budgets *budgets)
{
    memory->owner = (struct memory_owner){
        .budget = budgets == NULL ? NULL : budgets->all[COMMAND_BUDGET_SORT],
    };
    memory->query = (struct query_memory){budget_take, budget_give, &memory->owner};
}

void command_memory_close(struct command_memory *memory)
{
    memory_owner_close(&memory->owner);
}
