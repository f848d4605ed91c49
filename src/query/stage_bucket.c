/* query/stage_bucket.c - $bucket: a $group by a $switch over the boundaries, then a $sort. */
#include "doc/compare.h"
#include "query/pipeline_private.h"

struct bucket {
    struct arena *arena;
    struct doc_value by;
    struct doc_value fallback;    /* missing: none */
    struct doc_value output;      /* missing: a count */
    struct doc_value *boundaries; /* NULL until given */
    uint32_t count;
};

static struct doc_value bucket_object(struct arena *arena, const char *name, struct doc_value value)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    query__list_field(&list, slice_str(name), value);
    return query__list_end(&list);
}

static struct doc_value bucket_pair(struct arena *arena, struct doc_value a, struct doc_value b)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    query__list_add(&list, a);
    query__list_add(&list, b);
    return query__list_end(&list);
}

/* ---- checking ---- */

/* Boundaries and the default may be expressions, if constant. */
static int bucket_constant(struct query_stage_parse *parse, struct doc_value *value, int code,
                           struct err *err)
{
    struct query_expr *expr = NULL;
    if (value->type == DOC_STRING && slice_starts(doc_value_get_string(*value), SLICE("$"))) {
        return err_set(err, code,
                       "The $bucket 'boundaries' and 'default' must be constant "
                       "expressions");
    }
    int rc = query_expr_parse(parse->context, *value, &expr, err);
    if (rc < 0) {
        return rc;
    }
    if (query_expr_constant(expr) == NULL) {
        return err_set(err, code,
                       "The $bucket 'boundaries' and 'default' must be constant "
                       "expressions");
    }
    *value = *query_expr_constant(expr);
    return 0;
}

