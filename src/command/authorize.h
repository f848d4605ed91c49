/* command/authorize.h - may this connection run this command?
 *
 * Invariant   with access control a command runs only after its row of rights.def was asked; one
 *             without a row never does. Without access control nothing is looked up.
 * Thread      whoever has the op.
 * Memory      the op's arena.
 * Errors      13 Unauthorized; -LT_EAGAIN (op->fetch_key is set): ask again.
 */
#ifndef COMMAND_AUTHORIZE_H
#define COMMAND_AUTHORIZE_H

#include "command/account.h"

/* Before the command's first step. Sets op->user_id, and op->filtered where the command shows only
 * what its user may see. */
int command_authorize(struct command_op *op);

/* Is that collection to be shown, or that database? For commands with op->filtered. */
bool command_shows(const struct command_op *op, struct slice db, struct slice collection);
bool command_shows_db(const struct command_op *op, struct slice db);

/* Is that the op's user? */
bool command_is_user(const struct command_op *op, const uint8_t id[COMMAND_USER_ID]);

/* The peer of a connection from this machine? */
bool command_peer_is_local(const char *peer);

#endif
