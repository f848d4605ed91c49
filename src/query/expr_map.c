/* query/expr_map.c - operators that evaluate an expression for each element of an array: $map,
 * $filter, $reduce; and $zip. binds[0] is the element's variable, binds[1] $reduce's value. */
#include "query/expr_private.h"

struct map_words {
    int object_code;
    int unknown_code;
    const char *body; /* "in" or "cond" */
    int input_code;
    int body_code;
    bool has_limit;
};

static const struct map_words map_words_map = {16878, 16879, "in", 16880, 16882, false};
static const struct map_words map_words_filter = {28646, 28647, "cond", 28648, 28650, true};

enum { MAP_INPUT, MAP_BODY, MAP_LIMIT, MAP_ARGS };

static int map_check(const struct map_words *words, const char *op, struct doc_value spec,
                     struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, words->object_code, "%s only supports an object as its argument", op);
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "input") && !slice_is(elem.name, "as") &&
            !slice_is(elem.name, words->body) &&
            !(words->has_limit && slice_is(elem.name, "limit")) &&
            !(!words->has_limit && slice_is(elem.name, "arrayIndexAs"))) {
            return err_set(err, words->unknown_code, "Unrecognized parameter to %s: %.*s", op,
                           SLICE_FMT(elem.name));
        }
    }
    struct slice doc = doc_value_get_doc(spec);
    if (!doc_value_exists(doc_get_str(doc, "input"))) {
        return err_set(err, words->input_code, "Missing 'input' parameter to %s", op);
    }
    if (!doc_value_exists(doc_get_str(doc, words->body))) {
        return err_set(err, words->body_code, "Missing '%s' parameter to %s", words->body, op);
    }
    return 0;
}

/* The variable named by the parameter, or by default "this". */
static int map_variable(struct slice doc, const char *parameter, struct slice *ret_name,
                        struct err *err)
{
    struct doc_value as = doc_get_str(doc, parameter);
    *ret_name = SLICE("this");
    if (!doc_value_exists(as)) {
        return 0;
    }
    if (as.type != DOC_STRING) {
        return err_set(err, LT_EFAILEDTOPARSE, "'%s' must be a string", parameter);
    }
    *ret_name = doc_value_get_string(as);
    return query_variable_name(*ret_name, err);
}

static int map_parse_as(struct query_context *context, const struct map_words *words,
                        struct doc_value spec, struct query_expr *expr, struct err *err)
{
    int rc = map_check(words, expr->op->name, spec, err);
    if (rc < 0) {
        return rc;
    }
    struct slice doc = doc_value_get_doc(spec);
    query__args_alloc(context, expr, MAP_ARGS);
    rc = query__expr_parse(context, doc_get_str(doc, "input"), &expr->args[MAP_INPUT], err);
    struct slice name;
    rc = rc < 0 ? rc : map_variable(doc, "as", &name, err);
    if (rc < 0) {
        return rc;
    }
    uint32_t pushed = 1;
    expr->binds[0] = (int32_t)query_scope_push(context, name);
    expr->binds[1] = -1;
    if (doc_value_exists(doc_get_str(doc, "arrayIndexAs"))) {
        rc = map_variable(doc, "arrayIndexAs", &name, err);
        expr->binds[1] = rc < 0 ? -1 : (int32_t)query_scope_push(context, name);
        pushed += rc == 0;
    }
    if (rc == 0) {
        rc = query__expr_parse(context, doc_get_str(doc, words->body), &expr->args[MAP_BODY], err);
    }
    query_scope_pop(context, pushed);
    struct doc_value limit = doc_get_str(doc, "limit");
    if (rc == 0 && doc_value_exists(limit)) {
        rc = query__expr_parse(context, limit, &expr->args[MAP_LIMIT], err);
    }
    return rc;
}

static int map_parse(struct query_context *context, struct doc_value spec, struct query_expr *expr,
                     struct err *err)
{
    return map_parse_as(context, &map_words_map, spec, expr, err);
}

static int map_filter_parse(struct query_context *context, struct doc_value spec,
                            struct query_expr *expr, struct err *err)
{
    return map_parse_as(context, &map_words_filter, spec, expr, err);
}

/* 1: an array; 0: null, and so is the result; negative: neither. */
static int map_input(const struct query_expr *expr, struct query_eval *eval, int code,
                     struct doc_value *ret_input, struct err *err)
{
    int rc = query__arg_eval(expr, MAP_INPUT, eval, ret_input, err);
    if (rc < 0 || ret_input->type == DOC_ARRAY) {
        return rc < 0 ? rc : 1;
    }
    if (doc_value_is_nullish(*ret_input)) {
        return 0;
    }
    return err_set(err, code, "input to %s must be an array not %s", expr->op->name,
                   doc_type_name(ret_input->type));
}

