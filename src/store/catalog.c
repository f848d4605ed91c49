/* store/catalog.c - parsing descriptions, and catalogs as sorted arrays that share collections. */
#include "store/catalog.h"

#include "base/mem.h"
#include "doc/hash.h"
#include "doc/view.h"

static int catalog_fields(struct store_collection *collection, struct store_index *index)
{
    struct doc_iter iter;
    struct doc_elem elem;
    index->fields_count = (uint32_t)doc_count(index->key);
    index->fields = arena_zero(&collection->arena, index->fields_count, sizeof *index->fields);
    doc_iter_init(&iter, index->key);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        int code = doc_path_parse(&collection->arena, elem.name, &index->fields[i].path, NULL);
        index->fields[i].geo = geo_index_kind_of(elem.value) != GEO_INDEX_NONE;
        index->fields[i].hashed = doc_hash_is_index_kind(elem.value);
        bool special =
            index->fields[i].geo || index->fields[i].hashed || text_index_is_kind(elem.value);
        if (code < 0 || (!special && !doc_value_is_number(elem.value))) {
            return -LT_ECORRUPT;
        }
        index->hashed |= index->fields[i].hashed;
        index->fields[i].descending = !special && doc_value_to_double(elem.value) < 0;
    }
    return 0;
}

static bool catalog_flag(struct slice doc, const char *name)
{
    return doc_value_truth(doc_get_str(doc, name));
}

/* The collation of an index's specification, which often is the collection's. */
static int catalog_index_collation(struct store_collection *collection, struct store_index *index)
{
    struct doc_value spec = doc_get_str(index->spec, "collation");
    const struct doc_collation *same = collection->collation;
    if (spec.type != DOC_OBJECT) {
        return 0;
    }
    if (same != NULL && slice_equal(doc_collation_spec(same), doc_value_get_doc(spec))) {
        index->collation = same;
        return 0;
    }
    int code = doc_collation_parse(&collection->arena, doc_value_get_doc(spec), "collation",
                                   &index->collation, NULL);
    return code < 0 ? -LT_ECORRUPT : 0;
}

static int catalog_index(struct store_collection *collection, struct slice entry,
                         struct store_index *index)
{
    struct doc_value id = doc_get_str(entry, "id");
    struct doc_value spec = doc_get_str(entry, "spec");
    if (id.type != DOC_INT32 || spec.type != DOC_OBJECT) {
        return -LT_ECORRUPT;
    }
    index->id = (uint32_t)doc_value_get_i32(id);
    index->spec = doc_value_get_doc(spec);
    struct doc_value key = doc_get_str(index->spec, "key");
    struct doc_value name = doc_get_str(index->spec, "name");
    if (key.type != DOC_OBJECT || name.type != DOC_STRING) {
        return -LT_ECORRUPT;
    }
    index->key = doc_value_get_doc(key);
    index->name = doc_value_get_string(name);
    index->is_id = index->id == collection->id;
    index->unique = index->is_id || catalog_flag(index->spec, "unique");
    index->sparse = catalog_flag(index->spec, "sparse");
    index->hidden = catalog_flag(index->spec, "hidden");
    index->geo = geo_index_of_spec(index->spec);
    index->wildcard = doc_wildcard_of_spec(&collection->arena, index->spec);
    index->text = text_index_of_spec(&collection->arena, index->spec);
    index->ready = catalog_flag(entry, "ready");
    index->multikey = catalog_flag(entry, "multikey");
    int code = catalog_index_collation(collection, index);
    struct doc_value partial = doc_get_str(index->spec, "partialFilterExpression");
    if (partial.type == DOC_OBJECT) {
        index->partial = doc_value_get_doc(partial);
        index->filter_ops = collection->filter_ops;
        index->filter = index->filter_ops->parse(index->partial, index->collation);
    }
    return code < 0 ? code : catalog_fields(collection, index);
}

