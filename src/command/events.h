/* command/events.h - a log entry read as events, in the order of its notes.
 *
 * Invariant   an event's place is the entry's clock and its number in the entry: no two events of
 *             the log have the same.
 * Thread      a value.
 * Memory      borrows the entry's payload.
 * Errors      -LT_ECORRUPT for bytes that no writer wrote.
 */
#ifndef COMMAND_EVENTS_H
#define COMMAND_EVENTS_H

#include "store/note.h"

struct command_event {
    enum store_note_type type;
    uint32_t number; /* in its entry */
    uint64_t clock;
    int64_t wall_ms;
    struct slice ns;   /* "db.name"; of a database: "db" */
    struct slice uuid; /* 16 bytes, or empty */
    struct slice details;
    struct slice before;
    struct slice doc; /* as it is after an insert, update or replacement */
    struct slice txn; /* {lsid, txnNumber}, or empty */
};

struct command_events {
    struct slice payload;
    size_t at;
    uint32_t count; /* of events so far */
    uint64_t clock;
    int64_t wall_ms;
    struct slice txn;
    uint32_t name_id;  /* the collection last looked for, */
    struct slice name; /* and what it is called */
};

void command_events_open(struct command_events *events, struct slice payload);

/* What a collection is renamed to: "db.name". */
struct slice command_event_target(const struct command_event *event);

/* 1 an event, 0 the end. */
int command_events_next(struct command_events *events, struct command_event *ret_event);

#endif
