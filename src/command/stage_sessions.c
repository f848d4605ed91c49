/* command/stage_sessions.c - $listLocalSessions, and $listSessions on config.system.sessions: one
 * document for each session that is known: the caller's, those of some users, or everybody's. */
#include "command/account.h"
#include "command/args.h"
#include "command/session.h"
#include "command/stages.h"
#include "doc/view.h"

struct sessions_parsed {
    struct command_cursor *cursor;
    struct command_session_whose whose;
};

struct sessions_state {
    struct command_session_info *infos;
    uint32_t count;
    uint32_t at;
    bool listed;
};

struct sessions_args {
    struct slice users;
    bool all;
};

static const struct command_arg sessions_arg_table[] = {
    {"users", COMMAND_ARG_ARRAY, offsetof(struct sessions_args, users), 0},
    {"allUsers", COMMAND_ARG_STRICT_BOOL, offsetof(struct sessions_args, all), 0},
    {NULL},
};

static const struct command_arg sessions_user_table[] = {
    {"user", COMMAND_ARG_STRING, offsetof(struct command_name, name), COMMAND_ARG_REQUIRED},
    {"db", COMMAND_ARG_STRING, offsetof(struct command_name, db), COMMAND_ARG_REQUIRED},
    {NULL},
};

/* The uid of {user, db}. */
static int sessions_user(const char *stage, struct doc_value value, struct buf *uids,
                         struct err *err)
{
    struct command_args_spec known = {"users", sessions_user_table, false, false};
    struct command_name name = {{0}};
    uint8_t uid[COMMAND_USER_UID];
    if (value.type != DOC_OBJECT) {
        return err_set(
            err, LT_ETYPEMISMATCH,
            "BSON field '%s.users' has an element of the wrong type '%s', expected type 'object'",
            stage, doc_type_name(value.type));
    }
    int code = command_args_read(&known, doc_value_get_doc(value), &name, err);
    if (code == 0) {
        command_user_uid(&name, uid);
        buf_append(uids, uid, sizeof uid);
    }
    return code;
}

/* Null elements are none; no users at all are the caller. */
static int sessions_users(struct query_stage_parse *parse, const struct sessions_args *args,
                          struct sessions_parsed *parsed, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct buf uids;
    int code = 0;
    buf_init(&uids, parse->context->arena);
    doc_iter_init(&iter, args->users.len == 0 ? doc_value_get_doc(doc_empty_array) : args->users);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = elem.value.type == DOC_NULL
                   ? 0
                   : sessions_user(parse->ops->name, elem.value, &uids, err);
    }
    if (code == 0 && uids.len > 0 && args->all) {
        code = err_set(err, LT_EUNSUPPORTEDFORMAT,
                       "%s may not specify {allUsers:true} and {users:[...]} at the same time",
                       parse->ops->name);
    }
    if (uids.len > 0) {
        parsed->whose.uids = buf_slice(&uids);
    } else if (!args->all) {
        parsed->whose.user_id = parsed->cursor->user_id;
    }
    return code;
}

static int sessions_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct command_args_spec known = {parse->ops->name, sessions_arg_table, false, false};
    struct sessions_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    struct command_cursor *cursor = parse->options->owner;
    struct sessions_args args = {0};
    bool is_local = strcmp(parse->ops->name, "$listLocalSessions") == 0;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH, "%s options must be specified in an object",
                       parse->ops->name);
    }
    if (is_local && !command_stage_of_database(parse)) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$listLocalSessions must be run against the database with {aggregate: 1}");
    }
    if (!is_local && !slice_is(cursor->ns, "config.system.sessions")) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$listSessions may only be run against config.system.sessions");
    }
    parsed->cursor = cursor;
    int code = command_args_read(&known, doc_value_get_doc(spec), &args, err);
    code = code < 0 ? code : sessions_users(parse, &args, parsed, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, parsed);
    }
    return code;
}

static int sessions_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct sessions_state *state = self->state;
    const struct sessions_parsed *parsed = self->stage->parsed;
    struct command_cursor *cursor = parsed->cursor;
    (void)err;
    if (!state->listed) {
        state->listed = true;
        state->infos = command_sessions_list(cursor->server->sessions, &self->hold, &parsed->whose,
                                             &state->count);
    }
    if (state->at == state->count) {
        return 0;
    }
    query_stage_fresh(self);
    *ret_doc = command_session_build(self->eval->arena, &state->infos[state->at++]);
    return 1;
}

const struct query_stage_ops command_stage_list_sessions = {
    .name = "$listSessions",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct sessions_state),
    .parse = sessions_parse,
    .next = sessions_next,
};

const struct query_stage_ops command_stage_list_local_sessions = {
    .name = "$listLocalSessions",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct sessions_state),
    .parse = sessions_parse,
    .next = sessions_next,
};
