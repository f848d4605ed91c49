/* command/series_out.h - $out into a time series.
 *
 * Invariant   buckets are filled in a temporary collection, which becomes the series' own in one
 *             step, or is dropped; measurements that come one after another for the same bucket
 *             are written together.
 * Thread      the shard's owner.
 * Memory      the op's arena; what waits to be written, in one of its own.
 * Errors      7268700 the target is no time series; 7268702 it is another one; as series_insert.h.
 */
#ifndef COMMAND_SERIES_OUT_H
#define COMMAND_SERIES_OUT_H

#include "command/series.h"

struct command_series_out;

/* Is the target a series, or to be one? `timeseries`: the option, empty: it is not given. */
bool command_series_out_wanted(struct command_op *op, struct slice ns, struct slice timeseries);
/* What is opened is closed, also after an error. */
int command_series_out_open(struct command_op *op, struct slice ns, struct slice timeseries,
                            struct command_series_out **ret_out);
int command_series_out_put(struct command_op *op, struct command_series_out *out, struct slice doc);
int command_series_out_finish(struct command_op *op, struct command_series_out *out);
/* NULL is fine. */
void command_series_out_close(struct command_op *op, struct command_series_out *out);

#endif
