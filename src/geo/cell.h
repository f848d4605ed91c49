/* geo/cell.h - squares in squares, numbered so that what is inside has neighbouring numbers.
 *
 * Invariant   a cell is cut into four. Those of the sphere lie on the six faces of a cube, seen
 *             from its middle; the plane is one face. An id is the face, two bits a level, a one,
 *             and zeroes: ids of the cells in a cell are around its own. It has 52 bits at most.
 * Thread      pure.
 * Memory      a cover is made in the arena given.
 * Errors      none.
 */
#ifndef GEO_CELL_H
#define GEO_CELL_H

#include "base/arena.h"
#include "geo/vec.h"

enum { GEO_CELL_LEVELS = 24, GEO_CELL_FACES = 6 };

struct geo_cell {
    uint8_t face;
    uint8_t level;
    uint32_t i; /* in 0 .. 2^level */
    uint32_t j;
};

/* Ids in [low, high]. */
struct geo_cell_range {
    int64_t low;
    int64_t high;
};

int64_t geo_cell_id(struct geo_cell cell);
struct geo_cell_range geo_cell_inside(struct geo_cell cell);
struct geo_cell geo_cell_parent(struct geo_cell cell);

/* The cell of the finest level that has the place. */
struct geo_cell geo_cell_of_place(struct geo_vec place);

/* What is around a cell of the sphere: no place of it is farther from *ret_center. */
double geo_cell_reach(struct geo_cell cell, struct geo_vec *ret_center);

/* May the cell have something of what is to be covered? */
typedef bool (*geo_cell_cb)(const void *context, struct geo_cell cell);

struct geo_cover {
    uint32_t faces;
    uint32_t level; /* none is finer */
    uint32_t max;   /* so many cells, or one a face */
    geo_cell_cb cb;
    const void *context;
};

/* Cells that have all of it. */
uint32_t geo_cell_cover(const struct geo_cover *cover, struct arena *arena,
                        struct geo_cell **ret_cells);

/* Sort, and join what touches: how many are left. */
uint32_t geo_cell_join(struct geo_cell_range *ranges, uint32_t count);

#endif
