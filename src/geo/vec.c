/* geo/vec.c - angles, sides, distances. */
#include "geo/vec.h"

struct geo_vec geo_vec_of(struct geo_point point)
{
    double lng = point.x * (M_PI / 180);
    double lat = point.y * (M_PI / 180);
    return (struct geo_vec){cos(lng) * cos(lat), sin(lng) * cos(lat), sin(lat)};
}

struct geo_vec geo_vec_unit(struct geo_vec a)
{
    double length = geo_vec_length(a);
    return length == 0 ? a : geo_vec_scale(a, 1 / length);
}

double geo_vec_angle(struct geo_vec a, struct geo_vec b)
{
    return atan2(geo_vec_length(geo_vec_cross(a, b)), geo_vec_dot(a, b));
}

struct geo_vec geo_vec_normal(struct geo_vec a, struct geo_vec b)
{
    return geo_vec_cross(geo_vec_add(a, b), geo_vec_sub(b, a));
}

/* The volume that the three span, seen from c; each of them may be off by a last digit. */
int geo_vec_side(struct geo_vec a, struct geo_vec b, struct geo_vec c)
{
    struct geo_vec from_a = geo_vec_sub(a, c);
    struct geo_vec from_b = geo_vec_sub(b, c);
    double volume = geo_vec_dot(geo_vec_cross(from_a, from_b), c);
    double error = 3e-16 * (geo_vec_length(from_a) + geo_vec_length(from_b));
    return (volume > error) - (volume < -error);
}

double geo_edge_distance(struct geo_vec place, struct geo_vec a, struct geo_vec b)
{
    struct geo_vec normal = geo_vec_unit(geo_vec_normal(a, b));
    bool beside = geo_vec_dot(geo_vec_cross(normal, a), place) > 0 &&
                  geo_vec_dot(geo_vec_cross(b, normal), place) > 0;
    if (beside) {
        double height = geo_vec_dot(place, normal);
        return geo_vec_angle(place, geo_vec_sub(place, geo_vec_scale(normal, height)));
    }
    return fmin(geo_vec_angle(place, a), geo_vec_angle(place, b));
}

bool geo_edges_cross(struct geo_vec a, struct geo_vec b, struct geo_vec c, struct geo_vec d)
{
    int side = geo_vec_side(a, b, d);
    return side != 0 && geo_vec_side(a, b, c) == -side && geo_vec_side(c, d, a) == side &&
           geo_vec_side(c, d, b) == -side;
}
