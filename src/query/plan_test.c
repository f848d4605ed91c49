/* query/plan_test.c - which index is chosen, and where its keys are looked for. */
#include "query/plan.h"

#include <string.h>

#include "doc/view.h"
#include "lib/json_doc.h"

struct plan_case {
    const char *filter;
    const char *sort; /* NULL: none */
    const char *want; /* per branch: index name, '<' when backward, bounds; "sorted" at the end */
};

struct plan_table {
    const struct query_plan_index *indexes;
    uint32_t count;
    struct doc_value hint;
    struct slice min;
    struct slice max;
    bool rejected;                         /* tell of them too */
    const struct doc_collation *collation; /* the query's */
};

static void plan_put(struct buf *text, struct arena *arena, const struct plan_table *table,
                     const struct query_plan *plan)
{
    for (uint32_t i = 0; i < plan->branches_count; i++) {
        const struct query_plan_branch *branch = &plan->branches[i];
        struct slice name =
            branch->index < 0 ? SLICE("collection") : table->indexes[branch->index].name;
        buf_format(text, "%s%.*s%s", i > 0 ? " | " : "", SLICE_FMT(name),
                   branch->backward ? " <" : "");
        if (branch->index >= 0) {
            buf_format(text, " %s", json_text(arena, query_plan_bounds(arena, branch)));
        }
    }
}

static int plan_text(struct arena *arena, const struct plan_table *table,
                     const struct plan_case *one, const char **ret_text)
{
    struct query_context context = {.arena = arena, .collation = table->collation};
    struct query_match *match = NULL;
    struct query_sort *sort = NULL;
    struct query_plan plan;
    struct err err = {0};
    struct buf text;
    buf_init(&text, arena);
    assert_int_equal(query_match_parse_near(&context, json_doc(arena, one->filter), &match, &err),
                     0);
    if (one->sort != NULL) {
        assert_int_equal(query_sort_parse(&context, json_doc(arena, one->sort), &sort, &err), 0);
    }
    struct query_plan_request request = {.match = match,
                                         .sort = sort,
                                         .indexes = table->indexes,
                                         .indexes_count = table->count,
                                         .hint = table->hint,
                                         .min = table->min,
                                         .max = table->max};
    int code = query_plan_make(&context, &request, &plan, &err);
    if (code < 0) {
        return code;
    }
    const struct query_plan *told = &plan;
    do {
        buf_format(&text, "%s", told != &plan ? " not " : "");
        plan_put(&text, arena, table, told);
        buf_format(&text, "%s", told->sorted && sort != NULL ? " sorted" : "");
        told = table->rejected ? told->rejected : NULL;
    } while (told != NULL);
    buf_append_byte(&text, '\0');
    *ret_text = (const char *)text.data;
    return 0;
}

static void plan_cases(const struct plan_table *table, const struct plan_case *cases, size_t count)
{
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < count; i++) {
        const char *got = "error";
        plan_text(&arena, table, &cases[i], &got);
        if (strcmp(got, cases[i].want) != 0) {
            fail_msg("%s sort %s:\n  %s\nnot\n  %s", cases[i].filter,
                     cases[i].sort == NULL ? "-" : cases[i].sort, got, cases[i].want);
        }
    }
    arena_close(&arena);
}

/* The usual indexes; `flags` are put on all but _id_. */
static struct plan_table plan_usual(struct arena *arena, bool multikey)
{
    struct query_plan_index *indexes = arena_zero(arena, 4, sizeof *indexes);
    indexes[0] = (struct query_plan_index){
        .name = SLICE("_id_"), .key = json_doc(arena, "{'_id': 1}"), .is_id = true};
    indexes[1] = (struct query_plan_index){
        .name = SLICE("a"), .key = json_doc(arena, "{'a': 1}"), .multikey = multikey};
    indexes[2] = (struct query_plan_index){
        .name = SLICE("a_b"), .key = json_doc(arena, "{'a': 1, 'b': -1}"), .multikey = multikey};
    indexes[3] = (struct query_plan_index){
        .name = SLICE("c"), .key = json_doc(arena, "{'c': 1}"), .multikey = multikey};
    return (struct plan_table){.indexes = indexes, .count = 4, .hint = doc_missing};
}

