/* query/expr_regex.c - $regexMatch, $regexFind, $regexFindAll.
 *
 * A constant pattern is compiled when the expression is optimized, others for each document. */
#include "query/expr_private.h"
#include "query/regex.h"

enum { REGEX_INPUT, REGEX_REGEX, REGEX_OPTIONS };
enum { REGEX_MATCH, REGEX_FIND, REGEX_FIND_ALL };

static const struct query__params regex_params = {
    51103, 31024, {{"input", 31022}, {"regex", 31023}, {"options", 0}}};

/* Pattern and options from the two arguments; *ret_pattern.data is NULL when the regex is null. */
static int regex_parts(const char *op, const struct doc_value *args, struct slice *ret_pattern,
                       struct slice *ret_options, struct err *err)
{
    struct doc_value regex = args[REGEX_REGEX];
    struct doc_value options = args[REGEX_OPTIONS];
    if (!doc_value_is_nullish(regex) && regex.type != DOC_STRING && regex.type != DOC_REGEX) {
        return err_set(err, 51105, "%s needs 'regex' to be of type string or regex", op);
    }
    if (!doc_value_is_nullish(options) && options.type != DOC_STRING) {
        return err_set(err, 51106, "%s needs 'options' to be of type string", op);
    }
    *ret_pattern = (struct slice){0};
    *ret_options = SLICE("");
    if (options.type == DOC_STRING) {
        *ret_options = doc_value_get_string(options);
    }
    if (regex.type == DOC_STRING) {
        *ret_pattern = doc_value_get_string(regex);
        if (memchr(ret_pattern->data, '\0', ret_pattern->len) != NULL) {
            return err_set(err, 51109, "%s: regex pattern must not have embedded null bytes", op);
        }
    } else if (regex.type == DOC_REGEX) {
        *ret_pattern = doc_value_get_pattern(regex);
        if (doc_value_get_options(regex).len > 0 && options.type == DOC_STRING) {
            return err_set(err, 51107,
                           "%s: found regex option(s) specified in both 'regex' and "
                           "'option' fields",
                           op);
        }
        if (options.type != DOC_STRING) {
            *ret_options = doc_value_get_options(regex);
        }
    }
    if (memchr(ret_options->data, '\0', ret_options->len) != NULL) {
        return err_set(err, 51110,
                       "%s: regular expression options must not have embedded null "
                       "bytes",
                       op);
    }
    return 0;
}

static int regex_options(const char *op, struct slice options, struct err *err)
{
    for (size_t i = 0; i < options.len; i++) {
        if (memchr("imsxu", options.data[i], 5) == NULL) {
            return err_set(err, 51108, "%s invalid flag in regex options: %.*s", op,
                           SLICE_FMT(options));
        }
    }
    return 0;
}

/* *ret_regex is NULL when the regex is null. */
static int regex_compile(const char *op, struct arena *arena, const struct doc_value *args,
                         struct query_regex **ret_regex, struct err *err)
{
    struct slice pattern;
    struct slice options;
    *ret_regex = NULL;
    int rc = regex_parts(op, args, &pattern, &options, err);
    rc = rc < 0 ? rc : regex_options(op, options, err);
    if (rc < 0 || pattern.data == NULL) {
        return rc;
    }
    if (pattern.len > QUERY_REGEX_PATTERN_MAX) {
        return err_set(err, 51111, "Invalid Regex in %s: regular expression is too large", op);
    }
    rc = query_regex_compile(arena, pattern, options, ret_regex, err);
    if (rc == -51091) {
        char text[ERR_TEXT_MAX];
        memcpy(text, err == NULL ? "" : err->text, err == NULL ? 1 : sizeof text);
        text[sizeof text - 1] = '\0';
        rc = err_set(err, 51111, "Invalid Regex in %s: %.900s", op, text);
    }
    return rc;
}

static int regex_optimize(struct query_context *context, struct query_expr *expr, struct err *err)
{
    struct doc_value args[3] = {{0}};
    bool constant = true;
    for (uint32_t i = 0; i < expr->args_count; i++) {
        int rc = query__expr_optimize(context, expr->args[i], err);
        if (rc < 0) {
            return rc;
        }
        if (expr->args[i] != NULL && query_expr_constant(expr->args[i]) != NULL) {
            args[i] = expr->args[i]->constant;
        } else {
            constant &= expr->args[i] == NULL || i == REGEX_INPUT;
        }
    }
    struct query_regex *regex = NULL;
    int rc = constant ? regex_compile(expr->op->name, context->arena, args, &regex, err) : 0;
    expr->detail = regex;
    return rc;
}

