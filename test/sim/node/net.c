/* sim/node/net.c - net/loop.h and net/conn.h for one thread and simulated time.
 *
 * A loop that has something to do plans a turn; in it comes what had come by then: mail, ends of
 * work and frames, kind by kind in an order of chance. A frame in hand keeps the next one of its
 * connection waiting, as in net/conn.c. */
#include "sim/node/net.h"

#include <assert.h>

#include "base/buf.h"
#include "base/mem.h"

enum { NET_PORT = 27017 };

struct net_timer {
    struct net_loop *loop;
    uint64_t period_us;
    void (*cb)(void *context);
    void *context;
};

struct net_done {
    struct net_loop *loop;
    struct net_work *work;
    struct net_mail mail;
};

struct net_loop {
    struct sim_net *net;
    struct net_mail *first; /* mail, oldest first */
    struct net_mail *last;
    struct net_conn *ready; /* connections with something to look at, newest first */
    struct net_turn *turns;
    bool planned; /* a turn is */
};

/* The node's end of a link. */
struct net_conn {
    struct net_loop *loop;
    struct sim_link *link; /* NULL: the client's end is gone */
    void *user;
    struct net_conn *next; /* ready */
    struct buf frames;     /* arrived, one after another */
    bool opened, busy, gone, is_ready;
};

struct net_message {
    struct sim_link *link;
    struct buf bytes;
};

struct sim_link {
    struct sim_net *net;
    const struct sim_link_ops *ops;
    void *user;            /* NULL: the client's end is gone */
    struct net_conn *conn; /* NULL: the node's end is gone */
    struct sim_link *next;
    uint64_t up_us; /* when the newest message of each way arrives */
    uint64_t down_us;
};

struct net_server {
    struct sim_net *net;
};

static struct sim_net *net_here;

void sim_net_open(struct sim_net *net, struct sim_world *world)
{
    *net = (struct sim_net){.world = world};
    net_here = net;
}

struct sim_net *sim_net_here(void)
{
    return net_here;
}

/* ---- loops ---- */

static void loop_turn(void *context);

static void loop_plan(struct net_loop *loop)
{
    struct sim_world *world = loop->net->world;
    if (!loop->planned) {
        loop->planned = true;
        sim_after_in_life(world, sim_between(world, 1, 100), loop_turn, loop);
    }
}

int net_loop_new(struct net_loop **ret_loop, struct err *err)
{
    (void)err;
    *ret_loop = mem_zero(1, sizeof **ret_loop);
    (*ret_loop)->net = net_here;
    return 0;
}

void net_loop_free(struct net_loop *loop)
{
    mem_free(loop);
}

void net_loop_watch(struct net_loop *loop, const struct net_watch *watch, void *context)
{
    (void)loop; /* there is one thread: nobody reads while another frees */
    (void)watch;
    (void)context;
}

bool net_loop_is_here(const struct net_loop *loop)
{
    return loop->net->current == loop || loop->net->current == NULL;
}

void net_loop_post(struct net_loop *loop, struct net_mail *mail)
{
    mail->next = NULL;
    if (loop->first == NULL) {
        loop->first = mail;
    } else {
        loop->last->next = mail;
    }
    loop->last = mail;
    loop_plan(loop);
}

void net_loop_turn(struct net_loop *loop, struct net_turn *turn)
{
    assert(net_loop_is_here(loop));
    if (!turn->queued) {
        turn->queued = true;
        turn->next = loop->turns;
        loop->turns = turn;
    }
    loop_plan(loop);
}

static void loop_timer(void *context)
{
    struct net_timer *timer = context;
    struct sim_net *net = timer->loop->net;
    net->current = timer->loop;
    timer->cb(timer->context);
    net->current = NULL;
    sim_after_in_life(net->world, timer->period_us, loop_timer, timer);
}

void net_loop_every(struct net_loop *loop, uint64_t period_ms, void (*cb)(void *context),
                    void *context)
{
    struct net_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct net_timer){loop, period_ms * 1000, cb, context};
    sim_after_in_life(loop->net->world, timer->period_us, loop_timer, timer);
}

static void loop_work_done(struct net_mail *mail)
{
    struct net_done *done = (struct net_done *)((uint8_t *)mail - offsetof(struct net_done, mail));
    struct net_work *work = done->work;
    mem_free(done);
    work->done(work);
}

static void loop_work_end(void *context)
{
    struct net_done *done = context;
    done->mail.deliver = loop_work_done;
    net_loop_post(done->loop, &done->mail);
}

/* What it does is done at its beginning, in the eyes of others. */
static void loop_work_run(void *context)
{
    struct net_done *done = context;
    struct sim_world *world = done->loop->net->world;
    done->work->work(done->work);
    sim_after_in_life(world, sim_between(world, 10, sim_chance(world, 40) ? 300000 : 1000),
                      loop_work_end, done);
}

