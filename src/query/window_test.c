/* query/window_test.c - windows, and the stages made of them: values at the edges of frames, what
 * is refused, and that the work grows with the documents and not with their square. */
#include "query/window_private.h"

#include "lib/pipeline_case.h"

#define WINDOW_DOCS                                                                                \
    "{'d': [{'_id': 0, 'v': 5, 'g': 1}, {'_id': 1, 'v': 3, 'g': 2}, {'_id': 2, 'v': 8, 'g': 1}, "  \
    "{'_id': 3, 'g': 2}, {'_id': 4, 'v': 1, 'g': 1}]}"

/* One output field over WINDOW_DOCS, sorted by _id; the values, one after the other. */
struct window_case {
    const char *output;
    const char *want;
};

static void window_check(const struct window_case *c)
{
    struct arena arena;
    arena_init(&arena);
    struct slice stages =
        arena_format(&arena,
                     "{'p': [{'$setWindowFields': {'sortBy': {'_id': 1}, 'output': {'r': %s}}}, "
                     "{'$group': {'_id': null, 'r': {'$push': '$r'}}}, {'$unset': '_id'}]}",
                     c->output);
    struct slice want = arena_format(&arena, "{'r':%s}", c->want);
    struct pipeline_case pipeline = {
        .stages = (const char *)stages.data, .docs = WINDOW_DOCS, .want = (const char *)want.data};
    pipeline_check(&pipeline);
    arena_close(&arena);
}

