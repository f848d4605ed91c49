/* command/account.h - who a connection is logged in as, and what that allows.
 *
 * Invariant   an account is resolved once and never changes; a newer one takes its place when users
 *             or roles have changed (command_server.rights_clock). Connections of one user share
 *             it.
 * Thread      any: it is counted. Which one a client has: whoever has the connection's request.
 * Memory      on the heap, with an arena of its own; gone with its last reference.
 * Errors      -LT_EAGAIN (op->fetch_key is set); -LT_EUSERNOTFOUND.
 */
#ifndef COMMAND_ACCOUNT_H
#define COMMAND_ACCOUNT_H

#include "command/directory.h"

enum { COMMAND_USER_ID = 16, COMMAND_USER_UID = 32 };

struct command_account {
    atomic_uint references;
    struct arena arena;
    struct command_name name;
    uint8_t id[COMMAND_USER_ID]; /* userId: another for a user of the same name made later */
    uint8_t uid[COMMAND_USER_UID];
    struct command_names roles; /* inherited ones too */
    struct security_privileges privileges;
    struct slice *restrictions; /* from where it may be used: all must admit */
    uint32_t restrictions_count;
    uint64_t clock; /* it knows of all that was applied by then */
};

/* The userId of a stored user; false when it has none. */
bool command_user_id(struct slice doc, uint8_t ret_id[COMMAND_USER_ID]);

/* What an lsid has in `uid`. */
void command_user_uid(const struct command_name *name, uint8_t ret_uid[COMMAND_USER_UID]);

/* The accounts that connections have, one a user; some may be forgotten. */
struct command_accounts;
struct command_accounts *command_accounts_new(void);
void command_accounts_free(struct command_accounts *accounts);

/* The user's account, a reference: one that is known and still holds, or resolved from what is
 * applied. One that may not be used from where the client is, is not there. */
int command_account_load(struct command_op *op, const struct command_name *name,
                         struct command_account **ret_account);
void command_account_release(struct command_account *account);

/* Two arrays: the user, {user, db}, and its roles, both empty for nobody (NULL). */
void command_account_build(const struct command_account *account, struct doc_builder *builder,
                           const char *user_field, const char *roles_field);

/* The client's account, resolved again if it must be; NULL in the client when the user is gone. */
int command_account_refresh(struct command_op *op);

#endif
