/* query/pipeline_update.c - the six stages that turn one document into one document.
 *
 * All but $replaceRoot and $replaceWith are projections; those two are an expression that must give
 * an object. */
#include "query/pipeline_update.h"

#include "doc/build.h"
#include "doc/json.h"
#include "doc/view.h"
#include "query/expr.h"
#include "query/project.h"

struct pipeline_stage {
    struct query_project *project; /* or NULL: replace */
    struct query_expr *replace;
};

struct query_pipeline_update {
    struct pipeline_stage *stages;
    uint32_t count;
};

/* ---- parsing one stage ---- */

static int pipeline_add(struct query_context *context, struct pipeline_stage *stage,
                        struct doc_elem spec, struct err *err)
{
    if (spec.value.type != DOC_OBJECT) {
        return err_set(err, 40272, "%.*s specification stage must be an object, got %s",
                       SLICE_FMT(spec.name), doc_type_name(spec.value.type));
    }
    return query_project_parse(context, doc_value_get_doc(spec.value), QUERY_PROJECT_ADD,
                               &stage->project, err);
}

static int pipeline_project(struct query_context *context, struct pipeline_stage *stage,
                            struct doc_elem spec, struct err *err)
{
    if (spec.value.type != DOC_OBJECT) {
        return err_set(err, 15969, "$project specification must be an object");
    }
    return query_project_parse(context, doc_value_get_doc(spec.value), QUERY_PROJECT_STAGE,
                               &stage->project, err);
}

static int pipeline_unset(struct query_context *context, struct pipeline_stage *stage,
                          struct doc_elem spec, struct err *err)
{
    return query_project_parse_unset(context, spec.value, &stage->project, err);
}

static int pipeline_replace(struct query_context *context, struct pipeline_stage *stage,
                            struct doc_elem spec, struct err *err)
{
    struct doc_value root = spec.value;
    if (slice_is(spec.name, "$replaceRoot")) {
        if (spec.value.type != DOC_OBJECT) {
            return err_set(err, 40229,
                           "expected an object as specification for $replaceRoot stage, "
                           "got %s",
                           doc_type_name(spec.value.type));
        }
        struct doc_iter iter;
        struct doc_elem field;
        doc_iter_value(&iter, spec.value);
        while (doc_iter_next(&iter, &field)) {
            if (!slice_is(field.name, "newRoot")) {
                return err_set(err, 40415, "BSON field '$replaceRoot.%.*s' is an unknown field.",
                               SLICE_FMT(field.name));
            }
        }
        root = doc_get_str(doc_value_get_doc(spec.value), "newRoot");
        if (!doc_value_exists(root)) {
            return err_set(err, 40414,
                           "BSON field '$replaceRoot.newRoot' is missing but a required field");
        }
    }
    return query_expr_parse(context, root, &stage->replace, err);
}

static const struct {
    const char *name;
    int (*parse)(struct query_context *context, struct pipeline_stage *stage, struct doc_elem spec,
                 struct err *err);
} pipeline_stages[] = {
    {"$addFields", pipeline_add},       {"$set", pipeline_add},
    {"$project", pipeline_project},     {"$unset", pipeline_unset},
    {"$replaceRoot", pipeline_replace}, {"$replaceWith", pipeline_replace},
};

static int pipeline_stage_parse(struct query_context *context, struct pipeline_stage *stage,
                                struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "Each element of the 'pipeline' array must be an object");
    }
    if (doc_count(doc_value_get_doc(spec)) != 1) {
        return err_set(err, 40323,
                       "A pipeline stage specification object must contain exactly one field.");
    }
    struct doc_elem elem = doc_first(doc_value_get_doc(spec));
    for (size_t i = 0; i < sizeof pipeline_stages / sizeof *pipeline_stages; i++) {
        if (slice_is(elem.name, pipeline_stages[i].name)) {
            return pipeline_stages[i].parse(context, stage, elem, err);
        }
    }
    return err_set(err, LT_EINVALIDOPTIONS, "%.*s is not allowed to be used within an update",
                   SLICE_FMT(elem.name));
}

/* The command's `let` with the fields of `c` added. */
static struct slice pipeline_let(struct query_context *context, struct slice constants)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, context->arena);
    doc_build_begin(&builder, &buf);
    doc_build_fields(&builder, constants);
    if (context->let.len > 0) {
        struct doc_iter iter;
        struct doc_elem field;
        doc_iter_init(&iter, context->let);
        while (doc_iter_next(&iter, &field)) {
            if (!doc_value_exists(doc_get(constants, field.name))) {
                doc_build_value(&builder, field.name, field.value);
            }
        }
    }
    return doc_build_end(&builder);
}

int query_pipeline_update_parse(struct query_context *context, struct slice stages,
                                struct doc_value constants,
                                struct query_pipeline_update **ret_pipeline, struct err *err)
{
    struct query_pipeline_update *pipeline = arena_zero(context->arena, 1, sizeof *pipeline);
    struct slice let = context->let;
    int rc = 0;
    if (doc_value_exists(constants)) {
        if (constants.type != DOC_OBJECT) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "BSON field 'update.updates.c' is the wrong type '%s', expected type "
                           "'object'",
                           doc_type_name(constants.type));
        }
        context->let = pipeline_let(context, doc_value_get_doc(constants));
    }
    pipeline->stages = arena_zero(context->arena, doc_count(stages), sizeof *pipeline->stages);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, stages);
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = pipeline_stage_parse(context, &pipeline->stages[pipeline->count++], elem.value, err);
    }
    context->let = let;
    *ret_pipeline = pipeline;
    return rc;
}

/* ---- running ---- */

static int pipeline_replaced(const struct pipeline_stage *stage, struct query_eval *eval,
                             struct slice *doc, struct err *err)
{
    struct doc_value value = doc_missing;
    eval->root = doc_value_object(*doc);
    int rc = query_expr_eval(stage->replace, eval, &value, err);
    if (rc < 0) {
        return rc;
    }
    if (value.type != DOC_OBJECT) {
        struct buf text;
        buf_init(&text, eval->arena);
        doc_json_write_shell(&text, value);
        return err_set(err, 40228,
                       "'newRoot' expression must evaluate to an object, but resulting value was: "
                       "%.*s. Type of resulting value: '%s'.",
                       SLICE_FMT(buf_slice(&text)), doc_type_name(value.type));
    }
    *doc = doc_value_get_doc(value);
    return 0;
}

int query_pipeline_update_apply(const struct query_pipeline_update *pipeline,
                                struct query_eval *eval, struct slice doc, struct slice *ret_doc,
                                struct err *err)
{
    for (uint32_t i = 0; i < pipeline->count; i++) {
        const struct pipeline_stage *stage = &pipeline->stages[i];
        struct query_project_io io = {.doc = doc, .array_index = -1};
        int rc = stage->project != NULL ? query_project_doc(stage->project, eval, &io, err)
                                        : pipeline_replaced(stage, eval, &doc, err);
        if (rc < 0) {
            return rc;
        }
        doc = stage->project != NULL ? io.new_doc : doc;
    }
    *ret_doc = doc;
    return 0;
}
