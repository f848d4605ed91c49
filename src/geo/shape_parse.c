/* geo/shape_parse.c - GeoJSON and coordinate pairs.
 *
 * A table names the kinds; each reads its coordinates into the lists of the shape, the collection
 * its members, one after another, into the same lists. */
#include <stdlib.h>

#include "doc/view.h"
#include "geo/cell.h"
#include "geo/shape.h"

enum { SHAPE_FEW = 16 };

struct shape_reader {
    struct geo_shape *shape;
    struct arena *arena;
    struct err *err;
    bool inner; /* inside a collection */
};

typedef int (*shape_read_cb)(struct shape_reader *reader, struct doc_value coordinates);

static int shape_bad(struct shape_reader *reader, const char *what)
{
    return err_set(reader->err, LT_EBADVALUE, "%s", what);
}

/* ---- pairs ---- */

bool geo_point_is_pair(struct doc_value value)
{
    return (value.type == DOC_ARRAY || value.type == DOC_OBJECT) &&
           doc_value_is_number(doc_first(doc_value_get_doc(value)).value);
}

bool geo_point_parse(struct doc_value value, bool exact, struct geo_point *ret_point)
{
    struct doc_iter iter;
    struct doc_elem x;
    struct doc_elem y;
    struct doc_elem more;
    if (value.type != DOC_ARRAY && value.type != DOC_OBJECT) {
        return false;
    }
    doc_iter_value(&iter, value);
    if (!doc_iter_next(&iter, &x) || !doc_value_is_number(x.value) || !doc_iter_next(&iter, &y) ||
        !doc_value_is_number(y.value) || (exact && doc_iter_next(&iter, &more))) {
        return false;
    }
    *ret_point = (struct geo_point){doc_value_to_double(x.value), doc_value_to_double(y.value)};
    return isfinite(ret_point->x) && isfinite(ret_point->y);
}

static int shape_read_place(struct shape_reader *reader, struct doc_value value,
                            struct geo_vec *ret_place)
{
    struct geo_point point;
    if (!geo_point_parse(value, false, &point)) {
        return shape_bad(reader, "Point must only contain numeric elements");
    }
    if (!geo_point_is_on_sphere(point)) {
        return err_set(reader->err, LT_EBADVALUE,
                       "Longitude/latitude is out of bounds, lng: %g lat: %g", point.x, point.y);
    }
    *ret_place = geo_vec_of(point);
    return 0;
}

/* ---- the lists ---- */

/* A list has room for the power of two that its count is below. */
static size_t shape_room(size_t count)
{
    size_t room = 1;
    while (room < count) {
        room *= 2;
    }
    return count == 0 ? 0 : room;
}

/* The list with room for `more` behind its `count` elements. */
static void *shape_grow(struct shape_reader *reader, void *list, uint32_t count, uint32_t more,
                        size_t size)
{
    if (count + (size_t)more <= shape_room(count)) {
        return list;
    }
    void *grown = arena_alloc(reader->arena, shape_room(count + (size_t)more) * size);
    if (count > 0) {
        memcpy(grown, list, count * size);
    }
    return grown;
}

static int shape_need_array(struct shape_reader *reader, struct doc_value value)
{
    return value.type == DOC_ARRAY
               ? 0
               : shape_bad(reader, "GeoJSON coordinates must be an array of coordinates");
}

/* All places of an array, neighbours that are the same only once. */
static int shape_read_places(struct shape_reader *reader, struct doc_value array, bool distinct,
                             struct geo_vec **ret_places, uint32_t *ret_count)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = shape_need_array(reader, array);
    if (code < 0) {
        return code;
    }
    struct geo_vec *places =
        arena_alloc(reader->arena, (doc_count(doc_value_get_doc(array)) + 1) * sizeof *places);
    uint32_t count = 0;
    doc_iter_value(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        code = shape_read_place(reader, elem.value, &places[count]);
        if (code < 0) {
            return code;
        }
        count += count == 0 || !distinct || !geo_vec_equal(places[count], places[count - 1]);
    }
    *ret_places = places;
    *ret_count = count;
    return 0;
}

static int shape_read_point(struct shape_reader *reader, struct doc_value coordinates)
{
    struct geo_shape *shape = reader->shape;
    struct geo_vec *list = &shape->place;
    if (reader->inner) {
        list = shape_grow(reader, shape->places, shape->places_count, 1, sizeof *list);
    } else {
        geo_point_parse(coordinates, false, &shape->point);
        shape->single = true;
    }
    shape->places = list;
    return shape_read_place(reader, coordinates, &list[shape->places_count++]);
}

