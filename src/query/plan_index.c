/* query/plan_index.c - how well one index fits the predicates and the sort.
 *
 * When no array was ever met on an index's paths, a document has one entry, which all predicates
 * hold for. Otherwise predicates may hold for different elements, that is different entries: then a
 * field takes one predicate only, and of fields that may go through the same array only the first
 * is bounded - but for those that one $elemMatch ties to one element. A part that is a number may
 * lead to a position or to a field, entries know only the position: such a field is not bounded
 * either.
 *
 * Of an index with another collation than the query's no string can be found, and none comes in
 * order. */
#include "doc/compare.h"
#include "doc/hash.h"
#include "doc/view.h"
#include "query/match_private.h"
#include "query/plan_private.h"

/* ---- paths as text ---- */

static size_t index_part_end(struct slice path, size_t from)
{
    const uint8_t *dot = from < path.len ? memchr(path.data + from, '.', path.len - from) : NULL;
    return dot == NULL ? path.len : (size_t)(dot - path.data);
}

bool query__plan_is_numeric(struct slice path)
{
    for (size_t at = 0; at <= path.len;) {
        size_t end = index_part_end(path, at);
        bool digits = end > at;
        for (size_t i = at; i < end; i++) {
            digits &= path.data[i] >= '0' && path.data[i] <= '9';
        }
        if (digits) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* Bytes of the parts that two paths have in common. */
static size_t index_shared(struct slice a, struct slice b)
{
    size_t shared = 0;
    for (size_t at = 0; at < a.len && at < b.len;) {
        size_t end = index_part_end(a, at);
        if (end != index_part_end(b, at) || memcmp(a.data + at, b.data + at, end - at) != 0) {
            break;
        }
        shared = end;
        at = end + 1;
    }
    return shared;
}

void query__plan_index_init(struct query_context *context, const struct query_plan_index *spec,
                            struct plan_index *ret_index)
{
    const struct doc_collation *collation = context->collation;
    struct plan_index index = {.spec = spec, .usable = !spec->unusable};
    index.alike = doc_collation_is_same(collation, spec->collation);
    struct doc_iter iter;
    struct doc_elem elem;
    index.fields = arena_zero(context->arena, doc_count(spec->key), sizeof *index.fields);
    doc_iter_init(&iter, spec->key);
    while (doc_iter_next(&iter, &elem)) {
        bool geo = geo_index_kind_of(elem.value) != GEO_INDEX_NONE;
        bool hashed = doc_hash_is_index_kind(elem.value);
        bool text = text_index_is_kind(elem.value);
        if (spec->text != NULL && slice_is(elem.name, "_ftsx")) {
            continue;
        }
        index.usable &= (geo || hashed || text || doc_value_is_number(elem.value)) &&
                        index.fields_count < PLAN_FIELDS_MAX;
        index.geo |= geo;
        index.fields[index.fields_count++] = (struct plan_field){
            .path = elem.name,
            .descending = doc_value_is_number(elem.value) && doc_value_to_double(elem.value) < 0,
            .numeric = query__plan_is_numeric(elem.name),
            .geo = geo,
            .hashed = hashed,
            .text = text,
        };
    }
    if (spec->partial.len > 0) {
        struct query_match *partial = NULL;
        context->collation = spec->collation;
        index.usable &= query_match_parse(context, spec->partial, &partial, NULL) == 0;
        context->collation = collation;
        index.partial = partial;
    }
    *ret_index = index;
}

/* ---- does the index leave out what could match? ---- */

static bool index_is_comparison(enum query_match_kind kind)
{
    return kind == QUERY_MATCH_EQ || kind == QUERY_MATCH_LT || kind == QUERY_MATCH_LTE ||
           kind == QUERY_MATCH_GT || kind == QUERY_MATCH_GTE;
}

/* Does every value above (below) the one operand lie above (below) the other's? */
static bool index_range_implies(const struct query_match *have, const struct query_match *want)
{
    struct doc_value a = have->operand;
    struct doc_value b = want->operand;
    bool up = have->kind == QUERY_MATCH_GT || have->kind == QUERY_MATCH_GTE;
    bool want_up = want->kind == QUERY_MATCH_GT || want->kind == QUERY_MATCH_GTE;
    if (!index_is_comparison(have->kind) || !index_is_comparison(want->kind) ||
        have->kind == QUERY_MATCH_EQ || want->kind == QUERY_MATCH_EQ || up != want_up ||
        doc_class(a.type) != doc_class(b.type) || a.type == DOC_MINKEY || a.type == DOC_MAXKEY) {
        return false;
    }
    if (doc_value_is_number(a)) {
        double one = doc_value_to_double(a);
        double other = doc_value_to_double(b);
        if (one != one || other != other) { /* NaN is in no range but its own */
            return false;
        }
    }
    int order = doc_compare_by(up ? a : b, up ? b : a, have->collation);
    bool strict = want->kind == QUERY_MATCH_GT || want->kind == QUERY_MATCH_LT;
    bool inside = have->kind == QUERY_MATCH_GT || have->kind == QUERY_MATCH_LT;
    return order > 0 || (order == 0 && (inside || !strict));
}

/* Whatever value makes `have` true, does it make `want` true? Both on the same path. */
static bool index_leaf_implies(const struct plan_leaf *leaf, const struct query_match *want,
                               bool alike)
{
    const struct query_match *have = leaf->node;
    if (want->kind == QUERY_MATCH_EXISTS) {
        return leaf->exists;
    }
    if (leaf->collated && !alike) {
        return false;
    }
    if (have->kind == want->kind && have->operand.type == want->operand.type &&
        have->operand.len == want->operand.len && have->operand.len > 0 &&
        memcmp(have->operand.data, want->operand.data, have->operand.len) == 0) {
        return true;
    }
    if (!index_is_comparison(want->kind) && want->kind != QUERY_MATCH_IN) {
        return false;
    }
    if (have->kind == QUERY_MATCH_EQ) {
        return query__match_leaf(want, have->operand, NULL) == 1;
    }
    if (have->kind == QUERY_MATCH_IN) {
        bool all = have->children_count == 0;
        for (uint32_t i = 0; i < have->operands_count && all; i++) {
            all = query__match_leaf(want, have->operands[i], NULL) == 1;
        }
        return all;
    }
    return index_range_implies(have, want);
}

static bool index_set_implies(const struct plan_set *set, const struct query_match *want,
                              bool alike)
{
    switch (want->kind) {
    case QUERY_MATCH_TRUE:
        return true;
    case QUERY_MATCH_AND:
        for (uint32_t i = 0; i < want->children_count; i++) {
            if (!index_set_implies(set, want->children[i], alike)) {
                return false;
            }
        }
        return true;
    case QUERY_MATCH_OR:
        for (uint32_t i = 0; i < want->children_count; i++) {
            if (index_set_implies(set, want->children[i], alike)) {
                return true;
            }
        }
        return false;
    default:
        break;
    }
    bool leaf_kind = index_is_comparison(want->kind) || want->kind == QUERY_MATCH_IN ||
                     want->kind == QUERY_MATCH_EXISTS || want->kind == QUERY_MATCH_TYPE ||
                     want->kind == QUERY_MATCH_REGEX;
    for (uint32_t i = 0; i < set->leaves_count && leaf_kind; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (leaf->scope == NULL && slice_equal(leaf->path, want->path.text) &&
            index_leaf_implies(leaf, want, alike)) {
            return true;
        }
    }
    return false;
}

bool query__plan_is_implied(const struct plan_index *index, const struct plan_set *set)
{
    return index->partial == NULL || index_set_implies(set, index->partial, index->alike);
}

bool query__plan_holds_all(const struct plan_index *index, const struct plan_set *set)
{
    if (!query__plan_is_implied(index, set)) {
        return false;
    }
    if (index->geo) {
        return query__plan_geo_holds_all(index, set);
    }
    if (!index->spec->sparse) {
        return true;
    }
    for (uint32_t i = 0; i < index->fields_count; i++) {
        const struct plan_field *field = &index->fields[i];
        for (uint32_t j = 0; j < set->leaves_count; j++) {
            if (set->leaves[j]->exists && slice_equal(set->leaves[j]->path, field->path) &&
                !(field->numeric && index->spec->multikey)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- bounds of its fields ---- */

/* May this predicate bound field `at`, given what bounds the fields before it? */
static bool index_may_combine(const struct plan_fit *fit, uint32_t at, const struct plan_leaf *leaf)
{
    for (uint32_t i = 0; i < at; i++) {
        size_t shared = index_shared(fit->index->fields[i].path, fit->index->fields[at].path);
        if (shared == 0 || fit->leaves[i] == NULL) {
            continue;
        }
        if (leaf->scope == NULL || leaf->scope != fit->leaves[i]->scope ||
            leaf->scope_path.len != shared) {
            return false;
        }
    }
    return true;
}

bool query__plan_is_narrower(const struct plan_bounds *a, const struct plan_bounds *b)
{
    bool points = query__plan_is_points(a);
    if (points != query__plan_is_points(b)) {
        return points;
    }
    return a->count < b->count;
}

/* Does the index tell strings apart as the leaf does? */
static bool index_compares(const struct plan_fit *fit, const struct plan_leaf *leaf)
{
    return fit->index->alike || !leaf->collated;
}

/* A hashed field: no array is in its index, so all predicates hold for its one entry. */
static void index_bound_hashed(struct arena *arena, struct plan_fit *fit, uint32_t at,
                               const struct plan_set *set)
{
    for (uint32_t i = 0; i < set->leaves_count; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        struct plan_bounds one;
        if (slice_equal(leaf->path, fit->index->fields[at].path) && index_compares(fit, leaf) &&
            query__plan_hash_bounds(arena, leaf->node, &one)) {
            fit->fields[at] =
                fit->used[at] == 0 ? one : query__plan_intersect(arena, &fit->fields[at], &one);
            fit->used[at]++;
        }
    }
}

static void index_bound_field(struct arena *arena, struct plan_fit *fit, uint32_t at,
                              const struct plan_set *set)
{
    const struct plan_field *field = &fit->index->fields[at];
    bool multikey = fit->index->spec->multikey;
    struct plan_bounds *bounds = &fit->fields[at];
    if (field->geo) {
        query__plan_geo_bound(arena, fit, at, set);
        return;
    }
    if (field->hashed) {
        index_bound_hashed(arena, fit, at, set);
        return;
    }
    if (field->text) {
        query__plan_text_bound(arena, fit, at, set);
        return;
    }
    if (field->part == PLAN_FIELD_PATH) {
        query__plan_wildcard_bound(arena, fit, at, set);
    }
    if (field->part != PLAN_FIELD_PLAIN) {
        return;
    }
    for (uint32_t i = 0; i < set->leaves_count; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (!leaf->bounded || !slice_equal(leaf->path, field->path) || !index_compares(fit, leaf)) {
            continue;
        }
        if (!multikey) {
            *bounds = fit->used[at] == 0 ? leaf->bounds
                                         : query__plan_intersect(arena, bounds, &leaf->bounds);
            fit->used[at]++;
        } else if (!field->numeric && index_may_combine(fit, at, leaf) &&
                   (fit->used[at] == 0 || query__plan_is_narrower(&leaf->bounds, bounds))) {
            *bounds = leaf->bounds;
            fit->used[at] = 1;
            fit->leaves[at] = leaf;
        }
    }
}

static bool index_is_point(const struct plan_fit *fit, uint32_t at)
{
    return fit->used[at] > 0 && fit->fields[at].count == 1 && fit->fields[at].items[0].point;
}

/* ---- the sort ---- */

/* Is the sort's field held to one value? */
static bool index_is_constant(const struct plan_fit *fit, struct slice path)
{
    for (uint32_t i = 0; i < fit->index->fields_count; i++) {
        if (slice_equal(fit->index->fields[i].path, path)) {
            return index_is_point(fit, i);
        }
    }
    return false;
}

static bool index_sorts(struct plan_fit *fit, const struct query_sort *sort)
{
    if (fit->index->spec->multikey || sort->natural != 0) {
        return false;
    }
    int way = 0; /* 1 forward, -1 backward, 0 either */
    uint32_t at = 0;
    for (uint32_t i = 0; i < sort->count; i++) {
        const struct query_sort_field *field = &sort->fields[i];
        if (field->random || field->nothing || field->text != NULL) {
            return false;
        }
        if (index_is_constant(fit, field->path.text)) {
            continue;
        }
        while (at < fit->index->fields_count && index_is_point(fit, at)) {
            at++;
        }
        if (at == fit->index->fields_count || fit->index->fields[at].geo ||
            fit->index->fields[at].hashed || fit->index->fields[at].text ||
            !slice_equal(fit->index->fields[at].path, field->path.text)) {
            return false;
        }
        if (!fit->index->alike && fit->used[at] == 0) { /* there may be strings */
            return false;
        }
        int wanted = fit->index->fields[at].descending == field->descending ? 1 : -1;
        if (way != 0 && way != wanted) {
            return false;
        }
        way = wanted;
        at++;
    }
    fit->backward = way < 0;
    return true;
}

/* Is the path of a wildcard among the points? It narrows nothing that a plain index would not. */
static bool index_is_at_path(const struct plan_fit *fit)
{
    for (uint32_t i = 0; i < fit->points; i++) {
        if (fit->index->fields[i].part == PLAN_FIELD_PATH) {
            return true;
        }
    }
    return false;
}

void query__plan_fit(struct arena *arena, const struct plan_index *index,
                     const struct plan_set *set, const struct query_sort *sort,
                     struct plan_fit *ret_fit)
{
    uint32_t count = index->fields_count;
    struct plan_fit fit = {.index = index};
    fit.fields = arena_zero(arena, count, sizeof *fit.fields);
    fit.leaves = arena_zero(arena, count, sizeof *fit.leaves);
    fit.used = arena_zero(arena, count, sizeof *fit.used);
    bool single = true;
    for (uint32_t i = 0; i < count; i++) {
        index_bound_field(arena, &fit, i, set);
        if (fit.points == i && fit.used[i] > 0 && query__plan_is_points(&fit.fields[i])) {
            fit.points++;
            single &= fit.fields[i].count <= 1;
        }
    }
    fit.sorted = sort == NULL || index_sorts(&fit, sort);
    fit.whole = fit.points == count && single;
    fit.score[PLAN_SCORE_ID] = fit.whole && index->spec->is_id;
    fit.score[PLAN_SCORE_UNIQUE] = fit.whole && index->spec->unique && !index->spec->multikey;
    fit.score[PLAN_SCORE_EQUALITY] = (int)fit.points - index_is_at_path(&fit);
    fit.score[PLAN_SCORE_RANGE] =
        fit.points < count && !index->weak ? (int)fit.used[fit.points] : 0;
    fit.score[PLAN_SCORE_SORTED] = sort != NULL && fit.sorted;
    fit.score[PLAN_SCORE_RESTRICTED] = index->spec->sparse || index->partial != NULL;
    fit.score[PLAN_SCORE_SHORT] = -(int)count;
    *ret_fit = fit;
}
