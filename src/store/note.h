/* store/note.h - what a log entry says of its effects, for who follows the log.
 *
 * Invariant   a note about a record stands right before the effect on the record itself, which has
 *             the document. A collection is named in an entry before the first note about it.
 * Thread      the writing ones: the shard's owner. Reading is pure.
 * Memory      appends to the writer's open entry; what is read borrows the payload.
 * Errors      -LT_ECORRUPT for bytes that no writer wrote.
 *
 * A note is an effect of the kind STORE_EFFECT_NOTE: its key is the collection's id, 4 bytes, its
 * value `type (1) | length of details (4) | details | the document as it was before, or nothing`.
 */
#ifndef STORE_NOTE_H
#define STORE_NOTE_H

#include "store/effect.h"
#include "store/writer.h"

enum store_note_type {
    STORE_NOTE_NAME = 1, /* details: uuid, 16 bytes, and "db.name" */
    STORE_NOTE_TIME,     /* details: the wall clock, 8 bytes of ms; once an entry, before events */
    STORE_NOTE_TXN,      /* from here on: details {lsid, txnNumber} */
    STORE_NOTE_TXN_END,
    STORE_NOTE_INSERT, /* from here on: events, each with a time of its own */
    STORE_NOTE_UPDATE, /* details: as doc/diff.h */
    STORE_NOTE_REPLACE,
    STORE_NOTE_DELETE, /* details: {_id} */
    STORE_NOTE_CREATE, /* details of these: the operationDescription */
    STORE_NOTE_DROP,
    STORE_NOTE_RENAME,        /* {to: "db.name", dropTarget: uuid} */
    STORE_NOTE_DROP_DATABASE, /* {db: "name"} */
    STORE_NOTE_CREATE_INDEXES,
    STORE_NOTE_DROP_INDEXES,
    STORE_NOTE_MODIFY,
    STORE_NOTE_TYPES,
};

struct store_note {
    enum store_note_type type;
    uint32_t id; /* of the collection; 0: of none */
    struct slice details;
    struct slice before;
};

/* About `collection` (NULL: none), which is named first where that is needed. */
void store_note_put(struct store_writer *writer, const struct store_collection *collection,
                    const struct store_note *note);

/* The same note in another entry, which has a time of its own. */
void store_note_copy(struct store_writer *writer, const struct store_effect *effect);

/* Read a note's effect. */
int store_note_read(const struct store_effect *effect, struct store_note *ret_note);

#endif
