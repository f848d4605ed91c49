/* command/admin.c - currentOp, killOp, dropConnections, rotateCertificates and shutdown. */
#include "command/args.h"
#include "command/authorize.h"
#include "command/current_ops.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "query/match.h"

/* The filter of currentOp: its own fields without those every command may have. */
static struct slice admin_filter(struct command_op *op)
{
    static const char *const own[] = {
        "$all",    "$ownOps",         "$db",       "lsid",        "$clusterTime",
        "comment", "$readPreference", "maxTimeMS", "$truncateOps"};
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, op->body);
    doc_iter_next(&iter, &elem);
    while (doc_iter_next(&iter, &elem)) {
        bool skip = false;
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
            skip |= slice_is(elem.name, own[i]);
        }
        if (!skip) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    return doc_build_end(builder);
}

int command_current_op(struct command_op *op)
{
    struct query_context context = {.arena = &op->arena, .now_ms = op->wall_ms, .timeless = true};
    struct query_match *match;
    struct query_eval eval;
    int code = query_match_parse(&context, admin_filter(op), &match, &op->err);
    if (code < 0) {
        return code;
    }
    query_eval_init(&eval, &context, &op->arena);
    bool all = doc_value_truth(doc_get_str(op->body, "$all"));
    const struct command_current current = {
        .server = op->server,
        .wall_ms = op->wall_ms,
        .mono_us = op->mono_us,
        .user_id = op->filtered ? op->user_id : NULL,
        .connections = all,
        .cursors = all,
        .transactions = true,
    };
    struct buf docs;
    buf_init(&docs, &op->arena);
    command_current_list(&current, &op->arena, &docs);
    doc_build_open_array(&op->builder, SLICE("inprog"));
    for (size_t at = 0; at < docs.len;) {
        struct slice doc = slice_of(docs.data + at, doc_load_u32(docs.data + at));
        at += doc.len;
        eval.root = doc_value_object(doc);
        if (query_match_doc(match, &eval, doc, NULL, &op->err) > 0) {
            doc_build_doc(&op->builder, "", doc);
        }
    }
    doc_build_close(&op->builder);
    return 0;
}

int command_kill_op(struct command_op *op)
{
    struct doc_value value = doc_get_str(op->body, "op");
    int64_t opid;
    if (!doc_value_exists(value)) {
        return err_set(&op->err, LT_ENOSUCHKEY, "Missing expected field \"op\"");
    }
    if (!doc_value_is_number(value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "Expected field \"op\" to have numeric type, but found %s",
                       doc_type_name(value.type));
    }
    if (!doc_value_to_i64_exact(value, &opid) || opid < INT32_MIN || opid > UINT32_MAX) {
        return err_set(&op->err, LT_EBADVALUE, "invalid op : %lld. Op ID cannot be represented",
                       (long long)doc_value_to_i64_clamped(value));
    }
    pthread_mutex_lock(&op->server->ops_lock);
    for (struct command_op *running = op->server->ops; running != NULL; running = running->next) {
        if (running->opid == (int32_t)opid) {
            atomic_store(&running->killed, LT_EINTERRUPTED);
        }
    }
    pthread_mutex_unlock(&op->server->ops_lock);
    doc_build_text(&op->builder, "info", "attempting to kill op");
    return 0;
}

/* ---- dropConnections ---- */

/* "host", "host:port" or "[v6]:port". */
static bool admin_is_address(struct slice text)
{
    const uint8_t *bracket =
        text.len > 0 && text.data[0] == '[' ? memchr(text.data, ']', text.len) : NULL;
    size_t host = bracket == NULL ? 0 : (size_t)(bracket - text.data) + 1;
    while (host < text.len && text.data[host] != ':') {
        host++;
    }
    if (host == 0 || host == text.len) {
        return host > 0;
    }
    uint32_t port = 0;
    size_t at = host + 1;
    for (; at < text.len && port <= UINT16_MAX; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') {
            return false;
        }
        port = port * 10 + (text.data[at] - '0');
    }
    return port > 0 && port <= UINT16_MAX;
}

/* Of connections that this server has opened to others: one that stands alone has none. */
int command_drop_connections(struct command_op *op)
{
    struct slice addresses = {0};
    static const struct command_arg table[] = {
        {"hostAndPort", COMMAND_ARG_ARRAY, 0, COMMAND_ARG_REQUIRED}, {NULL}};
    struct doc_iter iter;
    struct doc_elem elem;
    int code = command_args(op, table, &addresses);
    if (code < 0) {
        return code;
    }
    doc_iter_init(&iter, addresses);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_NULL) {
            continue;
        }
        if (elem.value.type != DOC_STRING) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field 'dropConnections.hostAndPort.%.*s' is the wrong type '%s', "
                           "expected type 'string'",
                           SLICE_FMT(elem.name), doc_type_name(elem.value.type));
        }
        if (!admin_is_address(doc_value_get_string(elem.value))) {
            return err_set(&op->err, LT_EFAILEDTOPARSE, "'%.*s' is no host and port",
                           SLICE_FMT(doc_value_get_string(elem.value)));
        }
    }
    return 0;
}

/* ---- the process ---- */

int command_rotate_certificates(struct command_op *op)
{
    int code = op->server->host_ops->rotate_certificates(op->server->host, &op->err);
    log_info(op->server->log, "command", "%s", code < 0 ? op->err.text : "certificates read again");
    return code;
}

/* Anybody who reaches the port could end the server while there is no access control. */
int command_shutdown(struct command_op *op)
{
    if (!op->server->authorization && !command_peer_is_local(op->client->peer)) {
        return err_set(&op->err, LT_EUNAUTHORIZED,
                       "shutdown must run from localhost when running db without auth");
    }
    op->close_after = true;
    op->server->host_ops->shutdown(op->server->host);
    return 0;
}
