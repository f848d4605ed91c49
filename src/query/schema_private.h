/* query/schema_private.h - a parsed schema.
 *
 * Invariant   a keyword that was not given has NULL, missing, a count of 0 or -1 as said.
 * Thread      pure.
 * Memory      see query/context.h.
 * Errors      none.
 */
#ifndef QUERY_SCHEMA_PRIVATE_H
#define QUERY_SCHEMA_PRIVATE_H

#include "query/match_private.h"
#include "query/schema.h"

/* A schema for fields: by name, or by a pattern of names. */
struct schema_field {
    struct slice name;
    struct query_regex *pattern;
    struct query_schema *schema;
};

struct schema_fields {
    struct schema_field *items;
    uint32_t count;
};

struct schema_list {
    struct query_schema **items;
    uint32_t count;
};

enum schema_limit {
    SCHEMA_LENGTH_MIN,
    SCHEMA_LENGTH_MAX,
    SCHEMA_ITEMS_MIN,
    SCHEMA_ITEMS_MAX,
    SCHEMA_PROPERTIES_MIN,
    SCHEMA_PROPERTIES_MAX,
    SCHEMA_LIMITS
};

struct query_schema {
    struct query_match *type; /* a TYPE node */
    struct doc_value values;  /* enum: array */
    struct doc_value minimum;
    struct doc_value maximum;
    bool minimum_exclusive;
    bool maximum_exclusive;
    struct doc_value multiple_of;
    int64_t limits[SCHEMA_LIMITS]; /* -1: none */
    struct query_regex *pattern;
    bool unique_items;
    struct query_schema *items; /* of every element */
    struct schema_list tuple;   /* of the elements by position */
    bool has_tuple;
    bool refuses_more_items; /* additionalItems: false */
    struct query_schema *more_items;
    struct doc_value required; /* array of names */
    struct schema_fields properties;
    struct schema_fields patterns;
    bool refuses_more; /* additionalProperties: false */
    struct query_schema *more;
    struct schema_fields needs;    /* dependencies that are schemas */
    struct doc_value dependencies; /* as written, for those that are names */
    struct schema_list all_of;
    struct schema_list any_of;
    struct schema_list one_of;
    struct query_schema *not_this;
};

#endif
