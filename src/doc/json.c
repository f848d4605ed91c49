/* doc/json.c - writing Extended JSON, and the shell's style for error messages.
 *
 * One walk serves both Extended JSON forms: they differ in numbers and dates only. Recursion
 * follows nesting, which doc_validate bounds. */
#include "doc/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "doc/decimal.h"
#include "doc/json_private.h"
#include "doc/view.h"

static void json_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

static void json_quote(struct buf *buf, struct slice text)
{
    static const char escapes[] = "btn\0fr"; /* of 8, 9, 10, 12, 13 */
    buf_append_byte(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            buf_append_byte(buf, '\\');
            buf_append_byte(buf, byte);
        } else if (byte >= 8 && byte <= 13 && byte != 11) {
            buf_append_byte(buf, '\\');
            buf_append_byte(buf, (uint8_t)escapes[byte - 8]);
        } else if (byte < 0x20) {
            buf_format(buf, "\\u%04x", byte);
        } else {
            buf_append_byte(buf, byte);
        }
    }
    buf_append_byte(buf, '"');
}

void doc__json_base64(struct buf *buf, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        buf_append_byte(buf, (uint8_t)digits[group >> 18]);
        buf_append_byte(buf, (uint8_t)digits[group >> 12 & 63]);
        buf_append_byte(buf, left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=');
        buf_append_byte(buf, left > 2 ? (uint8_t)digits[group & 63] : '=');
    }
}

