/* geo/geo_test.c - geometry against other ways to compute it, on random places everywhere. */
#include "geo/index.h"

#include "doc/build.h"
#include "doc/view.h"
#include "lib/json_doc.h"

enum { GEO_ROUNDS = 400, GEO_SAMPLES = 40 };

struct geo_dice {
    uint64_t state;
};

/* In [0, 1). */
static double dice_roll(struct geo_dice *dice)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(dice->state >> 11) / 9007199254740992.0;
}

static double dice_between(struct geo_dice *dice, double low, double high)
{
    return low + dice_roll(dice) * (high - low);
}

/* Anywhere, often at a pole, on the 180th meridian, or at a corner of the cube. */
static struct geo_point dice_point(struct geo_dice *dice)
{
    double which = dice_roll(dice);
    struct geo_point point = {dice_between(dice, -180, 180),
                              asin(dice_between(dice, -1, 1)) * (180 / M_PI)};
    if (which < 0.1) {
        point.y = which < 0.05 ? 90 : -90;
    } else if (which < 0.2) {
        point.x = which < 0.15 ? 180 : -180;
    } else if (which < 0.3) {
        point = (struct geo_point){45, 35.264389682754654};
    }
    return point;
}

/* So far in that direction, radians; the same way at a pole as anywhere. */
static struct geo_point geo_walk(struct geo_point from, double bearing, double far)
{
    struct geo_vec at = geo_vec_of(from);
    struct geo_vec any = fabs(at.z) > 0.9 ? (struct geo_vec){1, 0, 0} : (struct geo_vec){0, 0, 1};
    struct geo_vec east = geo_vec_unit(geo_vec_cross(any, at));
    struct geo_vec north = geo_vec_cross(at, east);
    struct geo_vec way =
        geo_vec_add(geo_vec_scale(north, cos(bearing)), geo_vec_scale(east, sin(bearing)));
    struct geo_vec to = geo_vec_add(geo_vec_scale(at, cos(far)), geo_vec_scale(way, sin(far)));
    return (struct geo_point){atan2(to.y, to.x) * (180 / M_PI),
                              atan2(to.z, hypot(to.x, to.y)) * (180 / M_PI)};
}

static double geo_haversine(struct geo_point a, struct geo_point b)
{
    double up = sin((b.y - a.y) * (M_PI / 360));
    double aside = sin((b.x - a.x) * (M_PI / 360));
    double part = up * up + cos(a.y * (M_PI / 180)) * cos(b.y * (M_PI / 180)) * aside * aside;
    return 2 * atan2(sqrt(part), sqrt(fmax(0, 1 - part)));
}

/* ---- values ---- */

static struct doc_value geo_json(struct arena *arena, const char *text)
{
    struct slice json = arena_format(arena, "{'v': %s}", text);
    return doc_first(json_doc(arena, (const char *)json.data)).value;
}

static void geo_put_point(struct doc_builder *builder, struct geo_point point)
{
    doc_build_open_array(builder, SLICE(""));
    doc_build_double(builder, "", point.x);
    doc_build_double(builder, "", point.y);
    doc_build_close(builder);
}

/* {type: <type>, coordinates: [...]}: a place, a line, or a loop that is closed here. */
static struct doc_value geo_value(struct arena *arena, const char *type,
                                  const struct geo_point *points, uint32_t count)
{
    struct doc_builder builder;
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    bool loop = type[0] == 'P' && type[2] == 'l';
    buf_init(buf, arena);
    doc_build_begin(&builder, buf);
    doc_build_text(&builder, "type", type);
    doc_build_open_array(&builder, SLICE("coordinates"));
    if (count == 1) {
        doc_build_double(&builder, "", points[0].x);
        doc_build_double(&builder, "", points[0].y);
    }
    if (loop) {
        doc_build_open_array(&builder, SLICE(""));
    }
    for (uint32_t i = 0; i < count && count > 1; i++) {
        geo_put_point(&builder, points[i]);
    }
    if (loop) {
        geo_put_point(&builder, points[0]);
        doc_build_close(&builder);
    }
    doc_build_close(&builder);
    return doc_value_object(doc_build_end(&builder));
}

