/* geo/polygon.h - areas on the sphere: a loop, and the holes in it.
 *
 * Invariant   no edges of a loop cross, no vertex comes twice; holes are inside. A loop's inside is
 *             the smaller side, unless its winding is strict: then what lies left of its edges.
 * Thread      immutable once made.
 * Memory      the arena given.
 * Errors      a text that says what is wrong with the vertices; NULL: nothing.
 */
#ifndef GEO_POLYGON_H
#define GEO_POLYGON_H

#include "geo/chain.h"

struct geo_loop {
    struct geo_chain chain;
    bool has_reference; /* is the reference place (polygon.c) inside? */
    double area;        /* steradians, of the inside */
};

struct geo_polygon {
    const struct geo_loop *loops; /* the first is the outer one */
    uint32_t count;
};

/* A loop of vertices, the first not repeated at the end, neighbours different. */
const char *geo_loop_make(struct geo_loop *loop, struct arena *arena,
                          const struct geo_vec *vertices, uint32_t count, bool strict);

/* Are the loops, all but the first, holes, and apart? */
const char *geo_polygon_check(const struct geo_polygon *polygon, struct arena *arena);

/* Is the place inside? Right on the edge it may be either. */
bool geo_polygon_contains(const struct geo_polygon *polygon, struct geo_vec place);

/* To the nearest of its places, 0 inside; or `most` when none is nearer. */
double geo_polygon_distance(const struct geo_polygon *polygon, struct geo_vec place, double most);

/* Is the place inside, or on the border? */
bool geo_polygon_touches(const struct geo_polygon *polygon, struct geo_vec place);

/* Have the insides something in common? Polygons that only share a border have not. */
bool geo_polygon_overlap(const struct geo_polygon *a, const struct geo_polygon *b);

/* Is the inside of the one within the other? */
bool geo_polygon_holds(const struct geo_polygon *outer, const struct geo_polygon *inner);

/* The same for a line. */
bool geo_polygon_holds_line(const struct geo_polygon *outer, const struct geo_chain *line);
bool geo_polygon_meets_line(const struct geo_polygon *polygon, const struct geo_chain *line);

#endif
