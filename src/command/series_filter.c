/* command/series_filter.c - bounds of the time become bounds of _id and control, conditions on the
 * meta field stay what they are, all others are left to the measurements. */
#include "command/series_filter.h"

#include "doc/view.h"

/* ---- names ---- */

bool command_series_meta(struct arena *arena, const struct command_series *series,
                         struct slice name, struct slice *ret_name)
{
    struct slice meta = series->fields.meta_field;
    if (meta.data == NULL || !slice_starts(name, meta)) {
        return false;
    }
    struct slice rest = slice_from(name, meta.len);
    if (rest.len > 0 && rest.data[0] != '.') {
        return false;
    }
    *ret_name = arena_format(arena, "meta%.*s", SLICE_FMT(rest));
    return true;
}

static void filter_begin(struct doc_builder **builder, struct arena *arena, bool is_array)
{
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    *builder = arena_alloc(arena, sizeof **builder);
    buf_init(buf, arena);
    if (is_array) {
        doc_build_begin_array(*builder, buf);
    } else {
        doc_build_begin(*builder, buf);
    }
}

/* ---- the meta field alone ---- */

static bool filter_is_logic(struct slice name)
{
    return slice_is(name, "$and") || slice_is(name, "$or") || slice_is(name, "$nor");
}

static bool filter_logic(struct arena *arena, const struct command_series *series,
                         struct doc_value list, struct slice *ret_list)
{
    struct doc_builder *builder;
    struct doc_iter iter;
    struct doc_elem elem;
    if (list.type != DOC_ARRAY) {
        return false;
    }
    filter_begin(&builder, arena, true);
    doc_iter_value(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        struct slice filter;
        if (elem.value.type != DOC_OBJECT ||
            !command_series_on_meta(arena, series, doc_value_get_doc(elem.value), &filter)) {
            return false;
        }
        doc_build_doc(builder, "", filter);
    }
    *ret_list = doc_build_end(builder);
    return true;
}

bool command_series_on_meta(struct arena *arena, const struct command_series *series,
                            struct slice filter, struct slice *ret_filter)
{
    struct doc_builder *builder;
    struct doc_iter iter;
    struct doc_elem elem;
    filter_begin(&builder, arena, false);
    doc_iter_init(&iter, filter);
    while (doc_iter_next(&iter, &elem)) {
        struct slice name;
        struct slice list;
        if (slice_is(elem.name, "$comment")) {
            continue;
        }
        if (filter_is_logic(elem.name)) {
            if (!filter_logic(arena, series, elem.value, &list)) {
                return false;
            }
            doc_build_value(builder, elem.name, doc_value_array(list));
        } else if (command_series_meta(arena, series, elem.name, &name)) {
            doc_build_value(builder, name, elem.value);
        } else {
            return false;
        }
    }
    *ret_filter = doc_build_end(builder);
    return true;
}

/* ---- the time ---- */

uint32_t command_series_stamp(int64_t window_s)
{
    return window_s < 0 ? 0 : window_s > UINT32_MAX ? UINT32_MAX : (uint32_t)window_s;
}

static int64_t filter_floor(int64_t number, int64_t divisor)
{
    int64_t quotient = number / divisor;
    return quotient - (number % divisor < 0);
}

int64_t command_series_window(const struct command_series *series, int64_t time_ms)
{
    return filter_floor(filter_floor(time_ms, 1000), series->span_s) * series->span_s;
}

static void filter_id(struct doc_builder *builder, const char *name, uint32_t stamp, uint8_t rest)
{
    uint8_t id[12];
    memset(id, rest, sizeof id);
    for (int i = 0; i < 4; i++) {
        id[i] = (uint8_t)(stamp >> (24 - 8 * i));
    }
    doc_build_oid(builder, name, id);
}

/* One end of a range of time. */
static void filter_time(struct doc_builder *builder, const struct command_series *series,
                        struct arena *arena, bool is_lower, int64_t time_ms)
{
    const int64_t slack_ms = (series->span_s + series->rounding_s) * 1000;
    struct slice field = series->fields.time_field;
    const char *op = is_lower ? "$gte" : "$lte";
    int64_t second = filter_floor(time_ms, 1000);
    int64_t far_ms = is_lower ? time_ms - slack_ms : time_ms + slack_ms;
    doc_build_open(builder, SLICE("_id"));
    filter_id(builder, op, command_series_stamp(is_lower ? second - series->span_s : second),
              is_lower ? 0 : 0xff);
    doc_build_close(builder);
    doc_build_open(builder, arena_format(arena, "control.%s.%.*s", is_lower ? "max" : "min",
                                         SLICE_FMT(field)));
    doc_build_date(builder, op, time_ms);
    doc_build_close(builder);
    doc_build_open(builder, arena_format(arena, "control.%s.%.*s", is_lower ? "min" : "max",
                                         SLICE_FMT(field)));
    doc_build_date(builder, op, far_ms);
    doc_build_close(builder);
}

/* Times so far from 1970 that sums overflow are not bounded by; nor is a field that has no path. */
static bool filter_is_time(const struct command_series *series, struct doc_value value)
{
    const int64_t far = INT64_MAX / 2;
    return value.type == DOC_DATE && doc_value_get_i64(value) > -far &&
           doc_value_get_i64(value) < far && series->fields.time_field.len > 0 &&
           series->fields.time_field.data[0] != '$';
}

