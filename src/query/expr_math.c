/* query/expr_math.c - functions of one number ($abs ... $tanh), powers, logarithms and rounding.
 *
 * A function of one number is a row of math_functions: its double and its decimal form, and the
 * domain outside of which it is an error. Integers give doubles, except where said. */
#include <math.h>

#include "doc/decimal.h"
#include "query/expr_private.h"

struct math_function {
    double (*of_double)(double);
    enum doc_decimal_fn of_decimal;
    int domain_code; /* error outside [low, high]; 0: everything is in */
    double low;
    double high;
    bool open;         /* low and high are outside themselves */
    bool keeps_int;    /* integers are their own result ($ceil) */
    const char *words; /* what the error says of the domain */
};

enum {
    MATH_CEIL,
    MATH_FLOOR,
    MATH_EXP,
    MATH_SQRT,
    MATH_LN,
    MATH_LOG10,
    MATH_SIN,
    MATH_COS,
    MATH_TAN,
    MATH_ASIN,
    MATH_ACOS,
    MATH_ATAN,
    MATH_SINH,
    MATH_COSH,
    MATH_TANH,
    MATH_ASINH,
    MATH_ACOSH,
    MATH_ATANH,
};

static const struct math_function math_functions[] = {
    [MATH_CEIL] = {ceil, DOC_DECIMAL_CEIL, .keeps_int = true},
    [MATH_FLOOR] = {floor, DOC_DECIMAL_FLOOR, .keeps_int = true},
    [MATH_EXP] = {exp, DOC_DECIMAL_EXP},
    [MATH_SQRT] = {sqrt, DOC_DECIMAL_SQRT, 28714, 0, INFINITY,
                   .words = "argument must be greater than or equal to 0"},
    [MATH_LN] = {log, DOC_DECIMAL_LN, 28766, 0, INFINITY, true,
                 .words = "argument must be a positive number"},
    [MATH_LOG10] = {log10, DOC_DECIMAL_LOG10, 28761, 0, INFINITY, true,
                    .words = "argument must be a positive number"},
    [MATH_SIN] = {sin, DOC_DECIMAL_SIN, 50989, -INFINITY, INFINITY, true,
                  .words = "cannot be applied to infinity"},
    [MATH_COS] = {cos, DOC_DECIMAL_COS, 50989, -INFINITY, INFINITY, true,
                  .words = "cannot be applied to infinity"},
    [MATH_TAN] = {tan, DOC_DECIMAL_TAN, 50989, -INFINITY, INFINITY, true,
                  .words = "cannot be applied to infinity"},
    [MATH_ASIN] = {asin, DOC_DECIMAL_ASIN, 50989, -1, 1, .words = "argument must be in [-1,1]"},
    [MATH_ACOS] = {acos, DOC_DECIMAL_ACOS, 50989, -1, 1, .words = "argument must be in [-1,1]"},
    [MATH_ATAN] = {atan, DOC_DECIMAL_ATAN},
    [MATH_SINH] = {sinh, DOC_DECIMAL_SINH},
    [MATH_COSH] = {cosh, DOC_DECIMAL_COSH},
    [MATH_TANH] = {tanh, DOC_DECIMAL_TANH},
    [MATH_ASINH] = {asinh, DOC_DECIMAL_ASINH},
    [MATH_ACOSH] = {acosh, DOC_DECIMAL_ACOSH, 50989, 1, INFINITY,
                    .words = "argument must be in [1,inf]"},
    [MATH_ATANH] = {atanh, DOC_DECIMAL_ATANH, 50989, -1, 1, .words = "argument must be in [-1,1]"},
};

static int math_not_number(struct query__call *call, struct doc_value value)
{
    return err_set(call->err, 28765, "%s only supports numeric types, not %s", call->expr->op->name,
                   doc_type_name(value.type));
}

static bool math_outside(const struct math_function *function, double number)
{
    bool closed = number < function->low || number > function->high;
    return closed || (function->open &&
                      (number == function->low || (number == function->high && function->low < 0)));
}

