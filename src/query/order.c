/* query/order.c - a treap: a search tree in which each item's priority is above those below it.
 *
 * Priorities are hashes, so the depth is logarithmic whatever the values are; recursion goes no
 * deeper than the tree. */
#include "query/order.h"

#include "doc/compare.h"

static uint64_t order_priority(const struct query__ordered *item)
{
    uint64_t mixed = item->number * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* Negative when a comes before b. */
static int order_compare(struct query__order *order, const struct query__ordered *a,
                         const struct query__ordered *b)
{
    order->steps++;
    int by = a->key.len > 0 ? slice_compare(a->key, b->key)
                            : doc_compare_by(a->value, b->value, order->collation);
    return by != 0 ? order->sign * by : (a->number > b->number) - (a->number < b->number);
}

static uint64_t order_size(const struct query__ordered *item)
{
    return item == NULL ? 0 : item->size;
}

static void order_measure(struct query__ordered *item)
{
    item->size = 1 + order_size(item->left) + order_size(item->right);
}

/* What comes before the item, and what comes after it. */
static void order_split(struct query__order *order, struct query__ordered *tree,
                        const struct query__ordered *item, struct query__ordered **ret_left,
                        struct query__ordered **ret_right)
{
    if (tree == NULL) {
        *ret_left = NULL;
        *ret_right = NULL;
    } else if (order_compare(order, tree, item) < 0) {
        order_split(order, tree->right, item, &tree->right, ret_right);
        *ret_left = tree;
        order_measure(tree);
    } else {
        order_split(order, tree->left, item, ret_left, &tree->left);
        *ret_right = tree;
        order_measure(tree);
    }
}

static struct query__ordered *order_merge(struct query__ordered *left, struct query__ordered *right)
{
    if (left == NULL || right == NULL) {
        return left == NULL ? right : left;
    }
    if (order_priority(left) > order_priority(right)) {
        left->right = order_merge(left->right, right);
        order_measure(left);
        return left;
    }
    right->left = order_merge(left, right->left);
    order_measure(right);
    return right;
}

void query__order_add(struct query__order *order, struct query__ordered *item)
{
    uint64_t priority = order_priority(item);
    struct query__ordered **at = &order->root;
    while (*at != NULL && order_priority(*at) >= priority) {
        (*at)->size++;
        at = order_compare(order, item, *at) < 0 ? &(*at)->left : &(*at)->right;
    }
    order_split(order, *at, item, &item->left, &item->right);
    order_measure(item);
    *at = item;
}

void query__order_remove(struct query__order *order, struct query__ordered *item)
{
    struct query__ordered **at = &order->root;
    while (*at != item) {
        assert(*at != NULL);
        (*at)->size--;
        at = order_compare(order, item, *at) < 0 ? &(*at)->left : &(*at)->right;
    }
    *at = order_merge(item->left, item->right);
}

struct query__ordered *query__order_find(struct query__order *order, struct doc_value value)
{
    struct query__ordered *found = NULL;
    struct query__ordered *at = order->root;
    while (at != NULL) {
        order->steps++;
        int by = order->sign * doc_compare_by(value, at->value, order->collation);
        found = by == 0 ? at : found;
        at = by <= 0 ? at->left : at->right;
    }
    return found;
}

uint64_t query__order_count(const struct query__order *order)
{
    return order_size(order->root);
}

struct query__ordered *query__order_at(const struct query__order *order, uint64_t rank)
{
    struct query__ordered *at = order->root;
    assert(rank < order_size(at));
    for (;;) {
        uint64_t before = order_size(at->left);
        if (rank == before) {
            return at;
        }
        at = rank < before ? at->left : at->right;
        rank -= rank < before ? 0 : before + 1;
    }
}
