/* store/multikey.h - an index is multikey from the first document on that has two entries in it.
 *
 * Invariant   the catalog says so before a reader can see such a document.
 * Thread      the shard's owner only.
 * Memory      the description is made in the caller's arena.
 * Errors      as store_writer_put_collection.
 */
#ifndef STORE_MULTIKEY_H
#define STORE_MULTIKEY_H

#include "store/writer.h"

/* Mark those indexes of the collection, by position, that are not marked yet; `collection` may be
 * gone afterwards. */
int store_multikey_mark(struct store_writer *writer, struct arena *arena,
                        const struct store_collection *collection, const bool *marks);

#endif
