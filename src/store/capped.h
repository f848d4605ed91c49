/* store/capped.h - which documents of a capped collection go when one comes.
 *
 * Invariant   documents go in the order they came; what comes never goes for itself.
 * Thread      the shard's owner only.
 * Memory      the documents are copied into the write's arena.
 * Errors      those of the view; -LT_ECORRUPT for a number that leads to no document; 2 BadValue
 *             for a document that is too large at all.
 */
#ifndef STORE_CAPPED_H
#define STORE_CAPPED_H

#include "store/record.h"

/* So many go in one entry, or until their documents are so large. */
enum { STORE_CAPPED_SLICE = 128, STORE_CAPPED_SLICE_BYTES = 4 << 20 };

struct store_capped_old {
    uint64_t sequence;
    struct slice doc;
};

struct store_capped_room {
    struct store_capped_old *oldest;
    uint32_t count;
    uint32_t cap;
    bool enough; /* when these are gone `doc` fits; else more must go after them */
};

/* What has to go so that `doc` can come. Nothing is written. */
int store_capped_room(const struct store_write *write, struct slice doc,
                      struct store_capped_room *ret_room);

#endif
