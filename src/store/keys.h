/* store/keys.h - which bytes are whose in the one ordered key space.
 *
 * Invariant   the first four bytes of every key are a big-endian id. Id 0 is the system's; every
 *             collection and every index has an id of its own, never used again.
 *               record   collection id | encoded _id          -> format | clock | BSON
 *               index    index id | encoded fields | record's encoded _id -> type bits
 *               unique   index id | encoded fields            -> record's encoded _id
 *               natural  its id | sequence number, 8 bytes    -> record's encoded _id
 *               system   0 | tag | ...                        -> see below
 * Thread      pure.
 * Memory      appends to the caller's buf.
 * Errors      none.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "base/buf.h"

/* The struct store_mark of the last apply. Written by the engines only. */
extern const struct slice store_key_applied;
/* The next free id, 4 bytes big endian. */
extern const struct slice store_key_next_id;
/* The group's newest configuration entry: index, 8 bytes little endian, and payload. */
extern const struct slice store_key_configuration;

/* The hybrid time of the newest entry that was logged for its time alone, 8 bytes. */
extern const struct slice store_key_clock;
/* The read and write concern that commands have which give none: BSON. */
extern const struct slice store_key_defaults;
/* Parameters of the cluster: BSON. */
extern const struct slice store_key_cluster;

void store_key_id(struct buf *buf, uint32_t id);

/* The place of a capped collection's document among all that came. */
void store_key_natural(struct buf *buf, uint32_t id, uint64_t sequence);
/* The sequence number in such a key, which is whole. */
uint64_t store_key_load_sequence(struct slice key);

/* All keys of an id: `bytes` holds them, *ret_from <= key < *ret_to. */
void store_key_range(uint32_t id, uint8_t bytes[8], struct slice *ret_from, struct slice *ret_to);

/* 0 | 'C' | collection id -> its description, BSON. With id 0: the prefix of them all. */
void store_key_catalog(struct buf *buf, uint32_t collection_id);
/* 0 | '#' | collection id -> documents, bytes: two int64; of a capped collection a third, the
 * sequence number given last. */
void store_key_counts(struct buf *buf, uint32_t collection_id);

/* 0 | 'L' | "db.name": nothing is kept there, but the name can be claimed. */
void store_key_name(struct buf *buf, struct slice ns);
/* 0 | 'S' | session | part: what a session did (command/retry.h). */
void store_key_session(struct buf *buf, struct slice session, uint32_t part);

/* Turn a key, in place, into the lowest bytes that are above everything it prefixes. */
void store_key_after(struct buf *buf);

uint32_t store_key_load_id(const uint8_t *data);

#endif
