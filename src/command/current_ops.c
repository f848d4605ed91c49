/* command/current_ops.c - walks of the lists that the server keeps anyway, each under its lock. */
#include "command/current_ops.h"

#include <stdio.h>
#include <time.h>

#include "command/args.h"
#include "command/cursor.h"
#include "command/redact.h"
#include "command/session.h"
#include "doc/view.h"

enum { CURRENT_COMMAND_MAX = 1024 };

struct current_list {
    const struct command_current *current;
    struct arena *arena;
    struct buf *docs;
    struct doc_builder builder; /* of the document in hand */
};

static bool current_is_his(const struct command_current *current, const uint8_t user_id[16])
{
    return current->user_id == NULL || memcmp(current->user_id, user_id, 16) == 0;
}

static struct doc_builder *current_begin(struct current_list *list, const char *type)
{
    doc_build_begin(&list->builder, list->docs);
    doc_build_text(&list->builder, "type", type);
    doc_build_text(&list->builder, "host", list->current->server->address);
    return &list->builder;
}

static void current_build_client(struct doc_builder *builder, const struct command_client *client)
{
    char name[32];
    snprintf(name, sizeof name, "conn%d", client->connection_id);
    doc_build_text(builder, "desc", name);
    doc_build_i32(builder, "connectionId", client->connection_id);
    doc_build_text(builder, "client", client->peer);
    doc_build_text(builder, "appName", client->app_name);
    if (client->metadata.len > 0) {
        doc_build_doc(builder, "clientMetadata", client->metadata);
    }
}

static void current_build_time(struct current_list *list)
{
    struct tm parts;
    char text[64];
    time_t seconds = (time_t)(list->current->wall_ms / 1000);
    gmtime_r(&seconds, &parts);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + len, sizeof text - len, ".%03d+00:00", (int)(list->current->wall_ms % 1000));
    doc_build_text(&list->builder, "currentOpTime", text);
}

/* A moment of the monotonic clock, as a date. */
static void current_build_date(struct current_list *list, const char *name, uint64_t us)
{
    int64_t ago_us = (int64_t)list->current->mono_us - (int64_t)us;
    doc_build_date(&list->builder, name, list->current->wall_ms - ago_us / 1000);
}

/* ---- ops, and connections without ---- */

static void current_op(struct current_list *list, const struct command_op *op)
{
    struct doc_builder *builder = current_begin(list, "op");
    uint64_t now_us = list->current->mono_us;
    uint64_t elapsed_us = now_us > op->started_us ? now_us - op->started_us : 0;
    struct doc_value target = doc_first(op->body).value;
    struct slice name = target.type == DOC_STRING ? doc_value_get_string(target) : SLICE("$cmd");
    current_build_client(builder, op->client);
    doc_build_bool(builder, "active", true);
    current_build_time(list);
    doc_build_i32(builder, "opid", op->opid);
    doc_build_i64(builder, "secs_running", (int64_t)(elapsed_us / 1000000));
    doc_build_i64(builder, "microsecs_running", (int64_t)elapsed_us);
    doc_build_text(builder, "op", "command");
    doc_build_string(builder, "ns", command_join(list->arena, op->db, name));
    if (op->body.len < CURRENT_COMMAND_MAX) {
        doc_build_doc(builder, "command", command_redact(list->arena, op->body));
    }
    doc_build_bool(builder, "killPending", atomic_load(&op->killed) != 0);
    doc_build_end(builder);
}

static void current_ops(struct current_list *list)
{
    struct command_server *server = list->current->server;
    pthread_mutex_lock(&server->ops_lock);
    for (struct command_op *op = server->ops; op != NULL; op = op->next) {
        op->client->busy = true;
        if (current_is_his(list->current, op->user_id)) {
            current_op(list, op);
        }
    }
    for (struct command_client *client = server->clients; client != NULL; client = client->next) {
        bool idle = !client->busy;
        client->busy = false;
        if (idle && list->current->connections && list->current->user_id == NULL) {
            current_build_client(current_begin(list, "op"), client);
            doc_build_bool(&list->builder, "active", false);
            current_build_time(list);
            doc_build_end(&list->builder);
        }
    }
    pthread_mutex_unlock(&server->ops_lock);
}

