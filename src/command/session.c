/* command/session.c - a hash table of session ids, and the commands on it. */
#include "command/session.h"

#include "base/mem.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"

enum { SESSION_SLOTS = 1 << 16 };

struct session {
    struct session *next;
    uint8_t id[16];
    int64_t used_ms;
};

struct command_sessions {
    pthread_mutex_t lock;
    uint32_t count;
    struct session *slots[SESSION_SLOTS];
};

struct command_sessions *command_sessions_new(void)
{
    struct command_sessions *sessions = mem_zero(1, sizeof *sessions);
    pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

/* Drop the sessions that were last used before `before_ms`. */
static void session_drop(struct command_sessions *sessions, int64_t before_ms)
{
    pthread_mutex_lock(&sessions->lock);
    for (int i = 0; i < SESSION_SLOTS && sessions->count > 0; i++) {
        struct session **link = &sessions->slots[i];
        while (*link != NULL) {
            struct session *session = *link;
            if (session->used_ms >= before_ms) {
                link = &session->next;
                continue;
            }
            *link = session->next;
            sessions->count--;
            mem_free(session);
        }
    }
    pthread_mutex_unlock(&sessions->lock);
}

void command_sessions_end_all(struct command_sessions *sessions)
{
    session_drop(sessions, INT64_MAX);
}

int32_t command_session_minutes(const struct command_server *server)
{
    return (int32_t)command_param(&server->parameters,
                                  COMMAND_PARAM_localLogicalSessionTimeoutMinutes);
}

void command_sessions_sweep(struct command_server *server, int64_t now_ms)
{
    session_drop(server->sessions, now_ms - command_session_minutes(server) * INT64_C(60000));
}

void command_sessions_free(struct command_sessions *sessions)
{
    if (sessions != NULL) {
        command_sessions_end_all(sessions);
        pthread_mutex_destroy(&sessions->lock);
        mem_free(sessions);
    }
}

/* The link that leads to the session; to NULL when it is not known. */
static struct session **session_find(struct command_sessions *sessions, const uint8_t id[16])
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    hash *= 0x9e3779b97f4a7c15u;
    struct session **link = &sessions->slots[hash >> 48];
    while (*link != NULL && memcmp((*link)->id, id, 16) != 0) {
        link = &(*link)->next;
    }
    return link;
}

int command_sessions_use(struct command_sessions *sessions, const uint8_t id[16], int64_t now_ms,
                         struct err *err)
{
    int code = 0;
    pthread_mutex_lock(&sessions->lock);
    struct session **link = session_find(sessions, id);
    if (*link == NULL && sessions->count >= COMMAND_SESSIONS_MAX) {
        code = err_set(err, 261,
                       "Unable to add session into the cache because the number of "
                       "active sessions is too high");
    } else if (*link == NULL) {
        struct session *session = mem_zero(1, sizeof *session);
        memcpy(session->id, id, 16);
        *link = session;
        sessions->count++;
    }
    if (code == 0) {
        (*link)->used_ms = now_ms;
    }
    pthread_mutex_unlock(&sessions->lock);
    return code;
}

void command_sessions_end(struct command_sessions *sessions, const uint8_t id[16])
{
    pthread_mutex_lock(&sessions->lock);
    struct session **link = session_find(sessions, id);
    struct session *session = *link;
    if (session != NULL) {
        *link = session->next;
        sessions->count--;
        mem_free(session);
    }
    pthread_mutex_unlock(&sessions->lock);
}

uint32_t command_sessions_count(struct command_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    uint32_t count = sessions->count;
    pthread_mutex_unlock(&sessions->lock);
    return count;
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
    int code = command_sessions_use(op->server->sessions, id, op->wall_ms, &op->err);
    if (code < 0) {
        return code;
    }
    doc_build_open(&op->builder, SLICE("id"));
    doc_build_binary(&op->builder, "id", 4, slice_of(id, sizeof id));
    doc_build_close(&op->builder);
    doc_build_i32(&op->builder, "timeoutMinutes", command_session_minutes(op->server));
    return 0;
}

enum session_verb { SESSION_END, SESSION_REFRESH };

/* Do it to each {id: UUID} of the array that is the command's first field. */
static int session_each(struct command_op *op, enum session_verb verb)
{
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
        uint8_t id[16];
        if (elem.value.type != DOC_OBJECT) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field '%s.%.*s.%.*s' is the wrong type '%s', expected type "
                           "'object'",
                           op->command->name, SLICE_FMT(first.name), SLICE_FMT(elem.name),
                           doc_type_name(elem.value.type));
        }
        if (!command_session_id(elem.value, id)) {
            return err_set(&op->err, 40414,
                           "BSON field '%s.%.*s.id' is missing but a required field",
                           op->command->name, SLICE_FMT(first.name));
        }
        if (verb == SESSION_END) {
            command_sessions_end(op->server->sessions, id);
        } else {
            int code = command_sessions_use(op->server->sessions, id, op->wall_ms, &op->err);
            if (code < 0) {
                return code;
            }
        }
    }
    return 0;
}

int command_end_sessions(struct command_op *op)
{
    return session_each(op, SESSION_END);
}

int command_refresh_sessions(struct command_op *op)
{
    return session_each(op, SESSION_REFRESH);
}

int command_kill_sessions(struct command_op *op)
{
    struct doc_value list = doc_first(op->body).value;
    bool all = list.type == DOC_ARRAY && doc_is_empty(doc_value_get_doc(list));
    if (all) {
        command_sessions_end_all(op->server->sessions);
        return 0;
    }
    return session_each(op, SESSION_END);
}

int command_kill_all_sessions(struct command_op *op)
{
    command_sessions_end_all(op->server->sessions);
    return 0;
}
