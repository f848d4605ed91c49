/* query/date.c - days are counted in eras of 400 years, which repeat; zones come from ICU. */
#include "query/date.h"

#include <unicode/ucal.h>

enum { DATE_ERA_DAYS = 146097, DATE_ZONE_NAME_MAX = 64 };

static __int128 date_floor_div(__int128 number, __int128 by)
{
    return number / by - (number % by < 0);
}

static int64_t date_floor_mod(__int128 number, int64_t by)
{
    return (int64_t)(number - date_floor_div(number, by) * by);
}

/* Years are counted from March, so that the leap day is the last of its year. */
__int128 query__date_month_days(__int128 year, int64_t month)
{
    year += date_floor_div(month - 1, 12);
    int64_t from_march = date_floor_mod((__int128)month - 3, 12);
    year -= from_march >= 10;
    __int128 era = date_floor_div(year, 400);
    int64_t year_of_era = (int64_t)(year - era * 400);
    int64_t day_of_year = (153 * from_march + 2) / 5;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DATE_ERA_DAYS + day_of_era - 719468;
}

struct query__date query__date_split(int64_t ms)
{
    int64_t days = (int64_t)date_floor_div(ms, QUERY__DAY_MS);
    int64_t rest = date_floor_mod(ms, QUERY__DAY_MS);
    int64_t shifted = days + 719468;
    int64_t era = (int64_t)date_floor_div(shifted, DATE_ERA_DAYS);
    int64_t day_of_era = shifted - era * DATE_ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    return (struct query__date){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * from_march + 2) / 5 + 1,
        .hour = rest / QUERY__HOUR_MS,
        .minute = rest / QUERY__MINUTE_MS % 60,
        .second = rest / 1000 % 60,
        .millisecond = rest % 1000,
    };
}

bool query__date_join(const struct query__date *date, int64_t *ret_ms)
{
    __int128 days = query__date_month_days(date->year, date->month) + date->day - 1;
    __int128 ms = days * QUERY__DAY_MS + (__int128)date->hour * QUERY__HOUR_MS +
                  (__int128)date->minute * QUERY__MINUTE_MS + (__int128)date->second * 1000 +
                  date->millisecond;
    if (ms < INT64_MIN || ms > INT64_MAX) {
        return false;
    }
    *ret_ms = (int64_t)ms;
    return true;
}

int64_t query__date_weekday(int64_t ms)
{
    return date_floor_mod(date_floor_div(ms, QUERY__DAY_MS) + 4, 7);
}

int64_t query__date_day_of_year(int64_t ms)
{
    struct query__date date = query__date_split(ms);
    __int128 first = query__date_month_days(date.year, 1);
    return (int64_t)(date_floor_div(ms, QUERY__DAY_MS) - first) + 1;
}

__int128 query__date_iso_year_days(int64_t year)
{
    __int128 fourth = query__date_month_days(year, 1) + 3;
    return fourth - date_floor_mod(fourth + 3, 7);
}

void query__date_iso_week(int64_t ms, int64_t *ret_year, int64_t *ret_week)
{
    __int128 days = date_floor_div(ms, QUERY__DAY_MS);
    int64_t year = query__date_split(ms).year;
    if (days < query__date_iso_year_days(year)) {
        year--;
    } else if (days >= query__date_iso_year_days(year + 1)) {
        year++;
    }
    *ret_year = year;
    *ret_week = (int64_t)(days - query__date_iso_year_days(year)) / 7 + 1;
}

int64_t query__date_week(int64_t ms)
{
    return (query__date_day_of_year(ms) + 6 - query__date_weekday(ms)) / 7;
}

void query__date_write(struct buf *buf, int64_t ms)
{
    struct query__date date = query__date_split(ms);
    buf_format(buf, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ", (long long)date.year, (int)date.month,
               (int)date.day, (int)date.hour, (int)date.minute, (int)date.second,
               (int)date.millisecond);
}

/* ---- zones ---- */

static bool zone_digits(struct slice text, size_t from, int64_t *ret_number)
{
    if (from + 2 > text.len) {
        return false;
    }
    uint8_t tens = text.data[from];
    uint8_t ones = text.data[from + 1];
    *ret_number = (tens - '0') * 10 + (ones - '0');
    return tens >= '0' && tens <= '9' && ones >= '0' && ones <= '9';
}

