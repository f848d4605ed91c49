/* command/api.h - the stable API: apiVersion, apiStrict, apiDeprecationErrors.
 *
 * Invariant   there is one version, "1"; which commands are in it says commands.def, and what of
 *             them is not, the tables in api.c. Nothing in it is deprecated.
 * Thread      pure.
 * Memory      nothing.
 * Errors      322 for another version, 323 for what is outside of it, 347 for a getMore or a
 *             statement with other parameters than its cursor or transaction was begun with.
 */
#ifndef COMMAND_API_H
#define COMMAND_API_H

#include "command/command.h"

/* Check what the command says of its API. */
int command_check_api(struct command_op *op);

/* Are a pipeline, and an index's specification, within version 1? 323. */
int command_api_check_pipeline(struct command_op *op, struct doc_value pipeline);
int command_api_check_index(struct command_op *op, struct slice spec);

/* What `body` says of its API, in a number that is the same for the same. */
unsigned command_api_of(struct slice body);

/* Does the command say what the one said that it goes on with? `what` is its cursor's or
 * transaction's. */
int command_check_same_api(struct command_op *op, unsigned api, const char *what);

#endif
