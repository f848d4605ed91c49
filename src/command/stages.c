/* command/stages.c - the list of stages that need the store. */
#include "command/stages.h"

static const struct query_stage_ops *const stages_list[] = {
    &command_stage_collstats,     &command_stage_change_stream, &command_stage_list_local_sessions,
    &command_stage_list_sessions, &command_stage_split,
};

struct query_pipeline_options command_stage_options(struct command_cursor *cursor)
{
    return (struct query_pipeline_options){
        .stages = stages_list,
        .stages_count = sizeof stages_list / sizeof stages_list[0],
        .owner = cursor,
        .foreign = &command_foreign_ops,
    };
}
