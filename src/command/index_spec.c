/* command/index_spec.c - one index specification at a time. */
#include "command/index_spec.h"

#include "command/collation.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/hash.h"
#include "doc/view.h"
#include "doc/wildcard.h"
#include "geo/index.h"
#include "text/index.h"

enum { INDEX_FIELDS_MAX = 32, INDEXES_MAX = 64, INDEX_KEPT_FLAGS = 3 };

struct index_args {
    struct slice key;
    struct slice name;
    struct slice partial;
    struct slice collation;
    struct slice inherited;  /* the collection's, complete; empty: by bytes */
    struct slice complete;   /* the index's */
    struct slice projection; /* of a wildcard index */
    struct doc_value version;
    struct doc_value unique;
    struct doc_value sparse;
    struct doc_value hidden;
    struct doc_value expire;
    struct doc_value sphere_version; /* of geospatial indexes */
    struct doc_value bits;
    struct doc_value min;
    struct doc_value max;
};

static const struct command_arg index_arg_table[] = {
    {"key", COMMAND_ARG_DOC, offsetof(struct index_args, key), COMMAND_ARG_REQUIRED},
    {"name", COMMAND_ARG_STRING, offsetof(struct index_args, name), COMMAND_ARG_REQUIRED},
    {"v", COMMAND_ARG_VALUE, offsetof(struct index_args, version), 0},
    {"unique", COMMAND_ARG_VALUE, offsetof(struct index_args, unique), 0},
    {"sparse", COMMAND_ARG_VALUE, offsetof(struct index_args, sparse), 0},
    {"weights", COMMAND_ARG_IGNORE, 0, 0}, /* those of text indexes: index_text.c */
    {"default_language", COMMAND_ARG_IGNORE, 0, 0},
    {"language_override", COMMAND_ARG_IGNORE, 0, 0},
    {"textIndexVersion", COMMAND_ARG_IGNORE, 0, 0},
    {"hidden", COMMAND_ARG_VALUE, offsetof(struct index_args, hidden), 0},
    {"expireAfterSeconds", COMMAND_ARG_VALUE, offsetof(struct index_args, expire), 0},
    {"partialFilterExpression", COMMAND_ARG_DOC, offsetof(struct index_args, partial), 0},
    {"wildcardProjection", COMMAND_ARG_DOC, offsetof(struct index_args, projection), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct index_args, collation), 0},
    {"2dsphereIndexVersion", COMMAND_ARG_VALUE, offsetof(struct index_args, sphere_version), 0},
    {"bits", COMMAND_ARG_VALUE, offsetof(struct index_args, bits), 0},
    {"min", COMMAND_ARG_VALUE, offsetof(struct index_args, min), 0},
    {"max", COMMAND_ARG_VALUE, offsetof(struct index_args, max), 0},
    {"finestIndexedLevel", COMMAND_ARG_IGNORE, 0, 0},
    {"coarsestIndexedLevel", COMMAND_ARG_IGNORE, 0, 0},
    {"background", COMMAND_ARG_IGNORE, 0, 0},
    {"ns", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* ---- the key ---- */

static int index_check_direction(struct command_op *op, struct doc_elem elem)
{
    if (elem.value.type == DOC_STRING) {
        struct slice plugin = doc_value_get_string(elem.value);
        if (geo_index_kind_of(elem.value) != GEO_INDEX_NONE || doc_hash_is_index_kind(elem.value) ||
            text_index_is_kind(elem.value)) {
            return 0;
        }
        return err_set(&op->err, LT_ECANNOTCREATEINDEX, "Unknown index plugin '%.*s'",
                       SLICE_FMT(plugin));
    }
    double direction = doc_value_is_number(elem.value) ? doc_value_to_double(elem.value) : 0;
    if (!doc_value_is_number(elem.value) || direction == 0 || direction != direction) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Values in v:2 index key pattern cannot be of type %s. Only numbers > 0, "
                       "numbers < 0, and strings are allowed.",
                       doc_type_name(elem.value.type));
    }
    return 0;
}

