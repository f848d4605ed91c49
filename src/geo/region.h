/* geo/region.h - what $geoWithin, $geoIntersects and $near ask of a stored value.
 *
 * Invariant   a region is of the sphere or of the plane; a stored value that is not of the same
 *             kind does not match: a line is in no box, [200, 0] in no polygon of the sphere.
 * Thread      immutable once made.
 * Memory      values are judged without the arena when they are single places.
 * Errors      none: what cannot be read as a place or a geometry does not match.
 */
#ifndef GEO_REGION_H
#define GEO_REGION_H

#include "geo/shape.h"

struct geo_box {
    struct geo_point low;
    struct geo_point high;
};

enum geo_region_kind {
    GEO_REGION_SHAPE, /* of the sphere: $geometry */
    GEO_REGION_CAP,   /* of the sphere: $centerSphere */
    GEO_REGION_BOX,   /* the rest of the plane */
    GEO_REGION_CIRCLE,
    GEO_REGION_POLYGON,
};

struct geo_region {
    enum geo_region_kind kind;
    bool intersects; /* SHAPE: to have a place in common is enough */
    struct geo_shape shape;
    struct geo_point center; /* CAP, CIRCLE */
    double radius;           /* CAP: radians */
    struct geo_box box;      /* BOX; of a CIRCLE or POLYGON, what is around it */
    struct geo_point *corners;
    uint32_t corners_count;
};

/* Does a stored value satisfy it? */
bool geo_region_matches(const struct geo_region *region, struct doc_value value);

/* Where to measure from, and how far. */
struct geo_near {
    struct geo_point point;
    struct geo_vec place;
    bool spherical;
    bool pairs;  /* spherical, of coordinate pairs only, as MongoDB measures on 2d indexes */
    double unit; /* of the distances that clients see, on the sphere: per radian */
    double min;  /* as clients see them */
    double max;
};

/* From it to the nearest of a stored value; false when the value is no geometry, or of another
 * kind than what is measured. */
bool geo_near_distance(const struct geo_near *near, struct doc_value value, double *ret_distance);

#endif