void doc__json_hex(struct buf *buf, struct slice bytes, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_byte(buf, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_append_byte(buf, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

/* The fewest digits that read back as the same double; ".0" keeps a whole one a double. */
void doc__json_double(double number, char text[DOC__JSON_DOUBLE_MAX])
{
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, DOC__JSON_DOUBLE_MAX, "%.*g", precision, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    if (strpbrk(text, ".eEni") == NULL) {
        size_t len = strlen(text);
        memcpy(text + len, ".0", sizeof ".0");
    }
}

static void json_write_double(struct buf *buf, double number, enum doc_json_form form)
{
    char text[DOC__JSON_DOUBLE_MAX];
    if (isfinite(number)) {
        doc__json_double(number, text);
    } else {
        const char *name = isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
        snprintf(text, sizeof text, "%s", name);
        form = DOC_JSON_CANONICAL;
    }
    if (form == DOC_JSON_RELAXED) {
        json_text(buf, text);
    } else {
        buf_format(buf, "{\"$numberDouble\":\"%s\"}", text);
    }
}

static void json_write_integer(struct buf *buf, struct doc_value value, enum doc_json_form form)
{
    bool small = value.type == DOC_INT32;
    long long number = small ? doc_value_get_i32(value) : doc_value_get_i64(value);
    if (form == DOC_JSON_RELAXED) {
        buf_format(buf, "%lld", number);
    } else {
        buf_format(buf, "{\"%s\":\"%lld\"}", small ? "$numberInt" : "$numberLong", number);
    }
}

static void json_write_date(struct buf *buf, int64_t unix_ms, enum doc_json_form form)
{
    const int64_t year_10000 = 253402300800000;
    if (form == DOC_JSON_CANONICAL || unix_ms < 0 || unix_ms >= year_10000) {
        buf_format(buf, "{\"$date\":{\"$numberLong\":\"%lld\"}}", (long long)unix_ms);
        return;
    }
    time_t seconds = unix_ms / 1000;
    int ms = (int)(unix_ms % 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_format(buf, "{\"$date\":\"%s", text);
    if (ms != 0) {
        buf_format(buf, ".%03d", ms);
    }
    json_text(buf, "Z\"}");
}

static void json_write_binary(struct buf *buf, struct doc_value value)
{
    struct slice bytes = doc_value_get_binary(value);
    if (doc_value_get_subtype(value) == 2) {
        bytes = slice_from(bytes, 4);
    }
    json_text(buf, "{\"$binary\":{\"base64\":\"");
    doc__json_base64(buf, bytes);
    buf_format(buf, "\",\"subType\":\"%02x\"}}", doc_value_get_subtype(value));
}

static void json_write_oid(struct buf *buf, const uint8_t *bytes)
{
    json_text(buf, "{\"$oid\":\"");
    doc__json_hex(buf, slice_of(bytes, 12), false);
    json_text(buf, "\"}");
}

static void json_write_fields(struct buf *buf, struct slice doc, bool names,
                              enum doc_json_form form)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool first = true;
    doc_iter_init(&iter, doc);
    buf_append_byte(buf, names ? '{' : '[');
    while (doc_iter_next(&iter, &elem)) {
        if (!first) {
            buf_append_byte(buf, ',');
        }
        first = false;
        if (names) {
            json_quote(buf, elem.name);
            buf_append_byte(buf, ':');
        }
        doc_json_write_value(buf, elem.value, form);
    }
    buf_append_byte(buf, names ? '}' : ']');
}

static void json_write_code_w_scope(struct buf *buf, struct doc_value value,
                                    enum doc_json_form form)
{
    uint32_t code_len = doc_load_u32(value.data + 4);
    json_text(buf, "{\"$code\":");
    json_quote(buf, slice_of(value.data + 8, code_len - 1));
    json_text(buf, ",\"$scope\":");
    json_write_fields(buf, slice_of(value.data + 8 + code_len, value.len - 8 - code_len), true,
                      form);
    buf_append_byte(buf, '}');
}

static void json_write_wrapped(struct buf *buf, const char *wrapper, struct slice text)
{
    buf_format(buf, "{\"%s\":", wrapper);
    json_quote(buf, text);
    buf_append_byte(buf, '}');
}

static void json_write_regex(struct buf *buf, struct doc_value value)
{
    json_text(buf, "{\"$regularExpression\":{\"pattern\":");
    json_quote(buf, doc_value_get_pattern(value));
    json_text(buf, ",\"options\":");
    json_quote(buf, doc_value_get_options(value));
    json_text(buf, "}}");
}

static void json_write_dbpointer(struct buf *buf, struct doc_value value)
{
    uint32_t len = doc_load_u32(value.data);
    json_text(buf, "{\"$dbPointer\":{\"$ref\":");
    json_quote(buf, slice_of(value.data + 4, len - 1));
    json_text(buf, ",\"$id\":");
    json_write_oid(buf, value.data + 4 + len);
    json_text(buf, "}}");
}

static void json_write_timestamp(struct buf *buf, struct doc_value value)
{
    uint64_t both = doc_load_u64(value.data);
    buf_format(buf, "{\"$timestamp\":{\"t\":%u,\"i\":%u}}", (unsigned)(both >> 32), (unsigned)both);
}

static void json_write_decimal(struct buf *buf, struct doc_value value)
{
    char text[DOC_DECIMAL_TEXT_MAX];
    doc_decimal_to_text(doc_value_get_decimal(value), text);
    buf_format(buf, "{\"$numberDecimal\":\"%s\"}", text);
}

void doc_json_write_value(struct buf *buf, struct doc_value value, enum doc_json_form form)
{
    switch (value.type) {
    case DOC_DOUBLE:
        json_write_double(buf, doc_value_get_double(value), form);
        return;
    case DOC_STRING:
        json_quote(buf, doc_value_get_string(value));
        return;
    case DOC_OBJECT:
    case DOC_ARRAY:
        json_write_fields(buf, doc_value_get_doc(value), value.type == DOC_OBJECT, form);
        return;
    case DOC_BINARY:
        json_write_binary(buf, value);
        return;
    case DOC_UNDEFINED:
        json_text(buf, "{\"$undefined\":true}");
        return;
    case DOC_OID:
        json_write_oid(buf, value.data);
        return;
    case DOC_BOOL:
        json_text(buf, doc_value_get_bool(value) ? "true" : "false");
        return;
    case DOC_DATE:
        json_write_date(buf, doc_value_get_i64(value), form);
        return;
    case DOC_REGEX:
        json_write_regex(buf, value);
        return;
    case DOC_DBPOINTER:
        json_write_dbpointer(buf, value);
        return;
    case DOC_CODE:
        json_write_wrapped(buf, "$code", doc_value_get_string(value));
        return;
    case DOC_SYMBOL:
        json_write_wrapped(buf, "$symbol", doc_value_get_string(value));
        return;
    case DOC_CODE_W_SCOPE:
        json_write_code_w_scope(buf, value, form);
        return;
    case DOC_INT32:
    case DOC_INT64:
        json_write_integer(buf, value, form);
        return;
    case DOC_TIMESTAMP:
        json_write_timestamp(buf, value);
        return;
    case DOC_DECIMAL:
        json_write_decimal(buf, value);
        return;
    case DOC_MINKEY:
    case DOC_MAXKEY:
        json_text(buf, value.type == DOC_MINKEY ? "{\"$minKey\":1}" : "{\"$maxKey\":1}");
        return;
    default: /* null and missing */
        json_text(buf, "null");
        return;
    }
}

void doc_json_write(struct buf *buf, struct slice doc, enum doc_json_form form)
{
    doc_json_write_value(buf, doc_value_object(doc), form);
}
