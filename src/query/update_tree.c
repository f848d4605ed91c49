/* query/update_tree.c - many modifications in one pass over the document.
 *
 * Operators are hung into a tree by path. The document is then copied front to back: a field with
 * no node is copied as it is, a leaf's operator gives the new value, an inner node descends. What
 * is left of a node's children when its object ends is created there, in the tree's order. On an
 * array, `$`,
 * `$[]` and `$[id]` are resolved per element; several nodes that meet on one element are merged,
 * and must not conflict. */
#include "doc/json.h"
#include "doc/view.h"
#include "query/update_private.h"

enum { TREE_PADDING_MAX = 1500000 };

/* ---- building ---- */

static int tree_order(struct doc_path_part a, struct doc_path_part b)
{
    if (a.index >= 0 && b.index >= 0) {
        return (a.index > b.index) - (a.index < b.index);
    }
    if ((a.index >= 0) != (b.index >= 0)) {
        return a.index >= 0 ? -1 : 1;
    }
    return slice_compare(a.name, b.name);
}

/* Where `part` is among the children, or would be. */
static uint32_t tree_find(const struct update_node *node, struct doc_path_part part,
                          bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = node->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = tree_order(part, node->children[middle]->part);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *ret_found = false;
    return low;
}

static void tree_insert(struct arena *arena, struct update_node *node, uint32_t at,
                        struct update_node *child)
{
    if (node->count == node->cap) {
        uint32_t cap = node->cap == 0 ? 4 : node->cap * 2;
        struct update_node **children = arena_alloc(arena, cap * sizeof *children);
        if (node->count > 0) {
            memcpy(children, node->children, node->count * sizeof *children);
        }
        node->children = children;
        node->cap = cap;
    }
    memmove(node->children + at + 1, node->children + at,
            (node->count - at) * sizeof *node->children);
    node->children[at] = child;
    node->count++;
}

static int tree_step(struct update_node *node, const struct update_op *op,
                     const struct update_filters *filters, struct err *err)
{
    struct slice name = node->part.name;
    if (slice_is(name, "$")) {
        node->step = UPDATE_STEP_MATCHED;
    } else if (slice_is(name, "$[]")) {
        node->step = UPDATE_STEP_ALL;
    } else if (name.len > 3 && slice_starts(name, SLICE("$[")) && name.data[name.len - 1] == ']') {
        struct slice id = slice_of(name.data + 2, name.len - 3);
        node->step = UPDATE_STEP_FILTERED;
        for (uint32_t i = 0; filters != NULL && i < filters->count; i++) {
            if (slice_equal(filters->items[i].id, id)) {
                node->filter = &filters->items[i];
                filters->items[i].used = true;
            }
        }
        if (node->filter == NULL) {
            return err_set(err, LT_EBADVALUE,
                           "No array filter found for identifier '%.*s' in path '%.*s'",
                           SLICE_FMT(id), SLICE_FMT(op->path.text));
        }
    }
    return 0;
}

static int tree_conflict(const struct update_op *op, struct slice at, struct err *err)
{
    return err_set(err, LT_ECONFLICTINGUPDATEOPERATORS,
                   "Updating the path '%.*s' would create a conflict at '%.*s'",
                   SLICE_FMT(op->path.text), SLICE_FMT(at));
}

int query__update_tree_add(struct arena *arena, struct update_node *root,
                           const struct update_op *op, const struct update_filters *filters,
                           struct err *err)
{
    struct update_node *node = root;
    for (uint32_t i = 0; i < op->path.count; i++) {
        bool found = false;
        uint32_t at = tree_find(node, op->path.parts[i], &found);
        struct slice name = op->path.parts[i].name;
        bool last = i + 1 == op->path.count;
        if (!found) {
            struct update_node *child = arena_zero(arena, 1, sizeof *child);
            child->part = op->path.parts[i];
            int rc = tree_step(child, op, filters, err);
            if (rc < 0) {
                return rc;
            }
            tree_insert(arena, node, at, child);
        } else if (last || node->children[at]->op != NULL) {
            size_t end = (size_t)(name.data + name.len - op->path.text.data);
            return tree_conflict(op, slice_of(op->path.text.data, end), err);
        }
        node = node->children[at];
    }
    node->op = op;
    return 0;
}

/* ---- applying ---- */

static int tree_field(const struct update_node *node, struct update_run *run,
                      struct doc_builder *builder, struct doc_elem field);

static bool tree_same(struct doc_value a, struct doc_value b)
{
    return a.type == b.type && a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Would anything below make its path? */
static bool tree_creates(const struct update_node *node, const struct update_run *run)
{
    if (node->op != NULL) {
        const struct update_kind *kind = node->op->kind;
        return kind->creates && (kind->idle == NULL || !kind->idle(node->op, run));
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->children[i]->step != UPDATE_STEP_NAME || tree_creates(node->children[i], run)) {
            return true;
        }
    }
    return false;
}

static const struct update_op *tree_any_op(const struct update_node *node)
{
    while (node->op == NULL) {
        node = node->children[0];
    }
    return node->op;
}

