/* command/concern.h - readConcern and writeConcern, which most commands may carry.
 *
 * Invariant   every acknowledged write is durable on a majority, whatever is asked; so a concern is
 *             checked, and one that can never be met by this set is reported beside the result.
 * Thread      pure.
 * Memory      the op's arena.
 * Errors      14, 40415, 9, 2 for malformed ones; 72 where the command takes none.
 */
#ifndef COMMAND_CONCERN_H
#define COMMAND_CONCERN_H

#include "command/command.h"

/* Check a document as a write concern. */
int command_check_write_concern(struct command_op *op, struct slice doc,
                                struct command_write_concern *ret_concern);
/* Why it cannot be met, in the op's arena. */
struct slice command_concern_text(struct command_op *op,
                                  const struct command_write_concern *concern);

/* Append {w, j, wtimeout} of a checked one, all that MongoDB shows of it. */
void command_build_write_concern(struct doc_builder *builder, struct slice doc);

/* Check what op->body carries; notes in op->concern what cannot be met. */
int command_check_concerns(struct command_op *op);

/* Append writeConcernError to the reply, for op->concern that cannot be met. */
void command_build_concern_error(struct command_op *op);

#endif
