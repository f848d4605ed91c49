/* command/cursor.c - the table of resting cursors, and filling batches. */
#include "command/cursor.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "command/snapshot.h"
#include "command/stages.h"
#include "command/stream.h"
#include "command/txn.h"
#include "command/write.h"
#include "doc/validate.h"
#include "doc/view.h"

enum { CURSOR_SLOTS = 4096, CURSOR_BATCH_BYTES = DOC_SIZE_MAX };

struct command_cursors {
    pthread_mutex_t lock;
    struct command_cursor *slots[CURSOR_SLOTS];
    uint32_t count;
};

struct command_cursors *command_cursors_new(void)
{
    struct command_cursors *cursors = mem_zero(1, sizeof *cursors);
    pthread_mutex_init(&cursors->lock, NULL);
    return cursors;
}

/* A list of cursors that are out of the table. */
static void cursors_free_all(struct command_cursor *cursor)
{
    while (cursor != NULL) {
        struct command_cursor *next = cursor->next_in_slot;
        command_cursor_free(cursor);
        cursor = next;
    }
}

void command_cursors_free(struct command_cursors *cursors)
{
    if (cursors == NULL) {
        return;
    }
    for (int i = 0; i < CURSOR_SLOTS; i++) {
        cursors_free_all(cursors->slots[i]);
    }
    pthread_mutex_destroy(&cursors->lock);
    mem_free(cursors);
}

struct command_cursor *command_cursor_new(struct command_op *op, struct slice ns)
{
    struct command_cursor *cursor = mem_zero(1, sizeof *cursor);
    arena_init(&cursor->arena);
    buf_init(&cursor->stash_buf, NULL);
    cursor->in_use = true;
    cursor->used_us = cursor->created_us = op->mono_us;
    cursor->ns = arena_copy(&cursor->arena, ns);
    cursor->describe = arena_copy(&cursor->arena, op->body);
    memcpy(cursor->user_id, op->user_id, sizeof cursor->user_id);
    cursor->in_session = command_session_id(op->common.session, cursor->session);
    command_session_key_of(op, cursor->session, cursor->session);
    cursor->server = op->server;
    command_memory_init(&cursor->memory, op->server->budgets);
    cursor->context = command_context(op, &cursor->arena, &cursor->memory.query);
    command_view_init(op, &cursor->view);
    cursor->txn = op->txn;
    cursor->snapshot = op->snapshot == NULL ? NULL : command_snapshot_hold(op->snapshot);
    if (op->txn != NULL) {
        op->txn->cursors++;
    }
    return cursor;
}

struct store_catalog *command_cursor_catalog(const struct command_cursor *cursor)
{
    return cursor->txn != NULL        ? store_catalog_hold(cursor->txn->fork.writer.catalog)
           : cursor->snapshot != NULL ? store_catalog_hold(cursor->snapshot->catalog)
                                      : command_server_catalog(cursor->server);
}

void command_cursor_use(struct command_cursor *cursor, struct store_collection *collection)
{
    cursor->collection = collection == NULL ? NULL : store_collection_hold(collection);
}

void command_cursor_free(struct command_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    if (cursor->close != NULL) {
        cursor->close(cursor);
    }
    if (cursor->has_read) {
        command_read_close(&cursor->read);
    }
    command_stream_free(cursor->stream);
    store_collection_release(cursor->collection);
    store_view_close(&cursor->view);
    command_snapshot_release(cursor->snapshot);
    command_memory_close(&cursor->memory);
    command_budget_uncharge(cursor->server->budgets, COMMAND_BUDGET_CURSORS, cursor->buffered);
    command_budget_uncharge(cursor->server->budgets, COMMAND_BUDGET_PLANS, cursor->planned);
    buf_close(&cursor->stash_buf);
    arena_close(&cursor->arena);
    mem_free(cursor);
}

static struct command_cursor **cursor_slot(struct command_cursors *cursors, int64_t id)
{
    return &cursors->slots[(uint64_t)id % CURSOR_SLOTS];
}

/* The link that leads to the cursor; to NULL when it is not there. */
static struct command_cursor **cursor_find(struct command_cursors *cursors, int64_t id)
{
    struct command_cursor **link = cursor_slot(cursors, id);
    while (*link != NULL && (*link)->id != id) {
        link = &(*link)->next_in_slot;
    }
    return link;
}

static int cursor_add(struct command_op *op, struct command_cursor *cursor)
{
    struct command_cursors *cursors = op->server->cursors;
    int code = 0;
    pthread_mutex_lock(&cursors->lock);
    if (cursors->count >= COMMAND_CURSORS_MAX) {
        code = err_set(&op->err, LT_EINGRESSREQUESTRATELIMITEXCEEDED,
                       "too many open cursors: the limit is %d", COMMAND_CURSORS_MAX);
    } else {
        do {
            cursor->id = (int64_t)(command_random(op->server) >> 1);
        } while (cursor->id == 0 || *cursor_find(cursors, cursor->id) != NULL);
        struct command_cursor **slot = cursor_slot(cursors, cursor->id);
        cursor->next_in_slot = *slot;
        *slot = cursor;
        cursors->count++;
    }
    pthread_mutex_unlock(&cursors->lock);
    return code;
}

