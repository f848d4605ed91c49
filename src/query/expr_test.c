/* query/expr_test.c - what expressions give, and how they fail. */
#include "query/expr.h"

#include "doc/build.h"
#include "doc/view.h"
#include "lib/json_doc.h"

struct expr_case {
    const char *spec; /* {'e': expression} */
    const char *doc;
    const char *want; /* {'r': result}, "{}" for none */
    int code;         /* or the error */
};

static void expr_check(const struct expr_case *c)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena, .now_ms = 1000, .random = 7};
    struct query_expr *expr = NULL;
    struct doc_value value = doc_missing;
    struct slice spec = json_doc(&arena, c->spec);
    int rc = query_expr_parse(&context, doc_get_str(spec, "e"), &expr, &err);
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        eval.root = doc_value_object(json_doc(&arena, c->doc));
        rc = query_expr_eval(expr, &eval, &value, &err);
    }
    if (rc != -c->code) {
        fail_msg("%s: %d %s, not %d", c->spec, rc, err.text, -c->code);
    }
    if (rc == 0) {
        struct buf buf;
        struct doc_builder builder;
        buf_init(&buf, &arena);
        doc_build_begin(&builder, &buf);
        if (doc_value_exists(value)) {
            doc_build_value(&builder, SLICE("r"), value);
        }
        const char *got = json_text(&arena, doc_build_end(&builder));
        const char *want = json_text(&arena, json_doc(&arena, c->want));
        assert_string_equal(got, want);
    }
    arena_close(&arena);
}

static void expr_cases(const struct expr_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expr_check(&cases[i]);
    }
}

#define EXPR_CASES(cases) expr_cases(cases, sizeof cases / sizeof *cases)

TEST(expr_paths_go_through_arrays_of_documents)
{
    static const struct expr_case cases[] = {
        {"{'e': '$a.b'}", "{'a': {'b': 1}}", "{'r': 1}", 0},
        {"{'e': '$a.b'}", "{'a': [{'b': 1}, 5, {'c': 2}, {'b': 3}]}", "{'r': [1, 3]}", 0},
        {"{'e': '$a.0'}", "{'a': [1, 2]}", "{'r': []}", 0},
        {"{'e': '$a.b'}", "{'a': 5}", "{}", 0},
        {"{'e': '$$ROOT.a'}", "{'a': 5}", "{'r': 5}", 0},
        {"{'e': ['$x', '$a']}", "{'a': 5}", "{'r': [null, 5]}", 0},
        {"{'e': {'x': '$x', 'y': '$a'}}", "{'a': 5}", "{'r': {'y': 5}}", 0},
        {"{'e': '$'}", "{}", "{}", 16872},
        {"{'e': '$a..b'}", "{}", "{}", 15998},
        {"{'e': '$$nope'}", "{}", "{}", 17276},
    };
    EXPR_CASES(cases);
}

TEST(expr_operators_check_their_arguments_before_any_document)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$nope': 1}}", "{}", "{}", 168},
        {"{'e': {'$add': [1], '$x': 1}}", "{}", "{}", 15983},
        {"{'e': {'$eq': [1]}}", "{}", "{}", 16020},
        {"{'e': {'$slice': [1]}}", "{}", "{}", 28667},
        {"{'e': {'$map': {'input': []}}}", "{}", "{}", 16882},
        {"{'e': {'a.b': 1}}", "{}", "{}", 16412},
    };
    EXPR_CASES(cases);
}

TEST(expr_integers_widen_when_they_overflow)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$add': [2147483647, 1]}}", "{}", "{'r': {'$numberLong': '2147483648'}}", 0},
        {"{'e': {'$add': [{'$numberLong': '9223372036854775807'}, 1, -1]}}", "{}",
         "{'r': {'$numberLong': '9223372036854775807'}}", 0},
        {"{'e': {'$multiply': [2147483647, 2]}}", "{}", "{'r': {'$numberLong': '4294967294'}}", 0},
        {"{'e': {'$divide': [1, 2]}}", "{}", "{'r': 0.5}", 0},
        {"{'e': {'$divide': [1, 0]}}", "{}", "{}", 2},
        {"{'e': {'$type': {'$ln': '$x'}}}", "{'x': {'$numberDecimal': 'NaN'}}", "{'r': 'double'}",
         0},
        {"{'e': {'$type': {'$log': ['$x', 10]}}}", "{'x': {'$numberDecimal': 'NaN'}}",
         "{'r': 'double'}", 0},
        {"{'e': {'$type': {'$sqrt': '$x'}}}", "{'x': {'$numberDecimal': 'NaN'}}",
         "{'r': 'decimal'}", 0},
        {"{'e': {'$mod': [-7, 3]}}", "{}", "{'r': -1}", 0},
        {"{'e': {'$sum': [0.1, 0.2, 0.3]}}", "{}", "{'r': 0.6}", 0},
        {"{'e': {'$round': [2.5]}}", "{}", "{'r': {'$numberDouble': '2.0'}}", 0},
        {"{'e': {'$trunc': [1234, -2]}}", "{}", "{'r': 1200}", 0},
    };
    EXPR_CASES(cases);
}

