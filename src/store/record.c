/* store/record.c - one document's write: work out keys, check, then put.
 *
 * Checks read through the writer's view, so they see what is logged but not applied. When one of
 * them has to wait for the disk nothing was put yet, and the whole write is tried again later. */
#include "store/record.h"

#include <assert.h>

#include "base/planted.h"
#include "doc/build.h"
#include "doc/diff.h"
#include "doc/key.h"
#include "doc/view.h"
#include "store/capped.h"
#include "store/claim.h"
#include "store/duplicate.h"
#include "store/keys.h"
#include "store/multikey.h"
#include "store/note.h"

enum { RECORD_FORMAT = 1, RECORD_FORMAT_CAPPED = 2 };

struct slice store_record_key(struct arena *arena, const struct store_collection *collection,
                              struct doc_value id)
{
    struct buf key;
    buf_init(&key, arena);
    store_key_id(&key, collection->id);
    doc_key_encode_by(&key, id, false, collection->collation);
    return buf_slice(&key);
}

void store_record_set_clock(uint8_t *value, uint64_t clock)
{
    assert(value[0] == RECORD_FORMAT || value[0] == RECORD_FORMAT_CAPPED);
    memcpy(value + 1, &clock, sizeof clock);
}

/* How long is what stands before the document? 0 for what no writer wrote. */
static size_t record_header(struct slice value)
{
    size_t header = value.len == 0                          ? 0
                    : value.data[0] == RECORD_FORMAT        ? STORE_RECORD_HEADER
                    : value.data[0] == RECORD_FORMAT_CAPPED ? STORE_RECORD_HEADER_CAPPED
                                                            : 0;
    return value.len < header + 5 ? 0 : header;
}

int store_record_doc(struct slice value, struct slice *ret_doc)
{
    size_t header = record_header(value);
    if (header == 0) {
        return -LT_ECORRUPT;
    }
    *ret_doc = slice_from(value, header);
    return doc_load_u32(ret_doc->data) == ret_doc->len ? 0 : -LT_ECORRUPT;
}

int store_record_sequence(struct slice value, uint64_t *ret_sequence)
{
    if (record_header(value) != STORE_RECORD_HEADER_CAPPED) {
        return -LT_ECORRUPT;
    }
    memcpy(ret_sequence, value.data + STORE_RECORD_HEADER, sizeof *ret_sequence);
    return 0;
}

struct slice store_index_entry_key(struct arena *arena, const struct store_index *index,
                                   struct slice fields, struct slice record_key)
{
    struct buf key;
    buf_init(&key, arena);
    store_key_id(&key, index->id);
    buf_append_slice(&key, fields);
    if (!index->unique) {
        buf_append_slice(&key, slice_from(record_key, 4));
    }
    return buf_slice(&key);
}

/* A unique entry names its record; another one says how long its fields are. */
static void record_put_entry(const struct store_write *write, const struct store_index *index,
                             struct slice fields, struct slice record_key)
{
    struct slice key = store_index_entry_key(write->arena, index, fields, record_key);
    uint32_t fields_len = (uint32_t)fields.len;
    if (index->unique) {
        store_writer_put(write->writer, key, slice_from(record_key, 4));
    } else {
        store_writer_put_entry(write->writer, key, 4 + fields.len,
                               slice_of(&fields_len, sizeof fields_len));
    }
}

static void record_delete_entry(const struct store_write *write, const struct store_index *index,
                                struct slice fields, struct slice record_key)
{
    struct slice key = store_index_entry_key(write->arena, index, fields, record_key);
    if (PLANTED(unindexed)) {
        return;
    }
    if (index->unique) {
        store_writer_delete(write->writer, key);
    } else {
        store_writer_delete_entry(write->writer, key, 4 + fields.len);
    }
}

/* {_id: ...} of a document. */
static struct slice record_id_doc(struct arena *arena, struct slice doc)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_value(builder, SLICE("_id"), doc_get_str(doc, "_id"));
    return doc_build_end(builder);
}

/* Is a unique key free, or ours? */
static int record_check_unique(const struct store_write *write, const struct store_index *index,
                               struct slice fields, struct slice record_key)
{
    struct store_pin pin;
    struct slice key = store_index_entry_key(write->arena, index, fields, record_key);
    int code = store_view_get(&write->writer->view, key, &pin);
    if (code == -LT_ENOSUCHKEY) {
        return 0;
    }
    if (code < 0) {
        return code;
    }
    bool ours = slice_equal(pin.value, slice_from(record_key, 4));
    store_pin_release(&pin);
    return ours ? 0 : store_duplicate(write, index, fields);
}

