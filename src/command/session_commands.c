/* command/session_commands.c - beginning, ending, refreshing, killing sessions.
 *
 * All but the beginning run at the owner: what a session has open is there. */
#include "command/handlers.h"
#include "command/server.h"
#include "command/session.h"
#include "command/session_pattern.h"
#include "command/write.h"
#include "doc/view.h"

int command_start_session(struct command_op *op)
{
    uint64_t words[2] = {command_random(op->server), command_random(op->server)};
    uint8_t id[16];
    memcpy(id, words, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    struct command_session *session;
    uint8_t key[16];
    command_session_key_of(op, id, key);
    int code = command_sessions_use(op, key, &session);
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

typedef void (*session_verb_cb)(struct command_owner *owner, struct command_session *session);

static void session_end(struct command_owner *owner, struct command_session *session)
{
    command_session_kill(owner, session);
    atomic_store(&session->ended, true);
}

static void session_refresh(struct command_owner *owner, struct command_session *session)
{
    (void)owner;
    (void)session; /* finding it was the use */
}

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

/* The array that is the command's first field. */
static int session_list(struct command_op *op, struct doc_elem *ret_list)
{
    *ret_list = doc_first(op->body);
    if (ret_list->value.type == DOC_ARRAY) {
        return 0;
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%.*s' is the wrong type '%s', expected type 'array'",
                   op->command->name, SLICE_FMT(ret_list->name),
                   doc_type_name(ret_list->value.type));
}

/* Do it to each {id: UUID} of the caller's. */
static int session_each(struct command_op *op, session_verb_cb verb)
{
    struct doc_elem list;
    struct doc_iter iter;
    struct doc_elem elem;
    int code = session_list(op, &list);
    if (code < 0) {
        return code;
    }
    doc_iter_value(&iter, list.value);
    while (doc_iter_next(&iter, &elem)) {
        struct command_session *session;
        uint8_t id[16];
        uint8_t key[16];
        code = session_read_id(op, list.name, &elem, id);
        if (code < 0) {
            return code;
        }
        command_session_key_of(op, id, key);
        code = verb == session_refresh ? command_sessions_use(op, key, &session) : 0;
        if (code < 0) {
            return code;
        }
        session = command_sessions_find(op->server->sessions, key);
        if (session != NULL) {
            verb(op->owner, session);
        }
    }
    return 0;
}

/* Only the owner frees sessions, so those listed are there without the lock. */
static void session_kill_all(struct command_op *op, const struct command_session_pattern *pattern)
{
    uint32_t count;
    struct command_session **all = command_sessions_all(op->server->sessions, &op->arena, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (command_session_pattern_means(pattern, all[i])) {
            command_session_kill(op->owner, all[i]);
        }
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

/* [{id}, ...] of the caller's; []: all of the caller's. */
int command_kill_sessions(struct command_op *op)
{
    struct command_session_pattern own;
    struct doc_elem list;
    int code = session_list(op, &list);
    if (code < 0 || !doc_is_empty(doc_value_get_doc(list.value))) {
        return code < 0 ? code : session_each(op, command_session_kill);
    }
    command_session_pattern_own(op, &own);
    session_kill_all(op, &own);
    return 0;
}

/* [{user, db}, ...]; []: everybody's. */
int command_kill_all_sessions(struct command_op *op)
{
    struct command_session_pattern pattern;
    struct doc_elem list;
    int code = session_list(op, &list);
    if (code == 0) {
        code = command_session_pattern_users(op, doc_value_get_doc(list.value), &pattern);
    }
    if (code == 0) {
        session_kill_all(op, &pattern);
    }
    return code;
}

static int session_read_pattern(struct command_op *op, const struct doc_elem *elem,
                                struct command_session_pattern *ret_pattern)
{
    if (elem->value.type == DOC_OBJECT) {
        return command_session_pattern_parse(op, doc_value_get_doc(elem->value), ret_pattern);
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%.*s' is the wrong type '%s', expected type 'object'",
                   op->command->name, SLICE_FMT(elem->name), doc_type_name(elem->value.type));
}

/* [<pattern>, ...]; []: everybody's. */
int command_kill_all_sessions_by_pattern(struct command_op *op)
{
    struct doc_elem list;
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t count = 0;
    int code = session_list(op, &list);
    if (code < 0) {
        return code;
    }
    struct slice specs = doc_value_get_doc(list.value);
    if (doc_is_empty(specs)) {
        return command_kill_all_sessions(op);
    }
    struct command_session_pattern *patterns =
        arena_alloc(&op->arena, doc_count(specs) * sizeof *patterns);
    doc_iter_init(&iter, specs);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = session_read_pattern(op, &elem, &patterns[count++]);
    }
    for (uint32_t i = 0; i < count && code == 0; i++) {
        session_kill_all(op, &patterns[i]);
    }
    return code;
}
