/* command/snapshot.c - making one between two applies, and finding one by its time. */
#include "command/snapshot.h"

#include <assert.h>

#include "base/mem.h"
#include "command/server.h"

void command_snapshots_init(struct command_snapshots *snapshots)
{
    *snapshots = (struct command_snapshots){0};
    pthread_mutex_init(&snapshots->lock, NULL);
}

struct command_snapshot *command_snapshot_hold(struct command_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void command_snapshot_release(struct command_snapshot *snapshot)
{
    if (snapshot != NULL && atomic_fetch_sub(&snapshot->references, 1) == 1) {
        snapshot->kv->ops->snapshot_release(snapshot->kv, snapshot->engine);
        store_catalog_release(snapshot->catalog);
        mem_free(snapshot);
    }
}

/* Let go of the `count` oldest. */
static void snapshots_drop(struct command_snapshots *snapshots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        command_snapshot_release(snapshots->kept[i]);
    }
    snapshots->count -= count;
    memmove(snapshots->kept, snapshots->kept + count,
            snapshots->count * sizeof(struct command_snapshot *));
}

void command_snapshots_close(struct command_snapshots *snapshots)
{
    snapshots_drop(snapshots, snapshots->count);
    pthread_mutex_destroy(&snapshots->lock);
}

void command_snapshots_sweep(struct command_server *server, int64_t now_ms)
{
    struct command_snapshots *snapshots = &server->snapshots;
    int64_t seconds =
        command_param(&server->parameters, COMMAND_PARAM_minSnapshotHistoryWindowInSeconds);
    uint32_t old = 0;
    pthread_mutex_lock(&snapshots->lock);
    while (old < snapshots->count &&
           snapshots->kept[old]->made_ms < now_ms - seconds * INT64_C(1000)) {
        old++;
    }
    snapshots_drop(snapshots, old);
    pthread_mutex_unlock(&snapshots->lock);
}

void command_snapshots_apply(struct command_snapshots *snapshots, uint64_t clock)
{
    atomic_fetch_add(&snapshots->applies, 1);
    if (atomic_load(&snapshots->newest_is_open)) {
        pthread_mutex_lock(&snapshots->lock);
        if (snapshots->count > 0 && snapshots->kept[snapshots->count - 1]->until == 0) {
            snapshots->kept[snapshots->count - 1]->until = clock;
        }
        atomic_store(&snapshots->newest_is_open, false);
        pthread_mutex_unlock(&snapshots->lock);
    }
}

void command_snapshots_applied(struct command_snapshots *snapshots)
{
    uint64_t before = atomic_fetch_add(&snapshots->applies, 1);
    assert(before % 2 == 1);
    (void)before;
}

/* A new one, unless something is applied meanwhile: then NULL. */
static struct command_snapshot *snapshot_make(struct command_server *server, int64_t now_ms)
{
    uint64_t before = atomic_load(&server->snapshots.applies);
    if (before % 2 == 1) {
        return NULL;
    }
    struct command_snapshot *snapshot = mem_zero(1, sizeof *snapshot);
    atomic_init(&snapshot->references, 1);
    snapshot->kv = server->kv;
    snapshot->engine = server->kv->ops->snapshot(server->kv);
    snapshot->catalog = command_server_catalog(server);
    snapshot->clock = atomic_load(&server->applied_clock);
    snapshot->made_ms = now_ms;
    if (atomic_load(&server->snapshots.applies) != before) {
        command_snapshot_release(snapshot);
        return NULL;
    }
    return snapshot;
}

static void snapshots_keep(struct command_snapshots *snapshots, struct command_snapshot *snapshot)
{
    if (snapshots->count == COMMAND_SNAPSHOTS_MAX) {
        snapshots_drop(snapshots, 1);
    }
    snapshots->kept[snapshots->count++] = command_snapshot_hold(snapshot);
    atomic_store(&snapshots->newest_is_open, true);
}

/* The newest moment: 0, or -LT_EYIELD. Under the lock. */
static int snapshot_newest(struct command_op *op)
{
    struct command_snapshots *snapshots = &op->server->snapshots;
    uint32_t count = snapshots->count;
    struct command_snapshot *newest = count == 0 ? NULL : snapshots->kept[count - 1];
    if (newest != NULL && newest->clock == atomic_load(&op->server->applied_clock) &&
        newest->until == 0) {
        op->snapshot = command_snapshot_hold(newest);
        return 0;
    }
    op->snapshot = snapshot_make(op->server, op->wall_ms);
    if (op->snapshot == NULL) {
        return -LT_EYIELD;
    }
    snapshots_keep(snapshots, op->snapshot);
    return 0;
}

static struct command_snapshot *snapshot_find(struct command_snapshots *snapshots, uint64_t clock)
{
    for (uint32_t i = snapshots->count; i > 0; i--) {
        struct command_snapshot *snapshot = snapshots->kept[i - 1];
        if (snapshot->clock <= clock && (snapshot->until == 0 || clock < snapshot->until)) {
            return command_snapshot_hold(snapshot);
        }
    }
    return NULL;
}

int command_snapshot_take(struct command_op *op)
{
    struct command_snapshots *snapshots = &op->server->snapshots;
    int code = 0;
    pthread_mutex_lock(&snapshots->lock);
    if (op->at_clock == 0 || atomic_load(&op->server->applied_clock) <= op->at_clock) {
        code = snapshot_newest(op);
    } else {
        op->snapshot = snapshot_find(snapshots, op->at_clock);
    }
    pthread_mutex_unlock(&snapshots->lock);
    if (code == 0 && op->snapshot == NULL) {
        code = err_set(&op->err, LT_ESNAPSHOTTOOOLD,
                       "Read timestamp Timestamp(%u, %u) is older than the oldest available "
                       "timestamp, or nobody has read at that time before",
                       (unsigned)(op->at_clock >> 32), (unsigned)op->at_clock);
    }
    return code;
}
