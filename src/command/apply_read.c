/* command/apply_read.c - an oplog's entries, checked and put into the words of this server. */
#include "command/apply_ops.h"
#include "command/args.h"
#include "command/handlers.h"
#include "doc/view.h"

/* Empty when there is no such document. */
static struct slice entry_doc(struct slice doc, const char *name)
{
    struct doc_value value = doc_get_str(doc, name);
    return doc_value_get_doc(value.type == DOC_OBJECT ? value : doc_empty_object);
}

static struct doc_builder *entry_build(struct command_op *op)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    return builder;
}

static int entry_read_kind(struct command_op *op, struct slice doc, struct command_entry *entry)
{
    static const char kinds[] = {'i', 'u', 'd', 'c', 'n'};
    struct doc_value value = doc_get_str(doc, "op");
    if (!doc_value_exists(value)) {
        return err_set(&op->err, LT_ENOSUCHKEY, "applyOps: an entry lacks its field 'op'");
    }
    if (value.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "applyOps: the field 'op' of an entry is of type %s, not a string",
                       doc_type_name(value.type));
    }
    struct slice text = doc_value_get_string(value);
    if (text.len == 0) {
        return err_set(&op->err, LT_EILLEGALOPERATION,
                       "applyOps: the field 'op' of an entry is empty");
    }
    const char *found = text.len == 1 ? memchr(kinds, text.data[0], sizeof kinds) : NULL;
    if (found == NULL) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Enumeration value '%.*s' for field 'op' is not a valid value: it is none "
                       "of i, u, d, c, n",
                       SLICE_FMT(text));
    }
    entry->kind = (enum command_entry_kind)(found - kinds);
    return 0;
}

static int entry_read_ns(struct command_op *op, struct slice doc, struct command_entry *entry)
{
    struct doc_value value = doc_get_str(doc, "ns");
    struct slice ns = value.type == DOC_STRING ? doc_value_get_string(value) : SLICE("");
    if (value.type != DOC_STRING || (ns.len == 0 && entry->kind != COMMAND_ENTRY_NOTHING)) {
        return err_set(&op->err, LT_EILLEGALOPERATION,
                       "applyOps: an entry needs a field 'ns', which is no empty string");
    }
    entry->ns = ns;
    if (entry->kind == COMMAND_ENTRY_NOTHING) {
        return 0;
    }
    int code = command_check_db(command_db_of(ns), &op->err);
    return code < 0 || entry->kind == COMMAND_ENTRY_COMMAND
               ? code
               : command_check_collection(command_db_of(ns), command_name_of(ns), &op->err);
}

/* Which document is meant: the _id in `o`, or in an update's `o2`. */
static int entry_read_which(struct command_op *op, struct slice doc, struct command_entry *entry)
{
    bool is_update = entry->kind == COMMAND_ENTRY_UPDATE;
    struct doc_value id = doc_get_str(is_update ? entry_doc(doc, "o2") : entry->o, "_id");
    if (!doc_value_exists(id)) {
        return err_set(&op->err, LT_ENOSUCHKEY,
                       "applyOps: an entry for %.*s does not say the _id of its document in '%s'",
                       SLICE_FMT(entry->ns), is_update ? "o2" : "o");
    }
    struct doc_builder *builder = entry_build(op);
    doc_build_value(builder, SLICE("_id"), id);
    entry->which = doc_build_end(builder);
    return 0;
}

/* ---- commands ---- */

/* An oplog tells of one index: {createIndexes: "c", v: 2, key: {...}, name: "..."}. */
static struct slice entry_index_body(struct command_op *op, struct slice body)
{
    struct doc_elem first = doc_first(body);
    if (doc_value_exists(doc_get_str(body, "indexes"))) {
        return body;
    }
    struct doc_builder *builder = entry_build(op);
    doc_build_value(builder, first.name, first.value);
    doc_build_open_array(builder, SLICE("indexes"));
    doc_build_open(builder, SLICE("0"));
    doc_build_without(builder, body, "createIndexes");
    doc_build_close(builder);
    doc_build_close(builder);
    return doc_build_end(builder);
}

/* The collection in whose place another one comes is told by its UUID. */
static struct slice entry_rename_body(struct command_op *op, struct slice body)
{
    struct doc_builder *builder = entry_build(op);
    doc_build_without(builder, body, "dropTarget");
    doc_build_bool(builder, "dropTarget", doc_value_truth(doc_get_str(body, "dropTarget")));
    return doc_build_end(builder);
}

