/* doc/key.c - writing order-preserving keys.
 *
 *   value    tag, then by class:
 *   number   length class of the whole part in the tag; whole part, big endian; 0 when that is all,
 *            else 1 and: the largest double not above, ordered; 0 when that is all, else 1 and the
 *            decimal as power of ten and 34 digits. Beyond 2^53 there is no whole part.
 *   string   bytes, NUL written as 00 FF; then 00 01. Code alike. By a collation the bytes are
 * those of its sort key. object   per field: class, name, NUL, value; then 00 array    per element:
 * value; then 00 binary   length, subtype, bytes others   big endian or raw
 *
 * Tags leave one byte below and one above each class for bounds. No tag is 00, so a document's end
 * sorts before any further field. Descending is the complement of it all. */
#include "doc/key_private.h"

#include <math.h>

#include "doc/compare.h"
#include "doc/number_private.h"
#include "doc/view.h"

static const struct {
    int type_class;
    uint8_t low;
    uint8_t high;
} key_classes[] = {
    {-1, KEY_MINKEY - 1, KEY_MINKEY + 2},  {0, KEY_UNDEFINED - 1, KEY_UNDEFINED + 2},
    {5, KEY_NULL - 1, KEY_NULL + 2},       {10, KEY_NUMBER_LOW, KEY_NUMBER_HIGH},
    {15, KEY_STRING - 1, KEY_STRING + 2},  {20, KEY_OBJECT - 1, KEY_OBJECT + 2},
    {25, KEY_ARRAY - 1, KEY_ARRAY + 2},    {30, KEY_BINARY - 1, KEY_BINARY + 2},
    {35, KEY_OID - 1, KEY_OID + 2},        {40, KEY_FALSE - 1, KEY_TRUE + 1},
    {45, KEY_DATE - 1, KEY_DATE + 2},      {47, KEY_TIMESTAMP - 1, KEY_TIMESTAMP + 2},
    {50, KEY_REGEX - 1, KEY_REGEX + 2},    {55, KEY_DBPOINTER - 1, KEY_DBPOINTER + 2},
    {60, KEY_CODE - 1, KEY_CODE + 2},      {65, KEY_CODE_W_SCOPE - 1, KEY_CODE_W_SCOPE + 2},
    {127, KEY_MAXKEY - 1, KEY_MAXKEY + 2},
};

enum { KEY_CLASSES = sizeof key_classes / sizeof key_classes[0] };

static int key_class_row(int type_class)
{
    for (int i = 0; i < KEY_CLASSES; i++) {
        if (key_classes[i].type_class == type_class) {
            return i;
        }
    }
    assert(!"known class");
    return 0;
}

/* The low `size` bytes of `number`, big endian. */
static void key_write_be(struct buf *buf, uint64_t number, size_t size)
{
    uint8_t *at = buf_extend(buf, size);
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(number >> 8 * (size - 1 - i));
    }
}

/* ---- numbers ---- */

static void key_write_double(struct buf *buf, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    bits ^= bits >> 63 ? UINT64_MAX : (uint64_t)1 << 63;
    key_write_be(buf, bits, 8);
}

/* Sign, power of ten of the first digit, and 34 digits: 17 bytes, complemented when negative. */
static void key_write_decimal(struct buf *buf, struct doc_decimal number)
{
    struct doc__decimal_parts parts;
    doc__decimal_split(number, &parts);
    assert(parts.coefficient != 0);
    while (parts.coefficient < doc__key_digits_min()) {
        parts.coefficient *= 10;
        parts.exponent--;
    }
    size_t start = buf->len;
    key_write_be(buf, (uint64_t)(parts.exponent + KEY_EXPONENT_BIAS), 2);
    key_write_be(buf, (uint64_t)(parts.coefficient >> 64), 7);
    key_write_be(buf, (uint64_t)parts.coefficient, 8);
    for (size_t i = start; parts.negative && i < buf->len; i++) {
        buf->data[i] ^= 0xff;
    }
}

