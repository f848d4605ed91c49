/* store/reclaim.h - giving back what dropped collections and unfinished indexes left behind.
 *
 * Invariant   an id that the catalog does not know is never used again, so its keys are garbage.
 * Thread      store_reclaim: any, while the owner goes on. store_drop_unready: the owner.
 * Memory      store_reclaim keeps the ids it dropped, four bytes each, while the engine shows them.
 * Errors      as store/kv.h.
 */
#ifndef STORE_RECLAIM_H
#define STORE_RECLAIM_H

#include "store/writer.h"

/* Drop every range of the engine whose id no collection or index has, and that is not among
 * `dropped`: ids in order, of this engine's calls before, empty at first. *ret_ranges is how many.
 * Blocks. */
int store_reclaim(struct store_kv *kv, const struct store_filter_ops *filter_ops,
                  struct buf *dropped, uint32_t *ret_ranges);

/* Take indexes whose build did not finish out of the catalog; *ret_indexes is how many. An entry
 * must be open. */
int store_drop_unready(struct store_writer *writer, uint32_t *ret_indexes);

/* Drop the collections that have the option `temp`: how many there were. An entry must be open. */
uint32_t store_drop_temporary(struct store_writer *writer);

#endif
