/* node/admission.h - how many requests may wait for something at a time, by what they wait for.
 *
 *   read that misses memory ──> fetches      write ──> writes, until it is answered
 *   read that used its slice up ──> scans    the rest, where it waits ──> admin
 *
 * An event loop has no queue of its own: a request that was read is started at once, and most are
 * answered in the same turn. Queues are where requests wait, and those are bounded. What never
 * waits (hello, ping, serverStatus) is never refused, and neither is what goes on with admitted
 * work (getMore).
 *
 * A refusal must be cheap, or a flood of refused requests takes the time of those let in: while
 * scans are full, a read's first slice is a short one.
 *
 * Invariant   no more requests are in a queue than its limit; one that was let in keeps its place
 *             until it is answered.
 * Thread      any.
 * Memory      the node's.
 * Errors      false: refused.
 */
#ifndef NODE_ADMISSION_H
#define NODE_ADMISSION_H

#include <stdatomic.h>

#include "doc/build.h"
#include "memory/budget.h"

enum node_queue {
    NODE_QUEUE_NONE,
    NODE_QUEUE_FETCHES,
    NODE_QUEUE_SCANS,
    NODE_QUEUE_WRITES,
    NODE_QUEUE_ADMIN,
    NODE_QUEUES
};

struct node_admission {
    struct memory_budget *total; /* when it is full nobody else is let in */
    struct node_admission_queue {
        uint32_t limit;
        atomic_uint waiting;
        atomic_uint peak;
        _Atomic uint64_t admitted;
        _Atomic uint64_t refused;
    } queues[NODE_QUEUES];
};

/* `limits` by queue; that of NODE_QUEUE_NONE has no meaning. */
void node__admission_init(struct node_admission *admission, struct memory_budget *total,
                          const uint32_t limits[NODE_QUEUES]);

/* Take a place. */
bool node__admission_enter(struct node_admission *admission, enum node_queue queue);
/* Give it back; none for NODE_QUEUE_NONE. */
void node__admission_leave(struct node_admission *admission, enum node_queue queue);

/* "scans", and the option that bounds it. */
const char *node__admission_name(enum node_queue queue);

/* Append serverStatus's section "admission". */
void node__admission_status(struct node_admission *admission, struct doc_builder *builder);

#endif
