/* command/directory.h - users and roles, as they are stored.
 *
 * Invariant   users are the records of admin.system.users, roles those of admin.system.roles; their
 *             _id is "db.name". Opened by a write at the owner it shows what is logged, else what
 *             is applied.
 * Thread      the op's.
 * Memory      documents are copied into the op's arena.
 * Errors      -LT_EAGAIN (op->fetch_key is set): open and ask again; -LT_ECORRUPT.
 */
#ifndef COMMAND_DIRECTORY_H
#define COMMAND_DIRECTORY_H

#include "command/command.h"
#include "security/privilege.h"

/* A user or a role. */
struct command_name {
    struct slice name;
    struct slice db;
};

struct command_names {
    struct arena *arena;
    struct command_name *all;
    uint32_t count;
    uint32_t cap;
};

enum command_directory_kind { COMMAND_USERS, COMMAND_ROLES };

enum { COMMAND_ROLES_MAX = 10000 }; /* that one user may come to have */

struct command_directory {
    struct command_op *op;
    struct store_view *view;
    struct store_view own; /* `view`, when the writer's is not used */
    struct store_catalog *catalog;
};

void command_directory_open(struct command_op *op, struct command_directory *directory);
void command_directory_close(struct command_directory *directory);

/* 1 and the document, 0 there is none, negative. */
int command_directory_get(struct command_directory *directory, enum command_directory_kind kind,
                          const struct command_name *name, struct slice *ret_doc);
/* Every document to `each`, which says 0 or an error. */
int command_directory_each(struct command_directory *directory, enum command_directory_kind kind,
                           int (*each)(void *context, struct slice doc), void *context);
/* The same of any collection, "db.name"; none when it is not there. */
int command_directory_each_in(struct command_directory *directory, struct slice ns,
                              int (*each)(void *context, struct slice doc), void *context);
/* How many there are: 0 or negative. */
int command_directory_count(struct command_directory *directory, enum command_directory_kind kind,
                            int64_t *ret_count);

/* Add to `roles` all that they inherit, and what all of them allow to `privileges` (may be NULL).
 * Roles that are not there allow nothing. */
int command_directory_expand(struct command_directory *directory, struct command_names *roles,
                             struct security_privileges *privileges);

/* ---- writing, at the owner ---- */

/* Put `doc` in place of `old` (empty: it is new). */
int command_directory_put(struct command_op *op, enum command_directory_kind kind, struct slice old,
                          struct slice doc);
int command_directory_delete(struct command_op *op, enum command_directory_kind kind,
                             struct slice doc);
/* Accounts have changed in the open entry: connections resolve their rights anew. */
void command_directory_changed(struct command_op *op);

/* ---- lists of names ---- */

void command_names_init(struct command_names *names, struct arena *arena);
bool command_names_have(const struct command_names *names, const struct command_name *name);
void command_names_add(struct command_names *names, const struct command_name *name);
void command_names_remove(struct command_names *names, const struct command_name *name);
/* Add the elements of an array: {<key>: name, db: db}, or names alone, of `db`. `field` is what
 * messages call the array. */
struct command_names_spec {
    const char *field;
    const char *key; /* "role" or "user" */
    struct slice db;
};
int command_names_parse(struct command_names *names, const struct command_names_spec *spec,
                        struct slice array, struct err *err);
int command_name_parse(const struct command_names_spec *spec, struct doc_value value,
                       struct command_name *ret_name, struct err *err);
void command_names_build(const struct command_names *names, struct doc_builder *builder,
                         const char *field, const char *key);
/* The names in a stored document's field `roles`. */
void command_names_of(struct command_names *names, struct slice doc);

#endif
