/* query/match_test.c - which documents a filter finds. */
#include "query/match.h"

#include "lib/json_doc.h"

struct match_case {
    const char *filter;
    const char *doc;
    int want; /* 1, 0, or a negative code from parsing */
};

static int match_run_case(const char *filter, const char *doc, int32_t *ret_index)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_match *match = NULL;
    int rc = query_match_parse_near(&context, json_doc(&arena, filter), &match, &err);
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        rc = query_match_doc(match, &eval, json_doc(&arena, doc), ret_index, &err);
    }
    arena_close(&arena);
    return rc;
}

static void match_cases(const struct match_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = match_run_case(cases[i].filter, cases[i].doc, NULL);
        if (got != cases[i].want) {
            fail_msg("%s on %s: %d, not %d", cases[i].filter, cases[i].doc, got, cases[i].want);
        }
    }
}

#define MATCH_CASES(cases) match_cases(cases, sizeof cases / sizeof *cases)

TEST(match_compares_inside_a_class_of_types)
{
    static const struct match_case cases[] = {
        {"{'a': 1}", "{'a': 1.0}", 1},
        {"{'a': 1}", "{'a': '1'}", 0},
        {"{'a': {'$gt': 1}}", "{'a': 2}", 1},
        {"{'a': {'$gt': 1}}", "{'a': 'x'}", 0},
        {"{'a': {'$lt': 'b'}}", "{'a': 'a'}", 1},
        {"{'a': {'$gte': {'$minKey': 1}}}", "{'a': 'a'}", 1},
        {"{'a': {'$lt': {'$numberDouble': 'Infinity'}}}", "{'a': {'$numberDouble': 'NaN'}}", 0},
        {"{'a': {'$gte': {'$numberDouble': 'NaN'}}}", "{'a': {'$numberDouble': 'NaN'}}", 1},
    };
    MATCH_CASES(cases);
}

TEST(match_takes_a_missing_field_for_null)
{
    static const struct match_case cases[] = {
        {"{'a': null}", "{}", 1},
        {"{'a': null}", "{'a': 1}", 0},
        {"{'a': {'$lte': null}}", "{}", 1},
        {"{'a': {'$gt': null}}", "{'a': 1}", 0},
        {"{'a': {'$in': [null]}}", "{'b': 1}", 1},
        {"{'a': {'$ne': null}}", "{}", 0},
        {"{'a.b': null}", "{'a': [{'b': 1}, {}]}", 1},
        {"{'a.b': null}", "{'a': [1, 2]}", 0},
        {"{'a': {'$exists': false}}", "{}", 1},
        {"{'a': {'$exists': true}}", "{'a': null}", 1},
    };
    MATCH_CASES(cases);
}

TEST(match_looks_into_arrays_one_level)
{
    static const struct match_case cases[] = {
        {"{'a': 1}", "{'a': [0, 1]}", 1},
        {"{'a': [0, 1]}", "{'a': [0, 1]}", 1},
        {"{'a': [0, 1]}", "{'a': [[0, 1]]}", 1},
        {"{'a': 1}", "{'a': [[1]]}", 0},
        {"{'a': {'$gt': 1, '$lt': 0}}", "{'a': [-1, 2]}", 1},
        {"{'a': {'$ne': 1}}", "{'a': [0, 1]}", 0},
        {"{'a.b': 1}", "{'a': [{'b': 0}, {'b': [1]}]}", 1},
        {"{'a.1': 2}", "{'a': [1, 2]}", 1},
        {"{'a.0.b': 2}", "{'a': [{'b': 2}]}", 1},
        {"{'a': {'$size': 2}}", "{'a': [1, 2]}", 1},
        {"{'a': {'$size': 2}}", "{'a': [[1, 2]]}", 0},
        {"{'a': {'$exists': true, '$type': 'array'}}", "{'a': []}", 1},
        {"{'a': {'$exists': true, '$type': ['string', 'int']}}", "{'a': [true, 1]}", 1},
    };
    MATCH_CASES(cases);
}

TEST(match_elem_match_wants_one_element_for_all)
{
    static const struct match_case cases[] = {
        {"{'a': {'$elemMatch': {'$gt': 1, '$lt': 3}}}", "{'a': [0, 2]}", 1},
        {"{'a': {'$elemMatch': {'$gt': 1, '$lt': 3}}}", "{'a': [0, 4]}", 0},
        {"{'a': {'$elemMatch': {'x': 1, 'y': 2}}}", "{'a': [{'x': 1}, {'y': 2}]}", 0},
        {"{'a': {'$elemMatch': {'x': 1, 'y': 2}}}", "{'a': [{'x': 1, 'y': 2}]}", 1},
        {"{'a': {'$elemMatch': {'$elemMatch': {'$eq': 1}}}}", "{'a': [[1]]}", 1},
        {"{'a': {'$elemMatch': {'$or': [{'x': 1}, {'y': 1}]}}}", "{'a': [{'y': 1}]}", 1},
        {"{'a': {'$all': [{'$elemMatch': {'x': 1}}, {'$elemMatch': {'x': 2}}]}}",
         "{'a': [{'x': 1}, {'x': 2}]}", 1},
        {"{'a': {'$all': []}}", "{'a': []}", 0},
        {"{'a': {'$elemMatch': {'$ne': 1}}}", "{'a': [1, 1]}", 0},
    };
    MATCH_CASES(cases);
}

