/* test/lib/store_kit.h - a store in memory with one collection, for tests above the engine.
 *
 * Invariant   everything is in one open entry of the writer, until store_kit_apply; its view sees
 *             it at once.
 * Thread      one.
 * Memory      kit->arena, and what store_kit_close gives back.
 * Errors      what should not fail fails the test.
 */
#ifndef TEST_LIB_STORE_KIT_H
#define TEST_LIB_STORE_KIT_H

#include "base/mem.h"
#include "lib/json_doc.h"
#include "store/describe.h"
#include "store/record.h"

struct store_kit {
    struct store_kv *kv;
    struct store_writer writer;
    struct arena arena;
    struct err err;
};

/* A store with the collection "db.c" and its indexes, each described by its spec: {'key': {'a': 1},
 * 'name': 'a_1', ...}. */
static inline void store_kit_open(struct store_kit *kit, const struct store_filter_ops *filter_ops,
                                  const char *const *specs, size_t specs_count)
{
    *kit = (struct store_kit){.kv = store_simkv_new()};
    arena_init(&kit->arena);
    assert_int_equal(store_writer_open(&kit->writer, kit->kv, filter_ops, &kit->err), 0);
    store_writer_begin(&kit->writer, 1, 1, 1);
    struct store_describe_head head = {
        .id = store_writer_new_id(&kit->writer),
        .db = SLICE("db"),
        .name = SLICE("c"),
        .options = doc_value_get_doc(doc_empty_object),
    };
    struct store_describe *describe = store_describe_begin(&kit->arena, &head);
    store_describe_id_index(describe, head.id);
    for (size_t i = 0; i < specs_count; i++) {
        struct store_index index = {
            .id = store_writer_new_id(&kit->writer),
            .ready = true,
            .spec = json_doc(&kit->arena, specs[i]),
        };
        store_describe_index(describe, &index);
    }
    struct slice description = store_describe_end(describe);
    assert_int_equal(store_writer_put_collection(&kit->writer, description, NULL), 0);
}

static inline struct store_collection *store_kit_collection(struct store_kit *kit)
{
    return store_catalog_find(kit->writer.catalog, SLICE("db.c"));
}

static inline int store_kit_insert(struct store_kit *kit, struct slice doc)
{
    struct store_write write = {&kit->writer, store_kit_collection(kit), &kit->arena, &kit->err};
    return store_insert(&write, doc);
}

/* Close the entry and let the engine have it. */
static inline void store_kit_apply(struct store_kit *kit)
{
    struct buf payload = store_writer_take(&kit->writer);
    struct slice effects = buf_slice(&payload);
    struct store_mark mark = {1, 1, 1};
    assert_int_equal(kit->kv->ops->apply(kit->kv, &effects, 1, mark), 0);
    store_writer_applied(&kit->writer, 1);
    store_writer_give_back(&kit->writer, &payload);
}

static inline void store_kit_close(struct store_kit *kit)
{
    store_writer_close(&kit->writer);
    kit->kv->ops->close(kit->kv);
    arena_close(&kit->arena);
}

#endif
