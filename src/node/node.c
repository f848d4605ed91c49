/* node/node.c - wire the rooms, start and stop the loops in order. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "command/audit.h"
#include "command/cursor.h"
#include "command/member.h"
#include "command/session.h"
#include "node/node_private.h"
#include "store/seal.h"

enum {
    NODE_OUT_BYTES_MAX = 64 << 20,
    NODE_FIRST_FRAME_MS = 30000,
    NODE_FRAME_MS = 60000,
    NODE_TICK_MS = 20,
    NODE_TEND_MS = 1000,
    NODE_STOP_WAIT_MS = 10000,
    NODE_RETIRED_MAX = 1024, /* old catalogs that somebody may still read, */
    NODE_RETIRED_BYTES_MAX = 16 << 20,
    NODE_CONNECTION_BYTES = 2048, /* an idle one; what is in flight belongs to its request */
    NODE_CACHED_BYTES = 1024,     /* a record in the cache, small ones and large ones */
};

_Noreturn void node__die(struct node *node, const char *what, int code)
{
    char scratch[32];
    log_error(node->log, "node",
              "%s failed (%s): stopping; everything acknowledged is in the "
              "journal and is there again after a restart",
              what, err_code_name(-code, scratch));
    _Exit(14);
}

/* ---- the parts ---- */

static void node_cache_trouble(void *context, const char *text)
{
    struct node *node = context;
    log_warning(node->log, "cache", "%s", text);
}

void node__cache_open(struct node *node, const char *path, struct store_kv *engine)
{
    const struct node_config *config = &node->config;
    uint64_t bytes = config->cache_bytes - config->block_bytes;
    uint64_t below = config->cache_mapped_bytes + config->cache_disk_bytes;
    struct cache_levels_options levels = {
        .path = path,
        .seal = node->seal,
        .mapped_bytes = config->cache_mapped_bytes,
        .disk_bytes = config->cache_disk_bytes,
        .moving_shares = config->cache_moves_shares,
        .write_bytes_second = config->cache_write_bytes_second,
        .door_entries = (bytes + below) / NODE_CACHED_BYTES,
        .trouble = node_cache_trouble,
        .context = node,
    };
    cache_codec_find(config->cache_compressor, &levels.codec);
    struct cache_options cache = {.bytes_max = bytes,
                                  .seed = rng_u64(),
                                  .policy = cache_policy_find(config->cache_policy),
                                  .huge_pages = config->huge_pages,
                                  .placement = &node->placement,
                                  .levels = below > 0 ? &levels : NULL,
                                  .ahead = config->cache_ahead};
    node->server.cache = cache_new(&cache, engine);
    node->kv = cache_kv(node->server.cache);
    if (below > 0) {
        log_info(node->log, "cache",
                 "records: %llu MB in memory, %llu MB in a mapped file, %llu MB on disk, in %s",
                 (unsigned long long)(bytes >> 20),
                 (unsigned long long)(config->cache_mapped_bytes >> 20),
                 (unsigned long long)(config->cache_disk_bytes >> 20), path);
    }
}

static void node_status(void *host, struct doc_builder *builder)
{
    struct node *node = host;
    struct net_stats stats = net_server_stats(node->net);
    doc_build_open(builder, SLICE("connections"));
    doc_build_i32(builder, "current", (int32_t)stats.current);
    doc_build_i32(builder, "available", (int32_t)stats.available);
    doc_build_i32(builder, "totalCreated", (int32_t)stats.created);
    doc_build_i32(builder, "rejected", (int32_t)stats.refused);
    doc_build_i32(builder, "active", (int32_t)atomic_load(&node->requests));
    doc_build_close(builder);
    doc_build_open(builder, SLICE("network"));
    doc_build_i64(builder, "bytesIn", (int64_t)stats.bytes_in);
    doc_build_i64(builder, "bytesOut", (int64_t)stats.bytes_out);
    doc_build_i64(builder, "numRequests", (int64_t)atomic_load(&node->server.opcounters.command));
    doc_build_close(builder);
    doc_build_open(builder, SLICE("fetches"));
    doc_build_i64(builder, "begun", (int64_t)atomic_load(&node->fetches.begun));
    doc_build_i64(builder, "joined", (int64_t)atomic_load(&node->fetches.joined));
    doc_build_close(builder);
    node__admission_status(&node->admission, builder);
    doc_build_open(builder, SLICE("encryptionAtRest"));
    doc_build_bool(builder, "encryptionEnabled", node->seal != NULL);
    if (node->seal != NULL) {
        doc_build_text(builder, "encryptionCipherMode", "AES256-GCM");
        doc_build_i32(builder, "newestDataKey", (int32_t)store_seal_mark(node->seal).key);
    }
    doc_build_close(builder);
}