static int record_check_keys(const struct store_write *write, const struct store_index *index,
                             const struct store_index_keys *keys, struct slice record_key)
{
    if (!index->unique) {
        return 0;
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        int code = record_check_unique(write, index, keys->keys[i], record_key);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

/* The keys of `doc` in every index; an empty doc has none. */
static int record_all_keys(const struct store_write *write, struct slice doc,
                           struct store_index_keys **ret_keys)
{
    const struct store_collection *collection = write->collection;
    struct store_index_keys *keys =
        arena_zero(write->arena, collection->indexes_count, sizeof *keys);
    for (uint32_t i = 0; i < collection->indexes_count && doc.len > 0; i++) {
        if (collection->indexes[i].is_id) {
            continue;
        }
        int code =
            store_index_keys(write->arena, &collection->indexes[i], doc, &keys[i], write->err);
        if (code < 0) {
            return code;
        }
    }
    *ret_keys = keys;
    return 0;
}

static int record_claim_each(const struct store_write *write, const struct store_index *index,
                             const struct store_index_keys *keys, struct slice record_key)
{
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < keys->count; i++) {
        struct slice key = store_index_entry_key(write->arena, index, keys->keys[i], record_key);
        code = store_claim(write->writer, key);
    }
    return code;
}

/* The record is ours to write, and what it has in unique indexes; other entries are nobody else's.
 */
static int record_claim(const struct store_write *write, const struct store_index_keys *old_keys,
                        const struct store_index_keys *new_keys, struct slice record_key,
                        struct slice old_doc)
{
    const struct store_collection *collection = write->collection;
    if (!store_claims_matter(write->writer)) {
        return 0;
    }
    int code = store_claim_record(write->writer, record_key, old_doc);
    for (uint32_t i = 0; code == 0 && i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        if (index->unique) {
            code = record_claim_each(write, index, &old_keys[i], record_key);
            code = code < 0 ? code : record_claim_each(write, index, &new_keys[i], record_key);
        }
    }
    if (code == -LT_EWRITECONFLICT) {
        err_set(write->err, LT_EWRITECONFLICT,
                "Write conflict: another operation has written what this transaction wants to "
                "write in %.*s. Please retry your operation or multi-document transaction.",
                SLICE_FMT(collection->ns));
    }
    return code;
}

/* While a unique index is being built, two documents may want one key. Take those keys out of
 * `keys` whose entry is another document's: that one stays. */
static int record_disown(const struct store_write *write, const struct store_index *index,
                         struct store_index_keys *keys, struct slice record_key)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        struct store_pin pin;
        struct slice key = store_index_entry_key(write->arena, index, keys->keys[i], record_key);
        int code = store_view_get(&write->writer->view, key, &pin);
        if (code == -LT_ENOSUCHKEY) {
            continue;
        }
        if (code < 0) {
            return code;
        }
        if (slice_equal(pin.value, slice_from(record_key, 4))) {
            keys->keys[kept++] = keys->keys[i];
        }
        store_pin_release(&pin);
    }
    keys->count = kept;
    return 0;
}

/* Delete the entries that only the old document has, put those that only the new one has. Both
 * lists are sorted. */
static void record_change_entries(const struct store_write *write, const struct store_index *index,
                                  const struct store_index_keys *old_keys,
                                  const struct store_index_keys *new_keys, struct slice record_key)
{
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < old_keys->count || k < new_keys->count) {
        int order = i == old_keys->count   ? 1
                    : k == new_keys->count ? -1
                                           : slice_compare(old_keys->keys[i], new_keys->keys[k]);
        if (order < 0) {
            record_delete_entry(write, index, old_keys->keys[i], record_key);
        } else if (order > 0) {
            record_put_entry(write, index, new_keys->keys[k], record_key);
        }
        i += order <= 0;
        k += order >= 0;
    }
}

/* The first array in an index changes how it may be read: the catalog says so from then on. Comes
 * last: write->collection may be gone afterwards. */
static int record_mark_multikey(const struct store_write *write,
                                const struct store_index_keys *keys)
{
    struct store_collection *collection = write->collection;
    bool *marks = arena_zero(write->arena, collection->indexes_count, sizeof *marks);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        marks[i] = keys[i].multikey;
    }
    return store_multikey_mark(write->writer, write->arena, collection, marks);
}

