/* command/txn.h - transactions: joined by each statement, ended by commit, abort, failure or age.
 *
 * Invariant   a session has one open transaction at most, the one of its newest number; the op that
 *             has the session's turn is the only one in it.
 * Thread      command_txn_check: any. The rest: the shard's owner.
 * Memory      a transaction is on the heap, its effects are charged to the budget `transactions`.
 * Errors      72, 14, 263 for fields and commands that do not fit; 225, 251, 256, 50911 for numbers
 *             that do not; 112 from commit.
 */
#ifndef COMMAND_TXN_H
#define COMMAND_TXN_H

#include "command/session.h"
#include "store/fork.h"

struct command_txn {
    struct store_fork fork;
    struct command_session *session;
    struct command_txn *next; /* of the owner's open ones */
    struct command_txn *previous;
    uint64_t started_us;
    unsigned api;        /* as command_api_of */
    uint32_t step_downs; /* of the server until it was begun: it does not outlive another */
    uint64_t charged;
    uint32_t cursors; /* were opened in it */
};

/* The fields about sessions and transactions: do they fit each other and the command? */
int command_txn_check(struct command_op *op);
/* May a transaction see that database? 263. */
int command_txn_check_db(struct slice db, struct err *err);

/* Does the op take part in a transaction? After command_start. */
static inline bool command_is_in_txn(const struct command_op *op)
{
    return doc_value_exists(op->common.autocommit);
}

/* At the owner, the op has the session's turn: begin or join the transaction, or begin a retryable
 * write. -LT_EAGAIN as a read. */
int command_txn_enter(struct command_op *op);
/* What was begun here has ended: a transaction whose statement failed is aborted. */
void command_txn_leave(struct command_op *op);

/* After a step: charge what the transaction holds. 146, 257. */
int command_txn_charge(struct command_op *op);

/* Let go of it, committed or not. */
void command_txn_end(struct command_owner *owner, struct command_txn *txn);
/* Abort those that are older than transactionLifetimeLimitSeconds, or than a step-down. */
void command_txn_expire(struct command_owner *owner, uint64_t now_us);

/* The view an op reads through: of its transaction, of its snapshot, or of what is newest. */
void command_view_init(struct command_op *op, struct store_view *view);

#endif
