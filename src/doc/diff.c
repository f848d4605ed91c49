/* doc/diff.c - two documents side by side, field by field.
 *
 * Fields stand in the same order nearly always, so the next old field is looked at first, and only
 * one that has moved is searched for. How often that may happen is bounded: a document of a million
 * fields in another order would keep the writer for hours. */
#include "doc/diff.h"

#include "base/buf.h"
#include "doc/build.h"
#include "doc/view.h"

enum { DIFF_SEARCHES_MAX = 1000, DIFF_DEPTH_MAX = 200 };

struct diff_step {
    struct slice name;
    int32_t index; /* in an array; -1: a field */
};

struct diff {
    struct doc_builder updated;
    struct doc_builder removed;
    struct doc_builder truncated;
    struct doc_builder ambiguous;
    struct arena *arena;
    struct buf path;
    struct diff_step steps[DIFF_DEPTH_MAX];
    uint32_t depth;
    uint32_t searches; /* that are left */
};

static void diff_values(struct diff *diff, struct doc_value old_value, struct doc_value new_value);

/* ---- paths ---- */

static void diff_enter(struct diff *diff, struct slice name, int32_t index)
{
    if (diff->depth > 0) {
        buf_append_byte(&diff->path, '.');
    }
    buf_append_slice(&diff->path, name);
    diff->steps[diff->depth++] = (struct diff_step){name, index};
}

static void diff_leave(struct diff *diff)
{
    diff->depth--;
    diff->path.len -= diff->steps[diff->depth].name.len + (diff->depth > 0);
}

static bool diff_is_number(struct slice name)
{
    bool all = name.len > 0;
    for (size_t i = 0; all && i < name.len; i++) {
        all = name.data[i] >= '0' && name.data[i] <= '9';
    }
    return all;
}

/* A name with a dot in it, or one that could be an array's index. */
static bool diff_is_ambiguous(const struct diff *diff)
{
    for (uint32_t i = 0; i < diff->depth; i++) {
        struct slice name = diff->steps[i].name;
        bool has_dot = name.len > 0 && memchr(name.data, '.', name.len) != NULL;
        if (diff->steps[i].index < 0 && (has_dot || diff_is_number(name))) {
            return true;
        }
    }
    return false;
}

/* The path where it is written next; says which it is when that could be misread. */
static struct slice diff_path(struct diff *diff)
{
    struct slice path = buf_slice(&diff->path);
    if (diff_is_ambiguous(diff)) {
        doc_build_open_array(&diff->ambiguous, path);
        for (uint32_t i = 0; i < diff->depth; i++) {
            if (diff->steps[i].index >= 0) {
                doc_build_i32(&diff->ambiguous, "", diff->steps[i].index);
            } else {
                doc_build_string(&diff->ambiguous, "", diff->steps[i].name);
            }
        }
        doc_build_close(&diff->ambiguous);
    }
    return path;
}

/* ---- documents ---- */

