/* query/expr_date_math.c - $dateAdd, $dateSubtract, $dateDiff, $dateTrunc.
 *
 * Units up to the hour are lengths of time; days and more are steps on the zone's calendar. */
#include <strings.h>

#include "query/expr_date.h"

static const struct {
    const char *name;
    int64_t ms;     /* of a length of time, or a day or week of the local clock */
    int64_t months; /* of a calendar step */
} math_units[] = {
    [QUERY__UNIT_MILLISECOND] = {"millisecond", 1, 0},
    [QUERY__UNIT_SECOND] = {"second", 1000, 0},
    [QUERY__UNIT_MINUTE] = {"minute", QUERY__MINUTE_MS, 0},
    [QUERY__UNIT_HOUR] = {"hour", QUERY__HOUR_MS, 0},
    [QUERY__UNIT_DAY] = {"day", QUERY__DAY_MS, 0},
    [QUERY__UNIT_WEEK] = {"week", 7 * (int64_t)QUERY__DAY_MS, 0},
    [QUERY__UNIT_MONTH] = {"month", 0, 1},
    [QUERY__UNIT_QUARTER] = {"quarter", 0, 3},
    [QUERY__UNIT_YEAR] = {"year", 0, 12},
};

enum query__date_unit query__date_unit_find(struct slice name)
{
    enum query__date_unit unit = 0;
    while (unit < QUERY__UNIT_NONE && !slice_is(name, math_units[unit].name)) {
        unit++;
    }
    return unit;
}

int64_t query__date_unit_ms(enum query__date_unit unit)
{
    return math_units[unit].ms;
}

static int date_unit(struct query__call *call, uint32_t index, enum query__date_unit *ret_unit)
{
    struct doc_value value = call->args[index];
    if (value.type != DOC_STRING) {
        return err_set(call->err, 5439013, "%s requires 'unit' to be a string, but got %s",
                       call->expr->op->name, doc_type_name(value.type));
    }
    *ret_unit = query__date_unit_find(doc_value_get_string(value));
    if (*ret_unit != QUERY__UNIT_NONE) {
        return 0;
    }
    return err_set(call->err, LT_EFAILEDTOPARSE,
                   "%s parameter 'unit' value cannot be recognized "
                   "as a time unit: %.*s",
                   call->expr->op->name, SLICE_FMT(doc_value_get_string(value)));
}

/* The weekday that begins a week, 0 Sunday; only looked at when the unit is a week. */
static int date_start_of_week(struct query__call *call, uint32_t index, enum query__date_unit unit,
                              int64_t *ret_day)
{
    static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
    *ret_day = 0;
    if (unit != QUERY__UNIT_WEEK || call->expr->args[index] == NULL) {
        return 0;
    }
    struct doc_value value = call->args[index];
    if (value.type != DOC_STRING) {
        return err_set(call->err, 5439015, "%s requires 'startOfWeek' to be a string, but got %s",
                       call->expr->op->name, doc_type_name(value.type));
    }
    struct slice text = doc_value_get_string(value);
    for (int64_t day = 0; day < 7; day++) {
        size_t len = strlen(names[day]);
        bool shorter = text.len == 3;
        if ((shorter || text.len == len) &&
            strncasecmp((const char *)text.data, names[day], text.len) == 0) {
            *ret_day = day;
            return 0;
        }
    }
    return err_set(call->err, 5439016,
                   "%s parameter 'startOfWeek' value cannot be recognized as a "
                   "day of a week: %.*s",
                   call->expr->op->name, SLICE_FMT(text));
}

static __int128 date_floor(__int128 number, __int128 by)
{
    return number / by - (number % by < 0);
}

static int64_t date_months(int64_t local)
{
    struct query__date date = query__date_split(local);
    return date.year * 12 + date.month - 1;
}

/* ---- $dateAdd, $dateSubtract: variant is the sign ---- */

enum { ADD_DATE, ADD_UNIT, ADD_AMOUNT, ADD_ZONE };