/* The number's side of the domain, exact also where a decimal is too small for a double. */
static double math_position(struct doc_value value)
{
    double number = doc_value_to_double(value);
    if (value.type == DOC_DECIMAL && number == 0) {
        struct doc_decimal exact = doc_value_get_decimal(value);
        if (!doc_decimal_is_zero(exact)) {
            return doc_decimal_is_negative(exact) ? -0x1p-1074 : 0x1p-1074;
        }
    }
    return number;
}

/* It is a double's, as MongoDB has it. */
static bool math_is_log_of_nan(const struct math_function *function, struct doc_value value)
{
    bool is_log = function == &math_functions[MATH_LN] || function == &math_functions[MATH_LOG10];
    return is_log && isnan(doc_value_to_double(value));
}

static int math_one(struct query__call *call, struct doc_value *ret_value)
{
    const struct math_function *function = &math_functions[call->expr->op->variant];
    struct doc_value value = call->args[0];
    if (!doc_value_is_number(value)) {
        return math_not_number(call, value);
    }
    if (function->keeps_int && (value.type == DOC_INT32 || value.type == DOC_INT64)) {
        *ret_value = value;
        return 0;
    }
    if (function->domain_code != 0 && math_outside(function, math_position(value))) {
        return err_set(call->err, function->domain_code, "%s's %s, but is %.*s",
                       call->expr->op->name, function->words,
                       SLICE_FMT(query__print(call->eval, value)));
    }
    struct arena *arena = call->eval->arena;
    if (value.type == DOC_DECIMAL && !math_is_log_of_nan(function, value)) {
        struct doc_decimal number = doc_value_get_decimal(value);
        if (function->keeps_int && doc_decimal_is_infinite(number)) { /* as MongoDB rounds it */
            doc_decimal_of_text(SLICE("NaN"), &number);
        }
        *ret_value = doc_value_decimal(arena, doc_decimal_call(function->of_decimal, number));
    } else {
        *ret_value = doc_value_double(arena, function->of_double(doc_value_to_double(value)));
    }
    return 0;
}

static int math_abs(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    struct doc_value value = call->args[0];
    switch (value.type) {
    case DOC_INT32: {
        int64_t number = doc_value_get_i32(value);
        *ret_value = doc_value_integer(arena, number < 0 ? -number : number);
        return 0;
    }
    case DOC_INT64: {
        int64_t number = doc_value_get_i64(value);
        if (number == INT64_MIN) {
            return err_set(call->err, 28680, "can't take $abs of long long min");
        }
        *ret_value = doc_value_i64(arena, number < 0 ? -number : number);
        return 0;
    }
    case DOC_DOUBLE:
        *ret_value = doc_value_double(arena, fabs(doc_value_get_double(value)));
        return 0;
    case DOC_DECIMAL:
        *ret_value = doc_value_decimal(
            arena, doc_decimal_call(DOC_DECIMAL_ABS, doc_value_get_decimal(value)));
        return 0;
    default:
        return math_not_number(call, value);
    }
}

/* ---- $pow and $log ---- */

/* base^exponent as an integer: false when it does not fit an int64. */
static bool math_pow_integer(int64_t base, int64_t exponent, int64_t *ret_power)
{
    if (exponent < 0) {
        if (base != 1 && base != -1) {
            return false;
        }
        exponent = exponent % 2 == 0 ? 0 : 1;
    }
    int64_t power = 1;
    while (exponent > 0) {
        if (exponent % 2 != 0 && __builtin_mul_overflow(power, base, &power)) {
            return false;
        }
        exponent /= 2;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
            return false;
        }
    }
    *ret_power = power;
    return true;
}

static int math_pow_of(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    struct doc_value base = call->args[0];
    struct doc_value exponent = call->args[1];
    if (base.type == DOC_DECIMAL || exponent.type == DOC_DECIMAL) {
        struct doc_decimal power = doc_decimal_apply(DOC_DECIMAL_POW, doc_decimal_of_value(base),
                                                     doc_decimal_of_value(exponent));
        *ret_value = doc_value_decimal(arena, power);
        return 0;
    }
    bool integers = base.type != DOC_DOUBLE && exponent.type != DOC_DOUBLE;
    int64_t power;
    if (integers && math_pow_integer(doc_value_to_i64_clamped(base),
                                     doc_value_to_i64_clamped(exponent), &power)) {
        bool small = base.type == DOC_INT32 && exponent.type == DOC_INT32;
        *ret_value = small ? doc_value_integer(arena, power) : doc_value_i64(arena, power);
        return 0;
    }
    double wide = pow(doc_value_to_double(base), doc_value_to_double(exponent));
    *ret_value = doc_value_double(arena, wide);
    return 0;
}

