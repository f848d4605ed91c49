/* command/session.c - a hash table of sessions, turns in them, and the commands on them. */
#include "command/session.h"

#include <assert.h>

#include "base/mem.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/keys.h"

enum { SESSION_SLOTS = 1 << 16, SESSION_FORGET_MAX = 4096 };

struct command_sessions {
    pthread_mutex_t lock;
    uint32_t count;
    struct command_session *slots[SESSION_SLOTS];
};

struct command_sessions *command_sessions_new(void)
{
    struct command_sessions *sessions = mem_zero(1, sizeof *sessions);
    pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

static void session_free(struct command_session *session)
{
    assert(session->txn == NULL);
    command_retry_close(&session->retry);
    mem_free(session);
}

void command_sessions_free(struct command_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (int i = 0; i < SESSION_SLOTS && sessions->count > 0; i++) {
        while (sessions->slots[i] != NULL) {
            struct command_session *session = sessions->slots[i];
            sessions->slots[i] = session->next;
            sessions->count--;
            session_free(session);
        }
    }
    pthread_mutex_destroy(&sessions->lock);
    mem_free(sessions);
}

/* The link that leads to the session; to NULL when it is not known. */
static struct command_session **session_find(struct command_sessions *sessions,
                                             const uint8_t id[16])
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    hash *= 0x9e3779b97f4a7c15u;
    struct command_session **link = &sessions->slots[hash >> 48];
    while (*link != NULL && memcmp((*link)->id, id, 16) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static int session_use(struct command_sessions *sessions, const uint8_t id[16], int64_t now_ms,
                       uint64_t now_us, struct command_session **ret_session)
{
    int code = 0;
    pthread_mutex_lock(&sessions->lock);
    struct command_session **link = session_find(sessions, id);
    if (*link == NULL && sessions->count >= COMMAND_SESSIONS_MAX) {
        code = -LT_ETOOMANYLOGICALSESSIONS;
    } else if (*link == NULL) {
        struct command_session *session = mem_zero(1, sizeof *session);
        memcpy(session->id, id, 16);
        command_retry_init(&session->retry);
        *link = session;
        sessions->count++;
    }
    if (code == 0) {
        (*link)->used_ms = now_ms;
        (*link)->used_us = now_us;
        atomic_store(&(*link)->ended, false);
        *ret_session = *link;
    }
    pthread_mutex_unlock(&sessions->lock);
    return code;
}

int command_sessions_use(struct command_op *op, const uint8_t id[16],
                         struct command_session **ret_session)
{
    int code = session_use(op->server->sessions, id, op->wall_ms, op->mono_us, ret_session);
    return code == 0 ? 0
                     : err_set(&op->err, -code,
                               "Unable to add session into the cache because the number of active "
                               "sessions is too high");
}

uint32_t command_sessions_count(struct command_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    uint32_t count = sessions->count;
    pthread_mutex_unlock(&sessions->lock);
    return count;
}

int32_t command_session_minutes(const struct command_server *server)
{
    return (int32_t)command_param(&server->parameters,
                                  COMMAND_PARAM_localLogicalSessionTimeoutMinutes);
}

/* ---- records ---- */

static int session_load_one(struct command_sessions *sessions, struct slice id_part,
                            struct slice record, uint64_t now_us)
{
    struct command_session *session;
    int64_t used_ms;
    if (id_part.len != sizeof session->id + 4) {
        return -LT_ECORRUPT;
    }
    int code = command_retry_used(record, &used_ms);
    return code < 0 ? code : session_use(sessions, id_part.data, used_ms, now_us, &session);
}

int command_sessions_load(struct command_sessions *sessions, struct store_view *view,
                          uint64_t now_us)
{
    struct store_view_cursor cursor;
    struct buf prefix;
    buf_init(&prefix, NULL);
    store_key_session(&prefix, (struct slice){0}, 0);
    store_view_cursor_open(&cursor, view);
    int code = store_view_seek(&cursor, buf_slice(&prefix), false);
    while (code > 0 && slice_starts(store_view_key(&cursor), buf_slice(&prefix))) {
        struct slice id_part = slice_from(store_view_key(&cursor), prefix.len);
        int loaded = session_load_one(sessions, id_part, store_view_value(&cursor), now_us);
        code = loaded < 0 ? loaded : store_view_step(&cursor);
    }
    store_view_cursor_close(&cursor);
    buf_close(&prefix);
    return code < 0 ? code : 0;
}

/* ---- turns ---- */

int command_session_hold(struct command_op *op)
{
    struct command_session *session = op->session;
    if (session->holder != NULL && session->holder != op) {
        session->waiting++;
        return command_owner_wait(op, session);
    }
    session->holder = op;
    return 0;
}

void command_session_release(struct command_op *op)
{
    struct command_session *session = op->session;
    if (session->holder != op) {
        return;
    }
    session->holder = NULL;
    if (session->waiting > 0) {
        session->waiting = 0;
        command_owner_wake(op->owner, session);
    }
}

/* ---- ends ---- */

/* Take out of the table, as a list, those that nobody will use any more. */
static struct command_session *session_take_old(struct command_sessions *sessions,
                                                uint64_t before_us)
{
    struct command_session *old = NULL;
    uint32_t taken = 0;
    pthread_mutex_lock(&sessions->lock);
    for (int i = 0; i < SESSION_SLOTS && sessions->count > 0 && taken < SESSION_FORGET_MAX; i++) {
        struct command_session **link = &sessions->slots[i];
        while (*link != NULL) {
            struct command_session *session = *link;
            bool is_over = atomic_load(&session->ended) || session->used_us < before_us;
            if (!is_over || session->holder != NULL || session->waiting > 0) {
                link = &session->next;
                continue;
            }
            *link = session->next;
            session->next = old;
            old = session;
            sessions->count--;
            taken++;
        }
    }
    pthread_mutex_unlock(&sessions->lock);
    return old;
}

/* One that was only loaded at the start has a record, and its parts are not known: all are looked
 * at; that reads little, and now and then. */
static void session_forget(struct command_owner *owner, struct command_session *session)
{
    struct store_view *view = &owner->writer->view;
    enum store_wait wait = view->wait;
    view->wait = STORE_MAY_WAIT;
    if (command_retry_load(&session->retry, view, command_session_key(session)) == 0) {
        command_retry_forget(&session->retry, owner->writer, command_session_key(session));
    }
    view->wait = wait;
}

void command_sessions_sweep(struct command_owner *owner, uint64_t now_us)
{
    struct command_server *server = owner->server;
    uint64_t life_us = (uint64_t)command_session_minutes(server) * 60 * 1000000;
    uint64_t before_us = now_us > life_us ? now_us - life_us : 0;
    struct command_session *old = session_take_old(server->sessions, before_us);
    while (old != NULL) {
        struct command_session *next = old->next;
        if (old->txn != NULL) {
            command_txn_end(owner, old->txn);
        }
        session_forget(owner, old);
        session_free(old);
        old = next;
    }
}

bool command_session_id(struct doc_value lsid, uint8_t ret_id[16])
{
    struct doc_value id = doc_missing;
    if (lsid.type == DOC_OBJECT) {
        id = doc_get_str(doc_value_get_doc(lsid), "id");
    }
    if (id.type != DOC_BINARY || doc_value_get_binary(id).len != 16) {
        return false;
    }
    memcpy(ret_id, doc_value_get_binary(id).data, 16);
    return true;
}

/* ---- the commands ---- */

int command_start_session(struct command_op *op)
{
    uint64_t words[2] = {command_random(op->server), command_random(op->server)};
    uint8_t id[16];
    memcpy(id, words, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    struct command_session *session;
    int code = command_sessions_use(op, id, &session);
    if (code < 0) {
        return code;
    }
    doc_build_open(&op->builder, SLICE("id"));
    doc_build_binary(&op->builder, "id", 4, slice_of(id, sizeof id));
    doc_build_close(&op->builder);
    doc_build_i32(&op->builder, "timeoutMinutes", command_session_minutes(op->server));
    return 0;
}

/* ---- on lists of them ---- */

/* Its transaction is aborted, its op with a number killed. */
static void session_kill(struct command_owner *owner, struct command_session *session)
{
    if (session->holder != NULL) {
        atomic_store(&session->holder->killed, LT_EINTERRUPTED);
    } else if (session->txn != NULL) {
        command_txn_end(owner, session->txn);
    }
}

static void session_end(struct command_owner *owner, struct command_session *session)
{
    session_kill(owner, session);
    atomic_store(&session->ended, true);
}

static void session_refresh(struct command_owner *owner, struct command_session *session)
{
    (void)owner;
    (void)session; /* finding it was the use */
}

typedef void (*session_verb_cb)(struct command_owner *owner, struct command_session *session);

static int session_read_id(struct command_op *op, struct slice list, const struct doc_elem *elem,
                           uint8_t ret_id[16])
{
    if (elem->value.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%.*s.%.*s' is the wrong type '%s', expected type 'object'",
                       op->command->name, SLICE_FMT(list), SLICE_FMT(elem->name),
                       doc_type_name(elem->value.type));
    }
    if (!command_session_id(elem->value, ret_id)) {
        return err_set(&op->err, 40414, "BSON field '%s.%.*s.id' is missing but a required field",
                       op->command->name, SLICE_FMT(list));
    }
    return 0;
}

/* Do it to each {id: UUID} of the array that is the command's first field. */
static int session_each(struct command_op *op, session_verb_cb verb)
{
    struct command_sessions *sessions = op->server->sessions;
    struct doc_elem first = doc_first(op->body);
    struct doc_iter iter;
    struct doc_elem elem;
    if (first.value.type != DOC_ARRAY) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%.*s' is the wrong type '%s', expected type 'array'",
                       op->command->name, SLICE_FMT(first.name), doc_type_name(first.value.type));
    }
    doc_iter_value(&iter, first.value);
    while (doc_iter_next(&iter, &elem)) {
        struct command_session *session;
        uint8_t id[16];
        int code = session_read_id(op, first.name, &elem, id);
        if (code == 0 && verb == session_refresh) {
            code = command_sessions_use(op, id, &session);
        }
        if (code < 0) {
            return code;
        }
        pthread_mutex_lock(&sessions->lock);
        session = *session_find(sessions, id);
        pthread_mutex_unlock(&sessions->lock);
        if (session != NULL) {
            verb(op->owner, session);
        }
    }
    return 0;
}

