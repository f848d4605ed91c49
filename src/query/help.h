/* query/help.h - one line about each operator.
 *
 * Invariant   every operator that is known has a line, and nothing else has.
 * Thread      pure.
 * Memory      static.
 * Errors      none.
 */
#ifndef QUERY_HELP_H
#define QUERY_HELP_H

#include <stddef.h>

enum query_help_kind {
    QUERY_HELP_EXPRESSION,
    QUERY_HELP_ACCUMULATOR,
    QUERY_HELP_WINDOW,
    QUERY_HELP_STAGE,
    QUERY_HELP_FILTER,
    QUERY_HELP_UPDATE,
};

struct query_help {
    enum query_help_kind kind;
    const char *name;      /* "$dateTrunc" */
    const char *arguments; /* "{date, unit, ...}" */
    const char *text;
};

/* The lines in their order; NULL after the last one. */
const struct query_help *query_help_at(size_t at);

/* "expression", "stage", ... */
const char *query_help_kind_name(enum query_help_kind kind);

#endif
