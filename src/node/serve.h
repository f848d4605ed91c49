/* node/serve.h - `largetable serve`: the server as a program.
 *
 * Invariant   exit status 0: stopped in good order; 1: could not start; 2: wrong options.
 * Thread      the main thread; signals are taken by sigwait.
 * Memory      none outlives the call.
 * Errors      told on standard error and in the log.
 */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

/* Run until SIGTERM, SIGINT or the shutdown command. argv[0] is "largetable serve". */
int node_serve(int argc, char **argv);

#endif
