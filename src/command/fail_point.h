/* command/fail_point.h - errors on demand, for the tests of drivers.
 *
 * Invariant   nothing is set without the parameter enableTestCommands, which only a start gives;
 *             while nothing is set, nobody looks here (COMMAND_ATTENDS_FAIL_POINTS).
 * Thread      any; one lock.
 * Memory      the table owns the data of what is set; an op that is hit gets a copy in its arena.
 * Errors      266 for a name that is not there; 14, 2 and 72 for malformed modes and data.
 */
#ifndef COMMAND_FAIL_POINT_H
#define COMMAND_FAIL_POINT_H

#include "command/command.h"

struct command_fail_points;

enum command_fail_point {
#define FAIL_POINT(name) COMMAND_FAIL_POINT_##name,
#include "command/fail_points.def"
    COMMAND_FAIL_POINTS_COUNT,
};

struct command_fail_points *command_fail_points_new(void);
void command_fail_points_free(struct command_fail_points *points);

/* Is the op hit? Then *ret_data is what was set, unless nobody wants it (NULL). */
bool command_fail_point_hits(struct command_op *op, enum command_fail_point which,
                             struct slice *ret_data);

/* failCommand, before the handler is called: 0 go on, -LT_EYIELD while it is held up, or the
 * error that the command fails with. */
int command_fail_before(struct command_op *op);

/* failGetMoreAfterCursorCheckout. */
int command_fail_getmore(struct command_op *op);

/* The writeConcernError that op->fail puts into the reply of a command that went well, and its
 * code; 0 when there is none. */
int command_fail_concern(struct command_op *op);

#endif
