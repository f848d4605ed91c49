/* command/cursor_private.h - what the filling of batches needs of the table of cursors.
 *
 * Invariant   a cursor is with one op, or rests in the table.
 * Thread      the op's.
 * Memory      as command/cursor.h.
 * Errors      MongoDB's codes.
 */
#ifndef COMMAND_CURSOR_PRIVATE_H
#define COMMAND_CURSOR_PRIVATE_H

#include "command/cursor.h"

/* Give it an id and a place in the table: it is in use. */
int cursor__add(struct command_op *op, struct command_cursor *cursor);
/* Let go of what is borrowed from the engine. */
void cursor__pause(struct command_cursor *cursor);
/* Put it to rest, or free it when it is finished or was killed meanwhile. */
void cursor__give_back(struct command_op *op, struct command_cursor *cursor);
/* The same of one that nobody wants any more. */
void cursor__give_up(struct command_op *op, struct command_cursor *cursor);

#endif
