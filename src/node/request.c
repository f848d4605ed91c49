/* node/request.c - from a frame to a reply.
 *
 *   frame --> parse --> start --+--> read: steps here, slice by slice --+--> reply here
 *                               +--> write: steps at the owner ---------+
 *
 * A step that misses memory sends the key to the work pool and goes on when it is there. A client
 * that leaves does not stop its command; only the reply is dropped. */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "command/current_ops.h"
#include "command/member.h"
#include "command/read.h"
#include "memory/allocator.h"
#include "node/node_private.h"
#include "wire/compose.h"
#include "wire/compress.h"

enum {
    REQUEST_FETCH_KEYS = 256,
    REQUEST_UNKNOWN_MAX = 64 << 10,
    WORKER_CROWD_US = 200, /* who takes longer when woken is a crowd */
};

/* Who has not logged in has nothing large to say. */
static int64_t request_frame_size(struct slice head, void *user)
{
    const struct node_client *client = user;
    struct wire_header header;
    if (head.len < WIRE_HEADER_SIZE) {
        return 0;
    }
    bool trusted = !client->node->server.authorization || atomic_load(&client->client.known);
    int32_t max = trusted ? WIRE_MESSAGE_SIZE_MAX : REQUEST_UNKNOWN_MAX;
    int code = wire_header_parse(head, max, &header, NULL);
    return code < 0 ? -1 : (int64_t)header.length;
}

static void request_open(struct net_conn *conn, void *server, void **ret_user)
{
    struct node *node = server;
    struct node_client *client = mem_zero(1, sizeof *client);
    client->conn = conn;
    client->node = node;
    client->worker = node__worker_here(node);
    client->client.connection_id = atomic_fetch_add(&node->next_connection_id, 1) + 1;
    client->client.peer = net_conn_peer(conn);
    client->client.local = net_conn_local(conn);
    command_current_enter(&node->server, &client->client);
    *ret_user = client;
}

static void request_close(struct net_conn *conn, void *user)
{
    struct node_client *client = user;
    (void)conn;
    assert(client->request == NULL);
    command_client_close(&client->client);
    mem_free(client);
}

/* While scans are full, reads learn after a few documents whether they need a place. */
static void request_note_scans(struct node *node)
{
    struct node_admission_queue *scans = &node->admission.queues[NODE_QUEUE_SCANS];
    bool full = atomic_load(&scans->waiting) >= scans->limit;
    atomic_store(&node->server.first_slice, full ? COMMAND_READ_SLICE_SHORT : COMMAND_READ_SLICE);
}

static void request_leave(struct node_request *request)
{
    struct node *node = request->client->node;
    node__admission_leave(&node->admission, request->queue);
    if (request->queue == NODE_QUEUE_SCANS) {
        request_note_scans(node);
    }
}

/* Back to its loop's worker, who keeps a few for the next requests. */
static void request_free(struct node_request *request)
{
    struct node_worker *worker = request->client->worker;
    atomic_fetch_sub(&request->client->node->requests, 1);
    request->client->request = NULL;
    request_leave(request);
    buf_close(&request->plain);
    mem_free(request->frame);
    if (worker->spare_count < NODE_SPARE_REQUESTS) {
        command_op_recycle(&request->op);
        request->next = worker->spare;
        worker->spare = request;
        worker->spare_count++;
    } else {
        command_op_close(&request->op);
        mem_free(request);
    }
}

void node__worker_close(struct node_worker *worker)
{
    while (worker->spare != NULL) {
        struct node_request *request = worker->spare;
        worker->spare = request->next;
        command_op_close(&request->op);
        mem_free(request);
    }
}

static void request_finish(struct node_request *request)
{
    struct net_conn *conn = request->client->conn;
    bool close_after = request->op.close_after;
    request_free(request);
    if (close_after) {
        net_conn_close(conn);
    }
    net_conn_done(conn);
}

/* ---- replies ---- */

/* What is lent goes out from where it is. The connection copies what its socket does not take. */
static void request_send_parts(struct node_request *request)
{
    const struct doc_builder *builder = &request->op.builder;
    struct slice reply = buf_slice(&request->op.reply);
    size_t at = builder->lent.len > 0 ? builder->lent_at : reply.len;
    struct slice parts[] = {slice_of(reply.data, at), builder->lent, slice_from(reply, at)};
    net_conn_send(request->client->conn, parts, builder->lent.len > 0 ? 3 : 1);
}

