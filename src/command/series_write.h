/* command/series_write.h - deletes and updates of time series, as writes to their buckets.
 *
 * Invariant   a delete takes out rows, and a bucket with its last one; an update changes the meta
 *             value of whole buckets.
 * Thread      the shard's owner.
 * Memory      the op's arena; while it looks at a bucket, one of its own.
 * Errors      72 for updates that are not of the meta field alone; 263 in transactions. Paused as
 *             command/target.h.
 */
#ifndef COMMAND_SERIES_WRITE_H
#define COMMAND_SERIES_WRITE_H

#include "command/series.h"
#include "command/updating.h"

/* The update of measurements as one of buckets. *ret_rows says how many measurements a bucket has,
 * with query_series_count. */
int command_series_update(struct command_op *op, const struct command_series *series,
                          struct command_updating_spec *spec, const struct query_series **ret_rows);

/* A delete at work; its target gives the buckets. */
struct command_series_deleting {
    struct query_series fields;
    struct query_match *match;
    struct query_eval eval;
    struct arena scratch; /* a bucket's */
    struct slice deleted; /* the measurement that went last, in `scratch` */
};
/* Open the target, whose arena and context are initialised, on the buckets that may have such
 * measurements: of `spec` the filter and the hint are used. */
int command_series_delete_begin(struct command_op *op, const struct command_series *series,
                                const struct command_target_spec *spec,
                                struct command_target *target,
                                struct command_series_deleting **ret_deleting);
int command_series_delete(struct command_op *op, struct command_series_deleting *deleting,
                          struct command_target *target, bool just_one, int64_t *n);
/* NULL is fine. */
void command_series_delete_end(struct command_series_deleting *deleting);

#endif
