/* command/cluster_params.h - settings that a whole cluster has, and that survive a restart.
 *
 * Invariant   what is in memory is what the newest write said. Zero: no limit, off.
 * Thread      reading: any; writing: the shard's owner.
 * Memory      a number each.
 * Errors      MongoDB's codes.
 * Source      MongoDB's manual, "Cluster Parameters".
 */
#ifndef COMMAND_CLUSTER_PARAMS_H
#define COMMAND_CLUSTER_PARAMS_H

#include "command/command.h"

enum command_cluster_param {
    COMMAND_CLUSTER_IMAGE_SECONDS, /* so long documents before a change can be asked for */
    COMMAND_CLUSTER_STREAM_SECONDS,
    COMMAND_CLUSTER_READ_MS, /* maxTimeMS of reads that give none */
    COMMAND_CLUSTER_SUBSTRINGS,
    COMMAND_CLUSTER_PARAMS,
};

struct command_cluster_params {
    _Atomic int64_t values[COMMAND_CLUSTER_PARAMS];
};

static inline int64_t command_cluster_param(struct command_cluster_params *params,
                                            enum command_cluster_param which)
{
    return atomic_load_explicit(&params->values[which], memory_order_relaxed);
}

void command_cluster_params_init(struct command_cluster_params *params);
/* At the start, what was set before. */
int command_cluster_params_load(struct command_cluster_params *params, struct store_view *view);

#endif
