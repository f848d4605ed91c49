/* command/accounts_info.c - usersInfo, rolesInfo and connectionStatus. */
#include "command/account.h"
#include "command/accounts_private.h"
#include "command/handlers.h"
#include "command/server.h"
#include "doc/view.h"
#include "query/match.h"

/* ---- what both take ---- */

/* The first field: 1, a name, a document with a name, or an array of names. */
struct info_which {
    struct command_names names;
    bool named; /* these; else all of the database, or of every one */
    bool every;
};

static int info_which(struct command_op *op, const char *key, struct info_which *which)
{
    struct doc_value first = doc_first(op->body).value;
    struct command_names_spec spec = {op->command->name, key, op->db};
    struct command_name name;
    command_names_init(&which->names, &op->arena);
    which->named = true;
    if (first.type == DOC_ARRAY) {
        return command_names_parse(&which->names, &spec, doc_value_get_doc(first), &op->err);
    }
    if (first.type == DOC_OBJECT &&
        doc_value_exists(doc_get_str(doc_value_get_doc(first), "forAllDBs"))) {
        which->every = true;
        which->named = false;
        return 0;
    }
    if (doc_value_is_number(first)) {
        which->named = false;
        return doc_value_to_double(first) == 1
                   ? 0
                   : err_set(&op->err, LT_EBADVALUE, "%s must be 1, a name or names",
                             op->command->name);
    }
    int code = command_name_parse(&spec, first, &name, &op->err);
    if (code == 0) {
        command_names_add(&which->names, &name);
    }
    return code;
}

struct info_list {
    struct command_op *op;
    const struct info_which *which;
    struct accounts_docs docs;
};

static int info_add(void *context, struct slice doc)
{
    struct info_list *list = context;
    bool any = list->which->named || list->which->every;
    if (any || accounts__is_here(list->op, doc)) {
        accounts__docs_add(list->op, &list->docs, doc);
    }
    return 0;
}

/* The stored documents that are meant; names that are not there are left out. */
static int info_find(struct command_directory *directory, enum command_directory_kind kind,
                     struct info_list *list)
{
    if (!list->which->named) {
        return command_directory_each(directory, kind, info_add, list);
    }
    int code = 0;
    for (uint32_t i = 0; i < list->which->names.count && code >= 0; i++) {
        struct slice doc;
        code = command_directory_get(directory, kind, &list->which->names.all[i], &doc);
        code = code > 0 ? info_add(list, doc) : code;
    }
    return code < 0 ? code : 0;
}

/* ---- usersInfo ---- */

struct users_args {
    struct slice filter;
    bool credentials;
    bool privileges;
    bool custom;
    bool restrictions;
};

static const struct command_arg users_arg_table[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct users_args, filter), 0},
    {"showCredentials", COMMAND_ARG_BOOL, offsetof(struct users_args, credentials), 0},
    {"showPrivileges", COMMAND_ARG_BOOL, offsetof(struct users_args, privileges), 0},
    {"showCustomData", COMMAND_ARG_BOOL, offsetof(struct users_args, custom), 0},
    {"showAuthenticationRestrictions", COMMAND_ARG_BOOL, offsetof(struct users_args, restrictions),
     0},
    {NULL},
};

static void users_build_mechanisms(struct doc_builder *builder, struct slice doc)
{
    struct doc_value credentials = doc_get_str(doc, "credentials");
    struct doc_iter iter;
    struct doc_elem elem;
    doc_build_open_array(builder, SLICE("mechanisms"));
    if (credentials.type == DOC_OBJECT) {
        doc_iter_value(&iter, credentials);
        while (doc_iter_next(&iter, &elem)) {
            doc_build_string(builder, "", elem.name);
        }
    }
    doc_build_close(builder);
}

static void info_build_array(struct doc_builder *builder, const char *field, struct slice doc)
{
    struct doc_value array = doc_get_str(doc, "authenticationRestrictions");
    doc_build_value(builder, slice_str(field), array.type == DOC_ARRAY ? array : doc_empty_array);
}

/* Its own, and an array of each role that has some. */
static int info_restrictions(struct command_directory *directory, struct slice doc,
                             const struct command_names *roles, struct doc_builder *builder)
{
    int code = 0;
    info_build_array(builder, "authenticationRestrictions", doc);
    doc_build_open_array(builder, SLICE("inheritedAuthenticationRestrictions"));
    for (uint32_t i = 0; i < roles->count && code >= 0; i++) {
        struct slice role;
        code = command_directory_get(directory, COMMAND_ROLES, &roles->all[i], &role);
        if (code > 0 && doc_value_exists(doc_get_str(role, "authenticationRestrictions"))) {
            info_build_array(builder, "", role);
        }
    }
    doc_build_close(builder);
    return code < 0 ? code : 0;
}

