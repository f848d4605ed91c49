/* store/simkv.c - the engine in memory: every version of every key in one skip list.
 *
 * A snapshot is a version number; a read takes the newest version that is not above it. Nothing
 * blocks. A flush remembers the version that it was at, and a crash drops all later ones. */
#include <assert.h>

#include "base/mem.h"
#include "store/effect.h"
#include "store/keys.h"
#include "store/kv.h"
#include "store/skip.h"

struct simkv {
    struct store_kv kv;
    struct store_skip skip;
    uint64_t version; /* of the last apply or drop */
    struct store_mark applied;
    uint64_t flushed_version; /* what a crash leaves */
    struct store_mark flushed;
};

struct store_snapshot {
    uint64_t version;
};

struct simkv_cursor {
    struct store_cursor cursor;
    struct simkv *simkv;
    uint64_t version;
    bool backward;
    struct store_skip_node *node;
};

static struct simkv *simkv_of(struct store_kv *kv)
{
    return (struct simkv *)kv;
}

static struct simkv_cursor *simkv_cursor_of(struct store_cursor *cursor)
{
    return (struct simkv_cursor *)cursor;
}

static void simkv_close(struct store_kv *kv)
{
    store_skip_close(&simkv_of(kv)->skip);
    mem_free(kv);
}

static int simkv_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    (void)wait;
    struct simkv *simkv = simkv_of(kv);
    uint64_t version = snapshot != NULL ? snapshot->version : simkv->version;
    struct store_skip_node *node = store_skip_at_or_after(&simkv->skip, key, version);
    if (node == NULL || node->deleted || !slice_equal(node->key, key)) {
        return -LT_ENOSUCHKEY;
    }
    *ret_pin = (struct store_pin){node->value, NULL, NULL};
    return 0;
}

/* A new version of a key; the same key twice in one write keeps the later. */
static void simkv_set(struct simkv *simkv, struct slice key, struct slice value, bool deleted)
{
    struct store_skip_node *old = store_skip_at_or_after(&simkv->skip, key, simkv->version);
    if (old != NULL && old->version == simkv->version && slice_equal(old->key, key)) {
        store_skip_remove(&simkv->skip, old);
    }
    store_skip_insert(&simkv->skip, key, simkv->version, value, deleted);
}

static int simkv_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                       struct store_mark mark)
{
    struct simkv *simkv = simkv_of(kv);
    simkv->version++;
    for (size_t i = 0; i < count; i++) {
        struct store_effect effect;
        size_t at = 0;
        int more;
        while ((more = store_effect_next_change(payloads[i], &at, &effect)) > 0) {
            simkv_set(simkv, effect.key, effect.value, effect.kind == STORE_EFFECT_DELETE);
        }
        if (more < 0) {
            return more;
        }
    }
    simkv_set(simkv, store_key_applied, slice_of(&mark, sizeof mark), false);
    simkv->applied = mark;
    return 0;
}

static struct store_mark simkv_applied(struct store_kv *kv)
{
    return simkv_of(kv)->applied;
}

static int simkv_flush(struct store_kv *kv, uint64_t *ret_index)
{
    struct simkv *simkv = simkv_of(kv);
    simkv->flushed_version = simkv->version;
    simkv->flushed = simkv->applied;
    *ret_index = simkv->flushed.index;
    return 0;
}

static int simkv_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    struct simkv *simkv = simkv_of(kv);
    simkv->version++;
    struct store_skip_node *node = store_skip_at_or_after(&simkv->skip, from, UINT64_MAX);
    while (node != NULL && slice_compare(node->key, to) < 0) {
        struct store_skip_node *next = node->next[0];
        if (!node->deleted && (node->version < simkv->version)) {
            store_skip_insert(&simkv->skip, node->key, simkv->version, (struct slice){0}, true);
        }
        while (next != NULL && slice_equal(next->key, node->key)) {
            next = next->next[0];
        }
        node = next;
    }
    return 0;
}

/* It packs nothing. */
static bool simkv_settle(struct store_kv *kv)
{
    (void)kv;
    return false;
}

static struct store_snapshot *simkv_snapshot(struct store_kv *kv)
{
    struct store_snapshot *snapshot = mem_alloc(sizeof *snapshot);
    snapshot->version = simkv_of(kv)->version;
    return snapshot;
}

static void simkv_snapshot_release(struct store_kv *kv, struct store_snapshot *snapshot)
{
    (void)kv;
    mem_free(snapshot);
}

static uint64_t simkv_size(struct store_kv *kv, struct slice from, struct slice to)
{
    struct simkv *simkv = simkv_of(kv);
    uint64_t size = 0;
    struct store_skip_node *node = store_skip_at_or_after(&simkv->skip, from, UINT64_MAX);
    for (; node != NULL && slice_compare(node->key, to) < 0; node = node->next[0]) {
        size += node->key.len + node->value.len;
    }
    return size;
}

