/* query/stage_geo_near.c - $geoNear.
 *
 * Reading in the order of distance is the plan's work: the stage says what it asks of it, a filter
 * with a NEAR node, and tells each document that comes how far it is. */
#include "doc/view.h"
#include "query/match_private.h"
#include "query/pipeline_private.h"

struct near_parsed {
    struct query_match *match;
    struct query_near *near;
    double multiplier;
    struct query_expr *distance; /* NULL: nobody asks */
    struct query_expr *location;
};

struct near_parse {
    struct query_context *context;
    struct near_parsed *parsed;
    struct err *err;
};

static int near_constant(struct near_parse *parse, struct doc_value value,
                         struct doc_value *ret_constant)
{
    struct query_expr *expr;
    int code = query_expr_parse(parse->context, value, &expr, parse->err);
    const struct doc_value *constant = code < 0 ? NULL : query_expr_constant(expr);
    *ret_constant = constant == NULL ? doc_missing : *constant;
    return code;
}

static int near_distance(struct near_parse *parse, struct doc_elem option)
{
    bool is_min = slice_is(option.name, "minDistance");
    struct doc_value value;
    int code = near_constant(parse, option.value, &value);
    if (code < 0) {
        return code;
    }
    if (!doc_value_is_number(value)) {
        return err_set(parse->err, LT_ETYPEMISMATCH,
                       "$geoNear requires '%.*s' to be a number or a constant expression",
                       SLICE_FMT(option.name));
    }
    double distance = doc_value_to_double(value);
    if (!(distance >= 0)) {
        return err_set(parse->err, LT_EBADVALUE, "%.*s must be nonnegative",
                       SLICE_FMT(option.name));
    }
    struct geo_near *at = &parse->parsed->near->at;
    *(is_min ? &at->min : &at->max) = distance;
    return 0;
}

static int near_multiplier(struct near_parse *parse, struct doc_elem option)
{
    if (!doc_value_is_number(option.value)) {
        return err_set(parse->err, LT_ETYPEMISMATCH,
                       "$geoNear requires that the 'distanceMultiplier' option is a number");
    }
    parse->parsed->multiplier = doc_value_to_double(option.value);
    return parse->parsed->multiplier >= 0
               ? 0
               : err_set(parse->err, LT_EBADVALUE,
                         "$geoNear requires 'distanceMultiplier' to be nonnegative");
}

static int near_field(struct near_parse *parse, struct doc_elem option)
{
    bool is_distance = slice_is(option.name, "distanceField");
    struct query_expr *path = arena_zero(parse->context->arena, 1, sizeof *path);
    if (option.value.type != DOC_STRING) {
        return err_set(parse->err, is_distance ? 16606 : 16607,
                       "$geoNear requires that the '%.*s' option is a String",
                       SLICE_FMT(option.name));
    }
    *(is_distance ? &parse->parsed->distance : &parse->parsed->location) = path;
    return query__path_parse(parse->context, doc_value_get_string(option.value), path, parse->err);
}

static int near_key(struct near_parse *parse, struct doc_elem option)
{
    if (option.value.type != DOC_STRING) {
        return err_set(parse->err, LT_ETYPEMISMATCH,
                       "$geoNear parameter 'key' must be of type string but found type: %s",
                       doc_type_name(option.value.type));
    }
    struct slice key = doc_value_get_string(option.value);
    if (key.len == 0) {
        return err_set(parse->err, LT_EBADVALUE, "$geoNear parameter 'key' cannot be empty");
    }
    return doc_path_parse(parse->context->arena, key, &parse->parsed->near->path, parse->err);
}

static int near_point(struct near_parse *parse, struct doc_elem option)
{
    struct doc_value near;
    int code = near_constant(parse, option.value, &near);
    if (code < 0) {
        return code;
    }
    if (!doc_value_exists(near)) {
        return err_set(parse->err, 5860401, "$geoNear requires a constant near argument");
    }
    if (near.type != DOC_OBJECT && near.type != DOC_ARRAY) {
        return err_set(parse->err, 5860402,
                       "$geoNear requires near argument to be a GeoJSON object or a legacy "
                       "point(array)");
    }
    struct query_near *asked = parse->parsed->near;
    return query__near_point(asked, near, asked->at.spherical, parse->err);
}

/* Read before: the filter is what the rest is put into, `spherical` says how `near` is meant. */
static int near_done(struct near_parse *parse, struct doc_elem option)
{
    (void)parse;
    (void)option;
    return 0;
}

