/* command/causal.h - the hybrid time that clients carry from server to server.
 *
 * Invariant   server->cluster_clock is the latest time any client brought; no entry gets a time
 *             that is not after it. A read that names a time runs when that time is applied.
 * Thread      any; the clocks are atomic.
 * Memory      nothing.
 * Errors      209 for a time too far ahead of this machine's clock; 72 for one still to come.
 */
#ifndef COMMAND_CAUSAL_H
#define COMMAND_CAUSAL_H

#include "command/command.h"
#include "command/server.h"

/* The latest time that this server knows of. */
static inline uint64_t command_causal_now(struct command_server *server)
{
    uint64_t applied = atomic_load(&server->applied_clock);
    uint64_t seen = atomic_load(&server->cluster_clock);
    return seen > applied ? seen : applied;
}

/* Look at the command's $clusterTime, when it has one: before the owner gives a write its own. */
void command_causal_learn(struct command_op *op);

/* Was it a time, and one to be believed? */
int command_causal_check(struct command_op *op);

/* The command's read concern has afterClusterTime (0: it has not), or asks to see everything that
 * was done before. */
int command_causal_after(struct command_op *op, uint64_t after, bool everything);

/* Wait until what the command must see is applied: 0, or -LT_EYIELD with op->wake_clock. */
int command_causal_wait(struct command_op *op);

#endif
