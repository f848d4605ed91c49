/* query/expr_accumulator.c - accumulators as expressions: over their arguments, or over the
 * elements of one array. */
#include <math.h>

#include "doc/compare.h"
#include "query/expr_private.h"
#include "query/percentile.h"
#include "query/sum.h"

enum {
    ACCUMULATE_SUM,
    ACCUMULATE_AVG,
    ACCUMULATE_MIN,
    ACCUMULATE_MAX,
    ACCUMULATE_DEV_POP,
    ACCUMULATE_DEV_SAMP
};

/* The values: one array argument stands for its elements. */
static const struct doc_value *accumulate_values(struct query__call *call, uint32_t *ret_count)
{
    if (call->count == 1 && call->args[0].type == DOC_ARRAY) {
        return query__elements(call->eval->arena, call->args[0], ret_count);
    }
    *ret_count = call->count;
    return call->args;
}

static struct doc_value accumulate_extreme(struct query__call *call, const struct doc_value *values,
                                           uint32_t count, int sign)
{
    const struct doc_collation *collation = call->eval->context->collation;
    struct doc_value best = doc_null;
    for (uint32_t i = 0; i < count; i++) {
        if (doc_value_is_nullish(values[i])) {
            continue;
        }
        if (best.type == DOC_NULL || sign * doc_compare_by(values[i], best, collation) > 0) {
            best = values[i];
        }
    }
    return best;
}

static struct doc_value accumulate_deviation(struct arena *arena, const struct doc_value *values,
                                             uint32_t count, bool sample)
{
    double mean = 0;
    double squares = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (doc_value_is_number(values[i])) {
            double number = doc_value_to_double(values[i]);
            double delta = number - mean;
            mean += delta / ++seen;
            squares += delta * (number - mean);
        }
    }
    uint32_t divisor = sample && seen > 0 ? seen - 1 : seen;
    return divisor == 0 ? doc_null : doc_value_double(arena, sqrt(squares / divisor));
}

static int accumulate(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    int16_t variant = call->expr->op->variant;
    uint32_t count;
    const struct doc_value *values = accumulate_values(call, &count);
    if (variant == ACCUMULATE_MIN || variant == ACCUMULATE_MAX) {
        *ret_value = accumulate_extreme(call, values, count, variant == ACCUMULATE_MAX ? 1 : -1);
        return 0;
    }
    if (variant == ACCUMULATE_DEV_POP || variant == ACCUMULATE_DEV_SAMP) {
        *ret_value = accumulate_deviation(arena, values, count, variant == ACCUMULATE_DEV_SAMP);
        return 0;
    }
    struct query__sum sum;
    query__sum_init(&sum);
    for (uint32_t i = 0; i < count; i++) {
        query__sum_add(&sum, values[i]);
    }
    *ret_value =
        variant == ACCUMULATE_AVG ? query__sum_mean(&sum, arena) : query__sum_value(&sum, arena);
    return 0;
}

/* ---- $firstN, $lastN, $minN, $maxN: args are n, input ---- */

enum { ACCUMULATE_FIRST_N, ACCUMULATE_LAST_N, ACCUMULATE_MIN_N, ACCUMULATE_MAX_N };

static const struct query__params accumulate_n_params = {
    5787801, 5787901, {{"n", 5787906}, {"input", 5787907}}};

int query__accumulator_n(struct doc_value value, int64_t *ret_n, struct err *err)
{
    if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, ret_n)) {
        return err_set(err, 5787902, "Value for 'n' must be of integral type, but found %s",
                       doc_type_name(value.type));
    }
    if (*ret_n <= 0) {
        return err_set(err, 5787908, "'n' must be greater than 0, found %lld", (long long)*ret_n);
    }
    return 0;
}

static int accumulate_n(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    int64_t n;
    int rc = query__accumulator_n(call->args[0], &n, call->err);
    if (rc < 0) {
        return rc;
    }
    if (doc_value_is_nullish(call->args[1])) {
        *ret_value = doc_null;
        return 0;
    }
    if (call->args[1].type != DOC_ARRAY) {
        return err_set(call->err, 5788200, "Input must be an array");
    }
    uint32_t count;
    struct doc_value *values = query__elements(arena, call->args[1], &count);
    int16_t variant = call->expr->op->variant;
    if (variant == ACCUMULATE_MIN_N || variant == ACCUMULATE_MAX_N) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (!doc_value_is_nullish(values[i])) {
                values[kept++] = values[i];
            }
        }
        count = kept;
        query__values_sort(call->eval, values, count, variant == ACCUMULATE_MIN_N ? 1 : -1);
    }
    uint32_t take = (uint64_t)n < count ? (uint32_t)n : count;
    uint32_t from = variant == ACCUMULATE_LAST_N ? count - take : 0;
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (uint32_t i = 0; i < take; i++) {
        query__list_add(&list, values[from + i]);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $median, $percentile: the argument is input, the detail what is asked of it ---- */

static int accumulate_parse_percentile(struct query_context *context, struct doc_value spec,
                                       struct query_expr *expr, struct err *err)
{
    struct query__percentile *percentile = NULL;
    query__args_alloc(context, expr, 1);
    int rc = query__percentile_parse(context, expr->op->name, spec, &percentile, err);
    if (rc == 0) {
        expr->args[0] = percentile->input;
        expr->detail = percentile;
    }
    return rc;
}

static int accumulate_percentile(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    uint32_t count;
    const struct doc_value *values = accumulate_values(call, &count);
    double *numbers = arena_zero(arena, count, sizeof *numbers);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        taken += query__percentile_takes(values[i], &numbers[taken]);
    }
    *ret_value = query__percentile_sort(call->expr->detail, numbers, taken, arena);
    return 0;
}

#define ACCUMULATE_N_ROW(name, variant)                                                            \
    {                                                                                              \
        (name), 1, 1, 0, (variant), .call = accumulate_n, .params = &accumulate_n_params           \
    }

const struct query__op query__ops_accumulator[] = {
    {"$sum", 0, -1, .variant = ACCUMULATE_SUM, .call = accumulate},
    {"$avg", 0, -1, .variant = ACCUMULATE_AVG, .call = accumulate},
    {"$min", 0, -1, .variant = ACCUMULATE_MIN, .call = accumulate},
    {"$max", 0, -1, .variant = ACCUMULATE_MAX, .call = accumulate},
    {"$stdDevPop", 0, -1, .variant = ACCUMULATE_DEV_POP, .call = accumulate},
    {"$stdDevSamp", 0, -1, .variant = ACCUMULATE_DEV_SAMP, .call = accumulate},
    ACCUMULATE_N_ROW("$firstN", ACCUMULATE_FIRST_N),
    ACCUMULATE_N_ROW("$lastN", ACCUMULATE_LAST_N),
    ACCUMULATE_N_ROW("$minN", ACCUMULATE_MIN_N),
    ACCUMULATE_N_ROW("$maxN", ACCUMULATE_MAX_N),
    {"$median", 1, 1, .parse = accumulate_parse_percentile, .call = accumulate_percentile},
    {"$percentile", 1, 1, .parse = accumulate_parse_percentile, .call = accumulate_percentile},
    {0},
};
