/* command/cache_rule.h - the option `cache` of a collection: how its records are cached.
 *
 *   {policy: "lru", quotaMB: 64, pin: false, ttlSecs: 60, results: true}
 *
 * Invariant   what was accepted is in the collection's options, and so in listCollections; the
 *             cache follows the published catalog.
 * Thread      any; command_cache_follow: the thread that applies.
 * Memory      borrows the catalog.
 * Errors      BadValue with the limit that was passed; the codes of command/args.h.
 */
#ifndef COMMAND_CACHE_RULE_H
#define COMMAND_CACHE_RULE_H

#include "cache/cache.h"
#include "command/command.h"
#include "store/catalog.h"

/* May collection `ns` of the op's catalog, which may be new, be cached like that? */
int command_cache_check(struct command_op *op, struct slice ns, struct slice option);

/* A collection's options with this option in them; when it is empty, without it. */
struct slice command_cache_option(struct arena *arena, struct slice options, struct slice option);

/* Are results of aggregations over it kept? */
bool command_cache_keeps_results(const struct store_collection *collection);

/* The rule that a collection's options hold for its records; false: none. */
bool command_cache_rule(const struct store_collection *collection, struct cache_rule *ret_rule);

/* Cache as the catalog says from now on. */
void command_cache_follow(struct cache *cache, const struct store_catalog *catalog);

#endif