static int catalog_indexes(struct store_collection *collection, struct slice list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t count = (uint32_t)doc_count(list);
    collection->indexes = arena_zero(&collection->arena, count, sizeof *collection->indexes);
    doc_iter_init(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        struct store_index *index = &collection->indexes[collection->indexes_count++];
        if (elem.value.type != DOC_OBJECT) {
            return -LT_ECORRUPT;
        }
        int code = catalog_index(collection, doc_value_get_doc(elem.value), index);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

static int catalog_names(struct store_collection *collection)
{
    struct slice from = collection->description;
    struct doc_value id = doc_get_str(from, "id");
    struct doc_value db = doc_get_str(from, "db");
    struct doc_value name = doc_get_str(from, "name");
    struct doc_value uuid = doc_get_str(from, "uuid");
    struct doc_value options = doc_get_str(from, "options");
    if (id.type != DOC_INT32 || db.type != DOC_STRING || name.type != DOC_STRING ||
        uuid.type != DOC_BINARY || doc_value_get_binary(uuid).len != 16 ||
        options.type != DOC_OBJECT) {
        return -LT_ECORRUPT;
    }
    collection->id = (uint32_t)doc_value_get_i32(id);
    collection->db = doc_value_get_string(db);
    collection->name = doc_value_get_string(name);
    collection->options = doc_value_get_doc(options);
    struct doc_value images = doc_get_str(collection->options, "changeStreamPreAndPostImages");
    collection->keeps_images = images.type == DOC_OBJECT &&
                               doc_value_truth(doc_get_str(doc_value_get_doc(images), "enabled"));
    memcpy(collection->uuid, doc_value_get_binary(uuid).data, 16);
    collection->ns = arena_format(&collection->arena, "%.*s.%.*s", SLICE_FMT(collection->db),
                                  SLICE_FMT(collection->name));
    return 0;
}

/* The position of the option's value among `names`, which ends with NULL; 0 when it is not given.
 */
static int catalog_choice(struct slice options, const char *option, const char *const *names)
{
    struct doc_value value = doc_get_str(options, option);
    for (int i = 0; value.type == DOC_STRING && names[i] != NULL; i++) {
        if (slice_is(doc_value_get_string(value), names[i])) {
            return i;
        }
    }
    return 0;
}

static int catalog_collation(struct store_collection *collection)
{
    struct doc_value spec = doc_get_str(collection->options, "collation");
    if (spec.type != DOC_OBJECT) {
        return 0;
    }
    int code = doc_collation_parse(&collection->arena, doc_value_get_doc(spec), "collation",
                                   &collection->collation, NULL);
    return code < 0 ? -LT_ECORRUPT : 0;
}

static int catalog_validation(struct store_collection *collection)
{
    static const char *const levels[] = {"strict", "moderate", "off", NULL};
    static const char *const actions[] = {"error", "warn", "errorAndLog", NULL};
    struct store_validation *validation = &collection->validation;
    struct doc_value validator = doc_get_str(collection->options, "validator");
    if (validator.type != DOC_OBJECT || doc_is_empty(doc_value_get_doc(validator))) {
        return 0;
    }
    validation->validator = doc_value_get_doc(validator);
    validation->level = catalog_choice(collection->options, "validationLevel", levels);
    validation->action = catalog_choice(collection->options, "validationAction", actions);
    validation->filter =
        collection->filter_ops->parse(validation->validator, collection->collation);
    return validation->filter == NULL ? -LT_ECORRUPT : 0;
}

static int catalog_capped(struct store_collection *collection)
{
    struct doc_value natural = doc_get_str(collection->description, "natural");
    struct doc_value size = doc_get_str(collection->options, "size");
    struct doc_value max = doc_get_str(collection->options, "max");
    if (!doc_value_exists(natural)) {
        return 0;
    }
    if (natural.type != DOC_INT32 || !doc_value_is_number(size)) {
        return -LT_ECORRUPT;
    }
    struct store_capped *capped = arena_zero(&collection->arena, 1, sizeof *capped);
    capped->bytes_max = doc_value_to_i64_clamped(size);
    capped->documents_max = doc_value_is_number(max) ? doc_value_to_i64_clamped(max) : 0;
    capped->natural.id = (uint32_t)doc_value_get_i32(natural);
    capped->natural.is_natural = true;
    capped->natural.unique = true;
    capped->natural.ready = true;
    collection->capped = capped;
    return 0;
}

static int catalog_view(struct store_collection *collection)
{
    struct doc_value on = doc_get_str(collection->options, "viewOn");
    struct doc_value pipeline = doc_get_str(collection->options, "pipeline");
    if (!doc_value_exists(on)) {
        return 0;
    }
    if (on.type != DOC_STRING || pipeline.type != DOC_ARRAY) {
        return -LT_ECORRUPT;
    }
    collection->view_on = doc_value_get_string(on);
    collection->view_pipeline = doc_value_get_doc(pipeline);
    return 0;
}

int store_collection_parse(struct slice description, const struct store_filter_ops *filter_ops,
                           struct store_collection **ret_collection)
{
    struct store_collection *collection = mem_zero(1, sizeof *collection);
    atomic_init(&collection->references, 1);
    arena_init(&collection->arena);
    collection->filter_ops = filter_ops;
    collection->description = arena_copy(&collection->arena, description);
    int code = catalog_names(collection);
    code = code < 0 ? code : catalog_collation(collection);
    code = code < 0 ? code : catalog_capped(collection);
    code = code < 0 ? code : catalog_view(collection);
    code = code < 0 ? code : catalog_validation(collection);
    struct doc_value indexes = doc_get_str(collection->description, "indexes");
    if (code == 0) {
        code = indexes.type == DOC_ARRAY ? catalog_indexes(collection, doc_value_get_doc(indexes))
                                         : -LT_ECORRUPT;
    }
    if (code < 0) {
        store_collection_release(collection);
        return code;
    }
    *ret_collection = collection;
    return 0;
}

void store_collection_release(struct store_collection *collection)
{
    if (collection == NULL || atomic_fetch_sub(&collection->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        if (collection->indexes[i].filter != NULL) {
            collection->filter_ops->free(collection->indexes[i].filter);
        }
    }
    if (collection->validation.filter != NULL) {
        collection->filter_ops->free(collection->validation.filter);
    }
    arena_close(&collection->arena);
    mem_free(collection);
}

const struct store_index *store_collection_index(const struct store_collection *collection,
                                                 struct slice name)
{
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        if (slice_equal(collection->indexes[i].name, name)) {
            return &collection->indexes[i];
        }
    }
    return NULL;
}

struct store_catalog *store_catalog_new(void)
{
    struct store_catalog *catalog = mem_zero(1, sizeof *catalog);
    atomic_init(&catalog->references, 1);
    return catalog;
}

void store_catalog_release(struct store_catalog *catalog)
{
    if (catalog == NULL || atomic_fetch_sub(&catalog->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < catalog->count; i++) {
        store_collection_release(catalog->collections[i]);
    }
    mem_free(catalog->collections);
    mem_free(catalog);
}

/* Position of the first collection whose ns is not below `ns`. */
static uint32_t catalog_position(const struct store_catalog *catalog, struct slice ns)
{
    uint32_t low = 0;
    uint32_t high = catalog->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slice_compare(catalog->collections[middle]->ns, ns) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct store_catalog *store_catalog_with(const struct store_catalog *old, uint64_t version,
                                         struct store_collection *put,
                                         const struct store_collection *drop)
{
    struct store_catalog *catalog = store_catalog_new();
    catalog->version = version;
    catalog->collections = mem_alloc((old->count + 1) * sizeof *catalog->collections);
    bool placed = put == NULL;
    for (uint32_t i = 0; i < old->count; i++) {
        struct store_collection *collection = old->collections[i];
        int order = placed ? 1 : slice_compare(put->ns, collection->ns);
        if (!placed && order <= 0) {
            catalog->collections[catalog->count++] = put;
            placed = true;
            if (order == 0) {
                continue;
            }
        }
        if (collection != drop) {
            catalog->collections[catalog->count++] = store_collection_hold(collection);
        }
    }
    if (!placed) {
        catalog->collections[catalog->count++] = put;
    }
    return catalog;
}

struct store_collection *store_catalog_find_any(const struct store_catalog *catalog,
                                                struct slice ns)
{
    uint32_t position = catalog_position(catalog, ns);
    if (position < catalog->count && slice_equal(catalog->collections[position]->ns, ns)) {
        return catalog->collections[position];
    }
    return NULL;
}

struct store_collection *store_catalog_find(const struct store_catalog *catalog, struct slice ns)
{
    struct store_collection *found = store_catalog_find_any(catalog, ns);
    return found != NULL && found->view_on.len > 0 ? NULL : found;
}

struct store_collection *store_catalog_find_uuid(const struct store_catalog *catalog,
                                                 const uint8_t uuid[16])
{
    for (uint32_t i = 0; i < catalog->count; i++) {
        if (memcmp(catalog->collections[i]->uuid, uuid, 16) == 0) {
            return catalog->collections[i];
        }
    }
    return NULL;
}

uint32_t store_catalog_db(const struct store_catalog *catalog, struct slice db, uint32_t *ret_count)
{
    struct arena arena;
    arena_init(&arena);
    struct slice prefix = arena_format(&arena, "%.*s.", SLICE_FMT(db));
    uint32_t first = catalog_position(catalog, prefix);
    uint32_t last = first;
    while (last < catalog->count && slice_starts(catalog->collections[last]->ns, prefix)) {
        last++;
    }
    arena_close(&arena);
    *ret_count = last - first;
    return first;
}
