/* command/results.c - pulling documents through run, skip, limit and projection. */
#include "command/results.h"

#include "command/stages.h"

static int results_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct command_read *read = context;
    read->err = err;
    return command_read_next(read, ret_doc);
}

static const struct query_source_ops results_source_ops = {.next = results_source_next};

static void results_close(struct command_cursor *cursor)
{
    struct command_results_plan *plan = cursor->plan;
    query_run_close(plan->run);
    plan->run = NULL;
    arena_close(&plan->scratch);
}

/* One document, before skip and limit. */
static int results_pull(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    struct command_results_plan *plan = cursor->plan;
    if (plan->run != NULL) {
        return query_run_next(plan->run, ret_doc, err);
    }
    cursor->read.err = err;
    return command_read_next(&cursor->read, ret_doc);
}

/* Which array element the filter matched is known only while reading; a sort forgets it. */
static int results_array_index(struct command_cursor *cursor, struct slice doc, int32_t *ret_index,
                               struct err *err)
{
    struct command_results_plan *plan = cursor->plan;
    *ret_index = cursor->has_read ? cursor->read.array_index : -1;
    if (plan->run == NULL || !query_project_is_positional(plan->project)) {
        return 0;
    }
    int code = query_match_doc(cursor->read.match, &plan->eval, doc, ret_index, err);
    return code < 0 ? code : 0;
}

static int results_project(struct command_cursor *cursor, struct slice *doc, struct err *err)
{
    struct command_results_plan *plan = cursor->plan;
    struct query_project_io io = {.doc = *doc};
    arena_reset(&plan->scratch);
    plan->eval.root = doc_value_object(*doc);
    int code = results_array_index(cursor, *doc, &io.array_index, err);
    code = code < 0 ? code : query_project_doc(plan->project, &plan->eval, &io, err);
    *doc = io.new_doc;
    return code < 0 ? code : 1;
}

static int results_next(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    struct command_results_plan *plan = cursor->plan;
    if (plan->limit > 0 && cursor->returned >= plan->limit) {
        return 0;
    }
    int code;
    while ((code = results_pull(cursor, ret_doc, err)) > 0 && plan->skip > 0) {
        plan->skip--;
    }
    if (code > 0 && plan->project != NULL) {
        code = results_project(cursor, ret_doc, err);
    }
    return code;
}

struct command_results_plan *command_results_plan_new(struct command_cursor *cursor)
{
    struct command_results_plan *plan = arena_zero(&cursor->arena, 1, sizeof *plan);
    arena_init(&plan->scratch);
    cursor->plan = plan;
    cursor->next = results_next;
    cursor->close = results_close;
    return plan;
}

void command_results_begin(struct command_cursor *cursor)
{
    struct command_results_plan *plan = cursor->plan;
    struct query_source source = {0};
    query_eval_init(&plan->eval, &cursor->context, &cursor->arena);
    plan->eval.arena = &plan->scratch;
    if (cursor->has_read) {
        command_read_begin(&cursor->read, &cursor->context);
        source = (struct query_source){&results_source_ops, &cursor->read};
    }
    if (plan->pipeline != NULL) {
        plan->run = query_run_new(plan->pipeline, plan->first_stage, &plan->eval, source);
    }
}

int command_results_pipeline(struct command_op *op, struct command_cursor *cursor,
                             struct slice stages)
{
    struct command_results_plan *plan = cursor->plan;
    plan->options = command_stage_options(cursor);
    plan->stages = stages;
    return query_pipeline_parse(&cursor->context, stages, &plan->options, &plan->pipeline,
                                &op->err);
}
