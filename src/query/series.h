/* query/series.h - measurements of a time series into buckets, and out of them.
 *
 * Invariant   what is packed comes out again: the same fields and values, rows in the order of
 *             their time; first the time, then the meta field, then the others as they first came.
 * Thread      pure.
 * Memory      the arena that each function names; rows and buckets are borrowed.
 * Errors      5346510: a document that is no bucket.
 *
 * Bucket      {_id, control: {version: 1, min: {...}, max: {...}}, meta, data: {<field>: {"0":
 *             value, ...}}}; control has the least and the greatest value of each field, of fields
 *             of objects each by itself; its least time is rounded down. See decision 0028.
 */
#ifndef QUERY_SERIES_H
#define QUERY_SERIES_H

#include "base/err.h"
#include "doc/build.h"
#include "doc/view.h"

enum { QUERY_SERIES_ROWS_MAX = 1000, QUERY_SERIES_BYTES_MAX = 125 * 1024 };

struct query_series {
    struct slice time_field;
    struct slice meta_field; /* data NULL: there is none */
    int64_t rounding_ms;     /* of control.min's time */
};

struct query_series_row {
    int64_t time_ms;
    struct slice doc; /* the measurement, whole */
};

struct query_series_rows {
    struct query_series_row *rows;
    uint32_t count;
};

/* By time; what is equal stays in order. */
void query_series_sort(struct query_series_rows rows);

/* A bucket of rows, at least one, which are sorted and share their meta value. */
struct slice query_series_pack(const struct query_series *series, const uint8_t id[12],
                               struct query_series_rows rows, struct arena *arena);

/* How many rows a bucket has; 0 when it is none. */
uint32_t query_series_count(const struct query_series *series, struct slice bucket);

/* ---- unpacking ---- */

struct query_series_column;

struct query_series_cursor {
    const struct query_series *series;
    struct doc_value meta;
    struct doc_iter times;
    struct query_series_column *columns;
    uint32_t columns_count;
    struct doc_builder builder;
};

/* Columns are in `arena`. */
int query_series_open(struct query_series_cursor *cursor, const struct query_series *series,
                      struct slice bucket, struct arena *arena, struct err *err);
/* The next row, made in `arena`: false when there are no more. */
bool query_series_next(struct query_series_cursor *cursor, struct arena *arena,
                       struct slice *ret_doc);

/* All rows, in `arena`. */
int query_series_unpack(const struct query_series *series, struct slice bucket, struct arena *arena,
                        struct query_series_rows *ret_rows, struct err *err);

#endif
