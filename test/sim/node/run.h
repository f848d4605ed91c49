/* sim/node/run.h - one seed, from boot to verdict.
 *
 * Invariant   the same seed makes the same run, whatever ran before.
 * Thread      one.
 * Memory      what the run took is left to the process, which ends soon.
 * Errors      in the result.
 */
#ifndef SIM_NODE_RUN_H
#define SIM_NODE_RUN_H

#include "sim/node/world.h"

struct sim_result {
    char failure[512]; /* empty: none */
    uint64_t digest;
    uint64_t events;
    uint64_t simulated_us;
    uint32_t starts;     /* of the node */
    uint32_t operations; /* of clients */
};

/* `trace`: who wants to read what happens, or NULL. */
void sim_run(uint64_t seed, FILE *trace, struct sim_result *ret_result);

#endif
