/* doc/json_shell.c - values as they stand in error messages: { a: 1, b: "x" }. */
#include <math.h>
#include <stdio.h>

#include "doc/decimal.h"
#include "doc/json.h"
#include "doc/json_private.h"
#include "doc/view.h"

static void shell_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

static void shell_fields(struct buf *buf, struct slice doc, bool names)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool first = true;
    if (doc_is_empty(doc)) {
        shell_text(buf, names ? "{}" : "[]");
        return;
    }
    doc_iter_init(&iter, doc);
    shell_text(buf, names ? "{ " : "[ ");
    while (doc_iter_next(&iter, &elem)) {
        if (!first) {
            shell_text(buf, ", ");
        }
        first = false;
        if (names) {
            buf_append_slice(buf, elem.name);
            shell_text(buf, ": ");
        }
        doc_json_write_shell(buf, elem.value);
    }
    shell_text(buf, names ? " }" : " ]");
}

static void shell_double(struct buf *buf, double number)
{
    char text[DOC__JSON_DOUBLE_MAX];
    if (isfinite(number)) {
        doc__json_double(number, text);
    } else {
        snprintf(text, sizeof text, "%s.0", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    }
    shell_text(buf, text);
}

static void shell_quote(struct buf *buf, struct slice text)
{
    buf_append_byte(buf, '"');
    buf_append_slice(buf, text);
    buf_append_byte(buf, '"');
}

static void shell_oid(struct buf *buf, const uint8_t *bytes)
{
    shell_text(buf, "ObjectId('");
    doc__json_hex(buf, slice_of(bytes, 12), false);
    shell_text(buf, "')");
}

static void shell_binary(struct buf *buf, struct doc_value value)
{
    struct slice bytes = doc_value_get_binary(value);
    if (doc_value_get_subtype(value) == 4 && bytes.len == 16) {
        static const uint8_t groups[] = {0, 4, 6, 8, 10, 16};
        shell_text(buf, "UUID(\"");
        for (int i = 0; i < 5; i++) {
            shell_text(buf, i > 0 ? "-" : "");
            doc__json_hex(buf, slice_of(bytes.data + groups[i], groups[i + 1] - groups[i]), false);
        }
        shell_text(buf, "\")");
        return;
    }
    buf_format(buf, "BinData(%u, ", doc_value_get_subtype(value));
    doc__json_hex(buf, bytes, true);
    buf_append_byte(buf, ')');
}

static void shell_regex(struct buf *buf, struct doc_value value)
{
    buf_append_byte(buf, '/');
    buf_append_slice(buf, doc_value_get_pattern(value));
    buf_append_byte(buf, '/');
    buf_append_slice(buf, doc_value_get_options(value));
}

static void shell_code_w_scope(struct buf *buf, struct doc_value value)
{
    uint32_t code_len = doc_load_u32(value.data + 4);
    shell_text(buf, "CodeWScope( ");
    buf_append(buf, value.data + 8, code_len - 1);
    shell_text(buf, ", ");
    shell_fields(buf, slice_of(value.data + 8 + code_len, value.len - 8 - code_len), true);
    buf_append_byte(buf, ')');
}

static void shell_dbpointer(struct buf *buf, struct doc_value value)
{
    uint32_t len = doc_load_u32(value.data);
    buf_format(buf, "DBRef('%.*s',", (int)len - 1, (const char *)value.data + 4);
    doc__json_hex(buf, slice_of(value.data + 4 + len, 12), false);
    buf_append_byte(buf, ')');
}

static void shell_integer(struct buf *buf, struct doc_value value)
{
    uint64_t both;
    switch (value.type) {
    case DOC_INT32:
        buf_format(buf, "%d", doc_value_get_i32(value));
        return;
    case DOC_INT64:
        buf_format(buf, "%lld", (long long)doc_value_get_i64(value));
        return;
    case DOC_DATE:
        buf_format(buf, "new Date(%lld)", (long long)doc_value_get_i64(value));
        return;
    default:
        both = doc_load_u64(value.data);
        buf_format(buf, "Timestamp(%u, %u)", (unsigned)(both >> 32), (unsigned)both);
        return;
    }
}

void doc_json_write_shell(struct buf *buf, struct doc_value value)
{
    char text[DOC_DECIMAL_TEXT_MAX];
    switch (value.type) {
    case DOC_DOUBLE:
        shell_double(buf, doc_value_get_double(value));
        return;
    case DOC_STRING:
    case DOC_SYMBOL:
        shell_quote(buf, doc_value_get_string(value));
        return;
    case DOC_CODE:
        buf_append_slice(buf, doc_value_get_string(value));
        return;
    case DOC_OBJECT:
    case DOC_ARRAY:
        shell_fields(buf, doc_value_get_doc(value), value.type == DOC_OBJECT);
        return;
    case DOC_BINARY:
        shell_binary(buf, value);
        return;
    case DOC_OID:
        shell_oid(buf, value.data);
        return;
    case DOC_BOOL:
        shell_text(buf, doc_value_get_bool(value) ? "true" : "false");
        return;
    case DOC_INT32:
    case DOC_INT64:
    case DOC_DATE:
    case DOC_TIMESTAMP:
        shell_integer(buf, value);
        return;
    case DOC_REGEX:
        shell_regex(buf, value);
        return;
    case DOC_DBPOINTER:
        shell_dbpointer(buf, value);
        return;
    case DOC_CODE_W_SCOPE:
        shell_code_w_scope(buf, value);
        return;
    case DOC_DECIMAL:
        doc_decimal_to_text(doc_value_get_decimal(value), text);
        shell_text(buf, text);
        return;
    case DOC_MINKEY:
    case DOC_MAXKEY:
        shell_text(buf, value.type == DOC_MINKEY ? "MinKey" : "MaxKey");
        return;
    default:
        shell_text(buf, value.type == DOC_UNDEFINED ? "undefined" : "null");
        return;
    }
}
