/* command/owner.c - two lists of ops: those that wait, those that may go on. */
#include "command/owner.h"

#include <assert.h>

#include "command/args.h"
#include "command/server.h"
#include "command/session.h"
#include "command/txn.h"
#include "doc/view.h"

void command_owner_init(struct command_owner *owner, struct command_server *server,
                        struct store_writer *writer)
{
    *owner = (struct command_owner){.server = server, .writer = writer};
}

void command_owner_close(struct command_owner *owner)
{
    while (owner->txns != NULL) {
        command_txn_end(owner, owner->txns);
    }
}

int command_owner_wait(struct command_op *op, const void *reason)
{
    struct command_owner *owner = op->owner;
    assert(reason != NULL && op->waits_for == NULL);
    op->waits_for = reason;
    op->wait_next = owner->waiting;
    owner->waiting = op;
    return -LT_EWAIT;
}

/* ---- a collection that is frozen ---- */

int command_owner_freeze(struct command_op *op, struct slice ns)
{
    if (op->owner->frozen.len > 0) {
        return command_owner_wait(op, &op->owner->frozen);
    }
    op->owner->frozen = ns;
    return 0;
}

void command_owner_thaw(struct command_owner *owner)
{
    owner->frozen = (struct slice){0};
    command_owner_wake(owner, &owner->frozen);
}

int command_owner_admits(struct command_op *op)
{
    struct slice frozen = op->owner->frozen;
    if (frozen.len == 0 || (op->command->flags & COMMAND_WRITE) == 0) {
        return 0;
    }
    struct doc_value first = doc_first(op->body).value;
    struct slice name = first.type == DOC_STRING ? doc_value_get_string(first) : (struct slice){0};
    bool is_it = slice_equal(command_join(&op->arena, op->db, name), frozen);
    return is_it || slice_equal(name, frozen) ? command_owner_wait(op, &op->owner->frozen) : 0;
}

/* ---- waking ---- */

static bool owner_is_due(const struct command_op *op, uint64_t now_us)
{
    return atomic_load(&op->killed) != 0 || (op->deadline_us != 0 && op->deadline_us < now_us);
}

/* Let those go on that wait for `reason`, or, when it is NULL, whose time is up. */
static void owner_release(struct command_owner *owner, const void *reason, uint64_t now_us)
{
    struct command_op **link = &owner->waiting;
    while (*link != NULL) {
        struct command_op *op = *link;
        if (reason != NULL ? op->waits_for != reason : !owner_is_due(op, now_us)) {
            link = &op->wait_next;
            continue;
        }
        *link = op->wait_next;
        op->waits_for = NULL;
        op->wait_next = owner->ready;
        owner->ready = op;
    }
}

void command_owner_wake(struct command_owner *owner, const void *reason)
{
    owner_release(owner, reason, 0);
}

void command_owner_interrupt(struct command_owner *owner, int code)
{
    for (struct command_op *op = owner->waiting; op != NULL; op = op->wait_next) {
        atomic_store(&op->killed, code);
    }
    owner_release(owner, NULL, 0);
}

struct command_op *command_owner_ready(struct command_owner *owner)
{
    struct command_op *op = owner->ready;
    if (op != NULL) {
        owner->ready = op->wait_next;
    }
    return op;
}

void command_owner_tend(struct command_owner *owner, int64_t now_ms, uint64_t now_us)
{
    command_txn_expire(owner, now_us);
    command_sessions_sweep(owner, now_us);
    command_snapshots_sweep(owner->server, now_ms);
    owner_release(owner, NULL, now_us);
}
