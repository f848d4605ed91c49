/* command/causal.c - learning of times, and waiting for one.
 *
 * A time that came from another server may be ahead of everything that is logged here. Who waits
 * for it asks the owner for an entry of that time, which changes nothing that anybody reads. */
#include "command/causal.h"

#include "doc/view.h"

#define CAUSAL_NO_TIME UINT64_MAX /* what was brought is none */

enum { CAUSAL_WAIT_US = 1000000 };

static void causal_advance(struct command_server *server, uint64_t clock)
{
    uint64_t known = atomic_load(&server->cluster_clock);
    while (known < clock && !atomic_compare_exchange_weak(&server->cluster_clock, &known, clock)) {
    }
}

static bool causal_is_near(const struct command_op *op, uint64_t clock)
{
    int64_t drift =
        command_param(&op->server->parameters, COMMAND_PARAM_maxAcceptableLogicalClockDriftSecs);
    return (int64_t)(clock >> 32) <= op->wall_ms / 1000 + drift;
}

/* Who may be anybody tells no times. */
static bool causal_believes(const struct command_op *op)
{
    return op->command != NULL && (op->command->flags & COMMAND_NO_AUTH) == 0 &&
           (!op->server->authorization || atomic_load(&op->client->known));
}

void command_causal_learn(struct command_op *op)
{
    struct doc_value given = op->common.cluster_time;
    if (!doc_value_exists(given)) {
        return;
    }
    struct doc_value time = doc_missing;
    if (given.type == DOC_OBJECT) {
        time = doc_get_str(doc_value_get_doc(given), "clusterTime");
    }
    op->brought_clock =
        time.type == DOC_TIMESTAMP ? (uint64_t)doc_value_get_i64(time) : CAUSAL_NO_TIME;
    if (op->brought_clock > command_causal_now(op->server) && causal_believes(op) &&
        causal_is_near(op, op->brought_clock)) {
        causal_advance(op->server, op->brought_clock);
    }
}

int command_causal_check(struct command_op *op)
{
    if (op->brought_clock == CAUSAL_NO_TIME) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "$clusterTime must be an object with clusterTime, a timestamp");
    }
    if (op->brought_clock <= command_causal_now(op->server) || !causal_believes(op)) {
        return 0;
    }
    return err_set(&op->err, LT_ECLUSTERTIMEFAILSRATELIMITER,
                   "New cluster time, %llu, is too far from this node's wall clock time, %lld.",
                   (unsigned long long)(op->brought_clock >> 32), (long long)op->wall_ms / 1000);
}

int command_causal_after(struct command_op *op, uint64_t after, bool everything)
{
    uint64_t now = command_causal_now(op->server);
    if (after > now) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "readConcern afterClusterTime value must not be greater than the current "
                       "clusterTime. Requested clusterTime: Timestamp(%u, %u); current "
                       "clusterTime: Timestamp(%u, %u)",
                       (unsigned)(after >> 32), (unsigned)after, (unsigned)(now >> 32),
                       (unsigned)now);
    }
    op->after_clock = everything ? atomic_load(&op->server->logged_clock) : after;
    return 0;
}

int command_causal_wait(struct command_op *op)
{
    struct command_server *server = op->server;
    if (atomic_load(&server->applied_clock) >= op->after_clock) {
        op->wake_clock = 0;
        op->wake_us = 0;
        return 0;
    }
    if (atomic_load(&server->logged_clock) < op->after_clock) {
        server->host_ops->advance_clock(server->host);
    }
    op->wake_clock = op->after_clock;
    op->wake_us = op->mono_us + CAUSAL_WAIT_US;
    if (op->deadline_us != 0 && op->deadline_us < op->wake_us) {
        op->wake_us = op->deadline_us + 1;
    }
    return -LT_EYIELD;
}
