/* query/schema.h - $jsonSchema: JSON Schema draft 4 over BSON.
 *
 * Invariant   a parsed schema is immutable.
 * Thread      pure; share a parsed schema freely.
 * Memory      see query/context.h; operands borrow the specification.
 * Errors      FailedToParse, TypeMismatch and BadValue at parse time; matching fails only when a
 *             pattern runs into its limits.
 */
#ifndef QUERY_SCHEMA_H
#define QUERY_SCHEMA_H

#include "query/context.h"

struct query_schema;

int query_schema_parse(struct query_context *context, struct slice spec,
                       struct query_schema **ret_schema, struct err *err);

/* 1 when the value satisfies the schema, 0 when not, negative on error. */
int query_schema_match(const struct query_schema *schema, struct doc_value value, struct err *err);

#endif
