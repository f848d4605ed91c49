/* tool/tool.h - the programs beside the server.
 *
 * Invariant   exit status 0: everything asked for was done.
 * Thread      the main thread; a program may start its own.
 * Memory      none outlives the call.
 * Errors      told on standard error.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

/* Bring a file's documents into a collection. argv[0] is "largetable import". */
int tool_import(int argc, char **argv);

/* Measure a server. argv[0] is "largetable bench". */
int tool_bench(int argc, char **argv);

/* Give a data directory that no server uses a new master key, or new data keys. argv[0] is
 * "largetable rekey". */
int tool_rekey(int argc, char **argv);

/* Print what is known of an operator, by its name: 0, or -1 when there is none. */
int tool_operator(const char *name);

/* Print all of them, as a page in Markdown. */
void tool_operators(void);

#endif