static struct doc_value geo_pair(struct arena *arena, struct geo_point point)
{
    struct doc_builder builder;
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin_array(&builder, buf);
    doc_build_double(&builder, "", point.x);
    doc_build_double(&builder, "", point.y);
    return doc_value_array(doc_build_end(&builder));
}

enum { STAR_CORNERS_MAX = 24 };

struct geo_star {
    struct geo_point center;
    struct geo_point corners[STAR_CORNERS_MAX];
    uint32_t count;
    double reach;
};

/* A loop around a center: its corners lie in all directions, some near, some far. */
static struct geo_star dice_star_at(struct geo_dice *dice, struct geo_point center, double reach)
{
    struct geo_star star = {.center = center,
                            .count = 3 + (uint32_t)(dice_roll(dice) * (STAR_CORNERS_MAX - 3)),
                            .reach = reach};
    for (uint32_t i = 0; i < star.count; i++) {
        double bearing = 2 * M_PI * (i + dice_between(dice, 0, 0.5)) / star.count;
        star.corners[i] = geo_walk(star.center, -bearing, star.reach * dice_between(dice, 0.4, 1));
    }
    return star;
}

static struct geo_star dice_star(struct geo_dice *dice)
{
    return dice_star_at(dice, dice_point(dice), pow(10, dice_between(dice, -6, -0.1)));
}

/* A line, a place or a star, of some size. */
static struct doc_value dice_value(struct geo_dice *dice, struct arena *arena)
{
    struct geo_star star = dice_star(dice);
    double which = dice_roll(dice);
    return which < 0.4   ? geo_value(arena, "Point", &star.center, 1)
           : which < 0.7 ? geo_value(arena, "LineString", star.corners, star.count)
                         : geo_value(arena, "Polygon", star.corners, star.count);
}

/* How often does the loop go round the place? By the angles at which its edges are seen. */
static bool geo_winds(const struct geo_star *star, struct geo_vec place)
{
    double sum = 0;
    for (uint32_t i = 0; i < star->count; i++) {
        struct geo_vec a = geo_vec_cross(place, geo_vec_of(star->corners[i]));
        struct geo_vec b = geo_vec_cross(place, geo_vec_of(star->corners[(i + 1) % star->count]));
        sum += atan2(geo_vec_dot(geo_vec_cross(a, b), place), geo_vec_dot(a, b));
    }
    return fabs(sum) > M_PI;
}

/* ---- the sphere ---- */

TEST(distances_are_the_haversine)
{
    struct geo_dice dice = {1};
    for (int i = 0; i < GEO_ROUNDS * 10; i++) {
        struct geo_point a = dice_point(&dice);
        struct geo_point b =
            i % 2 ? dice_point(&dice)
                  : geo_walk(a, dice_roll(&dice) * 6, pow(10, -dice_roll(&dice) * 7));
        double angle = geo_vec_angle(geo_vec_of(a), geo_vec_of(b));
        double other = geo_haversine(a, b);
        assert_true(fabs(angle - other) < 1e-7 * (other > 3 ? 1 : 1e-6));
    }
}

TEST(insides_are_where_loops_go_round)
{
    struct geo_dice dice = {2};
    struct arena arena;
    arena_init(&arena);
    uint32_t inside = 0;
    uint32_t rounds = 0;
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_star star = dice_star(&dice);
        struct geo_shape shape;
        struct doc_value value = geo_value(&arena, "Polygon", star.corners, star.count);
        if (geo_shape_parse(&shape, &arena, value, NULL) < 0) {
            continue;
        }
        for (int k = 0; k < GEO_SAMPLES; k++) {
            double far = star.reach * dice_between(&dice, 0, 1.3);
            struct geo_vec place =
                geo_vec_of(geo_walk(star.center, dice_roll(&dice) * 7, fmin(far, 1.5)));
            if (geo_chain_distance(&shape.polygons[0].loops[0].chain, place, M_PI) < GEO_TOUCH) {
                continue;
            }
            bool winds = geo_winds(&star, place);
            assert_int_equal(geo_polygon_contains(&shape.polygons[0], place), winds);
            inside += winds;
            rounds++;
        }
        assert_false(
            geo_polygon_contains(&shape.polygons[0], geo_vec_scale(geo_vec_of(star.center), -1)));
    }
    assert_true(inside > rounds / 8 && inside < rounds && rounds > GEO_ROUNDS * GEO_SAMPLES / 2);
    arena_close(&arena);
}

