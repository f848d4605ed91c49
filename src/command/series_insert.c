/* command/series_insert.c - an insert of many measurements: all are looked at first, then sorted by
 * the buckets they belong to, so that each bucket is written once.
 *
 * With `ordered` the first that is no measurement ends it: those before it are inserted, in which
 * order nobody can tell. */
#include "command/series_insert.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "command/retry.h"
#include "command/series_filter.h"
#include "doc/view.h"

enum { SERIES_SLICE_DOCS = 1024 };

/* A statement. */
struct series_item {
    struct query_series_row row;
    uint64_t key; /* the same for those of one window and meta value */
    uint32_t index;
};

struct command_series_batch {
    struct slice ns;
    struct command_statements *statements;
    struct series_item *items; /* on the heap */
    uint32_t items_count;
    uint32_t at;        /* those before are inserted */
    bool ready;         /* all were looked at */
    struct arena arena; /* of a bucket */
};

/* ---- looking ---- */

static uint64_t series_key(const struct command_series *series, const struct query_series_row *row)
{
    struct doc_value meta = doc_missing;
    if (series->fields.meta_field.data != NULL) {
        meta = doc_get(row->doc, series->fields.meta_field);
    }
    int64_t window = command_series_window(series, row->time_ms);
    return XXH3_64bits_withSeed(meta.data, meta.len, (uint64_t)window);
}

static int series_look(struct command_op *op, const struct command_series *series,
                       struct command_series_batch *batch)
{
    struct command_statements *statements = batch->statements;
    struct series_item *item = &batch->items[batch->items_count];
    struct slice doc;
    command_docs_next(&statements->docs, &doc);
    int code = command_prepare_document(op, doc, &op->arena, &item->row.doc);
    code = code < 0 ? code : command_series_check(op, series, item->row.doc, &item->row.time_ms);
    if (code < 0) {
        command_results_fail(&statements->results, op, statements->index);
        return code;
    }
    item->index = statements->index;
    item->key = series_key(series, &item->row);
    batch->items_count++;
    return 0;
}

static int series_compare(const void *a, const void *b)
{
    const struct series_item *x = a;
    const struct series_item *y = b;
    int order = (x->key > y->key) - (x->key < y->key);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static int series_look_all(struct command_op *op, const struct command_series *series,
                           struct command_series_batch *batch)
{
    struct command_statements *statements = batch->statements;
    for (uint32_t slice = 0; statements->index < statements->docs.count; slice++) {
        struct command_retry_result known;
        if (slice == SERIES_SLICE_DOCS) {
            return -LT_EYIELD;
        }
        int code =
            command_statements_known(op, statements, &known) ? 0 : series_look(op, series, batch);
        if (code < 0 && statements->ordered) {
            break;
        }
        statements->index++;
    }
    qsort(batch->items, batch->items_count, sizeof *batch->items, series_compare);
    batch->ready = true;
    return 0;
}

/* ---- writing ---- */

static void series_done(struct command_op *op, struct command_series_batch *batch, uint32_t done)
{
    static const struct command_retry_result result = {.n = 1};
    struct command_statements *statements = batch->statements;
    for (uint32_t i = 0; i < done; i++) {
        statements->index = batch->items[batch->at++].index;
        command_statements_note(op, statements, &result);
    }
    statements->results.n += done;
}

/* Those that belong together, from the next one on, as many as a bucket has room for. */
static int series_write_some(struct command_op *op, const struct command_series *series,
                             struct command_series_batch *batch)
{
    const struct series_item *first = &batch->items[batch->at];
    uint32_t count = 1;
    uint32_t done;
    uint32_t rest = batch->items_count - batch->at;
    uint32_t max = rest < QUERY_SERIES_ROWS_MAX ? rest : QUERY_SERIES_ROWS_MAX;
    arena_reset(&batch->arena);
    struct query_series_row *rows = arena_alloc(&batch->arena, max * sizeof *rows);
    rows[0] = first->row;
    while (count < max && first[count].key == first->key &&
           command_series_is_near(series, &first->row, &first[count].row)) {
        rows[count] = first[count].row;
        count++;
    }
    int code = command_series_put(op, series, (struct query_series_rows){rows, count}, &done,
                                  &batch->arena);
    if (code == 0) {
        series_done(op, batch, done);
    }
    return code;
}

static int series_write_all(struct command_op *op, const struct command_series *series,
                            struct command_series_batch *batch)
{
    struct command_statements *statements = batch->statements;
    while (batch->at < batch->items_count) {
        if (command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
        int code = series_write_some(op, series, batch);
        if (command_write_is_fatal(code)) {
            return code;
        }
        if (code < 0) {
            command_results_fail(&statements->results, op, batch->items[batch->at++].index);
            if (statements->ordered) {
                break;
            }
        }
    }
    return 0;
}

/* ---- the command ---- */

static struct command_series_batch *series_begin(struct slice ns,
                                                 struct command_statements *statements)
{
    struct command_series_batch *batch = mem_zero(1, sizeof *batch);
    batch->ns = ns;
    batch->statements = statements;
    batch->items = mem_zero(statements->docs.count, sizeof *batch->items);
    arena_init(&batch->arena);
    return batch;
}

void command_series_insert_end(struct command_series_batch *batch)
{
    if (batch != NULL) {
        arena_close(&batch->arena);
        mem_free(batch->items);
        mem_free(batch);
    }
}

int command_series_insert(struct command_op *op, struct slice ns,
                          struct command_statements *statements,
                          struct command_series_batch **state)
{
    struct command_series series;
    if (*state == NULL) {
        *state = series_begin(ns, statements);
    }
    struct command_series_batch *batch = *state;
    if (!command_series_find(&op->arena, op->writer->catalog, batch->ns, &series)) {
        return err_set(&op->err, LT_EQUERYPLANKILLED,
                       "time-series collection %.*s was dropped while it was being written",
                       SLICE_FMT(batch->ns));
    }
    int code = command_series_check_write(op, &series);
    code = code < 0 || batch->ready ? code : series_look_all(op, &series, batch);
    return code < 0 ? code : series_write_all(op, &series, batch);
}
