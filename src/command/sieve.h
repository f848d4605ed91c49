/* command/sieve.h - which events of an entry the first $match of a stream cannot let through.
 *
 * Each event has a mark, a hash of what it has at the path that the filter compares with a
 * constant. The marks of an entry are made once; every stream that compares the same path looks for
 * its own constant's among them.
 *
 * Invariant   what the sieve holds back, the $match would. What it lets through may be anything.
 * Thread      marks: any. A sieve is its stream's.
 * Memory      a sieve borrows the parsed filter. Marks are the entry's, among what the tail counts.
 * Errors      none: where there can be no marks, everything passes.
 */
#ifndef COMMAND_SIEVE_H
#define COMMAND_SIEVE_H

#include "command/digest.h"
#include "query/match.h"

struct command_sieve {
    bool is_open;                    /* nothing is held back: every event may fail the stream */
    bool with_updates;               /* an update's fullDocument is not what the log says */
    const struct query_match *equal; /* NULL: nothing is held back */
    uint32_t mark;                   /* of its constant */
};

/* Hold back what `filter` (may be NULL) cannot let through, when that can be known. */
void command_sieve_set(struct command_sieve *sieve, const struct query_match *filter);

/* The marks of an entry's events; NULL: let all pass. */
const uint32_t *command_sieve_marks(const struct command_sieve *sieve, struct store_tail *tail,
                                    struct store_tail_entry *entry);

/* The number of the first event from `at` on that passes; digest->count: none. */
uint32_t command_sieve_next(const struct command_sieve *sieve, const uint32_t *marks,
                            const struct command_digest *digest, uint32_t at);

#endif
