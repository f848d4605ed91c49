/* geo/polygon.c - insides.
 *
 * Whether a place is inside is asked of the arc to a reference place: an odd number of crossings
 * means the other side. Whether the reference is inside is told once for each loop by the triangles
 * that the edges make with it: their signed areas sum up to the area left of the loop, but for a
 * whole sphere where the reference lies in it, and the angles at the reference to whether the loop
 * goes round it. */
#include "geo/polygon.h"

#include <stdlib.h>

/* A half of the sphere stays what is left of its loop, however its area is rounded. */
#define POLYGON_HALF_SLACK 1e-11

/* Any place; this one is far from what people draw around: in the south Pacific. */
static const struct geo_vec polygon_reference = {-0.36, -0.48, -0.8};

/* ---- loops ---- */

/* The area of a triangle, positive when it turns left; exact also for small ones. */
static double loop_triangle(struct geo_vec a, struct geo_vec b, struct geo_vec c)
{
    struct geo_vec normal = geo_vec_cross(geo_vec_sub(b, a), geo_vec_sub(c, a));
    return 2 * atan2(geo_vec_dot(a, normal),
                     1 + geo_vec_dot(a, b) + geo_vec_dot(b, c) + geo_vec_dot(c, a));
}

/* The signed areas of all triangles of an edge and a place. */
static double loop_fan(const struct geo_loop *loop, struct geo_vec from)
{
    double fan = 0;
    for (uint32_t i = 0; i < loop->chain.edges; i++) {
        fan += loop_triangle(from, loop->chain.vertices[i], geo_chain_end(&loop->chain, i));
    }
    return fan;
}

/* The angle that the edge covers, seen from `at`; positive to the left. */
static double loop_turn(struct geo_vec at, struct geo_vec a, struct geo_vec b)
{
    struct geo_vec to_a = geo_vec_cross(at, a);
    struct geo_vec to_b = geo_vec_cross(at, b);
    return atan2(geo_vec_dot(geo_vec_cross(to_a, to_b), at), geo_vec_dot(to_a, to_b));
}

/* Is the reference far from all of it, so that it is on the loop's greater side? */
static bool loop_is_small(const struct geo_loop *loop)
{
    const struct geo_vec *vertices = loop->chain.vertices;
    bool small = geo_vec_angle(vertices[0], polygon_reference) > 1;
    for (uint32_t i = 1; i < loop->chain.count && small; i++) {
        small = geo_vec_angle(vertices[0], vertices[i]) < 0.5;
    }
    return small;
}

/* The area left of the loop, and whether the reference is there. Triangles with a place that is
 * nearly opposite have few digits: small loops are measured from their own first vertex. */
static double loop_measure_left(const struct geo_loop *loop, bool *ret_has_reference)
{
    double turn = 0;
    if (loop_is_small(loop)) {
        double fan = loop_fan(loop, loop->chain.vertices[0]);
        *ret_has_reference = fan < 0;
        return fan < 0 ? fan + 4 * M_PI : fan;
    }
    for (uint32_t i = 0; i < loop->chain.edges; i++) {
        turn +=
            loop_turn(polygon_reference, loop->chain.vertices[i], geo_chain_end(&loop->chain, i));
    }
    double fan = loop_fan(loop, polygon_reference);
    bool goes_round = fabs(turn) > M_PI;
    bool wraps = goes_round ? turn < 0 : fan < 0;
    *ret_has_reference = goes_round ? turn > 0 : fan < 0;
    return wraps ? fan + 4 * M_PI : fan;
}

static void loop_measure(struct geo_loop *loop, bool strict)
{
    bool has_reference;
    double left = loop_measure_left(loop, &has_reference);
    bool turned = !strict && left > 2 * M_PI + POLYGON_HALF_SLACK;
    loop->has_reference = has_reference != turned;
    loop->area = turned ? 4 * M_PI - left : left;
}

/* Do two edges of one loop cross, or begin in the same place? */
static bool loop_is_tangled(const struct geo_chain *a, uint32_t edge_a, const struct geo_chain *b,
                            uint32_t edge_b)
{
    return geo_vec_equal(a->vertices[edge_a], b->vertices[edge_b]) ||
           geo_chain_cross(a, edge_a, b, edge_b);
}

const char *geo_loop_make(struct geo_loop *loop, struct arena *arena,
                          const struct geo_vec *vertices, uint32_t count, bool strict)
{
    if (count < 3) {
        return "Loop must have at least 3 different vertices";
    }
    geo_chain_make(&loop->chain, arena, vertices, count, GEO_CHAIN_CLOSED);
    if (geo_chain_pairs(&loop->chain, &loop->chain, loop_is_tangled)) {
        return "Loop is not valid: edges cross, or a vertex comes twice";
    }
    loop_measure(loop, strict);
    return NULL;
}

