/* query/match_bits.c - $bitsAllSet, $bitsAnySet, $bitsAllClear, $bitsAnyClear.
 *
 * An operand is a number, binary bytes (bit 0 is the lowest of the first byte) or a list of
 * positions; all become a list of positions. A whole number stands for its two's complement,
 * continued by its sign; binary is continued by zeros. Other values have no bits and never match.
 */
#include "doc/view.h"
#include "query/match_private.h"

static const struct {
    const char *name;
    bool want_set;
    bool any;
} bits_ops[] = {
    {"$bitsAllSet", true, false},
    {"$bitsAnySet", true, true},
    {"$bitsAllClear", false, false},
    {"$bitsAnyClear", false, true},
};

static bool bits_is_number(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
           value.type == DOC_DECIMAL;
}

static void bits_of_bytes(struct arena *arena, struct slice bytes, struct match_bits *bits)
{
    bits->positions = arena_zero(arena, bytes.len * 8, sizeof *bits->positions);
    for (uint32_t i = 0; i < bytes.len * 8; i++) {
        if ((bytes.data[i / 8] >> i % 8 & 1) != 0) {
            bits->positions[bits->count++] = i;
        }
    }
}

static int bits_of_list(struct arena *arena, struct slice list, struct match_bits *bits,
                        struct err *err)
{
    bits->positions = arena_zero(arena, doc_count(list), sizeof *bits->positions);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        int64_t position = 0;
        if (!bits_is_number(elem.value)) {
            return err_set(err, LT_EBADVALUE,
                           "Failed to parse bit position. Expected a number in: %.*s",
                           SLICE_FMT(elem.name));
        }
        if (!doc_value_to_i64_exact(elem.value, &position) || position > INT32_MAX) {
            return err_set(err, LT_EBADVALUE,
                           "Failed to parse bit position. Expected an integer: %.*s",
                           SLICE_FMT(elem.name));
        }
        if (position < 0) {
            return err_set(err, LT_EBADVALUE,
                           "Failed to parse bit position. Expected a non-negative number in: %.*s",
                           SLICE_FMT(elem.name));
        }
        bits->positions[bits->count++] = (uint32_t)position;
    }
    return 0;
}

int query__match_bits_parse(struct arena *arena, struct doc_elem op, struct match_bits **ret_bits,
                            struct err *err)
{
    struct match_bits *bits = arena_zero(arena, 1, sizeof *bits);
    for (size_t i = 0; i < sizeof bits_ops / sizeof *bits_ops; i++) {
        if (slice_is(op.name, bits_ops[i].name)) {
            bits->want_set = bits_ops[i].want_set;
            bits->any = bits_ops[i].any;
        }
    }
    *ret_bits = bits;
    if (op.value.type == DOC_BINARY) {
        bits_of_bytes(arena, doc_value_get_binary(op.value), bits);
        return 0;
    }
    if (op.value.type == DOC_ARRAY) {
        return bits_of_list(arena, doc_value_get_doc(op.value), bits, err);
    }
    if (!bits_is_number(op.value)) {
        return err_set(err, LT_EBADVALUE,
                       "%.*s takes an Array, a number, or a BinData but received: %s",
                       SLICE_FMT(op.name), doc_type_name(op.value.type));
    }
    int64_t mask = 0;
    if (!doc_value_to_i64_exact(op.value, &mask)) {
        return err_set(err, LT_EBADVALUE, "Failed to parse bitmask. Expected an integer: %.*s",
                       SLICE_FMT(op.name));
    }
    if (mask < 0) {
        return err_set(err, LT_EBADVALUE,
                       "Failed to parse bitmask. Expected a non-negative number in: %.*s",
                       SLICE_FMT(op.name));
    }
    bits_of_bytes(arena, arena_copy(arena, slice_of(&mask, sizeof mask)), bits);
    return 0;
}

static bool bits_get(struct slice bytes, bool negative, uint32_t position)
{
    if (position / 8 >= bytes.len) {
        return negative;
    }
    return (bytes.data[position / 8] >> position % 8 & 1) != 0;
}

bool query__match_bits_test(const struct match_bits *bits, struct doc_value value)
{
    int64_t number = 0;
    struct slice bytes = slice_of(&number, sizeof number);
    if (value.type == DOC_BINARY) {
        bytes = doc_value_get_binary(value);
    } else if (!bits_is_number(value) || !doc_value_to_i64_exact(value, &number)) {
        return false;
    }
    for (uint32_t i = 0; i < bits->count; i++) {
        bool hit = bits_get(bytes, number < 0, bits->positions[i]) == bits->want_set;
        if (hit == bits->any) {
            return bits->any;
        }
    }
    return !bits->any;
}
