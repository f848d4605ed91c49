/* cache/versions.h - how often collections have changed, for what is kept of whole results.
 *
 * Invariant   a result that was read between two looks that gave the same version holds for it. A
 *             slot may stand for several collections: then they change together.
 * Thread      one begins and ends changes; any looks.
 * Memory      everything is in the struct.
 * Errors      none.
 */
#ifndef CACHE_VERSIONS_H
#define CACHE_VERSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CACHE_VERSIONS = 1024, CACHE_ALL_COLLECTIONS = 0 };

struct cache_versions {
    _Atomic uint64_t begun[CACHE_VERSIONS]; /* changes, by id; [0]: all */
    _Atomic uint64_t ended[CACHE_VERSIONS];
};

void cache_versions_begin(struct cache_versions *versions, uint32_t id);
void cache_versions_end(struct cache_versions *versions, uint32_t id);

/* False: it is being changed. */
bool cache_versions_look(const struct cache_versions *versions, uint32_t id, uint64_t *ret_version);

#endif
