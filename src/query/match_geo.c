/* query/match_geo.c - $geoWithin, $within, $geoIntersects, $near, $nearSphere.
 *
 * A region is a leaf like any other. Nearness says in which order documents come: there can be one
 * only, nothing but $and around it, and only in a filter that the planner serves. */
#include "doc/view.h"
#include "query/match_private.h"

/* ---- regions ---- */

typedef int (*match_shape_cb)(struct match_parser *parser, struct doc_value value,
                              struct geo_region *region);

static int match_bad(struct match_parser *parser, const char *what, struct slice name)
{
    return err_set(parser->err, LT_EBADVALUE, "%s: %.*s", what, SLICE_FMT(name));
}

static int match_read_geometry(struct match_parser *parser, struct doc_value value,
                               struct geo_region *region)
{
    int code = geo_shape_parse(&region->shape, parser->context->arena, value, parser->err);
    if (code < 0) {
        return code;
    }
    if (!region->shape.on_sphere) {
        return match_bad(parser, "longitude/latitude is out of bounds", SLICE("$geometry"));
    }
    if (!region->intersects && !slice_is(region->shape.type, "Polygon") &&
        !slice_is(region->shape.type, "MultiPolygon")) {
        return match_bad(parser, "$geoWithin not supported with provided geometry",
                         region->shape.type);
    }
    return 0;
}

/* Two values of an array, or of an object; false when there are more or fewer. */
static bool match_two(struct doc_value value, struct doc_value *ret_first,
                      struct doc_value *ret_second)
{
    if ((value.type != DOC_ARRAY && value.type != DOC_OBJECT) ||
        doc_count(doc_value_get_doc(value)) != 2) {
        return false;
    }
    *ret_first = doc_array_at(doc_value_get_doc(value), 0);
    *ret_second = doc_array_at(doc_value_get_doc(value), 1);
    return true;
}

static struct geo_box match_around(struct geo_box box, struct geo_point point)
{
    return (struct geo_box){{fmin(box.low.x, point.x), fmin(box.low.y, point.y)},
                            {fmax(box.high.x, point.x), fmax(box.high.y, point.y)}};
}

static int match_read_box(struct match_parser *parser, struct doc_value value,
                          struct geo_region *region)
{
    struct doc_value first;
    struct doc_value second;
    struct geo_point a;
    struct geo_point b;
    if (!match_two(value, &first, &second) || !geo_point_parse(first, true, &a) ||
        !geo_point_parse(second, true, &b)) {
        return match_bad(parser, "two points are needed", SLICE("$box"));
    }
    region->kind = GEO_REGION_BOX;
    region->box = match_around((struct geo_box){a, a}, b);
    return 0;
}

static int match_read_polygon(struct match_parser *parser, struct doc_value value,
                              struct geo_region *region)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (value.type != DOC_ARRAY && value.type != DOC_OBJECT) {
        return match_bad(parser, "points are needed", SLICE("$polygon"));
    }
    size_t count = doc_count(doc_value_get_doc(value));
    region->kind = GEO_REGION_POLYGON;
    region->corners = arena_alloc(parser->context->arena, (count + 1) * sizeof *region->corners);
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        struct geo_point *corner = &region->corners[region->corners_count++];
        if (!geo_point_parse(elem.value, true, corner)) {
            return match_bad(parser, "points must be two numbers", SLICE("$polygon"));
        }
        region->box = region->corners_count == 1 ? (struct geo_box){*corner, *corner}
                                                 : match_around(region->box, *corner);
    }
    return region->corners_count >= 3
               ? 0
               : match_bad(parser, "Polygon must have at least 3 points", SLICE("$polygon"));
}

static int match_read_circle(struct match_parser *parser, struct doc_value value,
                             struct geo_region *region)
{
    struct doc_value center;
    struct doc_value radius;
    if (!match_two(value, &center, &radius) || !geo_point_parse(center, true, &region->center)) {
        return match_bad(parser, "a point and a radius are needed", SLICE("$center"));
    }
    if (!doc_value_is_number(radius) || !(doc_value_to_double(radius) >= 0)) {
        return match_bad(parser, "radius must be a non-negative number", SLICE("$center"));
    }
    struct geo_point at = region->center;
    region->kind = GEO_REGION_CIRCLE;
    region->radius = doc_value_to_double(radius);
    region->box.low = (struct geo_point){at.x - region->radius, at.y - region->radius};
    region->box.high = (struct geo_point){at.x + region->radius, at.y + region->radius};
    return 0;
}

