/* geo/cell.c - numbers, places, covers. */
#include "geo/cell.h"

#include <stdlib.h>

/* ---- numbers ---- */

/* The low 24 bits, each followed by a zero. */
static uint64_t cell_spread(uint32_t bits)
{
    uint64_t wide = bits;
    wide = (wide | wide << 16) & 0x0000ffff0000ffff;
    wide = (wide | wide << 8) & 0x00ff00ff00ff00ff;
    wide = (wide | wide << 4) & 0x0f0f0f0f0f0f0f0f;
    wide = (wide | wide << 2) & 0x3333333333333333;
    return (wide | wide << 1) & 0x5555555555555555;
}

/* The one behind the cell's own bits. */
static int64_t cell_mark(uint32_t level)
{
    return (int64_t)1 << (2 * (GEO_CELL_LEVELS - level));
}

int64_t geo_cell_id(struct geo_cell cell)
{
    uint64_t path = cell_spread(cell.i) << 1 | cell_spread(cell.j);
    uint64_t id = (uint64_t)cell.face << (2 * GEO_CELL_LEVELS + 1);
    id |= path << (2 * (GEO_CELL_LEVELS - cell.level) + 1);
    return (int64_t)id | cell_mark(cell.level);
}

struct geo_cell_range geo_cell_inside(struct geo_cell cell)
{
    int64_t id = geo_cell_id(cell);
    int64_t around = cell_mark(cell.level) - 1;
    return (struct geo_cell_range){id - around, id + around};
}

struct geo_cell geo_cell_parent(struct geo_cell cell)
{
    return (struct geo_cell){cell.face, (uint8_t)(cell.level - 1), cell.i / 2, cell.j / 2};
}

static int cell_order(const void *a, const void *b)
{
    const struct geo_cell_range *one = a;
    const struct geo_cell_range *other = b;
    return (one->low > other->low) - (one->low < other->low);
}

uint32_t geo_cell_join(struct geo_cell_range *ranges, uint32_t count)
{
    uint32_t kept = 0;
    if (count == 0) {
        return 0;
    }
    qsort(ranges, count, sizeof *ranges, cell_order);
    for (uint32_t i = 1; i < count; i++) {
        if (ranges[i].low > ranges[kept].high + 1) {
            ranges[++kept] = ranges[i];
        } else if (ranges[i].high > ranges[kept].high) {
            ranges[kept].high = ranges[i].high;
        }
    }
    return kept + 1;
}

/* ---- places ---- */

static uint32_t cell_step(double at)
{
    double size = 1 << GEO_CELL_LEVELS;
    return (uint32_t)fmax(0, fmin(size - 1, floor((at + 1) / 2 * size)));
}

/* Faces 0, 1, 2 are seen along x, y, z, the next three from behind. */
struct geo_cell geo_cell_of_place(struct geo_vec place)
{
    double axes[3] = {place.x, place.y, place.z};
    int axis = fabs(axes[1]) > fabs(axes[0]) ? 1 : 0;
    axis = fabs(axes[2]) > fabs(axes[axis]) ? 2 : axis;
    double depth = fabs(axes[axis]);
    return (struct geo_cell){
        .face = (uint8_t)(axes[axis] < 0 ? axis + 3 : axis),
        .level = GEO_CELL_LEVELS,
        .i = cell_step(axes[(axis + 1) % 3] / depth),
        .j = cell_step(axes[(axis + 2) % 3] / depth),
    };
}

/* A place of the cell: (0, 0) and (1, 1) are corners. */
static struct geo_vec cell_place(struct geo_cell cell, double i, double j)
{
    double size = (double)((uint32_t)1 << cell.level);
    double axes[3];
    int axis = cell.face % 3;
    axes[axis] = cell.face < 3 ? 1 : -1;
    axes[(axis + 1) % 3] = (cell.i + i) / size * 2 - 1;
    axes[(axis + 2) % 3] = (cell.j + j) / size * 2 - 1;
    return geo_vec_unit((struct geo_vec){axes[0], axes[1], axes[2]});
}

double geo_cell_reach(struct geo_cell cell, struct geo_vec *ret_center)
{
    double square = 0; /* of the longest chord to a corner */
    *ret_center = cell_place(cell, 0.5, 0.5);
    for (int corner = 0; corner < 4; corner++) {
        struct geo_vec place = cell_place(cell, corner / 2, corner % 2);
        struct geo_vec chord = geo_vec_sub(place, *ret_center);
        square = fmax(square, geo_vec_dot(chord, chord));
    }
    return 2 * asin(sqrt(square) / 2) + GEO_TOUCH;
}

/* ---- covers ---- */

/* The cells are a queue: what is taken from its front is cut, what fits is put at its end. It is
 * never longer than `max`; in all no more goes through it than four for each level of each cell. */
uint32_t geo_cell_cover(const struct geo_cover *cover, struct arena *arena,
                        struct geo_cell **ret_cells)
{
    size_t most = 4 * (size_t)cover->max * (cover->level + 1) + cover->faces;
    struct geo_cell *queue = arena_alloc(arena, most * sizeof *queue);
    uint32_t first = 0;
    uint32_t end = 0;
    for (uint32_t face = 0; face < cover->faces; face++) {
        struct geo_cell cell = {.face = (uint8_t)face};
        if (cover->cb(cover->context, cell)) {
            queue[end++] = cell;
        }
    }
    while (first < end && queue[first].level < cover->level && end - first + 3 <= cover->max) {
        struct geo_cell cell = queue[first++];
        for (uint32_t quarter = 0; quarter < 4; quarter++) {
            struct geo_cell part = {cell.face, (uint8_t)(cell.level + 1), 2 * cell.i + quarter / 2,
                                    2 * cell.j + quarter % 2};
            if (cover->cb(cover->context, part)) {
                queue[end++] = part;
            }
        }
    }
    *ret_cells = queue + first;
    return end - first;
}
