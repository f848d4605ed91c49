/* store/index_keys.c - which keys a document has in an index.
 *
 * Every field walks down its path. Fields that meet the same array are expanded together, element
 * by element, and walk on from each element; fields that meet different arrays are "parallel" and
 * refused. An array at the end of a path gives its elements, an empty one undefined; an array
 * inside an array is a value. What a path does not reach is null. An index with a collation has
 * sort keys in place of strings.
 *
 * A geospatial field stands for the cells of its value, an array at the end of its path being one:
 * each combination of the fields' cells is an entry, and a document without any has none.
 *
 * A hashed field stands for a hash; an index with one refuses arrays. */
#include <assert.h>
#include <stdlib.h>

#include "doc/hash.h"
#include "doc/key.h"
#include "doc/view.h"
#include "store/index_keys_private.h"

enum { KEYS_MAX = 100000, KEYS_BYTES_MAX = 32 << 20 };

struct keys_walk {
    struct doc_value value;
    uint32_t part;        /* parts of the path taken */
    bool settled;         /* the value is final: it is not expanded again */
    struct geo_ids cells; /* of a geospatial field */
};

static const struct doc_value keys_undefined = {(const uint8_t *)"", 0, DOC_UNDEFINED};

int store__keys_push(struct store__keys *build, struct slice key)
{
    if (build->count == build->cap) {
        build->cap = build->cap == 0 ? 4 : build->cap * 2;
        struct slice *keys = arena_alloc(build->arena, build->cap * sizeof *keys);
        if (build->count > 0) {
            memcpy(keys, build->keys, build->count * sizeof *keys);
        }
        build->keys = keys;
    }
    build->keys[build->count++] = key;
    build->bytes += key.len;
    if (build->count > KEYS_MAX || build->bytes > KEYS_BYTES_MAX) {
        return err_set(
            build->err, LT_ECANNOTBUILDINDEXKEYS,
            "Index build failed: the document has too many keys in index %.*s: more than "
            "%d, or more than %d MB",
            SLICE_FMT(build->index->name), KEYS_MAX, KEYS_BYTES_MAX >> 20);
    }
    return 0;
}

static int keys_emit(struct store__keys *build, const struct keys_walk *walks)
{
    struct buf buf;
    buf_init(&buf, build->arena);
    for (uint32_t i = 0; i < build->index->fields_count; i++) {
        build->exists |= doc_value_exists(walks[i].value);
        struct doc_value value = walks[i].value;
        if (build->index->fields[i].hashed) {
            value = doc_value_i64(
                build->arena, doc_hash_index_key_by(build->arena, value, build->index->collation));
        }
        doc_key_encode_by(&buf, value, build->index->fields[i].descending, build->index->collation);
    }
    return store__keys_push(build, buf_slice(&buf));
}

/* Put field `at` and those after it behind what `before` has: an entry for each cell. */
static int keys_emit_cells(struct store__keys *build, const struct keys_walk *walks, uint32_t at,
                           struct slice before)
{
    const struct keys_walk *walk = &walks[at];
    bool geo = at < build->index->fields_count && build->index->fields[at].geo;
    uint32_t count = geo && walk->cells.count > 0 ? walk->cells.count : 1;
    int code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++) {
        struct buf buf;
        buf_init(&buf, build->arena);
        buf_append_slice(&buf, before);
        if (at == build->index->fields_count) {
            return store__keys_push(build, buf_slice(&buf));
        }
        struct doc_value value = walk->value;
        if (geo) {
            value =
                walk->cells.count > 0 ? doc_value_i64(build->arena, walk->cells.ids[i]) : doc_null;
        }
        doc_key_encode_by(&buf, value, build->index->fields[at].descending,
                          build->index->collation);
        code = keys_emit_cells(build, walks, at + 1, buf_slice(&buf));
    }
    return code;
}

static int keys_emit_geo(struct store__keys *build, struct keys_walk *walks)
{
    bool any = false;
    for (uint32_t i = 0; i < build->index->fields_count; i++) {
        if (!build->index->fields[i].geo) {
            continue;
        }
        int code = geo_index_cells(&build->index->geo, build->arena, walks[i].value,
                                   &walks[i].cells, build->err);
        if (code < 0) {
            return code;
        }
        any |= walks[i].cells.count > 0;
        build->multikey |= walks[i].cells.count > 1;
    }
    build->exists |= any;
    return any ? keys_emit_cells(build, walks, 0, (struct slice){0}) : 0;
}

/* Walk on until the path ends or an array has to be expanded: true for the latter. A step to a
 * position makes the index multikey too: a query's path may also mean fields of elements. */
static bool keys_advance(struct store__keys *build, struct keys_walk *walk,
                         const struct store_index_field *field)
{
    const struct doc_path *path = &field->path;
    while (!walk->settled && walk->part < path->count) {
        const struct doc_path_part *part = &path->parts[walk->part];
        struct doc_value next = doc_missing;
        if (walk->value.type == DOC_OBJECT) {
            next = doc_get(doc_value_get_doc(walk->value), part->name);
        } else if (walk->value.type == DOC_ARRAY) {
            if (part->index >= 0) {
                next = doc_array_at(doc_value_get_doc(walk->value), (size_t)part->index);
            }
            if (!doc_value_exists(next)) {
                return true;
            }
            build->multikey = true;
        }
        walk->value = next;
        walk->part++;
        walk->settled = !doc_value_exists(next);
    }
    return !walk->settled && walk->value.type == DOC_ARRAY && !field->geo;
}

static int keys_expand(struct store__keys *build, const struct keys_walk *walks);