TEST(strict_winding_turned_round_is_the_other_side)
{
    struct geo_dice dice = {3};
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_star star = dice_star(&dice);
        struct geo_vec corners[STAR_CORNERS_MAX];
        struct geo_vec turned[STAR_CORNERS_MAX];
        struct geo_loop loop;
        struct geo_loop other;
        for (uint32_t k = 0; k < star.count; k++) {
            corners[k] = turned[star.count - 1 - k] = geo_vec_of(star.corners[k]);
        }
        if (geo_loop_make(&loop, &arena, corners, star.count, true) != NULL) {
            continue;
        }
        assert_null(geo_loop_make(&other, &arena, turned, star.count, true));
        assert_true(fabs(loop.area + other.area - 4 * M_PI) < 1e-9);
        struct geo_polygon one = {&loop, 1};
        struct geo_polygon two = {&other, 1};
        for (int k = 0; k < GEO_SAMPLES; k++) {
            struct geo_vec place = geo_vec_of(dice_point(&dice));
            if (geo_chain_distance(&loop.chain, place, M_PI) > GEO_TOUCH) {
                assert_true(geo_polygon_contains(&one, place) != geo_polygon_contains(&two, place));
            }
        }
    }
    arena_close(&arena);
}

/* Some place of the shape: a corner of it, or one inside. */
static struct geo_vec dice_place_of(struct geo_dice *dice, const struct geo_shape *shape)
{
    if (shape->places_count > 0) {
        return shape->places[0];
    }
    const struct geo_chain *chain =
        shape->lines_count > 0 ? &shape->lines[0] : &shape->polygons[0].loops[0].chain;
    uint32_t edge = (uint32_t)(dice_roll(dice) * chain->edges);
    double part = dice_roll(dice);
    return geo_vec_unit(geo_vec_add(geo_vec_scale(chain->vertices[edge], part),
                                    geo_vec_scale(geo_chain_end(chain, edge), 1 - part)));
}

TEST(shapes_that_share_a_place_intersect_and_what_is_within_is_within)
{
    struct geo_dice dice = {4};
    struct arena arena;
    arena_init(&arena);
    uint32_t met = 0;
    uint32_t held = 0;
    for (int i = 0; i < GEO_ROUNDS * 10; i++, arena_reset(&arena)) {
        struct geo_star star = dice_star(&dice);
        struct geo_point center =
            geo_walk(star.center, dice_roll(&dice) * 7, star.reach * dice_between(&dice, 0, 1.5));
        struct geo_star near =
            dice_star_at(&dice, center, star.reach * dice_between(&dice, 0.01, 0.5));
        struct geo_shape a;
        struct geo_shape b;
        const char *type = i % 3 == 0 ? "Polygon" : i % 3 == 1 ? "LineString" : "Point";
        struct doc_value value = geo_value(&arena, type, near.corners, i % 3 == 2 ? 1 : near.count);
        if (geo_shape_parse(&a, &arena, value, NULL) < 0 ||
            geo_shape_parse(&b, &arena, geo_value(&arena, "Polygon", star.corners, star.count),
                            NULL) < 0) {
            continue;
        }
        bool meets = geo_shape_intersects(&a, &b);
        bool within = geo_shape_is_within(&a, &b);
        assert_int_equal(geo_shape_intersects(&b, &a), meets);
        assert_true(meets || !within);
        assert_true(geo_shape_intersects(&a, &a) && geo_shape_is_within(&b, &b));
        for (int k = 0; k < GEO_SAMPLES; k++) {
            struct geo_vec place = dice_place_of(&dice, &a);
            double gap = geo_chain_distance(&b.polygons[0].loops[0].chain, place, M_PI);
            bool in = geo_polygon_contains(&b.polygons[0], place);
            assert_true(meets || !in || gap < 1e-8);
            assert_true(!within || in || gap < 1e-8);
        }
        met += meets;
        held += within;
    }
    assert_true(met > GEO_ROUNDS && held > GEO_ROUNDS / 4 && held < met);
    arena_close(&arena);
}

