/* query/update_test.c - what an update makes of a document. */
#include "query/update.h"

#include "doc/view.h"
#include "lib/json_doc.h"

struct update_case {
    const char *update;
    const char *doc;
    const char *want; /* NULL: an error */
    int code;         /* of the error */
};

static struct doc_value update_filters(struct arena *arena, const char *filters)
{
    return filters == NULL ? doc_missing : doc_get_str(json_doc(arena, filters), "f");
}

/* A filter of "" matches everything. */
static void update_check(const struct update_case *test, const char *filter, const char *filters)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena, .now_ms = 1000};
    struct query_match *match = NULL;
    struct query_update *update = NULL;
    struct query_update_io io = {.doc = json_doc(&arena, test->doc), .array_index = -1};
    struct query_update_spec spec = {.update = doc_value_object(json_doc(&arena, test->update)),
                                     .array_filters = update_filters(&arena, filters)};
    assert_int_equal(query_match_parse(&context, json_doc(&arena, filter), &match, &err), 0);
    int rc = query_update_parse(&context, &spec, &update, &err);
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        assert_int_equal(query_match_doc(match, &eval, io.doc, &io.array_index, &err), 1);
        rc = query_update_apply(update, &eval, &io, &err);
    }
    const char *got = rc == 0 ? json_text(&arena, io.new_doc) : err.text;
    const char *want = test->want == NULL ? got : json_text(&arena, json_doc(&arena, test->want));
    if ((rc == 0) != (test->want != NULL) || rc != -test->code || strcmp(got, want) != 0) {
        fail_msg("%s on %s: %d %s, not %d %s", test->update, test->doc, rc, got, -test->code, want);
    }
    if (rc == 0) {
        assert_int_equal(io.modified, !slice_equal(io.doc, io.new_doc));
    }
    arena_close(&arena);
}

static void update_cases(const struct update_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        update_check(&cases[i], "{}", NULL);
    }
}

#define UPDATE_CASES(cases) update_cases(cases, sizeof cases / sizeof *cases)

TEST(update_sets_where_the_path_leads)
{
    static const struct update_case cases[] = {
        {"{'$set': {'a': 2}}", "{'_id': 1, 'a': 1, 'b': 1}", "{'_id': 1, 'a': 2, 'b': 1}", 0},
        {"{'$set': {'c': 1, 'b': 2, '10': 3, '9': 4}}", "{'a': 1}",
         "{'a': 1, '9': 4, '10': 3, 'b': 2, 'c': 1}", 0},
        {"{'$set': {'a.b.c': 1}}", "{}", "{'a': {'b': {'c': 1}}}", 0},
        {"{'$set': {'a.0': 1}}", "{}", "{'a': {'0': 1}}", 0},
        {"{'$set': {'a.3': 1}}", "{'a': [0]}", "{'a': [0, null, null, 1]}", 0},
        {"{'$set': {'a.2.b': 1}}", "{'a': [0]}", "{'a': [0, null, {'b': 1}]}", 0},
        {"{'$set': {'a': 1}}", "{'a': 1}", "{'a': 1}", 0},
        {"{'$set': {'a.b': 1}}", "{'a': 1}", NULL, LT_EPATHNOTVIABLE},
        {"{'$set': {'a.b': 1}}", "{'a': [1]}", NULL, LT_EPATHNOTVIABLE},
        {"{'$set': {'a.2000000': 1}}", "{'a': []}", NULL, LT_ECANNOTBACKFILLARRAY},
        {"{'$set': {}}", "{'a': 1}", "{'a': 1}", 0},
        {"{'$setOnInsert': {'b.c': 1}}", "{'a': 1}", "{'a': 1}", 0},
    };
    UPDATE_CASES(cases);
}

