/* command/roles.c - createRole, updateRole and their like, at the owner.
 *
 * A role of `admin` may allow anything and inherit any role; one of another database stays within
 * it. Roles never inherit themselves. */
#include "command/accounts_private.h"
#include "command/handlers.h"
#include "doc/view.h"
#include "security/restriction.h"

enum { ROLES_EXISTS = 51002 };

struct role_args {
    struct doc_value privileges;
    struct doc_value roles;
    struct doc_value restrictions;
};

static const struct command_arg role_arg_table[] = {
    {"privileges", COMMAND_ARG_VALUE, offsetof(struct role_args, privileges), 0},
    {"roles", COMMAND_ARG_VALUE, offsetof(struct role_args, roles), 0},
    {"authenticationRestrictions", COMMAND_ARG_VALUE, offsetof(struct role_args, restrictions), 0},
    {NULL},
};

/* What a role is to be. */
struct role_write {
    struct command_name name;
    struct slice old; /* empty: it is new */
    struct command_names roles;
    struct security_privileges privileges;
    struct doc_value restrictions;
};

/* ---- checks ---- */

static int role_check_array(struct command_op *op, const char *name, struct doc_value value,
                            bool required)
{
    if (value.type == DOC_ARRAY || (!doc_value_exists(value) && !required)) {
        return 0;
    }
    if (!doc_value_exists(value)) {
        return err_set(&op->err, 40414, "BSON field '%s.%s' is missing but a required field",
                       op->command->name, name);
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%s' is the wrong type '%s', expected type 'array'",
                   op->command->name, name, doc_type_name(value.type));
}

static int role_read_args(struct command_op *op, struct role_args *args, bool required)
{
    int code = command_args(op, role_arg_table, args);
    code = code < 0 ? code : role_check_array(op, "privileges", args->privileges, required);
    code = code < 0 ? code : role_check_array(op, "roles", args->roles, required);
    code = code < 0 ? code
                    : role_check_array(op, "authenticationRestrictions", args->restrictions, false);
    return code < 0 || args->restrictions.type != DOC_ARRAY
               ? code
               : security_restrictions_check(doc_value_get_doc(args->restrictions), &op->err);
}

/* Nothing outside its database, unless that is admin. */
static int role_check_scope(struct command_op *op, const struct role_write *role)
{
    if (slice_is(op->db, "admin")) {
        return 0;
    }
    for (uint32_t i = 0; i < role->roles.count; i++) {
        if (!slice_equal(role->roles.all[i].db, op->db)) {
            return err_set(&op->err, ACCOUNTS_INVALIDROLEMODIFICATION,
                           "Roles on the '%.*s' database cannot be granted roles from other "
                           "databases",
                           SLICE_FMT(op->db));
        }
    }
    for (uint32_t i = 0; i < role->privileges.count; i++) {
        const struct security_resource *resource = &role->privileges.all[i].resource;
        if (resource->kind != SECURITY_PLACE || !slice_equal(resource->db, op->db)) {
            return err_set(&op->err, ACCOUNTS_INVALIDROLEMODIFICATION,
                           "Roles on the '%.*s' database cannot be granted privileges that target "
                           "other databases or the cluster",
                           SLICE_FMT(op->db));
        }
    }
    return 0;
}

static int role_check_cycle(struct command_directory *directory, const struct role_write *role)
{
    struct command_names all;
    command_names_init(&all, &directory->op->arena);
    for (uint32_t i = 0; i < role->roles.count; i++) {
        command_names_add(&all, &role->roles.all[i]);
    }
    int code = command_directory_expand(directory, &all, NULL);
    if (code == 0 && command_names_have(&all, &role->name)) {
        return err_set(&directory->op->err, ACCOUNTS_INVALIDROLEMODIFICATION,
                       "Granting these roles to %.*s@%.*s would introduce a cycle in the role "
                       "graph",
                       SLICE_FMT(role->name.name), SLICE_FMT(role->name.db));
    }
    return code;
}

/* ---- writing ---- */

