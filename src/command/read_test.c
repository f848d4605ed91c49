/* command/read_test.c - whatever the planner chooses, a read gives what a full scan would.
 *
 * Random documents, indexes, filters and sorts from small vocabularies, so that they meet often. A
 * failure prints the seed's round, the filter and the document. */
#include "command/read.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "command/server.h"
#include "doc/key.h"
#include "doc/view.h"
#include "lib/miss_kv.h"
#include "lib/random_doc.h"
#include "lib/store_kit.h"

enum { READ_DOCS = 40, READ_FILTERS = 60, READ_ROUNDS = 90, READ_TEXT = 4096 };

static const char *const read_scalars[] = {
    "null",
    "0",
    "1",
    "2",
    "3",
    "1.5",
    "'x'",
    "'xa'",
    "'xb'",
    "'y'",
    "'X'",
    "'Xa'",
    "true",
    "{'x': 1}",
    "{'x': 1, 'y': 2}",
    "{'0': 1}",
    "{'$minKey': 1}",
    "{'$maxKey': 1}",
    "{'$numberDouble': 'NaN'}",
    "{'$numberDecimal': '1'}",
    "{'$date': 5}",
    "{'$regularExpression': {'pattern': '^x', 'options': ''}}",
};

static const char *const read_specs[] = {
    "{'v': 2, 'key': {'a': 1}, 'name': 'i1'}",
    "{'v': 2, 'key': {'a': -1}, 'name': 'i2'}",
    "{'v': 2, 'key': {'b': 1}, 'name': 'i3'}",
    "{'v': 2, 'key': {'a': 1, 'b': 1}, 'name': 'i4'}",
    "{'v': 2, 'key': {'a': -1, 'b': 1, 'c': 1}, 'name': 'i5'}",
    "{'v': 2, 'key': {'b': 1, 'c': -1, 'a': 1}, 'name': 'i6'}",
    "{'v': 2, 'key': {'a.x': 1}, 'name': 'i7'}",
    "{'v': 2, 'key': {'a.x': 1, 'a.y': -1}, 'name': 'i8'}",
    "{'v': 2, 'key': {'a': 1, 'a.x': 1, 'b': 1}, 'name': 'i9'}",
    "{'v': 2, 'key': {'a.0': 1}, 'name': 'i10'}",
    "{'v': 2, 'key': {'a.0.x': -1, 'b': 1}, 'name': 'i11'}",
    "{'v': 2, 'key': {'c': 1}, 'name': 'i12', 'sparse': true}",
    "{'v': 2, 'key': {'c': 1, 'a': 1}, 'name': 'i13', 'sparse': true}",
    "{'v': 2, 'key': {'a.y': 1}, 'name': 'i14', 'sparse': true}",
    "{'v': 2, 'key': {'a': 1}, 'name': 'i15', 'partialFilterExpression': {'b': {'$gt': 1}}}",
    "{'v': 2, 'key': {'b': 1}, 'name': 'i16', 'partialFilterExpression': {'c': {'$exists': "
    "true}}}",
    "{'v': 2, 'key': {'c': 1}, 'name': 'i17', 'partialFilterExpression': {'c': {'$lte': 2}, 'a': "
    "1}}",
    "{'v': 2, 'key': {'c': 1}, 'name': 'i18', 'partialFilterExpression': {'c': {'$in': [1, 'x', "
    "null]}}}",
    "{'v': 2, 'key': {'b': -1, 'c': 1}, 'name': 'i19', 'unique': true}",
    "{'v': 2, 'key': {'a': 1, 'b': -1}, 'name': 'i20', 'collation': {'locale': 'en', 'strength': "
    "2}}",
    "{'v': 2, 'key': {'b': -1}, 'name': 'i21', 'collation': {'locale': 'en', 'strength': 2}}",
    "{'v': 2, 'key': {'c': 1}, 'name': 'i22', 'collation': {'locale': 'en', 'strength': 2}, "
    "'partialFilterExpression': {'c': {'$gte': 'x'}}}",
    "{'v': 2, 'key': {'a.x': 1, 'c': 1}, 'name': 'i23', 'collation': {'locale': 'en', 'strength': "
    "2}, 'sparse': true}",
    "{'v': 2, 'key': {'a': 1}, 'name': 'i24', 'collation': {'locale': 'en', 'strength': 3}}",
    "{'v': 2, 'key': {'c': 1, 'a': 1}, 'name': 'i25', 'collation': {'locale': 'en', 'strength': "
    "2}, 'unique': true}",
    "{'v': 2, 'key': {'a': 'hashed'}, 'name': 'i26'}",
    "{'v': 2, 'key': {'b': 1, 'a.x': 'hashed', 'c': -1}, 'name': 'i27'}",
    "{'v': 2, 'key': {'c': 'hashed'}, 'name': 'i28', 'sparse': true}",
    "{'v': 2, 'key': {'$**': 1}, 'name': 'i29'}",
    "{'v': 2, 'key': {'a.$**': -1}, 'name': 'i30'}",
    "{'v': 2, 'key': {'$**': 1}, 'name': 'i31', 'wildcardProjection': {'a.x': 1, 'b': 1}}",
    "{'v': 2, 'key': {'$**': 1}, 'name': 'i32', 'wildcardProjection': {'a.x': 0, 'c': 0}}",
    "{'v': 2, 'key': {'c': -1, '$**': 1, 'b': 1}, 'name': 'i33', 'wildcardProjection': {'a': 1}}",
    "{'v': 2, 'key': {'b': 1, 'a.$**': 1}, 'name': 'i34', 'partialFilterExpression': {'c': 1}}",
};

