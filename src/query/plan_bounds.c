/* query/plan_bounds.c - what a predicate says about the keys of an index.
 *
 * Bounds may be too wide, never too narrow: for an array in a document the index has its elements,
 * so a predicate that the array itself can satisfy has none, or those of elements too. Ranges stay
 * inside the class of their operand. Strings are encoded by the collation of the predicate, so that
 * they only bound an index that has the same. */
#include <stdlib.h>

#include "doc/compare.h"
#include "doc/hash.h"
#include "doc/key.h"
#include "doc/view.h"
#include "query/plan_private.h"

static const uint8_t bounds_infinity[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x7f};
static const uint8_t bounds_minus_infinity[] = {0, 0, 0, 0, 0, 0, 0xf0, 0xff};
static const uint8_t bounds_empty_text[] = {1, 0, 0, 0, 0};
static const uint8_t bounds_zeroes[16] = {0};
static const uint8_t bounds_ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t bounds_date_low[] = {0, 0, 0, 0, 0, 0, 0, 0x80};
static const uint8_t bounds_date_high[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
static const uint8_t bounds_empty_doc[] = {5, 0, 0, 0, 0};
static const uint8_t bounds_bools[] = {0, 1};

static const struct doc_value bounds_lowest = {bounds_zeroes, 0, DOC_MINKEY};
static const struct doc_value bounds_highest = {bounds_zeroes, 0, DOC_MAXKEY};

/* What explain says a class lies between. */
static const struct {
    int type_class;
    struct doc_value low;
    struct doc_value high;
    bool high_inclusive;
} bounds_classes[] = {
    {10, {bounds_minus_infinity, 8, DOC_DOUBLE}, {bounds_infinity, 8, DOC_DOUBLE}, true},
    {15, {bounds_empty_text, 5, DOC_STRING}, {bounds_empty_doc, 5, DOC_OBJECT}, false},
    {20, {bounds_empty_doc, 5, DOC_OBJECT}, {bounds_empty_doc, 5, DOC_ARRAY}, false},
    {30, {bounds_zeroes, 5, DOC_BINARY}, {bounds_zeroes, 12, DOC_OID}, false},
    {35, {bounds_zeroes, 12, DOC_OID}, {bounds_ones, 12, DOC_OID}, true},
    {40, {bounds_bools, 1, DOC_BOOL}, {bounds_bools + 1, 1, DOC_BOOL}, true},
    {45, {bounds_date_low, 8, DOC_DATE}, {bounds_date_high, 8, DOC_DATE}, true},
    {47, {bounds_zeroes, 8, DOC_TIMESTAMP}, {bounds_ones, 8, DOC_TIMESTAMP}, true},
};

static struct slice bounds_encode(struct arena *arena, struct doc_value value,
                                  const struct doc_collation *collation)
{
    struct buf buf;
    buf_init(&buf, arena);
    doc_key_encode_by(&buf, value, false, collation);
    return buf_slice(&buf);
}

/* The cut after all keys that begin with `key`. */
static struct slice bounds_after(struct arena *arena, struct slice key)
{
    return query__plan_after(arena_copy(arena, key));
}

static struct plan_interval bounds_point(struct arena *arena, struct doc_value value,
                                         const struct doc_collation *collation)
{
    struct slice key = bounds_encode(arena, value, collation);
    return (struct plan_interval){
        {key, value, true}, {bounds_after(arena, key), value, true}, true};
}

static struct plan_cut bounds_class_end(struct arena *arena, int type_class, bool high)
{
    struct buf buf;
    struct plan_cut cut = {.value = high ? bounds_highest : bounds_lowest, .inclusive = true};
    buf_init(&buf, arena);
    if (high) {
        doc_key_encode_class_high(&buf, type_class, false);
    } else {
        doc_key_encode_class_low(&buf, type_class, false);
    }
    cut.at = buf_slice(&buf);
    for (size_t i = 0; i < sizeof bounds_classes / sizeof *bounds_classes; i++) {
        if (bounds_classes[i].type_class == type_class) {
            cut.value = high ? bounds_classes[i].high : bounds_classes[i].low;
            cut.inclusive = !high || bounds_classes[i].high_inclusive;
        }
    }
    return cut;
}

/* ---- lists ---- */

static void bounds_push(struct plan_bounds *bounds, struct plan_interval interval)
{
    if (slice_compare(interval.low.at, interval.high.at) < 0) {
        bounds->items[bounds->count++] = interval;
    }
}

static int bounds_order(const void *a, const void *b)
{
    const struct plan_interval *left = a;
    const struct plan_interval *right = b;
    int order = slice_compare(left->low.at, right->low.at);
    return order != 0 ? order : slice_compare(left->high.at, right->high.at);
}

/* Sort, and merge what overlaps. */
static void bounds_settle(struct plan_bounds *bounds)
{
    if (bounds->count < 2) {
        return;
    }
    qsort(bounds->items, bounds->count, sizeof *bounds->items, bounds_order);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < bounds->count; i++) {
        struct plan_interval *last = &bounds->items[kept];
        const struct plan_interval *next = &bounds->items[i];
        if (slice_compare(next->low.at, last->high.at) >= 0) {
            bounds->items[++kept] = *next;
        } else if (slice_compare(next->high.at, last->high.at) > 0) {
            last->high = next->high;
            last->point = false;
        }
    }
    bounds->count = kept + 1;
}

