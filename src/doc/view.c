/* doc/view.c - stepping over fields: type byte, name, NUL, value. */
#include "doc/view.h"

static int64_t view_string_size(const uint8_t *data, size_t max, size_t extra)
{
    if (max < 4 + extra) {
        return -1;
    }
    uint32_t len = doc_load_u32(data);
    return len > max - 4 - extra ? -1 : (int64_t)(4 + len + extra);
}

static int64_t view_doc_size(const uint8_t *data, size_t max)
{
    if (max < 5) {
        return -1;
    }
    uint32_t len = doc_load_u32(data);
    return len < 5 || len > max ? -1 : (int64_t)len;
}

static int64_t view_regex_size(const uint8_t *data, size_t max)
{
    const uint8_t *nul = memchr(data, 0, max);
    if (nul == NULL) {
        return -1;
    }
    const uint8_t *options = nul + 1;
    const uint8_t *end = memchr(options, 0, max - (size_t)(options - data));
    return end == NULL ? -1 : end + 1 - data;
}

/* Bytes of a value plus one; 0: the value tells, or there is no such type. */
static const uint8_t view_fixed[256] = {
    [DOC_INT32] = 5,     [DOC_DOUBLE] = 9, [DOC_INT64] = 9,  [DOC_DATE] = 9,
    [DOC_TIMESTAMP] = 9, [DOC_OID] = 13,   [DOC_BOOL] = 2,   [DOC_NULL] = 1,
    [DOC_UNDEFINED] = 1, [DOC_MINKEY] = 1, [DOC_MAXKEY] = 1, [DOC_DECIMAL] = 17,
};

static int64_t view_told_size(uint8_t type, const uint8_t *data, size_t max)
{
    switch (type) {
    case DOC_STRING:
    case DOC_CODE:
    case DOC_SYMBOL:
        return view_string_size(data, max, 0);
    case DOC_OBJECT:
    case DOC_ARRAY:
    case DOC_CODE_W_SCOPE:
        return view_doc_size(data, max);
    case DOC_BINARY:
        return view_string_size(data, max, 1);
    case DOC_REGEX:
        return view_regex_size(data, max);
    case DOC_DBPOINTER:
        return view_string_size(data, max, 12);
    default:
        return -1;
    }
}

int64_t doc_value_size(uint8_t type, const uint8_t *data, size_t max)
{
    size_t fixed = view_fixed[type];
    if (fixed == 0) {
        return view_told_size(type, data, max);
    }
    return fixed - 1 > max ? -1 : (int64_t)(fixed - 1);
}

bool doc_iter_next(struct doc_iter *iter, struct doc_elem *ret_elem)
{
    if (iter->next >= iter->end) {
        return false;
    }
    const uint8_t *name = iter->next + 1;
    size_t name_len = strlen((const char *)name);
    const uint8_t *data = name + name_len + 1;
    uint8_t type = iter->next[0];
    int64_t size = doc_value_size(type, data, (size_t)(iter->end - data));
    assert(size >= 0);
    ret_elem->name = slice_of(name, name_len);
    ret_elem->value = (struct doc_value){data, (uint32_t)size, type};
    iter->next = data + size;
    return true;
}

struct doc_value doc_get(struct slice doc, struct slice name)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_equal(elem.name, name)) {
            return elem.value;
        }
    }
    return doc_missing;
}

struct doc_elem doc_first(struct slice doc)
{
    struct doc_iter iter;
    struct doc_elem elem = {SLICE(""), doc_missing};
    doc_iter_init(&iter, doc);
    doc_iter_next(&iter, &elem);
    return elem;
}

size_t doc_count(struct slice doc)
{
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = 0;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        count++;
    }
    return count;
}

struct doc_value doc_array_at(struct slice array, size_t index)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    for (size_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (i == index) {
            return elem.value;
        }
    }
    return doc_missing;
}
