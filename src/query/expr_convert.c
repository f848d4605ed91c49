/* query/expr_convert.c - $convert and its short forms $toInt ... $toUUID.
 *
 * A target type is a row of convert_targets with the function that makes it; the function returns
 * false (after err_set) when the value cannot become one, which `onError` may catch. */
#include <math.h>
#include <stdlib.h>

#include "doc/decimal.h"
#include "query/expr_convert.h"
#include "query/expr_date.h"

/* ---- the error every conversion shares ---- */

static int convert_unsupported(struct query__conversion *to, struct doc_value value)
{
    return err_set(to->err, LT_ECONVERSIONFAILURE,
                   "Unsupported conversion from %s to %s in "
                   "$convert with no onError value",
                   doc_type_name(value.type), doc_type_name(to->type));
}

static int convert_failed(struct query__conversion *to, const char *why)
{
    return err_set(to->err, LT_ECONVERSIONFAILURE, "%s in $convert with no onError value", why);
}

/* ---- binary data as numbers ---- */

static uint64_t convert_bytes(struct query__conversion *to, struct slice bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        size_t at = to->big_endian ? i : bytes.len - 1 - i;
        number = number << 8 | bytes.data[at];
    }
    return number;
}

/* Binary of a length that numbers have. */
static bool convert_binary_ok(struct doc_value value, size_t smallest, size_t largest)
{
    if (value.type != DOC_BINARY) {
        return false;
    }
    size_t len = doc_value_get_binary(value).len;
    return len >= smallest && len <= largest && (len & (len - 1)) == 0 && len > 0;
}

/* ---- integers ---- */

static int convert_text_integer(struct query__conversion *to, struct slice text,
                                int64_t *ret_number)
{
    size_t at = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool minus = at == 1 && text.data[0] == '-';
    int64_t number = 0;
    bool good = at < text.len;
    for (; good && at < text.len; at++) {
        int digit = text.data[at] - '0';
        good = digit >= 0 && digit <= 9 && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, minus ? -digit : digit, &number);
    }
    if (!good) {
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Failed to parse number '%.*s' in $convert "
                       "with no onError value",
                       SLICE_FMT(text));
    }
    *ret_number = number;
    return 0;
}

static int convert_real_integer(struct query__conversion *to, double number, int64_t *ret_number)
{
    if (isnan(number)) {
        return convert_failed(to, "Attempt to convert NaN value to integer type");
    }
    if (isinf(number)) {
        return convert_failed(to, "Attempt to convert infinity value to integer type");
    }
    if (!(number >= -0x1p63 && number < 0x1p63)) {
        return convert_failed(to, "Conversion would overflow target type");
    }
    *ret_number = (int64_t)number;
    return 0;
}

static int convert_decimal_integer(struct query__conversion *to, struct doc_decimal number,
                                   int64_t *ret_number)
{
    if (doc_decimal_is_nan(number) || doc_decimal_is_infinite(number)) {
        return convert_real_integer(to, doc_decimal_to_double(number), ret_number);
    }
    struct doc_decimal whole = doc_decimal_call(DOC_DECIMAL_TRUNC, number);
    if (!doc_decimal_to_i64_exact(whole, ret_number)) {
        return convert_failed(to, "Conversion would overflow target type");
    }
    return 0;
}

static int convert_integer(struct query__conversion *to, struct doc_value value,
                           int64_t *ret_number)
{
    bool wide = to->type != DOC_INT32;
    switch (value.type) {
    case DOC_BOOL:
        *ret_number = doc_value_get_bool(value);
        return 0;
    case DOC_INT32:
        *ret_number = doc_value_get_i32(value);
        return 0;
    case DOC_INT64:
        *ret_number = doc_value_get_i64(value);
        return 0;
    case DOC_DOUBLE:
        return convert_real_integer(to, doc_value_get_double(value), ret_number);
    case DOC_DECIMAL:
        return convert_decimal_integer(to, doc_value_get_decimal(value), ret_number);
    case DOC_STRING:
        return convert_text_integer(to, doc_value_get_string(value), ret_number);
    case DOC_DATE:
        *ret_number = doc_value_get_i64(value);
        return wide ? 0 : convert_unsupported(to, value);
    default:
        break;
    }
    if (!convert_binary_ok(value, 1, wide ? 8 : 4)) {
        return convert_unsupported(to, value);
    }
    struct slice bytes = doc_value_get_binary(value);
    int shift = 64 - 8 * (int)bytes.len;
    *ret_number = (int64_t)(convert_bytes(to, bytes) << shift) >> shift;
    return 0;
}

