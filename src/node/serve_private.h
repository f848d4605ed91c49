/* node/serve_private.h - the parts of the serve program.
 *
 * Invariant   none.
 * Thread      the main thread, before and after the loops run.
 * Memory      texts live in the options or in the arena given.
 * Errors      as in struct err.
 */
#ifndef NODE_SERVE_PRIVATE_H
#define NODE_SERVE_PRIVATE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/options.h"
#include "node/node.h"
#include "security/keyring.h"

/* ---- serve_options.c ---- */

/* All sources into `options`. --help prints the manual and ends the process. */
int node__serve_read(struct options *options, int argc, char **argv, struct err *err);
/* Combinations that the table cannot refuse. */
int node__serve_check(const struct options *options, struct err *err);
/* Values as the node takes them; texts and documents are put into `arena`. */
void node__serve_config(const struct options *options, struct arena *arena,
                        struct node_config *config);

/* ---- serve_access.c ---- */

/* Whether clients must log in; refuses to let everybody in from everywhere. */
int node__serve_access(const struct options *options, struct node_config *config, struct err *err);
/* There are no secrets left: who looks for leaks at the end may look. */
void node__serve_access_end(void);
/* The audit log, if one is wanted: config->audit, the caller's. After the log is open. */
int node__serve_audit(const struct options *options, struct node_config *config, struct err *err);
/* What the operator should know about it, to config->log. */
void node__serve_access_warn(const struct node_config *config);

/* ---- serve_encryption.c ---- */

/* The master key of what lies on disk into `master`, and as config->master, if it is encrypted.
 * Before the sandbox: a command may have to be run. */
int node__serve_encryption(const struct options *options, struct security_master *master,
                           struct node_config *config, struct err *err);

/* ---- serve_sandbox.c ---- */

/* From now on only the data, the logs and the keys can be touched, where the kernel can see to it.
 * After the log is open, before there are threads. */
void node__serve_sandbox(const struct options *options, const struct node_config *config);

/* ---- serve_tls.c ---- */

/* How TLS is spoken, if at all. */
int node__serve_tls(const struct options *options, struct node_config *config, struct err *err);

/* ---- serve_memory.c ---- */

/* The memory limit and the cache's part of it, from the options and the machine; the rest of the
 * configuration is there. */
int node__serve_memory(const struct options *options, struct node_config *config, struct err *err);

/* ---- serve_document.c: for getCmdLineOpts ---- */

/* The options in force, nested as in the file. */
struct slice node__serve_parsed(const struct options *options, struct arena *arena);
struct slice node__serve_argv(int argc, char **argv, struct arena *arena);

/* ---- serve_process.c ---- */

/* Fork; in the parent, wait for the child's word and exit with it. In the child, *ret_ready is
 * where that word goes. */
int node__serve_fork(int *ret_ready, struct err *err);
/* The child's word: `text` NULL says that clients can connect. Closes `ready`. */
void node__serve_tell(int ready, const char *text);
/* Away from the terminal. */
void node__serve_detach(void);

int node__serve_pid_write(const char *path, struct err *err);
/* Only if it still is ours. */
void node__serve_pid_remove(const char *path);

/* systemd's notification, when it asked for it: "READY=1". */
void node__serve_notify(const char *state);

/* Raise the limit of open files to what is allowed. How many connections fit. */
uint32_t node__serve_files(uint64_t *ret_limit);

#endif
