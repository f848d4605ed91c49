/* command/stages.c - the list of stages that need the store. */
#include "command/stages.h"

static const struct query_stage_ops *const stages_list[] = {
    &command_stage_collstats,       &command_stage_change_stream,
    &command_stage_current_op,      &command_stage_list_local_sessions,
    &command_stage_list_sessions,   &command_stage_split,
    &command_stage_plan_cache,      &command_stage_query_settings,
    &command_stage_sampled_queries, &command_stage_index_stats,
    &command_stage_catalog,         &command_stage_out,
    &command_stage_merge,
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

bool command_stage_of_database(const struct query_stage_parse *parse)
{
    const struct command_cursor *cursor = parse->options->owner;
    static const char suffix[] = ".$cmd.aggregate";
    size_t len = sizeof suffix - 1;
    return parse->options->place != QUERY_PIPELINE_LOOKUP &&
           parse->options->place != QUERY_PIPELINE_UNION && cursor->ns.len > len &&
           memcmp(cursor->ns.data + cursor->ns.len - len, suffix, len) == 0;
}
