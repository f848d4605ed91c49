/* command/login.h - a connection becomes a user's.
 *
 * Invariant   a login is one conversation; another one ends it. An account is taken only after the
 *             user's proof, and stays until logout, the connection's end, or the user's.
 * Thread      whoever has the connection's request.
 * Memory      the client owns both.
 * Errors      18 AuthenticationFailed with one text; -LT_EAGAIN (op->fetch_key is set).
 */
#ifndef COMMAND_LOGIN_H
#define COMMAND_LOGIN_H

#include "command/command.h"

void command_login_free(struct command_login *login);

/* What a hello asks for: fields of its reply, in the op's arena, or nothing. A speculative login
 * that cannot begin has none. -LT_EAGAIN: ask again. */
int command_login_hello(struct command_op *op, struct slice *ret_fields);

#endif
