/* doc/wildcard.c - paths against paths. */
#include "doc/wildcard.h"

#include "doc/view.h"

enum { WILDCARD_DEPTH_MAX = 200, WILDCARD_MARK = 3 };

bool doc_wildcard_is_name(struct slice name)
{
    size_t len = name.len;
    return len >= WILDCARD_MARK &&
           memcmp(name.data + len - WILDCARD_MARK, "$**", WILDCARD_MARK) == 0 &&
           (len == WILDCARD_MARK || name.data[len - WILDCARD_MARK - 1] == '.');
}

/* ---- the projection ---- */

struct wildcard_list {
    struct arena *arena;
    struct slice *paths;
    uint32_t count;
    uint32_t cap;
    bool keeps;
};

static void wildcard_add(struct wildcard_list *list, struct slice path, bool keeps)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 8 : list->cap * 2;
        struct slice *paths = arena_alloc(list->arena, cap * sizeof *paths);
        if (list->count > 0) {
            memcpy(paths, list->paths, list->count * sizeof *paths);
        }
        list->paths = paths;
        list->cap = cap;
    }
    list->keeps = list->count == 0 ? keeps : list->keeps;
    list->paths[list->count++] = path;
}

static void wildcard_collect(struct wildcard_list *list, struct slice doc, struct slice above,
                             uint32_t depth)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (depth < WILDCARD_DEPTH_MAX && doc_iter_next(&iter, &elem)) {
        struct slice path = elem.name;
        if (above.len == 0 && slice_is(path, "_id")) {
            continue;
        }
        if (above.len > 0) {
            path = arena_format(list->arena, "%.*s.%.*s", SLICE_FMT(above), SLICE_FMT(path));
        }
        if (elem.value.type == DOC_OBJECT) {
            wildcard_collect(list, doc_value_get_doc(elem.value), path, depth + 1);
        } else {
            wildcard_add(list, path, doc_value_truth(elem.value));
        }
    }
}

struct slice *doc_wildcard_paths(struct arena *arena, struct slice projection, uint32_t *ret_count,
                                 bool *ret_keeps)
{
    struct doc_value id = doc_get_str(projection, "_id");
    struct wildcard_list list = {.arena = arena};
    list.keeps = doc_value_exists(id) && doc_value_truth(id);
    wildcard_collect(&list, projection, (struct slice){0}, 0);
    *ret_count = list.count;
    *ret_keeps = list.keeps;
    return list.paths;
}

struct doc_wildcard *doc_wildcard_of_spec(struct arena *arena, struct slice spec)
{
    struct doc_value key = doc_get_str(spec, "key");
    struct doc_value projection = doc_get_str(spec, "wildcardProjection");
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc_value_get_doc(key));
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (!doc_wildcard_is_name(elem.name) || !doc_value_is_number(elem.value)) {
            continue;
        }
        struct doc_wildcard *wildcard = arena_zero(arena, 1, sizeof *wildcard);
        wildcard->field = i;
        wildcard->root = elem.name;
        wildcard->root.len -= elem.name.len == WILDCARD_MARK ? WILDCARD_MARK : WILDCARD_MARK + 1;
        if (projection.type == DOC_OBJECT) {
            struct slice paths = doc_value_get_doc(projection);
            struct doc_value id = doc_get_str(paths, "_id");
            wildcard->has_id = doc_value_exists(id) && doc_value_truth(id);
            wildcard->paths =
                doc_wildcard_paths(arena, paths, &wildcard->paths_count, &wildcard->keeps);
        }
        return wildcard;
    }
    return NULL;
}

/* ---- places ---- */

bool doc_wildcard_is_below(struct slice path, struct slice other)
{
    return slice_starts(path, other) && (path.len == other.len || path.data[other.len] == '.');
}

static bool wildcard_is_above(struct slice path, struct slice other)
{
    return path.len < other.len && doc_wildcard_is_below(other, path);
}

static enum doc_wildcard_place wildcard_projected(const struct doc_wildcard *wildcard,
                                                  struct slice path)
{
    bool above = false;
    for (uint32_t i = 0; i < wildcard->paths_count; i++) {
        if (doc_wildcard_is_below(path, wildcard->paths[i])) {
            return wildcard->keeps ? DOC_WILDCARD_INSIDE : DOC_WILDCARD_OUTSIDE;
        }
        above |= wildcard_is_above(path, wildcard->paths[i]);
    }
    if (!wildcard->keeps) {
        return DOC_WILDCARD_INSIDE;
    }
    return above ? DOC_WILDCARD_ABOVE : DOC_WILDCARD_OUTSIDE;
}

enum doc_wildcard_place doc_wildcard_place_of(const struct doc_wildcard *wildcard,
                                              struct slice path)
{
    if (wildcard->root.len > 0) {
        bool above = wildcard_is_above(path, wildcard->root);
        return doc_wildcard_is_below(path, wildcard->root) ? DOC_WILDCARD_INSIDE
               : above                                     ? DOC_WILDCARD_ABOVE
                                                           : DOC_WILDCARD_OUTSIDE;
    }
    enum doc_wildcard_place place = wildcard_projected(wildcard, path);
    if (!doc_wildcard_is_below(path, SLICE("_id"))) {
        return place;
    }
    bool named = wildcard->keeps && place != DOC_WILDCARD_OUTSIDE; /* {"_id.x": 1} */
    return wildcard->has_id ? DOC_WILDCARD_INSIDE : named ? place : DOC_WILDCARD_OUTSIDE;
}
