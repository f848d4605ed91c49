/* geo/chain.c - searching edges by halving.
 *
 * A node stands for a run of edges; its children for the run's halves, down to a few edges. */
#include "geo/chain.h"

enum { CHAIN_LEAF_EDGES = 8 };

struct chain_node {
    uint32_t box;  /* its place in the heap */
    uint32_t from; /* edges from here */
    uint32_t to;   /* to before here */
};

static struct chain_node chain_root(const struct geo_chain *chain)
{
    return (struct chain_node){0, 0, chain->edges};
}

static bool chain_is_leaf(struct chain_node node)
{
    return node.to - node.from <= CHAIN_LEAF_EDGES;
}

static struct chain_node chain_half(struct chain_node node, bool second)
{
    uint32_t middle = node.from + (node.to - node.from) / 2;
    return second ? (struct chain_node){2 * node.box + 2, middle, node.to}
                  : (struct chain_node){2 * node.box + 1, node.from, middle};
}

/* ---- boxes ---- */

static struct geo_chain_box chain_join(struct geo_chain_box a, struct geo_chain_box b)
{
    return (struct geo_chain_box){
        {fmin(a.low.x, b.low.x), fmin(a.low.y, b.low.y), fmin(a.low.z, b.low.z)},
        {fmax(a.high.x, b.high.x), fmax(a.high.y, b.high.y), fmax(a.high.z, b.high.z)},
    };
}

static struct geo_chain_box chain_edge_box(struct geo_vec a, struct geo_vec b)
{
    double bulge = 1 - geo_vec_length(geo_vec_add(a, b)) / 2 + GEO_TOUCH;
    struct geo_vec more = {bulge, bulge, bulge};
    struct geo_chain_box box =
        chain_join((struct geo_chain_box){a, a}, (struct geo_chain_box){b, b});
    return (struct geo_chain_box){geo_vec_sub(box.low, more), geo_vec_add(box.high, more)};
}

static void chain_fill(const struct geo_chain *chain, struct chain_node node)
{
    struct geo_chain_box *box = &chain->boxes[node.box];
    if (!chain_is_leaf(node)) {
        struct chain_node first = chain_half(node, false);
        struct chain_node second = chain_half(node, true);
        chain_fill(chain, first);
        chain_fill(chain, second);
        *box = chain_join(chain->boxes[first.box], chain->boxes[second.box]);
        return;
    }
    for (uint32_t i = node.from; i < node.to; i++) {
        struct geo_chain_box edge = chain_edge_box(chain->vertices[i], geo_chain_end(chain, i));
        *box = i == node.from ? edge : chain_join(*box, edge);
    }
}

void geo_chain_make(struct geo_chain *chain, struct arena *arena, const struct geo_vec *vertices,
                    uint32_t count, enum geo_chain_kind kind)
{
    uint32_t nodes = 1;
    *chain = (struct geo_chain){.kind = kind, .vertices = vertices, .count = count, .edges = count};
    chain->edges -= kind == GEO_CHAIN_OPEN && count > 1;
    for (uint32_t edges = chain->edges; edges > CHAIN_LEAF_EDGES; edges = (edges + 1) / 2) {
        nodes = 2 * nodes + 1;
    }
    chain->boxes = arena_alloc(arena, nodes * sizeof *chain->boxes);
    chain_fill(chain, chain_root(chain));
}

/* ---- distance ---- */

/* Of a straight line from the place to the box: never more than to the arcs in it. */
static double chain_box_distance(const struct geo_chain_box *box, struct geo_vec place)
{
    struct geo_vec gap = {
        fmax(0, fmax(box->low.x - place.x, place.x - box->high.x)),
        fmax(0, fmax(box->low.y - place.y, place.y - box->high.y)),
        fmax(0, fmax(box->low.z - place.z, place.z - box->high.z)),
    };
    return geo_vec_length(gap);
}

static void chain_nearest(const struct geo_chain *chain, struct chain_node node,
                          struct geo_vec place, double *best)
{
    if (chain_box_distance(&chain->boxes[node.box], place) >= *best) {
        return;
    }
    if (chain_is_leaf(node)) {
        for (uint32_t i = node.from; i < node.to; i++) {
            *best =
                fmin(*best, geo_edge_distance(place, chain->vertices[i], geo_chain_end(chain, i)));
        }
        return;
    }
    struct chain_node first = chain_half(node, false);
    struct chain_node second = chain_half(node, true);
    bool turn = chain_box_distance(&chain->boxes[second.box], place) <
                chain_box_distance(&chain->boxes[first.box], place);
    chain_nearest(chain, turn ? second : first, place, best);
    chain_nearest(chain, turn ? first : second, place, best);
}

double geo_chain_distance(const struct geo_chain *chain, struct geo_vec place, double most)
{
    double best = most;
    chain_nearest(chain, chain_root(chain), place, &best);
    return best;
}

/* ---- crossings ---- */

struct chain_arc {
    struct geo_vec normal; /* of its plane */
    struct geo_vec after;  /* places of the plane that lie after its beginning, */
    struct geo_vec before; /* and before its end, are on the positive side of these */
};

