/* query/expr_convert_text.c - values as strings, and strings as binary data and back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc/decimal.h"
#include "doc/utf8.h"
#include "query/date.h"
#include "query/expr_convert.h"

static const char text_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool query__convert_format_known(struct slice format)
{
    static const char *const names[] = {"base64", "base64url", "hex", "utf8", "uuid", "auto"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_is(format, names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- base64, with '-' and '_' for the last two and no padding when url ---- */

static uint8_t text_base64_digit(unsigned six_bits, bool url)
{
    if (url && six_bits >= 62) {
        return six_bits == 62 ? '-' : '_';
    }
    return (uint8_t)text_base64[six_bits];
}

static void text_base64_write(struct buf *buf, struct slice bytes, bool url)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned bits = (unsigned)bytes.data[i] << 16;
        bits |= left > 1 ? (unsigned)bytes.data[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes.data[i + 2] : 0;
        for (size_t digit = 0; digit < 4; digit++) {
            if (digit <= left) {
                buf_append_byte(buf, text_base64_digit(bits >> (18 - 6 * digit) & 63, url));
            } else if (!url) {
                buf_append_byte(buf, '=');
            }
        }
    }
}

static int text_base64_value(uint8_t c, bool url)
{
    for (int i = 0; i < 64; i++) {
        if (text_base64_digit((unsigned)i, url) == c) {
            return i;
        }
    }
    return -1;
}

static bool text_base64_read(struct buf *buf, struct slice text, bool url)
{
    while (text.len > 0 && text.data[text.len - 1] == '=' && !url) {
        if (text.len % 4 == 2) {
            break;
        }
        text.len--;
    }
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = text_base64_value(text.data[i], url);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_append_byte(buf, (uint8_t)(bits >> count));
        }
    }
    return text.len % 4 != 1;
}

/* ---- hexadecimal and UUIDs ---- */

static void text_hex_write(struct buf *buf, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_byte(buf, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_append_byte(buf, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

static void text_uuid_write(struct buf *buf, struct slice bytes)
{
    static const uint8_t cuts[] = {0, 4, 6, 8, 10, 16};
    for (int i = 0; i < 5; i++) {
        if (i > 0) {
            buf_append_byte(buf, '-');
        }
        text_hex_write(buf, slice_of(bytes.data + cuts[i], (size_t)(cuts[i + 1] - cuts[i])));
    }
}

static bool text_uuid_read(struct buf *buf, struct slice text)
{
    uint8_t digits[32];
    size_t count = 0;
    if (text.len != 36) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text.data[i] == '-')) {
            return false;
        }
        if (!dash) {
            digits[count++] = text.data[i];
        }
    }
    return query__hex_read(slice_of(digits, 32), buf_extend(buf, 16));
}

/* ---- to string ---- */

/* The shortest text that reads back as the same double. */
static struct slice text_double(struct arena *arena, double number)
{
    if (isnan(number)) {
        return SLICE("NaN");
    }
    if (isinf(number)) {
        return number > 0 ? SLICE("Infinity") : SLICE("-Infinity");
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    return arena_copy(arena, slice_str(text));
}

static int text_binary(struct query__conversion *to, struct doc_value value, struct buf *buf)
{
    struct slice bytes = doc_value_get_binary(value);
    bool uuid = doc_value_get_subtype(value) == 4 && bytes.len == 16;
    if (slice_is(to->format, "uuid") || (slice_is(to->format, "auto") && uuid)) {
        if (!uuid) {
            return err_set(to->err, LT_ECONVERSIONFAILURE,
                           "Attempt to convert a binary value that "
                           "is no UUID in $convert with no onError "
                           "value");
        }
        text_uuid_write(buf, bytes);
    } else if (to->format.len == 0 || slice_is(to->format, "auto") ||
               slice_is(to->format, "base64")) {
        text_base64_write(buf, bytes, false);
    } else if (slice_is(to->format, "base64url")) {
        text_base64_write(buf, bytes, true);
    } else if (slice_is(to->format, "hex")) {
        text_hex_write(buf, bytes);
    } else if (doc_utf8_valid(bytes)) {
        buf_append_slice(buf, bytes);
    } else {
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Invalid UTF-8 in $convert with no onError "
                       "value");
    }
    return 0;
}

