/* query/match_private.h - what the files of the matcher share.
 *
 * Invariant   detail of a node by its kind: REGEX struct query_regex, TYPE struct match_types, SIZE
 *             int64_t, MOD struct match_mod, BITS struct match_bits, EXPR struct query_expr,
 *             SCHEMA struct query_schema, GEO struct geo_region, NEAR struct query_near.
 * Thread      pure.
 * Memory      see query/context.h.
 * Errors      as query/match.h.
 */
#ifndef QUERY_MATCH_PRIVATE_H
#define QUERY_MATCH_PRIVATE_H

#include "query/match.h"

struct match_types {
    uint32_t set; /* bit per type 1..19 */
    bool has_minkey;
    bool has_maxkey;
};

struct match_mod {
    int64_t divisor;
    int64_t remainder;
};

struct match_bits {
    bool want_set; /* else clear */
    bool any;      /* else all */
    uint32_t count;
    uint32_t *positions;
};

/* Does the leaf's own operator take the bare value (no array is expanded)? 1, 0 or negative. A
 * missing value is allowed. Not for kinds with children, but IN. */
int query__match_leaf(const struct query_match *leaf, struct doc_value value, struct err *err);

/* Bits of a numeric or binary operand, of an array of positions: 0 or BadValue. */
int query__match_bits_parse(struct arena *arena, struct doc_elem op, struct match_bits **ret_bits,
                            struct err *err);
bool query__match_bits_test(const struct match_bits *bits, struct doc_value value);

/* Operand of $type, $size and $mod, into node->detail. */
int query__match_type_parse(struct query_context *context, struct query_match *node,
                            struct err *err);
int query__match_size_parse(struct query_context *context, struct query_match *node,
                            struct err *err);
int query__match_mod_parse(struct query_context *context, struct query_match *node,
                           struct err *err);

enum { MATCH_PARSE_DEPTH_MAX = 200 };

struct match_list {
    struct query_match **items;
    uint32_t count;
    uint32_t cap;
};

struct match_parser {
    struct query_context *context;
    bool inner; /* inside $elemMatch */
    bool nears; /* $near may be here */
    bool near;  /* it was met */
    bool texts; /* $text may be here */
    bool text;  /* it was met */
    uint32_t depth;
    struct err *err;
};

/* A document as conditions on documents (match_parse.c) and as operators on one path
 * (match_ops.c), the latter appended to the list. */
int query__match_filter(struct match_parser *parser, struct slice filter,
                        struct query_match **ret_match);
int query__match_operators(struct match_parser *parser, const struct doc_path *path,
                           struct slice ops, struct match_list *list);
int query__match_regex(struct match_parser *parser, const struct doc_path *path,
                       struct doc_value value, struct query_match **ret_node);

/* $geoWithin and the like; all operators of a path that begin with $near; $near behind others
 * (match_geo.c). */
int query__match_geo(struct match_parser *parser, const struct doc_path *path, struct doc_elem op,
                     struct match_list *list);
int query__match_near(struct match_parser *parser, const struct doc_path *path, struct slice ops,
                      struct match_list *list);
int query__match_near_late(struct match_parser *parser, const struct doc_path *path,
                           struct doc_elem op, struct match_list *list);
bool query__match_is_near(struct slice ops);

/* Is there one $near at most, with nothing but $and around? */
int query__match_near_check(struct match_parser *parser, const struct query_match *match);

/* From where: a coordinate pair, or a GeoJSON point. `spherical`: $nearSphere. */
int query__near_point(struct query_near *near, struct doc_value value, bool spherical,
                      struct err *err);

/* A NEAR node, to be filled in, together with another filter: what $geoNear means. */
struct query_match *query__near_match(struct query_context *context, struct query_match *rest,
                                      struct query_near **ret_near);

/* {$text: {...}}, and: is there one at most, under no negation, where it may be? `refusal`: the
 * code for where it may not (match_text.c). */
int query__match_text(struct match_parser *parser, struct doc_elem op, struct match_list *list);
int query__match_text_check(struct match_parser *parser, const struct query_match *match,
                            int refusal);

/* Building blocks: a new node (path may be NULL), a growing list, a list as children. */
struct query_match *query__match_node(struct match_parser *parser, enum query_match_kind kind,
                                      const struct doc_path *path, struct doc_value operand);
void query__match_push(struct match_parser *parser, struct match_list *list,
                       struct query_match *node);
void query__match_adopt(struct query_match *node, const struct match_list *list);

#endif