void command_current_enter(struct command_server *server, struct command_client *client)
{
    pthread_mutex_lock(&server->ops_lock);
    client->listed_by = server;
    client->previous = NULL;
    client->next = server->clients;
    if (client->next != NULL) {
        client->next->previous = client;
    }
    server->clients = client;
    pthread_mutex_unlock(&server->ops_lock);
}

void command_current_leave(struct command_client *client)
{
    struct command_server *server = client->listed_by;
    if (server == NULL) {
        return;
    }
    pthread_mutex_lock(&server->ops_lock);
    *(client->previous != NULL ? &client->previous->next : &server->clients) = client->next;
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    pthread_mutex_unlock(&server->ops_lock);
    client->listed_by = NULL;
}

/* ---- cursors ---- */

static void current_cursor(void *context, const struct command_cursor *cursor)
{
    struct current_list *list = context;
    if (!current_is_his(list->current, cursor->user_id)) {
        return;
    }
    struct doc_builder *builder = current_begin(list, "idleCursor");
    doc_build_string(builder, "ns", cursor->ns);
    doc_build_open(builder, SLICE("cursor"));
    doc_build_i64(builder, "cursorId", cursor->id);
    current_build_date(list, "createdDate", cursor->created_us);
    current_build_date(list, "lastAccessDate", cursor->used_us);
    doc_build_i64(builder, "nDocsReturned", cursor->returned);
    doc_build_bool(builder, "noCursorTimeout", cursor->no_timeout);
    doc_build_bool(builder, "tailable", cursor->tailable);
    doc_build_bool(builder, "awaitData", cursor->awaits_data);
    if (cursor->describe.len < CURRENT_COMMAND_MAX) {
        doc_build_doc(builder, "originatingCommand", command_redact(list->arena, cursor->describe));
    }
    doc_build_close(builder);
    doc_build_end(builder);
}

/* ---- transactions ---- */

static void current_transaction(struct current_list *list, const struct command_session_info *info)
{
    struct doc_builder *builder = current_begin(list, "idleSession");
    int64_t limit = command_param(&list->current->server->parameters,
                                  COMMAND_PARAM_transactionLifetimeLimitSeconds);
    doc_build_text(builder, "desc", "inactive transaction");
    doc_build_open(builder, SLICE("lsid"));
    command_session_build_id(builder, info);
    doc_build_close(builder);
    doc_build_bool(builder, "active", false);
    doc_build_open(builder, SLICE("transaction"));
    doc_build_open(builder, SLICE("parameters"));
    doc_build_i64(builder, "txnNumber", info->txn_number);
    doc_build_bool(builder, "autocommit", false);
    doc_build_close(builder);
    doc_build_i64(builder, "timeOpenMicros", (int64_t)(list->current->mono_us - info->txn_us));
    current_build_date(list, "expiryTime", info->txn_us + (uint64_t)limit * 1000000);
    doc_build_close(builder);
    doc_build_end(builder);
}

static void current_transactions(struct current_list *list)
{
    const struct command_session_whose whose = {.user_id = list->current->user_id};
    uint32_t count;
    const struct command_session_info *infos =
        command_sessions_list(list->current->server->sessions, list->arena, &whose, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (infos[i].txn_us != 0 && !infos[i].at_work) {
            current_transaction(list, &infos[i]);
        }
    }
}

void command_current_list(const struct command_current *current, struct arena *arena,
                          struct buf *docs)
{
    struct current_list *list = arena_alloc(arena, sizeof *list);
    list->current = current;
    list->arena = arena;
    list->docs = docs;
    current_ops(list);
    if (current->cursors) {
        command_cursors_each_idle(current->server->cursors, current_cursor, list);
    }
    if (current->transactions) {
        current_transactions(list);
    }
}
