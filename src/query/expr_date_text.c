/* query/expr_date_text.c - $dateToString and $dateFromString. */
#include <strings.h>

#include "query/expr_date.h"

static const char *const text_months[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};

/* ---- $dateToString: date, format, timezone, onNull ---- */

enum { TEXT_DATE, TEXT_FORMAT, TEXT_ZONE, TEXT_ON_NULL };

static const struct query__params text_to_params = {
    18629, 18534, {{"date", 18628}, {"format", 0}, {"timezone", 0}, {"onNull", 0}}};

struct text_moment {
    struct query__date date;
    int64_t local;
    int64_t offset_ms;
};

static void text_offset(struct buf *buf, int64_t offset_ms)
{
    int64_t minutes = offset_ms / QUERY__MINUTE_MS;
    char sign = minutes < 0 ? '-' : '+';
    minutes = minutes < 0 ? -minutes : minutes;
    buf_format(buf, "%c%02d%02d", sign, (int)(minutes / 60), (int)(minutes % 60));
}

/* One conversion; false when there is none of that letter. */
static bool text_convert(struct buf *buf, uint8_t letter, const struct text_moment *at)
{
    const struct query__date *date = &at->date;
    int64_t iso_year;
    int64_t iso_week;
    int64_t weekday = query__date_weekday(at->local);
    query__date_iso_week(at->local, &iso_year, &iso_week);
    const struct {
        uint8_t letter;
        int digits;
        int64_t number;
    } numbers[] = {
        {'Y', 4, date->year},
        {'m', 2, date->month},
        {'d', 2, date->day},
        {'H', 2, date->hour},
        {'M', 2, date->minute},
        {'S', 2, date->second},
        {'L', 3, date->millisecond},
        {'j', 3, query__date_day_of_year(at->local)},
        {'w', 1, weekday + 1},
        {'U', 2, query__date_week(at->local)},
        {'G', 4, iso_year},
        {'V', 2, iso_week},
        {'u', 1, weekday == 0 ? 7 : weekday},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].letter == letter) {
            buf_format(buf, "%0*lld", numbers[i].digits, (long long)numbers[i].number);
            return true;
        }
    }
    switch (letter) {
    case '%':
        buf_append_byte(buf, '%');
        return true;
    case 'b':
        buf_append(buf, text_months[date->month - 1], 3);
        return true;
    case 'B':
        buf_format(buf, "%s", text_months[date->month - 1]);
        return true;
    case 'z':
        text_offset(buf, at->offset_ms);
        return true;
    case 'Z':
        buf_format(buf, "%lld", (long long)(at->offset_ms / QUERY__MINUTE_MS));
        return true;
    default:
        return false;
    }
}

static int text_format_check(struct slice format, struct err *err)
{
    for (size_t i = 0; i < format.len; i++) {
        if (format.data[i] != '%') {
            continue;
        }
        if (++i == format.len) {
            return err_set(err, 18535, "Unmatched '%%' at end of format string");
        }
        if (memchr("YmdHMSLjwUGVu%bBzZ", format.data[i], 18) == NULL) {
            return err_set(err, 18536, "Invalid format character '%%%c' in format string",
                           format.data[i]);
        }
    }
    return 0;
}

static int text_write(struct query__call *call, struct slice format, const struct text_moment *at,
                      struct doc_value *ret_value)
{
    if (at->date.year < 0 || at->date.year > 9999) {
        return err_set(call->err, 18537,
                       "Could not convert date to string: date component was "
                       "outside the supported range of 0-9999: %lld",
                       (long long)at->date.year);
    }
    struct buf buf;
    buf_init(&buf, call->eval->arena);
    for (size_t i = 0; i < format.len; i++) {
        if (format.data[i] != '%') {
            buf_append_byte(&buf, format.data[i]);
        } else {
            text_convert(&buf, format.data[++i], at);
        }
    }
    *ret_value = doc_value_string(call->eval->arena, buf_slice(&buf));
    return 0;
}

