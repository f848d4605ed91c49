/* store/writer.c - effects into the open entry and the overlay, side by side. */
#include "store/writer.h"

#include <assert.h>

#include "base/mem.h"
#include "doc/validate.h"
#include "store/effect.h"
#include "store/fork.h"
#include "store/keys.h"

enum { WRITER_COUNTERS_MIN = 16 };

struct store_counter {
    uint32_t id;  /* 0: free */
    bool changed; /* since the open entry began */
    struct store_counts counts;
    struct store_counts loaded; /* what they were at first */
    uint64_t named;             /* the entry that has its name */
    uint64_t oldest;            /* no document has a lower sequence number */
    uint64_t changes;           /* how often it was counted up or down */
};

static struct store_counter *writer_counter(const struct store_writer *writer, uint32_t id)
{
    size_t mask = writer->counters_cap - 1;
    size_t slot = (id * 2654435761u) & mask;
    while (writer->counters[slot].id != 0 && writer->counters[slot].id != id) {
        slot = (slot + 1) & mask;
    }
    return &writer->counters[slot];
}

static int writer_add_loaded(struct store_catalog **catalog,
                             const struct store_filter_ops *filter_ops, struct slice description)
{
    struct store_collection *collection;
    int code = doc_validate(description, DOC_DEPTH_WIRE, NULL);
    code = code < 0 ? code : store_collection_parse(description, filter_ops, &collection);
    if (code == 0) {
        struct store_catalog *old = *catalog;
        *catalog = store_catalog_with(old, 0, collection, NULL);
        store_catalog_release(old);
    }
    return code;
}

int store_catalog_load(struct store_view *view, const struct store_filter_ops *filter_ops,
                       struct store_catalog **ret_catalog)
{
    struct store_catalog *catalog = store_catalog_new();
    struct store_view_cursor cursor;
    struct buf prefix;
    buf_init(&prefix, NULL);
    store_key_catalog(&prefix, 0);
    store_view_cursor_open(&cursor, view);
    int code = store_view_seek(&cursor, buf_slice(&prefix), false);
    while (code > 0 && slice_starts(store_view_key(&cursor), buf_slice(&prefix))) {
        int added = writer_add_loaded(&catalog, filter_ops, store_view_value(&cursor));
        code = added < 0 ? added : store_view_step(&cursor);
    }
    store_view_cursor_close(&cursor);
    buf_close(&prefix);
    if (code < 0) {
        store_catalog_release(catalog);
        return code;
    }
    *ret_catalog = catalog;
    return 0;
}

