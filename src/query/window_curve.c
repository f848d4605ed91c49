/* query/window_curve.c - window operators for which documents are points of a curve: sortBy says
 * where, the input how high. */
#include "doc/compare.h"
#include "query/window_private.h"

/* ---- $derivative, $integral ---- */

static int curve_parse_unit(struct doc_value spec, struct query__window *window, struct err *err)
{
    if (!doc_value_exists(spec)) {
        return 0;
    }
    if (spec.type != DOC_STRING) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s 'unit' must be a string, but got %s",
                       window->op->name, doc_type_name(spec.type));
    }
    window->unit = query__date_unit_find(doc_value_get_string(spec));
    if (window->unit == QUERY__UNIT_NONE) {
        return err_set(err, LT_EFAILEDTOPARSE, "unknown time unit value: %.*s",
                       SLICE_FMT(doc_value_get_string(spec)));
    }
    return query__date_unit_ms(window->unit) > 0
               ? 0
               : err_set(err, 5490710, "unit must be 'week' or smaller");
}

static int curve_parse(struct query__window_parse *parse, struct doc_value spec,
                       struct query__window *window, struct err *err)
{
    const char *name = window->op->name;
    int rc = query__window_needs_sort(parse, window, err);
    if (rc < 0) {
        return rc;
    }
    if (parse->sort_value == NULL) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s requires a non-compound sortBy", name);
    }
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s expects an object, but got %s", name,
                       doc_type_name(spec.type));
    }
    struct slice doc = doc_value_get_doc(spec);
    struct doc_value input = doc_get_str(doc, "input");
    struct doc_value unit = doc_get_str(doc, "unit");
    if (doc_count(doc) != (size_t)doc_value_exists(input) + doc_value_exists(unit)) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s got unexpected argument", name);
    }
    if (!doc_value_exists(input)) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s requires an 'input' expression", name);
    }
    rc = curve_parse_unit(unit, window, err);
    return rc < 0 ? rc : query__window_parse_plain(parse, input, window, err);
}

static int curve_parse_derivative(struct query__window_parse *parse, struct doc_value spec,
                                  struct query__window *window, struct err *err)
{
    int rc = curve_parse(parse, spec, window, err);
    if (rc == 0 && !parse->given) {
        rc = err_set(err, LT_EFAILEDTOPARSE, "$derivative requires explicit window bounds");
    }
    return rc;
}

/* The errors of a place that does not fit the unit. */
struct curve_codes {
    int no_date;
    int date;
    int no_number;
};
static const struct curve_codes curve_derivative_codes = {5624900, 5624901, 5624902};
static const struct curve_codes curve_integral_codes = {5423901, 5423902, 5423902};

static int curve_place(struct query__window_work *work, const struct curve_codes *codes,
                       uint64_t at, struct doc_value *ret_x, struct err *err)
{
    const struct query__window *window = work->window;
    int rc = query__window_eval(work, window->sort_value, at, ret_x, err);
    if (rc < 0) {
        return rc;
    }
    if (window->unit != QUERY__UNIT_NONE) {
        return ret_x->type == DOC_DATE
                   ? 0
                   : err_set(err, codes->no_date,
                             "%s with 'unit' expects the sortBy field to be a Date",
                             window->op->name);
    }
    if (ret_x->type == DOC_DATE) {
        return err_set(err, codes->date, "%s where the sortBy is a Date requires a 'unit'",
                       window->op->name);
    }
    return doc_value_is_number(*ret_x)
               ? 0
               : err_set(err, codes->no_number,
                         "%s (with no 'unit') expects the sortBy field to be numeric",
                         window->op->name);
}

static struct query__number curve_unit(const struct query__window *window)
{
    return query__number_of_double((double)query__date_unit_ms(window->unit));
}

/* ---- $derivative ---- */

