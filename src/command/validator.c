/* command/validator.c - the options of a validator, and a document against it. */
#include "command/validator.h"

#include "command/server.h"
#include "doc/json.h"
#include "doc/view.h"
#include "query/match.h"

/* ---- the options ---- */

static int validator_check_name(struct command_op *op, const char *field, struct slice value,
                                const char *const *names)
{
    if (value.data == NULL) {
        return 0;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (slice_is(value, names[i])) {
            return 0;
        }
    }
    return err_set(&op->err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field '%s.%s' is not a valid value.",
                   SLICE_FMT(value), op->command->name, field);
}

/* Collections that the server itself reads must stay as it wrote them. */
static bool validator_is_taken(const struct command_op *op, struct slice ns)
{
    struct slice name = slice_from(ns, op->db.len + 1);
    return !slice_is(op->db, "admin") && !slice_is(op->db, "local") &&
           !slice_is(op->db, "config") && !slice_starts(name, SLICE("system."));
}

int command_validator_check(struct command_op *op, struct slice ns,
                            const struct command_validator_args *args)
{
    static const char *const levels[] = {"off", "moderate", "strict", NULL};
    static const char *const actions[] = {"error", "warn", "errorAndLog", NULL};
    struct query_context context = {.arena = &op->arena, .now_ms = op->wall_ms};
    struct query_match *match;
    int code = validator_check_name(op, "validationLevel", args->level, levels);
    code = code < 0 ? code : validator_check_name(op, "validationAction", args->action, actions);
    if (code < 0 || args->validator.len == 0) {
        return code;
    }
    if (!validator_is_taken(op, ns)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Document validators are not allowed on %s collection %.*s",
                       slice_starts(slice_from(ns, op->db.len + 1), SLICE("system.")) ? "system"
                                                                                      : "internal",
                       SLICE_FMT(ns));
    }
    return query_match_parse(&context, args->validator, &match, &op->err);
}

void command_validator_build(struct doc_builder *builder, const struct command_validator_args *args)
{
    bool has = args->validator.len > 0 && !doc_is_empty(args->validator);
    if (has) {
        doc_build_doc(builder, "validator", args->validator);
    }
    if (has || args->level.data != NULL) {
        doc_build_string(builder, "validationLevel",
                         args->level.data != NULL ? args->level : SLICE("strict"));
    }
    if (has || args->action.data != NULL) {
        doc_build_string(builder, "validationAction",
                         args->action.data != NULL ? args->action : SLICE("error"));
    }
}

/* ---- a document ---- */

static struct slice validator_info(struct command_op *op, const struct store_collection *collection,
                                   struct slice doc)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct doc_elem first = doc_first(collection->validation.validator);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, SLICE("errInfo"));
    doc_build_value(builder, SLICE("failingDocumentId"), doc_get_str(doc, "_id"));
    doc_build_open(builder, SLICE("details"));
    doc_build_string(builder, "operatorName", first.name);
    doc_build_doc(builder, "specifiedAs", collection->validation.validator);
    doc_build_close(builder);
    doc_build_close(builder);
    return doc_build_end(builder);
}

static void validator_log(struct command_op *op, const struct store_collection *collection,
                          struct slice doc)
{
    struct buf id;
    buf_init(&id, &op->arena);
    doc_json_write_value(&id, doc_get_str(doc, "_id"), DOC_JSON_RELAXED);
    log_warning(op->server->log, "command",
                "the document with _id %.*s does not match the validator of %.*s",
                SLICE_FMT(buf_slice(&id)), SLICE_FMT(collection->ns));
}

int command_validate(struct command_op *op, const struct store_collection *collection,
                     struct slice old, struct slice doc)
{
    const struct store_validation *validation = &collection->validation;
    if (validation->filter == NULL || validation->level == STORE_VALIDATION_OFF ||
        collection->filter_ops->matches(validation->filter, doc)) {
        return 0;
    }
    if (validation->level == STORE_VALIDATION_MODERATE && old.len > 0 &&
        !collection->filter_ops->matches(validation->filter, old)) {
        return 0;
    }
    if (validation->action != STORE_VALIDATION_ERROR) {
        validator_log(op, collection, doc);
    }
    if (validation->action == STORE_VALIDATION_WARN) {
        return 0;
    }
    int code = err_set(&op->err, LT_EDOCUMENTVALIDATIONFAILURE, "Document failed validation");
    op->err.info = validator_info(op, collection, doc);
    return code;
}
