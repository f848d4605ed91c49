/* query/pipeline_update.h - an update that is a pipeline.
 *
 * Invariant   only $addFields, $set, $project, $unset, $replaceRoot, $replaceWith, and
 *             $fill where it asks no neighbour.
 * Thread      pure; share a parsed pipeline freely.
 * Memory      see query/context.h; the result lies in eval->arena.
 * Errors      72 InvalidOptions for another stage; the stages' own codes.
 */
#ifndef QUERY_PIPELINE_UPDATE_H
#define QUERY_PIPELINE_UPDATE_H

#include "query/context.h"

struct query_pipeline_update;

/* `constants` is the command's `c`, or missing: more variables, like `let`. */
int query_pipeline_update_parse(struct query_context *context, struct slice stages,
                                struct doc_value constants,
                                struct query_pipeline_update **ret_pipeline, struct err *err);

/* Run the document through the stages. */
int query_pipeline_update_apply(const struct query_pipeline_update *pipeline,
                                struct query_eval *eval, struct slice doc, struct slice *ret_doc,
                                struct err *err);

#endif
