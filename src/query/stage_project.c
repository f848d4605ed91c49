/* query/stage_project.c - stages that make one document of one: $project, $addFields, $set, $unset,
 * $replaceRoot, $replaceWith. */
#include "query/pipeline_private.h"

enum { PROJECT_FLAGS = QUERY_STAGE_UPDATE | QUERY_STAGE_ONE_TO_ONE };

/* ---- by query/project ---- */

static int project_add(struct query_stage_parse *parse, struct slice spec,
                       enum query_project_mode mode, struct err *err)
{
    struct query_project *project = NULL;
    int rc = query_project_parse(parse->context, spec, mode, &project, err);
    if (rc == 0) {
        query_stage_add(parse, parse->ops, project);
    }
    return rc;
}

static int project_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 15969, "$project specification must be an object");
    }
    return project_add(parse, doc_value_get_doc(spec), QUERY_PROJECT_STAGE, err);
}

static int project_parse_add(struct query_stage_parse *parse, struct doc_value spec,
                             struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40272, "%s specification stage must be an object, got %s",
                       parse->ops->name, doc_type_name(spec.type));
    }
    return project_add(parse, doc_value_get_doc(spec), QUERY_PROJECT_ADD, err);
}

static int project_unset_field(struct query__list *list, struct doc_value name, struct err *err)
{
    static const struct doc_value exclude = {(const uint8_t *)"\0\0\0", 4, DOC_INT32};
    struct slice text = doc_value_get_string(name);
    if (memchr(text.data, '\0', text.len) != NULL) {
        return err_set(err, 9527900, "$unset field names must not contain null bytes");
    }
    query__list_field(list, text, exclude);
    return 0;
}

/* Are all names strings? Asked before anything else is said of them. */
static int project_unset_types(struct doc_value names, struct err *err)
{
    struct doc_iter iter;
    doc_iter_value(&iter, names);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_STRING) {
            return err_set(err, 31120,
                           "$unset specification must be a string or an array "
                           "containing only string values");
        }
    }
    return 0;
}

static int project_parse_unset(struct query_stage_parse *parse, struct doc_value spec,
                               struct err *err)
{
    if (spec.type != DOC_STRING && spec.type != DOC_ARRAY) {
        return err_set(err, 31002, "$unset specification must be a string or an array");
    }
    if (spec.type == DOC_ARRAY && doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 31119,
                       "$unset specification must be a string or an array with at "
                       "least one field");
    }
    struct query__list list;
    query__list_begin(&list, parse->context->arena, DOC_OBJECT);
    int rc = 0;
    if (spec.type == DOC_STRING) {
        rc = project_unset_field(&list, spec, err);
    } else {
        rc = project_unset_types(spec, err);
        struct doc_iter iter;
        doc_iter_value(&iter, spec);
        struct doc_elem elem;
        while (rc == 0 && doc_iter_next(&iter, &elem)) {
            rc = project_unset_field(&list, elem.value, err);
        }
    }
    struct slice doc = doc_value_get_doc(query__list_end(&list));
    return rc < 0 ? rc : project_add(parse, doc, QUERY_PROJECT_STAGE, err);
}

static int project_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct query_project_io io = {.array_index = -1};
    int rc = query_stage_pull(self, &io.doc, err);
    if (rc <= 0) {
        return rc;
    }
    self->eval->root = doc_value_object(io.doc);
    rc = query_project_doc(self->stage->parsed, self->eval, &io, err);
    if (rc < 0) {
        return rc;
    }
    *ret_doc = io.new_doc;
    return 1;
}

const struct query_stage_ops query__stage_project = {
    .name = "$project", .flags = PROJECT_FLAGS, .parse = project_parse, .next = project_next};
const struct query_stage_ops query__stage_add_fields = {
    .name = "$addFields", .flags = PROJECT_FLAGS, .parse = project_parse_add, .next = project_next};
const struct query_stage_ops query__stage_set = {
    .name = "$set", .flags = PROJECT_FLAGS, .parse = project_parse_add, .next = project_next};
const struct query_stage_ops query__stage_unset = {
    .name = "$unset", .flags = PROJECT_FLAGS, .parse = project_parse_unset, .next = project_next};

/* ---- $replaceRoot and $replaceWith: the parsed form is the expression ---- */

static int project_replace_add(struct query_stage_parse *parse, struct doc_value spec,
                               struct err *err)
{
    struct query_expr *expr = NULL;
    int rc = query_expr_parse(parse->context, spec, &expr, err);
    if (rc == 0) {
        query_stage_add(parse, parse->ops, expr);
    }
    return rc;
}

static int project_parse_root(struct query_stage_parse *parse, struct doc_value spec,
                              struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40229,
                       "expected an object as specification for $replaceRoot stage, "
                       "got %s",
                       doc_type_name(spec.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "newRoot")) {
            return err_set(err, 40415, "BSON field '$replaceRoot.%.*s' is an unknown field.",
                           SLICE_FMT(elem.name));
        }
    }
    struct doc_value root = doc_get_str(doc_value_get_doc(spec), "newRoot");
    if (!doc_value_exists(root)) {
        return err_set(err, 40414,
                       "BSON field '$replaceRoot.newRoot' is missing but a required "
                       "field");
    }
    return project_replace_add(parse, root, err);
}

static int project_replace_next(struct query_stage_run *self, struct slice *ret_doc,
                                struct err *err)
{
    struct slice doc;
    int rc = query_stage_pull(self, &doc, err);
    if (rc <= 0) {
        return rc;
    }
    struct doc_value root;
    self->eval->root = doc_value_object(doc);
    rc = query_expr_eval(self->stage->parsed, self->eval, &root, err);
    if (rc < 0) {
        return rc;
    }
    if (root.type != DOC_OBJECT) {
        return err_set(err, 40228,
                       "'newRoot' expression  must evaluate to an object, but "
                       "resulting value was: %.*s. Type of resulting value: '%s'.",
                       SLICE_FMT(query__print(self->eval, root)), doc_type_name(root.type));
    }
    *ret_doc = doc_value_get_doc(root);
    return 1;
}

const struct query_stage_ops query__stage_replace_root = {.name = "$replaceRoot",
                                                          .flags = PROJECT_FLAGS,
                                                          .parse = project_parse_root,
                                                          .next = project_replace_next};
const struct query_stage_ops query__stage_replace_with = {.name = "$replaceWith",
                                                          .flags = PROJECT_FLAGS,
                                                          .parse = project_replace_add,
                                                          .next = project_replace_next};
