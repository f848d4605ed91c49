/* doc/view.h - walking a BSON document in place.
 *
 * Invariant   the document has passed doc_validate; walking checks lengths by assertion only.
 * Thread      pure.
 * Memory      names and values borrow the document.
 * Errors      none.
 */
#ifndef DOC_VIEW_H
#define DOC_VIEW_H

#include "doc/value.h"

struct doc_iter {
    const uint8_t *next;
    const uint8_t *end; /* the document's final NUL */
};

/* Start before the first field of a document or array. */
static inline void doc_iter_init(struct doc_iter *iter, struct slice doc)
{
    assert(doc.len >= 5);
    iter->next = doc.data + 4;
    iter->end = doc.data + doc.len - 1;
}

/* Start on an object's or array's value. */
static inline void doc_iter_value(struct doc_iter *iter, struct doc_value value)
{
    doc_iter_init(iter, doc_value_get_doc(value));
}

/* Step to the next field: false at the end. */
bool doc_iter_next(struct doc_iter *iter, struct doc_elem *ret_elem);

/* The field of that name (the first, if there are more), or doc_missing. The name is a plain
 * field name, dots have no meaning. */
struct doc_value doc_get(struct slice doc, struct slice name);

/* doc_get by C string. */
static inline struct doc_value doc_get_str(struct slice doc, const char *name)
{
    return doc_get(doc, slice_str(name));
}

/* The first field; a missing value and an empty name in an empty document. */
struct doc_elem doc_first(struct slice doc);

/* How many fields or elements. O(fields). */
size_t doc_count(struct slice doc);

static inline bool doc_is_empty(struct slice doc)
{
    return doc.len <= 5;
}

/* Element `index` of an array, by position; doc_missing past the end. O(index). */
struct doc_value doc_array_at(struct slice array, size_t index);

/* Bytes of a value of `type` that starts at data, which holds at most `max` bytes; -1 when it does
 * not fit or the type is unknown. Looks at lengths only. */
int64_t doc_value_size(uint8_t type, const uint8_t *data, size_t max);

#endif
