/* command/accounts_private.h - what the commands on users and on roles share.
 *
 * Invariant   a command is checked whole before it writes.
 * Thread      writes: the shard's owner; the others: as their op.
 * Memory      the op's arena.
 * Errors      MongoDB's codes and words; -LT_EAGAIN.
 */
#ifndef COMMAND_ACCOUNTS_PRIVATE_H
#define COMMAND_ACCOUNTS_PRIVATE_H

#include "command/args.h"
#include "command/directory.h"

enum { ACCOUNTS_INVALIDROLEMODIFICATION = 128 };

/* The name in the command's first field, of the command's database. */
int accounts__name(struct command_op *op, struct command_name *ret_name);

/* The command's field of roles: parsed, and each of them there. `found` false: they may be missing.
 */
int accounts__roles(struct command_directory *directory, struct slice array, bool found,
                    struct command_names *ret_roles);

/* The stored user or role: 11 or 31 when it is not there. */
int accounts__get(struct command_directory *directory, enum command_directory_kind kind,
                  const struct command_name *name, struct slice *ret_doc);

/* A builder of a document in the op's arena. */
struct doc_builder *accounts__begin(struct command_op *op);

/* `doc` with the field `name` replaced by what is in `value` (a document with that field alone). */
struct slice accounts__with(struct command_op *op, struct slice doc, const char *name,
                            struct slice value);

/* authenticationRestrictions, where there are any (or nothing was given). */
void accounts__build_restrictions(struct doc_builder *builder, struct doc_value restrictions);

/* Stored users or roles that were found, in the op's arena. */
struct accounts_docs {
    struct slice *all;
    size_t count;
    size_t cap;
};
void accounts__docs_add(struct command_op *op, struct accounts_docs *docs, struct slice doc);

/* Is the stored user or role of op->db? */
bool accounts__is_here(const struct command_op *op, struct slice doc);

/* Take the documents of op->db out, and the roles among them away from whoever has them; *ret_count
 * how many went. */
int accounts__drop_all(struct command_op *op, enum command_directory_kind kind, int64_t *ret_count);
/* Take that role, or all of its database when its name is empty, from users and roles. */
int accounts__forget_role(struct command_op *op, const struct command_name *role);

#endif
