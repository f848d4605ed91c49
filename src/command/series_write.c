/* command/series_write.c - which updates there are; deletes, bucket by bucket. */
#include "command/series_write.h"

#include "command/series_filter.h"
#include "command/series_index.h"
#include "command/series_insert.h"
#include "doc/view.h"

enum { SERIES_SLICE_ROWS = 8192 };

static struct query_series series_fields(struct arena *arena, const struct command_series *series)
{
    struct query_series fields = series->fields;
    fields.time_field = arena_copy(arena, fields.time_field);
    if (fields.meta_field.data != NULL) {
        fields.meta_field = arena_copy(arena, fields.meta_field);
    }
    return fields;
}

/* ---- updates ---- */

static int series_update_check(struct command_op *op, const struct command_series *series,
                               const struct command_updating_spec *spec)
{
    const char *wrong = NULL;
    if (series->fields.meta_field.data == NULL) {
        wrong = "one without a metaField cannot be updated";
    } else if (!spec->multi) {
        wrong = "an update must be one with {multi: true}";
    } else if (spec->upsert) {
        wrong = "an update cannot upsert";
    } else if (spec->update.type != DOC_OBJECT ||
               !slice_starts(doc_first(doc_value_get_doc(spec->update)).name, SLICE("$"))) {
        wrong = "an update must be of operators, neither a pipeline nor a replacement";
    }
    return wrong == NULL
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS,
                         "Cannot perform this update on a time-series collection: %s", wrong);
}

/* One field of an operator, renamed. */
static int series_update_field(struct command_op *op, const struct command_series *series,
                               struct doc_builder *builder, struct doc_elem elem, bool renames)
{
    struct slice name;
    struct slice to;
    bool fits = command_series_meta(&op->arena, series, elem.name, &name);
    if (renames) {
        fits = fits && elem.value.type == DOC_STRING &&
               command_series_meta(&op->arena, series, doc_value_get_string(elem.value), &to);
    }
    if (!fits) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Cannot perform an update on a time-series collection which updates a field "
                       "that is not the metaField '%.*s': %.*s",
                       SLICE_FMT(series->fields.meta_field), SLICE_FMT(elem.name));
    }
    doc_build_value(builder, name, renames ? doc_value_string(&op->arena, to) : elem.value);
    return 0;
}

static int series_update_operators(struct command_op *op, const struct command_series *series,
                                   struct command_updating_spec *spec)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct doc_iter operators;
    struct doc_elem operator;
    int code = 0;
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_iter_value(&operators, spec->update);
    while (code == 0 && doc_iter_next(&operators, &operator)) {
        struct doc_iter fields;
        struct doc_elem field;
        if (operator.value.type != DOC_OBJECT) {
            return 0; /* refused by who parses it */
        }
        doc_build_open(builder, operator.name);
        doc_iter_value(&fields, operator.value);
        while (code == 0 && doc_iter_next(&fields, &field)) {
            code =
                series_update_field(op, series, builder, field, slice_is(operator.name, "$rename"));
        }
        doc_build_close(builder);
    }
    if (code == 0) {
        spec->update = doc_value_object(doc_build_end(builder));
    }
    return code;
}

int command_series_update(struct command_op *op, const struct command_series *series,
                          struct command_updating_spec *spec, const struct query_series **ret_rows)
{
    int code = command_series_check_write(op, series);
    code = code < 0 ? code : series_update_check(op, series, spec);
    if (code == 0 && !command_series_on_meta(&op->arena, series, spec->filter, &spec->filter)) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Cannot perform an update on a time-series collection which queries on a "
                       "field that is not the metaField '%.*s'",
                       SLICE_FMT(series->fields.meta_field));
    }
    code = code < 0 ? code : series_update_operators(op, series, spec);
    if (code < 0) {
        return code;
    }
    struct query_series *rows = arena_alloc(&op->arena, sizeof *rows);
    *rows = series_fields(&op->arena, series);
    spec->hint = command_series_index_named(&op->arena, series, spec->hint);
    spec->bypass = true; /* it stays a bucket */
    *ret_rows = rows;
    return 0;
}