static int curve_slope(struct query__window_work *work, struct doc_value from, struct doc_value to,
                       struct doc_value *ret_value, struct err *err)
{
    const struct query__window_frame *frame = work->frame;
    const struct query_expr *input = work->window->accumulator.input;
    struct doc_value low;
    struct doc_value high;
    int rc = query__window_eval(work, input, frame->from, &low, err);
    rc = rc < 0 ? rc : query__window_eval(work, input, frame->to - 1, &high, err);
    struct query__number width = query__window_distance(from, to);
    if (rc < 0 || query__number_is_zero(&width) || doc_value_is_nullish(low) ||
        doc_value_is_nullish(high)) {
        *ret_value = doc_null;
        return rc;
    }
    bool dates = low.type == DOC_DATE && high.type == DOC_DATE;
    if (!dates && (!doc_value_is_number(low) || !doc_value_is_number(high))) {
        return err_set(err, LT_ETYPEMISMATCH, "can't $subtract %s from %s", doc_type_name(low.type),
                       doc_type_name(high.type));
    }
    struct query__number slope =
        query__number_apply(DOC_DECIMAL_DIVIDE, query__window_distance(low, high), width);
    if (work->window->unit != QUERY__UNIT_NONE) {
        slope = query__number_apply(DOC_DECIMAL_MULTIPLY, slope, curve_unit(work->window));
    }
    *ret_value = query__number_value(&slope, work->eval->arena);
    return 0;
}

static int curve_derivative(struct query__window_work *work, struct doc_value *ret_value,
                            struct err *err)
{
    const struct query__window_frame *frame = work->frame;
    struct doc_value from;
    struct doc_value to;
    *ret_value = doc_null;
    if (frame->from == frame->to) {
        return 0;
    }
    int rc = curve_place(work, &curve_derivative_codes, frame->from, &from, err);
    rc = rc < 0 ? rc : curve_place(work, &curve_derivative_codes, frame->to - 1, &to, err);
    return rc < 0 ? rc : curve_slope(work, from, to, ret_value, err);
}

/* ---- $integral: trapezoids between neighbours ---- */

static struct query__number curve_trapezoid(const struct query__window_item *left,
                                            const struct query__window_item *right)
{
    struct query__number width = query__number_apply(DOC_DECIMAL_SUBTRACT, right->x, left->x);
    struct query__number height = query__number_apply(DOC_DECIMAL_ADD, left->y, right->y);
    height = query__number_apply(DOC_DECIMAL_DIVIDE, height, query__number_of_double(2));
    return query__number_apply(DOC_DECIMAL_MULTIPLY, width, height);
}

static int curve_integral_add(struct query__window_work *work, struct query__window_item *item,
                              struct err *err)
{
    struct query__window_frame *frame = work->frame;
    struct doc_value x;
    int rc = curve_place(work, &curve_integral_codes, frame->to, &x, err);
    if (rc < 0) {
        return rc;
    }
    if (!doc_value_is_number(item->ordered.value)) {
        return err_set(err, 5423900,
                       "The input value of $integral window function must be a vector of 2 value, "
                       "the first value must be numeric or date type and the second must be "
                       "numeric.");
    }
    item->x = x.type == DOC_DATE ? query__number_of_double((double)doc_value_get_i64(x))
                                 : query__number_of(x);
    item->y = query__number_of(item->ordered.value);
    if (frame->last != NULL) {
        struct query__number area = curve_trapezoid(frame->last, item);
        query__sum_add(&frame->sum, query__number_view(&area));
    }
    frame->numbers++;
    return 0;
}

static void curve_integral_remove(struct query__window_work *work, struct query__window_item *item)
{
    struct query__window_frame *frame = work->frame;
    if (item->next != NULL) {
        struct query__number area = curve_trapezoid(item, item->next);
        query__sum_remove(&frame->sum, query__number_view(&area));
    }
    frame->numbers--;
}

static int curve_integral(struct query__window_work *work, struct doc_value *ret_value,
                          struct err *err)
{
    (void)err;
    struct arena *arena = work->eval->arena;
    *ret_value = work->frame->numbers == 0 ? doc_null : query__sum_value(&work->frame->sum, arena);
    if (work->window->unit != QUERY__UNIT_NONE && work->frame->numbers > 0) {
        struct query__number area = query__number_of(*ret_value);
        area = query__number_apply(DOC_DECIMAL_DIVIDE, area, curve_unit(work->window));
        *ret_value = query__number_value(&area, arena);
    }
    return 0;
}

/* ---- $expMovingAvg ---- */

static struct query__number curve_decimal(struct doc_value number)
{
    return (struct query__number){.is_decimal = true, .decimal = doc_decimal_of_value(number)};
}