static int match_read_cap(struct match_parser *parser, struct doc_value value,
                          struct geo_region *region)
{
    int code = match_read_circle(parser, value, region);
    region->kind = GEO_REGION_CAP;
    if (code == 0 && !geo_point_is_on_sphere(region->center)) {
        return match_bad(parser, "longitude/latitude is out of bounds", SLICE("$centerSphere"));
    }
    return code;
}

static const struct {
    const char *name;
    match_shape_cb read;
} match_shapes[] = {
    {"$geometry", match_read_geometry}, {"$box", match_read_box},
    {"$polygon", match_read_polygon},   {"$center", match_read_circle},
    {"$centerSphere", match_read_cap},
};

static match_shape_cb match_find(struct slice name, bool intersects)
{
    for (size_t i = 0; i < sizeof match_shapes / sizeof *match_shapes; i++) {
        if (slice_is(name, match_shapes[i].name) &&
            (!intersects || match_shapes[i].read == match_read_geometry)) {
            return match_shapes[i].read;
        }
    }
    return NULL;
}

int query__match_geo(struct match_parser *parser, const struct doc_path *path, struct doc_elem op,
                     struct match_list *list)
{
    struct query_match *node = query__match_node(parser, QUERY_MATCH_GEO, path, op.value);
    struct geo_region *region = arena_zero(parser->context->arena, 1, sizeof *region);
    struct doc_iter iter;
    struct doc_elem elem;
    bool found = false;
    node->detail = region;
    region->intersects = slice_is(op.name, "$geoIntersects");
    if (op.value.type != DOC_OBJECT) {
        return match_bad(parser, "geometry must be an object", op.name);
    }
    doc_iter_value(&iter, op.value);
    while (doc_iter_next(&iter, &elem)) {
        match_shape_cb read = match_find(elem.name, region->intersects);
        if (slice_is(elem.name, "$uniqueDocs")) {
            continue;
        }
        if (read == NULL || found) {
            return match_bad(parser, read == NULL ? "unknown geo specifier" : "more than one shape",
                             elem.name);
        }
        int code = read(parser, elem.value, region);
        if (code < 0) {
            return code;
        }
        found = true;
    }
    if (!found) {
        return match_bad(parser, "geo query doesn't have any geometry", op.name);
    }
    query__match_push(parser, list, node);
    return 0;
}

/* ---- nearness ---- */

static bool match_is_near(struct slice name)
{
    return slice_is(name, "$near") || slice_is(name, "$nearSphere") || slice_is(name, "$geoNear");
}

int query__near_point(struct query_near *near, struct doc_value value, bool spherical,
                      struct err *err)
{
    bool pair = geo_point_is_pair(value);
    struct doc_value point = value;
    if (!pair && value.type == DOC_OBJECT) {
        point = doc_get_str(doc_value_get_doc(value), "coordinates");
    }
    if (!geo_point_parse(point, false, &near->at.point)) {
        return err_set(err, LT_EBADVALUE, "invalid point in geo near query");
    }
    near->at.spherical = spherical || !pair;
    if (near->at.spherical && !geo_point_is_on_sphere(near->at.point)) {
        return err_set(err, pair ? 17444 : LT_EBADVALUE,
                       "point is out of bounds for a spherical query");
    }
    near->at.unit = pair ? 1 : GEO_EARTH_METERS;
    near->at.place = geo_vec_of(near->at.point);
    return 0;
}

static struct query_match *near_node(struct match_parser *parser, const struct doc_path *path,
                                     struct slice ops)
{
    struct query_match *node =
        query__match_node(parser, QUERY_MATCH_NEAR, path, doc_value_object(ops));
    struct query_near *near = arena_zero(parser->context->arena, 1, sizeof *near);
    near->at.max = INFINITY;
    near->path = *path;
    node->detail = near;
    return node;
}