/* The walks with one element of the array in the place of the array. */
static int keys_element(struct store__keys *build, const struct keys_walk *walks,
                        struct doc_value array, struct doc_value element)
{
    uint32_t count = build->index->fields_count;
    struct keys_walk *next = arena_alloc(build->arena, count * sizeof *next);
    for (uint32_t i = 0; i < count; i++) {
        next[i] = walks[i];
        if (walks[i].settled || walks[i].value.data != array.data) {
            continue;
        }
        if (walks[i].part == build->index->fields[i].path.count) {
            next[i].value = element;
            next[i].settled = true;
        } else {
            next[i].value = element.type == DOC_OBJECT ? element : doc_missing;
            next[i].settled = element.type != DOC_OBJECT;
        }
    }
    return keys_expand(build, next);
}

static int keys_parallel(struct store__keys *build, uint32_t first, uint32_t second)
{
    const struct store_index_field *fields = build->index->fields;
    return err_set(build->err, LT_ECANNOTINDEXPARALLELARRAYS,
                   "cannot index parallel arrays [%.*s] [%.*s]",
                   SLICE_FMT(fields[second].path.text), SLICE_FMT(fields[first].path.text));
}

static int keys_expand(struct store__keys *build, const struct keys_walk *walks)
{
    uint32_t count = build->index->fields_count;
    struct keys_walk *here = arena_alloc(build->arena, count * sizeof *here);
    int met = -1;
    for (uint32_t i = 0; i < count; i++) {
        here[i] = walks[i];
        if (!keys_advance(build, &here[i], &build->index->fields[i])) {
            continue;
        }
        if (met >= 0 && here[met].value.data != here[i].value.data) {
            return keys_parallel(build, (uint32_t)met, i);
        }
        met = met < 0 ? (int)i : met;
    }
    if (build->index->hashed && (met >= 0 || build->multikey)) {
        return err_set(build->err, 16766,
                       "hashed indexes do not currently support array values: index %.*s",
                       SLICE_FMT(build->index->name));
    }
    if (met < 0) {
        return build->index->geo.kind != GEO_INDEX_NONE ? keys_emit_geo(build, here)
                                                        : keys_emit(build, here);
    }
    struct doc_value array = here[met].value;
    struct doc_iter iter;
    struct doc_elem elem;
    build->multikey = true;
    doc_iter_value(&iter, array);
    if (doc_is_empty(doc_value_get_doc(array))) {
        return keys_element(build, here, array, keys_undefined);
    }
    while (doc_iter_next(&iter, &elem)) {
        int code = keys_element(build, here, array, elem.value);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

static int keys_order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sort, and drop what is there twice. */
static uint32_t keys_distinct(struct slice *keys, uint32_t count)
{
    if (count < 2) {
        return count;
    }
    qsort(keys, count, sizeof *keys, keys_order);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (!slice_equal(keys[i], keys[kept - 1])) {
            keys[kept++] = keys[i];
        }
    }
    return kept;
}

/* ---- fields beside a wildcard or a text ---- */

static int keys_plain_value(struct store__keys *build, struct slice doc, uint32_t field,
                            struct doc_value *ret_value)
{
    const struct doc_path *path = &build->index->fields[field].path;
    struct doc_value value = doc_value_object(doc);
    for (uint32_t i = 0; i < path->count && value.type != DOC_ARRAY; i++) {
        value = value.type == DOC_OBJECT ? doc_get(doc_value_get_doc(value), path->parts[i].name)
                                         : doc_missing;
    }
    if (value.type == DOC_ARRAY) {
        return err_set(
            build->err, build->index->text != NULL ? 16675 : 7246301,
            "field '%.*s' of compound index %.*s has an array; only its text or wildcard "
            "field may",
            SLICE_FMT(path->text), SLICE_FMT(build->index->name));
    }
    build->exists |= doc_value_exists(value);
    *ret_value = value;
    return 0;
}

int store__keys_plain(struct store__keys *build, struct slice doc, struct store__keys_part part,
                      struct slice *ret_encoded)
{
    struct buf buf;
    buf_init(&buf, build->arena);
    for (uint32_t i = part.from; i < part.to; i++) {
        struct doc_value value = doc_missing;
        int code = keys_plain_value(build, doc, i, &value);
        if (code < 0) {
            return code;
        }
        doc_key_encode_by(&buf, value, build->index->fields[i].descending, build->index->collation);
    }
    *ret_encoded = buf_slice(&buf);
    return 0;
}

static int keys_of_kind(struct store__keys *build, struct slice doc, struct keys_walk *walks)
{
    return build->index->wildcard != NULL ? store__keys_of_wildcard(build, doc)
           : build->index->text != NULL   ? store__keys_of_text(build, doc)
                                          : keys_expand(build, walks);
}

int store_index_keys(struct arena *arena, const struct store_index *index, struct slice doc,
                     struct store_index_keys *ret_keys, struct err *err)
{
    *ret_keys = (struct store_index_keys){0};
    if (index->filter != NULL && !index->filter_ops->matches(index->filter, doc)) {
        return 0;
    }
    struct store__keys build = {.arena = arena, .index = index, .err = err};
    struct keys_walk *walks = arena_zero(arena, index->fields_count, sizeof *walks);
    for (uint32_t i = 0; i < index->fields_count; i++) {
        walks[i].value = doc_value_object(doc);
    }
    int code = keys_of_kind(&build, doc, walks);
    if (code < 0) {
        return code;
    }
    if ((index->sparse || index->geo.kind != GEO_INDEX_NONE) && !build.exists) {
        return 0;
    }
    ret_keys->keys = build.keys;
    ret_keys->count = keys_distinct(build.keys, build.count);
    ret_keys->multikey = build.multikey;
    return 0;
}
