/* command/client.c - what a connection has told us. */
#include "base/mem.h"
#include "command/account.h"
#include "command/current_ops.h"
#include "command/login.h"

void command_client_set_metadata(struct command_client *client, struct slice metadata)
{
    mem_free((void *)(uintptr_t)client->metadata.data);
    client->metadata = slice_of(mem_copy(metadata), metadata.len);
}

void command_client_close(struct command_client *client)
{
    command_current_leave(client);
    mem_free((void *)(uintptr_t)client->metadata.data);
    client->metadata = (struct slice){0};
    command_login_free(client->login);
    command_account_release(client->account);
    client->login = NULL;
    client->account = NULL;
}
