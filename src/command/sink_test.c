/* command/sink_test.c - what $out and $merge take, and what they leave. */
#include "command/sink.h"

#include <stdio.h>

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

struct sink_stage {
    struct mini_node *node;
    struct arena arena;
};

static void sink_begin(struct sink_stage *stage)
{
    stage->node = mini_node_new();
    arena_init(&stage->arena);
}

static void sink_end(struct sink_stage *stage)
{
    arena_close(&stage->arena);
    mini_node_free(stage->node);
}

static struct slice sink_do(struct sink_stage *stage, const char *command)
{
    return mini_node_run(stage->node, json_doc(&stage->arena, command));
}

/* The code of the error that an aggregate of `source` ends with; 0: none. */
static int sink_aggregate(struct sink_stage *stage, const char *pipeline)
{
    char text[1024];
    snprintf(text, sizeof text, "{'aggregate': 'source', 'pipeline': %s, 'cursor': {}, '$db': 'd'}",
             pipeline);
    struct doc_value code = doc_get_str(sink_do(stage, text), "code");
    return doc_value_exists(code) ? (int)doc_value_to_i64_clamped(code) : 0;
}

static const char *sink_batch(struct sink_stage *stage, const char *command)
{
    struct slice reply = sink_do(stage, command);
    struct slice cursor = doc_value_get_doc(doc_get_str(reply, "cursor"));
    struct doc_value batch = doc_get_str(cursor, "firstBatch");
    struct buf buf;
    buf_init(&buf, &stage->arena);
    doc_json_write_value(&buf, batch, DOC_JSON_RELAXED);
    buf_append_byte(&buf, '\0');
    return (const char *)buf.data;
}

static const char *sink_target(struct sink_stage *stage)
{
    return sink_batch(stage, "{'find': 'target', 'sort': {'_id': 1}, '$db': 'd'}");
}

TEST(sink_is_told_by_the_last_stage)
{
    static const struct {
        const char *body;
        bool writes;
    } cases[] = {
        {"{'aggregate': 'c', 'pipeline': [{'$out': 'x'}]}", true},
        {"{'aggregate': 'c', 'pipeline': [{'$match': {}}, {'$merge': {}}]}", true},
        {"{'aggregate': 'c', 'pipeline': [{'$out': 'x'}, {'$match': {}}]}", false},
        {"{'aggregate': 'c', 'pipeline': [{'$out': 'x'}], 'explain': true}", false},
        {"{'aggregate': 'c', 'pipeline': [{'$out': 'x'}], 'explain': false}", true},
        {"{'aggregate': 'c', 'pipeline': []}", false},
        {"{'aggregate': 'c', 'pipeline': [{}]}", false},
        {"{'aggregate': 'c', 'pipeline': ['$out']}", false},
        {"{'aggregate': 'c', 'pipeline': {'$out': 'x'}}", false},
        {"{'aggregate': 'c'}", false},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (command_aggregate_writes(json_doc(&arena, cases[i].body)) != cases[i].writes) {
            fail_msg("%s", cases[i].body);
        }
    }
    arena_close(&arena);
}

/* Rights are asked of the first: a second one must not be what is done. */
TEST(sink_takes_no_field_twice)
{
    static const char *const pipelines[] = {
        "[{'$out': {'db': 'd', 'coll': 'a', 'coll': 'b'}}]",
        "[{'$merge': {'into': 'a', 'into': 'b'}}]",
        "[{'$merge': {'into': {'coll': 'a', 'coll': 'b'}}}]",
        "[{'$merge': {'into': 'a', 'whenMatched': 'fail', 'whenMatched': 'replace'}}]",
    };
    struct sink_stage stage;
    sink_begin(&stage);
    sink_do(&stage, "{'insert': 'source', 'documents': [{'_id': 1}], '$db': 'd'}");
    for (size_t i = 0; i < sizeof pipelines / sizeof pipelines[0]; i++) {
        assert_int_equal(sink_aggregate(&stage, pipelines[i]), 40413);
    }
    struct slice reply = sink_do(&stage, "{'aggregate': 'source', 'pipeline': [], 'cursor': {}, "
                                         "'pipeline': [{'$out': 'a'}], '$db': 'd'}");
    assert_int_equal(doc_value_get_i32(doc_get_str(reply, "code")), 40413);
    sink_end(&stage);
}

