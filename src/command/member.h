/* command/member.h - what this server is in its set, as clients see it: primary, or for a while
 * not.
 *
 * Invariant   a set of one member has no other primary: one that was made to step down is a
 *             secondary for as long as it was told, and then primary again, in a new term. Each
 *             change raises the topology's counter and wakes who waits for that.
 * Thread      any.
 * Memory      nothing.
 * Errors      10107 and 13435 for commands a secondary does not take, 11602 for writes that were
 *             under way; 91 and 11600 likewise when the server stops.
 *
 *   primary --step down--> secondary --its time is over--> primary        either --stop--> stopping
 */
#ifndef COMMAND_MEMBER_H
#define COMMAND_MEMBER_H

#include "command/command.h"
#include "command/server.h"

static inline bool command_member_is_primary(struct command_server *server)
{
    return (atomic_load(&server->attention) & COMMAND_ATTENDS_SECONDARY) == 0;
}

static inline bool command_member_is_stopping(struct command_server *server)
{
    return (atomic_load(&server->attention) & COMMAND_ATTENDS_STOP) != 0;
}

/* No primary until then, by the monotonic clock; also of one that is none already. */
void command_member_step_down(struct command_server *server, uint64_t until_us);

/* The server stops, at the latest then. */
void command_member_stop(struct command_server *server, uint64_t until_us);

/* Have it elected again, when it is time; often. */
void command_member_tick(struct command_server *server, uint64_t mono_us);
/* It is: there is a new term. */
void command_member_elected(struct command_server *server);

/* May the command begin? */
int command_member_admits(struct command_op *op);

/* May it go on after a rest? */
int command_member_keeps(struct command_op *op);

#endif
