/* command/near_test.c - a geospatial index gives what a full scan would, and the nearest first.
 *
 * Places are clustered, some at a pole or on the 180th meridian, so that rings are empty, full and
 * cut in turn. A failure prints the filter and the document. */
#include "command/near.h"

#include <stdio.h>

#include "base/mem.h"
#include "command/read.h"
#include "command/server.h"
#include "doc/view.h"
#include "lib/miss_kv.h"
#include "lib/random_doc.h"
#include "lib/store_kit.h"

enum { NEAR_DOCS = 150, NEAR_ROUNDS = 24, NEAR_FILTERS = 40, NEAR_TEXT = 1 << 16 };

static const char *const near_specs[] = {
    "{'v': 2, 'key': {'loc': '2dsphere'}, 'name': 'i1'}",
    "{'v': 2, 'key': {'cat': 1, 'loc': '2dsphere'}, 'name': 'i2'}",
    "{'v': 2, 'key': {'loc': '2dsphere', 'cat': -1}, 'name': 'i3'}",
    "{'v': 2, 'key': {'loc': '2d'}, 'name': 'i4'}",
    "{'v': 2, 'key': {'loc': '2d', 'cat': 1}, 'name': 'i5', 'bits': 10}",
    "{'v': 2, 'key': {'loc': '2dsphere'}, 'name': 'i6', 'partialFilterExpression': {'cat': 1}}",
};

struct near_round {
    struct store_kit kit;
    struct miss_kv miss;
    struct store_view view;
    struct slice docs[NEAR_DOCS];
    struct random_doc random;
    bool plane;
    char text[NEAR_TEXT];
    size_t len;
};

struct near_run {
    struct arena arena;
    struct query_context context;
    struct command_read read;
    uint32_t given[NEAR_DOCS];
};

__attribute__((format(printf, 2, 3))) static void put(struct near_round *round, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(round->text + round->len, NEAR_TEXT - round->len, format, args);
    va_end(args);
    round->len += (size_t)len;
    assert_true(round->len < NEAR_TEXT);
}

static uint32_t below(struct near_round *round, uint32_t bound)
{
    return random_doc_below(&round->random, bound);
}

static double between(struct near_round *round, double low, double high)
{
    return low + (high - low) * below(round, 1 << 24) / (1 << 24);
}

/* Near one of a few places, closely or not. */
static void put_pair(struct near_round *round, uint32_t cluster)
{
    static const double centers[][2] = {{10, 50}, {179.99, 0}, {-60, 89.9}, {45, 35.26}, {0, -90}};
    static const double sizes[] = {0.00001, 0.01, 1, 30};
    double size = sizes[below(round, 4)];
    double x = centers[cluster][0] + between(round, -size, size);
    double y = centers[cluster][1] + between(round, -size, size);
    x = x > 180 ? x - 360 : x < -180 ? x + 360 : x;
    put(round, "[%.17g, %.17g]", x, y > 90 ? 90 : y < -90 ? -90 : y);
}

static void put_loop(struct near_round *round, uint32_t cluster, double size)
{
    double x = cluster == 0 ? 10 : 179;
    double y = between(round, -60, 45);
    put(round, "[[[%g, %g], ", x, y);
    put(round, "[%g, %g], ", x + size > 180 ? x + size - 360 : x + size, y + size / 3);
    put(round, "[%g, %g], [%g, %g]]]", x - size / 2, y + size, x, y);
}

static void put_geometry(struct near_round *round)
{
    uint32_t cluster = below(round, 5);
    switch (round->plane ? 0 : below(round, 6)) {
    case 0:
        put_pair(round, cluster);
        return;
    case 1:
        put(round, "{'type': 'LineString', 'coordinates': [");
        put_pair(round, cluster);
        put(round, ", ");
        put_pair(round, cluster);
        put(round, "]}");
        return;
    case 2:
        put(round, "{'type': 'Polygon', 'coordinates': ");
        put_loop(round, cluster % 2, between(round, 0.01, 20));
        put(round, "}");
        return;
    default:
        put(round, "{'type': 'Point', 'coordinates': ");
        put_pair(round, cluster);
        put(round, "}");
        return;
    }
}

/* One in ten has no place. */
static void round_insert(struct near_round *round, uint32_t id)
{
    do {
        round->len = 0;
        put(round, "{'_id': %u, 'cat': %u", id, below(round, 3));
        if (below(round, 10) > 0) {
            put(round, ", 'loc': ");
            put_geometry(round);
        }
        put(round, "}");
        round->docs[id] = json_doc(&round->kit.arena, round->text);
    } while (store_kit_insert(&round->kit, round->docs[id]) < 0);
}

static void round_open(struct near_round *round, uint64_t seed)
{
    const char *spec = near_specs[seed % (sizeof near_specs / sizeof *near_specs)];
    round->random = (struct random_doc){seed};
    round->plane = strstr(spec, "'2d'") != NULL;
    store_kit_open(&round->kit, &command_filter_ops, &spec, 1);
    for (uint32_t i = 0; i < NEAR_DOCS; i++) {
        round_insert(round, i);
    }
    miss_kv_init(&round->miss, round->kit.kv, &round->random, 3);
    store_view_init(&round->view, &round->miss.kv, NULL);
    store_kit_apply(&round->kit);
}

static void round_close(struct near_round *round)
{
    store_view_close(&round->view);
    store_kit_close(&round->kit);
}

/* ---- filters ---- */