static int users_build(struct command_directory *directory, const struct users_args *args,
                       struct slice doc, struct doc_builder *builder)
{
    struct command_op *op = directory->op;
    struct command_names roles;
    struct security_privileges privileges;
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        bool hidden = (slice_is(elem.name, "credentials") && !args->credentials) ||
                      (slice_is(elem.name, "customData") && !args->custom) ||
                      slice_is(elem.name, "authenticationRestrictions");
        if (!hidden) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    users_build_mechanisms(builder, doc);
    if (args->privileges || args->restrictions) {
        command_names_init(&roles, &op->arena);
        security_privileges_init(&privileges, &op->arena);
        command_names_of(&roles, doc);
        code = command_directory_expand(directory, &roles, &privileges);
    }
    if (args->privileges) {
        command_names_build(&roles, builder, "inheritedRoles", "role");
        security_privileges_build(&privileges, builder, "inheritedPrivileges");
    }
    return code < 0 || !args->restrictions ? code
                                           : info_restrictions(directory, doc, &roles, builder);
}

static int users_filter(struct command_op *op, struct slice filter, struct query_match **ret_match,
                        struct query_eval *eval)
{
    struct query_context *context = arena_zero(&op->arena, 1, sizeof *context);
    *ret_match = NULL;
    if (filter.len == 0) {
        return 0;
    }
    *context = (struct query_context){.arena = &op->arena, .now_ms = op->wall_ms};
    int code = query_match_parse(context, filter, ret_match, &op->err);
    query_eval_init(eval, context, &op->arena);
    return code;
}

static int users_list(struct command_directory *directory, const struct users_args *args,
                      const struct info_which *which, struct doc_builder *array)
{
    struct command_op *op = directory->op;
    struct info_list list = {.op = op, .which = which};
    struct query_match *match;
    struct query_eval eval;
    int code = users_filter(op, args->filter, &match, &eval);
    code = code < 0 ? code : info_find(directory, COMMAND_USERS, &list);
    for (size_t i = 0; i < list.docs.count && code >= 0; i++) {
        struct doc_builder *builder = accounts__begin(op);
        code = users_build(directory, args, list.docs.all[i], builder);
        struct slice doc = doc_build_end(builder);
        if (code == 0 && match != NULL) {
            eval.root = doc_value_object(doc);
            code = query_match_doc(match, &eval, doc, NULL, &op->err);
            code = code == 0 ? 1 : code < 0 ? code : 0;
        }
        if (code == 0) {
            doc_build_doc(array, "", doc);
        }
        code = code < 0 ? code : 0;
    }
    return code;
}

/* A reply of one array: made beside it, for what is missed begins the command anew. */
static struct doc_builder *info_begin_array(struct command_op *op)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin_array(builder, buf);
    return builder;
}

int command_users_info(struct command_op *op)
{
    struct users_args args = {.custom = true};
    struct info_which which = {0};
    struct command_directory directory;
    int code = command_args(op, users_arg_table, &args);
    code = code < 0 ? code : info_which(op, "user", &which);
    if (code == 0 && args.privileges && !which.named) {
        code = err_set(&op->err, LT_EILLEGALOPERATION,
                       "Can only get privilege details on exact-match usersInfo queries.");
    }
    if (code < 0) {
        return code;
    }
    struct doc_builder *array = info_begin_array(op);
    command_directory_open(op, &directory);
    code = users_list(&directory, &args, &which, array);
    command_directory_close(&directory);
    if (code == 0) {
        doc_build_array(&op->builder, "users", doc_build_end(array));
    }
    return code;
}

/* ---- rolesInfo ---- */

struct roles_args {
    struct doc_value privileges;
    bool builtins;
    bool restrictions;
};

static const struct command_arg roles_arg_table[] = {
    {"showPrivileges", COMMAND_ARG_VALUE, offsetof(struct roles_args, privileges), 0},
    {"showBuiltinRoles", COMMAND_ARG_BOOL, offsetof(struct roles_args, builtins), 0},
    {"showAuthenticationRestrictions", COMMAND_ARG_BOOL, offsetof(struct roles_args, restrictions),
     0},
    {NULL},
};

/* One role: `doc` is empty for a built-in one. */
static int roles_build(struct command_directory *directory, const struct command_name *name,
                       struct slice doc, const struct roles_args *args, struct doc_builder *array)
{
    struct command_op *op = directory->op;
    struct command_names roles, all;
    struct security_privileges own, inherited;
    command_names_init(&roles, &op->arena);
    command_names_init(&all, &op->arena);
    security_privileges_init(&own, &op->arena);
    security_privileges_init(&inherited, &op->arena);
    if (doc.len > 0) {
        struct doc_value privileges = doc_get_str(doc, "privileges");
        command_names_of(&roles, doc);
        command_names_of(&all, doc);
        if (privileges.type == DOC_ARRAY) {
            (void)security_privileges_parse(&own, doc_value_get_doc(privileges), NULL);
            (void)security_privileges_parse(&inherited, doc_value_get_doc(privileges), NULL);
        }
    } else {
        security_role_privileges(name->name, name->db, &own);
        security_role_privileges(name->name, name->db, &inherited);
    }
    int code = command_directory_expand(directory, &all, &inherited);
    if (code < 0) {
        return code;
    }
    doc_build_open(array, SLICE(""));
    doc_build_string(array, "_id", command_join(&op->arena, name->db, name->name));
    doc_build_string(array, "role", name->name);
    doc_build_string(array, "db", name->db);
    command_names_build(&roles, array, "roles", "role");
    doc_build_bool(array, "isBuiltin", doc.len == 0);
    command_names_build(&all, array, "inheritedRoles", "role");
    if (doc_value_truth(args->privileges)) {
        security_privileges_build(&own, array, "privileges");
        security_privileges_build(&inherited, array, "inheritedPrivileges");
    }
    if (args->restrictions) {
        struct slice has = doc.len > 0 ? doc : doc_value_get_doc(doc_empty_object);
        code = info_restrictions(directory, has, &all, array);
    }
    doc_build_close(array);
    return code;
}