static const struct query__params date_add_params = {
    5166400,
    5166401,
    {{"startDate", 5166402}, {"unit", 5166402}, {"amount", 5166402}, {"timezone", 0}}};

static bool date_add_months(int64_t local, __int128 months, int64_t *ret_local)
{
    struct query__date date = query__date_split(local);
    __int128 total = (__int128)date_months(local) + months;
    if (total > (__int128)4000000000 || total < -(__int128)4000000000) {
        return false;
    }
    date.year = (int64_t)date_floor(total, 12);
    date.month = (int64_t)(total - (__int128)date.year * 12) + 1;
    int64_t length = (int64_t)(query__date_month_days(date.year, date.month + 1) -
                               query__date_month_days(date.year, date.month));
    date.day = date.day > length ? length : date.day;
    return query__date_join(&date, ret_local);
}

bool query__date_shift(const struct query__zone *zone, int64_t ms, enum query__date_unit unit,
                       int64_t amount, int64_t *ret_ms)
{
    __int128 step = math_units[unit].ms * (__int128)amount;
    int64_t local;
    if (unit <= QUERY__UNIT_HOUR) {
        __int128 sum = ms + step;
        *ret_ms = (int64_t)sum;
        return sum >= INT64_MIN && sum <= INT64_MAX;
    }
    int64_t start = ms + query__zone_offset(zone, ms);
    if (math_units[unit].months > 0) {
        if (!date_add_months(start, math_units[unit].months * (__int128)amount, &local)) {
            return false;
        }
    } else {
        __int128 sum = start + step;
        if (sum < INT64_MIN || sum > INT64_MAX) {
            return false;
        }
        local = (int64_t)sum;
    }
    *ret_ms = query__zone_to_utc(zone, local);
    return true;
}

static int date_add_check(struct query__call *call, int64_t *ret_ms,
                          enum query__date_unit *ret_unit, int64_t *ret_amount)
{
    int rc = date_unit(call, ADD_UNIT, ret_unit);
    rc = rc < 0 ? rc : query__date_value(call, ADD_DATE, 5166403, ret_ms);
    if (rc < 0) {
        return rc;
    }
    struct doc_value amount = call->args[ADD_AMOUNT];
    if (!doc_value_is_number(amount) || !doc_value_to_i64_exact(amount, ret_amount)) {
        return err_set(call->err, 5166405, "%s expects integer amount of time units",
                       call->expr->op->name);
    }
    if (call->expr->op->variant < 0) {
        if (*ret_amount == INT64_MIN) {
            return err_set(call->err, 6045000, "invalid %s 'amount' parameter value: %lld",
                           call->expr->op->name, (long long)*ret_amount);
        }
        *ret_amount = -*ret_amount;
    }
    return 0;
}

