/* command/collmod_index.h - what collMod changes of one index.
 *
 * Invariant   an index that is changed stays usable all the time: its entries stay as they are.
 * Thread      the shard's owner.
 * Memory      the op's arena; borrows the command and the collection.
 * Errors      72 InvalidOptions for what does not fit together, 27 IndexNotFound, 14, 2.
 */
#ifndef COMMAND_COLLMOD_INDEX_H
#define COMMAND_COLLMOD_INDEX_H

#include "command/command.h"

struct command_collmod_index {
    const struct store_index *index; /* NULL: none changes */
    bool sets_hidden;
    bool hidden;
    int64_t expire; /* expireAfterSeconds from now on; -1: it stays */
};

/* Read and check the field `index` of a collMod. */
int command_collmod_index(struct command_op *op, const struct store_collection *collection,
                          struct slice wanted, struct command_collmod_index *ret_change);

/* The index's specification from now on. */
struct slice command_collmod_index_spec(struct command_op *op,
                                        const struct command_collmod_index *change);

/* What changes, as the event tells it: {index: {...}}. */
void command_collmod_index_build(const struct command_collmod_index *change,
                                 struct doc_builder *builder);

/* Old and new values into the reply. */
void command_collmod_index_reply(struct command_op *op, const struct command_collmod_index *change);

#endif