struct query_match *query__near_match(struct query_context *context, struct query_match *rest,
                                      struct query_near **ret_near)
{
    static const struct doc_path nowhere = {0};
    struct match_parser parser = {.context = context};
    struct match_list list = {0};
    struct query_match *all = query__match_node(&parser, QUERY_MATCH_AND, NULL, rest->operand);
    struct query_match *node = near_node(&parser, &nowhere, doc_value_get_doc(rest->operand));
    query__match_push(&parser, &list, rest);
    query__match_push(&parser, &list, node);
    query__match_adopt(all, &list);
    *ret_near = node->detail;
    return all;
}

/* A distance beside the point, or inside it: the first has error codes of its own. */
static int near_distance(struct match_parser *parser, struct doc_elem elem, bool inside,
                         struct geo_near *at)
{
    bool is_min = slice_is(elem.name, "$minDistance");
    int code = is_min ? 16893 : 16895;
    if (!doc_value_is_number(elem.value)) {
        return err_set(parser->err, inside ? LT_EBADVALUE : code, "%.*s must be a number",
                       SLICE_FMT(elem.name));
    }
    double distance = doc_value_to_double(elem.value);
    if (!(distance >= 0)) {
        return err_set(parser->err, inside ? LT_EBADVALUE : code + 1, "%.*s must be non-negative",
                       SLICE_FMT(elem.name));
    }
    *(is_min ? &at->min : &at->max) = distance;
    return 0;
}

static bool near_is_distance(struct slice name)
{
    return slice_is(name, "$minDistance") || slice_is(name, "$maxDistance");
}

/* {$geometry: {...}, $maxDistance: 5} */
static int near_geometry(struct match_parser *parser, struct doc_value value, bool spherical,
                         struct query_near *near)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool found = false;
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        int code = 0;
        if (near_is_distance(elem.name)) {
            code = near_distance(parser, elem, true, &near->at);
        } else if (slice_is(elem.name, "$geometry")) {
            struct doc_value type = doc_missing;
            if (elem.value.type == DOC_OBJECT) {
                type = doc_get_str(doc_value_get_doc(elem.value), "type");
            }
            if (type.type != DOC_STRING || !slice_is(doc_value_get_string(type), "Point")) {
                return match_bad(parser, "$near requires geojson point", elem.name);
            }
            found = true;
            code = query__near_point(near, elem.value, spherical, parser->err);
        } else {
            return match_bad(parser, "invalid argument in geo near query", elem.name);
        }
        if (code < 0) {
            return code;
        }
    }
    return found ? 0
                 : match_bad(parser, "$geometry is required for geo near query", SLICE("$near"));
}

/* {$near: [0, 0], $maxDistance: 5}, where the pair may have its $maxDistance as a third number. */
static int near_plain(struct match_parser *parser, struct doc_value value, bool spherical,
                      struct query_near *near)
{
    struct doc_value third = doc_missing;
    if (geo_point_is_pair(value)) {
        third = doc_array_at(doc_value_get_doc(value), 2);
    }
    if (doc_value_is_number(third)) {
        near->at.max = doc_value_to_double(third);
        if (!(near->at.max >= 0)) {
            return err_set(parser->err, 18522, "max distance must be non-negative");
        }
    }
    return query__near_point(near, value, spherical, parser->err);
}

static bool near_has_point(struct doc_value value)
{
    return value.type == DOC_ARRAY || geo_point_is_pair(value) ||
           (value.type == DOC_OBJECT &&
            doc_value_exists(doc_get_str(doc_value_get_doc(value), "coordinates")));
}

static int near_refuse(struct match_parser *parser)
{
    return err_set(parser->err, 5626500,
                   "$geoNear, $near, and $nearSphere are not allowed in this context, as these "
                   "operators require sorting geospatial data. If you do not need sort, consider "
                   "using $geoWithin instead.");
}

