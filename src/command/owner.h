/* command/owner.h - the owner's part of the commands: its writer, open transactions, ops that wait.
 *
 * Invariant   an op that waits is woken when what it waits for ends, when its time is up or when
 *             it is killed; then its driver steps it again.
 * Thread      the shard's owner only.
 * Memory      the driver's; ops stay their driver's.
 * Errors      none.
 */
#ifndef COMMAND_OWNER_H
#define COMMAND_OWNER_H

#include "command/command.h"

struct command_txn;

struct command_owner {
    struct command_server *server;
    struct store_writer *writer;
    struct command_txn *txns;   /* open ones */
    struct command_op *waiting; /* by op->wait_next */
    struct command_op *ready;   /* the same: to be stepped again */
    uint32_t txns_count;
    struct slice frozen; /* "db.name" that nobody may begin to write to; empty: none */
};

void command_owner_init(struct command_owner *owner, struct command_server *server,
                        struct store_writer *writer);
/* No op will be stepped any more. */
void command_owner_close(struct command_owner *owner);

/* The op waits until `reason` is over: returns -LT_EWAIT. */
int command_owner_wait(struct command_op *op, const void *reason);
/* It is over. */
void command_owner_wake(struct command_owner *owner, const void *reason);

/* From now on commands that write to the collection wait before they begin; those that have begun
 * go on. `ns` lives until it thaws. Waits itself while another is frozen: -LT_EWAIT. */
int command_owner_freeze(struct command_op *op, struct slice ns);
void command_owner_thaw(struct command_owner *owner);
/* An op is about to begin: 0, or -LT_EWAIT. */
int command_owner_admits(struct command_op *op);

/* The next op to be stepped again, or NULL. The driver asks after each step and each tending. */
struct command_op *command_owner_ready(struct command_owner *owner);

/* Now and then, with the writer's entry open: end what is too old, wake whose time is up. */
void command_owner_tend(struct command_owner *owner, int64_t now_ms, uint64_t now_us);
/* All that wait fail with that code. */
void command_owner_interrupt(struct command_owner *owner, int code);

#endif
