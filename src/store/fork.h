/* store/fork.h - a writer of its own: a transaction's, until it is merged or dropped.
 *
 * Invariant   its view is a snapshot of what was applied with its own writes on top; nobody else
 *             sees them. Its claims (store/claim.h) see to it that a merge overwrites nothing that
 *             the snapshot does not have.
 * Thread      the shard's owner only.
 * Memory      the caller's; a fork holds the snapshot, its claims and its effects until it closes.
 * Errors      store_fork_check: -LT_EWRITECONFLICT when a collection it wrote to is gone or has
 *             other indexes now, -LT_EAGAIN.
 */
#ifndef STORE_FORK_H
#define STORE_FORK_H

#include "store/effect.h"
#include "store/writer.h"

struct store_fork {
    struct store_writer writer; /* in place of the owner's */
    struct store_writer *base;  /* the owner's */
    struct store_catalog *began;
    struct store_snapshot *snapshot;
    struct store_locks_holder holder;
};

/* Everything applied is in the snapshot; `catalog` is the one that was published with it. The
 * base's entry is open. The fork stays where it is until it is closed. */
void store_fork_open(struct store_fork *fork, struct store_writer *base,
                     struct store_catalog *catalog);

/* May it be merged? */
int store_fork_check(struct store_fork *fork);
/* Put all it did into the base's open entry. Right after a check that said 0. */
void store_fork_merge(struct store_fork *fork);

/* Let go of everything, merged or not. */
void store_fork_close(struct store_fork *fork);

/* Was anything written? */
static inline bool store_fork_has_effects(const struct store_fork *fork)
{
    return fork->writer.effects.len > STORE_EFFECT_HEADER;
}

#endif
