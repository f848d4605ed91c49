/* node/group_tend.c - what the owner does beside writes: flush, trim, reclaim.
 *
 * All of it waits for disks, so it runs on the work pool; only its end comes back to the loop. */
#include "base/clock.h"
#include "base/planted.h"
#include "command/expire.h"
#include "node/node_private.h"
#include "store/reclaim.h"

enum { GROUP_SEGMENTS_KEPT = 4 };

static struct node_group *tend_group(struct net_work *work, size_t offset)
{
    return (struct node_group *)((uint8_t *)work - offset);
}

/* ---- flush the store, then drop journal segments ---- */

static void tend_flush(struct net_work *work)
{
    struct node_group *group = tend_group(work, offsetof(struct node_group, flush_work));
    int code = group->node->kv->ops->flush(group->node->kv, &group->flush_index);
    if (code < 0) {
        node__die(group->node, "flushing the store", code);
    }
}

static void tend_flushed(struct net_work *work)
{
    struct node_group *group = tend_group(work, offsetof(struct node_group, flush_work));
    group->flushing = false;
    group->flushed = PLANTED(trimmed) ? group->applied : group->flush_index;
    group->batches[group->filling].trim_index = group->flushed;
    node__group_write_batch(group);
}

/* ---- give back the space of what was dropped ---- */

static void tend_reclaim(struct net_work *work)
{
    struct node_group *group = tend_group(work, offsetof(struct node_group, reclaim_work));
    uint32_t ranges;
    int code = store_reclaim(group->node->kv, &command_filter_ops, &group->dropped, &ranges);
    if (code < 0) {
        node__die(group->node, "reclaiming space", code);
    }
    if (ranges > 0) {
        log_info(group->node->log, "store",
                 "gave back the space of %u dropped collections and "
                 "indexes",
                 ranges);
    }
}

static void tend_reclaimed(struct net_work *work)
{
    tend_group(work, offsetof(struct node_group, reclaim_work))->reclaiming = false;
}

static void tend_owner(struct node_group *group)
{
    int64_t now_ms = clock_wall_ms();
    if (atomic_load(&group->node->stopping)) {
        command_owner_interrupt(&group->owner, LT_EINTERRUPTEDATSHUTDOWN);
    }
    node__group_begin_entry(group, now_ms);
    command_owner_tend(&group->owner, now_ms, clock_mono_us());
    node__group_go_on(group);
}

/* One pass at a time. */
static void tend_expire(struct node_group *group)
{
    struct node *node = group->node;
    group->self.node = node;
    group->self.worker = &node->workers[0];
    group->self.client.peer = group->self.client.local = "";
    if (group->self.request == NULL && command_expire_is_due(&node->server, clock_mono_us())) {
        struct node_request *request = node__request_own(&group->self);
        command_expire_start(&request->op);
        node__group_submit(group, request);
    }
}

void node__group_tend(struct node_group *group)
{
    tend_owner(group);
    tend_expire(group);
    bool is_long = group->segments > GROUP_SEGMENTS_KEPT;
    if (!group->flushing && is_long && group->applied > group->flushed) {
        group->flushing = true;
        group->flush_work = (struct net_work){tend_flush, tend_flushed};
        net_loop_work(group->loop, &group->flush_work);
    }
    /* a snapshot may still read what was dropped */
    if (group->garbage && !group->reclaiming && group->owner.txns == NULL) {
        group->garbage = false;
        group->reclaiming = true;
        group->reclaim_work = (struct net_work){tend_reclaim, tend_reclaimed};
        net_loop_work(group->loop, &group->reclaim_work);
    }
}

/* ---- the first turn ---- */

static void tend_begin(struct net_mail *mail)
{
    struct node_group *group =
        (struct node_group *)((uint8_t *)mail - offsetof(struct node_group, begin_mail));
    uint32_t indexes;
    node__group_begin_entry(group, clock_wall_ms());
    int code = store_drop_unready(&group->writer, &indexes);
    if (code < 0) {
        node__die(group->node, "dropping unfinished indexes", code);
    }
    if (indexes > 0) {
        log_warning(group->node->log, "store",
                    "dropped %u indexes whose build did not finish "
                    "before the last stop; create them again",
                    indexes);
    }
    uint32_t collections = store_drop_temporary(&group->writer);
    if (collections > 0) {
        log_warning(group->node->log, "store",
                    "dropped %u temporary collections of copies and pipelines that did not finish "
                    "before the last stop",
                    collections);
    }
    group->garbage = true;
    if (atomic_load(&group->node->server.logged_clock) == 0) {
        node__group_advance_clock(group); /* a new database: times begin */
    }
}

void node__group_begin(struct node_group *group)
{
    group->begin_mail.deliver = tend_begin;
    net_loop_post(group->loop, &group->begin_mail);
}
