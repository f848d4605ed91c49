/* query/match_leaf.c - one operator, one value.
 *
 * Comparison stays inside a class of types (null, numbers, strings ...); a missing field stands for
 * null; NaN equals only NaN and orders with nothing; MinKey and MaxKey compare with everything.
 * Strings compare by the collation that the filter was parsed with, patterns never do. */
#include <math.h>

#include "doc/compare.h"
#include "doc/decimal.h"
#include "doc/view.h"
#include "query/match_private.h"

static bool leaf_is_number(uint8_t type)
{
    return type == DOC_INT32 || type == DOC_INT64 || type == DOC_DOUBLE || type == DOC_DECIMAL;
}

static bool leaf_is_nan(struct doc_value value)
{
    if (value.type == DOC_DOUBLE) {
        return isnan(doc_value_to_double(value));
    }
    return value.type == DOC_DECIMAL && doc_decimal_is_nan(doc_value_get_decimal(value));
}

static bool leaf_order(enum query_match_kind kind, int order)
{
    switch (kind) {
    case QUERY_MATCH_EQ:
        return order == 0;
    case QUERY_MATCH_LT:
        return order < 0;
    case QUERY_MATCH_LTE:
        return order <= 0;
    case QUERY_MATCH_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool leaf_compare(const struct query_match *leaf, struct doc_value value)
{
    struct doc_value operand = leaf->operand;
    if (!doc_value_exists(value)) {
        value = doc_null;
    }
    if (operand.type == DOC_MINKEY || operand.type == DOC_MAXKEY) {
        return leaf_order(leaf->kind, doc_compare_by(value, operand, leaf->collation));
    }
    if (value.type != operand.type && doc_class(value.type) != doc_class(operand.type)) {
        return false;
    }
    if (leaf_is_nan(value) != leaf_is_nan(operand)) {
        return false;
    }
    return leaf_order(leaf->kind, doc_compare_by(value, operand, leaf->collation));
}

static int leaf_regex(const struct query_match *leaf, struct doc_value value, struct err *err)
{
    if (value.type == DOC_STRING || value.type == DOC_SYMBOL) {
        return query_regex_match(leaf->detail, doc_value_get_string(value), err);
    }
    return value.type == DOC_REGEX && leaf->operand.type == DOC_REGEX &&
           doc_equal(value, leaf->operand);
}

static int leaf_in(const struct query_match *leaf, struct doc_value value, struct err *err)
{
    if (!doc_value_exists(value)) {
        value = doc_null;
    }
    uint32_t low = 0;
    uint32_t high = leaf->operands_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = doc_compare_by(value, leaf->operands[middle], leaf->collation);
        if (order == 0) {
            return 1;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    for (uint32_t i = 0; i < leaf->children_count; i++) {
        int rc = leaf_regex(leaf->children[i], value, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static bool leaf_type(const struct match_types *types, struct doc_value value)
{
    if (value.type == DOC_MINKEY) {
        return types->has_minkey;
    }
    if (value.type == DOC_MAXKEY) {
        return types->has_maxkey;
    }
    return value.type != DOC_MISSING && (types->set >> value.type & 1) != 0;
}

/* The number without its fraction, when that is an int64. */
static bool leaf_truncate(struct doc_value number, int64_t *ret_number)
{
    if (number.type == DOC_DOUBLE) {
        double whole = trunc(doc_value_to_double(number));
        if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) {
            return false;
        }
        *ret_number = (int64_t)whole;
        return true;
    }
    if (number.type == DOC_DECIMAL) {
        struct doc_decimal decimal = doc_value_get_decimal(number);
        if (doc_decimal_is_nan(decimal) || doc_decimal_is_infinite(decimal)) {
            return false;
        }
        return doc_decimal_to_i64_exact(doc_decimal_call(DOC_DECIMAL_TRUNC, decimal), ret_number);
    }
    return leaf_is_number(number.type) && doc_value_to_i64_exact(number, ret_number);
}

static bool leaf_mod(const struct match_mod *mod, struct doc_value value)
{
    int64_t number = 0;
    if (!leaf_truncate(value, &number)) {
        return false;
    }
    return (mod->divisor == -1 ? 0 : number % mod->divisor) == mod->remainder;
}

int query__match_leaf(const struct query_match *leaf, struct doc_value value, struct err *err)
{
    switch (leaf->kind) {
    case QUERY_MATCH_EQ:
    case QUERY_MATCH_LT:
    case QUERY_MATCH_LTE:
    case QUERY_MATCH_GT:
    case QUERY_MATCH_GTE:
        return leaf_compare(leaf, value);
    case QUERY_MATCH_IN:
        return leaf_in(leaf, value, err);
    case QUERY_MATCH_REGEX:
        return leaf_regex(leaf, value, err);
    case QUERY_MATCH_EXISTS:
        return doc_value_exists(value);
    case QUERY_MATCH_TYPE:
        return leaf_type(leaf->detail, value);
    case QUERY_MATCH_SIZE:
        return value.type == DOC_ARRAY &&
               (int64_t)doc_count(doc_value_get_doc(value)) == *(const int64_t *)leaf->detail;
    case QUERY_MATCH_MOD:
        return leaf_mod(leaf->detail, value);
    case QUERY_MATCH_BITS:
        return query__match_bits_test(leaf->detail, value);
    case QUERY_MATCH_GEO:
        return geo_region_matches(leaf->detail, value);
    case QUERY_MATCH_TRUE:
        return 1;
    default:
        return 0;
    }
}

static int leaf_type_add(struct match_types *types, int type)
{
    if (type == DOC_MINKEY || type == -1) {
        types->has_minkey = true;
    } else if (type == DOC_MAXKEY) {
        types->has_maxkey = true;
    } else if (type >= DOC_DOUBLE && type <= DOC_DECIMAL) {
        types->set |= 1u << type;
    } else {
        return -1;
    }
    return 0;
}

static int leaf_type_parse(struct match_types *types, struct doc_value spec, struct err *err)
{
    if (spec.type == DOC_STRING) {
        struct slice alias = doc_value_get_string(spec);
        if (slice_is(alias, "number")) {
            types->set |= 1u << DOC_INT32 | 1u << DOC_INT64 | 1u << DOC_DOUBLE | 1u << DOC_DECIMAL;
            return 0;
        }
        int type = doc_type_of_name(alias);
        if (type <= 0 || leaf_type_add(types, type) < 0) {
            return err_set(err, LT_EBADVALUE, "Unknown type name alias: %.*s", SLICE_FMT(alias));
        }
        return 0;
    }
    if (!leaf_is_number(spec.type)) {
        return err_set(err, LT_ETYPEMISMATCH, "type must be represented as a number or a string");
    }
    int64_t code = 0;
    if (!doc_value_to_i64_exact(spec, &code) || code < -1 || code > 127 ||
        leaf_type_add(types, (int)code) < 0) {
        return err_set(err, LT_EBADVALUE, "Invalid numerical type code: %g",
                       doc_value_to_double(spec));
    }
    return 0;
}

int query__match_type_parse(struct query_context *context, struct query_match *node,
                            struct err *err)
{
    struct match_types *types = arena_zero(context->arena, 1, sizeof *types);
    node->detail = types;
    if (node->operand.type != DOC_ARRAY) {
        return leaf_type_parse(types, node->operand, err);
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, node->operand);
    if (doc_is_empty(doc_value_get_doc(node->operand))) {
        return err_set(err, LT_EFAILEDTOPARSE, "%.*s must match at least one type",
                       SLICE_FMT(node->path.text));
    }
    while (doc_iter_next(&iter, &elem)) {
        int rc = leaf_type_parse(types, elem.value, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int query__match_size_parse(struct query_context *context, struct query_match *node,
                            struct err *err)
{
    int64_t *size = arena_zero(context->arena, 1, sizeof *size);
    node->detail = size;
    if (!leaf_is_number(node->operand.type)) {
        return err_set(err, LT_EBADVALUE, "Failed to parse $size. Expected a number in: $size");
    }
    if (!doc_value_to_i64_exact(node->operand, size) || *size > INT32_MAX) {
        return err_set(err, LT_EBADVALUE, "Failed to parse $size. Expected an integer: $size");
    }
    if (*size < 0) {
        return err_set(err, LT_EBADVALUE,
                       "Failed to parse $size. Expected a non-negative number in: $size");
    }
    return 0;
}

int query__match_mod_parse(struct query_context *context, struct query_match *node, struct err *err)
{
    struct match_mod *mod = arena_zero(context->arena, 1, sizeof *mod);
    node->detail = mod;
    if (node->operand.type != DOC_ARRAY) {
        return err_set(err, LT_EBADVALUE, "malformed mod, needs to be an array");
    }
    struct slice array = doc_value_get_doc(node->operand);
    size_t count = doc_count(array);
    if (count != 2) {
        return err_set(err, LT_EBADVALUE, "malformed mod, %s elements",
                       count < 2 ? "not enough" : "too many");
    }
    struct doc_value divisor = doc_array_at(array, 0);
    struct doc_value remainder = doc_array_at(array, 1);
    if (!leaf_is_number(divisor.type)) {
        return err_set(err, LT_EBADVALUE, "malformed mod, divisor not a number");
    }
    if (!leaf_is_number(remainder.type)) {
        return err_set(err, LT_EBADVALUE, "malformed mod, remainder not a number");
    }
    if (!leaf_truncate(divisor, &mod->divisor)) {
        return err_set(err, LT_EBADVALUE, "malformed mod, divisor value is invalid");
    }
    if (!leaf_truncate(remainder, &mod->remainder)) {
        return err_set(err, LT_EBADVALUE, "malformed mod, remainder value is invalid");
    }
    if (mod->divisor == 0) {
        return err_set(err, LT_EBADVALUE, "divisor cannot be 0");
    }
    return 0;
}