static int map_map(const struct query_expr *expr, struct query_eval *eval,
                   struct doc_value *ret_value, struct err *err)
{
    struct doc_value input;
    int rc = map_input(expr, eval, 16883, &input, err);
    if (rc <= 0) {
        *ret_value = doc_null;
        return rc;
    }
    struct query__list list;
    query__list_begin(&list, eval->arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, input);
    struct doc_elem elem;
    for (int64_t i = 0; doc_iter_next(&iter, &elem); i++) {
        eval->slots[expr->binds[0]] = elem.value;
        if (expr->binds[1] >= 0) {
            eval->slots[expr->binds[1]] = doc_value_integer(eval->arena, i);
        }
        struct doc_value mapped;
        rc = query_expr_eval(expr->args[MAP_BODY], eval, &mapped, err);
        if (rc < 0) {
            return rc;
        }
        query__list_add(&list, mapped);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

static int map_limit(const struct query_expr *expr, struct query_eval *eval, int32_t *ret_limit,
                     struct err *err)
{
    struct doc_value limit;
    *ret_limit = INT32_MAX;
    int rc = query__arg_eval(expr, MAP_LIMIT, eval, &limit, err);
    if (rc < 0 || doc_value_is_nullish(limit)) {
        return rc;
    }
    if (!query__value_i32(limit, ret_limit)) {
        return err_set(err, 327391,
                       "$filter: limit must be represented as a 32-bit integral "
                       "value: %.*s",
                       SLICE_FMT(query__print(eval, limit)));
    }
    if (*ret_limit < 1) {
        return err_set(err, 327392, "$filter: limit must be greater than 0: %d", *ret_limit);
    }
    return 0;
}

static int map_filter(const struct query_expr *expr, struct query_eval *eval,
                      struct doc_value *ret_value, struct err *err)
{
    struct doc_value input;
    int rc = map_input(expr, eval, 28651, &input, err);
    if (rc <= 0) {
        *ret_value = doc_null;
        return rc;
    }
    int32_t limit;
    rc = map_limit(expr, eval, &limit, err);
    if (rc < 0) {
        return rc;
    }
    struct query__list list;
    query__list_begin(&list, eval->arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, input);
    struct doc_elem elem;
    while (list.count < (uint32_t)limit && doc_iter_next(&iter, &elem)) {
        eval->slots[expr->binds[0]] = elem.value;
        struct doc_value keep;
        rc = query_expr_eval(expr->args[MAP_BODY], eval, &keep, err);
        if (rc < 0) {
            return rc;
        }
        if (doc_value_truth(keep)) {
            query__list_add(&list, elem.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $reduce: args are input, initialValue, in ---- */

static int map_reduce_parse(struct query_context *context, struct doc_value spec,
                            struct query_expr *expr, struct err *err)
{
    static const struct {
        const char *name;
        int code;
    } parts[] = {{"input", 40077}, {"initialValue", 40078}, {"in", 40079}};
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40075, "$reduce requires an object as an argument, found: %s",
                       doc_type_name(spec.type));
    }
    query__args_alloc(context, expr, 3);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "in")) {
            expr->binds[0] = (int32_t)query_scope_push(context, SLICE("this"));
            expr->binds[1] = (int32_t)query_scope_push(context, SLICE("value"));
            rc = query__expr_parse(context, elem.value, &expr->args[2], err);
            query_scope_pop(context, 2);
        } else if (slice_is(elem.name, "input") || slice_is(elem.name, "initialValue")) {
            int at = slice_is(elem.name, "input") ? 0 : 1;
            rc = query__expr_parse(context, elem.value, &expr->args[at], err);
        } else {
            rc = err_set(err, 40076, "$reduce found an unknown argument: %.*s",
                         SLICE_FMT(elem.name));
        }
    }
    for (int i = 0; rc == 0 && i < 3; i++) {
        if (expr->args[i] == NULL) {
            rc =
                err_set(err, parts[i].code, "$reduce requires '%s' to be specified", parts[i].name);
        }
    }
    return rc;
}

static int map_reduce(const struct query_expr *expr, struct query_eval *eval,
                      struct doc_value *ret_value, struct err *err)
{
    struct doc_value input;
    int rc = map_input(expr, eval, 40080, &input, err);
    if (rc <= 0) {
        *ret_value = doc_null;
        return rc;
    }
    struct doc_value value;
    rc = query_expr_eval(expr->args[1], eval, &value, err);
    struct doc_iter iter;
    doc_iter_value(&iter, input);
    struct doc_elem elem;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        eval->slots[expr->binds[0]] = elem.value;
        eval->slots[expr->binds[1]] = value;
        rc = query_expr_eval(expr->args[2], eval, &value, err);
    }
    if (rc == 0) {
        *ret_value = value;
    }
    return rc;
}