/* {match, idx, captures} */
static struct doc_value regex_result(struct arena *arena, struct slice text,
                                     const struct query_regex_spans *spans)
{
    struct query__list captures;
    query__list_begin(&captures, arena, DOC_ARRAY);
    for (uint32_t i = 1; i < spans->count; i++) {
        struct slice span = spans->spans[i];
        query__list_add(&captures, span.data == NULL ? doc_null : doc_value_string(arena, span));
    }
    struct query__list result;
    query__list_begin(&result, arena, DOC_OBJECT);
    struct slice whole = spans->spans[0];
    size_t at = (size_t)(whole.data - text.data);
    int64_t points = query__string_points(slice_of(text.data, at));
    query__list_field(&result, SLICE("match"), doc_value_string(arena, whole));
    query__list_field(&result, SLICE("idx"), doc_value_integer(arena, points));
    query__list_field(&result, SLICE("captures"), query__list_end(&captures));
    return query__list_end(&result);
}

static int regex_find_all(struct query__call *call, const struct query_regex *regex,
                          struct slice text, struct doc_value *ret_value)
{
    struct query__list list;
    query__list_begin(&list, call->eval->arena, DOC_ARRAY);
    int rc = 0;
    for (size_t at = 0; at == 0 || at < text.len;) {
        struct query_regex_spans spans;
        rc = query_regex_find(regex, text, at, &spans, call->eval->arena);
        if (rc <= 0) {
            break;
        }
        query__list_add(&list, regex_result(call->eval->arena, text, &spans));
        struct slice whole = spans.spans[0];
        size_t end = (size_t)(whole.data - text.data) + whole.len;
        at = whole.len > 0 ? end : end < text.len ? query__string_skip(text, end, 1) : end + 1;
    }
    *ret_value = query__list_end(&list);
    return rc < 0 ? err_set(call->err, 51156,
                            "Error occurred while executing the regular "
                            "expression in $regexFindAll")
                  : 0;
}

static int regex_run(struct query__call *call, const struct query_regex *regex, struct slice text,
                     struct doc_value *ret_value)
{
    int16_t variant = call->expr->op->variant;
    if (variant == REGEX_FIND_ALL) {
        return regex_find_all(call, regex, text, ret_value);
    }
    struct query_regex_spans spans;
    int rc = variant == REGEX_MATCH ? query_regex_match(regex, text, call->err)
                                    : query_regex_find(regex, text, 0, &spans, call->eval->arena);
    if (rc < 0) {
        return err_set(call->err, 51156,
                       "Error occurred while executing the regular expression "
                       "in %s",
                       call->expr->op->name);
    }
    if (variant == REGEX_MATCH) {
        *ret_value = doc_value_bool(rc == 1);
    } else {
        *ret_value = rc == 1 ? regex_result(call->eval->arena, text, &spans) : doc_null;
    }
    return 0;
}

static int regex_call(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value input = call->args[REGEX_INPUT];
    struct query_regex *regex = call->expr->detail;
    int rc = regex != NULL ? 0
                           : regex_compile(call->expr->op->name, call->eval->arena, call->args,
                                           &regex, call->err);
    if (rc < 0) {
        return rc;
    }
    if (!doc_value_is_nullish(input) && input.type != DOC_STRING) {
        return err_set(call->err, 51104, "%s needs 'input' to be of type string",
                       call->expr->op->name);
    }
    if (doc_value_is_nullish(input) || regex == NULL) {
        static const uint8_t find = REGEX_FIND;
        int16_t variant = call->expr->op->variant;
        *ret_value = variant == REGEX_MATCH ? doc_false
                     : variant == find      ? doc_null
                                            : doc_empty_array;
        return 0;
    }
    return regex_run(call, regex, doc_value_get_string(input), ret_value);
}

const struct query__op query__ops_regex[] = {
    {"$regexMatch", 1, 1, .variant = REGEX_MATCH, .call = regex_call, .params = &regex_params,
     .optimize = regex_optimize},
    {"$regexFind", 1, 1, .variant = REGEX_FIND, .call = regex_call, .params = &regex_params,
     .optimize = regex_optimize},
    {"$regexFindAll", 1, 1, .variant = REGEX_FIND_ALL, .call = regex_call, .params = &regex_params,
     .optimize = regex_optimize},
    {0},
};
