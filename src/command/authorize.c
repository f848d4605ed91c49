/* command/authorize.c - the row of a command, asked of the connection's account.
 *
 * Nobody is logged in when a database is new: then, from this machine only, the first user may be
 * made (the localhost exception). The owner asks for it at the write itself, so there is one first.
 */
#include "command/authorize.h"

#include "command/audit.h"
#include "command/handlers.h"
#include "command/redact.h"
#include "command/rights_private.h"
#include "command/server.h"
#include "doc/json.h"
#include "doc/view.h"

static const struct {
    int (*run)(struct command_op *op);
    rights_check_cb check;
    enum security_action action;
} authorize_rows[] = {
#define RIGHT(run, check, action) {run, check, SECURITY_##action},
#include "command/rights.def"
};

enum { AUTHORIZE_TEXT_MAX = 600 };

int rights__ask(const struct rights_ask *ask)
{
    for (size_t i = 0; i < sizeof authorize_rows / sizeof authorize_rows[0]; i++) {
        if (authorize_rows[i].run == ask->command->run) {
            return authorize_rows[i].check(ask, authorize_rows[i].action);
        }
    }
    return -LT_EUNAUTHORIZED;
}

bool command_peer_is_local(const char *peer)
{
    return strncmp(peer, "127.", 4) == 0 || strncmp(peer, "[::1]", 5) == 0;
}

/* Is it the one command that the localhost exception is for, and does it hold? 1, 0, negative. */
static int authorize_first_user(struct command_op *op)
{
    struct command_directory directory;
    int64_t users = 0;
    int64_t roles = 0;
    bool asks = op->command->run == command_create_user && slice_is(op->db, "admin") &&
                command_peer_is_local(op->client->peer) &&
                command_param(&op->server->parameters, COMMAND_PARAM_enableLocalhostAuthBypass);
    if (!asks) {
        return 0;
    }
    command_directory_open(op, &directory);
    int code = command_directory_count(&directory, COMMAND_USERS, &users);
    code = code < 0 ? code : command_directory_count(&directory, COMMAND_ROLES, &roles);
    command_directory_close(&directory);
    return code < 0 ? code : users == 0 && roles == 0;
}

static int authorize_nobody(struct command_op *op)
{
    int code = authorize_first_user(op);
    if (code != 0) {
        return code < 0 ? code : 0;
    }
    command_audit_refused(op);
    return err_set(&op->err, LT_EUNAUTHORIZED, "Command %s requires authentication",
                   op->command->name);
}

static int authorize_refuse(struct command_op *op)
{
    struct buf text;
    buf_init(&text, &op->arena);
    doc_json_write_shell(&text, doc_value_object(command_redact(&op->arena, op->body)));
    int len = text.len < AUTHORIZE_TEXT_MAX ? (int)text.len : AUTHORIZE_TEXT_MAX;
    return err_set(&op->err, LT_EUNAUTHORIZED, "not authorized on %.*s to execute command %.*s",
                   SLICE_FMT(op->db), len, (const char *)text.data);
}

int command_authorize(struct command_op *op)
{
    if ((op->command->flags & COMMAND_NO_AUTH) != 0) {
        return 0;
    }
    int code = command_account_refresh(op);
    const struct command_account *account = op->client->account;
    if (code < 0 || account == NULL) {
        return code < 0 ? code : authorize_nobody(op);
    }
    struct rights_ask ask = {.op = op,
                             .command = op->command,
                             .body = op->body,
                             .db = op->db,
                             .privileges = &account->privileges,
                             .user = &account->name};
    memcpy(op->user_id, account->id, COMMAND_USER_ID);
    code = rights__ask(&ask);
    if (code == -LT_EUNAUTHORIZED) {
        command_audit_refused(op);
        return op->err.code != 0 ? code : authorize_refuse(op);
    }
    return code;
}

bool command_shows(const struct command_op *op, struct slice db, struct slice collection)
{
    return !op->filtered ||
           security_may_see_collection(&op->client->account->privileges, db, collection);
}

bool command_shows_db(const struct command_op *op, struct slice db)
{
    return !op->filtered || security_may_see_db(&op->client->account->privileges, db);
}

bool command_is_user(const struct command_op *op, const uint8_t id[COMMAND_USER_ID])
{
    return memcmp(op->user_id, id, COMMAND_USER_ID) == 0;
}
