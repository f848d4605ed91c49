/* command/oplog_build.c - events as MongoDB's oplog writes them.
 *
 * What an event of each type is called there, and what goes into `o` and `o2`, is a row of
 * oplog_kinds. A transaction's events are the elements of applyOps. */
#include "command/oplog.h"
#include "doc/build.h"
#include "doc/view.h"

enum { OPLOG_VERSION = 2, OPLOG_ROOM = 512 };

typedef void oplog_fields(struct doc_builder *builder, const struct command_event *event,
                          struct arena *arena);

struct oplog_kind {
    const char *op;
    oplog_fields *o;  /* the fields of `o`; NULL: those of the event's document */
    oplog_fields *o2; /* of `o2`; NULL: there is none */
};

/* ---- documents ---- */

static void oplog_id(struct doc_builder *builder, const struct command_event *event,
                     struct arena *arena)
{
    (void)arena;
    doc_build_value(builder, SLICE("_id"), doc_get_str(event->doc, "_id"));
}

static void oplog_details(struct doc_builder *builder, const struct command_event *event,
                          struct arena *arena)
{
    (void)arena;
    doc_build_fields(builder, event->details);
}

static void oplog_update(struct doc_builder *builder, const struct command_event *event,
                         struct arena *arena)
{
    doc_build_i32(builder, "$v", 2);
    doc_build_doc(builder, "diff", command_oplog_diff(arena, event->details));
}

/* ---- collections and indexes ---- */

static struct slice oplog_db(struct slice ns)
{
    const uint8_t *dot = memchr(ns.data, '.', ns.len);
    return dot == NULL ? ns : slice_of(ns.data, (size_t)(dot - ns.data));
}

static struct slice oplog_name(const struct command_event *event)
{
    return slice_from(event->ns, oplog_db(event->ns).len + 1);
}

static void oplog_create(struct doc_builder *builder, const struct command_event *event,
                         struct arena *arena)
{
    (void)arena;
    doc_build_string(builder, "create", oplog_name(event));
    doc_build_fields(builder, event->details);
}

static void oplog_drop(struct doc_builder *builder, const struct command_event *event,
                       struct arena *arena)
{
    (void)arena;
    doc_build_string(builder, "drop", oplog_name(event));
}

static void oplog_rename(struct doc_builder *builder, const struct command_event *event,
                         struct arena *arena)
{
    (void)arena;
    doc_build_string(builder, "renameCollection", event->ns);
    doc_build_bool(builder, "stayTemp", false);
    doc_build_fields(builder, event->details);
}

static void oplog_drop_database(struct doc_builder *builder, const struct command_event *event,
                                struct arena *arena)
{
    (void)event;
    (void)arena;
    doc_build_i32(builder, "dropDatabase", 1);
}

/* One index stands in the command itself; several are a build that ends. */
static void oplog_create_indexes(struct doc_builder *builder, const struct command_event *event,
                                 struct arena *arena)
{
    struct slice list = doc_value_get_doc(doc_get_str(event->details, "indexes"));
    (void)arena;
    if (doc_count(list) == 1) {
        doc_build_string(builder, "createIndexes", oplog_name(event));
        doc_build_fields(builder, doc_value_get_doc(doc_array_at(list, 0)));
        return;
    }
    doc_build_string(builder, "commitIndexBuild", oplog_name(event));
    doc_build_array(builder, "indexes", list);
}

static void oplog_drop_indexes(struct doc_builder *builder, const struct command_event *event,
                               struct arena *arena)
{
    struct slice list = doc_value_get_doc(doc_get_str(event->details, "indexes"));
    struct doc_iter iter;
    struct doc_elem elem;
    bool is_one = doc_count(list) == 1;
    (void)arena;
    doc_build_string(builder, "dropIndexes", oplog_name(event));
    if (!is_one) {
        doc_build_open_array(builder, SLICE("index"));
    }
    doc_iter_init(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value name = doc_get_str(doc_value_get_doc(elem.value), "name");
        doc_build_value(builder, SLICE("index"), name);
    }
    if (!is_one) {
        doc_build_close(builder);
    }
}

static void oplog_modify(struct doc_builder *builder, const struct command_event *event,
                         struct arena *arena)
{
    (void)arena;
    doc_build_string(builder, "collMod", oplog_name(event));
    doc_build_fields(builder, event->details);
}

