/* command/apply_ops.h - the entries of an oplog, read and made ready to be applied.
 *
 * Invariant   entries are in order; those of a transaction (applyOps in an entry) follow one
 *             another in its place.
 * Thread      the shard's owner.
 * Memory      the op's arena; documents borrow the command.
 * Errors      MongoDB's codes; nothing is written when one of them is malformed.
 */
#ifndef COMMAND_APPLY_OPS_H
#define COMMAND_APPLY_OPS_H

#include "command/command.h"

enum command_entry_kind {
    COMMAND_ENTRY_INSERT,
    COMMAND_ENTRY_UPDATE,
    COMMAND_ENTRY_DELETE,
    COMMAND_ENTRY_COMMAND,
    COMMAND_ENTRY_NOTHING,
};

struct command_entry {
    enum command_entry_kind kind;
    struct slice ns;
    struct slice o;                /* the document, the change, or the command's body */
    struct slice which;            /* {_id: ...} of the document that is meant */
    bool upsert;                   /* of an update */
    const struct command *command; /* COMMAND */
};

struct command_entries {
    struct command_entry *all;
    size_t count;
    size_t cap;
    bool in_admin; /* accounts may be written */
};

/* Read the array that the command's first field is. */
int command_entries_read(struct command_op *op, struct command_entries *entries);

#endif
