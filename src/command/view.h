/* command/view.h - views: a pipeline over another collection, or view, read as a collection.
 *
 * Invariant   a view has no documents and no indexes of its own, and is never written to. It is
 *             read as an aggregate of what it is on: find, count and distinct become one.
 * Thread      as the op.
 * Memory      as each function says.
 * Errors      165 ViewDepthLimitExceeded, 5 GraphContainsCycle, 166 CommandNotSupportedOnView, 167
 *             OptionNotSupportedOnView.
 */
#ifndef COMMAND_VIEW_H
#define COMMAND_VIEW_H

#include "command/command.h"

enum { COMMAND_VIEW_DEPTH = 20 };

/* The view of that name, or NULL. */
const struct store_collection *command_view_find(const struct store_catalog *catalog,
                                                 struct slice ns);

/* What is read: of a view, what that is on. */
struct command_view_base {
    const struct store_catalog *catalog;
    struct store_collection *collection; /* NULL: it does not exist */
    struct slice stages;                 /* an array, of all views on the way first */
    struct doc_value hint;               /* an index of what is read */
};
/* What base->stages of `view` are on what it is on; in `arena`. */
int command_view_resolve(const struct store_collection *view, struct command_view_base *base,
                         struct arena *arena, struct err *err);

/* A find, count or distinct of documents; what is empty, missing or 0 is not given. */
struct command_view_query {
    struct slice filter;
    struct slice sort;
    int64_t skip;
    int64_t limit;
    struct slice projection;
    struct slice let;
    struct slice collation;
    struct doc_value hint;
    int64_t batch_size; /* negative: the usual one */
};
/* The aggregate that it is on a view, in the op's arena. */
struct slice command_view_aggregate(struct command_op *op, const struct command_view_query *query);

struct command_view_definition {
    struct slice on;
    struct slice pipeline;
    struct slice collation; /* complete; empty: none */
};

/* May such a view be made in the op's database? The collection of create's first field is `ns`. */
int command_view_check(struct command_op *op, struct slice ns,
                       const struct command_view_definition *view);

/* Its options, in the op's arena. */
struct slice command_view_options(struct command_op *op,
                                  const struct command_view_definition *view);

/* -166 when it is a view. */
int command_view_refuse(struct command_op *op, struct slice ns);

#endif
