/* query/pipeline_private.h - the stages that query/ brings, and what they share.
 *
 * Invariant   see pipeline.h.
 * Thread      as pipeline.h.
 * Memory      as pipeline.h.
 * Errors      as pipeline.h.
 */
#ifndef QUERY_PIPELINE_PRIVATE_H
#define QUERY_PIPELINE_PRIVATE_H

#include "query/expr_private.h"
#include "query/pipeline.h"
#include "query/project.h"

extern const struct query_stage_ops query__stage_add_fields;
extern const struct query_stage_ops query__stage_bucket;
extern const struct query_stage_ops query__stage_bucket_auto;
extern const struct query_stage_ops query__stage_count;
extern const struct query_stage_ops query__stage_densify;
extern const struct query_stage_ops query__stage_documents;
extern const struct query_stage_ops query__stage_facet;
extern const struct query_stage_ops query__stage_fill;
extern const struct query_stage_ops query__stage_geo_near;
extern const struct query_stage_ops query__stage_graph_lookup;
extern const struct query_stage_ops query__stage_group;
extern const struct query_stage_ops query__stage_limit;
extern const struct query_stage_ops query__stage_lookup;
extern const struct query_stage_ops query__stage_match;
extern const struct query_stage_ops query__stage_project;
extern const struct query_stage_ops query__stage_rank_fusion;
extern const struct query_stage_ops query__stage_redact;
extern const struct query_stage_ops query__stage_replace_root;
extern const struct query_stage_ops query__stage_replace_with;
extern const struct query_stage_ops query__stage_sample;
extern const struct query_stage_ops query__stage_set;
extern const struct query_stage_ops query__stage_set_window_fields;
extern const struct query_stage_ops query__stage_skip;
extern const struct query_stage_ops query__stage_sort;
extern const struct query_stage_ops query__stage_sort_by_count;
extern const struct query_stage_ops query__stage_union_with;
extern const struct query_stage_ops query__stage_unpack;
extern const struct query_stage_ops query__stage_unset;
extern const struct query_stage_ops query__stage_unwind;

/* Error 10170100: a $rankFusion is not the first stage. */
int query__stage_rank_place(struct err *err);

/* The filter that a $match stage has parsed. */
const struct query_match *query__stage_match_filter(const struct query_stage *stage);

/* The filter, with a NEAR node, that a $geoNear stage asks for. */
struct query_match *query__stage_geo_near_match(const struct query_stage *stage);

/* The pattern of a $sort stage, and its limit. */
const struct query_sort *query__stage_sort_pattern(const struct query_stage *stage,
                                                   uint64_t *ret_limit);
/* Let a $sort stage keep only the first `limit` documents. */
void query__stage_sort_limit(struct query_stage *stage, uint64_t limit);
uint64_t query__stage_limit_count(const struct query_stage *stage);

/* Paths that $group reads. */
void query__stage_group_fields(const struct query_stage *stage,
                               void (*cb)(void *context, struct slice path), void *cb_context);

/* Documents kept on the heap, with a key each; bytes counts all of them. */
struct query__kept {
    uint8_t *bytes; /* key, then document */
    uint32_t key_len;
    uint32_t doc_len;
    uint64_t number; /* order of arrival */
};
struct query__keep {
    struct query__kept *items;
    uint64_t count;
    uint64_t room;
    uint64_t arrivals;
    uint64_t bytes;
};
void query__keep_add(struct query__keep *keep, struct slice key, struct slice doc);
/* Sort by key, then arrival, and drop all after the first `limit` (0: keep all). */
void query__keep_sort(struct query__keep *keep, uint64_t limit);
struct slice query__keep_key(const struct query__keep *keep, uint64_t index);
struct slice query__keep_doc(const struct query__keep *keep, uint64_t index);
void query__keep_close(struct query__keep *keep);

/* The document with the value at a path (its names from `part` on) set, or removed when it is
 * missing; documents on the way are made where there are none. */
struct doc_value query__path_set(struct arena *arena, struct slice doc,
                                 const struct query_expr *path, uint32_t part,
                                 struct doc_value value);

/* A doc_path_cb that adds the values a path reaches, arrays element by element, to the
 * query__list that is its context. */
bool query__filter_value(void *context, const struct doc_path_hit *hit);
/* The filter by which a field equals one of the values, of which there is at least one. */
struct slice query__filter_any(struct arena *arena, struct slice field, struct doc_value values);
/* While parsing a stage that reads `from`, which may be empty. */
int query__foreign_check(const struct query_stage_parse *parse, struct slice from, struct err *err);

/* Open a run over another collection, or over none when `from` is empty. */
int query__foreign_open(const struct query_pipeline_options *options,
                        const struct query_foreign *foreign, const struct query_eval *eval,
                        struct query_run **ret_run, struct err *err);

/* A stage holds so many bytes now: error 292 past its own limit, or what context->memory refuses.
 */
int query__stage_holds(struct query_stage_run *self, uint64_t bytes, struct err *err);

#endif
