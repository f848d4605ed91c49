/* command/api_metadata.c - validateDBMetadata: which views and indexes are outside of the stable
 * API.
 */
#include "command/api.h"
#include "command/args.h"
#include "command/authorize.h"
#include "command/handlers.h"
#include "command/server.h"

struct metadata_args {
    struct slice db;
    struct slice collection;
    struct slice parameters;
};

struct metadata_parameters {
    struct slice version;
    bool strict;
    bool deprecation;
};

static const struct command_arg metadata_arg_table[] = {
    {"db", COMMAND_ARG_STRING, offsetof(struct metadata_args, db), 0},
    {"collection", COMMAND_ARG_STRING, offsetof(struct metadata_args, collection), 0},
    {"apiParameters", COMMAND_ARG_DOC, offsetof(struct metadata_args, parameters),
     COMMAND_ARG_REQUIRED},
    {NULL},
};

static const struct command_arg metadata_parameter_table[] = {
    {"version", COMMAND_ARG_STRING, offsetof(struct metadata_parameters, version),
     COMMAND_ARG_REQUIRED},
    {"strict", COMMAND_ARG_STRICT_BOOL, offsetof(struct metadata_parameters, strict), 0},
    {"deprecationErrors", COMMAND_ARG_STRICT_BOOL,
     offsetof(struct metadata_parameters, deprecation), 0},
    {NULL},
};

static int metadata_read(struct command_op *op, struct metadata_args *args,
                         struct metadata_parameters *parameters)
{
    static const struct command_args_spec spec = {"validateDBMetadata.apiParameters",
                                                  metadata_parameter_table, false, false};
    int code = command_args(op, metadata_arg_table, args);
    code = code < 0 ? code : command_args_read(&spec, args->parameters, parameters, &op->err);
    if (code == 0 && args->collection.data != NULL) {
        bool dollar = args->collection.len > 0 && args->collection.data[0] == '$';
        code = dollar ? 0 : command_check_collection(op->db, args->collection, &op->err);
    }
    return code;
}

/* What op->err says of it, as an element of apiVersionErrors. */
static void metadata_tell(struct command_op *op, const struct store_collection *collection,
                          struct slice text)
{
    struct doc_builder *builder = &op->builder;
    doc_build_open(builder, SLICE(""));
    doc_build_string(builder, "ns", collection->ns);
    doc_build_i32(builder, "code", LT_EAPISTRICTERROR);
    doc_build_text(builder, "codeName", "APIStrictError");
    doc_build_string(builder, "errmsg", text);
    doc_build_close(builder);
    op->err.code = 0;
}

static void metadata_collection(struct command_op *op, const struct store_collection *collection)
{
    if (collection->view_on.len > 0 &&
        command_api_check_pipeline(op, doc_value_array(collection->view_pipeline)) < 0) {
        metadata_tell(
            op, collection,
            arena_format(&op->arena, "The view is not allowed in API version 1: %s", op->err.text));
    }
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        if (command_api_check_index(op, index->spec) < 0) {
            metadata_tell(op, collection,
                          arena_format(&op->arena,
                                       "The index with name %.*s is not allowed in API version 1.",
                                       SLICE_FMT(index->name)));
        }
    }
}

int command_validate_db_metadata(struct command_op *op)
{
    struct metadata_args args = {0};
    struct metadata_parameters parameters = {0};
    int code = metadata_read(op, &args, &parameters);
    if (code < 0) {
        return code;
    }
    bool strict = parameters.strict && slice_is(parameters.version, "1");
    doc_build_open_array(&op->builder, SLICE("apiVersionErrors"));
    for (uint32_t i = 0; i < op->catalog->count && strict; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        bool wanted =
            (args.db.data == NULL || slice_equal(args.db, collection->db)) &&
            (args.collection.data == NULL || slice_equal(args.collection, collection->name));
        if (wanted && command_shows(op, collection->db, collection->name)) {
            metadata_collection(op, collection);
        }
    }
    doc_build_close(&op->builder);
    return 0;
}
