/* tool/bench_run.c - connections on a few threads, each an epoll loop.
 *
 * Closed loop: every connection sends its next request as soon as a reply has come. Open loop: each
 * thread has its share of the requests' timetable; one that is due takes a free connection, and its
 * latency counts from when it was due, even if it had to wait for one: a server that stalls cannot
 * make the clock stall with it. All replies are awaited at the end, so that every acknowledged
 * write is known. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench_private.h"

enum { RUN_EVENTS = 256, RUN_LOADERS = 64, RUN_PATIENCE_MS = 60000, RUN_NAP_US = 2000 };

/* What the threads of one phase share. */
struct run {
    struct bench *bench;
    uint64_t begin_us, measure_us, end_us; /* end_us UINT64_MAX: until nothing is left to do */
    atomic_bool failed;
    atomic_uint running;
};

struct run_thread {
    struct run *run;
    pthread_t thread;
    int epoll;
    int timer;
    struct bench_conn *conns; /* its own */
    uint32_t conns_count;
    uint32_t busy;
    struct bench_conn **idle; /* open loop: connections without a request */
    uint32_t idle_count;
    double due_us; /* open loop: when the next request is to be sent */
    double interval_us;
    uint64_t documents;
    uint64_t sent, received;
    uint64_t refused;
    uint64_t unsent;
    struct hist *hist[BENCH_OPS];
    int code;
    struct err err;
};

/* ---- one request ---- */

static void run_watch(struct run_thread *thread, struct bench_conn *conn, int how)
{
    struct epoll_event event = {.events = EPOLLIN | (conn->wants_out ? EPOLLOUT : 0),
                                .data.ptr = conn};
    epoll_ctl(thread->epoll, how, conn->fd, &event);
}

static int run_send(struct run_thread *thread, struct bench_conn *conn)
{
    int code = thread->run->bench->options.peer->send(conn, &thread->err);
    if (code == 0 && conn->wants_out) {
        run_watch(thread, conn, EPOLL_CTL_MOD);
    }
    return code;
}

/* Start the next request of `conn`, due at `start_us`; nothing when it has none. */
static int run_start(struct run_thread *thread, struct bench_conn *conn, uint64_t start_us)
{
    if (start_us >= thread->run->end_us || !bench_choose(conn)) {
        return 0;
    }
    conn->start_us = start_us;
    conn->busy = true;
    thread->busy++;
    return run_send(thread, conn);
}

static void run_account(struct run_thread *thread, struct bench_conn *conn, uint64_t now)
{
    struct run *run = thread->run;
    if (bench_op_inserts(conn->verb)) {
        conn->inserted += conn->count;
    }
    if (conn->verb == BENCH_UPDATE) {
        conn->updated++;
    }
    if (now >= run->measure_us && now < run->end_us) {
        hist_record(thread->hist[conn->op], now - conn->start_us);
        thread->documents += conn->count;
        thread->sent += conn->out.len;
        thread->received += conn->in.len;
    }
}

/* The reply of `conn` is complete. What was refused did not happen. */
static int run_replied(struct run_thread *thread, struct bench_conn *conn)
{
    uint64_t now = clock_mono_us();
    if (conn->op == BENCH_RMW && conn->verb == BENCH_READ && !conn->refused) {
        conn->verb = BENCH_UPDATE;
        return run_send(thread, conn);
    }
    if (!conn->refused) {
        run_account(thread, conn, now);
    } else if (now >= thread->run->measure_us && now < thread->run->end_us) {
        thread->refused++;
    }
    conn->refused = false;
    conn->busy = false;
    thread->busy--;
    if (thread->interval_us > 0) {
        thread->idle[thread->idle_count++] = conn;
        return 0;
    }
    return run_start(thread, conn, now);
}

static int run_event(struct run_thread *thread, const struct epoll_event *event)
{
    const struct bench_peer *peer = thread->run->bench->options.peer;
    struct bench_conn *conn = event->data.ptr;
    int code = 0;
    if (conn->wants_out && (event->events & EPOLLOUT)) {
        code = peer->flush(conn, &thread->err);
        if (code == 0 && !conn->wants_out) {
            run_watch(thread, conn, EPOLL_CTL_MOD);
        }
    }
    if (code == 0 && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        code = peer->receive(conn, &thread->err);
        if (code == 1 && !conn->busy) {
            code = bench_wrong(conn, "a reply that nobody asked for", &thread->err);
        }
        code = code == 1 ? run_replied(thread, conn) : code;
    }
    return code;
}

