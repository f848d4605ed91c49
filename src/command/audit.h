/* command/audit.h - who did what: one line of JSON for each event, in a file or on standard output.
 *
 * Invariant   logins, logouts, refusals, and every change of users, roles, collections and indexes
 *             that was asked for are told, with their result; passwords are not. An event that the
 *             filter does not match is not written.
 * Thread      any; one lock around the write.
 * Memory      the server owns it.
 * Errors      2 for a filter that cannot be read, and for a file that cannot be opened. A line that
 *             cannot be written is told by the server's log.
 */
#ifndef COMMAND_AUDIT_H
#define COMMAND_AUDIT_H

#include "command/directory.h"

struct command_audit;
struct command_server;
struct log;

/* `path` NULL: to standard output. `filter`: a query on events, as JSON; NULL: all. */
struct command_audit_options {
    const char *path;
    const char *filter;
    struct log *log;
};
int command_audit_new(const struct command_audit_options *options, struct command_audit **ret_audit,
                      struct err *err);
void command_audit_free(struct command_audit *audit);
/* Open the file again, after rotation. 0, or -1 with errno: the old file stays in use. */
int command_audit_reopen(struct command_audit *audit);

/* ---- events; nothing happens when the op's server has no audit log. `code` 0: it succeeded ----
 */
void command_audit_login(struct command_op *op, const struct command_name *user,
                         const char *mechanism, int code);
void command_audit_logout(struct command_op *op);
/* The op's command was refused. */
void command_audit_refused(struct command_op *op);
/* A write has made the collection that it writes to. */
void command_audit_created(struct command_op *op, struct slice ns);
/* It has ended: it is an event if audit.def names it. */
void command_audit_done(struct command_op *op, int code);
/* The server is about to serve. */
void command_audit_startup(struct command_server *server);

#endif
