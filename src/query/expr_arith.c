/* query/expr_arith.c - the four operations, $mod, bits: numbers of all types and dates.
 *
 * Types widen int, long, double, decimal; an int result that does not fit becomes a long, a long
 * result a double. */
#include <math.h>

#include "doc/decimal.h"
#include "query/expr_private.h"
#include "query/sum.h"

enum { ARITH_BIT_AND, ARITH_BIT_OR, ARITH_BIT_XOR };

static uint8_t arith_wider(struct doc_value a, struct doc_value b)
{
    static const uint8_t order[] = {DOC_DECIMAL, DOC_DOUBLE, DOC_INT64};
    for (size_t i = 0; i < sizeof order; i++) {
        if (a.type == order[i] || b.type == order[i]) {
            return order[i];
        }
    }
    return DOC_INT32;
}

static int64_t arith_i64(struct doc_value value)
{
    return value.type == DOC_INT32 ? doc_value_get_i32(value) : doc_value_get_i64(value);
}

/* An integer result in the operands' type, or the next wider one that holds it. */
static struct doc_value arith_integer(struct arena *arena, uint8_t type, __int128 number)
{
    if (number < INT64_MIN || number > INT64_MAX) {
        return doc_value_double(arena, (double)number);
    }
    return type == DOC_INT32 ? doc_value_integer(arena, (int64_t)number)
                             : doc_value_i64(arena, (int64_t)number);
}

static struct doc_value arith_decimal(struct arena *arena, enum doc_decimal_op op,
                                      struct doc_value a, struct doc_value b)
{
    struct doc_decimal left = doc_decimal_of_value(a);
    return doc_value_decimal(arena, doc_decimal_apply(op, left, doc_decimal_of_value(b)));
}

/* ---- dates ---- */

/* A number of milliseconds as a whole one: false when it cannot be. */
static bool arith_millis(struct doc_value number, __int128 *ret_ms)
{
    if (number.type == DOC_DOUBLE) {
        double ms = doc_value_get_double(number);
        if (!(fabs(ms) < 0x1p63)) {
            return false;
        }
        *ret_ms = llround(ms);
        return true;
    }
    if (number.type == DOC_DECIMAL) {
        struct doc_decimal ms = doc_value_get_decimal(number);
        if (doc_decimal_is_nan(ms) || doc_decimal_is_infinite(ms)) {
            return false;
        }
        *ret_ms = doc_decimal_to_i64_clamped(ms);
        return *ret_ms > INT64_MIN && *ret_ms < INT64_MAX;
    }
    *ret_ms = arith_i64(number);
    return true;
}

static int arith_date(struct query__call *call, __int128 ms, struct doc_value *ret_value)
{
    if (ms < INT64_MIN || ms > INT64_MAX) {
        return err_set(call->err, LT_EOVERFLOW, "date overflow");
    }
    *ret_value = doc_value_date(call->eval->arena, (int64_t)ms);
    return 0;
}

static int arith_add_dates(struct query__call *call, struct doc_value *ret_value)
{
    __int128 total = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        __int128 ms = 0;
        if (call->args[i].type == DOC_DATE) {
            ms = doc_value_get_i64(call->args[i]);
        } else if (!arith_millis(call->args[i], &ms)) {
            return err_set(call->err, LT_EOVERFLOW, "date overflow in $add");
        }
        total += ms;
    }
    return arith_date(call, total, ret_value);
}

/* ---- $add, $subtract, $multiply, $divide, $mod ---- */

static int arith_add(struct query__call *call, struct doc_value *ret_value)
{
    struct query__sum sum;
    query__sum_init(&sum);
    bool dated = false;
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            *ret_value = doc_null;
            return 0;
        }
        if (value.type == DOC_DATE) {
            if (dated) {
                return err_set(call->err, 16612, "only one date allowed in an $add expression");
            }
            dated = true;
        } else if (!doc_value_is_number(value)) {
            return err_set(call->err, LT_ETYPEMISMATCH,
                           "$add only supports numeric or date types, not %s",
                           doc_type_name(value.type));
        }
        query__sum_add(&sum, value);
    }
    if (dated) {
        return arith_add_dates(call, ret_value);
    }
    *ret_value = query__sum_value(&sum, call->eval->arena);
    return 0;
}

static int arith_subtract_date(struct query__call *call, struct doc_value *ret_value)
{
    __int128 left = doc_value_get_i64(call->args[0]);
    struct doc_value right = call->args[1];
    if (right.type == DOC_DATE) {
        __int128 ms = left - doc_value_get_i64(right);
        if (ms < INT64_MIN || ms > INT64_MAX) {
            return err_set(call->err, LT_EOVERFLOW, "date overflow in $subtract");
        }
        *ret_value = doc_value_i64(call->eval->arena, (int64_t)ms);
        return 0;
    }
    __int128 ms;
    if (!doc_value_is_number(right)) {
        return err_set(call->err, LT_ETYPEMISMATCH, "can't $subtract %s from Date",
                       doc_type_name(right.type));
    }
    if (!arith_millis(right, &ms)) {
        return err_set(call->err, LT_EOVERFLOW, "date overflow in $subtract");
    }
    return arith_date(call, left - ms, ret_value);
}

static int arith_subtract(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    struct doc_value a = call->args[0];
    struct doc_value b = call->args[1];
    if (a.type == DOC_DATE) {
        return arith_subtract_date(call, ret_value);
    }
    if (!doc_value_is_number(a) || !doc_value_is_number(b)) {
        return err_set(call->err, LT_ETYPEMISMATCH, "can't $subtract %s from %s",
                       doc_type_name(b.type), doc_type_name(a.type));
    }
    uint8_t type = arith_wider(a, b);
    if (type == DOC_DECIMAL) {
        *ret_value = arith_decimal(arena, DOC_DECIMAL_SUBTRACT, a, b);
    } else if (type == DOC_DOUBLE) {
        *ret_value = doc_value_double(arena, doc_value_to_double(a) - doc_value_to_double(b));
    } else {
        *ret_value = arith_integer(arena, type, (__int128)arith_i64(a) - arith_i64(b));
    }
    return 0;
}