static bool loop_contains(const struct geo_loop *loop, struct geo_vec place)
{
    double toward = geo_vec_dot(place, polygon_reference);
    if (fabs(toward) < 0.999) {
        uint32_t crossings = geo_chain_crossings(&loop->chain, place, polygon_reference);
        return loop->has_reference != (crossings % 2 == 1);
    }
    /* No one arc leads there, or none of any length: go by a third place. */
    struct geo_vec way =
        geo_vec_unit((struct geo_vec){polygon_reference.y, -polygon_reference.x, 0});
    uint32_t crossings = geo_chain_crossings(&loop->chain, place, way) +
                         geo_chain_crossings(&loop->chain, way, polygon_reference);
    return loop->has_reference != (crossings % 2 == 1);
}

/* ---- polygons ---- */

bool geo_polygon_contains(const struct geo_polygon *polygon, struct geo_vec place)
{
    for (uint32_t i = 0; i < polygon->count; i++) {
        if (loop_contains(&polygon->loops[i], place) != (i == 0)) {
            return false;
        }
    }
    return true;
}

static double polygon_border_distance(const struct geo_polygon *polygon, struct geo_vec place,
                                      double most)
{
    double best = most;
    for (uint32_t i = 0; i < polygon->count; i++) {
        best = geo_chain_distance(&polygon->loops[i].chain, place, best);
    }
    return best;
}

double geo_polygon_distance(const struct geo_polygon *polygon, struct geo_vec place, double most)
{
    return geo_polygon_contains(polygon, place) ? 0 : polygon_border_distance(polygon, place, most);
}

static bool polygon_is_on_border(const struct geo_polygon *polygon, struct geo_vec place)
{
    return polygon_border_distance(polygon, place, 2 * GEO_TOUCH) <= GEO_TOUCH;
}

bool geo_polygon_touches(const struct geo_polygon *polygon, struct geo_vec place)
{
    return geo_polygon_contains(polygon, place) || polygon_is_on_border(polygon, place);
}

static bool polygon_is_strictly_inside(const struct geo_polygon *polygon, struct geo_vec place)
{
    return geo_polygon_contains(polygon, place) && !polygon_is_on_border(polygon, place);
}

static struct geo_vec polygon_middle(const struct geo_chain *chain, uint32_t edge)
{
    return geo_vec_unit(geo_vec_add(chain->vertices[edge], geo_chain_end(chain, edge)));
}

static bool polygon_crosses(const struct geo_polygon *polygon, const struct geo_chain *chain)
{
    for (uint32_t i = 0; i < polygon->count; i++) {
        if (geo_chain_pairs(&polygon->loops[i].chain, chain, geo_chain_cross)) {
            return true;
        }
    }
    return false;
}

/* Is some vertex of the chain, or the middle of some edge, well inside? */
static bool polygon_has_some(const struct geo_polygon *polygon, const struct geo_chain *chain)
{
    for (uint32_t i = 0; i < chain->edges; i++) {
        if (polygon_is_strictly_inside(polygon, chain->vertices[i]) ||
            polygon_is_strictly_inside(polygon, polygon_middle(chain, i))) {
            return true;
        }
    }
    return polygon_is_strictly_inside(polygon, chain->vertices[chain->count - 1]);
}

/* Are all of them inside, or on the border? */
static bool polygon_has_all(const struct geo_polygon *polygon, const struct geo_chain *chain)
{
    for (uint32_t i = 0; i < chain->edges; i++) {
        if (!geo_polygon_touches(polygon, chain->vertices[i]) ||
            !geo_polygon_touches(polygon, polygon_middle(chain, i))) {
            return false;
        }
    }
    return geo_polygon_touches(polygon, chain->vertices[chain->count - 1]);
}

