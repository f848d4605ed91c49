/* doc/key_decode.c - reading keys back.
 *
 * A cursor takes bytes off the front and undoes the complement of descending fields as it goes.
 * Skipping needs no memory and no recursion. Decoding recurses as deep as the key nests, bounded;
 * what it read is encoded again and must give the same bytes, so that whatever no encoder wrote is
 * found out in one place. */
#include <math.h>

#include "doc/build.h"
#include "doc/key_private.h"
#include "doc/number_private.h"
#include "doc/validate.h"

struct key_cursor {
    const uint8_t *next;
    const uint8_t *end;
    uint8_t mask; /* 0xff for descending */
    bool bad;
};

static uint8_t key_take_byte(struct key_cursor *cursor)
{
    if (cursor->next == cursor->end) {
        cursor->bad = true;
        return 0;
    }
    return *cursor->next++ ^ cursor->mask;
}

static void key_pass(struct key_cursor *cursor, size_t size)
{
    if ((size_t)(cursor->end - cursor->next) < size) {
        cursor->bad = true;
        return;
    }
    cursor->next += size;
}

static uint64_t key_take_be(struct key_cursor *cursor, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | key_take_byte(cursor);
    }
    return number;
}

static void key_take_bytes(struct key_cursor *cursor, struct buf *out, size_t size)
{
    if ((size_t)(cursor->end - cursor->next) < size) {
        cursor->bad = true;
        return;
    }
    uint8_t *at = buf_extend(out, size);
    for (size_t i = 0; i < size; i++) {
        at[i] = *cursor->next++ ^ cursor->mask;
    }
}

/* Up to and with the NUL; into `out` when there is one. */
static void key_take_cstring(struct key_cursor *cursor, struct buf *out)
{
    uint8_t byte;
    do {
        byte = key_take_byte(cursor);
        if (out != NULL) {
            buf_append_byte(out, byte);
        }
    } while (byte != 0 && !cursor->bad);
}

static void key_take_text(struct key_cursor *cursor, struct buf *out)
{
    while (!cursor->bad) {
        uint8_t byte = key_take_byte(cursor);
        if (byte == 0) {
            uint8_t escape = key_take_byte(cursor);
            if (escape != 0xff) {
                cursor->bad |= escape != 0x01;
                return;
            }
        }
        if (out != NULL) {
            buf_append_byte(out, byte);
        }
    }
}

static uint32_t key_take_length(struct key_cursor *cursor)
{
    uint8_t len = key_take_byte(cursor);
    return len < KEY_LENGTH_LONG ? len : (uint32_t)key_take_be(cursor, 4);
}

static bool key_is_whole(uint8_t tag)
{
    return tag >= KEY_NUMBER_NEGATIVE && tag < KEY_NUMBER_FAR_POSITIVE;
}

static int key_whole_size(uint8_t tag)
{
    return tag < KEY_NUMBER_POSITIVE ? KEY_NUMBER_NEGATIVE + KEY_WHOLE_SIZE_MAX - tag
                                     : tag - KEY_NUMBER_POSITIVE + 1;
}

/* ---- skipping ---- */

static void key_skip_rest(struct key_cursor *cursor)
{
    key_pass(cursor, 8);
    if (key_take_byte(cursor) != 0) {
        key_pass(cursor, KEY_DECIMAL_SIZE);
    }
}

static void key_skip_number(struct key_cursor *cursor, uint8_t tag)
{
    if (key_is_whole(tag)) {
        key_pass(cursor, (size_t)key_whole_size(tag));
        if (key_take_byte(cursor) != 0) {
            key_skip_rest(cursor);
        }
    } else if (tag != KEY_NUMBER_NAN) {
        key_skip_rest(cursor);
    }
}

/* What follows a tag, up to the fields of a container. */
static void key_skip_payload(struct key_cursor *cursor, uint8_t tag)
{
    switch (tag) {
    case KEY_MINKEY:
    case KEY_UNDEFINED:
    case KEY_NULL:
    case KEY_FALSE:
    case KEY_TRUE:
    case KEY_MAXKEY:
    case KEY_OBJECT:
    case KEY_ARRAY:
        return;
    case KEY_STRING:
    case KEY_CODE:
    case KEY_CODE_W_SCOPE:
        key_take_text(cursor, NULL);
        return;
    case KEY_BINARY:
        key_pass(cursor, (size_t)key_take_length(cursor) + 1);
        return;
    case KEY_OID:
        key_pass(cursor, 12);
        return;
    case KEY_DATE:
    case KEY_TIMESTAMP:
        key_pass(cursor, 8);
        return;
    case KEY_REGEX:
        key_take_cstring(cursor, NULL);
        key_take_cstring(cursor, NULL);
        return;
    case KEY_DBPOINTER:
        key_pass(cursor, (size_t)key_take_be(cursor, 4) + 12);
        return;
    default:
        cursor->bad |= tag < KEY_NUMBER_NAN || tag > KEY_NUMBER_FAR_POSITIVE;
        key_skip_number(cursor, tag);
        return;
    }
}

