/* geo/vec.h - places on the unit sphere.
 *
 * Invariant   vectors have length one, but for rounding; an edge is the shorter great-circle arc
 *             between two of them. Angles are radians.
 * Thread      pure.
 * Memory      values.
 * Errors      none. Tolerance: places closer than GEO_TOUCH (6 mm on the ground) touch.
 */
#ifndef GEO_VEC_H
#define GEO_VEC_H

#include <math.h>
#include <stdbool.h>

#define GEO_EARTH_METERS 6378100.0 /* its radius, as MongoDB has it */
#define GEO_TOUCH 1e-9

/* Longitude and latitude in degrees, or a place on the plane. */
struct geo_point {
    double x;
    double y;
};

struct geo_vec {
    double x;
    double y;
    double z;
};

static inline struct geo_vec geo_vec_add(struct geo_vec a, struct geo_vec b)
{
    return (struct geo_vec){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline struct geo_vec geo_vec_sub(struct geo_vec a, struct geo_vec b)
{
    return (struct geo_vec){a.x - b.x, a.y - b.y, a.z - b.z};
}

static inline struct geo_vec geo_vec_scale(struct geo_vec a, double by)
{
    return (struct geo_vec){a.x * by, a.y * by, a.z * by};
}

static inline double geo_vec_dot(struct geo_vec a, struct geo_vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct geo_vec geo_vec_cross(struct geo_vec a, struct geo_vec b)
{
    return (struct geo_vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static inline double geo_vec_length(struct geo_vec a)
{
    return sqrt(geo_vec_dot(a, a));
}

static inline bool geo_vec_equal(struct geo_vec a, struct geo_vec b)
{
    return a.x == b.x && a.y == b.y && a.z == b.z;
}

/* Is it a longitude within 180 degrees and a latitude within 90? */
static inline bool geo_point_is_on_sphere(struct geo_point point)
{
    return fabs(point.x) <= 180 && fabs(point.y) <= 90;
}

struct geo_vec geo_vec_of(struct geo_point point);
struct geo_vec geo_vec_unit(struct geo_vec a);

/* The angle between two places: exact to the last digits, for near and for far ones. */
double geo_vec_angle(struct geo_vec a, struct geo_vec b);

/* Twice the cross product, without its loss of digits for places that are close together. */
struct geo_vec geo_vec_normal(struct geo_vec a, struct geo_vec b);

/* On which side of the edge from a to b is c? 1 left, -1 right, 0 where rounding would decide. */
int geo_vec_side(struct geo_vec a, struct geo_vec b, struct geo_vec c);

/* From a place to the nearest of an edge. */
double geo_edge_distance(struct geo_vec place, struct geo_vec a, struct geo_vec b);

/* Do two edges cross, in a place that is inside both? Touching does not count. */
bool geo_edges_cross(struct geo_vec a, struct geo_vec b, struct geo_vec c, struct geo_vec d);

#endif
