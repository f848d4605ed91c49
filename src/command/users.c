/* command/users.c - createUser, updateUser and their like, at the owner.
 *
 *   read and check the fields --> keys from the password, slice by slice --> look, check, write */
#include "base/rng.h"
#include "command/accounts_private.h"
#include "command/handlers.h"
#include "command/server.h"
#include "doc/view.h"
#include "security/keys.h"
#include "security/restriction.h"
#include "security/saslprep.h"

enum { USERS_STRETCH_STEPS = 500, USERS_EXISTS = 51003 };

struct user_args {
    struct doc_value password;
    struct doc_value custom;
    struct doc_value roles;
    struct doc_value mechanisms;
    struct doc_value restrictions;
    bool digests; /* digestPassword: the password is as the user types it */
};

static const struct command_arg user_arg_table[] = {
    {"pwd", COMMAND_ARG_VALUE, offsetof(struct user_args, password), 0},
    {"customData", COMMAND_ARG_VALUE, offsetof(struct user_args, custom), 0},
    {"roles", COMMAND_ARG_VALUE, offsetof(struct user_args, roles), 0},
    {"mechanisms", COMMAND_ARG_VALUE, offsetof(struct user_args, mechanisms), 0},
    {"authenticationRestrictions", COMMAND_ARG_VALUE, offsetof(struct user_args, restrictions), 0},
    {"digestPassword", COMMAND_ARG_BOOL, offsetof(struct user_args, digests), 0},
    {NULL},
};

/* What the user will be. */
struct user_write {
    struct command_name name;
    struct user_args args;
    bool wanted[SECURITY_MECHANISMS];
    struct security_keys keys[SECURITY_MECHANISMS];
    int made; /* mechanisms dealt with */
    struct security_stretch *stretch;
};

static void user_release(struct command_op *op)
{
    struct user_write *user = op->state;
    security_stretch_free(user->stretch);
    user->stretch = NULL;
}

/* ---- the fields ---- */

static int user_check_type(struct command_op *op, const char *name, struct doc_value value,
                           uint8_t type)
{
    if (!doc_value_exists(value) || value.type == type) {
        return 0;
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%s' is the wrong type '%s', expected type '%s'",
                   op->command->name, name, doc_type_name(value.type), doc_type_name(type));
}

static int user_check_types(struct command_op *op, const struct user_args *args)
{
    int code = user_check_type(op, "pwd", args->password, DOC_STRING);
    code = code < 0 ? code : user_check_type(op, "customData", args->custom, DOC_OBJECT);
    code = code < 0 ? code : user_check_type(op, "roles", args->roles, DOC_ARRAY);
    code = code < 0 ? code : user_check_type(op, "mechanisms", args->mechanisms, DOC_ARRAY);
    code = code < 0
               ? code
               : user_check_type(op, "authenticationRestrictions", args->restrictions, DOC_ARRAY);
    return code < 0 || args->restrictions.type != DOC_ARRAY
               ? code
               : security_restrictions_check(doc_value_get_doc(args->restrictions), &op->err);
}

static int user_check_password(struct command_op *op, const struct user_args *args, bool is_new)
{
    bool external = slice_is(op->db, "$external");
    bool given = doc_value_exists(args->password);
    if (external && given) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Cannot set the password for users defined on the '$external' database");
    }
    if (is_new && !external && !given) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Must provide a 'pwd' field for all user documents, except those with "
                       "'$external' as the user's source db");
    }
    if (given && doc_value_get_string(args->password).len == 0) {
        return err_set(&op->err, LT_EBADVALUE, "User passwords must not be empty");
    }
    return 0;
}

static int user_mechanism(struct command_op *op, struct user_write *user, struct doc_value value)
{
    struct slice name =
        value.type == DOC_STRING ? doc_value_get_string(value) : SLICE("(no string)");
    int mechanism = security_mechanism_find(name);
    if (mechanism < 0) {
        return err_set(&op->err, LT_EBADVALUE, "Unknown auth mechanism '%.*s'", SLICE_FMT(name));
    }
    user->wanted[mechanism] = true;
    return 0;
}

