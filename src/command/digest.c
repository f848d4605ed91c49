/* command/digest.c - read all, then leave it with the entry. */
#include "command/digest.h"

#include <assert.h>

#include "base/mem.h"

enum { DIGEST_ROOM_MIN = 4 };

static size_t digest_bytes(size_t count)
{
    return sizeof(struct command_digest) + count * sizeof(struct command_event);
}

static struct command_digest *digest_new(struct slice payload)
{
    struct command_events events;
    struct command_event event;
    size_t room = DIGEST_ROOM_MIN;
    struct command_digest *digest = mem_alloc(digest_bytes(room));
    *digest = (struct command_digest){0};
    command_events_open(&events, payload);
    while ((digest->code = command_events_next(&events, &event)) > 0) {
        if (digest->count == room) {
            room *= 2;
            digest = mem_grow(digest, digest_bytes(room));
        }
        digest->events[digest->count++] = event;
    }
    digest->gloss.bytes = digest_bytes(digest->count);
    return mem_grow(digest, digest->gloss.bytes);
}

const struct command_digest *command_digest_of(struct store_tail *tail,
                                               struct store_tail_entry *entry)
{
    const struct store_tail_gloss *gloss = store_tail_gloss(entry, SLICE(""));
    if (gloss == NULL) {
        struct slice payload = slice_of(entry->payload, entry->len);
        gloss = store_tail_leave(tail, entry, &digest_new(payload)->gloss);
    }
    assert(gloss != NULL); /* it is the first of all that are left with an entry */
    return (const struct command_digest *)gloss;
}
