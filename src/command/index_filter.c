/* command/index_filter.c - a list: there are few filters, and most servers have none. */
#include "command/index_filter.h"

#include "base/mem.h"
#include "command/server.h"
#include "doc/compare.h"
#include "doc/view.h"
#include "query/shape.h"

struct command_index_filter_entry {
    struct command_index_filter_entry *next;
    uint32_t collection; /* id */
    struct arena arena;
    struct slice key; /* of the shape */
    struct command_index_filter filter;
};

void command_index_filters_init(struct command_index_filters *filters)
{
    pthread_mutex_init(&filters->lock, NULL);
}

static void filter_drop(struct command_index_filters *filters,
                        struct command_index_filter_entry **link)
{
    struct command_index_filter_entry *entry = *link;
    *link = entry->next;
    arena_close(&entry->arena);
    mem_free(entry);
    atomic_fetch_sub(&filters->count, 1);
}

void command_index_filters_close(struct command_index_filters *filters)
{
    while (filters->first != NULL) {
        filter_drop(filters, &filters->first);
    }
    pthread_mutex_destroy(&filters->lock);
}

static void filter_append_doc(struct buf *buf, struct slice doc)
{
    uint32_t len = doc.len > 0 && !doc_is_empty(doc) ? (uint32_t)doc.len : 0;
    buf_append(buf, &len, sizeof len);
    buf_append(buf, doc.data, len);
}

static struct slice filter_key(struct arena *arena, const struct command_query_shape *shape)
{
    struct buf buf;
    buf_init(&buf, arena);
    filter_append_doc(&buf, shape->sort);
    filter_append_doc(&buf, shape->projection);
    filter_append_doc(&buf, shape->collation);
    query_shape_append(&buf, shape->match);
    return buf_slice(&buf);
}

static bool filter_is_gone(const struct store_catalog *catalog, uint32_t id)
{
    for (uint32_t i = 0; i < catalog->count; i++) {
        if (catalog->collections[i]->id == id) {
            return false;
        }
    }
    return true;
}

/* Under the lock: drop those of that collection and key (empty: any), and of collections that are
 * gone. */
static void filter_drop_some(struct command_index_filters *filters,
                             const struct store_catalog *catalog, uint32_t id, struct slice key)
{
    struct command_index_filter_entry **link = &filters->first;
    while (*link != NULL) {
        bool ours = (*link)->collection == id;
        bool drops = ours ? key.len == 0 || slice_equal((*link)->key, key)
                          : catalog != NULL && filter_is_gone(catalog, (*link)->collection);
        if (drops) {
            filter_drop(filters, link);
        } else {
            link = &(*link)->next;
        }
    }
}

static struct command_index_filter_entry *filter_new(uint32_t id,
                                                     const struct command_index_filter *filter)
{
    struct command_index_filter_entry *entry = mem_zero(1, sizeof *entry);
    arena_init(&entry->arena);
    entry->collection = id;
    entry->key = filter_key(&entry->arena, &filter->shape);
    entry->filter.query = arena_copy(&entry->arena, filter->query);
    entry->filter.indexes = arena_copy(&entry->arena, filter->indexes);
    entry->filter.shape.sort = arena_copy(&entry->arena, filter->shape.sort);
    entry->filter.shape.projection = arena_copy(&entry->arena, filter->shape.projection);
    entry->filter.shape.collation = arena_copy(&entry->arena, filter->shape.collation);
    return entry;
}

int command_index_filters_set(struct command_index_filters *filters, struct store_catalog *catalog,
                              const struct store_collection *collection,
                              const struct command_index_filter *filter, struct err *err)
{
    struct command_index_filter_entry *entry = filter_new(collection->id, filter);
    pthread_mutex_lock(&filters->lock);
    filter_drop_some(filters, catalog, collection->id, entry->key);
    bool fits = atomic_load(&filters->count) < COMMAND_INDEX_FILTERS_MAX;
    atomic_fetch_add(&filters->count, 1);
    struct command_index_filter_entry **link = &filters->first;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = entry;
    if (!fits) {
        filter_drop(filters, link);
    }
    pthread_mutex_unlock(&filters->lock);
    return fits ? 0
                : err_set(err, LT_EBADVALUE,
                          "there are %d index filters already; planCacheClearFilters makes room",
                          COMMAND_INDEX_FILTERS_MAX);
}

void command_index_filters_clear(struct command_index_filters *filters,
                                 const struct store_collection *collection,
                                 const struct command_query_shape *shape)
{
    struct arena arena;
    arena_init(&arena);
    struct slice key = shape == NULL ? (struct slice){0} : filter_key(&arena, shape);
    pthread_mutex_lock(&filters->lock);
    filter_drop_some(filters, NULL, collection->id, key);
    pthread_mutex_unlock(&filters->lock);
    arena_close(&arena);
}

static void filter_build(const struct command_index_filter *filter, struct doc_builder *builder)
{
    const struct slice empty = doc_value_get_doc(doc_empty_object);
    const struct command_query_shape *shape = &filter->shape;
    doc_build_open(builder, SLICE(""));
    doc_build_doc(builder, "query", filter->query);
    doc_build_doc(builder, "sort", shape->sort.len > 0 ? shape->sort : empty);
    doc_build_doc(builder, "projection", shape->projection.len > 0 ? shape->projection : empty);
    if (shape->collation.len > 0) {
        doc_build_doc(builder, "collation", shape->collation);
    }
    doc_build_array(builder, "indexes", filter->indexes);
    doc_build_close(builder);
}

void command_index_filters_build(struct command_index_filters *filters,
                                 const struct store_collection *collection,
                                 struct doc_builder *builder)
{
    pthread_mutex_lock(&filters->lock);
    struct command_index_filter_entry *entry = filters->first;
    for (; entry != NULL; entry = entry->next) {
        if (entry->collection == collection->id) {
            filter_build(&entry->filter, builder);
        }
    }
    pthread_mutex_unlock(&filters->lock);
}

bool command_index_filters_find(struct command_index_filters *filters,
                                const struct store_collection *collection,
                                const struct command_query_shape *shape, struct arena *arena,
                                struct slice *ret_indexes)
{
    bool found = false;
    if (atomic_load(&filters->count) == 0) {
        return false;
    }
    struct slice key = filter_key(arena, shape);
    pthread_mutex_lock(&filters->lock);
    struct command_index_filter_entry *entry = filters->first;
    for (; entry != NULL && !found; entry = entry->next) {
        if (entry->collection == collection->id && slice_equal(entry->key, key)) {
            *ret_indexes = arena_copy(arena, entry->filter.indexes);
            found = true;
        }
    }
    pthread_mutex_unlock(&filters->lock);
    return found;
}

bool command_index_filter_allows(struct slice indexes, const struct store_index *index)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool allows = false;
    doc_iter_init(&iter, indexes);
    while (!allows && doc_iter_next(&iter, &elem)) {
        allows = elem.value.type == DOC_STRING
                     ? slice_equal(doc_value_get_string(elem.value), index->name)
                     : doc_compare_docs(doc_value_get_doc(elem.value), index->key) == 0;
    }
    return allows;
}
