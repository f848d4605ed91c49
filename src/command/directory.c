/* command/directory.c - reading and writing the two collections of accounts. */
#include "command/directory.h"

#include "command/args.h"
#include "command/owner.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/effect.h"
#include "store/scan.h"

static const char *const directory_namespaces[] = {
    [COMMAND_USERS] = "admin.system.users",
    [COMMAND_ROLES] = "admin.system.roles",
};

void command_directory_open(struct command_op *op, struct command_directory *directory)
{
    directory->op = op;
    directory->view = &directory->own;
    if (op->writer != NULL) {
        directory->view = &op->writer->view;
        directory->catalog = store_catalog_hold(op->writer->catalog);
    } else {
        store_view_init(&directory->own, op->server->kv, NULL);
        directory->own.wait = op->wait;
        directory->catalog = command_server_catalog(op->server);
    }
}

void command_directory_close(struct command_directory *directory)
{
    if (directory->view == &directory->own) {
        store_view_close(&directory->own);
    }
    store_catalog_release(directory->catalog);
}

static struct store_collection *directory_collection(const struct command_directory *directory,
                                                     enum command_directory_kind kind)
{
    return store_catalog_find(directory->catalog, slice_str(directory_namespaces[kind]));
}

static int directory_missed(struct command_directory *directory, int code)
{
    return code == -LT_EAGAIN ? command_wants(directory->op, directory->view, false) : code;
}

int command_directory_get(struct command_directory *directory, enum command_directory_kind kind,
                          const struct command_name *name, struct slice *ret_doc)
{
    struct arena *arena = &directory->op->arena;
    const struct store_collection *collection = directory_collection(directory, kind);
    struct store_pin pin = {0};
    struct slice doc;
    if (collection == NULL) {
        return 0;
    }
    struct doc_value id = doc_value_string(arena, command_join(arena, name->db, name->name));
    int code = store_view_get(directory->view, store_record_key(arena, collection, id), &pin);
    if (code == -LT_ENOSUCHKEY) {
        return 0;
    }
    code = code < 0 ? code : store_record_doc(pin.value, &doc);
    if (code == 0) {
        *ret_doc = arena_copy(arena, doc);
    }
    store_pin_release(&pin);
    return code < 0 ? directory_missed(directory, code) : 1;
}

int command_directory_each_in(struct command_directory *directory, struct slice ns,
                              int (*each)(void *context, struct slice doc), void *context)
{
    const struct store_collection *collection = store_catalog_find(directory->catalog, ns);
    struct store_scan scan;
    struct store_scan_record record;
    if (collection == NULL) {
        return 0;
    }
    store_scan_init(&scan, directory->view, collection, NULL);
    store_scan_set_ranges(&scan, &directory->op->arena, NULL, 0, false);
    int code;
    while ((code = store_scan_next(&scan, &record)) > 0) {
        code = each(context, arena_copy(&directory->op->arena, record.doc));
        if (code < 0) {
            break;
        }
    }
    store_scan_close(&scan);
    return directory_missed(directory, code);
}

int command_directory_each(struct command_directory *directory, enum command_directory_kind kind,
                           int (*each)(void *context, struct slice doc), void *context)
{
    return command_directory_each_in(directory, slice_str(directory_namespaces[kind]), each,
                                     context);
}

int command_directory_count(struct command_directory *directory, enum command_directory_kind kind,
                            int64_t *ret_count)
{
    const struct store_collection *collection = directory_collection(directory, kind);
    struct store_writer *writer = directory->op->writer;
    struct store_counts counts = {0};
    int code = 0;
    if (collection != NULL) {
        code = writer != NULL ? store_writer_counts(writer, collection->id, &counts)
                              : store_read_counts(directory->view, collection->id, &counts);
    }
    *ret_count = counts.documents;
    return directory_missed(directory, code);
}

/* ---- what roles amount to ---- */

static int expand_stored(struct command_directory *directory, const struct command_name *role,
                         struct command_names *roles, struct security_privileges *privileges)
{
    struct slice doc;
    int code = command_directory_get(directory, COMMAND_ROLES, role, &doc);
    if (code <= 0) {
        return code;
    }
    struct doc_value allowed = doc_get_str(doc, "privileges");
    command_names_of(roles, doc);
    if (privileges == NULL || allowed.type != DOC_ARRAY) {
        return 0;
    }
    return security_privileges_parse(privileges, doc_value_get_doc(allowed), &directory->op->err);
}

int command_directory_expand(struct command_directory *directory, struct command_names *roles,
                             struct security_privileges *privileges)
{
    int code = 0;
    for (uint32_t i = 0; i < roles->count && code == 0; i++) {
        struct command_name role = roles->all[i];
        if (roles->count > COMMAND_ROLES_MAX) {
            return err_set(&directory->op->err, LT_EBADVALUE, "more than %d roles are inherited",
                           COMMAND_ROLES_MAX);
        }
        if (!security_role_is_builtin(role.name, role.db)) {
            code = expand_stored(directory, &role, roles, privileges);
        } else if (privileges != NULL) {
            security_role_privileges(role.name, role.db, privileges);
        }
    }
    return code;
}

/* ---- writing ---- */

void command_directory_changed(struct command_op *op)
{
    const struct store_writer *writer = op->owner->writer;
    uint64_t clock = writer->clock;
    uint64_t was = atomic_load(&op->server->rights_clock);
    if (writer->effects.len <= STORE_EFFECT_HEADER) {
        return; /* an entry without effects is never applied */
    }
    while (was < clock && !atomic_compare_exchange_weak(&op->server->rights_clock, &was, clock)) {
    }
}

/* The collection in the newest catalog; made when it is missing. */
static int directory_writable(struct command_op *op, enum command_directory_kind kind,
                              struct store_collection **ret_collection)
{
    return command_write_collection(op, slice_str(directory_namespaces[kind]), true,
                                    ret_collection);
}

static int directory_written(struct command_op *op, int code)
{
    if (code == 0) {
        command_directory_changed(op);
    }
    return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
}

int command_directory_put(struct command_op *op, enum command_directory_kind kind, struct slice old,
                          struct slice doc)
{
    struct store_write write = {op->writer, NULL, &op->arena, &op->err};
    int code = directory_writable(op, kind, &write.collection);
    if (code < 0) {
        return code;
    }
    code = old.len > 0 ? store_update(&write, old, doc) : store_insert(&write, doc);
    return directory_written(op, code);
}

int command_directory_delete(struct command_op *op, enum command_directory_kind kind,
                             struct slice doc)
{
    struct store_write write = {op->writer, NULL, &op->arena, &op->err};
    int code = directory_writable(op, kind, &write.collection);
    return code < 0 ? code : directory_written(op, store_delete(&write, doc));
}
