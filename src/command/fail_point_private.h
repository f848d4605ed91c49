/* command/fail_point_private.h - what the table asks of the data of a fail point.
 *
 * Invariant   data that is set was checked: what is there has its type.
 * Thread      pure.
 * Memory      borrows the data.
 * Errors      14, 2 and 72.
 */
#ifndef COMMAND_FAIL_POINT_PRIVATE_H
#define COMMAND_FAIL_POINT_PRIVATE_H

#include "command/command.h"

/* Is it sound? */
int command__fail_check(struct command_op *op, struct slice data);

/* Is the op one of those that it is about: by command, namespace, and the client's name? */
bool command__fail_matches(const struct command_op *op, struct slice data);

#endif
