/* command/rights_private.h - the checks that rights.def names.
 *
 * Invariant   a check asks for everything that its command, as it is in `body`, may touch; of a
 *             field given more than once every value counts.
 * Thread      whoever has the op.
 * Memory      the op's arena.
 * Errors      -LT_EUNAUTHORIZED without a text: the caller writes it; -LT_EAGAIN.
 */
#ifndef COMMAND_RIGHTS_PRIVATE_H
#define COMMAND_RIGHTS_PRIVATE_H

#include "command/account.h"

struct rights_ask {
    struct command_op *op;
    const struct command *command; /* what explain explains */
    struct slice body;
    struct slice db;
    const struct security_privileges *privileges;
    const struct command_name *user;
};

/* `action` is the one in the command's row. */
typedef int (*rights_check_cb)(const struct rights_ask *ask, enum security_action action);

/* 0 or -LT_EUNAUTHORIZED. */
int rights__may(const struct rights_ask *ask, const struct security_resource *where,
                enum security_action action);
int rights__may_collection(const struct rights_ask *ask, struct slice db, struct slice collection,
                           enum security_action action);
int rights__may_db(const struct rights_ask *ask, struct slice db, enum security_action action);
int rights__may_cluster(const struct rights_ask *ask, enum security_action action);
/* The collection that the command's first field names; empty when it is no string. */
struct slice rights__collection(const struct rights_ask *ask);
/* Does any field of that name say yes? */
bool rights__says(struct slice doc, const char *name);
bool rights__is_own(const struct rights_ask *ask, const struct command_name *user);

/* Everything a pipeline over db.collection touches. */
int rights__pipeline(const struct rights_ask *ask, struct slice collection, struct slice stages);

/* Ask for the row of `ask->command`. */
int rights__ask(const struct rights_ask *ask);

#define RIGHT(run, check, action)                                                                  \
    int check(const struct rights_ask *ask, enum security_action what);
#include "command/rights.def"

#endif
