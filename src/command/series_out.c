/* command/series_out.c - a temporary collection of buckets gets the name of the series' buckets;
 * the view is made when there was none. */
#include "command/series_out.h"

#include "command/args.h"
#include "command/ddl.h"
#include "command/series_insert.h"
#include "command/server.h"
#include "doc/view.h"

struct command_series_out {
    struct slice ns;             /* of the series */
    struct slice temporary;      /* the namespace that is filled */
    uint32_t id;                 /* its; 0: it is not made */
    struct store_collection *to; /* the buckets there were, held; NULL: none */
    struct command_series_made made;
    struct command_series series;                        /* of the temporary collection */
    struct query_series_row rows[QUERY_SERIES_ROWS_MAX]; /* that wait */
    uint32_t rows_count;
    size_t rows_bytes;
    struct arena waiting; /* theirs */
    struct arena next;    /* of a measurement */
    struct arena arena;   /* of a bucket */
};

bool command_series_out_wanted(struct command_op *op, struct slice ns, struct slice timeseries)
{
    return timeseries.data != NULL ||
           command_series_is(store_catalog_find_any(op->writer->catalog, ns));
}

/* What the series is, or will be. */
static int series_out_options(struct command_op *op, struct command_series_out *out,
                              struct slice timeseries)
{
    struct command_series old;
    struct slice asked = {0};
    int code = timeseries.data == NULL
                   ? 0
                   : command_series_options(op, "$out.timeseries", timeseries, &asked);
    out->made = (struct command_series_made){asked, doc_missing};
    if (code < 0 || store_catalog_find_any(op->writer->catalog, out->ns) == NULL) {
        return code;
    }
    if (!command_series_find(&op->arena, op->writer->catalog, out->ns, &old)) {
        return err_set(&op->err, 7268700,
                       "$out with 'timeseries': %.*s exists and is no time-series collection",
                       SLICE_FMT(out->ns));
    }
    struct slice is = doc_value_get_doc(doc_get_str(old.view->options, "timeseries"));
    if (asked.len > 0 && !slice_equal(asked, is)) {
        return err_set(
            &op->err, 7268702,
            "$out with 'timeseries': %.*s is a time-series collection with other options",
            SLICE_FMT(out->ns));
    }
    struct doc_value expires = doc_get_str(old.view->options, "expireAfterSeconds");
    out->to = store_collection_hold(old.buckets);
    out->made.timeseries = arena_copy(&op->arena, is);
    out->made.expires =
        doc_value_exists(expires) ? doc_value_copy(&op->arena, expires) : doc_missing;
    return 0;
}

static struct slice series_out_temporary(struct command_op *op,
                                         const struct command_series_out *out)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_fields(builder, command_series_bucket_options(op, &out->made));
    doc_build_bool(builder, "temp", true);
    return doc_build_end(builder);
}

int command_series_out_open(struct command_op *op, struct slice ns, struct slice timeseries,
                            struct command_series_out **ret_out)
{
    struct command_series_out *out = arena_zero(&op->arena, 1, sizeof *out);
    arena_init(&out->waiting);
    arena_init(&out->next);
    arena_init(&out->arena);
    out->ns = ns;
    *ret_out = out;
    int code = series_out_options(op, out, timeseries);
    if (code < 0) {
        return code;
    }
    out->temporary =
        arena_format(&op->arena, "%.*s.tmp.agg_out.%016llx%016llx", SLICE_FMT(command_db_of(ns)),
                     (unsigned long long)command_random(op->server),
                     (unsigned long long)command_random(op->server));
    struct slice options = series_out_temporary(op, out);
    code = command_create_collection(op, out->temporary, options);
    if (code < 0) {
        return code;
    }
    struct store_collection *made = store_catalog_find(op->writer->catalog, out->temporary);
    out->id = made->id;
    command_series_read(options, &out->series);
    return out->to == NULL ? command_series_add_index(op, out->temporary)
                           : command_copy_indexes(op, made, out->to);
}

