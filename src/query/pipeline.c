/* query/pipeline.c - parsing a pipeline and pulling documents through it.
 *
 * Every stage pulls from the one below it, the lowest from the source. The scratch arena is emptied
 * whenever a document enters: at the source, or where a stage makes one of its own. */
#include "query/pipeline.h"

#include "base/mem.h"
#include "query/pipeline_private.h"

static const struct query_stage_ops *const pipeline_stages[] = {
    &query__stage_match,
    &query__stage_project,
    &query__stage_add_fields,
    &query__stage_set,
    &query__stage_unset,
    &query__stage_group,
    &query__stage_sort,
    &query__stage_limit,
    &query__stage_skip,
    &query__stage_count,
    &query__stage_unwind,
    &query__stage_replace_root,
    &query__stage_replace_with,
    &query__stage_sample,
    &query__stage_sort_by_count,
    &query__stage_facet,
    &query__stage_bucket,
    &query__stage_documents,
    &query__stage_geo_near,
    &query__stage_redact,
    &query__stage_lookup,
    &query__stage_bucket_auto,
    &query__stage_graph_lookup,
    &query__stage_union_with,
    &query__stage_set_window_fields,
    &query__stage_fill,
    &query__stage_densify,
    &query__stage_rank_fusion,
    &query__stage_unpack,
};

/* Stages of MongoDB that are served nowhere here: the place where one may not be is known all the
 * same, and told first. */
static int pipeline_parse_absent(struct query_stage_parse *parse, struct doc_value spec,
                                 struct err *err)
{
    (void)spec;
    return err_set(err, 40324, "Unrecognized pipeline stage name: '%s'", parse->ops->name);
}

#define PIPELINE_ABSENT(stage)                                                                     \
    {                                                                                              \
        .name = (stage), .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,                        \
        .parse = pipeline_parse_absent                                                             \
    }

static const struct query_stage_ops pipeline_absent[] = {
    PIPELINE_ABSENT("$listCatalog"),
    PIPELINE_ABSENT("$listSearchIndexes"),
    PIPELINE_ABSENT("$queryStats"),
};

static const struct query_pipeline_options pipeline_plain = {0};

/* ---- parsing ---- */

static const struct query_stage_ops *pipeline_find(const struct query_pipeline_options *options,
                                                   struct slice name)
{
    for (uint32_t i = 0; i < options->stages_count; i++) {
        if (slice_is(name, options->stages[i]->name)) {
            return options->stages[i];
        }
    }
    for (size_t i = 0; i < sizeof pipeline_stages / sizeof pipeline_stages[0]; i++) {
        if (slice_is(name, pipeline_stages[i]->name)) {
            return pipeline_stages[i];
        }
    }
    for (size_t i = 0; i < sizeof pipeline_absent / sizeof pipeline_absent[0]; i++) {
        if (slice_is(name, pipeline_absent[i].name)) {
            return &pipeline_absent[i];
        }
    }
    return NULL;
}

void query_stage_add(struct query_stage_parse *parse, const struct query_stage_ops *ops,
                     void *parsed)
{
    struct query_pipeline *pipeline = parse->pipeline;
    if (pipeline->count == parse->room) {
        uint32_t room = parse->room == 0 ? 8 : 2 * parse->room;
        struct query_stage *stages = arena_zero(parse->context->arena, room, sizeof *stages);
        if (pipeline->count > 0) {
            memcpy(stages, pipeline->stages, pipeline->count * sizeof *stages);
        }
        pipeline->stages = stages;
        parse->room = room;
    }
    pipeline->stages[pipeline->count++] = (struct query_stage){ops, parsed};
}

static int pipeline_check_update(const struct query_stage_ops *ops, struct err *err)
{
    return (ops->flags & QUERY_STAGE_UPDATE) != 0
               ? 0
               : err_set(err, LT_EINVALIDOPTIONS, "%s is not allowed to be used within an update",
                         ops->name);
}