static int index_check_field(struct command_op *op, struct doc_elem elem)
{
    struct doc_path path;
    int code = doc_path_parse(&op->arena, elem.name, &path, NULL);
    if (code < 0 || doc_path_has_empty_part(&path)) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Index keys cannot be an empty field: '%.*s'", SLICE_FMT(elem.name));
    }
    /* the last part may be a wildcard, with a direction */
    uint32_t names = path.count;
    names -= doc_wildcard_is_name(elem.name) &&
             (doc_value_is_number(elem.value) ||
              (text_index_is_kind(elem.value) && slice_is(elem.name, "$**")));
    for (uint32_t i = 0; i < names; i++) {
        if (path.parts[i].name.data[0] == '$') {
            return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                           "Index key contains an illegal field name: field name starts with '$'.");
        }
    }
    return index_check_direction(op, elem);
}

static int index_check_key(struct command_op *op, struct slice key)
{
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = doc_count(key);
    if (count == 0) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX, "Index keys cannot be empty.");
    }
    if (count > INDEX_FIELDS_MAX) {
        return err_set(&op->err, 13103, "Index key pattern has too many fields: %zu > %d", count,
                       INDEX_FIELDS_MAX);
    }
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        int code = index_check_field(op, elem);
        if (code < 0) {
            return code;
        }
    }
    return command_index_check_kinds(op, key);
}

/* ---- the options ---- */

static int index_check_bool(struct command_op *op, const char *name, struct doc_value value)
{
    if (!doc_value_exists(value) || value.type == DOC_BOOL || doc_value_is_number(value)) {
        return 0;
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "The field '%s' has value of type %s, which is not convertible to bool", name,
                   doc_type_name(value.type));
}

/* Of what others take as true or false, this takes a boolean only. */
static int index_check_hidden(struct command_op *op, struct doc_value value)
{
    return doc_value_exists(value) && value.type != DOC_BOOL
               ? err_set(&op->err, LT_ETYPEMISMATCH,
                         "The field 'hidden' must be a bool, but got %s", doc_type_name(value.type))
               : 0;
}

static bool index_is_id(struct slice key)
{
    struct doc_elem first = doc_first(key);
    return doc_count(key) == 1 && slice_is(first.name, "_id") && doc_value_is_number(first.value);
}

/* An index that documents expire by: on one field, which is not _id. */
static int index_check_expire(struct command_op *op, const struct index_args *args)
{
    struct doc_value expire = args->expire;
    if (!doc_value_exists(expire)) {
        return 0;
    }
    double seconds = doc_value_is_number(expire) ? doc_value_to_double(expire) : NAN;
    if (!(seconds >= 0 && seconds <= COMMAND_EXPIRE_MAX)) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "TTL index 'expireAfterSeconds' option must be a number from 0 to %d",
                       COMMAND_EXPIRE_MAX);
    }
    if (doc_count(args->key) > 1 || command_index_is_wildcard(args->key)) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "TTL indexes are single-field indexes, compound and wildcard indexes do not "
                       "support TTL");
    }
    return 0;
}

static int index_check_numbers(struct command_op *op, const struct index_args *args)
{
    const struct {
        const char *name;
        struct doc_value value;
    } numbers[] = {{"2dsphereIndexVersion", args->sphere_version},
                   {"bits", args->bits},
                   {"min", args->min},
                   {"max", args->max}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (doc_value_exists(numbers[i].value) && !doc_value_is_number(numbers[i].value)) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "The field '%s' must be a number, but got %s", numbers[i].name,
                           doc_type_name(numbers[i].value.type));
        }
    }
    return 0;
}

