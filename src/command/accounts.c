/* command/accounts.c - what the commands on users and on roles share. */
#include "command/accounts_private.h"

#include "doc/view.h"

int accounts__name(struct command_op *op, struct command_name *ret_name)
{
    struct doc_elem first = doc_first(op->body);
    if (first.value.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%.*s' is the wrong type '%s', expected type 'string'",
                       op->command->name, SLICE_FMT(first.name), doc_type_name(first.value.type));
    }
    struct command_names_spec spec = {op->command->name, "name", op->db};
    return command_name_parse(&spec, first.value, ret_name, &op->err);
}

int accounts__roles(struct command_directory *directory, struct slice array, bool found,
                    struct command_names *ret_roles)
{
    struct command_op *op = directory->op;
    struct command_names_spec spec = {"roles", "role", op->db};
    struct slice doc;
    command_names_init(ret_roles, &op->arena);
    int code = command_names_parse(ret_roles, &spec, array, &op->err);
    for (uint32_t i = 0; i < ret_roles->count && code == 0 && found; i++) {
        const struct command_name *role = &ret_roles->all[i];
        if (security_role_is_builtin(role->name, role->db)) {
            continue;
        }
        code = command_directory_get(directory, COMMAND_ROLES, role, &doc);
        if (code == 0) {
            return err_set(&op->err, LT_EROLENOTFOUND, "Could not find role: %.*s@%.*s",
                           SLICE_FMT(role->name), SLICE_FMT(role->db));
        }
        code = code < 0 ? code : 0;
    }
    return code;
}

int accounts__get(struct command_directory *directory, enum command_directory_kind kind,
                  const struct command_name *name, struct slice *ret_doc)
{
    struct err *err = &directory->op->err;
    if (kind == COMMAND_ROLES && security_role_is_builtin(name->name, name->db)) {
        return err_set(err, ACCOUNTS_INVALIDROLEMODIFICATION,
                       "%.*s@%.*s is a built-in role and cannot be modified.",
                       SLICE_FMT(name->name), SLICE_FMT(name->db));
    }
    int code = command_directory_get(directory, kind, name, ret_doc);
    if (code != 0) {
        return code < 0 ? code : 0;
    }
    return kind == COMMAND_USERS ? err_set(err, LT_EUSERNOTFOUND, "User '%.*s@%.*s' not found",
                                           SLICE_FMT(name->name), SLICE_FMT(name->db))
                                 : err_set(err, LT_EROLENOTFOUND, "Role '%.*s@%.*s' not found",
                                           SLICE_FMT(name->name), SLICE_FMT(name->db));
}

struct doc_builder *accounts__begin(struct command_op *op)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    return builder;
}

void accounts__build_restrictions(struct doc_builder *builder, struct doc_value restrictions)
{
    if (restrictions.type == DOC_ARRAY && !doc_is_empty(doc_value_get_doc(restrictions))) {
        doc_build_value(builder, SLICE("authenticationRestrictions"), restrictions);
    }
}

struct slice accounts__with(struct command_op *op, struct slice doc, const char *name,
                            struct slice value)
{
    struct doc_builder *builder = accounts__begin(op);
    struct doc_iter iter;
    struct doc_elem elem;
    bool found = false;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, name)) {
            doc_build_fields(builder, value);
            found = true;
        } else {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    if (!found) {
        doc_build_fields(builder, value);
    }
    return doc_build_end(builder);
}

/* ---- many at once ---- */

struct accounts_list {
    struct command_op *op;
    struct accounts_docs docs;
    bool (*wants)(const struct accounts_list *list, struct slice doc);
    const struct command_name *role;
};

void accounts__docs_add(struct command_op *op, struct accounts_docs *docs, struct slice doc)
{
    if (docs->count == docs->cap) {
        struct slice *old = docs->all;
        docs->cap = docs->cap == 0 ? 16 : docs->cap * 2;
        docs->all = arena_alloc(&op->arena, docs->cap * sizeof *old);
        if (docs->count > 0) {
            memcpy(docs->all, old, docs->count * sizeof *old);
        }
    }
    docs->all[docs->count++] = doc;
}

static int accounts_note(void *context, struct slice doc)
{
    struct accounts_list *list = context;
    if (list->wants(list, doc)) {
        accounts__docs_add(list->op, &list->docs, doc);
    }
    return 0;
}

static int accounts_list(struct accounts_list *list, enum command_directory_kind kind)
{
    struct command_directory directory;
    command_directory_open(list->op, &directory);
    int code = command_directory_each(&directory, kind, accounts_note, list);
    command_directory_close(&directory);
    return code;
}

bool accounts__is_here(const struct command_op *op, struct slice doc)
{
    struct doc_value db = doc_get_str(doc, "db");
    return db.type == DOC_STRING && slice_equal(doc_value_get_string(db), op->db);
}

static bool accounts_are_here(const struct accounts_list *list, struct slice doc)
{
    return accounts__is_here(list->op, doc);
}

int accounts__drop_all(struct command_op *op, enum command_directory_kind kind, int64_t *ret_count)
{
    struct accounts_list list = {.op = op, .wants = accounts_are_here};
    int64_t *dropped = op->state;
    if (dropped == NULL) {
        dropped = op->state = arena_zero(&op->arena, 1, sizeof *dropped);
    }
    int code = accounts_list(&list, kind);
    for (size_t i = 0; i < list.docs.count && code == 0; i++) {
        code = command_directory_delete(op, kind, list.docs.all[i]);
        *dropped += code == 0;
    }
    *ret_count = *dropped;
    return code;
}

static bool accounts_is_meant(const struct command_name *role, const struct command_name *meant)
{
    return slice_equal(role->db, meant->db) &&
           (meant->name.len == 0 || slice_equal(role->name, meant->name));
}

static bool accounts_have_role(const struct accounts_list *list, struct slice doc)
{
    struct command_names roles;
    bool found = false;
    command_names_init(&roles, &list->op->arena);
    command_names_of(&roles, doc);
    for (uint32_t i = 0; i < roles.count; i++) {
        found |= accounts_is_meant(&roles.all[i], list->role) &&
                 !security_role_is_builtin(roles.all[i].name, roles.all[i].db);
    }
    return found;
}

static struct slice accounts_without(struct command_op *op, struct slice doc,
                                     const struct command_name *meant)
{
    struct doc_builder *field = accounts__begin(op);
    struct command_names roles;
    struct command_names kept;
    command_names_init(&roles, &op->arena);
    command_names_init(&kept, &op->arena);
    command_names_of(&roles, doc);
    for (uint32_t i = 0; i < roles.count; i++) {
        if (!accounts_is_meant(&roles.all[i], meant) ||
            security_role_is_builtin(roles.all[i].name, roles.all[i].db)) {
            command_names_add(&kept, &roles.all[i]);
        }
    }
    command_names_build(&kept, field, "roles", "role");
    return accounts__with(op, doc, "roles", doc_build_end(field));
}

int accounts__forget_role(struct command_op *op, const struct command_name *role)
{
    static const enum command_directory_kind kinds[] = {COMMAND_USERS, COMMAND_ROLES};
    int code = 0;
    for (int k = 0; k < 2 && code == 0; k++) {
        struct accounts_list list = {.op = op, .wants = accounts_have_role, .role = role};
        code = accounts_list(&list, kinds[k]);
        for (size_t i = 0; i < list.docs.count && code == 0; i++) {
            struct slice doc = accounts_without(op, list.docs.all[i], role);
            code = command_directory_put(op, kinds[k], list.docs.all[i], doc);
        }
    }
    return code;
}
