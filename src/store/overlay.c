/* store/overlay.c - a skip list of pending versions, and a ring that says when each may go. */
#include "store/overlay.h"

#include <assert.h>

#include "base/mem.h"

struct store_overlay_touch {
    uint64_t index;
    struct store_skip_node *node;
};

void store_overlay_init(struct store_overlay *overlay)
{
    *overlay = (struct store_overlay){0};
    store_skip_init(&overlay->skip);
}

void store_overlay_close(struct store_overlay *overlay)
{
    store_skip_close(&overlay->skip);
    mem_free(overlay->queue);
    store_overlay_init(overlay);
}

static struct store_overlay_touch *overlay_touch(struct store_overlay *overlay, size_t position)
{
    return &overlay->queue[(overlay->queue_head + position) & (overlay->queue_cap - 1)];
}

static void overlay_grow(struct store_overlay *overlay)
{
    size_t cap = overlay->queue_cap == 0 ? 256 : overlay->queue_cap * 2;
    struct store_overlay_touch *queue = mem_alloc(cap * sizeof *queue);
    for (size_t i = 0; i < overlay->queue_count; i++) {
        queue[i] = *overlay_touch(overlay, i);
    }
    mem_free(overlay->queue);
    overlay->queue = queue;
    overlay->queue_cap = cap;
    overlay->queue_head = 0;
}

static void overlay_add(struct store_overlay *overlay, uint64_t index, struct store_skip_node *node)
{
    assert(overlay->queue_count == 0 ||
           overlay_touch(overlay, overlay->queue_count - 1)->index <= index);
    if (overlay->queue_count == overlay->queue_cap) {
        overlay_grow(overlay);
    }
    overlay->queue_count++;
    *overlay_touch(overlay, overlay->queue_count - 1) = (struct store_overlay_touch){index, node};
}

void store_overlay_put(struct store_overlay *overlay, uint64_t index, struct slice key,
                       struct slice value)
{
    overlay->serial++;
    overlay_add(overlay, index,
                store_skip_insert(&overlay->skip, key, overlay->serial, value, false));
}

void store_overlay_delete(struct store_overlay *overlay, uint64_t index, struct slice key)
{
    overlay->serial++;
    overlay_add(overlay, index,
                store_skip_insert(&overlay->skip, key, overlay->serial, (struct slice){0}, true));
}

void store_overlay_applied(struct store_overlay *overlay, uint64_t index)
{
    while (overlay->queue_count > 0 && overlay_touch(overlay, 0)->index <= index) {
        store_skip_remove(&overlay->skip, overlay_touch(overlay, 0)->node);
        overlay->queue_head = (overlay->queue_head + 1) & (overlay->queue_cap - 1);
        overlay->queue_count--;
    }
}

const struct store_skip_node *store_overlay_get(struct store_overlay *overlay, struct slice key)
{
    struct store_skip_node *node = store_skip_at_or_after(&overlay->skip, key, UINT64_MAX);
    return node != NULL && slice_equal(node->key, key) ? node : NULL;
}
