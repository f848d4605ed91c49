/* store/overlay.c - a hash table of pending versions, which go in the order they came.
 *
 *   chunk:  [node key value][node key value]...   oldest first, in the order of the log
 *   bucket: newest node of a key --> newest node of another
 *
 * Nearly all who ask want one key. Only a write that has to search wants them in order: then copies
 * of what came since the last time go into a skip list. What is forgotten is always the oldest, so
 * nodes lie in chunks one after the other, and a chunk is free when its last node goes. */
#include "store/overlay.h"

#include <assert.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/planted.h"
#include "base/rng.h"

enum {
    OVERLAY_CHUNK_MIN = 4 << 10, /* each one is twice the last, up to */
    OVERLAY_CHUNK = 128 << 10,
    OVERLAY_SPARE_MAX = 8, /* chunks kept for what comes */
    OVERLAY_BUCKETS_MIN = 64,
};

struct store_overlay_chunk {
    struct store_overlay_chunk *newer; /* or the next spare one */
    uint32_t live;                     /* nodes in it */
    size_t used;
    size_t size;
    _Alignas(8) uint8_t bytes[];
};

void store_overlay_init(struct store_overlay *overlay)
{
    *overlay = (struct store_overlay){.seed = rng_u64(), .chunk_bytes = OVERLAY_CHUNK_MIN};
    store_skip_init(&overlay->skip);
}

static void overlay_free_chunks(struct store_overlay_chunk *chunk)
{
    while (chunk != NULL) {
        struct store_overlay_chunk *newer = chunk->newer;
        mem_free(chunk);
        chunk = newer;
    }
}

void store_overlay_close(struct store_overlay *overlay)
{
    store_skip_close(&overlay->skip);
    overlay_free_chunks(overlay->chunk);
    overlay_free_chunks(overlay->spare);
    mem_free(overlay->buckets);
    store_overlay_init(overlay);
}

/* ---- chunks ---- */

static struct store_overlay_chunk *overlay_new_chunk(struct store_overlay *overlay, size_t size)
{
    struct store_overlay_chunk *chunk = overlay->spare;
    if (size <= OVERLAY_CHUNK && chunk != NULL) {
        overlay->spare = chunk->newer;
        overlay->spare_count--;
    } else {
        size = size < overlay->chunk_bytes ? overlay->chunk_bytes : size;
        chunk = mem_alloc(sizeof *chunk + size);
        chunk->size = size;
        overlay->chunk_bytes =
            overlay->chunk_bytes < OVERLAY_CHUNK ? 2 * overlay->chunk_bytes : OVERLAY_CHUNK;
    }
    chunk->newer = NULL;
    chunk->live = 0;
    chunk->used = 0;
    return chunk;
}

