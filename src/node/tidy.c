/* node/tidy.c - the thread that closes up memory and gives it back, within its share of a core.
 *
 *   look (each second) ──something to gain──> walk: slice, rest, slice, ... ──> told
 *   compactMemory, the cache's reclaimer ───────^
 *
 * A thread and no turn of a loop: purging waits for the system for milliseconds, and a loop's
 * connections would wait with it. A slice ends at the first step after TIDY_SLICE_US, and a step
 * holds one shard's lock while it moves one segment; then the thread rests as long as its share
 * demands. When nothing happens it looks every four seconds, for some hundred microseconds. It also
 * tells the store when nothing is written, which then packs what is small and lies plain.
 *
 * What the cache may hold is charged to its budget from the start. When memory is short its
 * reclaimer lowers the bound, and what is uncharged can be used by others at once; the walk that it
 * asks for lets go of the entries. When there is room again the bound rises step by step. */
#include <assert.h>
#include <time.h>

#include "base/clock.h"
#include "memory/allocator.h"
#include "memory/machine.h"
#include "node/node_private.h"

enum { TIDY_STALL_US = 1000000 }; /* a turn as long as this is told of */

enum { TIDY_SLICE_US = 500, TIDY_PAUSE_US = 1000000, TIDY_PAUSE_US_MAX = 4000000 };

enum {
    TIDY_GAIN_PARTS = 32,         /* what can be gained is worth a walk from this part on, */
    TIDY_GAIN_LEAST = 1 << 20,    /* when it is as much as this */
    TIDY_DIRTY_LEAST = 4 << 20,   /* the same of the heap's dirty pages */
    TIDY_TOLD_LEAST = 16 << 20,   /* what a walk must have given back to be told of */
    TIDY_PRESSURE_PERCENT = 10,   /* of ten seconds in which something waited for memory */
    TIDY_CACHE_FLOOR_PARTS = 8,   /* the bound is never lower than this part of what it was */
    TIDY_CACHE_GROW_PARTS = 8,    /* and rises by this part a second, */
    TIDY_CACHE_CALM_PERCENT = 94, /* while use stays below this part of the soft limit */
};

/* ---- the walk ---- */

static struct timespec tidy_after(uint64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + us * 1000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
}

/* Sleep, unless the node stops. */
static void tidy_rest(struct node_tidy *tidy, uint64_t us)
{
    struct timespec until = tidy_after(us);
    int waited = 0;
    pthread_mutex_lock(&tidy->lock);
    while (!tidy->stopping && waited == 0) {
        waited = pthread_cond_timedwait(&tidy->wake, &tidy->lock, &until);
    }
    pthread_mutex_unlock(&tidy->lock);
}

/* Work was done since `began`: note it, and rest for the share's sake. */
static void tidy_account(struct node_tidy *tidy, uint64_t began)
{
    uint64_t us = clock_mono_us() - began;
    atomic_fetch_add(&tidy->busy_us, us);
    tidy_rest(tidy, us * (100 - tidy->percent) / tidy->percent);
}

static bool tidy_is_stopping(struct node_tidy *tidy)
{
    pthread_mutex_lock(&tidy->lock);
    bool stopping = tidy->stopping;
    pthread_mutex_unlock(&tidy->lock);
    return stopping;
}

static void tidy_cache(struct node_tidy *tidy, bool hurry)
{
    struct cache_tidy walk = {.hurry = hurry};
    bool more = true;
    while (more && !tidy_is_stopping(tidy)) {
        uint64_t began = clock_mono_us();
        while (more && clock_mono_us() - began < TIDY_SLICE_US) {
            more = cache_tidy_step(tidy->node->server.cache, &walk);
        }
        uint64_t us = clock_mono_us() - began;
        if (us > atomic_load(&tidy->longest_us)) {
            atomic_store(&tidy->longest_us, us); /* nobody else writes it */
        }
        tidy_account(tidy, began);
    }
}

static bool tidy_heap_is_dirty(void)
{
    struct memory_allocator heap;
    return memory_allocator_read(&heap) && heap.dirty > TIDY_DIRTY_LEAST &&
           heap.dirty > heap.active / TIDY_GAIN_PARTS;
}

static void tidy_heap(struct node_tidy *tidy)
{
    uint32_t count = memory_allocator_arenas();
    for (uint32_t arena = 0; arena < count && !tidy_is_stopping(tidy); arena++) {
        uint64_t began = clock_mono_us();
        memory_allocator_purge(arena);
        tidy_account(tidy, began);
    }
}

static void tidy_walk(struct node_tidy *tidy, bool hurry)
{
    uint64_t before = memory_process().resident;
    uint64_t began = clock_mono_us();
    tidy_cache(tidy, hurry);
    if (hurry || tidy_heap_is_dirty()) {
        tidy_heap(tidy);
    }
    uint64_t after = memory_process().resident;
    atomic_fetch_add(&tidy->walks, 1);
    if (before > after + TIDY_TOLD_LEAST) {
        log_info(tidy->node->log, "memory", "gave %llu MB back to the system in %llu ms",
                 (unsigned long long)((before - after) >> 20),
                 (unsigned long long)((clock_mono_us() - began) / 1000));
    }
}

