/* net/loop.c - libuv's loop with a lock-free mailbox: senders push onto a stack with one atomic
 * exchange, the loop takes the whole stack and reverses it. Only the first push of a batch wakes.
 */
#include "net/loop.h"

#include <assert.h>

#include "base/mem.h"
#include "net/conn_private.h"

struct loop_timer {
    uv_timer_t uv;
    void (*cb)(void *context);
    void *context;
};

struct loop_work {
    uv_work_t uv;
    struct net_loop *loop;
    struct net_work *work;
};

static void loop_free_handle(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void loop_close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (handle->type == UV_TCP) {
        net__conn_abort(handle->data);
    } else if (!uv_is_closing(handle)) {
        uv_close(handle, handle->type == UV_TIMER ? loop_free_handle : NULL);
    }
}

static struct net_mail *loop_take_mail(struct net_loop *loop)
{
    struct net_mail *newest = atomic_exchange(&loop->mailbox, NULL);
    struct net_mail *oldest = NULL;
    while (newest != NULL) {
        struct net_mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void loop_deliver(struct net_loop *loop)
{
    struct net_mail *mail = loop_take_mail(loop);
    while (mail != NULL) {
        struct net_mail *next = mail->next;
        mail->deliver(mail);
        mail = next;
    }
}

void net__loop_awake(struct net_loop *loop)
{
    if (loop->asleep) {
        loop->asleep = false;
        loop->watch->awake(loop->watch_context);
    }
}

static void loop_woken(uv_async_t *wake)
{
    struct net_loop *loop = wake->data;
    net__loop_awake(loop);
    bool stopping = atomic_load(&loop->stopping); /* before: all that was posted first is there */
    loop_deliver(loop);
    if (stopping) {
        uv_walk(&loop->uv, loop_close_handle, NULL);
    }
}

static void loop_go_on(uv_idle_t *idle)
{
    struct net_loop *loop = idle->data;
    net__conn_turns(loop);
    if (loop->due == NULL) {
        uv_idle_stop(idle);
    }
}

static void loop_end_turn(uv_prepare_t *prepare)
{
    struct net_loop *loop = prepare->data;
    loop->turn++;
    while (loop->turns != NULL) {
        struct net_turn *turn = loop->turns;
        loop->turns = turn->next;
        turn->queued = false;
        turn->cb(turn);
    }
    net__outbox_flush(&loop->outbox);
    if (loop->due != NULL) {
        uv_idle_start(&loop->idle, loop_go_on);
    }
    if (loop->watch != NULL) {
        loop->asleep = true;
        loop->watch->sleep(loop->watch_context);
    }
}

/* Events are dealt with; connections that were closed are freed next. */
static void loop_after_events(uv_check_t *check)
{
    struct net_loop *loop = check->data;
    net__loop_awake(loop);
    net__outbox_flush(&loop->outbox);
}

int net_loop_new(struct net_loop **ret_loop, struct err *err)
{
    struct net_loop *loop = mem_zero(1, sizeof *loop);
    int code = uv_loop_init(&loop->uv);
    if (code != 0) {
        mem_free(loop);
        return err_set(err, LT_EIO, "cannot make an event loop: %s", uv_strerror(code));
    }
    loop->read_buffer = mem_alloc(NET_READ_BUFFER);
    loop->plain_buffer = mem_alloc(NET_READ_BUFFER);
    uv_async_init(&loop->uv, &loop->wake, loop_woken);
    loop->wake.data = loop;
    uv_prepare_init(&loop->uv, &loop->prepare);
    loop->prepare.data = loop;
    uv_prepare_start(&loop->prepare, loop_end_turn);
    uv_check_init(&loop->uv, &loop->check);
    loop->check.data = loop;
    uv_check_start(&loop->check, loop_after_events);
    uv_idle_init(&loop->uv, &loop->idle);
    loop->idle.data = loop;
    net__outbox_init(&loop->outbox);
    *ret_loop = loop;
    return 0;
}

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    assert(!loop->started);
    uv_walk(&loop->uv, loop_close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int code = uv_loop_close(&loop->uv);
    assert(code == 0);
    net__outbox_close(&loop->outbox);
    mem_free(loop->read_buffer);
    mem_free(loop->plain_buffer);
    mem_free(loop);
}

static void *loop_run(void *context)
{
    struct net_loop *loop = context;
    loop->self = pthread_self();
    atomic_store(&loop->running, true);
    if (loop->watch != NULL) {
        loop->watch->begin(loop->watch_context);
    }
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    net__loop_awake(loop);
    if (loop->watch != NULL) {
        loop->watch->end(loop->watch_context);
    }
    loop->watch = NULL;
    atomic_store(&loop->running, false);
    return NULL;
}

int net_loop_start(struct net_loop *loop, const char *thread_name, struct err *err)
{
    int code = pthread_create(&loop->thread, NULL, loop_run, loop);
    if (code != 0) {
        return err_set(err, LT_EIO, "cannot start a thread: %s", strerror(code));
    }
    pthread_setname_np(loop->thread, thread_name);
    loop->started = true;
    return 0;
}

void net_loop_watch(struct net_loop *loop, const struct net_watch *watch, void *context)
{
    assert(!loop->started);
    loop->watch = watch;
    loop->watch_context = context;
}

void net_loop_join(struct net_loop *loop)
{
    if (loop->started) {
        pthread_join(loop->thread, NULL);
        loop->started = false;
    }
}

void net_loop_post(struct net_loop *loop, struct net_mail *mail)
{
    struct net_mail *head = atomic_load(&loop->mailbox);
    do {
        mail->next = head;
    } while (!atomic_compare_exchange_weak(&loop->mailbox, &head, mail));
    if (head == NULL) {
        uv_async_send(&loop->wake);
    }
}

void net_loop_stop(struct net_loop *loop)
{
    atomic_store(&loop->stopping, true);
    uv_async_send(&loop->wake);
}

bool net_loop_is_here(const struct net_loop *loop)
{
    return !atomic_load(&loop->running) || pthread_equal(pthread_self(), loop->self);
}

static void loop_timer_fired(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    timer->cb(timer->context);
}

void net_loop_every(struct net_loop *loop, uint64_t period_ms, void (*cb)(void *context),
                    void *context)
{
    struct loop_timer *timer = mem_zero(1, sizeof *timer);
    timer->cb = cb;
    timer->context = context;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    uv_timer_start(&timer->uv, loop_timer_fired, period_ms, period_ms);
}

void net_loop_turn(struct net_loop *loop, struct net_turn *turn)
{
    assert(net_loop_is_here(loop));
    if (!turn->queued) {
        turn->queued = true;
        turn->next = loop->turns;
        loop->turns = turn;
    }
}

static void loop_work_run(uv_work_t *uv)
{
    struct loop_work *queued = uv->data;
    queued->work->work(queued->work);
}

static void loop_work_done(uv_work_t *uv, int status)
{
    struct loop_work *queued = uv->data;
    struct net_work *work = queued->work;
    (void)status;
    net__loop_awake(queued->loop);
    mem_free(queued);
    work->done(work);
}

void net_loop_work(struct net_loop *loop, struct net_work *work)
{
    assert(net_loop_is_here(loop));
    struct loop_work *queued = mem_alloc(sizeof *queued);
    queued->loop = loop;
    queued->work = work;
    queued->uv.data = queued;
    int code = uv_queue_work(&loop->uv, &queued->uv, loop_work_run, loop_work_done);
    assert(code == 0);
}