TEST(update_refuses_conflicting_and_bad_paths)
{
    static const struct update_case cases[] = {
        {"{'$set': {'a': 1}, '$inc': {'a': 1}}", "{}", NULL, LT_ECONFLICTINGUPDATEOPERATORS},
        {"{'$set': {'a': 1, 'a.b': 1}}", "{}", NULL, LT_ECONFLICTINGUPDATEOPERATORS},
        {"{'$set': {'a.b': 1, 'a': 1}}", "{}", NULL, LT_ECONFLICTINGUPDATEOPERATORS},
        {"{'$set': {'': 1}}", "{}", NULL, LT_EEMPTYFIELDNAME},
        {"{'$set': {'a..b': 1}}", "{}", NULL, LT_EEMPTYFIELDNAME},
        {"{'$set': {'$a': 1}}", "{}", NULL, LT_EDOLLARPREFIXEDFIELDNAME},
        {"{'$set': {'a.$.b.$': 1}}", "{}", NULL, LT_EBADVALUE},
        {"{'$foo': {'a': 1}}", "{}", NULL, LT_EFAILEDTOPARSE},
        {"{'$set': 1}", "{}", NULL, LT_EFAILEDTOPARSE},
        {"{'$set': {'a': 1}, 'b': 1}", "{}", NULL, LT_EFAILEDTOPARSE},
        {"{'$set': {'_id': 2}}", "{'_id': 1}", NULL, LT_EIMMUTABLEFIELD},
        {"{'$unset': {'_id': 1}}", "{'_id': 1}", NULL, LT_EIMMUTABLEFIELD},
    };
    UPDATE_CASES(cases);
}

TEST(update_counts_in_the_wider_type)
{
    static const struct update_case cases[] = {
        {"{'$inc': {'a': 1}}", "{'a': 2147483647}", "{'a': 2147483648}", 0},
        {"{'$inc': {'a': 1.5}}", "{'a': 1}", "{'a': 2.5}", 0},
        {"{'$inc': {'a': {'$numberLong': '1'}}}", "{'a': {'$numberLong': '9223372036854775807'}}",
         NULL, LT_EBADVALUE},
        {"{'$inc': {'a': 5}}", "{}", "{'a': 5}", 0},
        {"{'$mul': {'a': 5}}", "{}", "{'a': 0}", 0},
        {"{'$mul': {'a': 5.0}}", "{}", "{'a': 0.0}", 0},
        {"{'$inc': {'a': 1}}", "{'a': 'x'}", NULL, LT_ETYPEMISMATCH},
        {"{'$inc': {'a': 'x'}}", "{'a': 1}", NULL, LT_ETYPEMISMATCH},
        {"{'$min': {'a': 'x'}, '$max': {'b': 'x'}}", "{'a': 1, 'b': 1}", "{'a': 1, 'b': 'x'}", 0},
        {"{'$bit': {'a': {'and': 10, 'or': 1}}}", "{'a': 13}", "{'a': 9}", 0},
        {"{'$bit': {'a': {'and': 10}}}", "{'a': 1.0}", NULL, LT_EBADVALUE},
    };
    UPDATE_CASES(cases);
}

TEST(update_removes_and_renames)
{
    static const struct update_case cases[] = {
        {"{'$unset': {'a.b': 1, 'x.y': 1}}", "{'a': {'b': 1, 'c': 1}}", "{'a': {'c': 1}}", 0},
        {"{'$unset': {'a.0': 1}}", "{'a': [1, 2]}", "{'a': [null, 2]}", 0},
        {"{'$unset': {'a.b': 1}}", "{'a': 1}", "{'a': 1}", 0},
        {"{'$rename': {'a': 'c'}}", "{'a': 1, 'b': 2}", "{'b': 2, 'c': 1}", 0},
        {"{'$rename': {'a': 'x.y'}}", "{'b': 2}", "{'b': 2}", 0},
        {"{'$rename': {'a': 'b'}}", "{'a': 1, 'b': 2}", "{'b': 1}", 0},
        {"{'$rename': {'a': 'a'}}", "{'a': 1}", NULL, LT_EBADVALUE},
        {"{'$rename': {'a.0': 'b'}}", "{'a': [1]}", NULL, LT_EBADVALUE},
    };
    UPDATE_CASES(cases);
}