/* The double below, and what it leaves. */
static void key_write_rest(struct buf *buf, const struct doc__number *number)
{
    key_write_double(buf, number->floor);
    buf_append_byte(buf, !number->exact);
    if (!number->exact) {
        key_write_decimal(buf, number->decimal);
    }
}

static void key_write_whole(struct buf *buf, int64_t whole)
{
    uint64_t magnitude = whole < 0 ? (uint64_t)(-(whole + 1)) : (uint64_t)whole;
    int size = 1;
    while (magnitude >> 8 * size != 0) {
        size++;
    }
    assert(size <= KEY_WHOLE_SIZE_MAX);
    int tag = whole < 0 ? KEY_NUMBER_NEGATIVE + KEY_WHOLE_SIZE_MAX - size
                        : KEY_NUMBER_POSITIVE + size - 1;
    buf_append_byte(buf, (uint8_t)tag);
    key_write_be(buf, (uint64_t)whole, (size_t)size);
}

static void key_write_number(struct buf *buf, struct doc_value value)
{
    struct doc__number number = doc__number_of_value(value);
    if (isnan(number.floor)) {
        buf_append_byte(buf, KEY_NUMBER_NAN);
        return;
    }
    if (number.floor < -KEY_WHOLE_LIMIT || number.floor >= KEY_WHOLE_LIMIT) {
        buf_append_byte(buf, number.floor < 0 ? KEY_NUMBER_FAR_NEGATIVE : KEY_NUMBER_FAR_POSITIVE);
        key_write_rest(buf, &number);
        return;
    }
    double whole = floor(number.floor);
    bool fraction = !number.exact || whole != number.floor;
    key_write_whole(buf, (int64_t)whole);
    buf_append_byte(buf, fraction);
    if (fraction) {
        key_write_rest(buf, &number);
    }
}

/* ---- the rest ---- */

static void key_write_text(struct buf *buf, struct slice text)
{
    while (text.len > 0) {
        const uint8_t *nul = memchr(text.data, 0, text.len);
        size_t run = nul == NULL ? text.len : (size_t)(nul - text.data);
        buf_append(buf, text.data, run);
        if (nul == NULL) {
            break;
        }
        buf_append(buf, "\x00\xff", 2);
        text = slice_from(text, run + 1);
    }
    buf_append(buf, "\x00\x01", 2);
}

static void key_write_length(struct buf *buf, uint32_t len)
{
    if (len < KEY_LENGTH_LONG) {
        buf_append_byte(buf, (uint8_t)len);
        return;
    }
    buf_append_byte(buf, KEY_LENGTH_LONG);
    key_write_be(buf, len, 4);
}

static void key_write_value(struct buf *buf, struct doc_value value,
                            const struct doc_collation *by);

static void key_write_string(struct buf *buf, struct slice text, const struct doc_collation *by)
{
    buf_append_byte(buf, KEY_STRING);
    if (by == NULL) {
        key_write_text(buf, text);
        return;
    }
    doc_collation_sort_key(by, text, buf);
    buf_append(buf, "\x00\x01", 2);
}

static void key_write_fields(struct buf *buf, struct slice doc, bool names,
                             const struct doc_collation *by)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (names) {
            int row = key_class_row(doc_class(elem.value.type));
            buf_append_byte(buf, key_classes[row].low);
            buf_append(buf, elem.name.data, elem.name.len + 1);
        }
        key_write_value(buf, elem.value, by);
    }
    buf_append_byte(buf, KEY_END);
}

static void key_write_binary(struct buf *buf, struct doc_value value)
{
    key_write_length(buf, value.len - 5);
    buf_append(buf, value.data + 4, value.len - 4);
}