/* Stages that may not be in a pipeline inside a stage. */
static int pipeline_check_inner(const struct query_stage_parse *parse,
                                const struct query_stage_ops *ops, struct err *err)
{
    uint32_t flags = ops->flags;
    uint32_t direct = QUERY_STAGE_FIRST | QUERY_STAGE_LAST;
    bool facet = parse->options->place == QUERY_PIPELINE_FACET;
    if ((facet && (flags & direct)) ||
        (parse->options->in_facet && (flags & QUERY_STAGE_NO_FACET))) {
        return err_set(err, 40600, "%s is not allowed to be used within a $facet stage", ops->name);
    }
    switch (parse->options->place) {
    case QUERY_PIPELINE_LOOKUP:
    case QUERY_PIPELINE_UNION:
        if (flags & QUERY_STAGE_LAST) {
            bool lookup = parse->options->place == QUERY_PIPELINE_LOOKUP;
            return err_set(err, lookup ? 51047 : 31441,
                           "%s is not allowed within a $%s's sub-pipeline", ops->name,
                           lookup ? "lookup" : "unionWith");
        }
        return 0;
    case QUERY_PIPELINE_UPDATE:
        return pipeline_check_update(ops, err);
    default:
        return 0;
    }
}

static int pipeline_check_place(const struct query_stage_parse *parse,
                                const struct query_stage_ops *ops, struct err *err)
{
    int rc = pipeline_check_inner(parse, ops, err);
    uint32_t count = parse->pipeline->count;
    if (rc < 0 || count == 0) {
        return rc;
    }
    if (ops->flags & QUERY_STAGE_FIRST) {
        return err_set(err, 40602, "%s is only valid as the first stage in a pipeline.", ops->name);
    }
    if (parse->pipeline->stages[count - 1].ops->flags & QUERY_STAGE_LAST) {
        return err_set(err, 40601, "%s can only be the final stage in the pipeline",
                       parse->pipeline->stages[count - 1].ops->name);
    }
    return 0;
}

int query_stage_parse_as(struct query_stage_parse *parse, const char *name, struct doc_value spec,
                         struct err *err)
{
    const struct query_stage_ops *ops = pipeline_find(parse->options, slice_str(name));
    assert(ops != NULL);
    const struct query_stage_ops *outer = parse->ops;
    parse->ops = ops;
    int rc = parse->options->place == QUERY_PIPELINE_UPDATE ? pipeline_check_update(ops, err) : 0;
    rc = rc < 0 ? rc : ops->parse(parse, spec, err);
    parse->ops = outer;
    return rc;
}

static int pipeline_parse_stage(struct query_stage_parse *parse, struct doc_value stage,
                                struct err *err)
{
    if (stage.type != DOC_OBJECT) {
        return err_set(err,
                       parse->options->place == QUERY_PIPELINE_FACET ? 40171 : LT_ETYPEMISMATCH,
                       "Each element of the 'pipeline' array must be an object");
    }
    if (doc_count(doc_value_get_doc(stage)) != 1) {
        return err_set(err, 40323,
                       "A pipeline stage specification object must contain exactly one "
                       "field.");
    }
    struct doc_elem elem = doc_first(doc_value_get_doc(stage));
    const struct query_stage_ops *ops = pipeline_find(parse->options, elem.name);
    if (ops == NULL) {
        return err_set(err, 40324, "Unrecognized pipeline stage name: '%.*s'",
                       SLICE_FMT(elem.name));
    }
    int rc = pipeline_check_place(parse, ops, err);
    if (rc < 0) {
        return rc;
    }
    parse->ops = ops;
    return ops->parse(parse, elem.value, err);
}

/* A $limit right after a $sort, or after a $skip after it, bounds what the sort keeps. */
static void pipeline_bound_sorts(struct query_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (pipeline->stages[i].ops != &query__stage_sort) {
            continue;
        }
        uint64_t skipped = 0;
        uint32_t at = i + 1;
        while (at < pipeline->count && pipeline->stages[at].ops == &query__stage_skip) {
            skipped += query__stage_limit_count(&pipeline->stages[at++]);
        }
        if (at < pipeline->count && pipeline->stages[at].ops == &query__stage_limit) {
            uint64_t limit = skipped + query__stage_limit_count(&pipeline->stages[at]);
            query__stage_sort_limit(&pipeline->stages[i], limit);
        }
    }
}

