/* store/describe.c - one place for the description's field names. */
#include "store/describe.h"

#include "doc/view.h"

struct store_describe_head store_describe_head_of(const struct store_collection *collection)
{
    struct store_describe_head head = {
        .id = collection->id,
        .db = collection->db,
        .name = collection->name,
        .options = collection->options,
        .natural = collection->capped == NULL ? 0 : collection->capped->natural.id,
    };
    memcpy(head.uuid, collection->uuid, sizeof head.uuid);
    return head;
}

struct store_describe *store_describe_begin(struct arena *arena,
                                            const struct store_describe_head *head)
{
    struct store_describe *describe = arena_alloc(arena, sizeof *describe);
    struct doc_builder *builder = &describe->builder;
    struct doc_value clustered = doc_get_str(head->options, "clusteredIndex");
    describe->clustered =
        clustered.type == DOC_OBJECT ? doc_value_get_doc(clustered) : (struct slice){0};
    struct doc_value collation = doc_get_str(head->options, "collation");
    describe->collation =
        collation.type == DOC_OBJECT ? doc_value_get_doc(collation) : (struct slice){0};
    buf_init(&describe->buf, arena);
    doc_build_begin(builder, &describe->buf);
    doc_build_i32(builder, "id", (int32_t)head->id);
    doc_build_string(builder, "db", head->db);
    doc_build_string(builder, "name", head->name);
    doc_build_binary(builder, "uuid", 4, slice_of(head->uuid, sizeof head->uuid));
    doc_build_doc(builder, "options", head->options);
    if (head->natural != 0) {
        doc_build_i32(builder, "natural", (int32_t)head->natural);
    }
    doc_build_open_array(builder, SLICE("indexes"));
    return describe;
}

void store_describe_index(struct store_describe *describe, const struct store_index *index)
{
    struct doc_builder *builder = &describe->builder;
    doc_build_open(builder, SLICE(""));
    doc_build_i32(builder, "id", (int32_t)index->id);
    doc_build_bool(builder, "ready", index->ready);
    doc_build_bool(builder, "multikey", index->multikey);
    doc_build_doc(builder, "spec", index->spec);
    doc_build_close(builder);
}

void store_describe_id_index(struct store_describe *describe, uint32_t id)
{
    struct doc_builder builder;
    struct buf spec;
    buf_init(&spec, NULL);
    doc_build_begin(&builder, &spec);
    if (describe->clustered.len > 0) {
        doc_build_fields(&builder, describe->clustered);
        doc_build_bool(&builder, "clustered", true);
    } else {
        doc_build_i32(&builder, "v", 2);
        doc_build_open(&builder, SLICE("key"));
        doc_build_i32(&builder, "_id", 1);
        doc_build_close(&builder);
        doc_build_text(&builder, "name", "_id_");
    }
    if (describe->collation.len > 0) {
        doc_build_doc(&builder, "collation", describe->collation);
    }
    struct store_index index = {.id = id, .ready = true, .spec = doc_build_end(&builder)};
    store_describe_index(describe, &index);
    buf_close(&spec);
}

struct slice store_describe_end(struct store_describe *describe)
{
    doc_build_close(&describe->builder);
    return doc_build_end(&describe->builder);
}
