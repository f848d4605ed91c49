/* doc/value.c - making, reading and naming single values. */
#include "doc/value.h"

#include <math.h>

#include "doc/decimal.h"

static const uint8_t value_bytes_true[1] = {1};
static const uint8_t value_bytes_false[1] = {0};
static const uint8_t value_bytes_empty[5] = {5, 0, 0, 0, 0};

const struct doc_value doc_missing = {NULL, 0, DOC_MISSING};
const struct doc_value doc_null = {value_bytes_false, 0, DOC_NULL};
const struct doc_value doc_true = {value_bytes_true, 1, DOC_BOOL};
const struct doc_value doc_false = {value_bytes_false, 1, DOC_BOOL};
const struct doc_value doc_empty_object = {value_bytes_empty, 5, DOC_OBJECT};
const struct doc_value doc_empty_array = {value_bytes_empty, 5, DOC_ARRAY};

static struct doc_value value_of(struct arena *arena, uint8_t type, const void *data, uint32_t len)
{
    uint8_t *copy = arena_alloc(arena, len);
    memcpy(copy, data, len);
    return (struct doc_value){copy, len, type};
}

struct doc_value doc_value_i32(struct arena *arena, int32_t number)
{
    return value_of(arena, DOC_INT32, &number, sizeof number);
}

struct doc_value doc_value_i64(struct arena *arena, int64_t number)
{
    return value_of(arena, DOC_INT64, &number, sizeof number);
}

struct doc_value doc_value_integer(struct arena *arena, int64_t number)
{
    bool small = number >= INT32_MIN && number <= INT32_MAX;
    return small ? doc_value_i32(arena, (int32_t)number) : doc_value_i64(arena, number);
}

struct doc_value doc_value_double(struct arena *arena, double number)
{
    return value_of(arena, DOC_DOUBLE, &number, sizeof number);
}

struct doc_value doc_value_decimal(struct arena *arena, struct doc_decimal number)
{
    return value_of(arena, DOC_DECIMAL, &number, sizeof number);
}

struct doc_value doc_value_date(struct arena *arena, int64_t unix_ms)
{
    return value_of(arena, DOC_DATE, &unix_ms, sizeof unix_ms);
}

struct doc_value doc_value_timestamp(struct arena *arena, uint32_t seconds, uint32_t increment)
{
    uint64_t both = (uint64_t)seconds << 32 | increment;
    return value_of(arena, DOC_TIMESTAMP, &both, sizeof both);
}

struct doc_value doc_value_oid(struct arena *arena, const uint8_t bytes[12])
{
    return value_of(arena, DOC_OID, bytes, 12);
}

struct doc_value doc_value_string(struct arena *arena, struct slice text)
{
    uint8_t *copy = arena_alloc(arena, text.len + 5);
    uint32_t len = (uint32_t)text.len + 1;
    memcpy(copy, &len, 4);
    if (text.len > 0) {
        memcpy(copy + 4, text.data, text.len);
    }
    copy[4 + text.len] = '\0';
    return (struct doc_value){copy, len + 4, DOC_STRING};
}

struct doc_value doc_value_binary(struct arena *arena, uint8_t subtype, struct slice bytes)
{
    uint8_t *copy = arena_alloc(arena, bytes.len + 5);
    uint32_t len = (uint32_t)bytes.len;
    memcpy(copy, &len, 4);
    copy[4] = subtype;
    if (bytes.len > 0) {
        memcpy(copy + 5, bytes.data, bytes.len);
    }
    return (struct doc_value){copy, len + 5, DOC_BINARY};
}

struct doc_value doc_value_copy(struct arena *arena, struct doc_value value)
{
    return value.len == 0 ? value : value_of(arena, value.type, value.data, value.len);
}

struct slice doc_value_get_pattern(struct doc_value value)
{
    assert(value.type == DOC_REGEX);
    return slice_str((const char *)value.data);
}