TEST(match_negations_are_the_complement)
{
    static const struct match_case cases[] = {
        {"{'a': {'$not': {'$gt': 1}}}", "{}", 1},
        {"{'a': {'$not': {'$gt': 1, '$lt': 3}}}", "{'a': 5}", 1},
        {"{'a': {'$nin': [1, 2]}}", "{'a': [2, 3]}", 0},
        {"{'$nor': [{'a': 1}, {'b': 1}]}", "{'a': 2}", 1},
        {"{'a': {'$not': {'$regularExpression': {'pattern': '^x', 'options': ''}}}}", "{'a': 'y'}",
         1},
    };
    MATCH_CASES(cases);
}

TEST(match_bits_continue_the_sign)
{
    static const struct match_case cases[] = {
        {"{'a': {'$bitsAllSet': [0, 200]}}", "{'a': -1}", 1},
        {"{'a': {'$bitsAnySet': [200]}}", "{'a': 5}", 0},
        {"{'a': {'$bitsAllClear': 35}}", "{'a': 220}", 1},
        {"{'a': {'$bitsAnyClear': []}}", "{'a': 0}", 0},
        {"{'a': {'$bitsAllSet': 1}}", "{'a': 1.5}", 0},
        {"{'a': {'$bitsAllSet': -1}}", "{}", -LT_EBADVALUE},
    };
    MATCH_CASES(cases);
}

TEST(match_mod_truncates_both_sides)
{
    static const struct match_case cases[] = {
        {"{'a': {'$mod': [4.9, 1]}}", "{'a': 5.7}", 1},
        {"{'a': {'$mod': [3, -1]}}", "{'a': -4}", 1},
        {"{'a': {'$mod': [-1, 0]}}", "{'a': {'$numberLong': '-9223372036854775808'}}", 1},
        {"{'a': {'$mod': [0, 0]}}", "{}", -LT_EBADVALUE},
        {"{'a': {'$mod': [1]}}", "{}", -LT_EBADVALUE},
    };
    MATCH_CASES(cases);
}

TEST(match_samples_at_a_rate)
{
    static const struct match_case cases[] = {
        {"{'$sampleRate': 1}", "{}", 1},
        {"{'$sampleRate': 0.0}", "{}", 0},
        {"{'a': 1, '$sampleRate': 1}", "{'a': 2}", 0},
        {"{'$sampleRate': 1.5}", "{}", -LT_EBADVALUE},
        {"{'$sampleRate': -0.1}", "{}", -LT_EBADVALUE},
        {"{'$sampleRate': 'x'}", "{}", -LT_EBADVALUE},
    };
    match_cases(cases, sizeof cases / sizeof *cases);
    struct arena arena;
    struct err err = {0};
    struct query_match *match;
    struct query_eval eval;
    arena_init(&arena);
    struct query_context context = {.arena = &arena, .random = 7};
    struct slice doc = json_doc(&arena, "{}");
    assert_int_equal(
        query_match_parse(&context, json_doc(&arena, "{'$sampleRate': 0.25}"), &match, &err), 0);
    query_eval_init(&eval, &context, &arena);
    int taken = 0;
    for (int i = 0; i < 10000; i++) {
        taken += query_match_doc(match, &eval, doc, NULL, &err);
    }
    assert_in_range(taken, 2200, 2800);
    arena_close(&arena);
}

TEST(match_refuses_what_is_not_a_filter)
{
    static const struct match_case cases[] = {
        {"{'$foo': 1}", "{}", -LT_EBADVALUE},
        {"{'a': {'$foo': 1}}", "{}", -LT_EBADVALUE},
        {"{'$and': []}", "{}", -LT_EBADVALUE},
        {"{'$or': [1]}", "{}", -LT_EBADVALUE},
        {"{'a': {'$in': [{'$gt': 1}]}}", "{}", -LT_EBADVALUE},
        {"{'a': {'$not': {}}}", "{}", -LT_EBADVALUE},
        {"{'a': {'$exists': true, '$type': true}}", "{}", -LT_ETYPEMISMATCH},
        {"{'a': {'$exists': true, '$type': []}}", "{}", -LT_EFAILEDTOPARSE},
        {"{'a': {'$exists': true, '$options': 'i'}}", "{}", -LT_EBADVALUE},
        {"{'a': {'$exists': true, '$regex': '['}}", "{}", -51091},
        {"{'a': {'$exists': true, '$regex': 'x', '$options': 'g'}}", "{}", -51108},
        {"{'a': {'$elemMatch': {'$expr': true}}}", "{}", -LT_EBADVALUE},
    };
    MATCH_CASES(cases);
}

