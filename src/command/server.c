/* command/server.c - the shared state: publication of catalogs, partial filters. */
#include "command/server.h"

#include "base/mem.h"
#include "command/cache_rule.h"
#include "command/cursor.h"
#include "command/session.h"
#include "query/match.h"

/* A parsed partial filter with the arena it lives in. */
struct server_filter {
    struct arena arena;
    struct query_context context;
    struct query_match *match;
};

static void *server_filter_parse(struct slice filter)
{
    struct server_filter *parsed = mem_zero(1, sizeof *parsed);
    struct err err;
    arena_init(&parsed->arena);
    parsed->context.arena = &parsed->arena;
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

void command_server_init(struct command_server *server)
{
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->catalog_lock, NULL);
    pthread_mutex_init(&server->ops_lock, NULL);
    server->catalog = store_catalog_new();
    command_params_init(&server->parameters);
    server->sessions = command_sessions_new();
    server->cursors = command_cursors_new();
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
    command_budgets_free(server->budgets);
    command_sessions_free(server->sessions);
    store_catalog_release(server->catalog);
    pthread_mutex_destroy(&server->catalog_lock);
    pthread_mutex_destroy(&server->ops_lock);
}

struct store_catalog *command_server_catalog(struct command_server *server)
{
    pthread_mutex_lock(&server->catalog_lock);
    struct store_catalog *catalog = store_catalog_hold(server->catalog);
    pthread_mutex_unlock(&server->catalog_lock);
    return catalog;
}

void command_server_publish(struct command_server *server, struct store_catalog *catalog)
{
    if (server->cache != NULL) {
        command_cache_follow(server->cache, catalog);
    }
    pthread_mutex_lock(&server->catalog_lock);
    struct store_catalog *old = server->catalog;
    server->catalog = catalog;
    pthread_mutex_unlock(&server->catalog_lock);
    store_catalog_release(old);
}
