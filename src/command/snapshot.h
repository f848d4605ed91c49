/* command/snapshot.h - reads of one moment, outside of transactions: readConcern snapshot.
 *
 * Invariant   a snapshot shows everything that was applied at its clock and before, and nothing
 *             else; it is kept for as long as minSnapshotHistoryWindowInSeconds says, so that
 *             others may read at the same time.
 * Thread      any; one lock. command_snapshots_apply and _applied: the owner, around each apply.
 * Memory      counted; an op and a cursor hold the one they read. At most COMMAND_SNAPSHOTS_MAX are
 *             kept.
 * Errors      239 SnapshotTooOld for a time that none shows any more.
 */
#ifndef COMMAND_SNAPSHOT_H
#define COMMAND_SNAPSHOT_H

#include <pthread.h>

#include "command/command.h"

enum { COMMAND_SNAPSHOTS_MAX = 256 };

struct command_snapshot {
    atomic_uint references;
    struct store_kv *kv;
    struct store_snapshot *engine;
    struct store_catalog *catalog;
    uint64_t clock;
    uint64_t until; /* the clock of the next entry; 0: there is none yet */
    int64_t made_ms;
};

struct command_snapshots {
    pthread_mutex_t lock;
    struct command_snapshot *kept[COMMAND_SNAPSHOTS_MAX]; /* oldest first */
    uint32_t count;
    atomic_bool newest_is_open; /* its `until` is to be set */
    _Atomic uint64_t applies;   /* odd while one is going on */
};

void command_snapshots_init(struct command_snapshots *snapshots);
void command_snapshots_close(struct command_snapshots *snapshots);

/* Entries from `clock` on are being applied, and their catalog published. */
void command_snapshots_apply(struct command_snapshots *snapshots, uint64_t clock);
void command_snapshots_applied(struct command_snapshots *snapshots);

/* Give op->snapshot the one of op->at_clock, or for 0 the newest. -LT_EYIELD: try again. */
int command_snapshot_take(struct command_op *op);
struct command_snapshot *command_snapshot_hold(struct command_snapshot *snapshot);
/* NULL is fine. */
void command_snapshot_release(struct command_snapshot *snapshot);

/* Let go of those that are too old. */
void command_snapshots_sweep(struct command_server *server, int64_t now_ms);

#endif
