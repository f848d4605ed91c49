/* command/series_index.h - indexes of time series, which are indexes of their buckets.
 *
 * Invariant   an index of buckets has an entry for each bucket that may have a measurement in it;
 *             its specification has, as `originalSpec`, the one that was asked for.
 * Thread      pure.
 * Memory      the op's arena, or the one that is named.
 * Errors      72, 67, 7246201, 85 for what a time series cannot have.
 */
#ifndef COMMAND_SERIES_INDEX_H
#define COMMAND_SERIES_INDEX_H

#include "command/index_spec.h"
#include "command/series.h"

/* What createIndexes is asked for: refuse what there is not, before it is parsed. */
int command_series_index_check(struct command_op *op, const struct command_series *series,
                               struct slice list);
/* Parsed specifications as those of the buckets' indexes. */
void command_series_index_specs(struct command_op *op, const struct command_series *series,
                                struct command_index *specs, uint32_t count);
/* A key of measurements as a key of buckets, in `arena`. */
struct slice command_series_index_key(struct arena *arena, const struct command_series *series,
                                      struct slice key);
/* {keyPattern: ..., ...}, or any other document, with the key of buckets. */
struct slice command_series_index_wanted(struct command_op *op, const struct command_series *series,
                                         struct slice wanted);
/* A key, or a hint or name that is none, as the buckets have it. */
struct doc_value command_series_index_named(struct arena *arena,
                                            const struct command_series *series,
                                            struct doc_value named);
/* The index that a series has from the beginning; false: it has none. */
bool command_series_first_index(struct command_op *op, const struct command_series *series,
                                struct slice *ret_spec);
/* An index of buckets as listIndexes shows it. */
void command_series_index_build(struct doc_builder *builder, struct slice spec);
/* The same, in `arena`. */
struct slice command_series_index_asked(struct arena *arena, struct slice spec);

#endif
