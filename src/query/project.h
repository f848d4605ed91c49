/* query/project.h - which fields of a document to give, and which to compute.
 *
 * Invariant   a parsed projection is immutable. Fields of the document keep its order; computed
 *             ones come after them in the order of the specification, or stay where they replace
 *             one.
 * Thread      pure; share a parsed projection freely.
 * Memory      see query/context.h; results lie in eval->arena or borrow the document.
 * Errors      MongoDB's codes: 31249 and 31250 colliding paths, 31253 and 31254 mixed modes ...
 * Source      MONGODB.md 5.3, rules 13-15.
 */
#ifndef QUERY_PROJECT_H
#define QUERY_PROJECT_H

#include "query/context.h"

enum query_project_mode {
    QUERY_PROJECT_FIND,  /* with $slice, $elemMatch and the positional operator */
    QUERY_PROJECT_STAGE, /* $project; $unset is an exclusion */
    QUERY_PROJECT_ADD,   /* $addFields and $set: nothing is dropped, every value is an expression */
};

struct query_project;

struct query_project_io {
    struct slice doc;     /* in */
    int32_t array_index;  /* in: what query_match_doc said, for the positional operator */
    struct slice new_doc; /* out */
};

/* Parse a specification; it may not be empty but for ADD. */
int query_project_parse(struct query_context *context, struct slice spec,
                        enum query_project_mode mode, struct query_project **ret_project,
                        struct err *err);

int query_project_doc(const struct query_project *project, struct query_eval *eval,
                      struct query_project_io *io, struct err *err);

/* True when the positional operator is used, so that query_match_doc must be asked for the index.
 */
bool query_project_is_positional(const struct query_project *project);

#endif