#define PLAN_CASES(table, cases) plan_cases(table, cases, sizeof cases / sizeof *cases)

TEST(plan_turns_predicates_into_bounds)
{
    static const struct plan_case cases[] = {
        {"{}", NULL, "collection"},
        {"{'d': 1}", NULL, "collection"},
        {"{'_id': 5, 'a': 1}", NULL, "_id_ {'_id':['[5, 5]']}"},
        {"{'_id': {'$gt': 5}}", NULL, "_id_ {'_id':['(5, inf.0]']}"},
        {"{'c': 1}", NULL, "c {'c':['[1, 1]']}"},
        {"{'c': {'$gt': 1, '$lte': 5}}", NULL, "c {'c':['(1, 5]']}"},
        {"{'c': {'$lt': 'x'}}", NULL, "c {'c':['[\\'\\', \\'x\\')']}"},
        {"{'c': {'$gte': 'x'}}", NULL, "c {'c':['[\\'x\\', {})']}"},
        {"{'c': {'$in': [3, 1, 1]}}", NULL, "c {'c':['[1, 1]','[3, 3]']}"},
        {"{'c': {'$in': [3, 1, 7], '$lt': 5}}", NULL, "c {'c':['[1, 1]','[3, 3]']}"},
        {"{'c': {'$gt': 5, '$lt': 3}}", NULL, "c {'c':[]}"},
        {"{'c': null}", NULL, "c {'c':['[null, null]']}"},
        {"{'c': {'$regex': '^ab'}}", NULL, "c {'c':['[\\'ab\\', \\'ac\\')','[/^ab/, /^ab/]']}"},
        {"{'c': {'$regex': 'ab'}}", NULL, "collection"},
        {"{'c': {'$ne': 1}}", NULL, "collection"},
        {"{'a': 1, 'b': {'$gt': 2}}", NULL, "a_b {'a':['[1, 1]'],'b':['[inf.0, 2)']}"},
        {"{'a': {'$gt': 1}, 'b': 2}", NULL, "a {'a':['(1, inf.0]']}"},
        {"{'$alwaysFalse': 1}", NULL, ""},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_asks_hashed_indexes_for_equal_values_only)
{
    static const struct plan_case cases[] = {
        {"{'a': 'hello'}", NULL, "h {'a':['[5347277839332858538, 5347277839332858538]']}"},
        {"{'a': {'$in': ['hello', 'hello']}}", NULL,
         "h {'a':['[5347277839332858538, 5347277839332858538]']}"},
        {"{'a': {'$gt': 'hello'}}", NULL, "collection"},
        {"{'a': {'$in': [{'$regularExpression': {'pattern': '^h', 'options': ''}}]}}", NULL,
         "collection"},
        {"{}", "{'a': 1}", "collection"},
        {"{'a': 'hello'}", "{'a': 1}",
         "h {'a':['[5347277839332858538, 5347277839332858538]']} sorted"},
    };
    struct arena arena;
    arena_init(&arena);
    struct query_plan_index index = {.name = SLICE("h"),
                                     .key = json_doc(&arena, "{'a': 'hashed'}")};
    struct plan_table table = {.indexes = &index, .count = 1, .hint = doc_missing};
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_asks_wildcard_indexes_for_one_path)
{
    static const struct plan_case cases[] = {
        {"{'a': 5}", NULL, "w {'$_path':['[\\'a\\', \\'a\\']'],'a':['[5, 5]']}"},
        {"{'a': {'$gt': 5, '$lt': 9}, 'b': {'$gt': 1}}", NULL,
         "w {'$_path':['[\\'a\\', \\'a\\']'],'a':['(5, 9)']}"},
        {"{'a.b': {'$exists': true}}", NULL,
         "w {'$_path':['[\\'a.b\\', \\'a.b\\']','[\\'a.b.\\', \\'a.b/\\')'],'a.b':['[MinKey, "
         "MaxKey]']}"},
        {"{'a': {'$gt': 5}}", "{'a': -1}",
         "w < {'$_path':['[\\'a\\', \\'a\\']'],'a':['[inf.0, 5)']} sorted"},
        {"{'$or': [{'a': 1}, {'b': 2}]}", NULL,
         "w {'$_path':['[\\'a\\', \\'a\\']'],'a':['[1, 1]']} | w "
         "{'$_path':['[\\'b\\', \\'b\\']'],'b':['[2, 2]']}"},
        {"{}", "{'a': 1}", "collection"},
        {"{'a': null}", NULL, "collection"},
        {"{'a': {'$exists': false}}", NULL, "collection"},
        {"{'a': {'b': 1}}", NULL, "collection"},
        {"{'a': [1, 2]}", NULL, "collection"},
        {"{'a': {'$ne': 1}}", NULL, "collection"},
        {"{'_id.x': 1}", NULL, "collection"},
        {"{'c.d': 1}", NULL, "collection"},
    };
    static const struct plan_case arrays[] = {
        {"{'a': {'$gt': 5, '$lt': 9}}", NULL,
         "w {'$_path':['[\\'a\\', \\'a\\']'],'a':['(5, inf.0]']}"},
        {"{'a.0': 5}", NULL, "collection"},
        {"{'a': {'$gt': 5}}", "{'a': 1}", "w {'$_path':['[\\'a\\', \\'a\\']'],'a':['(5, inf.0]']}"},
    };
    struct arena arena;
    arena_init(&arena);
    struct slice spec = json_doc(&arena, "{'key': {'$**': 1}, 'wildcardProjection': {'c': 0}}");
    struct query_plan_index index = {.name = SLICE("w"), .key = json_doc(&arena, "{'$**': 1}")};
    index.wildcard = doc_wildcard_of_spec(&arena, spec);
    struct plan_table table = {.indexes = &index, .count = 1, .hint = doc_missing};
    PLAN_CASES(&table, cases);
    index.multikey = true;
    PLAN_CASES(&table, arrays);
    arena_close(&arena);
}

TEST(plan_serves_text_by_the_text_index_only)
{
    static const struct plan_case cases[] = {
        {"{'p': 1, '$text': {'$search': 'Foxes run'}}", NULL,
         "t {'p':['[1, 1]'],'_fts':['[\\'fox\\', \\'fox\\']','[\\'run\\', \\'run\\']']}"},
        {"{'p': 1, '$text': {'$search': 'the'}}", NULL, "t {'p':['[1, 1]'],'_fts':[]}"},
        {"{'p': 1, 'a': 2, '$text': {'$search': '-fox cat'}}", NULL,
         "t {'p':['[1, 1]'],'_fts':['[\\'cat\\', \\'cat\\']']}"},
        {"{'p': 1, '$or': [{'$text': {'$search': 'fox'}}, {'a': 2}]}", NULL,
         "t {'p':['[1, 1]'],'_fts':['[\\'fox\\', \\'fox\\']']} | a {'a':['[2, 2]']}"},
        {"{'p': 1}", NULL, "collection"},
    };
    struct arena arena;
    arena_init(&arena);
    struct slice spec = json_doc(&arena, "{'key': {'p': 1, '_fts': 'text', '_ftsx': 1}}");
    struct query_plan_index indexes[2] = {
        {.name = SLICE("t"), .key = doc_value_get_doc(doc_get_str(spec, "key")), .multikey = true},
        {.name = SLICE("a"), .key = json_doc(&arena, "{'a': 1}")},
    };
    indexes[0].text = text_index_of_spec(&arena, spec);
    struct plan_table table = {.indexes = indexes, .count = 2, .hint = doc_missing};
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_asks_compound_wildcard_indexes_by_what_is_before)
{
    static const struct plan_case cases[] = {
        {"{'p': 1, 'a.x': 2}", NULL,
         "w {'p':['[1, 1]'],'$_path':['[\\'a.x\\', \\'a.x\\']'],'a.x':['[2, 2]']}"},
        {"{'p': 1}", NULL,
         "w {'p':['[1, 1]'],'$_path':['[MinKey, MaxKey]'],'':['[MinKey, MaxKey]']}"},
        {"{'b': 1}", NULL, "collection"},
    };
    struct arena arena;
    arena_init(&arena);
    struct slice spec = json_doc(&arena, "{'key': {'p': 1, 'a.$**': 1}}");
    struct query_plan_index index = {.name = SLICE("w"),
                                     .key = doc_value_get_doc(doc_get_str(spec, "key"))};
    index.wildcard = doc_wildcard_of_spec(&arena, spec);
    struct plan_table table = {.indexes = &index, .count = 1, .hint = doc_missing};
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_delivers_a_sort_by_an_index_when_it_can)
{
    static const struct plan_case cases[] = {
        {"{}", "{'_id': -1}", "_id_ < {'_id':['[MaxKey, MinKey]']} sorted"},
        {"{}", "{'c': 1}", "c {'c':['[MinKey, MaxKey]']} sorted"},
        {"{}", "{'a': -1, 'b': 1}",
         "a_b < {'a':['[MaxKey, MinKey]'],'b':['[MinKey, MaxKey]']} sorted"},
        {"{}", "{'a': 1, 'b': 1}", "collection"},
        {"{'a': 1}", "{'b': 1}", "a_b < {'a':['[1, 1]'],'b':['[MinKey, MaxKey]']} sorted"},
        {"{'a': {'$in': [1, 2]}}", "{'b': 1}", "a {'a':['[1, 1]','[2, 2]']}"},
        {"{'a': {'$in': [1, 2]}}", "{'a': -1}", "a < {'a':['[2, 2]','[1, 1]']} sorted"},
        {"{'a': 1}", "{'c': 1}", "a {'a':['[1, 1]']}"},
        {"{'c': 1}", "{'c': 1, 'd': 1}", "c {'c':['[1, 1]']}"},
        {"{'a': 5}", "{'$natural': -1}", "collection < sorted"},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_is_careful_with_arrays)
{
    static const struct plan_case cases[] = {
        {"{'c': {'$gt': 1, '$lt': 5}}", NULL, "c {'c':['(1, inf.0]']}"},
        {"{'c': {'$elemMatch': {'$gt': 1, '$lt': 5}}}", NULL, "c {'c':['(1, 5)']}"},
        {"{'c': {'$all': [1, 2]}}", NULL, "c {'c':['[1, 1]']}"},
        {"{'c': [1, 2]}", NULL, "c {'c':['[1, 1]','[[ 1, 2 ], [ 1, 2 ]]']}"},
        {"{'a': 1, 'b': 2}", NULL, "a_b {'a':['[1, 1]'],'b':['[2, 2]']}"},
        {"{}", "{'c': 1}", "collection"},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, true);
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_gives_each_branch_of_an_or_its_index)
{
    static const struct plan_case cases[] = {
        {"{'$or': [{'a': 1}, {'c': 2}]}", NULL, "a {'a':['[1, 1]']} | c {'c':['[2, 2]']}"},
        {"{'a': 1, '$or': [{'b': 1}, {'b': 2}]}", NULL,
         "a_b {'a':['[1, 1]'],'b':['[1, 1]']} | a_b {'a':['[1, 1]'],'b':['[2, 2]']}"},
        {"{'$or': [{'a': 1}, {'d': 2}]}", NULL, "collection"},
        {"{'c': 3, '$or': [{'a': 1}, {'d': 2}]}", NULL, "c {'c':['[3, 3]']}"},
        {"{'$or': [{'a': 1}]}", NULL, "a {'a':['[1, 1]']}"},
        {"{'$or': [{'a': 1}, {'$alwaysFalse': 1}]}", NULL, "a {'a':['[1, 1]']}"},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_uses_sparse_and_partial_indexes_only_when_they_hold_all)
{
    static const struct plan_case cases[] = {
        {"{'s': 1}", NULL, "s {'s':['[1, 1]']}"},
        {"{'s': null}", NULL, "collection"},
        {"{'s': {'$in': [1, null]}}", NULL, "collection"},
        {"{'s': {'$exists': true}}", NULL, "s {'s':['[MinKey, MaxKey]']}"},
        {"{}", "{'s': 1}", "collection"},
        {"{'p': 1}", NULL, "collection"},
        {"{'p': 1, 'q': {'$gt': 5}}", NULL, "p {'p':['[1, 1]']}"},
        {"{'p': 1, 'q': {'$gte': 5}}", NULL, "collection"},
        {"{'p': 1, 'q': 6}", NULL, "p {'p':['[1, 1]']}"},
        {"{'p': 1, 'q': {'$in': [6, 4]}}", NULL, "collection"},
        {"{'p': 1, '$or': [{'q': 6}, {'q': 7}]}", NULL, "p {'p':['[1, 1]']} | p {'p':['[1, 1]']}"},
    };
    struct arena arena;
    arena_init(&arena);
    struct query_plan_index indexes[] = {
        {.name = SLICE("s"), .key = json_doc(&arena, "{'s': 1}"), .sparse = true},
        {.name = SLICE("p"),
         .key = json_doc(&arena, "{'p': 1}"),
         .partial = json_doc(&arena, "{'q': {'$gt': 5}}")},
    };
    struct plan_table table = {.indexes = indexes, .count = 2, .hint = doc_missing};
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_obeys_hints)
{
    static const struct {
        const char *hint;
        int code;
        const char *want;
    } hints[] = {
        {"{'h': 'a'}", 0, "a {'a':['[MinKey, MaxKey]']}"},
        {"{'h': {'a': 1.0}}", 0, "a {'a':['[MinKey, MaxKey]']}"},
        {"{'h': {'$natural': -1}}", 0, "collection <"},
        {"{'h': {}}", 0, "c {'c':['[1, 1]']}"},
        {"{'h': 'nope'}", -LT_EBADVALUE, NULL},
        {"{'h': {'a': 0}}", -LT_EBADVALUE, NULL},
        {"{'h': {'$natural': 2}}", -LT_EBADVALUE, NULL},
        {"{'h': 5}", -LT_EFAILEDTOPARSE, NULL},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        struct plan_case one = {"{'c': 1}", NULL, hints[i].want};
        const char *got = NULL;
        table.hint = doc_get_str(json_doc(&arena, hints[i].hint), "h");
        assert_int_equal(plan_text(&arena, &table, &one, &got), hints[i].code);
        if (hints[i].code == 0) {
            assert_string_equal(got, hints[i].want);
        }
    }
    arena_close(&arena);
}

TEST(plan_reads_a_hinted_index_between_min_and_max)
{
    static const struct {
        const char *request; /* hint, min, max */
        const char *sort;
        int code;
        const char *want;
    } cases[] = {
        {"{'h': 'c', 'min': {'c': 1}}", NULL, 0,
         "c {'startKey':{'c':1},'endKey':{'c':{'$maxKey':1}}}"},
        {"{'h': {'c': 1}, 'max': {'c': 1}}", "{'c': -1}", 0,
         "c < {'startKey':{'c':{'$minKey':1}},'endKey':{'c':1}} sorted"},
        {"{'h': 'a_b', 'min': {'a': 1, 'b': 9}, 'max': {'a': 1, 'b': 3}}", "{'c': 1}", 0,
         "a_b {'startKey':{'a':1,'b':9},'endKey':{'a':1,'b':3}}"},
        {"{'h': 'a_b', 'max': {'a': 1, 'b': 3}}", NULL, 0,
         "a_b {'startKey':{'a':{'$minKey':1},'b':{'$maxKey':1}},'endKey':{'a':1,'b':3}}"},
        {"{'min': {'c': 1}}", NULL, -51173, NULL},
        {"{'h': {'$natural': 1}, 'min': {'c': 1}}", NULL, -51173, NULL},
        {"{'h': 'c', 'min': {'d': 1}}", NULL, -51174, NULL},
        {"{'h': 'a_b', 'min': {'a': 1}}", NULL, -51174, NULL},
        {"{'h': 'a_b', 'max': {'b': 1, 'a': 1}}", NULL, -51174, NULL},
        {"{'h': 'c', 'max': {'c': 1, 'd': 1}}", NULL, -51174, NULL},
        {"{'h': 'c', 'min': {'c': 2}, 'max': {'c': 2}}", NULL, -51175, NULL},
        {"{'h': 'a_b', 'min': {'a': 1, 'b': 3}, 'max': {'a': 1, 'b': 9}}", NULL, -51175, NULL},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_case one = {"{'d': 1}", cases[i].sort, NULL};
        struct slice request = json_doc(&arena, cases[i].request);
        struct doc_value min = doc_get_str(request, "min");
        struct doc_value max = doc_get_str(request, "max");
        const char *got = NULL;
        table.hint = doc_get_str(request, "h");
        table.min = doc_value_exists(min) ? doc_value_get_doc(min) : (struct slice){0};
        table.max = doc_value_exists(max) ? doc_value_get_doc(max) : (struct slice){0};
        assert_int_equal(plan_text(&arena, &table, &one, &got), cases[i].code);
        if (cases[i].code == 0) {
            assert_string_equal(got, cases[i].want);
        }
    }
    arena_close(&arena);
}

TEST(plan_remembers_what_else_would_have_done)
{
    static const struct plan_case cases[] = {
        {"{'c': 1}", NULL, "c {'c':['[1, 1]']}"},
        {"{'_id': 5, 'a': 1}", NULL, "_id_ {'_id':['[5, 5]']}"},
        {"{'a': 1, 'b': 2}", NULL, "a_b {'a':['[1, 1]'],'b':['[2, 2]']} not a {'a':['[1, 1]']}"},
        {"{'a': {'$gt': 1}, 'c': 2}", "{'a': 1}",
         "c {'c':['[2, 2]']} not a {'a':['(1, inf.0]']} sorted "
         "not a_b {'a':['(1, inf.0]'],'b':['[MaxKey, MinKey]']} sorted"},
        {"{'c': {'$gt': 1}, '$or': [{'a': 1}, {'_id': 3}]}", NULL,
         "a {'a':['[1, 1]']} | _id_ {'_id':['[3, 3]']} not c {'c':['(1, inf.0]']}"},
        {"{'c': 1, '$or': [{'a': {'$lt': 1}}, {'a': 3}]}", NULL, "c {'c':['[1, 1]']}"},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    table.rejected = true;
    PLAN_CASES(&table, cases);
    arena_close(&arena);
}

TEST(plan_bounds_the_ranges_of_combined_points)
{
    struct arena arena;
    arena_init(&arena);
    struct buf text;
    struct err err = {0};
    struct query_context context = {.arena = &arena};
    struct query_match *match = NULL;
    struct query_plan plan;
    struct plan_table table = plan_usual(&arena, false);
    buf_init(&text, &arena);
    for (int field = 0; field < 2; field++) {
        buf_format(&text, "%s'%c': {'$in': [0", field > 0 ? "]}, " : "{", 'a' + field);
        for (int i = 1; i < 100; i++) {
            buf_format(&text, ", %d", i);
        }
    }
    buf_format(&text, "]}}%c", 0);
    assert_int_equal(
        query_match_parse(&context, json_doc(&arena, (const char *)text.data), &match, &err), 0);
    struct query_plan_request request = {
        .match = match, .indexes = table.indexes, .indexes_count = table.count};
    assert_int_equal(query_plan_make(&context, &request, &plan, &err), 0);
    assert_int_equal(plan.branches[0].index, 2);
    assert_int_equal(plan.branches[0].ranges_count, 100);
    arena_close(&arena);
}

TEST(plan_takes_a_geospatial_index_for_what_it_can_tell_only)
{
    static const struct {
        const char *filter;
        int32_t index; /* -1: the collection, or the error's negative code */
        bool near;
    } cases[] = {
        {"{'s': {'$geoWithin': {'$centerSphere': [[1, 1], 0.1]}}}", 0, false},
        {"{'s': {'$geoWithin': {'$box': [[1, 1], [2, 2]]}}}", -1, false},
        {"{'s': {'$exists': true}}", -1, false},
        {"{'s': null, 'a': 1}", -1, false},
        {"{'p': {'$geoWithin': {'$box': [[1, 1], [2, 2]]}}}", 1, false},
        {"{'p': {'$geoWithin': {'$centerSphere': [[1, 1], 0.1]}}}", 1, false},
        {"{'p': {'$geoIntersects': {'$geometry': [1, 1]}}}", -1, false},
        {"{'a': 1, 'c': {'$geoIntersects': {'$geometry': [1, 1]}}}", 2, false},
        {"{'s': {'$near': {'$geometry': {'type': 'Point', 'coordinates': [1, 1]}}}}", 0, true},
        {"{'s': {'$nearSphere': [1, 1]}}", 0, true},
        {"{'s': {'$near': [1, 1]}}", -291, false},
        {"{'p': {'$near': [1, 1]}}", 1, true},
        {"{'p': {'$nearSphere': [1, 1]}, '_id': 5}", 1, true},
        {"{'p': {'$near': {'$geometry': {'type': 'Point', 'coordinates': [1, 1]}}}}", -291, false},
        {"{'c': {'$nearSphere': [1, 1]}}", -291, false},
        {"{'c': {'$nearSphere': [1, 1]}, 'a': {'$gt': 1}}", 2, true},
    };
    struct arena arena;
    arena_init(&arena);
    struct query_plan_index indexes[4] = {
        {.name = SLICE("s"), .key = json_doc(&arena, "{'s': '2dsphere'}"), .multikey = true},
        {.name = SLICE("p"), .key = json_doc(&arena, "{'p': '2d', 'a': 1}")},
        {.name = SLICE("c"), .key = json_doc(&arena, "{'a': 1, 'c': '2dsphere'}")},
        {.name = SLICE("_id_"), .key = json_doc(&arena, "{'_id': 1}"), .is_id = true},
    };
    indexes[0].geo = (struct geo_index){GEO_INDEX_SPHERE, -180, 180, 26};
    indexes[1].geo = (struct geo_index){GEO_INDEX_PLANE, -180, 180, 26};
    indexes[2].geo = indexes[0].geo;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct query_context context = {.arena = &arena};
        struct query_match *match = NULL;
        struct query_plan plan = {.near = NULL};
        struct slice filter = json_doc(&arena, cases[i].filter);
        assert_int_equal(query_match_parse_near(&context, filter, &match, NULL), 0);
        struct query_plan_request request = {
            .match = match, .indexes = indexes, .indexes_count = 4};
        int code = query_plan_make(&context, &request, &plan, NULL);
        int32_t index = code < 0 ? code : plan.branches[0].index;
        if (index != cases[i].index || (code == 0 && (plan.near != NULL) != cases[i].near)) {
            fail_msg("%s: %d", cases[i].filter, index);
        }
    }
    arena_close(&arena);
}

/* ---- collations ---- */

static const struct doc_collation *plan_collation(struct arena *arena, const char *spec)
{
    const struct doc_collation *collation = NULL;
    struct err err = {0};
    int code = doc_collation_parse(arena, json_doc(arena, spec), "collation", &collation, &err);
    assert_int_equal(code, 0);
    return collation;
}

/* `format` takes the sort key of "x", which is ICU's matter, once or twice. */
static void plan_case_key(struct arena *arena, const struct plan_table *table, const char *filter,
                          const char *format)
{
    struct buf key;
    struct buf shown;
    const char *got = "error";
    char want[200] = "";
    size_t len = 0;
    buf_init(&key, arena);
    buf_init(&shown, arena);
    doc_collation_sort_key(table->collation, SLICE("x"), &key);
    buf_format(&shown, "CollationKey(0x");
    for (size_t i = 0; i < key.len; i++) {
        buf_format(&shown, "%02x", key.data[i]);
    }
    buf_format(&shown, ")");
    for (const char *at = format; *at != '\0'; at++) {
        bool is_key = at[0] == '%' && at[1] == 's';
        size_t size = is_key ? shown.len : 1;
        assert_true(len + size < sizeof want);
        memcpy(want + len, is_key ? (const char *)shown.data : at, size);
        len += size;
        at += is_key;
    }
    const struct plan_case one = {filter, NULL, want};
    plan_text(arena, table, &one, &got);
    assert_string_equal(got, want);
}

TEST(plan_looks_for_strings_only_where_they_compare_as_in_the_query)
{
    static const struct plan_case same[] = {
        {"{'c': {'$regex': '^x'}}", NULL, "collection"},
        {"{'a': 'x'}", NULL, "collection"},
        {"{'a': 1}", NULL, "a {'a':['[1, 1]']}"},
        {"{'a': {'$in': [1, 'x']}}", NULL, "collection"},
        {"{'a': {'$gt': {'x': 1}}}", NULL, "collection"},
        {"{'_id': 'x'}", NULL, "collection"},
        {"{'_id': 5}", NULL, "_id_ {'_id':['[5, 5]']}"},
        {"{}", "{'c': 1}", "c {'c':['[MinKey, MaxKey]']} sorted"},
        {"{}", "{'a': 1}", "collection"},
        {"{'a': {'$gt': 1}}", "{'a': 1}", "a {'a':['(1, inf.0]']} sorted"},
    };
    static const struct plan_case other[] = {
        {"{'c': 'x'}", NULL, "collection"},
        {"{'c': 1}", NULL, "c {'c':['[1, 1]']}"},
        {"{'a': 'x'}", NULL, "a {'a':['[\\'x\\', \\'x\\']']}"},
        {"{}", "{'c': 1}", "collection"},
        {"{'c': null}", "{'c': 1}", "c {'c':['[null, null]']} sorted"},
    };
    struct arena arena;
    arena_init(&arena);
    struct plan_table table = plan_usual(&arena, false);
    struct query_plan_index *indexes = arena_zero(&arena, 4, sizeof *indexes);
    memcpy(indexes, table.indexes, 4 * sizeof *indexes);
    indexes[3].collation = plan_collation(&arena, "{'locale': 'en', 'strength': 1}");
    table.indexes = indexes;
    PLAN_CASES(&table, other);
    table.collation = plan_collation(&arena, "{'locale': 'en', 'strength': 1}");
    PLAN_CASES(&table, same);
    plan_case_key(&arena, &table, "{'c': 'x'}", "c {'c':['[%s, %s]']}");
    plan_case_key(&arena, &table, "{'c': {'$gt': 'x'}}", "c {'c':['(%s, {})']}");
    arena_close(&arena);
}
