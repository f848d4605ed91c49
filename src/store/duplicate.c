/* store/duplicate.c - keyValue is decoded from the key, so that arrays show the element at fault.
 *
 * Where the index has a collation there are sort keys in place of strings: they are shown as such,
 * in hexadecimal digits. */
#include "store/duplicate.h"

#include "doc/build.h"
#include "doc/json.h"
#include "doc/key.h"
#include "doc/view.h"

static struct slice duplicate_digits(struct arena *arena, struct slice key)
{
    struct buf text;
    buf_init(&text, arena);
    buf_format(&text, "0x");
    for (size_t i = 0; i < key.len; i++) {
        buf_format(&text, "%02x", key.data[i]);
    }
    return buf_slice(&text);
}

/* The value with digits in place of the sort keys in it. */
static struct doc_value duplicate_show(struct arena *arena, struct doc_value value)
{
    if (value.type == DOC_STRING) {
        return doc_value_string(arena, duplicate_digits(arena, doc_value_get_string(value)));
    }
    if (value.type != DOC_OBJECT && value.type != DOC_ARRAY) {
        return value;
    }
    struct doc_builder builder;
    struct doc_iter iter;
    struct doc_elem elem;
    struct buf buf;
    bool is_array = value.type == DOC_ARRAY;
    buf_init(&buf, arena);
    if (is_array) {
        doc_build_begin_array(&builder, &buf);
    } else {
        doc_build_begin(&builder, &buf);
    }
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        doc_build_value(&builder, is_array ? SLICE("") : elem.name,
                        duplicate_show(arena, elem.value));
    }
    struct slice shown = doc_build_end(&builder);
    return is_array ? doc_value_array(shown) : doc_value_object(shown);
}

static struct slice duplicate_key_value(const struct store_write *write,
                                        const struct store_index *index, struct slice fields)
{
    struct buf *buf = arena_alloc(write->arena, sizeof *buf);
    struct doc_builder builder;
    buf_init(buf, write->arena);
    doc_build_begin(&builder, buf);
    for (uint32_t i = 0; i < index->fields_count; i++) {
        struct doc_value value = doc_null;
        doc_key_decode(&fields, index->fields[i].descending, write->arena, &value, NULL);
        if (index->collation != NULL) {
            value = duplicate_show(write->arena, value);
        }
        doc_build_value(&builder, index->fields[i].path.text, value);
    }
    return doc_build_end(&builder);
}

static struct slice duplicate_text(struct arena *arena, struct slice doc)
{
    struct buf text;
    buf_init(&text, arena);
    doc_json_write_shell(&text, doc_value_object(doc));
    return buf_slice(&text);
}

int store_duplicate(const struct store_write *write, const struct store_index *index,
                    struct slice fields)
{
    struct buf info;
    struct doc_builder builder;
    struct slice key_value = duplicate_key_value(write, index, fields);
    struct slice collation =
        index->collation == NULL ? (struct slice){0} : doc_collation_spec(index->collation);
    struct slice collation_text =
        index->collation == NULL ? SLICE("")
                                 : arena_format(write->arena, " collation: %.*s",
                                                SLICE_FMT(duplicate_text(write->arena, collation)));
    int code =
        err_set(write->err, LT_EDUPLICATEKEY,
                "E11000 duplicate key error collection: %.*s index: %.*s%.*s dup key: %.*s",
                SLICE_FMT(write->collection->ns), SLICE_FMT(index->name), SLICE_FMT(collation_text),
                SLICE_FMT(duplicate_text(write->arena, key_value)));
    buf_init(&info, write->arena);
    doc_build_begin(&builder, &info);
    doc_build_doc(&builder, "keyPattern", index->key);
    doc_build_doc(&builder, "keyValue", key_value);
    if (index->collation != NULL) {
        doc_build_doc(&builder, "collation", collation);
    }
    write->err->info = doc_build_end(&builder);
    return code;
}
