/* command/client.c - what a connection has told us and what we agreed on. */
#include "base/mem.h"
#include "command/command.h"

static const struct {
    const char *name;
    uint8_t id; /* as OP_COMPRESSED numbers them */
} client_compressors[] = {{"snappy", 1}, {"zlib", 2}, {"zstd", 3}};

enum { CLIENT_COMPRESSORS = sizeof client_compressors / sizeof client_compressors[0] };

void command_client_set_metadata(struct command_client *client, struct slice metadata)
{
    mem_free((void *)(uintptr_t)client->metadata.data);
    client->metadata = slice_of(mem_copy(metadata), metadata.len);
}

void command_client_close(struct command_client *client)
{
    mem_free((void *)(uintptr_t)client->metadata.data);
    client->metadata = (struct slice){0};
}

void command_client_offer_compressor(struct command_client *client, struct slice name)
{
    for (int i = 0; i < CLIENT_COMPRESSORS; i++) {
        if (!slice_is(name, client_compressors[i].name)) {
            continue;
        }
        for (uint8_t k = 0; k < client->compressors_count; k++) {
            if (client->compressors[k] == client_compressors[i].id) {
                return;
            }
        }
        client->compressors[client->compressors_count++] = client_compressors[i].id;
    }
}

const char *command_compressor_name(uint8_t id)
{
    for (int i = 0; i < CLIENT_COMPRESSORS; i++) {
        if (client_compressors[i].id == id) {
            return client_compressors[i].name;
        }
    }
    return "noop";
}
