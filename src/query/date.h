/* query/date.h - calendar arithmetic and time zones.
 *
 * Invariant   the Gregorian calendar, extended backwards; times are milliseconds since 1970 UTC.
 *             Every int64 can be split and joined again.
 * Thread      pure; a zone belongs to its context's thread.
 * Memory      a zone and ICU's calendar for it go with context->arena.
 * Errors      40485 for an unknown zone.
 */
#ifndef QUERY_DATE_H
#define QUERY_DATE_H

#include "base/buf.h"
#include "query/context.h"

enum { QUERY__DAY_MS = 86400000, QUERY__HOUR_MS = 3600000, QUERY__MINUTE_MS = 60000 };

struct query__date {
    int64_t year;
    int64_t month; /* 1-12 when split; join takes any */
    int64_t day;   /* 1-31, likewise */
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t millisecond;
};

struct query__date query__date_split(int64_t ms);

/* Fields out of their range carry over. False when the result is no int64. */
bool query__date_join(const struct query__date *date, int64_t *ret_ms);

/* Days since 1970-01-01 of a month's first day; months carry over into years. */
__int128 query__date_month_days(__int128 year, int64_t month);

int64_t query__date_weekday(int64_t ms); /* 0 is Sunday */
int64_t query__date_day_of_year(int64_t ms);
/* ISO 8601: the week of which Thursday lies in the year. */
void query__date_iso_week(int64_t ms, int64_t *ret_year, int64_t *ret_week);
/* The Monday that begins ISO week 1 of the year, as days since 1970. */
__int128 query__date_iso_year_days(int64_t year);
/* Weeks begin on Sunday; days before the first Sunday are in week 0. */
int64_t query__date_week(int64_t ms);

/* "2024-06-15T12:30:45.123Z" */
void query__date_write(struct buf *buf, int64_t ms);

struct query__zone {
    int64_t offset_ms; /* when calendar is NULL */
    void *calendar;    /* ICU's */
    struct slice name;
    struct query__zone *next; /* of the context's list */
};

/* "UTC", "Europe/Berlin", "+02:00", "-0530", "+03". The context remembers the zones it has opened
 * and closes them with its arena. */
int query__zone_find(struct query_context *context, struct slice name,
                     const struct query__zone **ret_zone, struct err *err);

/* A zone of fixed offset from UTC, as above; false for other names. */
bool query__zone_fixed(struct slice name, struct query__zone *ret_zone);

extern const struct query__zone query__zone_utc;

/* Local time minus UTC, at a moment. */
int64_t query__zone_offset(const struct query__zone *zone, int64_t utc_ms);

/* The moment at which the clock on the wall shows local_ms; where it shows it twice, the first;
 * where never, what the clock would have shown without the change. */
int64_t query__zone_to_utc(const struct query__zone *zone, int64_t local_ms);

#endif
