/* store/history.h - log entries read from the journal's files, beside the journal that writes them.
 *
 * Invariant   entries come in the order of the log, or all in the opposite one; none is left out.
 *             Nothing is looked at behind the last entry that the reader knows to be durable: it
 *             may be half written.
 * Thread      one at a time; blocks: for the work pool.
 * Memory      holds one file open; backward also 8 bytes for each entry of that file.
 * Errors      -LT_ECHANGESTREAMHISTORYLOST when the journal does not go back so far;
 *             -LT_ECORRUPT, -LT_EIO.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "base/buf.h"
#include "store/disk.h"
#include "store/tail.h"

struct store_history {
    struct store_disk *disk;
    int file;          /* -1: none */
    struct gcm *gcm;   /* what its records are sealed with; NULL: nothing */
    uint64_t segment;  /* its number */
    uint64_t at;       /* where in it the next record begins */
    uint64_t passed;   /* index of the last entry before */
    uint64_t last;     /* index of the last entry that may be read */
    uint64_t oldest;   /* backward: number of the first segment, */
    struct buf places; /* and where the entries of this one begin that were not read yet */
};

/* Over the journal's files, up to the entry with the index `last`; placed before the first one
 * whose clock is above `clock`. Takes the disk, also on error. */
int store_history_open(struct store_history *history, struct store_disk *disk, uint64_t clock,
                       uint64_t last);
/* The same, placed before the first entry that the journal still has. */
int store_history_open_oldest(struct store_history *history, struct store_disk *disk,
                              uint64_t last);
/* To be read backward: the first entries may be above `clock`, none at or below it is left out. */
int store_history_open_back(struct store_history *history, struct store_disk *disk, uint64_t clock,
                            uint64_t last);
void store_history_close(struct store_history *history);

/* The next entry of effects: 1; 0 all were read. */
int store_history_next(struct store_history *history, struct store_tail_entry **ret_entry);
/* The same of one that was opened to be read backward: the entry before. */
int store_history_previous(struct store_history *history, struct store_tail_entry **ret_entry);

#endif
