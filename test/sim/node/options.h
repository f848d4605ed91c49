/* sim/node/options.h - what a seed decides before anything happens.
 *
 * Invariant   each fault is on with p = 0.5.
 * Thread      a value.
 * Memory      none.
 * Errors      none.
 */
#ifndef SIM_NODE_OPTIONS_H
#define SIM_NODE_OPTIONS_H

#include "sim/node/world.h"

enum sim_fault {
    SIM_KILLS,
    SIM_POWER,
    SIM_DEATHS, /* between two operations of the disk */
    SIM_SYNCS_FAIL,
    SIM_WRITES_FAIL,
    SIM_FULL_DISK,
    SIM_FLIPS,
    SIM_CLOCK,      /* the wall clock jumps */
    SIM_IMPATIENCE, /* clients give up and try again beside their first try */
    SIM_SLOW_DISK,
    SIM_SLOW_NET,
    SIM_MISSES,   /* reads find nothing in memory */
    SIM_REFUSALS, /* few requests may wait */
    SIM_FLUSHES,  /* the engine flushes when it likes */
    SIM_FAULTS
};

struct sim_options {
    bool faults[SIM_FAULTS];
    uint32_t clients;
    uint32_t loops;
    uint32_t places; /* requests that may wait, by what for */
    uint64_t cache_bytes;
    const char *cache_policy;
    bool ahead;
    uint64_t segment_bytes;
    uint64_t oplog_bytes;
    bool watches; /* a change stream follows the ledger: all of the log is kept */
    uint64_t
        reserve_bytes; /* of the disk: writes are refused before it is full, or not soon enough */
    uint32_t stall_percent; /* of the steps of a slow disk */
    uint32_t keys;          /* of registers, lists, counters and accounts: few meet more often */
    uint32_t steps;         /* that a client takes */
    uint32_t pause_us;      /* between them, at most */
    uint32_t fault_pause_us;
};

void sim_options_choose(struct sim_options *options, struct sim_world *world);

#endif
