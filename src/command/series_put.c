/* command/series_put.c - rows into the bucket that is open for them.
 *
 *   _id:  window, 4 bytes | hash of window and meta, 5 | number, 3
 *
 * The bucket with the highest number is the one that may have room; a bucket of another meta value
 * with the same hash is passed over, and has its number for itself. */
#include <assert.h>
#include <xxhash.h>

#include "command/series_filter.h"
#include "command/series_insert.h"
#include "command/server.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "store/keys.h"
#include "store/scan.h"

enum {
    SERIES_LOOKS_MAX = 8, /* buckets of other meta values with the same hash */
    SERIES_NUMBER_MAX = 0xffffff,
    SERIES_COPIES = 3, /* a value is in a bucket up to so many times: as data, least, greatest */
};

/* The bucket that rows go into. */
struct series_open {
    uint8_t id[12];
    uint32_t next;       /* the number of a bucket that is begun now */
    struct slice bucket; /* as it is; empty: it is new */
    struct query_series_rows rows;
};

int command_series_check_write(struct command_op *op, const struct command_series *series)
{
    return op->txn == NULL ? 0
                           : err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                                     "Cannot write to a time-series collection in a multi-document "
                                     "transaction: %.*s",
                                     SLICE_FMT(series->view->ns));
}

int command_series_check(struct command_op *op, const struct command_series *series,
                         struct slice doc, int64_t *ret_time_ms)
{
    struct doc_value time = doc_get(doc, series->fields.time_field);
    if (time.type != DOC_DATE) {
        return err_set(&op->err, LT_EBADVALUE,
                       "'%.*s' must be present and contain a valid BSON UTC datetime value",
                       SLICE_FMT(series->fields.time_field));
    }
    if (doc.len > DOC_SIZE_MAX / SERIES_COPIES) {
        return err_set(&op->err, LT_EBSONOBJECTTOOLARGE,
                       "a measurement may have %d bytes, since its bucket has the least and the "
                       "greatest values besides, but it has %zu",
                       DOC_SIZE_MAX / SERIES_COPIES, doc.len);
    }
    *ret_time_ms = doc_value_get_i64(time);
    return 0;
}

static struct doc_value series_meta(const struct command_series *series, struct slice doc)
{
    return series->fields.meta_field.data == NULL ? doc_missing
                                                  : doc_get(doc, series->fields.meta_field);
}

static bool series_is_same(struct doc_value a, struct doc_value b)
{
    return a.type == b.type && slice_equal(slice_of(a.data, a.len), slice_of(b.data, b.len));
}

bool command_series_is_near(const struct command_series *series, const struct query_series_row *a,
                            const struct query_series_row *b)
{
    return command_series_window(series, a->time_ms) == command_series_window(series, b->time_ms) &&
           series_is_same(series_meta(series, a->doc), series_meta(series, b->doc));
}

/* ---- _id ---- */

static void series_number(uint8_t id[12], uint32_t number)
{
    for (int i = 0; i < 3; i++) {
        id[9 + i] = (uint8_t)(number >> (16 - 8 * i));
    }
}

static uint32_t series_load_number(const uint8_t *id)
{
    return (uint32_t)id[9] << 16 | (uint32_t)id[10] << 8 | id[11];
}

static void series_id(const struct command_series *series, const struct query_series_row *row,
                      uint8_t ret_id[12])
{
    int64_t window = command_series_window(series, row->time_ms);
    uint32_t stamp = command_series_stamp(window);
    struct doc_value meta = series_meta(series, row->doc);
    uint64_t hash = XXH3_64bits_withSeed(meta.data, meta.len, (uint64_t)window * 256 + meta.type);
    for (int i = 0; i < 4; i++) {
        ret_id[i] = (uint8_t)(stamp >> (24 - 8 * i));
    }
    for (int i = 0; i < 5; i++) {
        ret_id[4 + i] = (uint8_t)(hash >> (8 * i));
    }
    series_number(ret_id, 0);
}

/* ---- finding ---- */

static struct store_range series_range(struct arena *arena, const struct command_series *series,
                                       uint8_t id[12])
{
    struct buf *to = arena_alloc(arena, sizeof *to);
    struct store_range range;
    series_number(id, 0);
    range.from = store_record_key(arena, series->buckets, doc_value_oid(arena, id));
    series_number(id, SERIES_NUMBER_MAX);
    buf_init(to, arena);
    buf_append_slice(to, store_record_key(arena, series->buckets, doc_value_oid(arena, id)));
    store_key_after(to);
    range.to = buf_slice(to);
    series_number(id, 0);
    return range;
}

