/* command/api.c - who asks for a version gets its errors; with apiStrict nothing else than that. */
#include "command/api.h"

#include "command/server.h"
#include "doc/view.h"

enum { API_FIELDS_MAX = 8, API_REQUIRED = 498870, API_WITHOUT_VERSION = 4886600 };

/* Fields of commands in version 1 that are not in it. */
static const struct {
    const char *command;
    const char *fields[API_FIELDS_MAX];
} api_unstable[] = {
    {"aggregate", {"explain"}},
    {"create", {"autoIndexId", "capped", "indexOptionDefaults", "max", "size", "storageEngine"}},
    {"find",
     {"awaitData", "max", "min", "noCursorTimeout", "oplogReplay", "returnKey", "showRecordId",
      "tailable"}},
    {"findAndModify", {"fields"}},
};

static const char *const api_unstable_stages[] = {
    "$currentOp",    "$indexStats",     "$listLocalSessions",
    "$listSessions", "$planCacheStats", "$search",
};

static const char *const api_unstable_index_fields[] = {"background", "bucketSize", "sparse",
                                                        "storageEngine"};

static bool api_is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && names[i] != NULL; i++) {
        if (slice_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static int api_refuse_field(struct command_op *op, struct slice name)
{
    return err_set(&op->err, LT_EAPISTRICTERROR,
                   "BSON field '%s.%.*s' is not allowed with apiStrict:true.", op->command->name,
                   SLICE_FMT(name));
}

static int api_check_fields(struct command_op *op)
{
    size_t row = 0;
    size_t rows = sizeof api_unstable / sizeof api_unstable[0];
    while (row < rows && strcmp(api_unstable[row].command, op->command->name) != 0) {
        row++;
    }
    if (row == rows) {
        return 0;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, op->body);
    while (doc_iter_next(&iter, &elem)) {
        if (api_is_one_of(elem.name, api_unstable[row].fields, API_FIELDS_MAX)) {
            return api_refuse_field(op, elem.name);
        }
    }
    return 0;
}

/* ---- pipelines ---- */

static int api_check_collstats(struct command_op *op, struct doc_value spec)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (spec.type != DOC_OBJECT) {
        return 0; /* the stage says what is wrong */
    }
    doc_iter_value(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "count")) {
            return err_set(&op->err, LT_EAPISTRICTERROR,
                           "only the 'count' option to $collStats is supported in API Version 1");
        }
    }
    return 0;
}

/* $facet has one pipeline a field, others one in the field of that name. */
static int api_check_inner(struct command_op *op, struct slice stage, struct doc_value spec)
{
    if (spec.type != DOC_OBJECT) {
        return 0;
    }
    if (!slice_is(stage, "$facet")) {
        return command_api_check_pipeline(op, doc_get_str(doc_value_get_doc(spec), "pipeline"));
    }
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = command_api_check_pipeline(op, elem.value);
    }
    return code;
}

static int api_check_stage(struct command_op *op, struct doc_elem stage)
{
    static const char *const outer[] = {"$facet", "$lookup", "$unionWith"};
    size_t count = sizeof api_unstable_stages / sizeof api_unstable_stages[0];
    if (api_is_one_of(stage.name, api_unstable_stages, count)) {
        return err_set(&op->err, LT_EAPISTRICTERROR,
                       "stage %.*s is not allowed with 'apiStrict: true' in API Version 1",
                       SLICE_FMT(stage.name));
    }
    if (slice_is(stage.name, "$collStats")) {
        return api_check_collstats(op, stage.value);
    }
    return api_is_one_of(stage.name, outer, sizeof outer / sizeof outer[0])
               ? api_check_inner(op, stage.name, stage.value)
               : 0;
}

/* The documents that come in are nested 200 deep at most, and so are pipelines. */
int command_api_check_pipeline(struct command_op *op, struct doc_value pipeline)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (pipeline.type != DOC_ARRAY) {
        return 0;
    }
    doc_iter_value(&iter, pipeline);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(elem.value))) {
            code = api_check_stage(op, doc_first(doc_value_get_doc(elem.value)));
        }
    }
    return code;
}

/* ---- indexes ---- */