static int bucket_boundaries(struct query_stage_parse *parse, struct doc_value spec,
                             struct bucket *bucket, struct err *err)
{
    if (spec.type != DOC_ARRAY) {
        return err_set(err, 40200,
                       "The $bucket 'boundaries' field must be an array, but found "
                       "type: %s",
                       doc_type_name(spec.type));
    }
    bucket->boundaries = query__elements(parse->context->arena, spec, &bucket->count);
    for (uint32_t i = 0; i < bucket->count; i++) {
        int rc = bucket_constant(parse, &bucket->boundaries[i], 40191, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (bucket->count < 2) {
        return err_set(err, 40192,
                       "The $bucket 'boundaries' field must have at least 2 values, "
                       "but found %u value(s).",
                       bucket->count);
    }
    for (uint32_t i = 1; i < bucket->count; i++) {
        struct doc_value low = bucket->boundaries[i - 1];
        struct doc_value high = bucket->boundaries[i];
        if (doc_class(low.type) != doc_class(high.type)) {
            return err_set(err, 40193,
                           "All values in the the 'boundaries' option to $bucket must "
                           "have the same type. Found conflicting types %s and %s.",
                           doc_type_name(low.type), doc_type_name(high.type));
        }
        if (doc_compare_by(low, high, parse->context->collation) >= 0) {
            return err_set(err, 40194,
                           "The 'boundaries' option to $bucket must be sorted, but "
                           "elements %u and %u are not in ascending order",
                           i - 1, i);
        }
    }
    return 0;
}

static int bucket_option(struct query_stage_parse *parse, struct doc_elem elem,
                         struct bucket *bucket, struct err *err)
{
    if (slice_is(elem.name, "groupBy")) {
        bool path = elem.value.type == DOC_STRING && doc_value_get_string(elem.value).len > 0 &&
                    doc_value_get_string(elem.value).data[0] == '$';
        if (!path && elem.value.type != DOC_OBJECT) {
            return err_set(err, 40202,
                           "The $bucket 'groupBy' field must be defined as a "
                           "$-prefixed path or an expression");
        }
        bucket->by = elem.value;
        return 0;
    }
    if (slice_is(elem.name, "boundaries")) {
        return bucket_boundaries(parse, elem.value, bucket, err);
    }
    if (slice_is(elem.name, "default")) {
        bucket->fallback = elem.value;
        return bucket_constant(parse, &bucket->fallback, 40195, err);
    }
    if (!slice_is(elem.name, "output")) {
        return err_set(err, 40197, "Unrecognized option to $bucket: %.*s.", SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_OBJECT) {
        return err_set(err, 40196,
                       "The $bucket 'output' field must be an object, but found type: "
                       "%s",
                       doc_type_name(elem.value.type));
    }
    bucket->output = elem.value;
    return 0;
}

static int bucket_check(const struct bucket *bucket, const struct doc_collation *collation,
                        struct err *err)
{
    if (!doc_value_exists(bucket->by) || bucket->boundaries == NULL) {
        return err_set(err, 40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.");
    }
    struct doc_value low = bucket->boundaries[0];
    struct doc_value high = bucket->boundaries[bucket->count - 1];
    struct doc_value fallback = bucket->fallback;
    if (doc_value_exists(fallback) && doc_class(fallback.type) == doc_class(low.type) &&
        doc_compare_by(fallback, low, collation) >= 0 &&
        doc_compare_by(fallback, high, collation) < 0) {
        return err_set(err, 40199,
                       "The $bucket 'default' field must be less than the lowest "
                       "boundary or greater than or equal to the highest boundary.");
    }
    return 0;
}

/* ---- what it means ---- */

static struct doc_value bucket_bound(const struct bucket *bucket, const char *op, uint32_t index)
{
    struct arena *arena = bucket->arena;
    struct doc_value bound = bucket_object(arena, "$literal", bucket->boundaries[index]);
    return bucket_object(arena, op, bucket_pair(arena, bucket->by, bound));
}

static struct doc_value bucket_switch(const struct bucket *bucket)
{
    struct arena *arena = bucket->arena;
    struct query__list branches;
    query__list_begin(&branches, arena, DOC_ARRAY);
    for (uint32_t i = 0; i + 1 < bucket->count; i++) {
        struct doc_value inside =
            bucket_pair(arena, bucket_bound(bucket, "$gte", i), bucket_bound(bucket, "$lt", i + 1));
        struct query__list branch;
        query__list_begin(&branch, arena, DOC_OBJECT);
        query__list_field(&branch, SLICE("case"), bucket_object(arena, "$and", inside));
        query__list_field(&branch, SLICE("then"),
                          bucket_object(arena, "$literal", bucket->boundaries[i]));
        query__list_add(&branches, query__list_end(&branch));
    }
    struct query__list options;
    query__list_begin(&options, arena, DOC_OBJECT);
    query__list_field(&options, SLICE("branches"), query__list_end(&branches));
    if (doc_value_exists(bucket->fallback)) {
        query__list_field(&options, SLICE("default"),
                          bucket_object(arena, "$literal", bucket->fallback));
    }
    return bucket_object(arena, "$switch", query__list_end(&options));
}

static struct doc_value bucket_group(const struct bucket *bucket)
{
    struct query__list list;
    query__list_begin(&list, bucket->arena, DOC_OBJECT);
    query__list_field(&list, SLICE("_id"), bucket_switch(bucket));
    if (doc_value_exists(bucket->output)) {
        struct doc_iter iter;
        doc_iter_value(&iter, bucket->output);
        struct doc_elem elem;
        while (doc_iter_next(&iter, &elem)) {
            query__list_field(&list, elem.name, elem.value);
        }
    } else {
        struct doc_value one = doc_value_i32(bucket->arena, 1);
        query__list_field(&list, SLICE("count"), bucket_object(bucket->arena, "$sum", one));
    }
    return query__list_end(&list);
}

static int bucket_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct bucket bucket = {.arena = parse->context->arena};
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40201,
                       "Argument to $bucket stage must be an object, but found type: "
                       "%s.",
                       doc_type_name(spec.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = bucket_option(parse, elem, &bucket, err);
    }
    rc = rc < 0 ? rc : bucket_check(&bucket, parse->context->collation, err);
    rc = rc < 0 ? rc : query_stage_parse_as(parse, "$group", bucket_group(&bucket), err);
    struct doc_value order = bucket_object(bucket.arena, "_id", doc_value_i32(bucket.arena, 1));
    return rc < 0 ? rc : query_stage_parse_as(parse, "$sort", order, err);
}

const struct query_stage_ops query__stage_bucket = {.name = "$bucket", .parse = bucket_parse};
