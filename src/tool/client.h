/* tool/client.h - a small blocking client for the tools: connect, greet, call, read the reply.
 *
 * Invariant   requests and replies alternate, except between tool_client_send and
 *             tool_client_receive, where a caller may have several on the way; replies come in the
 *             order of the requests. After an I/O error the client is closed: `fd` is -1.
 * Thread      one a client; many clients may run side by side.
 * Memory      the client owns both buffers; a reply is borrowed until the next receive.
 * Errors      -LT_EHOSTUNREACHABLE, -LT_EHOSTNOTFOUND, -LT_ENETWORKTIMEOUT, -LT_EPROTOCOLERROR; a
 *             reply with ok: 0 gives the server's own code and text.
 */
#ifndef TOOL_CLIENT_H
#define TOOL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

enum {
    TOOL_SEEDS_MAX = 8,
    TOOL_TIMEOUT_MS = 60000,
    TOOL_PORT = 27017,
};

/* Where a server is, as the command line or a connection string says. */
struct tool_target {
    uint32_t seeds_count;
    struct {
        char host[256];
        uint16_t port;
    } seeds[TOOL_SEEDS_MAX]; /* tried in turn */
    char db[64];             /* of the connection string; empty: none given */
};

/* Read "mongodb://host:port,host2/db?options"; credentials and TLS are refused by name, because
 * leaving them out silently would connect another way than asked. */
int tool_target_parse(struct tool_target *target, const char *uri, struct err *err);
/* One server by host and port. */
int tool_target_set(struct tool_target *target, const char *host, uint16_t port, struct err *err);

struct tool_client {
    int fd; /* -1: closed */
    int timeout_ms;
    int32_t request_id; /* of the newest request */
    size_t start;       /* of the message that is being written in `out` */
    struct buf out;
    struct buf in;
    char peer[280]; /* "host:port" that answered */
};

void tool_client_init(struct tool_client *client);
void tool_client_close(struct tool_client *client);

/* Connect to the first seed that answers and greet it as `name`. */
int tool_client_connect(struct tool_client *client, const struct tool_target *target,
                        const char *name, struct err *err);

/* Send `command` ($db inside) and wait; *ret_reply is the reply's document. */
int tool_client_run(struct tool_client *client, struct slice command, struct slice *ret_reply,
                    struct err *err);

/* ---- the same in steps, for sequences and for several requests on the way ---- */

/* Begin an OP_MSG in client->out. The caller appends the body's document and any sequences
 * (wire/compose.h), then calls tool_client_send. */
struct buf *tool_client_begin(struct tool_client *client);
/* Finish the message and send it. `flags` of wire/message.h, mostly 0. */
int tool_client_send(struct tool_client *client, uint32_t flags, struct err *err);
/* The next reply. ok: 0 is an error here too; *ret_reply is set even then. */
int tool_client_receive(struct tool_client *client, struct slice *ret_reply, struct err *err);

#endif
