/* command/collation.h - how strings compare for a command.
 *
 * Invariant   what a command says itself, else what its collection was created with, else by bytes.
 * Thread      the op's.
 * Memory      the arena that is named, or that of the context.
 * Errors      as doc/collation.h; 167 where a view has another one.
 * Source      decision 0027.
 */
#ifndef COMMAND_COLLATION_H
#define COMMAND_COLLATION_H

#include "command/command.h"
#include "query/context.h"

/* Into context->collation, before anything is parsed with the context. `given`: empty when the
 * command says none. `collection` may be NULL, or a view. */
int command_collation(struct command_op *op, struct slice given,
                      const struct store_collection *collection, struct query_context *context);

/* What there is to say about a collation that is not used yet. */
int command_collation_check(struct command_op *op, struct slice given);

/* The complete document, in the op's arena, as collections and indexes keep it; empty for
 * {locale: "simple"}, and when none is given. */
int command_collation_complete(struct command_op *op, struct slice given,
                               struct slice *ret_complete);

/* A view is read by its own collation, whatever is read beside it or on top of it: 167 where that
 * is another. A time series is read as collections are. */
int command_collation_check_view(const struct store_collection *view,
                                 const struct doc_collation *collation, struct err *err);

#endif