TEST(expr_null_makes_null)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$add': ['$x', 1]}}", "{}", "{'r': null}", 0},
        {"{'e': {'$concat': ['a', null]}}", "{}", "{'r': null}", 0},
        {"{'e': {'$ifNull': ['$x', 'y']}}", "{}", "{'r': 'y'}", 0},
        {"{'e': {'$eq': ['$x', null]}}", "{}", "{'r': false}", 0},
        {"{'e': {'$arrayElemAt': [null, 0]}}", "{}", "{'r': null}", 0},
    };
    EXPR_CASES(cases);
}

TEST(expr_constants_are_folded_and_fail_early)
{
    struct arena arena;
    arena_init(&arena);
    struct err err = {0};
    struct query_context context = {.arena = &arena};
    struct query_expr *expr = NULL;
    struct slice spec = json_doc(&arena, "{'e': {'$add': [1, {'$multiply': [2, 3]}]}}");
    assert_int_equal(query_expr_parse(&context, doc_get_str(spec, "e"), &expr, &err), 0);
    assert_non_null(query_expr_constant(expr));
    assert_int_equal(doc_value_get_i32(*query_expr_constant(expr)), 7);
    spec = json_doc(&arena, "{'e': {'$cond': ['$x', 1, {'$divide': [1, 0]}]}}");
    assert_int_equal(query_expr_parse(&context, doc_get_str(spec, "e"), &expr, &err), -2);
    spec = json_doc(&arena, "{'e': {'$rand': {}}}");
    assert_int_equal(query_expr_parse(&context, doc_get_str(spec, "e"), &expr, &err), 0);
    assert_null(query_expr_constant(expr));
    arena_close(&arena);
}

TEST(expr_variables_end_with_their_operator)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$let': {'vars': {'x': '$a'}, 'in': {'$add': ['$$x', '$$x']}}}}", "{'a': 2}",
         "{'r': 4}", 0},
        {"{'e': [{'$let': {'vars': {'x': 1}, 'in': '$$x'}}, '$$x']}", "{}", "{}", 17276},
        {"{'e': {'$map': {'input': '$a', 'as': 'i', 'in': {'$map': {'input': '$$i', 'in': "
         "{'$add': ['$$this', 1]}}}}}}",
         "{'a': [[1], [2, 3]]}", "{'r': [[2], [3, 4]]}", 0},
        {"{'e': {'$reduce': {'input': '$a', 'initialValue': 0, 'in': {'$add': ['$$value', "
         "'$$this']}}}}",
         "{'a': [1, 2, 3]}", "{'r': 6}", 0},
        {"{'e': {'$filter': {'input': '$a', 'cond': {'$gt': ['$$this', 1]}, 'limit': 1}}}",
         "{'a': [1, 2, 3]}", "{'r': [2]}", 0},
    };
    EXPR_CASES(cases);
}

TEST(expr_switch_takes_the_first_true_case)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$switch': {'branches': [{'case': '$a', 'then': 1}, {'case': true, 'then': 2}]}}}",
         "{'a': 0}", "{'r': 2}", 0},
        {"{'e': {'$switch': {'branches': [{'case': false, 'then': 1}]}}}", "{}", "{}", 40069},
        {"{'e': {'$switch': {'branches': [{'case': '$a', 'then': 1}]}}}", "{}", "{}", 40066},
    };
    EXPR_CASES(cases);
}

