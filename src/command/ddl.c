/* command/ddl.c - create, drop, dropDatabase and renameCollection.
 *
 * The catalog changes at once, in the log. The space of what was dropped is given back afterwards,
 * by the program, when nothing refers to the old ids any more. */
#include "command/cache_rule.h"
#include "command/handlers.h"
#include "command/images.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/view.h"
#include "store/describe.h"

/* ---- create ---- */

struct create_args {
    struct doc_value capped;
    struct doc_value refused[5];
    struct slice collation;
    struct slice cache;
    struct slice images; /* changeStreamPreAndPostImages */
};

static const struct command_arg create_arg_table[] = {
    {"cache", COMMAND_ARG_DOC, offsetof(struct create_args, cache), 0},
    {"capped", COMMAND_ARG_VALUE, offsetof(struct create_args, capped), 0},
    {"size", COMMAND_ARG_IGNORE, 0, 0},
    {"max", COMMAND_ARG_IGNORE, 0, 0},
    {"autoIndexId", COMMAND_ARG_IGNORE, 0, 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct create_args, collation), 0},
    {"viewOn", COMMAND_ARG_VALUE, offsetof(struct create_args, refused[0]), 0},
    {"pipeline", COMMAND_ARG_IGNORE, 0, 0},
    {"timeseries", COMMAND_ARG_VALUE, offsetof(struct create_args, refused[1]), 0},
    {"clusteredIndex", COMMAND_ARG_VALUE, offsetof(struct create_args, refused[2]), 0},
    {"validator", COMMAND_ARG_VALUE, offsetof(struct create_args, refused[3]), 0},
    {"encryptedFields", COMMAND_ARG_VALUE, offsetof(struct create_args, refused[4]), 0},
    {"validationLevel", COMMAND_ARG_IGNORE, 0, 0},
    {"validationAction", COMMAND_ARG_IGNORE, 0, 0},
    {"expireAfterSeconds", COMMAND_ARG_IGNORE, 0, 0},
    {"storageEngine", COMMAND_ARG_IGNORE, 0, 0},
    {"indexOptionDefaults", COMMAND_ARG_IGNORE, 0, 0},
    {"changeStreamPreAndPostImages", COMMAND_ARG_DOC, offsetof(struct create_args, images), 0},
    {"idIndex", COMMAND_ARG_IGNORE, 0, 0},
    {"temp", COMMAND_ARG_IGNORE, 0, 0},
    {"flags", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* What this version cannot honour is refused: an option that does nothing would be a lie. */
static int create_check(struct command_op *op, const struct create_args *args)
{
    static const char *const names[] = {"viewOn", "timeseries", "clusteredIndex", "validator",
                                        "encryptedFields"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct doc_value value = args->refused[i];
        bool empty = value.type == DOC_OBJECT && doc_is_empty(doc_value_get_doc(value));
        if (!doc_value_is_nullish(value) && !empty) {
            return err_set(&op->err, LT_ENOTIMPLEMENTED,
                           "create: the option '%s' is not supported yet", names[i]);
        }
    }
    if (doc_value_truth(args->capped)) {
        return err_set(&op->err, LT_ENOTIMPLEMENTED,
                       "create: capped collections are not supported yet");
    }
    return command_check_collation(op, args->collation);
}

/* The same options again are fine. */
static int create_again(struct command_op *op, const struct store_collection *old,
                        struct slice options)
{
    if (doc_compare_docs(old->options, options) == 0) {
        return 0;
    }
    return err_set(&op->err, LT_ENAMESPACEEXISTS,
                   "namespace %.*s already exists, but with different options", SLICE_FMT(old->ns));
}

int command_create(struct command_op *op)
{
    struct create_args args = {0};
    struct slice ns;
    int code = command_args(op, create_arg_table, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : command_check_new_name(op, ns);
    code = code < 0 ? code : create_check(op, &args);
    if (code < 0) {
        return code;
    }
    struct slice options = doc_value_get_doc(doc_empty_object);
    if (args.cache.len > 0) {
        options = command_cache_option(&op->arena, options, args.cache);
        code = command_cache_check(op, ns, args.cache);
    }
    if (code == 0 && args.images.len > 0) {
        code = command_images_option(op, &options, args.images);
    }
    const struct store_collection *old = store_catalog_find(op->writer->catalog, ns);
    if (code == 0 && old != NULL) {
        return create_again(op, old, options);
    }
    return code < 0 ? code : command_create_collection(op, slice_from(ns, op->db.len + 1), options);
}

/* Without accounts nobody could log in, or everybody could make the first one. */
static int ddl_check_accounts(struct command_op *op, struct slice ns)
{
    if (slice_is(ns, "admin.system.users") || slice_is(ns, "admin.system.roles")) {
        return err_set(&op->err, LT_EILLEGALOPERATION, "can't drop system collection %.*s",
                       SLICE_FMT(ns));
    }
    return 0;
}

/* ---- drop ---- */

static void ddl_drop(struct command_op *op, struct store_collection *collection)
{
    command_note(op, collection, STORE_NOTE_DROP, (struct slice){0});
    store_writer_drop_collection(op->writer, collection);
}

static const struct command_arg drop_arg_table[] = {{NULL}};

int command_drop(struct command_op *op)
{
    struct slice ns;
    int code = command_args(op, drop_arg_table, NULL);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : ddl_check_accounts(op, ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *collection = store_catalog_find(op->writer->catalog, ns);
    if (collection == NULL) {
        return 0;
    }
    doc_build_i32(&op->builder, "nIndexesWas", (int32_t)collection->indexes_count);
    doc_build_string(&op->builder, "ns", ns);
    ddl_drop(op, collection);
    return 0;
}

int command_drop_database(struct command_op *op)
{
    uint32_t count;
    int code = command_args(op, drop_arg_table, NULL);
    if (code == 0 && slice_is(op->db, "admin")) {
        code =
            err_set(&op->err, LT_EILLEGALOPERATION, "Dropping the 'admin' database is prohibited.");
    }
    if (code < 0) {
        return code;
    }
    uint32_t first = store_catalog_db(op->writer->catalog, op->db, &count);
    for (uint32_t i = 0; i < count; i++) {
        ddl_drop(op, op->writer->catalog->collections[first]);
    }
    if (count > 0) {
        doc_build_string(&op->builder, "dropped", op->db);
        command_note(op, NULL, STORE_NOTE_DROP_DATABASE, op->db);
    }
    return 0;
}

/* ---- renameCollection ---- */

struct rename_args {
    struct slice to;
    struct doc_value drop_target;
    bool stay_temp;
};

static const struct command_arg rename_arg_table[] = {
    {"to", COMMAND_ARG_STRING, offsetof(struct rename_args, to), COMMAND_ARG_REQUIRED},
    {"dropTarget", COMMAND_ARG_VALUE, offsetof(struct rename_args, drop_target), 0},
    {"stayTemp", COMMAND_ARG_BOOL, offsetof(struct rename_args, stay_temp), 0},
    {NULL},
};

/* Split "db.name" at its first dot and check both. */
static int rename_split(struct command_op *op, struct slice ns, struct slice *ret_db,
                        struct slice *ret_name)
{
    const uint8_t *dot = ns.len == 0 ? NULL : memchr(ns.data, '.', ns.len);
    if (dot == NULL) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "Invalid namespace specified '%.*s'",
                       SLICE_FMT(ns));
    }
    *ret_db = slice_of(ns.data, (size_t)(dot - ns.data));
    *ret_name = slice_from(ns, ret_db->len + 1);
    int code = command_check_db(*ret_db, &op->err);
    return code < 0 ? code : command_check_collection(*ret_db, *ret_name, &op->err);
}

static int rename_to(struct command_op *op, const struct store_collection *from, struct slice db,
                     struct slice name)
{
    struct store_describe_head head = store_describe_head_of(from);
    head.db = db;
    head.name = name;
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    for (uint32_t i = 0; i < from->indexes_count; i++) {
        store_describe_index(describe, &from->indexes[i]);
    }
    return store_writer_put_collection(op->writer, store_describe_end(describe), from);
}

/* {to: "db.name", dropTarget: UUID} */
static void rename_note(struct command_op *op, const struct store_collection *from,
                        const struct store_collection *target, struct slice to)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf details;
    buf_init(&details, &op->arena);
    doc_build_begin(builder, &details);
    doc_build_string(builder, "to", to);
    if (target != NULL) {
        doc_build_binary(builder, "dropTarget", 4, slice_of(target->uuid, sizeof target->uuid));
    }
    command_note(op, from, STORE_NOTE_RENAME, doc_build_end(builder));
}

