/* query/pipeline_test.c - stages over a source that yields before every document. */
#include "query/pipeline.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "query/pipeline_update.h"

struct pipeline_source {
    struct doc_iter iter;
    bool yielded;
};

static int pipeline_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct pipeline_source *source = context;
    source->yielded = !source->yielded;
    if (source->yielded) {
        return err_set(err, LT_EYIELD, "the slice is used up");
    }
    struct doc_elem elem;
    if (!doc_iter_next(&source->iter, &elem)) {
        return 0;
    }
    *ret_doc = doc_value_get_doc(elem.value);
    return 1;
}

struct pipeline_case {
    const char *stages; /* {'p': [...]} */
    const char *docs;   /* {'d': [...]} */
    const char *want;   /* documents, one after the other */
    int code;
    uint64_t bytes_max; /* what all stages may hold; 0: any */
};

/* Counts what is held; a run must give back all of it, however it ends. */
struct pipeline_memory {
    uint64_t held;
    uint64_t max;
};

static int pipeline_take(void *owner, uint64_t bytes, struct err *err)
{
    struct pipeline_memory *memory = owner;
    if (memory->max != 0 && memory->held + bytes > memory->max) {
        return err_set(err, LT_EEXCEEDEDMEMORYLIMIT, "no more than %llu",
                       (unsigned long long)memory->max);
    }
    memory->held += bytes;
    return 0;
}

static void pipeline_give(void *owner, uint64_t bytes)
{
    struct pipeline_memory *memory = owner;
    assert_true(memory->held >= bytes);
    memory->held -= bytes;
}

static int pipeline_drain(struct arena *arena, struct query_run *run, struct buf *out,
                          struct err *err)
{
    for (;;) {
        struct slice doc;
        int rc = query_run_next(run, &doc, err);
        if (rc == 0) {
            return 0;
        }
        if (rc < 0 && rc != -LT_EYIELD) {
            return rc;
        }
        if (rc > 0) {
            buf_format(out, "%s", json_text(arena, doc));
        }
    }
}

/* Every collection holds the documents that are in the arena given as owner. */
struct pipeline_foreign {
    struct pipeline_source source;
    const struct query_match *filter;
    struct query_eval eval;
};

static int pipeline_foreign_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct pipeline_foreign *foreign = context;
    for (;;) {
        int rc = pipeline_source_next(&foreign->source, ret_doc, err);
        if (rc <= 0 || foreign->filter == NULL) {
            return rc;
        }
        rc = query_match_doc(foreign->filter, &foreign->eval, *ret_doc, NULL, err);
        if (rc != 0) {
            return rc;
        }
    }
}

static int pipeline_foreign_open(void *owner, const struct query_foreign *foreign,
                                 const struct query_eval *eval, struct query_run **ret_run,
                                 struct err *err)
{
    static const struct query_source_ops ops = {pipeline_foreign_next};
    static const struct query_pipeline empty = {0};
    (void)err;
    struct pipeline_foreign *source = arena_zero(owner, 1, sizeof *source);
    struct slice docs = json_doc(owner, "{'d': [{'_id': 1, 'p': 2}, {'_id': 2, 'p': 3}, "
                                        "{'_id': 3}]}");
    doc_iter_value(&source->source.iter, doc_get_str(docs, "d"));
    source->filter = foreign->filter;
    source->eval = *eval;
    source->eval.arena = owner;
    *ret_run = query_run_new(foreign->pipeline == NULL ? &empty : foreign->pipeline, 0, eval,
                             (struct query_source){&ops, source});
    return 0;
}

static void pipeline_check(const struct pipeline_case *c)
{
    static const struct query_foreign_ops foreign = {pipeline_foreign_open};
    static const struct query_source_ops ops = {pipeline_source_next};
    struct arena arena;
    struct err err = {0};
    struct buf out;
    arena_init(&arena);
    buf_init(&out, &arena);
    struct pipeline_memory counter = {.max = c->bytes_max};
    struct query_memory memory = {pipeline_take, pipeline_give, &counter};
    struct query_context context = {.arena = &arena, .random = 3, .memory = &memory};
    struct query_pipeline *pipeline = NULL;
    struct slice stages = doc_value_get_doc(doc_get_str(json_doc(&arena, c->stages), "p"));
    struct query_pipeline_options options = {.foreign = &foreign, .owner = &arena};
    int rc = query_pipeline_parse(&context, stages, &options, &pipeline, &err);
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        struct pipeline_source source = {.yielded = false};
        doc_iter_value(&source.iter, doc_get_str(json_doc(&arena, c->docs), "d"));
        struct query_run *run =
            query_run_new(pipeline, 0, &eval, (struct query_source){&ops, &source});
        rc = pipeline_drain(&arena, run, &out, &err);
        query_run_close(run);
    }
    assert_int_equal(counter.held, 0);
    if (rc != -c->code) {
        fail_msg("%s: %d %s, not %d", c->stages, rc, err.text, -c->code);
    }
    buf_append_byte(&out, 0);
    if (rc == 0) {
        assert_string_equal((const char *)out.data, c->want);
    }
    arena_close(&arena);
}

static void pipeline_cases(const struct pipeline_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pipeline_check(&cases[i]);
    }
}

#define PIPELINE_CASES(cases) pipeline_cases(cases, sizeof cases / sizeof *cases)
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