static bool tree_strict(const struct update_node *node, const struct update_run *run)
{
    if (node->op != NULL) {
        return tree_creates(node, run) || node->op->kind->strict;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (tree_strict(node->children[i], run)) {
            return true;
        }
    }
    return false;
}

static int tree_not_viable(const struct update_node *child, const struct update_run *run,
                           struct doc_elem field)
{
    struct buf text;
    buf_init(&text, run->eval->arena);
    doc_json_write_shell(&text, field.value);
    return err_set(run->err, LT_EPATHNOTVIABLE,
                   "Cannot create field '%.*s' in element {%.*s: %.*s}",
                   SLICE_FMT(child->part.name), SLICE_FMT(field.name), SLICE_FMT(buf_slice(&text)));
}

/* The elements that an array step wants cannot be had here. */
static int tree_no_array(const struct update_node *child, const struct update_run *run,
                         struct doc_elem field)
{
    if (child->step == UPDATE_STEP_MATCHED && run->array_index < 0) {
        return err_set(run->err, LT_EBADVALUE,
                       "The positional operator did not find the match needed from the query.");
    }
    if (!doc_value_exists(field.value)) {
        return err_set(
            run->err, LT_EBADVALUE,
            "The path '%.*s' must exist in the document in order to apply array updates.",
            SLICE_FMT(field.name));
    }
    return err_set(run->err, LT_EBADVALUE, "Cannot apply array updates to non-array element %.*s",
                   SLICE_FMT(field.name));
}

/* What is at `field` stands for a name, when a `$` has been resolved to a number. */
static struct doc_path_part tree_part(const struct update_node *node, const struct update_run *run)
{
    struct doc_path_part part = node->part;
    if (node->step == UPDATE_STEP_MATCHED && run->array_index >= 0) {
        part.index = run->array_index;
        part.name = arena_format(run->eval->arena, "%d", run->array_index);
    }
    return part;
}

/* The child that means the field of that name, or the count. */
static uint32_t tree_child(const struct update_node *node, const struct update_run *run,
                           struct slice name)
{
    if (node->count <= 8) {
        uint32_t at = 0;
        while (at < node->count && !slice_equal(tree_part(node->children[at], run).name, name)) {
            at++;
        }
        return at;
    }
    bool found = false;
    uint32_t at = tree_find(node, (struct doc_path_part){name, doc_path_index(name)}, &found);
    return found ? at : node->count;
}

static int tree_object(const struct update_node *node, struct update_run *run,
                       struct doc_builder *builder, struct doc_elem object)
{
    bool *done = arena_zero(run->eval->arena, node->count, sizeof *done);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->children[i]->step == UPDATE_STEP_ALL ||
            node->children[i]->step == UPDATE_STEP_FILTERED ||
            (node->children[i]->step == UPDATE_STEP_MATCHED && run->array_index < 0)) {
            return tree_no_array(node->children[i], run, object);
        }
    }
    int rc = 0;
    if (doc_value_exists(object.value)) {
        struct doc_iter iter;
        struct doc_elem field;
        doc_iter_value(&iter, object.value);
        while (rc == 0 && doc_iter_next(&iter, &field)) {
            uint32_t at = tree_child(node, run, field.name);
            if (at == node->count || done[at]) {
                doc_build_value(builder, field.name, field.value);
                continue;
            }
            done[at] = true;
            rc = tree_field(node->children[at], run, builder, field);
        }
    }
    for (uint32_t i = 0; i < node->count && rc == 0; i++) {
        if (!done[i]) {
            struct slice name = tree_part(node->children[i], run).name;
            rc = tree_field(node->children[i], run, builder, (struct doc_elem){name, doc_missing});
        }
    }
    return rc;
}

/* Both trees as one. */
static int tree_merge(const struct update_node *a, const struct update_node *b,
                      struct update_run *run, struct update_node **ret_node)
{
    struct arena *arena = run->eval->arena;
    if (a->op != NULL || b->op != NULL) {
        return tree_conflict(tree_any_op(b), a->part.name, run->err);
    }
    struct update_node *both = arena_zero(arena, 1, sizeof *both);
    *both = *a;
    both->cap = 0;
    both->children = NULL;
    both->count = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        tree_insert(arena, both, i, a->children[i]);
    }
    for (uint32_t i = 0; i < b->count; i++) {
        bool found = false;
        uint32_t at = tree_find(both, b->children[i]->part, &found);
        if (!found) {
            tree_insert(arena, both, at, b->children[i]);
            continue;
        }
        int rc = tree_merge(both->children[at], b->children[i], run, &both->children[at]);
        if (rc < 0) {
            return rc;
        }
    }
    *ret_node = both;
    return 0;
}

/* 1 when the node means element `index`, 0 when not. */
static int tree_picks(const struct update_node *node, struct update_run *run, int32_t index,
                      struct doc_value value)
{
    switch (node->step) {
    case UPDATE_STEP_ALL:
        return doc_value_exists(value);
    case UPDATE_STEP_FILTERED:
        if (!doc_value_exists(value)) {
            return 0;
        }
        return query_match_value(node->filter->match, run->eval, node->filter->id, value, run->err);
    case UPDATE_STEP_MATCHED:
        return run->array_index == index;
    default:
        return node->part.index == index;
    }
}

