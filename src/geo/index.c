/* geo/index.c - from values and regions to cells.
 *
 * On the sphere a cell is judged by the circle around it; on the plane, where regions are inside
 * boxes, by itself. A stored place is in one cell of the finest level, anything else in up to
 * INDEX_STORED_CELLS of any: a query reads the cells in its own, and those that its own are in. */
#include "geo/index.h"

#include <stdlib.h>

#include "doc/view.h"

enum { INDEX_STORED_CELLS = 16, INDEX_QUERY_CELLS = 48, INDEX_BOXES = 2 };

enum geo_index_kind geo_index_kind_of(struct doc_value value)
{
    if (value.type != DOC_STRING) {
        return GEO_INDEX_NONE;
    }
    struct slice text = doc_value_get_string(value);
    return slice_is(text, "2dsphere") ? GEO_INDEX_SPHERE
           : slice_is(text, "2d")     ? GEO_INDEX_PLANE
                                      : GEO_INDEX_NONE;
}

enum geo_index_kind geo_index_kind_of_key(struct slice key)
{
    enum geo_index_kind kind = GEO_INDEX_NONE;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    while (kind == GEO_INDEX_NONE && doc_iter_next(&iter, &elem)) {
        kind = geo_index_kind_of(elem.value);
    }
    return kind;
}

static double index_number(struct slice spec, const char *name, double otherwise)
{
    struct doc_value value = doc_get_str(spec, name);
    return doc_value_is_number(value) ? doc_value_to_double(value) : otherwise;
}

struct geo_index geo_index_of_spec(struct slice spec)
{
    struct geo_index index = {
        .min = index_number(spec, "min", -180),
        .max = index_number(spec, "max", 180),
        .bits = (uint32_t)index_number(spec, "bits", 26),
    };
    index.kind = geo_index_kind_of_key(doc_value_get_doc(doc_get_str(spec, "key")));
    return index;
}

static uint32_t index_level(const struct geo_index *index)
{
    return index->kind == GEO_INDEX_PLANE && index->bits < GEO_CELL_LEVELS ? index->bits
                                                                           : GEO_CELL_LEVELS;
}

/* ---- what a cell is asked ---- */

struct index_probe {
    const struct geo_index *index;
    const struct geo_shape *shape; /* of the sphere */
    const struct geo_near *near;   /* a ring around it */
    struct geo_vec place;          /* of a ring, or the middle of a cap */
    double inner;
    double outer;
    struct geo_box boxes[INDEX_BOXES];
    uint32_t boxes_count;
};

static bool index_shape_touches(const void *context, struct geo_cell cell)
{
    const struct index_probe *probe = context;
    struct geo_vec center;
    double reach = geo_cell_reach(cell, &center);
    return geo_shape_distance(probe->shape, center) <= reach + GEO_TOUCH;
}

static bool index_ring_touches(const void *context, struct geo_cell cell)
{
    const struct index_probe *probe = context;
    struct geo_vec center;
    double reach = geo_cell_reach(cell, &center) + GEO_TOUCH;
    double away = geo_vec_angle(probe->place, center);
    return away - reach <= probe->outer && away + reach >= probe->inner;
}

static struct geo_box index_cell_box(const struct geo_index *index, struct geo_cell cell)
{
    double side = (index->max - index->min) / (double)((uint32_t)1 << cell.level);
    double slack = 1e-9 * (index->max - index->min);
    struct geo_point low = {index->min + cell.i * side, index->min + cell.j * side};
    return (struct geo_box){{low.x - slack, low.y - slack},
                            {low.x + side + slack, low.y + side + slack}};
}

static bool index_boxes_touch(const void *context, struct geo_cell cell)
{
    const struct index_probe *probe = context;
    struct geo_box box = index_cell_box(probe->index, cell);
    for (uint32_t i = 0; i < probe->boxes_count; i++) {
        const struct geo_box *wanted = &probe->boxes[i];
        if (box.low.x <= wanted->high.x && wanted->low.x <= box.high.x &&
            box.low.y <= wanted->high.y && wanted->low.y <= box.high.y) {
            return true;
        }
    }
    return false;
}

/* A ring of the plane. */
static bool index_band_touches(const void *context, struct geo_cell cell)
{
    const struct index_probe *probe = context;
    struct geo_box box = index_cell_box(probe->index, cell);
    struct geo_point at = probe->near->point;
    double near_x = fmax(0, fmax(box.low.x - at.x, at.x - box.high.x));
    double near_y = fmax(0, fmax(box.low.y - at.y, at.y - box.high.y));
    double far_x = fmax(box.high.x - at.x, at.x - box.low.x);
    double far_y = fmax(box.high.y - at.y, at.y - box.low.y);
    return hypot(near_x, near_y) <= probe->outer && hypot(far_x, far_y) >= probe->inner;
}

