/* command/create.c - the create command: options are checked, put into their normal form, stored.
 *
 * The normal form is what listCollections shows: given again it is found equal, and nothing
 * happens. Options that this version cannot honour are refused: one that does nothing would be a
 * lie. */
#include "command/cache_rule.h"
#include "command/capped.h"
#include "command/collation.h"
#include "command/encrypted_fields.h"
#include "command/handlers.h"
#include "command/images.h"
#include "command/index_spec.h"
#include "command/series.h"
#include "command/server.h"
#include "command/validator.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/view.h"

struct create_args {
    bool capped;
    int64_t size;
    int64_t max;
    bool has_size; /* these three are not read from the table */
    bool has_max;
    bool is_clustered;
    struct doc_value clustered;
    struct slice view_on;
    struct slice pipeline;
    struct slice timeseries;
    struct slice encrypted;
    struct slice collation;
    struct slice complete; /* the same with all its options; empty: by bytes */
    struct slice storage_engine;
    struct slice index_defaults;
    struct slice cache;
    struct slice images; /* changeStreamPreAndPostImages */
    struct doc_value expires;
    struct command_validator_args validator;
};

static const struct command_arg create_arg_table[] = {
    {"cache", COMMAND_ARG_DOC, offsetof(struct create_args, cache), 0},
    {"capped", COMMAND_ARG_BOOL, offsetof(struct create_args, capped), 0},
    {"size", COMMAND_ARG_INT, offsetof(struct create_args, size), 0},
    {"max", COMMAND_ARG_INT, offsetof(struct create_args, max), 0},
    {"autoIndexId", COMMAND_ARG_IGNORE, 0, 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct create_args, collation), 0},
    {"viewOn", COMMAND_ARG_STRING, offsetof(struct create_args, view_on), 0},
    {"pipeline", COMMAND_ARG_ARRAY, offsetof(struct create_args, pipeline), 0},
    {"timeseries", COMMAND_ARG_DOC, offsetof(struct create_args, timeseries), 0},
    {"clusteredIndex", COMMAND_ARG_VALUE, offsetof(struct create_args, clustered), 0},
    {"validator", COMMAND_ARG_DOC, offsetof(struct create_args, validator.validator), 0},
    {"validationLevel", COMMAND_ARG_STRING, offsetof(struct create_args, validator.level), 0},
    {"validationAction", COMMAND_ARG_STRING, offsetof(struct create_args, validator.action), 0},
    {"encryptedFields", COMMAND_ARG_DOC, offsetof(struct create_args, encrypted), 0},
    {"expireAfterSeconds", COMMAND_ARG_VALUE, offsetof(struct create_args, expires), 0},
    {"storageEngine", COMMAND_ARG_DOC, offsetof(struct create_args, storage_engine), 0},
    {"indexOptionDefaults", COMMAND_ARG_DOC, offsetof(struct create_args, index_defaults), 0},
    {"changeStreamPreAndPostImages", COMMAND_ARG_DOC, offsetof(struct create_args, images), 0},
    {"idIndex", COMMAND_ARG_IGNORE, 0, 0},
    {"temp", COMMAND_ARG_IGNORE, 0, 0},
    {"flags", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* ---- single options ---- */

static int create_check_capped(struct command_op *op, const struct create_args *args)
{
    int code = args->has_size ? command_capped_check_size(op, "size", args->size) : 0;
    code = code == 0 && args->has_max ? command_capped_check_max(op, args->max) : code;
    if (code < 0) {
        return code;
    }
    if (!args->capped && (args->has_size || args->has_max)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "the 'capped' field needs to be true when either the 'size' or 'max' "
                       "fields are present");
    }
    if (args->capped && !args->has_size) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "the 'size' field is required when 'capped' is true");
    }
    return 0;
}

/* {wiredTiger: {configString: ""}}: there is one engine here, which has nothing to configure. */
static int create_check_engine(struct command_op *op, struct slice engines)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (engines.len == 0) {
        return 0;
    }
    doc_iter_init(&iter, engines);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_OBJECT) {
            return err_set(&op->err, LT_EBADVALUE,
                           "'storageEngine.%.*s' has to be an embedded document.",
                           SLICE_FMT(elem.name));
        }
        if (!slice_is(elem.name, "wiredTiger")) {
            return err_set(&op->err, LT_EINVALIDOPTIONS,
                           "%.*s is not a registered storage engine for this server",
                           SLICE_FMT(elem.name));
        }
        struct doc_value text = doc_get_str(doc_value_get_doc(elem.value), "configString");
        if (text.type == DOC_STRING && doc_value_get_string(text).len > 0) {
            return err_set(&op->err, LT_EBADVALUE,
                           "storageEngine.wiredTiger.configString: '%.*s' configures an engine "
                           "that this server does not have",
                           SLICE_FMT(doc_value_get_string(text)));
        }
    }
    return 0;
}

