/* command/cache_stats.h - what the cache shows of itself.
 *
 * Invariant   counters only grow; gauges are of now.
 * Thread      any.
 * Memory      appends to the builder.
 * Errors      none.
 */
#ifndef COMMAND_CACHE_STATS_H
#define COMMAND_CACHE_STATS_H

#include "doc/build.h"

struct command_server;

/* serverStatus.cache */
void command_cache_status(const struct command_server *server, struct doc_builder *builder);

#endif
