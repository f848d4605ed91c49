/* query/sum.c - see sum.h. Doubles are summed as Knuth's two-sum does, the error kept apart. */
#include "query/sum.h"

#include <math.h>

#include "doc/decimal.h"

void query__sum_init(struct query__sum *sum)
{
    *sum = (struct query__sum){.widest = DOC_INT32, .decimal = doc_decimal_of_i64(0)};
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

static int sum_width(uint8_t type)
{
    return type == DOC_DECIMAL ? 3 : type == DOC_DOUBLE ? 2 : type == DOC_INT64;
}

void query__sum_add(struct query__sum *sum, struct doc_value number)
{
    switch (number.type) {
    case DOC_INT32:
        sum->integer += doc_value_get_i32(number);
        break;
    case DOC_INT64:
        sum->integer += doc_value_get_i64(number);
        break;
    case DOC_DOUBLE:
        sum_add_double(sum, doc_value_get_double(number));
        break;
    case DOC_DECIMAL:
        sum->decimal =
            doc_decimal_apply(DOC_DECIMAL_ADD, sum->decimal, doc_value_get_decimal(number));
        break;
    default:
        return;
    }
    sum->count++;
    if (sum_width(number.type) > sum_width(sum->widest)) {
        sum->widest = number.type;
    }
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
    struct query__sum all = sum_doubles(sum);
    return isfinite(all.sum) ? all.sum + all.rest : all.special;
}

static struct doc_decimal sum_decimal(const struct query__sum *sum)
{
    struct doc_decimal total = sum->decimal;
    if (sum->sum != 0 || sum->rest != 0 || !isfinite(sum->special)) {
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
    if (sum->widest == DOC_DECIMAL) {
        return doc_value_decimal(arena, sum_decimal(sum));
    }
    bool fits = sum->integer >= INT64_MIN && sum->integer <= INT64_MAX;
    if (sum->widest == DOC_DOUBLE || !fits) {
        return doc_value_double(arena, sum_double(sum));
    }
    int64_t total = (int64_t)sum->integer;
    return sum->widest == DOC_INT64 ? doc_value_i64(arena, total) : doc_value_integer(arena, total);
}

struct doc_value query__sum_mean(const struct query__sum *sum, struct arena *arena)
{
    if (sum->count == 0) {
        return doc_null;
    }
    if (sum->widest == DOC_DECIMAL) {
        struct doc_decimal count = doc_decimal_of_i64((int64_t)sum->count);
        return doc_value_decimal(arena,
                                 doc_decimal_apply(DOC_DECIMAL_DIVIDE, sum_decimal(sum), count));
    }
    return doc_value_double(arena, sum_double(sum) / (double)sum->count);
}