uint64_t node__tidy_ask(struct node_tidy *tidy, bool hurry)
{
    pthread_mutex_lock(&tidy->lock);
    uint64_t walk = ++tidy->asked;
    tidy->hurry = tidy->hurry || hurry;
    pthread_cond_signal(&tidy->wake);
    pthread_mutex_unlock(&tidy->lock);
    return walk;
}

bool node__tidy_is_done(struct node_tidy *tidy, uint64_t walk)
{
    pthread_mutex_lock(&tidy->lock);
    bool done = tidy->answered >= walk;
    pthread_mutex_unlock(&tidy->lock);
    return done;
}

/* ---- the cache's bound ---- */

static uint64_t tidy_give_back(void *context, uint64_t bytes)
{
    struct node_tidy *tidy = context;
    uint64_t floor = tidy->cache_bytes / TIDY_CACHE_FLOOR_PARTS;
    pthread_mutex_lock(&tidy->lock);
    uint64_t most = tidy->bound > floor ? tidy->bound - floor : 0;
    uint64_t given = bytes < most ? bytes : most;
    if (given > 0) {
        tidy->bound -= given;
        cache_set_bound(tidy->node->server.cache, tidy->bound);
    }
    pthread_mutex_unlock(&tidy->lock);
    if (given > 0) {
        memory_uncharge(tidy->budget, given);
        node__tidy_ask(tidy, true);
    }
    return given;
}

/* Only here does the bound rise, so that what is charged for still fits below cache_bytes. True: it
 * was lowered. */
static bool tidy_grow(struct node_tidy *tidy)
{
    struct memory_budget_stats total =
        memory_budget_stats(tidy->node->server.budgets->all[COMMAND_BUDGET_TOTAL]);
    uint64_t step = tidy->cache_bytes / TIDY_CACHE_GROW_PARTS;
    pthread_mutex_lock(&tidy->lock);
    uint64_t missing = tidy->cache_bytes - tidy->bound;
    pthread_mutex_unlock(&tidy->lock);
    uint64_t more = missing < step ? missing : step;
    if (more == 0 || total.used + more > total.soft / 100 * TIDY_CACHE_CALM_PERCENT ||
        memory_charge(tidy->budget, more, NULL) < 0) {
        return missing > 0;
    }
    pthread_mutex_lock(&tidy->lock);
    tidy->bound += more;
    cache_set_bound(tidy->node->server.cache, tidy->bound);
    pthread_mutex_unlock(&tidy->lock);
    return true;
}

/* ---- looking ---- */

static bool tidy_has_pressure(void)
{
    double percent;
    return memory_machine_pressure("", &percent) && percent >= TIDY_PRESSURE_PERCENT;
}

/* Is a walk worth while? */
static bool tidy_look(struct node_tidy *tidy)
{
    const struct cache *cache = tidy->node->server.cache;
    struct cache_space_stats stats = cache_stats(tidy->node->server.cache, 0);
    uint64_t gain = stats.dead + stats.wide + cache_spare(cache);
    return (gain > TIDY_GAIN_LEAST && gain > stats.bytes / TIDY_GAIN_PARTS) ||
           stats.bytes > cache_bound(cache) || tidy_heap_is_dirty();
}

struct tidy_stalled {
    struct log *log;
    struct memory_reclaim_stats stats;
};

static void tidy_warn(void *context, const char *name, uint64_t busy_us)
{
    const struct tidy_stalled *stalled = context;
    if (busy_us > TIDY_STALL_US) {
        log_warning(stalled->log, "memory",
                    "%s has not finished its turn for %llu ms: %u old objects (%llu bytes) and "
                    "the clients of that thread wait",
                    name, (unsigned long long)(busy_us / 1000), stalled->stats.count,
                    (unsigned long long)stalled->stats.bytes);
    }
}

/* A loop that does not finish its turn keeps what was retired, and its clients wait. */
static void tidy_watch_readers(struct node_tidy *tidy)
{
    struct memory_reclaim *reclaim = tidy->node->reclaim;
    struct tidy_stalled stalled = {tidy->node->log, memory_reclaim_stats(reclaim)};
    if (stalled.stats.count > 0) {
        memory_reclaim_readers(reclaim, tidy_warn, &stalled);
    }
}

/* What is looked at in the mapped file counts as resident, though the system may take it back: who
 * set a limit looks at the sum. */
static void tidy_mapped(struct node_tidy *tidy)
{
    struct memory_budget_stats total =
        memory_budget_stats(tidy->node->server.budgets->all[COMMAND_BUDGET_TOTAL]);
    if (memory_process().resident > total.hard) {
        cache_let_go(tidy->node->server.cache);
    }
}

/* ---- the thread ---- */