TEST(match_judges_places_and_shapes)
{
    static const struct match_case cases[] = {
        {"{'a': {'$geoWithin': {'$box': [[0, 0], [2, 2]]}}}", "{'a': [1, 1]}", 1},
        {"{'a': {'$geoWithin': {'$box': [[2, 2], [0, 0]]}}}", "{'a': [[9, 9], [1, 1]]}", 1},
        {"{'a.b': {'$within': {'$center': [[0, 0], 1]}}}", "{'a': [{'b': {'x': 1, 'y': 0}}]}", 1},
        {"{'a': {'$geoWithin': {'$center': [[0, 0], 1]}}}", "{'a': [1, 0.1]}", 0},
        {"{'a': {'$geoWithin': {'$centerSphere': [[180, 0], 0.01]}}}", "{'a': [-179.9, 0]}", 1},
        {"{'a': {'$geoWithin': {'$centerSphere': [[0, 90], 0.01]}}}", "{'a': [200, 89.9]}", 0},
        {"{'a': {'$not': {'$geoWithin': {'$center': [[0, 0], 1]}}}}", "{'a': 'text'}", 1},
        {"{'a': {'$geoIntersects': {'$geometry': [1, 1]}}}",
         "{'a': {'type': 'LineString', 'coordinates': [[1, 1], [2, 2]]}}", 1},
        {"{'a': {'$geoIntersects': {'$geometry': [1, 1]}}}", "{'a': {'type': 'Point'}}", 0},
        {"{'a': {'$elemMatch': {'$geoWithin': {'$box': [[0, 0], [2, 2]]}}}}",
         "{'a': [[9, 9], [1, 1]]}", 1},
    };
    MATCH_CASES(cases);
}

TEST(match_refuses_geometry_that_is_none_and_near_where_nobody_reads_so)
{
    static const struct match_case cases[] = {
        {"{'a': {'$geoWithin': {}}}", "{}", -2},
        {"{'a': {'$geoWithin': {'$box': [[0, 0]]}}}", "{}", -2},
        {"{'a': {'$geoWithin': {'$box': [[0, 0], [1, 1]], '$center': [[0, 0], 1]}}}", "{}", -2},
        {"{'a': {'$geoWithin': {'$geometry': {'type': 'Point', 'coordinates': [1, 1]}}}}", "{}",
         -2},
        {"{'a': {'$geoIntersects': {'$box': [[0, 0], [1, 1]]}}}", "{}", -2},
        {"{'a': {'$geoIntersects': {'$geometry': [200, 0]}}}", "{}", -2},
        {"{'a': {'$near': [0, 0], '$maxDistance': 'x'}}", "{}", -16895},
        {"{'a': {'$near': [0, 0], '$maxDistance': -1}}", "{}", -16896},
        {"{'a': {'$near': [0, 0], '$minDistance': 'x'}}", "{}", -16893},
        {"{'a': {'$near': [0, 0], '$minDistance': -1}}", "{}", -16894},
        {"{'a': {'$near': [0, 0, -1]}}", "{}", -18522},
        {"{'a': {'$nearSphere': [200, 0]}}", "{}", -17444},
        {"{'a': {'$near': {'$geometry': {'type': 'Point', 'coordinates': [0, 0]}, "
         "'$maxDistance': -1}}}",
         "{}", -2},
        {"{'a': {'$near': {'$geometry': {'type': 'Point', 'coordinates': [0, 0]}}, "
         "'$maxDistance': 1}}",
         "{}", -2},
        {"{'a': {'$exists': true, '$near': [0, 0]}}", "{}", -2},
        {"{'a': {'$near': [0, 0]}, 'b': {'$near': [0, 0]}}", "{}", -2},
        {"{'$or': [{'a': {'$near': [0, 0]}}]}", "{}", -2},
        {"{'$and': [{'a': {'$near': [0, 0]}}]}", "{}", 1},
    };
    struct arena arena;
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_match *match;
    struct slice near = json_doc(&arena, "{'$or': [{'a': {'$near': 'x'}}]}");
    MATCH_CASES(cases);
    assert_int_equal(query_match_parse(&context, near, &match, NULL), -5626500);
    arena_close(&arena);
}

