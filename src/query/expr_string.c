/* query/expr_string.c - case, joining, parts and lengths of strings. */
#include <math.h>

#include "doc/decimal.h"
#include "query/date.h"
#include "query/expr_private.h"

/* ---- what other types are as a string ---- */

int query__string_coerce(struct query_eval *eval, struct doc_value value, struct slice *ret_text,
                         struct err *err)
{
    struct arena *arena = eval->arena;
    switch (value.type) {
    case DOC_MISSING:
    case DOC_NULL:
    case DOC_UNDEFINED:
        *ret_text = SLICE("");
        return 0;
    case DOC_STRING:
    case DOC_SYMBOL:
    case DOC_CODE:
        *ret_text = doc_value_get_string(value);
        return 0;
    case DOC_INT32:
        *ret_text = arena_format(arena, "%d", doc_value_get_i32(value));
        return 0;
    case DOC_INT64:
        *ret_text = arena_format(arena, "%lld", (long long)doc_value_get_i64(value));
        return 0;
    case DOC_DOUBLE:
        *ret_text = arena_format(arena, "%g", doc_value_get_double(value));
        if (isnan(doc_value_get_double(value))) {
            *ret_text = SLICE("nan");
        }
        return 0;
    case DOC_DECIMAL: {
        char text[DOC_DECIMAL_TEXT_MAX];
        doc_decimal_to_text(doc_value_get_decimal(value), text);
        *ret_text = arena_copy(arena, slice_str(text));
        return 0;
    }
    case DOC_DATE: {
        struct buf buf;
        buf_init(&buf, arena);
        query__date_write(&buf, doc_value_get_i64(value));
        *ret_text = buf_slice(&buf);
        return 0;
    }
    case DOC_TIMESTAMP: {
        static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        uint64_t stamp = (uint64_t)doc_value_get_i64(value);
        struct query__date date = query__date_split((int64_t)(stamp >> 32) * 1000);
        *ret_text = arena_format(arena, "%.3s %2d %02d:%02d:%02d:%u", names + 3 * (date.month - 1),
                                 (int)date.day, (int)date.hour, (int)date.minute, (int)date.second,
                                 (uint32_t)stamp);
        return 0;
    }
    default:
        return err_set(err, 16007, "can't convert from BSON type %s to String",
                       doc_type_name(value.type));
    }
}

/* ---- $toLower, $toUpper, $strcasecmp: ASCII letters only ---- */