TEST(many_places_are_measured_as_few_are)
{
    struct geo_dice dice = {8};
    struct geo_point points[50];
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_shape shape;
        struct geo_vec from = geo_vec_of(dice_point(&dice));
        double best = M_PI;
        for (int k = 0; k < 50; k++) {
            points[k] = dice_point(&dice);
            best = fmin(best, geo_vec_angle(from, geo_vec_of(points[k])));
        }
        struct doc_value value = geo_value(&arena, "MultiPoint", points, 50);
        assert_int_equal(geo_shape_parse(&shape, &arena, value, NULL), 0);
        assert_true(geo_shape_distance(&shape, from) == best);
        assert_true(geo_shape_intersects(&shape, &shape));
    }
    arena_close(&arena);
}

TEST(the_nearest_place_is_no_farther_than_any_other)
{
    struct geo_dice dice = {5};
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_shape shape;
        if (geo_shape_parse(&shape, &arena, dice_value(&dice, &arena), NULL) < 0) {
            continue;
        }
        struct geo_vec from = geo_vec_of(dice_point(&dice));
        double nearest = geo_shape_distance(&shape, from);
        double farthest = geo_shape_farthest(&shape, from);
        for (int k = 0; k < GEO_SAMPLES; k++) {
            double away = geo_vec_angle(from, dice_place_of(&dice, &shape));
            assert_true(away >= nearest - 1e-12 && away <= farthest + 1e-12);
        }
    }
    arena_close(&arena);
}

/* ---- indexes ---- */

static bool geo_is_in(const struct geo_ranges *ranges, const struct geo_ids *ids)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        for (uint32_t k = 0; k < ids->count; k++) {
            if (ids->ids[k] >= ranges->items[i].low && ids->ids[k] <= ranges->items[i].high) {
                return true;
            }
        }
    }
    return false;
}

static void geo_assert_disjoint(const struct geo_ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct geo_cell_range *range = &ranges->items[i];
        assert_true(range->low <= range->high && range->high < (int64_t)1 << 53);
        assert_true(i == 0 || range[-1].high < range->low);
    }
}

TEST(what_satisfies_a_region_has_a_cell_in_its_ranges)
{
    struct geo_dice dice = {6};
    struct arena arena;
    struct geo_index index = {GEO_INDEX_SPHERE, -180, 180, 26};
    arena_init(&arena);
    uint32_t matched = 0;
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_region region = {.kind = i % 2 ? GEO_REGION_SHAPE : GEO_REGION_CAP,
                                    .intersects = i % 4 == 1,
                                    .center = dice_point(&dice),
                                    .radius = pow(10, dice_between(&dice, -6, 0.4))};
        struct geo_star star = dice_star(&dice);
        struct doc_value area = geo_value(&arena, "Polygon", star.corners, star.count);
        if (geo_shape_parse(&region.shape, &arena, area, NULL) < 0) {
            continue;
        }
        struct geo_point around = region.kind == GEO_REGION_CAP ? region.center : star.center;
        double reach = region.kind == GEO_REGION_CAP ? fmin(region.radius, 3) : star.reach;
        struct geo_ranges ranges = geo_index_ranges(&index, &arena, &region);
        geo_assert_disjoint(&ranges);
        for (int k = 0; k < GEO_SAMPLES; k++) {
            struct geo_point at = geo_walk(around, dice_roll(&dice) * 7,
                                           fmin(3, reach * dice_between(&dice, 0, 1.2)));
            struct geo_point line[2] = {
                at, geo_walk(at, dice_roll(&dice) * 7, reach * dice_roll(&dice) * 0.5)};
            struct doc_value value = k % 2 ? geo_value(&arena, "Point", &at, 1)
                                           : geo_value(&arena, "LineString", line, 2);
            struct geo_ids ids;
            if (geo_region_matches(&region, value) &&
                geo_index_cells(&index, &arena, value, &ids, NULL) == 0) {
                assert_true(geo_is_in(&ranges, &ids));
                matched++;
            }
        }
    }
    assert_true(matched > GEO_ROUNDS * 5);
    arena_close(&arena);
}

