/* geo/chain.h - edges one after another, with a tree of boxes over them.
 *
 * Invariant   neighbours differ; a closed chain's last edge leads back to its first vertex.
 * Thread      immutable once made.
 * Memory      the arena given; the vertices are borrowed.
 * Errors      none.
 */
#ifndef GEO_CHAIN_H
#define GEO_CHAIN_H

#include "base/arena.h"
#include "geo/vec.h"

/* In space: it holds the arcs, which bulge out of their chords. */
struct geo_chain_box {
    struct geo_vec low;
    struct geo_vec high;
};

enum geo_chain_kind {
    GEO_CHAIN_OPEN,
    GEO_CHAIN_CLOSED,
    GEO_CHAIN_SPOTS, /* each vertex is an edge of no length */
};

struct geo_chain {
    enum geo_chain_kind kind;
    const struct geo_vec *vertices;
    uint32_t count;
    uint32_t edges;
    struct geo_chain_box *boxes; /* a heap: the whole, its halves, their halves, ... */
};

/* At least one vertex. */
void geo_chain_make(struct geo_chain *chain, struct arena *arena, const struct geo_vec *vertices,
                    uint32_t count, enum geo_chain_kind kind);

static inline struct geo_vec geo_chain_end(const struct geo_chain *chain, uint32_t edge)
{
    uint32_t next = chain->kind == GEO_CHAIN_SPOTS ? edge : edge + 1;
    return chain->vertices[next == chain->count ? 0 : next];
}

/* To the nearest of the chain's places, or `most` when none is nearer: little is looked at then. */
double geo_chain_distance(const struct geo_chain *chain, struct geo_vec place, double most);

/* How often does the arc between two places, neither the same nor opposite, cross the chain? Of a
 * closed chain the count is odd exactly when it parts the two, also when the arc runs through its
 * vertices. */
uint32_t geo_chain_crossings(const struct geo_chain *chain, struct geo_vec from, struct geo_vec to);

/* Might they meet, as far as their boxes tell? */
bool geo_chain_box_meets(const struct geo_chain *a, const struct geo_chain *b);

/* Called with two edges that may meet; true stops the walk. */
typedef bool (*geo_chain_cb)(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                             uint32_t edge_b);

/* All pairs of edges whose boxes meet: of two chains, or of one with itself, each pair once. True
 * when a callback stopped the walk. */
bool geo_chain_pairs(const struct geo_chain *a, const struct geo_chain *b, geo_chain_cb cb);

/* Callbacks: do the two edges cross; do they cross or touch? */
bool geo_chain_cross(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                     uint32_t edge_b);
bool geo_chain_touch(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                     uint32_t edge_b);

#endif
