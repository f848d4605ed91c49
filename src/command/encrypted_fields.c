/* command/encrypted_fields.c - a table for each of the three documents in each other, then what
 * their fields ask of one another. */
#include "command/encrypted_fields.h"

#include <stdlib.h>

#include "command/args.h"
#include "command/handlers.h"
#include "command/view.h"
#include "doc/compare.h"
#include "doc/view.h"

enum { ENCRYPTED_QUERIES_MAX = 2 };

enum encrypted_kind {
    ENCRYPTED_EQUALITY,
    ENCRYPTED_RANGE,
    ENCRYPTED_SUFFIX,
    ENCRYPTED_PREFIX,
    ENCRYPTED_SUBSTRING,
    ENCRYPTED_KINDS,
};

struct encrypted_query {
    enum encrypted_kind kind;
    struct slice type;
    struct doc_value contention;
    struct doc_value sparsity;
    struct doc_value trim_factor;
    struct doc_value precision;
    struct doc_value text_max; /* of the longest text */
    struct doc_value text_query_min;
    struct doc_value text_query_max;
    struct doc_value case_sensitive;
    struct doc_value diacritic_sensitive;
    struct doc_value min;
    struct doc_value max;
};

struct encrypted_field {
    struct slice path;
    struct slice bson_type;
    struct doc_value key;
    struct doc_value queries;
    int type; /* DOC_*; 0: not said */
};

/* ---- one kind of query ---- */

static int encrypted_wrong_type(struct command_op *op, const char *name, struct doc_value value,
                                const char *expected)
{
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field 'create.encryptedFields.fields.%s' is the wrong type '%s', expected "
                   "type '%s'",
                   name, doc_type_name(value.type), expected);
}

/* A whole number of at least `least`. */
static int encrypted_check_number(struct command_op *op, const char *name, struct doc_value value,
                                  int64_t least)
{
    int64_t number;
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return encrypted_wrong_type(op, name, value, "long");
    }
    if (!doc_value_to_i64_exact(value, &number)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "Expected an integer in 'create.encryptedFields.fields.%s'", name);
    }
    return number >= least
               ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "BSON field 'create.encryptedFields.fields.%s' value must be >= %lld, "
                         "actual value '%lld'",
                         name, (long long)least, (long long)number);
}

static int encrypted_check_numbers(struct command_op *op, const struct encrypted_query *query)
{
    const struct {
        const char *name;
        struct doc_value value;
        int64_t least;
    } numbers[] = {
        {"queries.contention", query->contention, 0},
        {"queries.sparsity", query->sparsity, 1},
        {"queries.trimFactor", query->trim_factor, 0},
        {"queries.precision", query->precision, 0},
        {"queries.strMaxLength", query->text_max, 1},
        {"queries.strMinQueryLength", query->text_query_min, 1},
        {"queries.strMaxQueryLength", query->text_query_max, 1},
    };
    int code = 0;
    for (size_t i = 0; code == 0 && i < sizeof numbers / sizeof numbers[0]; i++) {
        code = encrypted_check_number(op, numbers[i].name, numbers[i].value, numbers[i].least);
    }
    return code;
}

static int encrypted_check_bool(struct command_op *op, const char *name, struct doc_value value)
{
    return doc_value_is_nullish(value) || value.type == DOC_BOOL
               ? 0
               : encrypted_wrong_type(op, name, value, "bool");
}

/* What a search for parts of texts must say. */
static int encrypted_check_text(struct command_op *op, const struct encrypted_field *field,
                                const struct encrypted_query *query)
{
    const struct {
        const char *name;
        struct doc_value value;
        int code;
    } needed[] = {
        {"strMaxLength", query->kind == ENCRYPTED_SUBSTRING ? query->text_max : doc_true, 9783401},
        {"strMinQueryLength", query->text_query_min, 9783402},
        {"strMaxQueryLength", query->text_query_max, 9783403},
        {"caseSensitive", query->case_sensitive, 9783404},
        {"diacriticSensitive", query->diacritic_sensitive, 9783405},
    };
    if (field->type != DOC_STRING) {
        return err_set(&op->err, 9783400,
                       "a query of type '%.*s' needs a field of bsonType 'string'; '%.*s' is none",
                       SLICE_FMT(query->type), SLICE_FMT(field->path));
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (doc_value_is_nullish(needed[i].value)) {
            return err_set(&op->err, needed[i].code, "a query of type '%.*s' needs '%s'",
                           SLICE_FMT(query->type), needed[i].name);
        }
    }
    return doc_compare(query->text_query_min, query->text_query_max) <= 0
               ? 0
               : err_set(&op->err, 9783406,
                         "strMinQueryLength cannot be greater than strMaxQueryLength");
}

