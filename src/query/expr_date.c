/* query/expr_date.c - parts of dates: $year ... $isoWeek, $dateToParts, $dateFromParts. */
#include "query/expr_date.h"

/* ---- what all date operators share ---- */

int query__date_value(struct query__call *call, uint32_t index, int code, int64_t *ret_ms)
{
    struct doc_value value = call->args[index];
    switch (value.type) {
    case DOC_DATE:
        *ret_ms = doc_value_get_i64(value);
        return 0;
    case DOC_TIMESTAMP:
        *ret_ms = (int64_t)((uint64_t)doc_value_get_i64(value) >> 32) * 1000;
        return 0;
    case DOC_OID: {
        const uint8_t *b = value.data;
        uint32_t seconds = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        *ret_ms = (int64_t)(int32_t)seconds * 1000;
        return 0;
    }
    default:
        return err_set(call->err, code, "can't convert from BSON type %s to Date",
                       doc_type_name(value.type));
    }
}

int query__date_zone(struct query__call *call, uint32_t index, const struct query__zone **ret_zone)
{
    if (index >= call->count || call->expr->args[index] == NULL) {
        *ret_zone = &query__zone_utc;
        return 0;
    }
    struct doc_value value = call->args[index];
    if (value.type != DOC_STRING) {
        return err_set(call->err, 40517, "timezone must evaluate to a string, found %s",
                       doc_type_name(value.type));
    }
    return query__zone_find(call->eval->context, doc_value_get_string(value), ret_zone, call->err);
}

bool query__date_any_null(const struct query__call *call, const uint32_t *indexes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = indexes[i];
        if (call->expr->args[at] != NULL && doc_value_is_nullish(call->args[at])) {
            return true;
        }
    }
    return false;
}

/* ---- $year and its kind: args are date, timezone ---- */

enum { DATE_DATE, DATE_ZONE };

enum {
    DATE_YEAR,
    DATE_MONTH,
    DATE_DAY,
    DATE_HOUR,
    DATE_MINUTE,
    DATE_SECOND,
    DATE_MILLISECOND,
    DATE_DAY_OF_WEEK,
    DATE_DAY_OF_YEAR,
    DATE_WEEK,
    DATE_ISO_DAY,
    DATE_ISO_WEEK,
    DATE_ISO_YEAR,
};

static const struct query__params date_part_params = {0, 40535, {{"date", 40539}, {"timezone", 0}}};

static int date_part_parse(struct query_context *context, struct doc_value spec,
                           struct query_expr *expr, struct err *err)
{
    if (spec.type == DOC_OBJECT && !query__is_operator(spec)) {
        return query__parse_params(context, spec, expr, err);
    }
    struct doc_value date = spec;
    if (spec.type == DOC_ARRAY) {
        size_t count = doc_count(doc_value_get_doc(spec));
        if (count != 1) {
            return err_set(err, 40536,
                           "%s accepts exactly one argument if given an array, but was "
                           "given %zu",
                           expr->op->name, count);
        }
        date = doc_array_at(doc_value_get_doc(spec), 0);
    }
    query__args_alloc(context, expr, 2);
    return query__expr_parse(context, date, &expr->args[DATE_DATE], err);
}

static int64_t date_part(int variant, int64_t local)
{
    struct query__date date = query__date_split(local);
    int64_t year;
    int64_t week;
    query__date_iso_week(local, &year, &week);
    int64_t weekday = query__date_weekday(local);
    const int64_t parts[] = {
        [DATE_YEAR] = date.year,
        [DATE_MONTH] = date.month,
        [DATE_DAY] = date.day,
        [DATE_HOUR] = date.hour,
        [DATE_MINUTE] = date.minute,
        [DATE_SECOND] = date.second,
        [DATE_MILLISECOND] = date.millisecond,
        [DATE_DAY_OF_WEEK] = weekday + 1,
        [DATE_DAY_OF_YEAR] = query__date_day_of_year(local),
        [DATE_WEEK] = query__date_week(local),
        [DATE_ISO_DAY] = weekday == 0 ? 7 : weekday,
        [DATE_ISO_WEEK] = week,
        [DATE_ISO_YEAR] = year,
    };
    return parts[variant];
}

