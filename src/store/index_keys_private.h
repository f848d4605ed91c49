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

/* Some fields of the index, encoded one after another, which no array may be met on: 7246301, of
 * a text index 16675. */
struct store__keys_part {
    uint32_t from;
    uint32_t to;
};
int store__keys_plain(struct store__keys *build, struct slice doc, struct store__keys_part part,
                      struct slice *ret_encoded);

/* The keys of a document in a wildcard index, in a text index. */
int store__keys_of_wildcard(struct store__keys *build, struct slice doc);
int store__keys_of_text(struct store__keys *build, struct slice doc);

#endif
