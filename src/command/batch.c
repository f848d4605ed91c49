/* command/batch.c - results of a cursor, as many as one reply takes. */
#include "command/cursor_private.h"

#include "command/snapshot.h"
#include "command/stages.h"
#include "command/stream.h"
#include "command/txn.h"
#include "command/write.h"
#include "doc/validate.h"
#include "doc/view.h"

enum { BATCH_BYTES = DOC_SIZE_MAX };

/* The next result, from the stash first; -LT_EWAIT where there is none yet. */
static int cursor_next(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    if (cursor->stash.len > 0) {
        *ret_doc = cursor->stash;
        cursor->stash = (struct slice){0};
        return 1;
    }
    int code = cursor->next(cursor, ret_doc, err);
    return code == 0 && command_read_goes_on(&cursor->read, cursor->tailable) ? -LT_EWAIT : code;
}

static void cursor_stash(struct command_cursor *cursor, struct slice doc)
{
    cursor->stash_buf.len = 0;
    buf_append_slice(&cursor->stash_buf, doc);
    cursor->stash = buf_slice(&cursor->stash_buf);
}

/* An event goes into the batch: a client that has it resumes behind it, by its _id. */
static int batch_note_event(struct command_op *op, struct command_batch *batch, struct slice event)
{
    struct doc_value id = doc_get_str(event, "_id");
    struct err ignored;
    int code = id.type == DOC_OBJECT
                   ? command_place_read(doc_value_get_doc(id), &batch->resume, &ignored)
                   : -LT_EINVALIDRESUMETOKEN;
    if (code < 0 || !command_stream_gave(batch->cursor->stream, &batch->resume)) {
        return err_set(&op->err, LT_ECHANGESTREAMFATALERROR,
                       "Encountered an event whose _id field, which contains the resume token, was "
                       "modified by the pipeline. Modifying the _id field of an event makes it "
                       "impossible to resume the stream from that point. Only transformations that "
                       "retain the unmodified _id field are allowed.");
    }
    return 0;
}

/* The hybrid time before which there is nothing more. */
static uint64_t cursor_awaits(const struct command_cursor *cursor)
{
    return cursor->stream != NULL ? command_stream_awaits(cursor->stream)
                                  : command_read_awaits(&cursor->read);
}

/* There is nothing to tell now: wait for it a while, or answer that. */
static int batch_await(struct command_op *op, struct command_batch *batch)
{
    if (batch->count > 0 || batch->await_us <= op->mono_us) {
        op->wake_us = 0;
        op->wake_clock = 0;
        return 1;
    }
    op->wake_us = batch->await_us;
    op->wake_clock = cursor_awaits(batch->cursor);
    return -LT_EYIELD;
}

/* 1 the batch is full, 0 the results are at an end, negative. */
static int batch_run(struct command_op *op, struct command_batch *batch)
{
    struct command_cursor *cursor = batch->cursor;
    struct slice doc;
    while (batch->size < 0 || batch->count < batch->size) {
        int code = cursor_next(cursor, &doc, &op->err);
        if (code <= 0) {
            return code;
        }
        if (batch->count > 0 && doc_build_size(&op->builder) + doc.len > BATCH_BYTES) {
            cursor_stash(cursor, doc);
            return 1;
        }
        code = cursor->stream == NULL ? 0 : batch_note_event(op, batch, doc);
        if (code < 0) {
            return code;
        }
        doc_build_doc(&op->builder, "", doc);
        batch->count++;
        cursor->returned++;
    }
    return 1;
}

void command_batch_release(struct command_op *op)
{
    struct command_batch *batch = op->state;
    if (batch != NULL && batch->cursor != NULL) {
        cursor__give_up(op, batch->cursor);
        batch->cursor = NULL;
    }
}

struct command_batch *command_batch_new(struct command_op *op, struct command_cursor *cursor,
                                        int64_t size)
{
    struct command_batch *batch = arena_zero(&op->arena, 1, sizeof *batch);
    *batch = (struct command_batch){.cursor = cursor, .name = "firstBatch", .size = size};
    op->state = batch;
    op->release = command_batch_release;
    return batch;
}

static int cursor_charge(struct command_op *op, enum command_budget id, uint64_t bytes,
                         uint64_t *charged)
{
    struct command_budgets *budgets = op->server->budgets;
    if (bytes <= *charged) {
        command_budget_uncharge(budgets, id, *charged - bytes);
        *charged = bytes;
        return 0;
    }
    int code = command_budget_charge(budgets, id, bytes - *charged, &op->err);
    *charged = code < 0 ? *charged : bytes;
    return code;
}

