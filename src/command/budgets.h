/* command/budgets.h - the process's tree of memory budgets, and what one operation takes from it.
 *
 * Invariant   a server without budgets (NULL) counts nothing and refuses nothing.
 * Thread      the tree: any. A command_memory: that of its op or cursor.
 * Memory      command_budgets_free frees the tree, when nothing charges it any more.
 * Errors      146 ExceededMemoryLimit.
 */
#ifndef COMMAND_BUDGETS_H
#define COMMAND_BUDGETS_H

#include "memory/budget.h"
#include "query/hold.h"

enum command_budget {
#define BUDGET(id, name, soft, hard) COMMAND_BUDGET_##id,
#include "command/budgets.def"
    COMMAND_BUDGETS,
};

struct command_budgets {
    struct memory_budget *all[COMMAND_BUDGETS];
};

/* `bytes`: the total. */
struct command_budgets *command_budgets_new(uint64_t bytes);
void command_budgets_free(struct command_budgets *budgets);

/* Charge exactly; nothing when there are no budgets. */
int command_budget_charge(struct command_budgets *budgets, enum command_budget id, uint64_t bytes,
                          struct err *err);
void command_budget_uncharge(struct command_budgets *budgets, enum command_budget id,
                             uint64_t bytes);

/* What stages and reads of one op or cursor hold, for query_context.memory. It must stay where it
 * is. */
struct command_memory {
    struct query_memory query;
    struct memory_owner owner;
};

void command_memory_init(struct command_memory *memory, struct command_budgets *budgets);
/* Everything has been given back by those who held it. */
void command_memory_close(struct command_memory *memory);

#endif
