/* query/pipeline_update.c - a pipeline run on the one document that an update has in hand. */
#include "query/pipeline_update.h"

#include "doc/build.h"
#include "doc/view.h"
#include "query/pipeline.h"

struct query_pipeline_update {
    struct query_pipeline *pipeline;
};

/* The command's constants and `let`, as one document. */
static struct slice update_let(struct query_context *context, struct doc_value constants)
{
    if (constants.type != DOC_OBJECT || context->let.len == 0) {
        return constants.type == DOC_OBJECT ? doc_value_get_doc(constants) : context->let;
    }
    struct buf buf;
    buf_init(&buf, context->arena);
    struct doc_builder builder;
    doc_build_begin(&builder, &buf);
    doc_build_fields(&builder, doc_value_get_doc(constants));
    doc_build_fields(&builder, context->let);
    return doc_build_end(&builder);
}

int query_pipeline_update_parse(struct query_context *context, struct slice stages,
                                struct doc_value constants,
                                struct query_pipeline_update **ret_pipeline, struct err *err)
{
    struct query_pipeline_update *update = arena_zero(context->arena, 1, sizeof *update);
    struct query_pipeline_options *options = arena_zero(context->arena, 1, sizeof *options);
    options->place = QUERY_PIPELINE_UPDATE;
    struct slice let = context->let;
    context->let = update_let(context, constants);
    int rc = query_pipeline_parse(context, stages, options, &update->pipeline, err);
    context->let = let;
    if (rc == 0) {
        *ret_pipeline = update;
    }
    return rc;
}

struct update_source {
    struct slice doc;
    bool done;
};

static int update_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    (void)err;
    struct update_source *source = context;
    if (source->done) {
        return 0;
    }
    source->done = true;
    *ret_doc = source->doc;
    return 1;
}

int query_pipeline_update_apply(const struct query_pipeline_update *pipeline,
                                struct query_eval *eval, struct slice doc, struct slice *ret_doc,
                                struct err *err)
{
    static const struct query_source_ops ops = {update_source_next};
    struct update_source one = {doc, false};
    struct query_source source = {&ops, &one};
    struct query_run *run = query_run_new(pipeline->pipeline, 0, eval, source);
    struct slice result;
    int rc = query_run_next(run, &result, err);
    if (rc > 0) {
        *ret_doc = arena_copy(eval->arena, result);
        rc = 0;
    }
    query_run_close(run);
    return rc;
}