static void key_write_code_w_scope(struct buf *buf, struct doc_value value)
{
    uint32_t code_len = doc_load_u32(value.data + 4);
    key_write_text(buf, slice_of(value.data + 8, code_len - 1));
    key_write_fields(buf, slice_of(value.data + 8 + code_len, value.len - 8 - code_len), true,
                     NULL);
}

static void key_write_plain(struct buf *buf, uint8_t tag, const void *data, size_t size)
{
    buf_append_byte(buf, tag);
    buf_append(buf, data, size);
}

static void key_write_value(struct buf *buf, struct doc_value value, const struct doc_collation *by)
{
    switch (value.type) {
    case DOC_INT32:
    case DOC_INT64:
    case DOC_DOUBLE:
    case DOC_DECIMAL:
        key_write_number(buf, value);
        return;
    case DOC_STRING:
    case DOC_SYMBOL:
        key_write_string(buf, doc_value_get_string(value), by);
        return;
    case DOC_CODE:
        buf_append_byte(buf, KEY_CODE);
        key_write_text(buf, doc_value_get_string(value));
        return;
    case DOC_OBJECT:
    case DOC_ARRAY:
        buf_append_byte(buf, value.type == DOC_OBJECT ? KEY_OBJECT : KEY_ARRAY);
        key_write_fields(buf, doc_value_get_doc(value), value.type == DOC_OBJECT, by);
        return;
    case DOC_OID:
        key_write_plain(buf, KEY_OID, value.data, 12);
        return;
    case DOC_BOOL:
        buf_append_byte(buf, doc_value_get_bool(value) ? KEY_TRUE : KEY_FALSE);
        return;
    case DOC_DATE:
        buf_append_byte(buf, KEY_DATE);
        key_write_be(buf, doc_load_u64(value.data) ^ (uint64_t)1 << 63, 8);
        return;
    case DOC_TIMESTAMP:
        buf_append_byte(buf, KEY_TIMESTAMP);
        key_write_be(buf, doc_load_u64(value.data), 8);
        return;
    case DOC_BINARY:
        buf_append_byte(buf, KEY_BINARY);
        key_write_binary(buf, value);
        return;
    case DOC_REGEX: /* pattern and options, each with its NUL, as they lie */
        key_write_plain(buf, KEY_REGEX, value.data, value.len);
        return;
    case DOC_DBPOINTER: /* length, name with NUL, ObjectId */
        buf_append_byte(buf, KEY_DBPOINTER);
        key_write_be(buf, doc_load_u32(value.data), 4);
        buf_append(buf, value.data + 4, value.len - 4);
        return;
    case DOC_CODE_W_SCOPE:
        buf_append_byte(buf, KEY_CODE_W_SCOPE);
        key_write_code_w_scope(buf, value);
        return;
    default: /* MinKey, undefined, null and missing, MaxKey: the tag says it all */
        buf_append_byte(buf, key_classes[key_class_row(doc_class(value.type))].low + 1);
        return;
    }
}

static void key_complement(struct buf *buf, size_t start)
{
    for (size_t i = start; i < buf->len; i++) {
        buf->data[i] ^= 0xff;
    }
}

void doc_key_encode(struct buf *buf, struct doc_value value, bool descending)
{
    doc_key_encode_by(buf, value, descending, NULL);
}

void doc_key_encode_by(struct buf *buf, struct doc_value value, bool descending,
                       const struct doc_collation *collation)
{
    size_t start = buf->len;
    key_write_value(buf, value, collation);
    if (descending) {
        key_complement(buf, start);
    }
}

void doc_key_encode_class_low(struct buf *buf, int type_class, bool descending)
{
    int row = key_class_row(type_class);
    buf_append_byte(buf, descending ? (uint8_t)~key_classes[row].high : key_classes[row].low);
}

void doc_key_encode_class_high(struct buf *buf, int type_class, bool descending)
{
    int row = key_class_row(type_class);
    buf_append_byte(buf, descending ? (uint8_t)~key_classes[row].low : key_classes[row].high);
}
