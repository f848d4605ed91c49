/* command/view.c - from a view to what is under it, and the queries that are asked of views. */
#include "command/view.h"

#include "command/args.h"
#include "command/collation.h"
#include "command/results.h"
#include "command/series_filter.h"
#include "command/series_index.h"
#include "doc/view.h"

const struct store_collection *command_view_find(const struct store_catalog *catalog,
                                                 struct slice ns)
{
    const struct store_collection *found = store_catalog_find_any(catalog, ns);
    return found != NULL && found->view_on.len > 0 ? found : NULL;
}

int command_view_refuse(struct command_op *op, struct slice ns)
{
    const struct store_catalog *catalog = op->writer != NULL ? op->writer->catalog : op->catalog;
    return command_view_find(catalog, ns) == NULL
               ? 0
               : err_set(&op->err, LT_ECOMMANDNOTSUPPORTEDONVIEW,
                         "Namespace %.*s is a view, not a collection", SLICE_FMT(ns));
}

/* ---- what is under it ---- */

static void view_append(struct doc_builder *builder, struct slice stages)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, stages);
    while (doc_iter_next(&iter, &elem)) {
        doc_build_value(builder, SLICE(""), elem.value);
    }
}

/* Stages that tell of a time series what is so of its buckets. */
static bool view_is_of_buckets(struct slice stages)
{
    struct doc_value first = doc_array_at(stages, 0);
    struct slice name =
        first.type == DOC_OBJECT ? doc_first(doc_value_get_doc(first)).name : SLICE("");
    return slice_is(name, "$collStats") || slice_is(name, "$indexStats");
}

int command_view_resolve(const struct store_collection *view, struct command_view_base *base,
                         struct arena *arena, struct err *err)
{
    const struct store_collection *way[COMMAND_VIEW_DEPTH];
    struct command_series series;
    struct slice ns = view->ns;
    uint32_t depth = 0;
    while (view != NULL) {
        if (depth == COMMAND_VIEW_DEPTH) {
            return err_set(err, LT_EVIEWDEPTHLIMITEXCEEDED,
                           "View depth too deep or view cycle detected; maximum depth is %d",
                           COMMAND_VIEW_DEPTH);
        }
        way[depth++] = view;
        ns = command_join(arena, view->db, view->view_on);
        view = command_view_find(base->catalog, ns);
    }
    struct slice given = base->stages;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin_array(builder, buf);
    for (uint32_t i = depth; i > 0; i--) {
        view_append(builder, way[i - 1]->view_pipeline);
    }
    view_append(builder, base->stages);
    base->stages = doc_build_end(builder);
    if (depth == 1 && command_series_is(way[0]) && view_is_of_buckets(given)) {
        base->stages = given;
    } else if (command_series_is(way[depth - 1]) &&
               command_series_read(way[depth - 1]->options, &series)) {
        base->stages = command_series_push(arena, &series, base->stages);
        base->hint = command_series_index_named(arena, &series, base->hint);
    }
    base->collection = store_catalog_find(base->catalog, ns);
    return 0;
}

/* ---- queries ---- */

static bool view_has(struct slice doc)
{
    return doc.len > 0 && !doc_is_empty(doc);
}

static void view_stage_doc(struct doc_builder *builder, const char *name, struct slice doc)
{
    if (view_has(doc)) {
        doc_build_open(builder, SLICE(""));
        doc_build_doc(builder, name, doc);
        doc_build_close(builder);
    }
}

static void view_stage_number(struct doc_builder *builder, const char *name, int64_t number)
{
    if (number > 0) {
        doc_build_open(builder, SLICE(""));
        doc_build_i64(builder, name, number);
        doc_build_close(builder);
    }
}

