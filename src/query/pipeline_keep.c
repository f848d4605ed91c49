/* query/pipeline_keep.c - documents that a stage holds, each in one piece of heap memory; and what
 * else stages share. */
#include <stdlib.h>

#include "base/mem.h"
#include "query/pipeline_private.h"

void query__keep_add(struct query__keep *keep, struct slice key, struct slice doc)
{
    if (keep->count == keep->room) {
        keep->room = keep->room == 0 ? 64 : 2 * keep->room;
        keep->items = mem_grow(keep->items, keep->room * sizeof *keep->items);
    }
    struct query__kept *item = &keep->items[keep->count++];
    item->bytes = mem_alloc(key.len + doc.len);
    item->key_len = (uint32_t)key.len;
    item->doc_len = (uint32_t)doc.len;
    item->number = keep->arrivals++;
    if (key.len > 0) {
        memcpy(item->bytes, key.data, key.len);
    }
    memcpy(item->bytes + key.len, doc.data, doc.len);
    keep->bytes += key.len + doc.len + sizeof *item;
}

static int keep_order(const void *left, const void *right)
{
    const struct query__kept *a = left;
    const struct query__kept *b = right;
    int order = slice_compare(slice_of(a->bytes, a->key_len), slice_of(b->bytes, b->key_len));
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

void query__keep_sort(struct query__keep *keep, uint64_t limit)
{
    if (keep->count > 1) {
        qsort(keep->items, keep->count, sizeof *keep->items, keep_order);
    }
    while (limit > 0 && keep->count > limit) {
        struct query__kept *item = &keep->items[--keep->count];
        keep->bytes -= item->key_len + item->doc_len + sizeof *item;
        mem_free(item->bytes);
    }
}

struct slice query__keep_key(const struct query__keep *keep, uint64_t index)
{
    const struct query__kept *item = &keep->items[index];
    return slice_of(item->bytes, item->key_len);
}

struct slice query__keep_doc(const struct query__keep *keep, uint64_t index)
{
    const struct query__kept *item = &keep->items[index];
    return slice_of(item->bytes + item->key_len, item->doc_len);
}

void query__keep_close(struct query__keep *keep)
{
    for (uint64_t i = 0; i < keep->count; i++) {
        mem_free(keep->items[i].bytes);
    }
    mem_free(keep->items);
    *keep = (struct query__keep){0};
}

struct doc_value query__path_set(struct arena *arena, struct slice doc,
                                 const struct query_expr *path, uint32_t part,
                                 struct doc_value value)
{
    if (part + 1 < path->names_count) {
        struct doc_value inner = doc_get(doc, path->names[part]);
        bool nested = inner.type == DOC_OBJECT;
        if (!nested && !doc_value_exists(value)) {
            return doc_value_object(doc);
        }
        struct slice inner_doc = doc_value_get_doc(nested ? inner : doc_empty_object);
        value = query__path_set(arena, inner_doc, path, part + 1, value);
    }
    return query__object_with(arena, doc, path->names[part], value);
}

int query__stage_holds(struct query_stage_run *self, uint64_t bytes, struct err *err)
{
    int rc = query_hold_check(self->stage->ops->name, bytes, err);
    return rc < 0 ? rc : query_hold_set(&self->counted, bytes, err);
}
