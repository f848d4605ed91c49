/* command/oplog.h - the log as the collection local.oplog.rs shows it: a document for each event,
 * one for each transaction.
 *
 * Invariant   documents come in the order of their `ts`, or all in the opposite one. No two have
 *             the same: an event's is the clock of its entry and its number in it. Forward it goes
 *             on when there are new entries; backward it begins with the newest there were.
 * Thread      the reader's; command_oplog_fetch: the work pool, while the reader waits for it.
 * Memory      holds one entry, on the heap; documents are in the arena that is given.
 * Errors      -LT_EAGAIN command_oplog_fetch must be called first; 136 CappedPositionLost.
 */
#ifndef COMMAND_OPLOG_H
#define COMMAND_OPLOG_H

#include "command/events.h"
#include "query/match.h"

struct command_oplog;
struct command_server;

/* What the documents of an entry have in common. */
struct command_oplog_entry {
    uint64_t clock;
    uint64_t term;
};

/* Events that are one document. */
struct command_oplog_part {
    uint32_t first;  /* its number */
    uint32_t count;  /* 0: a no-op, the entry has no events */
    bool went_on;    /* its transaction did, from the part before, */
    bool goes_on;    /* it does, in the next part */
    uint32_t of_all; /* events of the transaction so far */
};

/* The `ts` of a document: the time of its last event. */
static inline uint64_t command_oplog_part_time(const struct command_oplog_entry *entry,
                                               const struct command_oplog_part *part)
{
    return entry->clock + part->first + (part->count > 0 ? part->count - 1 : 0);
}

/* Documents from where `match` lets the first `ts` be, as far as it lets them go. */
struct command_oplog *command_oplog_new(struct command_server *server,
                                        const struct query_match *match, bool backward);
void command_oplog_free(struct command_oplog *oplog);

/* The next document, which may not match: 1; 0 there is none yet. */
int command_oplog_next(struct command_oplog *oplog, struct arena *arena, struct slice *ret_doc,
                       struct err *err);

/* Read on in the journal's files. Blocks. */
void command_oplog_fetch(struct command_oplog *oplog);

/* The hybrid time to wait for before there can be more. */
uint64_t command_oplog_awaits(const struct command_oplog *oplog);

/* The document of a part of an entry's events. */
struct slice command_oplog_build(struct arena *arena, const struct command_oplog_entry *entry,
                                 const struct command_event *events,
                                 const struct command_oplog_part *part);

/* {d: {...}, u: {...}, s<field>: {...}} of an updateDescription: what MongoDB's oplog has in
 * {$v: 2, diff: ...}. */
struct slice command_oplog_diff(struct arena *arena, struct slice description);

#endif