static int encrypted_check_bound(struct command_op *op, const struct encrypted_field *field,
                                 struct doc_value bound)
{
    return doc_value_is_nullish(bound) || (int)bound.type == field->type
               ? 0
               : err_set(&op->err, 7018200,
                         "a bound of '%.*s' is of type '%s', its field of '%s': they must be the "
                         "same",
                         SLICE_FMT(field->path), doc_type_name(bound.type),
                         doc_type_name((enum doc_type)field->type));
}

static int encrypted_check_range(struct command_op *op, const struct encrypted_field *field,
                                 const struct encrypted_query *query)
{
    bool ordered = field->type == DOC_INT32 || field->type == DOC_INT64 ||
                   field->type == DOC_DOUBLE || field->type == DOC_DECIMAL ||
                   field->type == DOC_DATE;
    if (!ordered) {
        return err_set(&op->err, 6775201, "a field of type '%.*s' cannot be queried by range",
                       SLICE_FMT(field->bson_type));
    }
    int code = encrypted_check_bound(op, field, query->min);
    code = code < 0 ? code : encrypted_check_bound(op, field, query->max);
    if (code == 0 && !doc_value_is_nullish(query->min) && !doc_value_is_nullish(query->max) &&
        doc_compare(query->min, query->max) >= 0) {
        code = err_set(&op->err, 6720005, "the minimum of '%.*s' must be less than its maximum",
                       SLICE_FMT(field->path));
    }
    return code;
}

static int encrypted_read_query(struct command_op *op, const struct encrypted_field *field,
                                struct slice doc, struct encrypted_query *query)
{
#define QUERY(name, member)                                                                        \
    {                                                                                              \
        name, COMMAND_ARG_VALUE, offsetof(struct encrypted_query, member), 0                       \
    }
    static const struct command_arg table[] = {
        {"queryType", COMMAND_ARG_STRING, offsetof(struct encrypted_query, type),
         COMMAND_ARG_REQUIRED},
        QUERY("contention", contention),
        QUERY("sparsity", sparsity),
        QUERY("trimFactor", trim_factor),
        QUERY("precision", precision),
        QUERY("strMaxLength", text_max),
        QUERY("strMinQueryLength", text_query_min),
        QUERY("strMaxQueryLength", text_query_max),
        QUERY("caseSensitive", case_sensitive),
        QUERY("diacriticSensitive", diacritic_sensitive),
        QUERY("min", min),
        QUERY("max", max),
        {NULL},
    };
#undef QUERY
    static const char *const kinds[ENCRYPTED_KINDS] = {"equality", "range", "suffixPreview",
                                                       "prefixPreview", "substringPreview"};
    static const struct command_args_spec spec = {"create.encryptedFields.fields.queries", table,
                                                  false, false};
    int code = command_args_read(&spec, doc, query, &op->err);
    if (code == 0 && field->type == 0) {
        code = err_set(&op->err, LT_EBADVALUE, "a field with 'queries' needs a bsonType: '%.*s'",
                       SLICE_FMT(field->path));
    }
    while (code == 0 && query->kind < ENCRYPTED_KINDS &&
           !slice_is(query->type, kinds[query->kind])) {
        query->kind++;
    }
    if (code == 0 && query->kind == ENCRYPTED_KINDS) {
        code = err_set(&op->err, LT_EBADVALUE,
                       "Enumeration value '%.*s' for field "
                       "'create.encryptedFields.fields.queries.queryType' is not a valid value.",
                       SLICE_FMT(query->type));
    }
    code = code < 0 ? code : encrypted_check_numbers(op, query);
    code =
        code < 0 ? code : encrypted_check_bool(op, "queries.caseSensitive", query->case_sensitive);
    code = code < 0
               ? code
               : encrypted_check_bool(op, "queries.diacriticSensitive", query->diacritic_sensitive);
    if (code < 0 || query->kind == ENCRYPTED_EQUALITY) {
        return code;
    }
    return query->kind == ENCRYPTED_RANGE ? encrypted_check_range(op, field, query)
                                          : encrypted_check_text(op, field, query);
}

/* ---- one field ---- */

/* Two together are those for the ends of texts. */
static int encrypted_check_pair(struct command_op *op, const enum encrypted_kind kinds[])
{
    bool ends = (kinds[0] == ENCRYPTED_SUFFIX && kinds[1] == ENCRYPTED_PREFIX) ||
                (kinds[0] == ENCRYPTED_PREFIX && kinds[1] == ENCRYPTED_SUFFIX);
    return ends ? 0
                : err_set(&op->err, 9783414,
                          "only suffixPreview and prefixPreview can be queries of one field");
}