static int shape_read_multipoint(struct shape_reader *reader, struct doc_value coordinates)
{
    struct geo_shape *shape = reader->shape;
    struct geo_vec *places = NULL;
    uint32_t count = 0;
    int code = shape_read_places(reader, coordinates, false, &places, &count);
    if (code == 0 && count == 0) {
        code = shape_bad(reader, "MultiPoint coordinates must have at least 1 element");
    }
    if (code < 0) {
        return code;
    }
    shape->places = shape_grow(reader, shape->places, shape->places_count, count, sizeof *places);
    memcpy(shape->places + shape->places_count, places, count * sizeof *places);
    shape->places_count += count;
    return 0;
}

static int shape_read_line(struct shape_reader *reader, struct doc_value coordinates)
{
    struct geo_shape *shape = reader->shape;
    struct geo_vec *vertices = NULL;
    uint32_t count = 0;
    int code = shape_read_places(reader, coordinates, true, &vertices, &count);
    if (code == 0 && (doc_count(doc_value_get_doc(coordinates)) < 2 || count < 2)) {
        code = shape_bad(reader, "GeoJSON LineString must have at least 2 vertices");
    }
    if (code < 0) {
        return code;
    }
    shape->lines = shape_grow(reader, shape->lines, shape->lines_count, 1, sizeof *shape->lines);
    geo_chain_make(&shape->lines[shape->lines_count++], reader->arena, vertices, count,
                   GEO_CHAIN_OPEN);
    return 0;
}

static int shape_read_loop(struct shape_reader *reader, struct doc_value coordinates,
                           struct geo_loop *loop)
{
    struct geo_vec *vertices = NULL;
    uint32_t count = 0;
    int code = shape_read_places(reader, coordinates, true, &vertices, &count);
    if (code < 0) {
        return code;
    }
    if (doc_count(doc_value_get_doc(coordinates)) < 4 || count < 4) {
        return shape_bad(reader, "Loop must have at least 3 different vertices");
    }
    if (!geo_vec_equal(vertices[0], vertices[count - 1])) {
        return shape_bad(reader, "Loop is not closed");
    }
    const char *wrong =
        geo_loop_make(loop, reader->arena, vertices, count - 1, reader->shape->strict);
    return wrong == NULL ? 0 : shape_bad(reader, wrong);
}

static int shape_read_polygon(struct shape_reader *reader, struct doc_value coordinates)
{
    struct geo_shape *shape = reader->shape;
    struct geo_polygon polygon = {NULL, 0};
    struct doc_iter iter;
    struct doc_elem elem;
    int code = shape_need_array(reader, coordinates);
    if (code < 0) {
        return code;
    }
    uint32_t count = (uint32_t)doc_count(doc_value_get_doc(coordinates));
    if (count == 0) {
        return shape_bad(reader, "Polygon has no loops");
    }
    if (shape->strict && count > 1) {
        return shape_bad(reader, "Only one simple loop is allowed in a big polygon");
    }
    struct geo_loop *loops = arena_alloc(reader->arena, count * sizeof *loops);
    polygon.loops = loops;
    doc_iter_value(&iter, coordinates);
    while (doc_iter_next(&iter, &elem)) {
        code = shape_read_loop(reader, elem.value, &loops[polygon.count++]);
        if (code < 0) {
            return code;
        }
    }
    const char *wrong = geo_polygon_check(&polygon, reader->arena);
    if (wrong != NULL) {
        return shape_bad(reader, wrong);
    }
    shape->polygons =
        shape_grow(reader, shape->polygons, shape->polygons_count, 1, sizeof *shape->polygons);
    shape->polygons[shape->polygons_count++] = polygon;
    return 0;
}

static int shape_read_each(struct shape_reader *reader, struct doc_value coordinates,
                           shape_read_cb read)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = shape_need_array(reader, coordinates);
    if (code == 0 && doc_is_empty(doc_value_get_doc(coordinates))) {
        code = shape_bad(reader, "GeoJSON coordinates must have at least 1 element");
    }
    if (code < 0) {
        return code;
    }
    doc_iter_value(&iter, coordinates);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = read(reader, elem.value);
    }
    return code;
}

static int shape_read_multiline(struct shape_reader *reader, struct doc_value coordinates)
{
    return shape_read_each(reader, coordinates, shape_read_line);
}

static int shape_read_multipolygon(struct shape_reader *reader, struct doc_value coordinates)
{
    return shape_read_each(reader, coordinates, shape_read_polygon);
}

static int shape_read_geojson(struct shape_reader *reader, struct slice object);

static int shape_read_member(struct shape_reader *reader, struct doc_value member)
{
    if (member.type != DOC_OBJECT) {
        return shape_bad(reader, "GeometryCollection geometries must be objects");
    }
    if (reader->inner && slice_is(doc_first(doc_value_get_doc(member)).name, "geometries")) {
        return shape_bad(reader, "GeometryCollections may not be nested");
    }
    return shape_read_geojson(reader, doc_value_get_doc(member));
}

static int shape_read_collection(struct shape_reader *reader, struct doc_value geometries)
{
    if (reader->inner) {
        return shape_bad(reader, "GeometryCollections may not be nested");
    }
    reader->inner = true;
    return shape_read_each(reader, geometries, shape_read_member);
}