/* After a value: close containers that end here, read the next field's head; false when all is
 * closed. */
static bool key_skip_next(struct key_cursor *cursor, const bool *is_object, int *depth)
{
    while (*depth > 0 && !cursor->bad) {
        if (cursor->next < cursor->end && (*cursor->next ^ cursor->mask) == KEY_END) {
            cursor->next++;
            --*depth;
            continue;
        }
        if (is_object[*depth - 1]) {
            key_take_byte(cursor);
            key_take_cstring(cursor, NULL);
        }
        return true;
    }
    return false;
}

size_t doc_key_size(struct slice key, bool descending)
{
    struct key_cursor cursor = {key.data, key.data + key.len, descending ? 0xff : 0, false};
    bool is_object[KEY_DEPTH_MAX];
    int depth = 0;
    do {
        uint8_t tag = key_take_byte(&cursor);
        key_skip_payload(&cursor, tag);
        if (tag == KEY_OBJECT || tag == KEY_ARRAY || tag == KEY_CODE_W_SCOPE) {
            if (depth == KEY_DEPTH_MAX) {
                return 0;
            }
            is_object[depth++] = tag != KEY_ARRAY;
        }
    } while (key_skip_next(&cursor, is_object, &depth));
    return cursor.bad ? 0 : (size_t)(cursor.next - key.data);
}

/* ---- decoding: into a buf as BSON lays the value out ---- */

static uint8_t key_read_decimal(struct key_cursor *cursor, struct buf *out, bool negative)
{
    uint8_t mask = cursor->mask;
    cursor->mask ^= negative ? 0xff : 0;
    struct doc__decimal_parts parts = {.negative = negative};
    parts.exponent = (int)key_take_be(cursor, 2) - KEY_EXPONENT_BIAS;
    parts.coefficient = (unsigned __int128)key_take_be(cursor, 7) << 64;
    parts.coefficient |= key_take_be(cursor, 8);
    cursor->mask = mask;
    while (parts.coefficient != 0 && parts.coefficient % 10 == 0 && parts.exponent < 6111) {
        parts.coefficient /= 10;
        parts.exponent++;
    }
    if (parts.coefficient / 10 >= doc__key_digits_min() || parts.exponent < -6176 ||
        parts.exponent > 6111) {
        cursor->bad = true;
        return DOC_NULL;
    }
    struct doc_decimal number = doc__decimal_join(&parts);
    buf_append(out, &number, sizeof number);
    return DOC_DECIMAL;
}

static uint8_t key_read_rest(struct key_cursor *cursor, struct buf *out)
{
    uint64_t bits = key_take_be(cursor, 8);
    bits ^= bits >> 63 ? (uint64_t)1 << 63 : UINT64_MAX;
    if (key_take_byte(cursor) == 0) {
        buf_append(out, &bits, sizeof bits);
        return DOC_DOUBLE;
    }
    return key_read_decimal(cursor, out, bits >> 63 != 0);
}

static uint8_t key_read_number(struct key_cursor *cursor, uint8_t tag, struct buf *out)
{
    if (tag == KEY_NUMBER_NAN) {
        double nan = NAN;
        buf_append(out, &nan, sizeof nan);
        return DOC_DOUBLE;
    }
    if (!key_is_whole(tag)) {
        return key_read_rest(cursor, out);
    }
    int size = key_whole_size(tag);
    int64_t whole = (int64_t)key_take_be(cursor, (size_t)size);
    if (tag < KEY_NUMBER_POSITIVE) {
        whole -= (int64_t)1 << 8 * size;
    }
    if (key_take_byte(cursor) != 0) {
        return key_read_rest(cursor, out);
    }
    bool small = whole >= INT32_MIN && whole <= INT32_MAX;
    buf_append(out, &whole, small ? 4 : 8);
    return small ? DOC_INT32 : DOC_INT64;
}

static void key_read_string(struct key_cursor *cursor, struct buf *out)
{
    size_t start = out->len;
    buf_extend(out, 4);
    key_take_text(cursor, out);
    buf_append_byte(out, 0);
    uint32_t len = (uint32_t)(out->len - start - 4);
    memcpy(out->data + start, &len, 4);
}

static void key_read_binary(struct key_cursor *cursor, struct buf *out)
{
    uint32_t len = key_take_length(cursor);
    buf_append(out, &len, 4);
    key_take_bytes(cursor, out, (size_t)len + 1);
}

static uint8_t key_read_value(struct key_cursor *cursor, struct buf *out, int depth);

static void key_read_name(struct key_cursor *cursor, struct buf *out, int64_t index)
{
    if (index >= 0) {
        buf_format(out, "%lld", (long long)index);
        buf_append_byte(out, 0);
        return;
    }
    key_take_byte(cursor);
    key_take_cstring(cursor, out);
}

