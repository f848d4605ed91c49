/* query/match.h - filters: does a document match?
 *
 * Invariant   a parsed filter is an immutable tree; $and of its children at the top. Its nodes are
 *             open to read, the planner finds index bounds in them.
 * Thread      pure; share a parsed filter freely.
 * Memory      see query/context.h; operands borrow the filter document, which must live as long.
 * Errors      MongoDB's codes and words at parse time; later only $expr and a regex that runs into
 *             its limits can fail.
 * Source      MONGODB.md 5.1-5.2.
 */
#ifndef QUERY_MATCH_H
#define QUERY_MATCH_H

#include "doc/path.h"
#include "geo/region.h"
#include "query/context.h"
#include "query/regex.h"
#include "text/query.h"

enum query_match_kind {
    /* children; $ne and $nin are NOT of EQ and IN */
    QUERY_MATCH_AND,
    QUERY_MATCH_OR,
    QUERY_MATCH_NOR,
    QUERY_MATCH_NOT, /* one child, on a path: {a: {$not: ...}} */
    /* path and operand */
    QUERY_MATCH_EQ,
    QUERY_MATCH_LT,
    QUERY_MATCH_LTE,
    QUERY_MATCH_GT,
    QUERY_MATCH_GTE,
    QUERY_MATCH_IN, /* operands: sorted by doc_compare_by, equal ones dropped; regexes are children
                     */
    QUERY_MATCH_REGEX,  /* the operand is the regex value, when the user wrote one */
    QUERY_MATCH_EXISTS, /* true always: {$exists: false} is NOT of it */
    QUERY_MATCH_TYPE,
    QUERY_MATCH_SIZE,
    QUERY_MATCH_MOD,
    QUERY_MATCH_BITS,        /* the four $bits... */
    QUERY_MATCH_GEO,         /* $geoWithin, $geoIntersects */
    QUERY_MATCH_ALL,         /* kept as an AND of children on one path */
    QUERY_MATCH_ELEM_OBJECT, /* $elemMatch with a query: one child, matched on each element */
    QUERY_MATCH_ELEM_VALUE,  /* $elemMatch with operators: children on the element itself */
    /* neither */
    QUERY_MATCH_EXPR,
    QUERY_MATCH_SCHEMA, /* the whole document satisfies a $jsonSchema */
    QUERY_MATCH_NEAR,   /* $near: who reads does so in this order; match_geo.c */
    QUERY_MATCH_TEXT,   /* $text: who reads does so by a text index; match_text.c */
    QUERY_MATCH_TRUE,
    QUERY_MATCH_FALSE,
};

struct query_match {
    enum query_match_kind kind;
    struct doc_path path;                  /* of the kinds with a path */
    const struct doc_collation *collation; /* of what it compares; NULL: by bytes */
    struct doc_value operand;   /* EQ LT LTE GT GTE, and what the user wrote for the others */
    struct doc_value *operands; /* IN, sorted */
    uint32_t operands_count;
    struct query_match **children;
    uint32_t children_count;
    void *detail; /* what else the kind needs (compiled regex, type set, ...); match.c knows */
};

/* Parse a filter document. $near and its like are refused: 5626500; $text: BadValue. */
int query_match_parse(struct query_context *context, struct slice filter,
                      struct query_match **ret_match, struct err *err);

/* The same for who can read documents by their distance, and by a text index. */
int query_match_parse_near(struct query_context *context, struct slice filter,
                           struct query_match **ret_match, struct err *err);

/* The same for a $match: $text is taken if it is the first stage, otherwise 17313. */
int query_match_parse_stage(struct query_context *context, struct slice filter, bool first,
                            struct query_match **ret_match, struct err *err);

/* 1 when `doc` matches, 0 when not, negative on error ($expr). When `ret_array_index` is not NULL
 * it gets the position that the positional operator `$` stands for, or -1. */
int query_match_doc(const struct query_match *match, struct query_eval *eval, struct slice doc,
                    int32_t *ret_array_index, struct err *err);

/* The same for a bare value, as $pull conditions and arrayFilters need it: the value takes the
 * place of the document's one field `name`. */
int query_match_value(const struct query_match *match, struct query_eval *eval, struct slice name,
                      struct doc_value value, struct err *err);

/* True for {$gt: 1, ...}: an object whose first field starts with '$' and is none of a DBRef's. */
bool query_match_is_operators(struct doc_value value);

/* What a NEAR node asks for: documents by their distance, nearest first. */
struct query_near {
    struct geo_near at;
    struct doc_path path; /* no parts: that of the geospatial index, set by the planner */
};

/* The NEAR node's, of which there is one at most, or NULL. */
struct query_near *query_match_near(const struct query_match *match);

/* What of a document is nearest. */
struct query_near_hit {
    double away;     /* radians, or on the plane */
    double distance; /* as clients are told */
    struct doc_value value;
};

/* False when the document has nothing there whose distance could be measured. */
bool query_near_doc(const struct query_near *near, struct slice doc,
                    struct query_near_hit *ret_hit);

/* The regex of a REGEX node. */
const struct query_regex *query_match_regex(const struct query_match *match);

/* What a TEXT node looks for. */
struct query_text {
    struct text_search search;
    const struct text_query
        *query; /* by the index in use, which the planner sets; NULL: none yet */
};

/* The one of a filter, or NULL. */
struct query_text *query_match_text(const struct query_match *match);

/* How well a document matches; false: it does not, or nothing is known. */
bool query_text_score(const struct query_text *text, struct arena *arena, struct slice doc,
                      double *ret_score);

#endif