/* The newest bucket of the row's meta value, or the number of a new one. */
static int series_find(struct command_op *op, const struct command_series *series,
                       const struct query_series_row *row, struct arena *arena,
                       struct series_open *open)
{
    struct store_scan scan;
    struct store_scan_record record;
    struct doc_value meta = series_meta(series, row->doc);
    int64_t number = -1;
    int code = 0;
    series_id(series, row, open->id);
    struct store_range range = series_range(arena, series, open->id);
    store_scan_init(&scan, &op->writer->view, series->buckets, NULL);
    store_scan_set_ranges(&scan, arena, &range, 1, true);
    for (int look = 0; look < SERIES_LOOKS_MAX && open->bucket.len == 0; look++) {
        code = store_scan_next(&scan, &record);
        if (code <= 0) {
            break;
        }
        struct doc_value id = doc_get_str(record.doc, "_id");
        assert(id.type == DOC_OID);
        number = number < 0 ? series_load_number(id.data) : number;
        if (series_is_same(doc_get_str(record.doc, "meta"), meta)) {
            open->bucket = arena_copy(arena, record.doc);
            memcpy(open->id, id.data, sizeof open->id);
        }
    }
    store_scan_close(&scan);
    if (code < 0) {
        return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, true) : code;
    }
    open->next = (uint32_t)(number + 1);
    return number < SERIES_NUMBER_MAX
               ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "there are %d buckets of one meta value in a window "
                         "of %lld seconds, and cannot be more",
                         SERIES_NUMBER_MAX, (long long)series->span_s);
}

/* ---- writing ---- */

/* What a row adds to a bucket, about: its values, each with a type and its place as a name. */
static size_t series_weight(const struct query_series_row *row)
{
    enum { OVERHEAD = 5 };
    struct doc_iter iter;
    struct doc_elem elem;
    size_t weight = 0;
    doc_iter_init(&iter, row->doc);
    while (doc_iter_next(&iter, &elem)) {
        weight += elem.value.len + OVERHEAD;
    }
    return weight;
}

/* How many of the rows have room. */
static uint32_t series_fits(const struct series_open *open, struct query_series_rows rows)
{
    size_t bytes = open->bucket.len;
    uint32_t fits = 0;
    while (fits < rows.count && open->rows.count + fits < QUERY_SERIES_ROWS_MAX) {
        bytes += series_weight(&rows.rows[fits]);
        if (bytes > QUERY_SERIES_BYTES_MAX && open->rows.count + fits > 0) {
            break;
        }
        fits++;
    }
    return fits;
}

static int series_write(struct command_op *op, const struct command_series *series,
                        const struct series_open *open, struct slice doc, struct arena *arena)
{
    struct store_write write = {op->writer, series->buckets, arena, &op->err};
    int code = 0;
    if (doc.len > DOC_SIZE_MAX) {
        code = err_set(&op->err, LT_EBSONOBJECTTOOLARGE,
                       "the bucket of a measurement would have %zu bytes, more than %d", doc.len,
                       DOC_SIZE_MAX);
    }
    if (code == 0) {
        code = open->bucket.len == 0 ? store_insert(&write, doc)
                                     : store_update(&write, open->bucket, doc);
    }
    return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
}

/* Those of the bucket, and the first of the new ones, by time. */
static struct query_series_rows series_merge(const struct series_open *open,
                                             struct query_series_rows rows, struct arena *arena)
{
    uint32_t old = open->rows.count;
    struct query_series_rows all = {.count = old + rows.count};
    all.rows = arena_alloc(arena, all.count * sizeof *all.rows);
    if (old > 0) {
        memcpy(all.rows, open->rows.rows, old * sizeof *all.rows);
    }
    memcpy(all.rows + old, rows.rows, rows.count * sizeof *all.rows);
    query_series_sort(all);
    return all;
}

int command_series_put(struct command_op *op, const struct command_series *series,
                       struct query_series_rows rows, uint32_t *ret_done, struct arena *arena)
{
    struct series_open open = {.next = 0};
    int code = series_find(op, series, &rows.rows[0], arena, &open);
    if (code == 0 && open.bucket.len > 0) {
        code = query_series_unpack(&series->fields, open.bucket, arena, &open.rows, &op->err);
    }
    if (code < 0) {
        return code;
    }
    uint32_t fits = open.bucket.len == 0 ? 0 : series_fits(&open, rows);
    if (fits == 0) {
        series_number(open.id, open.next);
        open.bucket.len = 0;
        open.rows.count = 0;
        fits = series_fits(&open, rows);
    }
    rows.count = fits;
    struct slice doc =
        query_series_pack(&series->fields, open.id, series_merge(&open, rows, arena), arena);
    code = series_write(op, series, &open, doc, arena);
    if (code == 0) {
        *ret_done = fits;
    }
    return code;
}

int command_series_insert_one(struct command_op *op, const struct command_series *series,
                              struct slice doc, struct arena *arena)
{
    struct query_series_row row = {.doc = doc};
    uint32_t done;
    int code = command_series_check_write(op, series);
    code = code < 0 ? code : command_series_check(op, series, doc, &row.time_ms);
    return code < 0
               ? code
               : command_series_put(op, series, (struct query_series_rows){&row, 1}, &done, arena);
}
