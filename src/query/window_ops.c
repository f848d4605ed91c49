/* query/window_ops.c - the table of window operators, and how an output field is read. */
#include "query/window_private.h"

static const struct query__window_op *const ops_families[] = {
    query__window_ops_number,
    query__window_ops_order,
    query__window_ops_place,
    query__window_ops_curve,
};

static const struct query__window_op *ops_find(struct slice name)
{
    for (size_t i = 0; i < sizeof ops_families / sizeof ops_families[0]; i++) {
        for (const struct query__window_op *op = ops_families[i]; op->name != NULL; op++) {
            if (slice_is(name, op->name)) {
                return op;
            }
        }
    }
    return NULL;
}

int query__window_parse_accumulator(struct query__window_parse *parse, struct doc_value spec,
                                    struct query__window *window, struct err *err)
{
    struct doc_elem call = {slice_str(window->op->name), spec};
    return query__accumulator_parse_call(parse->context, call, &window->accumulator, err);
}

int query__window_parse_plain(struct query__window_parse *parse, struct doc_value spec,
                              struct query__window *window, struct err *err)
{
    return query_expr_parse(parse->context, spec, &window->accumulator.input, err);
}

int query__window_no_window(const struct query__window_parse *parse,
                            const struct query__window *window, struct err *err)
{
    return !parse->given ? 0
                         : err_set(err, LT_EFAILEDTOPARSE, "%s does not accept a 'window' field",
                                   window->op->name);
}

int query__window_needs_sort(const struct query__window_parse *parse,
                             const struct query__window *window, struct err *err)
{
    return parse->sort != NULL
               ? 0
               : err_set(err, LT_EFAILEDTOPARSE, "%s requires a sortBy", window->op->name);
}

struct query__number query__window_distance(struct doc_value from, struct doc_value to)
{
    if (from.type == DOC_DATE && to.type == DOC_DATE) {
        return query__number_of_double((double)doc_value_get_i64(to) -
                                       (double)doc_value_get_i64(from));
    }
    return query__number_apply(DOC_DECIMAL_SUBTRACT, query__number_of(to), query__number_of(from));
}

/* The operator's call and the window among the fields of an output. */
static int ops_fields(struct slice doc, struct doc_elem *ret_call, struct doc_value *ret_window,
                      struct err *err)
{
    *ret_call = (struct doc_elem){.value = doc_missing};
    *ret_window = doc_missing;
    struct doc_iter iter;
    doc_iter_init(&iter, doc);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        bool call = elem.name.len > 0 && elem.name.data[0] == '$';
        if (slice_is(elem.name, "window")) {
            *ret_window = elem.value;
        } else if (call && ret_call->name.len == 0) {
            *ret_call = elem;
        } else {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "Window function found an unknown argument: %.*s", SLICE_FMT(elem.name));
        }
    }
    return ret_call->name.len > 0
               ? 0
               : err_set(err, LT_EFAILEDTOPARSE, "Expected a $-prefixed window function");
}

int query__window_field(struct query__window_parse *parse, struct doc_elem field,
                        struct query__window *ret_window, struct err *err)
{
    if (field.value.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "The field '%.*s' must be an object",
                       SLICE_FMT(field.name));
    }
    struct doc_elem call;
    struct doc_value bounds;
    int rc = ops_fields(doc_value_get_doc(field.value), &call, &bounds, err);
    if (rc < 0) {
        return rc;
    }
    struct query__window window = {
        .op = ops_find(call.name), .sort_value = parse->sort_value, .unit = QUERY__UNIT_NONE};
    if (window.op == NULL) {
        return err_set(err, LT_EFAILEDTOPARSE, "Unrecognized window function, %.*s",
                       SLICE_FMT(call.name));
    }
    parse->given = doc_value_exists(bounds);
    rc = window.op->parse(parse, call.value, &window, err);
    if (rc == 0 && parse->given) {
        rc = query__window_bounds_parse(parse, bounds, &window.bounds, err);
    }
    *ret_window = window;
    return rc;
}