enum { READ_SPECS = sizeof read_specs / sizeof *read_specs };

struct read_text {
    struct random_doc *random;
    char bytes[READ_TEXT];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct read_text *text, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->bytes + text->len, READ_TEXT - text->len, format, args);
    va_end(args);
    text->len += (size_t)len;
    assert_true(text->len < READ_TEXT);
}

static uint32_t below(struct read_text *text, uint32_t bound)
{
    return random_doc_below(text->random, bound);
}

static const char *put_scalar_text(struct read_text *text)
{
    uint32_t common = below(text, 3) > 0 ? 12 : sizeof read_scalars / sizeof *read_scalars;
    return read_scalars[below(text, common)];
}

static void put_value(struct read_text *text, bool arrays)
{
    switch (arrays ? below(text, 9) : below(text, 5)) {
    case 5:
        put(text, "[]");
        return;
    case 6:
        put(text, "[%s, %s]", put_scalar_text(text), put_scalar_text(text));
        return;
    case 7:
        put(text, "[[%s], %s]", put_scalar_text(text), put_scalar_text(text));
        return;
    case 8:
        put(text, "[{'x': %s, 'y': %s}, ", put_scalar_text(text), put_scalar_text(text));
        put(text, "{'x': %s, '0': {'x': %s}}]", put_scalar_text(text), put_scalar_text(text));
        return;
    case 4:
        put(text, "{'x': %s, 'y': %s}", put_scalar_text(text), put_scalar_text(text));
        return;
    default:
        put(text, "%s", put_scalar_text(text));
        return;
    }
}

static void put_doc(struct read_text *text, uint32_t id, bool arrays)
{
    put(text, "{'_id': %u", id);
    for (char field = 'a'; field <= 'c'; field++) {
        if (below(text, 5) > 0) {
            put(text, ", '%c': ", field);
            put_value(text, arrays && below(text, 2) == 0);
        }
    }
    put(text, "}");
}

static void put_in(struct read_text *text, const char *name)
{
    put(text, "{'%s': [", name);
    for (uint32_t i = 0, count = 1 + below(text, 3); i < count; i++) {
        put(text, "%s", i > 0 ? ", " : "");
        put_value(text, below(text, 4) == 0);
    }
    put(text, "]}");
}