/* alpha = 2 / (N + 1) */
static int curve_parse_n(struct doc_value spec, struct query__window *window, struct err *err)
{
    int64_t n;
    if (!doc_value_is_number(spec) || !doc_value_to_i64_exact(spec, &n)) {
        return err_set(err, LT_EFAILEDTOPARSE, "'N' field must be an integer, but found type %s",
                       doc_type_name(spec.type));
    }
    if (n <= 0) {
        return err_set(err, LT_EFAILEDTOPARSE, "'N' must be greater than zero. Got %lld",
                       (long long)n);
    }
    struct doc_decimal span =
        doc_decimal_apply(DOC_DECIMAL_ADD, doc_decimal_of_i64(n), doc_decimal_of_i64(1));
    window->alpha.is_decimal = true;
    window->alpha.decimal = doc_decimal_apply(DOC_DECIMAL_DIVIDE, doc_decimal_of_i64(2), span);
    return 0;
}

static int curve_parse_alpha(struct doc_value spec, struct query__window *window, struct err *err)
{
    if (!doc_value_is_number(spec)) {
        return err_set(err, LT_EFAILEDTOPARSE, "'alpha' must be a number, but found type %s",
                       doc_type_name(spec.type));
    }
    double alpha = doc_value_to_double(spec);
    if (!(alpha > 0 && alpha < 1)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "'alpha' must be between 0 and 1 (exclusive), found alpha: %g", alpha);
    }
    window->alpha = curve_decimal(spec);
    return 0;
}

static int curve_parse_average(struct query__window_parse *parse, struct doc_value spec,
                               struct query__window *window, struct err *err)
{
    int rc = query__window_no_window(parse, window, err);
    rc = rc < 0 ? rc : query__window_needs_sort(parse, window, err);
    if (rc < 0) {
        return rc;
    }
    struct slice doc =
        spec.type == DOC_OBJECT ? doc_value_get_doc(spec) : doc_value_get_doc(doc_empty_object);
    struct doc_value input = doc_get_str(doc, "input");
    struct doc_value n = doc_get_str(doc, "N");
    struct doc_value alpha = doc_get_str(doc, "alpha");
    if (doc_count(doc) != 2 || !doc_value_exists(input) ||
        doc_value_exists(n) == doc_value_exists(alpha)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$expMovingAvg sub object must have exactly two fields: An 'input' field, "
                       "and either an 'N' field or an 'alpha' field");
    }
    rc =
        doc_value_exists(n) ? curve_parse_n(n, window, err) : curve_parse_alpha(alpha, window, err);
    return rc < 0 ? rc : query__window_parse_plain(parse, input, window, err);
}

/* Doubles are weighted as doubles, decimals as decimals. */
static struct query__number curve_weighted(struct query__number value, struct query__number average,
                                           struct query__number alpha)
{
    if (!value.is_decimal && !average.is_decimal) {
        alpha = query__number_of_double(doc_decimal_to_double(alpha.decimal));
    }
    struct doc_decimal one = doc_decimal_of_i64(1);
    struct query__number rest = query__number_of_double(1);
    if (alpha.is_decimal) {
        rest = (struct query__number){.is_decimal = true, .decimal = one};
    }
    rest = query__number_apply(DOC_DECIMAL_SUBTRACT, rest, alpha);
    value = query__number_apply(DOC_DECIMAL_MULTIPLY, value, alpha);
    average = query__number_apply(DOC_DECIMAL_MULTIPLY, average, rest);
    return query__number_apply(DOC_DECIMAL_ADD, value, average);
}

static int curve_average(struct query__window_work *work, struct doc_value *ret_value,
                         struct err *err)
{
    struct query__window_frame *frame = work->frame;
    struct doc_value value;
    int rc = query__window_eval(work, work->window->accumulator.input, work->at, &value, err);
    if (rc < 0) {
        return rc;
    }
    if (doc_value_is_number(value)) {
        struct query__number number = query__number_of(value);
        frame->average = frame->numbers == 0
                             ? number
                             : curve_weighted(number, frame->average, work->window->alpha);
        frame->numbers++;
    }
    *ret_value =
        frame->numbers == 0 ? doc_null : query__number_value(&frame->average, work->eval->arena);
    return 0;
}

/* ---- $linearFill: between the values on both sides ---- */

static int curve_parse_fill(struct query__window_parse *parse, struct doc_value spec,
                            struct query__window *window, struct err *err)
{
    if (parse->sort_value == NULL) {
        return err_set(err, 605001,
                       "$linearFill must be specified with a top level sortBy expression with "
                       "exactly one element");
    }
    int rc = query__window_no_window(parse, window, err);
    return rc < 0 ? rc : query__window_parse_plain(parse, spec, window, err);
}