struct slice command_view_aggregate(struct command_op *op, const struct command_view_query *query)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_value(builder, SLICE("aggregate"), doc_first(op->body).value);
    doc_build_open_array(builder, SLICE("pipeline"));
    view_stage_doc(builder, "$match", query->filter);
    view_stage_doc(builder, "$sort", query->sort);
    view_stage_number(builder, "$skip", query->skip);
    view_stage_number(builder, "$limit", query->limit);
    view_stage_doc(builder, "$project", query->projection);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("cursor"));
    if (query->batch_size >= 0) {
        doc_build_i64(builder, "batchSize", query->batch_size);
    }
    doc_build_close(builder);
    if (query->let.len > 0) {
        doc_build_doc(builder, "let", query->let);
    }
    if (query->collation.len > 0) {
        doc_build_doc(builder, "collation", query->collation);
    }
    if (!doc_value_is_nullish(query->hint)) {
        doc_build_value(builder, SLICE("hint"), query->hint);
    }
    return doc_build_end(builder);
}

/* ---- making one ---- */

struct slice command_view_options(struct command_op *op, const struct command_view_definition *view)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_string(builder, "viewOn", view->on);
    doc_build_array(builder, "pipeline", view->pipeline);
    if (view->collation.len > 0) {
        doc_build_doc(builder, "collation", view->collation);
    }
    return doc_build_end(builder);
}

/* A view shows what is stored: stages that write or show something else are refused. */
static int view_check_stages(struct command_op *op, const struct query_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->count; i++) {
        const struct query_stage_ops *ops = pipeline->stages[i].ops;
        if (strcmp(ops->name, "$changeStream") == 0 || (ops->flags & QUERY_STAGE_LAST) != 0) {
            return err_set(&op->err, LT_EOPTIONNOTSUPPORTEDONVIEW,
                           "The aggregation stage %s cannot be used in a view definition",
                           ops->name);
        }
        if ((ops->flags & QUERY_STAGE_FIRST) != 0 && strcmp(ops->name, "$collStats") != 0 &&
            strcmp(ops->name, "$geoNear") != 0) {
            return err_set(&op->err, LT_EINVALIDNAMESPACE,
                           "'%s' can only be run with {aggregate: 1}, which a view is not",
                           ops->name);
        }
    }
    return 0;
}

/* From `view_on` on, is there no way back to `ns`, and room for one more? */
static int view_check_way(struct command_op *op, struct slice ns, struct slice view_on,
                          const struct doc_collation *collation)
{
    struct slice at = command_join(&op->arena, op->db, view_on);
    for (uint32_t depth = 1;; depth++) {
        if (slice_equal(at, ns)) {
            return err_set(&op->err, LT_EGRAPHCONTAINSCYCLE,
                           "View cycle detected: the view %.*s would be on itself", SLICE_FMT(ns));
        }
        const struct store_collection *view = command_view_find(op->writer->catalog, at);
        if (view == NULL) {
            return 0;
        }
        int code = command_collation_check_view(view, collation, &op->err);
        if (code < 0) {
            return code;
        }
        if (depth == COMMAND_VIEW_DEPTH) {
            return err_set(&op->err, LT_EVIEWDEPTHLIMITEXCEEDED,
                           "View depth limit exceeded; maximum depth is %d", COMMAND_VIEW_DEPTH);
        }
        at = command_join(&op->arena, op->db, view->view_on);
    }
}

int command_view_check(struct command_op *op, struct slice ns,
                       const struct command_view_definition *view)
{
    int code = command_check_collection(op->db, view->on, &op->err);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, ns);
    struct query_context *context = &cursor->context;
    code = command_collation(op, view->collation, NULL, context);
    code = code < 0 ? code : view_check_way(op, ns, view->on, context->collation);
    if (code < 0) {
        command_cursor_free(cursor);
        return code;
    }
    struct command_results_plan *plan = command_results_plan_new(cursor);
    code = command_results_pipeline(op, cursor, arena_copy(&cursor->arena, view->pipeline));
    code = code < 0 ? code : view_check_stages(op, plan->pipeline);
    command_cursor_free(cursor);
    return code;
}