static int date_part_call(struct query__call *call, struct doc_value *ret_value)
{
    int64_t ms;
    const struct query__zone *zone;
    if (doc_value_is_nullish(call->args[DATE_DATE])) {
        *ret_value = doc_null;
        return 0;
    }
    int rc = 0;
    if (call->expr->args[DATE_ZONE] != NULL && doc_value_is_nullish(call->args[DATE_ZONE])) {
        *ret_value = doc_null;
        return 0;
    }
    rc = query__date_zone(call, DATE_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    rc = query__date_value(call, DATE_DATE, 16006, &ms);
    if (rc == 0) {
        int16_t variant = call->expr->op->variant;
        int64_t part = date_part(variant, ms + query__zone_offset(zone, ms));
        bool is_long = variant == DATE_ISO_YEAR;
        *ret_value = is_long ? doc_value_i64(call->eval->arena, part)
                             : doc_value_integer(call->eval->arena, part);
    }
    return rc;
}

/* ---- $dateToParts: date, timezone, iso8601 ---- */

static const struct query__params date_to_parts_params = {
    40524, 40520, {{"date", 40522}, {"timezone", 0}, {"iso8601", 0}}};

static void date_add_part(struct query__list *list, const char *name, int64_t number)
{
    int32_t small = (int32_t)number;
    query__list_field(list, slice_str(name),
                      (struct doc_value){(const uint8_t *)&small, sizeof small, DOC_INT32});
}

static struct doc_value date_parts_list(struct arena *arena, int64_t local, bool iso)
{
    struct query__date date = query__date_split(local);
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    if (iso) {
        date_add_part(&list, "isoWeekYear", date_part(DATE_ISO_YEAR, local));
        date_add_part(&list, "isoWeek", date_part(DATE_ISO_WEEK, local));
        date_add_part(&list, "isoDayOfWeek", date_part(DATE_ISO_DAY, local));
    } else {
        date_add_part(&list, "year", date.year);
        date_add_part(&list, "month", date.month);
        date_add_part(&list, "day", date.day);
    }
    date_add_part(&list, "hour", date.hour);
    date_add_part(&list, "minute", date.minute);
    date_add_part(&list, "second", date.second);
    date_add_part(&list, "millisecond", date.millisecond);
    return query__list_end(&list);
}

static int date_to_parts(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value iso = call->args[2];
    bool iso_given = call->expr->args[2] != NULL;
    if (query__date_any_null(call, (uint32_t[]){0, 1, 2}, 3)) {
        *ret_value = doc_null;
        return 0;
    }
    if (iso_given && iso.type != DOC_BOOL) {
        return err_set(call->err, 40521, "iso8601 must evaluate to a bool, found %s",
                       doc_type_name(iso.type));
    }
    int64_t ms;
    const struct query__zone *zone;
    int rc = query__date_zone(call, DATE_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    rc = query__date_value(call, DATE_DATE, 16006, &ms);
    if (rc == 0) {
        int64_t local = ms + query__zone_offset(zone, ms);
        *ret_value =
            date_parts_list(call->eval->arena, local, iso_given && doc_value_get_bool(iso));
    }
    return rc;
}

/* ---- $dateFromParts ---- */

enum {
    PART_YEAR,
    PART_MONTH,
    PART_DAY,
    PART_HOUR,
    PART_MINUTE,
    PART_SECOND,
    PART_MILLI,
    PART_ISO_YEAR,
    PART_ISO_WEEK,
    PART_ISO_DAY,
    PART_ZONE
};

static const struct query__params date_from_parts_params = {40519,
                                                            40518,
                                                            {{"year", 0},
                                                             {"month", 0},
                                                             {"day", 0},
                                                             {"hour", 0},
                                                             {"minute", 0},
                                                             {"second", 0},
                                                             {"millisecond", 0},
                                                             {"isoWeekYear", 0},
                                                             {"isoWeek", 0},
                                                             {"isoDayOfWeek", 0},
                                                             {"timezone", 0}}};

static int date_from_parts_parse(struct query_context *context, struct doc_value spec,
                                 struct query_expr *expr, struct err *err)
{
    int rc = query__parse_params(context, spec, expr, err);
    if (rc < 0) {
        return rc;
    }
    bool year = expr->args[PART_YEAR] != NULL;
    bool iso_year = expr->args[PART_ISO_YEAR] != NULL;
    if (!year && !iso_year) {
        return err_set(err, 40516,
                       "$dateFromParts requires either 'year' or 'isoWeekYear' to be "
                       "present");
    }
    bool plain = expr->args[PART_MONTH] != NULL || expr->args[PART_DAY] != NULL;
    bool iso = expr->args[PART_ISO_WEEK] != NULL || expr->args[PART_ISO_DAY] != NULL;
    if (year && (iso_year || iso)) {
        return err_set(err, 40489,
                       "$dateFromParts does not allow mixing natural dates with ISO "
                       "dates");
    }
    if (iso_year && plain) {
        return err_set(err, 40525,
                       "$dateFromParts does not allow mixing ISO dates with natural "
                       "dates");
    }
    return 0;
}

/* 1 and the number, 0 when null, negative when it is not one. */
static int date_part_number(struct query__call *call, uint32_t index, int64_t fallback,
                            int64_t *ret_number)
{
    const char *name = call->expr->op->params->list[index].name;
    *ret_number = fallback;
    if (call->expr->args[index] == NULL) {
        return 1;
    }
    struct doc_value value = call->args[index];
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, ret_number)) {
        return err_set(call->err, 40515,
                       "'%s' must evaluate to an integer, found %s with value "
                       "%.*s",
                       name, doc_type_name(value.type), SLICE_FMT(query__print(call->eval, value)));
    }
    bool year = index == PART_YEAR || index == PART_ISO_YEAR;
    if (year && (*ret_number < 1 || *ret_number > 9999)) {
        return err_set(call->err, 40523,
                       "'%s' must evaluate to an integer in the range 1 to 9999, "
                       "found %lld",
                       name, (long long)*ret_number);
    }
    bool bounded = index != PART_SECOND && index != PART_MILLI && !year;
    if (bounded && (*ret_number < -32768 || *ret_number > 32767)) {
        return err_set(call->err, 31034,
                       "'%s' must evaluate to a value in the range [-32768, "
                       "32767]; value %lld is not in range",
                       name, (long long)*ret_number);
    }
    return 1;
}