static uint8_t string_case(uint8_t c, bool upper)
{
    if (upper) {
        return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static int string_to_case(struct query__call *call, struct doc_value *ret_value)
{
    struct slice text;
    int rc = query__string_coerce(call->eval, call->args[0], &text, call->err);
    if (rc < 0) {
        return rc;
    }
    *ret_value = doc_value_string(call->eval->arena, text);
    uint8_t *bytes = (uint8_t *)ret_value->data + 4; /* just made, still ours */
    for (size_t i = 0; i < text.len; i++) {
        bytes[i] = string_case(bytes[i], call->expr->op->variant != 0);
    }
    return 0;
}

static int string_casecmp(struct query__call *call, struct doc_value *ret_value)
{
    struct slice a;
    struct slice b;
    int rc = query__string_coerce(call->eval, call->args[0], &a, call->err);
    rc = rc < 0 ? rc : query__string_coerce(call->eval, call->args[1], &b, call->err);
    if (rc < 0) {
        return rc;
    }
    int order = 0;
    for (size_t i = 0; order == 0 && i < a.len && i < b.len; i++) {
        order = string_case(a.data[i], true) - string_case(b.data[i], true);
    }
    if (order == 0) {
        order = (a.len > b.len) - (a.len < b.len);
    }
    *ret_value = doc_value_i32(call->eval->arena, (order > 0) - (order < 0));
    return 0;
}

/* ---- $concat, $split ---- */

static int string_concat(struct query__call *call, struct doc_value *ret_value)
{
    struct buf buf;
    buf_init(&buf, call->eval->arena);
    for (uint32_t i = 0; i < call->count; i++) {
        if (doc_value_is_nullish(call->args[i])) {
            *ret_value = doc_null;
            return 0;
        }
        if (call->args[i].type != DOC_STRING) {
            return err_set(call->err, 16702, "$concat only supports strings, not %s",
                           doc_type_name(call->args[i].type));
        }
        buf_append_slice(&buf, doc_value_get_string(call->args[i]));
    }
    *ret_value = doc_value_string(call->eval->arena, buf_slice(&buf));
    return 0;
}

static int string_split_check(struct query__call *call)
{
    struct doc_value input = call->args[0];
    struct doc_value separator = call->args[1];
    if (input.type != DOC_STRING) {
        return err_set(call->err, 40085,
                       "$split requires an expression that evaluates to a string "
                       "as a first argument, found: %s",
                       doc_type_name(input.type));
    }
    if (separator.type != DOC_STRING) {
        return err_set(call->err, 10503900,
                       "$split requires an expression that evaluates to a "
                       "string as a second argument, found: %s",
                       doc_type_name(separator.type));
    }
    return 0;
}

static int string_split(struct query__call *call, struct doc_value *ret_value)
{
    int rc = string_split_check(call);
    if (rc < 0) {
        return rc;
    }
    struct slice text = doc_value_get_string(call->args[0]);
    struct slice separator = doc_value_get_string(call->args[1]);
    if (separator.len == 0) {
        return err_set(call->err, 40087, "$split requires a non-empty separator");
    }
    struct arena *arena = call->eval->arena;
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (;;) {
        const uint8_t *at =
            text.len == 0 ? NULL : memmem(text.data, text.len, separator.data, separator.len);
        size_t len = at == NULL ? text.len : (size_t)(at - text.data);
        query__list_add(&list, doc_value_string(arena, slice_of(text.data, len)));
        if (at == NULL) {
            break;
        }
        text = slice_from(text, len + separator.len);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $substrBytes, $substrCP ---- */

static bool string_is_continuation(struct slice text, size_t at)
{
    return at < text.len && (text.data[at] & 0xC0) == 0x80;
}

static int string_number(struct query__call *call, uint32_t index, int code, int64_t *ret_number)
{
    struct doc_value value = call->args[index];
    if (!doc_value_is_number(value)) {
        return err_set(call->err, code, "%s:  %s must be a numeric type (is BSON type %s)",
                       call->expr->op->name, index == 1 ? "starting index" : "length",
                       doc_type_name(value.type));
    }
    double wide = doc_value_to_double(value);
    bool outside = !(fabs(wide) < 0x1p63);
    if (value.type == DOC_DOUBLE && outside) {
        return err_set(call->err, 31109, "Can't coerce out of range value %.*s to long",
                       SLICE_FMT(query__print(call->eval, value)));
    }
    if (value.type == DOC_DECIMAL && outside) {
        *ret_number = INT64_MIN;
        return 0;
    }
    *ret_number = doc_value_to_i64_clamped(value);
    return 0;
}

static int string_substr_bytes(struct query__call *call, struct doc_value *ret_value)
{
    struct slice text;
    int64_t from;
    int64_t len;
    int rc = query__string_coerce(call->eval, call->args[0], &text, call->err);
    rc = rc < 0 ? rc : string_number(call, 1, 16034, &from);
    rc = rc < 0 ? rc : string_number(call, 2, 16035, &len);
    if (rc < 0) {
        return rc;
    }
    if (from < 0) {
        return err_set(call->err, 50752, "%s: starting index must be non-negative (got: %lld)",
                       call->expr->op->name, (long long)from);
    }
    size_t start = (uint64_t)from > text.len ? text.len : (size_t)from;
    size_t rest = text.len - start;
    size_t take = len < 0 || (uint64_t)len > rest ? rest : (size_t)len;
    if (string_is_continuation(text, start)) {
        return err_set(call->err, 28656,
                       "%s:  Invalid range, starting index is a UTF-8 "
                       "continuation byte.",
                       call->expr->op->name);
    }
    if (string_is_continuation(text, start + take)) {
        return err_set(call->err, 28657,
                       "%s:  Invalid range, ending index is in the middle of a "
                       "UTF-8 character.",
                       call->expr->op->name);
    }
    *ret_value = doc_value_string(call->eval->arena, slice_of(text.data + start, take));
    return 0;
}

size_t query__string_skip(struct slice text, size_t at, int64_t count)
{
    while (at < text.len && count > 0) {
        at++;
        while (string_is_continuation(text, at)) {
            at++;
        }
        count--;
    }
    return at;
}

static int string_substr_points(struct query__call *call, struct doc_value *ret_value)
{
    static const struct {
        int type_code;
        int value_code;
        int sign_code;
    } codes[] = {{34450, 34451, 34455}, {34452, 34453, 34454}};
    struct slice text;
    int32_t numbers[2];
    int rc = query__string_coerce(call->eval, call->args[0], &text, call->err);
    for (int i = 0; rc == 0 && i < 2; i++) {
        const char *what = i == 0 ? "starting index" : "length";
        struct doc_value value = call->args[i + 1];
        if (!doc_value_is_number(value)) {
            rc = err_set(call->err, codes[i].type_code,
                         "$substrCP: %s must be a numeric type (is BSON type %s)", what,
                         doc_type_name(value.type));
        } else if (!query__value_i32(value, &numbers[i])) {
            rc = err_set(call->err, codes[i].value_code,
                         "$substrCP: %s must be representable as a 32-bit integral value", what);
        } else if (numbers[i] < 0) {
            rc = err_set(call->err, codes[i].sign_code,
                         "$substrCP: %s must be a nonnegative "
                         "integer.",
                         what);
        }
    }
    if (rc < 0) {
        return rc;
    }
    size_t from = query__string_skip(text, 0, numbers[0]);
    size_t to = query__string_skip(text, from, numbers[1]);
    *ret_value = doc_value_string(call->eval->arena, slice_of(text.data + from, to - from));
    return 0;
}

/* ---- $strLenBytes, $strLenCP ---- */

int64_t query__string_points(struct slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (text.data[i] & 0xC0) != 0x80;
    }
    return count;
}

static int string_length(struct query__call *call, struct doc_value *ret_value)
{
    bool points = call->expr->op->variant != 0;
    struct doc_value value = call->args[0];
    if (value.type != DOC_STRING) {
        return err_set(call->err, points ? 34471 : 34473,
                       "%s requires a string argument, found: %s", call->expr->op->name,
                       doc_type_name(value.type));
    }
    struct slice text = doc_value_get_string(value);
    int64_t len = points ? query__string_points(text) : (int64_t)text.len;
    *ret_value = doc_value_integer(call->eval->arena, len);
    return 0;
}

const struct query__op query__ops_string[] = {
    {"$toLower", 1, 1, .variant = 0, .call = string_to_case},
    {"$toUpper", 1, 1, .variant = 1, .call = string_to_case},
    {"$strcasecmp", 2, 2, .call = string_casecmp},
    {"$concat", 0, -1, .call = string_concat},
    {"$split", 2, 2, QUERY__NULLISH, .call = string_split},
    {"$substr", 3, 3, .call = string_substr_bytes},
    {"$substrBytes", 3, 3, .call = string_substr_bytes},
    {"$substrCP", 3, 3, .call = string_substr_points},
    {"$strLenBytes", 1, 1, .variant = 0, .call = string_length},
    {"$strLenCP", 1, 1, .variant = 1, .call = string_length},
    {0},
};
