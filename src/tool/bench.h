/* tool/bench.h - `largetable bench`: measure a server, and check every answer meanwhile.
 *
 * Invariant   exit status 0: every answer was right; 1: it could not be measured or an answer was
 *             wrong; 64: the arguments make no sense.
 * Thread      the main thread; it starts its own.
 * Memory      none outlives the call.
 * Errors      told on standard error.
 */
#ifndef TOOL_BENCH_H
#define TOOL_BENCH_H

/* argv[0] is "largetable bench". */
int tool_bench(int argc, char **argv);

#endif
