/* command/uses.c - a table of counters; who finds a free slot first has it for good. */
#include "command/uses.h"

#include <stddef.h>

enum { USES_TRIES = 64 }; /* neighbours looked at before an index goes without */

/* The counter of an index, or NULL. */
static _Atomic uint64_t *uses_find(struct command_uses *uses, uint32_t index)
{
    uint32_t own = index + 1;
    uint32_t at = own * 2654435761u;
    for (uint32_t i = 0; i < USES_TRIES; i++, at++) {
        uint32_t there = 0;
        _Atomic uint32_t *slot = &uses->slots[at % COMMAND_USES_MAX].index;
        if (atomic_load(slot) == own || atomic_compare_exchange_strong(slot, &there, own) ||
            there == own) {
            return &uses->slots[at % COMMAND_USES_MAX].count;
        }
    }
    return NULL;
}

void command_uses_add(struct command_uses *uses, uint32_t index)
{
    _Atomic uint64_t *count = uses_find(uses, index);
    if (count != NULL) {
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    }
}

uint64_t command_uses_of(struct command_uses *uses, uint32_t index)
{
    _Atomic uint64_t *count = uses_find(uses, index);
    return count == NULL ? 0 : atomic_load_explicit(count, memory_order_relaxed);
}
