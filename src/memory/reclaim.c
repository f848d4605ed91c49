/* memory/reclaim.c - liburcu's quiescent-state-based flavour, with a bound and names.
 *
 *   retire ──> waiting ──lt-reclaim takes all──> grace period ──> freed
 *      └── past the bound: until the thread has caught up
 *
 * Readers pay nothing to read: they only say, once a turn, that they hold nothing. liburcu knows
 * the threads; what is here besides are their names and since when each has not been quiet, so that
 * somebody can tell an operator which one holds memory back. */
#include "memory/reclaim.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <urcu/urcu-qsbr.h>

#include "base/clock.h"
#include "base/mem.h"

struct memory_reader {
    struct memory_reclaim *reclaim;
    struct memory_reader *next;
    char name[16];
    _Atomic uint64_t busy_since; /* us; 0: quiet */
};

struct reclaim_retired {
    struct reclaim_retired *next;
    void *object;
    void (*free_object)(void *object);
    uint64_t bytes;
};

struct memory_reclaim {
    struct memory_reclaim_options options;
    pthread_t thread;
    pthread_mutex_t lock;            /* everything below */
    pthread_cond_t wake;             /* the thread: there is something, or the end */
    pthread_cond_t freed;            /* who waits: there is less */
    struct reclaim_retired *retired; /* newest first */
    struct memory_reader *readers;
    struct memory_reclaim_stats stats;
    bool stopping;
};

/* ---- the thread ---- */

/* Bytes of a chain whose objects are freed by this. */
static uint64_t reclaim_free(struct reclaim_retired *at, uint32_t *ret_count)
{
    uint64_t bytes = 0;
    uint32_t count = 0;
    while (at != NULL) {
        struct reclaim_retired *next = at->next;
        at->free_object(at->object);
        bytes += at->bytes;
        count++;
        mem_free(at);
        at = next;
    }
    *ret_count = count;
    return bytes;
}

/* The grace period orders what readers read before what is freed. Tools that do not see into
 * liburcu see it here: every reader noted that it was quiet, and that note is taken up. */
static void reclaim_meet_readers(struct memory_reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    for (struct memory_reader *at = reclaim->readers; at != NULL; at = at->next) {
        (void)atomic_load_explicit(&at->busy_since, memory_order_acquire);
    }
    pthread_mutex_unlock(&reclaim->lock);
}

static void *reclaim_run(void *context)
{
    struct memory_reclaim *reclaim = context;
    pthread_mutex_lock(&reclaim->lock);
    while (!reclaim->stopping || reclaim->retired != NULL) {
        if (reclaim->retired == NULL) {
            pthread_cond_wait(&reclaim->wake, &reclaim->lock);
            continue;
        }
        struct reclaim_retired *taken = reclaim->retired;
        uint32_t count;
        reclaim->retired = NULL;
        pthread_mutex_unlock(&reclaim->lock);
        urcu_qsbr_synchronize_rcu();
        reclaim_meet_readers(reclaim);
        uint64_t bytes = reclaim_free(taken, &count);
        pthread_mutex_lock(&reclaim->lock);
        reclaim->stats.count -= count;
        reclaim->stats.bytes -= bytes;
        reclaim->stats.freed += count;
        pthread_cond_broadcast(&reclaim->freed);
    }
    pthread_mutex_unlock(&reclaim->lock);
    return NULL;
}

int memory_reclaim_new(const struct memory_reclaim_options *options,
                       struct memory_reclaim **ret_reclaim, struct err *err)
{
    struct memory_reclaim *reclaim = mem_zero(1, sizeof *reclaim);
    reclaim->options = *options;
    pthread_mutex_init(&reclaim->lock, NULL);
    pthread_cond_init(&reclaim->wake, NULL);
    pthread_cond_init(&reclaim->freed, NULL);
    int code = pthread_create(&reclaim->thread, NULL, reclaim_run, reclaim);
    if (code != 0) {
        mem_free(reclaim);
        return err_set(err, LT_EIO, "cannot start the reclaiming thread: %s", strerror(code));
    }
    pthread_setname_np(reclaim->thread, "lt-reclaim");
    *ret_reclaim = reclaim;
    return 0;
}