static const struct shape_kind {
    const char *type;
    const char *field;
    shape_read_cb read;
} shape_kinds[] = {
    {"Point", "coordinates", shape_read_point},
    {"LineString", "coordinates", shape_read_line},
    {"Polygon", "coordinates", shape_read_polygon},
    {"MultiPoint", "coordinates", shape_read_multipoint},
    {"MultiLineString", "coordinates", shape_read_multiline},
    {"MultiPolygon", "coordinates", shape_read_multipolygon},
    {"GeometryCollection", "geometries", shape_read_collection},
};

/* ---- the coordinate reference system ---- */

static int shape_read_crs(struct shape_reader *reader, struct slice object, bool polygon)
{
    struct doc_value crs = doc_get_str(object, "crs");
    if (!doc_value_exists(crs)) {
        return 0;
    }
    if (crs.type != DOC_OBJECT) {
        return shape_bad(reader, "GeoJSON CRS must be an object");
    }
    struct doc_value type = doc_get_str(doc_value_get_doc(crs), "type");
    struct doc_value properties = doc_get_str(doc_value_get_doc(crs), "properties");
    if (type.type != DOC_STRING || !slice_is(doc_value_get_string(type), "name")) {
        return shape_bad(reader, "GeoJSON CRS must have field \"type\": \"name\"");
    }
    if (properties.type != DOC_OBJECT) {
        return shape_bad(reader, "CRS must have field \"properties\" which is an object");
    }
    struct doc_value name = doc_get_str(doc_value_get_doc(properties), "name");
    if (name.type != DOC_STRING) {
        return shape_bad(reader, "In CRS, \"properties.name\" must be a string");
    }
    struct slice text = doc_value_get_string(name);
    if (slice_is(text, "urn:x-mongodb:crs:strictwinding:EPSG:4326")) {
        if (!polygon || reader->inner) {
            return shape_bad(reader, "Strict winding order is only supported by polygon");
        }
        reader->shape->strict = true;
        return 0;
    }
    if (slice_is(text, "urn:ogc:def:crs:OGC:1.3:CRS84") || slice_is(text, "EPSG:4326")) {
        return 0;
    }
    return err_set(reader->err, LT_EBADVALUE, "Unknown CRS name: %.*s", SLICE_FMT(text));
}

/* ---- a whole value ---- */

static int shape_read_geojson(struct shape_reader *reader, struct slice object)
{
    struct doc_value type = doc_get_str(object, "type");
    const struct shape_kind *kind = NULL;
    for (size_t i = 0; type.type == DOC_STRING && i < sizeof shape_kinds / sizeof *shape_kinds;
         i++) {
        if (slice_is(doc_value_get_string(type), shape_kinds[i].type)) {
            kind = &shape_kinds[i];
        }
    }
    if (kind == NULL) {
        return shape_bad(reader, "unknown GeoJSON type");
    }
    if (!reader->inner) {
        reader->shape->type = doc_value_get_string(type);
    }
    int code = shape_read_crs(reader, object, kind->read == shape_read_polygon);
    return code < 0 ? code : kind->read(reader, doc_get_str(object, kind->field));
}

static int shape_place_order(const void *a, const void *b)
{
    int64_t one = geo_cell_id(geo_cell_of_place(*(const struct geo_vec *)a));
    int64_t other = geo_cell_id(geo_cell_of_place(*(const struct geo_vec *)b));
    return (one > other) - (one < other);
}

/* Neighbours beside each other, so that boxes around them are small. */
static void shape_gather_spots(struct geo_shape *shape, struct arena *arena)
{
    if (shape->places_count > SHAPE_FEW) {
        qsort(shape->places, shape->places_count, sizeof *shape->places, shape_place_order);
        geo_chain_make(&shape->spots, arena, shape->places, shape->places_count, GEO_CHAIN_SPOTS);
    }
}

int geo_shape_parse(struct geo_shape *shape, struct arena *arena, struct doc_value value,
                    struct err *err)
{
    struct shape_reader reader = {shape, arena, err, false};
    memset(shape, 0, sizeof *shape);
    if (value.type != DOC_ARRAY && value.type != DOC_OBJECT) {
        return shape_bad(&reader, "geo element must be an array or object");
    }
    if (!geo_point_is_pair(value) && value.type == DOC_OBJECT) {
        shape->on_sphere = true;
        int code = shape_read_geojson(&reader, doc_value_get_doc(value));
        if (code == 0) {
            shape_gather_spots(shape, arena);
        }
        return code;
    }
    if (!geo_point_parse(value, false, &shape->point)) {
        return shape_bad(&reader, "Point must only contain numeric elements");
    }
    shape->single = true;
    shape->on_sphere = geo_point_is_on_sphere(shape->point);
    shape->place = geo_vec_of(shape->point);
    shape->places = &shape->place;
    shape->places_count = 1;
    return 0;
}
