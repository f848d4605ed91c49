/* store/rocks_calm.c - the thread that merges files stands back when others want the processor.
 *
 * It has much to do and little of it is urgent, while a loop wakes for some hundred microseconds
 * and its clients wait. A higher nice value gives the loop more of the processor, but not at once:
 * Linux lets whoever runs finish his slice of some milliseconds. So the thread asks for short
 * slices, too (which takes Linux 6.12; before, the wish is ignored).
 *
 * It stays a third of what others are worth: it holds RocksDB's mutex now and then, and writes wait
 * when it has fallen behind, so it must not be kept from all processors by those who do not stop.
 */
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/rocks_private.h"

enum { ROCKS_NICE = 5, ROCKS_NICE_MAX = 19, ROCKS_SLICE_NS = 300000 };

/* The system's struct sched_attr, whose header does not go together with <sched.h>. */
struct rocks_sched_attr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/* Counted from the process' own value, since it may be asked twice. A system that refuses leaves
 * the thread as the others. */
static void rocks_calm_run(void *unused)
{
    (void)unused;
    int nice = getpriority(PRIO_PROCESS, (id_t)getpid()) + ROCKS_NICE;
    struct rocks_sched_attr wish = {.size = sizeof wish,
                                    .policy = SCHED_OTHER,
                                    .nice = nice < ROCKS_NICE_MAX ? nice : ROCKS_NICE_MAX,
                                    .runtime_ns = ROCKS_SLICE_NS};
    (void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

void store__rocks_calm(void)
{
    store__rocks_run_merging(rocks_calm_run);
}