int query_pipeline_parse(struct query_context *context, struct slice stages,
                         const struct query_pipeline_options *options,
                         struct query_pipeline **ret_pipeline, struct err *err)
{
    if (doc_count(stages) > QUERY_PIPELINE_STAGES_MAX) {
        return err_set(err, 7749501, "Pipeline length must be no longer than %d stages",
                       QUERY_PIPELINE_STAGES_MAX);
    }
    struct query_pipeline *pipeline = arena_zero(context->arena, 1, sizeof *pipeline);
    pipeline->context = context;
    struct query_stage_parse parse = {
        .context = context,
        .options = options == NULL ? &pipeline_plain : options,
        .pipeline = pipeline,
    };
    if (parse.options->nesting > QUERY_PIPELINE_NESTING_MAX) {
        return err_set(err, LT_EMAXSUBPIPELINEDEPTHEXCEEDED,
                       "Maximum number of nested sub-pipelines exceeded. Limit is %d",
                       QUERY_PIPELINE_NESTING_MAX);
    }
    struct query_scope *outer = context->scope;
    struct doc_iter iter;
    doc_iter_init(&iter, stages);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = pipeline_parse_stage(&parse, elem.value, err);
        if (rc < 0) {
            return rc;
        }
        if (!(parse.ops->flags & (QUERY_STAGE_META | QUERY_STAGE_ONE_TO_ONE))) {
            context->scope = outer; /* a score is not known any more */
        }
    }
    context->scope = outer;
    pipeline_bound_sorts(pipeline);
    *ret_pipeline = pipeline;
    return 0;
}

int query_stage_parse_sub(struct query_stage_parse *parse, struct doc_value stages,
                          enum query_pipeline_place place, struct query_pipeline **ret_pipeline,
                          struct err *err)
{
    struct query_pipeline_options *options = arena_alloc(parse->context->arena, sizeof *options);
    *options = *parse->options;
    options->nesting++;
    options->place = place;
    options->in_facet = options->in_facet || place == QUERY_PIPELINE_FACET;
    options->behind =
        place == QUERY_PIPELINE_FACET && (options->behind || parse->pipeline->count > 0);
    return query_pipeline_parse(parse->context, doc_value_get_doc(stages), options, ret_pipeline,
                                err);
}

/* ---- what the planner reads ---- */

const struct query_match *query_pipeline_match_at(const struct query_pipeline *pipeline,
                                                  uint32_t number)
{
    bool match = number < pipeline->count && pipeline->stages[number].ops == &query__stage_match;
    return match ? query__stage_match_filter(&pipeline->stages[number]) : NULL;
}

const struct query_match *query_pipeline_leading_match(const struct query_pipeline *pipeline)
{
    return query_pipeline_match_at(pipeline, 0);
}

struct query_match *query_pipeline_leading_near(const struct query_pipeline *pipeline)
{
    bool near = pipeline->count > 0 && pipeline->stages[0].ops == &query__stage_geo_near;
    return near ? query__stage_geo_near_match(&pipeline->stages[0]) : NULL;
}

const struct query_sort *query_pipeline_leading_sort(const struct query_pipeline *pipeline,
                                                     uint64_t *ret_limit)
{
    uint32_t at = query_pipeline_leading_match(pipeline) != NULL;
    *ret_limit = 0;
    if (at < pipeline->count && pipeline->stages[at].ops == &query__stage_sort) {
        return query__stage_sort_pattern(&pipeline->stages[at], ret_limit);
    }
    return NULL;
}

