/* command/session_pattern.c - users and roles are looked up once, into the ids of users. */
#include "command/session_pattern.h"

#include "command/account.h"
#include "doc/view.h"

/* ---- the users that are meant ---- */

struct pattern_ask {
    struct command_op *op;
    struct command_directory directory;
    const struct command_names *users; /* NULL: any */
    const struct command_names *roles; /* one of them; NULL: any */
    struct buf *user_ids;
};

static struct slice pattern_text(struct slice doc, const char *name)
{
    struct doc_value value = doc_get_str(doc, name);
    return value.type == DOC_STRING ? doc_value_get_string(value) : SLICE("");
}

/* 1 it has one of the roles, 0, negative. */
static int pattern_has_role(struct pattern_ask *ask, struct slice doc)
{
    struct command_names had;
    command_names_init(&had, &ask->op->arena);
    command_names_of(&had, doc);
    int code = command_directory_expand(&ask->directory, &had, NULL);
    for (uint32_t i = 0; i < ask->roles->count && code == 0; i++) {
        code = command_names_have(&had, &ask->roles->all[i]);
    }
    return code;
}

static int pattern_note(void *context, struct slice doc)
{
    struct pattern_ask *ask = context;
    struct command_name name = {pattern_text(doc, "user"), pattern_text(doc, "db")};
    uint8_t id[COMMAND_USER_ID];
    int code = ask->users == NULL || command_names_have(ask->users, &name);
    if (code > 0 && ask->roles != NULL) {
        code = pattern_has_role(ask, doc);
    }
    if (code > 0 && command_user_id(doc, id)) {
        buf_append(ask->user_ids, id, sizeof id);
    }
    return code < 0 ? code : 0;
}

static int pattern_look_up(struct pattern_ask *ask)
{
    command_directory_open(ask->op, &ask->directory);
    int code = command_directory_each(&ask->directory, COMMAND_USERS, pattern_note, ask);
    command_directory_close(&ask->directory);
    return code;
}

static void pattern_init(struct command_op *op, struct command_session_pattern *pattern)
{
    *pattern = (struct command_session_pattern){0};
    buf_init(&pattern->user_ids, &op->arena);
}

int command_session_pattern_users(struct command_op *op, struct slice users,
                                  struct command_session_pattern *ret_pattern)
{
    struct command_names names;
    struct command_names_spec spec = {op->command->name, "user", SLICE("")};
    struct pattern_ask ask = {.op = op, .users = &names, .user_ids = &ret_pattern->user_ids};
    pattern_init(op, ret_pattern);
    command_names_init(&names, &op->arena);
    int code = command_names_parse(&names, &spec, users, &op->err);
    ret_pattern->of_users = names.count > 0;
    return code < 0 || names.count == 0 ? code : pattern_look_up(&ask);
}

void command_session_pattern_own(struct command_op *op, struct command_session_pattern *ret_pattern)
{
    pattern_init(op, ret_pattern);
    ret_pattern->of_users = true;
    buf_append(&ret_pattern->user_ids, op->user_id, COMMAND_USER_ID);
}

/* ---- patterns ---- */

static int pattern_names(struct command_op *op, const struct command_names_spec *spec,
                         struct doc_value value, const struct command_names **ret_names)
{
    struct command_names *names = arena_alloc(&op->arena, sizeof *names);
    if (value.type != DOC_ARRAY) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%s' is the wrong type '%s', expected type 'array'",
                       op->command->name, spec->field, doc_type_name(value.type));
    }
    command_names_init(names, &op->arena);
    *ret_names = names;
    return command_names_parse(names, spec, doc_value_get_doc(value), &op->err);
}

static int pattern_uid(struct command_op *op, struct command_session_pattern *pattern,
                       struct doc_value value)
{
    struct slice uid = value.type == DOC_BINARY ? doc_value_get_binary(value) : SLICE("");
    if (value.type != DOC_BINARY) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.uid' is the wrong type '%s', expected type 'binData'",
                       op->command->name, doc_type_name(value.type));
    }
    if (uid.len != sizeof pattern->uid) {
        return err_set(&op->err, LT_EUNSUPPORTEDFORMAT, "%s: a uid is a SHA-256 hash, 32 bytes",
                       op->command->name);
    }
    memcpy(pattern->uid, uid.data, uid.len);
    pattern->of_uid = true;
    return 0;
}

static int pattern_field(struct pattern_ask *ask, struct command_session_pattern *pattern,
                         const struct doc_elem *elem)
{
    static const struct command_names_spec users = {"users", "user", {0}};
    static const struct command_names_spec roles = {"roles", "role", {0}};
    struct command_op *op = ask->op;
    if (slice_is(elem->name, "users")) {
        return pattern_names(op, &users, elem->value, &ask->users);
    }
    if (slice_is(elem->name, "roles")) {
        return pattern_names(op, &roles, elem->value, &ask->roles);
    }
    if (slice_is(elem->name, "lsid")) {
        pattern->of_id = command_session_id(elem->value, pattern->id);
        return pattern->of_id
                   ? 0
                   : err_set(&op->err, LT_ETYPEMISMATCH,
                             "BSON field '%s.lsid' must be {id: <UUID>}", op->command->name);
    }
    if (slice_is(elem->name, "uid")) {
        return pattern_uid(op, pattern, elem->value);
    }
    return err_set(&op->err, 40415, "BSON field '%s.%.*s' is an unknown field.", op->command->name,
                   SLICE_FMT(elem->name));
}

int command_session_pattern_parse(struct command_op *op, struct slice spec,
                                  struct command_session_pattern *ret_pattern)
{
    struct pattern_ask ask = {.op = op, .user_ids = &ret_pattern->user_ids};
    struct doc_iter iter;
    struct doc_elem elem;
    pattern_init(op, ret_pattern);
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int code = pattern_field(&ask, ret_pattern, &elem);
        if (code < 0) {
            return code;
        }
    }
    ret_pattern->of_users = ask.users != NULL || ask.roles != NULL;
    return ret_pattern->of_users ? pattern_look_up(&ask) : 0;
}

/* ---- asking it ---- */

static bool pattern_has_user(const struct command_session_pattern *pattern, const uint8_t *user_id)
{
    for (size_t at = 0; at < pattern->user_ids.len; at += COMMAND_USER_ID) {
        if (memcmp(pattern->user_ids.data + at, user_id, COMMAND_USER_ID) == 0) {
            return true;
        }
    }
    return false;
}

bool command_session_pattern_means(const struct command_session_pattern *pattern,
                                   const struct command_session *session)
{
    uint8_t shown[16];
    command_session_shown(session, shown);
    return (!pattern->of_id || memcmp(shown, pattern->id, sizeof shown) == 0) &&
           (!pattern->of_uid || memcmp(session->uid, pattern->uid, sizeof pattern->uid) == 0) &&
           (!pattern->of_users || pattern_has_user(pattern, session->user_id));
}