static void cursor_remove(struct command_cursors *cursors, struct command_cursor *cursor)
{
    struct command_cursor **link = cursor_find(cursors, cursor->id);
    assert(*link == cursor);
    *link = cursor->next_in_slot;
    cursors->count--;
    cursor->id = 0;
}

static bool cursor_is_of_session(const struct command_op *op, const struct command_cursor *cursor)
{
    uint8_t session[16] = {0};
    bool in_session = command_session_id(op->common.session, session);
    command_session_key_of(op, session, session);
    return in_session == cursor->in_session &&
           (!in_session || memcmp(session, cursor->session, sizeof session) == 0);
}

int command_cursor_take(struct command_op *op, int64_t id, struct command_cursor **ret_cursor)
{
    struct command_cursors *cursors = op->server->cursors;
    int code = 0;
    pthread_mutex_lock(&cursors->lock);
    struct command_cursor *cursor = *cursor_find(cursors, id);
    if (cursor == NULL || cursor->killed) {
        code = err_set(&op->err, LT_ECURSORNOTFOUND, "cursor id %lld not found", (long long)id);
    } else if (cursor->in_use) {
        code =
            err_set(&op->err, LT_ECURSORINUSE, "cursor id %lld is already in use", (long long)id);
    } else if (!cursor_is_of_session(op, cursor)) {
        code = err_set(&op->err, cursor->in_session ? 50738 : 50736,
                       "Cannot run getMore on cursor %lld: it was created in another session, or "
                       "in none",
                       (long long)id);
    } else if (cursor->txn != op->txn) {
        code = err_set(&op->err, cursor->txn != NULL ? 50741 : 50740,
                       "Cannot run getMore on cursor %lld: it was created %s and is asked for %s",
                       (long long)id,
                       cursor->txn != NULL ? "in a transaction" : "outside of this transaction",
                       cursor->txn != NULL ? "outside of it" : "in it");
    } else {
        cursor->in_use = true;
        *ret_cursor = cursor;
    }
    pthread_mutex_unlock(&cursors->lock);
    return code;
}

bool command_cursor_origin(struct command_cursors *cursors, int64_t id, struct arena *arena,
                           struct command_cursor_origin *ret_origin)
{
    pthread_mutex_lock(&cursors->lock);
    const struct command_cursor *cursor = *cursor_find(cursors, id);
    bool found = cursor != NULL;
    if (found) {
        memcpy(ret_origin->user_id, cursor->user_id, sizeof cursor->user_id);
        ret_origin->command = arena_copy(arena, cursor->describe);
    }
    pthread_mutex_unlock(&cursors->lock);
    return found;
}

/* Let go of what is borrowed from the engine. */
static void cursor_pause(struct command_cursor *cursor)
{
    if (cursor->has_read) {
        command_read_pause(&cursor->read);
    }
    command_foreign_pause(cursor);
}

/* Put it to rest, or free it when it is finished or was killed meanwhile. */
static void cursor_give_back(struct command_op *op, struct command_cursor *cursor)
{
    struct command_cursors *cursors = op->server->cursors;
    cursor_pause(cursor);
    store_view_close(&cursor->view);
    buf_init(&cursor->view.miss, NULL);
    cursor->view.wait = STORE_MEMORY_ONLY;
    memory_owner_trim(&cursor->memory.owner);
    pthread_mutex_lock(&cursors->lock);
    bool dead = cursor->exhausted || cursor->killed;
    cursor->in_use = false;
    cursor->used_us = op->mono_us;
    if (dead && cursor->id != 0) {
        cursor_remove(cursors, cursor);
    }
    pthread_mutex_unlock(&cursors->lock);
    if (dead) {
        command_cursor_free(cursor);
    }
}

int command_cursor_kill(struct command_cursors *cursors, int64_t id)
{
    pthread_mutex_lock(&cursors->lock);
    struct command_cursor *cursor = *cursor_find(cursors, id);
    bool found = cursor != NULL && !cursor->killed;
    bool rests = found && !cursor->in_use;
    if (found) {
        cursor->killed = true;
    }
    if (rests) {
        cursor_remove(cursors, cursor);
    }
    pthread_mutex_unlock(&cursors->lock);
    if (rests) {
        command_cursor_free(cursor);
    }
    return found ? 0 : -LT_ECURSORNOTFOUND;
}