static int api_check_index_key(struct command_op *op, struct doc_value key)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (key.type != DOC_OBJECT) {
        return 0;
    }
    doc_iter_value(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_STRING &&
            (slice_is(doc_value_get_string(elem.value), "text") ||
             slice_is(doc_value_get_string(elem.value), "geoHaystack"))) {
            return err_set(&op->err, LT_EAPISTRICTERROR,
                           "text and geoHaystack indexes are not allowed with apiStrict:true");
        }
    }
    return 0;
}

int command_api_check_index(struct command_op *op, struct slice spec)
{
    size_t count = sizeof api_unstable_index_fields / sizeof api_unstable_index_fields[0];
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (api_is_one_of(elem.name, api_unstable_index_fields, count)) {
            return api_refuse_field(op, elem.name);
        }
    }
    return api_check_index_key(op, doc_get_str(spec, "key"));
}

static int api_check_indexes(struct command_op *op)
{
    struct doc_value indexes = doc_get_str(op->body, "indexes");
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (indexes.type != DOC_ARRAY) {
        return 0;
    }
    doc_iter_value(&iter, indexes);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT) {
            code = command_api_check_index(op, doc_value_get_doc(elem.value));
        }
    }
    return code;
}

/* ---- all ---- */

static int api_check_strict(struct command_op *op)
{
    if ((op->command->flags & COMMAND_API_V1) == 0) {
        return err_set(&op->err, LT_EAPISTRICTERROR,
                       "Provided apiStrict:true, but the command %s is not in API Version 1. "
                       "Information on supported commands and migrations in API Version 1 can be "
                       "found at https://dochub.mongodb.org/core/manual-versioned-api",
                       op->command->name);
    }
    int code = api_check_fields(op);
    if (code == 0 && strcmp(op->command->name, "aggregate") == 0) {
        code = command_api_check_pipeline(op, doc_get_str(op->body, "pipeline"));
    }
    if (code == 0 && strcmp(op->command->name, "createIndexes") == 0) {
        code = api_check_indexes(op);
    }
    return code;
}

static int api_check_type(struct command_op *op, const char *name, struct doc_value value,
                          enum doc_type type)
{
    if (doc_value_is_nullish(value) || value.type == type) {
        return 0;
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field '%s' is the wrong type '%s', expected type '%s'", name,
                   doc_type_name(value.type), type == DOC_STRING ? "string" : "bool");
}

static int api_check_given(struct command_op *op)
{
    const struct command_common *common = &op->common;
    int code = api_check_type(op, "apiVersion", common->api_version, DOC_STRING);
    code = code < 0 ? code : api_check_type(op, "apiStrict", common->api_strict, DOC_BOOL);
    code = code < 0 ? code
                    : api_check_type(op, "apiDeprecationErrors", common->api_deprecation, DOC_BOOL);
    if (code < 0) {
        return code;
    }
    if (common->api_version.type != DOC_STRING) {
        return err_set(&op->err, API_WITHOUT_VERSION,
                       "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion");
    }
    if (!slice_is(doc_value_get_string(common->api_version), "1")) {
        return err_set(&op->err, LT_EAPIVERSIONERROR, "API version must be \"1\"");
    }
    return doc_value_truth(common->api_strict) ? api_check_strict(op) : 0;
}

int command_check_api(struct command_op *op)
{
    const struct command_common *common = &op->common;
    if (!doc_value_is_nullish(common->api_version) || !doc_value_is_nullish(common->api_strict) ||
        !doc_value_is_nullish(common->api_deprecation)) {
        return api_check_given(op);
    }
    if (command_param(&op->server->parameters, COMMAND_PARAM_requireApiVersion) == 0 ||
        (op->command->flags & COMMAND_HELLO) != 0) {
        return 0;
    }
    return err_set(&op->err, API_REQUIRED,
                   "The apiVersion parameter is required, please configure your MongoClient's API "
                   "version");
}

unsigned command_api_of(struct slice body)
{
    return (unsigned)!doc_value_is_nullish(doc_get_str(body, "apiVersion")) |
           (unsigned)doc_value_truth(doc_get_str(body, "apiStrict")) << 1 |
           (unsigned)doc_value_truth(doc_get_str(body, "apiDeprecationErrors")) << 2;
}

int command_check_same_api(struct command_op *op, unsigned api, const char *what)
{
    return command_api_of(op->body) == api
               ? 0
               : err_set(&op->err, LT_EAPIMISMATCHERROR,
                         "API parameter mismatch: %s used other API parameters than the command "
                         "that began the %s",
                         op->command->name, what);
}