TEST(update_works_on_arrays)
{
    static const struct update_case cases[] = {
        {"{'$push': {'a': [2]}}", "{'a': [1]}", "{'a': [1, [2]]}", 0},
        {"{'$push': {'a': 2}}", "{}", "{'a': [2]}", 0},
        {"{'$push': {'a': {'$each': [5, 0], '$position': 1, '$sort': -1, '$slice': 3}}}",
         "{'a': [1, 2]}", "{'a': [5, 2, 1]}", 0},
        {"{'$push': {'a': {'$each': [{'x': 1}], '$sort': {'x': 1}}}}", "{'a': [{'x': 2}, 7]}",
         "{'a': [7, {'x': 1}, {'x': 2}]}", 0},
        {"{'$push': {'a': {'$each': [3], '$slice': -2}}}", "{'a': [1, 2]}", "{'a': [2, 3]}", 0},
        {"{'$push': {'a': 1}}", "{'a': 1}", NULL, LT_EBADVALUE},
        {"{'$addToSet': {'a': {'$each': [1, 2.0, 2]}}}", "{'a': [1]}", "{'a': [1, 2.0]}", 0},
        {"{'$addToSet': {'a': {'$each': 1}}}", "{}", NULL, LT_ETYPEMISMATCH},
        {"{'$pop': {'a': -1, 'b': 1}}", "{'a': [1, 2], 'b': [1, 2]}", "{'a': [2], 'b': [1]}", 0},
        {"{'$pop': {'a': 2}}", "{}", NULL, LT_EFAILEDTOPARSE},
        {"{'$pop': {'a.b': 1}}", "{'a': 1}", NULL, LT_EPATHNOTVIABLE},
        {"{'$pull': {'a': {'$gt': 2}}}", "{'a': [1, 3, 5]}", "{'a': [1]}", 0},
        {"{'$pull': {'a': {'x': 1}}}", "{'a': [{'x': 1, 'y': 2}, {'x': 2}, 1]}",
         "{'a': [{'x': 2}, 1]}", 0},
        {"{'$pullAll': {'a': [1, 2]}}", "{'a': [1.0, 2, 3]}", "{'a': [3]}", 0},
    };
    UPDATE_CASES(cases);
}

TEST(update_positional_operators_pick_elements)
{
    static const struct update_case matched = {"{'$set': {'a.$': 9}}", "{'a': [1, 2, 3]}",
                                               "{'a': [1, 9, 3]}", 0};
    update_check(&matched, "{'a': 2}", NULL);
    static const struct update_case inner = {"{'$inc': {'a.$.n': 1}}",
                                             "{'a': [{'k': 1}, {'k': 2}]}",
                                             "{'a': [{'k': 1}, {'k': 2, 'n': 1}]}", 0};
    update_check(&inner, "{'a.k': 2}", NULL);
    static const struct update_case unmatched = {"{'$set': {'a.$': 9}}", "{'a': [1]}", NULL,
                                                 LT_EBADVALUE};
    update_check(&unmatched, "{}", NULL);
    static const struct update_case all = {"{'$inc': {'a.$[].n': 1}}", "{'a': [{}, {'n': 1}]}",
                                           "{'a': [{'n': 1}, {'n': 2}]}", 0};
    update_check(&all, "{}", NULL);
    static const struct update_case some = {
        "{'$set': {'a.$[x].p': 1, 'a.$[y].q': 1}}", "{'a': [{'v': 1}, {'v': 2}]}",
        "{'a': [{'v': 1, 'p': 1, 'q': 1}, {'v': 2, 'q': 1}]}", 0};
    update_check(&some, "{}", "{'f': [{'x.v': 1}, {'y.v': {'$gt': 0}}]}");
    static const struct update_case conflict = {"{'$set': {'a.$[x]': 1, 'a.$[y]': 2}}",
                                                "{'a': [1]}", NULL, LT_ECONFLICTINGUPDATEOPERATORS};
    update_check(&conflict, "{}", "{'f': [{'x': 1}, {'y': 1}]}");
    static const struct update_case unused = {"{'$set': {'a': 1}}", "{}", NULL, LT_EFAILEDTOPARSE};
    update_check(&unused, "{}", "{'f': [{'x': 1}]}");
    static const struct update_case missing = {"{'$set': {'a.$[]': 1}}", "{}", NULL, LT_EBADVALUE};
    update_check(&missing, "{}", NULL);
}

/* Sets a path of `parts` parts in an empty document: 0 or a negative code. */
static int update_deep(int parts)
{
    char spec[900] = "{'$set': {'a";
    for (int i = 1; i < parts; i++) {
        strcat(spec, ".a");
    }
    strcat(spec, "': 1}}");
    struct arena arena;
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_update *update = NULL;
    struct query_update_io io = {.doc = doc_value_get_doc(doc_empty_object)};
    struct query_update_spec change = {.update = doc_value_object(json_doc(&arena, spec))};
    assert_int_equal(query_update_parse(&context, &change, &update, NULL), 0);
    struct query_eval eval;
    query_eval_init(&eval, &context, &arena);
    int rc = query_update_apply(update, &eval, &io, NULL);
    arena_close(&arena);
    return rc;
}

