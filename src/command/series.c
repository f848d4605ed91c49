/* command/series.c - from names to series and their buckets; making and dropping them. */
#include "command/series.h"

#include "command/args.h"
#include "command/ddl.h"
#include "command/series_index.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/describe.h"

#define SERIES_PREFIX "system.buckets."

/* ---- finding ---- */

bool command_series_is(const struct store_collection *view)
{
    return view != NULL && view->view_on.len > 0 &&
           doc_value_exists(doc_get_str(view->options, "timeseries"));
}

bool command_series_is_buckets(struct slice name)
{
    return slice_starts(name, SLICE(SERIES_PREFIX));
}

bool command_series_read(struct slice options, struct command_series *ret_series)
{
    struct doc_value value = doc_get_str(options, "timeseries");
    if (value.type != DOC_OBJECT) {
        return false;
    }
    struct slice doc = doc_value_get_doc(value);
    struct doc_value time = doc_get_str(doc, "timeField");
    struct doc_value meta = doc_get_str(doc, "metaField");
    struct doc_value span = doc_get_str(doc, "bucketMaxSpanSeconds");
    struct doc_value rounding = doc_get_str(doc, "bucketRoundingSeconds");
    *ret_series = (struct command_series){0};
    if (time.type != DOC_STRING || span.type != DOC_INT32) {
        return false;
    }
    ret_series->fields.time_field = doc_value_get_string(time);
    if (meta.type == DOC_STRING) {
        ret_series->fields.meta_field = doc_value_get_string(meta);
    }
    ret_series->span_s = doc_value_get_i32(span);
    ret_series->rounding_s = rounding.type == DOC_INT32
                                 ? doc_value_get_i32(rounding)
                                 : command_series_rounding(doc_get_str(doc, "granularity"));
    ret_series->fields.rounding_ms = ret_series->rounding_s * 1000;
    return true;
}

bool command_series_find(struct arena *arena, const struct store_catalog *catalog, struct slice ns,
                         struct command_series *ret_series)
{
    const struct store_collection *view = command_view_find(catalog, ns);
    if (!command_series_is(view) || !command_series_read(view->options, ret_series)) {
        return false;
    }
    ret_series->view = view;
    ret_series->buckets = store_catalog_find(catalog, command_join(arena, view->db, view->view_on));
    return ret_series->buckets != NULL;
}

struct slice command_series_buckets(struct arena *arena, const struct store_catalog *catalog,
                                    struct slice ns)
{
    struct command_series series;
    return command_series_find(arena, catalog, ns, &series) ? arena_copy(arena, series.buckets->ns)
                                                            : ns;
}

struct slice command_series_name(struct arena *arena, struct slice ns)
{
    struct slice name = command_name_of(ns);
    return command_series_is_buckets(name)
               ? command_join(arena, command_db_of(ns), slice_from(name, strlen(SERIES_PREFIX)))
               : ns;
}

/* ---- options ---- */

static struct doc_builder *series_builder(struct command_op *op)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    return builder;
}

static void series_build_common(struct doc_builder *builder, const struct command_series_made *made)
{
    if (!doc_value_is_nullish(made->expires)) {
        doc_build_i64(builder, "expireAfterSeconds", doc_value_to_i64_clamped(made->expires));
    }
    if (made->collation.len > 0) {
        doc_build_doc(builder, "collation", made->collation);
    }
    doc_build_doc(builder, "timeseries", made->timeseries);
}

struct slice command_series_view_options(struct command_op *op, struct slice name,
                                         const struct command_series_made *made)
{
    struct doc_builder *builder = series_builder(op);
    struct slice buckets = arena_format(&op->arena, SERIES_PREFIX "%.*s", SLICE_FMT(name));
    static const char *const given[] = {"timeField", "metaField", "bucketMaxSpanSeconds"};
    series_build_common(builder, made);
    doc_build_string(builder, "viewOn", buckets);
    doc_build_open_array(builder, SLICE("pipeline"));
    doc_build_open(builder, SLICE(""));
    doc_build_open(builder, SLICE("$_internalUnpackBucket"));
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        struct doc_value value = doc_get_str(made->timeseries, given[i]);
        if (doc_value_exists(value)) {
            doc_build_value(builder, slice_str(given[i]), value);
        }
    }
    doc_build_close(builder);
    doc_build_close(builder);
    doc_build_close(builder);
    return doc_build_end(builder);
}

