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

#include "command/command.h"
#include "store/record.h"

enum { COMMAND_BATCH_MAX = 100000, COMMAND_SLICE_DOCS = 128 };

/* The results of the statements so far. */
struct command_results {
    int64_t n;
    int64_t n_modified;
    uint32_t errors_count;
    struct buf errors; /* their documents, one after another */
};
void command_results_init(struct command_results *results, struct command_op *op);
/* Note op->err as the error of statement `index`, and clear it. */
void command_results_fail(struct command_results *results, struct command_op *op, uint32_t index);
/* Write `writeErrors` into the reply when there are any. */
void command_results_build(const struct command_results *results, struct command_op *op);

/* Is this error the whole command's, not one statement's? */
bool command_error_is_fatal(int code);

/* 16 InvalidLength unless 1 <= count <= 100,000. */
int command_check_batch(struct command_op *op, uint32_t count);

/* Read and check the write concern; w: 0 and unsatisfiable ones as MongoDB judges them. */
int command_check_write_concern(struct command_op *op);

/* The collection in the newest catalog, created when it is missing and `create` is set; *ret is
 * NULL when it is not there. Not writable (views, system names): the error. */
int command_write_collection(struct command_op *op, struct slice ns, bool create,
                             struct store_collection **ret_collection);

/* Put a new, empty collection into the catalog. `name` is without the database. */
int command_create_collection(struct command_op *op, struct slice name, struct slice options);

/* Make `doc` ready to be stored: _id first, generated when missing; checks of type, size and
 * depth. */
int command_prepare_document(struct command_op *op, struct slice doc, struct arena *arena,
                             struct slice *ret_doc);

/* Remember which key op waits for, from the writer's view: returns -LT_EAGAIN. */
int command_wants(struct command_op *op, const struct store_view *view, bool backward);

/* The next number of the server's random sequence, and a fresh ObjectId. */
uint64_t command_random(struct command_server *server);
void command_new_oid(struct command_op *op, uint8_t ret_oid[12]);

#endif
