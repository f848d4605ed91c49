/* command/server.c - the shared state: publication of catalogs, partial filters. */
#include "command/server.h"

#include <assert.h>

#include "base/mem.h"
#include "base/rng.h"
#include "command/account.h"
#include "command/cache_rule.h"
#include "command/cursor.h"
#include "command/fail_point.h"
#include "command/read.h"
#include "command/session.h"
#include "query/match.h"

enum { SERVER_TAIL_BYTES = 64 << 20 };

/* A parsed partial filter, or validator, with the arena it lives in. */
struct server_filter {
    struct arena arena;
    struct query_context context;
    struct query_match *match;
};

static void *server_filter_parse(struct slice filter, const struct doc_collation *collation)
{
    struct server_filter *parsed = mem_zero(1, sizeof *parsed);
    struct err err;
    arena_init(&parsed->arena);
    parsed->context.arena = &parsed->arena;
    parsed->context.collation = collation;
    if (query_match_parse(&parsed->context, filter, &parsed->match, &err) < 0) {
        arena_close(&parsed->arena);
        mem_free(parsed);
        return NULL;
    }
    return parsed;
}

static bool server_filter_matches(const void *filter, struct slice doc)
{
    const struct server_filter *parsed = filter;
    struct arena scratch;
    struct query_context context = parsed->context;
    struct query_eval eval;
    arena_init(&scratch);
    query_eval_init(&eval, &context, &scratch);
    eval.root = doc_value_object(doc);
    bool matches = query_match_doc(parsed->match, &eval, doc, NULL, NULL) > 0;
    arena_close(&scratch);
    return matches;
}

static void server_filter_free(void *filter)
{
    struct server_filter *parsed = filter;
    if (parsed != NULL) {
        arena_close(&parsed->arena);
        mem_free(parsed);
    }
}

const struct store_filter_ops command_filter_ops = {
    .parse = server_filter_parse,
    .matches = server_filter_matches,
    .free = server_filter_free,
};

static void server_build_times(struct command_times *times)
{
    static const uint8_t no_hash[20];
    struct arena arena;
    struct doc_builder builder;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena);
    doc_build_begin(&builder, &buf);
    doc_build_open(&builder, SLICE("$clusterTime"));
    doc_build_timestamp(&builder, "clusterTime", 0);
    size_t cluster_time = buf.len - sizeof(uint64_t);
    doc_build_open(&builder, SLICE("signature"));
    doc_build_binary(&builder, "hash", 0, slice_of(no_hash, sizeof no_hash));
    doc_build_i64(&builder, "keyId", 0);
    doc_build_close(&builder);
    doc_build_close(&builder);
    doc_build_timestamp(&builder, "operationTime", 0);
    times->cluster_time = buf.len - cluster_time;
    times->operation_time = sizeof(uint64_t);
    struct slice doc = doc_build_end(&builder);
    assert(doc.len <= sizeof times->bytes);
    memcpy(times->bytes, doc.data, doc.len);
    times->len = doc.len;
    arena_close(&arena);
}

void command_server_init(struct command_server *server)
{
    memset(server, 0, sizeof *server);
    server_build_times(&server->times);
    pthread_mutex_init(&server->ops_lock, NULL);
    atomic_init(&server->catalog, store_catalog_new());
    atomic_init(&server->first_slice, COMMAND_READ_SLICE);
    command_params_init(&server->parameters);
    server->accounts = command_accounts_new();
    server->throttle = security_throttle_new(rng_u64());
    server->sessions = command_sessions_new();
    server->fail_points = command_fail_points_new();
    server->cursors = command_cursors_new();
    command_snapshots_init(&server->snapshots);
    command_cluster_params_init(&server->cluster_params);
    command_index_filters_init(&server->index_filters);
    store_tail_init(&server->tail, SERVER_TAIL_BYTES);
}

void command_server_limit(struct command_server *server, uint64_t bytes)
{
    server->budgets = command_budgets_new(bytes);
    server->cursors_reclaimer = (struct memory_reclaimer){command_cursors_reclaim, server, NULL};
    memory_reclaimer_add(server->budgets->all[COMMAND_BUDGET_TOTAL], &server->cursors_reclaimer);
}

void command_server_close(struct command_server *server)
{
    if (server->budgets != NULL) {
        memory_reclaimer_remove(server->budgets->all[COMMAND_BUDGET_TOTAL],
                                &server->cursors_reclaimer);
    }
    command_cursors_free(server->cursors);
    command_snapshots_close(&server->snapshots);
    command_index_filters_close(&server->index_filters);
    store_tail_close(&server->tail);
    command_budgets_free(server->budgets);
    command_sessions_free(server->sessions);
    command_fail_points_free(server->fail_points);
    command_accounts_free(server->accounts);
    security_throttle_free(server->throttle);
    store_catalog_release(atomic_load(&server->catalog));
    pthread_mutex_destroy(&server->ops_lock);
}

struct store_catalog *command_server_catalog(struct command_server *server)
{
    assert(server->reclaim == NULL || memory_may_read());
    return store_catalog_hold(atomic_load(&server->catalog));
}

static void server_release_catalog(void *catalog)
{
    store_catalog_release(catalog);
}

void command_server_publish(struct command_server *server, struct store_catalog *catalog)
{
    if (server->cache != NULL) {
        command_cache_follow(server->cache, catalog);
    }
    struct store_catalog *old = atomic_exchange(&server->catalog, catalog);
    if (server->reclaim == NULL) {
        store_catalog_release(old);
    } else {
        memory_retire(server->reclaim, old, server_release_catalog,
                      sizeof *old + old->count * sizeof *old->collections);
    }
}