static int create_check_index_defaults(struct command_op *op, struct slice defaults)
{
    static const struct command_arg table[] = {{"storageEngine", COMMAND_ARG_DOC, 0, 0}, {NULL}};
    static const struct command_args_spec spec = {"create.indexOptionDefaults", table, false,
                                                  false};
    struct slice engines = {0};
    int code = defaults.len == 0 ? 0 : command_args_read(&spec, defaults, &engines, &op->err);
    return code < 0 ? code : create_check_engine(op, engines);
}

struct create_clustered {
    struct slice key;
    struct slice name;
    int64_t version;
    bool unique;
};

static const struct command_arg create_clustered_table[] = {
    {"key", COMMAND_ARG_DOC, offsetof(struct create_clustered, key), COMMAND_ARG_REQUIRED},
    {"unique", COMMAND_ARG_BOOL, offsetof(struct create_clustered, unique), COMMAND_ARG_REQUIRED},
    {"name", COMMAND_ARG_STRING, offsetof(struct create_clustered, name), 0},
    {"v", COMMAND_ARG_INT, offsetof(struct create_clustered, version), 0},
    {NULL},
};

static bool create_is_id_key(struct slice key)
{
    struct doc_elem first = doc_first(key);
    return doc_count(key) == 1 && slice_is(first.name, "_id") && doc_value_is_number(first.value) &&
           doc_value_to_double(first.value) == 1;
}

/* Records lie in the order of their _id in any case: what is left to say is the name. */
static int create_check_clustered(struct command_op *op, struct create_args *args,
                                  struct create_clustered *clustered)
{
    static const struct command_args_spec spec = {"create.clusteredIndex", create_clustered_table,
                                                  false, false};
    struct doc_value value = args->clustered;
    *clustered = (struct create_clustered){.version = 2, .name = SLICE("_id_")};
    if (doc_value_is_nullish(value) || (value.type != DOC_OBJECT && !doc_value_truth(value))) {
        return 0;
    }
    if (value.type != DOC_OBJECT) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "The 'clusteredIndex' option as a boolean is not supported: give {key: "
                       "{_id: 1}, unique: true}");
    }
    int code = command_args_read(&spec, doc_value_get_doc(value), clustered, &op->err);
    if (code == 0 && !create_is_id_key(clustered->key)) {
        code = err_set(&op->err, LT_EINVALIDINDEXSPECIFICATIONOPTION,
                       "The clusteredIndex option is only supported for key: {_id: 1}");
    }
    if (code == 0 && !clustered->unique) {
        code = err_set(&op->err, LT_EINVALIDINDEXSPECIFICATIONOPTION,
                       "The clusteredIndex option requires unique: true to be specified");
    }
    if (code == 0 && clustered->version != 2) {
        code = err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "The clusteredIndex option requires v: 2, not %lld",
                       (long long)clustered->version);
    }
    if (code == 0 && args->capped) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "The 'capped' option is not supported with the 'clusteredIndex' option");
    }
    args->is_clustered = code == 0;
    return code;
}

/* Documents expire by the dates that are their _ids. */
static int create_check_expires(struct command_op *op, struct create_args *args)
{
    struct doc_value expires = args->expires;
    if (doc_value_is_nullish(expires)) {
        return 0;
    }
    if (!doc_value_is_number(expires)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'create.expireAfterSeconds' is the wrong type '%s', expected "
                       "types '[long, int, decimal, double]'",
                       doc_type_name(expires.type));
    }
    double seconds = doc_value_to_double(expires);
    if (!(seconds >= 0 && seconds <= COMMAND_EXPIRE_MAX)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "create: expireAfterSeconds must be within 0 and %d", COMMAND_EXPIRE_MAX);
    }
    return args->is_clustered || args->timeseries.len > 0
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS,
                         "'expireAfterSeconds' is only supported on time-series collections or "
                         "when the 'clusteredIndex' option is specified");
}

static struct command_view_definition create_view(const struct create_args *args)
{
    return (struct command_view_definition){args->view_on, args->pipeline, args->complete};
}

