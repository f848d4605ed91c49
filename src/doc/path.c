/* doc/path.c - splitting at dots, and following a path through documents and arrays.
 *
 * Recursion goes one level per part, at most DOC_PATH_PARTS_MAX. At an array two branches open: its
 * elements that are objects, each with the same part, and, for a numeric part, the element at that
 * position with the next part. */
#include "doc/path.h"

#include "doc/view.h"

int32_t doc_path_index(struct slice name)
{
    if (name.len == 0 || name.len > 10 || (name.data[0] == '0' && name.len > 1)) {
        return -1;
    }
    int64_t index = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return -1;
        }
        index = index * 10 + (name.data[i] - '0');
    }
    return index <= INT32_MAX ? (int32_t)index : -1;
}

static uint32_t path_count(struct slice text)
{
    uint32_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == '.';
    }
    return count;
}

int doc_path_parse(struct arena *arena, struct slice text, struct doc_path *ret_path,
                   struct err *err)
{
    uint32_t count = path_count(text);
    if (count > DOC_PATH_PARTS_MAX) {
        return err_set(err, LT_EOVERFLOW, "FieldPath is too long: %u parts, at most %d", count,
                       DOC_PATH_PARTS_MAX);
    }
    struct doc_path_part *parts = arena_zero(arena, count, sizeof *parts);
    size_t start = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t end = start;
        while (end < text.len && text.data[end] != '.') {
            end++;
        }
        parts[i].name = slice_of(text.data + start, end - start);
        parts[i].index = doc_path_index(parts[i].name);
        start = end + 1;
    }
    *ret_path = (struct doc_path){text, count, parts};
    return 0;
}

bool doc_path_has_empty_part(const struct doc_path *path)
{
    for (uint32_t i = 0; i < path->count; i++) {
        if (path->parts[i].name.len == 0) {
            return true;
        }
    }
    return false;
}

struct path_walk {
    const struct doc_path *path;
    doc_path_cb cb;
    void *context;
};

static bool path_visit_doc(const struct path_walk *walk, uint32_t part, struct slice doc,
                           struct doc_path_hit hit);

/* Below an array: one branch per element that is an object, one for the numbered element. */
static bool path_visit_array(const struct path_walk *walk, uint32_t part, struct slice array,
                             struct doc_path_hit hit)
{
    int32_t wanted = walk->path->parts[part].index;
    bool last = part + 1 == walk->path->count;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    for (int32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        bool stop = false;
        if (elem.value.type == DOC_OBJECT) {
            struct doc_path_hit below = hit;
            below.through_array = true;
            below.array_index = hit.array_index >= 0 ? hit.array_index : i;
            stop = path_visit_doc(walk, part, doc_value_get_doc(elem.value), below);
        }
        if (i == wanted && !stop) {
            struct doc_path_hit at = hit;
            if (last) {
                at.value = elem.value;
                at.at_index = true;
                stop = walk->cb(walk->context, &at);
            } else if (elem.value.type == DOC_OBJECT) {
                stop = path_visit_doc(walk, part + 1, doc_value_get_doc(elem.value), at);
            } else if (elem.value.type == DOC_ARRAY) {
                stop = path_visit_array(walk, part + 1, doc_value_get_doc(elem.value), at);
            }
        }
        if (stop) {
            return true;
        }
    }
    return false;
}

static bool path_visit_doc(const struct path_walk *walk, uint32_t part, struct slice doc,
                           struct doc_path_hit hit)
{
    struct doc_value value = doc_get(doc, walk->path->parts[part].name);
    if (part + 1 == walk->path->count) {
        hit.value = value;
        return walk->cb(walk->context, &hit);
    }
    if (value.type == DOC_OBJECT) {
        return path_visit_doc(walk, part + 1, doc_value_get_doc(value), hit);
    }
    if (value.type == DOC_ARRAY) {
        return path_visit_array(walk, part + 1, doc_value_get_doc(value), hit);
    }
    hit.value = doc_missing;
    return walk->cb(walk->context, &hit);
}

bool doc_path_visit(const struct doc_path *path, struct slice doc, doc_path_cb cb, void *context)
{
    assert(path->count > 0);
    struct path_walk walk = {path, cb, context};
    struct doc_path_hit hit = {.value = doc_missing, .array_index = -1};
    return path_visit_doc(&walk, 0, doc, hit);
}

struct doc_value doc_path_get(const struct doc_path *path, struct slice doc)
{
    struct doc_value value = doc_value_object(doc);
    for (uint32_t i = 0; i < path->count; i++) {
        if (value.type == DOC_OBJECT) {
            value = doc_get(doc_value_get_doc(value), path->parts[i].name);
        } else if (value.type == DOC_ARRAY && path->parts[i].index >= 0) {
            value = doc_array_at(doc_value_get_doc(value), (size_t)path->parts[i].index);
        } else {
            return doc_missing;
        }
    }
    return value;
}
