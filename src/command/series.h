/* command/series.h - time series collections: a view over a collection of buckets. Decision 0028.
 *
 * Invariant   the view "db.name" and the collection "db.system.buckets.name" come, change and go
 *             in one log entry; both have the same option `timeseries`, in its normal form.
 * Thread      reading: as the op. Changes: the shard's owner.
 * Memory      a series borrows the catalog that it was found in; what is made lies in the op's
 *             arena, unless another is named.
 * Errors      72 InvalidOptions, 2 BadValue, 14, 40414, 40415 for options; 263 in transactions.
 */
#ifndef COMMAND_SERIES_H
#define COMMAND_SERIES_H

#include "command/command.h"
#include "query/series.h"

struct command_series {
    struct query_series fields;
    int64_t span_s;
    int64_t rounding_s;
    const struct store_collection *view;
    struct store_collection *buckets; /* NULL: only where the catalog is damaged */
};

/* Is it the view of a time series? */
bool command_series_is(const struct store_collection *view);
bool command_series_find(struct arena *arena, const struct store_catalog *catalog, struct slice ns,
                         struct command_series *ret_series);
/* What the options of a view or of buckets say; false: nothing. */
bool command_series_read(struct slice options, struct command_series *ret_series);

/* Of a series the namespace of its buckets, of all else `ns` itself. */
struct slice command_series_buckets(struct arena *arena, const struct store_catalog *catalog,
                                    struct slice ns);
/* Of buckets the namespace of their series, of all else `ns` itself. */
struct slice command_series_name(struct arena *arena, struct slice ns);
bool command_series_is_buckets(struct slice name);

/* ---- options ---- */

/* Seconds that buckets of a granularity begin at multiples of. */
int64_t command_series_rounding(struct doc_value granularity);
/* Check the option `timeseries`; its normal form. `prefix`: of messages, "create.timeseries". */
int command_series_options(struct command_op *op, const char *prefix, struct slice given,
                           struct slice *ret_options);
/* The same for a change of what there is. */
int command_series_change(struct command_op *op, const struct command_series *series,
                          struct slice given, struct slice *ret_options);

/* The options of the view: `timeseries` in its normal form, when documents expire (missing: never)
 * and what else the series was made with. */
struct command_series_made {
    struct slice timeseries;
    struct doc_value expires;
    struct slice collation; /* complete; empty: none */
};
struct slice command_series_view_options(struct command_op *op, struct slice name,
                                         const struct command_series_made *made);
/* Of its buckets. */
struct slice command_series_bucket_options(struct command_op *op,
                                           const struct command_series_made *made);

/* Put both into the catalog, and the index that a series with a meta field has. */
int command_series_create(struct command_op *op, struct slice ns,
                          const struct command_series_made *made);
/* Give new buckets the index that a series with a meta field has. */
int command_series_add_index(struct command_op *op, struct slice ns);
/* Take both out. */
void command_series_drop(struct command_op *op, const struct command_series *series);

/* As listCollections shows it. */
void command_series_build(struct doc_builder *builder, const struct store_collection *view);

#endif
