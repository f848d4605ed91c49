/* geo/shape.h - what a GeoJSON value or a coordinate pair stands for.
 *
 * Invariant   a shape is the union of its places, lines and polygons. A coordinate pair that is no
 *             longitude and latitude is a place on the plane only.
 * Thread      immutable once made.
 * Memory      the arena given; a single place needs none. Stays where it was parsed to.
 * Errors      BadValue, in MongoDB's words where they are known.
 */
#ifndef GEO_SHAPE_H
#define GEO_SHAPE_H

#include "base/err.h"
#include "doc/value.h"
#include "geo/polygon.h"

struct geo_shape {
    struct slice type;      /* "Point", ...; empty: a coordinate pair */
    struct geo_point point; /* of a single place */
    bool single;            /* it is one */
    bool on_sphere;
    bool strict;          /* its winding is */
    struct geo_vec place; /* of a single place on the sphere */
    struct geo_vec *places;
    uint32_t places_count;
    struct geo_chain spots; /* the places, when they are many */
    struct geo_chain *lines;
    uint32_t lines_count;
    struct geo_polygon *polygons;
    uint32_t polygons_count;
};

/* ---- reading (shape_parse.c) ---- */
/* A stored value, or the $geometry of a query. */
int geo_shape_parse(struct geo_shape *shape, struct arena *arena, struct doc_value value,
                    struct err *err);

/* The two numbers that an array, or an object, begins with; `exact`: has, and nothing else. */
bool geo_point_parse(struct doc_value value, bool exact, struct geo_point *ret_point);

/* Is it an array or object that begins with a number: a coordinate pair, if anything? */
bool geo_point_is_pair(struct doc_value value);

/* ---- measuring ---- */
/* Have they a place in common? */
bool geo_shape_intersects(const struct geo_shape *a, const struct geo_shape *b);

/* Is each part of it within one of the other's polygons, borders included? */
bool geo_shape_is_within(const struct geo_shape *shape, const struct geo_shape *outer);

/* From a place to the nearest, and to the farthest place of the shape. */
double geo_shape_distance(const struct geo_shape *shape, struct geo_vec place);
double geo_shape_farthest(const struct geo_shape *shape, struct geo_vec place);

#endif