/* ---- the timetable of the open loop ---- */

/* Send what is due as far as connections are free, and be woken for the next. */
static int run_timetable(struct run_thread *thread)
{
    uint64_t now = clock_mono_us();
    int code = 0;
    while (code == 0 && thread->idle_count > 0 && thread->due_us <= (double)now &&
           thread->due_us < (double)thread->run->end_us) {
        struct bench_conn *conn = thread->idle[--thread->idle_count];
        uint64_t due_us = (uint64_t)thread->due_us;
        thread->due_us += thread->interval_us;
        code = run_start(thread, conn, due_us);
    }
    double wait_us = thread->due_us - (double)clock_mono_us();
    if (code == 0 && thread->idle_count > 0) {
        uint64_t wait_ns = wait_us < 1 ? 1000 : (uint64_t)(wait_us * 1000);
        struct itimerspec when = {
            .it_value = {(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)}};
        timerfd_settime(thread->timer, 0, &when, NULL);
    }
    return code;
}

static void run_timetable_end(struct run_thread *thread)
{
    double left_us = (double)thread->run->end_us - thread->due_us;
    thread->unsent = left_us > 0 ? (uint64_t)(left_us / thread->interval_us) : 0;
    thread->interval_us = 0;
}

/* ---- a thread ---- */

static int run_begin(struct run_thread *thread)
{
    int code = 0;
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->timer, &event);
    event.data.ptr = &thread->run->bench->stop;
    epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->run->bench->stop.fd, &event);
    for (uint32_t i = 0; i < thread->conns_count && code == 0; i++) {
        struct bench_conn *conn = &thread->conns[i];
        run_watch(thread, conn, EPOLL_CTL_ADD);
        if (thread->interval_us > 0) {
            thread->idle[thread->idle_count++] = conn;
        } else {
            code = run_start(thread, conn, clock_mono_us());
        }
    }
    return code == 0 && thread->interval_us > 0 ? run_timetable(thread) : code;
}

static int run_step(struct run_thread *thread)
{
    struct epoll_event events[RUN_EVENTS];
    int count = epoll_wait(thread->epoll, events, RUN_EVENTS, RUN_PATIENCE_MS);
    int code = 0;
    if (count == 0 && thread->busy > 0) {
        return err_set(&thread->err, LT_ENETWORKTIMEOUT, "no answer within %d seconds",
                       RUN_PATIENCE_MS / 1000);
    }
    for (int i = 0; i < count && code == 0; i++) {
        uint64_t ticks;
        if (events[i].data.ptr == &thread->run->bench->stop) {
            code = bench_stop_check(&thread->run->bench->stop, &thread->err);
        } else if (events[i].data.ptr != NULL) {
            code = run_event(thread, &events[i]);
        } else if (read(thread->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) {
            code = err_set(&thread->err, LT_EINTERNALERROR, "timer: %s", strerror(errno));
        }
    }
    if (code == 0 && thread->interval_us > 0) {
        code = run_timetable(thread);
        if (clock_mono_us() >= thread->run->end_us) {
            run_timetable_end(thread);
        }
    }
    return code;
}

static void *run_thread_main(void *argument)
{
    struct run_thread *thread = argument;
    int code = run_begin(thread);
    while (code == 0 && (thread->busy > 0 || thread->interval_us > 0) &&
           !atomic_load(&thread->run->failed)) {
        code = run_step(thread);
    }
    thread->code = code;
    if (code < 0) {
        atomic_store(&thread->run->failed, true);
    }
    atomic_fetch_sub(&thread->run->running, 1);
    return NULL;
}

static void run_thread_init(struct run_thread *thread, struct run *run, struct bench_conn *conns,
                            uint32_t number)
{
    const struct bench_options *options = &run->bench->options;
    uint32_t conns_count = run->bench->conns;
    uint32_t from = conns_count * number / options->threads;
    uint32_t to = conns_count * (number + 1) / options->threads;
    *thread = (struct run_thread){
        .run = run,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
        .conns = conns + from,
        .conns_count = to - from,
        .idle = mem_zero(to - from, sizeof *thread->idle),
    };
    if (run->bench->limit == 0 && options->rate > 0) {
        thread->interval_us = 1e6 * options->threads / options->rate;
        thread->due_us = (double)run->begin_us + thread->interval_us * number / options->threads;
    }
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        thread->hist[i] = hist_new();
    }
}