/* What an inequality may compare with. */
static void put_bound(struct read_text *text)
{
    static const char *const bounds[] = {"null",
                                         "0",
                                         "1",
                                         "2",
                                         "'x'",
                                         "'xb'",
                                         "{'x': 1}",
                                         "1.5",
                                         "[1]",
                                         "{'$minKey': 1}",
                                         "{'$maxKey': 1}",
                                         "true",
                                         "{'$numberDouble': 'NaN'}"};
    uint32_t common = below(text, 4) > 0 ? 6 : sizeof bounds / sizeof *bounds;
    put(text, "%s", bounds[below(text, common)]);
}

static void put_range(struct read_text *text)
{
    static const char *const ops[] = {"$gt", "$gte", "$lt", "$lte"};
    put(text, "{'%s': ", ops[below(text, 4)]);
    put_bound(text);
    if (below(text, 2) > 0) {
        put(text, ", '%s': ", ops[below(text, 4)]);
        put_bound(text);
    }
    put(text, "}");
}

static void put_condition(struct read_text *text)
{
    switch (below(text, 16)) {
    case 0:
    case 1:
    case 2:
        put_value(text, below(text, 3) == 0);
        return;
    case 3:
    case 4:
    case 5:
        put_range(text);
        return;
    case 6:
    case 7:
        put_in(text, "$in");
        return;
    case 8:
        put(text, "{'$exists': %s}", below(text, 3) > 0 ? "true" : "false");
        return;
    case 9:
        put(text, "%s", below(text, 2) > 0 ? "{'$mod': [2, 1]}" : "{'$size': 2}");
        return;
    case 10:
        put(text, "{'$regex': '%s'}", below(text, 2) > 0 ? "^x" : "^xa?$");
        return;
    case 11:
        put(text, "{'$elemMatch': ");
        put_range(text);
        put(text, "}");
        return;
    case 12:
        put(text, "{'$elemMatch': {'x': ");
        put_condition(text);
        put(text, ", 'y': ");
        put_condition(text);
        put(text, "}}");
        return;
    case 13:
        put_in(text, "$all");
        return;
    case 14:
        put(text, "{'$not': ");
        put_range(text);
        put(text, "}");
        return;
    default:
        put_in(text, "$nin");
        return;
    }
}

static void put_filter(struct read_text *text, uint32_t depth)
{
    static const char *const paths[] = {"a",   "a",   "b",   "b",     "c",
                                        "a.x", "a.y", "a.0", "a.0.x", "_id"};
    put(text, "{");
    uint32_t fields = 1 + below(text, 3);
    for (uint32_t i = 0; i < fields; i++) {
        put(text, "%s", i > 0 ? ", " : "");
        if (depth > 0 && below(text, 4) == 0) {
            static const char *const trees[] = {"$and", "$or", "$or", "$nor"};
            put(text, "'%s': [", trees[below(text, 4)]);
            put_filter(text, depth - 1);
            put(text, ", ");
            put_filter(text, depth - 1);
            put(text, "]");
        } else {
            put(text, "'%s': ", paths[below(text, 10)]);
            put_condition(text);
        }
    }
    put(text, "}");
}

static void put_sort(struct read_text *text)
{
    static const char *const paths[] = {"a", "b", "c", "a.x", "_id"};
    put(text, "{");
    uint32_t start = below(text, 5);
    for (uint32_t i = 0, count = below(text, 4); i < count; i++) {
        put(text, "%s'%s': %d", i > 0 ? ", " : "", paths[(start + i) % 5],
            below(text, 2) > 0 ? 1 : -1);
    }
    put(text, "}");
}

/* ---- a round ---- */

struct read_round {
    struct store_kit kit;
    struct miss_kv miss;
    struct store_view view; /* over the engine, which misses, and perhaps the overlay */
    struct slice docs[READ_DOCS];
    uint32_t docs_count;
    const char *specs[8];
    uint32_t specs_count;
    struct random_doc random;
};

