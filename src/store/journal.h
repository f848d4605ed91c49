/* store/journal.h - the database's one log on disk.
 *
 * Invariant   records are chained: each carries the checksum of the one before. A batch is written
 *             and synced before the next one starts, and says up to which index everything before
 *             it is durable; so damage to what was acknowledged can be told from a torn tail.
 * Thread      one at a time (the journal's own thread once the node runs).
 * Memory      payloads are borrowed during a call.
 * Errors      -LT_ECORRUPT damage in what was acknowledged: file, offset and advice in err;
 *             -LT_EIO, -LT_EOUTOFDISKSPACE from the disk. After any error of store_journal_write
 *             the journal may not be written again.
 *
 * Segment     16 bytes name %016llx.log; a 64-byte head, then records, 8-byte aligned.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/disk.h"

enum store_journal_type {
    STORE_JOURNAL_COMMAND = 1, /* as enum raft_entry_type */
    STORE_JOURNAL_BARRIER = 2,
    STORE_JOURNAL_CHANGE = 3,
    STORE_JOURNAL_VOTE = 16, /* index: voted for; term */
    STORE_JOURNAL_MARK = 17, /* everything up to index is durable */
};

struct store_journal_record {
    uint32_t group;
    uint8_t type; /* enum store_journal_type */
    uint64_t index;
    uint64_t term;
    struct slice payload;
};

struct store_journal;

struct store_journal_options {
    uint64_t segment_bytes;
    uint64_t durable; /* an index that is known to have been acknowledged (the store has it) */
    /* Called for every record, oldest first; a negative return stops the open. */
    int (*on_record)(void *context, const struct store_journal_record *record);
    void *context;
};

/* Read what is there, cut a torn tail, and be ready to write. Takes the disk, on success only. */
int store_journal_open(struct store_disk *disk, const struct store_journal_options *options,
                       struct store_journal **ret_journal, struct err *err);
void store_journal_close(struct store_journal *journal);

/* Write one batch and make it durable. */
int store_journal_write(struct store_journal *journal, const struct store_journal_record *records,
                        size_t count);

/* Write zeroes a little ahead of the end, and sync them: a sync of blocks that were written before
 * has no metadata to write too, and takes half the time. For when nothing waits. */
int store_journal_prepare(struct store_journal *journal);

/* Write, without syncing, that everything written so far is durable. */
int store_journal_mark(struct store_journal *journal);

/* Drop the oldest segments that hold nothing above `index`, while more than `keep` bytes are left
 * for who reads the log. */
int store_journal_trim(struct store_journal *journal, uint64_t index, uint64_t keep);
/* How many segments hold something above `index`. */
uint64_t store_journal_segments_above(const struct store_journal *journal, uint64_t index);

/* What its disk has room for, as store_disk_ops.room. Any thread. */
int store_journal_room(struct store_journal *journal, uint64_t *ret_free, uint64_t *ret_total);

/* Bytes and segments on disk, and syncs since open. */
struct store_journal_stats {
    uint64_t bytes;
    uint64_t segments;
    uint64_t syncs;
    uint64_t records;
};
struct store_journal_stats store_journal_stats(const struct store_journal *journal);

#endif