/* Bring what a thread saw to the bench, and free it. */
static void run_thread_close(struct run_thread *thread)
{
    struct bench *bench = thread->run->bench;
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        if (bench->limit == 0) {
            hist_merge(bench->hist[i], thread->hist[i]);
        }
        hist_free(thread->hist[i]);
    }
    for (uint32_t i = 0; i < thread->conns_count; i++) {
        bench->inserted += thread->conns[i].inserted;
        bench->updated += thread->conns[i].updated;
    }
    bench->documents += bench->limit == 0 ? thread->documents : 0;
    bench->sent += bench->limit == 0 ? thread->sent : 0;
    bench->received += bench->limit == 0 ? thread->received : 0;
    bench->refused += thread->refused;
    bench->unsent += thread->unsent;
    close(thread->epoll);
    close(thread->timer);
    mem_free(thread->idle);
}

/* ---- a phase ---- */

static double run_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run_wait(struct run *run, uint64_t until_us)
{
    while (clock_mono_us() < until_us && atomic_load(&run->running) > 0) {
        usleep(RUN_NAP_US);
    }
}

/* Read the processors' clocks at both ends of what is measured. */
static void run_supervise(struct run *run)
{
    struct bench *bench = run->bench;
    run_wait(run, run->measure_us);
    double client = run_cpu();
    double server = bench_server_cpu(&bench->server);
    run_wait(run, run->end_us);
    bench->client_cpu_s = run_cpu() - client;
    bench->server.cpu_s = bench_server_cpu(&bench->server) - server;
    bench->measured_s = (double)(run->end_us - run->measure_us) / 1e6;
}

static int run_threads(struct bench *bench, struct bench_conn *conns, struct err *err)
{
    uint32_t count = bench->options.threads;
    struct run_thread *threads = mem_zero(count, sizeof *threads);
    struct run run = {.bench = bench, .begin_us = clock_mono_us(), .end_us = UINT64_MAX};
    if (bench->limit == 0) {
        run.measure_us = run.begin_us + (uint64_t)(bench->options.warmup_s * 1e6);
        run.end_us = run.measure_us + (uint64_t)(bench->options.seconds * 1e6);
    }
    atomic_init(&run.running, count);
    for (uint32_t i = 0; i < count; i++) {
        run_thread_init(&threads[i], &run, conns, i);
    }
    int code = 0;
    for (uint32_t i = 0; i < count; i++) {
        int number = pthread_create(&threads[i].thread, NULL, run_thread_main, &threads[i]);
        assert(number == 0);
    }
    if (bench->limit == 0) {
        run_supervise(&run);
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(threads[i].thread, NULL);
        if (code == 0 && threads[i].code < 0) {
            code = err_set(err, -threads[i].code, "%s", threads[i].err.text);
        }
        run_thread_close(&threads[i]);
    }
    mem_free(threads);
    return code;
}

/* Loading needs no more connections than keep the server busy. */
static uint32_t run_conns(const struct bench *bench, uint64_t limit)
{
    const struct bench_options *options = &bench->options;
    uint32_t enough = options->threads > RUN_LOADERS ? options->threads : RUN_LOADERS;
    return limit > 0 && options->connections > enough ? enough : options->connections;
}

int bench_run(struct bench *bench, const struct bench_workload *workload, uint64_t base,
              uint64_t limit, struct err *err)
{
    uint32_t count = run_conns(bench, limit);
    struct bench_conn *conns = mem_zero(count, sizeof *conns);
    int code = 0;
    uint32_t opened = 0;
    bench->workload = workload;
    bench->base = base;
    bench->conns = count;
    bench->limit = limit;
    for (; opened < count && code == 0; opened++) {
        conns[opened] = (struct bench_conn){
            .bench = bench, .fd = -1, .number = opened, .random = bench_mix(opened) + base};
        buf_init(&conns[opened].in, NULL);
        code = bench->options.peer->open(&conns[opened], err);
        code = code < 0 ? code : bench_stop_check(&bench->stop, err);
    }
    code = code < 0 ? code : run_threads(bench, conns, err);
    for (uint32_t i = 0; i < opened; i++) {
        bench->options.peer->close(&conns[i]);
    }
    mem_free(conns);
    return code;
}