/* `sequence`: 0 unless the collection is capped. */
static void record_put(const struct store_write *write, struct slice record_key, struct slice doc,
                       uint64_t sequence)
{
    struct buf value;
    buf_init(&value, write->arena);
    buf_reserve(&value, STORE_RECORD_HEADER_CAPPED + doc.len);
    buf_append_byte(&value, sequence > 0 ? RECORD_FORMAT_CAPPED : RECORD_FORMAT);
    buf_append(&value, &write->writer->clock, sizeof write->writer->clock);
    if (sequence > 0) {
        buf_append(&value, &sequence, sizeof sequence);
    }
    buf_append_slice(&value, doc);
    store_writer_put(write->writer, record_key, buf_slice(&value));
}

/* Tell who follows the log. */
static void record_note(const struct store_write *write, struct slice old_doc, struct slice new_doc)
{
    struct store_note note = {.type = STORE_NOTE_REPLACE};
    if (old_doc.len == 0) {
        note.type = STORE_NOTE_INSERT;
    } else if (new_doc.len == 0) {
        note.type = STORE_NOTE_DELETE;
        note.details = record_id_doc(write->arena, old_doc);
    } else if (!write->replaces && doc_diff(write->arena, old_doc, new_doc, &note.details)) {
        note.type = STORE_NOTE_UPDATE;
    } else {
        note.details = (struct slice){0};
    }
    if (write->collection->keeps_images) {
        note.before = old_doc;
    }
    store_note_put(write->writer, write->collection, &note);
}

/* A change of one document from `old_doc` to `new_doc`; either may be empty. */
struct record_change {
    struct slice key; /* of the record */
    struct slice old_doc;
    struct slice new_doc;
    uint64_t sequence; /* in a capped collection: what the old document has; 0: not known yet */
    struct store_index_keys *old_keys;
    struct store_index_keys *new_keys;
};

/* The sequence number of the old document. */
static int record_load_sequence(const struct store_write *write, struct record_change *change)
{
    struct store_pin pin;
    if (write->collection->capped == NULL || change->old_doc.len == 0 || change->sequence > 0) {
        return 0;
    }
    int code = store_view_get(&write->writer->view, change->key, &pin);
    if (code == 0) {
        code = store_record_sequence(pin.value, &change->sequence);
        store_pin_release(&pin);
    }
    return code;
}

/* Everything about the change that can fail. */
static int record_check(const struct store_write *write, struct record_change *change)
{
    const struct store_collection *collection = write->collection;
    struct store_counts counts;
    int code = store_writer_counts(write->writer, collection->id, &counts);
    code = code < 0 ? code : record_all_keys(write, change->old_doc, &change->old_keys);
    code = code < 0 ? code : record_all_keys(write, change->new_doc, &change->new_keys);
    for (uint32_t i = 0; i < collection->indexes_count && code == 0; i++) {
        const struct store_index *index = &collection->indexes[i];
        code = record_check_keys(write, index, &change->new_keys[i], change->key);
        if (code == 0 && index->unique && !index->ready) {
            code = record_disown(write, index, &change->old_keys[i], change->key);
        }
    }
    code = code < 0 ? code : record_load_sequence(write, change);
    return code < 0 ? code
                    : record_claim(write, change->old_keys, change->new_keys, change->key,
                                   change->old_doc);
}

/* The place among all documents that came: what comes gets one, what goes leaves its own. */
static void record_change_place(const struct store_write *write, struct record_change *change)
{
    struct buf key;
    uint32_t id = write->collection->capped->natural.id;
    if (change->old_doc.len == 0) {
        change->sequence = store_writer_next_sequence(write->writer, write->collection->id);
    }
    buf_init(&key, write->arena);
    store_key_natural(&key, id, change->sequence);
    if (change->old_doc.len == 0) {
        store_writer_put(write->writer, buf_slice(&key), slice_from(change->key, 4));
    } else if (change->new_doc.len == 0) {
        store_writer_delete(write->writer, buf_slice(&key));
    }
}

/* Do what was checked. */
static void record_apply(const struct store_write *write, struct record_change *change)
{
    const struct store_collection *collection = write->collection;
    struct slice old_doc = change->old_doc;
    struct slice new_doc = change->new_doc;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        record_change_entries(write, &collection->indexes[i], &change->old_keys[i],
                              &change->new_keys[i], change->key);
    }
    if (collection->capped != NULL) {
        record_change_place(write, change);
    }
    if (old_doc.len == 0 && write->writer->highest != NULL) {
        store_highest_raise(write->writer->highest, change->key);
    }
    record_note(write, old_doc, new_doc);
    if (new_doc.len > 0) {
        record_put(write, change->key, new_doc, change->sequence);
    } else {
        store_writer_delete(write->writer, change->key);
    }
    store_writer_count(write->writer, collection->id, (new_doc.len > 0) - (old_doc.len > 0),
                       (int64_t)new_doc.len - (int64_t)old_doc.len);
}

