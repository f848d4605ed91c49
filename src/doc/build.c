/* doc/build.c - appending fields; a document's length is written when it closes. */
#include "doc/build.h"

#include "doc/view.h"

static void build_push(struct doc_builder *builder, bool is_array)
{
    assert(builder->depth < DOC_BUILD_DEPTH_MAX);
    assert(builder->buf->len <= UINT32_MAX);
    builder->open[builder->depth].start = (uint32_t)builder->buf->len;
    builder->open[builder->depth].index = 0;
    builder->open[builder->depth].is_array = is_array;
    builder->depth++;
    buf_extend(builder->buf, 4);
}

static struct slice build_pop(struct doc_builder *builder)
{
    assert(builder->depth > 0);
    builder->depth--;
    buf_append_byte(builder->buf, 0);
    uint32_t start = builder->open[builder->depth].start;
    size_t lent = builder->lent_at > start ? builder->lent.len : 0;
    uint32_t len = (uint32_t)(builder->buf->len + lent - start);
    memcpy(builder->buf->data + start, &len, 4);
    return slice_of(builder->buf->data + start, builder->buf->len - start);
}

void doc_build_begin(struct doc_builder *builder, struct buf *buf)
{
    builder->buf = buf;
    builder->depth = 0;
    builder->lent = (struct slice){0};
    builder->lent_at = 0;
    build_push(builder, false);
}

void doc_build_begin_array(struct doc_builder *builder, struct buf *buf)
{
    builder->buf = buf;
    builder->depth = 0;
    builder->lent = (struct slice){0};
    builder->lent_at = 0;
    build_push(builder, true);
}

struct slice doc_build_end(struct doc_builder *builder)
{
    assert(builder->depth == 1);
    return build_pop(builder);
}

size_t doc_build_size(const struct doc_builder *builder)
{
    return builder->buf->len + builder->lent.len - builder->open[0].start;
}

/* The decimal digits of an array position: "0", "1", ... */
static struct slice build_index_name(uint32_t index, char digits[10])
{
    char *start = digits + 10;
    do {
        *--start = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    return slice_of(start, (size_t)(digits + 10 - start));
}

/* Type byte and name; then `size` bytes of room for the value. */
static uint8_t *build_head(struct doc_builder *builder, uint8_t type, struct slice name,
                           size_t size)
{
    char digits[10];
    uint32_t top = builder->depth - 1;
    if (builder->open[top].is_array) {
        name = build_index_name(builder->open[top].index++, digits);
    }
    uint8_t *at = buf_extend(builder->buf, 2 + name.len + size);
    *at++ = type;
    if (name.len > 0) {
        memcpy(at, name.data, name.len);
    }
    at[name.len] = 0;
    return at + name.len + 1;
}

void doc_build_value(struct doc_builder *builder, struct slice name, struct doc_value value)
{
    assert(value.type != DOC_MISSING);
    uint8_t *at = build_head(builder, value.type, name, value.len);
    if (value.len > 0) {
        memcpy(at, value.data, value.len);
    }
}

void doc_build_open(struct doc_builder *builder, struct slice name)
{
    build_head(builder, DOC_OBJECT, name, 0);
    build_push(builder, false);
}

void doc_build_open_array(struct doc_builder *builder, struct slice name)
{
    build_head(builder, DOC_ARRAY, name, 0);
    build_push(builder, true);
}

void doc_build_close(struct doc_builder *builder)
{
    assert(builder->depth > 1);
    build_pop(builder);
}

void doc_build_fields(struct doc_builder *builder, struct slice doc)
{
    if (!builder->open[builder->depth - 1].is_array) {
        buf_append(builder->buf, doc.data + 4, doc.len - 5);
        return;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        doc_build_value(builder, elem.name, elem.value);
    }
}

void doc_build_without(struct doc_builder *builder, struct slice doc, const char *name)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, name)) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
}

static void build_fixed(struct doc_builder *builder, uint8_t type, const char *name,
                        const void *data, size_t size)
{
    memcpy(build_head(builder, type, slice_str(name), size), data, size);
}

void doc_build_i32(struct doc_builder *builder, const char *name, int32_t number)
{
    build_fixed(builder, DOC_INT32, name, &number, sizeof number);
}

void doc_build_i64(struct doc_builder *builder, const char *name, int64_t number)
{
    build_fixed(builder, DOC_INT64, name, &number, sizeof number);
}

void doc_build_double(struct doc_builder *builder, const char *name, double number)
{
    build_fixed(builder, DOC_DOUBLE, name, &number, sizeof number);
}

void doc_build_bool(struct doc_builder *builder, const char *name, bool truth)
{
    doc_build_value(builder, slice_str(name), doc_value_bool(truth));
}

void doc_build_null(struct doc_builder *builder, const char *name)
{
    doc_build_value(builder, slice_str(name), doc_null);
}

void doc_build_date(struct doc_builder *builder, const char *name, int64_t unix_ms)
{
    build_fixed(builder, DOC_DATE, name, &unix_ms, sizeof unix_ms);
}

void doc_build_timestamp(struct doc_builder *builder, const char *name, uint64_t timestamp)
{
    build_fixed(builder, DOC_TIMESTAMP, name, &timestamp, sizeof timestamp);
}

void doc_build_string(struct doc_builder *builder, const char *name, struct slice text)
{
    uint8_t *at = build_head(builder, DOC_STRING, slice_str(name), text.len + 5);
    uint32_t len = (uint32_t)text.len + 1;
    memcpy(at, &len, 4);
    if (text.len > 0) {
        memcpy(at + 4, text.data, text.len);
    }
    at[4 + text.len] = 0;
}

void doc_build_text(struct doc_builder *builder, const char *name, const char *text)
{
    doc_build_string(builder, name, slice_str(text));
}

void doc_build_oid(struct doc_builder *builder, const char *name, const uint8_t bytes[12])
{
    build_fixed(builder, DOC_OID, name, bytes, 12);
}

void doc_build_binary(struct doc_builder *builder, const char *name, uint8_t subtype,
                      struct slice bytes)
{
    uint8_t *at = build_head(builder, DOC_BINARY, slice_str(name), bytes.len + 5);
    uint32_t len = (uint32_t)bytes.len;
    memcpy(at, &len, 4);
    at[4] = subtype;
    if (bytes.len > 0) {
        memcpy(at + 5, bytes.data, bytes.len);
    }
}

void doc_build_doc(struct doc_builder *builder, const char *name, struct slice doc)
{
    doc_build_value(builder, slice_str(name), doc_value_object(doc));
}

void doc_build_array(struct doc_builder *builder, const char *name, struct slice array)
{
    doc_build_value(builder, slice_str(name), doc_value_array(array));
}

void doc_build_lend(struct doc_builder *builder, const char *name, struct slice doc)
{
    assert(builder->lent.len == 0);
    build_head(builder, DOC_OBJECT, slice_str(name), 0);
    builder->lent = doc;
    builder->lent_at = builder->buf->len;
}

void doc_build_gather(struct doc_builder *builder)
{
    struct slice lent = builder->lent;
    if (lent.len > 0) {
        buf_extend(builder->buf, lent.len);
        uint8_t *at = builder->buf->data + builder->lent_at;
        memmove(at + lent.len, at, builder->buf->len - lent.len - builder->lent_at);
        memcpy(at, lent.data, lent.len);
        builder->lent = (struct slice){0};
    }
}