static int date_from_parts_local(struct query__call *call, int64_t *ret_local)
{
    static const int64_t fallbacks[] = {1970, 1, 1, 0, 0, 0, 0, 1970, 1, 1};
    int64_t part[PART_ZONE];
    for (uint32_t i = 0; i < PART_ZONE; i++) {
        int rc = date_part_number(call, i, fallbacks[i], &part[i]);
        if (rc <= 0) {
            return rc;
        }
    }
    struct query__date date = {part[PART_YEAR], part[PART_MONTH],  part[PART_DAY],
                               part[PART_HOUR], part[PART_MINUTE], part[PART_SECOND],
                               part[PART_MILLI]};
    if (call->expr->args[PART_ISO_YEAR] != NULL) {
        int64_t first = (int64_t)query__date_iso_year_days(part[PART_ISO_YEAR]);
        date.year = 1970;
        date.month = 1;
        date.day = first + 7 * (part[PART_ISO_WEEK] - 1) + part[PART_ISO_DAY];
    }
    if (!query__date_join(&date, ret_local)) {
        return err_set(call->err, LT_EOVERFLOW, "$dateFromParts: the date is out of range");
    }
    return 1;
}

static int date_from_parts(struct query__call *call, struct doc_value *ret_value)
{
    int64_t local;
    int rc = date_from_parts_local(call, &local);
    if (rc < 0) {
        return rc;
    }
    bool zone_null =
        call->expr->args[PART_ZONE] != NULL && doc_value_is_nullish(call->args[PART_ZONE]);
    if (rc == 0 || zone_null) {
        *ret_value = doc_null;
        return 0;
    }
    const struct query__zone *zone;
    rc = query__date_zone(call, PART_ZONE, &zone);
    if (rc == 0) {
        *ret_value = doc_value_date(call->eval->arena, query__zone_to_utc(zone, local));
    }
    return rc;
}

#define DATE_ROW(name, variant)                                                                    \
    {                                                                                              \
        (name), 1, 1, 0, (variant), .call = date_part_call, .params = &date_part_params,           \
                                    .parse = date_part_parse                                       \
    }

const struct query__op query__ops_date[] = {
    DATE_ROW("$year", DATE_YEAR),
    DATE_ROW("$month", DATE_MONTH),
    DATE_ROW("$dayOfMonth", DATE_DAY),
    DATE_ROW("$hour", DATE_HOUR),
    DATE_ROW("$minute", DATE_MINUTE),
    DATE_ROW("$second", DATE_SECOND),
    DATE_ROW("$millisecond", DATE_MILLISECOND),
    DATE_ROW("$dayOfWeek", DATE_DAY_OF_WEEK),
    DATE_ROW("$dayOfYear", DATE_DAY_OF_YEAR),
    DATE_ROW("$week", DATE_WEEK),
    DATE_ROW("$isoDayOfWeek", DATE_ISO_DAY),
    DATE_ROW("$isoWeek", DATE_ISO_WEEK),
    DATE_ROW("$isoWeekYear", DATE_ISO_YEAR),
    {"$dateToParts", 1, 1, .call = date_to_parts, .params = &date_to_parts_params},
    {"$dateFromParts", 1, 1, .call = date_from_parts, .params = &date_from_parts_params,
     .parse = date_from_parts_parse},
    {0},
};