static void simkv_cursor_close(struct store_cursor *cursor)
{
    mem_free(cursor);
}

/* From `node` on, the first version that the cursor sees. */
static int simkv_settle_forward(struct simkv_cursor *cursor, struct store_skip_node *node)
{
    while (node != NULL) {
        if (node->version > cursor->version) {
            node = node->next[0];
            continue;
        }
        if (!node->deleted) {
            break;
        }
        node = store_skip_at_or_after(&cursor->simkv->skip, node->key, 0);
    }
    cursor->node = node;
    return node != NULL;
}

/* From `node` back, the newest version of a key that the cursor sees. */
static int simkv_settle_backward(struct simkv_cursor *cursor, struct store_skip_node *node)
{
    while (node != NULL) {
        struct store_skip_node *seen =
            store_skip_at_or_after(&cursor->simkv->skip, node->key, cursor->version);
        if (seen != NULL && !seen->deleted && slice_equal(seen->key, node->key)) {
            node = seen;
            break;
        }
        node = store_skip_before(&cursor->simkv->skip, node->key, UINT64_MAX);
    }
    cursor->node = node;
    return node != NULL;
}

static int simkv_seek(struct store_cursor *base, struct slice key, bool backward)
{
    struct simkv_cursor *cursor = simkv_cursor_of(base);
    struct store_skip *skip = &cursor->simkv->skip;
    cursor->backward = backward;
    if (!backward) {
        return simkv_settle_forward(cursor, store_skip_at_or_after(skip, key, cursor->version));
    }
    struct store_skip_node *at = store_skip_at_or_after(skip, key, cursor->version);
    if (at == NULL || !slice_equal(at->key, key)) {
        at = store_skip_before(skip, key, UINT64_MAX);
    }
    return simkv_settle_backward(cursor, at);
}

static int simkv_step(struct store_cursor *base)
{
    struct simkv_cursor *cursor = simkv_cursor_of(base);
    struct store_skip *skip = &cursor->simkv->skip;
    assert(cursor->node != NULL);
    if (cursor->backward) {
        struct store_skip_node *before = store_skip_before(skip, cursor->node->key, UINT64_MAX);
        return simkv_settle_backward(cursor, before);
    }
    struct store_skip_node *node = store_skip_at_or_after(skip, cursor->node->key, 0);
    return simkv_settle_forward(cursor, node);
}

static struct slice simkv_key(struct store_cursor *base)
{
    return simkv_cursor_of(base)->node->key;
}

static struct slice simkv_value(struct store_cursor *base)
{
    return simkv_cursor_of(base)->node->value;
}

static const struct store_cursor_ops simkv_cursor_ops = {
    .close = simkv_cursor_close,
    .seek = simkv_seek,
    .step = simkv_step,
    .key = simkv_key,
    .value = simkv_value,
};

static struct store_cursor *simkv_cursor(struct store_kv *kv, struct store_snapshot *snapshot,
                                         enum store_wait wait)
{
    (void)wait;
    struct simkv *simkv = simkv_of(kv);
    struct simkv_cursor *cursor = mem_zero(1, sizeof *cursor);
    cursor->cursor.ops = &simkv_cursor_ops;
    cursor->simkv = simkv;
    cursor->version = snapshot != NULL ? snapshot->version : simkv->version;
    return &cursor->cursor;
}

static const struct store_kv_ops simkv_ops = {
    .name = "simkv",
    .close = simkv_close,
    .get = simkv_get,
    .apply = simkv_apply,
    .applied = simkv_applied,
    .flush = simkv_flush,
    .drop_range = simkv_drop_range,
    .settle = simkv_settle,
    .snapshot = simkv_snapshot,
    .snapshot_release = simkv_snapshot_release,
    .size = simkv_size,
    .cursor = simkv_cursor,
};

struct store_kv *store_simkv_new(void)
{
    struct simkv *simkv = mem_zero(1, sizeof *simkv);
    simkv->kv.ops = &simkv_ops;
    store_skip_init(&simkv->skip);
    return &simkv->kv;
}

void store_simkv_crash(struct store_kv *kv)
{
    struct simkv *simkv = simkv_of(kv);
    assert(kv->ops == &simkv_ops);
    struct store_skip_node *node = simkv->skip.head[0];
    while (node != NULL) {
        struct store_skip_node *next = node->next[0];
        if (node->version > simkv->flushed_version) {
            store_skip_remove(&simkv->skip, node);
        }
        node = next;
    }
    simkv->version = simkv->flushed_version;
    simkv->applied = simkv->flushed;
}
