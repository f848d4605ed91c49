/* command/accounts_merge.c - _mergeAuthzCollections: users and roles that a restore has put beside
 * take their places, at once.
 *
 * Everything is read and checked before the first is written. A miss begins anew; what was written
 * by then is written again, as it is. */
#include "command/accounts_private.h"
#include "command/handlers.h"
#include "doc/view.h"

struct merge_args {
    struct slice users;
    struct slice roles;
    struct slice db; /* empty: of all */
    bool drops;
};

static const struct command_arg merge_arg_table[] = {
    {"tempUsersCollection", COMMAND_ARG_STRING, offsetof(struct merge_args, users), 0},
    {"tempRolesCollection", COMMAND_ARG_STRING, offsetof(struct merge_args, roles), 0},
    {"db", COMMAND_ARG_STRING, offsetof(struct merge_args, db), COMMAND_ARG_REQUIRED},
    {"drop", COMMAND_ARG_BOOL, offsetof(struct merge_args, drops), COMMAND_ARG_REQUIRED},
    {NULL},
};

/* The accounts of one kind. */
struct merge {
    struct command_op *op;
    const struct merge_args *args;
    enum command_directory_kind kind;
    struct accounts_docs given; /* to be put, in the order of their _id */
    struct accounts_docs had;   /* that are there */
};

static const char *const merge_fields[] = {[COMMAND_USERS] = "user", [COMMAND_ROLES] = "role"};

/* False when it is no account. */
static bool merge_name(const struct merge *merge, struct slice doc, struct command_name *ret_name)
{
    struct doc_value name = doc_get_str(doc, merge_fields[merge->kind]);
    struct doc_value db = doc_get_str(doc, "db");
    if (name.type != DOC_STRING || db.type != DOC_STRING) {
        return false;
    }
    *ret_name = (struct command_name){doc_value_get_string(name), doc_value_get_string(db)};
    return true;
}

static bool merge_wants(const struct merge *merge, const struct command_name *name)
{
    return merge->args->db.len == 0 || slice_equal(name->db, merge->args->db);
}

/* What is its place: the _id that accounts have. */
static bool merge_is_sound(struct merge *merge, struct slice doc, const struct command_name *name)
{
    struct doc_value id = doc_get_str(doc, "_id");
    bool has_keys =
        merge->kind == COMMAND_ROLES || doc_get_str(doc, "credentials").type == DOC_OBJECT;
    return has_keys && doc_get_str(doc, "roles").type == DOC_ARRAY && id.type == DOC_STRING &&
           slice_equal(doc_value_get_string(id),
                       command_join(&merge->op->arena, name->db, name->name));
}

static int merge_take_given(void *context, struct slice doc)
{
    struct merge *merge = context;
    struct command_name name;
    if (!merge_name(merge, doc, &name) || !merge_is_sound(merge, doc, &name)) {
        return err_set(&merge->op->err, LT_EBADVALUE, "a document to be merged is no %s",
                       merge_fields[merge->kind]);
    }
    if (merge_wants(merge, &name)) {
        accounts__docs_add(merge->op, &merge->given, doc);
    }
    return 0;
}

static int merge_take_had(void *context, struct slice doc)
{
    struct merge *merge = context;
    struct command_name name;
    bool is_named = merge_name(merge, doc, &name) && doc_get_str(doc, "_id").type == DOC_STRING;
    if (is_named && merge_wants(merge, &name)) {
        accounts__docs_add(merge->op, &merge->had, doc);
    }
    return 0;
}

static int merge_look(struct merge *merge, struct slice ns)
{
    struct command_directory directory;
    command_directory_open(merge->op, &directory);
    int code = command_directory_each_in(&directory, ns, merge_take_given, merge);
    code = code < 0 ? code : command_directory_each(&directory, merge->kind, merge_take_had, merge);
    command_directory_close(&directory);
    return code;
}

static int merge_order(struct slice a, struct slice b)
{
    return slice_compare(doc_value_get_string(doc_get_str(a, "_id")),
                         doc_value_get_string(doc_get_str(b, "_id")));
}

/* Both lists come in the order of their _id, side by side. */
static int merge_write(const struct merge *merge)
{
    const struct accounts_docs *had = &merge->had;
    size_t at = 0;
    int code = 0;
    for (size_t i = 0; i <= merge->given.count && code == 0; i++) {
        bool ends = i == merge->given.count;
        int order = -1;
        while (code == 0 && at < had->count &&
               (order = ends ? -1 : merge_order(had->all[at], merge->given.all[i])) < 0) {
            struct slice gone = had->all[at++];
            code = merge->args->drops ? command_directory_delete(merge->op, merge->kind, gone) : 0;
        }
        if (code == 0 && !ends) {
            bool is_there = at < had->count && order == 0;
            struct slice old = is_there ? had->all[at++] : (struct slice){0};
            code = command_directory_put(merge->op, merge->kind, old, merge->given.all[i]);
        }
    }
    return code;
}

int command_merge_accounts(struct command_op *op)
{
    struct merge_args args = {0};
    struct merge users = {.op = op, .args = &args, .kind = COMMAND_USERS};
    struct merge roles = {.op = op, .args = &args, .kind = COMMAND_ROLES};
    int code = command_args(op, merge_arg_table, &args);
    if (code == 0 && args.users.len == 0 && args.roles.len == 0) {
        code = err_set(&op->err, LT_EBADVALUE,
                       "Must provide at least one of \"tempUsersCollection\" and "
                       "\"tempRolesCollection\"");
    }
    code = code < 0 || args.users.len == 0 ? code : merge_look(&users, args.users);
    code = code < 0 || args.roles.len == 0 ? code : merge_look(&roles, args.roles);
    code = code < 0 || args.roles.len == 0 ? code : merge_write(&roles);
    return code < 0 || args.users.len == 0 ? code : merge_write(&users);
}