static void put_region(struct near_round *round)
{
    uint32_t cluster = below(round, 5);
    uint32_t which = round->plane ? 2 + below(round, 3) : below(round, 3);
    if (which < 2) {
        put(round, "'loc': {'%s': {'$geometry': {'type': 'Polygon', 'coordinates': ",
            which == 0 ? "$geoWithin" : "$geoIntersects");
        put_loop(round, cluster % 2, between(round, 0.1, 40));
        put(round, "}}}");
    } else {
        static const char *const shapes[] = {"$centerSphere", "$center", "$box"};
        put(round, "'loc': {'$geoWithin': {'%s': [", shapes[which - 2]);
        put_pair(round, cluster);
        put(round, ", ");
        if (which == 4) {
            put_pair(round, below(round, 5));
        } else {
            put(round, "%g", between(round, 0, which == 2 ? 0.5 : 30));
        }
        put(round, "]}}");
    }
}

static void put_near(struct near_round *round)
{
    bool meters = !round->plane && below(round, 2) == 0;
    bool plain = round->plane && below(round, 2) == 0;
    double all = meters ? 2e7 : plain ? 400 : 3.2;
    put(round, "'loc': {'%s': %s", plain ? "$near" : "$nearSphere",
        meters ? "{'$geometry': {'type': 'Point', 'coordinates': " : "");
    put_pair(round, below(round, 5));
    put(round, "%s", meters ? "}" : "");
    if (below(round, 2) == 0) {
        put(round, ", '$maxDistance': %g", all * between(round, 0, 0.5));
    }
    if (below(round, 3) == 0) {
        put(round, ", '$minDistance': %g", all * between(round, 0, 0.2));
    }
    put(round, meters ? "}}" : "}");
}

static void put_filter(struct near_round *round, bool near)
{
    round->len = 0;
    put(round, "{");
    if (near) {
        put_near(round);
    } else {
        put_region(round);
    }
    if (below(round, 2) == 0) {
        put(round, ", 'cat': %s", below(round, 2) ? "1" : "{'$gte': 1}");
    }
    put(round, "}");
}

/* ---- reading ---- */

static void run_fail(const struct near_round *round, struct near_run *run, struct slice doc)
{
    fail_msg("filter %s: %s", round->text, json_text(&run->arena, doc));
}

static void run_collect(const struct near_round *round, struct near_run *run)
{
    struct err err = {0};
    struct slice doc;
    double last = -1;
    int code;
    command_read_slice(&run->read, NULL, &err);
    while ((code = command_read_next(&run->read, &doc)) != 0) {
        if (code < 0) {
            assert_true(code == -LT_EAGAIN || code == -LT_EYIELD);
            command_read_pause(&run->read);
            command_read_slice(&run->read, NULL, &err);
            run->read.budget = 7;
            continue;
        }
        run->given[doc_value_get_i32(doc_get_str(doc, "_id"))]++;
        struct query_near_hit hit;
        if (run->read.plan.near != NULL) {
            assert_true(query_near_doc(run->read.plan.near->query, doc, &hit));
            if (hit.distance < last) {
                run_fail(round, run, doc);
            }
            last = hit.distance;
        }
    }
}

static bool run_wants(const struct near_run *run, struct query_eval *eval, struct slice doc)
{
    const struct query_plan_near *near = run->read.plan.near;
    struct query_near_hit hit;
    bool wanted = query_match_doc(run->read.match, eval, doc, NULL, NULL) == 1;
    if (wanted && near != NULL) {
        wanted = query_near_doc(near->query, doc, &hit) && hit.distance >= near->query->at.min &&
                 hit.distance <= near->query->at.max;
    }
    return wanted;
}

/* How many documents were found; 0, too, when there is no index for it. */
static uint32_t round_read(struct near_round *round, bool near)
{
    struct near_run run = {.context = {0}};
    struct err err = {0};
    struct query_eval eval;
    uint32_t found = 0;
    arena_init(&run.arena);
    run.context.arena = &run.arena;
    put_filter(round, near);
    struct command_read_spec spec = {.collection = store_kit_collection(&round->kit),
                                     .filter = json_doc(&run.arena, round->text)};
    int code = command_read_open(&run.read, &run.context, &round->view, &spec, &err);
    if (code == 0) {
        command_read_begin(&run.read, &run.context);
        query_eval_init(&eval, &run.context, &run.arena);
        run_collect(round, &run);
        for (uint32_t i = 0; i < NEAR_DOCS; i++) {
            bool wanted = run_wants(&run, &eval, round->docs[i]);
            if (run.given[i] != wanted) {
                print_error("given %u times, wanted %d\n", run.given[i], wanted);
                run_fail(round, &run, round->docs[i]);
            }
            found += wanted;
        }
    } else {
        assert_int_equal(code, -LT_ENOQUERYEXECUTIONPLANS);
    }
    command_read_close(&run.read);
    arena_close(&run.arena);
    return found;
}

TEST(near_gives_all_that_is_near_nearest_first_and_regions_what_a_full_scan_gives)
{
    struct near_round *round = mem_zero(1, sizeof *round);
    uint32_t found[2] = {0, 0};
    for (uint64_t seed = 1; seed <= NEAR_ROUNDS; seed++) {
        round_open(round, seed);
        for (uint32_t i = 0; i < NEAR_FILTERS; i++) {
            found[i % 2] += round_read(round, i % 2);
        }
        round_close(round);
    }
    assert_true(found[0] > NEAR_ROUNDS * NEAR_FILTERS && found[1] > NEAR_ROUNDS * NEAR_FILTERS);
    mem_free(round);
}
