/* query/expr_date.h - arguments that date operators share.
 *
 * Invariant   none beyond the functions'.
 * Thread      pure.
 * Memory      none.
 * Errors      as said.
 */
#ifndef QUERY_EXPR_DATE_H
#define QUERY_EXPR_DATE_H

#include "query/date.h"
#include "query/expr_private.h"

enum query__date_unit {
    QUERY__UNIT_MILLISECOND,
    QUERY__UNIT_SECOND,
    QUERY__UNIT_MINUTE,
    QUERY__UNIT_HOUR,
    QUERY__UNIT_DAY,
    QUERY__UNIT_WEEK,
    QUERY__UNIT_MONTH, /* a step of the calendar, as are those after it */
    QUERY__UNIT_QUARTER,
    QUERY__UNIT_YEAR,
    QUERY__UNIT_NONE,
};

/* The unit of that name, or QUERY__UNIT_NONE. */
enum query__date_unit query__date_unit_find(struct slice name);
/* How long it is; 0 for a step of the calendar. */
int64_t query__date_unit_ms(enum query__date_unit unit);
/* The moment `amount` units later; false when it is no date. */
bool query__date_shift(const struct query__zone *zone, int64_t ms, enum query__date_unit unit,
                       int64_t amount, int64_t *ret_ms);

/* A date, timestamp or ObjectId as milliseconds; `code` for anything else. */
int query__date_value(struct query__call *call, uint32_t index, int code, int64_t *ret_ms);

/* The zone that an argument names, UTC when it was not given; 40517 when it is no string. */
int query__date_zone(struct query__call *call, uint32_t index, const struct query__zone **ret_zone);

/* Is one of these arguments given, and null or missing? */
bool query__date_any_null(const struct query__call *call, const uint32_t *indexes, uint32_t count);

/* Read the ISO 8601 forms; false when the text is none. Without a zone of its own the text is in
 * `zone`. */
bool query__date_read(struct slice text, const struct query__zone *zone, int64_t *ret_ms);

#endif