static int math_pow(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value base = call->args[0];
    struct doc_value exponent = call->args[1];
    if (!doc_value_is_number(base)) {
        return err_set(call->err, 28762, "$pow's base must be numeric, not %s",
                       doc_type_name(base.type));
    }
    if (!doc_value_is_number(exponent)) {
        return err_set(call->err, 28763, "$pow's exponent must be numeric, not %s",
                       doc_type_name(exponent.type));
    }
    if (!doc_value_truth(base) && doc_value_to_double(exponent) < 0) {
        return err_set(call->err, 28764, "$pow cannot take a base of 0 and a negative exponent");
    }
    return math_pow_of(call, ret_value);
}

static int math_log_check(struct query__call *call)
{
    struct doc_value number = call->args[0];
    struct doc_value base = call->args[1];
    if (!doc_value_is_number(number)) {
        return err_set(call->err, 28756, "$log's argument must be numeric, not %s",
                       doc_type_name(number.type));
    }
    if (!doc_value_is_number(base)) {
        return err_set(call->err, 28757, "$log's base must be numeric, not %s",
                       doc_type_name(base.type));
    }
    if (math_position(number) <= 0) {
        return err_set(call->err, 28758, "$log's argument must be a positive number, but is %.*s",
                       SLICE_FMT(query__print(call->eval, number)));
    }
    if (math_position(base) <= 0 || doc_value_to_double(base) == 1) {
        return err_set(call->err, 28759,
                       "$log's base must be a positive number not equal to 1, but is %.*s",
                       SLICE_FMT(query__print(call->eval, base)));
    }
    return 0;
}

static int math_log(struct query__call *call, struct doc_value *ret_value)
{
    int rc = math_log_check(call);
    if (rc < 0) {
        return rc;
    }
    struct doc_value number = call->args[0];
    struct doc_value base = call->args[1];
    double quotient = log(doc_value_to_double(number)) / log(doc_value_to_double(base));
    bool exact = number.type == DOC_DECIMAL || base.type == DOC_DECIMAL;
    if (exact && !isnan(doc_value_to_double(number)) && !isnan(doc_value_to_double(base))) {
        struct doc_decimal top = doc_decimal_call(DOC_DECIMAL_LN, doc_decimal_of_value(number));
        struct doc_decimal bottom = doc_decimal_call(DOC_DECIMAL_LN, doc_decimal_of_value(base));
        *ret_value = doc_value_decimal(call->eval->arena,
                                       doc_decimal_apply(DOC_DECIMAL_DIVIDE, top, bottom));
        return 0;
    }
    *ret_value = doc_value_double(call->eval->arena, quotient);
    return 0;
}

/* ---- $round and $trunc: variant says truncate ---- */

static int math_places(struct query__call *call, int *ret_places)
{
    struct doc_value value = call->args[1];
    int64_t places;
    if (!doc_value_is_number(value)) {
        return err_set(call->err, 16004, "can't convert from BSON type %s to long",
                       doc_type_name(value.type));
    }
    double wide = doc_value_to_double(value);
    if (!(value.type == DOC_DECIMAL && isnan(wide)) && !(fabs(wide) < 0x1p63)) {
        return err_set(call->err, 31109, "Can't coerce out of range value %.*s to long",
                       SLICE_FMT(query__print(call->eval, value)));
    }
    if (!doc_value_to_i64_exact(value, &places)) {
        return err_set(call->err, 51082, "precision argument to  %s must be a integral value",
                       call->expr->op->name);
    }
    if (places < -20 || places > 100) {
        return err_set(call->err, 51083,
                       "cannot apply %s with precision value %lld value must be "
                       "in [-20, 100]",
                       call->expr->op->name, (long long)places);
    }
    *ret_places = (int)places;
    return 0;
}