/* ---- deletes ---- */

int command_series_delete_begin(struct command_op *op, const struct command_series *series,
                                const struct command_target_spec *spec,
                                struct command_target *target,
                                struct command_series_deleting **ret_deleting)
{
    struct command_series_deleting *deleting = arena_zero(&op->arena, 1, sizeof *deleting);
    struct command_target_spec buckets = {
        .collection = series->buckets,
        .filter = command_series_filter(&target->arena, series, spec->filter),
        .hint = command_series_index_named(&op->arena, series, spec->hint)};
    int code = command_series_check_write(op, series);
    deleting->fields = series_fields(&op->arena, series);
    arena_init(&deleting->scratch);
    *ret_deleting = deleting;
    code = code < 0 ? code
                    : query_match_parse(&target->context, spec->filter, &deleting->match, &op->err);
    code = code < 0 ? code : command_target_open(op, target, &buckets);
    if (code == 0) {
        command_target_begin(target);
        query_eval_init(&deleting->eval, &target->context, &target->arena);
        deleting->eval.arena = &deleting->scratch;
    }
    return code;
}

/* Take the rows that match out of `rows`: how many, or negative. */
static int series_delete_rows(struct command_op *op, struct command_series_deleting *deleting,
                              bool just_one, struct query_series_rows *rows)
{
    uint32_t kept = 0;
    int deleted = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        struct query_series_row row = rows->rows[i];
        int matches = 0;
        if (!just_one || deleted == 0) {
            deleting->eval.root = doc_value_object(row.doc);
            matches = query_match_doc(deleting->match, &deleting->eval, row.doc, NULL, &op->err);
        }
        if (matches < 0) {
            return matches;
        }
        if (matches > 0) {
            deleting->deleted = row.doc;
            deleted++;
        } else {
            rows->rows[kept++] = row;
        }
    }
    rows->count = kept;
    return deleted;
}

/* One bucket: how many measurements went, or negative. */
static int series_delete_bucket(struct command_op *op, struct command_series_deleting *deleting,
                                struct command_target *target, bool just_one, struct slice bucket)
{
    struct query_series_rows rows;
    struct store_collection *collection;
    arena_reset(&deleting->scratch);
    int code = command_target_collection(op, target, &collection);
    code = code < 0 ? code
                    : query_series_unpack(&deleting->fields, bucket, &deleting->scratch, &rows,
                                          &op->err);
    int deleted = code < 0 ? code : series_delete_rows(op, deleting, just_one, &rows);
    if (deleted <= 0) {
        return deleted;
    }
    struct store_write write = {op->writer, collection, &deleting->scratch, &op->err};
    if (rows.count == 0) {
        code = store_delete(&write, bucket);
    } else {
        struct slice rest = query_series_pack(&deleting->fields, doc_get_str(bucket, "_id").data,
                                              rows, &deleting->scratch);
        code = store_update(&write, bucket, rest);
    }
    if (command_is_paused(code)) {
        return command_target_again(op, target, bucket, code);
    }
    return code < 0 ? code : deleted;
}

int command_series_delete(struct command_op *op, struct command_series_deleting *deleting,
                          struct command_target *target, bool just_one, int64_t *n)
{
    struct slice bucket;
    uint32_t looked = 0;
    int code;
    command_target_slice(op, target);
    while ((code = command_target_next(op, target, &bucket)) > 0) {
        looked += query_series_count(&deleting->fields, bucket);
        code = series_delete_bucket(op, deleting, target, just_one, bucket);
        if (code < 0) {
            return code;
        }
        *n += code;
        if (just_one && code > 0) {
            return 0;
        }
        if (command_entry_is_full(op) || looked >= SERIES_SLICE_ROWS) {
            return -LT_EYIELD;
        }
    }
    return code;
}

void command_series_delete_end(struct command_series_deleting *deleting)
{
    if (deleting != NULL) {
        arena_close(&deleting->scratch);
    }
}