TEST(match_tells_the_positional_element)
{
    int32_t index = -2;
    assert_int_equal(match_run_case("{'a': {'$gt': 1}}", "{'a': [0, 1, 2]}", &index), 1);
    assert_int_equal(index, 2);
    assert_int_equal(match_run_case("{'a.b': 7}", "{'a': [{'b': 6}, {'b': [7]}]}", &index), 1);
    assert_int_equal(index, 1);
    assert_int_equal(
        match_run_case("{'a': {'$elemMatch': {'b': 7}}}", "{'a': [{'b': 6}, {'b': 7}]}", &index),
        1);
    assert_int_equal(index, 1);
    assert_int_equal(match_run_case("{'a': {'$ne': 9}}", "{'a': [0, 1]}", &index), 1);
    assert_int_equal(index, -1);
}

TEST(match_expr_sees_the_document)
{
    static const struct match_case cases[] = {
        {"{'$expr': {'$gt': ['$a', '$b']}}", "{'a': 2, 'b': 1}", 1},
        {"{'$expr': {'$gt': ['$a', '$b']}}", "{'a': 1, 'b': 1}", 0},
        {"{'x': 1, '$expr': '$a'}", "{'a': 1, 'x': 1}", 1},
    };
    MATCH_CASES(cases);
}

TEST(match_node_of_in_is_sorted_without_twins)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_match *match = NULL;
    struct slice filter = json_doc(&arena, "{'a': {'$in': [3, 1, 3.0, 'x', 2]}}");
    assert_int_equal(query_match_parse(&context, filter, &match, &err), 0);
    assert_int_equal(match->kind, QUERY_MATCH_AND);
    assert_int_equal(match->children_count, 1);
    assert_int_equal(match->children[0]->kind, QUERY_MATCH_IN);
    assert_int_equal(match->children[0]->operands_count, 4);
    arena_close(&arena);
}

/* ---- collations ---- */

static int match_collated(const char *collation, const char *filter, const char *doc)
{
    struct arena arena;
    struct err err = {0};
    struct query_match *match = NULL;
    struct query_eval eval;
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    assert_int_equal(doc_collation_parse(&arena, json_doc(&arena, collation), "collation",
                                         &context.collation, &err),
                     0);
    assert_int_equal(query_match_parse(&context, json_doc(&arena, filter), &match, &err), 0);
    query_eval_init(&eval, &context, &arena);
    eval.root = doc_value_object(json_doc(&arena, doc));
    int matches = query_match_doc(match, &eval, json_doc(&arena, doc), NULL, &err);
    arena_close(&arena);
    return matches;
}

TEST(match_compares_strings_by_the_collation_of_the_context)
{
    static const struct match_case cases[] = {
        {"{'a': 'X'}", "{'a': 'x'}", 1},
        {"{'a': {'$ne': 'X'}}", "{'a': 'x'}", 0},
        {"{'a': {'$gt': 'X'}}", "{'a': 'x'}", 0},
        {"{'a': {'$gte': 'X'}}", "{'a': 'x'}", 1},
        {"{'a': {'$gt': 'B'}}", "{'a': 'a'}", 0},
        {"{'a': {'$in': ['B', 'A', 'C', 'a']}}", "{'a': 'c'}", 1},
        {"{'a': {'$nin': ['B', 'A']}}", "{'a': 'b'}", 0},
        {"{'a': {'$all': ['B', 'A']}}", "{'a': ['a', 'b']}", 1},
        {"{'a': {'b': ['X']}}", "{'a': {'b': ['x']}}", 1},
        {"{'a': {'B': 1}}", "{'a': {'b': 1}}", 0},
        {"{'a': {'$regex': '^X$'}}", "{'a': 'x'}", 0},
        {"{'a': {'$elemMatch': {'$eq': 'X'}}}", "{'a': ['x']}", 1},
        {"{'a': 1}", "{'a': 1.0}", 1},
        {"{'$expr': {'$eq': ['$a', 'X']}}", "{'a': 'x'}", 1},
        {"{'$expr': {'$in': ['X', '$a']}}", "{'a': ['x']}", 1},
        {"{'$expr': {'$in': ['$a', ['X']]}}", "{'a': 'x'}", 0},
        {"{'$expr': {'$and': [true, {'$in': ['$a', ['X']]}]}}", "{'a': 'x'}", 0},
        {"{'$expr': {'$not': {'$in': ['$a', ['X']]}}}", "{'a': 'x'}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = match_collated("{'locale': 'en', 'strength': 2}", cases[i].filter, cases[i].doc);
        if (got != cases[i].want) {
            fail_msg("%s on %s: %d, not %d", cases[i].filter, cases[i].doc, got, cases[i].want);
        }
    }
}