TEST(window_frames_reach_only_as_far_as_the_partition)
{
    static const struct window_case cases[] = {
        {"{'$sum': '$v', 'window': {'documents': [-1, 1]}}", "[8,16,11,9,1]"},
        {"{'$sum': '$v', 'window': {'documents': ['unbounded', -1]}}", "[0,5,8,16,16]"},
        {"{'$sum': '$v', 'window': {'documents': ['current', 'unbounded']}}", "[17,12,9,1,1]"},
        {"{'$sum': '$v', 'window': {'documents': [3, 9]}}", "[1,1,0,0,0]"},
        {"{'$sum': '$v', 'window': {'documents': [-9, -3]}}", "[0,0,0,5,8]"},
        {"{'$sum': '$v', 'window': {'documents': [-9223372036854775807, 9223372036854775807]}}",
         "[17,17,17,17,17]"},
        {"{'$push': '$v', 'window': {'range': [-1.5, 0]}}", "[[5],[5,3],[3,8],[8],[1]]"},
        {"{'$count': {}, 'window': {'range': ['current', 'unbounded']}}", "[5,4,3,2,1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        window_check(&cases[i]);
    }
}

TEST(window_operators_forget_what_leaves_the_frame)
{
    static const struct window_case cases[] = {
        {"{'$min': '$v', 'window': {'documents': [-1, 0]}}", "[5,3,3,8,1]"},
        {"{'$max': '$v', 'window': {'documents': [-1, 0]}}", "[5,5,8,8,1]"},
        {"{'$maxN': {'input': '$v', 'n': 2}, 'window': {'documents': [-2, 0]}}",
         "[[5],[5,3],[8,5],[8,3],[8,1]]"},
        {"{'$bottomN': {'output': '$_id', 'sortBy': {'v': 1}, 'n': 2}, "
         "'window': {'documents': [-2, 0]}}",
         "[[0],[1,0],[0,2],[1,2],[4,2]]"},
        {"{'$bottomN': {'output': '$_id', 'sortBy': {'v': 1}, 'n': 2}, "
         "'window': {'documents': ['unbounded', 0]}}",
         "[[0],[1,0],[0,2],[0,2],[0,2]]"},
        {"{'$addToSet': '$g', 'window': {'documents': [-1, 0]}}", "[[1],[1,2],[1,2],[1,2],[1,2]]"},
        {"{'$setUnion': ['$g', 7], 'window': {'documents': [0, 0]}}",
         "[[1,7],[2,7],[1,7],[2,7],[1,7]]"},
        {"{'$first': '$v', 'window': {'documents': [1, 2]}}", "[3,8,null,1,null]"},
        {"{'$lastN': {'input': '$v', 'n': 2}, 'window': {'documents': [-2, 0]}}",
         "[[5],[5,3],[3,8],[8,null],[null,1]]"},
        {"{'$stdDevPop': '$v', 'window': {'documents': [-1, 0]}}", "[0,1.0,2.5,0,0]"},
        {"{'$covarianceSamp': ['$v', '$g'], 'window': {'documents': [-1, 0]}}",
         "[null,-1.0,-2.5,null,null]"},
        {"{'$median': {'input': '$v', 'method': 'approximate'}, 'window': {'documents': [-2, 0]}}",
         "[5.0,3.0,5.0,3.0,1.0]"},
        {"{'$integral': {'input': '$g'}, 'window': {'documents': [-1, 0]}}", "[0,1.5,1.5,1.5,1.5]"},
        {"{'$derivative': {'input': '$v'}, 'window': {'documents': [-1, 0]}}",
         "[null,-2.0,5.0,null,null]"},
        {"{'$minMaxScaler': {'input': '$_id', 'max': 4}, 'window': {'documents': [-1, 1]}}",
         "[0.0,2.0,2.0,2.0,4.0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        window_check(&cases[i]);
    }
}

TEST(window_sequences_know_the_partition)
{
    static const struct window_case cases[] = {
        {"{'$shift': {'output': '$v', 'by': 2, 'default': 'x'}}", "[8,null,1,'x','x']"},
        {"{'$locf': '$v'}", "[5,3,8,8,1]"},
        {"{'$linearFill': '$v'}", "[5,3,8,4.5,1]"},
        {"{'$expMovingAvg': {'input': '$v', 'N': 3}}", "[5.0,4.0,6.0,6.0,3.5]"},
        {"{'$documentNumber': {}}", "[1,2,3,4,5]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        window_check(&cases[i]);
    }
}

#define WINDOW_REFUSED(sort, output, code)                                                         \
    {                                                                                              \
        "{'p': [{'$setWindowFields': {" sort "'output': {'r': " output "}}}]}", WINDOW_DOCS, "",   \
            (code)                                                                                 \
    }
#define WINDOW_BY_ID "'sortBy': {'_id': 1}, "

TEST(window_refuses_what_has_no_meaning)
{
    static const struct pipeline_case cases[] = {
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$rank': {}, 'window': {'documents': [0, 1]}}", 5371601),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$rank': 1}", 5371603),
        WINDOW_REFUSED("", "{'$rank': {}}", 5371602),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$mergeObjects': '$v'}", 9),
        WINDOW_REFUSED("", "{'$linearFill': '$v'}", 605001),
        WINDOW_REFUSED("'sortBy': {'g': 1}, ", "{'$linearFill': '$v'}", 6050106),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$derivative': {'input': '$v'}}", 9),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$integral': {'input': '$v', 'unit': 'month'}}", 5490710),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$integral': {'input': '$v'}}", 5423900),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$integral': {'input': '$v', 'unit': 'hour'}}", 5423901),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$expMovingAvg': {'input': '$v', 'alpha': 1}}", 9),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$minN': {'input': '$v', 'n': 0}}", 5787908),
        WINDOW_REFUSED(WINDOW_BY_ID, "{'$sum': 1, 'window': {'range': [0, 1], 'unit': 'day'}}",
                       5429513),
        WINDOW_REFUSED("'partitionBy': [1], ", "{'$sum': 1}", 14),
        {"{'p': [{'$setWindowFields': {'output': {'a.b': {'$sum': 1}, 'c': {'$sum': 1}, "
         "'a': {'$sum': 1}}}}]}",
         WINDOW_DOCS, "", 6307900},
        {"{'p': [{'$setWindowFields': {'output': {'s': {'$sum': '$v'}}}}]}", WINDOW_DOCS, "", 146,
         90},
    };
    PIPELINE_CASES(cases);
}

