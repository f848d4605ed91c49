/* memory/reclaim.h - what other threads may still be reading is freed when none of them can.
 *
 *   publisher   new pointer in place ──> memory_retire(old) ──> grace period ──> old is freed
 *   reader      ... quiet ── reads the pointer, takes what it needs ── quiet ...
 *
 * Invariant   an object is freed when every reader has been quiet since it was retired. Not more
 *             than count_max objects and bytes_max bytes wait for that, but for one: who retires
 *             more waits too.
 * Thread      a reader: the thread that joined as it. memory_retire: any; the rest: any.
 * Memory      a retired object belongs to the reclaimer; a reader keeps nothing that it read, but
 *             by a reference of the object's own, past the end of its turn or a call of
 *             memory_retire.
 * Errors      -LT_EIO when the system gives no thread.
 */
#ifndef MEMORY_RECLAIM_H
#define MEMORY_RECLAIM_H

#include "base/err.h"

struct memory_reclaim;
struct memory_reader;

struct memory_reclaim_options {
    uint32_t count_max;
    uint64_t bytes_max;
};

/* With a thread that waits for grace periods; it sleeps while nothing is retired. */
int memory_reclaim_new(const struct memory_reclaim_options *options,
                       struct memory_reclaim **ret_reclaim, struct err *err);
/* Frees what waits. All readers have left; nobody retires any more. NULL is fine. */
void memory_reclaim_free(struct memory_reclaim *reclaim);

/* ---- readers ---- */

/* This thread is a reader from now on, and may read. `name` is copied. */
struct memory_reader *memory_reader_join(struct memory_reclaim *reclaim, const char *name);
void memory_reader_leave(struct memory_reader *reader);

/* Is this thread a reader that is not paused? */
bool memory_may_read(void);

/* Before waiting: until memory_reader_resume this thread reads nothing, and nobody waits for it. */
void memory_reader_pause(struct memory_reader *reader);
void memory_reader_resume(struct memory_reader *reader);

/* ---- retiring ---- */

/* `free_object(object)` is called on another thread when no reader can see it any more; about so
 * many `bytes` it holds until then. */
void memory_retire(struct memory_reclaim *reclaim, void *object, void (*free_object)(void *object),
                   uint64_t bytes);

/* Wait until all that is retired has been freed. A reader pauses meanwhile. */
void memory_reclaim_wait(struct memory_reclaim *reclaim);

/* ---- looking ---- */

struct memory_reclaim_stats {
    uint32_t count; /* waiting to be freed */
    uint64_t bytes;
    uint64_t freed;  /* objects */
    uint64_t waited; /* how often one who retired had to wait */
};
struct memory_reclaim_stats memory_reclaim_stats(struct memory_reclaim *reclaim);

/* Tell of every reader how long ago it last was quiet; 0: it is. `tell` calls nothing of this. */
void memory_reclaim_readers(struct memory_reclaim *reclaim,
                            void (*tell)(void *context, const char *name, uint64_t busy_us),
                            void *context);

#endif