static int writer_load_next_id(struct store_writer *writer)
{
    struct store_pin pin;
    writer->next_id = 1;
    int code = store_view_get(&writer->view, store_key_next_id, &pin);
    if (code == 0) {
        if (pin.value.len == sizeof writer->next_id) {
            writer->next_id = store_key_load_id(pin.value.data);
        } else {
            code = -LT_ECORRUPT;
        }
        store_pin_release(&pin);
    }
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

void store_writer_init(struct store_writer *writer, struct store_kv *kv,
                       const struct store_filter_ops *filter_ops)
{
    *writer = (struct store_writer){.filter_ops = filter_ops};
    store_overlay_init(&writer->overlay);
    store_view_init(&writer->view, kv, &writer->overlay);
    store_locks_init(&writer->locks);
    buf_init(&writer->effects, NULL);
    buf_init(&writer->key, NULL);
    buf_init(&writer->counters_changed, NULL);
    writer->counters_cap = WRITER_COUNTERS_MIN;
    writer->counters = mem_zero(writer->counters_cap, sizeof *writer->counters);
}

int store_writer_open(struct store_writer *writer, struct store_kv *kv,
                      const struct store_filter_ops *filter_ops, struct err *err)
{
    store_writer_init(writer, kv, filter_ops);
    writer->highest = mem_alloc(sizeof *writer->highest);
    store_highest_init(writer->highest);
    writer->view.wait = STORE_MAY_WAIT;
    int code = store_catalog_load(&writer->view, filter_ops, &writer->catalog);
    code = code < 0 ? code : writer_load_next_id(writer);
    writer->view.wait = STORE_MEMORY_ONLY;
    if (code < 0) {
        store_writer_close(writer);
        return err_set(err, -code, "the catalog cannot be read");
    }
    return 0;
}

void store_writer_close(struct store_writer *writer)
{
    store_view_close(&writer->view);
    store_overlay_close(&writer->overlay);
    store_catalog_release(writer->catalog);
    writer->catalog = NULL;
    buf_close(&writer->effects);
    buf_close(&writer->key);
    while (writer->spare_count > 0) {
        buf_close(&writer->spare[--writer->spare_count]);
    }
    buf_close(&writer->counters_changed);
    store_locks_close(&writer->locks);
    mem_free(writer->highest);
    mem_free(writer->counters);
}

void store_writer_begin(struct store_writer *writer, uint64_t index, uint64_t clock,
                        int64_t wall_ms)
{
    if (writer->effects.len == 0) {
        writer->index = index;
        writer->clock = clock;
        writer->catalog_changed = false;
        writer->timed = false;
        writer->events = 0;
        writer->wall_ms = wall_ms;
        store_effect_begin(&writer->effects, clock);
    }
}

void store_writer_begin_run(struct store_writer *writer)
{
    store_gaps_begin_run(&writer->highest->gaps);
}

void store_writer_put(struct store_writer *writer, struct slice key, struct slice value)
{
    assert(writer->effects.len > 0);
    store_effect_put(&writer->effects, key, value);
    store_overlay_put(&writer->overlay, writer->index, key, value);
}

void store_writer_delete(struct store_writer *writer, struct slice key)
{
    assert(writer->effects.len > 0);
    store_effect_delete(&writer->effects, key);
    store_overlay_delete(&writer->overlay, writer->index, key);
}

void store_writer_put_entry(struct store_writer *writer, struct slice key, size_t page_len,
                            struct slice value)
{
    assert(writer->effects.len > 0);
    store_effect_put_entry(&writer->effects, key, page_len, value);
    store_overlay_put(&writer->overlay, writer->index, key, value);
}

void store_writer_delete_entry(struct store_writer *writer, struct slice key, size_t page_len)
{
    assert(writer->effects.len > 0);
    store_effect_delete_entry(&writer->effects, key, page_len);
    store_overlay_delete(&writer->overlay, writer->index, key);
}

/* Without the sequence number where there is none. */
static struct slice writer_counts_value(const struct store_counts *counts)
{
    return slice_of(counts, counts->sequence > 0 ? sizeof *counts
                                                 : offsetof(struct store_counts, sequence));
}

/* The counts that this entry changed, and the next free id, once an entry. */
static void writer_finish(struct store_writer *writer)
{
    struct buf *key = &writer->key;
    const uint32_t *changed = (const uint32_t *)(const void *)writer->counters_changed.data;
    for (size_t i = 0; i < writer->counters_changed.len / sizeof *changed; i++) {
        struct store_counter *counter = writer_counter(writer, changed[i]);
        if (counter->changed) {
            key->len = 0;
            store_key_counts(key, counter->id);
            store_writer_put(writer, buf_slice(key), writer_counts_value(&counter->counts));
            counter->changed = false;
        }
    }
    writer->counters_changed.len = 0;
    if (writer->next_id_changed) {
        key->len = 0;
        store_key_id(key, writer->next_id);
        store_writer_put(writer, store_key_next_id, buf_slice(key));
        writer->next_id_changed = false;
    }
}

struct buf store_writer_take(struct store_writer *writer)
{
    struct buf payload = {0};
    if (writer->effects.len > 0) {
        writer_finish(writer);
    }
    if (writer->effects.len <= STORE_EFFECT_HEADER) {
        writer->effects.len = 0;
        return payload;
    }
    payload = writer->effects;
    buf_init(&writer->effects, NULL);
    if (writer->spare_count > 0) {
        writer->effects = writer->spare[--writer->spare_count];
    }
    return payload;
}

void store_writer_give_back(struct store_writer *writer, struct buf *payload)
{
    if (writer->spare_count == STORE_WRITER_SPARE || payload->cap > STORE_WRITER_SPARE_BYTES) {
        buf_close(payload);
        return;
    }
    payload->len = 0;
    writer->spare[writer->spare_count++] = *payload;
    buf_init(payload, NULL);
}

void store_writer_applied(struct store_writer *writer, uint64_t index)
{
    store_overlay_applied(&writer->overlay, index);
}

static void writer_grow_counters(struct store_writer *writer)
{
    struct store_counter *old = writer->counters;
    size_t old_cap = writer->counters_cap;
    writer->counters_cap *= 2;
    writer->counters = mem_zero(writer->counters_cap, sizeof *writer->counters);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].id != 0) {
            *writer_counter(writer, old[i].id) = old[i];
        }
    }
    mem_free(old);
}

