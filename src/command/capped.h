/* command/capped.h - how capped collections are described, and what may not be done to them.
 *
 * Invariant   sizes are multiples of 256.
 * Thread      pure, but for what takes an op: its thread.
 * Memory      the caller's.
 * Errors      2 BadValue, 263 OperationNotSupportedInTransaction.
 */
#ifndef COMMAND_CAPPED_H
#define COMMAND_CAPPED_H

#include "doc/build.h"
#include "store/catalog.h"

struct command_op;

/* Is it a size in bytes, or a number of documents, that a client may give? */
int command_capped_check_size(struct command_op *op, const char *field, int64_t size);
int command_capped_check_max(struct command_op *op, int64_t max);

/* The size that a collection gets: a multiple of 256. */
int64_t command_capped_size(int64_t size);

/* The same when it is changed: 4096 at least. */
int64_t command_capped_resize(int64_t size);

/* {capped: true, size: ..., max: ...}, as listCollections shows it; `max` 0 is none. */
void command_capped_build(struct doc_builder *builder, int64_t size, int64_t max);

/* The options of a collection that is capped in this way, and else as `options` says. A clustered
 * collection's order is another. */
struct slice command_capped_options(struct arena *arena, struct slice options, int64_t size,
                                    int64_t max);

/* In transactions they are not written to. */
int command_capped_refuse(struct command_op *op, const struct store_collection *collection);

#endif
