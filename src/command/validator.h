/* command/validator.h - which documents a collection takes.
 *
 * Invariant   with the level "strict" every document that a write leaves matches the validator;
 *             with "moderate" one that did not match before may go on so. The action "warn" tells
 *             the log and lets it pass; "errorAndLog" tells it too, and refuses.
 * Thread      the shard's owner.
 * Memory      errors' details are in the op's arena.
 * Errors      121 DocumentValidationFailure with errInfo {failingDocumentId, details}.
 */
#ifndef COMMAND_VALIDATOR_H
#define COMMAND_VALIDATOR_H

#include "command/command.h"

/* The options validator, validationLevel and validationAction as create and collMod take them. */
struct command_validator_args {
    struct slice validator; /* len 0: not given */
    struct slice level;
    struct slice action;
};

/* Are they such as a collection of that name may have? */
int command_validator_check(struct command_op *op, struct slice ns,
                            const struct command_validator_args *args);

/* Into a collection's options; a validator has a level and an action, an empty one is none. */
void command_validator_build(struct doc_builder *builder,
                             const struct command_validator_args *args);

/* May the collection have `doc`, in the place of `old` (empty: of nothing)? */
int command_validate(struct command_op *op, const struct store_collection *collection,
                     struct slice old, struct slice doc);

#endif