/* It is to rest: charge what it keeps, besides what its stages hold. */
static int cursor_settle(struct command_op *op, struct command_cursor *cursor)
{
    uint64_t buffered = sizeof *cursor + cursor->stash_buf.cap;
    int code = cursor_charge(op, COMMAND_BUDGET_CURSORS, buffered, &cursor->buffered);
    return code < 0 ? code
                    : cursor_charge(op, COMMAND_BUDGET_PLANS, arena_used(&cursor->arena),
                                    &cursor->planned);
}

/* Where to resume: behind the batch, or behind all that was looked at when there was no more. */
static void batch_build_resume(struct command_op *op, const struct command_batch *batch)
{
    const struct command_cursor *cursor = batch->cursor;
    bool is_cut = cursor->stash.len > 0 || (batch->size >= 0 && batch->count == batch->size);
    const struct command_place *place =
        is_cut && batch->count > 0 ? &batch->resume : &cursor->stream->place;
    command_place_build(&op->builder, "postBatchResumeToken",
                        cursor->exhausted ? &cursor->stream->given : place);
}

static int batch_finish(struct command_op *op, struct command_batch *batch)
{
    struct command_cursor *cursor = batch->cursor;
    int code = cursor->exhausted ? 0 : cursor_settle(op, cursor);
    if (code < 0) {
        return err_prefix(&op->err, "the cursor cannot be kept open: ");
    }
    if (!cursor->exhausted && cursor->id == 0) {
        code = cursor__add(op, cursor);
        if (code < 0) {
            return code;
        }
    }
    doc_build_close(&op->builder);
    if (cursor->stream != NULL) {
        batch_build_resume(op, batch);
    }
    doc_build_i64(&op->builder, "id", cursor->exhausted ? 0 : cursor->id);
    doc_build_string(&op->builder, "ns", cursor->ns);
    if (cursor->snapshot != NULL) {
        doc_build_timestamp(&op->builder, "atClusterTime", cursor->snapshot->clock);
    }
    doc_build_close(&op->builder);
    if (batch->cached != NULL && cursor->exhausted) {
        command_cached_keep(op, batch->cached);
    }
    batch->cursor = NULL;
    cursor__give_back(op, cursor);
    return 0;
}

/* A transaction's catalog is its own: nobody drops what it reads. What a snapshot reads may have
 * been dropped since, and its space given back. */
int command_cursor_slice(struct command_op *op, struct command_cursor *cursor)
{
    if (cursor->snapshot != NULL && command_read_check(&cursor->read, op->server, &op->err) < 0) {
        return err_set(&op->err, LT_ESNAPSHOTUNAVAILABLE,
                       "the collection, or an index of it, was dropped after the snapshot's time");
    }
    return command_read_slice(&cursor->read, cursor->txn == NULL ? op->server : NULL, &op->err);
}

static void batch_read_journal(struct command_op *op)
{
    command_stream_fetch(op->fetch_context);
}

/* What is not in memory is to be brought there: a key, or entries of the log. */
static int batch_fetch(struct command_op *op, struct command_cursor *cursor)
{
    if (cursor->stream != NULL && command_stream_must_fetch(cursor->stream)) {
        op->fetch_blocking = batch_read_journal;
        op->fetch_context = cursor->stream;
        return -LT_EAGAIN;
    }
    return cursor->has_read ? command_read_wants(op, &cursor->read)
                            : command_wants(op, &cursor->view, false);
}

int command_cursor_pause(struct command_op *op, struct command_cursor *cursor, int code)
{
    cursor__pause(cursor);
    return code == -LT_EAGAIN ? batch_fetch(op, cursor) : code;
}

int command_batch_fill(struct command_op *op, struct command_batch *batch)
{
    struct command_cursor *cursor = batch->cursor;
    assert(op->state == batch);
    op->follows_log = cursor->stream != NULL || cursor->tailable;
    if (!batch->open) {
        doc_build_open(&op->builder, SLICE("cursor"));
        doc_build_open_array(&op->builder, slice_str(batch->name));
        batch->open = true;
    }
    int code = cursor->has_read ? command_cursor_slice(op, cursor) : 0;
    op->wake_us = 0;
    code = code < 0 ? code : batch_run(op, batch);
    if (code == -LT_EWAIT) {
        code = batch_await(op, batch);
    }
    if (code == -LT_EAGAIN || code == -LT_EYIELD) {
        return command_cursor_pause(op, cursor, code);
    }
    if (code < 0) {
        return code;
    }
    cursor->exhausted = code == 0 || cursor->single_batch;
    return batch_finish(op, batch);
}
