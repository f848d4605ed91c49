/* store/index_keys_private.h - what the files that make index keys share.
 *
 * Invariant   keys are encoded fields of one document, in any order, perhaps some twice.
 * Thread      pure.
 * Memory      the arena's.
 * Errors      CannotBuildIndexKeys when there are too many.
 */
#ifndef STORE_INDEX_KEYS_PRIVATE_H
#define STORE_INDEX_KEYS_PRIVATE_H

#include "store/record.h"

struct store__keys {
    struct arena *arena;
    const struct store_index *index;
    struct slice *keys;
    uint32_t count;
    uint32_t cap;
    bool multikey;
    bool exists;  /* some field is there */
    size_t bytes; /* of all keys */
    struct err *err;
};

/* One more key. */
int store__keys_push(struct store__keys *build, struct slice key);

/* The keys of a document in a wildcard index: 7246301 for an array in another field. */
int store__keys_of_wildcard(struct store__keys *build, struct slice doc);

#endif