/* ---- stored values ---- */

static int index_order(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static int index_sphere_shape(struct geo_shape *shape, struct arena *arena, struct doc_value value,
                              struct err *err)
{
    struct err why = {0};
    const char *wrong = why.text;
    if (geo_shape_parse(shape, arena, value, &why) == 0) {
        wrong = shape->strict       ? "strict winding is not for stored polygons"
                : !shape->on_sphere ? "longitude/latitude is out of bounds"
                                    : NULL;
    }
    return wrong == NULL ? 0 : err_set(err, 16755, "Can't extract geo keys: %s", wrong);
}

static int index_sphere_cells(struct arena *arena, struct doc_value value, struct geo_ids *ret_ids,
                              struct err *err)
{
    struct geo_shape shape;
    struct geo_cell place;
    struct geo_cell *cells = &place;
    struct index_probe probe = {.shape = &shape};
    struct geo_cover cover = {GEO_CELL_FACES, GEO_CELL_LEVELS, INDEX_STORED_CELLS,
                              index_shape_touches, &probe};
    int code = index_sphere_shape(&shape, arena, value, err);
    if (code < 0) {
        return code;
    }
    ret_ids->count = 1;
    if (shape.single) {
        place = geo_cell_of_place(shape.place);
    } else {
        ret_ids->count = geo_cell_cover(&cover, arena, &cells);
    }
    ret_ids->ids = arena_alloc(arena, ret_ids->count * sizeof *ret_ids->ids);
    for (uint32_t i = 0; i < ret_ids->count; i++) {
        ret_ids->ids[i] = geo_cell_id(cells[i]);
    }
    return 0;
}

static uint32_t index_step(const struct geo_index *index, double at)
{
    double size = (double)((uint32_t)1 << index_level(index));
    return (uint32_t)fmin(size - 1, floor((at - index->min) / (index->max - index->min) * size));
}

static int index_plane_cell(const struct geo_index *index, struct doc_value value, int64_t *ret_id,
                            struct err *err)
{
    struct geo_point point;
    if (value.type != DOC_ARRAY && value.type != DOC_OBJECT) {
        return err_set(err, 13654,
                       "location object expected, location array not in correct format");
    }
    if (!geo_point_parse(value, false, &point)) {
        return err_set(err, 13026, "geo values must be 'legacy coordinate pairs' for 2d indexes");
    }
    if (point.x < index->min || point.x > index->max || point.y < index->min ||
        point.y > index->max) {
        return err_set(err, 13027, "point not in interval of [ %g, %g ]", index->min, index->max);
    }
    *ret_id = geo_cell_id((struct geo_cell){
        0, (uint8_t)index_level(index), index_step(index, point.x), index_step(index, point.y)});
    return 0;
}

/* One place, or an array of them. */
static int index_plane_cells(const struct geo_index *index, struct arena *arena,
                             struct doc_value value, struct geo_ids *ret_ids, struct err *err)
{
    uint8_t inner =
        value.type == DOC_ARRAY ? doc_first(doc_value_get_doc(value)).value.type : DOC_MISSING;
    bool many = inner == DOC_ARRAY || inner == DOC_OBJECT;
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if ((value.type != DOC_ARRAY && value.type != DOC_OBJECT) ||
        doc_is_empty(doc_value_get_doc(value))) {
        return 0;
    }
    size_t count = many ? doc_count(doc_value_get_doc(value)) : 1;
    ret_ids->ids = arena_alloc(arena, count * sizeof *ret_ids->ids);
    if (!many) {
        ret_ids->count = 1;
        return index_plane_cell(index, value, ret_ids->ids, err);
    }
    doc_iter_value(&iter, value);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = index_plane_cell(index, elem.value, &ret_ids->ids[ret_ids->count++], err);
    }
    return code;
}

int geo_index_cells(const struct geo_index *index, struct arena *arena, struct doc_value value,
                    struct geo_ids *ret_ids, struct err *err)
{
    int code = 0;
    *ret_ids = (struct geo_ids){NULL, 0};
    if (!doc_value_is_nullish(value)) {
        code = index->kind == GEO_INDEX_SPHERE
                   ? index_sphere_cells(arena, value, ret_ids, err)
                   : index_plane_cells(index, arena, value, ret_ids, err);
    }
    if (code == 0 && ret_ids->count > 1) {
        qsort(ret_ids->ids, ret_ids->count, sizeof *ret_ids->ids, index_order);
    }
    return code;
}