int store_read_counts(struct store_view *view, uint32_t collection_id,
                      struct store_counts *ret_counts)
{
    struct store_pin pin;
    struct buf key;
    *ret_counts = (struct store_counts){0};
    buf_init(&key, NULL);
    store_key_counts(&key, collection_id);
    int code = store_view_get(view, buf_slice(&key), &pin);
    if (code == 0) {
        if (pin.value.len == sizeof *ret_counts ||
            pin.value.len == offsetof(struct store_counts, sequence)) {
            memcpy(ret_counts, pin.value.data, pin.value.len);
        } else {
            code = -LT_ECORRUPT;
        }
        store_pin_release(&pin);
    }
    buf_close(&key);
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

int store_writer_counts(struct store_writer *writer, uint32_t collection_id,
                        struct store_counts *ret_counts)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    if (counter->id == 0) {
        struct store_counts counts;
        int code = store_read_counts(&writer->view, collection_id, &counts);
        if (code < 0) {
            return code;
        }
        if (writer->counters_count * 2 >= writer->counters_cap) {
            writer_grow_counters(writer);
            counter = writer_counter(writer, collection_id);
        }
        *counter = (struct store_counter){collection_id, false, counts, counts, 0, 0, 0};
        writer->counters_count++;
    }
    *ret_counts = counter->counts;
    return 0;
}

void store_writer_count(struct store_writer *writer, uint32_t collection_id, int64_t documents,
                        int64_t bytes)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    assert(counter->id == collection_id);
    counter->counts.documents += documents;
    counter->counts.bytes += bytes;
    counter->changes++;
    if (!counter->changed) {
        counter->changed = true;
        buf_append(&writer->counters_changed, &collection_id, sizeof collection_id);
    }
}

uint64_t store_writer_changes(const struct store_writer *writer, uint32_t collection_id)
{
    const struct store_counter *counter = writer_counter(writer, collection_id);
    assert(counter->id == collection_id);
    return counter->changes;
}

uint64_t store_writer_next_sequence(struct store_writer *writer, uint32_t collection_id)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    assert(counter->id == collection_id);
    return ++counter->counts.sequence;
}

uint64_t *store_writer_oldest(struct store_writer *writer, uint32_t collection_id)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    assert(counter->id == collection_id);
    return &counter->oldest;
}

/* One that was not counted is named each time. */
bool store_writer_names(struct store_writer *writer, uint32_t collection_id)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    bool names = counter->id != collection_id || counter->named != writer->index;
    if (counter->id == collection_id) {
        counter->named = writer->index;
    }
    return names;
}

void store_writer_unname(struct store_writer *writer, uint32_t collection_id)
{
    struct store_counter *counter = writer_counter(writer, collection_id);
    if (counter->id == collection_id) {
        counter->named = 0;
    }
}

bool store_writer_has_counted(const struct store_writer *writer, uint32_t collection_id)
{
    return writer_counter(writer, collection_id)->id == collection_id;
}

int store_writer_load_counts(struct store_writer *writer, const struct store_writer *from)
{
    const uint32_t *changed = (const uint32_t *)(const void *)from->counters_changed.data;
    int code = 0;
    for (size_t i = 0; code == 0 && i < from->counters_changed.len / sizeof *changed; i++) {
        struct store_counts counts;
        code = store_writer_counts(writer, changed[i], &counts);
    }
    return code;
}

void store_writer_add_counts(struct store_writer *writer, const struct store_writer *from)
{
    const uint32_t *changed = (const uint32_t *)(const void *)from->counters_changed.data;
    for (size_t i = 0; i < from->counters_changed.len / sizeof *changed; i++) {
        const struct store_counter *counter = writer_counter(from, changed[i]);
        store_writer_count(writer, counter->id,
                           counter->counts.documents - counter->loaded.documents,
                           counter->counts.bytes - counter->loaded.bytes);
    }
}

uint32_t store_writer_new_id(struct store_writer *writer)
{
    if (writer->fork != NULL) {
        return store_writer_new_id(writer->fork->base);
    }
    writer->next_id_changed = true;
    return writer->next_id++;
}

static void writer_set_catalog(struct store_writer *writer, struct store_collection *put,
                               const struct store_collection *drop)
{
    struct store_catalog *old = writer->catalog;
    writer->catalog = store_catalog_with(old, writer->index, put, drop);
    writer->catalog_changed = true;
    store_catalog_release(old);
}

int store_writer_put_collection(struct store_writer *writer, struct slice description,
                                const struct store_collection *old)
{
    struct store_collection *collection;
    int code = store_collection_parse(description, writer->filter_ops, &collection);
    if (code < 0) {
        return code;
    }
    struct buf key;
    buf_init(&key, NULL);
    store_key_catalog(&key, collection->id);
    store_writer_put(writer, buf_slice(&key), collection->description);
    buf_close(&key);
    writer_set_catalog(writer, collection, old);
    return 0;
}

void store_writer_drop_collection(struct store_writer *writer,
                                  const struct store_collection *collection)
{
    struct buf key;
    buf_init(&key, NULL);
    store_key_catalog(&key, collection->id);
    store_writer_delete(writer, buf_slice(&key));
    key.len = 0;
    store_key_counts(&key, collection->id);
    store_writer_delete(writer, buf_slice(&key));
    buf_close(&key);
    struct store_counter *counter = writer_counter(writer, collection->id);
    counter->changed = false;
    writer_set_catalog(writer, NULL, collection);
}