static struct doc_value math_round_integer(struct arena *arena, struct doc_value value, int places,
                                           bool truncate)
{
    if (places >= 0) {
        return value;
    }
    int64_t number = doc_value_to_i64_clamped(value);
    if (places < -18) {
        bool up = places == -19 && !truncate &&
                  (number > 5000000000000000000 || number < -5000000000000000000);
        return up ? doc_value_double(arena, number < 0 ? -1e19 : 1e19)
                  : (value.type == DOC_INT32 ? doc_value_i32(arena, 0) : doc_value_i64(arena, 0));
    }
    int64_t scale = 1;
    for (int i = 0; i < -places; i++) {
        scale *= 10;
    }
    __int128 down = number / scale * (__int128)scale;
    __int128 rest = number - down;
    __int128 twice = rest < 0 ? -2 * rest : 2 * rest;
    bool odd = number / scale % 2 != 0;
    if (!truncate && (twice > scale || (twice == scale && odd))) {
        down += number < 0 ? -scale : scale;
    }
    if (down < INT64_MIN || down > INT64_MAX) {
        return doc_value_double(arena, (double)down);
    }
    return value.type == DOC_INT32 ? doc_value_integer(arena, (int64_t)down)
                                   : doc_value_i64(arena, (int64_t)down);
}

static struct doc_value math_round_double(struct arena *arena, double number, int places,
                                          bool truncate)
{
    if (!isfinite(number)) {
        return doc_value_double(arena, number);
    }
    if (places == 0) {
        return doc_value_double(arena, truncate ? trunc(number) : nearbyint(number));
    }
    struct doc_decimal exact = doc_decimal_of_double_exact(number);
    struct doc_decimal rounded = doc_decimal_quantize(exact, places, truncate);
    bool lost = doc_decimal_is_nan(rounded); /* more digits than a decimal has: all are kept */
    return doc_value_double(arena, lost ? number : doc_decimal_to_double(rounded));
}

static struct doc_value math_round_decimal(struct arena *arena, struct doc_decimal number,
                                           int places, bool truncate)
{
    if (doc_decimal_is_nan(number) || doc_decimal_is_infinite(number)) {
        return doc_value_decimal(arena, number);
    }
    struct doc_decimal rounded = doc_decimal_quantize(number, places, truncate);
    return doc_value_decimal(arena, doc_decimal_is_nan(rounded) ? number : rounded);
}

static int math_round(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value value = call->args[0];
    int places = 0;
    if (doc_value_is_nullish(value) || (call->count > 1 && doc_value_is_nullish(call->args[1]))) {
        *ret_value = doc_null;
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(call->err, 51081, "%s only supports numeric types, not %s",
                       call->expr->op->name, doc_type_name(value.type));
    }
    int rc = call->count > 1 ? math_places(call, &places) : 0;
    if (rc < 0) {
        return rc;
    }
    struct arena *arena = call->eval->arena;
    bool truncate = call->expr->op->variant != 0;
    if (value.type == DOC_DECIMAL) {
        *ret_value = math_round_decimal(arena, doc_value_get_decimal(value), places, truncate);
    } else if (value.type == DOC_DOUBLE) {
        *ret_value = math_round_double(arena, doc_value_get_double(value), places, truncate);
    } else {
        *ret_value = math_round_integer(arena, value, places, truncate);
    }
    return 0;
}

/* ---- angles, $atan2, $sigmoid ---- */

static int math_angle(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value value = call->args[0];
    if (!doc_value_is_number(value)) {
        return math_not_number(call, value);
    }
    bool to_radians = call->expr->op->variant != 0;
    if (value.type == DOC_DECIMAL) {
        struct doc_decimal pi;
        doc_decimal_of_text(SLICE("3.141592653589793238462643383279503"), &pi);
        struct doc_decimal half = doc_decimal_of_i64(180);
        struct doc_decimal number = doc_value_get_decimal(value);
        number = doc_decimal_apply(DOC_DECIMAL_MULTIPLY, number, to_radians ? pi : half);
        number = doc_decimal_apply(DOC_DECIMAL_DIVIDE, number, to_radians ? half : pi);
        *ret_value = doc_value_decimal(call->eval->arena, number);
        return 0;
    }
    double number = doc_value_to_double(value);
    number *= to_radians ? M_PI / 180 : 180 / M_PI;
    *ret_value = doc_value_double(call->eval->arena, number);
    return 0;
}

