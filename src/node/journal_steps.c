/* node/journal_steps.c - what is done with a batch, whoever waits for the disk meanwhile: write it,
 * tell its owner, make room for the next one; and when none comes, note that all is durable, so
 * that later damage is told from an unfinished write. After an error there is no next step. */
#include "node/node_private.h"

int node__journal_write(struct node_journal *journal, struct node_batch *batch)
{
    int code = 0;
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
    journal->doing = "marking the journal";
    return store_journal_mark(journal->journal);
}
