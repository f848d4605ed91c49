/* geo/shape.c - shapes as unions: each part of the one with each of the other. */
#include "geo/shape.h"

/* Or `most`, when nothing is nearer. */
static double shape_distance_below(const struct geo_shape *shape, struct geo_vec place, double most)
{
    double best = shape->spots.count > 0 ? geo_chain_distance(&shape->spots, place, most) : most;
    for (uint32_t i = 0; shape->spots.count == 0 && i < shape->places_count; i++) {
        best = fmin(best, geo_vec_angle(place, shape->places[i]));
    }
    for (uint32_t i = 0; i < shape->lines_count; i++) {
        best = geo_chain_distance(&shape->lines[i], place, best);
    }
    for (uint32_t i = 0; i < shape->polygons_count && best > 0; i++) {
        best = geo_polygon_distance(&shape->polygons[i], place, best);
    }
    return best;
}

double geo_shape_distance(const struct geo_shape *shape, struct geo_vec place)
{
    return shape_distance_below(shape, place, M_PI);
}

/* What is farthest from a place is nearest to the one opposite. */
double geo_shape_farthest(const struct geo_shape *shape, struct geo_vec place)
{
    if (shape->single) {
        return geo_vec_angle(place, shape->place);
    }
    return M_PI - geo_shape_distance(shape, geo_vec_scale(place, -1));
}

static bool shape_line_meets(const struct geo_shape *shape, const struct geo_chain *line)
{
    for (uint32_t i = 0; i < shape->lines_count; i++) {
        if (geo_chain_pairs(&shape->lines[i], line, geo_chain_touch)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < shape->polygons_count; i++) {
        if (geo_polygon_meets_line(&shape->polygons[i], line)) {
            return true;
        }
    }
    return false;
}

static bool shape_polygon_meets(const struct geo_shape *shape, const struct geo_polygon *polygon)
{
    for (uint32_t i = 0; i < shape->lines_count; i++) {
        if (geo_polygon_meets_line(polygon, &shape->lines[i])) {
            return true;
        }
    }
    for (uint32_t i = 0; i < shape->polygons_count; i++) {
        if (geo_polygon_overlap(&shape->polygons[i], polygon)) {
            return true;
        }
    }
    return false;
}

/* Do the places of the one lie on the other? */
static bool shape_places_meet(const struct geo_shape *places, const struct geo_shape *shape)
{
    for (uint32_t i = 0; i < places->places_count; i++) {
        if (shape_distance_below(shape, places->places[i], 2 * GEO_TOUCH) <= GEO_TOUCH) {
            return true;
        }
    }
    return false;
}

bool geo_shape_intersects(const struct geo_shape *a, const struct geo_shape *b)
{
    if (shape_places_meet(a, b) || shape_places_meet(b, a)) {
        return true;
    }
    for (uint32_t i = 0; i < a->lines_count; i++) {
        if (shape_line_meets(b, &a->lines[i])) {
            return true;
        }
    }
    for (uint32_t i = 0; i < a->polygons_count; i++) {
        if (shape_polygon_meets(b, &a->polygons[i])) {
            return true;
        }
    }
    return false;
}

/* ---- within ---- */

static bool shape_holds_place(const struct geo_shape *outer, struct geo_vec place)
{
    for (uint32_t i = 0; i < outer->polygons_count; i++) {
        if (geo_polygon_touches(&outer->polygons[i], place)) {
            return true;
        }
    }
    return false;
}

static bool shape_holds_line(const struct geo_shape *outer, const struct geo_chain *line)
{
    for (uint32_t i = 0; i < outer->polygons_count; i++) {
        if (geo_polygon_holds_line(&outer->polygons[i], line)) {
            return true;
        }
    }
    return false;
}

static bool shape_holds_polygon(const struct geo_shape *outer, const struct geo_polygon *polygon)
{
    for (uint32_t i = 0; i < outer->polygons_count; i++) {
        if (geo_polygon_holds(&outer->polygons[i], polygon)) {
            return true;
        }
    }
    return false;
}

bool geo_shape_is_within(const struct geo_shape *shape, const struct geo_shape *outer)
{
    bool within = true;
    for (uint32_t i = 0; i < shape->places_count && within; i++) {
        within = shape_holds_place(outer, shape->places[i]);
    }
    for (uint32_t i = 0; i < shape->lines_count && within; i++) {
        within = shape_holds_line(outer, &shape->lines[i]);
    }
    for (uint32_t i = 0; i < shape->polygons_count && within; i++) {
        within = shape_holds_polygon(outer, &shape->polygons[i]);
    }
    return within;
}
