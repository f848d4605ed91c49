/* query/percentile.c - see percentile.h. */
#include "query/percentile.h"

#include <math.h>
#include <stdlib.h>

#include "query/expr_private.h"
#include "query/fields.h"

/* ---- parsing ---- */

enum { PERCENTILE_INPUT, PERCENTILE_METHOD, PERCENTILE_P, PERCENTILE_FIELDS };

static const struct query__field percentile_fields[] = {
    {"input", QUERY__FIELD_ANY, true},
    {"method", DOC_STRING, true},
    {"p", QUERY__FIELD_ANY, true},
    {0},
};

static const struct query__field percentile_median_fields[] = {
    {"input", QUERY__FIELD_ANY, true},
    {"method", DOC_STRING, true},
    {0},
};

static int percentile_number(struct doc_value value, double *ret_p, struct err *err)
{
    if (!doc_value_is_number(value)) {
        return err_set(err, 7750302,
                       "The $percentile 'p' field must be an array of numbers from [0.0, 1.0], but "
                       "found an element of type %s",
                       doc_type_name(value.type));
    }
    double p = doc_value_to_double(value);
    if (!(p >= 0 && p <= 1)) {
        return err_set(err, 7750303,
                       "The $percentile 'p' field must be an array of numbers from [0.0, 1.0], but "
                       "found %g",
                       p);
    }
    *ret_p = p;
    return 0;
}

static int percentile_list(struct query_context *context, struct doc_value spec,
                           struct query__percentile *percentile, struct err *err)
{
    struct query_expr *expr;
    int rc = query_expr_parse(context, spec, &expr, err);
    if (rc < 0) {
        return rc;
    }
    const struct doc_value *list = query_expr_constant(expr);
    if (list == NULL) {
        return err_set(err, 7750300, "The $percentile 'p' field must be a constant expression");
    }
    if (list->type != DOC_ARRAY || doc_is_empty(doc_value_get_doc(*list))) {
        return err_set(err, 7750301,
                       "The $percentile 'p' field must be an array of numbers from [0.0, 1.0], but "
                       "found %s",
                       doc_type_name(list->type));
    }
    struct doc_value *values = query__elements(context->arena, *list, &percentile->count);
    percentile->p = arena_zero(context->arena, percentile->count, sizeof *percentile->p);
    for (uint32_t i = 0; rc == 0 && i < percentile->count; i++) {
        rc = percentile_number(values[i], &percentile->p[i], err);
    }
    return rc;
}

int query__percentile_parse(struct query_context *context, const char *name, struct doc_value spec,
                            struct query__percentile **ret_percentile, struct err *err)
{
    bool list = strcmp(name, "$percentile") == 0;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, list ? 7429703 : 7436100,
                       "specification must be an object; found %s :%s", name,
                       doc_type_name(spec.type));
    }
    struct doc_value values[PERCENTILE_FIELDS];
    int rc = query__fields_read(name, doc_value_get_doc(spec),
                                list ? percentile_fields : percentile_median_fields, values, err);
    if (rc < 0) {
        return rc;
    }
    if (!slice_is(doc_value_get_string(values[PERCENTILE_METHOD]), "approximate")) {
        return err_set(err, LT_EBADVALUE,
                       "Currently only 'approximate' can be used as a percentile 'method'.");
    }
    static const double half = 0.5;
    struct query__percentile *percentile = arena_zero(context->arena, 1, sizeof *percentile);
    percentile->list = list;
    percentile->count = 1;
    percentile->p = memcpy(arena_alloc(context->arena, sizeof half), &half, sizeof half);
    if (list) {
        rc = percentile_list(context, values[PERCENTILE_P], percentile, err);
    }
    *ret_percentile = percentile;
    return rc < 0 ? rc
                  : query__expr_parse(context, values[PERCENTILE_INPUT], &percentile->input, err);
}

/* ---- counting ---- */

bool query__percentile_takes(struct doc_value value, double *ret_number)
{
    if (!doc_value_is_number(value)) {
        return false;
    }
    *ret_number = doc_value_to_double(value);
    return !isnan(*ret_number);
}

static uint64_t percentile_rank(double p, uint64_t count)
{
    double rank = ceil(p * (double)count) - 1;
    return rank <= 0 ? 0 : rank >= (double)count ? count - 1 : (uint64_t)rank;
}

struct doc_value query__percentile_of(const struct query__percentile *percentile, uint64_t count,
                                      double (*at)(const void *context, uint64_t rank),
                                      const void *context, struct arena *arena)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    struct doc_value value = doc_null;
    for (uint32_t i = 0; i < percentile->count; i++) {
        if (count > 0) {
            value = doc_value_double(arena, at(context, percentile_rank(percentile->p[i], count)));
        }
        query__list_add(&list, value);
    }
    return percentile->list ? query__list_end(&list) : value;
}

static int percentile_order(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double percentile_at(const void *context, uint64_t rank)
{
    return ((const double *)context)[rank];
}

struct doc_value query__percentile_sort(const struct query__percentile *percentile, double *numbers,
                                        uint64_t count, struct arena *arena)
{
    if (count > 1) {
        qsort(numbers, count, sizeof *numbers, percentile_order);
    }
    return query__percentile_of(percentile, count, percentile_at, numbers, arena);
}