TEST(fill_takes_one_way_for_each_field)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$fill': {'partitionByFields': ['g'], 'sortBy': {'_id': 1}, 'output': {'v': "
         "{'method': 'locf'}, 'w': {'value': '$_id'}}}}, {'$unset': 'g'}]}",
         WINDOW_DOCS,
         "{'_id':0,'v':5,'w':0}{'_id':2,'v':8,'w':2}{'_id':4,'v':1,'w':4}{'_id':1,'v':3,'w':1}"
         "{'_id':3,'v':3,'w':3}",
         0},
        {"{'p': [{'$fill': {'output': {}}}]}", WINDOW_DOCS, "", 9},
        {"{'p': [{'$fill': {'output': {'v': 1}}}]}", WINDOW_DOCS, "", 9},
        {"{'p': [{'$fill': {'output': {'v': {'method': 'locf', 'value': 1}}}}]}", WINDOW_DOCS, "",
         9},
        {"{'p': [{'$fill': {'output': {'v': {'method': 'mean'}}}}]}", WINDOW_DOCS, "", 9},
        {"{'p': [{'$fill': {'partitionBy': '$g', 'partitionByFields': ['g'], 'output': {'v': "
         "{'value': 1}}}}]}",
         WINDOW_DOCS, "", 9},
    };
    PIPELINE_CASES(cases);
}

#define DENSIFY(partition, range) "{'p': [{'$densify': {'field': 'v', " partition range "}}]}"

TEST(densify_steps_from_document_to_document)
{
    static const char docs[] = "{'d': [{'v': 2.5, 'g': 1}, {'v': 3, 'g': 2}, {'v': 1, 'g': 1}, "
                               "{'g': 3}]}";
    static const struct pipeline_case cases[] = {
        {DENSIFY("", "'range': {'step': 1, 'bounds': 'full'}"), docs,
         "{'g':3}{'v':1,'g':1}{'v':2}{'v':2.5,'g':1}{'v':3,'g':2}", 0},
        {DENSIFY("'partitionByFields': ['g'], ", "'range': {'step': 1, 'bounds': 'partition'}"),
         docs, "{'v':1,'g':1}{'g':1,'v':2}{'v':2.5,'g':1}{'v':3,'g':2}{'g':3}", 0},
        {DENSIFY("'partitionByFields': ['g'], ", "'range': {'step': 1, 'bounds': 'full'}"), docs,
         "{'g':3}{'v':1,'g':1}{'g':1,'v':2}{'v':2.5,'g':1}{'g':2,'v':1}{'g':2,'v':2}"
         "{'v':3,'g':2}{'g':1,'v':3}",
         0},
        {DENSIFY("", "'range': {'step': 2, 'bounds': [0, 5]}"), docs,
         "{'g':3}{'v':0}{'v':1,'g':1}{'v':2}{'v':2.5,'g':1}{'v':3,'g':2}{'v':4}", 0},
        {DENSIFY("", "'range': {'step': 1, 'bounds': [0, 2]}"), "{'d': []}", "{'v':0}{'v':1}", 0},
        {DENSIFY("", "'range': {'step': 0, 'bounds': 'full'}"), docs, "", 5733401},
        {DENSIFY("", "'range': {'step': 1, 'bounds': 'some'}"), docs, "", 5946802},
        {DENSIFY("", "'range': {'step': 1, 'bounds': 'partition'}"), docs, "", 5733408},
        {DENSIFY("", "'range': {'step': 1, 'bounds': [1, 0]}"), docs, "", 5733402},
        {DENSIFY("", "'range': {'step': 1, 'bounds': [1]}"), docs, "", 5733403},
        {DENSIFY("", "'range': {'step': 1, 'bounds': [0, 1.5]}"), docs, "", 5876900},
        {DENSIFY("", "'range': {'step': 1, 'unit': 'day', 'bounds': [0, 1]}"), docs, "", 5733409},
        {DENSIFY("", "'range': {'step': 1, 'unit': 'day', 'bounds': 'full'}"), docs, "", 6053600},
        {DENSIFY("'partitionByFields': ['v'], ", "'range': {'step': 1, 'bounds': 'full'}"), docs,
         "", 8993000},
        {DENSIFY("", "'range': {'step': 1, 'bounds': 'full'}"), "{'d': [{'v': 'x'}]}", "", 5733201},
        {"{'p': [{'$densify': {'field': 'v', 'range': {'step': 1, 'bounds': [0, 600000]}}}, "
         "{'$count': 'n'}]}",
         docs, "", 5897900},
        {DENSIFY("", "'range': {'step': 1, 'bounds': 'full'}"), docs, "", 146, 60},
    };
    PIPELINE_CASES(cases);
}

