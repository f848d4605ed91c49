/* command/account.c - a user's document, and what its roles come to. */
#include "command/account.h"

#include "base/mem.h"
#include "command/server.h"
#include "doc/view.h"

void command_account_free(struct command_account *account)
{
    if (account != NULL) {
        arena_close(&account->arena);
        mem_free(account);
    }
}

static void account_read_id(struct command_account *account, struct slice doc)
{
    struct doc_value id = doc_get_str(doc, "userId");
    if (id.type == DOC_BINARY && doc_value_get_binary(id).len == COMMAND_USER_ID) {
        memcpy(account->id, doc_value_get_binary(id).data, COMMAND_USER_ID);
    }
}

static int account_fill(struct command_directory *directory, struct command_account *account)
{
    struct slice doc;
    int code = command_directory_get(directory, COMMAND_USERS, &account->name, &doc);
    if (code <= 0) {
        return code < 0 ? code
                        : err_set(&directory->op->err, LT_EUSERNOTFOUND, "User %.*s@%.*s not found",
                                  SLICE_FMT(account->name.name), SLICE_FMT(account->name.db));
    }
    account_read_id(account, doc);
    command_names_of(&account->roles, doc);
    return command_directory_expand(directory, &account->roles, &account->privileges);
}

int command_account_load(struct command_op *op, const struct command_name *name,
                         struct command_account **ret_account)
{
    struct command_account *account = mem_zero(1, sizeof *account);
    struct command_directory directory;
    struct store_writer *writer = op->writer;
    arena_init(&account->arena);
    account->name = (struct command_name){arena_copy(&account->arena, name->name),
                                          arena_copy(&account->arena, name->db)};
    account->clock = atomic_load(&op->server->applied_clock);
    command_names_init(&account->roles, &account->arena);
    security_privileges_init(&account->privileges, &account->arena);
    op->writer = NULL; /* what is only logged may not count yet */
    command_directory_open(op, &directory);
    int code = account_fill(&directory, account);
    command_directory_close(&directory);
    op->writer = writer;
    if (code < 0) {
        command_account_free(account);
        return code;
    }
    *ret_account = account;
    return 0;
}

int command_account_refresh(struct command_op *op)
{
    struct command_client *client = op->client;
    struct command_account *newer = NULL;
    struct command_account *account = client->account;
    if (account == NULL || account->clock >= atomic_load(&op->server->rights_clock)) {
        return 0;
    }
    int code = command_account_load(op, &account->name, &newer);
    bool gone = code == -LT_EUSERNOTFOUND ||
                (code == 0 && memcmp(newer->id, account->id, COMMAND_USER_ID) != 0);
    if (code < 0 && !gone) {
        return code;
    }
    if (gone) {
        command_account_free(newer);
        newer = NULL;
    }
    command_account_free(account);
    client->account = newer;
    op->err.code = 0;
    return 0;
}
