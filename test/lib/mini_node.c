/* test/lib/mini_node.c - the driver that src/node is, reduced to a loop. */
#include "lib/mini_node.h"

#include <assert.h>

#include "base/mem.h"
#include "command/causal.h"
#include "store/keys.h"

enum { MINI_STEPS_MAX = 100000, MINI_CACHE_BYTES = 256 << 10, MINI_MEMORY_BYTES = 256 << 20 };

struct mini_node {
    struct command_server server;
    struct command_client client;
    struct store_writer writer;
    struct command_owner owner;
    struct command_op op;
    bool op_open;
    uint64_t index; /* of the newest entry */
    uint64_t now_us;
};

static void mini_status(void *host, struct doc_builder *builder)
{
    (void)host;
    (void)builder;
}

/* There is no other thread: the walk has ended when this returns. */
static uint64_t mini_tidy_memory(void *host)
{
    struct mini_node *node = host;
    struct cache_tidy walk = {.hurry = true};
    while (cache_tidy_step(node->server.cache, &walk)) {
    }
    return 0;
}

static bool mini_has_tidied(void *host, uint64_t walk)
{
    (void)host;
    (void)walk;
    return true;
}

static int mini_open_journal(void *host, struct store_disk **ret_disk)
{
    (void)host;
    (void)ret_disk;
    return -LT_ECHANGESTREAMHISTORYLOST;
}

static void mini_apply(struct mini_node *node);

static void mini_advance_clock(void *host)
{
    struct mini_node *node = host;
    uint64_t clock = atomic_load(&node->server.cluster_clock) + 1;
    store_writer_begin(&node->writer, node->index + 1, clock, 0);
    store_writer_put(&node->writer, store_key_clock,
                     slice_of((const uint8_t *)&clock, sizeof clock));
    mini_apply(node);
}

static int mini_rotate_certificates(void *host, struct err *err)
{
    (void)host;
    (void)err;
    return 0;
}

/* Nobody sleeps here, and nobody ends it. */
static void mini_nothing(void *host)
{
    (void)host;
}

static const struct command_host_ops mini_host_ops = {
    .status = mini_status,
    .memory_status = mini_status,
    .tidy_memory = mini_tidy_memory,
    .has_tidied = mini_has_tidied,
    .open_journal = mini_open_journal,
    .advance_clock = mini_advance_clock,
    .elect = mini_nothing,
    .topology_changed = mini_nothing,
    .rotate_certificates = mini_rotate_certificates,
    .shutdown = mini_nothing,
};

struct mini_node *mini_node_new(void)
{
    struct mini_node *node = mem_zero(1, sizeof *node);
    struct err err;
    command_server_init(&node->server);
    command_server_limit(&node->server, MINI_MEMORY_BYTES);
    node->server.set_name = "mini";
    node->server.address = "127.0.0.1:1";
    node->server.argv = doc_value_get_doc(doc_empty_array);
    node->server.parsed = doc_value_get_doc(doc_empty_object);
    struct cache_options cache = {MINI_CACHE_BYTES, 1, &cache_policy_s3fifo};
    node->server.cache = cache_new(&cache, store_simkv_new());
    node->server.kv = cache_kv(node->server.cache);
    node->server.log = log_new("/dev/null", LOG_ERROR, false);
    node->server.host_ops = &mini_host_ops;
    node->server.host = node;
    node->client.connection_id = 1;
    node->client.peer = "127.0.0.1:2";
    int code = store_writer_open(&node->writer, node->server.kv, &command_filter_ops, &err);
    assert(code == 0);
    command_shown_install(&node->server, &node->writer);
    command_owner_init(&node->owner, &node->server, &node->writer);
    return node;
}

struct command_server *mini_node_server(struct mini_node *node)
{
    return &node->server;
}

static void mini_close_op(struct mini_node *node)
{
    if (node->op_open) {
        command_op_close(&node->op);
        node->op_open = false;
    }
}

void mini_node_free(struct mini_node *node)
{
    mini_close_op(node);
    command_client_close(&node->client);
    command_owner_close(&node->owner);
    command_server_close(&node->server);
    store_writer_close(&node->writer);
    node->server.kv->ops->close(node->server.kv);
    log_free(node->server.log);
    mem_free(node);
}

/* Apply what the op wrote, as if it had been committed at once. */
static void mini_apply(struct mini_node *node)
{
    struct buf payload = store_writer_take(&node->writer);
    struct slice effects = buf_slice(&payload);
    if (payload.len == 0) {
        return;
    }
    struct store_mark mark = {++node->index, 1, node->writer.clock};
    command_snapshots_apply(&node->server.snapshots, mark.clock);
    int code = node->server.kv->ops->apply(node->server.kv, &effects, 1, mark);
    assert(code == 0);
    store_tail_append(&node->server.tail, &mark, effects);
    store_writer_give_back(&node->writer, &payload);
    store_writer_applied(&node->writer, mark.index);
    atomic_store(&node->server.applied_clock, mark.clock);
    atomic_store(&node->server.logged_clock, mark.clock);
    if (node->writer.catalog_changed) {
        command_server_publish(&node->server, store_catalog_hold(node->writer.catalog));
    }
    command_snapshots_applied(&node->server.snapshots);
}

static int64_t mini_wall_ms(const struct mini_node *node)
{
    return MINI_NODE_BEGAN_MS + (int64_t)(node->now_us / 1000);
}

struct slice mini_node_run(struct mini_node *node, struct slice command)
{
    struct command_op *op = &node->op;
    mini_close_op(node);
    command_op_init(op, &node->server, &node->client);
    node->op_open = true;
    op->message.header.opcode = WIRE_OP_MSG;
    op->message.body = arena_copy(&op->arena, command);
    op->wall_ms = mini_wall_ms(node);
    command_start(op);
    for (int i = 0; i < MINI_STEPS_MAX; i++) {
        node->now_us += 1000;
        op->wall_ms = mini_wall_ms(node);
        op->mono_us = op->wake_us > node->now_us ? op->wake_us : node->now_us;
        node->now_us = op->mono_us;
        if (command_needs_owner(op)) {
            uint64_t wall = (uint64_t)(op->wall_ms / 1000) << 32 | node->index;
            uint64_t known = command_causal_now(&node->server) + 1;
            store_writer_begin(&node->writer, node->index + 1, wall > known ? wall : known,
                               op->wall_ms);
            op->owner = &node->owner;
        }
        enum command_state state = command_step(op);
        mini_apply(node);
        if (state == COMMAND_DONE) {
            doc_build_gather(&op->builder);
            return buf_slice(&op->reply);
        }
    }
    assert(!"the command does not end");
    return (struct slice){0};
}
