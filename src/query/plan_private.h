/* query/plan_private.h - what the files of the planner share.
 *
 * Invariant   a cut is a place between keys: all keys below `at`, by memcmp, are before it. Cuts
 *             are made in ascending encodings; plan_ranges.c turns them over for descending fields.
 *             Intervals of bounds are disjoint, not empty, and ascend.
 * Thread      pure.
 * Memory      the request's arena.
 * Errors      none.
 */
#ifndef QUERY_PLAN_PRIVATE_H
#define QUERY_PLAN_PRIVATE_H

#include "query/plan.h"

enum { PLAN_FIELDS_MAX = 32 };

struct plan_cut {
    struct slice at;
    struct doc_value value; /* the value it stands at, */
    bool inclusive;         /* and whether that is inside: for explain */
};

struct plan_interval {
    struct plan_cut low;
    struct plan_cut high;
    bool point; /* one value only */
};

struct plan_bounds {
    struct plan_interval *items;
    uint32_t count;
};

/* One predicate that must hold for a document to match. */
struct plan_leaf {
    const struct query_match *node;
    struct slice path;               /* from the document's top */
    const struct query_match *scope; /* the innermost $elemMatch around it; NULL: none */
    struct slice scope_path;
    struct plan_bounds bounds;
    bool bounded;  /* the bounds say something, */
    bool collated; /* which depends on the collation */
    bool exists;   /* it does not hold where the path leads nowhere */
};

/* Predicates that must all hold, and the $or nodes of which one child must. */
struct plan_set {
    struct arena *arena;
    struct plan_leaf **leaves;
    uint32_t leaves_count;
    uint32_t leaves_cap;
    const struct query_match **ors;
    uint32_t ors_count;
    uint32_t ors_cap;
    bool never;                    /* some predicate never holds */
    const struct query_text *text; /* one of the predicates; NULL: none */
};

struct plan_field {
    struct slice path;
    bool descending;
    bool numeric; /* some part is a number: a position, or a name */
    bool geo;     /* it has cells in place of values */
    bool hashed;  /* it has hashes */
    bool text;    /* it has words */
    enum { PLAN_FIELD_PLAIN, PLAN_FIELD_PATH, PLAN_FIELD_VALUE } part; /* of a wildcard */
};

struct plan_index {
    const struct query_plan_index *spec;
    struct plan_field *fields;
    uint32_t fields_count;
    const struct query_match *partial; /* NULL: none */
    bool usable;                       /* a known kind, of which the planner may make use */
    bool geo;                          /* some field has cells */
    bool alike;                        /* its collation is the query's */
    uint32_t at;                       /* position among the request's indexes */
    bool weak; /* a wildcard index at a path that no predicate bounds or asks to exist */
};

/* All of a request, in its order. */
struct plan_indexes {
    struct plan_index *items;
    uint32_t count;
};

/* What makes one plan better than another: the first difference decides. */
enum plan_score {
    PLAN_SCORE_ID,         /* one _id */
    PLAN_SCORE_UNIQUE,     /* one key of a unique index */
    PLAN_SCORE_EQUALITY,   /* leading fields held to points */
    PLAN_SCORE_RANGE,      /* predicates on the field after them */
    PLAN_SCORE_SORTED,     /* in the order asked for */
    PLAN_SCORE_RESTRICTED, /* a sparse or partial index that holds all that can match */
    PLAN_SCORE_SHORT,      /* fewer fields */
    PLAN_SCORES,
};

/* One index with what the predicates say about its fields. */
struct plan_fit {
    const struct plan_index *index;
    struct plan_bounds *fields;
    const struct plan_leaf **leaves; /* the one a multikey index takes for each field */
    uint32_t *used;                  /* predicates used for each field; 0: not bounded */
    uint32_t points;                 /* leading fields held to points */
    bool whole;                      /* all fields are, each to one */
    bool sorted;
    bool backward;
    int score[PLAN_SCORES];
    struct slice between; /* what explain says in place of the fields' bounds; empty: nothing */
};

/* ---- plan_bounds.c ---- */
/* Bounds of a leaf; false when it has none. */
bool query__plan_bounds(struct arena *arena, const struct query_match *node,
                        struct plan_bounds *ret_bounds);
