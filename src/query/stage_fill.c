/* query/stage_fill.c - $fill: fields that are null or missing get values.
 *
 * What neighbours tell ($linearFill, $locf) is the work of a $setWindowFields, what an expression
 * tells that of an $addFields behind it: the stage only writes them down. */
#include "query/expr_private.h"
#include "query/fields.h"
#include "query/pipeline_private.h"

enum { FILL_PARTITION, FILL_PARTITION_FIELDS, FILL_SORT, FILL_OUTPUT, FILL_OPTIONS };

static const struct query__field fill_options[] = {
    [FILL_PARTITION] = {"partitionBy", QUERY__FIELD_ANY, false},
    [FILL_PARTITION_FIELDS] = {"partitionByFields", DOC_ARRAY, false},
    [FILL_SORT] = {"sortBy", DOC_OBJECT, false},
    [FILL_OUTPUT] = {"output", DOC_OBJECT, true},
    {NULL},
};

/* The two stages' fields, as they come together. */
struct fill {
    struct arena *arena;
    struct query__list windows; /* {field: {$locf: "$field"}} */
    struct query__list values;  /* {field: {$ifNull: ["$field", expression]}} */
    bool has_windows;
    bool has_values;
};

static struct doc_value fill_reference(struct arena *arena, struct slice field)
{
    return doc_value_string(arena, arena_format(arena, "$%.*s", SLICE_FMT(field)));
}

static struct doc_value fill_call(struct arena *arena, const char *name, struct doc_value argument)
{
    struct query__list call;
    query__list_begin(&call, arena, DOC_OBJECT);
    query__list_field(&call, slice_str(name), argument);
    return query__list_end(&call);
}

static int fill_by_method(struct fill *fill, struct slice field, struct doc_value method,
                          struct err *err)
{
    static const char *const methods[][2] = {{"linear", "$linearFill"}, {"locf", "$locf"}};
    for (size_t i = 0; method.type == DOC_STRING && i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_is(doc_value_get_string(method), methods[i][0])) {
            struct doc_value call =
                fill_call(fill->arena, methods[i][1], fill_reference(fill->arena, field));
            query__list_field(&fill->windows, field, call);
            fill->has_windows = true;
            return 0;
        }
    }
    return err_set(err, LT_EFAILEDTOPARSE,
                   "$fill: the method of the field '%.*s' must be \"linear\" or \"locf\"",
                   SLICE_FMT(field));
}

static void fill_by_value(struct fill *fill, struct slice field, struct doc_value value)
{
    struct query__list arguments;
    query__list_begin(&arguments, fill->arena, DOC_ARRAY);
    query__list_add(&arguments, fill_reference(fill->arena, field));
    query__list_add(&arguments, value);
    query__list_field(&fill->values, field,
                      fill_call(fill->arena, "$ifNull", query__list_end(&arguments)));
    fill->has_values = true;
}

static int fill_field(struct fill *fill, struct doc_elem field, struct err *err)
{
    struct doc_elem way = {.value = doc_missing};
    if (field.value.type == DOC_OBJECT && doc_count(doc_value_get_doc(field.value)) == 1) {
        way = doc_first(doc_value_get_doc(field.value));
    }
    if (slice_is(way.name, "method")) {
        return fill_by_method(fill, field.name, way.value, err);
    }
    if (slice_is(way.name, "value")) {
        fill_by_value(fill, field.name, way.value);
        return 0;
    }
    return err_set(err, LT_EFAILEDTOPARSE,
                   "$fill: the field '%.*s' must be an object with either 'value' or 'method'",
                   SLICE_FMT(field.name));
}

/* An expression that tells partitions apart by their fields: {"0": "$a", "1": "$b"}. */
static int fill_partition_fields(struct arena *arena, struct slice names,
                                 struct doc_value *ret_partition, struct err *err)
{
    struct query__list partition;
    struct doc_iter iter;
    struct doc_elem elem;
    query__list_begin(&partition, arena, DOC_OBJECT);
    doc_iter_init(&iter, names);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_STRING) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "$fill: 'partitionByFields' must be an array of strings, not of '%s'",
                           doc_type_name(elem.value.type));
        }
        struct slice name = doc_value_get_string(elem.value);
        if (name.len == 0 || name.data[0] == '$') {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "$fill: 'partitionByFields' names fields, without '$': '%.*s' is none",
                           SLICE_FMT(name));
        }
        query__list_field(&partition, elem.name, fill_reference(arena, name));
    }
    *ret_partition = query__list_end(&partition);
    return 0;
}

static int fill_partition(struct arena *arena, const struct doc_value options[FILL_OPTIONS],
                          struct doc_value *ret_partition, struct err *err)
{
    struct doc_value by = options[FILL_PARTITION];
    struct doc_value fields = options[FILL_PARTITION_FIELDS];
    *ret_partition = by;
    if (!doc_value_exists(fields)) {
        return 0;
    }
    if (doc_value_exists(by)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$fill: give either 'partitionBy' or 'partitionByFields'");
    }
    return fill_partition_fields(arena, doc_value_get_doc(fields), ret_partition, err);
}

static struct doc_value fill_window_stage(struct fill *fill, struct doc_value partition,
                                          struct doc_value sort)
{
    struct query__list stage;
    query__list_begin(&stage, fill->arena, DOC_OBJECT);
    if (doc_value_exists(partition)) {
        query__list_field(&stage, SLICE("partitionBy"), partition);
    }
    if (doc_value_exists(sort)) {
        query__list_field(&stage, SLICE("sortBy"), sort);
    }
    query__list_field(&stage, SLICE("output"), query__list_end(&fill->windows));
    return query__list_end(&stage);
}

static int fill_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct doc_value options[FILL_OPTIONS];
    struct doc_value partition;
    struct doc_iter iter;
    struct doc_elem field;
    struct fill fill = {.arena = parse->context->arena};
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "$fill: the specification must be an object");
    }
    int rc = query__fields_read("$fill", doc_value_get_doc(spec), fill_options, options, err);
    rc = rc < 0 ? rc : fill_partition(fill.arena, options, &partition, err);
    if (rc < 0) {
        return rc;
    }
    query__list_begin(&fill.windows, fill.arena, DOC_OBJECT);
    query__list_begin(&fill.values, fill.arena, DOC_OBJECT);
    doc_iter_value(&iter, options[FILL_OUTPUT]);
    while (rc == 0 && doc_iter_next(&iter, &field)) {
        rc = fill_field(&fill, field, err);
    }
    if (rc == 0 && !fill.has_windows && !fill.has_values) {
        rc = err_set(err, LT_EFAILEDTOPARSE, "$fill: 'output' must have a field at least");
    }
    if (rc == 0 && fill.has_windows) {
        struct doc_value stage = fill_window_stage(&fill, partition, options[FILL_SORT]);
        rc = query_stage_parse_as(parse, "$setWindowFields", stage, err);
    }
    if (rc == 0 && fill.has_values) {
        rc = query_stage_parse_as(parse, "$addFields", query__list_end(&fill.values), err);
    }
    return rc;
}

const struct query_stage_ops query__stage_fill = {
    .name = "$fill", .flags = QUERY_STAGE_UPDATE, .parse = fill_parse};
