/* command/ddl.h - changes of collections that several commands make.
 *
 * Invariant   who follows the log is told of each.
 * Thread      the shard's owner.
 * Memory      the op's arena.
 * Errors      as store/writer.h.
 */
#ifndef COMMAND_DDL_H
#define COMMAND_DDL_H

#include "command/command.h"

/* Take it out of the catalog. */
void command_drop_collection(struct command_op *op, struct store_collection *collection);

/* Call `from` "db.name" `to`, in the place of `target` (NULL: nobody has that name). A temporary
 * collection is one that stays from now on. */
int command_rename(struct command_op *op, const struct store_collection *from,
                   const struct store_collection *target, struct slice to);

/* Give a new and empty collection the finished indexes that `from` has. */
int command_copy_indexes(struct command_op *op, struct store_collection *to,
                         const struct store_collection *from);

#endif