static void node_open_admission(struct node *node)
{
    const struct node_config *config = &node->config;
    const uint32_t limits[NODE_QUEUES] = {
        [NODE_QUEUE_FETCHES] = config->fetches_max,
        [NODE_QUEUE_SCANS] = config->scans_max,
        [NODE_QUEUE_WRITES] = config->writes_max,
        [NODE_QUEUE_ADMIN] = config->admin_max,
    };
    node__admission_init(&node->admission, node->server.budgets->all[COMMAND_BUDGET_TOTAL], limits);
}

static void node_memory_status(void *host, struct doc_builder *builder)
{
    node__memory_status(host, builder);
}

static uint64_t node_tidy_memory(void *host)
{
    struct node *node = host;
    return node__tidy_ask(&node->tidy, true);
}

static bool node_has_tidied(void *host, uint64_t walk)
{
    struct node *node = host;
    return node__tidy_is_done(&node->tidy, walk);
}

static int node_open_journal(void *host, struct store_disk **ret_disk)
{
    struct node *node = host;
    return node__directory_journal(node, ret_disk);
}

static void node_advance_clock(void *host)
{
    struct node *node = host;
    node__group_advance_clock(&node->group);
}

static void node_elect(void *host)
{
    struct node *node = host;
    node__group_elect(&node->group);
}

static void node_topology_changed(void *host)
{
    node__wake_all(host);
}

int node_rotate_certificates(struct node *node, struct err *err)
{
    return node->tls != NULL ? net_tls_reload(node->tls, err)
                             : err_set(err, LT_EILLEGALOPERATION, "TLS is not enabled");
}

static int node_host_rotate(void *host, struct err *err)
{
    return node_rotate_certificates(host, err);
}

static void node_shutdown(void *host)
{
    struct node *node = host;
    node->config.on_shutdown(node->config.context);
}

static const struct command_host_ops node_host_ops = {
    .status = node_status,
    .memory_status = node_memory_status,
    .tidy_memory = node_tidy_memory,
    .has_tidied = node_has_tidied,
    .open_journal = node_open_journal,
    .advance_clock = node_advance_clock,
    .elect = node_elect,
    .topology_changed = node_topology_changed,
    .rotate_certificates = node_host_rotate,
    .shutdown = node_shutdown,
};

static void node_open_server(struct node *node)
{
    struct command_server *server = &node->server;
    server->authorization = node->config.authorization;
    server->audit = node->config.audit;
    server->set_name = node->config.set_name;
    server->address = node->address;
    rng_bytes(server->process_id, sizeof server->process_id);
    atomic_store(&server->random, rng_u64());
    atomic_store(&server->oid_count, (uint32_t)rng_u64());
    atomic_store(&server->topology_counter, 1);
    server->started_ms = clock_wall_ms();
    server->started_us = clock_mono_us();
    server->argv = node->config.argv;
    server->parsed = node->config.parsed;
    server->kv = node->kv;
    server->log_bytes_max = node->config.oplog_bytes;
    server->log = node->log;
    server->host_ops = &node_host_ops;
    server->host = node;
}

/* What bounds itself is measured: entries in flight by the shard, connections by their number, the
 * indexes of the cache's files. */