static int convert_int(struct query__conversion *to, struct doc_value value,
                       struct doc_value *ret_value)
{
    int64_t number;
    int rc = convert_integer(to, value, &number);
    if (rc < 0) {
        return rc;
    }
    if (number < INT32_MIN || number > INT32_MAX) {
        return convert_failed(to, "Conversion would overflow target type");
    }
    *ret_value = doc_value_i32(to->arena, (int32_t)number);
    return 0;
}

static int convert_long(struct query__conversion *to, struct doc_value value,
                        struct doc_value *ret_value)
{
    int64_t number;
    int rc = convert_integer(to, value, &number);
    if (rc == 0) {
        *ret_value = doc_value_i64(to->arena, number);
    }
    return rc;
}

/* ---- double and decimal ---- */

static bool convert_text_double(struct slice text, double *ret_number)
{
    static const char allowed[] = "0123456789+-.eEinfatyINFATY";
    char copy[512];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 0 || strchr(allowed, text.data[i]) == NULL) {
            return false;
        }
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *end;
    *ret_number = strtod(copy, &end);
    bool spelled = strpbrk(copy, "nN") != NULL;
    return *end == '\0' && (spelled || isfinite(*ret_number));
}

static int convert_decimal_double(struct query__conversion *to, struct doc_decimal exact,
                                  double *ret_number)
{
    *ret_number = doc_decimal_to_double(exact);
    bool overflow = isinf(*ret_number) && !doc_decimal_is_infinite(exact);
    bool underflow = *ret_number == 0 && !doc_decimal_is_zero(exact);
    return overflow || underflow ? convert_failed(to, "Conversion would overflow target type") : 0;
}

static int convert_binary_double(struct query__conversion *to, struct doc_value value,
                                 double *ret_number)
{
    if (!convert_binary_ok(value, 4, 8)) {
        return convert_unsupported(to, value);
    }
    struct slice bytes = doc_value_get_binary(value);
    uint64_t bits = convert_bytes(to, bytes);
    if (bytes.len == 8) {
        memcpy(ret_number, &bits, sizeof bits);
    } else {
        uint32_t half = (uint32_t)bits;
        float number;
        memcpy(&number, &half, sizeof half);
        *ret_number = number;
    }
    return 0;
}

static int convert_double(struct query__conversion *to, struct doc_value value,
                          struct doc_value *ret_value)
{
    double number = 0;
    int rc = 0;
    switch (value.type) {
    case DOC_BOOL:
        number = doc_value_get_bool(value);
        break;
    case DOC_DATE:
        number = (double)doc_value_get_i64(value);
        break;
    case DOC_INT32:
    case DOC_INT64:
    case DOC_DOUBLE:
        number = doc_value_to_double(value);
        break;
    case DOC_DECIMAL:
        rc = convert_decimal_double(to, doc_value_get_decimal(value), &number);
        break;
    case DOC_STRING:
        if (!convert_text_double(doc_value_get_string(value), &number)) {
            rc = err_set(to->err, LT_ECONVERSIONFAILURE,
                         "Failed to parse number '%.*s' in "
                         "$convert with no onError value",
                         SLICE_FMT(doc_value_get_string(value)));
        }
        break;
    default:
        rc = convert_binary_double(to, value, &number);
        break;
    }
    if (rc == 0) {
        *ret_value = doc_value_double(to->arena, number);
    }
    return rc;
}