/* What geospatial indexes are told besides. */
static int index_check_geo(struct command_op *op, const struct index_args *args)
{
    int64_t version = 3;
    int64_t bits = 26;
    int code = index_check_numbers(op, args);
    if (code < 0) {
        return code;
    }
    if (doc_value_exists(args->sphere_version) &&
        (!doc_value_to_i64_exact(args->sphere_version, &version) || version < 1 || version > 3)) {
        return err_set(
            &op->err, LT_ECANNOTCREATEINDEX,
            "unsupported geo index version { 2dsphereIndexVersion : %lld }, only support "
            "versions: [1,2,3]",
            (long long)version);
    }
    if (doc_value_exists(args->bits)) {
        bits = doc_value_to_i64_clamped(args->bits);
    }
    if (bits < 1 || bits > 32) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "bits for hash must be > 0 and <= 32, but %lld bits were specified",
                       (long long)bits);
    }
    double min = doc_value_exists(args->min) ? doc_value_to_double(args->min) : -180;
    double max = doc_value_exists(args->max) ? doc_value_to_double(args->max) : 180;
    if (!(min < max) || !isfinite(max - min)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "region for hash must be valid and have positive area, but [%g, %g] was "
                       "specified",
                       min, max);
    }
    return 0;
}

/* Its own collation, or the collection's; that of _id is always the collection's. */
static int index_check_collation(struct command_op *op, struct index_args *args)
{
    if (args->collation.data == NULL) {
        args->complete = args->inherited;
    } else if (doc_is_empty(args->collation)) {
        return err_set(&op->err, LT_EBADVALUE, "The field 'collation' cannot be an empty object.");
    } else {
        int code = command_collation_complete(op, args->collation, &args->complete);
        if (code < 0) {
            return code;
        }
    }
    if (index_is_id(args->key) && !slice_equal(args->complete, args->inherited)) {
        return err_set(&op->err, LT_EBADVALUE,
                       "The _id index must have the same collation as the collection.");
    }
    bool is_text = command_index_is_text(args->key);
    bool by_bytes = is_text || geo_index_kind_of_key(args->key) == GEO_INDEX_PLANE;
    if (args->complete.len > 0 && by_bytes) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Index type '%s' does not support collation: give {collation: {locale: "
                       "\"simple\"}} where the collection has one",
                       is_text ? "text" : "2d");
    }
    return 0;
}

static int index_check_options(struct command_op *op, struct index_args *args)
{
    int64_t version;
    int code = index_check_bool(op, "unique", args->unique);
    code = code < 0 ? code : index_check_bool(op, "sparse", args->sparse);
    code = code < 0 ? code : index_check_hidden(op, args->hidden);
    code = code < 0 ? code : index_check_expire(op, args);
    code = code < 0 ? code : command_index_check_partial(op, args->partial);
    code = code < 0 ? code : index_check_collation(op, args);
    code = code < 0 ? code : index_check_geo(op, args);
    if (code < 0) {
        return code;
    }
    if (doc_value_exists(args->version) &&
        (!doc_value_to_i64_exact(args->version, &version) || (version != 1 && version != 2))) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Invalid index specification: the field 'v' "
                       "must be 1 or 2");
    }
    if (doc_value_truth(args->unique) && command_index_is_hashed(args->key)) {
        return err_set(
            &op->err, 16764,
            "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.");
    }
    if (doc_value_truth(args->sparse) && args->partial.len > 0) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "cannot mix \"partialFilterExpression\" and \"sparse\" options");
    }
    if (index_is_id(args->key) &&
        (doc_value_truth(args->sparse) || args->partial.len > 0 || doc_value_exists(args->hidden) ||
         doc_value_exists(args->expire))) {
        return err_set(&op->err, LT_EINVALIDINDEXSPECIFICATIONOPTION,
                       "an _id index cannot be sparse, partial or hidden, nor can documents expire "
                       "by it");
    }
    if (args->name.len == 0 || slice_is(args->name, "*")) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX, "The index name '%.*s' is not valid",
                       SLICE_FMT(args->name));
    }
    return 0;
}

/* ---- a whole specification ---- */