TEST(what_is_in_a_ring_has_a_cell_in_its_ranges)
{
    struct geo_dice dice = {7};
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < GEO_ROUNDS; i++, arena_reset(&arena)) {
        struct geo_index index = {i % 3 ? GEO_INDEX_PLANE : GEO_INDEX_SPHERE, -180, 180,
                                  i % 5 ? 26 : 9};
        struct geo_near near = {.point = dice_point(&dice),
                                .spherical = i % 3 < 2,
                                .pairs = i % 3 == 1,
                                .unit = 1,
                                .max = INFINITY};
        double inner = pow(10, dice_between(&dice, -7, 0.2));
        double outer = inner * dice_between(&dice, 1, 8);
        near.place = geo_vec_of(near.point);
        struct geo_ring ring = {&near, inner, outer};
        struct geo_ranges ranges = geo_index_ring(&index, &arena, &ring);
        geo_assert_disjoint(&ranges);
        for (int k = 0; k < GEO_SAMPLES; k++) {
            double bearing = dice_roll(&dice) * 7;
            double far = dice_between(&dice, inner, outer);
            struct geo_point at = geo_walk(near.point, bearing, fmin(far, 3));
            if (!near.spherical) {
                at = (struct geo_point){near.point.x + far * cos(bearing),
                                        near.point.y + far * sin(bearing)};
            }
            struct doc_value value = geo_pair(&arena, at);
            double away;
            struct geo_ids ids;
            if (geo_near_distance(&near, value, &away) && away >= inner && away <= outer &&
                geo_index_cells(&index, &arena, value, &ids, NULL) == 0) {
                assert_true(geo_is_in(&ranges, &ids));
            }
        }
    }
    arena_close(&arena);
}

/* ---- the plane ---- */

