/* query/update_parse.c - from what the client sent to a tree, a replacement or a pipeline.
 *
 * Every path is checked as it is hung into the tree: no empty part, no leading `$`, at most one
 * positional `$`, an array filter for each `$[id]`, and every array filter used. */
#include "doc/validate.h"
#include "doc/view.h"
#include "query/pipeline_update.h"
#include "query/update_private.h"

struct update_parser {
    struct query_context *context;
    struct query_update *update;
    struct update_filters filters;
    struct err *err;
};

/* ---- arrayFilters ---- */

static bool parse_filter_expr(const struct query_match *match)
{
    if (match->kind == QUERY_MATCH_EXPR) {
        return true;
    }
    for (uint32_t i = 0; i < match->children_count; i++) {
        if (parse_filter_expr(match->children[i])) {
            return true;
        }
    }
    return false;
}

/* The one name that all paths of the filter begin with. */
static int parse_filter_id(const struct query_match *match, struct slice *id, struct err *err)
{
    if (match->path.count > 0) {
        struct slice name = match->path.parts[0].name;
        if (id->len > 0 && !slice_equal(*id, name)) {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "Error parsing array filter :: caused by :: Expected a single top-level "
                           "field name, found '%.*s' and '%.*s'",
                           SLICE_FMT(*id), SLICE_FMT(name));
        }
        *id = name;
        return 0;
    }
    for (uint32_t i = 0; i < match->children_count; i++) {
        int rc = parse_filter_id(match->children[i], id, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static bool parse_filter_name_ok(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool lower = c >= 'a' && c <= 'z';
        bool other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!lower && (i == 0 || !other)) {
            return false;
        }
    }
    return name.len > 0;
}

static int parse_filter(struct query_context *context, struct doc_value spec,
                        struct update_filters *filters, struct err *err)
{
    struct update_filter *filter = &filters->items[filters->count];
    if (spec.type != DOC_OBJECT) {
        return err_set(
            err, LT_ETYPEMISMATCH,
            "BSON field 'update.updates.arrayFilters.0' is the wrong type '%s', expected "
            "type 'object'",
            doc_type_name(spec.type));
    }
    int rc = query_match_parse(context, doc_value_get_doc(spec), &filter->match, err);
    if (rc < 0) {
        return err_prefix(err, "Error parsing array filter :: caused by :: ");
    }
    if (parse_filter_expr(filter->match)) {
        return err_set(err, LT_EQUERYFEATURENOTALLOWED,
                       "Error parsing array filter :: caused by :: $expr is not allowed in this "
                       "context");
    }
    rc = parse_filter_id(filter->match, &filter->id, err);
    if (rc < 0) {
        return rc;
    }
    if (filter->match->children_count == 0) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Cannot use an expression without a top-level field name in arrayFilters");
    }
    if (!parse_filter_name_ok(filter->id)) {
        return err_set(
            err, LT_EBADVALUE,
            "Error parsing array filter :: caused by :: The top-level field name must be an "
            "alphanumeric string beginning with a lowercase letter, found '%.*s'",
            SLICE_FMT(filter->id));
    }
    for (uint32_t i = 0; i < filters->count; i++) {
        if (slice_equal(filters->items[i].id, filter->id)) {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "Found multiple array filters with the same top-level field name %.*s",
                           SLICE_FMT(filter->id));
        }
    }
    filters->count++;
    return 0;
}

