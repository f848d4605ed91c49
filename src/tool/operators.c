/* tool/operators.c - help on operators: one of them, or all as the page of the manual. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "query/help.h"
#include "tool/tool.h"

/* The shell takes an unquoted $name for a variable: it may be left out. */
static bool operators_is(const struct query_help *line, const char *name)
{
    return strcmp(line->name, name) == 0 || strcmp(line->name + 1, name) == 0;
}

int tool_operator(const char *name)
{
    const struct query_help *line;
    int found = 0;
    for (size_t i = 0; (line = query_help_at(i)) != NULL; i++) {
        if (operators_is(line, name)) {
            printf("%s (%s): {%s: %s}\n    %s\n", line->name, query_help_kind_name(line->kind),
                   line->name, line->arguments, line->text);
            found++;
        }
    }
    return found > 0 ? 0 : -1;
}

void tool_operators(void)
{
    const struct query_help *line;
    int kind = -1;
    printf("# Operators\n\nWritten by `largetable help operators`; `largetable help '$dateTrunc'` "
           "prints one of them.\n");
    for (size_t i = 0; (line = query_help_at(i)) != NULL; i++) {
        if ((int)line->kind != kind) {
            kind = (int)line->kind;
            printf("\n## As %s\n\n| operator | arguments | |\n|---|---|---|\n",
                   query_help_kind_name(line->kind));
        }
        printf("| `%s` | `%s` | %s |\n", line->name, line->arguments, line->text);
    }
}