static void *overlay_alloc(struct store_overlay *overlay, size_t size)
{
    struct store_overlay_chunk *chunk = overlay->newest;
    size = (size + 7) & ~(size_t)7;
    if (overlay->chunk == NULL || chunk->size - chunk->used < size) {
        chunk = overlay_new_chunk(overlay, size);
        if (overlay->chunk == NULL) {
            overlay->chunk = chunk;
        } else {
            overlay->newest->newer = chunk;
        }
        overlay->newest = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    chunk->live++;
    return memory;
}

/* The oldest node is gone, and with it, perhaps, its chunk. */
static void overlay_free_oldest(struct store_overlay *overlay)
{
    struct store_overlay_chunk *chunk = overlay->chunk;
    assert(chunk->live > 0);
    chunk->live--;
    if (chunk->live > 0) {
        return;
    }
    overlay->chunk = chunk->newer;
    if (chunk->size == OVERLAY_CHUNK && overlay->spare_count < OVERLAY_SPARE_MAX) {
        chunk->newer = overlay->spare;
        overlay->spare = chunk;
        overlay->spare_count++;
    } else {
        mem_free(chunk);
    }
}

/* ---- buckets ---- */

static struct store_overlay_node **overlay_bucket(const struct store_overlay *overlay,
                                                  uint64_t hash)
{
    return &overlay->buckets[hash & (overlay->buckets_count - 1)];
}

/* The link that leads to the key's newest node, or to NULL. */
static struct store_overlay_node **overlay_find(const struct store_overlay *overlay, uint64_t hash,
                                                struct slice key)
{
    struct store_overlay_node **link = overlay_bucket(overlay, hash);
    while (*link != NULL && ((*link)->hash != hash || !slice_equal((*link)->key, key))) {
        link = &(*link)->neighbor;
    }
    return link;
}

static void overlay_grow(struct store_overlay *overlay)
{
    size_t count = overlay->buckets_count == 0 ? OVERLAY_BUCKETS_MIN : overlay->buckets_count * 2;
    mem_free(overlay->buckets);
    overlay->buckets = mem_zero(count, sizeof(struct store_overlay_node *));
    overlay->buckets_count = count;
    struct store_overlay_node *node = overlay->first;
    for (size_t i = 0; i < overlay->count; i++, node = node->later) {
        if (!node->covered) {
            struct store_overlay_node **bucket = overlay_bucket(overlay, node->hash);
            node->neighbor = *bucket;
            *bucket = node;
        }
    }
}

/* Put the node in front of what its key had. */
static void overlay_link(struct store_overlay *overlay, struct store_overlay_node *node)
{
    struct store_overlay_node **link = overlay_find(overlay, node->hash, node->key);
    struct store_overlay_node *older = *link;
    node->neighbor = older == NULL ? NULL : older->neighbor;
    *link = node;
    if (older != NULL) {
        older->covered = true;
    }
}

static void overlay_unlink(struct store_overlay *overlay, const struct store_overlay_node *node)
{
    struct store_overlay_node **link = overlay_bucket(overlay, node->hash);
    while (*link != node) {
        link = &(*link)->neighbor;
    }
    *link = node->neighbor;
}

/* ---- nodes ---- */

static struct store_overlay_node *overlay_new(struct store_overlay *overlay, struct slice key,
                                              struct slice value)
{
    struct store_overlay_node *node = overlay_alloc(overlay, sizeof *node + key.len + value.len);
    uint8_t *bytes = (uint8_t *)(node + 1);
    *node = (struct store_overlay_node){
        .key = slice_of(bytes, key.len),
        .value = slice_of(bytes + key.len, value.len),
        .serial = ++overlay->serial,
        .hash = XXH3_64bits_withSeed(key.data, key.len, overlay->seed),
    };
    memcpy(bytes, key.data, key.len);
    if (value.len > 0) {
        memcpy(bytes + key.len, value.data, value.len);
    }
    return node;
}

static void overlay_add(struct store_overlay *overlay, uint64_t index,
                        struct store_overlay_node *node)
{
    assert(overlay->count == 0 || overlay->last->index <= index);
    if (overlay->count >= overlay->buckets_count) {
        overlay_grow(overlay);
    }
    overlay_link(overlay, node);
    node->index = index;
    if (overlay->count == 0) {
        overlay->first = node;
    } else {
        overlay->last->later = node;
    }
    overlay->last = node;
    overlay->count++;
    if (overlay->unsorted == NULL) {
        overlay->unsorted = node;
    }
}

void store_overlay_put(struct store_overlay *overlay, uint64_t index, struct slice key,
                       struct slice value)
{
    overlay_add(overlay, index, overlay_new(overlay, key, value));
}

void store_overlay_delete(struct store_overlay *overlay, uint64_t index, struct slice key)
{
    if (PLANTED(undeleted)) {
        return;
    }
    struct store_overlay_node *node = overlay_new(overlay, key, (struct slice){0});
    node->deleted = true;
    overlay_add(overlay, index, node);
}

void store_overlay_applied(struct store_overlay *overlay, uint64_t index)
{
    while (overlay->count > 0 && overlay->first->index <= index) {
        struct store_overlay_node *node = overlay->first;
        if (!node->covered) {
            overlay_unlink(overlay, node);
        }
        if (node->sorted != NULL) {
            store_skip_remove(&overlay->skip, node->sorted);
        } else {
            overlay->unsorted = node->later;
        }
        overlay->first = node->later;
        overlay->count--;
        overlay_free_oldest(overlay);
    }
}

const struct store_overlay_node *store_overlay_get(const struct store_overlay *overlay,
                                                   struct slice key)
{
    if (overlay->count == 0) {
        return NULL;
    }
    return *overlay_find(overlay, XXH3_64bits_withSeed(key.data, key.len, overlay->seed), key);
}

struct store_skip *store_overlay_sorted(struct store_overlay *overlay)
{
    struct store_overlay_node *node = overlay->unsorted;
    for (; node != NULL; node = node->later) {
        node->sorted =
            store_skip_insert(&overlay->skip, node->key, node->serial, node->value, node->deleted);
    }
    overlay->unsorted = NULL;
    return &overlay->skip;
}
