/* query/plan_wildcard.c - wildcard indexes, one path at a time.
 *
 * A predicate that does not hold where its path leads nowhere finds all of its documents among the
 * entries at the path and below; one that bounds values that are leaves, at the path only. Once an
 * array was met a path with a number may mean a position, which entries do not know, and different
 * predicates may hold for different elements: one of them bounds. */
#include "doc/build.h"
#include "doc/view.h"
#include "query/match_private.h"
#include "query/plan_private.h"

enum { WILDCARD_PATHS_MAX = 64 };

/* Documents and arrays are in the index as what they contain, but for empty ones. */
static bool wildcard_is_leaf(struct doc_value value)
{
    bool nested = value.type == DOC_OBJECT || value.type == DOC_ARRAY;
    return !nested || doc_is_empty(doc_value_get_doc(value));
}

static bool wildcard_has_leaves_only(const struct query_match *node)
{
    if (node->kind == QUERY_MATCH_ELEM_VALUE) {
        for (uint32_t i = 0; i < node->children_count; i++) {
            if (!wildcard_has_leaves_only(node->children[i])) {
                return false;
            }
        }
        return true;
    }
    if (node->kind == QUERY_MATCH_IN) {
        for (uint32_t i = 0; i < node->operands_count; i++) {
            if (!wildcard_is_leaf(node->operands[i])) {
                return false;
            }
        }
        return true;
    }
    bool range = node->kind == QUERY_MATCH_LT || node->kind == QUERY_MATCH_LTE ||
                 node->kind == QUERY_MATCH_GT || node->kind == QUERY_MATCH_GTE;
    return range ? node->operand.type != DOC_OBJECT : wildcard_is_leaf(node->operand);
}

/* Are strings told apart as the leaf does? */
static bool wildcard_compares(const struct plan_index *index, const struct plan_leaf *leaf)
{
    return index->alike || !leaf->collated;
}

static bool wildcard_is_bounded(const struct plan_index *index, const struct plan_leaf *leaf)
{
    return leaf->bounded && leaf->exists && wildcard_compares(index, leaf) &&
           wildcard_has_leaves_only(leaf->node);
}

/* Can the index be asked for the leaf's path? */
static bool wildcard_serves(const struct plan_index *index, const struct plan_leaf *leaf)
{
    return leaf->exists &&
           doc_wildcard_place_of(index->spec->wildcard, leaf->path) == DOC_WILDCARD_INSIDE &&
           !(index->spec->multikey && query__plan_is_numeric(leaf->path));
}

/* The index at one path; an empty one: at none. */
static struct plan_index wildcard_at(struct arena *arena, const struct plan_index *index,
                                     struct slice path)
{
    uint32_t field = index->spec->wildcard->field;
    struct plan_index one = *index;
    one.fields = arena_zero(arena, index->fields_count + 1, sizeof *one.fields);
    one.fields_count = index->fields_count + 1;
    for (uint32_t i = 0; i < one.fields_count; i++) {
        one.fields[i] = index->fields[i <= field ? i : i - 1];
    }
    one.fields[field] = (struct plan_field){.path = SLICE("$_path"), .part = PLAN_FIELD_PATH};
    one.fields[field + 1].part = PLAN_FIELD_VALUE;
    one.fields[field + 1].path = path;
    one.weak = true;
    return one;
}

static struct plan_index *wildcard_find(struct plan_index *list, uint32_t count, uint32_t field,
                                        struct slice path)
{
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(list[i].fields[field].path, path)) {
            return &list[i];
        }
    }
    return NULL;
}

/* Does some predicate bound the first field, so that the index is of use without the wildcard? */
static bool wildcard_serves_prefix(const struct plan_index *index, const struct plan_set *set)
{
    for (uint32_t i = 0; index->spec->wildcard->field > 0 && i < set->leaves_count; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (leaf->bounded && wildcard_compares(index, leaf) &&
            slice_equal(leaf->path, index->fields[0].path)) {
            return true;
        }
    }
    return false;
}

struct plan_index *query__plan_wildcard_each(struct arena *arena, const struct plan_index *index,
                                             const struct plan_set *set, uint32_t *ret_count)
{
    uint32_t field = index->spec->wildcard->field;
    uint32_t cap = set->leaves_count < WILDCARD_PATHS_MAX ? set->leaves_count : WILDCARD_PATHS_MAX;
    struct plan_index *list = arena_zero(arena, cap + 1, sizeof *list);
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->leaves_count; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (!wildcard_serves(index, leaf)) {
            continue;
        }
        struct plan_index *one = wildcard_find(list, count, field + 1, leaf->path);
        if (one == NULL && count < cap) {
            list[count] = wildcard_at(arena, index, leaf->path);
            one = &list[count++];
        }
        bool strong = wildcard_is_bounded(index, leaf) || leaf->node->kind == QUERY_MATCH_EXISTS;
        if (one != NULL && strong) {
            one->weak = false;
        }
    }
    if (wildcard_serves_prefix(index, set)) {
        list[count] = wildcard_at(arena, index, (struct slice){0});
        list[count++].weak = false;
    }
    *ret_count = count;
    return list;
}

void query__plan_wildcard_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                                const struct plan_set *set)
{
    uint32_t value = at + 1;
    struct slice path = fit->index->fields[value].path;
    bool multikey = fit->index->spec->multikey;
    if (path.len == 0) {
        return;
    }
    for (uint32_t i = 0; i < set->leaves_count; i++) {
        const struct plan_leaf *leaf = set->leaves[i];
        if (!wildcard_is_bounded(fit->index, leaf) || !slice_equal(leaf->path, path)) {
            continue;
        }
        if (fit->used[value] == 0 ||
            (multikey && query__plan_is_narrower(&leaf->bounds, &fit->fields[value]))) {
            fit->fields[value] = leaf->bounds;
            fit->used[value] = 1;
            fit->leaves[value] = multikey ? leaf : NULL;
        } else if (!multikey) {
            fit->fields[value] = query__plan_intersect(arena, &fit->fields[value], &leaf->bounds);
            fit->used[value]++;
        }
    }
    fit->fields[at] = query__plan_path_bounds(arena, path, fit->used[value] == 0);
    fit->used[at] = 1;
}

bool query__plan_is_once(const struct plan_fit *fit)
{
    const struct query_plan_index *spec = fit->index->spec;
    return spec->wildcard != NULL && !spec->multikey && fit->used[spec->wildcard->field + 1] > 0;
}

struct slice query_plan_key_pattern(struct arena *arena, const struct query_plan_index *index,
                                    const struct query_plan_branch *branch)
{
    const struct plan_fit *fit = branch->fit;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct doc_iter iter;
    struct doc_elem elem;
    if (index->wildcard == NULL || fit == NULL) {
        return index->key;
    }
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, index->key);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        struct slice name = elem.name;
        if (i == index->wildcard->field) {
            struct slice path = fit->index->fields[i + 1].path;
            doc_build_i32(builder, "$_path", 1);
            name = path.len > 0 ? path : name;
        }
        doc_build_value(builder, name, elem.value);
    }
    return doc_build_end(builder);
}
