/* query/schema_parse.c - from a schema document to its parsed form: a table of keywords. */
#include "doc/compare.h"
#include "doc/decimal.h"
#include "doc/view.h"
#include "query/schema_private.h"

enum { SCHEMA_DEPTH_MAX = 200 };

struct schema_parser {
    struct query_context *context;
    uint32_t depth;
    struct err *err;
};

static int parse_schema(struct schema_parser *parser, struct slice spec,
                        struct query_schema **ret_schema);

static int parse_type_error(struct schema_parser *parser, struct doc_elem elem, const char *want)
{
    return err_set(parser->err, LT_ETYPEMISMATCH,
                   "$jsonSchema keyword '%.*s' must be %s, but found: %s", SLICE_FMT(elem.name),
                   want, doc_type_name(elem.value.type));
}

static bool parse_is_number(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
           value.type == DOC_DECIMAL;
}

static int parse_sub(struct schema_parser *parser, struct doc_elem elem,
                     struct query_schema **ret_schema)
{
    if (elem.value.type != DOC_OBJECT) {
        return parse_type_error(parser, elem, "an object");
    }
    return parse_schema(parser, doc_value_get_doc(elem.value), ret_schema);
}

/* ---- keywords ---- */

/* JSON Schema's own names; bsonType takes $type's. */
static int parse_type_name(struct schema_parser *parser, struct doc_elem elem,
                           struct doc_value *alias)
{
    if (elem.value.type != DOC_STRING) {
        return parse_type_error(parser, elem, "a string or an array of strings");
    }
    struct slice name = doc_value_get_string(elem.value);
    *alias = elem.value;
    if (slice_is(name, "boolean")) {
        *alias = doc_value_string(parser->context->arena, SLICE("bool"));
    } else if (slice_is(name, "integer")) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "$jsonSchema type 'integer' is not currently supported.");
    } else if (!slice_is(name, "string") && !slice_is(name, "object") && !slice_is(name, "array") &&
               !slice_is(name, "number") && !slice_is(name, "null")) {
        return err_set(parser->err, LT_EBADVALUE, "Unknown type name alias: %.*s", SLICE_FMT(name));
    }
    return 0;
}

static int parse_type(struct schema_parser *parser, struct query_schema *schema,
                      struct doc_elem elem)
{
    struct doc_value spec = elem.value;
    if (schema->type != NULL) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "Cannot specify both $jsonSchema keywords 'type' and 'bsonType'");
    }
    struct query_match *node = arena_zero(parser->context->arena, 1, sizeof *node);
    node->kind = QUERY_MATCH_TYPE;
    node->path.text = elem.name;
    if (slice_is(elem.name, "bsonType")) {
        if (spec.type != DOC_STRING && spec.type != DOC_ARRAY) {
            return parse_type_error(parser, elem, "a string or an array of strings");
        }
        node->operand = spec;
    } else if (spec.type != DOC_ARRAY) {
        int rc = parse_type_name(parser, elem, &node->operand);
        if (rc < 0) {
            return rc;
        }
    } else {
        struct doc_iter iter;
        struct doc_elem item;
        struct match_types *types = arena_zero(parser->context->arena, 1, sizeof *types);
        doc_iter_value(&iter, spec);
        while (doc_iter_next(&iter, &item)) {
            int rc =
                parse_type_name(parser, (struct doc_elem){elem.name, item.value}, &node->operand);
            rc = rc < 0 ? rc : query__match_type_parse(parser->context, node, parser->err);
            if (rc < 0) {
                return rc;
            }
            types->set |= ((const struct match_types *)node->detail)->set;
        }
        node->detail = types;
        schema->type = node;
        return 0;
    }
    schema->type = node;
    return query__match_type_parse(parser->context, node, parser->err);
}

static int parse_values(struct schema_parser *parser, struct query_schema *schema,
                        struct doc_elem elem)
{
    if (elem.value.type != DOC_ARRAY) {
        return parse_type_error(parser, elem, "an array");
    }
    if (doc_is_empty(doc_value_get_doc(elem.value))) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "$jsonSchema keyword 'enum' cannot be an empty array");
    }
    schema->values = elem.value;
    return 0;
}

