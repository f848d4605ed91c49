/* command/api.h - the stable API: apiVersion, apiStrict, apiDeprecationErrors.
 *
 * Invariant   there is one version, "1"; which commands are in it says commands.def, and what of
 * them is not, the tables in api.c. Nothing in it is deprecated. Thread      pure. Memory nothing.
 * Errors      322 for another version, 323 for what is outside of it, 347 for a getMore with other
 *             parameters than its cursor's command had.
 */
#ifndef COMMAND_API_H
#define COMMAND_API_H

#include "command/command.h"

/* Check what the command says of its API. */
int command_check_api(struct command_op *op);

/* Does a getMore say what `origin`, the command that made its cursor, said? */
int command_check_same_api(struct command_op *op, struct slice origin);

#endif