void memory_reclaim_free(struct memory_reclaim *reclaim)
{
    if (reclaim == NULL) {
        return;
    }
    pthread_mutex_lock(&reclaim->lock);
    assert(reclaim->readers == NULL);
    reclaim->stopping = true;
    pthread_cond_signal(&reclaim->wake);
    pthread_mutex_unlock(&reclaim->lock);
    pthread_join(reclaim->thread, NULL);
    pthread_cond_destroy(&reclaim->freed);
    pthread_cond_destroy(&reclaim->wake);
    pthread_mutex_destroy(&reclaim->lock);
    mem_free(reclaim);
}

/* ---- readers ---- */

struct memory_reader *memory_reader_join(struct memory_reclaim *reclaim, const char *name)
{
    struct memory_reader *reader = mem_zero(1, sizeof *reader);
    reader->reclaim = reclaim;
    snprintf(reader->name, sizeof reader->name, "%s", name);
    urcu_qsbr_register_thread();
    atomic_store(&reader->busy_since, clock_mono_us());
    pthread_mutex_lock(&reclaim->lock);
    reader->next = reclaim->readers;
    reclaim->readers = reader;
    pthread_mutex_unlock(&reclaim->lock);
    return reader;
}

void memory_reader_leave(struct memory_reader *reader)
{
    struct memory_reclaim *reclaim = reader->reclaim;
    urcu_qsbr_unregister_thread();
    pthread_mutex_lock(&reclaim->lock);
    struct memory_reader **link = &reclaim->readers;
    while (*link != reader) {
        link = &(*link)->next;
    }
    *link = reader->next;
    pthread_mutex_unlock(&reclaim->lock);
    mem_free(reader);
}

bool memory_may_read(void)
{
    return urcu_qsbr_read_ongoing() != 0;
}

void memory_reader_pause(struct memory_reader *reader)
{
    atomic_store_explicit(&reader->busy_since, 0, memory_order_release);
    urcu_qsbr_thread_offline();
}

void memory_reader_resume(struct memory_reader *reader)
{
    urcu_qsbr_thread_online();
    atomic_store_explicit(&reader->busy_since, clock_mono_us(), memory_order_release);
}

/* ---- retiring ---- */

static bool reclaim_is_full(const struct memory_reclaim *reclaim)
{
    return reclaim->stats.count > reclaim->options.count_max ||
           reclaim->stats.bytes > reclaim->options.bytes_max;
}

/* With the lock: wait for the thread. It may be waiting for this one, if this is a reader. */
static void reclaim_await(struct memory_reclaim *reclaim)
{
    bool reads = memory_may_read();
    if (reads) {
        urcu_qsbr_thread_offline();
    }
    pthread_cond_wait(&reclaim->freed, &reclaim->lock);
    if (reads) {
        urcu_qsbr_thread_online();
    }
}

void memory_retire(struct memory_reclaim *reclaim, void *object, void (*free_object)(void *object),
                   uint64_t bytes)
{
    struct reclaim_retired *retired = mem_alloc(sizeof *retired);
    pthread_mutex_lock(&reclaim->lock);
    assert(!reclaim->stopping);
    *retired = (struct reclaim_retired){reclaim->retired, object, free_object, bytes};
    reclaim->retired = retired;
    reclaim->stats.count++;
    reclaim->stats.bytes += bytes;
    pthread_cond_signal(&reclaim->wake);
    reclaim->stats.waited += reclaim_is_full(reclaim);
    while (reclaim_is_full(reclaim)) {
        reclaim_await(reclaim);
    }
    pthread_mutex_unlock(&reclaim->lock);
}

void memory_reclaim_wait(struct memory_reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    while (reclaim->stats.count > 0) {
        reclaim_await(reclaim);
    }
    pthread_mutex_unlock(&reclaim->lock);
}

/* ---- looking ---- */

struct memory_reclaim_stats memory_reclaim_stats(struct memory_reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    struct memory_reclaim_stats stats = reclaim->stats;
    pthread_mutex_unlock(&reclaim->lock);
    return stats;
}

void memory_reclaim_readers(struct memory_reclaim *reclaim,
                            void (*tell)(void *context, const char *name, uint64_t busy_us),
                            void *context)
{
    uint64_t now = clock_mono_us();
    pthread_mutex_lock(&reclaim->lock);
    for (struct memory_reader *at = reclaim->readers; at != NULL; at = at->next) {
        uint64_t since = atomic_load(&at->busy_since);
        tell(context, at->name, since == 0 || since > now ? 0 : now - since);
    }
    pthread_mutex_unlock(&reclaim->lock);
}
