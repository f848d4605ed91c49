/* query/plan_geo.c - regions and nearness on geospatial indexes.
 *
 * A region bounds the geospatial field of an index by ranges of cells. Nearness is a plan of its
 * own: one index, whose field is bounded anew by each ring that is read, outward. */
#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"
#include "query/match_private.h"
#include "query/plan_private.h"

static struct plan_cut cells_cut(struct arena *arena, int64_t id, bool after)
{
    struct buf buf;
    struct doc_value value = doc_value_i64(arena, id);
    buf_init(&buf, arena);
    doc_key_encode(&buf, value, false);
    struct slice at = buf_slice(&buf);
    return (struct plan_cut){after ? query__plan_after(at) : at, value, true};
}

static struct plan_bounds cells_bounds(struct arena *arena, const struct geo_ranges *ranges)
{
    size_t room = (size_t)ranges->count + 1;
    struct plan_bounds bounds = {arena_alloc(arena, room * sizeof *bounds.items), ranges->count};
    for (uint32_t i = 0; i < ranges->count; i++) {
        bounds.items[i] =
            (struct plan_interval){cells_cut(arena, ranges->items[i].low, false),
                                   cells_cut(arena, ranges->items[i].high, true), false};
    }
    return bounds;
}

bool query__plan_geo_serves(const struct plan_index *index, uint32_t field,
                            const struct plan_leaf *leaf)
{
    return index->fields[field].geo && leaf->node->kind == QUERY_MATCH_GEO &&
           slice_equal(leaf->path, index->fields[field].path) &&
           geo_index_serves(&index->spec->geo, leaf->node->detail);
}

bool query__plan_geo_holds_all(const struct plan_index *index, const struct plan_set *set)
{
    for (uint32_t i = 0; i < index->fields_count; i++) {
        for (uint32_t j = 0; j < set->leaves_count; j++) {
            if (query__plan_geo_serves(index, i, set->leaves[j])) {
                return true;
            }
        }
    }
    return false;
}

/* One region, the first: where a value has several cells two regions may be met by different ones.
 */
void query__plan_geo_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                           const struct plan_set *set)
{
    for (uint32_t i = 0; i < set->leaves_count && fit->used[at] == 0; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (query__plan_geo_serves(fit->index, at, leaf)) {
            struct geo_ranges ranges =
                geo_index_ranges(&fit->index->spec->geo, arena, leaf->node->detail);
            fit->fields[at] = cells_bounds(arena, &ranges);
            fit->used[at] = 1;
            fit->leaves[at] = leaf;
        }
    }
}

/* ---- nearness ---- */

/* The field of the index that can be read by distance, or -1. */
static int32_t near_field(const struct plan_index *index, const struct query_near *near)
{
    for (uint32_t i = 0; i < index->fields_count; i++) {
        if (index->fields[i].geo && slice_equal(index->fields[i].path, near->path.text) &&
            geo_index_serves_near(&index->spec->geo, &near->at)) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* Does the index have all that can match, and are the fields before the geospatial one bounded? */
static bool near_fits(struct arena *arena, const struct plan_index *index,
                      const struct plan_set *set, struct query_plan_near *near,
                      struct plan_fit *ret_fit)
{
    int32_t field = near_field(index, near->query);
    if (!index->usable || field < 0 || !query__plan_is_implied(index, set)) {
        return false;
    }
    query__plan_fit(arena, index, set, NULL, ret_fit);
    for (int32_t i = 0; i < field; i++) {
        if (ret_fit->used[i] == 0) {
            return false;
        }
    }
    near->field = (uint32_t)field;
    near->whole = ret_fit->points < (uint32_t)field;
    return true;
}

/* $geoNear without a key: the field of the only 2d index, or else of the only 2dsphere index. */
int query__plan_near_path(struct query_context *context, const struct plan_indexes *indexes,
                          struct query_near *near, struct err *err)
{
    static const enum geo_index_kind kinds[] = {GEO_INDEX_PLANE, GEO_INDEX_SPHERE};
    static const char *const names[] = {"2d", "2dsphere"};
    for (size_t kind = 0; kind < 2 && near->path.count == 0; kind++) {
        const struct plan_field *found = NULL;
        for (uint32_t i = 0; i < indexes->count; i++) {
            const struct plan_index *index = &indexes->items[i];
            for (uint32_t k = 0; index->usable && k < index->fields_count; k++) {
                if (!index->fields[k].geo || index->spec->geo.kind != kinds[kind]) {
                    continue;
                }
                if (found != NULL && !slice_equal(found->path, index->fields[k].path)) {
                    return err_set(err, LT_EINDEXNOTFOUND,
                                   "There is more than one %s index; unsure which to use for "
                                   "$geoNear",
                                   names[kind]);
                }
                found = &index->fields[k];
            }
        }
        if (found != NULL) {
            return doc_path_parse(context->arena, found->path, &near->path, err);
        }
    }
    return near->path.count > 0 ? 0
                                : err_set(err, LT_EINDEXNOTFOUND,
                                          "$geoNear requires a 2d or 2dsphere index, but none "
                                          "were found");
}

int query__plan_near(const struct plan_indexes *indexes, const struct plan_set *set,
                     struct query_plan *plan, struct err *err)
{
    struct query_plan_near *near = plan->near;
    struct plan_fit best = {.index = NULL};
    for (uint32_t i = 0; i < indexes->count; i++) {
        struct query_plan_near one = {.query = near->query};
        struct plan_fit fit;
        if (near_fits(set->arena, &indexes->items[i], set, &one, &fit) &&
            (best.index == NULL || fit.points > best.points)) {
            best = fit;
            *near = one;
        }
    }
    if (best.index == NULL) {
        return err_set(err, LT_ENOQUERYEXECUTIONPLANS,
                       "error processing query: planner returned error :: caused by :: unable to "
                       "find index for $geoNear query");
    }
    struct plan_fit *fit = arena_alloc(set->arena, sizeof *fit);
    *fit = best;
    near->query->at.pairs = best.index->spec->geo.kind == GEO_INDEX_PLANE;
    near->index = &best.index->spec->geo;
    plan->branches = arena_zero(set->arena, 1, sizeof *plan->branches);
    plan->branches[0].index = (int32_t)(best.index - indexes->items);
    plan->branches[0].fit = fit;
    plan->branches_count = 1;
    return 0;
}

struct query_plan_branch query_plan_ring(struct arena *arena, const struct query_plan *plan,
                                         double inner, double outer)
{
    const struct query_plan_near *near = plan->near;
    const struct plan_fit *fit = plan->branches[0].fit;
    struct query_plan_branch branch = plan->branches[0];
    struct plan_fit ring = *fit;
    uint32_t fields = fit->index->fields_count;
    struct geo_ring cells = {&near->query->at, inner, outer};
    struct geo_ranges ranges = geo_index_ring(near->index, arena, &cells);
    ring.fields = arena_alloc(arena, fields * sizeof *ring.fields);
    ring.used = arena_alloc(arena, fields * sizeof *ring.used);
    memcpy(ring.fields, fit->fields, fields * sizeof *ring.fields);
    memcpy(ring.used, fit->used, fields * sizeof *ring.used);
    ring.fields[near->field] = cells_bounds(arena, &ranges);
    ring.used[near->field] = 1;
    query__plan_ranges(arena, &ring, &branch);
    return branch;
}