static int parse_bound(struct schema_parser *parser, struct query_schema *schema,
                       struct doc_elem elem)
{
    if (!parse_is_number(elem.value)) {
        return parse_type_error(parser, elem, "a number");
    }
    if (slice_is(elem.name, "minimum")) {
        schema->minimum = elem.value;
    } else if (slice_is(elem.name, "maximum")) {
        schema->maximum = elem.value;
    } else {
        struct doc_decimal number = doc_decimal_of_value(elem.value);
        if (doc_decimal_is_nan(number) || doc_decimal_is_zero(number) ||
            doc_decimal_is_negative(number)) {
            return err_set(parser->err, LT_EFAILEDTOPARSE,
                           "$jsonSchema keyword 'multipleOf' must have a positive value");
        }
        schema->multiple_of = elem.value;
    }
    return 0;
}

static int parse_flag(struct schema_parser *parser, struct query_schema *schema,
                      struct doc_elem elem)
{
    if (elem.value.type != DOC_BOOL) {
        return parse_type_error(parser, elem, "a boolean");
    }
    bool truth = doc_value_truth(elem.value);
    if (slice_is(elem.name, "exclusiveMinimum")) {
        schema->minimum_exclusive = truth;
    } else if (slice_is(elem.name, "exclusiveMaximum")) {
        schema->maximum_exclusive = truth;
    } else {
        schema->unique_items = truth;
    }
    return 0;
}

static int parse_limit(struct schema_parser *parser, struct query_schema *schema,
                       struct doc_elem elem)
{
    static const char *const names[SCHEMA_LIMITS] = {"minLength", "maxLength",     "minItems",
                                                     "maxItems",  "minProperties", "maxProperties"};
    int64_t limit = 0;
    if (!parse_is_number(elem.value)) {
        return parse_type_error(parser, elem, "a number");
    }
    if (!doc_value_to_i64_exact(elem.value, &limit) || limit < 0) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "$jsonSchema keyword '%.*s' must be a non-negative integer",
                       SLICE_FMT(elem.name));
    }
    for (int i = 0; i < SCHEMA_LIMITS; i++) {
        if (slice_is(elem.name, names[i])) {
            schema->limits[i] = limit;
        }
    }
    return 0;
}

static int parse_pattern(struct schema_parser *parser, struct query_schema *schema,
                         struct doc_elem elem)
{
    if (elem.value.type != DOC_STRING) {
        return parse_type_error(parser, elem, "a string");
    }
    return query_regex_compile(parser->context->arena, doc_value_get_string(elem.value), SLICE(""),
                               &schema->pattern, parser->err);
}

static int parse_list(struct schema_parser *parser, struct doc_elem elem,
                      struct schema_list *ret_list)
{
    struct slice array = doc_value_get_doc(elem.value);
    struct doc_iter iter;
    struct doc_elem item;
    ret_list->items = arena_zero(parser->context->arena, doc_count(array), sizeof *ret_list->items);
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &item)) {
        int rc = parse_sub(parser, (struct doc_elem){elem.name, item.value},
                           &ret_list->items[ret_list->count]);
        if (rc < 0) {
            return rc;
        }
        ret_list->count++;
    }
    return 0;
}

static int parse_items(struct schema_parser *parser, struct query_schema *schema,
                       struct doc_elem elem)
{
    if (elem.value.type == DOC_ARRAY) {
        schema->has_tuple = true;
        return parse_list(parser, elem, &schema->tuple);
    }
    return parse_sub(parser, elem, &schema->items);
}

static int parse_more(struct schema_parser *parser, struct query_schema *schema,
                      struct doc_elem elem)
{
    bool items = slice_is(elem.name, "additionalItems");
    if (elem.value.type == DOC_BOOL) {
        *(items ? &schema->refuses_more_items : &schema->refuses_more) =
            !doc_value_truth(elem.value);
        return 0;
    }
    return parse_sub(parser, elem, items ? &schema->more_items : &schema->more);
}

