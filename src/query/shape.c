/* query/shape.c - kind, path, and the shapes of what is below, in order.
 *
 * Lengths come first, so that no two trees give the same bytes. */
#include "query/shape.h"

#include <stdlib.h>

static int shape_order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static void shape_append_part(struct buf *buf, struct slice part)
{
    uint32_t len = (uint32_t)part.len;
    buf_append(buf, &len, sizeof len);
    buf_append_slice(buf, part);
}

/* The children's, in an order that does not depend on how they were written. */
static void shape_append_children(struct buf *buf, const struct query_match *match)
{
    struct arena arena;
    arena_init(&arena);
    struct slice *shapes = arena_alloc(&arena, match->children_count * sizeof *shapes);
    for (uint32_t i = 0; i < match->children_count; i++) {
        struct buf child;
        buf_init(&child, &arena);
        query_shape_append(&child, match->children[i]);
        shapes[i] = buf_slice(&child);
    }
    qsort(shapes, match->children_count, sizeof *shapes, shape_order);
    for (uint32_t i = 0; i < match->children_count; i++) {
        shape_append_part(buf, shapes[i]);
    }
    arena_close(&arena);
}

void query_shape_append(struct buf *buf, const struct query_match *match)
{
    uint32_t head[] = {match->kind, match->children_count};
    buf_append(buf, head, sizeof head);
    shape_append_part(buf, match->path.text);
    if (match->children_count > 0) {
        shape_append_children(buf, match);
    }
}
