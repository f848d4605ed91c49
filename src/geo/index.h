/* geo/index.h - 2dsphere and 2d indexes: the cells of a stored value, and those that a query reads.
 *
 * Invariant   what satisfies a region, or is in a ring, has a cell in the ranges given for it.
 * Thread      pure.
 * Memory      the arena given.
 * Errors      16755 a value that has no cells of a sphere; 13026, 13027, 13654 of the plane.
 * Source      doc/decisions/0025-geo.md.
 */
#ifndef GEO_INDEX_H
#define GEO_INDEX_H

#include "geo/cell.h"
#include "geo/region.h"

enum geo_index_kind { GEO_INDEX_NONE, GEO_INDEX_SPHERE, GEO_INDEX_PLANE };

struct geo_index {
    enum geo_index_kind kind;
    double min; /* of the plane, both its coordinates */
    double max;
    uint32_t bits; /* each coordinate's */
};

/* What a field of a key pattern is: "2dsphere", "2d", or none. */
enum geo_index_kind geo_index_kind_of(struct doc_value value);

/* Of the first field of a key pattern that is any. */
enum geo_index_kind geo_index_kind_of_key(struct slice key);

/* The parameters of an index from its specification. */
struct geo_index geo_index_of_spec(struct slice spec);

struct geo_ids {
    int64_t *ids; /* ascending */
    uint32_t count;
};

/* Of the cells of a stored value; none when there is nothing to index. */
int geo_index_cells(const struct geo_index *index, struct arena *arena, struct doc_value value,
                    struct geo_ids *ret_ids, struct err *err);

/* Can the index serve it? */
bool geo_index_serves(const struct geo_index *index, const struct geo_region *region);
bool geo_index_serves_near(const struct geo_index *index, const struct geo_near *near);

/* What is `inner` to `outer` away, in radians or on the plane. */
struct geo_ring {
    const struct geo_near *near;
    double inner;
    double outer;
};

/* Ids to read, disjoint and ascending. */
struct geo_ranges {
    struct geo_cell_range *items;
    uint32_t count;
};
struct geo_ranges geo_index_ranges(const struct geo_index *index, struct arena *arena,
                                   const struct geo_region *region);
struct geo_ranges geo_index_ring(const struct geo_index *index, struct arena *arena,
                                 const struct geo_ring *ring);

#endif
