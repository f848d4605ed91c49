/* test/conformance/ejson.c - wrappers by a table of their keys. */
#include "conformance/ejson.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc/decimal.h"

struct ejson_target {
    struct doc_builder *builder;
    struct slice name;
    const struct conf_cursors *cursors;
    struct arena arena;
};

typedef bool (*ejson_wrapper_cb)(struct ejson_target *target, const cJSON *json);

static bool ejson_put(struct ejson_target *target, struct doc_value value)
{
    doc_build_value(target->builder, target->name, value);
    return true;
}

static const cJSON *ejson_field(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

static const char *ejson_string(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(ejson_field(json, name));
    return text;
}

/* The text with its stand-ins for NUL replaced. */
static struct slice ejson_text(struct arena *arena, const char *text)
{
    struct slice copy = arena_copy(arena, slice_str(text));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;
    size_t len = 0;
    for (size_t i = 0; i < copy.len; i++) {
        bool stand_in = copy.len - i >= 3 && memcmp(bytes + i, "\xee\x83\xbe", 3) == 0;
        bytes[len++] = stand_in ? 0 : bytes[i];
        i += stand_in ? 2 : 0;
    }
    return slice_of(bytes, len);
}

static bool ejson_integer(const char *text, int64_t *ret_number)
{
    char *end;
    if (text == NULL || *text == '\0') {
        return false;
    }
    *ret_number = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool ejson_int(struct ejson_target *target, const cJSON *json)
{
    int64_t number;
    return ejson_integer(ejson_string(json, "$numberInt"), &number) &&
           ejson_put(target, doc_value_i32(&target->arena, (int32_t)number));
}

static bool ejson_long(struct ejson_target *target, const cJSON *json)
{
    int64_t number;
    return ejson_integer(ejson_string(json, "$numberLong"), &number) &&
           ejson_put(target, doc_value_i64(&target->arena, number));
}

static bool ejson_read_double(const cJSON *json, double *ret_number)
{
    const char *text = ejson_string(json, "$numberDouble");
    char *end;
    if (text == NULL || *text == '\0') {
        return false;
    }
    *ret_number = strtod(text, &end); /* reads NaN and Infinity too */
    return *end == '\0';
}

static bool ejson_double(struct ejson_target *target, const cJSON *json)
{
    double number;
    return ejson_read_double(json, &number) &&
           ejson_put(target, doc_value_double(&target->arena, number));
}

static bool ejson_decimal(struct ejson_target *target, const cJSON *json)
{
    const char *text = ejson_string(json, "$numberDecimal");
    struct doc_decimal number;
    return text != NULL && doc_decimal_of_text(slice_str(text), &number) &&
           ejson_put(target, doc_value_decimal(&target->arena, number));
}

static bool ejson_oid(struct ejson_target *target, const cJSON *json)
{
    const char *text = ejson_string(json, "$oid");
    uint8_t bytes[12];
    if (text == NULL || strlen(text) != 24) {
        return false;
    }
    for (int i = 0; i < 12; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        bytes[i] = (uint8_t)byte;
    }
    return ejson_put(target, doc_value_oid(&target->arena, bytes));
}

static bool ejson_date(struct ejson_target *target, const cJSON *json)
{
    int64_t number;
    return ejson_integer(ejson_string(ejson_field(json, "$date"), "$numberLong"), &number) &&
           ejson_put(target, doc_value_date(&target->arena, number));
}

static bool ejson_timestamp(struct ejson_target *target, const cJSON *json)
{
    const cJSON *inside = ejson_field(json, "$timestamp");
    const cJSON *t = ejson_field(inside, "t");
    const cJSON *i = ejson_field(inside, "i");
    return cJSON_IsNumber(t) && cJSON_IsNumber(i) &&
           ejson_put(target, doc_value_timestamp(&target->arena, (uint32_t)t->valuedouble,
                                                 (uint32_t)i->valuedouble));
}

static int ejson_base64_digit(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool ejson_base64(struct buf *buf, const char *text)
{
    uint32_t group = 0;
    int bits = 0;
    for (; *text != '\0' && *text != '='; text++) {
        int digit = ejson_base64_digit(*text);
        if (digit < 0) {
            return false;
        }
        group = group << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_append_byte(buf, (uint8_t)(group >> bits));
        }
    }
    return true;
}

static bool ejson_binary(struct ejson_target *target, const cJSON *json)
{
    const cJSON *inside = ejson_field(json, "$binary");
    const char *base64 = ejson_string(inside, "base64");
    const char *subtype_text = ejson_string(inside, "subType");
    unsigned subtype;
    if (base64 == NULL || subtype_text == NULL || sscanf(subtype_text, "%2x", &subtype) != 1) {
        return false;
    }
    struct buf bytes;
    buf_init(&bytes, &target->arena);
    if (subtype == 2) {
        buf_extend(&bytes, 4);
    }
    if (!ejson_base64(&bytes, base64)) {
        return false;
    }
    if (subtype == 2) {
        uint32_t len = (uint32_t)bytes.len - 4;
        memcpy(bytes.data, &len, 4);
    }
    return ejson_put(target, doc_value_binary(&target->arena, (uint8_t)subtype, buf_slice(&bytes)));
}

static bool ejson_regex(struct ejson_target *target, const cJSON *json)
{
    const cJSON *inside = ejson_field(json, "$regularExpression");
    const char *pattern = ejson_string(inside, "pattern");
    const char *options = ejson_string(inside, "options");
    if (pattern == NULL || options == NULL) {
        return false;
    }
    struct buf bytes;
    buf_init(&bytes, &target->arena);
    buf_append(&bytes, pattern, strlen(pattern) + 1);
    buf_append(&bytes, options, strlen(options) + 1);
    return ejson_put(target, (struct doc_value){bytes.data, (uint32_t)bytes.len, DOC_REGEX});
}

static bool ejson_code(struct ejson_target *target, const cJSON *json)
{
    const char *text = ejson_string(json, "$code");
    if (text == NULL) {
        return false;
    }
    struct doc_value code = doc_value_string(&target->arena, ejson_text(&target->arena, text));
    code.type = DOC_CODE;
    const cJSON *scope_json = ejson_field(json, "$scope");
    if (scope_json == NULL) {
        return ejson_put(target, code);
    }
    struct buf bytes;
    struct slice scope;
    buf_init(&bytes, &target->arena);
    buf_extend(&bytes, 4);
    buf_append(&bytes, code.data, code.len);
    if (!conf_ejson_doc(&bytes, scope_json, NULL, target->cursors, &scope)) {
        return false;
    }
    uint32_t len = (uint32_t)bytes.len;
    memcpy(bytes.data, &len, 4);
    return ejson_put(target, (struct doc_value){bytes.data, len, DOC_CODE_W_SCOPE});
}

static bool ejson_minkey(struct ejson_target *target, const cJSON *json)
{
    (void)json;
    return ejson_put(target, (struct doc_value){NULL, 0, DOC_MINKEY});
}

static bool ejson_maxkey(struct ejson_target *target, const cJSON *json)
{
    (void)json;
    return ejson_put(target, (struct doc_value){NULL, 0, DOC_MAXKEY});
}

static bool ejson_cursor(struct ejson_target *target, const cJSON *json)
{
    const cJSON *number = ejson_field(json, "$cursorOf");
    if (!cJSON_IsNumber(number) || target->cursors == NULL || number->valueint < 0 ||
        number->valueint >= target->cursors->count) {
        return false;
    }
    return ejson_put(target, doc_value_i64(&target->arena, target->cursors->ids[number->valueint]));
}

static const struct {
    const char *keys[3];
    ejson_wrapper_cb write;
} ejson_wrappers[] = {
    {{"$numberInt"}, ejson_int},
    {{"$numberLong"}, ejson_long},
    {{"$numberDouble"}, ejson_double},
    {{"$numberDecimal"}, ejson_decimal},
    {{"$oid"}, ejson_oid},
    {{"$date"}, ejson_date},
    {{"$timestamp"}, ejson_timestamp},
    {{"$binary"}, ejson_binary},
    {{"$regularExpression"}, ejson_regex},
    {{"$code"}, ejson_code},
    {{"$code", "$scope"}, ejson_code},
    {{"$minKey"}, ejson_minkey},
    {{"$maxKey"}, ejson_maxkey},
    {{"$cursorOf"}, ejson_cursor},
};

static bool ejson_keys_are(const cJSON *json, const char *const keys[3])
{
    int wanted = 0;
    for (; wanted < 3 && keys[wanted] != NULL; wanted++) {
        if (ejson_field(json, keys[wanted]) == NULL) {
            return false;
        }
    }
    return cJSON_GetArraySize(json) == wanted;
}

static ejson_wrapper_cb ejson_find_wrapper(const cJSON *json)
{
    if (json->child == NULL || json->child->string[0] != '$') {
        return NULL;
    }
    for (size_t i = 0; i < sizeof ejson_wrappers / sizeof ejson_wrappers[0]; i++) {
        if (ejson_keys_are(json, ejson_wrappers[i].keys)) {
            return ejson_wrappers[i].write;
        }
    }
    return NULL;
}

static bool ejson_add_children(struct doc_builder *builder, const cJSON *json,
                               const struct conf_cursors *cursors)
{
    for (const cJSON *child = json->child; child != NULL; child = child->next) {
        struct slice name = child->string == NULL ? SLICE("") : slice_str(child->string);
        if (!conf_ejson_add(builder, name, child, cursors)) {
            return false;
        }
    }
    return true;
}

static bool ejson_add_object(struct ejson_target *target, const cJSON *json)
{
    ejson_wrapper_cb wrapper = ejson_find_wrapper(json);
    if (wrapper != NULL) {
        return wrapper(target, json);
    }
    doc_build_open(target->builder, target->name);
    bool fine = ejson_add_children(target->builder, json, target->cursors);
    doc_build_close(target->builder);
    return fine;
}

bool conf_ejson_add(struct doc_builder *builder, struct slice name, const cJSON *json,
                    const struct conf_cursors *cursors)
{
    struct ejson_target target = {.builder = builder, .name = name, .cursors = cursors};
    bool fine = false;
    arena_init(&target.arena);
    if (cJSON_IsObject(json)) {
        fine = ejson_add_object(&target, json);
    } else if (cJSON_IsArray(json)) {
        doc_build_open_array(builder, name);
        fine = ejson_add_children(builder, json, cursors);
        doc_build_close(builder);
    } else if (cJSON_IsString(json)) {
        struct slice text = ejson_text(&target.arena, json->valuestring);
        fine = ejson_put(&target, doc_value_string(&target.arena, text));
    } else if (cJSON_IsBool(json)) {
        fine = ejson_put(&target, doc_value_bool(cJSON_IsTrue(json)));
    } else if (cJSON_IsNull(json)) {
        fine = ejson_put(&target, doc_null);
    }
    arena_close(&target.arena);
    return fine;
}

bool conf_ejson_doc(struct buf *buf, const cJSON *json, const char *db,
                    const struct conf_cursors *cursors, struct slice *ret_doc)
{
    struct doc_builder builder;
    doc_build_begin(&builder, buf);
    bool fine = cJSON_IsObject(json) && ejson_add_children(&builder, json, cursors);
    if (db != NULL) {
        doc_build_text(&builder, "$db", db);
    }
    *ret_doc = doc_build_end(&builder);
    return fine;
}

bool conf_ejson_value(struct arena *arena, const cJSON *json, const struct conf_cursors *cursors,
                      struct doc_value *ret_value)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    doc_build_begin(&builder, &buf);
    bool fine = conf_ejson_add(&builder, SLICE(""), json, cursors);
    struct slice doc = doc_build_end(&builder);
    if (fine) {
        *ret_value = (struct doc_value){doc.data + 6, (uint32_t)doc.len - 7, doc.data[4]};
    }
    return fine;
}

static bool ejson_is_word(uint8_t byte)
{
    return isalnum(byte) || byte == '_';
}

char *conf_ejson_prepare(struct arena *arena, struct slice line, const char *db)
{
    struct buf out;
    buf_init(&out, arena);
    buf_reserve(&out, line.len + 64);
    for (size_t i = 0; i < line.len;) {
        struct slice rest = slice_from(line, i);
        bool word_before = i > 0 && ejson_is_word(line.data[i - 1]);
        if (rest.data[0] == '\\') {
            bool nul = slice_starts(rest, SLICE("\\u0000"));
            buf_append(&out, nul ? "\\ue0fe" : (const char *)rest.data, nul ? 6 : 2);
            i += nul ? 6 : 2;
        } else if (!word_before && slice_starts(rest, SLICE("conf")) &&
                   !(rest.len > 4 && ejson_is_word(rest.data[4]))) {
            buf_append(&out, db, strlen(db));
            i += 4;
        } else {
            buf_append_byte(&out, line.data[i++]);
        }
    }
    buf_append_byte(&out, 0);
    return (char *)out.data;
}
