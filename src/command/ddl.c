/* command/ddl.c - drop, dropDatabase and renameCollection.
 *
 * The catalog changes at once, in the log. The space of what was dropped is given back afterwards,
 * by the program, when nothing refers to the old ids any more. */
#include "command/ddl.h"

#include "command/args.h"
#include "command/handlers.h"
#include "command/series.h"
#include "command/server.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/describe.h"

/* Without accounts nobody could log in, or everybody could make the first one; what is only shown
 * is not there to be taken away. */
static int ddl_check_system(struct command_op *op, const char *verb, struct slice ns)
{
    const struct command_shown *shown =
        command_shown_of(store_catalog_find(op->writer->catalog, ns));
    if (shown != NULL && shown->ops->capped) {
        return err_set(&op->err, LT_EILLEGALOPERATION, "can't %s live oplog while replicating",
                       verb);
    }
    if (shown != NULL || slice_is(ns, "admin.system.users") || slice_is(ns, "admin.system.roles")) {
        return err_set(&op->err, LT_EILLEGALOPERATION, "can't %s system collection %.*s", verb,
                       SLICE_FMT(ns));
    }
    return 0;
}

/* ---- drop ---- */

void command_drop_collection(struct command_op *op, struct store_collection *collection)
{
    command_note(op, collection, STORE_NOTE_DROP, (struct slice){0});
    store_writer_drop_collection(op->writer, collection);
}

static const struct command_arg drop_arg_table[] = {{NULL}};

int command_drop(struct command_op *op)
{
    struct command_series series;
    struct slice ns;
    int code = command_args(op, drop_arg_table, NULL);
    code = code < 0 ? code : command_namespace(op, &ns);
    code = code < 0 ? code : ddl_check_system(op, "drop", ns);
    if (code < 0) {
        return code;
    }
    struct slice shown = command_series_name(&op->arena, ns);
    if (command_series_find(&op->arena, op->writer->catalog, shown, &series)) {
        doc_build_i32(&op->builder, "nIndexesWas", (int32_t)series.buckets->indexes_count - 1);
        doc_build_string(&op->builder, "ns", ns);
        command_series_drop(op, &series);
        return 0;
    }
    struct store_collection *collection = store_catalog_find_any(op->writer->catalog, ns);
    if (collection == NULL) {
        return 0;
    }
    if (collection->view_on.len == 0) {
        doc_build_i32(&op->builder, "nIndexesWas", (int32_t)collection->indexes_count);
    }
    doc_build_string(&op->builder, "ns", ns);
    command_drop_collection(op, collection);
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
    if (code == 0 && slice_is(op->db, "local")) {
        code = err_set(&op->err, LT_EILLEGALOPERATION,
                       "Cannot drop 'local' database while replication is active");
    }
    if (code < 0) {
        return code;
    }
    uint32_t shown = 0;
    uint32_t first = store_catalog_db(op->writer->catalog, op->db, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct store_collection *collection = op->writer->catalog->collections[first + shown];
        if (command_shown_of(collection) != NULL) {
            shown++;
        } else {
            command_drop_collection(op, collection);
        }
    }
    if (count > shown) {
        doc_build_string(&op->builder, "dropped", op->db);
        command_note(op, NULL, STORE_NOTE_DROP_DATABASE, op->db);
    }
    return 0;
}

/* ---- renameCollection ---- */

struct rename_args {
    struct slice to;
    struct doc_value drop_target;
    struct doc_value uuid; /* that the collection must have */
    bool stay_temp;
};

static const struct command_arg rename_arg_table[] = {
    {"to", COMMAND_ARG_STRING, offsetof(struct rename_args, to), COMMAND_ARG_REQUIRED},
    {"dropTarget", COMMAND_ARG_VALUE, offsetof(struct rename_args, drop_target), 0},
    {"stayTemp", COMMAND_ARG_STRICT_BOOL, offsetof(struct rename_args, stay_temp), 0},
    {"collectionUUID", COMMAND_ARG_VALUE, offsetof(struct rename_args, uuid), 0},
    {NULL},
};