/* ---- $zip: args are the inputs array, then defaults (may be NULL); detail: use the longest ----
 */

static int map_zip_list(struct query_context *context, struct doc_elem elem, int code,
                        struct query_expr **ret_expr, struct err *err)
{
    if (elem.value.type != DOC_ARRAY) {
        return err_set(err, code, "%.*s must be an array of expressions, found %s",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    return query__expr_parse(context, elem.value, ret_expr, err);
}

static int map_zip_parse(struct query_context *context, struct doc_value spec,
                         struct query_expr *expr, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 34460, "$zip only supports an object as an argument, found %s",
                       doc_type_name(spec.type));
    }
    query__args_alloc(context, expr, 2);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "inputs")) {
            rc = map_zip_list(context, elem, 34461, &expr->args[0], err);
        } else if (slice_is(elem.name, "defaults")) {
            rc = map_zip_list(context, elem, 34462, &expr->args[1], err);
        } else if (!slice_is(elem.name, "useLongestLength")) {
            rc = err_set(err, 34464, "$zip found an unknown argument: %.*s", SLICE_FMT(elem.name));
        } else if (elem.value.type != DOC_BOOL) {
            rc = err_set(err, 34463, "useLongestLength must be a bool, found %s",
                         doc_type_name(elem.value.type));
        } else {
            expr->detail = doc_value_get_bool(elem.value) ? expr : NULL;
        }
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t inputs = expr->args[0] == NULL ? 0 : expr->args[0]->args_count;
    if (inputs == 0) {
        return err_set(err, 34465, "$zip requires at least one input array");
    }
    if (expr->args[1] != NULL && expr->detail == NULL) {
        return err_set(err, 34466, "cannot specify defaults unless useLongestLength is true");
    }
    if (expr->args[1] != NULL && expr->args[1]->args_count != inputs) {
        return err_set(err, 34467, "defaults and inputs must have the same length");
    }
    return 0;
}

static int map_zip(struct query__call *call, struct doc_value *ret_value)
{
    struct arena *arena = call->eval->arena;
    uint32_t count;
    struct doc_value *inputs = query__elements(arena, call->args[0], &count);
    struct doc_value **columns = arena_alloc(arena, count * sizeof *columns);
    uint32_t *sizes = arena_alloc(arena, count * sizeof *sizes);
    uint32_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (doc_value_is_nullish(inputs[i])) {
            *ret_value = doc_null;
            return 0;
        }
        if (inputs[i].type != DOC_ARRAY) {
            return err_set(call->err, 34468, "$zip found a non-array expression in input: %.*s",
                           SLICE_FMT(query__print(call->eval, inputs[i])));
        }
        columns[i] = query__elements(arena, inputs[i], &sizes[i]);
        bool longest = call->expr->detail != NULL;
        rows = i == 0 || (longest ? sizes[i] > rows : sizes[i] < rows) ? sizes[i] : rows;
    }
    uint32_t defaults_count = 0;
    struct doc_value *defaults = NULL;
    if (call->args[1].type == DOC_ARRAY) {
        defaults = query__elements(arena, call->args[1], &defaults_count);
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    for (uint32_t row = 0; row < rows; row++) {
        struct query__list tuple;
        query__list_begin(&tuple, arena, DOC_ARRAY);
        for (uint32_t i = 0; i < count; i++) {
            struct doc_value filler = i < defaults_count ? defaults[i] : doc_null;
            query__list_add(&tuple, row < sizes[i] ? columns[i][row] : filler);
        }
        query__list_add(&list, query__list_end(&tuple));
    }
    *ret_value = query__list_end(&list);
    return 0;
}

const struct query__op query__ops_map[] = {
    {"$map", 1, 1, .parse = map_parse, .eval = map_map},
    {"$filter", 1, 1, .parse = map_filter_parse, .eval = map_filter},
    {"$reduce", 1, 1, .parse = map_reduce_parse, .eval = map_reduce},
    {"$zip", 1, 1, .parse = map_zip_parse, .call = map_zip},
    {0},
};