/* Until somebody asks, the pause is over, or the node stops. With the lock. */
static bool tidy_wait(struct node_tidy *tidy, uint64_t pause_us)
{
    struct timespec until = tidy_after(pause_us);
    int waited = 0;
    while (!tidy->stopping && tidy->asked == tidy->answered && waited == 0) {
        waited = pthread_cond_timedwait(&tidy->wake, &tidy->lock, &until);
    }
    return tidy->asked != tidy->answered;
}

static void *tidy_run(void *context)
{
    struct node_tidy *tidy = context;
    uint64_t pause_us = TIDY_PAUSE_US;
    pthread_mutex_lock(&tidy->lock);
    while (!tidy->stopping) {
        bool asked = tidy_wait(tidy, pause_us);
        uint64_t walk = tidy->asked; /* the last that this turn is for */
        bool hurry = tidy->hurry;
        tidy->hurry = false;
        pthread_mutex_unlock(&tidy->lock);
        bool is_small = asked || tidy_grow(tidy); /* what was promised is let go of first */
        tidy_watch_readers(tidy);
        tidy_mapped(tidy);
        hurry = hurry || tidy_has_pressure();
        bool worth = asked || hurry || tidy_look(tidy);
        if (worth) {
            tidy_walk(tidy, hurry);
        }
        bool is_written = tidy->node->kv->ops->settle(tidy->node->kv);
        pause_us = worth || is_small || is_written ? TIDY_PAUSE_US : 2 * pause_us;
        pause_us = pause_us < TIDY_PAUSE_US_MAX ? pause_us : TIDY_PAUSE_US_MAX;
        pthread_mutex_lock(&tidy->lock);
        tidy->answered = walk;
    }
    pthread_mutex_unlock(&tidy->lock);
    return NULL;
}

void node__tidy_status(struct node_tidy *tidy, struct doc_builder *builder)
{
    pthread_mutex_lock(&tidy->lock);
    uint64_t bound = tidy->bound;
    pthread_mutex_unlock(&tidy->lock);
    struct cache_space_stats cache = cache_stats(tidy->node->server.cache, 0);
    doc_build_open(builder, SLICE("tidy"));
    doc_build_i64(builder, "walks", (int64_t)atomic_load(&tidy->walks));
    doc_build_i64(builder, "busyMicros", (int64_t)atomic_load(&tidy->busy_us));
    doc_build_i64(builder, "longestSliceMicros", (int64_t)atomic_load(&tidy->longest_us));
    doc_build_i64(builder, "movedEntries", (int64_t)cache.moves);
    doc_build_i64(builder, "cacheBound", (int64_t)bound);
    doc_build_i64(builder, "cacheHoles", (int64_t)cache.dead);
    doc_build_i64(builder, "cacheTablesShrunk", (int64_t)cache.shrinks);
    doc_build_i64(builder, "cacheSpare", (int64_t)cache_spare(tidy->node->server.cache));
    doc_build_close(builder);
}

/* ---- life ---- */

void node__tidy_open(struct node_tidy *tidy, struct node *node)
{
    struct memory_budget *budget = node->server.budgets->all[COMMAND_BUDGET_CACHE];
    pthread_condattr_t attributes;
    *tidy = (struct node_tidy){
        .node = node,
        .budget = budget,
        .percent = node->config.tidy_percent,
        .cache_bytes = cache_bytes_max(node->server.cache),
        .reclaimer = {.give_back = tidy_give_back, .context = tidy},
    };
    tidy->bound = tidy->cache_bytes;
    assert(tidy->percent >= 1 && tidy->percent <= 100);
    pthread_mutex_init(&tidy->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&tidy->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    memory_reclaimer_add(node->server.budgets->all[COMMAND_BUDGET_TOTAL], &tidy->reclaimer);
}

int node__tidy_start(struct node_tidy *tidy, struct err *err)
{
    int code = pthread_create(&tidy->thread, NULL, tidy_run, tidy);
    if (code != 0) {
        return err_set(err, LT_EIO, "cannot start the tidying thread: %s", strerror(code));
    }
    pthread_setname_np(tidy->thread, "lt-tidy");
    tidy->started = true;
    return 0;
}

void node__tidy_stop(struct node_tidy *tidy)
{
    if (!tidy->started) {
        return;
    }
    pthread_mutex_lock(&tidy->lock);
    tidy->stopping = true;
    pthread_cond_signal(&tidy->wake);
    pthread_mutex_unlock(&tidy->lock);
    pthread_join(tidy->thread, NULL);
    tidy->started = false;
}

void node__tidy_close(struct node_tidy *tidy)
{
    if (tidy->node == NULL) {
        return;
    }
    node__tidy_stop(tidy);
    memory_reclaimer_remove(tidy->node->server.budgets->all[COMMAND_BUDGET_TOTAL],
                            &tidy->reclaimer);
    pthread_mutex_destroy(&tidy->lock);
    pthread_cond_destroy(&tidy->wake);
}
