/* command/series_filter.h - what a filter on measurements demands of their buckets.
 *
 * Invariant   a bucket with a measurement that matches has all that is demanded of it; the filter
 *             judges the measurements again.
 * Thread      pure.
 * Memory      the arena that is named.
 * Errors      none.
 */
#ifndef COMMAND_SERIES_FILTER_H
#define COMMAND_SERIES_FILTER_H

#include "command/series.h"

/* Is it the meta field, or a field in it? Then *ret_name is what buckets call it. */
bool command_series_meta(struct arena *arena, const struct command_series *series,
                         struct slice name, struct slice *ret_name);

/* A filter that is on the meta field alone as a filter on buckets; false: it is on more. */
bool command_series_on_meta(struct arena *arena, const struct command_series *series,
                            struct slice filter, struct slice *ret_filter);

/* What buckets have to be like; empty: anything. */
struct slice command_series_filter(struct arena *arena, const struct command_series *series,
                                   struct slice filter);

/* Buckets without a measurement later than that, for which `also` (may be empty) is true. */
struct slice command_series_expired(struct arena *arena, const struct command_series *series,
                                    int64_t over_ms, struct slice also);

/* The stages of an aggregate on the series, which begin with its pipeline: with a $match on the
 * buckets before, where one follows. */
struct slice command_series_push(struct arena *arena, const struct command_series *series,
                                 struct slice stages);

/* The first bytes of the _ids of buckets in a window that begins then. */
uint32_t command_series_stamp(int64_t window_s);
/* When the window begins that has the time. */
int64_t command_series_window(const struct command_series *series, int64_t time_ms);

#endif
