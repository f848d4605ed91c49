/* command/encrypted_fields.h - the option `encryptedFields`, by which drivers with client-side keys
 * describe a collection for Queryable Encryption.
 *
 * Queries over such fields need the server to keep tags of their values beside the documents, which
 * this version does not: a collection of that kind cannot be made.
 *
 * Invariant   a mistake in the description is told first, so that it is found where it is made.
 * Thread      pure.
 * Memory      the op's arena.
 * Errors      MongoDB's codes; 238 NotImplemented when there is no mistake.
 */
#ifndef COMMAND_ENCRYPTED_FIELDS_H
#define COMMAND_ENCRYPTED_FIELDS_H

#include "command/command.h"

struct command_encrypted_owner {
    bool is_capped;
    bool is_other; /* a view, or a time series */
};

/* `description` empty: there is none, which is fine. */
int command_encrypted_fields_check(struct command_op *op, struct slice description,
                                   const struct command_encrypted_owner *owner);

#endif
