/* command/oplog_diff.c - paths in dots into a tree, the tree into documents in each other.
 *
 * A node's children are found by a table of all nodes: a description may have a million paths. */
#include <stdlib.h>

#include "command/oplog.h"
#include "doc/build.h"
#include "doc/view.h"

enum { DIFF_STEPS_MAX = 256, DIFF_SLOTS_MIN = 16 };

enum diff_kind { DIFF_INNER, DIFF_SET, DIFF_GONE };

struct diff_node {
    enum diff_kind kind;
    struct slice name;
    bool is_array;        /* its children are elements */
    int64_t length;       /* of the array that was cut; -1: it was not */
    struct doc_value set; /* DIFF_SET */
    struct diff_node *first;
    struct diff_node *last;
    struct diff_node *next;
    const struct diff_node *parent;
    struct diff_node *next_in_slot;
};

struct diff_step {
    struct slice name;
    bool is_index;
};

struct diff_tree {
    struct arena *arena;
    struct doc_elem *ambiguous; /* sorted by name */
    size_t ambiguous_count;
    struct diff_node root;
    struct diff_node **slots; /* of the nodes that have children, by parent and name */
    size_t slots_count;       /* a power of two */
    size_t nodes_count;
    struct diff_step steps[DIFF_STEPS_MAX]; /* of the path in hand */
    size_t steps_count;
};

/* ---- paths ---- */

static int diff_order(const void *a, const void *b)
{
    return slice_compare(((const struct doc_elem *)a)->name, ((const struct doc_elem *)b)->name);
}

static void diff_sort_ambiguous(struct diff_tree *tree, struct slice description)
{
    struct doc_value paths = doc_get_str(description, "disambiguatedPaths");
    struct doc_iter iter;
    if (paths.type != DOC_OBJECT) {
        return;
    }
    tree->ambiguous =
        arena_alloc(tree->arena, doc_count(doc_value_get_doc(paths)) * sizeof *tree->ambiguous);
    doc_iter_value(&iter, paths);
    while (doc_iter_next(&iter, &tree->ambiguous[tree->ambiguous_count])) {
        tree->ambiguous_count++;
    }
    qsort(tree->ambiguous, tree->ambiguous_count, sizeof *tree->ambiguous, diff_order);
}

static void diff_step(struct diff_tree *tree, struct slice name, bool is_index)
{
    assert(tree->steps_count < DIFF_STEPS_MAX); /* a description is not that deep */
    tree->steps[tree->steps_count++] = (struct diff_step){name, is_index};
}

static void diff_steps_of_list(struct diff_tree *tree, struct doc_value list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        bool is_index = elem.value.type == DOC_INT32;
        struct slice name = is_index
                                ? arena_format(tree->arena, "%d", doc_value_get_i32(elem.value))
                                : doc_value_get_string(elem.value);
        diff_step(tree, name, is_index);
    }
}

/* Whatever looks like a position is one, where nothing else is said. */
static bool diff_is_position(struct slice name)
{
    bool all = name.len > 0;
    for (size_t i = 0; all && i < name.len; i++) {
        all = name.data[i] >= '0' && name.data[i] <= '9';
    }
    return all;
}

static void diff_split(struct diff_tree *tree, struct slice path)
{
    struct doc_elem wanted = {.name = path};
    tree->steps_count = 0;
    const struct doc_elem *said = tree->ambiguous_count == 0
                                      ? NULL
                                      : bsearch(&wanted, tree->ambiguous, tree->ambiguous_count,
                                                sizeof *tree->ambiguous, diff_order);
    if (said != NULL) {
        diff_steps_of_list(tree, said->value);
        return;
    }
    for (bool more = true; more;) {
        const uint8_t *dot = path.len == 0 ? NULL : memchr(path.data, '.', path.len);
        size_t len = dot == NULL ? path.len : (size_t)(dot - path.data);
        struct slice name = slice_of(path.data, len);
        diff_step(tree, name, diff_is_position(name));
        more = dot != NULL;
        path = slice_from(path, len + more);
    }
}

/* ---- the tree ---- */

static uint64_t diff_hash(struct slice name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * 0x100000001b3u;
    }
    return hash;
}

static struct diff_node **diff_slot(const struct diff_tree *tree, const struct diff_node *parent,
                                    struct slice name)
{
    uint64_t hash = diff_hash(name) ^ (uint64_t)(uintptr_t)parent;
    hash *= 0x9e3779b97f4a7c15u;
    return &tree->slots[(hash >> 32) & (tree->slots_count - 1)];
}

static struct diff_node *diff_search(const struct diff_tree *tree, const struct diff_node *parent,
                                     struct slice name)
{
    struct diff_node *node = *diff_slot(tree, parent, name);
    while (node != NULL && (node->parent != parent || !slice_equal(node->name, name))) {
        node = node->next_in_slot;
    }
    return node;
}

static void diff_enter(struct diff_tree *tree, struct diff_node *node)
{
    struct diff_node **slot = diff_slot(tree, node->parent, node->name);
    node->next_in_slot = *slot;
    *slot = node;
}