/* One element, or one past the end when its value is missing; writes something in any case. */
static int tree_element(const struct update_node *node, struct update_run *run,
                        struct doc_builder *builder, struct doc_elem elem)
{
    int32_t index = (int32_t)builder->open[builder->depth - 1].index;
    const struct update_node *picked = NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        int rc = tree_picks(node->children[i], run, index, elem.value);
        if (rc < 0) {
            return rc;
        }
        if (rc == 1 && picked != NULL) {
            struct update_node *both = NULL;
            rc = tree_merge(picked, node->children[i], run, &both);
            if (rc < 0) {
                return rc;
            }
            picked = both;
        } else if (rc == 1) {
            picked = node->children[i];
        }
    }
    if (picked != NULL) {
        int rc = tree_field(picked, run, builder, elem);
        if (rc < 0) {
            return rc;
        }
    }
    if ((int32_t)builder->open[builder->depth - 1].index == index) { /* nothing written */
        bool keep = picked == NULL && doc_value_exists(elem.value);
        doc_build_value(builder, SLICE(""), keep ? elem.value : doc_null);
    }
    return 0;
}

static int tree_array(const struct update_node *node, struct update_run *run,
                      struct doc_builder *builder, struct doc_elem array)
{
    int64_t last = -1; /* the highest element to create */
    int32_t count = (int32_t)doc_count(doc_value_get_doc(array.value));
    for (uint32_t i = 0; i < node->count; i++) {
        const struct update_node *child = node->children[i];
        if (child->step == UPDATE_STEP_MATCHED && run->array_index < 0) {
            return tree_no_array(child, run, array);
        }
        int32_t index = tree_part(child, run).index;
        if (child->step == UPDATE_STEP_NAME && index < 0 && tree_strict(child, run)) {
            return tree_not_viable(child, run, array);
        }
        if (index >= count && tree_creates(child, run) && index > last) {
            last = index;
        }
    }
    if (last - count > TREE_PADDING_MAX) {
        return err_set(run->err, LT_ECANNOTBACKFILLARRAY,
                       "Cannot backfill array with more than %d null elements", TREE_PADDING_MAX);
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, array.value);
    while (doc_iter_next(&iter, &elem)) {
        int rc = tree_element(node, run, builder, elem);
        if (rc < 0) {
            return rc;
        }
    }
    for (int64_t i = count; i <= last; i++) {
        run->modified = true;
        int rc = tree_element(node, run, builder, (struct doc_elem){SLICE(""), doc_missing});
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int tree_leaf(const struct update_node *node, struct update_run *run,
                     struct doc_builder *builder, struct doc_elem field)
{
    struct doc_value value = field.value;
    const struct update_kind *kind = node->op->kind;
    int rc = 0;
    if (kind->idle == NULL || !kind->idle(node->op, run)) {
        rc = kind->apply(node->op, run, field.value, &value);
    }
    if (rc < 0) {
        return rc;
    }
    if (!tree_same(value, field.value)) {
        run->modified = true;
    }
    if (doc_value_exists(value)) {
        doc_build_value(builder, field.name, value);
    }
    return 0;
}

/* A field that a node stands for; a missing value means that it is to be made. */
static int tree_field(const struct update_node *node, struct update_run *run,
                      struct doc_builder *builder, struct doc_elem field)
{
    if (node->op != NULL) {
        return tree_leaf(node, run, builder, field);
    }
    int rc = 0;
    if (field.value.type == DOC_ARRAY) {
        doc_build_open_array(builder, field.name);
        rc = tree_array(node, run, builder, field);
        doc_build_close(builder);
        return rc;
    }
    if (field.value.type != DOC_OBJECT && doc_value_exists(field.value)) {
        for (uint32_t i = 0; i < node->count; i++) {
            if (node->children[i]->step != UPDATE_STEP_NAME) {
                return tree_no_array(node->children[i], run, field);
            }
            if (tree_strict(node->children[i], run)) {
                return tree_not_viable(node->children[i], run, field);
            }
        }
        doc_build_value(builder, field.name, field.value);
        return 0;
    }
    if (!doc_value_exists(field.value)) {
        if (!tree_creates(node, run)) {
            return 0;
        }
        run->modified = true;
    }
    doc_build_open(builder, field.name);
    rc = tree_object(node, run, builder, field);
    doc_build_close(builder);
    return rc;
}

int query__update_tree_apply(const struct update_node *root, struct update_run *run,
                             struct slice doc, struct slice *ret_doc)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, run->eval->arena);
    buf_reserve(&buf, doc.len + 64);
    doc_build_begin(&builder, &buf);
    int rc = tree_object(root, run, &builder, (struct doc_elem){SLICE(""), doc_value_object(doc)});
    struct slice result = doc_build_end(&builder);
    if (rc == 0) {
        *ret_doc = result;
    }
    return rc;
}
