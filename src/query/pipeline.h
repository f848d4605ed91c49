/* query/pipeline.h - aggregation pipelines: parsed once, run by pulling documents from the top.
 *
 * Invariant   a parsed pipeline is immutable and may be run many times. In a run, what a stage got
 *             from query_stage_pull, and everything in the scratch arena, is valid until the next
 *             pull or query_stage_fresh, whichever stage makes it: what must live longer is copied
 *             into memory of the stage's own.
 * Thread      a run is used by one thread at a time.
 * Memory      parsed forms in context->arena. A run is on the heap: query_run_close it. A document
 *             handed out is valid until the next call.
 * Errors      MongoDB's codes; what context->memory refuses. -LT_EYIELD and -LT_EAGAIN from the
 *             source pass through every stage with all state kept: call query_run_next again to go
 *             on. After any other error the run can only be closed.
 * Source      MONGODB.md 5.6, rules 43-47.
 */
#ifndef QUERY_PIPELINE_H
#define QUERY_PIPELINE_H

#include "query/match.h"
#include "query/sort.h"

enum {
    QUERY_PIPELINE_STAGES_MAX = 1000,
    QUERY_PIPELINE_NESTING_MAX = 20,           /* pipelines within pipelines */
    QUERY_STAGE_BYTES_MAX = 100 * 1024 * 1024, /* what one stage may hold: error 292 */
};

struct query_pipeline;
struct query_run;
struct query_stage_run;
struct query_stage_parse;
struct query_foreign;

/* Where documents come from. */
struct query_source_ops {
    /* 1 and a document, valid until the next call; 0 at the end; negative: -LT_EYIELD, -LT_EAGAIN
     * (call again) or an error. */
    int (*next)(void *context, struct slice *ret_doc, struct err *err);
    /* Optional: the run that pulled from it is closed. */
    void (*close)(void *context);
};

struct query_source {
    const struct query_source_ops *ops; /* NULL: no documents */
    void *context;
};

enum query_stage_flags {
    QUERY_STAGE_FIRST = 1,       /* only as the first stage: it is a source itself */
    QUERY_STAGE_LAST = 2,        /* only as the last stage ($out, $merge) */
    QUERY_STAGE_NO_FACET = 4,    /* not inside $facet */
    QUERY_STAGE_UPDATE = 8,      /* allowed in an update's pipeline */
    QUERY_STAGE_ONE_TO_ONE = 16, /* every document in is one document out, in order */
    QUERY_STAGE_META = 32,       /* what is known of a document beside its fields stays known */
};

/* A kind of stage. Rooms above register their own (see query_pipeline_options). */
struct query_stage_ops {
    const char *name; /* "$match" */
    uint32_t flags;
    uint32_t state_size; /* zeroed memory of each run, at query_stage_run.state */
    /* Read the specification and call query_stage_add (once, or for several stages). */
    int (*parse)(struct query_stage_parse *parse, struct doc_value spec, struct err *err);
    /* As query_source_ops.next; pulls from below with query_stage_pull. */
    int (*next)(struct query_stage_run *self, struct slice *ret_doc, struct err *err);
    /* Optional: give back what the state holds. */
    void (*close)(struct query_stage_run *self);
};

struct query_stage {
    const struct query_stage_ops *ops;
    void *parsed; /* what ops->parse made */
};

struct query_pipeline {
    struct query_context *context;
    struct query_stage *stages;
    uint32_t count;
};

/* Other collections, for $lookup and $unionWith. */
struct query_foreign_ops {
    /* Make a run of `pipeline` (may be NULL: no stages) over the documents of collection `from`
     * that `filter` (may be NULL) lets through. Both live longer than the run. `eval` holds the
     * outer variables; copy it. A collection that does not exist is empty. */
    int (*open)(void *owner, const struct query_foreign *foreign, const struct query_eval *eval,
                struct query_run **ret_run, struct err *err);
    /* While parsing: may `from` be read by the context's collation? NULL: anything may. */
    int (*check)(void *owner, const struct query_context *context, struct slice from,
                 struct err *err);
};

struct query_foreign {
    struct slice from;
    const struct query_match *filter;
    const struct query_pipeline *pipeline;
};

enum query_pipeline_place {
    QUERY_PIPELINE_TOP,
    QUERY_PIPELINE_UPDATE, /* only QUERY_STAGE_UPDATE stages */
    QUERY_PIPELINE_FACET,
    QUERY_PIPELINE_LOOKUP,
    QUERY_PIPELINE_UNION,
};

