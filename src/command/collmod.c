/* command/collmod.c - collMod: what a collection takes, how it is cached, when it expires, how much
 * a capped one holds; its indexes. */
#include "command/cache_rule.h"
#include "command/capped.h"
#include "command/collmod_index.h"
#include "command/handlers.h"
#include "command/images.h"
#include "command/index_spec.h"
#include "command/series.h"
#include "command/series_index.h"
#include "command/server.h"
#include "command/validator.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/describe.h"

struct collmod_args {
    struct slice index;
    struct doc_value cache;
    struct doc_value expire;
    struct slice images; /* changeStreamPreAndPostImages */
    struct command_validator_args validator;
    struct slice view_on;
    struct slice pipeline;
    struct slice timeseries;
    int64_t capped_size; /* these two: 0 when they are not given */
    int64_t capped_max;
};

static const struct command_arg collmod_arg_table[] = {
    {"cappedSize", COMMAND_ARG_INT, offsetof(struct collmod_args, capped_size), 0},
    {"cappedMax", COMMAND_ARG_INT, offsetof(struct collmod_args, capped_max), 0},
    {"changeStreamPreAndPostImages", COMMAND_ARG_DOC, offsetof(struct collmod_args, images), 0},
    {"index", COMMAND_ARG_DOC, offsetof(struct collmod_args, index), 0},
    {"expireAfterSeconds", COMMAND_ARG_VALUE, offsetof(struct collmod_args, expire), 0},
    {"cache", COMMAND_ARG_VALUE, offsetof(struct collmod_args, cache), 0},
    {"timeseries", COMMAND_ARG_DOC, offsetof(struct collmod_args, timeseries), 0},
    {"viewOn", COMMAND_ARG_STRING, offsetof(struct collmod_args, view_on), 0},
    {"pipeline", COMMAND_ARG_ARRAY, offsetof(struct collmod_args, pipeline), 0},
    {"validator", COMMAND_ARG_DOC, offsetof(struct collmod_args, validator.validator), 0},
    {"validationLevel", COMMAND_ARG_STRING, offsetof(struct collmod_args, validator.level), 0},
    {"validationAction", COMMAND_ARG_STRING, offsetof(struct collmod_args, validator.action), 0},
    {NULL},
};

/* What MongoDB has and this version has not. */
static const char *const collmod_missing[] = {"dryRun"};

static int collmod_refuse(struct slice doc, struct err *err)
{
    for (size_t i = 0; i < sizeof collmod_missing / sizeof collmod_missing[0]; i++) {
        if (doc_value_exists(doc_get_str(doc, collmod_missing[i]))) {
            return err_set(err, LT_ENOTIMPLEMENTED, "collMod: the option '%s' is not supported yet",
                           collmod_missing[i]);
        }
    }
    return 0;
}

/* What a collection will be. */
struct collmod {
    struct store_collection *collection;
    struct slice options;
    struct command_collmod_index index;
    const struct command_series *series; /* that it has the buckets of; NULL: it is no such */
};

/* ---- expireAfterSeconds ---- */

/* Seconds, or "off". */
static int collmod_expire(struct command_op *op, struct collmod *collmod, struct doc_value expire)
{
    bool off = expire.type == DOC_STRING;
    int64_t seconds = doc_value_is_number(expire) ? doc_value_to_i64_clamped(expire) : 0;
    if (!off && !doc_value_is_number(expire)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'collMod.expireAfterSeconds' is the wrong type '%s', expected "
                       "types '[string, long, int, decimal, double]'",
                       doc_type_name(expire.type));
    }
    if (off && !slice_is(doc_value_get_string(expire), "off")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "collMod: expireAfterSeconds takes seconds or \"off\", not \"%.*s\"",
                       SLICE_FMT(doc_value_get_string(expire)));
    }
    if (!doc_value_exists(doc_get_str(collmod->options, "clusteredIndex"))) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "'expireAfterSeconds' is only supported on time-series collections or when "
                       "the 'clusteredIndex' option is specified");
    }
    if (seconds < 0 || seconds > COMMAND_EXPIRE_MAX) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "collMod: expireAfterSeconds must be within 0 and %d", COMMAND_EXPIRE_MAX);
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, collmod->options, "expireAfterSeconds");
    if (!off) {
        doc_build_i64(builder, "expireAfterSeconds", seconds);
    }
    collmod->options = doc_build_end(builder);
    return 0;
}

/* ---- cache ---- */

static int collmod_cache(struct command_op *op, struct collmod *collmod, struct doc_value cache)
{
    if (cache.type != DOC_OBJECT && cache.type != DOC_NULL) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'collMod.cache' is the wrong type '%s', expected type 'object'",
                       doc_type_name(cache.type));
    }
    struct slice option = doc_value_get_doc(cache.type == DOC_NULL ? doc_empty_object : cache);
    int code = command_cache_check(op, collmod->collection->ns, option);
    if (code == 0) {
        collmod->options = command_cache_option(&op->arena, collmod->options, option);
    }
    return code;
}

