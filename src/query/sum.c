/* query/sum.c - see sum.h. Doubles are summed as Knuth's two-sum does, the error kept apart. */
#include "query/sum.h"

#include <math.h>

#include "doc/decimal.h"

enum { SUM_INT32, SUM_INT64, SUM_DOUBLE, SUM_DECIMAL };

void query__sum_init(struct query__sum *sum)
{
    *sum = (struct query__sum){.decimal = doc_decimal_of_i64(0)};
}

static void sum_add_double(struct query__sum *sum, double number)
{
    double total = sum->sum + number;
    double part = total - sum->sum;
    double lost = (sum->sum - (total - part)) + (number - part);
    sum->special += number;
    sum->rest += lost;
    sum->sum = total + sum->rest;
    sum->rest -= sum->sum - total;
}

/* sign -1 takes out. NaN and infinities are only counted. */
static void sum_change_double(struct query__sum *sum, double number, int sign)
{
    sum->counts[SUM_DOUBLE] += (uint64_t)sign;
    if (isnan(number)) {
        sum->nans += (uint64_t)sign;
    } else if (isinf(number)) {
        sum->infinities[number < 0] += (uint64_t)sign;
    } else {
        sum_add_double(sum, sign * number);
    }
    if (sum->counts[SUM_DOUBLE] == 0) { /* nothing is left, so is no error */
        sum->sum = sum->rest = sum->special = 0;
    }
}

static void sum_change_decimal(struct query__sum *sum, struct doc_decimal number, int sign)
{
    sum->counts[SUM_DECIMAL] += (uint64_t)sign;
    if (doc_decimal_is_nan(number)) {
        sum->nans += (uint64_t)sign;
    } else if (doc_decimal_is_infinite(number)) {
        sum->infinities[doc_decimal_is_negative(number)] += (uint64_t)sign;
    } else {
        enum doc_decimal_op op = sign < 0 ? DOC_DECIMAL_SUBTRACT : DOC_DECIMAL_ADD;
        sum->decimal = doc_decimal_apply(op, sum->decimal, number);
    }
    if (sum->counts[SUM_DECIMAL] == 0) {
        sum->decimal = doc_decimal_of_i64(0);
    }
}

static void sum_change(struct query__sum *sum, struct doc_value number, int sign)
{
    switch (number.type) {
    case DOC_INT32:
        sum->integer += sign * (__int128)doc_value_get_i32(number);
        sum->counts[SUM_INT32] += (uint64_t)sign;
        break;
    case DOC_INT64:
        sum->integer += sign * (__int128)doc_value_get_i64(number);
        sum->counts[SUM_INT64] += (uint64_t)sign;
        break;
    case DOC_DOUBLE:
        sum_change_double(sum, doc_value_get_double(number), sign);
        break;
    case DOC_DECIMAL:
        sum_change_decimal(sum, doc_value_get_decimal(number), sign);
        break;
    default:
        break;
    }
}

void query__sum_add(struct query__sum *sum, struct doc_value number)
{
    sum_change(sum, number, 1);
}

void query__sum_remove(struct query__sum *sum, struct doc_value number)
{
    sum_change(sum, number, -1);
}

uint64_t query__sum_count(const struct query__sum *sum)
{
    uint64_t count = 0;
    for (int type = 0; type < QUERY__SUM_TYPES; type++) {
        count += sum->counts[type];
    }
    return count;
}

/* What NaN and infinities make of the sum; 0 when there are none. */
static double sum_extreme(const struct query__sum *sum)
{
    if (sum->nans > 0 || (sum->infinities[0] > 0 && sum->infinities[1] > 0)) {
        return NAN;
    }
    return sum->infinities[0] > 0 ? INFINITY : sum->infinities[1] > 0 ? -INFINITY : 0;
}

/* The integers folded into the doubles, high half first. */
static struct query__sum sum_doubles(const struct query__sum *sum)
{
    struct query__sum all = *sum;
    double high = (double)all.integer;
    sum_add_double(&all, high);
    if (fabs(high) < 0x1p120) {
        sum_add_double(&all, (double)(all.integer - (__int128)high));
    }
    return all;
}

static double sum_double(const struct query__sum *sum)
{
    double extreme = sum_extreme(sum);
    if (extreme != 0) {
        return extreme;
    }
    struct query__sum all = sum_doubles(sum);
    return isfinite(all.sum) ? all.sum + all.rest : all.special;
}

static struct doc_decimal sum_decimal(const struct query__sum *sum)
{
    double extreme = sum_extreme(sum);
    if (extreme != 0) {
        return doc_decimal_of_double(extreme);
    }
    struct doc_decimal total = sum->decimal;
    if (sum->sum != 0 || sum->rest != 0) {
        bool finite = isfinite(sum->sum);
        double first = finite ? sum->sum : sum->special;
        total = doc_decimal_apply(DOC_DECIMAL_ADD, total, doc_decimal_of_double_exact(first));
        if (finite && sum->rest != 0) {
            struct doc_decimal rest = doc_decimal_of_double_exact(sum->rest);
            total = doc_decimal_apply(DOC_DECIMAL_ADD, total, rest);
        }
    }
    struct doc_decimal high = doc_decimal_of_i64((int64_t)(sum->integer >> 32));
    struct doc_decimal scale = doc_decimal_of_i64((int64_t)1 << 32);
    struct doc_decimal low = doc_decimal_of_i64((int64_t)(sum->integer & UINT32_MAX));
    high = doc_decimal_apply(DOC_DECIMAL_MULTIPLY, high, scale);
    struct doc_decimal whole = doc_decimal_apply(DOC_DECIMAL_ADD, high, low);
    return doc_decimal_apply(DOC_DECIMAL_ADD, total, whole);
}

struct doc_value query__sum_value(const struct query__sum *sum, struct arena *arena)
{
    if (sum->counts[SUM_DECIMAL] > 0) {
        return doc_value_decimal(arena, sum_decimal(sum));
    }
    bool fits = sum->integer >= INT64_MIN && sum->integer <= INT64_MAX;
    if (sum->counts[SUM_DOUBLE] > 0 || !fits) {
        return doc_value_double(arena, sum_double(sum));
    }
    int64_t total = (int64_t)sum->integer;
    return sum->counts[SUM_INT64] > 0 ? doc_value_i64(arena, total)
                                      : doc_value_integer(arena, total);
}

struct doc_value query__sum_mean(const struct query__sum *sum, struct arena *arena)
{
    uint64_t count = query__sum_count(sum);
    if (count == 0) {
        return doc_null;
    }
    if (sum->counts[SUM_DECIMAL] > 0) {
        struct doc_decimal divisor = doc_decimal_of_i64((int64_t)count);
        return doc_value_decimal(arena,
                                 doc_decimal_apply(DOC_DECIMAL_DIVIDE, sum_decimal(sum), divisor));
    }
    return doc_value_double(arena, sum_double(sum) / (double)count);
}
