/* store/history.h - log entries read from the journal's files, beside the journal that writes them.
 *
 * Invariant   entries come in the order of the log, none is left out. Nothing is looked at behind
 *             the last entry that the reader knows to be durable: it may be half written.
 * Thread      one at a time; blocks: for the work pool.
 * Memory      holds one file open.
 * Errors      -LT_ECHANGESTREAMHISTORYLOST when the journal does not go back so far;
 *             -LT_ECORRUPT, -LT_EIO.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/disk.h"
#include "store/tail.h"

struct store_history {
    struct store_disk *disk;
    int file;         /* -1: none */
    uint64_t segment; /* its number */
    uint64_t at;      /* where in it the next record begins */
    uint64_t passed;  /* index of the last entry before */
    uint64_t last;    /* index of the last entry that may be read */
};

/* Over the journal's files, up to the entry with the index `last`; placed before the first one
 * whose clock is above `clock`. Takes the disk, also on error. */
int store_history_open(struct store_history *history, struct store_disk *disk, uint64_t clock,
                       uint64_t last);
void store_history_close(struct store_history *history);

/* The next entry of effects: 1; 0 all were read. */
int store_history_next(struct store_history *history, struct store_tail_entry **ret_entry);

#endif