/* Does it ask for strings, or for what may hold some? */
bool query__plan_is_collated(const struct query_match *node);
struct plan_bounds query__plan_intersect(struct arena *arena, const struct plan_bounds *a,
                                         const struct plan_bounds *b);
bool query__plan_is_points(const struct plan_bounds *bounds);
/* Points before ranges, few before many. */
bool query__plan_is_narrower(const struct plan_bounds *a, const struct plan_bounds *b);
/* A path as a value, and with what is below it. */
struct plan_bounds query__plan_path_bounds(struct arena *arena, struct slice path, bool below);
/* Is some part of the path a number? */
bool query__plan_is_numeric(struct slice path);
/* Points of the values' hashes; false when the predicate is no list of values. */
bool query__plan_hash_bounds(struct arena *arena, const struct query_match *node,
                             struct plan_bounds *ret_bounds);

/* ---- plan_leaf.c ---- */
void query__plan_collect(struct plan_set *set, const struct query_match *match);
/* The leaves of the set with those of one child of an $or; of $or nodes only the child's own. */
struct plan_set query__plan_branch(const struct plan_set *set, const struct query_match *child);

/* ---- plan_index.c ---- */
void query__plan_index_init(struct query_context *context, const struct query_plan_index *spec,
                            struct plan_index *ret_index);
/* Does the index hold every document that can match? */
bool query__plan_holds_all(const struct plan_index *index, const struct plan_set *set);
/* Work out bounds, sort and score. */
void query__plan_fit(struct arena *arena, const struct plan_index *index,
                     const struct plan_set *set, const struct query_sort *sort,
                     struct plan_fit *ret_fit);

/* Do the predicates imply the filter of a partial index? */
bool query__plan_is_implied(const struct plan_index *index, const struct plan_set *set);

/* ---- plan_wildcard.c ---- */
/* A wildcard index once for each path that it can be asked for, and in a compound one also for
 * none: the wildcard's field in two, path and value. */
struct plan_index *query__plan_wildcard_each(struct arena *arena, const struct plan_index *index,
                                             const struct plan_set *set, uint32_t *ret_count);
/* Has no document several entries in what the fit asks for? Known of wildcard indexes only. */
bool query__plan_is_once(const struct plan_fit *fit);
/* Bound the path field `at` and the value field behind it. */
void query__plan_wildcard_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                                const struct plan_set *set);

/* ---- plan_text.c ---- */
/* Find the text index, and what it is to be asked: 27, BadValue. */
int query__plan_text_begin(struct query_context *context, const struct query_plan_request *request,
                           struct query_text *text, struct err *err);
/* Is the fit one of an index that a search cannot do with, or of a text index that has no search or
 * lacks a value of a field before the text? */
bool query__plan_text_refuses(const struct plan_fit *fit, const struct plan_set *set);
/* Bound the text field `at` by the words looked for. */
void query__plan_text_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                            const struct plan_set *set);

/* ---- plan_geo.c ---- */
/* Can a geospatial field be bounded by the predicate? */
bool query__plan_geo_serves(const struct plan_index *index, uint32_t field,
                            const struct plan_leaf *leaf);
/* Documents without a geometry are in no geospatial index. */
bool query__plan_geo_holds_all(const struct plan_index *index, const struct plan_set *set);
/* Bound field `at`. */
void query__plan_geo_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                           const struct plan_set *set);
/* Set near->path when it is not known: 27. */
int query__plan_near_path(struct query_context *context, const struct plan_indexes *indexes,
                          struct query_near *near, struct err *err);
/* The plan by distance; plan->near->query is set. 291. */
int query__plan_near(const struct plan_indexes *indexes, const struct plan_set *set,
                     struct query_plan *plan, struct err *err);

/* ---- plan_between.c ---- */
/* The request's min and max on the hinted index; NULL: there is no such index. */
int query__plan_between(struct query_context *context, const struct query_plan_request *request,
                        const struct plan_index *index, struct query_plan *ret_plan,
                        struct err *err);

/* ---- plan_ranges.c ---- */
/* The lowest bytes above all that begin with `at`, in place. */
struct slice query__plan_after(struct slice at);
void query__plan_ranges(struct arena *arena, const struct plan_fit *fit,
                        struct query_plan_branch *branch);

#endif