int command_rename_collection(struct command_op *op)
{
    struct rename_args args = {0};
    struct doc_value first = doc_first(op->body).value;
    struct slice from_db, from_name, to_db, to_name;
    int code = command_args(op, rename_arg_table, &args);
    if (code == 0 && first.type != DOC_STRING) {
        code = err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'renameCollection.renameCollection' is the wrong type '%s', "
                       "expected type 'string'",
                       doc_type_name(first.type));
    }
    code = code < 0 ? code : rename_split(op, doc_value_get_string(first), &from_db, &from_name);
    code = code < 0 ? code : rename_split(op, args.to, &to_db, &to_name);
    struct slice from_ns = code < 0 ? SLICE("") : doc_value_get_string(first);
    code = code < 0 ? code : ddl_check_accounts(op, from_ns);
    code = code < 0 ? code : ddl_check_accounts(op, args.to);
    if (code < 0) {
        return code;
    }
    struct store_collection *from = store_catalog_find(op->writer->catalog, from_ns);
    struct store_collection *to = store_catalog_find(op->writer->catalog, args.to);
    if (slice_equal(from_ns, args.to)) {
        return err_set(&op->err, LT_EILLEGALOPERATION, "Can't rename a collection to itself");
    }
    if (from == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "Source collection %.*s does not exist",
                       SLICE_FMT(from_ns));
    }
    if (to != NULL && !doc_value_truth(args.drop_target)) {
        return err_set(&op->err, LT_ENAMESPACEEXISTS, "target namespace exists");
    }
    rename_note(op, from, to, args.to);
    if (to != NULL) {
        store_writer_drop_collection(op->writer, to);
    }
    return rename_to(op, from, to_db, to_name);
}