/* ---- the work ---- */

/* A partition of more documents than enter frames in one slice. */
TEST(window_yields_while_a_large_partition_enters_its_frames)
{
    struct arena arena;
    struct buf docs;
    arena_init(&arena);
    buf_init(&docs, &arena);
    buf_format(&docs, "{'d': [{'_id': 0}");
    for (int i = 1; i < 3000; i++) {
        buf_format(&docs, ", {'_id': %d}", i);
    }
    buf_format(&docs, "]}");
    buf_append_byte(&docs, 0);
    struct pipeline_case pipeline = {
        .stages = "{'p': [{'$setWindowFields': {'sortBy': {'_id': 1}, 'output': {"
                  "'n': {'$documentNumber': {}}, "
                  "'all': {'$sum': 1}, 'max': {'$max': '$_id', 'window': {'documents': [0, "
                  "'unbounded']}}, 'mid': {'$median': {'input': '$_id', 'method': "
                  "'approximate'}}}}}, {'$match': {'_id': {'$gt': 2998}}}]}",
        .docs = (const char *)docs.data,
        .want = "{'_id':2999,'n':3000,'all':3000,'max':2999,'mid':1499.0}"};
    pipeline_check(&pipeline);
    arena_close(&arena);
}

/* Comparisons, and documents that came and went, for a frame of half of `count` documents. */
static uint64_t window_work(const char *output, uint32_t count)
{
    struct arena arena;
    struct arena inner;
    struct err err = {0};
    arena_init(&arena);
    arena_init(&inner);
    struct query_context context = {.arena = &arena};
    struct query__keep keep = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct slice text = arena_format(&arena, "{'v': %u}", i * 2654435761u % 1000003u);
        query__keep_add(&keep, (struct slice){0}, json_doc(&arena, (const char *)text.data));
    }
    struct query_sort *sort;
    assert_int_equal(query_sort_parse(&context, json_doc(&arena, "{'v': 1}"), &sort, &err), 0);
    struct slice text = arena_format(&arena, "{'r': {%s, 'window': {'documents': [-%u, %u]}}}",
                                     output, count / 4, count / 4);
    struct slice spec = json_doc(&arena, (const char *)text.data);
    struct query__window_parse parse = {.context = &context, .sort = sort};
    struct query__window window;
    assert_int_equal(query__window_field(&parse, doc_first(spec), &window, &err), 0);
    struct query_eval eval;
    query_eval_init(&eval, &context, &arena);
    struct query__window_partition partition = {&keep, 0, count};
    struct query__window_frame frame = {0};
    struct query__window_work work = {&window, &frame, &partition, &eval, &arena, &inner, 0, 0};
    for (; work.at < count; work.at++) {
        struct doc_value value;
        work.budget = count;
        assert_int_equal(query__window_bring(&work, &err), 0);
        assert_int_equal(query__window_value(&work, &value, &err), 0);
    }
    query__keep_close(&keep);
    arena_close(&inner);
    arena_close(&arena);
    return frame.steps + frame.order.steps;
}

TEST(window_twice_the_documents_are_about_twice_the_work)
{
    static const char *const outputs[] = {
        "'$sum': '$v'",
        "'$stdDevPop': '$v'",
        "'$covariancePop': ['$v', '$v']",
        "'$min': '$v'",
        "'$maxN': {'input': '$v', 'n': 3}",
        "'$top': {'output': '$v', 'sortBy': {'v': 1}}",
        "'$percentile': {'input': '$v', 'p': [0.1, 0.9], 'method': 'approximate'}",
        "'$minMaxScaler': '$v'",
    };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        uint64_t once = window_work(outputs[i], 2000);
        uint64_t twice = window_work(outputs[i], 4000);
        if (10 * twice > 24 * once) {
            fail_msg("%s: %llu, then %llu", outputs[i], (unsigned long long)once,
                     (unsigned long long)twice);
        }
    }
}