static void node_measure(struct node *node)
{
    struct command_budgets *budgets = node->server.budgets;
    memory_measure(budgets->all[COMMAND_BUDGET_JOURNAL], node->group.pending_bytes);
    struct cache_below_stats below;
    cache_below(node->server.cache, &below);
    memory_measure(budgets->all[COMMAND_BUDGET_CACHEFILES],
                   below.levels.mapped.memory_bytes + below.levels.disk.memory_bytes);
    memory_measure(budgets->all[COMMAND_BUDGET_CONNECTIONS],
                   (uint64_t)net_server_stats(node->net).current * NODE_CONNECTION_BYTES);
}

/* The cache and the store grow to their bounds in any case: theirs is taken from the start. The
 * cache gives some of it back when others need it (tidy.c). */
static void node_open_budgets(struct node *node)
{
    const struct node_config *config = &node->config;
    command_server_limit(&node->server, config->memory_bytes);
    struct command_budgets *budgets = node->server.budgets;
    int code = memory_charge(budgets->all[COMMAND_BUDGET_CACHE], config->cache_bytes, NULL);
    assert(code == 0); /* node__serve_memory made it fit */
    memory_measure(budgets->all[COMMAND_BUDGET_STORE], 2 * config->write_buffer_bytes);
    log_info(node->log, "node",
             "memory: limit %llu MB, of which cache %llu MB, write buffers %llu MB",
             (unsigned long long)(config->memory_bytes >> 20),
             (unsigned long long)(config->cache_bytes >> 20),
             (unsigned long long)(2 * config->write_buffer_bytes >> 20));
}

static void node_tend(void *context)
{
    struct node *node = context;
    node__group_tend(&node->group);
    node_measure(node);
    command_cursors_sweep(&node->server, clock_mono_us());
}

static int node_open_loops(struct node *node, struct err *err)
{
    uint32_t count = node->config.workers;
    if (count == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        count = cores <= 2 ? 1 : (uint32_t)cores - 1;
    }
    count = count > NODE_LOOPS_MAX ? NODE_LOOPS_MAX : count;
    for (uint32_t i = 0; i < count; i++) {
        int code = net_loop_new(&node->loops[i], err);
        if (code < 0) {
            return code;
        }
        node->loops_count++;
        node->workers[i] = (struct node_worker){
            .node = node, .loop = node->loops[i], .memory_node = -1, .arena = -1};
        net_loop_watch(node->loops[i], &node__worker_watch, &node->workers[i]);
        net_loop_every(node->loops[i], NODE_TICK_MS, node__worker_tick, &node->workers[i]);
    }
    net_loop_every(node->loops[0], NODE_TEND_MS, node_tend, node);
    return 0;
}

static int node_listen(struct node *node, struct err *err)
{
    struct net_server_options options = {
        .ops = &node__conn_ops,
        .user = node,
        .limits = {.conns_max = node->config.conns_max,
                   .out_bytes_max = NODE_OUT_BYTES_MAX,
                   .first_frame_ms = NODE_FIRST_FRAME_MS,
                   .frame_ms = NODE_FRAME_MS},
        .loops = node->loops,
        .loops_count = node->loops_count,
        .addresses = node->config.bind_ip,
        .port = node->config.port,
    };
    int code = node->config.has_tls ? net_tls_new(&node->config.tls, &node->tls, err) : 0;
    options.tls = node->tls;
    code = code < 0 ? code : net_server_new(&options, &node->net, err);
    if (code < 0) {
        return code;
    }
    char host[256];
    if (node->config.advertise != NULL) {
        snprintf(host, sizeof host, "%s", node->config.advertise);
    } else {
        snprintf(host, sizeof host, "%s", node->config.bind_ip);
        host[strcspn(host, ",")] = '\0';
        bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
        if (any && gethostname(host, sizeof host) != 0) {
            snprintf(host, sizeof host, "localhost");
        }
    }
    bool is_v6 = node->config.advertise == NULL && strchr(host, ':') != NULL;
    bool has_port = node->config.advertise != NULL && strchr(host, ':') != NULL;
    struct buf address;
    buf_init(&address, NULL);
    buf_format(&address, is_v6 ? "[%s]" : "%s", host);
    if (!has_port) {
        buf_format(&address, ":%u", net_server_port(node->net));
    }
    node->address = mem_copy(buf_slice(&address));
    buf_close(&address);
    return 0;
}

