/* command/handlers.h - the handlers that commands.def names.
 *
 * Invariant   one per command family; each is described by its row in commands.def.
 * Thread      as command/command.h: writes at the owner, the rest anywhere.
 * Memory      op->arena.
 * Errors      0, -LT_EYIELD, -LT_EAGAIN, or the command's error in op->err.
 */
#ifndef COMMAND_HANDLERS_H
#define COMMAND_HANDLERS_H

#include "command/command.h"

/* Aliases repeat a prototype, which C allows. */
#define COMMAND(name, run, flags, help) int run(struct command_op *op);
#include "command/commands.def"

/* The aggregate whose last stage writes, at the owner. */
int command_aggregate_write(struct command_op *op);

/* The field topologyVersion, of hello and of errors that say how the topology changes. */
void command_build_topology_version(struct command_op *op);

/* Is it one of those that are only there for tests, and are not? */
bool command_is_hidden(const struct command_server *server, const struct command *command);

/* Row `index` of commands.def, or NULL past the end. */
const struct command *command_each(size_t index);

#endif
