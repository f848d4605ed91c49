/* command/status.h - sizes of collections, for the commands and stages that show them.
 *
 * Invariant   documents and bytes are exact; sizes on disk are the engine's estimates.
 * Thread      any, on applied data.
 * Memory      the op's arena.
 * Errors      -LT_EAGAIN: call again.
 */
#ifndef COMMAND_STATUS_H
#define COMMAND_STATUS_H

#include "command/command.h"

struct command_stats {
    int64_t documents;
    int64_t bytes;         /* of the documents */
    int64_t storage_bytes; /* on disk */
    int64_t index_bytes;   /* on disk */
    int64_t indexes;
};

/* Zeroes for NULL. -LT_EAGAIN: the view says what is missing. */
int command_collection_stats(struct store_view *view, const struct store_collection *collection,
                             struct command_stats *ret_stats);

/* The fields that collStats and $collStats share. */
void command_build_stats(struct store_view *view, struct doc_builder *builder,
                         const struct store_collection *collection,
                         const struct command_stats *stats, int64_t scale);

/* The fields that listCollections and $listClusterCatalog share: type, and unless
 * the name is enough options, info and idIndex. */
void command_build_collection(struct doc_builder *builder,
                              const struct store_collection *collection, bool name_only);

#endif
