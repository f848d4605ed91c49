/* query/window_number.c - window operators that are sums over numbers, taken out again as documents
 * leave.
 *
 * Deviations and covariances are sums of products that grow by Youngs' and Cramer's step; leaving
 * is the same step backwards. */
#include <math.h>

#include "query/window_private.h"

/* ---- $sum, $avg ---- */

static int number_sum_add(struct query__window_work *work, struct query__window_item *item,
                          struct err *err)
{
    (void)err;
    query__sum_add(&work->frame->sum, item->ordered.value);
    return 0;
}

static void number_sum_remove(struct query__window_work *work, struct query__window_item *item)
{
    query__sum_remove(&work->frame->sum, item->ordered.value);
}

static int number_sum(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    (void)err;
    *ret_value = query__sum_value(&work->frame->sum, work->eval->arena);
    return 0;
}

static int number_avg(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    (void)err;
    *ret_value = query__sum_mean(&work->frame->sum, work->eval->arena);
    return 0;
}

static int number_count(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    (void)err;
    int64_t count = (int64_t)(work->frame->to - work->frame->from);
    *ret_value = doc_value_integer(work->eval->arena, count);
    return 0;
}

static int number_parse_count(struct query__window_parse *parse, struct doc_value spec,
                              struct query__window *window, struct err *err)
{
    (void)parse;
    (void)window;
    bool empty = spec.type == DOC_OBJECT && doc_is_empty(doc_value_get_doc(spec));
    return empty ? 0
                 : err_set(err, LT_EFAILEDTOPARSE, "$count only accepts an empty object as input");
}

/* ---- sums of doubles ---- */

static void number_change(struct query__sum *sum, struct query__number number, int sign)
{
    if (sign > 0) {
        query__sum_add(sum, query__number_view(&number));
    } else {
        query__sum_remove(sum, query__number_view(&number));
    }
}

static struct query__number number_total(const struct query__sum *sum, struct arena *arena)
{
    return query__number_of(query__sum_value(sum, arena));
}

/* Count a value that enters or leaves; false when it is NaN or infinite, and does no more. */
static bool number_counts(struct query__window_frame *frame, bool finite, int sign)
{
    *(finite ? &frame->numbers : &frame->strange) += (uint64_t)sign;
    return finite;
}

/* ---- $stdDevPop, $stdDevSamp: sign -1 ---- */

/* Of the numbers in the frame without `x`: what x adds to the sum of squares. */
static double number_squares(struct query__window_work *work, double x)
{
    struct query__window_frame *frame = work->frame;
    double count = (double)frame->numbers;
    struct query__number sum = number_total(&frame->sum, work->inner);
    double delta = count * x - sum.number;
    return count == 0 ? 0 : delta * delta / (count * (count + 1));
}

static int number_deviation_add(struct query__window_work *work, struct query__window_item *item,
                                struct err *err)
{
    (void)err;
    struct query__window_frame *frame = work->frame;
    item->taken = doc_value_is_number(item->ordered.value);
    if (!item->taken) {
        return 0;
    }
    item->x = query__number_of_double(doc_value_to_double(item->ordered.value));
    if (query__number_is_finite(&item->x)) {
        double squares = number_squares(work, item->x.number);
        number_change(&frame->products, query__number_of_double(squares), 1);
        number_change(&frame->sum, item->x, 1);
    }
    number_counts(frame, query__number_is_finite(&item->x), 1);
    return 0;
}

static void number_deviation_remove(struct query__window_work *work,
                                    struct query__window_item *item)
{
    struct query__window_frame *frame = work->frame;
    if (!item->taken || !number_counts(frame, query__number_is_finite(&item->x), -1)) {
        return;
    }
    number_change(&frame->sum, item->x, -1);
    double squares = number_squares(work, item->x.number);
    number_change(&frame->products, query__number_of_double(squares), -1);
    if (frame->numbers == 0) {
        query__sum_init(&frame->products);
    }
}

static int number_deviation(struct query__window_work *work, struct doc_value *ret_value,
                            struct err *err)
{
    (void)err;
    const struct query__window_frame *frame = work->frame;
    bool sample = work->window->op->sign < 0;
    if (frame->strange > 0 || frame->numbers <= sample) {
        *ret_value = doc_null;
    } else if (frame->numbers == 1) {
        *ret_value = doc_value_i32(work->eval->arena, 0);
    } else {
        double squares = number_total(&frame->products, work->eval->arena).number;
        double divisor = (double)(frame->numbers - sample);
        *ret_value = doc_value_double(work->eval->arena, sqrt(squares < 0 ? 0 : squares / divisor));
    }
    return 0;
}

/* ---- $covariancePop, $covarianceSamp: sign -1 ---- */