static int math_atan2(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value y = call->args[0];
    struct doc_value x = call->args[1];
    for (int i = 0; i < 2; i++) {
        if (!doc_value_is_number(call->args[i])) {
            return err_set(call->err, i == 0 ? 51044 : 51045,
                           "$atan2 only supports numeric types, "
                           "not %s",
                           doc_type_name(call->args[i].type));
        }
    }
    if (y.type == DOC_DECIMAL || x.type == DOC_DECIMAL) {
        struct doc_decimal angle =
            doc_decimal_apply(DOC_DECIMAL_ATAN2, doc_decimal_of_value(y), doc_decimal_of_value(x));
        *ret_value = doc_value_decimal(call->eval->arena, angle);
        return 0;
    }
    double angle = atan2(doc_value_to_double(y), doc_value_to_double(x));
    *ret_value = doc_value_double(call->eval->arena, angle);
    return 0;
}

static int math_sigmoid(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value value = call->args[0];
    if (!doc_value_is_number(value)) {
        return err_set(call->err, LT_ETYPEMISMATCH, "$sigmoid only supports numeric types, not %s",
                       doc_type_name(value.type));
    }
    if (value.type == DOC_DECIMAL) {
        struct doc_decimal one = doc_decimal_of_i64(1);
        struct doc_decimal power =
            doc_decimal_call(DOC_DECIMAL_NEGATE, doc_value_get_decimal(value));
        power = doc_decimal_apply(DOC_DECIMAL_ADD, one, doc_decimal_call(DOC_DECIMAL_EXP, power));
        power = doc_decimal_apply(DOC_DECIMAL_DIVIDE, one, power);
        *ret_value = doc_value_decimal(call->eval->arena, power);
        return 0;
    }
    double result = 1 / (1 + exp(-doc_value_to_double(value)));
    *ret_value = doc_value_double(call->eval->arena, result);
    return 0;
}

#define MATH_ROW(name, variant)                                                                    \
    {                                                                                              \
        (name), 1, 1, QUERY__NULLISH, (variant), .call = math_one                                  \
    }

const struct query__op query__ops_math[] = {
    MATH_ROW("$ceil", MATH_CEIL),
    MATH_ROW("$floor", MATH_FLOOR),
    MATH_ROW("$exp", MATH_EXP),
    MATH_ROW("$sqrt", MATH_SQRT),
    MATH_ROW("$ln", MATH_LN),
    MATH_ROW("$log10", MATH_LOG10),
    MATH_ROW("$sin", MATH_SIN),
    MATH_ROW("$cos", MATH_COS),
    MATH_ROW("$tan", MATH_TAN),
    MATH_ROW("$asin", MATH_ASIN),
    MATH_ROW("$acos", MATH_ACOS),
    MATH_ROW("$atan", MATH_ATAN),
    MATH_ROW("$sinh", MATH_SINH),
    MATH_ROW("$cosh", MATH_COSH),
    MATH_ROW("$tanh", MATH_TANH),
    MATH_ROW("$asinh", MATH_ASINH),
    MATH_ROW("$acosh", MATH_ACOSH),
    MATH_ROW("$atanh", MATH_ATANH),
    {"$abs", 1, 1, QUERY__NULLISH, .call = math_abs},
    {"$pow", 2, 2, QUERY__NULLISH, .call = math_pow},
    {"$log", 2, 2, QUERY__NULLISH, .call = math_log},
    {"$round", 1, 2, .variant = 0, .call = math_round},
    {"$trunc", 1, 2, .variant = 1, .call = math_round},
    {"$degreesToRadians", 1, 1, QUERY__NULLISH, 1, .call = math_angle},
    {"$radiansToDegrees", 1, 1, QUERY__NULLISH, 0, .call = math_angle},
    {"$atan2", 2, 2, QUERY__NULLISH, .call = math_atan2},
    {"$sigmoid", 1, 1, QUERY__NULLISH | QUERY__ONE, .call = math_sigmoid},
    {0},
};
