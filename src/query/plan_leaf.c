/* query/plan_leaf.c - the predicates that every matching document satisfies.
 *
 * The tree's $and nodes fall away; what stands inside $elemMatch gets its path from the top. Under
 * a negation, or in an $or, nothing must hold by itself; $or nodes are kept aside. */
#include "doc/compare.h"
#include "query/plan_private.h"

enum { LEAF_DEPTH_MAX = 200 };

static void leaf_push(struct plan_set *set, struct plan_leaf *leaf)
{
    if (set->leaves_count == set->leaves_cap) {
        uint32_t cap = set->leaves_cap == 0 ? 8 : set->leaves_cap * 2;
        struct plan_leaf **leaves = arena_alloc(set->arena, cap * sizeof *leaves);
        for (uint32_t i = 0; i < set->leaves_count; i++) {
            leaves[i] = set->leaves[i];
        }
        set->leaves = leaves;
        set->leaves_cap = cap;
    }
    set->leaves[set->leaves_count++] = leaf;
}

static void leaf_push_or(struct plan_set *set, const struct query_match *either)
{
    if (set->ors_count == set->ors_cap) {
        uint32_t cap = set->ors_cap == 0 ? 4 : set->ors_cap * 2;
        const struct query_match **ors = arena_alloc(set->arena, cap * sizeof *ors);
        for (uint32_t i = 0; i < set->ors_count; i++) {
            ors[i] = set->ors[i];
        }
        set->ors = ors;
        set->ors_cap = cap;
    }
    set->ors[set->ors_count++] = either;
}

/* Does the predicate fail where its path leads nowhere? */
static bool leaf_wants_existence(const struct query_match *node)
{
    switch (node->kind) {
    case QUERY_MATCH_EQ:
        return node->operand.type != DOC_NULL;
    case QUERY_MATCH_LT:
    case QUERY_MATCH_LTE:
    case QUERY_MATCH_GT:
    case QUERY_MATCH_GTE:
        return node->operand.type != DOC_NULL && node->operand.type != DOC_MINKEY &&
               node->operand.type != DOC_MAXKEY;
    case QUERY_MATCH_IN:
        for (uint32_t i = 0; i < node->operands_count; i++) {
            if (node->operands[i].type == DOC_NULL) {
                return false;
            }
        }
        return true;
    case QUERY_MATCH_REGEX:
    case QUERY_MATCH_EXISTS:
    case QUERY_MATCH_TYPE:
    case QUERY_MATCH_SIZE:
    case QUERY_MATCH_MOD:
    case QUERY_MATCH_BITS:
    case QUERY_MATCH_GEO:
    case QUERY_MATCH_ELEM_OBJECT:
    case QUERY_MATCH_ELEM_VALUE:
        return true;
    default:
        return false;
    }
}

struct leaf_place {
    struct slice prefix; /* the path of the $elemMatch around; empty: none */
    const struct query_match *scope;
    uint32_t depth;
};

static void leaf_collect(struct plan_set *set, const struct query_match *node,
                         struct leaf_place place);

static void leaf_add(struct plan_set *set, const struct query_match *node, struct leaf_place place)
{
    struct plan_leaf *leaf = arena_zero(set->arena, 1, sizeof *leaf);
    leaf->node = node;
    leaf->path = node->path.text;
    if (place.scope != NULL) {
        leaf->path = arena_format(set->arena, "%.*s.%.*s", SLICE_FMT(place.prefix),
                                  SLICE_FMT(node->path.text));
        leaf->scope = place.scope;
        leaf->scope_path = place.prefix;
    }
    leaf->exists = leaf_wants_existence(node);
    leaf->bounded = query__plan_bounds(set->arena, node, &leaf->bounds);
    leaf->collated = query__plan_is_collated(node);
    leaf_push(set, leaf);
    if (node->kind == QUERY_MATCH_ELEM_OBJECT) {
        struct leaf_place inner = {leaf->path, node, place.depth};
        for (uint32_t i = 0; i < node->children_count; i++) {
            leaf_collect(set, node->children[i], inner);
        }
    }
}

static void leaf_collect(struct plan_set *set, const struct query_match *node,
                         struct leaf_place place)
{
    if (++place.depth > LEAF_DEPTH_MAX) {
        return;
    }
    switch (node->kind) {
    case QUERY_MATCH_AND:
    case QUERY_MATCH_ALL:
        for (uint32_t i = 0; i < node->children_count; i++) {
            leaf_collect(set, node->children[i], place);
        }
        return;
    case QUERY_MATCH_OR:
        if (place.scope == NULL && node->children_count == 1) {
            leaf_collect(set, node->children[0], place);
        } else if (place.scope == NULL) {
            leaf_push_or(set, node);
        }
        return;
    case QUERY_MATCH_FALSE:
        set->never = true;
        return;
    case QUERY_MATCH_TEXT:
        set->text = node->detail;
        return;
    case QUERY_MATCH_NOR:
    case QUERY_MATCH_NOT:
    case QUERY_MATCH_EXPR:
    case QUERY_MATCH_SCHEMA:
    case QUERY_MATCH_NEAR:
    case QUERY_MATCH_TRUE:
        return;
    default:
        leaf_add(set, node, place);
        return;
    }
}

void query__plan_collect(struct plan_set *set, const struct query_match *match)
{
    leaf_collect(set, match, (struct leaf_place){0});
}

struct plan_set query__plan_branch(const struct plan_set *set, const struct query_match *child)
{
    struct plan_set branch = {.arena = set->arena, .text = set->text};
    for (uint32_t i = 0; i < set->leaves_count; i++) {
        leaf_push(&branch, set->leaves[i]);
    }
    query__plan_collect(&branch, child);
    return branch;
}