static int user_mechanisms(struct command_op *op, struct user_write *user)
{
    const struct user_args *args = &user->args;
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (!doc_value_exists(args->mechanisms)) {
        user->wanted[SECURITY_SCRAM_SHA_1] = true;
        user->wanted[SECURITY_SCRAM_SHA_256] = args->digests;
        return 0;
    }
    if (doc_is_empty(doc_value_get_doc(args->mechanisms))) {
        return err_set(&op->err, LT_EBADVALUE, "mechanisms field must not be empty");
    }
    doc_iter_value(&iter, args->mechanisms);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = user_mechanism(op, user, elem.value);
    }
    if (code == 0 && user->wanted[SECURITY_SCRAM_SHA_256] && !args->digests &&
        doc_value_exists(args->password)) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Use of SCRAM-SHA-256 requires undigested passwords");
    }
    return code;
}

static int user_check_any(struct command_op *op, const struct user_args *args)
{
    bool any = doc_value_exists(args->password) || doc_value_exists(args->custom) ||
               doc_value_exists(args->roles) || doc_value_exists(args->mechanisms) ||
               doc_value_exists(args->restrictions);
    return any ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "Must specify at least one field to update in updateUser");
}

static int user_check_new(struct command_op *op, const struct user_args *args)
{
    if (slice_is(op->db, "local")) {
        return err_set(&op->err, LT_EBADVALUE, "Cannot create users in the local database");
    }
    return doc_value_exists(args->roles)
               ? 0
               : err_set(&op->err, 40414,
                         "BSON field 'createUser.roles' is missing but a required field");
}

static int user_begin(struct command_op *op, bool is_new)
{
    struct user_write *user = arena_zero(&op->arena, 1, sizeof *user);
    user->args.digests = true;
    int code = command_args(op, user_arg_table, &user->args);
    code = code < 0 ? code : accounts__name(op, &user->name);
    code = code < 0 ? code : user_check_types(op, &user->args);
    code = code < 0 ? code : user_check_password(op, &user->args, is_new);
    code = code < 0 ? code
                    : (is_new ? user_check_new(op, &user->args) : user_check_any(op, &user->args));
    code = code < 0 ? code : user_mechanisms(op, user);
    if (code == 0) {
        op->state = user;
        op->release = user_release;
    }
    return code;
}

/* ---- keys ---- */

/* The password as that mechanism's clients hash it. */
static int user_password(struct command_op *op, const struct user_write *user,
                         enum security_mechanism mechanism, struct slice *ret_password)
{
    struct slice typed = doc_value_get_string(user->args.password);
    if (mechanism == SECURITY_SCRAM_SHA_256) {
        return security_saslprep(&op->arena, typed, ret_password, &op->err);
    }
    *ret_password = typed;
    if (user->args.digests) {
        char *text = arena_alloc(&op->arena, SECURITY_LEGACY_LEN + 1);
        security_legacy_password(user->name.name, typed, text);
        *ret_password = slice_str(text);
    }
    return 0;
}

static int user_stretch_begin(struct command_op *op, struct user_write *user,
                              enum security_mechanism mechanism)
{
    const struct command_params *params = &op->server->parameters;
    struct security_keys *keys = &user->keys[mechanism];
    struct slice password;
    int code = user_password(op, user, mechanism, &password);
    if (code < 0) {
        return code;
    }
    keys->mechanism = mechanism;
    keys->iterations = (uint32_t)command_param(
        params, mechanism == SECURITY_SCRAM_SHA_1 ? COMMAND_PARAM_scramIterationCount
                                                  : COMMAND_PARAM_scramSHA256IterationCount);
    keys->salt_len = security_salt_len(mechanism);
    rng_bytes(keys->salt, keys->salt_len);
    user->stretch = security_stretch_new(keys, password);
    return 0;
}

/* One slice: -LT_EYIELD until all keys are made. */
static int user_stretch(struct command_op *op, struct user_write *user)
{
    bool given = doc_value_exists(user->args.password);
    while (given && user->made < SECURITY_MECHANISMS && !user->wanted[user->made]) {
        user->made++;
    }
    if (!given || user->made == SECURITY_MECHANISMS) {
        return 0;
    }
    if (user->stretch == NULL) {
        int code = user_stretch_begin(op, user, (enum security_mechanism)user->made);
        return code < 0 ? code : -LT_EYIELD;
    }
    if (security_stretch_step(user->stretch, USERS_STRETCH_STEPS)) {
        security_stretch_keys(user->stretch, &user->keys[user->made]);
        user_release(op);
        user->made++;
    }
    return -LT_EYIELD;
}