/* ---- queries ---- */

bool geo_index_serves(const struct geo_index *index, const struct geo_region *region)
{
    return index->kind == GEO_INDEX_SPHERE
               ? region->kind == GEO_REGION_SHAPE || region->kind == GEO_REGION_CAP
               : region->kind != GEO_REGION_SHAPE;
}

bool geo_index_serves_near(const struct geo_index *index, const struct geo_near *near)
{
    return index->kind == GEO_INDEX_SPHERE ? near->spherical : !near->spherical || near->unit == 1;
}

/* Longitudes and latitudes around all within `radius` of a place: two boxes where they pass the
 * 180th meridian. */
static void index_cap_boxes(struct index_probe *probe, struct geo_point center, double radius)
{
    double slack = 5e-6; /* what geo_near_distance may be wrong by, and more */
    double up = radius * (180 / M_PI) + slack;
    double cosine = cos(center.y * (M_PI / 180));
    bool has_pole = center.y + up >= 90 || center.y - up <= -90 || sin(radius) >= cosine;
    double wide = has_pole ? 180 : asin(sin(radius) / cosine) * (180 / M_PI) + slack;
    struct geo_box box = {{center.x - wide, center.y - up}, {center.x + wide, center.y + up}};
    struct geo_box around = box; /* what is past 180 degrees, from the other side */
    double turn = box.low.x < -180 ? 360 : box.high.x > 180 ? -360 : 0;
    around.low.x += turn;
    around.high.x += turn;
    probe->boxes[probe->boxes_count++] = box;
    probe->boxes[probe->boxes_count++] = around;
}

/* The ranges of a cover. */
static struct geo_ranges index_read(const struct index_probe *probe, struct arena *arena,
                                    geo_cell_cb cb)
{
    bool sphere = probe->index->kind == GEO_INDEX_SPHERE;
    struct geo_cover cover = {sphere ? GEO_CELL_FACES : 1, index_level(probe->index),
                              INDEX_QUERY_CELLS, cb, probe};
    struct geo_cell *cells;
    uint32_t count = geo_cell_cover(&cover, arena, &cells);
    size_t most = (size_t)count * (GEO_CELL_LEVELS + 1) + 1;
    struct geo_ranges ranges = {arena_alloc(arena, most * sizeof *ranges.items), 0};
    for (uint32_t i = 0; i < count; i++) {
        ranges.items[ranges.count++] = geo_cell_inside(cells[i]);
        for (struct geo_cell cell = cells[i]; sphere && cell.level > 0;) {
            cell = geo_cell_parent(cell);
            int64_t id = geo_cell_id(cell);
            ranges.items[ranges.count++] = (struct geo_cell_range){id, id};
        }
    }
    ranges.count = geo_cell_join(ranges.items, ranges.count);
    return ranges;
}

struct geo_ranges geo_index_ranges(const struct geo_index *index, struct arena *arena,
                                   const struct geo_region *region)
{
    struct index_probe probe = {.index = index, .shape = &region->shape};
    if (region->kind == GEO_REGION_CAP && index->kind == GEO_INDEX_SPHERE) {
        probe.place = geo_vec_of(region->center);
        probe.outer = region->radius;
        return index_read(&probe, arena, index_ring_touches);
    }
    if (region->kind == GEO_REGION_SHAPE) {
        return index_read(&probe, arena, index_shape_touches);
    }
    if (region->kind == GEO_REGION_CAP) {
        index_cap_boxes(&probe, region->center, region->radius);
    } else {
        probe.boxes[probe.boxes_count++] = region->box;
    }
    return index_read(&probe, arena, index_boxes_touch);
}

struct geo_ranges geo_index_ring(const struct geo_index *index, struct arena *arena,
                                 const struct geo_ring *ring)
{
    const struct geo_near *near = ring->near;
    struct index_probe probe = {.index = index,
                                .near = near,
                                .place = near->place,
                                .inner = ring->inner,
                                .outer = ring->outer};
    if (index->kind == GEO_INDEX_SPHERE) {
        return index_read(&probe, arena, index_ring_touches);
    }
    if (!near->spherical) {
        return index_read(&probe, arena, index_band_touches);
    }
    index_cap_boxes(&probe, near->point, ring->outer);
    return index_read(&probe, arena, index_boxes_touch);
}
