/* doc/hash.h - the hash of a value that hashed indexes hold.
 *
 * Invariant   values that doc_compare finds equal hash alike. The hash is a disk format, and what
 *             clients see: MongoDB's.
 * Thread      pure.
 * Memory      the arena is used for scratch.
 * Errors      none.
 */
#ifndef DOC_HASH_H
#define DOC_HASH_H

#include "base/arena.h"
#include "doc/collation.h"
#include "doc/value.h"

/* Is that what a key pattern says of a hashed field? {a: "hashed"} */
bool doc_hash_is_index_kind(struct doc_value value);

/* Missing hashes as null. */
int64_t doc_hash_index_key(struct arena *arena, struct doc_value value);
/* The same in an index with a collation: what that finds equal hashes alike, too. */
int64_t doc_hash_index_key_by(struct arena *arena, struct doc_value value,
                              const struct doc_collation *collation);

#endif
