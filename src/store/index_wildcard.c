/* store/index_wildcard.c - the keys of a document in a wildcard index.
 *
 * The wildcard is two fields of a key, a path and the value there: one key for each leaf that the
 * subtree and the projection let through. An array's elements lie at the array's path; an empty
 * array is undefined, an array in an array a value, a document without leaves an empty one. The
 * other fields are the same in all keys; in an index that has such, a document without a leaf has
 * one key with MinKey for path and value, so that it is found by them. */
#include <assert.h>

#include "doc/key.h"
#include "doc/view.h"
#include "store/index_keys_private.h"

struct wildcard_walk {
    struct store__keys *build;
    struct slice before; /* encoded fields before the wildcard, and after it */
    struct slice after;
    struct buf path;
};

static const struct doc_value wildcard_undefined = {(const uint8_t *)"", 0, DOC_UNDEFINED};
static const struct doc_value wildcard_lowest = {(const uint8_t *)"", 0, DOC_MINKEY};

static int wildcard_push(struct wildcard_walk *walk, struct doc_value path, struct doc_value value)
{
    const struct store_index *index = walk->build->index;
    struct buf key;
    buf_init(&key, walk->build->arena);
    buf_append_slice(&key, walk->before);
    doc_key_encode(&key, path, false);
    doc_key_encode_by(&key, value, index->fields[index->wildcard->field].descending,
                      index->collation);
    buf_append_slice(&key, walk->after);
    return store__keys_push(walk->build, buf_slice(&key));
}

static int wildcard_leaf(struct wildcard_walk *walk, struct doc_value value)
{
    struct doc_value path = doc_value_string(walk->build->arena, buf_slice(&walk->path));
    return wildcard_push(walk, path, value);
}

static int wildcard_fields(struct wildcard_walk *walk, struct slice doc);

/* What is at the walk's path: `whole` with its leaves, otherwise what is further below only. */
static int wildcard_value(struct wildcard_walk *walk, struct doc_value value, bool whole)
{
    uint32_t before = walk->build->count;
    int code = 0;
    if (value.type == DOC_OBJECT) {
        code = wildcard_fields(walk, doc_value_get_doc(value));
        value = doc_empty_object;
    }
    return code == 0 && whole && walk->build->count == before ? wildcard_leaf(walk, value) : code;
}

static int wildcard_elements(struct wildcard_walk *walk, struct doc_value array, bool whole)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    walk->build->multikey = true;
    if (doc_is_empty(doc_value_get_doc(array))) {
        return whole ? wildcard_leaf(walk, wildcard_undefined) : 0;
    }
    doc_iter_value(&iter, array);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = wildcard_value(walk, elem.value, whole);
    }
    return code;
}

static int wildcard_field(struct wildcard_walk *walk, struct doc_value value)
{
    enum doc_wildcard_place place =
        doc_wildcard_place_of(walk->build->index->wildcard, buf_slice(&walk->path));
    if (place == DOC_WILDCARD_OUTSIDE) {
        return 0;
    }
    bool whole = place == DOC_WILDCARD_INSIDE;
    return value.type == DOC_ARRAY ? wildcard_elements(walk, value, whole)
                                   : wildcard_value(walk, value, whole);
}

/* The depth is the document's, which is bounded. */
static int wildcard_fields(struct wildcard_walk *walk, struct slice doc)
{
    struct doc_iter iter;
    struct doc_elem elem;
    size_t len = walk->path.len;
    int code = 0;
    doc_iter_init(&iter, doc);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (len > 0) {
            buf_append_byte(&walk->path, '.');
        }
        buf_append_slice(&walk->path, elem.name);
        code = wildcard_field(walk, elem.value);
        walk->path.len = len;
    }
    return code;
}

int store__keys_of_wildcard(struct store__keys *build, struct slice doc)
{
    const struct store_index *index = build->index;
    uint32_t field = index->wildcard->field;
    struct wildcard_walk walk = {.build = build};
    assert(field < index->fields_count);
    buf_init(&walk.path, build->arena);
    struct store__keys_part before = {0, field};
    struct store__keys_part after = {field + 1, index->fields_count};
    int code = store__keys_plain(build, doc, before, &walk.before);
    code = code < 0 ? code : store__keys_plain(build, doc, after, &walk.after);
    code = code < 0 ? code : wildcard_fields(&walk, doc);
    if (code == 0 && build->count == 0 && index->fields_count > 1) {
        code = wildcard_push(&walk, wildcard_lowest, wildcard_lowest);
    }
    return code;
}