/* {bsonType: type} */
static void series_build_type(struct doc_builder *builder, const char *name, const char *type)
{
    doc_build_open(builder, slice_str(name));
    doc_build_text(builder, "bsonType", type);
    doc_build_close(builder);
}

/* Who writes to buckets beside the series must make buckets. */
static void series_build_validator(struct doc_builder *builder)
{
    static const char *const required[] = {"_id", "control", "data"};
    doc_build_open(builder, SLICE("validator"));
    doc_build_open(builder, SLICE("$jsonSchema"));
    doc_build_text(builder, "bsonType", "object");
    doc_build_open_array(builder, SLICE("required"));
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        doc_build_text(builder, "", required[i]);
    }
    doc_build_close(builder);
    doc_build_open(builder, SLICE("properties"));
    series_build_type(builder, "_id", "objectId");
    series_build_type(builder, "control", "object");
    series_build_type(builder, "data", "object");
    doc_build_open(builder, SLICE("meta"));
    doc_build_close(builder);
    doc_build_close(builder);
    doc_build_bool(builder, "additionalProperties", false);
    doc_build_close(builder);
    doc_build_close(builder);
}

struct slice command_series_bucket_options(struct command_op *op,
                                           const struct command_series_made *made)
{
    struct doc_builder *builder = series_builder(op);
    series_build_validator(builder);
    doc_build_bool(builder, "clusteredIndex", true);
    series_build_common(builder, made);
    return doc_build_end(builder);
}

/* ---- making, dropping ---- */

int command_series_add_index(struct command_op *op, struct slice ns)
{
    struct command_series series;
    struct slice spec;
    struct store_collection *buckets = store_catalog_find(op->writer->catalog, ns);
    bool is_series = command_series_read(buckets->options, &series);
    series.buckets = buckets;
    if (!is_series || !command_series_first_index(op, &series, &spec)) {
        return 0;
    }
    struct store_describe_head head = store_describe_head_of(buckets);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    struct store_index index = {.id = store_writer_new_id(op->writer), .ready = true, .spec = spec};
    store_describe_index(describe, &buckets->indexes[0]);
    store_describe_index(describe, &index);
    return store_writer_put_collection(op->writer, store_describe_end(describe), buckets);
}

int command_series_create(struct command_op *op, struct slice ns,
                          const struct command_series_made *made)
{
    struct slice db = command_db_of(ns);
    struct slice options = command_series_view_options(op, command_name_of(ns), made);
    struct slice buckets =
        command_join(&op->arena, db, doc_value_get_string(doc_get_str(options, "viewOn")));
    int code = command_check_collection(db, command_name_of(buckets), &op->err);
    if (code == 0 && store_catalog_find_any(op->writer->catalog, buckets) != NULL) {
        code = err_set(&op->err, LT_ENAMESPACEEXISTS, "namespace %.*s already exists",
                       SLICE_FMT(buckets));
    }
    code = code < 0
               ? code
               : command_create_collection(op, buckets, command_series_bucket_options(op, made));
    code = code < 0 ? code : command_series_add_index(op, buckets);
    return code < 0 ? code : command_create_collection(op, ns, options);
}

void command_series_drop(struct command_op *op, const struct command_series *series)
{
    command_drop_collection(op, series->buckets);
    command_drop_collection(op, (struct store_collection *)(uintptr_t)series->view);
}

void command_series_build(struct doc_builder *builder, const struct store_collection *view)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_build_open(builder, SLICE("options"));
    doc_iter_init(&iter, view->options);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "viewOn") && !slice_is(elem.name, "pipeline")) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    doc_build_close(builder);
}
