/* command/cursor.c - cursors, and the table in which they rest. */
#include "command/cursor_private.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "command/snapshot.h"
#include "command/stages.h"
#include "command/stream.h"
#include "command/txn.h"
#include "command/write.h"
#include "doc/view.h"

enum { CURSOR_SLOTS = 4096 };

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

int cursor__add(struct command_op *op, struct command_cursor *cursor)
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

void cursor__pause(struct command_cursor *cursor)
{
    if (cursor->has_read) {
        command_read_pause(&cursor->read);
    }
    command_foreign_pause(cursor);
}

void cursor__give_back(struct command_op *op, struct command_cursor *cursor)
{
    struct command_cursors *cursors = op->server->cursors;
    cursor__pause(cursor);
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

void cursor__give_up(struct command_op *op, struct command_cursor *cursor)
{
    struct command_cursors *cursors = op->server->cursors;
    pthread_mutex_lock(&cursors->lock);
    cursor->killed = true;
    pthread_mutex_unlock(&cursors->lock);
    cursor__give_back(op, cursor);
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