static int parse_names(struct schema_parser *parser, struct doc_elem elem)
{
    struct doc_iter iter;
    struct doc_elem item;
    if (elem.value.type != DOC_ARRAY) {
        return parse_type_error(parser, elem, "an array");
    }
    if (doc_is_empty(doc_value_get_doc(elem.value))) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "$jsonSchema keyword '%.*s' cannot be an empty array", SLICE_FMT(elem.name));
    }
    doc_iter_value(&iter, elem.value);
    while (doc_iter_next(&iter, &item)) {
        if (item.value.type != DOC_STRING) {
            return parse_type_error(parser, (struct doc_elem){elem.name, item.value},
                                    "an array of strings");
        }
        struct doc_iter before;
        struct doc_elem other;
        doc_iter_value(&before, elem.value);
        while (doc_iter_next(&before, &other) && other.value.data != item.value.data) {
            if (doc_equal(other.value, item.value)) {
                return err_set(parser->err, LT_EFAILEDTOPARSE,
                               "$jsonSchema keyword '%.*s' array cannot contain duplicate values",
                               SLICE_FMT(elem.name));
            }
        }
    }
    return 0;
}

static int parse_required(struct schema_parser *parser, struct query_schema *schema,
                          struct doc_elem elem)
{
    int rc = parse_names(parser, elem);
    if (rc == 0) {
        schema->required = elem.value;
    }
    return rc;
}

