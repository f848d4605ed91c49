/* node/journal_steps.c - what is done with a batch, whoever waits for the disk meanwhile: write it,
 * tell its owner, make room for the next one; and when none comes, note that all is durable, so
 * that later damage is told from an unfinished write. After an error there is no next step. */
#include "node/node_private.h"

enum { STEPS_RESERVE_PARTS = 8 }; /* of a small disk: one of so many is kept free */

/* Writes are refused while there is still room for what was admitted, for the journal's next
 * segments and for what the store flushes; and until there is a quarter more than that. */
int node__journal_look(struct node_journal *journal)
{
    uint64_t room;
    uint64_t total;
    journal->doing = "looking for room";
    int code = store_journal_room(journal->journal, &room, &total);
    if (code < 0) {
        return code;
    }
    bool was_full = atomic_load(journal->is_full);
    uint64_t part = total / STEPS_RESERVE_PARTS;
    uint64_t reserve = journal->reserve_bytes < part ? journal->reserve_bytes : part;
    bool is_full = room < reserve + (was_full ? reserve / 4 : 0);
    if (is_full != was_full) {
        atomic_store(journal->is_full, is_full);
        log_warning(journal->log, "journal", "the disk %s: %llu MB are free",
                    is_full ? "is full, and writes are refused until there is room"
                            : "has room again, and writes go on",
                    (unsigned long long)room >> 20);
    }
    return 0;
}

int node__journal_write(struct node_journal *journal, struct node_batch *batch)
{
    int code = node__journal_look(journal);
    if (code < 0) {
        return code;
    }
    if (batch->count > 0) {
        journal->doing = "writing the journal";
        code = store_journal_write(journal->journal, batch->records, batch->count);
    }
    if (code == 0 && batch->trim_index > 0) {
        journal->doing = "trimming the journal";
        code = store_journal_trim(journal->journal, batch->trim_index, journal->keep_bytes);
        journal->trimmed = batch->trim_index;
        batch->trim_index = 0;
    }
    batch->bytes = store_journal_stats(journal->journal).bytes;
    batch->segments = store_journal_segments_above(journal->journal, journal->trimmed);
    return code;
}

int node__journal_prepare(struct node_journal *journal)
{
    journal->doing = "preparing the journal";
    return store_journal_prepare(journal->journal);
}

int node__journal_mark(struct node_journal *journal)
{
    int code = node__journal_look(journal);
    if (code < 0) {
        return code;
    }
    journal->doing = "marking the journal";
    return store_journal_mark(journal->journal);
}
