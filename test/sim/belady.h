/* sim/belady.h - the misses of a cache that knows the future.
 *
 * Invariant   with unit sizes no policy that must keep what it just read has fewer misses; with
 *             other sizes it is a good bound, not the best.
 * Thread      one.
 * Memory      frees what it takes.
 * Errors      none.
 */
#ifndef SIM_BELADY_H
#define SIM_BELADY_H

#include "sim/trace.h"

uint64_t belady_misses(const struct trace *trace, uint64_t bytes_max);

#endif