TEST(update_may_not_nest_deeper_than_a_document)
{
    assert_int_equal(update_deep(180), 0);
    assert_int_equal(update_deep(181), -LT_EOVERFLOW);
}

TEST(update_replacement_keeps_the_id_in_front)
{
    static const struct update_case cases[] = {
        {"{'b': 1}", "{'_id': 7, 'a': 1}", "{'_id': 7, 'b': 1}", 0},
        {"{'b': 1, '_id': 7}", "{'_id': 7, 'a': 1}", "{'_id': 7, 'b': 1}", 0},
        {"{'_id': 8}", "{'_id': 7}", NULL, LT_EIMMUTABLEFIELD},
        {"{}", "{'_id': 7, 'a': 1}", "{'_id': 7}", 0},
        {"{'b': 1, '$set': {}}", "{'_id': 7}", NULL, LT_EDOLLARPREFIXEDFIELDNAME},
    };
    UPDATE_CASES(cases);
}

static void update_upsert_check(const char *filter, const char *change, const char *want, int code)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_match *match = NULL;
    struct query_update *update = NULL;
    struct query_update_io io = {0};
    struct query_update_spec spec = {.update = doc_value_object(json_doc(&arena, change)),
                                     .upsert = true};
    assert_int_equal(query_match_parse(&context, json_doc(&arena, filter), &match, &err), 0);
    assert_int_equal(query_update_parse(&context, &spec, &update, &err), 0);
    struct query_eval eval;
    query_eval_init(&eval, &context, &arena);
    int rc = query_update_upsert(update, &eval, match, &io, &err);
    assert_int_equal(rc, -code);
    if (rc == 0) {
        assert_string_equal(json_text(&arena, io.new_doc),
                            json_text(&arena, json_doc(&arena, want)));
    }
    arena_close(&arena);
}

TEST(update_upsert_starts_from_the_equalities)
{
    update_upsert_check("{'_id': 1, 'a.b': 2, 'c': {'$gt': 3}}", "{'$inc': {'d': 1}}",
                        "{'_id': 1, 'a': {'b': 2}, 'd': 1}", 0);
    update_upsert_check("{'$and': [{'_id': 1}, {'x': {'$eq': 2}}]}",
                        "{'$inc': {'x': 1}, '$setOnInsert': {'y': 1}}",
                        "{'_id': 1, 'x': 3, 'y': 1}", 0);
    update_upsert_check("{'_id': 1, 'x': 5}", "{'y': 1}", "{'_id': 1, 'y': 1}", 0);
    update_upsert_check("{'x': 5}", "{'$set': {'_id': 9}}", "{'_id': 9, 'x': 5}", 0);
    update_upsert_check("{'$and': [{'a': 1}, {'a': 2}]}", "{'$set': {'b': 1}}", NULL,
                        LT_ENOTSINGLEVALUEFIELD);
    update_upsert_check("{'_id': 1}", "{'$set': {'_id': 2}}", NULL, LT_EIMMUTABLEFIELD);
    update_upsert_check("{'a': 5}", "{'$set': {'a.$': 2}}", NULL, LT_EBADVALUE);
}

TEST(update_pipeline_runs_its_stages)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_update *update = NULL;
    struct query_update_io io = {.doc = json_doc(&arena, "{'_id': 1, 'a': 2, 'b': 3}")};
    struct slice stages = json_doc(
        &arena, "{'p': [{'$set': {'c': {'$add': ['$a', '$$k']}}}, {'$unset': ['_id', 'b']}]}");
    struct query_update_spec spec = {.update = doc_get_str(stages, "p"),
                                     .constants = doc_value_object(json_doc(&arena, "{'k': 5}"))};
    assert_int_equal(query_update_parse(&context, &spec, &update, &err), 0);
    struct query_eval eval;
    query_eval_init(&eval, &context, &arena);
    assert_int_equal(query_update_apply(update, &eval, &io, &err), 0);
    assert_string_equal(json_text(&arena, io.new_doc), "{'_id':1,'a':2,'c':7}");
    spec.update = doc_get_str(json_doc(&arena, "{'p': [{'$match': {}}]}"), "p");
    assert_int_equal(query_update_parse(&context, &spec, &update, &err), -LT_EINVALIDOPTIONS);
    arena_close(&arena);
}