void net_loop_work(struct net_loop *loop, struct net_work *work)
{
    struct sim_world *world = loop->net->world;
    struct net_done *done = mem_zero(1, sizeof *done);
    assert(net_loop_is_here(loop));
    done->loop = loop;
    done->work = work;
    sim_after_in_life(world, sim_between(world, 10, 3000), loop_work_run, done);
}

static void loop_deliver_mail(struct net_loop *loop)
{
    struct net_mail *mail = loop->first;
    loop->first = NULL;
    while (mail != NULL) {
        struct net_mail *next = mail->next;
        mail->deliver(mail);
        mail = next;
    }
}

static void conn_look(struct net_conn *conn);

static void loop_deliver_frames(struct net_loop *loop)
{
    struct net_conn *conn = loop->ready;
    loop->ready = NULL;
    while (conn != NULL) {
        struct net_conn *next = conn->next;
        conn->is_ready = false;
        conn_look(conn);
        conn = next;
    }
}

static void loop_turn(void *context)
{
    struct net_loop *loop = context;
    bool mail_first = sim_chance(loop->net->world, 50);
    loop->planned = false;
    loop->net->current = loop;
    if (mail_first) {
        loop_deliver_mail(loop);
    }
    loop_deliver_frames(loop);
    if (!mail_first) {
        loop_deliver_mail(loop);
    }
    while (loop->turns != NULL) {
        struct net_turn *turn = loop->turns;
        loop->turns = turn->next;
        turn->queued = false;
        turn->cb(turn);
    }
    loop->net->current = NULL;
}

/* ---- connections: the node's end ---- */

static void conn_ready(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    if (!conn->is_ready) {
        conn->is_ready = true;
        conn->next = loop->ready;
        loop->ready = conn;
    }
    loop_plan(loop);
}

static void conn_free(struct net_conn *conn)
{
    if (conn->opened) {
        conn->loop->net->ops->on_close(conn, conn->user);
    }
    buf_close(&conn->frames);
    mem_free(conn);
}

/* Cut the first whole frame off what has arrived, and deliver it. */
static void conn_deliver(struct net_conn *conn)
{
    const struct net_conn_ops *ops = conn->loop->net->ops;
    int64_t size = ops->frame_size(buf_slice(&conn->frames), conn->user);
    assert(size > 0 && (size_t)size <= conn->frames.len);
    struct buf frame;
    buf_init(&frame, NULL);
    buf_append(&frame, conn->frames.data, (size_t)size);
    conn->frames.len -= (size_t)size;
    memmove(conn->frames.data, conn->frames.data + size, conn->frames.len);
    conn->busy = true;
    ops->on_frame(conn, conn->user, buf_slice(&frame));
    buf_close(&frame); /* it was lent for the call: net_conn_take_frame gave nothing */
}

static void conn_look(struct net_conn *conn)
{
    if (conn->busy) {
        return;
    }
    if (conn->gone) {
        conn_free(conn);
        return;
    }
    if (!conn->opened) {
        conn->opened = true;
        conn->loop->net->ops->on_open(conn, conn->loop->net->server, &conn->user);
    }
    if (conn->frames.len > 0) {
        conn_deliver(conn);
    }
}

void *net_conn_take_frame(struct net_conn *conn)
{
    (void)conn;
    return NULL;
}

void net_conn_done(struct net_conn *conn)
{
    conn->busy = false;
    if (conn->gone || conn->frames.len > 0) {
        conn_ready(conn);
    }
}

bool net_conn_is_gone(const struct net_conn *conn)
{
    return conn->gone;
}

struct net_loop *net_conn_loop(const struct net_conn *conn)
{
    return conn->loop;
}

const char *net_conn_local(const struct net_conn *conn)
{
    (void)conn;
    return "10.0.0.2:27017";
}

const char *net_conn_peer(const struct net_conn *conn)
{
    (void)conn;
    return "10.0.0.1:1";
}

/* ---- links: the client's end ---- */

/* Arrival times never go back: a link is first in, first out. */
static uint64_t link_delay(const struct sim_link *link, uint64_t *last_us)
{
    struct sim_world *world = link->net->world;
    bool is_slow = sim_chance(world, link->net->slow_percent);
    uint64_t at = world->now_us + sim_between(world, 20, is_slow ? 200000 : 500);
    *last_us = at > *last_us ? at : *last_us + 1;
    return *last_us - world->now_us;
}

