/* geo/region.c - judging stored values. */
#include "geo/region.h"

/* ---- the plane ---- */

static bool region_box_holds(const struct geo_box *box, struct geo_point p)
{
    return p.x >= box->low.x && p.x <= box->high.x && p.y >= box->low.y && p.y <= box->high.y;
}

static double region_gap(struct geo_point a, struct geo_point b)
{
    double x = a.x - b.x;
    double y = a.y - b.y;
    return sqrt(x * x + y * y);
}

/* Corners and level edges belong to it; of the others, as MongoDB counts, those on the right. */
static bool region_polygon_holds(const struct geo_region *region, struct geo_point p)
{
    bool inside = false;
    for (uint32_t i = 0; i < region->corners_count; i++) {
        struct geo_point a = region->corners[i];
        struct geo_point b = region->corners[i + 1 == region->corners_count ? 0 : i + 1];
        bool level = a.y == b.y;
        if (p.y == a.y &&
            (p.x == a.x || (level && p.x >= fmin(a.x, b.x) && p.x <= fmax(a.x, b.x)))) {
            return true;
        }
        if (!level && p.y > fmin(a.y, b.y) && p.y <= fmax(a.y, b.y) &&
            p.x <= a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y)) {
            inside = !inside;
        }
    }
    return inside;
}

static bool region_plane_holds(const struct geo_region *region, struct geo_point p)
{
    switch (region->kind) {
    case GEO_REGION_BOX:
        return region_box_holds(&region->box, p);
    case GEO_REGION_CIRCLE:
        return region_gap(region->center, p) <= region->radius;
    default:
        return region_polygon_holds(region, p);
    }
}

/* ---- both ---- */

static bool region_is_of_plane(const struct geo_region *region)
{
    return region->kind >= GEO_REGION_BOX;
}

static bool region_holds(const struct geo_region *region, const struct geo_shape *shape)
{
    if (region_is_of_plane(region)) {
        return shape->single && region_plane_holds(region, shape->point);
    }
    if (!shape->on_sphere) {
        return false;
    }
    if (region->kind == GEO_REGION_CAP) {
        return geo_shape_farthest(shape, geo_vec_of(region->center)) <= region->radius;
    }
    return region->intersects ? geo_shape_intersects(shape, &region->shape)
                              : geo_shape_is_within(shape, &region->shape);
}

/* Numbers and texts are no geometry: not worth an error's text. */
static bool region_parse(struct geo_shape *shape, struct arena *arena, struct doc_value value)
{
    return (value.type == DOC_OBJECT || value.type == DOC_ARRAY) &&
           geo_shape_parse(shape, arena, value, NULL) == 0;
}

bool geo_region_matches(const struct geo_region *region, struct doc_value value)
{
    struct geo_shape shape;
    struct arena arena;
    arena_init(&arena);
    bool matches = region_parse(&shape, &arena, value) && region_holds(region, &shape);
    arena_close(&arena);
    return matches;
}

/* By the chord: MongoDB's figures, to the last digit. */
static double region_pair_distance(struct geo_vec a, struct geo_vec b)
{
    return 2 * asin(fmin(1, geo_vec_length(geo_vec_sub(a, b)) / 2));
}

static double region_near_distance(const struct geo_near *near, const struct geo_shape *shape)
{
    if (!near->spherical) {
        return region_gap(near->point, shape->point);
    }
    return near->pairs ? region_pair_distance(near->place, shape->place)
                       : geo_shape_distance(shape, near->place);
}

bool geo_near_distance(const struct geo_near *near, struct doc_value value, double *ret_distance)
{
    struct geo_shape shape;
    struct arena arena;
    arena_init(&arena);
    bool plane = !near->spherical || near->pairs;
    bool measured = region_parse(&shape, &arena, value) && (!plane || shape.single) &&
                    (!near->spherical || shape.on_sphere);
    if (measured) {
        *ret_distance = region_near_distance(near, &shape);
    }
    arena_close(&arena);
    return measured;
}