bool query__plan_is_points(const struct plan_bounds *bounds)
{
    for (uint32_t i = 0; i < bounds->count; i++) {
        if (!bounds->items[i].point) {
            return false;
        }
    }
    return true;
}

struct plan_bounds query__plan_intersect(struct arena *arena, const struct plan_bounds *a,
                                         const struct plan_bounds *b)
{
    struct plan_bounds both = {
        arena_alloc(arena, ((size_t)a->count + b->count + 1) * sizeof *both.items), 0};
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < a->count && j < b->count) {
        const struct plan_interval *left = &a->items[i];
        const struct plan_interval *right = &b->items[j];
        bool right_low = slice_compare(left->low.at, right->low.at) < 0;
        bool left_high = slice_compare(left->high.at, right->high.at) < 0;
        bounds_push(&both, (struct plan_interval){right_low ? right->low : left->low,
                                                  left_high ? left->high : right->high,
                                                  left->point || right->point});
        if (left_high) {
            i++;
        } else {
            j++;
        }
    }
    return both;
}

/* ---- predicates ---- */

/* Equality. An array equals a whole array, which the index has when it lies in another array, or
 * else as its elements; an empty one as undefined. */
static void bounds_add_equal(struct arena *arena, struct plan_bounds *bounds,
                             struct doc_value value, const struct doc_collation *collation)
{
    bounds_push(bounds, bounds_point(arena, value, collation));
    if (value.type == DOC_ARRAY) {
        struct doc_value first = doc_first(doc_value_get_doc(value)).value;
        if (!doc_value_exists(first)) {
            first = (struct doc_value){value.data, 0, DOC_UNDEFINED};
        }
        bounds_push(bounds, bounds_point(arena, first, collation));
    }
}

/* Strings with a prefix, and the regex itself as a value. Sort keys have no such prefix. */
static bool bounds_add_regex(struct arena *arena, struct plan_bounds *bounds,
                             const struct query_match *node)
{
    struct slice prefix = query_regex_prefix(query_match_regex(node));
    if (prefix.len == 0 || node->collation != NULL) {
        return false;
    }
    struct doc_value value = doc_value_string(arena, prefix);
    struct slice low = bounds_encode(arena, value, NULL);
    low.len -= 2; /* the end mark of a string */
    struct slice high = bounds_after(arena, low);
    struct slice next = bounds_after(arena, prefix);
    bounds_push(bounds, (struct plan_interval){{low, value, true},
                                               {high, doc_value_string(arena, next), false},
                                               false});
    if (node->operand.type == DOC_REGEX) {
        bounds_push(bounds, bounds_point(arena, node->operand, NULL));
    }
    return true;
}

/* An inequality. The array itself may be above or below MinKey, MaxKey and arrays: no bounds. */
static bool bounds_add_range(struct arena *arena, struct plan_bounds *bounds,
                             const struct query_match *node)
{
    struct doc_value value = node->operand;
    if (value.type == DOC_MINKEY || value.type == DOC_MAXKEY || value.type == DOC_ARRAY) {
        return false;
    }
    int type_class = doc_class(value.type);
    struct slice key = bounds_encode(arena, value, node->collation);
    struct plan_interval range = {bounds_class_end(arena, type_class, false),
                                  bounds_class_end(arena, type_class, true), false};
    switch (node->kind) {
    case QUERY_MATCH_LT:
        range.high = (struct plan_cut){key, value, false};
        break;
    case QUERY_MATCH_LTE:
        range.high = (struct plan_cut){bounds_after(arena, key), value, true};
        break;
    case QUERY_MATCH_GT:
        range.low = (struct plan_cut){bounds_after(arena, key), value, false};
        break;
    default:
        range.low = (struct plan_cut){key, value, true};
        break;
    }
    bounds_push(bounds, range);
    return true;
}

static bool bounds_add_in(struct arena *arena, struct plan_bounds *bounds,
                          const struct query_match *node)
{
    for (uint32_t i = 0; i < node->operands_count; i++) {
        bounds_add_equal(arena, bounds, node->operands[i], node->collation);
    }
    for (uint32_t i = 0; i < node->children_count; i++) {
        if (!bounds_add_regex(arena, bounds, node->children[i])) {
            return false;
        }
    }
    return true;
}

