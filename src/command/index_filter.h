/* command/index_filter.h - which indexes the planner may use for queries of one shape: what an
 * operator has said.
 *
 * Invariant   a shape of a collection has one filter at most, the one that was set last. Filters
 *             are gone with their collection, and with the process.
 * Thread      any; a lock that is taken only where there are filters.
 * Memory      the server's, copies of what was given; COMMAND_INDEX_FILTERS_MAX of them.
 * Errors      BadValue when there are too many.
 */
#ifndef COMMAND_INDEX_FILTER_H
#define COMMAND_INDEX_FILTER_H

#include <pthread.h>

#include "command/command.h"
#include "query/match.h"

enum { COMMAND_INDEX_FILTERS_MAX = 10000 };

/* What a query is known by; documents, empty where there is none. */
struct command_query_shape {
    const struct query_match *match;
    struct slice sort;
    struct slice projection;
    struct slice collation;
};

struct command_index_filter {
    struct slice query; /* as it was given */
    struct command_query_shape shape;
    struct slice indexes; /* an array of names and key patterns */
};

struct command_index_filters {
    pthread_mutex_t lock;
    struct command_index_filter_entry *first; /* under lock */
    atomic_uint count;
};

void command_index_filters_init(struct command_index_filters *filters);
void command_index_filters_close(struct command_index_filters *filters);

/* Filters of collections that `catalog` does not have any more are dropped. */
int command_index_filters_set(struct command_index_filters *filters, struct store_catalog *catalog,
                              const struct store_collection *collection,
                              const struct command_index_filter *filter, struct err *err);
/* Of one shape; NULL: all of the collection. */
void command_index_filters_clear(struct command_index_filters *filters,
                                 const struct store_collection *collection,
                                 const struct command_query_shape *shape);
/* Append {query, sort, projection, collation, indexes} of each to the open array. */
void command_index_filters_build(struct command_index_filters *filters,
                                 const struct store_collection *collection,
                                 struct doc_builder *builder);

/* Is there one of that shape? Then *ret_indexes is its array, in `arena`. */
bool command_index_filters_find(struct command_index_filters *filters,
                                const struct store_collection *collection,
                                const struct command_query_shape *shape, struct arena *arena,
                                struct slice *ret_indexes);

/* Does a filter's array have that index, by its name or by its key? */
bool command_index_filter_allows(struct slice indexes, const struct store_index *index);

#endif
