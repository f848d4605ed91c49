/* store/skip.h - a skip list: sorted keys in memory, cheap to change.
 *
 * Invariant   nodes are ordered by key (memcmp), then by version, newest first.
 * Thread      one at a time.
 * Memory      a node owns copies of its key and value; a node given out lives until it is removed.
 * Errors      none.
 */
#ifndef STORE_SKIP_H
#define STORE_SKIP_H

#include "base/slice.h"

enum { STORE_SKIP_HEIGHT = 16 };

struct store_skip_node {
    struct slice key;
    struct slice value;
    uint64_t version;
    bool deleted; /* a tombstone: the key is gone as of this version */
    struct store_skip_node *next[];
};

struct store_skip {
    struct store_skip_node *head[STORE_SKIP_HEIGHT];
    uint64_t random;
    size_t count;
    size_t bytes; /* of all nodes, with their keys and values */
};

void store_skip_init(struct store_skip *skip);
void store_skip_close(struct store_skip *skip);

/* Add a node; one with the same key and version may not be there. `value` NULL data and `deleted`
 * make a tombstone. */
struct store_skip_node *store_skip_insert(struct store_skip *skip, struct slice key,
                                          uint64_t version, struct slice value, bool deleted);

void store_skip_remove(struct store_skip *skip, struct store_skip_node *node);

/* The first node that is not before (key, version), or NULL. */
struct store_skip_node *store_skip_at_or_after(struct store_skip *skip, struct slice key,
                                               uint64_t version);

/* The last node that is before (key, version), or NULL. */
struct store_skip_node *store_skip_before(struct store_skip *skip, struct slice key,
                                          uint64_t version);

#endif