static int date_add(struct query__call *call, struct doc_value *ret_value)
{
    if (query__date_any_null(call, (uint32_t[]){0, 1, 2, 3}, 4)) {
        *ret_value = doc_null;
        return 0;
    }
    int64_t ms;
    enum query__date_unit unit;
    int64_t amount;
    const struct query__zone *zone;
    int rc = date_add_check(call, &ms, &unit, &amount);
    rc = rc < 0 ? rc : query__date_zone(call, ADD_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    static const int64_t years_max = 584000000;
    int64_t months = math_units[unit].months;
    int64_t limit = months > 0 ? years_max * 12 / months : INT64_MAX / math_units[unit].ms;
    int64_t moved;
    if (amount > limit || amount < -limit) {
        rc = err_set(call->err, 5976500, "invalid %s 'amount' parameter value: %lld %s",
                     call->expr->op->name, (long long)amount, math_units[unit].name);
    } else if (!query__date_shift(zone, ms, unit, amount, &moved)) {
        rc = err_set(call->err, 5166406, "%s overflowed", call->expr->op->name);
    } else {
        *ret_value = doc_value_date(call->eval->arena, moved);
    }
    return rc;
}

/* ---- $dateDiff ---- */

enum { DIFF_START, DIFF_END, DIFF_UNIT, DIFF_ZONE, DIFF_WEEK };

static const struct query__params date_diff_params = {5166301,
                                                      5166302,
                                                      {{"startDate", 5166303},
                                                       {"endDate", 5166304},
                                                       {"unit", 5166305},
                                                       {"timezone", 0},
                                                       {"startOfWeek", 0}}};

/* Boundaries of the unit before a moment of the local clock. */
static __int128 date_boundaries(int64_t local, enum query__date_unit unit, int64_t week_start)
{
    if (math_units[unit].months > 0) {
        return date_floor(date_months(local), math_units[unit].months);
    }
    __int128 shift = 0;
    if (unit == QUERY__UNIT_WEEK) { /* 1970-01-01 was a Thursday */
        shift = ((4 - week_start + 7) % 7) * (__int128)QUERY__DAY_MS;
    }
    return date_floor(local + shift, math_units[unit].ms);
}

static int date_diff_of(struct query__call *call, const struct query__zone *zone,
                        enum query__date_unit unit, int64_t week_start, struct doc_value *ret_value)
{
    int64_t start;
    int64_t end;
    int rc = query__date_value(call, DIFF_START, 5166307, &start);
    rc = rc < 0 ? rc : query__date_value(call, DIFF_END, 5166307, &end);
    if (rc < 0) {
        return rc;
    }
    int64_t start_offset = query__zone_offset(zone, start);
    int64_t end_offset = query__zone_offset(zone, end);
    __int128 count = date_boundaries(end + end_offset, unit, week_start) -
                     date_boundaries(start + start_offset, unit, week_start);
    if (unit <= QUERY__UNIT_HOUR) { /* what the clock jumped is not time that passed */
        count -= (end_offset - start_offset) / math_units[unit].ms;
    }
    if (count < INT64_MIN || count > INT64_MAX) {
        return err_set(call->err, 5166308, "$dateDiff overflowed");
    }
    *ret_value = doc_value_i64(call->eval->arena, (int64_t)count);
    return 0;
}

static int date_diff(struct query__call *call, struct doc_value *ret_value)
{
    bool null = query__date_any_null(call, (uint32_t[]){0, 1, 2, 3}, 4);
    enum query__date_unit unit = QUERY__UNIT_NONE;
    int rc = null ? 0 : date_unit(call, DIFF_UNIT, &unit);
    if (rc < 0) {
        return rc;
    }
    bool week_null =
        unit == QUERY__UNIT_WEEK && query__date_any_null(call, (uint32_t[]){DIFF_WEEK}, 1);
    if (null || week_null) {
        *ret_value = doc_null;
        return 0;
    }
    int64_t week_start;
    rc = date_start_of_week(call, DIFF_WEEK, unit, &week_start);
    const struct query__zone *zone;
    rc = rc < 0 ? rc : query__date_zone(call, DIFF_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    rc = date_diff_of(call, zone, unit, week_start, ret_value);
    return rc;
}

/* ---- $dateTrunc: bins are counted from 2000-01-01T00:00 of the local clock ---- */

enum { TRUNC_DATE, TRUNC_UNIT, TRUNC_BIN, TRUNC_ZONE, TRUNC_WEEK };

static const struct query__params date_trunc_params = {
    5439007,
    5439008,
    {{"date", 5439009}, {"unit", 5439010}, {"binSize", 0}, {"timezone", 0}, {"startOfWeek", 0}}};

static int date_bin_size(struct query__call *call, int64_t *ret_size)
{
    *ret_size = 1;
    if (call->expr->args[TRUNC_BIN] == NULL) {
        return 0;
    }
    struct doc_value value = call->args[TRUNC_BIN];
    if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, ret_size)) {
        return err_set(call->err, 5439017,
                       "$dateTrunc requires 'binSize' to be a 64-bit integer, "
                       "but got value of type %s",
                       doc_type_name(value.type));
    }
    if (*ret_size <= 0) {
        return err_set(call->err, 5439018,
                       "$dateTrunc requires 'binSize' to be greater than 0, "
                       "but got value %lld",
                       (long long)*ret_size);
    }
    return 0;
}

