/* command/results.h - what find and aggregate make of the documents they read.
 *
 * Invariant   reading, then the run of a pipeline, then skip, limit and projection; each may be
 *             absent. A cursor's `plan` points to one.
 * Thread      the cursor's.
 * Memory      the cursor's arena; the run is closed with the cursor.
 * Errors      as command_read_next and query_run_next.
 */
#ifndef COMMAND_RESULTS_H
#define COMMAND_RESULTS_H

#include "command/cursor.h"
#include "query/pipeline.h"
#include "query/project.h"

struct command_results_plan {
    struct query_pipeline_options options; /* the pipeline's, which looks at them while it runs */
    struct query_pipeline *pipeline;       /* NULL: documents as they are read */
    struct slice stages;                   /* of an aggregate: what it was parsed of */
    uint32_t first_stage;                  /* the stages before are the plan's work */
    struct query_run *run;
    struct query_project *project;
    int64_t skip;
    int64_t limit; /* 0: no limit */
    struct query_eval eval;
    struct arena scratch;
};

/* Attach to the cursor; everything is filled in before command_results_begin. */
struct command_results_plan *command_results_plan_new(struct command_cursor *cursor);

/* After all parsing. */
void command_results_begin(struct command_cursor *cursor);

/* A pipeline over what the cursor's read gives, in the cursor's arena: the array's stages. `owner`
 * is handed to the stages of command/stages.h. */
int command_results_pipeline(struct command_op *op, struct command_cursor *cursor,
                             struct slice stages);

/* The cursors of find and aggregate, ready to be pulled from: op->body is the command. */
int command_find_open(struct command_op *op, struct command_cursor **ret_cursor,
                      int64_t *ret_batch_size);
int command_aggregate_open(struct command_op *op, struct command_cursor **ret_cursor);

/* The aggregate that op->body, a find, is on a view. */
int command_find_on_view(struct command_op *op, struct slice *ret_body);

#endif