/* The height of a document: a number, or nothing. */
static int curve_height(struct query__window_work *work, uint64_t at, struct doc_value *ret_y,
                        struct err *err)
{
    int rc = query__window_eval(work, work->window->accumulator.input, at, ret_y, err);
    if (rc < 0 || doc_value_is_number(*ret_y) || doc_value_is_nullish(*ret_y)) {
        return rc;
    }
    return err_set(err, LT_ETYPEMISMATCH, "Value to be filled must be numeric or nullish");
}

static int curve_fill_place(struct query__window_work *work, uint64_t at, struct doc_value *ret_x,
                            struct err *err)
{
    int rc = query__window_eval(work, work->window->sort_value, at, ret_x, err);
    if (rc < 0 || doc_value_is_number(*ret_x) || ret_x->type == DOC_DATE) {
        return rc;
    }
    return err_set(err, LT_ETYPEMISMATCH,
                   "$linearFill expects the sortBy field to be numeric or a Date");
}

/* The first document behind the one in hand that has a height; the count when there is none. The
 * search goes on where it ended the last time. */
static int curve_fill_next(struct query__window_work *work, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    while (frame->next <= work->at ||
           (frame->next < work->partition->count && !frame->next_found)) {
        frame->next = frame->next <= work->at ? work->at + 1 : frame->next + 1;
        frame->next_found = false;
        if (frame->next >= work->partition->count) {
            return 0;
        }
        struct doc_value y;
        int rc = curve_height(work, frame->next, &y, err);
        if (rc < 0) {
            return rc;
        }
        frame->next_found = !doc_value_is_nullish(y);
        frame->steps++;
    }
    return 0;
}

/* On the line from the last document with a height to the next one. */
static int curve_fill_between(struct query__window_work *work, struct doc_value *ret_value,
                              struct err *err)
{
    const struct query__window_frame *frame = work->frame;
    struct doc_value x[3]; /* before, here, behind */
    struct doc_value y[2];
    const uint64_t at[] = {frame->rank - 1, work->at, frame->next};
    int rc = curve_height(work, at[0], &y[0], err);
    rc = rc < 0 ? rc : curve_height(work, at[2], &y[1], err);
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = curve_fill_place(work, at[i], &x[i], err);
    }
    if (rc < 0) {
        return rc;
    }
    if ((x[0].type == DOC_DATE) != (x[2].type == DOC_DATE) ||
        (x[0].type == DOC_DATE) != (x[1].type == DOC_DATE)) {
        return err_set(err, LT_ETYPEMISMATCH, "Conflicting sort value types, previous and current");
    }
    struct query__number rise = query__number_apply(
        DOC_DECIMAL_DIVIDE, query__window_distance(y[0], y[1]), query__window_distance(x[0], x[2]));
    rise = query__number_apply(DOC_DECIMAL_MULTIPLY, rise, query__window_distance(x[0], x[1]));
    rise = query__number_apply(DOC_DECIMAL_ADD, query__number_of(y[0]), rise);
    *ret_value = query__number_value(&rise, work->eval->arena);
    return 0;
}

/* frame->rank is the number of the last document with a height, from 1. */
static int curve_fill(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    if (work->at > 0 && query__window_tie(work, work->at)) {
        return err_set(err, 6050106, "There can be no repeated values in the sort field");
    }
    int rc = curve_height(work, work->at, ret_value, err);
    if (rc < 0) {
        return rc;
    }
    if (!doc_value_is_nullish(*ret_value)) {
        frame->rank = work->at + 1;
        return 0;
    }
    *ret_value = doc_null;
    rc = frame->rank == 0 ? 0 : curve_fill_next(work, err);
    if (rc < 0 || frame->rank == 0 || frame->next >= work->partition->count) {
        return rc;
    }
    return curve_fill_between(work, ret_value, err);
}

const struct query__window_op query__window_ops_curve[] = {
    {"$derivative", QUERY__WINDOW_ENDS, 1, curve_parse_derivative, .value = curve_derivative},
    {"$integral", QUERY__WINDOW_OWN, 1, curve_parse, curve_integral_add, curve_integral_remove,
     curve_integral},
    {"$expMovingAvg", QUERY__WINDOW_SEQUENCE, 1, curve_parse_average, .value = curve_average},
    {"$linearFill", QUERY__WINDOW_SEQUENCE, 1, curve_parse_fill, .value = curve_fill},
    {0},
};