static int near_gone(struct near_parse *parse, struct doc_elem option)
{
    return err_set(parse->err, slice_is(option.name, "limit") ? 50858 : 50857,
                   "$geoNear no longer supports the '%.*s' parameter. Use a $limit stage",
                   SLICE_FMT(option.name));
}

static const struct {
    const char *name;
    int (*read)(struct near_parse *parse, struct doc_elem option);
} near_options[] = {
    {"near", near_point},
    {"distanceField", near_field},
    {"includeLocs", near_field},
    {"minDistance", near_distance},
    {"maxDistance", near_distance},
    {"distanceMultiplier", near_multiplier},
    {"key", near_key},
    {"query", near_done},
    {"spherical", near_done},
    {"uniqueDocs", near_done},
    {"limit", near_gone},
    {"num", near_gone},
};

static int near_option(struct near_parse *parse, struct doc_elem option)
{
    for (size_t i = 0; i < sizeof near_options / sizeof *near_options; i++) {
        if (slice_is(option.name, near_options[i].name)) {
            return near_options[i].read(parse, option);
        }
    }
    return err_set(parse->err, LT_EBADVALUE, "Unrecognized option to $geoNear: %.*s",
                   SLICE_FMT(option.name));
}

/* The filter, to which the NEAR node is added. */
static int near_query(struct near_parse *parse, struct slice spec)
{
    struct doc_value query = doc_get_str(spec, "query");
    struct query_match *rest = NULL;
    if (!doc_value_exists(query)) {
        query = doc_empty_object;
    }
    if (query.type != DOC_OBJECT) {
        return err_set(parse->err, LT_ETYPEMISMATCH,
                       "$geoNear parameter 'query' must be of type object");
    }
    int code = query_match_parse(parse->context, doc_value_get_doc(query), &rest, parse->err);
    if (code == 0) {
        parse->parsed->match = query__near_match(parse->context, rest, &parse->parsed->near);
        parse->parsed->near->at.spherical = doc_value_truth(doc_get_str(spec, "spherical"));
    }
    return code;
}

static int near_parse_stage(struct query_stage_parse *stage, struct doc_value spec, struct err *err)
{
    struct near_parsed *parsed = arena_zero(stage->context->arena, 1, sizeof *parsed);
    struct near_parse parse = {stage->context, parsed, err};
    struct doc_iter iter;
    struct doc_elem option;
    parsed->multiplier = 1;
    if (stage->pipeline->count > 0) {
        return err_set(err, 40603, "$geoNear was not the first stage in the pipeline");
    }
    if (spec.type != DOC_OBJECT && spec.type != DOC_ARRAY) {
        return err_set(err, 10065, "invalid parameter: expected an object ($geoNear)");
    }
    struct slice options = doc_value_get_doc(spec);
    if (!doc_value_exists(doc_get_str(options, "near"))) {
        return err_set(err, 5860400, "$geoNear requires a 'near' argument");
    }
    int code = near_query(&parse, options);
    doc_iter_init(&iter, options);
    while (code == 0 && doc_iter_next(&iter, &option)) {
        code = near_option(&parse, option);
    }
    if (code == 0) {
        if (stage->options->place == QUERY_PIPELINE_TOP) {
            stage->context->near = parsed->near;
        }
        query_stage_add(stage, &query__stage_geo_near, parsed);
    }
    return code;
}

static int near_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct near_parsed *parsed = self->stage->parsed;
    struct arena *arena = self->eval->arena;
    struct query_near_hit hit;
    int code = query_stage_pull(self, ret_doc, err);
    if (code <= 0 || !query_near_doc(parsed->near, *ret_doc, &hit)) {
        return code;
    }
    struct doc_value doc = doc_value_object(*ret_doc);
    if (parsed->distance != NULL) {
        struct doc_value distance = doc_value_double(arena, hit.distance * parsed->multiplier);
        doc = query__path_set(arena, doc_value_get_doc(doc), parsed->distance, 0, distance);
    }
    if (parsed->location != NULL) {
        doc = query__path_set(arena, doc_value_get_doc(doc), parsed->location, 0, hit.value);
    }
    *ret_doc = doc_value_get_doc(doc);
    return 1;
}

struct query_match *query__stage_geo_near_match(const struct query_stage *stage)
{
    const struct near_parsed *parsed = stage->parsed;
    return parsed->match;
}

const struct query_stage_ops query__stage_geo_near = {
    .name = "$geoNear",
    .flags = QUERY_STAGE_NO_FACET,
    .parse = near_parse_stage,
    .next = near_next,
};