/* As listIndexes shows it: v, key, name, then the options that were given. */
static struct slice index_build_spec(struct command_op *op, struct slice from,
                                     const struct index_args *args,
                                     const struct command_index_text *text)
{
    static const char *const kept[] = {"unique",
                                       "sparse",
                                       "hidden",
                                       "partialFilterExpression",
                                       "wildcardProjection",
                                       "expireAfterSeconds",
                                       "bits",
                                       "min",
                                       "max"};
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_i32(builder, "v", 2);
    doc_build_doc(builder, "key", text->key);
    doc_build_string(builder, "name", args->name);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        struct doc_value value = doc_get_str(from, kept[i]);
        if (doc_value_is_number(value) && i < INDEX_KEPT_FLAGS) {
            value = doc_value_bool(doc_value_truth(value));
        }
        bool is_false = value.type == DOC_BOOL && !doc_value_get_bool(value);
        if (doc_value_exists(value) && !(is_false && i == 2)) {
            doc_build_value(builder, slice_str(kept[i]), value);
        }
    }
    if (args->complete.len > 0) {
        doc_build_doc(builder, "collation", args->complete);
    }
    if (geo_index_kind_of_key(args->key) == GEO_INDEX_SPHERE) {
        bool given = doc_value_exists(args->sphere_version);
        doc_build_i32(builder, "2dsphereIndexVersion",
                      given ? (int32_t)doc_value_to_i64_clamped(args->sphere_version) : 3);
    }
    command_index_build_text(builder, text);
    return doc_build_end(builder);
}

static int index_parse(struct command_op *op, struct slice inherited, struct slice spec,
                       struct command_index *ret_index)
{
    static const struct command_args_spec table = {"createIndexes.indexes", index_arg_table, false,
                                                   false};
    struct index_args args = {.inherited = inherited};
    struct command_index_text text;
    int code = command_args_read(&table, spec, &args, &op->err);
    if (code == -40415) {
        return err_set(&op->err, LT_EINVALIDINDEXSPECIFICATIONOPTION,
                       "The field is not valid for an index specification: %.*s",
                       (int)sizeof op->err.text / 2, op->err.text);
    }
    if (code == -40414) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "The '%s' field is a required property of an index specification",
                       args.key.len == 0 ? "key" : "name");
    }
    code = code < 0 ? code : index_check_key(op, args.key);
    struct command_index_options options = {doc_value_truth(args.unique),
                                            doc_value_truth(args.sparse),
                                            doc_value_exists(args.expire), args.version};
    code = code < 0 ? code : command_index_check_wildcard(op, spec, &options);
    code = code < 0 ? code : index_check_options(op, &args);
    code = code < 0 ? code : command_index_parse_text(op, spec, &text);
    if (code < 0) {
        return code;
    }
    *ret_index =
        (struct command_index){args.name, text.key, index_build_spec(op, spec, &args, &text)};
    return 0;
}

int command_index_parse_all(struct command_op *op, const struct store_collection *collection,
                            struct slice list, struct command_index **ret_specs,
                            uint32_t *ret_count)
{
    bool collated = collection != NULL && collection->collation != NULL;
    struct slice inherited = collated
                                 ? arena_copy(&op->arena, doc_collation_spec(collection->collation))
                                 : (struct slice){0};
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t count = (uint32_t)doc_count(list);
    struct command_index *specs = arena_zero(&op->arena, count, sizeof *specs);
    if (count == 0) {
        return err_set(&op->err, LT_EBADVALUE, "Must specify at least one index to create");
    }
    doc_iter_init(&iter, list);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (elem.value.type != DOC_OBJECT) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field 'createIndexes.indexes.%u' is the wrong type '%s', expected "
                           "type 'object'",
                           i, doc_type_name(elem.value.type));
        }
        int code = index_parse(op, inherited, doc_value_get_doc(elem.value), &specs[i]);
        if (code < 0) {
            return code;
        }
    }
    *ret_specs = specs;
    *ret_count = count;
    return 0;
}

