/* query/order.h - values that come and go, in order.
 *
 * Invariant   items are ordered by key, or by doc_compare_by of their values when they have no
 *             keys, times sign; of equals the one that arrived first comes first. An item is in one
 *             order at a time.
 * Thread      as the run that it belongs to.
 * Memory      none: items belong to the caller and stay where they are.
 * Errors      none.
 * Cost        adding, removing and counting take time logarithmic in the number of items (a treap
 *             whose priorities are hashes of the items' numbers).
 */
#ifndef QUERY_ORDER_H
#define QUERY_ORDER_H

#include "doc/collation.h"

struct query__ordered {
    struct query__ordered *left;
    struct query__ordered *right;
    uint64_t size;   /* items below and this one */
    uint64_t number; /* of arrival; no two of an order share it */
    struct doc_value value;
    struct slice key; /* empty: the value orders */
};

struct query__order {
    struct query__ordered *root;
    int sign; /* -1: descending */
    const struct doc_collation *collation;
    uint64_t steps; /* comparisons made so far, for who measures */
};

void query__order_add(struct query__order *order, struct query__ordered *item);
void query__order_remove(struct query__order *order, struct query__ordered *item);

/* The first item that is equal to the value, or NULL. */
struct query__ordered *query__order_find(struct query__order *order, struct doc_value value);

uint64_t query__order_count(const struct query__order *order);

/* The item that `rank` others come before. */
struct query__ordered *query__order_at(const struct query__order *order, uint64_t rank);

#endif