TEST(expr_dates_follow_calendar_and_zone)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$hour': {'date': {'$date': '2024-07-01T22:30:00Z'}, 'timezone': "
         "'Europe/Berlin'}}}",
         "{}", "{'r': 0}", 0},
        {"{'e': {'$dateAdd': {'startDate': {'$date': '2024-01-31T00:00:00Z'}, 'unit': 'month', "
         "'amount': 1}}}",
         "{}", "{'r': {'$date': '2024-02-29T00:00:00Z'}}", 0},
        {"{'e': {'$dateToString': {'date': {'$date': '2024-12-30T01:02:03.004Z'}, 'format': "
         "'%G-W%V-%u %H:%M:%S.%L %j'}}}",
         "{}", "{'r': '2025-W01-1 01:02:03.004 365'}", 0},
        {"{'e': {'$dateTrunc': {'date': {'$date': '2024-03-15T10:00:00Z'}, 'unit': 'month'}}}",
         "{}", "{'r': {'$date': '2024-03-01T00:00:00Z'}}", 0},
        {"{'e': {'$dateFromString': {'dateString': '2024-03-15T10:00:00+02:00'}}}", "{}",
         "{'r': {'$date': '2024-03-15T08:00:00Z'}}", 0},
        {"{'e': {'$dateDiff': {'startDate': {'$date': '2023-12-31T23:00:00Z'}, 'endDate': "
         "{'$date': '2024-01-01T01:00:00Z'}, 'unit': 'year'}}}",
         "{}", "{'r': {'$numberLong': '1'}}", 0},
        {"{'e': {'$year': {'date': {'$date': '2024-01-01T00:00:00Z'}, 'timezone': 'No/Where'}}}",
         "{}", "{}", 40485},
    };
    EXPR_CASES(cases);
}

TEST(expr_converts_or_says_why_not)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$toInt': '42'}}", "{}", "{'r': 42}", 0},
        {"{'e': {'$toInt': '4x'}}", "{}", "{}", 241},
        {"{'e': {'$toInt': 3000000000}}", "{}", "{}", 241},
        {"{'e': {'$convert': {'input': 'x', 'to': 'int', 'onError': 'no'}}}", "{}", "{'r': 'no'}",
         0},
        {"{'e': {'$toString': 1.5}}", "{}", "{'r': '1.5'}", 0},
        {"{'e': {'$toObjectId': '5ab9cbfa31c2ab715d42129e'}}", "{}",
         "{'r': {'$oid': '5ab9cbfa31c2ab715d42129e'}}", 0},
        {"{'e': {'$toBool': 'false'}}", "{}", "{'r': true}", 0},
    };
    EXPR_CASES(cases);
}

TEST(expr_strings_count_bytes_or_code_points)
{
    static const struct expr_case cases[] = {
        {"{'e': {'$strLenBytes': '\xC3\xA9'}}", "{}", "{'r': 2}", 0},
        {"{'e': {'$strLenCP': '\xC3\xA9'}}", "{}", "{'r': 1}", 0},
        {"{'e': {'$substrBytes': ['\xC3\xA9', 0, 1]}}", "{}", "{}", 28657},
        {"{'e': {'$substrCP': ['a\xC3\xA9z', 1, 1]}}", "{}", "{'r': '\xC3\xA9'}", 0},
        {"{'e': {'$split': ['a,b', ',']}}", "{}", "{'r': ['a', 'b']}", 0},
        {"{'e': {'$trim': {'input': '  x '}}}", "{}", "{'r': 'x'}", 0},
        {"{'e': {'$replaceAll': {'input': 'aXbX', 'find': 'X', 'replacement': '-'}}}", "{}",
         "{'r': 'a-b-'}", 0},
        {"{'e': {'$regexFind': {'input': 'caf\xC3\xA9 x', 'regex': '(x)'}}}", "{}",
         "{'r': {'match': 'x', 'idx': 5, 'captures': ['x']}}", 0},
    };
    EXPR_CASES(cases);
}

static void expr_collect(void *context, struct slice path)
{
    buf_format(context, "%.*s;", SLICE_FMT(path));
}

TEST(expr_tells_which_fields_it_reads)
{
    struct arena arena;
    arena_init(&arena);
    struct err err = {0};
    struct query_context context = {.arena = &arena};
    struct query_expr *expr = NULL;
    struct slice spec = json_doc(
        &arena, "{'e': {'$let': {'vars': {'v': '$a.b'}, 'in': {'$concat': ['$$v.z', '$c']}}}}");
    assert_int_equal(query_expr_parse(&context, doc_get_str(spec, "e"), &expr, &err), 0);
    struct buf paths;
    buf_init(&paths, &arena);
    query_expr_fields(expr, expr_collect, &paths);
    assert_true(slice_is(buf_slice(&paths), "a.b;c;"));
    arena_close(&arena);
}
