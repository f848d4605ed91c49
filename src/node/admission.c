/* node/admission.c - counters with a limit. */
#include "node/admission.h"

#include <assert.h>

static const char *const admission_names[NODE_QUEUES] = {
    [NODE_QUEUE_FETCHES] = "fetches",
    [NODE_QUEUE_SCANS] = "scans",
    [NODE_QUEUE_WRITES] = "writes",
    [NODE_QUEUE_ADMIN] = "admin",
};

void node__admission_init(struct node_admission *admission, struct memory_budget *total,
                          const uint32_t limits[NODE_QUEUES])
{
    *admission = (struct node_admission){.total = total};
    for (int i = NODE_QUEUE_NONE + 1; i < NODE_QUEUES; i++) {
        assert(limits[i] > 0);
        admission->queues[i].limit = limits[i];
    }
}

static bool admission_has_memory(const struct node_admission *admission)
{
    struct memory_budget_stats stats = memory_budget_stats(admission->total);
    return stats.hard == 0 || stats.used < stats.hard;
}

bool node__admission_enter(struct node_admission *admission, enum node_queue queue)
{
    struct node_admission_queue *at = &admission->queues[queue];
    assert(queue != NODE_QUEUE_NONE);
    unsigned waiting = atomic_fetch_add(&at->waiting, 1) + 1;
    if (waiting > at->limit || !admission_has_memory(admission)) {
        atomic_fetch_sub(&at->waiting, 1);
        atomic_fetch_add(&at->refused, 1);
        return false;
    }
    atomic_fetch_add_explicit(&at->admitted, 1, memory_order_relaxed);
    unsigned peak = atomic_load_explicit(&at->peak, memory_order_relaxed);
    while (waiting > peak && !atomic_compare_exchange_weak(&at->peak, &peak, waiting)) {
    }
    return true;
}

void node__admission_leave(struct node_admission *admission, enum node_queue queue)
{
    if (queue != NODE_QUEUE_NONE) {
        unsigned before = atomic_fetch_sub(&admission->queues[queue].waiting, 1);
        assert(before > 0);
    }
}

const char *node__admission_name(enum node_queue queue)
{
    return admission_names[queue];
}

void node__admission_status(struct node_admission *admission, struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("admission"));
    for (int i = NODE_QUEUE_NONE + 1; i < NODE_QUEUES; i++) {
        struct node_admission_queue *at = &admission->queues[i];
        doc_build_open(builder, slice_str(admission_names[i]));
        doc_build_i64(builder, "limit", at->limit);
        doc_build_i64(builder, "waiting", atomic_load(&at->waiting));
        doc_build_i64(builder, "peak", atomic_load(&at->peak));
        doc_build_i64(builder, "admitted", (int64_t)atomic_load(&at->admitted));
        doc_build_i64(builder, "refused", (int64_t)atomic_load(&at->refused));
        doc_build_close(builder);
    }
    doc_build_close(builder);
}