/* Only the owner frees sessions, so those listed under the lock are there without it. */
static void session_all(struct command_op *op, session_verb_cb verb)
{
    struct command_sessions *sessions = op->server->sessions;
    pthread_mutex_lock(&sessions->lock);
    struct command_session **all = arena_alloc(&op->arena, (sessions->count + 1) * sizeof *all);
    uint32_t count = 0;
    for (int i = 0; i < SESSION_SLOTS; i++) {
        for (struct command_session *s = sessions->slots[i]; s != NULL; s = s->next) {
            all[count++] = s;
        }
    }
    pthread_mutex_unlock(&sessions->lock);
    for (uint32_t i = 0; i < count; i++) {
        verb(op->owner, all[i]);
    }
}

int command_end_sessions(struct command_op *op)
{
    return session_each(op, session_end);
}

int command_refresh_sessions(struct command_op *op)
{
    return session_each(op, session_refresh);
}

int command_kill_sessions(struct command_op *op)
{
    struct doc_value list = doc_first(op->body).value;
    bool all = list.type == DOC_ARRAY && doc_is_empty(doc_value_get_doc(list));
    if (all) {
        session_all(op, session_kill);
        return 0;
    }
    return session_each(op, session_kill);
}

int command_kill_all_sessions(struct command_op *op)
{
    session_all(op, session_kill);
    return 0;
}