static void request_send(struct node_request *request)
{
    struct command_op *op = &request->op;
    const struct wire_message *message = &op->message;
    struct node_client *client = request->client;
    struct wire_stamp stamp = {
        .request_id = request->last_request_id + 1,
        .response_to = op->reply_count == 0 ? message->header.request_id : request->last_request_id,
        .flags = op->more_to_come ? WIRE_MORE_TO_COME : 0,
    };
    request->last_request_id = stamp.request_id;
    if (message->compressed) {
        struct buf packed;
        doc_build_gather(&op->builder);
        wire_compose_end(&op->reply, 0, &stamp);
        buf_init(&packed, &op->arena);
        wire_compress(buf_slice(&op->reply), message->compressor, &packed);
        struct slice whole = buf_slice(&packed);
        net_conn_send(client->conn, &whole, 1);
    } else {
        stamp.lent = op->builder.lent.len;
        wire_compose_end(&op->reply, 0, &stamp);
        request_send_parts(request);
    }
}

static void request_step_mail(struct net_mail *mail)
{
    node__request_step((struct node_request *)mail);
}

void node__request_reply(struct node_request *request)
{
    if (request->client->conn == NULL) {
        request_free(request);
        return;
    }
    assert(net_loop_is_here(net_conn_loop(request->client->conn)));
    if (wire_message_wants_reply(&request->op.message) && !request->op.hang_up) {
        request_send(request);
    }
    if (request->op.more_to_come && !net_conn_is_gone(request->client->conn)) {
        request->mail.deliver = request_step_mail; /* by the loop: a stream must not keep it */
        net_loop_post(net_conn_loop(request->client->conn), &request->mail);
    } else {
        request_finish(request);
    }
}

/* ---- admission ---- */

/* Where a command waits that is no read, or that `otherwise` a read waits. */
static enum node_queue request_queue(const struct command_op *op, enum node_queue otherwise)
{
    unsigned flags = op->command == NULL ? 0 : op->command->flags;
    if ((flags & COMMAND_READ) != 0) {
        return otherwise;
    }
    return (flags & (COMMAND_WRITE | COMMAND_DDL)) == COMMAND_WRITE ? NODE_QUEUE_WRITES
                                                                    : NODE_QUEUE_ADMIN;
}

/* The request is about to wait: does it have a place, or get one? If not it is answered. */
static bool request_admit(struct node_request *request, enum node_queue otherwise)
{
    struct command_op *op = &request->op;
    struct node_admission *admission = &request->client->node->admission;
    bool goes_on = op->command != NULL && (op->command->flags & COMMAND_GOES_ON) != 0;
    if (request->queue != NODE_QUEUE_NONE || goes_on) {
        return true;
    }
    enum node_queue queue = request_queue(op, otherwise);
    if (node__admission_enter(admission, queue)) {
        request->queue = queue;
        if (queue == NODE_QUEUE_SCANS) {
            request_note_scans(request->client->node);
        }
        return true;
    }
    const char *name = node__admission_name(queue);
    command_fail(op, LT_EINGRESSREQUESTRATELIMITEXCEEDED,
                 "the server has too much to do: %u %s wait (largetable.admission.%s), or memory "
                 "is full; try again later",
                 atomic_load(&admission->queues[queue].waiting), name, name);
    node__request_reply(request);
    return false;
}

/* ---- waking those who sleep ---- */

static void worker_wake_mail(struct net_mail *mail)
{
    struct node_worker *worker =
        (struct node_worker *)((uint8_t *)mail - offsetof(struct node_worker, wake_mail));
    atomic_store(&worker->waking, false);
    node__worker_tick(worker);
}

static void worker_wake(struct node_worker *worker)
{
    if (!atomic_exchange(&worker->waking, true)) {
        worker->wake_mail.deliver = worker_wake_mail;
        net_loop_post(worker->loop, &worker->wake_mail);
    }
}

/* While it rests they go on waiting, for the next change of the clock or the next tick. */
static void worker_wake_for_clock(struct node_worker *worker)
{
    if (atomic_load(&worker->waits_for_clock) &&
        atomic_load(&worker->rests_until) <= clock_mono_us()) {
        atomic_store(&worker->waits_for_clock, false);
        worker_wake(worker);
    }
}

void node__wake_all(struct node *node)
{
    for (uint32_t i = 0; i < node->loops_count; i++) {
        worker_wake(&node->workers[i]);
    }
}

void node__wake_for_clock(struct node *node)
{
    for (uint32_t i = 0; i < node->loops_count; i++) {
        worker_wake_for_clock(&node->workers[i]);
    }
}

/* ---- steps ---- */

void node__request_clock(struct node_request *request)
{
    request->op.wall_ms = clock_wall_ms();
    request->op.mono_us = clock_mono_us();
}

/* The clock may have moved since it was looked at, when nobody was seen to wait. */
static void request_wait_for_clock(struct node_request *request)
{
    struct node_worker *worker = request->client->worker;
    uint64_t wake_clock = request->op.wake_clock;
    if (wake_clock != 0) {
        atomic_store(&worker->waits_for_clock, true);
        if (atomic_load(&worker->node->server.applied_clock) >= wake_clock) {
            worker_wake_for_clock(worker);
        }
    }
}