static void round_open(struct read_round *round, uint64_t seed)
{
    *round = (struct read_round){.random = {seed}};
    round->specs_count = random_doc_below(&round->random, 5);
    for (uint32_t i = 0; i < round->specs_count; i++) {
        round->specs[i] =
            read_specs[(random_doc_below(&round->random, 6) * 5 + i * 7 + seed) % READ_SPECS];
        for (uint32_t j = 0; j < i; j++) {
            if (round->specs[j] == round->specs[i]) {
                round->specs_count = i;
                break;
            }
        }
    }
    store_kit_open(&round->kit, &command_filter_ops, round->specs, round->specs_count);
    bool arrays = random_doc_below(&round->random, 3) > 0;
    for (uint32_t i = 0; i < READ_DOCS; i++) {
        struct read_text text = {.random = &round->random};
        put_doc(&text, i, arrays);
        struct slice doc = json_doc(&round->kit.arena, text.bytes);
        if (store_kit_insert(&round->kit, doc) == 0) {
            round->docs[round->docs_count++] = doc;
        }
    }
    bool pending = random_doc_below(&round->random, 2) == 0;
    miss_kv_init(&round->miss, round->kit.kv, &round->random, 3);
    store_view_init(&round->view, &round->miss.kv, pending ? &round->kit.writer.overlay : NULL);
    if (!pending) {
        store_kit_apply(&round->kit);
    }
}

static void round_close(struct read_round *round)
{
    store_view_close(&round->view);
    store_kit_close(&round->kit);
}

struct read_run {
    struct arena arena;
    struct query_context context;
    struct command_read read;
    uint32_t given[READ_DOCS];
    const char *filter;
    const char *sort;
    uint64_t seed;
};

static void run_fail(const struct read_run *run, const struct read_round *round, const char *what)
{
    for (uint32_t i = 0; i < round->specs_count; i++) {
        print_error("index %s\n", round->specs[i]);
    }
    fail_msg("seed %llu, filter %s, sort %s, index %d: %s", (unsigned long long)run->seed,
             run->filter, run->sort,
             run->read.plan.branches_count > 0 ? run->read.plan.branches[0].index : -2, what);
}

/* Documents come in order when the plan says so. */
static void run_check_order(struct read_run *run, const struct read_round *round,
                            const struct query_sort *sort, struct slice doc, struct buf *last)
{
    struct buf key;
    buf_init(&key, &run->arena);
    if (query_sort_key(sort, &run->read.eval, doc, &key, NULL) < 0) {
        return;
    }
    if (last->data != NULL && slice_compare(buf_slice(&key), buf_slice(last)) < 0) {
        run_fail(run, round, json_text(&run->arena, doc));
    }
    *last = key;
}

static void run_collect(struct read_run *run, const struct read_round *round,
                        const struct query_sort *sort)
{
    struct err err = {0};
    struct slice doc;
    struct buf last = {0};
    command_read_slice(&run->read, NULL, &err);
    for (;;) {
        int code = command_read_next(&run->read, &doc);
        if (code == 0) {
            return;
        }
        if (code == -LT_EAGAIN) { /* what is missing has been fetched meanwhile */
            command_read_pause(&run->read);
            continue;
        }
        if (code == -LT_EYIELD) {
            command_read_pause(&run->read);
            command_read_slice(&run->read, NULL, &err);
            run->read.budget = 7;
            continue;
        }
        assert_int_equal(code, 1);
        run->given[doc_value_get_i32(doc_get_str(doc, "_id"))]++;
        if (sort != NULL && run->read.plan.sorted) {
            run_check_order(run, round, sort, doc, &last);
        }
    }
}

static void run_check_set(struct read_run *run, const struct read_round *round)
{
    struct query_eval eval;
    query_eval_init(&eval, &run->context, &run->arena);
    for (uint32_t i = 0; i < round->docs_count; i++) {
        uint32_t id = (uint32_t)doc_value_get_i32(doc_get_str(round->docs[i], "_id"));
        int want = query_match_doc(run->read.match, &eval, round->docs[i], NULL, NULL);
        assert_true(want >= 0);
        if (run->given[id] != (uint32_t)want) {
            print_error("given %u times, wanted %d\n", run->given[id], want);
            run_fail(run, round, json_text(&run->arena, round->docs[i]));
        }
    }
}

