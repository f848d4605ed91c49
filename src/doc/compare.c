/* doc/compare.c - class first, then the value by the rule of its class.
 *
 * Recursion follows nesting, which doc_validate bounds. Hashing follows the same rules, so that
 * equal values meet: what comparison ignores (number type, string or symbol) hashing ignores too.
 */
#include "doc/compare.h"

#include <math.h>
#include <xxhash.h>

#include "doc/number_private.h"
#include "doc/view.h"

enum {
    CLASS_MINKEY = -1,
    CLASS_UNDEFINED = 0,
    CLASS_NULL = 5,
    CLASS_NUMBER = 10,
    CLASS_STRING = 15,
    CLASS_OBJECT = 20,
    CLASS_ARRAY = 25,
    CLASS_BINARY = 30,
    CLASS_OID = 35,
    CLASS_BOOL = 40,
    CLASS_DATE = 45,
    CLASS_TIMESTAMP = 47,
    CLASS_REGEX = 50,
    CLASS_DBPOINTER = 55,
    CLASS_CODE = 60,
    CLASS_CODE_W_SCOPE = 65,
    CLASS_MAXKEY = 127,
};

int doc_class(uint8_t type)
{
    static const int8_t classes[] = {
        [DOC_MISSING] = CLASS_NULL,        [DOC_DOUBLE] = CLASS_NUMBER,
        [DOC_STRING] = CLASS_STRING,       [DOC_OBJECT] = CLASS_OBJECT,
        [DOC_ARRAY] = CLASS_ARRAY,         [DOC_BINARY] = CLASS_BINARY,
        [DOC_UNDEFINED] = CLASS_UNDEFINED, [DOC_OID] = CLASS_OID,
        [DOC_BOOL] = CLASS_BOOL,           [DOC_DATE] = CLASS_DATE,
        [DOC_NULL] = CLASS_NULL,           [DOC_REGEX] = CLASS_REGEX,
        [DOC_DBPOINTER] = CLASS_DBPOINTER, [DOC_CODE] = CLASS_CODE,
        [DOC_SYMBOL] = CLASS_STRING,       [DOC_CODE_W_SCOPE] = CLASS_CODE_W_SCOPE,
        [DOC_INT32] = CLASS_NUMBER,        [DOC_TIMESTAMP] = CLASS_TIMESTAMP,
        [DOC_INT64] = CLASS_NUMBER,        [DOC_DECIMAL] = CLASS_NUMBER,
    };
    if (type < sizeof classes) {
        return classes[type];
    }
    assert(type == DOC_MINKEY || type == DOC_MAXKEY);
    return type == DOC_MAXKEY ? CLASS_MAXKEY : CLASS_MINKEY;
}

static int compare_order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_values(struct doc_value a, struct doc_value b, const struct doc_collation *by);

static int compare_fields(struct slice a, struct slice b, bool names,
                          const struct doc_collation *by)
{
    struct doc_iter a_iter, b_iter;
    struct doc_elem a_elem, b_elem;
    doc_iter_init(&a_iter, a);
    doc_iter_init(&b_iter, b);
    for (;;) {
        bool a_more = doc_iter_next(&a_iter, &a_elem);
        bool b_more = doc_iter_next(&b_iter, &b_elem);
        if (!a_more || !b_more) {
            return (int)a_more - (int)b_more;
        }
        int order = doc_class(a_elem.value.type) - doc_class(b_elem.value.type);
        if (order == 0 && names) {
            order = slice_compare(a_elem.name, b_elem.name);
        }
        if (order == 0) {
            order = compare_values(a_elem.value, b_elem.value, by);
        }
        if (order != 0) {
            return order;
        }
    }
}

int doc_compare_docs(struct slice a, struct slice b)
{
    return compare_fields(a, b, true, NULL);
}

static int compare_binary(struct doc_value a, struct doc_value b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return memcmp(a.data + 4, b.data + 4, a.len - 4);
}

static int compare_regex(struct doc_value a, struct doc_value b)
{
    int order = slice_compare(doc_value_get_pattern(a), doc_value_get_pattern(b));
    return order != 0 ? order : slice_compare(doc_value_get_options(a), doc_value_get_options(b));
}

/* Name by length, then bytes; then the ObjectId. All of it lies side by side. */
static int compare_dbpointer(struct doc_value a, struct doc_value b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return memcmp(a.data + 4, b.data + 4, a.len - 4);
}

static struct slice compare_code(struct doc_value value)
{
    return slice_of(value.data + 8, doc_load_u32(value.data + 4) - 1);
}

static struct slice compare_scope(struct doc_value value)
{
    uint32_t code_len = doc_load_u32(value.data + 4);
    return slice_of(value.data + 8 + code_len, value.len - 8 - code_len);
}

static int compare_code_w_scope(struct doc_value a, struct doc_value b)
{
    int order = slice_compare(compare_code(a), compare_code(b));
    return order != 0 ? order : doc_compare_docs(compare_scope(a), compare_scope(b));
}

static int compare_timestamp(struct doc_value a, struct doc_value b)
{
    uint64_t a_both = doc_load_u64(a.data);
    uint64_t b_both = doc_load_u64(b.data);
    return (a_both > b_both) - (a_both < b_both);
}