static bool number_pair(struct query__window_work *work, struct query__window_item *item)
{
    struct doc_value pair = item->ordered.value;
    uint32_t count = 0;
    struct doc_value *values = NULL;
    if (pair.type == DOC_ARRAY) {
        values = query__elements(work->inner, pair, &count);
    }
    if (count != 2 || !doc_value_is_number(values[0]) || !doc_value_is_number(values[1])) {
        return false;
    }
    item->x = query__number_of(values[0]);
    item->y = query__number_of(values[1]);
    return true;
}

static struct query__number number_mean(struct query__window_work *work,
                                        const struct query__sum *sum)
{
    struct doc_value mean = query__sum_mean(sum, work->inner);
    return doc_value_is_number(mean) ? query__number_of(mean) : query__number_of_double(0);
}

/* What the pair adds to the sum of products: x against the mean without it, y against the mean
 * with it. */
static struct query__number number_product(struct query__window_work *work,
                                           const struct query__window_item *item,
                                           struct query__number mean_x, struct query__number mean_y)
{
    (void)work;
    struct query__number x = query__number_apply(DOC_DECIMAL_SUBTRACT, item->x, mean_x);
    struct query__number y = query__number_apply(DOC_DECIMAL_SUBTRACT, item->y, mean_y);
    return query__number_apply(DOC_DECIMAL_MULTIPLY, x, y);
}

static bool number_pair_finite(const struct query__window_item *item)
{
    return query__number_is_finite(&item->x) && query__number_is_finite(&item->y);
}

static int number_covariance_add(struct query__window_work *work, struct query__window_item *item,
                                 struct err *err)
{
    (void)err;
    struct query__window_frame *frame = work->frame;
    item->taken = number_pair(work, item);
    if (!item->taken || !number_counts(frame, number_pair_finite(item), 1)) {
        return 0;
    }
    struct query__number mean_x = number_mean(work, &frame->sum);
    number_change(&frame->sum, item->x, 1);
    number_change(&frame->sum_y, item->y, 1);
    struct query__number mean_y = number_mean(work, &frame->sum_y);
    struct query__number product = number_product(work, item, mean_x, mean_y);
    number_change(&frame->products, product, 1);
    return 0;
}

static void number_covariance_remove(struct query__window_work *work,
                                     struct query__window_item *item)
{
    struct query__window_frame *frame = work->frame;
    if (!item->taken || !number_counts(frame, number_pair_finite(item), -1)) {
        return;
    }
    struct query__number mean_y = number_mean(work, &frame->sum_y);
    number_change(&frame->sum, item->x, -1);
    number_change(&frame->sum_y, item->y, -1);
    struct query__number mean_x = number_mean(work, &frame->sum);
    struct query__number product = number_product(work, item, mean_x, mean_y);
    number_change(&frame->products, product, -1);
    if (frame->numbers == 0) {
        query__sum_init(&frame->products);
    }
}

static int number_covariance(struct query__window_work *work, struct doc_value *ret_value,
                             struct err *err)
{
    (void)err;
    const struct query__window_frame *frame = work->frame;
    struct arena *arena = work->eval->arena;
    bool sample = work->window->op->sign < 0;
    if (frame->strange > 0) {
        *ret_value = doc_value_double(arena, NAN);
    } else if (frame->numbers <= sample) {
        *ret_value = doc_null;
    } else if (frame->numbers == 1) {
        *ret_value = doc_value_double(arena, 0);
    } else {
        struct query__number divisor = query__number_of_double((double)(frame->numbers - sample));
        struct query__number total = number_total(&frame->products, arena);
        total = query__number_apply(DOC_DECIMAL_DIVIDE, total, divisor);
        *ret_value = query__number_value(&total, arena);
    }
    return 0;
}

const struct query__window_op query__window_ops_number[] = {
    {"$sum", 0, 1, query__window_parse_accumulator, number_sum_add, number_sum_remove, number_sum},
    {"$avg", 0, 1, query__window_parse_accumulator, number_sum_add, number_sum_remove, number_avg},
    {"$count", QUERY__WINDOW_ENDS, 1, number_parse_count, .value = number_count},
    {"$stdDevPop", 0, 1, query__window_parse_accumulator, number_deviation_add,
     number_deviation_remove, number_deviation},
    {"$stdDevSamp", 0, -1, query__window_parse_accumulator, number_deviation_add,
     number_deviation_remove, number_deviation},
    {"$covariancePop", QUERY__WINDOW_OWN, 1, query__window_parse_plain, number_covariance_add,
     number_covariance_remove, number_covariance},
    {"$covarianceSamp", QUERY__WINDOW_OWN, -1, query__window_parse_plain, number_covariance_add,
     number_covariance_remove, number_covariance},
    {0},
};
