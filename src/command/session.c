/* command/session.c - a hash table of sessions, turns in them, their ends. */
#include "command/session.h"

#include <assert.h>

#include "base/mem.h"
#include "command/account.h"
#include "command/cursor.h"
#include "command/server.h"
#include "command/txn.h"
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

/* When a session is in use, and by whom. */
struct session_use {
    int64_t now_ms;
    uint64_t now_us;
    const uint8_t *user_id; /* NULL: nobody knows; */
    const uint8_t *uid;     /* else both are there */
};

static int session_use(struct command_sessions *sessions, const uint8_t key[16],
                       const struct session_use *use, struct command_session **ret_session)
{
    int code = 0;
    pthread_mutex_lock(&sessions->lock);
    struct command_session **link = session_find(sessions, key);
    if (*link == NULL && sessions->count >= COMMAND_SESSIONS_MAX) {
        code = -LT_ETOOMANYLOGICALSESSIONS;
    } else if (*link == NULL) {
        struct command_session *session = mem_zero(1, sizeof *session);
        memcpy(session->id, key, 16);
        command_retry_init(&session->retry);
        *link = session;
        sessions->count++;
    }
    if (code == 0) {
        (*link)->used_ms = use->now_ms;
        (*link)->used_us = use->now_us;
        atomic_store(&(*link)->ended, false);
        *ret_session = *link;
    }
    if (code == 0 && use->user_id != NULL) {
        memcpy((*link)->user_id, use->user_id, sizeof(*link)->user_id);
        memcpy((*link)->uid, use->uid, sizeof(*link)->uid);
    }
    pthread_mutex_unlock(&sessions->lock);
    return code;
}

/* SHA-256 of nothing: what MongoDB has there without access control. */
static const uint8_t session_nobody[32] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

int command_sessions_use(struct command_op *op, const uint8_t key[16],
                         struct command_session **ret_session)
{
    const struct command_account *account = op->client->account;
    struct session_use use = {op->wall_ms, op->mono_us, op->user_id,
                              account == NULL ? session_nobody : account->uid};
    int code = session_use(op->server->sessions, key, &use, ret_session);
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
    struct command_retry_head head = {0};
    struct session_use use = {.now_us = now_us};
    if (id_part.len != sizeof session->id + 4) {
        return -LT_ECORRUPT;
    }
    int code = command_retry_read(record, &head);
    use.now_ms = head.used_ms;
    return code < 0 ? code : session_use(sessions, id_part.data, &use, &session);
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
    atomic_store_explicit(&session->at_work, true, memory_order_relaxed);
    return 0;
}

void command_session_release(struct command_op *op)
{
    struct command_session *session = op->session;
    if (session->holder != op) {
        return;
    }
    session->holder = NULL;
    atomic_store_explicit(&session->at_work, false, memory_order_relaxed);
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
        command_session_kill(owner, old);
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

void command_session_key_of(const struct command_op *op, const uint8_t id[16], uint8_t ret_key[16])
{
    for (size_t i = 0; i < 16; i++) {
        ret_key[i] = id[i] ^ op->user_id[i];
    }
}

struct command_session *command_sessions_find(struct command_sessions *sessions,
                                              const uint8_t key[16])
{
    pthread_mutex_lock(&sessions->lock);
    struct command_session *session = *session_find(sessions, key);
    pthread_mutex_unlock(&sessions->lock);
    return session;
}

struct command_session **command_sessions_all(struct command_sessions *sessions,
                                              struct arena *arena, uint32_t *ret_count)
{
    pthread_mutex_lock(&sessions->lock);
    struct command_session **all = arena_alloc(arena, (sessions->count + 1) * sizeof *all);
    uint32_t count = 0;
    for (int i = 0; i < SESSION_SLOTS; i++) {
        for (struct command_session *s = sessions->slots[i]; s != NULL; s = s->next) {
            all[count++] = s;
        }
    }
    pthread_mutex_unlock(&sessions->lock);
    *ret_count = count;
    return all;
}

static bool session_is_of(const struct command_session *session,
                          const struct command_session_whose *whose)
{
    size_t size = sizeof session->uid;
    bool found = whose->uids.data == NULL;
    for (size_t at = 0; at < whose->uids.len && !found; at += size) {
        found = memcmp(session->uid, whose->uids.data + at, size) == 0;
    }
    return found && (whose->user_id == NULL ||
                     memcmp(session->user_id, whose->user_id, sizeof session->user_id) == 0);
}

struct command_session_info *command_sessions_list(struct command_sessions *sessions,
                                                   struct arena *arena,
                                                   const struct command_session_whose *whose,
                                                   uint32_t *ret_count)
{
    pthread_mutex_lock(&sessions->lock);
    struct command_session_info *infos = arena_alloc(arena, (sessions->count + 1) * sizeof *infos);
    uint32_t count = 0;
    for (int i = 0; i < SESSION_SLOTS; i++) {
        for (struct command_session *s = sessions->slots[i]; s != NULL; s = s->next) {
            if (session_is_of(s, whose)) {
                memcpy(infos[count].key, s->id, sizeof s->id);
                memcpy(infos[count].uid, s->uid, sizeof s->uid);
                command_session_shown(s, infos[count].id);
                infos[count].txn_us = atomic_load(&s->txn_us);
                infos[count].txn_number = atomic_load(&s->txn_number);
                infos[count].at_work = atomic_load(&s->at_work);
                infos[count++].used_ms = s->used_ms;
            }
        }
    }
    pthread_mutex_unlock(&sessions->lock);
    *ret_count = count;
    return infos;
}

void command_session_build_id(struct doc_builder *builder, const struct command_session_info *info)
{
    static const uint8_t unknown[sizeof info->uid];
    doc_build_binary(builder, "id", 4, slice_of(info->id, sizeof info->id));
    if (memcmp(info->uid, unknown, sizeof unknown) != 0) {
        doc_build_binary(builder, "uid", 0, slice_of(info->uid, sizeof info->uid));
    }
}

struct slice command_session_build(struct arena *arena, const struct command_session_info *info)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, SLICE("_id"));
    command_session_build_id(builder, info);
    doc_build_close(builder);
    doc_build_date(builder, "lastUse", info->used_ms);
    return doc_build_end(builder);
}

/* Ops of the session that rest between two steps die with the next one. */
static void session_kill_ops(struct command_server *server, const struct command_session *session)
{
    uint8_t id[16];
    uint8_t key[16];
    pthread_mutex_lock(&server->ops_lock);
    for (struct command_op *op = server->ops; op != NULL; op = op->next) {
        if (command_session_id(op->common.session, id)) {
            command_session_key_of(op, id, key);
            if (memcmp(key, session->id, sizeof key) == 0) {
                atomic_store(&op->killed, LT_EINTERRUPTED);
            }
        }
    }
    pthread_mutex_unlock(&server->ops_lock);
}

void command_session_kill(struct command_owner *owner, struct command_session *session)
{
    session_kill_ops(owner->server, session);
    if (session->holder != NULL) {
        atomic_store(&session->holder->killed, LT_EINTERRUPTED);
    } else if (session->txn != NULL) {
        command_txn_end(owner, session->txn);
    }
    command_cursors_kill_session(owner->server->cursors, session->id);
}