static void request_sleep(struct node_request *request)
{
    struct node_worker *worker = request->client->worker;
    request->next = worker->sleeping;
    worker->sleeping = request;
    request_wait_for_clock(request);
}

static void request_sleep_mail(struct net_mail *mail)
{
    request_sleep((struct node_request *)mail);
}

void node__request_sleep(struct node_request *request)
{
    request->mail.deliver = request_sleep_mail;
    net_loop_post(net_conn_loop(request->client->conn), &request->mail);
}

/* Step it, at the time that it has. */
static void request_step_now(struct node_request *request)
{
    struct net_loop *loop = net_conn_loop(request->client->conn);
    switch (command_step(&request->op)) {
    case COMMAND_DONE:
        node__ahead_poke(request->client->node, loop);
        node__request_reply(request);
        break;
    case COMMAND_YIELD:
        if (request_admit(request, NODE_QUEUE_SCANS)) {
            request->mail.deliver = request_step_mail;
            net_loop_post(loop, &request->mail);
        }
        break;
    case COMMAND_FETCH:
        if (request_admit(request, NODE_QUEUE_FETCHES)) {
            node__request_fetch(request, loop);
        }
        break;
    case COMMAND_SLEEP:
        request_sleep(request);
        break;
    case COMMAND_WAIT:
        assert(!"only ops at the owner wait for each other");
    }
}

void node__request_step(struct node_request *request)
{
    node__request_clock(request);
    request_step_now(request);
}

static struct node_request *request_of_work(struct net_work *work)
{
    return (struct node_request *)((uint8_t *)work - offsetof(struct node_request, work));
}

static struct node_request *request_of_fetch(struct node_fetch *fetch)
{
    return (struct node_request *)((uint8_t *)fetch - offsetof(struct node_request, fetch));
}

static void request_fetch_run(struct net_work *work)
{
    struct node_request *request = request_of_work(work);
    const struct node_fetch *fetch = &request->fetch;
    struct node *node = request->client->node;
    request->fetch_code = store_fetch(node->kv, fetch->key, fetch->backward, fetch->beside);
    if (fetch->beside == 0) {
        cache_missed(node->server.cache, fetch->key);
    }
}

/* What it waited for is there: on with it. */
static void request_go_on(struct node_request *request)
{
    struct node *node = request->client->node;
    if (command_needs_owner(&request->op)) {
        node__group_submit(&node->group, request);
    } else {
        node__request_step(request);
    }
}

static void request_fetched_mail(struct net_mail *mail)
{
    request_go_on((struct node_request *)mail);
}

static void request_fetch_done(struct net_work *work)
{
    struct node_request *request = request_of_work(work);
    struct node *node = request->client->node;
    if (request->fetch_code < 0) {
        node__die(node, "reading from the store", request->fetch_code);
    }
    struct node_fetch *joined = node__fetch_end(&node->fetches, &request->fetch);
    while (joined != NULL) {
        struct node_request *other = request_of_fetch(joined);
        joined = joined->next;
        other->mail.deliver = request_fetched_mail;
        net_loop_post(other->fetch_loop, &other->mail);
    }
    request_go_on(request);
}

static void request_block_run(struct net_work *work)
{
    struct command_op *op = &request_of_work(work)->op;
    op->fetch_blocking(op);
}

static void request_block_done(struct net_work *work)
{
    request_go_on(request_of_work(work));
}

void node__request_fetch(struct node_request *request, struct net_loop *loop)
{
    const struct command_op *op = &request->op;
    if (op->fetch_blocking != NULL) {
        request->work = (struct net_work){request_block_run, request_block_done};
        net_loop_work(loop, &request->work);
        return;
    }
    request->fetch_loop = loop;
    request->fetch = (struct node_fetch){.key = buf_slice(&op->fetch_key),
                                         .beside = op->fetch_alone ? 0 : REQUEST_FETCH_KEYS,
                                         .backward = op->fetch_backward};
    if (node__fetch_begin(&request->client->node->fetches, &request->fetch)) {
        request->work = (struct net_work){request_fetch_run, request_fetch_done};
        net_loop_work(loop, &request->work);
    }
}

/* ---- requests ---- */

static struct node_request *request_new(struct node_client *client)
{
    struct node_worker *worker = client->worker;
    struct command_server *server = &client->node->server;
    struct node_request *request = worker->spare;
    if (request == NULL) {
        request = mem_alloc(sizeof *request);
        command_op_init(&request->op, server, &client->client);
    } else {
        worker->spare = request->next;
        worker->spare_count--;
        command_op_reuse(&request->op, server, &client->client);
    }
    memset(request, 0, offsetof(struct node_request, op));
    request->client = client;
    buf_init(&request->plain, NULL);
    client->request = request;
    atomic_fetch_add(&client->node->requests, 1);
    return request;
}