int query__update_filters_parse(struct query_context *context, struct doc_value spec,
                                struct update_filters *ret_filters, struct err *err)
{
    *ret_filters = (struct update_filters){0};
    if (!doc_value_exists(spec) || spec.type == DOC_NULL) {
        return 0;
    }
    if (spec.type != DOC_ARRAY) {
        return err_set(
            err, LT_ETYPEMISMATCH,
            "BSON field 'update.updates.arrayFilters' is the wrong type '%s', expected type "
            "'array'",
            doc_type_name(spec.type));
    }
    struct slice array = doc_value_get_doc(spec);
    ret_filters->items = arena_zero(context->arena, doc_count(array), sizeof *ret_filters->items);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        int rc = parse_filter(context, elem.value, ret_filters, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int parse_filters_used(const struct update_parser *parser)
{
    for (uint32_t i = 0; i < parser->filters.count; i++) {
        if (!parser->filters.items[i].used) {
            return err_set(parser->err, LT_EFAILEDTOPARSE,
                           "The array filter for identifier '%.*s' was not used in the update",
                           SLICE_FMT(parser->filters.items[i].id));
        }
    }
    return 0;
}

/* ---- operators ---- */

static bool parse_is_positional(struct slice name)
{
    return slice_is(name, "$") || slice_starts(name, SLICE("$["));
}

static int parse_path(struct update_parser *parser, struct slice text, struct doc_path *ret_path)
{
    struct err *err = parser->err;
    int rc = doc_path_parse(parser->context->arena, text, ret_path, err);
    if (rc < 0) {
        return rc;
    }
    if (text.len == 0) {
        return err_set(err, LT_EEMPTYFIELDNAME, "An empty update path is not valid.");
    }
    if (doc_path_has_empty_part(ret_path)) {
        return err_set(err, LT_EEMPTYFIELDNAME,
                       "The update path '%.*s' contains an empty field name, which is not allowed.",
                       SLICE_FMT(text));
    }
    struct slice first = ret_path->parts[0].name;
    if (parse_is_positional(first)) {
        return err_set(err, LT_EBADVALUE,
                       "Cannot have positional (i.e. '$') element in the first position in path "
                       "'%.*s'",
                       SLICE_FMT(text));
    }
    if (first.data[0] == '$') {
        return err_set(
            err, LT_EDOLLARPREFIXEDFIELDNAME,
            "The dollar ($) prefixed field '%.*s' in '%.*s' is not allowed in the context of "
            "an update's replacement document. Consider using an aggregation pipeline with "
            "$replaceWith.",
            SLICE_FMT(first), SLICE_FMT(text));
    }
    uint32_t positional = 0;
    for (uint32_t i = 0; i < ret_path->count; i++) {
        positional += slice_is(ret_path->parts[i].name, "$");
    }
    if (positional > 1) {
        return err_set(err, LT_EBADVALUE,
                       "Too many positional (i.e. '$') elements found in path '%.*s'",
                       SLICE_FMT(text));
    }
    return 0;
}

static int parse_hang(struct update_parser *parser, struct update_op *op)
{
    struct slice value = {0};
    if (op->operand.type == DOC_OBJECT || op->operand.type == DOC_ARRAY) {
        value = doc_value_get_doc(op->operand);
    }
    int depth = (int)op->path.count + (value.len > 0 ? doc_depth(value) : 0);
    if (depth > DOC_DEPTH_STORED / 2 || slice_is(SLICE("$rename"), op->kind->name)) {
        parser->update->deepens = true;
    }
    return query__update_tree_add(parser->context->arena, parser->update->root, op,
                                  &parser->filters, parser->err);
}

/* $rename hangs twice: at its source and at its target. */
static int parse_rename(struct update_parser *parser, struct update_op *op)
{
    struct update_op *target = arena_zero(parser->context->arena, 1, sizeof *target);
    target->kind = query__update_kind_rename_to();
    target->operand = op->operand;
    target->detail = &op->path;
    int rc = parse_path(parser, doc_value_get_string(op->operand), &target->path);
    if (rc < 0) {
        return rc;
    }
    const struct doc_path *paths[] = {&op->path, &target->path};
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < paths[i]->count; j++) {
            if (parse_is_positional(paths[i]->parts[j].name)) {
                return err_set(parser->err, LT_EBADVALUE,
                               "The %s field for $rename may not be dynamic: %.*s",
                               i == 0 ? "source" : "destination", SLICE_FMT(paths[i]->text));
            }
        }
    }
    rc = parse_hang(parser, op);
    return rc < 0 ? rc : parse_hang(parser, target);
}