/* An _id index has the collation of the collection, whether it says so or not. */
static int create_check_collation(struct command_op *op, struct create_args *args)
{
    struct doc_value id_index = doc_get_str(op->body, "idIndex");
    struct doc_value of_id = doc_missing;
    struct slice complete = {0};
    if (args->collation.len > 0 && doc_is_empty(args->collation)) {
        return err_set(&op->err, 40414,
                       "BSON field 'create.collation.locale' is missing but a required field");
    }
    int code = command_collation_complete(op, args->collation, &args->complete);
    if (id_index.type == DOC_OBJECT) {
        of_id = doc_get_str(doc_value_get_doc(id_index), "collation");
    }
    if (code < 0 || of_id.type != DOC_OBJECT) {
        return code;
    }
    code = command_collation_complete(op, doc_value_get_doc(of_id), &complete);
    if (code == 0 && !slice_equal(complete, args->complete)) {
        code = err_set(&op->err, LT_EBADVALUE,
                       "'idIndex' must have the same collation as the collection.");
    }
    return code;
}

static int create_check_view(struct command_op *op, struct slice ns, struct create_args *args)
{
    if (args->view_on.data == NULL) {
        return args->pipeline.data == NULL
                   ? 0
                   : err_set(&op->err, LT_EINVALIDOPTIONS,
                             "'pipeline' requires 'viewOn' to also be specified");
    }
    const struct {
        const char *name;
        bool given;
    } others[] = {
        {"capped", args->capped},
        {"timeseries", args->timeseries.len > 0},
        {"clusteredIndex", args->is_clustered},
        {"expireAfterSeconds", !doc_value_is_nullish(args->expires)},
        {"changeStreamPreAndPostImages",
         args->images.len > 0 && doc_value_truth(doc_get_str(args->images, "enabled"))},
        {"idIndex", doc_value_exists(doc_get_str(op->body, "idIndex"))},
        {"validator", args->validator.validator.len > 0},
        {"validationLevel", args->validator.level.data != NULL},
        {"validationAction", args->validator.action.data != NULL},
        {"storageEngine", args->storage_engine.len > 0},
        {"indexOptionDefaults", args->index_defaults.len > 0},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].given) {
            return err_set(&op->err, LT_EINVALIDOPTIONS, "Cannot set both 'viewOn' and '%s'",
                           others[i].name);
        }
    }
    if (args->view_on.len == 0) {
        return err_set(&op->err, LT_EBADVALUE, "'viewOn' cannot be empty");
    }
    if (args->pipeline.data == NULL) {
        args->pipeline = doc_value_get_doc(doc_empty_array);
    }
    const struct command_view_definition view = create_view(args);
    return command_view_check(op, ns, &view);
}

/* What measurements cannot have. */
static int create_check_series(struct command_op *op, struct create_args *args)
{
    const struct {
        const char *name;
        bool given;
    } others[] = {
        {"capped", args->capped},
        {"clusteredIndex", args->is_clustered},
        {"changeStreamPreAndPostImages", args->images.len > 0},
        {"idIndex", doc_value_exists(doc_get_str(op->body, "idIndex"))},
        {"validator", args->validator.validator.len > 0},
        {"validationLevel", args->validator.level.data != NULL},
        {"validationAction", args->validator.action.data != NULL},
        {"cache", args->cache.len > 0},
    };
    if (args->timeseries.len == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].given) {
            return err_set(&op->err, LT_EINVALIDOPTIONS,
                           "'%s' cannot be given for a time-series collection", others[i].name);
        }
    }
    return command_series_options(op, "create.timeseries", args->timeseries, &args->timeseries);
}

/* ---- all of them ---- */

static int create_check(struct command_op *op, struct slice ns, struct create_args *args,
                        struct create_clustered *clustered)
{
    args->has_size = !doc_value_is_nullish(doc_get_str(op->body, "size"));
    args->has_max = !doc_value_is_nullish(doc_get_str(op->body, "max"));
    const struct command_encrypted_owner owner = {args->capped, args->view_on.data != NULL ||
                                                                    args->timeseries.len > 0};
    int code = create_check_capped(op, args);
    code = code < 0 ? code : command_encrypted_fields_check(op, args->encrypted, &owner);
    code = code < 0 ? code : create_check_engine(op, args->storage_engine);
    code = code < 0 ? code : create_check_index_defaults(op, args->index_defaults);
    code = code < 0 ? code : command_validator_check(op, ns, &args->validator);
    code = code < 0 ? code : create_check_clustered(op, args, clustered);
    code = code < 0 ? code : create_check_collation(op, args);
    code = code < 0 ? code : create_check_view(op, ns, args);
    code = code < 0 ? code : create_check_expires(op, args);
    return code < 0 ? code : create_check_series(op, args);
}

