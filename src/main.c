/* main.c - `largetable SUBCOMMAND`: look it up and run it. */
#include <stdio.h>
#include <string.h>

#include "command/version.h"
#include "node/serve.h"
#include "tool/tool.h"

static int main_version(int argc, char **argv);
static int main_help(int argc, char **argv);

static const struct {
    const char *name;
    const char *title; /* argv[0] of the program */
    int (*run)(int argc, char **argv);
    const char *help;
} main_programs[] = {
    {"serve", "largetable serve", node_serve, "run the database server"},
    {"import", "largetable import", tool_import, "bring JSON, CSV or BSON files into a collection"},
    {"rekey", "largetable rekey", tool_rekey, "change the keys of an encrypted data directory"},
    {"bench", "largetable bench", tool_bench, "measure a server"},
    {"version", "largetable version", main_version, "print the version and the libraries"},
    {"help", "largetable help", main_help, "print this, or the manual of one of these"},
};

enum { MAIN_PROGRAMS = sizeof main_programs / sizeof main_programs[0] };

static int main_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("largetable %s\nspeaks MongoDB %s, wire version %d\nlibraries: %s\n", LT_VERSION,
           COMMAND_FEATURE_VERSION, COMMAND_WIRE_VERSION_MAX, LT_LIBRARIES);
    return 0;
}

static int main_find(const char *name)
{
    for (int i = 0; i < MAIN_PROGRAMS; i++) {
        if (strcmp(name, main_programs[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

static void main_usage(FILE *file)
{
    fprintf(file, "Usage: largetable SUBCOMMAND [OPTION...]\n\n");
    for (int i = 0; i < MAIN_PROGRAMS; i++) {
        fprintf(file, "  %-8s %s\n", main_programs[i].name, main_programs[i].help);
    }
    fprintf(file, "\n'largetable help SUBCOMMAND' prints the manual of one of them, "
                  "'largetable help OPERATOR'\none line about an operator of queries, "
                  "'largetable help operators' all of them.\n");
}

static int main_run(int which, int argc, char **argv)
{
    argv[0] = (char *)main_programs[which].title;
    return main_programs[which].run(argc, argv);
}

static int main_unknown(const char *name)
{
    fprintf(stderr, "largetable: there is no subcommand '%s'\n", name);
    main_usage(stderr);
    return 2;
}

static int main_help(int argc, char **argv)
{
    int which = argc < 2 ? -1 : main_find(argv[1]);
    if (argc >= 2 && strcmp(argv[1], "operators") == 0) {
        tool_operators();
        return 0;
    }
    if (argc >= 2 && which < 0) {
        return tool_operator(argv[1]) == 0 ? 0 : main_unknown(argv[1]);
    }
    if (which < 0 || main_programs[which].run == main_help ||
        main_programs[which].run == main_version) {
        main_usage(stdout);
        return 0;
    }
    char *arguments[] = {argv[1], "--help", NULL};
    return main_run(which, 2, arguments);
}

int main(int argc, char **argv)
{
    const char *name = argc < 2 ? "" : argv[1];
    if (argc < 2) {
        main_usage(stderr);
        return 2;
    }
    name = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ? "help" : name;
    name = strcmp(name, "--version") == 0 ? "version" : name;
    int which = main_find(name);
    return which < 0 ? main_unknown(name) : main_run(which, argc - 1, argv + 1);
}