/* +hh, +hhmm or +hh:mm */
static bool zone_parse_offset(struct slice name, int64_t *ret_ms)
{
    int64_t hours;
    int64_t minutes = 0;
    if (!zone_digits(name, 1, &hours)) {
        return false;
    }
    size_t at = name.len == 6 && name.data[3] == ':' ? 4 : 3;
    if (name.len > 3 && (!zone_digits(name, at, &minutes) || at + 2 != name.len)) {
        return false;
    }
    int64_t ms = hours * QUERY__HOUR_MS + minutes * QUERY__MINUTE_MS;
    *ret_ms = name.data[0] == '-' ? -ms : ms;
    return true;
}

static UCalendar *zone_calendar(struct slice name)
{
    UChar id[DATE_ZONE_NAME_MAX];
    UChar canonical[DATE_ZONE_NAME_MAX];
    if (name.len == 0 || name.len >= DATE_ZONE_NAME_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < name.len; i++) {
        id[i] = name.data[i];
    }
    UErrorCode status = U_ZERO_ERROR;
    UBool is_system = false;
    ucal_getCanonicalTimeZoneID(id, (int32_t)name.len, canonical, DATE_ZONE_NAME_MAX, &is_system,
                                &status);
    if (U_FAILURE(status) || !is_system) {
        return NULL;
    }
    UCalendar *calendar = ucal_open(id, (int32_t)name.len, "en_US", UCAL_GREGORIAN, &status);
    return U_FAILURE(status) ? NULL : calendar;
}

const struct query__zone query__zone_utc = {0};

bool query__zone_fixed(struct slice name, struct query__zone *ret_zone)
{
    *ret_zone = (struct query__zone){0};
    if (slice_is(name, "UTC") || slice_is(name, "GMT") || slice_is(name, "Z")) {
        return true;
    }
    bool sign = name.len > 0 && (name.data[0] == '+' || name.data[0] == '-');
    return sign && zone_parse_offset(name, &ret_zone->offset_ms);
}

static void zone_release(void *calendar)
{
    ucal_close(calendar);
}

int query__zone_find(struct query_context *context, struct slice name,
                     const struct query__zone **ret_zone, struct err *err)
{
    for (const struct query__zone *zone = context->zones; zone != NULL; zone = zone->next) {
        if (slice_equal(zone->name, name)) {
            *ret_zone = zone;
            return 0;
        }
    }
    struct query__zone found;
    if (!query__zone_fixed(name, &found)) {
        found.calendar = zone_calendar(name);
        if (found.calendar == NULL) {
            return err_set(err, 40485, "unrecognized time zone identifier: \"%.*s\"",
                           SLICE_FMT(name));
        }
        arena_on_drop(context->arena, zone_release, found.calendar);
    }
    struct query__zone *zone = arena_alloc(context->arena, sizeof *zone);
    *zone = found;
    zone->name = arena_copy(context->arena, name);
    zone->next = context->zones;
    context->zones = zone;
    *ret_zone = zone;
    return 0;
}

int64_t query__zone_offset(const struct query__zone *zone, int64_t utc_ms)
{
    if (zone->calendar == NULL) {
        return zone->offset_ms;
    }
    UErrorCode status = U_ZERO_ERROR;
    ucal_setMillis(zone->calendar, (double)utc_ms, &status);
    int32_t raw = ucal_get(zone->calendar, UCAL_ZONE_OFFSET, &status);
    int32_t summer = ucal_get(zone->calendar, UCAL_DST_OFFSET, &status);
    return U_FAILURE(status) ? 0 : raw + summer;
}

static int64_t zone_shift(int64_t ms, int64_t by)
{
    int64_t sum;
    if (__builtin_add_overflow(ms, by, &sum)) {
        return by < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

int64_t query__zone_to_utc(const struct query__zone *zone, int64_t local_ms)
{
    if (zone->calendar == NULL) {
        return zone_shift(local_ms, -zone->offset_ms);
    }
    int64_t before = query__zone_offset(zone, zone_shift(local_ms, -QUERY__DAY_MS));
    int64_t after = query__zone_offset(zone, zone_shift(local_ms, QUERY__DAY_MS));
    int64_t first = zone_shift(local_ms, -before);
    if (query__zone_offset(zone, first) == before) {
        return first;
    }
    int64_t second = zone_shift(local_ms, -after);
    return query__zone_offset(zone, second) == after ? second : first;
}