/* ---- validator ---- */

/* What is given takes the place of what was there; an empty validator takes all away. */
static int collmod_validator(struct command_op *op, struct collmod *collmod,
                             struct command_validator_args *args)
{
    static const char *const names[] = {"validator", "validationLevel", "validationAction"};
    struct slice *const given[] = {&args->validator, &args->level, &args->action};
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct slice options = collmod->options;
    int code = command_validator_check(op, collmod->collection->ns, args);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && code == 0; i++) {
        struct doc_value old = doc_get_str(options, names[i]);
        struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
        if (given[i]->data == NULL && doc_value_exists(old)) {
            *given[i] = i == 0 ? doc_value_get_doc(old) : doc_value_get_string(old);
        }
        buf_init(buf, &op->arena);
        doc_build_begin(builder, buf);
        doc_build_without(builder, options, names[i]);
        if (i + 1 == sizeof names / sizeof names[0]) {
            command_validator_build(builder, args);
        }
        options = doc_build_end(builder);
    }
    collmod->options = options;
    return code;
}

static bool collmod_has_validator(const struct command_validator_args *args)
{
    return args->validator.data != NULL || args->level.data != NULL || args->action.data != NULL;
}

/* ---- a capped collection's limits ---- */

/* The oldest documents go when the next one comes. */
static int collmod_capped(struct command_op *op, struct collmod *collmod,
                          const struct collmod_args *args)
{
    bool has_size = !doc_value_is_nullish(doc_get_str(op->body, "cappedSize"));
    bool has_max = !doc_value_is_nullish(doc_get_str(op->body, "cappedMax"));
    const struct store_capped *capped = collmod->collection->capped;
    if (!has_size && !has_max) {
        return 0;
    }
    if (capped == NULL) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "Collection must be capped.");
    }
    int64_t size = has_size ? command_capped_resize(args->capped_size) : capped->bytes_max;
    int64_t max = has_max ? args->capped_max : capped->documents_max;
    collmod->options = command_capped_options(&op->arena, collmod->options, size, max);
    return 0;
}

static int collmod_check_capped(struct command_op *op, const struct collmod_args *args)
{
    bool has_size = !doc_value_is_nullish(doc_get_str(op->body, "cappedSize"));
    int code = has_size ? command_capped_check_size(op, "cappedSize", args->capped_size) : 0;
    return code < 0 ? code : command_capped_check_max(op, args->capped_max);
}

/* ---- views ---- */

/* A view is on something else, or another pipeline, from now on. */
static int collmod_view(struct command_op *op, const struct store_collection *view,
                        const struct collmod_args *args)
{
    static const char *const fitting[] = {"collMod", "viewOn", "pipeline"};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, op->body);
    while (doc_iter_next(&iter, &elem)) {
        bool fits = command_arg_is_generic(elem.name);
        for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
            fits |= slice_is(elem.name, fitting[i]);
        }
        if (!fits) {
            return err_set(&op->err, LT_EINVALIDOPTIONS, "option not supported on a view: %.*s",
                           SLICE_FMT(elem.name));
        }
    }
    if (args->view_on.data == NULL || args->pipeline.data == NULL) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Must specify both 'viewOn' and 'pipeline' when modifying a view");
    }
    const struct command_view_definition definition = {
        args->view_on, args->pipeline,
        view->collation == NULL ? (struct slice){0} : doc_collation_spec(view->collation)};
    int code = command_view_check(op, view->ns, &definition);
    if (code < 0) {
        return code;
    }
    struct store_describe_head head = store_describe_head_of(view);
    head.options = command_view_options(op, &definition);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    command_note(op, view, STORE_NOTE_MODIFY, head.options);
    return store_writer_put_collection(op->writer, store_describe_end(describe), view);
}

/* ---- time series ---- */

/* What the buckets of a series cannot be told. */
static int collmod_check_series(struct command_op *op, const struct collmod_args *args)
{
    const struct {
        const char *name;
        bool given;
    } others[] = {
        {"validator", args->validator.validator.data != NULL},
        {"validationLevel", args->validator.level.data != NULL},
        {"validationAction", args->validator.action.data != NULL},
        {"viewOn", args->view_on.data != NULL},
        {"pipeline", args->pipeline.data != NULL},
        {"cappedSize", args->capped_size != 0},
        {"cappedMax", args->capped_max != 0},
        {"changeStreamPreAndPostImages", args->images.data != NULL},
        {"cache", doc_value_exists(args->cache)},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].given) {
            return err_set(&op->err, LT_EINVALIDOPTIONS,
                           "option not supported on a time-series collection: %s", others[i].name);
        }
    }
    return doc_get_str(op->body, "expireAfterSeconds").type == DOC_NULL
               ? err_set(&op->err, LT_ETYPEMISMATCH,
                         "BSON field 'collMod.expireAfterSeconds' is the wrong type 'null', "
                         "expected types '[string, long, int, decimal, double]'")
               : 0;
}