static struct doc_value arith_times(struct arena *arena, struct doc_value a, struct doc_value b)
{
    uint8_t type = arith_wider(a, b);
    if (type == DOC_DECIMAL) {
        return arith_decimal(arena, DOC_DECIMAL_MULTIPLY, a, b);
    }
    if (type == DOC_DOUBLE) {
        return doc_value_double(arena, doc_value_to_double(a) * doc_value_to_double(b));
    }
    return arith_integer(arena, type, (__int128)arith_i64(a) * arith_i64(b));
}

static int arith_multiply(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value product = doc_value_i32(call->eval->arena, 1);
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            *ret_value = doc_null;
            return 0;
        }
        if (!doc_value_is_number(value)) {
            return err_set(call->err, LT_ETYPEMISMATCH,
                           "$multiply only supports numeric types, not %s",
                           doc_type_name(value.type));
        }
        product = arith_times(call->eval->arena, product, value);
    }
    *ret_value = product;
    return 0;
}

static bool arith_is_zero(struct doc_value number)
{
    return !doc_value_truth(number);
}

static int arith_divide(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value a = call->args[0];
    struct doc_value b = call->args[1];
    if (!doc_value_is_number(a) || !doc_value_is_number(b)) {
        return err_set(call->err, LT_ETYPEMISMATCH,
                       "$divide only supports numeric types, not %s and %s", doc_type_name(a.type),
                       doc_type_name(b.type));
    }
    if (arith_is_zero(b)) {
        return err_set(call->err, LT_EBADVALUE, "can't $divide by zero");
    }
    if (arith_wider(a, b) == DOC_DECIMAL) {
        *ret_value = arith_decimal(call->eval->arena, DOC_DECIMAL_DIVIDE, a, b);
        return 0;
    }
    double quotient = doc_value_to_double(a) / doc_value_to_double(b);
    *ret_value = doc_value_double(call->eval->arena, quotient);
    return 0;
}

static int arith_mod(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    struct doc_value a = call->args[0];
    struct doc_value b = call->args[1];
    if (!doc_value_is_number(a) || !doc_value_is_number(b)) {
        return err_set(call->err, 16611, "$mod only supports numeric types, not %s and %s",
                       doc_type_name(a.type), doc_type_name(b.type));
    }
    if (arith_is_zero(b)) {
        return err_set(call->err, 16610, "can't $mod by zero");
    }
    uint8_t type = arith_wider(a, b);
    if (type == DOC_DECIMAL) {
        *ret_value = arith_decimal(arena, DOC_DECIMAL_MOD, a, b);
    } else if (type == DOC_DOUBLE) {
        double rest = fmod(doc_value_to_double(a), doc_value_to_double(b));
        *ret_value = doc_value_double(arena, rest);
    } else {
        __int128 rest = (__int128)arith_i64(a) % arith_i64(b);
        *ret_value = arith_integer(arena, type, rest);
    }
    return 0;
}

/* ---- bits ---- */

static int arith_bits(struct query__call *call, struct doc_value *ret_value)
{
    int16_t variant = call->expr->op->variant;
    int64_t bits = variant == ARITH_BIT_AND ? -1 : 0;
    uint8_t type = DOC_INT32;
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            *ret_value = doc_null;
            return 0;
        }
        if (value.type != DOC_INT32 && value.type != DOC_INT64) {
            return err_set(call->err, LT_ETYPEMISMATCH, "%s only supports int and long operands.",
                           call->expr->op->name);
        }
        int64_t number = arith_i64(value);
        type = value.type == DOC_INT64 ? DOC_INT64 : type;
        bits = variant == ARITH_BIT_AND  ? bits & number
               : variant == ARITH_BIT_OR ? bits | number
                                         : bits ^ number;
    }
    *ret_value = type == DOC_INT64 ? doc_value_i64(call->eval->arena, bits)
                                   : doc_value_i32(call->eval->arena, (int32_t)bits);
    return 0;
}

static int arith_bit_not(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value value = call->args[0];
    if (value.type != DOC_INT32 && value.type != DOC_INT64) {
        return err_set(call->err, 28765, "$bitNot only supports int and long, not %s",
                       doc_type_name(value.type));
    }
    *ret_value = value.type == DOC_INT32
                     ? doc_value_i32(call->eval->arena, ~doc_value_get_i32(value))
                     : doc_value_i64(call->eval->arena, ~doc_value_get_i64(value));
    return 0;
}

const struct query__op query__ops_arith[] = {
    {"$add", 0, -1, .call = arith_add},
    {"$subtract", 2, 2, QUERY__NULLISH, .call = arith_subtract},
    {"$multiply", 0, -1, .call = arith_multiply},
    {"$divide", 2, 2, QUERY__NULLISH, .call = arith_divide},
    {"$mod", 2, 2, QUERY__NULLISH, .call = arith_mod},
    {"$bitAnd", 0, -1, .variant = ARITH_BIT_AND, .call = arith_bits},
    {"$bitOr", 0, -1, .variant = ARITH_BIT_OR, .call = arith_bits},
    {"$bitXor", 0, -1, .variant = ARITH_BIT_XOR, .call = arith_bits},
    {"$bitNot", 1, 1, QUERY__NULLISH, .call = arith_bit_not},
    {0},
};
