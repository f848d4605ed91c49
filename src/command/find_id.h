/* command/find_id.h - the short way of a find for one _id.
 *
 * Invariant   its replies are those of the general way, byte for byte.
 * Thread      the op's.
 * Memory      nothing is kept from one step to the next.
 * Errors      73 for a name that is none; -LT_EAGAIN as command_wants: call again.
 */
#ifndef COMMAND_FIND_ID_H
#define COMMAND_FIND_ID_H

#include "command/command.h"

/* Is op->body a find by one _id that need not go the general way? */
bool command_find_is_by_id(const struct command_op *op, struct doc_value *ret_id);

/* Answer it. */
int command_find_by_id(struct command_op *op, struct doc_value id);

#endif