static int roles_builtins(struct command_directory *directory, const struct roles_args *args,
                          struct doc_builder *array)
{
    struct slice db = directory->op->db;
    const char *name;
    int code = 0;
    for (size_t i = 0; code == 0 && (name = security_role_each(db, i)) != NULL; i++) {
        struct command_name role = {slice_str(name), db};
        code = roles_build(directory, &role, (struct slice){0}, args, array);
    }
    return code;
}

static int roles_list(struct command_directory *directory, const struct roles_args *args,
                      const struct info_which *which, struct doc_builder *array)
{
    struct info_list list = {.op = directory->op, .which = which};
    int code = 0;
    for (uint32_t i = 0; i < which->names.count && code == 0; i++) {
        const struct command_name *name = &which->names.all[i];
        if (security_role_is_builtin(name->name, name->db)) {
            code = roles_build(directory, name, (struct slice){0}, args, array);
        }
    }
    code = code < 0 ? code : info_find(directory, COMMAND_ROLES, &list);
    for (size_t i = 0; i < list.docs.count && code == 0; i++) {
        struct doc_value role = doc_get_str(list.docs.all[i], "role");
        struct doc_value db = doc_get_str(list.docs.all[i], "db");
        if (role.type == DOC_STRING && db.type == DOC_STRING) {
            struct command_name name = {doc_value_get_string(role), doc_value_get_string(db)};
            code = roles_build(directory, &name, list.docs.all[i], args, array);
        }
    }
    if (code == 0 && !which->named && args->builtins) {
        code = roles_builtins(directory, args, array);
    }
    return code;
}

/* {privileges, roles} of all that are named, as a user who had them would have it. */
static int roles_fragment(struct command_directory *directory, const struct info_which *which,
                          struct doc_builder *builder)
{
    struct command_op *op = directory->op;
    struct command_names all;
    struct security_privileges privileges;
    command_names_init(&all, &op->arena);
    security_privileges_init(&privileges, &op->arena);
    for (uint32_t i = 0; i < which->names.count; i++) {
        command_names_add(&all, &which->names.all[i]);
    }
    int code = command_directory_expand(directory, &all, &privileges);
    command_names_build(&which->names, builder, "roles", "role");
    command_names_build(&all, builder, "inheritedRoles", "role");
    security_privileges_build(&privileges, builder, "inheritedPrivileges");
    return code;
}

int command_roles_info(struct command_op *op)
{
    struct roles_args args = {.privileges = doc_missing};
    struct info_which which = {0};
    struct command_directory directory;
    int code = command_args(op, roles_arg_table, &args);
    code = code < 0 ? code : info_which(op, "role", &which);
    if (code < 0) {
        return code;
    }
    bool fragment = args.privileges.type == DOC_STRING &&
                    slice_is(doc_value_get_string(args.privileges), "asUserFragment");
    struct doc_builder *made = fragment ? accounts__begin(op) : info_begin_array(op);
    command_directory_open(op, &directory);
    code = fragment ? roles_fragment(&directory, &which, made)
                    : roles_list(&directory, &args, &which, made);
    command_directory_close(&directory);
    if (code < 0) {
        return code;
    }
    if (fragment) {
        doc_build_doc(&op->builder, "userFragment", doc_build_end(made));
    } else {
        doc_build_array(&op->builder, "roles", doc_build_end(made));
    }
    return 0;
}

/* ---- connectionStatus ---- */

int command_connection_status(struct command_op *op)
{
    int code = command_account_refresh(op);
    const struct command_account *account = op->client->account;
    struct doc_builder *builder = &op->builder;
    if (code < 0) {
        return code;
    }
    doc_build_open(builder, SLICE("authInfo"));
    struct security_privileges none = {0};
    command_account_build(account, builder, "authenticatedUsers", "authenticatedUserRoles");
    if (doc_value_truth(doc_get_str(op->body, "showPrivileges"))) {
        security_privileges_build(account == NULL ? &none : &account->privileges, builder,
                                  "authenticatedUserPrivileges");
    }
    doc_build_close(builder);
    return 0;
}