static int convert_decimal(struct query__conversion *to, struct doc_value value,
                           struct doc_value *ret_value)
{
    struct doc_decimal number;
    switch (value.type) {
    case DOC_BOOL:
        number = doc_decimal_of_i64(doc_value_get_bool(value));
        break;
    case DOC_DATE:
        number = doc_decimal_of_i64(doc_value_get_i64(value));
        break;
    case DOC_STRING:
        if (!doc_decimal_of_text(doc_value_get_string(value), &number)) {
            return err_set(to->err, LT_ECONVERSIONFAILURE,
                           "Failed to parse number '%.*s' in "
                           "$convert with no onError value",
                           SLICE_FMT(doc_value_get_string(value)));
        }
        break;
    default:
        if (!doc_value_is_number(value)) {
            return convert_unsupported(to, value);
        }
        number = doc_decimal_of_value(value);
        break;
    }
    *ret_value = doc_value_decimal(to->arena, number);
    return 0;
}

/* ---- bool, date, ObjectId ---- */

static int convert_bool(struct query__conversion *to, struct doc_value value,
                        struct doc_value *ret_value)
{
    (void)to;
    *ret_value = doc_value_bool(doc_value_truth(value));
    return 0;
}

static int convert_date(struct query__conversion *to, struct doc_value value,
                        struct doc_value *ret_value)
{
    int64_t ms;
    int rc = 0;
    switch (value.type) {
    case DOC_DATE:
        ms = doc_value_get_i64(value);
        break;
    case DOC_OID:
        ms = (int64_t)(int32_t)__builtin_bswap32(doc_load_u32(value.data)) * 1000;
        break;
    case DOC_TIMESTAMP:
        ms = (int64_t)((uint64_t)doc_value_get_i64(value) >> 32) * 1000;
        break;
    case DOC_INT64:
    case DOC_DOUBLE:
    case DOC_DECIMAL:
        rc = convert_integer(to, value, &ms);
        break;
    case DOC_STRING: {
        if (!query__date_read(doc_value_get_string(value), &query__zone_utc, &ms)) {
            rc = err_set(to->err, LT_ECONVERSIONFAILURE,
                         "Error parsing date string '%.*s' in "
                         "$convert with no onError value",
                         SLICE_FMT(doc_value_get_string(value)));
        }
        break;
    }
    default:
        rc = convert_unsupported(to, value);
        break;
    }
    if (rc == 0) {
        *ret_value = doc_value_date(to->arena, ms);
    }
    return rc;
}

static int convert_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool query__hex_read(struct slice text, uint8_t *bytes)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = convert_hex_digit(text.data[i]);
        int low = convert_hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return text.len % 2 == 0;
}

static int convert_oid(struct query__conversion *to, struct doc_value value,
                       struct doc_value *ret_value)
{
    if (value.type == DOC_OID) {
        *ret_value = value;
        return 0;
    }
    if (value.type != DOC_STRING) {
        return convert_unsupported(to, value);
    }
    struct slice text = doc_value_get_string(value);
    uint8_t bytes[12];
    if (text.len != 24 || !query__hex_read(text, bytes)) {
        return err_set(to->err, LT_ECONVERSIONFAILURE,
                       "Failed to parse objectId '%.*s' in "
                       "$convert with no onError value",
                       SLICE_FMT(text));
    }
    *ret_value = doc_value_oid(to->arena, bytes);
    return 0;
}

/* ---- $convert: input, to, onError, onNull, format, byteOrder ---- */

enum {
    CONVERT_INPUT,
    CONVERT_TO,
    CONVERT_ON_ERROR,
    CONVERT_ON_NULL,
    CONVERT_FORMAT,
    CONVERT_ORDER
};

