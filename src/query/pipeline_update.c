/* query/pipeline_update.c - refused until the stages are here. */
#include "query/pipeline_update.h"

int query_pipeline_update_parse(struct query_context *context, struct slice stages,
                                struct doc_value constants,
                                struct query_pipeline_update **ret_pipeline, struct err *err)
{
    (void)context;
    (void)stages;
    (void)constants;
    (void)ret_pipeline;
    return err_set(err, LT_ENOTIMPLEMENTED, "pipeline-style updates are not supported");
}

int query_pipeline_update_apply(const struct query_pipeline_update *pipeline,
                                struct query_eval *eval, struct slice doc, struct slice *ret_doc,
                                struct err *err)
{
    (void)pipeline;
    (void)eval;
    (void)doc;
    (void)ret_doc;
    return err_set(err, LT_ENOTIMPLEMENTED, "pipeline-style updates are not supported");
}
