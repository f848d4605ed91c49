/* query/expr.h - aggregation expressions.
 *
 * Invariant   a parsed expression is immutable; constants are folded.
 * Thread      pure; share a parsed expression freely.
 * Memory      see query/context.h.
 * Errors      MongoDB's codes and words, at parse time where MongoDB finds them then.
 */
#ifndef QUERY_EXPR_H
#define QUERY_EXPR_H

#include "query/context.h"

struct query_expr;

/* Parse any expression: literals, "$field.path", "$$variable.path", {$operator: ...}, documents and
 * arrays of expressions. */
int query_expr_parse(struct query_context *context, struct doc_value spec,
                     struct query_expr **ret_expr, struct err *err);

/* The value for eval->root and its variables; doc_missing is a possible result. */
int query_expr_eval(const struct query_expr *expr, struct query_eval *eval,
                    struct doc_value *ret_value, struct err *err);

/* The value when it does not depend on any document or variable, else NULL. */
const struct doc_value *query_expr_constant(const struct query_expr *expr);

/* Call `cb` with each top-level dotted path of the document that the expression reads ("a.b");
 * "" means the whole document. */
void query_expr_fields(const struct query_expr *expr, void (*cb)(void *, struct slice),
                       void *cb_context);

/* A name that a user may give to a variable, else an error. */
int query_variable_name(struct slice name, struct err *err);

#endif