int node_open(const struct node_config *config, struct node **ret_node, struct err *err)
{
    struct node *node = mem_zero(1, sizeof *node);
    node->config = *config;
    node->log = config->log;
    node->lock_fd = -1;
    command_server_init(&node->server);
    node__fetches_init(&node->fetches);
    memory_placement_init(&node->placement, memory_numa_of(config->numa), &memory_nodes_system);
    node_open_budgets(node);
    node_open_admission(node);
    int code = node__directory_open(node, err);
    code = code < 0 ? code : node_open_loops(node, err);
    code = code < 0 ? code : node_listen(node, err);
    if (code == 0) {
        node__tidy_open(&node->tidy, node);
        node_open_server(node);
        code = node__group_open(&node->group, node, err);
    }
    if (code == 0) {
        cache_begin(node->server.cache);
        command_audit_startup(&node->server);
    }
    node->config.master = NULL;
    if (code < 0) {
        node_close(node);
        return code;
    }
    *ret_node = node;
    return 0;
}

int node_start(struct node *node, struct err *err)
{
    struct memory_reclaim_options reclaim = {NODE_RETIRED_MAX, NODE_RETIRED_BYTES_MAX};
    int code = memory_reclaim_new(&reclaim, &node->reclaim, err);
    node->server.reclaim = node->reclaim; /* nobody else has read until now */
    code = code < 0 ? code : node__tidy_start(&node->tidy, err);
    if (code < 0) {
        return code;
    }
    node__group_begin(&node->group);
    for (uint32_t i = 0; i < node->loops_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "lt-loop-%u", i);
        code = net_loop_start(node->loops[i], name, err);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

struct node_stop_mail {
    struct net_mail mail;
    struct node *node;
};

static void node_stop_accepting(struct net_mail *mail)
{
    struct node_stop_mail *stop = (struct node_stop_mail *)mail;
    net_server_stop(stop->node->net);
    node__group_tend(&stop->node->group);
    mem_free(stop);
}

void node_stop(struct node *node)
{
    struct node_stop_mail *stop = mem_zero(1, sizeof *stop);
    stop->mail.deliver = node_stop_accepting;
    stop->node = node;
    atomic_store(&node->stopping, true);
    command_member_stop(&node->server, clock_mono_us() + NODE_STOP_WAIT_MS * UINT64_C(1000));
    net_loop_post(node->loops[0], &stop->mail);
    for (int i = 0; i < NODE_STOP_WAIT_MS && atomic_load(&node->requests) > 0; i++) {
        usleep(1000);
    }
    for (uint32_t i = node->loops_count; i > 0; i--) {
        net_loop_stop(node->loops[i - 1]);
        net_loop_join(node->loops[i - 1]);
    }
    node__tidy_stop(&node->tidy);
}

void node_close(struct node *node)
{
    if (node == NULL) {
        return;
    }
    if (node->group.node != NULL) {
        node__group_close(&node->group);
    }
    for (uint32_t i = 0; i < node->loops_count; i++) {
        net_loop_free(node->loops[i]);
        node__worker_close(&node->workers[i]);
    }
    net_server_free(node->net);
    net_tls_free(node->tls);
    node__tidy_close(&node->tidy);
    memory_reclaim_free(node->reclaim);
    command_server_close(&node->server);
    node__fetches_close(&node->fetches);
    if (node->kv != NULL) {
        uint64_t flushed;
        node->kv->ops->flush(node->kv, &flushed);
        node->kv->ops->close(node->kv);
    }
    if (node->journal_disk != NULL) {
        node->journal_disk->ops->free(node->journal_disk);
    }
    store_seal_free(node->seal);
    if (node->lock_fd >= 0) {
        close(node->lock_fd);
    }
    mem_free(node->address);
    mem_free(node);
}

uint16_t node_port(const struct node *node)
{
    return net_server_port(node->net);
}

const char *node_address(const struct node *node)
{
    return node->address;
}