/* Each bound is a condition of its own, since two may be on the same field. */
static void filter_bound(struct doc_builder *list, const struct command_series *series,
                         struct arena *arena, struct slice op, struct doc_value value)
{
    bool both = slice_is(op, "$eq");
    bool is_lower = both || slice_is(op, "$gt") || slice_is(op, "$gte");
    bool is_upper = both || slice_is(op, "$lt") || slice_is(op, "$lte");
    for (int end = 0; end < 2 && filter_is_time(series, value); end++) {
        if (end == 0 ? is_lower : is_upper) {
            doc_build_open(list, SLICE(""));
            filter_time(list, series, arena, end == 0, doc_value_get_i64(value));
            doc_build_close(list);
        }
    }
}

static bool filter_has_operators(struct doc_value value)
{
    return value.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(value)) &&
           slice_starts(doc_first(doc_value_get_doc(value)).name, SLICE("$"));
}

static void filter_times(struct doc_builder *list, const struct command_series *series,
                         struct arena *arena, struct doc_value value)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (!filter_has_operators(value)) {
        filter_bound(list, series, arena, SLICE("$eq"), value);
        return;
    }
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        filter_bound(list, series, arena, elem.name, elem.value);
    }
}

/* ---- all of it ---- */

/* Nearness orders, and is no condition. */
static bool filter_is_near(struct doc_value value)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (value.type != DOC_OBJECT) {
        return false;
    }
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_starts(elem.name, SLICE("$near")) || slice_is(elem.name, "$geoNear")) {
            return true;
        }
    }
    return false;
}

/* Conditions on buckets, each as a document of the list. */
static void filter_walk(struct doc_builder *list, const struct command_series *series,
                        struct arena *arena, struct slice filter)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, filter);
    while (doc_iter_next(&iter, &elem)) {
        struct slice name;
        struct slice inner;
        if (slice_is(elem.name, "$and") && elem.value.type == DOC_ARRAY) {
            struct doc_iter parts;
            struct doc_elem part;
            doc_iter_value(&parts, elem.value);
            while (doc_iter_next(&parts, &part)) {
                if (part.value.type == DOC_OBJECT) {
                    filter_walk(list, series, arena, doc_value_get_doc(part.value));
                }
            }
        } else if (filter_is_logic(elem.name)) {
            if (filter_logic(arena, series, elem.value, &inner)) {
                doc_build_open(list, SLICE(""));
                doc_build_value(list, elem.name, doc_value_array(inner));
                doc_build_close(list);
            }
        } else if (slice_equal(elem.name, series->fields.time_field)) {
            filter_times(list, series, arena, elem.value);
        } else if (command_series_meta(arena, series, elem.name, &name) &&
                   !filter_is_near(elem.value)) {
            doc_build_open(list, SLICE(""));
            doc_build_value(list, name, elem.value);
            doc_build_close(list);
        }
    }
}

struct slice command_series_filter(struct arena *arena, const struct command_series *series,
                                   struct slice filter)
{
    struct doc_builder *list;
    struct doc_builder *builder;
    filter_begin(&list, arena, true);
    filter_walk(list, series, arena, filter);
    struct slice conditions = doc_build_end(list);
    filter_begin(&builder, arena, false);
    if (!doc_is_empty(conditions)) {
        doc_build_array(builder, "$and", conditions);
    }
    return doc_build_end(builder);
}

struct slice command_series_expired(struct arena *arena, const struct command_series *series,
                                    int64_t over_ms, struct slice also)
{
    struct doc_builder *builder;
    filter_begin(&builder, arena, false);
    doc_build_open(builder, SLICE("_id"));
    filter_id(builder, "$lte", command_series_stamp(filter_floor(over_ms, 1000)), 0xff);
    doc_build_close(builder);
    doc_build_open(builder,
                   arena_format(arena, "control.max.%.*s", SLICE_FMT(series->fields.time_field)));
    doc_build_date(builder, "$lte", over_ms);
    doc_build_close(builder);
    if (also.len > 0) {
        doc_build_open_array(builder, SLICE("$and"));
        doc_build_doc(builder, "", also);
        doc_build_close(builder);
    }
    return doc_build_end(builder);
}

/* ---- stages ---- */

/* The filter of a $match, or a missing value. */
static struct doc_value filter_of_stage(struct doc_value stage)
{
    struct doc_elem first = {.value = doc_missing};
    if (stage.type == DOC_OBJECT) {
        first = doc_first(doc_value_get_doc(stage));
    }
    return slice_is(first.name, "$match") && first.value.type == DOC_OBJECT ? first.value
                                                                            : doc_missing;
}

struct slice command_series_push(struct arena *arena, const struct command_series *series,
                                 struct slice stages)
{
    struct doc_builder *list;
    struct doc_builder *builder;
    struct doc_iter iter;
    struct doc_elem elem;
    filter_begin(&list, arena, true);
    doc_iter_init(&iter, stages);
    doc_iter_next(&iter, &elem); /* the unpacking */
    while (doc_iter_next(&iter, &elem) && doc_value_exists(filter_of_stage(elem.value))) {
        filter_walk(list, series, arena, doc_value_get_doc(filter_of_stage(elem.value)));
    }
    struct slice conditions = doc_build_end(list);
    if (doc_is_empty(conditions)) {
        return stages;
    }
    filter_begin(&builder, arena, true);
    doc_build_open(builder, SLICE(""));
    doc_build_open(builder, SLICE("$match"));
    doc_build_array(builder, "$and", conditions);
    doc_build_close(builder);
    doc_build_close(builder);
    doc_iter_init(&iter, stages);
    while (doc_iter_next(&iter, &elem)) {
        doc_build_value(builder, SLICE(""), elem.value);
    }
    return doc_build_end(builder);
}
