/* command/series_index.c - from fields of measurements to fields of buckets, and back. */
#include "command/series_index.h"

#include "command/series_filter.h"
#include "doc/view.h"

static struct doc_builder *series_index_builder(struct arena *arena)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    return builder;
}

/* ---- keys ---- */

/* The least and the greatest value of a field, in the order in which the index has them. */
static void series_index_ends(struct arena *arena, struct doc_builder *builder,
                              struct doc_elem elem)
{
    bool descends = doc_value_is_number(elem.value) && doc_value_to_double(elem.value) < 0;
    for (int i = 0; i < 2; i++) {
        const char *end = descends == (i == 0) ? "max" : "min";
        struct slice name = arena_format(arena, "control.%s.%.*s", end, SLICE_FMT(elem.name));
        doc_build_value(builder, name, doc_value_i32(arena, descends ? -1 : 1));
    }
}

struct slice command_series_index_key(struct arena *arena, const struct command_series *series,
                                      struct slice key)
{
    struct doc_builder *builder = series_index_builder(arena);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        struct slice meta;
        if (command_series_meta(arena, series, elem.name, &meta)) {
            doc_build_value(builder, meta, elem.value);
        } else {
            series_index_ends(arena, builder, elem);
        }
    }
    return doc_build_end(builder);
}

/* ---- specifications ---- */

static struct slice series_index_spec(struct command_op *op, const struct command_series *series,
                                      struct slice spec, struct slice key)
{
    struct doc_builder *builder = series_index_builder(&op->arena);
    struct doc_iter iter;
    struct doc_elem elem;
    struct slice partial;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "key")) {
            doc_build_doc(builder, "key", key);
        } else if (!slice_is(elem.name, "partialFilterExpression")) {
            doc_build_value(builder, elem.name, elem.value);
        } else if (command_series_on_meta(&op->arena, series, doc_value_get_doc(elem.value),
                                          &partial)) {
            doc_build_doc(builder, "partialFilterExpression", partial);
        }
    }
    doc_build_doc(builder, "originalSpec", spec);
    return doc_build_end(builder);
}

void command_series_index_specs(struct command_op *op, const struct command_series *series,
                                struct command_index *specs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        specs[i].key = command_series_index_key(&op->arena, series, specs[i].key);
        specs[i].spec = series_index_spec(op, series, specs[i].spec, specs[i].key);
    }
}

struct doc_value command_series_index_named(struct arena *arena,
                                            const struct command_series *series,
                                            struct doc_value named)
{
    if (named.type != DOC_OBJECT ||
        doc_value_exists(doc_get_str(doc_value_get_doc(named), "$natural"))) {
        return named;
    }
    return doc_value_object(command_series_index_key(arena, series, doc_value_get_doc(named)));
}

struct slice command_series_index_wanted(struct command_op *op, const struct command_series *series,
                                         struct slice wanted)
{
    struct doc_builder *builder = series_index_builder(&op->arena);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, wanted);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "keyPattern") && elem.value.type == DOC_OBJECT) {
            doc_build_doc(
                builder, "keyPattern",
                command_series_index_key(&op->arena, series, doc_value_get_doc(elem.value)));
        } else {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    return doc_build_end(builder);
}

bool command_series_first_index(struct command_op *op, const struct command_series *series,
                                struct slice *ret_spec)
{
    const struct query_series *fields = &series->fields;
    struct slice names[] = {fields->meta_field, fields->time_field};
    struct doc_builder *builder = series_index_builder(&op->arena);
    doc_build_i32(builder, "v", 2);
    doc_build_open(builder, SLICE("key"));
    for (size_t i = 0; i < 2; i++) {
        if (names[i].len == 0 || names[i].data[0] == '$') {
            return false; /* no such index could be asked for either */
        }
        doc_build_value(builder, names[i], doc_value_i32(&op->arena, 1));
    }
    doc_build_close(builder);
    doc_build_string(
        builder, "name",
        arena_format(&op->arena, "%.*s_1_%.*s_1", SLICE_FMT(names[0]), SLICE_FMT(names[1])));
    if (series->buckets != NULL && series->buckets->collation != NULL) {
        doc_build_doc(builder, "collation", doc_collation_spec(series->buckets->collation));
    }
    struct slice spec = doc_build_end(builder);
    struct slice key = doc_value_get_doc(doc_get_str(spec, "key"));
    *ret_spec =
        series_index_spec(op, series, spec, command_series_index_key(&op->arena, series, key));
    return true;
}

