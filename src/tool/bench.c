/* tool/bench.c - a place for the measuring program. */
#include <stdio.h>

#include "tool/tool.h"

int tool_bench(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "%s: not in this version\n", argv[0]);
    return 2;
}