TEST(plane_polygons_have_their_right_borders_and_corners)
{
    struct geo_point corners[] = {{4, 4}, {6, 4}, {5, 6}};
    struct geo_region region = {.kind = GEO_REGION_POLYGON, .corners = corners, .corners_count = 3};
    struct arena arena;
    arena_init(&arena);
    static const struct {
        const char *pair;
        bool in;
    } cases[] = {{"[4, 4]", true},    {"[5, 6]", true},      {"[6, 4]", true},
                 {"[5, 4]", true},    {"[5.5, 5]", true},    {"[4.5, 5]", false},
                 {"[5, 5]", true},    {"[4.2, 4.5]", false}, {"{'a': 5, 'b': 5}", true},
                 {"[5]", false},      {"'x'", false},        {"[5, 'x']", false},
                 {"[5, 5, 9]", true}, {"[[5, 5]]", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct doc_value value = geo_json(&arena, cases[i].pair);
        assert_int_equal(geo_region_matches(&region, value), cases[i].in);
    }
    arena_close(&arena);
}

/* ---- what is refused ---- */

TEST(values_are_read_or_refused)
{
    static const struct {
        const char *value;
        int code;
    } cases[] = {
        {"[1, 2]", 0},
        {"{'x': 1, 'y': 2, 'z': 'more'}", 0},
        {"[1]", 2},
        {"'text'", 2},
        {"{'type': 'Point', 'coordinates': [180, 90]}", 0},
        {"{'type': 'Point', 'coordinates': [180.1, 90]}", 2},
        {"{'type': 'point', 'coordinates': [1, 2]}", 2},
        {"{'type': 'MultiPoint', 'coordinates': []}", 2},
        {"{'type': 'LineString', 'coordinates': [[1, 1], [1, 1]]}", 2},
        {"{'type': 'LineString', 'coordinates': [[1, 1], [1, 1], [2, 2]]}", 0},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[1,0],[2,0],[0,0]]]}", 0},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[1,0],[1,1],[0,1]]]}", 2},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[2,2],[2,0],[0,2],[0,0]]]}", 2},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[2,0],[1,1],[2,2],[1,1],[0,2],[0,0]]]}", 2},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[9,0],[9,9],[0,9],[0,0]],"
         "[[2,2],[2,3],[3,3],[2,2]]]}",
         0},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[9,0],[9,9],[0,9],[0,0]],"
         "[[0,2],[0,3],[3,3],[0,2]]]}",
         2},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[9,0],[9,9],[0,9],[0,0]],"
         "[[12,2],[12,3],[13,3],[12,2]]]}",
         2},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[9,0],[9,9],[0,9],[0,0]],"
         "[[2,2],[2,4],[4,4],[2,2]], [[5,5],[5,6],[6,6],[5,5]], [[2,2],[2,1],[1,1],[2,2]]]}",
         0},
        {"{'type': 'Polygon', 'coordinates': [[[0,0],[9,0],[9,9],[0,9],[0,0]],"
         "[[2,2],[2,4],[4,4],[2,2]], [[5,5],[5,6],[6,6],[5,5]], [[2.5,3],[2.5,5],[3,3],[2.5,3]]]}",
         2},
        {"{'type': 'MultiPolygon', 'coordinates': []}", 2},
        {"{'type': 'GeometryCollection', 'geometries': ["
         "{'type': 'Point', 'coordinates': [1, 2]},"
         "{'type': 'LineString', 'coordinates': [[1, 2], [3, 4]]}]}",
         0},
        {"{'type': 'GeometryCollection', 'geometries': ["
         "{'type': 'GeometryCollection', 'geometries': []}]}",
         2},
        {"{'type': 'Point', 'coordinates': [1, 2], 'crs': {'type': 'name', 'properties':"
         "{'name': 'EPSG:4326'}}}",
         0},
        {"{'type': 'Point', 'coordinates': [1, 2], 'crs': {'type': 'name', 'properties':"
         "{'name': 'urn:x-mongodb:crs:strictwinding:EPSG:4326'}}}",
         2},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct geo_shape shape;
        struct err err = {0};
        int code = geo_shape_parse(&shape, &arena, geo_json(&arena, cases[i].value), &err);
        if (code != -cases[i].code) {
            fail_msg("%s: %d", cases[i].value, code);
        }
    }
    arena_close(&arena);
}

TEST(a_polygon_of_many_corners_is_read_and_judged_quickly)
{
    enum { CORNERS = 100000 };
    struct arena arena;
    arena_init(&arena);
    struct geo_point *corners = arena_alloc(&arena, CORNERS * sizeof *corners);
    for (int i = 0; i < CORNERS; i++) {
        double reach = i % 2 ? 0.3 : 0.299;
        corners[i] = geo_walk((struct geo_point){10, 80}, -2 * M_PI * i / CORNERS, reach);
    }
    struct geo_index index = {GEO_INDEX_SPHERE, -180, 180, 26};
    struct geo_shape shape;
    struct doc_value value = geo_value(&arena, "Polygon", corners, CORNERS);
    struct geo_ids ids;
    assert_int_equal(geo_shape_parse(&shape, &arena, value, NULL), 0);
    assert_int_equal(geo_index_cells(&index, &arena, value, &ids, NULL), 0);
    assert_true(ids.count > 1);
    assert_true(geo_polygon_overlap(&shape.polygons[0], &shape.polygons[0]));
    arena_close(&arena);
}