struct node_request *node__request_own(struct node_client *self)
{
    struct node_request *request = request_new(self);
    node__request_clock(request);
    return request;
}

/* The frame's bytes for as long as the request lives. */
static struct slice request_keep(struct node_request *request, struct slice frame)
{
    request->frame = net_conn_take_frame(request->client->conn);
    if (request->frame != NULL) {
        return slice_of(request->frame, frame.len);
    }
    return arena_copy(&request->op.arena, frame);
}

static void request_begin_reply(struct node_request *request)
{
    struct command_op *op = &request->op;
    wire_compose_begin(&op->reply, wire_compose_answer(&op->message.header));
    op->reply_start = op->reply.len;
}

/* The message cannot be read: answer if it can be answered, and see what becomes of the peer. */
static void request_malformed(struct node_request *request, const struct err *err)
{
    enum wire_fate fate = wire_fate_of(err->code);
    log_debug(request->client->node->log, "wire", "%s: %s", net_conn_peer(request->client->conn),
              err->text);
    request->op.close_after = fate != WIRE_FATE_KEEP;
    if (fate == WIRE_FATE_CLOSE) {
        request_finish(request);
        return;
    }
    request_begin_reply(request);
    doc_build_begin(&request->op.builder, &request->op.reply);
    command_fail(&request->op, err->code, "%s", err->text);
    node__request_reply(request);
}

static void request_frame(struct net_conn *conn, void *user, struct slice frame)
{
    struct node_client *client = user;
    struct node_request *request = request_new(client);
    struct err err;
    client->client.certificate = net_conn_certificate(conn);
    int code = wire_request_parse(request_keep(request, frame), &request->plain,
                                  &request->op.message, &err);
    if (code < 0) {
        request_malformed(request, &err);
        return;
    }
    request_begin_reply(request);
    node__request_clock(request);
    command_start(&request->op);
    if (command_needs_owner(&request->op)) {
        if (request_admit(request, NODE_QUEUE_WRITES)) {
            node__group_submit(&client->node->group, request);
        }
    } else {
        request_step_now(request);
    }
}

const struct net_conn_ops node__conn_ops = {
    .frame_size = request_frame_size,
    .on_open = request_open,
    .on_frame = request_frame,
    .on_close = request_close,
};

/* ---- workers ---- */

static void worker_begin(void *context)
{
    struct node_worker *worker = context;
    char name[24];
    unsigned number = (unsigned)(worker - worker->node->workers);
    int memory_node = memory_placement_run(&worker->node->placement, number);
    atomic_store(&worker->memory_node, memory_node);
    atomic_store(&worker->arena, memory_node < 0 ? -1 : memory_allocator_own_arena());
    snprintf(name, sizeof name, "lt-loop-%u", number);
    worker->reader = memory_reader_join(worker->node->reclaim, name);
}

static void worker_sleep(void *context)
{
    struct node_worker *worker = context;
    memory_reader_pause(worker->reader);
}

static void worker_awake(void *context)
{
    struct node_worker *worker = context;
    memory_reader_resume(worker->reader);
}

static void worker_end(void *context)
{
    struct node_worker *worker = context;
    memory_reader_leave(worker->reader);
}

const struct net_watch node__worker_watch = {
    .begin = worker_begin,
    .sleep = worker_sleep,
    .awake = worker_awake,
    .end = worker_end,
};

struct node_worker *node__worker_here(struct node *node)
{
    for (uint32_t i = 0; i < node->loops_count; i++) {
        if (net_loop_is_here(node->loops[i])) {
            return &node->workers[i];
        }
    }
    assert(!"not on a loop of this node");
    return NULL;
}

/* Step those whose time has come, or whose client has left. */
void node__worker_tick(void *context)
{
    struct node_worker *worker = context;
    struct node_request *due = NULL;
    uint64_t now = clock_mono_us();
    struct node_request **link = &worker->sleeping;
    command_member_tick(&worker->node->server, now);
    while (*link != NULL) {
        struct node_request *request = *link;
        bool gone = net_conn_is_gone(request->client->conn);
        if (!gone && !command_is_due(&request->op, now)) {
            request_wait_for_clock(request);
            link = &request->next;
            continue;
        }
        *link = request->next;
        request->next = due;
        due = request;
    }
    while (due != NULL) {
        struct node_request *next = due->next;
        if (net_conn_is_gone(due->client->conn)) {
            due->op.close_after = true;
            request_finish(due);
        } else {
            request_go_on(due);
        }
        due = next;
    }
    uint64_t took = clock_mono_us() - now;
    if (took > WORKER_CROWD_US) { /* the loop is as long others' before the next crowd */
        atomic_store(&worker->rests_until, now + 2 * took);
    }
}