/* $elemMatch with operators: one element satisfies them all, and is a key as it is. */
static bool bounds_of_elements(struct arena *arena, const struct query_match *node,
                               struct plan_bounds *bounds)
{
    bool any = false;
    for (uint32_t i = 0; i < node->children_count; i++) {
        struct plan_bounds one = {0};
        enum query_match_kind kind = node->children[i]->kind;
        if (kind == QUERY_MATCH_ELEM_VALUE || kind == QUERY_MATCH_ELEM_OBJECT ||
            !query__plan_bounds(arena, node->children[i], &one)) {
            continue;
        }
        *bounds = any ? query__plan_intersect(arena, bounds, &one) : one;
        any = true;
    }
    return any;
}

bool query__plan_is_collated(const struct query_match *node)
{
    bool collated = doc_collation_concerns(node->operand.type);
    switch (node->kind) {
    case QUERY_MATCH_EQ:
    case QUERY_MATCH_LT:
    case QUERY_MATCH_LTE:
    case QUERY_MATCH_GT:
    case QUERY_MATCH_GTE:
        return collated;
    case QUERY_MATCH_REGEX:
        return true;
    case QUERY_MATCH_IN:
        collated = node->children_count > 0;
        for (uint32_t i = 0; i < node->operands_count; i++) {
            collated |= doc_collation_concerns(node->operands[i].type);
        }
        return collated;
    case QUERY_MATCH_ELEM_VALUE:
        collated = false;
        for (uint32_t i = 0; i < node->children_count; i++) {
            collated |= query__plan_is_collated(node->children[i]);
        }
        return collated;
    default:
        return false;
    }
}

bool query__plan_bounds(struct arena *arena, const struct query_match *node,
                        struct plan_bounds *ret_bounds)
{
    if (node->kind == QUERY_MATCH_ELEM_VALUE) {
        return bounds_of_elements(arena, node, ret_bounds);
    }
    size_t cap = 2 * ((size_t)node->operands_count + node->children_count + 1);
    struct plan_bounds bounds = {arena_alloc(arena, cap * sizeof *bounds.items), 0};
    bool bounded = false;
    switch (node->kind) {
    case QUERY_MATCH_EQ:
        bounds_add_equal(arena, &bounds, node->operand, node->collation);
        bounded = true;
        break;
    case QUERY_MATCH_LT:
    case QUERY_MATCH_LTE:
    case QUERY_MATCH_GT:
    case QUERY_MATCH_GTE:
        bounded = bounds_add_range(arena, &bounds, node);
        break;
    case QUERY_MATCH_IN:
        bounded = bounds_add_in(arena, &bounds, node);
        break;
    case QUERY_MATCH_REGEX:
        bounded = bounds_add_regex(arena, &bounds, node);
        break;
    default:
        break;
    }
    bounds_settle(&bounds);
    *ret_bounds = bounds;
    return bounded;
}

struct plan_bounds query__plan_path_bounds(struct arena *arena, struct slice path, bool below)
{
    struct plan_bounds bounds = {arena_alloc(arena, 2 * sizeof *bounds.items), 0};
    bounds_push(&bounds, bounds_point(arena, doc_value_string(arena, path), NULL));
    if (below) {
        struct doc_value first =
            doc_value_string(arena, arena_format(arena, "%.*s.", SLICE_FMT(path)));
        struct doc_value beyond =
            doc_value_string(arena, arena_format(arena, "%.*s/", SLICE_FMT(path)));
        struct plan_cut low = {bounds_encode(arena, first, NULL), first, true};
        struct plan_cut high = {bounds_encode(arena, beyond, NULL), beyond, false};
        bounds_push(&bounds, (struct plan_interval){low, high, false});
    }
    return bounds;
}

bool query__plan_hash_bounds(struct arena *arena, const struct query_match *node,
                             struct plan_bounds *ret_bounds)
{
    bool equal = node->kind == QUERY_MATCH_EQ;
    if (!equal && (node->kind != QUERY_MATCH_IN || node->children_count > 0)) {
        return false;
    }
    uint32_t count = equal ? 1 : node->operands_count;
    struct plan_bounds bounds = {arena_alloc(arena, (count + 1) * sizeof *bounds.items), 0};
    for (uint32_t i = 0; i < count; i++) {
        struct doc_value value = equal ? node->operand : node->operands[i];
        int64_t hash = doc_hash_index_key_by(arena, value, node->collation);
        bounds_push(&bounds, bounds_point(arena, doc_value_i64(arena, hash), NULL));
    }
    bounds_settle(&bounds);
    *ret_bounds = bounds;
    return true;
}
