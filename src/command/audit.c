/* command/audit.c - events as documents, filtered, written as lines.
 *
 *   {atype, ts, local: {ip, port}, remote: {ip, port}, users: [], roles: [], param: {}, result} */
#include "command/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/account.h"
#include "command/args.h"
#include "command/handlers.h"
#include "command/redact.h"
#include "command/server.h"
#include "doc/json.h"
#include "doc/view.h"

struct command_audit {
    pthread_mutex_t lock;
    char *path;     /* NULL: standard output */
    int fd;         /* under lock */
    uint8_t *query; /* the filter's document, which what is parsed borrows */
    void *filter;
    struct log *log;
};

static const struct {
    int (*run)(struct command_op *op);
    const char *event;
} audit_rows[] = {
#define AUDIT(run, event) {run, #event},
#include "command/audit.def"
};

/* ---- the file ---- */

static int audit_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int audit_parse_filter(struct command_audit *audit, const char *text, struct err *err)
{
    struct buf buf;
    size_t used;
    if (text == NULL) {
        return 0;
    }
    buf_init(&buf, NULL);
    int code = doc_json_read(slice_str(text), &buf, &used, err);
    audit->query = buf.data;
    if (code == 0) {
        audit->filter = command_filter_ops.parse(buf_slice(&buf), NULL);
        code = audit->filter != NULL ? 0 : err_set(err, LT_EBADVALUE, "it is no query");
    }
    return code < 0 ? err_prefix(err, "auditLog.filter: ") : 0;
}

int command_audit_new(const struct command_audit_options *options, struct command_audit **ret_audit,
                      struct err *err)
{
    struct command_audit *audit = mem_zero(1, sizeof *audit);
    pthread_mutex_init(&audit->lock, NULL);
    audit->log = options->log;
    audit->fd = STDOUT_FILENO;
    int code = audit_parse_filter(audit, options->filter, err);
    if (code == 0 && options->path != NULL) {
        audit->path = mem_copy(slice_str(options->path));
        audit->fd = audit_open(audit->path);
        code = audit->fd >= 0 ? 0
                              : err_set(err, LT_EBADVALUE, "auditLog.path: cannot open %s: %s",
                                        audit->path, strerror(errno));
    }
    if (code < 0) {
        command_audit_free(audit);
        return code;
    }
    *ret_audit = audit;
    return 0;
}

void command_audit_free(struct command_audit *audit)
{
    if (audit == NULL) {
        return;
    }
    if (audit->path != NULL && audit->fd >= 0) {
        close(audit->fd);
    }
    command_filter_ops.free(audit->filter);
    mem_free(audit->query);
    pthread_mutex_destroy(&audit->lock);
    mem_free(audit->path);
    mem_free(audit);
}

int command_audit_reopen(struct command_audit *audit)
{
    if (audit == NULL || audit->path == NULL) {
        return 0;
    }
    int fd = audit_open(audit->path);
    if (fd < 0) {
        return -1;
    }
    pthread_mutex_lock(&audit->lock);
    int old = audit->fd;
    audit->fd = fd;
    pthread_mutex_unlock(&audit->lock);
    close(old);
    return 0;
}

/* One line, whole or not at all. */
static void audit_write(struct command_audit *audit, struct slice line)
{
    pthread_mutex_lock(&audit->lock);
    ssize_t written = write(audit->fd, line.data, line.len);
    int reason = errno;
    pthread_mutex_unlock(&audit->lock);
    if (written != (ssize_t)line.len) {
        log_error(audit->log, "audit", "an event could not be written: %s",
                  written < 0 ? strerror(reason) : "no room");
    }
}

/* ---- events ---- */

static struct doc_builder *audit_begin(struct arena *arena)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    return builder;
}

static void audit_build_address(struct doc_builder *builder, const char *name, const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon == NULL ? strlen(address) : (size_t)(colon - address);
    bool six = len > 2 && address[0] == '[';
    doc_build_open(builder, slice_str(name));
    doc_build_string(builder, "ip", six ? slice_of(address + 1, len - 2) : slice_of(address, len));
    doc_build_i32(builder, "port", colon == NULL ? 0 : (int32_t)strtol(colon + 1, NULL, 10));
    doc_build_close(builder);
}

/* atype, ts and both ends of the connection; `remote` NULL: the server did it by itself. */
static void audit_build_head(struct doc_builder *builder, const char *event, int64_t wall_ms,
                             const char *local, const char *remote)
{
    doc_build_text(builder, "atype", event);
    doc_build_date(builder, "ts", wall_ms);
    audit_build_address(builder, "local", local);
    if (remote != NULL) {
        audit_build_address(builder, "remote", remote);
        return;
    }
    doc_build_open(builder, SLICE("remote"));
    doc_build_bool(builder, "isSystemUser", true);
    doc_build_close(builder);
}

