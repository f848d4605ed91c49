/* command/stages.h - the pipeline stages that need the store.
 *
 * Invariant   each reads applied data through its cursor's view.
 * Thread      the cursor's.
 * Memory      the cursor's arena.
 * Errors      as query/pipeline.h.
 */
#ifndef COMMAND_STAGES_H
#define COMMAND_STAGES_H

#include "command/cursor.h"
#include "query/pipeline.h"

/* Options that make the stages known, with the cursor as their owner. */
struct query_pipeline_options command_stage_options(struct command_cursor *cursor);

/* For a stage's parse: is the pipeline one of a database, {aggregate: 1}, and not of a collection
 * that another stage brings? */
bool command_stage_of_database(const struct query_stage_parse *parse);

/* Let go of what the cursor's reads of other collections borrow. */
void command_foreign_pause(struct command_cursor *cursor);

extern const struct query_stage_ops command_stage_collstats;
extern const struct query_stage_ops command_stage_catalog;
extern const struct query_stage_ops command_stage_change_stream;
extern const struct query_stage_ops command_stage_current_op;
extern const struct query_stage_ops command_stage_index_stats;
extern const struct query_stage_ops command_stage_list_local_sessions;
extern const struct query_stage_ops command_stage_list_sessions;
extern const struct query_stage_ops command_stage_merge;
extern const struct query_stage_ops command_stage_out;
extern const struct query_stage_ops command_stage_plan_cache;
extern const struct query_stage_ops command_stage_query_settings;
extern const struct query_stage_ops command_stage_sampled_queries;
extern const struct query_stage_ops command_stage_split;
extern const struct query_foreign_ops command_foreign_ops;

#endif