static void link_arrive(void *context)
{
    struct net_message *message = context;
    struct net_conn *conn = message->link->conn;
    if (conn != NULL && !conn->gone) {
        buf_append_slice(&conn->frames, buf_slice(&message->bytes));
        conn_ready(conn);
    }
    buf_close(&message->bytes);
    mem_free(message);
}

static void link_reply(void *context)
{
    struct net_message *message = context;
    struct sim_link *link = message->link;
    if (link->user != NULL) {
        link->ops->on_reply(link->user, buf_slice(&message->bytes));
    }
    buf_close(&message->bytes);
    mem_free(message);
}

static struct net_message *link_message(struct sim_link *link)
{
    struct net_message *message = mem_zero(1, sizeof *message);
    message->link = link;
    buf_init(&message->bytes, NULL);
    return message;
}

void net_conn_send(struct net_conn *conn, const struct slice *parts, size_t count)
{
    struct sim_link *link = conn->link;
    if (conn->gone || link == NULL) {
        return;
    }
    struct net_message *message = link_message(link);
    for (size_t i = 0; i < count; i++) {
        buf_append_slice(&message->bytes, parts[i]);
    }
    sim_after(link->net->world, link_delay(link, &link->down_us), link_reply, message);
}

static void link_closed(void *context)
{
    struct sim_link *link = context;
    void *user = link->user;
    link->user = NULL;
    if (user != NULL) {
        link->ops->on_close(user);
    }
}

/* The node closes: the client learns of it after what was sent before. */
static void link_cut(struct sim_link *link)
{
    link->conn = NULL;
    sim_after(link->net->world, link_delay(link, &link->down_us), link_closed, link);
}

void net_conn_close(struct net_conn *conn)
{
    if (conn->link != NULL) {
        link_cut(conn->link);
        conn->link = NULL;
    }
    conn->gone = true;
    if (!conn->busy) {
        conn_ready(conn);
    }
}

struct sim_link *sim_net_connect(struct sim_net *net, const struct sim_link_ops *ops, void *user)
{
    if (net->ops == NULL) {
        return NULL;
    }
    struct sim_link *link = mem_zero(1, sizeof *link);
    struct net_conn *conn = mem_zero(1, sizeof *conn);
    *link = (struct sim_link){net, ops, user, conn, net->links, 0, 0};
    net->links = link;
    conn->loop = net->loops[sim_below(net->world, net->loops_count)];
    conn->link = link;
    buf_init(&conn->frames, NULL);
    return link;
}

void sim_link_send(struct sim_link *link, struct slice frame)
{
    struct net_message *message = link_message(link);
    buf_append_slice(&message->bytes, frame);
    sim_after(link->net->world, link_delay(link, &link->up_us), link_arrive, message);
}

static void link_leave(void *context)
{
    struct sim_link *link = context;
    struct net_conn *conn = link->conn;
    if (conn != NULL) {
        conn->link = NULL;
        conn->gone = true;
        link->conn = NULL;
        conn_ready(conn);
    }
}

void sim_link_close(struct sim_link *link)
{
    link->user = NULL;
    sim_after(link->net->world, link_delay(link, &link->up_us), link_leave, link);
}

/* What was sent before may still arrive. */
void sim_net_crash(struct sim_net *net)
{
    net->ops = NULL;
    net->current = NULL;
    for (struct sim_link *link = net->links; link != NULL; link = link->next) {
        if (link->conn != NULL) {
            link_cut(link);
        }
    }
}

/* ---- the listener ---- */

int net_server_new(const struct net_server_options *options, struct net_server **ret_server,
                   struct err *err)
{
    (void)err;
    *ret_server = mem_zero(1, sizeof **ret_server);
    (*ret_server)->net = net_here;
    net_here->ops = options->ops;
    net_here->server = options->user;
    net_here->loops = options->loops;
    net_here->loops_count = options->loops_count;
    return 0;
}

void net_server_free(struct net_server *server)
{
    mem_free(server);
}

uint16_t net_server_port(const struct net_server *server)
{
    (void)server;
    return NET_PORT;
}

struct net_stats net_server_stats(const struct net_server *server)
{
    (void)server;
    return (struct net_stats){0};
}

/* ---- what only a node with threads calls: the simulated one is never started or stopped ---- */

static void net_no_thread(void)
{
    assert(!"a simulated loop has no thread");
}

int net_loop_start(struct net_loop *loop, const char *thread_name, struct err *err)
{
    (void)loop;
    (void)thread_name;
    (void)err;
    net_no_thread();
    return 0;
}

void net_loop_stop(struct net_loop *loop)
{
    (void)loop;
    net_no_thread();
}

void net_loop_join(struct net_loop *loop)
{
    (void)loop;
    net_no_thread();
}

void net_server_stop(struct net_server *server)
{
    (void)server;
    net_no_thread();
}