static int role_put(struct command_op *op, const struct role_write *role)
{
    struct doc_builder *builder = accounts__begin(op);
    int code = role_check_scope(op, role);
    if (code < 0) {
        return code;
    }
    doc_build_string(builder, "_id", command_join(&op->arena, op->db, role->name.name));
    doc_build_string(builder, "role", role->name.name);
    doc_build_string(builder, "db", op->db);
    security_privileges_build(&role->privileges, builder, "privileges");
    command_names_build(&role->roles, builder, "roles", "role");
    accounts__build_restrictions(builder, role->restrictions);
    return command_directory_put(op, COMMAND_ROLES, role->old, doc_build_end(builder));
}

/* The role as it is. */
static int role_get(struct command_directory *directory, struct role_write *role)
{
    struct err *err = &directory->op->err;
    int code = accounts__get(directory, COMMAND_ROLES, &role->name, &role->old);
    if (code < 0) {
        return code;
    }
    struct doc_value privileges = doc_get_str(role->old, "privileges");
    command_names_of(&role->roles, role->old);
    role->restrictions = doc_get_str(role->old, "authenticationRestrictions");
    return privileges.type == DOC_ARRAY
               ? security_privileges_parse(&role->privileges, doc_value_get_doc(privileges), err)
               : 0;
}

static int role_set(struct command_directory *directory, const struct role_args *args,
                    struct role_write *role)
{
    struct command_op *op = directory->op;
    int code = 0;
    if (doc_value_exists(args->privileges)) {
        security_privileges_init(&role->privileges, &op->arena);
        code = security_privileges_parse(&role->privileges, doc_value_get_doc(args->privileges),
                                         &op->err);
    }
    if (doc_value_exists(args->restrictions)) {
        role->restrictions = args->restrictions;
    }
    if (code == 0 && doc_value_exists(args->roles)) {
        code = accounts__roles(directory, doc_value_get_doc(args->roles), true, &role->roles);
    }
    return code < 0 ? code : role_check_cycle(directory, role);
}

static void role_init(struct command_op *op, struct role_write *role)
{
    *role = (struct role_write){.restrictions = doc_missing};
    command_names_init(&role->roles, &op->arena);
    security_privileges_init(&role->privileges, &op->arena);
}

static int role_check_new(struct command_directory *directory, const struct role_write *role)
{
    struct err *err = &directory->op->err;
    struct slice doc;
    if (security_role_is_builtin(role->name.name, role->name.db)) {
        return err_set(err, LT_EBADVALUE,
                       "Cannot create roles with the same name as a built-in role");
    }
    if (slice_is(role->name.db, "local") || slice_is(role->name.db, "$external")) {
        return err_set(err, LT_EBADVALUE, "Cannot create roles in the %.*s database",
                       SLICE_FMT(role->name.db));
    }
    int code = command_directory_get(directory, COMMAND_ROLES, &role->name, &doc);
    return code <= 0 ? code
                     : err_set(err, ROLES_EXISTS, "Role \"%.*s@%.*s\" already exists",
                               SLICE_FMT(role->name.name), SLICE_FMT(role->name.db));
}

static int role_run(struct command_op *op, bool is_new)
{
    struct command_directory directory;
    struct role_args args = {0};
    struct role_write role;
    role_init(op, &role);
    int code = role_read_args(op, &args, is_new);
    code = code < 0 ? code : accounts__name(op, &role.name);
    if (code == 0 && !is_new && !doc_value_exists(args.privileges) &&
        !doc_value_exists(args.roles) && !doc_value_exists(args.restrictions)) {
        code = err_set(&op->err, LT_EBADVALUE,
                       "updateRole commands must specify the fields \"privileges\", \"roles\", "
                       "and/or \"authenticationRestrictions\"");
    }
    if (code < 0) {
        return code;
    }
    command_directory_open(op, &directory);
    code = is_new ? role_check_new(&directory, &role) : role_get(&directory, &role);
    code = code < 0 ? code : role_set(&directory, &args, &role);
    command_directory_close(&directory);
    return code < 0 ? code : role_put(op, &role);
}