struct query_pipeline_options {
    const struct query_stage_ops *const *stages; /* more kinds of stages */
    uint32_t stages_count;
    void *owner; /* handed to foreign->open; their parse finds it in parse->options */
    const struct query_foreign_ops *foreign; /* NULL: no collections but the pipeline's own */
    uint32_t nesting;                        /* pipelines around this one */
    enum query_pipeline_place place;
    bool in_facet; /* one of the pipelines around is a $facet's */
    bool behind;   /* of a $facet that is not the first stage */
};

/* What a stage's parse works on. */
struct query_stage_parse {
    struct query_context *context;
    const struct query_pipeline_options *options;
    const struct query_stage_ops *ops; /* of the stage being parsed */
    struct query_pipeline *pipeline;
    uint32_t room; /* of pipeline->stages */
};

/* What a stage's next works on. */
struct query_stage_run {
    const struct query_stage *stage;
    void *state;
    struct arena hold;         /* lives as long as the run */
    struct query_hold counted; /* what it was last said to hold, see query__stage_holds */
    struct query_run *run;
    struct query_stage_run *below; /* NULL at the bottom */
    struct query_eval *eval;       /* eval->arena is the scratch arena */
};

/* ---- parsing ---- */

/* Parse an array of stages. `options` may be NULL. */
int query_pipeline_parse(struct query_context *context, struct slice stages,
                         const struct query_pipeline_options *options,
                         struct query_pipeline **ret_pipeline, struct err *err);

/* For a stage's parse: append a stage to the pipeline. */
void query_stage_add(struct query_stage_parse *parse, const struct query_stage_ops *ops,
                     void *parsed);

/* For a stage's parse: append what another stage's specification means ($count is a $group). */
int query_stage_parse_as(struct query_stage_parse *parse, const char *name, struct doc_value spec,
                         struct err *err);

/* For a stage's parse: parse a pipeline inside this one, with the same kinds of stages. */
int query_stage_parse_sub(struct query_stage_parse *parse, struct doc_value stages,
                          enum query_pipeline_place place, struct query_pipeline **ret_pipeline,
                          struct err *err);

/* ---- what the planner reads ---- */

/* The filter of the first stage, or NULL. A plan that applies it runs from stage 1 on. */
const struct query_match *query_pipeline_leading_match(const struct query_pipeline *pipeline);

/* What a $geoNear at the beginning asks of the plan: a filter with a NEAR node. Or NULL. */
struct query_match *query_pipeline_leading_near(const struct query_pipeline *pipeline);

/* The filter of stage `number` when it is there and a $match, or NULL. */
const struct query_match *query_pipeline_match_at(const struct query_pipeline *pipeline,
                                                  uint32_t number);

/* The pattern of a $sort that is first, or second after $match, or NULL; *ret_limit is how many
 * of its documents are wanted (0: all). */
const struct query_sort *query_pipeline_leading_sort(const struct query_pipeline *pipeline,
                                                     uint64_t *ret_limit);

/* Call `cb` with each dotted path of the incoming documents that the pipeline reads; a path may
 * come twice, "" is the whole document. */
void query_pipeline_fields(const struct query_pipeline *pipeline,
                           void (*cb)(void *context, struct slice path), void *cb_context);

/* True when the last stage writes ($out, $merge). */
bool query_pipeline_writes(const struct query_pipeline *pipeline);

/* ---- running ---- */

/* Make a run that starts at stage number `first` (what comes before is the plan's work). `eval` is
 * copied: its slots are shared, so that an outer pipeline's variables are seen. */
struct query_run *query_run_new(const struct query_pipeline *pipeline, uint32_t first,
                                const struct query_eval *eval, struct query_source source);

/* 1 and a document, 0 at the end, negative as above. */
int query_run_next(struct query_run *run, struct slice *ret_doc, struct err *err);

/* NULL is fine. */
void query_run_close(struct query_run *run);

/* ---- for a stage's next ---- */

/* The next document from below; what was in scratch before is gone. */
int query_stage_pull(struct query_stage_run *self, struct slice *ret_doc, struct err *err);

/* For a stage that makes a document of its own: empty the scratch arena. */
void query_stage_fresh(struct query_stage_run *self);

#endif
