/* query/plan.h - which indexes answer a filter and a sort.
 *
 * Invariant   an index whose collation is not that of the context serves for what is no string,
 *             object or array only. A plan is complete: every document that matches is in one of
 * its branches (unless a hint forces an index that leaves documents out); the filter is still
 * applied to what it delivers. Ranges of a branch are disjoint and ascend; what they hold, in key
 *             order, or all of it backward, is the requested sort when `sorted`.
 * Thread      pure.
 * Memory      see query/context.h.
 * Errors      BadValue for a hint that names no index, FailedToParse for one that could not; 51173
 *             to 51175 for a min and max without a hint, not of the index, not in its order; 291
 *             for nearness without an index, or a hint at a wildcard index that
 *             cannot serve; 27 when $geoNear cannot tell which.
 */
#ifndef QUERY_PLAN_H
#define QUERY_PLAN_H

#include "doc/wildcard.h"
#include "geo/index.h"
#include "query/match.h"
#include "query/sort.h"

struct plan_fit;

/* An index as the planner sees it. */
struct query_plan_index {
    struct slice name;
    struct slice key; /* {a: 1, b: -1} */
    bool is_id;
    bool unique;
    bool sparse;
    bool multikey;        /* an array was met on one of its paths, or stepped through by position */
    bool unusable;        /* hidden or not ready: not to be planned with, nor hinted at */
    struct slice partial; /* its filter document; empty: none */
    const struct doc_collation *collation; /* of its strings, which are sort keys; or NULL */
    struct geo_index geo;
    const struct doc_wildcard *wildcard; /* NULL: it is none */
    const struct text_index *text;       /* NULL: it is none */
};

/* Encoded keys in [from, to), without the index id. */
struct query_plan_range {
    struct slice from;
    struct slice to;
};

struct query_plan_branch {
    int32_t index;                   /* position in the request's indexes; -1: the collection */
    struct query_plan_range *ranges; /* none: everything; an empty one: nothing */
    uint32_t ranges_count;
    bool backward;
    bool point; /* exactly one _id: ranges[0].from is its whole key */
    bool entry; /* exactly one entry of a unique index: the same */
    bool once;  /* no document has several entries in the ranges, whatever the index is */
    bool page;  /* the entries of one value of another index: what their keys begin with */
    const struct plan_fit *fit;            /* what query_plan_bounds looks at, */
    const struct doc_collation *collation; /* and the index's: bounds are sort keys */
};

/* Documents by their distance: the only branch's index is read ring by ring (query_plan_ring). */
struct query_plan_near {
    struct query_near *query;
    const struct geo_index *index;
    uint32_t field; /* of the index, that has the cells */
    bool whole;     /* all that the fields before it leave is read at once: one ring */
};

struct query_plan {
    struct query_plan_branch *branches;
    uint32_t branches_count; /* 0: nothing can match */
    bool sorted;
    bool overlap;                 /* several branches may give a document twice */
    struct query_text *text;      /* what $text looks for; NULL: nothing */
    struct query_plan_near *near; /* NULL: in no such order */
    /* Another that would have done, whose own is the next: for explain. Ranges may be missing. */
    struct query_plan *rejected;
};

struct query_plan_request {
    const struct query_match *match;
    const struct query_sort *sort; /* NULL: none */
    const struct query_plan_index *indexes;
    uint32_t indexes_count;
    struct doc_value hint; /* name, key pattern, {$natural: ±1}, or missing */
    struct slice min;      /* {a: 1, b: 2}: the hinted index from this key on; empty: none */
    struct slice max;      /* and up to before this one */
};

enum {
    QUERY_PLAN_RANGES_MAX = 1000,   /* of combined points of several fields */
    QUERY_PLAN_BRANCHES_MAX = 1000, /* beyond it an $or is not planned with, or not told of */
};

int query_plan_make(struct query_context *context, const struct query_plan_request *request,
                    struct query_plan *ret_plan, struct err *err);

/* The branch of a plan by distance with the ranges that have all documents `inner` to `outer` away,
 * and others. */
struct query_plan_branch query_plan_ring(struct arena *arena, const struct query_plan *plan,
                                         double inner, double outer);

/* For explain: {a: ["[1, 1]"], b: ["[MinKey, MaxKey]"]}, or {startKey: {...}, endKey: {...}} of a
 * min and max; empty for the collection. */
struct slice query_plan_bounds(struct arena *arena, const struct query_plan_branch *branch);

/* For explain: of a wildcard index with $_path and the path that is looked for in place of the
 * wildcard; of others the key pattern that they have. The branch is one of an index. */
struct slice query_plan_key_pattern(struct arena *arena, const struct query_plan_index *index,
                                    const struct query_plan_branch *branch);

#endif