static bool pipeline_match_fields(const struct query_match *match, void (*cb)(void *, struct slice),
                                  void *cb_context)
{
    if (match->kind == QUERY_MATCH_EXPR) {
        return false;
    }
    bool element = match->kind == QUERY_MATCH_ELEM_OBJECT || match->kind == QUERY_MATCH_ELEM_VALUE;
    if (match->path.count > 0) {
        cb(cb_context, match->path.text);
    }
    for (uint32_t i = 0; !element && i < match->children_count; i++) {
        if (!pipeline_match_fields(match->children[i], cb, cb_context)) {
            return false;
        }
    }
    return true;
}

/* Fields are known when the first stage that replaces the document is one whose paths are. */
void query_pipeline_fields(const struct query_pipeline *pipeline, void (*cb)(void *, struct slice),
                           void *cb_context)
{
    for (uint32_t i = 0; i < pipeline->count; i++) {
        const struct query_stage *stage = &pipeline->stages[i];
        if (stage->ops == &query__stage_count) {
            return;
        }
        if (stage->ops == &query__stage_group) {
            query__stage_group_fields(stage, cb, cb_context);
            return;
        }
        bool known = stage->ops == &query__stage_limit || stage->ops == &query__stage_skip;
        if (stage->ops == &query__stage_match) {
            known = pipeline_match_fields(query__stage_match_filter(stage), cb, cb_context);
        } else if (stage->ops == &query__stage_sort) {
            uint64_t limit;
            const struct query_sort *sort = query__stage_sort_pattern(stage, &limit);
            for (uint32_t f = 0; f < sort->count; f++) {
                cb(cb_context, sort->fields[f].path.text);
            }
            known = true;
        }
        if (!known) {
            break;
        }
    }
    cb(cb_context, SLICE(""));
}

bool query_pipeline_writes(const struct query_pipeline *pipeline)
{
    return pipeline->count > 0 &&
           (pipeline->stages[pipeline->count - 1].ops->flags & QUERY_STAGE_LAST);
}

/* ---- running ---- */

struct query_run {
    struct query_source source;
    struct query_eval eval;
    struct arena scratch;
    uint32_t count;
    struct query_stage_run stages[];
};

struct query_run *query_run_new(const struct query_pipeline *pipeline, uint32_t first,
                                const struct query_eval *eval, struct query_source source)
{
    assert(first <= pipeline->count);
    uint32_t count = pipeline->count - first;
    struct query_run *run = mem_zero(1, sizeof *run + count * sizeof run->stages[0]);
    run->source = source;
    run->eval = *eval;
    run->eval.arena = &run->scratch;
    run->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct query_stage_run *stage = &run->stages[i];
        stage->stage = &pipeline->stages[first + i];
        stage->run = run;
        stage->below = i == 0 ? NULL : stage - 1;
        stage->eval = &run->eval;
        stage->counted.memory = eval->context->memory;
        stage->state = arena_zero(&stage->hold, 1, stage->stage->ops->state_size);
    }
    return run;
}

static int run_source(struct query_run *run, struct slice *ret_doc, struct err *err)
{
    arena_reset(&run->scratch);
    return run->source.ops == NULL ? 0 : run->source.ops->next(run->source.context, ret_doc, err);
}

int query_stage_pull(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct query_stage_run *below = self->below;
    return below == NULL ? run_source(self->run, ret_doc, err)
                         : below->stage->ops->next(below, ret_doc, err);
}

void query_stage_fresh(struct query_stage_run *self)
{
    arena_reset(&self->run->scratch);
}

int query_run_next(struct query_run *run, struct slice *ret_doc, struct err *err)
{
    if (run->count == 0) {
        return run_source(run, ret_doc, err);
    }
    struct query_stage_run *top = &run->stages[run->count - 1];
    return top->stage->ops->next(top, ret_doc, err);
}

void query_run_close(struct query_run *run)
{
    if (run == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        struct query_stage_run *stage = &run->stages[i];
        if (stage->stage->ops->close != NULL) {
            stage->stage->ops->close(stage);
        }
        arena_close(&stage->hold);
        query_hold_drop(&stage->counted);
    }
    if (run->source.ops != NULL && run->source.ops->close != NULL) {
        run->source.ops->close(run->source.context);
    }
    arena_close(&run->scratch);
    mem_free(run);
}