/* Every other query compares by a collation, that of some indexes. */
static void run_collate(struct read_run *run, struct read_round *round)
{
    static const char *const collations[] = {"{'locale': 'en', 'strength': 2}",
                                             "{'locale': 'en', 'strength': 3}"};
    struct err err = {0};
    uint32_t which = random_doc_below(&round->random, 4);
    if (which >= 2) {
        int code = doc_collation_parse(&run->arena, json_doc(&run->arena, collations[which - 2]),
                                       "collation", &run->context.collation, &err);
        assert_int_equal(code, 0);
    }
}

static void round_read(struct read_round *round, uint64_t seed)
{
    struct read_text filter = {.random = &round->random};
    struct read_text sort_text = {.random = &round->random};
    struct read_run run = {.seed = seed, .filter = filter.bytes, .sort = sort_text.bytes};
    struct err err = {0};
    arena_init(&run.arena);
    run.context.arena = &run.arena;
    run_collate(&run, round);
    put_filter(&filter, 2);
    put_sort(&sort_text);
    struct command_read_spec spec = {
        .collection = store_kit_collection(&round->kit),
        .filter = json_doc(&run.arena, filter.bytes),
        .sort = json_doc(&run.arena, sort_text.bytes),
    };
    struct query_sort *sort = NULL;
    int code = command_read_open(&run.read, &run.context, &round->view, &spec, &err);
    if (code == 0) {
        if (!doc_is_empty(spec.sort)) {
            assert_int_equal(query_sort_parse(&run.context, spec.sort, &sort, &err), 0);
        }
        command_read_begin(&run.read, &run.context);
        run_collect(&run, round, sort);
        run_check_set(&run, round);
    }
    command_read_close(&run.read);
    arena_close(&run.arena);
}

/* ---- min and max ---- */

/* A bound of the index, or "{}", and its key. */
static struct slice between_bound(struct read_text *text, struct arena *arena, struct slice key,
                                  struct buf *ret_key)
{
    struct slice bound;
    struct doc_iter keys;
    struct doc_iter values;
    struct doc_elem field;
    struct doc_elem value;
    bool none = below(text, 4) == 0;
    text->len = 0;
    put(text, "{");
    doc_iter_init(&keys, key);
    while (!none && doc_iter_next(&keys, &field)) {
        put(text, "%s'%.*s': ", text->len > 1 ? ", " : "", SLICE_FMT(field.name));
        put_value(text, false);
    }
    put(text, "}");
    bound = json_doc(arena, text->bytes);
    buf_init(ret_key, arena);
    doc_iter_init(&keys, key);
    doc_iter_init(&values, bound);
    while (doc_iter_next(&values, &value) && doc_iter_next(&keys, &field)) {
        doc_key_encode(ret_key, value.value, doc_value_to_double(field.value) < 0);
    }
    return bound;
}

static void between_check(struct read_run *run, struct read_round *round, const struct buf *min,
                          const struct buf *max, struct slice key)
{
    struct query_sort *order = NULL;
    struct query_eval eval;
    struct err err = {0};
    assert_int_equal(query_sort_parse(&run->context, key, &order, &err), 0);
    query_eval_init(&eval, &run->context, &run->arena);
    for (uint32_t i = 0; i < round->docs_count; i++) {
        struct buf at;
        buf_init(&at, &run->arena);
        assert_int_equal(query_sort_key(order, &eval, round->docs[i], &at, &err), 0);
        bool want = query_match_doc(run->read.match, &eval, round->docs[i], NULL, NULL) == 1 &&
                    (min->len == 0 || slice_compare(buf_slice(&at), buf_slice(min)) >= 0) &&
                    (max->len == 0 || slice_compare(buf_slice(&at), buf_slice(max)) < 0);
        uint32_t id = (uint32_t)doc_value_get_i32(doc_get_str(round->docs[i], "_id"));
        if (run->given[id] != want) {
            run_fail(run, round, json_text(&run->arena, round->docs[i]));
        }
    }
}