struct slice doc_value_get_options(struct doc_value value)
{
    return slice_str((const char *)value.data + doc_value_get_pattern(value).len + 1);
}

bool doc_value_truth(struct doc_value value)
{
    switch (value.type) {
    case DOC_BOOL:
        return doc_value_get_bool(value);
    case DOC_INT32:
        return doc_value_get_i32(value) != 0;
    case DOC_INT64:
        return doc_value_get_i64(value) != 0;
    case DOC_DOUBLE:
        return doc_value_get_double(value) != 0;
    case DOC_DECIMAL:
        return !doc_decimal_is_zero(doc_value_get_decimal(value));
    default:
        return !doc_value_is_nullish(value);
    }
}

double doc_value_to_double(struct doc_value value)
{
    switch (value.type) {
    case DOC_INT32:
        return doc_value_get_i32(value);
    case DOC_INT64:
        return (double)doc_value_get_i64(value);
    case DOC_DECIMAL:
        return doc_decimal_to_double(doc_value_get_decimal(value));
    default:
        return doc_value_get_double(value);
    }
}

static bool value_double_fits(double number)
{
    return number >= -0x1p63 && number < 0x1p63;
}

bool doc_value_to_i64_exact(struct doc_value value, int64_t *ret_number)
{
    switch (value.type) {
    case DOC_INT32:
        *ret_number = doc_value_get_i32(value);
        return true;
    case DOC_INT64:
        *ret_number = doc_value_get_i64(value);
        return true;
    case DOC_DOUBLE: {
        double number = doc_value_get_double(value);
        if (!value_double_fits(number) || number != trunc(number)) {
            return false;
        }
        *ret_number = (int64_t)number;
        return true;
    }
    case DOC_DECIMAL:
        return doc_decimal_to_i64_exact(doc_value_get_decimal(value), ret_number);
    default:
        return false;
    }
}

int64_t doc_value_to_i64_clamped(struct doc_value value)
{
    switch (value.type) {
    case DOC_INT32:
        return doc_value_get_i32(value);
    case DOC_INT64:
        return doc_value_get_i64(value);
    case DOC_DECIMAL:
        return doc_decimal_to_i64_clamped(doc_value_get_decimal(value));
    default: {
        double number = doc_value_get_double(value);
        if (value_double_fits(number)) {
            return (int64_t)number;
        }
        return isnan(number) ? 0 : number < 0 ? INT64_MIN : INT64_MAX;
    }
    }
}

static const struct {
    const char *name;
    uint8_t type;
} value_names[] = {
    {"missing", DOC_MISSING},     {"double", DOC_DOUBLE},
    {"string", DOC_STRING},       {"object", DOC_OBJECT},
    {"array", DOC_ARRAY},         {"binData", DOC_BINARY},
    {"undefined", DOC_UNDEFINED}, {"objectId", DOC_OID},
    {"bool", DOC_BOOL},           {"date", DOC_DATE},
    {"null", DOC_NULL},           {"regex", DOC_REGEX},
    {"dbPointer", DOC_DBPOINTER}, {"javascript", DOC_CODE},
    {"symbol", DOC_SYMBOL},       {"javascriptWithScope", DOC_CODE_W_SCOPE},
    {"int", DOC_INT32},           {"timestamp", DOC_TIMESTAMP},
    {"long", DOC_INT64},          {"decimal", DOC_DECIMAL},
    {"maxKey", DOC_MAXKEY},       {"minKey", DOC_MINKEY},
};

enum { VALUE_NAMES = sizeof value_names / sizeof value_names[0] };

const char *doc_type_name(uint8_t type)
{
    for (int i = 0; i < VALUE_NAMES; i++) {
        if (value_names[i].type == type) {
            return value_names[i].name;
        }
    }
    return "unknown";
}

int doc_type_of_name(struct slice alias)
{
    for (int i = 1; i < VALUE_NAMES; i++) {
        if (slice_is(alias, value_names[i].name)) {
            return value_names[i].type;
        }
    }
    return -1;
}
