/* store/reclaim.c - walk from id to id, ask the catalog, drop what it does not know.
 *
 * The engine may go on showing what was dropped, so it is remembered: each id is dropped once.
 * The catalog is read from the same snapshot as the ids: an id that was given out later is in
 * neither, and one that is in the snapshot without being in its catalog was dropped before. */
#include "store/reclaim.h"

#include "doc/view.h"
#include "store/describe.h"
#include "store/keys.h"
#include "store/note.h"

static bool reclaim_knows(const struct store_catalog *catalog, uint32_t id)
{
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct store_collection *collection = catalog->collections[i];
        if (collection->capped != NULL && collection->capped->natural.id == id) {
            return true;
        }
        for (uint32_t k = 0; k < collection->indexes_count; k++) {
            if (collection->indexes[k].id == id) {
                return true;
            }
        }
    }
    return false;
}

static int reclaim_drop(struct store_kv *kv, uint32_t id)
{
    uint8_t bytes[8];
    struct slice from;
    struct slice to;
    store_key_range(id, bytes, &from, &to);
    return kv->ops->drop_range(kv, from, to);
}

/* The first id in the engine from `id` on: 1, 0 none, negative. */
static int reclaim_next_id(struct store_view_cursor *cursor, uint32_t id, uint32_t *ret_id)
{
    struct buf key;
    buf_init(&key, NULL);
    store_key_id(&key, id);
    int code = store_view_seek(cursor, buf_slice(&key), false);
    if (code > 0) {
        *ret_id = store_key_load_id(store_view_key(cursor).data);
    }
    buf_close(&key);
    return code;
}

/* Was the id dropped before? They are asked for in order; *at is how far. */
static bool reclaim_is_dropped(const struct buf *dropped, size_t *at, uint32_t id)
{
    uint32_t known = 0;
    for (; *at < dropped->len; *at += sizeof known) {
        memcpy(&known, dropped->data + *at, sizeof known);
        if (known >= id) {
            break;
        }
    }
    return known == id;
}

/* *now becomes the dropped ids that are still there. */
static int reclaim_walk(struct store_view *view, const struct store_catalog *catalog,
                        const struct buf *dropped, struct buf *now, uint32_t *ret_ranges)
{
    struct store_view_cursor cursor;
    size_t at = 0;
    uint32_t id = 1;
    int code;
    store_view_cursor_open(&cursor, view);
    while ((code = reclaim_next_id(&cursor, id, &id)) > 0) {
        if (!reclaim_knows(catalog, id)) {
            if (!reclaim_is_dropped(dropped, &at, id)) {
                code = reclaim_drop(view->kv, id);
                if (code < 0) {
                    break;
                }
                (*ret_ranges)++;
            }
            buf_append(now, &id, sizeof id);
        }
        if (id == UINT32_MAX) {
            break;
        }
        id++;
    }
    store_view_cursor_close(&cursor);
    return code < 0 ? code : 0;
}

int store_reclaim(struct store_kv *kv, const struct store_filter_ops *filter_ops,
                  struct buf *dropped, uint32_t *ret_ranges)
{
    struct store_view view;
    struct store_catalog *catalog;
    struct buf now;
    *ret_ranges = 0;
    buf_init(&now, NULL);
    store_view_init(&view, kv, NULL);
    view.wait = STORE_MAY_WAIT;
    view.snapshot = kv->ops->snapshot(kv);
    int code = store_catalog_load(&view, filter_ops, &catalog);
    if (code == 0) {
        code = reclaim_walk(&view, catalog, dropped, &now, ret_ranges);
        store_catalog_release(catalog);
    }
    kv->ops->snapshot_release(kv, view.snapshot);
    store_view_close(&view);
    buf_close(dropped);
    *dropped = now;
    return code;
}

static uint32_t reclaim_unready(const struct store_collection *collection)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        count += !collection->indexes[i].ready;
    }
    return count;
}

int store_drop_unready(struct store_writer *writer, uint32_t *ret_indexes)
{
    struct arena arena;
    int code = 0;
    *ret_indexes = 0;
    arena_init(&arena);
    for (uint32_t i = 0; i < writer->catalog->count && code == 0; i++) {
        const struct store_collection *collection = writer->catalog->collections[i];
        uint32_t unready = reclaim_unready(collection);
        if (unready == 0) {
            continue;
        }
        struct store_describe_head head = store_describe_head_of(collection);
        struct store_describe *describe = store_describe_begin(&arena, &head);
        for (uint32_t k = 0; k < collection->indexes_count; k++) {
            if (collection->indexes[k].ready) {
                store_describe_index(describe, &collection->indexes[k]);
            }
        }
        code = store_writer_put_collection(writer, store_describe_end(describe), collection);
        *ret_indexes += unready;
    }
    arena_close(&arena);
    return code;
}

uint32_t store_drop_temporary(struct store_writer *writer)
{
    uint32_t dropped = 0;
    for (uint32_t i = writer->catalog->count; i > 0; i--) {
        const struct store_collection *collection = writer->catalog->collections[i - 1];
        if (doc_value_truth(doc_get_str(collection->options, "temp"))) {
            struct store_note note = {.type = STORE_NOTE_DROP};
            store_note_put(writer, collection, &note);
            store_writer_drop_collection(writer, collection);
            dropped++;
        }
    }
    return dropped;
}
