/* query/update_private.h - an update as a tree of paths.
 *
 * Invariant   children are sorted by name (numbers first, by value) and differ; a node has an
 *             operator or children, never both.
 * Thread      pure.
 * Memory      see query/context.h.
 * Errors      as query/update.h.
 */
#ifndef QUERY_UPDATE_PRIVATE_H
#define QUERY_UPDATE_PRIVATE_H

#include "doc/build.h"
#include "query/update.h"

struct update_op;

/* What a document's walk needs; op->kind->apply gets it too. */
struct update_run {
    struct query_eval *eval;
    struct slice doc; /* the original */
    int32_t array_index;
    bool insert;
    bool modified;
    struct err *err;
};

struct update_kind {
    const char *name;
    /* Check the operand and keep what was learnt in op->detail. */
    int (*parse)(struct query_context *context, struct update_op *op, struct err *err);
    /* The new value for the old one (missing: there is none); a missing result removes it. */
    int (*apply)(const struct update_op *op, struct update_run *run, struct doc_value old,
                 struct doc_value *ret_value);
    /* True when the operator does nothing on this document; NULL: never. */
    bool (*idle)(const struct update_op *op, const struct update_run *run);
    bool creates; /* makes a path that is not there */
    bool strict;  /* does not create, and still refuses a path through a scalar */
};

struct update_op {
    const struct update_kind *kind;
    struct doc_path path;
    struct doc_value operand;
    void *detail;
};

enum update_step {
    UPDATE_STEP_NAME,
    UPDATE_STEP_MATCHED,  /* $ */
    UPDATE_STEP_ALL,      /* $[] */
    UPDATE_STEP_FILTERED, /* $[id] */
};

struct update_filter {
    struct slice id;
    struct query_match *match;
    bool used;
};

struct update_node {
    struct doc_path_part part;
    enum update_step step;
    const struct update_filter *filter;
    const struct update_op *op; /* of a leaf */
    struct update_node **children;
    uint32_t count;
    uint32_t cap;
};

struct query_update {
    struct update_node *root; /* operators */
    struct slice replacement; /* data NULL: not a replacement */
    struct slice delta;       /* data NULL: it is none */
    struct query_pipeline_update *pipeline;
    bool deepens; /* the result may nest deeper than a document may */
};

struct update_filters {
    struct update_filter *items;
    uint32_t count;
};

/* Add an operator at its path: ConflictingUpdateOperators when it touches another's. */
int query__update_tree_add(struct arena *arena, struct update_node *root,
                           const struct update_op *op, const struct update_filters *filters,
                           struct err *err);

/* The rewritten document; run->modified tells whether anything changed. */
int query__update_tree_apply(const struct update_node *root, struct update_run *run,
                             struct slice doc, struct slice *ret_doc);

const struct update_kind *query__update_kind(struct slice name);
/* The kind that stands at the target of a $rename. */
const struct update_kind *query__update_kind_rename_to(void);

int query__update_filters_parse(struct query_context *context, struct doc_value spec,
                                struct update_filters *ret_filters, struct err *err);

/* update_array.c */
int query__update_push_parse(struct query_context *context, struct update_op *op, struct err *err);
int query__update_push(const struct update_op *op, struct update_run *run, struct doc_value old,
                       struct doc_value *ret_value);
int query__update_add_to_set_parse(struct query_context *context, struct update_op *op,
                                   struct err *err);
int query__update_add_to_set(const struct update_op *op, struct update_run *run,
                             struct doc_value old, struct doc_value *ret_value);
int query__update_pop_parse(struct query_context *context, struct update_op *op, struct err *err);
int query__update_pop(const struct update_op *op, struct update_run *run, struct doc_value old,
                      struct doc_value *ret_value);
int query__update_pull_parse(struct query_context *context, struct update_op *op, struct err *err);
int query__update_pull(const struct update_op *op, struct update_run *run, struct doc_value old,
                       struct doc_value *ret_value);
int query__update_pull_all_parse(struct query_context *context, struct update_op *op,
                                 struct err *err);
int query__update_pull_all(const struct update_op *op, struct update_run *run, struct doc_value old,
                           struct doc_value *ret_value);

#endif