static bool diff_is_same(struct doc_value a, struct doc_value b)
{
    return a.type == b.type && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void diff_updated(struct diff *diff, struct doc_value value)
{
    doc_build_value(&diff->updated, diff_path(diff), value);
}

/* A field that is not where it was expected. */
static struct doc_value diff_search(struct diff *diff, struct slice doc, struct slice name)
{
    if (diff->searches == 0) {
        return doc_missing;
    }
    diff->searches--;
    return doc_get(doc, name);
}

static void diff_removed(struct diff *diff, struct slice old_doc, struct slice new_doc)
{
    struct doc_iter olds;
    struct doc_iter news;
    struct doc_elem was;
    struct doc_elem is;
    doc_iter_init(&olds, old_doc);
    doc_iter_init(&news, new_doc);
    bool more = doc_iter_next(&news, &is);
    while (doc_iter_next(&olds, &was)) {
        if (more && slice_equal(was.name, is.name)) {
            more = doc_iter_next(&news, &is);
        } else if (!doc_value_exists(diff_search(diff, new_doc, was.name))) {
            diff_enter(diff, was.name, -1);
            doc_build_string(&diff->removed, "", diff_path(diff));
            diff_leave(diff);
        }
    }
}

static void diff_docs(struct diff *diff, struct slice old_doc, struct slice new_doc)
{
    struct doc_iter olds;
    struct doc_iter news;
    struct doc_elem was;
    struct doc_elem is;
    doc_iter_init(&olds, old_doc);
    doc_iter_init(&news, new_doc);
    bool more = doc_iter_next(&olds, &was);
    while (doc_iter_next(&news, &is)) {
        struct doc_value old_value = doc_missing;
        if (more && slice_equal(was.name, is.name)) {
            old_value = was.value;
            more = doc_iter_next(&olds, &was);
        } else if (!doc_is_empty(old_doc)) {
            old_value = diff_search(diff, old_doc, is.name);
        }
        if (!doc_value_exists(old_value) || !diff_is_same(old_value, is.value)) {
            diff_enter(diff, is.name, -1);
            diff_values(diff, old_value, is.value);
            diff_leave(diff);
        }
    }
    diff_removed(diff, old_doc, new_doc);
}

/* ---- arrays ---- */

/* How many elements both have, from the first on, that are the same. */
static size_t diff_common(struct slice old_array, struct slice new_array)
{
    struct doc_iter olds;
    struct doc_iter news;
    struct doc_elem was;
    struct doc_elem is;
    size_t count = 0;
    doc_iter_init(&olds, old_array);
    doc_iter_init(&news, new_array);
    while (doc_iter_next(&olds, &was) && doc_iter_next(&news, &is) &&
           diff_is_same(was.value, is.value)) {
        count++;
    }
    return count;
}

static void diff_elements(struct diff *diff, struct slice old_array, struct slice new_array)
{
    struct doc_iter olds;
    struct doc_iter news;
    struct doc_elem was;
    struct doc_elem is;
    doc_iter_init(&olds, old_array);
    doc_iter_init(&news, new_array);
    for (int32_t i = 0; doc_iter_next(&news, &is); i++) {
        struct doc_value old_value = doc_iter_next(&olds, &was) ? was.value : doc_missing;
        if (!doc_value_exists(old_value) || !diff_is_same(old_value, is.value)) {
            diff_enter(diff, arena_format(diff->arena, "%d", i), i);
            diff_values(diff, old_value, is.value);
            diff_leave(diff);
        }
    }
}

static void diff_arrays(struct diff *diff, struct slice old_array, struct doc_value new_value)
{
    struct slice new_array = doc_value_get_doc(new_value);
    size_t old_count = doc_count(old_array);
    size_t new_count = doc_count(new_array);
    if (new_count >= old_count) {
        diff_elements(diff, old_array, new_array);
    } else if (new_count > 0 && diff_common(old_array, new_array) == new_count) {
        doc_build_open(&diff->truncated, SLICE(""));
        doc_build_string(&diff->truncated, "field", diff_path(diff));
        doc_build_i32(&diff->truncated, "newSize", (int32_t)new_count);
        doc_build_close(&diff->truncated);
    } else {
        diff_updated(diff, new_value);
    }
}

static void diff_values(struct diff *diff, struct doc_value old_value, struct doc_value new_value)
{
    bool is_deep = diff->depth + 1 >= DIFF_DEPTH_MAX;
    if (old_value.type == DOC_OBJECT && new_value.type == DOC_OBJECT && !is_deep &&
        !doc_is_empty(doc_value_get_doc(old_value))) {
        diff_docs(diff, doc_value_get_doc(old_value), doc_value_get_doc(new_value));
    } else if (old_value.type == DOC_ARRAY && new_value.type == DOC_ARRAY && !is_deep) {
        diff_arrays(diff, doc_value_get_doc(old_value), new_value);
    } else {
        diff_updated(diff, new_value);
    }
}

bool doc_diff(struct arena *arena, struct slice old_doc, struct slice new_doc,
              struct slice *ret_description)
{
    struct diff *diff = arena_alloc(arena, sizeof *diff);
    struct buf *bufs = arena_alloc(arena, 5 * sizeof *bufs);
    for (int i = 0; i < 5; i++) {
        buf_init(&bufs[i], arena);
    }
    diff->arena = arena;
    diff->depth = 0;
    diff->searches = DIFF_SEARCHES_MAX;
    buf_init(&diff->path, arena);
    doc_build_begin(&diff->updated, &bufs[0]);
    doc_build_begin_array(&diff->removed, &bufs[1]);
    doc_build_begin_array(&diff->truncated, &bufs[2]);
    doc_build_begin(&diff->ambiguous, &bufs[3]);
    diff_docs(diff, old_doc, new_doc);
    struct slice ambiguous = doc_build_end(&diff->ambiguous);
    struct doc_builder *whole = arena_alloc(arena, sizeof *whole);
    doc_build_begin(whole, &bufs[4]);
    doc_build_doc(whole, "updatedFields", doc_build_end(&diff->updated));
    doc_build_array(whole, "removedFields", doc_build_end(&diff->removed));
    doc_build_array(whole, "truncatedArrays", doc_build_end(&diff->truncated));
    if (!doc_is_empty(ambiguous)) {
        doc_build_doc(whole, "disambiguatedPaths", ambiguous);
    }
    *ret_description = doc_build_end(whole);
    return diff->searches > 0;
}