int command_create_role(struct command_op *op)
{
    return role_run(op, true);
}

int command_update_role(struct command_op *op)
{
    return role_run(op, false);
}

/* ---- a part of it ---- */

static const struct command_arg role_roles_args[] = {
    {"roles", COMMAND_ARG_ARRAY, 0, COMMAND_ARG_REQUIRED},
    {NULL},
};

static const struct command_arg role_privileges_args[] = {
    {"privileges", COMMAND_ARG_ARRAY, 0, COMMAND_ARG_REQUIRED},
    {NULL},
};

static int role_change_roles(struct command_directory *directory, struct slice array, bool grants,
                             struct role_write *role)
{
    struct command_names asked;
    int code = accounts__roles(directory, array, grants, &asked);
    for (uint32_t i = 0; code == 0 && i < asked.count; i++) {
        (grants ? command_names_add : command_names_remove)(&role->roles, &asked.all[i]);
    }
    return code < 0 ? code : role_check_cycle(directory, role);
}

static int role_change_privileges(struct command_directory *directory, struct slice array,
                                  bool grants, struct role_write *role)
{
    struct security_privileges asked;
    security_privileges_init(&asked, &directory->op->arena);
    int code = security_privileges_parse(&asked, array, &directory->op->err);
    for (uint32_t i = 0; code == 0 && i < asked.count; i++) {
        (grants ? security_privileges_add : security_privileges_remove)(
            &role->privileges, &asked.all[i].resource, &asked.all[i].actions);
    }
    return code;
}

typedef int (*role_change_cb)(struct command_directory *directory, struct slice array, bool grants,
                              struct role_write *role);

static int role_change(struct command_op *op, const struct command_arg *table,
                       role_change_cb change, bool grants)
{
    struct command_directory directory;
    struct role_write role;
    struct slice array = {0};
    role_init(op, &role);
    int code = command_args(op, table, &array);
    code = code < 0 ? code : accounts__name(op, &role.name);
    if (code < 0) {
        return code;
    }
    command_directory_open(op, &directory);
    code = role_get(&directory, &role);
    code = code < 0 ? code : change(&directory, array, grants, &role);
    command_directory_close(&directory);
    return code < 0 ? code : role_put(op, &role);
}

int command_grant_roles_to_role(struct command_op *op)
{
    return role_change(op, role_roles_args, role_change_roles, true);
}

int command_revoke_roles_from_role(struct command_op *op)
{
    return role_change(op, role_roles_args, role_change_roles, false);
}

int command_grant_privileges(struct command_op *op)
{
    return role_change(op, role_privileges_args, role_change_privileges, true);
}

int command_revoke_privileges(struct command_op *op)
{
    return role_change(op, role_privileges_args, role_change_privileges, false);
}

/* ---- dropping ---- */

static const struct command_arg role_no_args[] = {{NULL}};

int command_drop_role(struct command_op *op)
{
    struct command_directory directory;
    struct command_name name;
    struct slice doc;
    int code = command_args(op, role_no_args, NULL);
    code = code < 0 ? code : accounts__name(op, &name);
    if (code < 0) {
        return code;
    }
    command_directory_open(op, &directory);
    code = accounts__get(&directory, COMMAND_ROLES, &name, &doc);
    command_directory_close(&directory);
    code = code < 0 ? code : accounts__forget_role(op, &name);
    return code < 0 ? code : command_directory_delete(op, COMMAND_ROLES, doc);
}

int command_drop_all_roles(struct command_op *op)
{
    struct command_name all = {.db = op->db};
    int64_t count;
    int code = command_args(op, role_no_args, NULL);
    code = code < 0 ? code : accounts__forget_role(op, &all);
    code = code < 0 ? code : accounts__drop_all(op, COMMAND_ROLES, &count);
    if (code == 0) {
        doc_build_i32(&op->builder, "n", (int32_t)count);
    }
    return code;
}
