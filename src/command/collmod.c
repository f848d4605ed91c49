/* command/collmod.c - collMod: hiding an index, and how a collection is cached. */
#include "command/cache_rule.h"
#include "command/handlers.h"
#include "command/images.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/view.h"
#include "store/describe.h"

struct collmod_args {
    struct slice index;
    struct doc_value cache;
    struct slice images; /* changeStreamPreAndPostImages */
};

static const struct command_arg collmod_arg_table[] = {
    {"changeStreamPreAndPostImages", COMMAND_ARG_DOC, offsetof(struct collmod_args, images), 0},
    {"index", COMMAND_ARG_DOC, offsetof(struct collmod_args, index), 0},
    {"cache", COMMAND_ARG_VALUE, offsetof(struct collmod_args, cache), 0},
    {NULL},
};

struct collmod_index_args {
    struct slice name;
    struct slice key;
    struct doc_value hidden;
};

static const struct command_arg collmod_index_table[] = {
    {"name", COMMAND_ARG_STRING, offsetof(struct collmod_index_args, name), 0},
    {"keyPattern", COMMAND_ARG_DOC, offsetof(struct collmod_index_args, key), 0},
    {"hidden", COMMAND_ARG_VALUE, offsetof(struct collmod_index_args, hidden), 0},
    {NULL},
};

/* What MongoDB has and this version has not, of the command and of its field `index`. */
static const char *const collmod_missing[] = {
    "validator",          "validationLevel", "viewOn",
    "validationAction",   "pipeline",        "timeseries",
    "expireAfterSeconds", "unique",          "prepareUnique",
    "cappedSize",         "cappedMax",       "dryRun",
};

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
    const struct store_index *index; /* that changes; NULL: none */
    bool hidden;                     /* the index, from now on */
};

/* ---- index ---- */

static const struct store_index *collmod_find(const struct store_collection *collection,
                                              const struct collmod_index_args *args)
{
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        if (args->name.len > 0 ? slice_equal(index->name, args->name)
                               : doc_compare_docs(index->key, args->key) == 0) {
            return index;
        }
    }
    return NULL;
}

static int collmod_index(struct command_op *op, struct collmod *collmod, struct slice wanted)
{
    struct collmod_index_args args = {.hidden = doc_missing};
    struct command_args_spec spec = {.prefix = "collMod.index", .args = collmod_index_table};
    int code = collmod_refuse(wanted, &op->err);
    code = code < 0 ? code : command_args_read(&spec, wanted, &args, &op->err);
    if (code < 0) {
        return code;
    }
    if ((args.name.len > 0) == (args.key.len > 0)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       args.name.len > 0 ? "Cannot specify both key pattern and name"
                                         : "Must specify either index name or key pattern");
    }
    if (!doc_value_exists(args.hidden)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "no expireAfterSeconds, hidden, unique, or prepareUnique field");
    }
    collmod->index = collmod_find(collmod->collection, &args);
    collmod->hidden = doc_value_truth(args.hidden);
    if (collmod->index == NULL) {
        return err_set(&op->err, LT_EINDEXNOTFOUND, "cannot find index %.*s for ns %.*s",
                       SLICE_FMT(args.name), SLICE_FMT(collmod->collection->ns));
    }
    if (collmod->index->is_id) {
        return err_set(&op->err, LT_EBADVALUE, "can't hide _id index");
    }
    return 0;
}

/* The specification of the index, hidden or not. */
static struct slice collmod_spec(struct command_op *op, const struct collmod *collmod)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, collmod->index->spec, "hidden");
    if (collmod->hidden) {
        doc_build_bool(builder, "hidden", true);
    }
    return doc_build_end(builder);
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

/* ---- the command ---- */

/* What changes, as the operationDescription of the event. */
static struct slice collmod_details(struct command_op *op, const struct collmod *collmod)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (collmod->index != NULL) {
        doc_build_open(builder, SLICE("index"));
        doc_build_string(builder, "name", collmod->index->name);
        doc_build_bool(builder, "hidden", collmod->hidden);
        doc_build_close(builder);
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
        if (&collmod->collection->indexes[i] == collmod->index) {
            index.spec = collmod_spec(op, collmod);
        }
        store_describe_index(describe, &index);
    }
    command_note(op, collmod->collection, STORE_NOTE_MODIFY, collmod_details(op, collmod));
    return store_writer_put_collection(op->writer, store_describe_end(describe),
                                       collmod->collection);
}

int command_coll_mod(struct command_op *op)
{
    struct collmod_args args = {.cache = doc_missing};
    struct collmod collmod = {0};
    struct slice ns;
    int code = collmod_refuse(op->body, &op->err);
    code = code < 0 ? code : command_args(op, collmod_arg_table, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    if (code < 0) {
        return code;
    }
    collmod.collection = store_catalog_find(op->writer->catalog, ns);
    if (collmod.collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "ns does not exist");
    }
    collmod.options = collmod.collection->options;
    if (args.index.len > 0) {
        code = collmod_index(op, &collmod, args.index);
    }
    if (code == 0 && doc_value_exists(args.cache)) {
        code = collmod_cache(op, &collmod, args.cache);
    }
    if (code == 0 && collmod.index != NULL && collmod.index->hidden != collmod.hidden) {
        doc_build_bool(&op->builder, "hidden_old", collmod.index->hidden);
        doc_build_bool(&op->builder, "hidden_new", collmod.hidden);
    }
    if (code == 0 && args.images.len > 0) {
        code = command_images_option(op, &collmod.options, args.images);
    }
    return code < 0 ? code : collmod_write(op, &collmod);
}
