/* query/window_bounds.c - frames: which documents around each one an operator looks at. */
#include "doc/compare.h"
#include "query/window_private.h"

/* ---- parsing ---- */

static int bounds_number(struct doc_value value, struct query__window_bounds *bounds,
                         struct query__window_bound *bound, struct err *err)
{
    bool whole = bounds->by == QUERY__WINDOW_DOCUMENTS || bounds->unit != QUERY__UNIT_NONE;
    if (!doc_value_is_number(value)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Window bounds must be 'unbounded', 'current', or a number");
    }
    if (whole && !doc_value_to_i64_exact(value, &bound->offset)) {
        return err_set(
            err, LT_EFAILEDTOPARSE,
            "Numeric window bounds must be an integer, unless in a range without 'unit'");
    }
    bound->amount = value;
    return 0;
}

static int bounds_one(struct doc_value value, struct query__window_bounds *bounds,
                      struct query__window_bound *bound, struct err *err)
{
    static const struct doc_value zero = {(const uint8_t *)"\0\0\0", 4, DOC_INT32};
    bool text = value.type == DOC_STRING;
    bound->unbounded = text && slice_is(doc_value_get_string(value), "unbounded");
    bound->amount = zero;
    if (bound->unbounded || (text && slice_is(doc_value_get_string(value), "current"))) {
        return 0;
    }
    return bounds_number(value, bounds, bound, err);
}

static int bounds_pair(struct query_context *context, struct doc_value spec, const char *name,
                       struct query__window_bounds *bounds, struct err *err)
{
    uint32_t count = 0;
    struct doc_value *pair = NULL;
    if (spec.type == DOC_ARRAY) {
        pair = query__elements(context->arena, spec, &count);
    }
    if (count != 2) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Window bounds must be a 2-element array: {%s: [lower, upper]}", name);
    }
    int rc = bounds_one(pair[0], bounds, &bounds->lower, err);
    rc = rc < 0 ? rc : bounds_one(pair[1], bounds, &bounds->upper, err);
    if (rc == 0 && !bounds->lower.unbounded && !bounds->upper.unbounded &&
        doc_compare(bounds->lower.amount, bounds->upper.amount) > 0) {
        rc = err_set(err, 5339900, "Lower bound must not exceed upper bound: %s", name);
    }
    return rc;
}

static int bounds_unit(struct doc_value spec, enum query__date_unit *ret_unit, struct err *err)
{
    *ret_unit = QUERY__UNIT_NONE;
    if (!doc_value_exists(spec)) {
        return 0;
    }
    if (spec.type != DOC_STRING) {
        return err_set(err, LT_EFAILEDTOPARSE, "'unit' must be a string");
    }
    *ret_unit = query__date_unit_find(doc_value_get_string(spec));
    return *ret_unit != QUERY__UNIT_NONE
               ? 0
               : err_set(err, LT_EFAILEDTOPARSE, "unknown time unit value: %.*s",
                         SLICE_FMT(doc_value_get_string(spec)));
}

static int bounds_fields(struct doc_value spec, struct doc_value *ret_documents,
                         struct doc_value *ret_range, struct doc_value *ret_unit, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "'window' field must be an object");
    }
    struct slice doc = doc_value_get_doc(spec);
    *ret_documents = doc_get_str(doc, "documents");
    *ret_range = doc_get_str(doc, "range");
    *ret_unit = doc_get_str(doc, "unit");
    bool documents = doc_value_exists(*ret_documents);
    bool range = doc_value_exists(*ret_range);
    bool unit = doc_value_exists(*ret_unit);
    if (doc_count(doc) != (size_t)documents + range + unit) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "'window' field can only contain 'documents' as the only argument or "
                       "'range' with an optional 'unit' field");
    }
    if (documents && range) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Window bounds can specify either 'documents' or 'range', not both");
    }
    if (unit && !range) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Window bounds can only specify 'unit' with range-based bounds");
    }
    return 0;
}

static int bounds_check_sort(const struct query__window_parse *parse,
                             const struct query__window_bounds *bounds, struct err *err)
{
    if (bounds->by == QUERY__WINDOW_RANGE) {
        if (parse->sort_value == NULL) {
            return err_set(err, 5339902, "Range-based bounds require sortBy a single field");
        }
        if (parse->sort->fields[0].descending) {
            return err_set(err, 8947401, "Range-based bounds require an ascending sortBy");
        }
    }
    bool moves = !bounds->lower.unbounded || !bounds->upper.unbounded;
    if (bounds->by == QUERY__WINDOW_DOCUMENTS && moves && parse->sort == NULL) {
        return err_set(err, 5339901, "Document-based bounds require a sortBy");
    }
    return 0;
}

int query__window_bounds_parse(const struct query__window_parse *parse, struct doc_value spec,
                               struct query__window_bounds *ret_bounds, struct err *err)
{
    struct query__window_bounds bounds = {.by = QUERY__WINDOW_ALL};
    struct doc_value documents = doc_missing;
    struct doc_value range = doc_missing;
    struct doc_value unit = doc_missing;
    int rc = bounds_fields(spec, &documents, &range, &unit, err);
    rc = rc < 0 ? rc : bounds_unit(unit, &bounds.unit, err);
    if (rc == 0 && doc_value_exists(documents)) {
        bounds.by = QUERY__WINDOW_DOCUMENTS;
        rc = bounds_pair(parse->context, documents, "documents", &bounds, err);
    } else if (rc == 0 && doc_value_exists(range)) {
        bounds.by = QUERY__WINDOW_RANGE;
        rc = bounds_pair(parse->context, range, "range", &bounds, err);
    }
    rc = rc < 0 ? rc : bounds_check_sort(parse, &bounds, err);
    if (rc == 0 && bounds.lower.unbounded && bounds.upper.unbounded) {
        bounds.by = QUERY__WINDOW_ALL;
    }
    *ret_bounds = bounds;
    return rc;
}