/* The granularity, or the span. */
static int collmod_timeseries(struct command_op *op, struct collmod *collmod, struct slice given)
{
    struct slice timeseries;
    if (collmod->series == NULL) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "option only supported on a time-series collection: timeseries");
    }
    int code = command_series_change(op, collmod->series, given, &timeseries);
    if (code < 0) {
        return code;
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, collmod->options, "timeseries");
    doc_build_doc(builder, "timeseries", timeseries);
    collmod->options = doc_build_end(builder);
    return 0;
}

/* The view says what its buckets say. */
static int collmod_write_view(struct command_op *op, const struct collmod *collmod)
{
    const struct store_collection *view = collmod->series->view;
    const struct command_series_made made = {
        .timeseries = doc_value_get_doc(doc_get_str(collmod->options, "timeseries")),
        .expires = doc_get_str(collmod->options, "expireAfterSeconds"),
        .collation =
            view->collation == NULL ? (struct slice){0} : doc_collation_spec(view->collation)};
    struct store_describe_head head = store_describe_head_of(view);
    head.options = command_series_view_options(op, view->name, &made);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    return store_writer_put_collection(op->writer, store_describe_end(describe), view);
}

/* ---- the command ---- */

/* What changes, as the operationDescription of the event. */
static struct slice collmod_details(struct command_op *op, const struct collmod *collmod)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (collmod->index.index != NULL) {
        command_collmod_index_build(&collmod->index, builder);
    } else {
        doc_build_fields(builder, collmod->options);
    }
    return doc_build_end(builder);
}

static int collmod_write(struct command_op *op, const struct collmod *collmod)
{
    struct store_describe_head head = store_describe_head_of(collmod->collection);
    head.options = collmod->options;
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    for (uint32_t i = 0; i < collmod->collection->indexes_count; i++) {
        struct store_index index = collmod->collection->indexes[i];
        if (&collmod->collection->indexes[i] == collmod->index.index) {
            index.spec = command_collmod_index_spec(op, &collmod->index);
        }
        store_describe_index(describe, &index);
    }
    command_note(op, collmod->collection, STORE_NOTE_MODIFY, collmod_details(op, collmod));
    int code = collmod->series == NULL ? 0 : collmod_write_view(op, collmod);
    return code < 0 ? code
                    : store_writer_put_collection(op->writer, store_describe_end(describe),
                                                  collmod->collection);
}

int command_coll_mod(struct command_op *op)
{
    struct collmod_args args = {.cache = doc_missing, .expire = doc_missing};
    struct collmod collmod = {0};
    struct command_series series;
    struct slice ns;
    int code = command_namespace(op, &ns);
    if (code == 0 && command_series_find(&op->arena, op->writer->catalog,
                                         command_series_name(&op->arena, ns), &series)) {
        collmod.series = &series;
        ns = series.buckets->ns;
    }
    const struct store_collection *view =
        code < 0 ? NULL : command_view_find(op->writer->catalog, ns);
    code = code < 0 || view != NULL ? code : collmod_refuse(op->body, &op->err);
    code = code < 0 ? code : command_args(op, collmod_arg_table, &args);
    code = code < 0 || collmod.series == NULL ? code : collmod_check_series(op, &args);
    code = code < 0 ? code : collmod_check_capped(op, &args);
    if (code < 0 || view != NULL) {
        return code < 0 ? code : collmod_view(op, view, &args);
    }
    if (args.view_on.data != NULL || args.pipeline.data != NULL) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "option only supported on a view: %s",
                       args.view_on.data != NULL ? "viewOn" : "pipeline");
    }
    collmod.collection = store_catalog_find(op->writer->catalog, ns);
    if (collmod.collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "ns does not exist");
    }
    collmod.options = collmod.collection->options;
    code = collmod_capped(op, &collmod, &args);
    code = code < 0 ? code : command_shown_refuse(op, collmod.collection);
    if (code == 0 && args.index.len > 0) {
        args.index = collmod.series == NULL ? args.index
                                            : command_series_index_wanted(op, &series, args.index);
        code = command_collmod_index(op, collmod.collection, args.index, &collmod.index);
    }
    if (code == 0 && !doc_value_is_nullish(args.expire)) {
        code = collmod_expire(op, &collmod, args.expire);
    }
    if (code == 0 && args.timeseries.data != NULL) {
        code = collmod_timeseries(op, &collmod, args.timeseries);
    }
    if (code == 0 && doc_value_exists(args.cache)) {
        code = collmod_cache(op, &collmod, args.cache);
    }
    if (code == 0 && collmod_has_validator(&args.validator)) {
        code = collmod_validator(op, &collmod, &args.validator);
    }
    if (code == 0 && collmod.index.index != NULL) {
        command_collmod_index_reply(op, &collmod.index);
    }
    if (code == 0 && args.images.len > 0) {
        code = command_images_option(op, &collmod.options, args.images);
    }
    return code < 0 ? code : collmod_write(op, &collmod);
}