static int encrypted_read_list(struct command_op *op, const struct encrypted_field *field,
                               struct slice list)
{
    enum encrypted_kind kinds[ENCRYPTED_QUERIES_MAX];
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = doc_count(list);
    int code = 0;
    if (count == 0) {
        return err_set(&op->err, 9783412, "'queries' of '%.*s' cannot be empty",
                       SLICE_FMT(field->path));
    }
    if (count > ENCRYPTED_QUERIES_MAX) {
        return err_set(&op->err, 9783413, "'queries' of '%.*s' are %zu; %d are allowed",
                       SLICE_FMT(field->path), count, ENCRYPTED_QUERIES_MAX);
    }
    doc_iter_init(&iter, list);
    for (size_t i = 0; code == 0 && doc_iter_next(&iter, &elem); i++) {
        struct encrypted_query query = {0};
        code = elem.value.type != DOC_OBJECT
                   ? encrypted_wrong_type(op, "queries", elem.value, "object")
                   : encrypted_read_query(op, field, doc_value_get_doc(elem.value), &query);
        kinds[i] = query.kind;
    }
    return code < 0 || count == 1 ? code : encrypted_check_pair(op, kinds);
}

static int encrypted_read_queries(struct command_op *op, const struct encrypted_field *field)
{
    struct doc_value queries = field->queries;
    if (!doc_value_exists(queries)) {
        return 0;
    }
    if (queries.type != DOC_OBJECT && queries.type != DOC_ARRAY) {
        return encrypted_wrong_type(op, "queries", queries, "[array, object]");
    }
    struct encrypted_query query = {0};
    return queries.type == DOC_ARRAY
               ? encrypted_read_list(op, field, doc_value_get_doc(queries))
               : encrypted_read_query(op, field, doc_value_get_doc(queries), &query);
}

static int encrypted_check_path(struct command_op *op, struct slice path)
{
    if (path.len == 0) {
        return err_set(&op->err, 6316402, "the path of an encrypted field cannot be empty");
    }
    if (memchr(path.data, '\0', path.len) != NULL) {
        return err_set(&op->err, 9867600, "the path of an encrypted field cannot hold a null byte");
    }
    return slice_is(path, "_id") || slice_starts(path, SLICE("_id."))
               ? err_set(&op->err, 6316403, "the path of an encrypted field cannot be _id")
               : 0;
}

static int encrypted_check_key(struct command_op *op, struct doc_value key)
{
    if (key.type != DOC_BINARY || doc_value_get_subtype(key) != 4) {
        return encrypted_wrong_type(op, "keyId", key, "UUID");
    }
    size_t len = doc_value_get_binary(key).len;
    return len == 16 ? 0
                     : err_set(&op->err, LT_EINVALIDUUID,
                               "a keyId must be a UUID of 16 bytes; this has %zu", len);
}

static int encrypted_check_type(struct command_op *op, struct encrypted_field *field)
{
    if (field->bson_type.data == NULL) {
        return 0;
    }
    field->type = doc_type_of_name(field->bson_type);
    if (field->type < 0) {
        return err_set(&op->err, LT_EBADVALUE, "Unknown type name: %.*s",
                       SLICE_FMT(field->bson_type));
    }
    bool none = field->type == DOC_NULL || field->type == DOC_UNDEFINED ||
                field->type == DOC_MINKEY || field->type == DOC_MAXKEY;
    return none ? err_set(&op->err, 6338406, "a field of type '%.*s' cannot be encrypted",
                          SLICE_FMT(field->bson_type))
                : 0;
}

static int encrypted_read_field(struct command_op *op, struct doc_value value,
                                struct encrypted_field *field)
{
    static const struct command_arg table[] = {
        {"path", COMMAND_ARG_STRING, offsetof(struct encrypted_field, path), COMMAND_ARG_REQUIRED},
        {"keyId", COMMAND_ARG_VALUE, offsetof(struct encrypted_field, key), COMMAND_ARG_REQUIRED},
        {"bsonType", COMMAND_ARG_STRING, offsetof(struct encrypted_field, bson_type), 0},
        {"queries", COMMAND_ARG_IGNORE, 0, 0},
        {NULL},
    };
    static const struct command_args_spec spec = {"create.encryptedFields.fields", table, false,
                                                  false};
    if (value.type != DOC_OBJECT) {
        return encrypted_wrong_type(op, "0", value, "object");
    }
    int code = command_args_read(&spec, doc_value_get_doc(value), field, &op->err);
    if (code < 0) {
        return code;
    }
    field->queries = doc_get_str(doc_value_get_doc(value), "queries"); /* null is no query */
    code = encrypted_check_path(op, field->path);
    code = code < 0 ? code : encrypted_check_key(op, field->key);
    code = code < 0 ? code : encrypted_check_type(op, field);
    return code < 0 ? code : encrypted_read_queries(op, field);
}

