/* store/fork.c - open: a snapshot and a private overlay; merge: check what the snapshot took for
 * granted of collections, then put effect after effect, as if they had come just now. */
#include "store/fork.h"

#include <assert.h>

#include "store/effect.h"
#include "store/keys.h"
#include "store/multikey.h"
#include "store/note.h"
#include "store/record.h"

enum { FORK_INDEX = 1 }; /* of its only entry, in its own overlay */

void store_fork_open(struct store_fork *fork, struct store_writer *base,
                     struct store_catalog *catalog)
{
    struct store_writer *writer = &fork->writer;
    struct store_kv *kv = base->view.kv;
    fork->base = base;
    fork->began = store_catalog_hold(catalog);
    fork->snapshot = kv->ops->snapshot(kv);
    fork->holder = (struct store_locks_holder){0};
    store_writer_init(writer, kv, base->filter_ops);
    writer->fork = fork;
    writer->view.snapshot = fork->snapshot;
    writer->catalog = store_catalog_hold(catalog);
    store_writer_begin(writer, FORK_INDEX, base->clock, base->wall_ms);
}

void store_fork_close(struct store_fork *fork)
{
    struct store_kv *kv = fork->base->view.kv;
    store_locks_release(&fork->base->locks, &fork->holder);
    store_writer_close(&fork->writer);
    kv->ops->snapshot_release(kv, fork->snapshot);
    store_catalog_release(fork->began);
}

/* ---- checks ---- */

static struct store_collection *fork_find(const struct store_catalog *catalog, uint32_t id)
{
    for (uint32_t i = 0; i < catalog->count; i++) {
        if (catalog->collections[i]->id == id) {
            return catalog->collections[i];
        }
    }
    return NULL;
}

static bool fork_has_same_indexes(const struct store_collection *a,
                                  const struct store_collection *b)
{
    bool same = a->indexes_count == b->indexes_count;
    for (uint32_t i = 0; same && i < a->indexes_count; i++) {
        same = a->indexes[i].id == b->indexes[i].id;
    }
    return same;
}

/* Would what was done to this collection of ours be right in the base, too? */
static bool fork_fits(const struct store_fork *fork, const struct store_collection *ours)
{
    const struct store_collection *was = fork_find(fork->began, ours->id);
    const struct store_collection *is = store_catalog_find(fork->base->catalog, ours->ns);
    if (was == NULL) {
        return is == NULL;
    }
    return is != NULL && is->id == was->id && fork_has_same_indexes(is, was);
}

static int fork_check_collections(const struct store_fork *fork)
{
    const struct store_catalog *catalog = fork->writer.catalog;
    if (fork->base->catalog->version == fork->began->version) {
        return 0;
    }
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct store_collection *ours = catalog->collections[i];
        bool touched = store_writer_has_counted(&fork->writer, ours->id) ||
                       fork_find(fork->began, ours->id) == NULL;
        if (touched && !fork_fits(fork, ours)) {
            return -LT_EWRITECONFLICT;
        }
    }
    return 0;
}

int store_fork_check(struct store_fork *fork)
{
    int code = fork_check_collections(fork);
    return code < 0 ? code : store_writer_load_counts(fork->base, &fork->writer);
}

/* ---- effects ---- */

/* A collection that is new, or that has grown multikey. */
static int fork_merge_collection(const struct store_fork *fork, struct slice description)
{
    struct store_writer *base = fork->base;
    struct store_collection *ours;
    int code = store_collection_parse(description, base->filter_ops, &ours);
    if (code < 0) {
        return code;
    }
    struct store_collection *is = store_catalog_find(base->catalog, ours->ns);
    if (fork_find(fork->began, ours->id) != NULL) {
        assert(is != NULL && fork_has_same_indexes(is, ours));
        struct arena arena;
        arena_init(&arena);
        bool *marks = arena_zero(&arena, ours->indexes_count, sizeof *marks);
        for (uint32_t i = 0; i < ours->indexes_count; i++) {
            marks[i] = ours->indexes[i].multikey;
        }
        code = store_multikey_mark(base, &arena, is, marks);
        arena_close(&arena);
    } else {
        code = store_writer_put_collection(base, description, is);
    }
    store_collection_release(ours);
    return code;
}

static int fork_merge_put(struct store_fork *fork, const struct store_effect *effect)
{
    struct store_writer *base = fork->base;
    uint32_t id = store_key_load_id(effect->key.data);
    if (id == 0) {
        return fork_merge_collection(fork, effect->value);
    }
    if (store_writer_has_counted(&fork->writer, id)) {
        /* a record: the bytes are the fork's own, and are not read again */
        store_record_set_clock((uint8_t *)(uintptr_t)effect->value.data, base->clock);
        store_highest_raise(base->highest, effect->key);
    }
    if (effect->name.len < effect->key.len) {
        store_writer_put_entry(base, effect->key, effect->name.len, effect->value);
    } else {
        store_writer_put(base, effect->key, effect->value);
    }
    return 0;
}

static void fork_merge_delete(struct store_fork *fork, const struct store_effect *effect)
{
    if (effect->name.len < effect->key.len) {
        store_writer_delete_entry(fork->base, effect->key, effect->name.len);
    } else {
        store_writer_delete(fork->base, effect->key);
    }
}

void store_fork_merge(struct store_fork *fork)
{
    struct slice payload = buf_slice(&fork->writer.effects);
    struct store_effect effect;
    size_t at = 0;
    int code = 0;
    while (code == 0 && store_effect_next(payload, &at, &effect) > 0) {
        if (effect.kind == STORE_EFFECT_NOTE) {
            store_note_copy(fork->base, &effect);
        } else if (effect.kind == STORE_EFFECT_PUT) {
            code = fork_merge_put(fork, &effect);
        } else {
            fork_merge_delete(fork, &effect);
        }
    }
    assert(code == 0); /* all of it was checked, before or when it was written */
    store_writer_add_counts(fork->base, &fork->writer);
}