static const int64_t date_2000 = 946684800000; /* a Saturday */

static bool date_trunc_local(const struct query__zone *zone, int64_t ms, enum query__date_unit unit,
                             const int64_t bin_and_week[2], int64_t *ret_ms)
{
    int64_t months = math_units[unit].months;
    __int128 bin = bin_and_week[0];
    if (months > 0) {
        __int128 size = bin * months;
        __int128 since = date_months(ms + query__zone_offset(zone, ms)) - (__int128)2000 * 12;
        since = date_floor(since, size) * size + (__int128)2000 * 12;
        struct query__date date = {.year = (int64_t)date_floor(since, 12), .day = 1};
        date.month = (int64_t)(since - (__int128)date.year * 12) + 1;
        int64_t local;
        if (!query__date_join(&date, &local)) {
            return false;
        }
        *ret_ms = query__zone_to_utc(zone, local);
        return true;
    }
    __int128 size = bin * math_units[unit].ms;
    if (unit <= QUERY__UNIT_HOUR) {
        __int128 origin = query__zone_to_utc(zone, date_2000);
        __int128 start = origin + date_floor(ms - origin, size) * size;
        *ret_ms = (int64_t)start;
        return start >= INT64_MIN;
    }
    __int128 origin = date_2000;
    if (unit == QUERY__UNIT_WEEK) {
        origin += ((bin_and_week[1] + 7 - 6) % 7) * (__int128)QUERY__DAY_MS;
    }
    __int128 local = origin + date_floor(ms + query__zone_offset(zone, ms) - origin, size) * size;
    if (local < INT64_MIN) {
        return false;
    }
    *ret_ms = query__zone_to_utc(zone, (int64_t)local);
    return true;
}

static int date_trunc(struct query__call *call, struct doc_value *ret_value)
{
    bool null = query__date_any_null(call, (uint32_t[]){0, 1, 2, 3}, 4);
    enum query__date_unit unit = QUERY__UNIT_NONE;
    int rc = null ? 0 : date_unit(call, TRUNC_UNIT, &unit);
    if (rc < 0) {
        return rc;
    }
    /* of a constant date only weeks have a start; of others it counts whatever the unit is */
    bool week =
        unit == QUERY__UNIT_WEEK || query_expr_constant(call->expr->args[TRUNC_DATE]) == NULL;
    bool week_null = week && query__date_any_null(call, (uint32_t[]){TRUNC_WEEK}, 1);
    if (null || week_null) {
        *ret_value = doc_null;
        return 0;
    }
    int64_t ms;
    int64_t bin_and_week[2];
    const struct query__zone *zone;
    rc = query__date_value(call, TRUNC_DATE, 5439012, &ms);
    rc = rc < 0 ? rc : date_bin_size(call, &bin_and_week[0]);
    rc = rc < 0 ? rc : date_start_of_week(call, TRUNC_WEEK, unit, &bin_and_week[1]);
    rc = rc < 0 ? rc : query__date_zone(call, TRUNC_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    int64_t start;
    if (date_trunc_local(zone, ms, unit, bin_and_week, &start)) {
        *ret_value = doc_value_date(call->eval->arena, start);
    } else {
        rc = err_set(call->err, 5439006, "$dateTrunc: the date is out of range");
    }
    return rc;
}

const struct query__op query__ops_date_math[] = {
    {"$dateAdd", 1, 1, .variant = 1, .call = date_add, .params = &date_add_params},
    {"$dateSubtract", 1, 1, .variant = -1, .call = date_add, .params = &date_add_params},
    {"$dateDiff", 1, 1, .call = date_diff, .params = &date_diff_params},
    {"$dateTrunc", 1, 1, .call = date_trunc, .params = &date_trunc_params},
    {0},
};