static int text_to_string(struct query__call *call, struct doc_value *ret_value)
{
    struct slice format = SLICE("%Y-%m-%dT%H:%M:%S.%LZ");
    bool given = call->expr->args[TEXT_FORMAT] != NULL;
    if (call->expr->args[TEXT_ZONE] != NULL) {
        format = SLICE("%Y-%m-%dT%H:%M:%S.%L");
        if (call->args[TEXT_ZONE].type == DOC_STRING) {
            struct slice zone = doc_value_get_string(call->args[TEXT_ZONE]);
            bool utc = slice_is(zone, "UTC") || slice_is(zone, "GMT") || slice_is(zone, "Z");
            format = utc ? SLICE("%Y-%m-%dT%H:%M:%S.%LZ") : format;
        }
    }
    if (given && !doc_value_is_nullish(call->args[TEXT_FORMAT])) {
        if (call->args[TEXT_FORMAT].type != DOC_STRING) {
            return err_set(call->err, 18533,
                           "$dateToString requires that 'format' be a string, "
                           "found: %s",
                           doc_type_name(call->args[TEXT_FORMAT].type));
        }
        format = doc_value_get_string(call->args[TEXT_FORMAT]);
        int rc = text_format_check(format, call->err);
        if (rc < 0) {
            return rc;
        }
    }
    if (query__date_any_null(call, (uint32_t[]){TEXT_DATE}, 1)) {
        bool fallback = call->expr->args[TEXT_ON_NULL] != NULL;
        *ret_value = fallback ? call->args[TEXT_ON_NULL] : doc_null;
        return 0;
    }
    if (query__date_any_null(call, (uint32_t[]){TEXT_FORMAT, TEXT_ZONE}, 2)) {
        *ret_value = doc_null;
        return 0;
    }
    int64_t ms;
    const struct query__zone *zone;
    int rc = query__date_zone(call, TEXT_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    rc = query__date_value(call, TEXT_DATE, 16006, &ms);
    if (rc == 0) {
        int64_t offset = query__zone_offset(zone, ms);
        struct text_moment at = {query__date_split(ms + offset), ms + offset, offset};
        rc = text_write(call, format, &at, ret_value);
    }
    return rc;
}

/* ---- reading ---- */

struct text_reader {
    struct slice text;
    size_t at;
};

static bool text_number(struct text_reader *reader, int digits_min, int digits_max,
                        int64_t *ret_number)
{
    int64_t number = 0;
    int digits = 0;
    while (digits < digits_max && reader->at < reader->text.len &&
           reader->text.data[reader->at] >= '0' && reader->text.data[reader->at] <= '9') {
        number = number * 10 + (reader->text.data[reader->at++] - '0');
        digits++;
    }
    *ret_number = number;
    return digits >= digits_min;
}

static bool text_take(struct text_reader *reader, char c)
{
    if (reader->at < reader->text.len && reader->text.data[reader->at] == (uint8_t)c) {
        reader->at++;
        return true;
    }
    return false;
}

/* Z, +hh:mm and the like at the end; *ret_zoned says whether there was one. */
static bool text_zone(struct text_reader *reader, bool *ret_zoned, int64_t *ret_offset)
{
    *ret_zoned = true;
    *ret_offset = 0;
    while (text_take(reader, ' ')) {
    }
    struct slice rest = slice_from(reader->text, reader->at);
    if (rest.len == 0) {
        *ret_zoned = false;
        return true;
    }
    struct query__zone zone;
    if (rest.len == 1 && (rest.data[0] | 0x20) == 'z') {
        reader->at = reader->text.len;
        return true;
    }
    if (!query__zone_fixed(rest, &zone)) {
        return false;
    }
    *ret_offset = zone.offset_ms;
    reader->at = reader->text.len;
    return true;
}

static bool text_time(struct text_reader *reader, struct query__date *date)
{
    if (!text_number(reader, 1, 2, &date->hour)) {
        return false;
    }
    if (!text_take(reader, ':')) {
        return text_number(reader, 2, 2, &date->minute) &&
               (reader->at == reader->text.len || text_number(reader, 0, 2, &date->second));
    }
    if (!text_number(reader, 2, 2, &date->minute)) {
        return false;
    }
    if (text_take(reader, ':') && !text_number(reader, 2, 2, &date->second)) {
        return false;
    }
    if (text_take(reader, '.')) {
        size_t from = reader->at;
        int64_t fraction;
        if (!text_number(reader, 1, 9, &fraction)) {
            return false;
        }
        for (size_t digits = reader->at - from; digits < 9; digits++) {
            fraction *= 10;
        }
        date->millisecond = fraction / 1000000;
    }
    return true;
}

static bool text_in_range(const struct query__date *date)
{
    return date->month >= 1 && date->month <= 12 && date->day >= 1 && date->day <= 31 &&
           date->hour <= 24 && date->minute <= 59 && date->second <= 59;
}

bool query__date_read(struct slice text, const struct query__zone *zone, int64_t *ret_ms)
{
    struct text_reader reader = {text, 0};
    struct query__date date = {0};
    if (!text_number(&reader, 4, 4, &date.year)) {
        return false;
    }
    bool dash = text_take(&reader, '-') || text_take(&reader, '/');
    if (!text_number(&reader, dash ? 1 : 2, 2, &date.month)) {
        return false;
    }
    if (dash && !text_take(&reader, '-') && !text_take(&reader, '/')) {
        return false;
    }
    if (!text_number(&reader, dash ? 1 : 2, 2, &date.day)) {
        return false;
    }
    bool timed = text_take(&reader, 'T') || text_take(&reader, 't') || text_take(&reader, ' ');
    if (timed && !text_time(&reader, &date)) {
        return false;
    }
    bool zoned;
    int64_t offset;
    if (!text_zone(&reader, &zoned, &offset) || !text_in_range(&date) ||
        !query__date_join(&date, ret_ms)) {
        return false;
    }
    *ret_ms = zoned ? *ret_ms - offset : query__zone_to_utc(zone, *ret_ms);
    return true;
}

struct text_fields {
    struct query__date date;
    int64_t iso_year;
    int64_t iso_week;
    int64_t iso_day;
    int64_t day_of_year;
    int64_t offset_ms;
    bool zoned;
};

static bool text_month_name(struct text_reader *reader, bool whole, int64_t *ret_month)
{
    struct slice rest = slice_from(reader->text, reader->at);
    for (int64_t month = 0; month < 12; month++) {
        size_t len = whole ? strlen(text_months[month]) : 3;
        if (rest.len >= len && strncasecmp((const char *)rest.data, text_months[month], len) == 0) {
            reader->at += len;
            *ret_month = month + 1;
            return true;
        }
    }
    return false;
}

static bool text_read_offset(struct text_reader *reader, uint8_t letter, struct text_fields *fields)
{
    bool minus = text_take(reader, '-');
    if (!minus && !text_take(reader, '+') && letter == 'z') {
        return text_take(reader, 'Z') || text_take(reader, 'z');
    }
    int64_t hours = 0;
    int64_t minutes;
    bool good;
    if (letter == 'z') {
        good = text_number(reader, 2, 2, &hours);
        text_take(reader, ':');
        good = text_number(reader, 0, 2, &minutes) && good;
    } else {
        good = text_number(reader, 1, 4, &minutes);
    }
    int64_t ms = hours * QUERY__HOUR_MS + minutes * QUERY__MINUTE_MS;
    fields->offset_ms = minus ? -ms : ms;
    fields->zoned = true;
    return good;
}

static bool text_read_field(struct text_reader *reader, uint8_t letter, struct text_fields *fields)
{
    struct query__date *date = &fields->date;
    switch (letter) {
    case 'Y':
        return text_number(reader, 4, 4, &date->year);
    case 'm':
        return text_number(reader, 1, 2, &date->month);
    case 'd':
        return text_number(reader, 1, 2, &date->day);
    case 'H':
        return text_number(reader, 1, 2, &date->hour);
    case 'M':
        return text_number(reader, 1, 2, &date->minute);
    case 'S':
        return text_number(reader, 1, 2, &date->second);
    case 'L':
        return text_number(reader, 1, 3, &date->millisecond);
    case 'j':
        return text_number(reader, 1, 3, &fields->day_of_year);
    case 'G':
        return text_number(reader, 4, 4, &fields->iso_year);
    case 'V':
        return text_number(reader, 1, 2, &fields->iso_week);
    case 'u':
        return text_number(reader, 1, 1, &fields->iso_day);
    case 'b':
    case 'B':
        return text_month_name(reader, letter == 'B', &date->month);
    case 'z':
    case 'Z':
        return text_read_offset(reader, letter, fields);
    default:
        return letter == '%' && text_take(reader, '%');
    }
}

static bool text_fields_join(struct text_fields *fields, const struct query__zone *zone,
                             int64_t *ret_ms)
{
    struct query__date *date = &fields->date;
    if (fields->iso_year > 0) {
        int64_t first = (int64_t)query__date_iso_year_days(fields->iso_year);
        date->year = 1970;
        date->month = 1;
        date->day = first + 7 * (fields->iso_week - 1) + fields->iso_day;
    } else if (fields->day_of_year > 0) {
        date->month = 1;
        date->day = fields->day_of_year;
    } else if (date->year < 0 || !text_in_range(date)) {
        return false;
    }
    if (!query__date_join(date, ret_ms)) {
        return false;
    }
    *ret_ms = fields->zoned ? *ret_ms - fields->offset_ms : query__zone_to_utc(zone, *ret_ms);
    return true;
}

static bool text_read_format(struct slice text, struct slice format, const struct query__zone *zone,
                             int64_t *ret_ms)
{
    struct text_reader reader = {text, 0};
    struct text_fields fields = {.date = {-1, 1, 1, 0, 0, 0, 0}, .iso_week = 1, .iso_day = 1};
    for (size_t i = 0; i < format.len; i++) {
        bool good = format.data[i] == '%' ? text_read_field(&reader, format.data[++i], &fields)
                                          : text_take(&reader, (char)format.data[i]);
        if (!good) {
            return false;
        }
    }
    return reader.at == text.len && text_fields_join(&fields, zone, ret_ms);
}

/* ---- $dateFromString ---- */

enum { READ_TEXT, READ_FORMAT, READ_ZONE, READ_ON_ERROR, READ_ON_NULL };

static const struct query__params text_from_params = {
    40540,
    40541,
    {{"dateString", 40542}, {"format", 0}, {"timezone", 0}, {"onError", 0}, {"onNull", 0}}};

static int text_from_error(struct query__call *call, struct doc_value *ret_value)
{
    if (call->expr->args[READ_ON_ERROR] != NULL) {
        *ret_value = call->args[READ_ON_ERROR];
        return 0;
    }
    struct doc_value text = call->args[READ_TEXT];
    if (text.type != DOC_STRING) {
        return err_set(call->err, LT_ECONVERSIONFAILURE,
                       "$dateFromString requires that 'dateString' be a string, found: %s with "
                       "value %.*s",
                       doc_type_name(text.type), SLICE_FMT(query__print(call->eval, text)));
    }
    return err_set(call->err, LT_ECONVERSIONFAILURE, "Error parsing date string '%.*s'",
                   SLICE_FMT(doc_value_get_string(text)));
}

static int text_from_string(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value format = call->args[READ_FORMAT];
    struct doc_value text = call->args[READ_TEXT];
    bool formatted = call->expr->args[READ_FORMAT] != NULL;
    if (formatted && !doc_value_is_nullish(format)) {
        if (format.type != DOC_STRING) {
            return err_set(call->err, 40684,
                           "$dateFromString requires that 'format' be a string, "
                           "found: %s",
                           doc_type_name(format.type));
        }
        int rc = text_format_check(doc_value_get_string(format), call->err);
        if (rc < 0) {
            return rc;
        }
    }
    const struct query__zone *zone = &query__zone_utc;
    bool zone_null = query__date_any_null(call, (uint32_t[]){READ_ZONE}, 1);
    int rc = zone_null ? 0 : query__date_zone(call, READ_ZONE, &zone);
    if (rc < 0) {
        return rc;
    }
    int64_t ms;
    if (doc_value_is_nullish(text)) {
        bool fallback = call->expr->args[READ_ON_NULL] != NULL;
        *ret_value = fallback ? call->args[READ_ON_NULL] : doc_null;
    } else if (zone_null || query__date_any_null(call, (uint32_t[]){READ_FORMAT}, 1)) {
        *ret_value = doc_null;
    } else if (text.type == DOC_STRING &&
               (formatted ? text_read_format(doc_value_get_string(text),
                                             doc_value_get_string(format), zone, &ms)
                          : query__date_read(doc_value_get_string(text), zone, &ms))) {
        *ret_value = doc_value_date(call->eval->arena, ms);
    } else {
        rc = text_from_error(call, ret_value);
    }
    return rc;
}

const struct query__op query__ops_date_text[] = {
    {"$dateToString", 1, 1, .call = text_to_string, .params = &text_to_params},
    {"$dateFromString", 1, 1, .call = text_from_string, .params = &text_from_params},
    {0},
};