/* Are both parts of "db.name" valid? */
static int rename_check_parts(struct command_op *op, struct slice ns)
{
    struct slice db = command_db_of(ns);
    if (db.len == ns.len) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "Invalid namespace specified '%.*s'",
                       SLICE_FMT(ns));
    }
    int code = command_check_db(db, &op->err);
    return code < 0 ? code : command_check_collection(db, command_name_of(ns), &op->err);
}

/* What belongs to the server keeps its name, and nothing else gets such a name. */
static int rename_check(struct command_op *op, struct slice ns)
{
    bool is_system = slice_starts(command_name_of(ns), SLICE("system."));
    bool is_log = slice_starts(ns, SLICE("local.oplog."));
    bool has_dollar = ns.len > 0 && memchr(ns.data, '$', ns.len) != NULL;
    return !is_system && !is_log && !has_dollar
               ? 0
               : err_set(&op->err, LT_EILLEGALOPERATION,
                         "cannot rename from or to %.*s: it is a name of the server's own",
                         SLICE_FMT(ns));
}

/* Is it the collection that the client means? */
static int rename_check_uuid(struct command_op *op, struct doc_value uuid,
                             const struct store_collection *from)
{
    if (doc_value_is_nullish(uuid)) {
        return 0;
    }
    if (uuid.type != DOC_BINARY || doc_value_get_subtype(uuid) != 4) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'renameCollection.collectionUUID' is the wrong type '%s', "
                       "expected type 'UUID'",
                       doc_type_name(uuid.type));
    }
    struct slice bytes = doc_value_get_binary(uuid);
    if (bytes.len != sizeof from->uuid) {
        return err_set(&op->err, LT_EINVALIDUUID,
                       "renameCollection: collectionUUID is no UUID: it has not 16 bytes");
    }
    return from != NULL && slice_equal(bytes, slice_of(from->uuid, sizeof from->uuid))
               ? 0
               : err_set(&op->err, LT_ECOLLECTIONUUIDMISMATCH,
                         "Collection UUID does not match that specified");
}

/* What was temporary stays from now on. */
static struct slice rename_options(struct command_op *op, const struct store_collection *from)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, from->options, "temp");
    return doc_build_end(builder);
}

static int rename_to(struct command_op *op, const struct store_collection *from, struct slice to)
{
    struct store_describe_head head = store_describe_head_of(from);
    head.db = command_db_of(to);
    head.name = command_name_of(to);
    head.options = rename_options(op, from);
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

int command_rename(struct command_op *op, const struct store_collection *from,
                   const struct store_collection *target, struct slice to)
{
    rename_note(op, from, target, to);
    if (target != NULL) {
        store_writer_drop_collection(op->writer, target);
    }
    return rename_to(op, from, to);
}

int command_rename_collection(struct command_op *op)
{
    struct rename_args args = {.uuid = doc_missing};
    struct doc_value first = doc_first(op->body).value;
    int code = command_args(op, rename_arg_table, &args);
    if (code == 0 && first.type == DOC_NULL) {
        code = err_set(&op->err, 40414,
                       "BSON field 'renameCollection.renameCollection' is missing but a required "
                       "field");
    }
    if (code == 0 && first.type != DOC_STRING) {
        code = err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'renameCollection.renameCollection' is the wrong type '%s', "
                       "expected type 'string'",
                       doc_type_name(first.type));
    }
    code = code < 0 ? code : rename_check(op, doc_value_get_string(first));
    code = code < 0 ? code : rename_check(op, args.to);
    code = code < 0 ? code : rename_check_parts(op, doc_value_get_string(first));
    code = code < 0 ? code : rename_check_parts(op, args.to);
    struct slice from_ns = code < 0 ? SLICE("") : doc_value_get_string(first);
    code = code < 0 ? code : ddl_check_system(op, "rename", from_ns);
    code = code < 0 ? code : ddl_check_system(op, "rename to", args.to);
    if (code < 0) {
        return code;
    }
    code = command_view_refuse(op, from_ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *from = store_catalog_find(op->writer->catalog, from_ns);
    struct store_collection *to = store_catalog_find_any(op->writer->catalog, args.to);
    code = rename_check_uuid(op, args.uuid, from);
    code = code < 0 ? code : command_check_db_case(op, command_db_of(args.to));
    if (code < 0) {
        return code;
    }
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
    return command_rename(op, from, to, args.to);
}
