/* command/expire.h - documents go when their time is over: those that a TTL index has with a date
 * that lies too far back, and those of clustered collections whose _id is such a date.
 *
 * Invariant   what goes is deleted as by a client, and told to who follows the log; a document
 *             without a date stays.
 * Thread      the op's: the shard's owner.
 * Memory      the op's arena, and a catalog while it runs.
 * Errors      what one collection refuses is logged; the pass goes on with the next.
 */
#ifndef COMMAND_EXPIRE_H
#define COMMAND_EXPIRE_H

#include "command/command.h"

/* Is it time for a pass? Says yes once every ttlMonitorSleepSecs. */
bool command_expire_is_due(struct command_server *server, uint64_t mono_us);

/* Instead of command_start: the op is one pass over all collections. */
void command_expire_start(struct command_op *op);

/* serverStatus.metrics.ttl */
void command_expire_status(const struct command_server *server, struct doc_builder *builder);

#endif