/* Unless the filter is against it. */
static void audit_tell(struct command_audit *audit, struct arena *arena, struct slice doc)
{
    struct buf line;
    if (audit->filter != NULL && !command_filter_ops.matches(audit->filter, doc)) {
        return;
    }
    buf_init(&line, arena);
    doc_json_write(&line, doc, DOC_JSON_RELAXED);
    buf_append_byte(&line, '\n');
    audit_write(audit, buf_slice(&line));
}

static void audit_event(struct command_op *op, const char *event, struct slice param, int code)
{
    struct doc_builder *builder = audit_begin(&op->arena);
    audit_build_head(builder, event, op->wall_ms, op->client->local, op->client->peer);
    command_account_build(op->client->account, builder, "users", "roles");
    doc_build_doc(builder, "param", param);
    doc_build_i32(builder, "result", code);
    audit_tell(op->server->audit, &op->arena, doc_build_end(builder));
}

void command_audit_startup(struct command_server *server)
{
    struct arena arena;
    if (server->audit == NULL) {
        return;
    }
    arena_init(&arena);
    struct doc_builder *builder = audit_begin(&arena);
    audit_build_head(builder, "startup", server->started_ms, server->address, NULL);
    command_account_build(NULL, builder, "users", "roles");
    doc_build_open(builder, SLICE("param"));
    doc_build_doc(builder, "startupOptions", server->parsed);
    doc_build_close(builder);
    doc_build_i32(builder, "result", 0);
    audit_tell(server->audit, &arena, doc_build_end(builder));
    arena_close(&arena);
}

/* {command, ns, args} */
static struct slice audit_command(struct command_op *op)
{
    struct doc_builder *builder = audit_begin(&op->arena);
    struct doc_value first = doc_first(op->body).value;
    struct slice name = first.type == DOC_STRING ? doc_value_get_string(first) : SLICE("");
    struct slice ns = name.len == 0 ? op->db : command_join(&op->arena, op->db, name);
    doc_build_text(builder, "command", op->command->name);
    doc_build_string(builder, "ns", ns);
    doc_build_doc(builder, "args", command_redact(&op->arena, op->body));
    return doc_build_end(builder);
}

void command_audit_login(struct command_op *op, const struct command_name *user,
                         const char *mechanism, int code)
{
    if (op->server->audit == NULL) {
        return;
    }
    struct doc_builder *builder = audit_begin(&op->arena);
    doc_build_string(builder, "user", user->name);
    doc_build_string(builder, "db", user->db);
    doc_build_text(builder, "mechanism", mechanism);
    audit_event(op, "authenticate", doc_build_end(builder), code);
}

void command_audit_logout(struct command_op *op)
{
    if (op->server->audit != NULL && op->client->account != NULL) {
        audit_event(op, "logout", doc_value_get_doc(doc_empty_object), 0);
    }
}

void command_audit_refused(struct command_op *op)
{
    if (op->server->audit != NULL) {
        audit_event(op, "authCheck", audit_command(op), LT_EUNAUTHORIZED);
    }
}

void command_audit_created(struct command_op *op, struct slice ns)
{
    if (op->server->audit != NULL) {
        struct doc_builder *builder = audit_begin(&op->arena);
        doc_build_string(builder, "ns", ns);
        audit_event(op, "createCollection", doc_build_end(builder), 0);
    }
}

static bool audit_is_accounts(struct slice ns)
{
    return slice_is(ns, "admin.system.users") || slice_is(ns, "admin.system.roles");
}

static bool audit_bulk_names_accounts(struct command_op *op)
{
    struct command_docs docs;
    struct slice doc;
    bool accounts = false;
    if (command_docs_open(op, "nsInfo", &docs) < 0) {
        return false;
    }
    while (!accounts && command_docs_next(&docs, &doc)) {
        struct doc_value ns = doc_get_str(doc, "ns");
        accounts = ns.type == DOC_STRING && audit_is_accounts(doc_value_get_string(ns));
    }
    return accounts;
}

/* Accounts written as any records are. */
static bool audit_is_mutation(struct command_op *op)
{
    if (op->command->run == command_bulk_write) {
        return audit_bulk_names_accounts(op);
    }
    struct doc_value first = doc_first(op->body).value;
    bool names = first.type == DOC_STRING && (op->command->flags & COMMAND_WRITE) != 0;
    return names &&
           audit_is_accounts(command_join(&op->arena, op->db, doc_value_get_string(first)));
}

void command_audit_done(struct command_op *op, int code)
{
    const char *event = NULL;
    if (op->server->audit == NULL || op->command == NULL || code == LT_EUNAUTHORIZED) {
        return; /* a refusal was told */
    }
    for (size_t i = 0; i < sizeof audit_rows / sizeof audit_rows[0]; i++) {
        event = audit_rows[i].run == op->command->run ? audit_rows[i].event : event;
    }
    event = event == NULL && audit_is_mutation(op) ? "directAuthMutation" : event;
    if (event != NULL) {
        audit_event(op, event, audit_command(op), code);
    }
}