static int parse_fields(struct schema_parser *parser, struct query_schema *schema,
                        struct doc_elem elem)
{
    bool patterns = slice_is(elem.name, "patternProperties");
    struct schema_fields *fields = patterns ? &schema->patterns : &schema->properties;
    struct doc_iter iter;
    struct doc_elem field;
    if (elem.value.type != DOC_OBJECT) {
        return parse_type_error(parser, elem, "an object");
    }
    fields->items = arena_zero(parser->context->arena, doc_count(doc_value_get_doc(elem.value)),
                               sizeof *fields->items);
    doc_iter_value(&iter, elem.value);
    while (doc_iter_next(&iter, &field)) {
        struct schema_field *item = &fields->items[fields->count++];
        item->name = field.name;
        int rc = parse_sub(parser, field, &item->schema);
        if (rc == 0 && patterns) {
            rc = query_regex_compile(parser->context->arena, field.name, SLICE(""), &item->pattern,
                                     parser->err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int parse_dependencies(struct schema_parser *parser, struct query_schema *schema,
                              struct doc_elem elem)
{
    struct doc_iter iter;
    struct doc_elem field;
    if (elem.value.type != DOC_OBJECT) {
        return parse_type_error(parser, elem, "an object");
    }
    schema->dependencies = elem.value;
    schema->needs.items =
        arena_zero(parser->context->arena, doc_count(doc_value_get_doc(elem.value)),
                   sizeof *schema->needs.items);
    doc_iter_value(&iter, elem.value);
    while (doc_iter_next(&iter, &field)) {
        int rc = 0;
        if (field.value.type == DOC_OBJECT) {
            struct schema_field *item = &schema->needs.items[schema->needs.count++];
            item->name = field.name;
            rc = parse_sub(parser, field, &item->schema);
        } else {
            rc = parse_names(parser, (struct doc_elem){elem.name, field.value});
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int parse_logic(struct schema_parser *parser, struct query_schema *schema,
                       struct doc_elem elem)
{
    if (slice_is(elem.name, "not")) {
        return parse_sub(parser, elem, &schema->not_this);
    }
    if (elem.value.type != DOC_ARRAY) {
        return parse_type_error(parser, elem, "an array");
    }
    if (doc_is_empty(doc_value_get_doc(elem.value))) {
        return err_set(parser->err, LT_EBADVALUE,
                       "$jsonSchema keyword '%.*s' must be a non-empty array",
                       SLICE_FMT(elem.name));
    }
    return parse_list(parser, elem,
                      slice_is(elem.name, "allOf")   ? &schema->all_of
                      : slice_is(elem.name, "anyOf") ? &schema->any_of
                                                     : &schema->one_of);
}

static int parse_words(struct schema_parser *parser, struct query_schema *schema,
                       struct doc_elem elem)
{
    (void)schema;
    return elem.value.type == DOC_STRING ? 0 : parse_type_error(parser, elem, "a string");
}

static int parse_unsupported(struct schema_parser *parser, struct query_schema *schema,
                             struct doc_elem elem)
{
    (void)schema;
    return err_set(parser->err, LT_EFAILEDTOPARSE,
                   "$jsonSchema keyword '%.*s' is not currently supported", SLICE_FMT(elem.name));
}

static const struct {
    const char *name;
    int (*parse)(struct schema_parser *parser, struct query_schema *schema, struct doc_elem elem);
} schema_keywords[] = {
    {"type", parse_type},
    {"bsonType", parse_type},
    {"enum", parse_values},
    {"minimum", parse_bound},
    {"maximum", parse_bound},
    {"multipleOf", parse_bound},
    {"exclusiveMinimum", parse_flag},
    {"exclusiveMaximum", parse_flag},
    {"uniqueItems", parse_flag},
    {"minLength", parse_limit},
    {"maxLength", parse_limit},
    {"minItems", parse_limit},
    {"maxItems", parse_limit},
    {"minProperties", parse_limit},
    {"maxProperties", parse_limit},
    {"pattern", parse_pattern},
    {"items", parse_items},
    {"additionalItems", parse_more},
    {"additionalProperties", parse_more},
    {"required", parse_required},
    {"properties", parse_fields},
    {"patternProperties", parse_fields},
    {"dependencies", parse_dependencies},
    {"allOf", parse_logic},
    {"anyOf", parse_logic},
    {"oneOf", parse_logic},
    {"not", parse_logic},
    {"title", parse_words},
    {"description", parse_words},
    {"$ref", parse_unsupported},
    {"$schema", parse_unsupported},
    {"default", parse_unsupported},
    {"definitions", parse_unsupported},
    {"format", parse_unsupported},
    {"id", parse_unsupported},
};

static int parse_keyword(struct schema_parser *parser, struct query_schema *schema,
                         struct doc_elem elem)
{
    for (size_t i = 0; i < sizeof schema_keywords / sizeof *schema_keywords; i++) {
        if (slice_is(elem.name, schema_keywords[i].name)) {
            return schema_keywords[i].parse(parser, schema, elem);
        }
    }
    return err_set(parser->err, LT_EFAILEDTOPARSE, "Unknown $jsonSchema keyword: %.*s",
                   SLICE_FMT(elem.name));
}

static int parse_schema(struct schema_parser *parser, struct slice spec,
                        struct query_schema **ret_schema)
{
    if (++parser->depth > SCHEMA_DEPTH_MAX) {
        return err_set(parser->err, LT_EFAILEDTOPARSE, "$jsonSchema is nested too deeply");
    }
    struct query_schema *schema = arena_zero(parser->context->arena, 1, sizeof *schema);
    for (int i = 0; i < SCHEMA_LIMITS; i++) {
        schema->limits[i] = -1;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int rc = parse_keyword(parser, schema, elem);
        if (rc < 0) {
            return rc;
        }
    }
    if ((schema->minimum_exclusive && !doc_value_exists(schema->minimum)) ||
        (schema->maximum_exclusive && !doc_value_exists(schema->maximum))) {
        return err_set(parser->err, LT_EFAILEDTOPARSE,
                       "$jsonSchema keyword '%s' must be present if its exclusive form is",
                       schema->minimum_exclusive ? "minimum" : "maximum");
    }
    parser->depth--;
    *ret_schema = schema;
    return 0;
}

int query_schema_parse(struct query_context *context, struct slice spec,
                       struct query_schema **ret_schema, struct err *err)
{
    struct schema_parser parser = {.context = context, .err = err};
    return parse_schema(&parser, spec, ret_schema);
}