void command_cursors_each_idle(struct command_cursors *cursors,
                               void (*each)(void *context, const struct command_cursor *cursor),
                               void *context)
{
    pthread_mutex_lock(&cursors->lock);
    for (int i = 0; i < CURSOR_SLOTS; i++) {
        for (const struct command_cursor *c = cursors->slots[i]; c != NULL; c = c->next_in_slot) {
            if (!c->in_use && !c->killed) {
                each(context, c);
            }
        }
    }
    pthread_mutex_unlock(&cursors->lock);
}

/* Take out of the table those that `is_meant` says, and free them; those in use die with their op.
 */
static void cursors_kill(struct command_cursors *cursors,
                         bool (*is_meant)(const struct command_cursor *cursor, const void *what),
                         const void *what)
{
    for (int i = 0; i < CURSOR_SLOTS; i++) {
        struct command_cursor *found = NULL;
        pthread_mutex_lock(&cursors->lock);
        struct command_cursor **link = &cursors->slots[i];
        while (*link != NULL) {
            struct command_cursor *cursor = *link;
            bool meant = is_meant(cursor, what);
            cursor->killed |= meant;
            if (!meant || cursor->in_use) {
                link = &cursor->next_in_slot;
                continue;
            }
            *link = cursor->next_in_slot;
            cursors->count--;
            cursor->next_in_slot = found;
            found = cursor;
        }
        pthread_mutex_unlock(&cursors->lock);
        cursors_free_all(found);
    }
}

static bool cursor_is_of_txn(const struct command_cursor *cursor, const void *txn)
{
    return cursor->txn == txn;
}

void command_cursors_kill_txn(struct command_cursors *cursors, const struct command_txn *txn)
{
    cursors_kill(cursors, cursor_is_of_txn, txn);
}

static bool cursor_is_of_key(const struct command_cursor *cursor, const void *key)
{
    return cursor->in_session && memcmp(cursor->session, key, sizeof cursor->session) == 0;
}

void command_cursors_kill_session(struct command_cursors *cursors, const uint8_t session[16])
{
    cursors_kill(cursors, cursor_is_of_key, session);
}

/* What the budgets get back when a resting cursor goes. */
static uint64_t cursor_charged(const struct command_cursor *cursor)
{
    return cursor->buffered + cursor->planned + cursor->memory.owner.charged;
}

/* Free cursors that rest, may time out and were not used since, until they held `bytes`. */
static uint64_t cursors_drop(struct command_cursors *cursors, uint64_t since_us, uint64_t bytes)
{
    struct command_cursor *old = NULL;
    uint64_t dropped = 0;
    pthread_mutex_lock(&cursors->lock);
    for (int i = 0; i < CURSOR_SLOTS; i++) {
        struct command_cursor **link = &cursors->slots[i];
        while (*link != NULL && dropped < bytes) {
            struct command_cursor *cursor = *link;
            bool lives = cursor->no_timeout || (cursor->in_session && bytes == UINT64_MAX);
            if (cursor->in_use || lives || cursor->used_us >= since_us) {
                link = &cursor->next_in_slot;
                continue;
            }
            *link = cursor->next_in_slot;
            cursors->count--;
            cursor->next_in_slot = old;
            old = cursor;
            dropped += cursor_charged(cursor);
        }
    }
    pthread_mutex_unlock(&cursors->lock);
    cursors_free_all(old);
    return dropped;
}

static uint64_t cursors_before(uint64_t now_us, uint64_t ms)
{
    return now_us > ms * 1000 ? now_us - ms * 1000 : 0;
}

void command_cursors_sweep(struct command_server *server, uint64_t now_us)
{
    int64_t idle_ms = command_param(&server->parameters, COMMAND_PARAM_cursorTimeoutMillis);
    cursors_drop(server->cursors, cursors_before(now_us, (uint64_t)idle_ms), UINT64_MAX);
}

uint64_t command_cursors_reclaim(void *context, uint64_t bytes)
{
    struct command_server *server = context;
    uint64_t before_us = cursors_before(clock_mono_us(), COMMAND_CURSOR_SPARE_MS);
    return cursors_drop(server->cursors, before_us, bytes);
}

uint32_t command_cursors_count(struct command_cursors *cursors)
{
    pthread_mutex_lock(&cursors->lock);
    uint32_t count = cursors->count;
    pthread_mutex_unlock(&cursors->lock);
    return count;
}

/* ---- batches ---- */

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
        if (batch->count > 0 && doc_build_size(&op->builder) + doc.len > CURSOR_BATCH_BYTES) {
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
        pthread_mutex_lock(&op->server->cursors->lock);
        batch->cursor->killed = true;
        pthread_mutex_unlock(&op->server->cursors->lock);
        cursor_give_back(op, batch->cursor);
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
        code = cursor_add(op, cursor);
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
    cursor_give_back(op, cursor);
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
    cursor_pause(cursor);
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