static int compare_string(struct doc_value a, struct doc_value b, const struct doc_collation *by)
{
    struct slice a_text = doc_value_get_string(a);
    struct slice b_text = doc_value_get_string(b);
    return by == NULL ? slice_compare(a_text, b_text) : doc_collation_compare(by, a_text, b_text);
}

static int compare_same_class(int type_class, struct doc_value a, struct doc_value b,
                              const struct doc_collation *by)
{
    switch (type_class) {
    case CLASS_NUMBER:
        return doc__number_compare(a, b);
    case CLASS_STRING:
        return compare_string(a, b, by);
    case CLASS_CODE:
        return slice_compare(doc_value_get_string(a), doc_value_get_string(b));
    case CLASS_OBJECT:
        return compare_fields(doc_value_get_doc(a), doc_value_get_doc(b), true, by);
    case CLASS_ARRAY:
        return compare_fields(doc_value_get_doc(a), doc_value_get_doc(b), false, by);
    case CLASS_BINARY:
        return compare_binary(a, b);
    case CLASS_OID:
        return memcmp(a.data, b.data, 12);
    case CLASS_BOOL:
        return (int)doc_value_get_bool(a) - (int)doc_value_get_bool(b);
    case CLASS_DATE:
        return compare_order(doc_value_get_i64(a), doc_value_get_i64(b));
    case CLASS_TIMESTAMP:
        return compare_timestamp(a, b);
    case CLASS_REGEX:
        return compare_regex(a, b);
    case CLASS_DBPOINTER:
        return compare_dbpointer(a, b);
    case CLASS_CODE_W_SCOPE:
        return compare_code_w_scope(a, b);
    default: /* MinKey, undefined, null, MaxKey: one value each */
        return 0;
    }
}

static int compare_values(struct doc_value a, struct doc_value b, const struct doc_collation *by)
{
    int a_class = doc_class(a.type);
    int order = a_class - doc_class(b.type);
    return order != 0 ? order : compare_same_class(a_class, a, b, by);
}

int doc_compare(struct doc_value a, struct doc_value b)
{
    return compare_values(a, b, NULL);
}

int doc_compare_by(struct doc_value a, struct doc_value b, const struct doc_collation *collation)
{
    return compare_values(a, b, collation);
}

/* ---- hashing ---- */

static uint64_t hash_bytes(struct slice bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.len, seed);
}

static uint64_t hash_value(struct doc_value value, uint64_t seed, const struct doc_collation *by);

static uint64_t hash_fields(struct slice doc, bool names, uint64_t seed,
                            const struct doc_collation *by)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (names) {
            seed = hash_bytes(elem.name, seed);
        }
        seed = hash_value(elem.value, seed, by);
    }
    return seed;
}

/* Doubles by value; what no double can hold by its decimal digits without trailing zeros. */
static uint64_t hash_number(struct doc_value value, uint64_t seed)
{
    struct doc__number number = doc__number_of_value(value);
    if (number.exact) {
        double whole = isnan(number.floor) ? NAN : number.floor;
        return hash_bytes(slice_of(&whole, sizeof whole), seed);
    }
    struct doc__decimal_parts parts;
    doc__decimal_split(number.decimal, &parts);
    while (parts.coefficient % 10 == 0) {
        parts.coefficient /= 10;
        parts.exponent++;
    }
    uint64_t words[3] = {(uint64_t)parts.coefficient, (uint64_t)(parts.coefficient >> 64),
                         (uint64_t)(int64_t)parts.exponent << 1 | parts.negative};
    return hash_bytes(slice_of(words, sizeof words), seed);
}

static uint64_t hash_string(struct doc_value value, uint64_t seed, const struct doc_collation *by)
{
    struct buf key;
    buf_init(&key, NULL);
    doc_collation_sort_key(by, doc_value_get_string(value), &key);
    seed = hash_bytes(buf_slice(&key), seed);
    buf_close(&key);
    return seed;
}

static uint64_t hash_value(struct doc_value value, uint64_t seed, const struct doc_collation *by)
{
    int type_class = doc_class(value.type);
    seed = (seed ^ (uint64_t)type_class) * 0x9e3779b97f4a7c15u;
    switch (type_class) {
    case CLASS_NUMBER:
        return hash_number(value, seed);
    case CLASS_OBJECT:
        return hash_fields(doc_value_get_doc(value), true, seed, by);
    case CLASS_ARRAY:
        return hash_fields(doc_value_get_doc(value), false, seed, by);
    case CLASS_CODE_W_SCOPE:
        return hash_fields(compare_scope(value), true, hash_bytes(compare_code(value), seed), NULL);
    case CLASS_BOOL:
        return hash_bytes(SLICE("\1"), seed + doc_value_get_bool(value));
    case CLASS_STRING:
        if (by != NULL) {
            return hash_string(value, seed, by);
        }
        return hash_bytes(slice_of(value.data, value.len), seed);
    default:
        return hash_bytes(slice_of(value.data, value.len), seed);
    }
}

uint64_t doc_hash(struct doc_value value, uint64_t seed)
{
    return hash_value(value, seed, NULL);
}

uint64_t doc_hash_by(struct doc_value value, uint64_t seed, const struct doc_collation *collation)
{
    return hash_value(value, seed, collation);
}
