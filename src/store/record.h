/* store/record.h - documents and the index entries that go with them.
 *
 * Invariant   a document and its entries change together, in one log entry: all checks come first,
 *             then all puts.
 * Thread      the writing functions: the shard's owner. The others are pure.
 * Memory      keys are made in the caller's arena.
 * Errors      -LT_EWAIT, -LT_EWRITECONFLICT as store/claim.h; -LT_EDUPLICATEKEY as
 *             store/duplicate.h; -171 parallel arrays; -LT_EAGAIN as store/writer.h;
 *             -LT_ECORRUPT for a record that no writer wrote.
 *
 * Value       format byte (1) | hybrid clock, 8 bytes | BSON
 *             format byte (2) | hybrid clock | sequence number, 8 bytes | BSON: of a capped
 *             collection, as store_key_natural has the number
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "store/writer.h"

enum { STORE_RECORD_HEADER = 9, STORE_RECORD_HEADER_CAPPED = 17 };

/* The key of the record with that _id. */
struct slice store_record_key(struct arena *arena, const struct store_collection *collection,
                              struct doc_value id);

/* The document inside a record's value. */
int store_record_doc(struct slice value, struct slice *ret_doc);
/* Its sequence number, when the collection is capped. */
int store_record_sequence(struct slice value, uint64_t *ret_sequence);

/* Give a record's value, whole, another clock. */
void store_record_set_clock(uint8_t *value, uint64_t clock);

/* The index keys of a document, without the record's part: encoded fields only, sorted, distinct.
 * None when the index is sparse or partial and leaves the document out. */
struct store_index_keys {
    struct slice *keys;
    uint32_t count;
    bool multikey; /* an array was expanded */
};
int store_index_keys(struct arena *arena, const struct store_index *index, struct slice doc,
                     struct store_index_keys *ret_keys, struct err *err);

/* The key of the entry that `fields`, one of those keys, has for a record. */
struct slice store_index_entry_key(struct arena *arena, const struct store_index *index,
                                   struct slice fields, struct slice record_key);

/* A document as a writer handles it. The catalog may change with a write (an index becomes
 * multikey): look the collection up again for the next one. */
struct store_write {
    struct store_writer *writer;
    struct store_collection *collection;
    struct arena *arena;
    struct err *err;
    bool replaces; /* an update gives the whole document: who follows the log is told so */
};

/* Insert; the document has an _id. Into a capped collection, where the oldest go in the same
 * entry: -LT_EYIELD when many must go first: some went, so take the entry and call again; 2 when
 * the document is larger than all that the collection may hold. */
int store_insert(const struct store_write *write, struct slice doc);
/* Replace; the _id is the same. */
int store_update(const struct store_write *write, struct slice old_doc, struct slice new_doc);
int store_delete(const struct store_write *write, struct slice doc);

/* Put the entries of an existing document into one index that is being built. */
int store_index_add(const struct store_write *write, const struct store_index *index,
                    struct slice doc);

#endif
