/* command/write.h - what insert, update, delete and findAndModify share.
 *
 * Invariant   a write sees the newest catalog and every logged effect; a statement is either done
 *             whole or reported in writeErrors.
 * Thread      the shard's owner.
 * Memory      the op's arena, unless a scratch arena is named.
 * Errors      -LT_EAGAIN: the statement is to be tried again when op->fetch_key is in memory.
 */
#ifndef COMMAND_WRITE_H
#define COMMAND_WRITE_H

#include "command/args.h"
#include "query/context.h"
#include "store/note.h"
#include "store/record.h"

enum {
    COMMAND_BATCH_MAX = 100000,
    COMMAND_SLICE_DOCS = 128,
    COMMAND_FETCH_TRIES = 2,
    COMMAND_ENTRY_BYTES = 4 << 20
};

struct command_retry_result;

/* The results of the statements so far. */
struct command_results {
    int64_t n;
    int64_t n_modified;
    uint32_t errors_count;
    struct buf errors;   /* their documents, one after another */
    struct buf upserted; /* {index, _id} documents, one after another */
};
void command_results_init(struct command_results *results, struct command_op *op);
/* Note op->err as the error of statement `index`, and clear it. */
void command_results_fail(struct command_results *results, struct command_op *op, uint32_t index);
/* Note that statement `index` inserted a document with that _id. */
void command_results_upserted(struct command_results *results, uint32_t index, struct doc_value id);
/* Write `upserted` into the reply when there are any. */
void command_results_build_upserted(const struct command_results *results, struct command_op *op);
/* Write `writeErrors` and `retriedStmtIds` into the reply when there are any. */
void command_results_build(const struct command_results *results, struct command_op *op);

/* The statements of a write command, run in order. */
struct command_statements {
    struct command_docs docs;
    const int32_t *ids; /* numbers of the statements for a session's record; NULL: they follow each
                         * other */
    bool ordered;
    uint32_t index; /* of the statement in hand */
    struct command_results results;
    /* Told of each statement that is over: its error in op->err, or 0, and what it did when it was
     * known already; else NULL. NULL: errors are noted in the results. */
    void (*over)(struct command_op *op, int code, const struct command_retry_result *known);
};
/* Open the documents called `name`: 16 InvalidLength unless there are 1 to 100,000. */
int command_statements_open(struct command_op *op, const char *name,
                            struct command_statements *statements);
/* Step one statement after another, in slices: `step` works on op->state and says 0 done, or
 * its error, which is noted; what command_is_paused by comes back out, as do errors that are the
 * whole command's. What a retryable write did before is taken from its session's record. */
int command_statements_run(struct command_op *op, struct command_statements *statements,
                           int (*step)(struct command_op *op));

/* For who runs the statements in an order of his own. Was the one at `index` done before? Then its
 * results count, and its document is passed over. */
bool command_statements_known(struct command_op *op, struct command_statements *statements,
                              struct command_retry_result *ret_known);
/* The one at `index` is done, and did this. */
void command_statements_note(struct command_op *op, const struct command_statements *statements,
                             const struct command_retry_result *result);

/* Is the op to be stepped again, from where it is? */
static inline bool command_is_paused(int code)
{
    return code == -LT_EYIELD || code == -LT_EAGAIN || code == -LT_EWAIT;
}

/* Is this error the whole command's, not one statement's? */
bool command_write_is_fatal(int code);

/* The number by which a session's record knows the first statement of a command. */
int32_t command_first_statement(const struct command_op *op);
/* A statement that may change many documents cannot be told from its retry: 72. */
int command_check_single(struct command_op *op, bool is_single, const char *option);

/* Has the open log entry grown enough? Then the statement yields, and the entry is proposed. */
static inline bool command_entry_is_full(const struct command_op *op)
{
    return op->txn == NULL && op->writer->effects.len > COMMAND_ENTRY_BYTES;
}

/* The collection in the newest catalog, created when it is missing and `create` is set; *ret is
 * NULL when it is not there. Not writable (views, system names): the error. */
int command_write_collection(struct command_op *op, struct slice ns, bool create,
                             struct store_collection **ret_collection);

/* May a collection of that name be created by a user? 73 with the reason. */
int command_check_new_name(struct command_op *op, struct slice ns);

/* Some clients' disks do not tell names apart by case: 13297 for a new database whose name is
 * another's in that sense. */
int command_check_db_case(struct command_op *op, struct slice db);

/* Put a new, empty collection into the catalog. */
int command_create_collection(struct command_op *op, struct slice ns, struct slice options);

/* Tell who follows the log what becomes of a collection (NULL: of the database). */
void command_note(struct command_op *op, const struct store_collection *collection,
                  enum store_note_type type, struct slice details);

/* Make `doc` ready to be stored: _id first, generated when missing; checks of type, size and
 * depth. */
int command_prepare_document(struct command_op *op, struct slice doc, struct arena *arena,
                             struct slice *ret_doc);

/* Insert a prepared document. Keys are made in `arena`. */
struct command_insertion {
    struct slice ns;
    bool bypass; /* it need not match the collection's validator */
    struct arena *arena;
};
int command_insert_document(struct command_op *op, const struct command_insertion *insertion,
                            struct slice doc);

/* Remember which key op waits for, from the writer's view: returns -LT_EAGAIN. */
int command_wants(struct command_op *op, struct store_view *view, bool backward);

/* What expressions of a command see of time and chance, now; parsed in `arena`. `memory` counts
 * what stages hold: the op's, or that of the cursor that outlives it. */
struct query_context command_context(struct command_op *op, struct arena *arena,
                                     const struct query_memory *memory);
/* Constant values for a command's `let`: expressions without fields. */
int command_let(struct command_op *op, struct query_context *context, struct slice let);

/* The next number of the server's random sequence, and a fresh ObjectId. */
uint64_t command_random(struct command_server *server);
void command_new_oid(struct command_op *op, uint8_t ret_oid[12]);

#endif