/* Check the whole change, then do it. */
static int record_change(const struct store_write *write, struct record_change *change)
{
    int code = record_check(write, change);
    if (code < 0) {
        return code;
    }
    record_apply(write, change);
    return record_mark_multikey(write, change->new_keys);
}

/* ---- a capped collection ---- */

/* Check that the oldest documents may go. */
static int record_check_oldest(const struct store_write *write,
                               const struct store_capped_room *room,
                               struct record_change **ret_changes)
{
    struct record_change *changes = arena_zero(write->arena, room->count, sizeof *changes);
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < room->count; i++) {
        struct doc_value id = doc_get_str(room->oldest[i].doc, "_id");
        changes[i].key = store_record_key(write->arena, write->collection, id);
        changes[i].old_doc = room->oldest[i].doc;
        changes[i].sequence = room->oldest[i].sequence;
        code = record_check(write, &changes[i]);
    }
    *ret_changes = changes;
    return code;
}

/* A document comes, and the oldest go for it. */
static int record_insert_capped(const struct store_write *write, struct record_change *change)
{
    struct store_capped_room room;
    struct record_change *oldest = NULL;
    int code = record_check(write, change);
    code = code < 0 ? code : store_capped_room(write, change->new_doc, &room);
    code = code < 0 ? code : record_check_oldest(write, &room, &oldest);
    if (code < 0) {
        return code;
    }
    if (room.enough) {
        record_apply(write, change);
    }
    for (uint32_t i = 0; i < room.count; i++) {
        record_apply(write, &oldest[i]);
    }
    if (room.count > 0) {
        uint64_t newest_gone = oldest[room.count - 1].sequence;
        *store_writer_oldest(write->writer, write->collection->id) = newest_gone + 1;
    }
    return room.enough ? record_mark_multikey(write, change->new_keys) : -LT_EYIELD;
}

/* ---- doors ---- */

int store_insert(const struct store_write *write, struct slice doc)
{
    struct doc_value id = doc_get_str(doc, "_id");
    assert(doc_value_exists(id));
    struct slice key = store_record_key(write->arena, write->collection, id);
    struct store_view *view = &write->writer->view;
    struct store_pin pin;
    struct store_highest *highest = write->writer->highest;
    bool is_new = highest != NULL && store_highest_knows_none(highest, view, key);
    int code = is_new ? -LT_ENOSUCHKEY : store_view_get(view, key, &pin);
    if (code == 0) {
        store_pin_release(&pin);
        return store_duplicate(write, &write->collection->indexes[0], slice_from(key, 4));
    }
    if (code != -LT_ENOSUCHKEY) {
        return code;
    }
    struct record_change change = {.key = key, .new_doc = doc};
    return write->collection->capped != NULL ? record_insert_capped(write, &change)
                                             : record_change(write, &change);
}

int store_update(const struct store_write *write, struct slice old_doc, struct slice new_doc)
{
    struct doc_value id = doc_get_str(old_doc, "_id");
    struct slice key = store_record_key(write->arena, write->collection, id);
    struct record_change change = {.key = key, .old_doc = old_doc, .new_doc = new_doc};
    return record_change(write, &change);
}

int store_delete(const struct store_write *write, struct slice doc)
{
    struct doc_value id = doc_get_str(doc, "_id");
    struct slice key = store_record_key(write->arena, write->collection, id);
    struct record_change change = {.key = key, .old_doc = doc};
    return record_change(write, &change);
}

int store_index_add(const struct store_write *write, const struct store_index *index,
                    struct slice doc)
{
    struct doc_value id = doc_get_str(doc, "_id");
    struct slice record_key = store_record_key(write->arena, write->collection, id);
    struct store_index_keys keys;
    struct store_index_keys *all =
        arena_zero(write->arena, write->collection->indexes_count, sizeof *all);
    int code = store_index_keys(write->arena, index, doc, &keys, write->err);
    code = code < 0 ? code : record_check_keys(write, index, &keys, record_key);
    if (code < 0) {
        return code;
    }
    for (uint32_t i = 0; i < keys.count; i++) {
        record_put_entry(write, index, keys.keys[i], record_key);
    }
    all[index - write->collection->indexes] = keys;
    return record_mark_multikey(write, all);
}