/* The temporary collection, unless somebody has taken it away: 175. */
static int series_out_check(struct command_op *op, struct command_series_out *out)
{
    struct store_collection *made = store_catalog_find(op->writer->catalog, out->temporary);
    if (made == NULL || made->id != out->id) {
        return err_set(&op->err, LT_EQUERYPLANKILLED,
                       "collection %.*s was dropped or renamed while $out filled it",
                       SLICE_FMT(out->temporary));
    }
    out->series.buckets = made;
    return 0;
}

/* Write what waits. */
static int series_out_flush(struct command_op *op, struct command_series_out *out)
{
    int code = 0;
    while (out->rows_count > 0 && code == 0) {
        struct query_series_rows rows = {out->rows, out->rows_count};
        uint32_t done;
        arena_reset(&out->arena);
        code = series_out_check(op, out);
        code = code < 0 ? code : command_series_put(op, &out->series, rows, &done, &out->arena);
        if (code == 0) {
            out->rows_count -= done;
            memmove(out->rows, out->rows + done, out->rows_count * sizeof *out->rows);
        }
    }
    if (code == 0) {
        arena_reset(&out->waiting);
        out->rows_bytes = 0;
    }
    return code;
}

int command_series_out_put(struct command_op *op, struct command_series_out *out, struct slice doc)
{
    struct query_series_row row;
    int code = series_out_check(op, out);
    arena_reset(&out->next);
    code = code < 0 ? code : command_prepare_document(op, doc, &out->next, &row.doc);
    code = code < 0 ? code : command_series_check(op, &out->series, row.doc, &row.time_ms);
    if (code < 0) {
        return code;
    }
    bool is_full = out->rows_count == QUERY_SERIES_ROWS_MAX ||
                   out->rows_bytes + row.doc.len > QUERY_SERIES_BYTES_MAX;
    if (out->rows_count > 0 &&
        (is_full || !command_series_is_near(&out->series, &out->rows[0], &row))) {
        code = series_out_flush(op, out);
    }
    if (code == 0) {
        row.doc = arena_copy(&out->waiting, row.doc);
        out->rows[out->rows_count++] = row;
        out->rows_bytes += row.doc.len;
    }
    return code;
}

/* Is the series as it was, or still not there? */
static bool series_out_is_unchanged(struct command_op *op, const struct command_series_out *out)
{
    struct command_series now;
    if (!command_series_find(&op->arena, op->writer->catalog, out->ns, &now)) {
        return out->to == NULL && store_catalog_find_any(op->writer->catalog, out->ns) == NULL;
    }
    bool same = out->to != NULL && slice_equal(now.buckets->options, out->to->options) &&
                now.buckets->indexes_count == out->to->indexes_count;
    for (uint32_t i = 0; same && i < out->to->indexes_count; i++) {
        same = slice_equal(now.buckets->indexes[i].spec, out->to->indexes[i].spec);
    }
    return same;
}

int command_series_out_finish(struct command_op *op, struct command_series_out *out)
{
    struct slice name = command_name_of(out->ns);
    struct slice options = command_series_view_options(op, name, &out->made);
    struct slice buckets = command_join(&op->arena, command_db_of(out->ns),
                                        doc_value_get_string(doc_get_str(options, "viewOn")));
    int code = series_out_flush(op, out);
    code = code < 0 ? code : series_out_check(op, out);
    if (code == 0 && !series_out_is_unchanged(op, out)) {
        code =
            err_set(&op->err, LT_ECOMMANDFAILED,
                    "the options or indexes of %.*s changed while $out wrote", SLICE_FMT(out->ns));
    }
    if (code == 0 && out->to == NULL) {
        code = command_create_collection(op, out->ns, options);
        code = code < 0 ? code : series_out_check(op, out);
    }
    return code < 0 ? code
                    : command_rename(op, out->series.buckets,
                                     store_catalog_find(op->writer->catalog, buckets), buckets);
}

void command_series_out_close(struct command_op *op, struct command_series_out *out)
{
    if (out == NULL) {
        return;
    }
    if (out->id != 0 && series_out_check(op, out) == 0) {
        command_drop_collection(op, out->series.buckets);
    }
    store_collection_release(out->to);
    arena_close(&out->waiting);
    arena_close(&out->next);
    arena_close(&out->arena);
}