static void key_read_fields(struct key_cursor *cursor, struct buf *out, bool names, int depth)
{
    size_t start = out->len;
    buf_extend(out, 4);
    for (int64_t i = 0; !cursor->bad && depth < KEY_DEPTH_MAX; i++) {
        if (cursor->next < cursor->end && (*cursor->next ^ cursor->mask) == KEY_END) {
            break;
        }
        size_t head = out->len;
        buf_append_byte(out, 0);
        key_read_name(cursor, out, names ? -1 : i);
        uint8_t type = key_read_value(cursor, out, depth + 1);
        out->data[head] = type;
    }
    cursor->bad |= depth >= KEY_DEPTH_MAX;
    key_take_byte(cursor);
    buf_append_byte(out, 0);
    uint32_t len = (uint32_t)(out->len - start);
    memcpy(out->data + start, &len, 4);
}

static void key_read_code_w_scope(struct key_cursor *cursor, struct buf *out, int depth)
{
    size_t start = out->len;
    buf_extend(out, 4);
    key_read_string(cursor, out);
    key_read_fields(cursor, out, true, depth);
    uint32_t len = (uint32_t)(out->len - start);
    memcpy(out->data + start, &len, 4);
}

static uint8_t key_read_u64(struct key_cursor *cursor, struct buf *out, uint8_t type)
{
    uint64_t number = key_take_be(cursor, 8) ^ (type == DOC_DATE ? (uint64_t)1 << 63 : 0);
    buf_append(out, &number, sizeof number);
    return type;
}

static uint8_t key_read_dbpointer(struct key_cursor *cursor, struct buf *out)
{
    uint32_t len = (uint32_t)key_take_be(cursor, 4);
    buf_append(out, &len, 4);
    key_take_bytes(cursor, out, (size_t)len + 12);
    return DOC_DBPOINTER;
}

/* The value's bytes go to `out`; its type is returned. */
static uint8_t key_read_value(struct key_cursor *cursor, struct buf *out, int depth)
{
    uint8_t tag = key_take_byte(cursor);
    switch (tag) {
    case KEY_MINKEY:
        return DOC_MINKEY;
    case KEY_UNDEFINED:
        return DOC_UNDEFINED;
    case KEY_NULL:
        return DOC_NULL;
    case KEY_MAXKEY:
        return DOC_MAXKEY;
    case KEY_FALSE:
    case KEY_TRUE:
        buf_append_byte(out, tag == KEY_TRUE);
        return DOC_BOOL;
    case KEY_STRING:
    case KEY_CODE:
        key_read_string(cursor, out);
        return tag == KEY_CODE ? DOC_CODE : DOC_STRING;
    case KEY_OBJECT:
    case KEY_ARRAY:
        key_read_fields(cursor, out, tag == KEY_OBJECT, depth);
        return tag == KEY_OBJECT ? DOC_OBJECT : DOC_ARRAY;
    case KEY_BINARY:
        key_read_binary(cursor, out);
        return DOC_BINARY;
    case KEY_OID:
        key_take_bytes(cursor, out, 12);
        return DOC_OID;
    case KEY_DATE:
        return key_read_u64(cursor, out, DOC_DATE);
    case KEY_TIMESTAMP:
        return key_read_u64(cursor, out, DOC_TIMESTAMP);
    case KEY_REGEX:
        key_take_cstring(cursor, out);
        key_take_cstring(cursor, out);
        return DOC_REGEX;
    case KEY_DBPOINTER:
        return key_read_dbpointer(cursor, out);
    case KEY_CODE_W_SCOPE:
        key_read_code_w_scope(cursor, out, depth);
        return DOC_CODE_W_SCOPE;
    default:
        return key_read_number(cursor, tag, out);
    }
}

/* Is it BSON, and does it encode to the bytes it was read from? */
static bool key_decode_check(struct slice key, bool descending, struct arena *arena,
                             struct doc_value value)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    doc_build_begin(&builder, &buf);
    doc_build_value(&builder, SLICE(""), value);
    if (doc_validate(doc_build_end(&builder), KEY_DEPTH_MAX + 2, NULL) != 0) {
        return false;
    }
    size_t start = buf.len;
    doc_key_encode(&buf, value, descending);
    return slice_equal(slice_of(buf.data + start, buf.len - start), key);
}

int doc_key_decode(struct slice *key, bool descending, struct arena *arena,
                   struct doc_value *ret_value, struct err *err)
{
    size_t size = doc_key_size(*key, descending);
    if (size == 0) {
        return err_set(err, LT_ECORRUPT, "An index key is damaged");
    }
    struct key_cursor cursor = {key->data, key->data + size, descending ? 0xff : 0, false};
    struct buf out;
    buf_init(&out, arena);
    uint8_t type = key_read_value(&cursor, &out, 0);
    struct doc_value value = {out.data, (uint32_t)out.len, type};
    if (cursor.bad || cursor.next != cursor.end ||
        !key_decode_check(slice_of(key->data, size), descending, arena, value)) {
        return err_set(err, LT_ECORRUPT, "An index key is damaged");
    }
    *key = slice_from(*key, size);
    *ret_value = value;
    return 0;
}