/* The index between two bounds gives what lies between them. 1: it was looked at. */
static uint32_t between_read(struct read_round *round, const struct store_index *index,
                             uint64_t seed)
{
    struct read_text filter = {.random = &round->random};
    struct read_text sort_text = {.random = &round->random};
    struct read_text bound = {.random = &round->random};
    struct read_run run = {.seed = seed, .filter = filter.bytes, .sort = sort_text.bytes};
    struct err err = {0};
    struct buf min;
    struct buf max;
    arena_init(&run.arena);
    run.context.arena = &run.arena;
    put_filter(&filter, 0);
    put_sort(&sort_text);
    struct command_read_spec spec = {.collection = store_kit_collection(&round->kit),
                                     .filter = json_doc(&run.arena, filter.bytes),
                                     .sort = json_doc(&run.arena, sort_text.bytes),
                                     .hint = doc_value_object(index->key)};
    spec.min = between_bound(&bound, &run.arena, index->key, &min);
    spec.max = between_bound(&bound, &run.arena, index->key, &max);
    bool ordered =
        min.len == 0 || max.len == 0 || slice_compare(buf_slice(&min), buf_slice(&max)) < 0;
    int code = command_read_open(&run.read, &run.context, &round->view, &spec, &err);
    uint32_t looked = 0;
    if (code == 0 && run.read.plan.branches_count == 1 && !run.read.plan.branches[0].point) {
        struct query_sort *sort = NULL;
        if (!doc_is_empty(spec.sort)) {
            assert_int_equal(query_sort_parse(&run.context, spec.sort, &sort, &err), 0);
        }
        assert_true(ordered);
        command_read_begin(&run.read, &run.context);
        run_collect(&run, round, sort);
        between_check(&run, round, &min, &max, index->key);
        looked = 1;
    }
    assert_true(code != -51175 || !ordered);
    assert_true(code != -51173 && code != -51174);
    command_read_close(&run.read);
    arena_close(&run.arena);
    return looked;
}

TEST(read_gives_of_an_index_what_is_between_min_and_max)
{
    struct read_round *round = mem_zero(1, sizeof *round);
    uint32_t looked = 0;
    for (uint64_t seed = 1001; seed <= 1000 + READ_ROUNDS; seed++) {
        round_open(round, seed);
        const struct store_collection *collection = store_kit_collection(&round->kit);
        for (uint32_t i = 0; i < READ_FILTERS; i++) {
            const struct store_index *index = &collection->indexes[i % collection->indexes_count];
            bool plain = !index->hashed && index->wildcard == NULL && index->collation == NULL &&
                         !index->sparse && index->partial.len == 0;
            bool all = plain && !index->multikey;
            looked += all ? between_read(round, index, seed) : 0;
        }
        round_close(round);
    }
    assert_true(looked > READ_ROUNDS);
    mem_free(round);
}

TEST(read_gives_what_a_full_scan_gives_and_in_order)
{
    const char *extra = getenv("READ_TEST_ROUNDS");
    uint64_t rounds = extra != NULL ? strtoull(extra, NULL, 10) : READ_ROUNDS;
    struct read_round *round = mem_zero(1, sizeof *round);
    for (uint64_t seed = 1; seed <= rounds; seed++) {
        round_open(round, seed);
        for (int i = 0; i < READ_FILTERS; i++) {
            round_read(round, seed);
        }
        round_close(round);
    }
    mem_free(round);
}

TEST(a_read_is_cut_short_at_first_and_goes_on_in_whole_slices)
{
    static struct command_server server;
    struct command_read read = {0};
    struct err err;
    atomic_init(&server.first_slice, COMMAND_READ_SLICE_SHORT);
    assert_int_equal(command_read_slice(&read, &server, &err), 0);
    assert_int_equal(read.budget, COMMAND_READ_SLICE_SHORT);
    assert_int_equal(command_read_slice(&read, &server, &err), 0);
    assert_int_equal(read.budget, COMMAND_READ_SLICE);
}