static void create_build_clustered(struct doc_builder *builder,
                                   const struct create_clustered *clustered)
{
    doc_build_open(builder, SLICE("clusteredIndex"));
    doc_build_i32(builder, "v", 2);
    doc_build_doc(builder, "key", clustered->key);
    doc_build_string(builder, "name", clustered->name);
    doc_build_bool(builder, "unique", true);
    doc_build_close(builder);
}

/* As listCollections shows them. */
static struct slice create_options(struct command_op *op, const struct create_args *args,
                                   const struct create_clustered *clustered)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (args->capped) {
        command_capped_build(builder, command_capped_size(args->size), args->max);
    }
    if (args->storage_engine.len > 0 && !doc_is_empty(args->storage_engine)) {
        doc_build_doc(builder, "storageEngine", args->storage_engine);
    }
    command_validator_build(builder, &args->validator);
    if (args->index_defaults.len > 0 && !doc_is_empty(args->index_defaults)) {
        doc_build_doc(builder, "indexOptionDefaults", args->index_defaults);
    }
    if (args->is_clustered) {
        create_build_clustered(builder, clustered);
    }
    if (args->complete.len > 0) {
        doc_build_doc(builder, "collation", args->complete);
    }
    if (!doc_value_is_nullish(args->expires)) {
        doc_build_i64(builder, "expireAfterSeconds", doc_value_to_i64_clamped(args->expires));
    }
    return doc_build_end(builder);
}

/* The same options again are fine. */
static int create_again(struct command_op *op, const struct store_collection *old,
                        struct slice options)
{
    if (doc_compare_docs(old->options, options) == 0) {
        return 0;
    }
    return err_set(&op->err, LT_ENAMESPACEEXISTS,
                   "namespace %.*s already exists, but with different options", SLICE_FMT(old->ns));
}

/* Both collections of a series, whichever of them was named. */
static int create_series(struct command_op *op, struct slice ns, const struct create_args *args)
{
    const struct command_series_made made = {args->timeseries, args->expires, args->complete};
    const struct store_collection *old = store_catalog_find_any(op->writer->catalog, ns);
    struct slice options = command_series_view_options(op, command_name_of(ns), &made);
    return old != NULL ? create_again(op, old, options) : command_series_create(op, ns, &made);
}

/* Buckets are made with their series, not by themselves. */
static int create_namespace(struct command_op *op, const struct create_args *args,
                            struct slice *ret_ns)
{
    int code = command_namespace(op, ret_ns);
    if (code == 0 && command_series_is_buckets(command_name_of(*ret_ns))) {
        if (args->timeseries.len == 0) {
            return err_set(&op->err, LT_EILLEGALOPERATION,
                           "%.*s is a name of the buckets of a time-series collection: give the "
                           "option 'timeseries'",
                           SLICE_FMT(*ret_ns));
        }
        *ret_ns = command_series_name(&op->arena, *ret_ns);
        code = command_check_collection(op->db, command_name_of(*ret_ns), &op->err);
    }
    return code < 0 ? code : command_check_new_name(op, *ret_ns);
}

int command_create(struct command_op *op)
{
    struct create_args args = {0};
    struct create_clustered clustered;
    struct slice ns;
    int code = command_args(op, create_arg_table, &args);
    code = code < 0 ? code : create_namespace(op, &args, &ns);
    code = code < 0 ? code : create_check(op, ns, &args, &clustered);
    if (code < 0 || args.timeseries.len > 0) {
        return code < 0 ? code : create_series(op, ns, &args);
    }
    const struct command_view_definition view = create_view(&args);
    struct slice options = args.view_on.data == NULL ? create_options(op, &args, &clustered)
                                                     : command_view_options(op, &view);
    if (args.cache.len > 0) {
        options = command_cache_option(&op->arena, options, args.cache);
        code = command_cache_check(op, ns, args.cache);
    }
    if (code == 0 && args.images.len > 0) {
        code = command_images_option(op, &options, args.images);
    }
    const struct store_collection *old = store_catalog_find_any(op->writer->catalog, ns);
    if (code == 0 && old != NULL) {
        return create_again(op, old, options);
    }
    return code < 0 ? code : command_create_collection(op, ns, options);
}