static const struct query__params convert_params = {LT_EFAILEDTOPARSE,
                                                    LT_EFAILEDTOPARSE,
                                                    {{"input", LT_EFAILEDTOPARSE},
                                                     {"to", LT_EFAILEDTOPARSE},
                                                     {"onError", 0},
                                                     {"onNull", 0},
                                                     {"format", 0},
                                                     {"byteOrder", 0},
                                                     {"base", 0}}};

static const struct {
    uint8_t type;
    int (*make)(struct query__conversion *, struct doc_value, struct doc_value *);
} convert_targets[] = {
    {DOC_DOUBLE, convert_double},
    {DOC_STRING, query__convert_string},
    {DOC_BINARY, query__convert_binary},
    {DOC_OID, convert_oid},
    {DOC_BOOL, convert_bool},
    {DOC_DATE, convert_date},
    {DOC_INT32, convert_int},
    {DOC_INT64, convert_long},
    {DOC_DECIMAL, convert_decimal},
};

static int convert_make(struct query__conversion *to, struct doc_value value,
                        struct doc_value *ret_value)
{
    for (size_t i = 0; i < sizeof convert_targets / sizeof convert_targets[0]; i++) {
        if (convert_targets[i].type == to->type) {
            return convert_targets[i].make(to, value, ret_value);
        }
    }
    return convert_unsupported(to, value);
}

static int convert_type_of(struct query__call *call, struct doc_value value, uint8_t *ret_type)
{
    if (value.type == DOC_STRING) {
        int type = doc_type_of_name(doc_value_get_string(value));
        if (type < 0) {
            return err_set(call->err, LT_EBADVALUE, "Unknown type name: %.*s",
                           SLICE_FMT(doc_value_get_string(value)));
        }
        *ret_type = (uint8_t)type;
        return 0;
    }
    int32_t number;
    if (!doc_value_is_number(value)) {
        return err_set(call->err, LT_EFAILEDTOPARSE,
                       "$convert's 'to' argument must be a string or "
                       "number, but is %s",
                       doc_type_name(value.type));
    }
    if (!query__value_i32(value, &number)) {
        return err_set(call->err, LT_EFAILEDTOPARSE,
                       "In $convert, numeric 'to' argument is not an "
                       "integer");
    }
    bool known = number == -1 || number == 127 || (number >= 0 && number <= DOC_DECIMAL);
    if (!known) {
        return err_set(call->err, LT_EFAILEDTOPARSE,
                       "In $convert, numeric value for 'to' does not "
                       "correspond to a BSON type: %d",
                       number);
    }
    *ret_type = (uint8_t)number;
    return 0;
}

static int convert_subtype(struct query__call *call, struct doc_value value, int *ret_subtype)
{
    int32_t number;
    if (!doc_value_exists(value)) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(call->err, 4341108, "$convert requires that 'subtype' be a number");
    }
    if (!query__value_i32(value, &number)) {
        return err_set(call->err, 4341106,
                       "In $convert, numeric 'subtype' argument is not an "
                       "integer");
    }
    bool known = (number >= 0 && number <= 9) || (number >= 128 && number <= 255);
    if (!known) {
        return err_set(call->err, 4341107,
                       "In $convert, numeric value for 'subtype' does not "
                       "correspond to a BinData type: %d",
                       number);
    }
    *ret_subtype = number;
    return 0;
}

static int convert_options(struct query__call *call, struct query__conversion *to)
{
    struct doc_value format = call->args[CONVERT_FORMAT];
    struct doc_value order = call->args[CONVERT_ORDER];
    if (!doc_value_is_nullish(format)) {
        if (format.type != DOC_STRING) {
            return err_set(call->err, 4341114,
                           "$convert requires that 'format' be a string, "
                           "found: %s",
                           doc_type_name(format.type));
        }
        to->format = doc_value_get_string(format);
        if (!query__convert_format_known(to->format)) {
            return err_set(call->err, 4341125, "Invalid 'format' argument for $convert: %.*s",
                           SLICE_FMT(to->format));
        }
    }
    if (!doc_value_is_nullish(order)) {
        if (order.type != DOC_STRING) {
            return err_set(call->err, 9130001, "$convert requires that 'byteOrder' be a string");
        }
        to->big_endian = slice_is(doc_value_get_string(order), "big");
        if (!to->big_endian && !slice_is(doc_value_get_string(order), "little")) {
            return err_set(call->err, 9130002, "Invalid 'byteOrder' argument for $convert");
        }
    }
    return 0;
}