TEST(sink_merge_refuses_what_it_cannot_mean)
{
    static const struct {
        const char *merge;
        int code;
    } cases[] = {
        {"1", 51182},
        {"{'into': 1}", 51178},
        {"{'into': {'db': 'd'}}", 51178},
        {"{'into': {'db': 'admin', 'coll': 'a'}}", 31320},
        {"{'into': 'system.a'}", 31319},
        {"{'into': 'a', 'on': []}", 51187},
        {"{'into': 'a', 'on': ['_id', '_id']}", 31465},
        {"{'into': 'a', 'on': ['_id', 1]}", 51134},
        {"{'into': 'a', 'whenMatched': 'none'}", 2},
        {"{'into': 'a', 'whenMatched': 'fail', 'whenNotMatched': 'fail'}", 51181},
        {"{'into': 'a', 'whenMatched': 'keepExisting', 'whenNotMatched': 'discard'}", 51181},
        {"{'into': 'a', 'let': {'x': 1}}", 51199},
        {"{'into': 'a', 'whenMatched': [], 'let': {'new': '$a'}}", 51273},
        {"{'into': 'a', 'whenMatched': [], 'let': {'new': '$$ROOT'}}", 0},
        {"{'into': 'a', 'no': 1}", 40415},
    };
    struct sink_stage stage;
    sink_begin(&stage);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char pipeline[256];
        snprintf(pipeline, sizeof pipeline, "[{'$merge': %s}]", cases[i].merge);
        int code = sink_aggregate(&stage, pipeline);
        if (code != cases[i].code) {
            fail_msg("%s: %d", cases[i].merge, code);
        }
    }
    sink_end(&stage);
}

