/* command/retry.h - what a session's newest transaction number did, so that it is done once.
 *
 * Invariant   a result that is noted and flushed is in the log entry that has its statement's
 *             effects, or in one before; statements that are noted never run again.
 * Thread      the shard's owner only.
 * Memory      results are on the heap for as long as the session is known and its number is the
 *             newest: 14 bytes for each run of statements that did alike, and their extras.
 * Errors      -LT_EAGAIN from loading, as store/view.h; -LT_ECORRUPT for a record nobody wrote.
 *
 * Record      version (1) | state (1) | txnNumber, 8 bytes | last use, 8 bytes of ms | runs; a run
 *             is first statement (4) | how many (4) | n (1) | nModified (1) | extra length (4) |
 *             extra. The runs go on in the next part when a part has RETRY_PART_BYTES.
 */
#ifndef COMMAND_RETRY_H
#define COMMAND_RETRY_H

#include "store/writer.h"

enum command_retry_state {
    COMMAND_RETRY_NONE,       /* no number was used yet */
    COMMAND_RETRY_STATEMENTS, /* of a retryable write */
    COMMAND_RETRY_OPEN,       /* a transaction that has not ended */
    COMMAND_RETRY_COMMITTED,
    COMMAND_RETRY_ABORTED,
};

struct command_retry {
    bool loaded; /* what is stored is known here */
    bool stored; /* there is a record */
    enum command_retry_state state;
    int64_t txn_number; /* -1: none */
    struct buf runs;
    size_t last_run;   /* where the newest begins; runs.len: none that may grow */
    size_t part_start; /* where the runs of `part` begin */
    uint32_t part;     /* the one that still grows */
    uint32_t stale;    /* parts of an older number that may be stored, from 1 on */
    bool changed;      /* since the last flush */
};

/* What one statement did. */
struct command_retry_result {
    int32_t n;
    int32_t n_modified;
    struct slice extra; /* a document: {_id} of an upsert, or the reply of findAndModify */
};

void command_retry_init(struct command_retry *retry);
void command_retry_close(struct command_retry *retry);

/* Learn what is stored for the session, unless that is known. */
int command_retry_load(struct command_retry *retry, struct store_view *view, struct slice session);

/* A newer number comes: forget what the last one did. */
void command_retry_begin(struct command_retry *retry, int64_t txn_number,
                         enum command_retry_state state);

/* Was the statement done? *at is where to look first, 0 at the beginning; statements that come in
 * the order in which they were noted are found at once. */
bool command_retry_find(const struct command_retry *retry, int32_t statement, size_t *at,
                        struct command_retry_result *ret_result);
void command_retry_note(struct command_retry *retry, int32_t statement,
                        const struct command_retry_result *result);

/* Put what has changed into the open entry. */
void command_retry_flush(struct command_retry *retry, struct store_writer *writer,
                         struct slice session, int64_t now_ms);
/* Delete what is stored. */
void command_retry_forget(struct command_retry *retry, struct store_writer *writer,
                          struct slice session);

/* What a record says before its runs. */
struct command_retry_head {
    enum command_retry_state state;
    int64_t txn_number;
    int64_t used_ms;
};
int command_retry_read(struct slice record, struct command_retry_head *ret_head);

#endif