static const struct oplog_kind oplog_kinds[STORE_NOTE_TYPES] = {
    [STORE_NOTE_INSERT] = {"i", NULL, oplog_id},
    [STORE_NOTE_UPDATE] = {"u", oplog_update, oplog_id},
    [STORE_NOTE_REPLACE] = {"u", NULL, oplog_id},
    [STORE_NOTE_DELETE] = {"d", oplog_details, NULL},
    [STORE_NOTE_CREATE] = {"c", oplog_create, NULL},
    [STORE_NOTE_DROP] = {"c", oplog_drop, NULL},
    [STORE_NOTE_RENAME] = {"c", oplog_rename, NULL},
    [STORE_NOTE_DROP_DATABASE] = {"c", oplog_drop_database, NULL},
    [STORE_NOTE_CREATE_INDEXES] = {"c", oplog_create_indexes, NULL},
    [STORE_NOTE_DROP_INDEXES] = {"c", oplog_drop_indexes, NULL},
    [STORE_NOTE_MODIFY] = {"c", oplog_modify, NULL},
};

/* ---- the whole ---- */

/* op, ns, ui, o, o2: what stands alone, or in applyOps. */
static void oplog_build_event(struct doc_builder *builder, const struct command_event *event,
                              struct arena *arena)
{
    const struct oplog_kind *kind = &oplog_kinds[event->type];
    bool is_command = kind->op[0] == 'c';
    doc_build_text(builder, "op", kind->op);
    doc_build_string(builder, "ns",
                     is_command ? arena_format(arena, "%.*s.$cmd", SLICE_FMT(oplog_db(event->ns)))
                                : event->ns);
    if (event->uuid.len > 0) {
        doc_build_binary(builder, "ui", 4, event->uuid);
    }
    if (kind->o == NULL) {
        doc_build_doc(builder, "o", event->doc);
    } else {
        doc_build_open(builder, SLICE("o"));
        kind->o(builder, event, arena);
        doc_build_close(builder);
    }
    if (kind->o2 != NULL) {
        doc_build_open(builder, SLICE("o2"));
        kind->o2(builder, event, arena);
        doc_build_close(builder);
    }
}

static void oplog_build_txn(struct doc_builder *builder, const struct command_event *events,
                            const struct command_oplog_part *part, struct arena *arena)
{
    doc_build_fields(builder, events->txn);
    doc_build_text(builder, "op", "c");
    doc_build_text(builder, "ns", "admin.$cmd");
    doc_build_open(builder, SLICE("o"));
    doc_build_open_array(builder, SLICE("applyOps"));
    for (uint32_t i = 0; i < part->count; i++) {
        doc_build_open(builder, SLICE(""));
        oplog_build_event(builder, &events[i], arena);
        doc_build_close(builder);
    }
    doc_build_close(builder);
    if (part->goes_on) {
        doc_build_bool(builder, "partialTxn", true);
    } else if (part->went_on) {
        doc_build_i64(builder, "count", part->of_all);
    }
    doc_build_close(builder);
}

/* An entry that changes nothing that anybody stored. */
static void oplog_build_noop(struct doc_builder *builder)
{
    doc_build_text(builder, "op", "n");
    doc_build_text(builder, "ns", "");
    doc_build_open(builder, SLICE("o"));
    doc_build_text(builder, "msg", "periodic noop");
    doc_build_close(builder);
}

/* Of a transaction's document: the one before it. */
static void oplog_build_previous(struct doc_builder *builder,
                                 const struct command_oplog_entry *entry,
                                 const struct command_oplog_part *part)
{
    doc_build_open(builder, SLICE("prevOpTime"));
    doc_build_timestamp(builder, "ts", part->went_on ? entry->clock + part->first - 1 : 0);
    doc_build_i64(builder, "t", part->went_on ? (int64_t)entry->term : -1);
    doc_build_close(builder);
}

struct slice command_oplog_build(struct arena *arena, const struct command_oplog_entry *entry,
                                 const struct command_event *events,
                                 const struct command_oplog_part *part)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    const struct command_event *first = part->count == 0 ? NULL : &events[part->first];
    bool is_txn = first != NULL && first->txn.len > 0;
    buf_init(buf, arena);
    buf_reserve(buf, OPLOG_ROOM + (first == NULL ? 0 : first->doc.len + first->details.len));
    doc_build_begin(builder, buf);
    if (is_txn) {
        oplog_build_txn(builder, first, part, arena);
    } else if (first != NULL) {
        oplog_build_event(builder, first, arena);
    } else {
        oplog_build_noop(builder);
    }
    doc_build_timestamp(builder, "ts", command_oplog_part_time(entry, part));
    doc_build_i64(builder, "t", (int64_t)entry->term);
    doc_build_i64(builder, "v", OPLOG_VERSION);
    int64_t seconds = (int64_t)(entry->clock >> 32);
    doc_build_date(builder, "wall", first == NULL ? seconds * 1000 : first->wall_ms);
    if (is_txn) {
        oplog_build_previous(builder, entry, part);
    }
    return doc_build_end(builder);
}