/* ---- the document ---- */

static void user_build_credentials(struct doc_builder *builder, const struct user_write *user)
{
    doc_build_open(builder, SLICE("credentials"));
    for (int i = 0; i < SECURITY_MECHANISMS; i++) {
        if (user->wanted[i]) {
            doc_build_open(builder, slice_str(security_mechanism_name(i)));
            security_keys_build(&user->keys[i], builder);
            doc_build_close(builder);
        }
    }
    doc_build_close(builder);
}

static struct slice user_new_doc(struct command_op *op, const struct user_write *user,
                                 const struct command_names *roles)
{
    struct doc_builder *builder = accounts__begin(op);
    uint8_t id[16];
    rng_bytes(id, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    doc_build_string(builder, "_id", command_join(&op->arena, op->db, user->name.name));
    doc_build_binary(builder, "userId", 4, slice_of(id, sizeof id));
    doc_build_string(builder, "user", user->name.name);
    doc_build_string(builder, "db", op->db);
    if (slice_is(op->db, "$external")) {
        doc_build_open(builder, SLICE("credentials"));
        doc_build_bool(builder, "external", true);
        doc_build_close(builder);
    } else {
        user_build_credentials(builder, user);
    }
    if (doc_value_exists(user->args.custom)) {
        doc_build_value(builder, SLICE("customData"), user->args.custom);
    }
    command_names_build(roles, builder, "roles", "role");
    accounts__build_restrictions(builder, user->args.restrictions);
    return doc_build_end(builder);
}

/* Without a new password: those credentials stay that are named. */
static int user_keep_credentials(struct command_op *op, const struct user_write *user,
                                 struct slice old, struct doc_builder *builder)
{
    struct doc_value all = doc_get_str(old, "credentials");
    doc_build_open(builder, SLICE("credentials"));
    for (int i = 0; i < SECURITY_MECHANISMS && all.type == DOC_OBJECT; i++) {
        const char *name = security_mechanism_name(i);
        struct doc_value keys = doc_get_str(doc_value_get_doc(all), name);
        if (!user->wanted[i]) {
            continue;
        }
        if (!doc_value_exists(keys)) {
            return err_set(&op->err, LT_EBADVALUE,
                           "mechanisms field must be a subset of previously set mechanisms");
        }
        doc_build_value(builder, slice_str(name), keys);
    }
    doc_build_close(builder);
    return 0;
}

static int user_changed_doc(struct command_op *op, const struct user_write *user,
                            const struct command_names *roles, struct slice *doc)
{
    struct doc_builder *field = accounts__begin(op);
    int code = 0;
    if (doc_value_exists(user->args.password)) {
        user_build_credentials(field, user);
        *doc = accounts__with(op, *doc, "credentials", doc_build_end(field));
    } else if (doc_value_exists(user->args.mechanisms)) {
        code = user_keep_credentials(op, user, *doc, field);
        if (code < 0) {
            return code;
        }
        *doc = accounts__with(op, *doc, "credentials", doc_build_end(field));
    }
    if (doc_value_exists(user->args.custom)) {
        field = accounts__begin(op);
        doc_build_value(field, SLICE("customData"), user->args.custom);
        *doc = accounts__with(op, *doc, "customData", doc_build_end(field));
    }
    if (doc_value_exists(user->args.roles)) {
        field = accounts__begin(op);
        command_names_build(roles, field, "roles", "role");
        *doc = accounts__with(op, *doc, "roles", doc_build_end(field));
    }
    if (doc_value_exists(user->args.restrictions)) {
        field = accounts__begin(op);
        accounts__build_restrictions(field, user->args.restrictions);
        *doc = accounts__with(op, *doc, "authenticationRestrictions", doc_build_end(field));
    }
    return code;
}

/* ---- writing ---- */

static int user_look(struct command_op *op, const struct user_write *user, bool is_new,
                     struct slice *ret_old, struct command_names *ret_roles)
{
    struct command_directory directory;
    command_directory_open(op, &directory);
    int code;
    if (is_new) {
        code = command_directory_get(&directory, COMMAND_USERS, &user->name, ret_old);
        code = code <= 0 ? code
                         : err_set(&op->err, USERS_EXISTS, "User \"%.*s@%.*s\" already exists",
                                   SLICE_FMT(user->name.name), SLICE_FMT(op->db));
    } else {
        code = accounts__get(&directory, COMMAND_USERS, &user->name, ret_old);
    }
    if (code == 0 && doc_value_exists(user->args.roles)) {
        code = accounts__roles(&directory, doc_value_get_doc(user->args.roles), true, ret_roles);
    }
    command_directory_close(&directory);
    return code;
}

static int user_run(struct command_op *op, bool is_new)
{
    struct command_names roles = {0};
    struct slice old = {0};
    int code = op->state == NULL ? user_begin(op, is_new) : 0;
    struct user_write *user = op->state;
    code = code < 0 ? code : user_stretch(op, user);
    code = code < 0 ? code : user_look(op, user, is_new, &old, &roles);
    if (code < 0) {
        return code;
    }
    struct slice doc = old;
    if (is_new) {
        doc = user_new_doc(op, user, &roles);
    } else {
        code = user_changed_doc(op, user, &roles, &doc);
    }
    return code < 0
               ? code
               : command_directory_put(op, COMMAND_USERS, is_new ? (struct slice){0} : old, doc);
}

int command_create_user(struct command_op *op)
{
    return user_run(op, true);
}

int command_update_user(struct command_op *op)
{
    return user_run(op, false);
}

/* ---- the others ---- */

static const struct command_arg user_no_args[] = {{NULL}};

int command_drop_user(struct command_op *op)
{
    struct command_directory directory;
    struct command_name name;
    struct slice doc;
    int code = command_args(op, user_no_args, NULL);
    code = code < 0 ? code : accounts__name(op, &name);
    if (code < 0) {
        return code;
    }
    command_directory_open(op, &directory);
    code = accounts__get(&directory, COMMAND_USERS, &name, &doc);
    command_directory_close(&directory);
    return code < 0 ? code : command_directory_delete(op, COMMAND_USERS, doc);
}

int command_drop_all_users(struct command_op *op)
{
    int64_t count;
    int code = command_args(op, user_no_args, NULL);
    code = code < 0 ? code : accounts__drop_all(op, COMMAND_USERS, &count);
    if (code == 0) {
        doc_build_i32(&op->builder, "n", (int32_t)count);
    }
    return code;
}

static const struct command_arg user_roles_args[] = {
    {"roles", COMMAND_ARG_ARRAY, 0, COMMAND_ARG_REQUIRED},
    {NULL},
};

static int user_roles(struct command_op *op, bool grants)
{
    struct command_directory directory;
    struct command_names roles;
    struct command_names asked;
    struct command_name name;
    struct slice array = {0};
    struct slice doc;
    int code = command_args(op, user_roles_args, &array);
    code = code < 0 ? code : accounts__name(op, &name);
    if (code < 0) {
        return code;
    }
    command_directory_open(op, &directory);
    code = accounts__get(&directory, COMMAND_USERS, &name, &doc);
    code = code < 0 ? code : accounts__roles(&directory, array, grants, &asked);
    command_directory_close(&directory);
    if (code < 0) {
        return code;
    }
    command_names_init(&roles, &op->arena);
    command_names_of(&roles, doc);
    for (uint32_t i = 0; i < asked.count; i++) {
        (grants ? command_names_add : command_names_remove)(&roles, &asked.all[i]);
    }
    struct doc_builder *field = accounts__begin(op);
    command_names_build(&roles, field, "roles", "role");
    struct slice changed = accounts__with(op, doc, "roles", doc_build_end(field));
    return command_directory_put(op, COMMAND_USERS, doc, changed);
}

int command_grant_roles_to_user(struct command_op *op)
{
    return user_roles(op, true);
}

int command_revoke_roles_from_user(struct command_op *op)
{
    return user_roles(op, false);
}

/* Accounts follow what is applied by themselves; this makes all of them do so once more. */
int command_invalidate_user_cache(struct command_op *op)
{
    uint64_t applied = atomic_load(&op->server->applied_clock);
    int code = command_args(op, user_no_args, NULL);
    if (code == 0) {
        atomic_store(&op->server->rights_clock, applied);
    }
    return code;
}
