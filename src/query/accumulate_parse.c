/* query/accumulate_parse.c - reading accumulators; errors come in the order in which MongoDB finds
 * them. */
#include "query/accumulate_private.h"

static const struct query__accumulator_op *accumulate_find(struct slice name)
{
    const struct query__accumulator_op *op = query__accumulator_ops;
    while (op->name != NULL && !slice_is(name, op->name)) {
        op++;
    }
    return op->name == NULL ? NULL : op;
}

static bool accumulate_is_plain(struct slice name)
{
    const struct query__accumulator_op *op = accumulate_find(name);
    return op != NULL && op->shape == QUERY__ACCUMULATE_PLAIN;
}

static int accumulate_parse_option(struct query_context *context, struct doc_elem elem,
                                   struct query__accumulator *accumulator, struct err *err)
{
    bool sorted = accumulator->op->shape >= QUERY__ACCUMULATE_SORTED;
    bool counted = accumulator->op->shape != QUERY__ACCUMULATE_SORTED;
    if (counted && slice_is(elem.name, "n")) {
        return query_expr_parse(context, elem.value, &accumulator->n, err);
    }
    if (slice_is(elem.name, sorted ? "output" : "input")) {
        return query_expr_parse(context, elem.value, &accumulator->input, err);
    }
    if (!sorted || !slice_is(elem.name, "sortBy")) {
        return err_set(err, sorted ? 5788002 : 5787901, "Unknown argument to %s: %.*s",
                       accumulator->op->name, SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_OBJECT) {
        return err_set(err, 10065, "invalid parameter: expected an object (sortBy)");
    }
    return query_sort_parse(context, doc_value_get_doc(elem.value), &accumulator->sort, err);
}

static int accumulate_parse_options(struct query_context *context, struct doc_value spec,
                                    struct query__accumulator *accumulator, struct err *err)
{
    const char *name = accumulator->op->name;
    bool sorted = accumulator->op->shape >= QUERY__ACCUMULATE_SORTED;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, sorted ? 5788001 : 5787900,
                       "specification must be an object; found "
                       "%s: %s",
                       name, doc_type_name(spec.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = accumulate_parse_option(context, elem, accumulator, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (accumulator->op->shape != QUERY__ACCUMULATE_SORTED && accumulator->n == NULL) {
        return err_set(err, sorted ? 5788003 : 5787906, "Missing value for 'n'");
    }
    if (accumulator->input == NULL) {
        return err_set(err, sorted ? 5788004 : 5787907, "Missing value for '%s'",
                       sorted ? "output" : "input");
    }
    if (sorted && accumulator->sort == NULL) {
        return err_set(err, 5788005, "Missing value for 'sortBy'");
    }
    return 0;
}

static int accumulate_parse_percentile(struct query_context *context, struct doc_value spec,
                                       struct query__accumulator *accumulator, struct err *err)
{
    int rc = query__percentile_parse(context, accumulator->op->name, spec, &accumulator->percentile,
                                     err);
    if (rc < 0) {
        return rc;
    }
    accumulator->input = accumulator->percentile->input;
    return query__expr_optimize(context, accumulator->input, err);
}

/* What the operator's shape says of its argument. */
static int accumulate_parse_shape(struct query_context *context, struct doc_value spec,
                                  struct query__accumulator *accumulator, struct err *err)
{
    bool empty = spec.type == DOC_OBJECT && doc_is_empty(doc_value_get_doc(spec));
    switch (accumulator->op->shape) {
    case QUERY__ACCUMULATE_PLAIN:
        return query_expr_parse(context, spec, &accumulator->input, err);
    case QUERY__ACCUMULATE_EMPTY:
        return empty ? 0
                     : err_set(err, LT_ETYPEMISMATCH, "$count takes no arguments, i.e. $count:{}");
    case QUERY__ACCUMULATE_PERCENTILE:
        return accumulate_parse_percentile(context, spec, accumulator, err);
    default:
        return accumulate_parse_options(context, spec, accumulator, err);
    }
}

int query__accumulator_parse_call(struct query_context *context, struct doc_elem call,
                                  struct query__accumulator *ret_accumulator, struct err *err)
{
    struct query__accumulator accumulator = {.op = accumulate_find(call.name)};
    if (accumulator.op == NULL) {
        return err_set(err, 15952, "unknown group operator '%.*s'", SLICE_FMT(call.name));
    }
    int rc = accumulate_parse_shape(context, call.value, &accumulator, err);
    if (rc == 0) {
        *ret_accumulator = accumulator;
    }
    return rc;
}

int query__accumulator_parse(struct query_context *context, struct doc_elem field,
                             struct query__accumulator *ret_accumulator, struct err *err)
{
    if (field.name.len > 0 && field.name.data[0] == '$') {
        return err_set(err, 40236, "The field name '%.*s' cannot be an operator name",
                       SLICE_FMT(field.name));
    }
    if (memchr(field.name.data, '.', field.name.len) != NULL) {
        return err_set(err, 40235, "The field name '%.*s' cannot contain '.'",
                       SLICE_FMT(field.name));
    }
    if (field.value.type != DOC_OBJECT) {
        return err_set(err, 40234, "The field '%.*s' must be an accumulator object",
                       SLICE_FMT(field.name));
    }
    if (doc_count(doc_value_get_doc(field.value)) != 1) {
        return err_set(err, 40238, "The field '%.*s' must specify one accumulator",
                       SLICE_FMT(field.name));
    }
    struct doc_elem call = doc_first(doc_value_get_doc(field.value));
    if (call.value.type == DOC_ARRAY && accumulate_is_plain(call.name)) {
        return err_set(err, 40237, "The %.*s accumulator is a unary operator",
                       SLICE_FMT(call.name));
    }
    int rc = query__accumulator_parse_call(context, call, ret_accumulator, err);
    if (rc == 0) {
        ret_accumulator->name = field.name;
    }
    return rc;
}