/* ---- running ---- */

/* A position in the partition, moved by an offset and kept within. */
static uint64_t bounds_at(const struct query__window_work *work, uint64_t at, int64_t offset)
{
    uint64_t count = work->partition->count;
    if (offset < 0) {
        return at < -(uint64_t)offset ? 0 : at - -(uint64_t)offset;
    }
    return (uint64_t)offset > count - at ? count : at + (uint64_t)offset;
}

static void bounds_documents(const struct query__window_work *work, uint64_t *ret_from,
                             uint64_t *ret_to)
{
    const struct query__window_bounds *bounds = &work->window->bounds;
    *ret_from = bounds->lower.unbounded ? 0 : bounds_at(work, work->at, bounds->lower.offset);
    uint64_t to = work->partition->count;
    if (!bounds->upper.unbounded) {
        int64_t offset = bounds->upper.offset;
        uint64_t last = bounds_at(work, work->at, offset);
        bool before = offset < 0 && work->at < -(uint64_t)offset;
        to = before ? 0 : last == to ? to : last + 1;
    }
    *ret_to = to;
}

/* The sort value that lies `bound` away from `base`. */
static int bounds_value(const struct query__window_work *work, struct doc_value base,
                        const struct query__window_bound *bound, struct doc_value *ret_value,
                        struct err *err)
{
    enum query__date_unit unit = work->window->bounds.unit;
    if (unit == QUERY__UNIT_NONE) {
        struct query__sum sum;
        query__sum_init(&sum);
        query__sum_add(&sum, base);
        query__sum_add(&sum, bound->amount);
        *ret_value = query__sum_value(&sum, work->inner);
        return 0;
    }
    int64_t moved;
    if (!query__date_shift(&query__zone_utc, doc_value_get_i64(base), unit, bound->offset,
                           &moved)) {
        return err_set(err, 5166406, "$dateAdd overflowed");
    }
    *ret_value = doc_value_date(work->inner, moved);
    return 0;
}

static int bounds_base(struct query__window_work *work, struct doc_value *ret_base, struct err *err)
{
    int rc = query__window_eval(work, work->window->sort_value, work->at, ret_base, err);
    if (rc < 0) {
        return rc;
    }
    if (work->window->bounds.unit != QUERY__UNIT_NONE) {
        return ret_base->type == DOC_DATE
                   ? 0
                   : err_set(err, 5429513,
                             "Invalid range: Expected the sortBy field to be a Date, but it was "
                             "%s",
                             doc_type_name(ret_base->type));
    }
    if (ret_base->type == DOC_DATE) {
        return err_set(err, 5429413,
                       "Invalid range: For windows that involve date or time ranges, a unit must "
                       "be provided.");
    }
    return doc_value_is_number(*ret_base)
               ? 0
               : err_set(err, 5429414,
                         "Invalid range: Expected the sortBy field to be a number, but it was %s",
                         doc_type_name(ret_base->type));
}

/* Move *at to the first document whose sort value is not below `limit`, or, when `past`, is above
 * it. */
static int bounds_seek(struct query__window_work *work, struct doc_value limit, bool past,
                       uint64_t *at, struct err *err)
{
    for (; *at < work->partition->count; (*at)++) {
        struct doc_value value;
        int rc = query__window_eval(work, work->window->sort_value, *at, &value, err);
        if (rc < 0) {
            return rc;
        }
        int order = doc_compare(value, limit);
        if (order > 0 || (order == 0 && !past)) {
            return 0;
        }
    }
    return 0;
}

static int bounds_range(struct query__window_work *work, uint64_t *ret_from, uint64_t *ret_to,
                        struct err *err)
{
    const struct query__window_bounds *bounds = &work->window->bounds;
    struct doc_value base;
    struct doc_value limit;
    int rc = bounds_base(work, &base, err);
    uint64_t from = bounds->lower.unbounded ? 0 : work->frame->range_from;
    uint64_t to = bounds->upper.unbounded ? work->partition->count : work->frame->range_to;
    if (rc == 0 && !bounds->lower.unbounded) {
        rc = bounds_value(work, base, &bounds->lower, &limit, err);
        rc = rc < 0 ? rc : bounds_seek(work, limit, false, &from, err);
    }
    if (rc == 0 && !bounds->upper.unbounded) {
        rc = bounds_value(work, base, &bounds->upper, &limit, err);
        rc = rc < 0 ? rc : bounds_seek(work, limit, true, &to, err);
    }
    work->frame->range_from = *ret_from = from;
    work->frame->range_to = *ret_to = to;
    return rc;
}

int query__window_place(struct query__window_work *work, uint64_t *ret_from, uint64_t *ret_to,
                        struct err *err)
{
    int rc = 0;
    switch (work->window->bounds.by) {
    case QUERY__WINDOW_ALL:
        *ret_from = 0;
        *ret_to = work->partition->count;
        break;
    case QUERY__WINDOW_DOCUMENTS:
        bounds_documents(work, ret_from, ret_to);
        break;
    case QUERY__WINDOW_RANGE:
        rc = bounds_range(work, ret_from, ret_to, err);
        break;
    }
    if (rc == 0 && *ret_to < *ret_from) {
        *ret_to = *ret_from;
    }
    arena_reset(work->inner);
    return rc;
}
