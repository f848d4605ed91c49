/* query/pipeline_test.c - stages over a source that yields before every document. */
#include "query/pipeline.h"

#include "lib/pipeline_case.h"
#include "query/pipeline_update.h"

#define PIPELINE_DOCS "{'d': [{'a': 3, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}]}"

TEST(pipeline_stages_go_on_after_a_yield)
{
    static const struct pipeline_case cases[] = {
        {"{'p': []}", "{'d': [{'a': 1}]}", "{'a':1}", 0},
        {"{'p': [{'$match': {'b': 'x'}}, {'$project': {'a': 1}}]}", PIPELINE_DOCS, "{'a':3}{'a':2}",
         0},
        {"{'p': [{'$sort': {'a': 1}}, {'$project': {'a': 1}}]}", PIPELINE_DOCS,
         "{'a':1}{'a':2}{'a':3}", 0},
        {"{'p': [{'$sort': {'a': -1}}, {'$skip': 1}, {'$limit': 1}, {'$unset': 'b'}]}",
         PIPELINE_DOCS, "{'a':2}", 0},
        {"{'p': [{'$group': {'_id': '$b', 'n': {'$sum': '$a'}, 'l': {'$push': '$a'}}}]}",
         PIPELINE_DOCS, "{'_id':'x','n':5,'l':[3,2]}{'_id':'y','n':1,'l':[1]}", 0},
        {"{'p': [{'$count': 'n'}]}", PIPELINE_DOCS, "{'n':3}", 0},
        {"{'p': [{'$facet': {'x': [{'$match': {'b': 'x'}}, {'$count': 'n'}], 'y': [{'$limit': 1}, "
         "{'$unset': 'b'}]}}]}",
         PIPELINE_DOCS, "{'x':[{'n':2}],'y':[{'a':3}]}", 0},
        {"{'p': [{'$sortByCount': '$b'}]}", PIPELINE_DOCS,
         "{'_id':'x','count':2}{'_id':'y','count':1}", 0},
        {"{'p': [{'$bucket': {'groupBy': '$a', 'boundaries': [0, 2, 4]}}]}", PIPELINE_DOCS,
         "{'_id':0,'count':1}{'_id':2,'count':2}", 0},
        {"{'p': [{'$documents': [{'z': 1}]}]}", "{'d': []}", "{'z':1}", 0},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_unwind_makes_one_document_of_each_element)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$unwind': '$a'}]}", "{'d': [{'a': [1, 2], 'z': 0}, {'a': []}, {'a': 5}, {}]}",
         "{'a':1,'z':0}{'a':2,'z':0}{'a':5}", 0},
        {"{'p': [{'$unwind': {'path': '$a', 'preserveNullAndEmptyArrays': true, "
         "'includeArrayIndex': 'i'}}]}",
         "{'d': [{'a': [7]}, {'a': []}, {'a': null}]}",
         "{'a':7,'i':0}{'i':null}{'a':null,'i':null}", 0},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_redact_descends_and_prunes)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$redact': {'$cond': ['$hide', '$$PRUNE', '$$DESCEND']}}]}",
         "{'d': [{'a': {'hide': true}, 'b': [{'hide': true}, {'c': 1}]}, {'hide': true}]}",
         "{'b':[{'c':1}]}", 0},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_joins_other_collections)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$lookup': {'from': 'x', 'localField': 'a', 'foreignField': '_id', 'as': 'j'}}]}",
         "{'d': [{'a': 2}, {'a': [1, 3]}, {'a': 9}]}",
         "{'a':2,'j':[{'_id':2,'p':3}]}{'a':[1,3],'j':[{'_id':1,'p':2},{'_id':3}]}{'a':9,'j':[]}",
         0},
        {"{'p': [{'$lookup': {'from': 'x', 'let': {'v': '$a'}, 'pipeline': [{'$match': {'$expr': "
         "{'$gt': ['$_id', '$$v']}}}, {'$count': 'n'}], 'as': 'j'}}]}",
         "{'d': [{'a': 1}, {'a': 2}]}", "{'a':1,'j':[{'n':2}]}{'a':2,'j':[{'n':1}]}", 0},
        {"{'p': [{'$unionWith': {'coll': 'x', 'pipeline': [{'$limit': 1}]}}]}", "{'d': [{'a': 1}]}",
         "{'a':1}{'_id':1,'p':2}", 0},
        {"{'p': [{'$graphLookup': {'from': 'x', 'startWith': '$a', 'connectFromField': 'p', "
         "'connectToField': '_id', 'as': 'g', 'depthField': 'd', 'maxDepth': 1}}]}",
         "{'d': [{'a': 1}]}", "{'a':1,'g':[{'_id':1,'p':2,'d':0},{'_id':2,'p':3,'d':1}]}", 0},
        {"{'p': [{'$lookup': {'from': 'x', 'localField': 'a', 'as': 'j'}}]}", "{'d': []}", "", 9},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_bucket_auto_cuts_equal_parts_or_rounds_them)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$bucketAuto': {'groupBy': '$a', 'buckets': 2}}]}",
         "{'d': [{'a': 1}, {'a': 2}, {'a': 2}, {'a': 3}]}",
         "{'_id':{'min':1,'max':3},'count':3}{'_id':{'min':3,'max':3},'count':1}", 0},
        {"{'p': [{'$bucketAuto': {'groupBy': '$a', 'buckets': 3, 'granularity': 'POWERSOF2'}}]}",
         "{'d': [{'a': 1}, {'a': 10}, {'a': 100}, {'a': 1000}]}",
         "{'_id':{'min':0.5,'max':2},'count':1}{'_id':{'min':2,'max':16},'count':1}"
         "{'_id':{'min':16,'max':1024},'count':2}",
         0},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_refuses_what_no_stage_understands)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$nope': 1}]}", "{'d': []}", "", 40324},
        {"{'p': [{'$match': {}, '$limit': 1}]}", "{'d': []}", "", 40323},
        {"{'p': [{'$match': 1}]}", "{'d': []}", "", 15959},
        {"{'p': [{'$limit': 0}]}", "{'d': []}", "", 15958},
        {"{'p': [{'$match': {}}, {'$documents': []}]}", "{'d': []}", "", 40602},
        {"{'p': [{'$facet': {'a': [{'$facet': {'b': []}}]}}]}", "{'d': []}", "", 40600},
        {"{'p': [{'$group': {'n': {'$sum': 1}}}]}", "{'d': []}", "", 15955},
        {"{'p': [{'$group': {'_id': 1, 'n': {'$nope': 1}}}]}", "{'d': []}", "", 15952},
        {"{'p': [{'$replaceRoot': {'newRoot': '$a'}}]}", "{'d': [{'a': 1}]}", "", 40228},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_shows_the_planner_its_first_stages)
{
    struct arena arena;
    arena_init(&arena);
    struct err err = {0};
    struct query_context context = {.arena = &arena};
    struct query_pipeline *pipeline = NULL;
    struct slice spec =
        json_doc(&arena, "{'p': [{'$match': {'a': 1}}, {'$sort': {'b': 1}}, {'$limit': 5}]}");
    struct slice stages = doc_value_get_doc(doc_get_str(spec, "p"));
    assert_int_equal(query_pipeline_parse(&context, stages, NULL, &pipeline, &err), 0);
    uint64_t limit = 0;
    assert_non_null(query_pipeline_leading_match(pipeline));
    assert_non_null(query_pipeline_leading_sort(pipeline, &limit));
    assert_int_equal(limit, 5);
    arena_close(&arena);
}