static bool index_has_collation(const struct store_index *old, struct slice spec)
{
    struct doc_value collation = doc_get_str(spec, "collation");
    if (old->collation == NULL || collation.type != DOC_OBJECT) {
        return old->collation == NULL && collation.type != DOC_OBJECT;
    }
    return slice_equal(doc_collation_spec(old->collation), doc_value_get_doc(collation));
}

/* Would they, with the same key, have the same entries? Then one of them is enough. */
static bool index_has_same_entries(const struct store_index *old, const struct command_index *new)
{
    struct doc_value partial = doc_get_str(new->spec, "partialFilterExpression");
    bool has = doc_value_exists(partial);
    return index_has_collation(old, new->spec) &&
           old->unique == doc_value_truth(doc_get_str(new->spec, "unique")) &&
           old->sparse == doc_value_truth(doc_get_str(new->spec, "sparse")) &&
           has == (old->partial.len > 0) &&
           (!has || doc_compare_docs(old->partial, doc_value_get_doc(partial)) == 0) &&
           doc_compare(doc_get_str(old->spec, "wildcardProjection"),
                       doc_get_str(new->spec, "wildcardProjection")) == 0;
}

/* 0 not there, 1 there just so, negative a conflict. */
static int index_compare(struct command_op *op, const struct store_index *old,
                         const struct command_index *new)
{
    bool same_name = slice_equal(old->name, new->name);
    bool same_key = doc_compare_docs(old->key, new->key) == 0;
    if (same_key && index_is_id(old->key)) {
        return 1;
    }
    bool same_entries = same_key && index_has_same_entries(old, new);
    bool same_options = doc_compare_docs(old->spec, new->spec) == 0;
    if (same_name && same_key && same_options && !old->ready) {
        return err_set(&op->err, LT_EBACKGROUNDOPERATIONINPROGRESSFORNAMESPACE,
                       "index %.*s is being built by another command; ask again when it is done",
                       SLICE_FMT(old->name));
    }
    if (same_name && same_key && same_options) {
        return 1;
    }
    if (same_name && same_entries) {
        return err_set(&op->err, LT_EINDEXOPTIONSCONFLICT,
                       "An equivalent index already exists with the same name but different "
                       "options. Requested index: %.*s",
                       SLICE_FMT(new->name));
    }
    if (same_name) {
        return err_set(&op->err, LT_EINDEXKEYSPECSCONFLICT,
                       "An existing index has the same name as the requested index. When index "
                       "names are not specified, they are auto generated and can cause conflicts. "
                       "Please refer to our documentation. Requested index: %.*s",
                       SLICE_FMT(new->name));
    }
    if (!same_entries && old->text != NULL && command_index_is_text(new->key)) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "only one text index per collection allowed, found existing text index "
                       "\"%.*s\"",
                       SLICE_FMT(old->name));
    }
    if (same_entries) {
        return err_set(&op->err, LT_EINDEXOPTIONSCONFLICT,
                       "Index already exists with a different name: %.*s", SLICE_FMT(old->name));
    }
    return 0;
}

int command_index_drop_existing(struct command_op *op, const struct store_collection *collection,
                                struct command_index *specs, uint32_t *count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        int found = 0;
        for (uint32_t k = 0; k < collection->indexes_count && found == 0; k++) {
            found = index_compare(op, &collection->indexes[k], &specs[i]);
        }
        if (found < 0) {
            return found;
        }
        for (uint32_t k = 0; k < kept && found == 0; k++) {
            found = doc_compare_docs(specs[k].spec, specs[i].spec) == 0;
        }
        if (found == 0) {
            specs[kept++] = specs[i];
        }
    }
    *count = kept;
    if (collection->indexes_count + kept > INDEXES_MAX) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "add index fails, too many indexes for %.*s: the limit is %d",
                       SLICE_FMT(collection->ns), INDEXES_MAX);
    }
    return 0;
}