/* May the box have something on both sides of the arc's plane? */
static bool chain_box_straddles(const struct geo_chain_box *box, struct geo_vec normal)
{
    struct geo_vec size = geo_vec_sub(box->high, box->low);
    double middle = geo_vec_dot(geo_vec_add(box->high, box->low), normal);
    double reach = size.x * fabs(normal.x) + size.y * fabs(normal.y) + size.z * fabs(normal.z);
    return fabs(middle) <= reach;
}

/* A vertex on the plane counts as above it: of the edges at a vertex that the arc runs through one
 * or both or none cross, as the chain goes on to the other side, or turns back. */
static bool chain_arc_crosses(const struct chain_arc *arc, struct geo_vec a, struct geo_vec b)
{
    double above_a = geo_vec_dot(arc->normal, a);
    double above_b = geo_vec_dot(arc->normal, b);
    if ((above_a >= 0) == (above_b >= 0)) {
        return false;
    }
    struct geo_vec where =
        geo_vec_add(geo_vec_scale(a, fabs(above_b)), geo_vec_scale(b, fabs(above_a)));
    return geo_vec_dot(arc->after, where) > 0 && geo_vec_dot(arc->before, where) > 0;
}

static uint32_t chain_count(const struct geo_chain *chain, struct chain_node node,
                            const struct chain_arc *arc)
{
    if (!chain_box_straddles(&chain->boxes[node.box], arc->normal)) {
        return 0;
    }
    if (!chain_is_leaf(node)) {
        return chain_count(chain, chain_half(node, false), arc) +
               chain_count(chain, chain_half(node, true), arc);
    }
    uint32_t count = 0;
    for (uint32_t i = node.from; i < node.to; i++) {
        count += chain_arc_crosses(arc, chain->vertices[i], geo_chain_end(chain, i));
    }
    return count;
}

uint32_t geo_chain_crossings(const struct geo_chain *chain, struct geo_vec from, struct geo_vec to)
{
    struct chain_arc arc = {.normal = geo_vec_unit(geo_vec_normal(from, to))};
    arc.after = geo_vec_cross(arc.normal, from);
    arc.before = geo_vec_cross(to, arc.normal);
    return chain_count(chain, chain_root(chain), &arc);
}

/* ---- pairs ---- */

static bool chain_boxes_meet(const struct geo_chain_box *a, const struct geo_chain_box *b)
{
    return a->low.x <= b->high.x && b->low.x <= a->high.x && a->low.y <= b->high.y &&
           b->low.y <= a->high.y && a->low.z <= b->high.z && b->low.z <= a->high.z;
}

bool geo_chain_box_meets(const struct geo_chain *a, const struct geo_chain *b)
{
    return chain_boxes_meet(&a->boxes[0], &b->boxes[0]);
}

static bool chain_pair_leaves(const struct geo_chain *a, struct chain_node node_a,
                              const struct geo_chain *b, struct chain_node node_b, geo_chain_cb cb)
{
    for (uint32_t i = node_a.from; i < node_a.to; i++) {
        uint32_t first = a == b && i >= node_b.from ? i + 1 : node_b.from;
        for (uint32_t j = first; j < node_b.to; j++) {
            if (cb(a, i, b, j)) {
                return true;
            }
        }
    }
    return false;
}

static bool chain_pair(const struct geo_chain *a, struct chain_node node_a,
                       const struct geo_chain *b, struct chain_node node_b, geo_chain_cb cb)
{
    bool behind = a == b && node_a.from >= node_b.to; /* met the other way round */
    if (behind || !chain_boxes_meet(&a->boxes[node_a.box], &b->boxes[node_b.box])) {
        return false;
    }
    if (chain_is_leaf(node_a) && chain_is_leaf(node_b)) {
        return chain_pair_leaves(a, node_a, b, node_b, cb);
    }
    bool cut_a = !chain_is_leaf(node_a) &&
                 (chain_is_leaf(node_b) || node_a.to - node_a.from >= node_b.to - node_b.from);
    for (int half = 0; half < 2; half++) {
        struct chain_node next_a = cut_a ? chain_half(node_a, half) : node_a;
        struct chain_node next_b = cut_a ? node_b : chain_half(node_b, half);
        if (chain_pair(a, next_a, b, next_b, cb)) {
            return true;
        }
    }
    return false;
}

bool geo_chain_pairs(const struct geo_chain *a, const struct geo_chain *b, geo_chain_cb cb)
{
    return chain_pair(a, chain_root(a), b, chain_root(b), cb);
}

bool geo_chain_cross(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                     uint32_t edge_b)
{
    return geo_edges_cross(a->vertices[edge_a], geo_chain_end(a, edge_a), b->vertices[edge_b],
                           geo_chain_end(b, edge_b));
}

bool geo_chain_touch(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                     uint32_t edge_b)
{
    struct geo_vec a0 = a->vertices[edge_a];
    struct geo_vec a1 = geo_chain_end(a, edge_a);
    struct geo_vec b0 = b->vertices[edge_b];
    struct geo_vec b1 = geo_chain_end(b, edge_b);
    return geo_edges_cross(a0, a1, b0, b1) || geo_edge_distance(a0, b0, b1) <= GEO_TOUCH ||
           geo_edge_distance(a1, b0, b1) <= GEO_TOUCH ||
           geo_edge_distance(b0, a0, a1) <= GEO_TOUCH || geo_edge_distance(b1, a0, a1) <= GEO_TOUCH;
}
