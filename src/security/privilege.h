/* security/privilege.h - resources, actions, and what a set of privileges allows.
 *
 * Invariant   a set has one privilege for each resource. An empty collection stands for all of a
 *             database but its system collections, an empty database for all but local and config.
 * Thread      pure.
 * Memory      a set and its names live in its arena; names passed in are copied.
 * Errors      -LT_EFAILEDTOPARSE, -LT_EBADVALUE for documents that are no privilege.
 */
#ifndef SECURITY_PRIVILEGE_H
#define SECURITY_PRIVILEGE_H

#include "base/err.h"
#include "doc/build.h"

enum security_action {
#define ACTION(name) SECURITY_##name,
#include "security/actions.def"
    SECURITY_ACTIONS_COUNT,
};

enum { SECURITY_ACTION_WORDS = (SECURITY_ACTIONS_COUNT + 63) / 64 };

struct security_actions {
    uint64_t bits[SECURITY_ACTION_WORDS];
};

enum security_resource_kind {
    SECURITY_CLUSTER, /* the server as a whole */
    SECURITY_PLACE,   /* collections, by the names below */
    SECURITY_ANY,     /* all there is */
};

struct security_resource {
    enum security_resource_kind kind;
    struct slice db;
    struct slice collection;
};

struct security_privilege {
    struct security_resource resource;
    struct security_actions actions;
};

struct security_privileges {
    struct arena *arena;
    struct security_privilege *all;
    uint32_t count;
    uint32_t cap;
};

/* ---- actions ---- */

const char *security_action_name(enum security_action action);
/* -1: there is none of that name. */
int security_action_find(struct slice name);
void security_actions_add(struct security_actions *actions, enum security_action action);
/* The actions named in `words`, with spaces between; all of them are known. */
struct security_actions security_actions_of(const char *words);

static inline bool security_actions_have(const struct security_actions *actions,
                                         enum security_action action)
{
    return (actions->bits[action / 64] >> (action % 64) & 1) != 0;
}

/* ---- resources ---- */

static inline struct security_resource security_place(struct slice db, struct slice collection)
{
    return (struct security_resource){SECURITY_PLACE, db, collection};
}

static inline struct security_resource security_cluster(void)
{
    return (struct security_resource){.kind = SECURITY_CLUSTER};
}

/* ---- sets ---- */

void security_privileges_init(struct security_privileges *privileges, struct arena *arena);
void security_privileges_add(struct security_privileges *privileges,
                             const struct security_resource *resource,
                             const struct security_actions *actions);
/* Take actions away from the privilege for exactly that resource; one without any goes. */
void security_privileges_remove(struct security_privileges *privileges,
                                const struct security_resource *resource,
                                const struct security_actions *actions);

/* May who has them do that there? A place without a collection is its database as a whole. */
bool security_may(const struct security_privileges *privileges,
                  const struct security_resource *where, enum security_action action);
/* Is there any action that they allow on that collection, or that database and some part of it? */
bool security_may_see_collection(const struct security_privileges *privileges, struct slice db,
                                 struct slice collection);
bool security_may_see_db(const struct security_privileges *privileges, struct slice db);

/* ---- as documents ---- */

/* {resource: {db, collection} | {cluster: true} | {anyResource: true}, actions: ["find"]}; names
 * borrow the document. */
int security_privilege_parse(struct slice doc, struct security_privilege *ret_privilege,
                             struct err *err);
/* Every element of an array of such documents, added. */
int security_privileges_parse(struct security_privileges *privileges, struct slice array,
                              struct err *err);
void security_privileges_build(const struct security_privileges *privileges,
                               struct doc_builder *builder, const char *name);

/* ---- built-in roles ---- */

/* Is there a built-in role of that name for that database? */
bool security_role_is_builtin(struct slice name, struct slice db);
/* Add what it allows, what it inherits included. */
void security_role_privileges(struct slice name, struct slice db,
                              struct security_privileges *privileges);
/* Name `index` among those a database has, NULL past the end. */
const char *security_role_each(struct slice db, size_t index);

#endif