TEST(pipeline_stages_that_hold_documents_are_counted)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$match': {'a': 2}}, {'$unset': 'b'}]}", PIPELINE_DOCS, "{'a':2}", 0, 1},
        {"{'p': [{'$sort': {'a': 1}}]}", PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$sort': {'a': 1}}, {'$limit': 1}, {'$unset': 'b'}]}", PIPELINE_DOCS, "{'a':1}",
         0, 500},
        {"{'p': [{'$sample': {'size': 2}}]}", PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$group': {'_id': '$a'}}]}", PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$bucketAuto': {'groupBy': '$a', 'buckets': 2}}]}", PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$facet': {'f': [{'$match': {}}]}}]}", PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$facet': {'f': [{'$match': {}}]}}]}", PIPELINE_DOCS, "", 146, 500},
        {"{'p': [{'$lookup': {'from': 'c', 'as': 'j', 'localField': 'a', 'foreignField': '_id'}}]}",
         PIPELINE_DOCS, "", 146, 60},
        {"{'p': [{'$graphLookup': {'from': 'c', 'as': 'g', 'startWith': '$a', 'connectFromField': "
         "'p', 'connectToField': '_id'}}]}",
         PIPELINE_DOCS, "", 146, 60},
    };
    PIPELINE_CASES(cases);
}

TEST(pipeline_update_replaces_one_document)
{
    struct arena arena;
    arena_init(&arena);
    struct err err = {0};
    struct query_context context = {.arena = &arena};
    struct query_pipeline_update *update = NULL;
    struct slice spec =
        json_doc(&arena, "{'p': [{'$set': {'n': {'$add': ['$n', '$$k']}}}, "
                         "{'$unset': 'x'}], 'c': {'k': 4}, 'bad': [{'$match': {}}]}");
    struct slice stages = doc_value_get_doc(doc_get_str(spec, "p"));
    struct doc_value constants = doc_get_str(spec, "c");
    assert_int_equal(query_pipeline_update_parse(&context, stages, constants, &update, &err), 0);
    struct query_eval eval;
    query_eval_init(&eval, &context, &arena);
    struct slice result;
    struct slice doc = json_doc(&arena, "{'n': 1, 'x': 2}");
    assert_int_equal(query_pipeline_update_apply(update, &eval, doc, &result, &err), 0);
    assert_string_equal(json_text(&arena, result), "{'n':5}");
    stages = doc_value_get_doc(doc_get_str(spec, "bad"));
    assert_int_equal(query_pipeline_update_parse(&context, stages, constants, &update, &err), -72);
    arena_close(&arena);
}
