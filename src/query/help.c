/* query/help.c - the lines of help.def. */
#include "query/help.h"

static const struct query_help help_lines[] = {
#define HELP(kind, name, arguments, text) {QUERY_HELP_##kind, name, arguments, text},
#include "query/help.def"
#undef HELP
};

const struct query_help *query_help_at(size_t at)
{
    return at < sizeof help_lines / sizeof help_lines[0] ? &help_lines[at] : NULL;
}

const char *query_help_kind_name(enum query_help_kind kind)
{
    static const char *const names[] = {
        [QUERY_HELP_EXPRESSION] = "expression",  [QUERY_HELP_ACCUMULATOR] = "accumulator",
        [QUERY_HELP_WINDOW] = "window operator", [QUERY_HELP_STAGE] = "stage",
        [QUERY_HELP_FILTER] = "filter",          [QUERY_HELP_UPDATE] = "update",
    };
    return names[kind];
}