/* All operators of the path belong to it. */
int query__match_near(struct match_parser *parser, const struct doc_path *path, struct slice ops,
                      struct match_list *list)
{
    struct doc_elem first = doc_first(ops);
    struct query_match *node = near_node(parser, path, ops);
    struct query_near *near = node->detail;
    struct doc_iter iter;
    struct doc_elem elem;
    bool plain = near_has_point(first.value);
    bool spherical = slice_is(first.name, "$nearSphere");
    if (!parser->nears) {
        return near_refuse(parser);
    }
    if (first.value.type != DOC_OBJECT && first.value.type != DOC_ARRAY) {
        return match_bad(parser, "near must be an object or array", first.name);
    }
    int code = plain ? near_plain(parser, first.value, spherical, near)
                     : near_geometry(parser, first.value, spherical, near);
    doc_iter_init(&iter, ops);
    doc_iter_next(&iter, &elem);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (near_is_distance(elem.name)) {
            code = near_distance(parser, elem, false, &near->at);
        }
        bool known = near_is_distance(elem.name) || slice_is(elem.name, "$uniqueDocs");
        if (code == 0 && (!known || !plain)) {
            code = match_bad(parser, "geo near accepts just one argument, extra field found",
                             elem.name);
        }
    }
    parser->near |= code == 0;
    query__match_push(parser, list, node);
    return code;
}

int query__match_near_late(struct match_parser *parser, const struct doc_path *path,
                           struct doc_elem op, struct match_list *list)
{
    (void)path;
    (void)list;
    return parser->nears ? match_bad(parser, "near must be first", op.name) : near_refuse(parser);
}

bool query__match_is_near(struct slice ops)
{
    return match_is_near(doc_first(ops).name);
}

/* Count them; at the top, and below others than $and. */
static void near_count(const struct query_match *node, bool top, uint32_t *top_count,
                       uint32_t *below_count)
{
    if (node->kind == QUERY_MATCH_NEAR) {
        (*(top ? top_count : below_count))++;
    }
    for (uint32_t i = 0; i < node->children_count; i++) {
        near_count(node->children[i], top && node->kind == QUERY_MATCH_AND, top_count, below_count);
    }
}

int query__match_near_check(struct match_parser *parser, const struct query_match *match)
{
    uint32_t top = 0;
    uint32_t below = 0;
    if (!parser->near) {
        return 0;
    }
    near_count(match, true, &top, &below);
    if (below > 0) {
        return err_set(parser->err, LT_EBADVALUE, "geo $near must be top-level expr");
    }
    return top <= 1 ? 0 : err_set(parser->err, LT_EBADVALUE, "Too many geoNear expressions");
}

struct query_near *query_match_near(const struct query_match *match)
{
    struct query_near *near = match->kind == QUERY_MATCH_NEAR ? match->detail : NULL;
    for (uint32_t i = 0;
         match->kind == QUERY_MATCH_AND && i < match->children_count && near == NULL; i++) {
        near = query_match_near(match->children[i]);
    }
    return near;
}

/* ---- distances ---- */

struct near_search {
    const struct geo_near *at;
    struct query_near_hit *best;
    bool found;
};

static void near_try(struct near_search *search, struct doc_value value)
{
    double away;
    if (geo_near_distance(search->at, value, &away) &&
        (!search->found || away < search->best->away)) {
        search->found = true;
        search->best->away = away;
        search->best->value = value;
    }
}

static bool near_hit(void *context, const struct doc_path_hit *hit)
{
    struct near_search *search = context;
    near_try(search, hit->value);
    if (hit->value.type == DOC_ARRAY && !geo_point_is_pair(hit->value)) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, hit->value);
        while (doc_iter_next(&iter, &elem)) {
            near_try(search, elem.value);
        }
    }
    return false;
}

bool query_near_doc(const struct query_near *near, struct slice doc, struct query_near_hit *ret_hit)
{
    struct near_search search = {.at = &near->at, .best = ret_hit};
    doc_path_visit(&near->path, doc, near_hit, &search);
    ret_hit->distance = search.found ? ret_hit->away * (near->at.spherical ? near->at.unit : 1) : 0;
    return search.found;
}
