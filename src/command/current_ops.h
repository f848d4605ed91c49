/* command/current_ops.h - what is going on: ops at work, and connections, cursors and transactions
 * that rest.
 *
 * Invariant   of each kind all that is there at one moment; several kinds, one after another.
 * Thread      any.
 * Memory      documents in the caller's arena.
 * Errors      none.
 */
#ifndef COMMAND_CURRENT_OPS_H
#define COMMAND_CURRENT_OPS_H

#include "command/server.h"

struct command_current {
    struct command_server *server;
    int64_t wall_ms;
    uint64_t mono_us;
    const uint8_t *user_id; /* of 16 bytes: what is his; NULL: everybody's */
    bool connections;       /* idle ones, too */
    bool cursors;
    bool transactions;
};

/* Append the documents, one after another. */
void command_current_list(const struct command_current *current, struct arena *arena,
                          struct buf *docs);

/* A connection is open: from now on it is listed, until command_client_close. */
void command_current_enter(struct command_server *server, struct command_client *client);
void command_current_leave(struct command_client *client);

#endif
