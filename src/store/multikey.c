/* store/multikey.c - a new description with the marks, when one is missing. */
#include "store/multikey.h"

#include <assert.h>

#include "store/describe.h"

static struct slice multikey_description(struct arena *arena,
                                         const struct store_collection *collection,
                                         const bool *marks)
{
    struct store_describe_head head = store_describe_head_of(collection);
    struct store_describe *describe = store_describe_begin(arena, &head);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        struct store_index index = collection->indexes[i];
        index.multikey |= marks[i];
        store_describe_index(describe, &index);
    }
    return store_describe_end(describe);
}

int store_multikey_mark(struct store_writer *writer, struct arena *arena,
                        const struct store_collection *collection, const bool *marks)
{
    bool any = false;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        any |= marks[i] && !collection->indexes[i].multikey;
    }
    if (!any) {
        return 0;
    }
    const struct store_collection *newest = store_catalog_find(writer->catalog, collection->ns);
    assert(newest != NULL && newest->id == collection->id);
    return store_writer_put_collection(writer, multikey_description(arena, collection, marks),
                                       newest);
}
