/* query/series.c - unpacking: the column of times leads, every other one is asked for the value of
 * the row that comes next. */
#include "query/series.h"

struct query_series_column {
    struct slice name;
    struct doc_iter iter;
    struct doc_elem next; /* the value that was not given yet; missing: none is left */
};

static struct doc_value series_data(struct slice bucket)
{
    struct doc_value control = doc_get_str(bucket, "control");
    struct doc_value data = doc_get_str(bucket, "data");
    struct doc_value version = doc_missing;
    if (control.type == DOC_OBJECT) {
        version = doc_get_str(doc_value_get_doc(control), "version");
    }
    bool is_known = version.type == DOC_INT32 && doc_value_get_i32(version) == 1;
    return is_known && data.type == DOC_OBJECT ? data : doc_missing;
}

static struct doc_value series_times(const struct query_series *series, struct doc_value data)
{
    struct doc_value times = data.type == DOC_OBJECT
                                 ? doc_get(doc_value_get_doc(data), series->time_field)
                                 : doc_missing;
    return times.type == DOC_OBJECT ? times : doc_missing;
}

uint32_t query_series_count(const struct query_series *series, struct slice bucket)
{
    struct doc_value times = series_times(series, series_data(bucket));
    return doc_value_exists(times) ? (uint32_t)doc_count(doc_value_get_doc(times)) : 0;
}

static void series_step(struct query_series_column *column)
{
    if (!doc_iter_next(&column->iter, &column->next)) {
        column->next.value = doc_missing;
    }
}

static void series_columns(struct query_series_cursor *cursor, struct slice data,
                           struct arena *arena)
{
    struct doc_iter iter;
    struct doc_elem elem;
    cursor->columns = arena_zero(arena, doc_count(data), sizeof *cursor->columns);
    cursor->columns_count = 0;
    doc_iter_init(&iter, data);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT && !slice_equal(elem.name, cursor->series->time_field)) {
            struct query_series_column *column = &cursor->columns[cursor->columns_count++];
            column->name = elem.name;
            doc_iter_value(&column->iter, elem.value);
            series_step(column);
        }
    }
}

int query_series_open(struct query_series_cursor *cursor, const struct query_series *series,
                      struct slice bucket, struct arena *arena, struct err *err)
{
    struct doc_value data = series_data(bucket);
    struct doc_value times = series_times(series, data);
    if (!doc_value_exists(times)) {
        return err_set(err, 5346510,
                       "a document that is no bucket of version 1 cannot be unpacked: it needs "
                       "'control.version' and 'data.%.*s'",
                       SLICE_FMT(series->time_field));
    }
    cursor->series = series;
    cursor->meta = doc_get_str(bucket, "meta");
    doc_iter_value(&cursor->times, times);
    series_columns(cursor, doc_value_get_doc(data), arena);
    return 0;
}

bool query_series_next(struct query_series_cursor *cursor, struct arena *arena,
                       struct slice *ret_doc)
{
    struct doc_builder *builder = &cursor->builder;
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct doc_elem time;
    if (!doc_iter_next(&cursor->times, &time)) {
        return false;
    }
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_value(builder, cursor->series->time_field, time.value);
    if (doc_value_exists(cursor->meta) && cursor->series->meta_field.data != NULL) {
        doc_build_value(builder, cursor->series->meta_field, cursor->meta);
    }
    for (uint32_t i = 0; i < cursor->columns_count; i++) {
        struct query_series_column *column = &cursor->columns[i];
        if (doc_value_exists(column->next.value) && slice_equal(column->next.name, time.name)) {
            doc_build_value(builder, column->name, column->next.value);
            series_step(column);
        }
    }
    *ret_doc = doc_build_end(builder);
    return true;
}

int query_series_unpack(const struct query_series *series, struct slice bucket, struct arena *arena,
                        struct query_series_rows *ret_rows, struct err *err)
{
    struct query_series_cursor *cursor = arena_alloc(arena, sizeof *cursor);
    uint32_t count = query_series_count(series, bucket);
    struct query_series_row *rows = arena_zero(arena, count, sizeof *rows);
    int code = query_series_open(cursor, series, bucket, arena, err);
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        query_series_next(cursor, arena, &rows[i].doc);
        struct doc_value time = doc_get(rows[i].doc, series->time_field);
        if (time.type != DOC_DATE) {
            return err_set(err, 5346510, "a bucket has a time that is no date, but a %s",
                           doc_type_name(time.type));
        }
        rows[i].time_ms = doc_value_get_i64(time);
    }
    *ret_rows = (struct query_series_rows){rows, count};
    return code;
}