int query__convert_string(struct query__conversion *to, struct doc_value value,
                          struct doc_value *ret_value)
{
    struct arena *arena = to->arena;
    struct buf buf;
    buf_init(&buf, arena);
    switch (value.type) {
    case DOC_STRING:
        *ret_value = value;
        return 0;
    case DOC_BOOL:
        buf_format(&buf, "%s", doc_value_get_bool(value) ? "true" : "false");
        break;
    case DOC_INT32:
        buf_format(&buf, "%d", doc_value_get_i32(value));
        break;
    case DOC_INT64:
        buf_format(&buf, "%lld", (long long)doc_value_get_i64(value));
        break;
    case DOC_DOUBLE:
        buf_append_slice(&buf, text_double(arena, doc_value_get_double(value)));
        break;
    case DOC_DECIMAL: {
        char text[DOC_DECIMAL_TEXT_MAX];
        doc_decimal_to_text(doc_value_get_decimal(value), text);
        buf_append_slice(&buf, slice_str(text));
        break;
    }
    case DOC_OID:
        text_hex_write(&buf, slice_of(value.data, 12));
        break;
    case DOC_DATE:
        query__date_write(&buf, doc_value_get_i64(value));
        break;
    case DOC_BINARY: {
        int rc = text_binary(to, value, &buf);
        if (rc < 0) {
            return rc;
        }
        break;
    }
    default:
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Unsupported conversion from %s to string "
                       "in $convert with no onError value",
                       doc_type_name(value.type));
    }
    *ret_value = doc_value_string(arena, buf_slice(&buf));
    return 0;
}

/* ---- to binary ---- */

static int text_to_binary(struct query__conversion *to, struct slice text,
                          struct doc_value *ret_value)
{
    struct buf buf;
    buf_init(&buf, to->arena);
    bool good = false;
    if (to->format.len == 0) {
        return err_set(to->err, 4341115,
                       "Format must be specified when converting from 'string' "
                       "to 'binData'");
    }
    if (slice_is(to->format, "uuid")) {
        good = to->subtype == 4 && text_uuid_read(&buf, text);
    } else if (slice_is(to->format, "hex")) {
        good = query__hex_read(text, buf_extend(&buf, (text.len + 1) / 2));
    } else if (slice_is(to->format, "utf8")) {
        buf_append_slice(&buf, text);
        good = true;
    } else {
        bool url = slice_is(to->format, "base64url");
        good = (url || slice_is(to->format, "base64") || slice_is(to->format, "auto")) &&
               text_base64_read(&buf, text, url);
    }
    if (!good) {
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Input string '%.*s' is not valid for the "
                       "format in $convert with no onError value",
                       SLICE_FMT(text));
    }
    *ret_value = doc_value_binary(to->arena, (uint8_t)to->subtype, buf_slice(&buf));
    return 0;
}

int query__convert_binary(struct query__conversion *to, struct doc_value value,
                          struct doc_value *ret_value)
{
    switch (value.type) {
    case DOC_BINARY:
        if (doc_value_get_subtype(value) != to->subtype) {
            return err_set(to->err, LT_ECONVERSIONFAILURE,
                           "Conversions between different binary "
                           "data subtypes are not supported");
        }
        *ret_value = value;
        return 0;
    case DOC_STRING:
        return text_to_binary(to, doc_value_get_string(value), ret_value);
    case DOC_INT32:
    case DOC_INT64:
    case DOC_DOUBLE: {
        uint8_t bytes[8];
        for (uint32_t i = 0; i < value.len; i++) {
            bytes[i] = value.data[to->big_endian ? value.len - 1 - i : i];
        }
        *ret_value = doc_value_binary(to->arena, (uint8_t)to->subtype, slice_of(bytes, value.len));
        return 0;
    }
    default:
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Unsupported conversion from %s to binData "
                       "in $convert with no onError value",
                       doc_type_name(value.type));
    }
}
