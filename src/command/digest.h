/* command/digest.h - an entry's events, read once for all streams that follow.
 *
 * Invariant   the events are those of command_events_next, in its order.
 * Thread      any; who reads an entry first makes its digest, the others find it.
 * Memory      the entry's, among what the tail counts; events borrow the entry's payload.
 * Errors      `code`: what stopped the reading behind the last event; 0: the end.
 */
#ifndef COMMAND_DIGEST_H
#define COMMAND_DIGEST_H

#include "command/events.h"
#include "store/tail.h"

struct command_digest {
    struct store_tail_gloss gloss;
    int code;
    uint32_t count;
    struct command_event events[];
};

/* It lives as long as the entry, which the caller holds. */
const struct command_digest *command_digest_of(struct store_tail *tail,
                                               struct store_tail_entry *entry);

#endif