/* What each pair of modes makes of {_id: 1, a: 1} and {_id: 2, a: 2} over {_id: 1, b: 5}. */
TEST(sink_merge_knows_its_modes)
{
    static const struct {
        const char *modes;
        int code;
        const char *target;
    } cases[] = {
        {"", 0, "[{\"_id\":1,\"b\":5,\"a\":1},{\"_id\":2,\"a\":2}]"},
        {", 'whenMatched': 'replace'", 0, "[{\"_id\":1,\"a\":1},{\"_id\":2,\"a\":2}]"},
        {", 'whenMatched': 'keepExisting'", 0, "[{\"_id\":1,\"b\":5},{\"_id\":2,\"a\":2}]"},
        {", 'whenMatched': 'fail'", 11000, "[{\"_id\":1,\"b\":5},{\"_id\":2,\"a\":2}]"},
        {", 'whenNotMatched': 'discard'", 0, "[{\"_id\":1,\"b\":5,\"a\":1}]"},
        {", 'whenNotMatched': 'fail'", 13113, "[{\"_id\":1,\"b\":5,\"a\":1}]"},
        {", 'whenMatched': [{'$set': {'c': {'$add': ['$b', '$$new.a', '$$x']}}}], "
         "'let': {'x': {'$multiply': ['$a', 10]}}",
         0, "[{\"_id\":1,\"b\":5,\"c\":16},{\"_id\":2,\"a\":2}]"},
        {", 'whenMatched': [{'$set': {'_id': 7}}]", 66,
         "[{\"_id\":1,\"b\":5},{\"_id\":2,\"a\":2}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sink_stage stage;
        char pipeline[512];
        sink_begin(&stage);
        sink_do(&stage, "{'insert': 'source', '$db': 'd', 'documents': [{'_id': 1, 'a': 1}, "
                        "{'_id': 2, 'a': 2}]}");
        sink_do(&stage, "{'insert': 'target', 'documents': [{'_id': 1, 'b': 5}], '$db': 'd'}");
        snprintf(pipeline, sizeof pipeline, "[{'$merge': {'into': 'target'%s}}]", cases[i].modes);
        int code = sink_aggregate(&stage, pipeline);
        const char *target = sink_target(&stage);
        if (code != cases[i].code || strcmp(target, cases[i].target) != 0) {
            fail_msg("%s: %d, %s", cases[i].modes, code, target);
        }
        sink_end(&stage);
    }
}

/* No value of `on` is a condition; a path through an array is none. */
TEST(sink_merge_finds_by_values)
{
    struct sink_stage stage;
    sink_begin(&stage);
    sink_do(&stage, "{'createIndexes': 'target', 'indexes': [{'key': {'k.v': 1}, 'name': 'k', "
                    "'unique': true}], '$db': 'd'}");
    sink_do(&stage, "{'insert': 'target', 'documents': [{'_id': 9, 'k': {'v': 5}}, "
                    "{'_id': 10, 'k': {'v': 'five'}}], '$db': 'd'}");
    sink_do(&stage, "{'insert': 'source', 'documents': [{'_id': 2, 'k': {'v': "
                    "{'$numberDouble': '5.0'}}, 'n': 1}], '$db': 'd'}");
    const char *merge = "[{'$unset': '_id'}, {'$merge': {'into': 'target', 'on': 'k.v'}}]";
    assert_int_equal(sink_aggregate(&stage, merge), 0);
    sink_do(&stage, "{'delete': 'source', 'deletes': [{'q': {}, 'limit': 0}], '$db': 'd'}");
    sink_do(&stage, "{'insert': 'source', 'documents': [{'_id': 3, 'k': {'v': "
                    "{'$regularExpression': {'pattern': 'f', 'options': ''}}}, 'n': 2}], "
                    "'$db': 'd'}");
    assert_int_equal(sink_aggregate(&stage, merge), 0);
    assert_string_equal(sink_batch(&stage, "{'find': 'target', 'sort': {'_id': 1}, '$db': 'd', "
                                           "'projection': {'n': 1, '_id': 0}}"),
                        "[{\"n\":1},{},{\"n\":2}]");
    sink_do(&stage, "{'insert': 'source', 'documents': [{'k': [{'v': 5}]}], '$db': 'd'}");
    assert_int_equal(sink_aggregate(&stage, merge), 51185);
    sink_end(&stage);
}

/* Its options, its indexes and its documents, until the new ones are there. */
TEST(sink_out_keeps_what_it_cannot_replace)
{
    struct sink_stage stage;
    const char *names = "{'listCollections': 1, 'nameOnly': true, '$db': 'd', "
                        "'filter': {'name': {'$nin': ['source', 'target']}}}";
    sink_begin(&stage);
    sink_do(&stage, "{'create': 'target', 'validator': {'a': {'$lt': 9}}, '$db': 'd'}");
    sink_do(&stage, "{'createIndexes': 'target', 'indexes': [{'key': {'u': 1}, 'name': 'u', "
                    "'unique': true}], '$db': 'd'}");
    sink_do(&stage, "{'insert': 'target', 'documents': [{'_id': 0, 'a': 0}], '$db': 'd'}");
    sink_do(&stage, "{'insert': 'source', 'documents': [{'_id': 1, 'a': 1, 'u': 1}, "
                    "{'_id': 2, 'a': 2, 'u': 2}], '$db': 'd'}");
    assert_int_equal(sink_aggregate(&stage, "[{'$set': {'a': 9}}, {'$out': 'target'}]"), 121);
    assert_int_equal(sink_aggregate(&stage, "[{'$set': {'u': 1}}, {'$out': 'target'}]"), 11000);
    assert_string_equal(sink_target(&stage), "[{\"_id\":0,\"a\":0}]");
    assert_string_equal(sink_batch(&stage, names), "[]");
    assert_int_equal(sink_aggregate(&stage, "[{'$out': 'target'}]"), 0);
    assert_string_equal(sink_target(&stage),
                        "[{\"_id\":1,\"a\":1,\"u\":1},{\"_id\":2,\"a\":2,\"u\":2}]");
    assert_string_equal(sink_batch(&stage, names), "[]");
    sink_do(&stage, "{'insert': 'target', 'documents': [{'_id': 3, 'a': 9}, {'_id': 4, 'u': 2}], "
                    "'ordered': false, '$db': 'd'}");
    assert_int_equal(sink_aggregate(&stage, "[{'$match': {'_id': 7}}, {'$out': 'target'}]"), 0);
    assert_string_equal(sink_target(&stage), "[]");
    assert_int_equal(sink_aggregate(&stage, "[{'$out': 'source'}]"), 0);
    sink_end(&stage);
}
