/* command/cached.h - results of aggregations that are kept until what they were made of changes.
 *
 * Invariant   a result that is found is what the pipeline would give now: its name says of which
 *             versions of its collections it was made, and what depends on anything else (the time,
 *             chance, the server's state) is not kept.
 * Thread      the op's.
 * Memory      the op's arena; results are the cache's.
 * Errors      none.
 */
#ifndef COMMAND_CACHED_H
#define COMMAND_CACHED_H

#include "command/command.h"
#include "store/catalog.h"

struct command_cached;

/* An aggregate over `collection` (NULL: none) that begins now; `asked`: by the command itself.
 * NULL: its result is not to be kept. */
struct command_cached *command_cached_begin(struct command_op *op,
                                            const struct store_collection *collection,
                                            struct slice pipeline, bool asked);

/* Is it there? Then it is in the reply. */
bool command_cached_find(struct command_op *op, const struct command_cached *cached);

/* The reply has the whole result: keep it, if nothing has changed meanwhile. */
void command_cached_keep(struct command_op *op, const struct command_cached *cached);

#endif
