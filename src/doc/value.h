/* doc/value.h - one BSON value, in place.
 *
 * Invariant   data[0..len) is the value as BSON lays it out (little endian, without type byte and
 *             name), already validated; type 0 means "there is no value".
 * Thread      a value; copy it freely.
 * Memory      borrows the document it was read from, or the arena it was made in.
 * Errors      none: reading the wrong type is an assertion.
 */
#ifndef DOC_VALUE_H
#define DOC_VALUE_H

#include <assert.h>

#include "base/arena.h"

enum doc_type {
    DOC_MISSING = 0,
    DOC_DOUBLE = 1,
    DOC_STRING = 2,
    DOC_OBJECT = 3,
    DOC_ARRAY = 4,
    DOC_BINARY = 5,
    DOC_UNDEFINED = 6,
    DOC_OID = 7,
    DOC_BOOL = 8,
    DOC_DATE = 9,
    DOC_NULL = 10,
    DOC_REGEX = 11,
    DOC_DBPOINTER = 12,
    DOC_CODE = 13,
    DOC_SYMBOL = 14,
    DOC_CODE_W_SCOPE = 15,
    DOC_INT32 = 16,
    DOC_TIMESTAMP = 17,
    DOC_INT64 = 18,
    DOC_DECIMAL = 19,
    DOC_MAXKEY = 127,
    DOC_MINKEY = 255,
};

struct doc_value {
    const uint8_t *data;
    uint32_t len;
    uint8_t type; /* enum doc_type */
};

/* A field: its name and its value, both in place. */
struct doc_elem {
    struct slice name;
    struct doc_value value;
};

/* BSON's own Decimal128 bits, low half first. */
struct doc_decimal {
    uint64_t low;
    uint64_t high;
};

extern const struct doc_value doc_missing;
extern const struct doc_value doc_null;
extern const struct doc_value doc_true;
extern const struct doc_value doc_false;
extern const struct doc_value doc_empty_object;
extern const struct doc_value doc_empty_array;

/* ---- making values; the bytes go into the arena ---- */
struct doc_value doc_value_i32(struct arena *arena, int32_t number);
struct doc_value doc_value_i64(struct arena *arena, int64_t number);
struct doc_value doc_value_double(struct arena *arena, double number);
struct doc_value doc_value_decimal(struct arena *arena, struct doc_decimal number);
/* Milliseconds since 1970 UTC. */
struct doc_value doc_value_date(struct arena *arena, int64_t unix_ms);
struct doc_value doc_value_timestamp(struct arena *arena, uint32_t seconds, uint32_t increment);
struct doc_value doc_value_string(struct arena *arena, struct slice text);
struct doc_value doc_value_oid(struct arena *arena, const uint8_t bytes[12]);
struct doc_value doc_value_binary(struct arena *arena, uint8_t subtype, struct slice bytes);
/* An int32 when it fits, else an int64. */
struct doc_value doc_value_integer(struct arena *arena, int64_t number);

static inline struct doc_value doc_value_bool(bool truth)
{
    return truth ? doc_true : doc_false;
}

/* A document's or array's bytes, total length and final NUL included, as a value. */
static inline struct doc_value doc_value_object(struct slice doc)
{
    return (struct doc_value){doc.data, (uint32_t)doc.len, DOC_OBJECT};
}

static inline struct doc_value doc_value_array(struct slice doc)
{
    return (struct doc_value){doc.data, (uint32_t)doc.len, DOC_ARRAY};
}

/* The value with its bytes copied into the arena. */
struct doc_value doc_value_copy(struct arena *arena, struct doc_value value);

/* ---- reading values ---- */
static inline uint32_t doc_load_u32(const uint8_t *data)
{
    uint32_t number;
    memcpy(&number, data, sizeof number);
    return number;
}

static inline uint64_t doc_load_u64(const uint8_t *data)
{
    uint64_t number;
    memcpy(&number, data, sizeof number);
    return number;
}

static inline bool doc_value_exists(struct doc_value value)
{
    return value.type != DOC_MISSING;
}

/* Missing, null and undefined: what $ifNull replaces. */
static inline bool doc_value_is_nullish(struct doc_value value)
{
    return value.type == DOC_MISSING || value.type == DOC_NULL || value.type == DOC_UNDEFINED;
}

static inline bool doc_value_is_number(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
           value.type == DOC_DECIMAL;
}

static inline int32_t doc_value_get_i32(struct doc_value value)
{
    assert(value.type == DOC_INT32);
    return (int32_t)doc_load_u32(value.data);
}

/* Of an int64, a date or a timestamp. */
static inline int64_t doc_value_get_i64(struct doc_value value)
{
    assert(value.type == DOC_INT64 || value.type == DOC_DATE || value.type == DOC_TIMESTAMP);
    return (int64_t)doc_load_u64(value.data);
}

static inline double doc_value_get_double(struct doc_value value)
{
    assert(value.type == DOC_DOUBLE);
    double number;
    memcpy(&number, value.data, sizeof number);
    return number;
}

static inline bool doc_value_get_bool(struct doc_value value)
{
    assert(value.type == DOC_BOOL);
    return value.data[0] != 0;
}

static inline struct doc_decimal doc_value_get_decimal(struct doc_value value)
{
    assert(value.type == DOC_DECIMAL);
    return (struct doc_decimal){doc_load_u64(value.data), doc_load_u64(value.data + 8)};
}

/* The text of a string, symbol or code, without length and NUL. */
static inline struct slice doc_value_get_string(struct doc_value value)
{
    assert(value.type == DOC_STRING || value.type == DOC_SYMBOL || value.type == DOC_CODE);
    return slice_of(value.data + 4, value.len - 5);
}

/* The whole bytes of an object or array. */
static inline struct slice doc_value_get_doc(struct doc_value value)
{
    assert(value.type == DOC_OBJECT || value.type == DOC_ARRAY);
    return slice_of(value.data, value.len);
}

/* The bytes of a binary without length and subtype; subtype 2 keeps its inner length. */
static inline struct slice doc_value_get_binary(struct doc_value value)
{
    assert(value.type == DOC_BINARY);
    return slice_of(value.data + 5, value.len - 5);
}

static inline uint8_t doc_value_get_subtype(struct doc_value value)
{
    assert(value.type == DOC_BINARY);
    return value.data[4];
}

/* Pattern and options of a regex, each without its NUL. */
struct slice doc_value_get_pattern(struct doc_value value);
struct slice doc_value_get_options(struct doc_value value);

/* Truth as aggregation sees it: false, zero of any type, null, undefined and missing are false,
 * all else (NaN, "", []) is true. */
bool doc_value_truth(struct doc_value value);

/* Any number as a double, rounded; NaN stays NaN. Asserts a number. */
double doc_value_to_double(struct doc_value value);

/* Any number as an int64 when it is one exactly (no fraction, in range): true, and *ret_number. */
bool doc_value_to_i64_exact(struct doc_value value, int64_t *ret_number);

/* Any number as an int64, truncated towards zero (decimals round half to even first, as
 * MongoDB's argument parsing does), clamped to the range; NaN is 0. Asserts a number. */
int64_t doc_value_to_i64_clamped(struct doc_value value);

/* The type's alias as $type names it: "double", "string", "missing". Static. */
const char *doc_type_name(uint8_t type);

/* The type with that alias, or -1; "number" is not one. */
int doc_type_of_name(struct slice alias);

#endif
