/* command/series_insert.h - measurements into the buckets they belong to.
 *
 * Invariant   a measurement and what its session's record says of it are in one log entry.
 * Thread      the shard's owner.
 * Memory      the op's arena; a bucket at work: the arena that is named.
 * Errors      2 without a date in the time field; 263 in transactions; 10334 too large. -LT_EYIELD,
 *             -LT_EAGAIN, -LT_EWAIT: call again.
 */
#ifndef COMMAND_SERIES_INSERT_H
#define COMMAND_SERIES_INSERT_H

#include "command/series.h"
#include "command/write.h"

/* May the op write to it? */
int command_series_check_write(struct command_op *op, const struct command_series *series);

/* Can it be a measurement? *ret_time_ms is its time. */
int command_series_check(struct command_op *op, const struct command_series *series,
                         struct slice doc, int64_t *ret_time_ms);

/* Do they belong into the same buckets? */
bool command_series_is_near(const struct command_series *series, const struct query_series_row *a,
                            const struct query_series_row *b);

/* Write the first of some measurements, at least one, which belong into the same buckets, into one
 * that has room: *ret_done is how many. */
int command_series_put(struct command_op *op, const struct command_series *series,
                       struct query_series_rows rows, uint32_t *ret_done, struct arena *arena);

/* One prepared measurement. */
int command_series_insert_one(struct command_op *op, const struct command_series *series,
                              struct slice doc, struct arena *arena);

/* The statements of an insert, all of them; `state` is NULL at the beginning, and then the op's. */
struct command_series_batch;
int command_series_insert(struct command_op *op, struct slice ns,
                          struct command_statements *statements,
                          struct command_series_batch **state);
void command_series_insert_end(struct command_series_batch *batch);

#endif