static int parse_op(struct update_parser *parser, const struct update_kind *kind,
                    struct doc_elem field)
{
    struct update_op *op = arena_zero(parser->context->arena, 1, sizeof *op);
    op->kind = kind;
    op->operand = field.value;
    int rc = parse_path(parser, field.name, &op->path);
    if (rc == 0 && kind->parse != NULL) {
        rc = kind->parse(parser->context, op, parser->err);
    }
    if (rc < 0) {
        return rc;
    }
    return slice_is(SLICE("$rename"), kind->name) ? parse_rename(parser, op)
                                                  : parse_hang(parser, op);
}

static int parse_modifier(struct update_parser *parser, struct doc_elem modifier)
{
    const struct update_kind *kind = query__update_kind(modifier.name);
    if (kind == NULL) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "Unknown modifier: %.*s. Expected a valid update modifier or pipeline-style "
                       "update specified as an array",
                       SLICE_FMT(modifier.name));
    }
    if (modifier.value.type != DOC_OBJECT) {
        return err_set(
            parser->err, LT_EFAILEDTOPARSE,
            "Modifiers operate on fields but we found type %s instead. For example: {$mod: "
            "{<field>: ...}} not {%.*s: ...}",
            doc_type_name(modifier.value.type), SLICE_FMT(modifier.name));
    }
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_value(&iter, modifier.value);
    while (doc_iter_next(&iter, &field)) {
        int rc = parse_op(parser, kind, field);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int parse_operators(struct update_parser *parser, struct slice spec)
{
    parser->update->root = arena_zero(parser->context->arena, 1, sizeof *parser->update->root);
    struct doc_iter iter;
    struct doc_elem modifier;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &modifier)) {
        int rc = parse_modifier(parser, modifier);
        if (rc < 0) {
            return rc;
        }
    }
    return parse_filters_used(parser);
}

/* ---- the other two forms ---- */

static int parse_replacement(struct update_parser *parser, const struct query_update_spec *spec)
{
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_value(&iter, spec->update);
    if (spec->multi) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "multi update is not supported for replacement-style update");
    }
    if (parser->filters.count > 0) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "arrayFilters may not be specified for replacement-style updates");
    }
    while (doc_iter_next(&iter, &field)) {
        if (field.name.len > 0 && field.name.data[0] == '$') {
            return err_set(
                parser->err, LT_EDOLLARPREFIXEDFIELDNAME,
                "The dollar ($) prefixed field '%.*s' in '%.*s' is not allowed in the "
                "context of an update's replacement document. Consider using an aggregation "
                "pipeline with $replaceWith.",
                SLICE_FMT(field.name), SLICE_FMT(field.name));
        }
    }
    parser->update->deepens = true;
    parser->update->replacement = doc_value_get_doc(spec->update);
    return 0;
}

static int parse_pipeline(struct update_parser *parser, const struct query_update_spec *spec)
{
    if (doc_value_exists(spec->array_filters)) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "arrayFilters may not be specified for pipeline-syle updates");
    }
    parser->update->deepens = true;
    return query_pipeline_update_parse(parser->context, doc_value_get_doc(spec->update),
                                       spec->constants, &parser->update->pipeline, parser->err);
}

int query_update_parse(struct query_context *context, const struct query_update_spec *spec,
                       struct query_update **ret_update, struct err *err)
{
    struct update_parser parser = {.context = context, .err = err};
    parser.update = arena_zero(context->arena, 1, sizeof *parser.update);
    *ret_update = parser.update;
    if (spec->delta.data != NULL) {
        parser.update->deepens = true;
        parser.update->delta = spec->delta;
        return 0;
    }
    if (spec->update.type == DOC_ARRAY) {
        return parse_pipeline(&parser, spec);
    }
    if (spec->update.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Update argument must be either an object or an array");
    }
    if (doc_value_exists(spec->constants)) {
        return err_set(err, 51198, "Constant values may only be specified for pipeline updates");
    }
    int rc = query__update_filters_parse(context, spec->array_filters, &parser.filters, err);
    if (rc < 0) {
        return rc;
    }
    struct slice first = doc_first(doc_value_get_doc(spec->update)).name;
    if (first.len == 0 || first.data[0] != '$') {
        return parse_replacement(&parser, spec);
    }
    return parse_operators(&parser, doc_value_get_doc(spec->update));
}

bool query_update_is_replacement(const struct query_update *update)
{
    return update->replacement.data != NULL;
}