static void diff_grow(struct diff_tree *tree)
{
    struct diff_node **old = tree->slots;
    size_t count = tree->slots_count;
    tree->slots_count = count == 0 ? DIFF_SLOTS_MIN : 2 * count;
    tree->slots = arena_zero(tree->arena, tree->slots_count, sizeof(struct diff_node *));
    for (size_t i = 0; i < count; i++) {
        for (struct diff_node *node = old[i]; node != NULL;) {
            struct diff_node *next = node->next_in_slot;
            diff_enter(tree, node);
            node = next;
        }
    }
}

static struct diff_node *diff_add(struct diff_tree *tree, struct diff_node *parent,
                                  const struct diff_step *step)
{
    struct diff_node *node = arena_zero(tree->arena, 1, sizeof *node);
    node->name = step->name;
    node->length = -1;
    node->parent = parent;
    parent->is_array |= step->is_index;
    if (parent->first == NULL) {
        parent->first = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    if (++tree->nodes_count > tree->slots_count) {
        diff_grow(tree);
    }
    diff_enter(tree, node);
    return node;
}

static struct diff_node *diff_reach(struct diff_tree *tree, struct slice path)
{
    struct diff_node *node = &tree->root;
    diff_split(tree, path);
    for (size_t i = 0; i < tree->steps_count; i++) {
        struct diff_node *child = diff_search(tree, node, tree->steps[i].name);
        node = child != NULL ? child : diff_add(tree, node, &tree->steps[i]);
    }
    return node;
}

static void diff_fill(struct diff_tree *tree, struct slice description)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, doc_get_str(description, "updatedFields"));
    while (doc_iter_next(&iter, &elem)) {
        struct diff_node *node = diff_reach(tree, elem.name);
        node->kind = DIFF_SET;
        node->set = elem.value;
    }
    doc_iter_value(&iter, doc_get_str(description, "removedFields"));
    while (doc_iter_next(&iter, &elem)) {
        diff_reach(tree, doc_value_get_string(elem.value))->kind = DIFF_GONE;
    }
    doc_iter_value(&iter, doc_get_str(description, "truncatedArrays"));
    while (doc_iter_next(&iter, &elem)) {
        struct slice cut = doc_value_get_doc(elem.value);
        struct slice field = doc_value_get_string(doc_get_str(cut, "field"));
        struct diff_node *node = diff_reach(tree, field);
        node->is_array = true;
        node->length = doc_value_get_i32(doc_get_str(cut, "newSize"));
    }
}

/* ---- documents ---- */

static void diff_build_array(struct arena *arena, struct doc_builder *builder,
                             const struct diff_node *node);

static struct slice diff_prefixed(struct arena *arena, char prefix, struct slice name)
{
    return arena_format(arena, "%c%.*s", prefix, SLICE_FMT(name));
}

static bool diff_has(const struct diff_node *node, enum diff_kind kind)
{
    const struct diff_node *child = node->first;
    while (child != NULL && child->kind != kind) {
        child = child->next;
    }
    return child != NULL;
}

/* {<section>: {field: value, ...}} of the children of that kind, if there are any. */
static void diff_build_section(struct doc_builder *builder, const struct diff_node *node,
                               const char *section, enum diff_kind kind)
{
    if (!diff_has(node, kind)) {
        return;
    }
    doc_build_open(builder, slice_str(section));
    for (const struct diff_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind == kind) {
            doc_build_value(builder, child->name, kind == DIFF_SET ? child->set : doc_false);
        }
    }
    doc_build_close(builder);
}

/* The fields of a node whose children are fields. */
static void diff_build_fields(struct arena *arena, struct doc_builder *builder,
                              const struct diff_node *node)
{
    diff_build_section(builder, node, "d", DIFF_GONE);
    diff_build_section(builder, node, "u", DIFF_SET);
    for (const struct diff_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind == DIFF_INNER) {
            doc_build_open(builder, diff_prefixed(arena, 's', child->name));
            (child->is_array ? diff_build_array : diff_build_fields)(arena, builder, child);
            doc_build_close(builder);
        }
    }
}

static void diff_build_array(struct arena *arena, struct doc_builder *builder,
                             const struct diff_node *node)
{
    doc_build_bool(builder, "a", true);
    if (node->length >= 0) {
        doc_build_i32(builder, "l", (int32_t)node->length);
    }
    for (const struct diff_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind == DIFF_SET) {
            doc_build_value(builder, diff_prefixed(arena, 'u', child->name), child->set);
            continue;
        }
        doc_build_open(builder, diff_prefixed(arena, 's', child->name));
        (child->is_array ? diff_build_array : diff_build_fields)(arena, builder, child);
        doc_build_close(builder);
    }
}

struct slice command_oplog_diff(struct arena *arena, struct slice description)
{
    struct diff_tree *tree = arena_zero(arena, 1, sizeof *tree);
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    tree->arena = arena;
    tree->root.length = -1;
    diff_grow(tree);
    diff_sort_ambiguous(tree, description);
    diff_fill(tree, description);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    diff_build_fields(arena, builder, &tree->root);
    return doc_build_end(builder);
}
