/* query/project_private.h - a projection as a tree of paths.
 *
 * Invariant   children differ by name and stand in the order of the specification.
 * Thread      pure.
 * Memory      see query/context.h.
 * Errors      as query/project.h.
 */
#ifndef QUERY_PROJECT_PRIVATE_H
#define QUERY_PROJECT_PRIVATE_H

#include "query/expr.h"
#include "query/match.h"
#include "query/project.h"

enum project_kind {
    PROJECT_INNER,
    PROJECT_INCLUDE,
    PROJECT_EXCLUDE,
    PROJECT_EXPR,       /* computed */
    PROJECT_ELEM,       /* computed: the first element that matches */
    PROJECT_META,       /* computed: of what is known besides the document */
    PROJECT_SLICE,      /* kept, but cut */
    PROJECT_POSITIONAL, /* kept, but only the matched element */
};

struct project_node {
    struct slice name;
    enum project_kind kind;
    bool computes; /* it or something below is computed */
    struct query_expr *expr;
    struct query_match *match;     /* {"": {$elemMatch: ...}} on one element under "" */
    const struct query_near *near; /* META: what is nearest, or else how far it is */
    bool nearest;
    const struct query_text *text; /* META: how well it matches */
    int64_t skip;
    int64_t limit; /* negative: the last ones, skip not used */
    bool has_skip;
    struct project_node **children;
    uint32_t count;
    uint32_t cap;
};

struct query_project {
    struct project_node *root;
    enum query_project_mode mode;
    bool excludes; /* drop what is named, else keep only what is named */
    bool keeps_id; /* _id is kept */
    bool positional;
};

struct project_node *query__project_find(const struct project_node *node, struct slice name);

#endif