static int entry_read_command(struct command_op *op, struct command_entry *entry)
{
    static const struct {
        struct command command;
        struct slice (*body)(struct command_op *op, struct slice body);
    } rows[] = {
        {{.name = "create", .run = command_create}, NULL},
        {{.name = "drop", .run = command_drop}, NULL},
        {{.name = "dropDatabase", .run = command_drop_database}, NULL},
        {{.name = "renameCollection", .run = command_rename_collection}, entry_rename_body},
        {{.name = "collMod", .run = command_coll_mod}, NULL},
        {{.name = "createIndexes", .run = command_create_indexes}, entry_index_body},
        {{.name = "dropIndexes", .run = command_drop_indexes}, NULL},
    };
    struct slice name = doc_first(entry->o).name;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_is(name, rows[i].command.name)) {
            entry->command = &rows[i].command;
            entry->o = rows[i].body == NULL ? entry->o : rows[i].body(op, entry->o);
            return 0;
        }
    }
    return err_set(&op->err, LT_EBADVALUE,
                   "applyOps: the command '%.*s' cannot be applied from an oplog", SLICE_FMT(name));
}

/* ---- all of them ---- */

static struct command_entry *entries_add(struct command_op *op, struct command_entries *entries)
{
    if (entries->count == entries->cap) {
        struct command_entry *old = entries->all;
        entries->cap = entries->cap == 0 ? 16 : 2 * entries->cap;
        entries->all = arena_zero(&op->arena, entries->cap, sizeof *old);
        if (entries->count > 0) {
            memcpy(entries->all, old, entries->count * sizeof *old);
        }
    }
    return &entries->all[entries->count++];
}

static int entries_read_doc(struct command_op *op, struct command_entries *entries,
                            struct slice doc)
{
    struct command_entry entry = {.upsert = doc_value_truth(doc_get_str(doc, "b"))};
    int code = entry_read_kind(op, doc, &entry);
    code = code < 0 ? code : entry_read_ns(op, doc, &entry);
    entry.o = entry_doc(doc, "o");
    if (code == 0 && doc_get_str(doc, "o").type != DOC_OBJECT) {
        code = err_set(&op->err, 40414,
                       "BSON field 'OplogEntryBase.o' is missing but a required field");
    }
    if (code < 0 || entry.kind == COMMAND_ENTRY_NOTHING) {
        return code;
    }
    entries->in_admin |= slice_is(command_db_of(entry.ns), "admin");
    code = entry.kind == COMMAND_ENTRY_COMMAND ? entry_read_command(op, &entry)
                                               : entry_read_which(op, doc, &entry);
    *entries_add(op, entries) = entry;
    return code;
}

/* A transaction's entries take the place of the one that they are in. */
static bool entries_inner(struct slice doc, struct slice *ret_list)
{
    struct doc_value inner = doc_get_str(entry_doc(doc, "o"), "applyOps");
    struct doc_value kind = doc_get_str(doc, "op");
    *ret_list = inner.type == DOC_ARRAY ? doc_value_get_doc(inner) : (struct slice){0};
    return inner.type == DOC_ARRAY && kind.type == DOC_STRING &&
           slice_is(doc_value_get_string(kind), "c");
}

static int entries_read_list(struct command_op *op, struct command_entries *entries,
                             struct slice list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, list);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        struct slice doc =
            elem.value.type == DOC_OBJECT ? doc_value_get_doc(elem.value) : (struct slice){0};
        struct slice inner;
        if (doc.data == NULL) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "applyOps: element %.*s is of type %s, not an object",
                           SLICE_FMT(elem.name), doc_type_name(elem.value.type));
        }
        code = entries_inner(doc, &inner) ? entries_read_list(op, entries, inner)
                                          : entries_read_doc(op, entries, doc);
    }
    return code;
}

int command_entries_read(struct command_op *op, struct command_entries *entries)
{
    struct doc_value list = doc_first(op->body).value;
    if (list.type != DOC_ARRAY) {
        return err_set(
            &op->err, LT_ETYPEMISMATCH,
            "BSON field 'applyOps.applyOps' is the wrong type '%s', expected type 'array'",
            doc_type_name(list.type));
    }
    return entries_read_list(op, entries, doc_value_get_doc(list));
}
