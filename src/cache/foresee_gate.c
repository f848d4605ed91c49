/* cache/foresee_gate.c - do guesses pay?
 *
 * What a key costs that is fetched for nothing, and what it saves when it is not, is measured in
 * doc/decisions/0014-prefetch.md: the shares below are where both are equal.
 *
 *   open ──a trial's keys fetched, too few used──> shut, for `pause` misses ──> open for a trial
 *                                                    └── twice as long each time in a row */
#include <assert.h>

#include "cache/foresee_private.h"

enum {
    GATE_TRIAL = 24,    /* keys that are fetched before they are judged */
    GATE_MEMORY = 1024, /* keys; what was before weighs half, and less */
    GATE_PAUSE = 2048,  /* misses */
    GATE_PAUSE_MAX = 1 << 20,
};

static const uint32_t gate_percent_least[CACHE_GUESSES] = {
    [CACHE_GUESS_SEQUENCE] = 25,
    [CACHE_GUESS_PAIR] = 50,
};

void cache__gate_tick(struct cache_gate *gate)
{
    gate->wait -= gate->wait > 0;
}

bool cache__gate_pass(struct cache_gate *gate, enum cache_guess_kind kind)
{
    if (gate->wait > 0) {
        return false;
    }
    if (gate->issued < GATE_TRIAL) {
        return true;
    }
    if (gate->used * 100 >= gate->issued * gate_percent_least[kind]) {
        gate->pause = 0;
        return true;
    }
    gate->pause = gate->pause == 0 ? GATE_PAUSE : gate->pause * 2;
    gate->pause = gate->pause < GATE_PAUSE_MAX ? gate->pause : GATE_PAUSE_MAX;
    gate->wait = gate->pause;
    gate->issued = 0;
    gate->used = 0;
    return false;
}

void cache__gate_issued(struct cache_gate *gate, uint32_t keys)
{
    gate->issued += keys;
    if (gate->issued >= GATE_MEMORY) {
        gate->issued /= 2;
        gate->used /= 2;
    }
}

void cache__gate_used(struct cache_gate *gate)
{
    gate->used++;
}