static int convert_call(struct query__call *call, struct doc_value *ret_value)
{
    struct query__conversion to = {.arena = call->eval->arena, .err = call->err, .subtype = 0};
    struct doc_value target = call->args[CONVERT_TO];
    struct doc_value input = call->args[CONVERT_INPUT];
    struct doc_value type = target;
    struct doc_value subtype = doc_missing;
    if (target.type == DOC_OBJECT) {
        type = doc_get_str(doc_value_get_doc(target), "type");
        subtype = doc_get_str(doc_value_get_doc(target), "subtype");
        if (doc_value_is_nullish(type) && !doc_value_is_nullish(input)) {
            return err_set(call->err, LT_EFAILEDTOPARSE,
                           "$convert's 'to' argument must have a "
                           "'type'");
        }
    }
    if (doc_value_is_nullish(input)) {
        bool fallback = call->expr->args[CONVERT_ON_NULL] != NULL;
        *ret_value = fallback ? call->args[CONVERT_ON_NULL] : doc_null;
        return 0;
    }
    if (doc_value_is_nullish(type)) {
        *ret_value = doc_null;
        return 0;
    }
    int rc = convert_type_of(call, type, &to.type);
    rc = rc < 0 ? rc : convert_subtype(call, subtype, &to.subtype);
    rc = rc < 0 ? rc : convert_options(call, &to);
    if (rc < 0) {
        return rc;
    }
    rc = convert_make(&to, input, ret_value);
    if (rc < 0 && call->expr->args[CONVERT_ON_ERROR] != NULL) {
        *ret_value = call->args[CONVERT_ON_ERROR];
        rc = 0;
    }
    return rc;
}

/* ---- the short forms: variant is the type ---- */

static int convert_short_parse(struct query_context *context, struct doc_value spec,
                               struct query_expr *expr, struct err *err)
{
    if (spec.type == DOC_ARRAY && doc_count(doc_value_get_doc(spec)) != 1) {
        return err_set(err, 50723, "%s requires a single argument, got %zu", expr->op->name,
                       doc_count(doc_value_get_doc(spec)));
    }
    return query__parse_args(context, spec, expr, err);
}

static int convert_short(struct query__call *call, struct doc_value *ret_value)
{
    int16_t type = call->expr->op->variant;
    struct query__conversion to = {
        .arena = call->eval->arena, .err = call->err, .type = (uint8_t)type};
    if (type == DOC_BINARY) { /* $toUUID */
        to.subtype = 4;
        to.format = SLICE("uuid");
    }
    return convert_make(&to, call->args[0], ret_value);
}

#define CONVERT_ROW(name, type)                                                                    \
    {                                                                                              \
        (name), 1, 1, QUERY__NULLISH, (type), .call = convert_short, .parse = convert_short_parse  \
    }

const struct query__op query__ops_convert[] = {
    {"$convert", 1, 1, .call = convert_call, .params = &convert_params},
    CONVERT_ROW("$toDouble", DOC_DOUBLE),
    CONVERT_ROW("$toString", DOC_STRING),
    CONVERT_ROW("$toObjectId", DOC_OID),
    CONVERT_ROW("$toBool", DOC_BOOL),
    CONVERT_ROW("$toDate", DOC_DATE),
    CONVERT_ROW("$toInt", DOC_INT32),
    CONVERT_ROW("$toLong", DOC_INT64),
    CONVERT_ROW("$toDecimal", DOC_DECIMAL),
    CONVERT_ROW("$toUUID", DOC_BINARY),
    {0},
};