/* ---- the description ---- */

static int encrypted_order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Is a path that this one lies in among the sorted `paths`? */
static bool encrypted_lies_in_another(struct slice path, const struct slice *paths, size_t count)
{
    for (size_t i = 0; i < path.len; i++) {
        struct slice outer = slice_of(path.data, i);
        if (path.data[i] == '.' &&
            bsearch(&outer, paths, count, sizeof outer, encrypted_order) != NULL) {
            return true;
        }
    }
    return false;
}

static int encrypted_check_paths(struct command_op *op, struct slice *paths, size_t count)
{
    qsort(paths, count, sizeof *paths, encrypted_order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && slice_equal(paths[i - 1], paths[i])) {
            return err_set(&op->err, 6338402, "Duplicate paths are not allowed: '%.*s'",
                           SLICE_FMT(paths[i]));
        }
        if (encrypted_lies_in_another(paths[i], paths, count)) {
            return err_set(&op->err, 6338403, "Conflicting paths: '%.*s' lies in another one",
                           SLICE_FMT(paths[i]));
        }
    }
    return 0;
}

static int encrypted_read_fields(struct command_op *op, struct slice list)
{
    struct slice *paths = arena_zero(&op->arena, doc_count(list), sizeof *paths);
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = 0;
    int code = 0;
    doc_iter_init(&iter, list);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        struct encrypted_field field = {0};
        code = encrypted_read_field(op, elem.value, &field);
        paths[count++] = field.path;
    }
    return code < 0 ? code : encrypted_check_paths(op, paths, count);
}

int command_encrypted_fields_check(struct command_op *op, struct slice description,
                                   const struct command_encrypted_owner *owner)
{
    static const struct command_arg table[] = {
        {"fields", COMMAND_ARG_ARRAY, 0, COMMAND_ARG_REQUIRED},
        {"escCollection", COMMAND_ARG_IGNORE, 0, 0},
        {"ecocCollection", COMMAND_ARG_IGNORE, 0, 0},
        {"strEncodeVersion", COMMAND_ARG_IGNORE, 0, 0},
        {NULL},
    };
    static const struct command_args_spec spec = {"create.encryptedFields", table, false, false};
    struct slice fields;
    if (description.len == 0) {
        return 0;
    }
    if (owner->is_other) {
        return err_set(
            &op->err, 6346401,
            "'encryptedFields' is for ordinary collections: not for views and time series");
    }
    if (owner->is_capped) {
        return err_set(&op->err, 6367301, "'encryptedFields' is not for capped collections");
    }
    int code = command_args_read(&spec, description, &fields, &op->err);
    code = code < 0 ? code : encrypted_read_fields(op, fields);
    return code < 0 ? code
                    : err_set(&op->err, LT_ENOTIMPLEMENTED,
                              "create: Queryable Encryption ('encryptedFields') is not supported; "
                              "fields that clients encrypt themselves are stored as any are");
}

/* ---- what is done with the tags ---- */

/* There is no collection that has any. */
static int encrypted_refuse(struct command_op *op, const char *tokens)
{
    struct slice ns;
    struct slice given;
    const struct command_arg table[] = {{tokens, COMMAND_ARG_DOC, 0, COMMAND_ARG_REQUIRED},
                                        {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
                                        {"anchorPaddingFactor", COMMAND_ARG_IGNORE, 0, 0},
                                        {NULL}};
    struct doc_value first = doc_first(op->body).value;
    if (first.type != DOC_STRING || doc_value_get_string(first).len == 0) {
        return command_namespace(op, &ns);
    }
    int code = command_args(op, table, &given);
    ns = command_join(&op->arena, op->db, doc_value_get_string(first));
    code = code < 0 ? code : command_view_refuse(op, ns);
    if (code == 0 && store_catalog_find(op->catalog, ns) == NULL) {
        code = err_set(&op->err, LT_ENAMESPACENOTFOUND, "collection %.*s does not exist",
                       SLICE_FMT(ns));
    }
    return code < 0 ? code
                    : err_set(&op->err, 6346807, "collection %.*s is not encrypted", SLICE_FMT(ns));
}

int command_compact_encrypted(struct command_op *op)
{
    return encrypted_refuse(op, "compactionTokens");
}

int command_cleanup_encrypted(struct command_op *op)
{
    return encrypted_refuse(op, "cleanupTokens");
}