void command_series_index_build(struct doc_builder *builder, struct slice spec)
{
    struct doc_value original = doc_get_str(spec, "originalSpec");
    struct doc_iter iter;
    struct doc_elem elem;
    if (original.type != DOC_OBJECT) {
        doc_build_fields(builder, spec);
        return;
    }
    struct slice asked = doc_value_get_doc(original);
    struct doc_value partial = doc_get_str(asked, "partialFilterExpression");
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "key")) {
            doc_build_value(builder, elem.name, doc_get(asked, elem.name));
        } else if (!slice_is(elem.name, "originalSpec") &&
                   !slice_is(elem.name, "partialFilterExpression")) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    if (doc_value_exists(partial)) {
        doc_build_value(builder, SLICE("partialFilterExpression"), partial);
    }
}

struct slice command_series_index_asked(struct arena *arena, struct slice spec)
{
    struct doc_builder *builder = series_index_builder(arena);
    command_series_index_build(builder, spec);
    return doc_build_end(builder);
}

/* ---- what there is not ---- */

static int series_index_check_field(struct command_op *op, const struct command_series *series,
                                    struct doc_elem elem, struct slice spec)
{
    struct slice meta;
    bool is_meta = command_series_meta(&op->arena, series, elem.name, &meta);
    struct slice plugin =
        elem.value.type == DOC_STRING ? doc_value_get_string(elem.value) : SLICE("");
    if (slice_is(plugin, "text")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "text indexes are not supported on time-series collections");
    }
    if (!is_meta && elem.name.len >= 3 &&
        memcmp(elem.name.data + elem.name.len - 3, "$**", 3) == 0) {
        return err_set(&op->err, 7246201,
                       "wildcard indexes on measurements of a time-series collection are not "
                       "supported");
    }
    if (!is_meta && (slice_is(plugin, "hashed") || slice_is(plugin, "2d"))) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "%.*s indexes of a time-series collection must be on its metaField, which "
                       "'%.*s' is not",
                       SLICE_FMT(plugin), SLICE_FMT(elem.name));
    }
    return !is_meta && doc_value_truth(doc_get_str(spec, "sparse"))
               ? err_set(&op->err, LT_EINVALIDOPTIONS,
                         "sparse indexes of a time-series collection must be on its metaField, "
                         "which '%.*s' is not",
                         SLICE_FMT(elem.name))
               : 0;
}

/* Buckets go whole: what else the index demands must hold for all rows. */
static int series_index_check_expire(struct command_op *op, const struct command_series *series,
                                     struct slice key, struct doc_value partial)
{
    struct slice ignored;
    bool on_time = slice_equal(doc_first(key).name, series->fields.time_field);
    bool on_meta = partial.type == DOC_OBJECT &&
                   command_series_on_meta(&op->arena, series, doc_value_get_doc(partial), &ignored);
    return on_time && on_meta
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS,
                         "TTL indexes on time-series collections must be on the timeField, with a "
                         "partialFilterExpression on the metaField; for all measurements there is "
                         "the collection's own expireAfterSeconds");
}

static int series_index_check_one(struct command_op *op, const struct command_series *series,
                                  struct slice spec)
{
    struct doc_value key = doc_get_str(spec, "key");
    struct doc_value partial = doc_get_str(spec, "partialFilterExpression");
    struct doc_value collation = doc_get_str(spec, "collation");
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (key.type != DOC_OBJECT) {
        return 0; /* refused by who parses it */
    }
    if (doc_value_truth(doc_get_str(spec, "unique"))) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "unique indexes are not supported on time-series collections");
    }
    doc_iter_value(&iter, key);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = series_index_check_field(op, series, elem, spec);
    }
    if (code == 0 && doc_value_exists(doc_get_str(spec, "expireAfterSeconds"))) {
        code = series_index_check_expire(op, series, doc_value_get_doc(key), partial);
    }
    if (code == 0 && partial.type == DOC_OBJECT && collation.type == DOC_OBJECT) {
        struct doc_value locale = doc_get_str(doc_value_get_doc(collation), "locale");
        bool is_simple =
            locale.type == DOC_STRING && slice_is(doc_value_get_string(locale), "simple");
        code = is_simple ? 0
                         : err_set(&op->err, LT_EINDEXOPTIONSCONFLICT,
                                   "a partial index of a time-series collection must have the "
                                   "collation of the collection");
    }
    return code;
}

int command_series_index_check(struct command_op *op, const struct command_series *series,
                               struct slice list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, list);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = elem.value.type == DOC_OBJECT
                   ? series_index_check_one(op, series, doc_value_get_doc(elem.value))
                   : 0;
    }
    return code;
}