/* A place well inside, near the middle of an edge: false for a polygon that has none. */
static bool polygon_inner_place(const struct geo_polygon *polygon, struct geo_vec *ret_place)
{
    const struct geo_chain *chain = &polygon->loops[0].chain;
    for (uint32_t i = 0; i < chain->edges; i++) {
        struct geo_vec a = chain->vertices[i];
        struct geo_vec b = geo_chain_end(chain, i);
        struct geo_vec aside = geo_vec_unit(geo_vec_normal(a, b));
        for (double step = geo_vec_angle(a, b); step > 4 * GEO_TOUCH; step /= 4) {
            for (int side = -1; side <= 1; side += 2) {
                *ret_place = geo_vec_unit(
                    geo_vec_add(polygon_middle(chain, i), geo_vec_scale(aside, side * step)));
                if (polygon_is_strictly_inside(polygon, *ret_place)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool polygon_crosses_any(const struct geo_polygon *a, const struct geo_polygon *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (polygon_crosses(a, &b->loops[i].chain)) {
            return true;
        }
    }
    return false;
}

static bool polygon_has_some_border(const struct geo_polygon *a, const struct geo_polygon *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (polygon_has_some(a, &b->loops[i].chain)) {
            return true;
        }
    }
    return false;
}

/* Where borders do not cross, an inside without any of the other's border is on one side of it. */
bool geo_polygon_overlap(const struct geo_polygon *a, const struct geo_polygon *b)
{
    struct geo_vec place;
    return polygon_crosses_any(a, b) || polygon_has_some_border(a, b) ||
           polygon_has_some_border(b, a) ||
           (polygon_inner_place(a, &place) && geo_polygon_contains(b, place)) ||
           (polygon_inner_place(b, &place) && geo_polygon_contains(a, place));
}

bool geo_polygon_holds(const struct geo_polygon *outer, const struct geo_polygon *inner)
{
    struct geo_vec place;
    for (uint32_t i = 0; i < inner->count; i++) {
        if (polygon_crosses(outer, &inner->loops[i].chain) ||
            !polygon_has_all(outer, &inner->loops[i].chain)) {
            return false;
        }
    }
    return !polygon_has_some_border(inner, outer) &&
           (!polygon_inner_place(inner, &place) || geo_polygon_contains(outer, place));
}

bool geo_polygon_holds_line(const struct geo_polygon *outer, const struct geo_chain *line)
{
    return !polygon_crosses(outer, line) && polygon_has_all(outer, line);
}

bool geo_polygon_meets_line(const struct geo_polygon *polygon, const struct geo_chain *line)
{
    return polygon_crosses(polygon, line) || polygon_has_some(polygon, line);
}

/* ---- holes ---- */

/* It may touch the border, but not with a whole edge. */
static const char *polygon_check_hole(const struct geo_polygon *outer, const struct geo_chain *hole)
{
    const struct geo_chain *border = &outer->loops[0].chain;
    if (polygon_crosses(outer, hole) || !polygon_has_all(outer, hole)) {
        return "Secondary loops not contained by first exterior loop - secondary loops must be "
               "holes";
    }
    bool touched = geo_chain_distance(border, hole->vertices[0], 2 * GEO_TOUCH) <= GEO_TOUCH;
    for (uint32_t i = 0; i < hole->edges; i++) {
        bool touches =
            geo_chain_distance(border, geo_chain_end(hole, i), 2 * GEO_TOUCH) <= GEO_TOUCH;
        if (touched && touches) {
            return "a hole runs along the exterior loop";
        }
        touched = touches;
    }
    return NULL;
}

static int polygon_hole_order(const void *a, const void *b)
{
    const struct geo_loop *one = *(const struct geo_loop *const *)a;
    const struct geo_loop *other = *(const struct geo_loop *const *)b;
    double left = one->chain.boxes[0].low.x;
    double right = other->chain.boxes[0].low.x;
    return (left > right) - (left < right);
}

static bool polygon_holes_overlap(const struct geo_loop *a, const struct geo_loop *b)
{
    struct geo_polygon one = {a, 1};
    struct geo_polygon other = {b, 1};
    return geo_chain_box_meets(&a->chain, &b->chain) && geo_polygon_overlap(&one, &other);
}

/* From left to right, each with those that begin before it ends. */
static bool polygon_holes_are_apart(const struct geo_polygon *polygon, struct arena *arena)
{
    uint32_t count = polygon->count - 1;
    const struct geo_loop **holes = arena_alloc(arena, (count + 1) * sizeof *holes);
    for (uint32_t i = 0; i < count; i++) {
        holes[i] = &polygon->loops[i + 1];
    }
    qsort(holes, count, sizeof *holes, polygon_hole_order);
    for (uint32_t i = 0; i < count; i++) {
        double end = holes[i]->chain.boxes[0].high.x;
        for (uint32_t k = i + 1; k < count && holes[k]->chain.boxes[0].low.x <= end; k++) {
            if (polygon_holes_overlap(holes[i], holes[k])) {
                return false;
            }
        }
    }
    return true;
}

const char *geo_polygon_check(const struct geo_polygon *polygon, struct arena *arena)
{
    struct geo_polygon outer = {polygon->loops, 1};
    for (uint32_t i = 1; i < polygon->count; i++) {
        const char *wrong = polygon_check_hole(&outer, &polygon->loops[i].chain);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return polygon_holes_are_apart(polygon, arena) ? NULL : "holes of a polygon overlap";
}
