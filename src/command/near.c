/* command/near.c - ring after ring.
 *
 *   begin a ring ──> scan its ranges, keep what lies in it ──> sort ──> give one after another ─┐
 *         ^                                                                                     │
 *         └────────── the next one begins where this one ends; the last one: the end <──────────┘
 *
 * The first ring is tiny and the next ones grow fast until something is found; then slower, the
 * more they hold. One that holds more than NEAR_BYTES is cut to the nearer half of its documents.
 * Of these only keys are kept: a document is read again when it is given, as it is by then. */
#include "command/near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "command/read.h"
#include "doc/view.h"
#include "store/record.h"

enum { NEAR_BYTES = 16 << 20, NEAR_MUCH = 1 << 20, NEAR_ROOM = 64 };

#define NEAR_FIRST 1e-7 /* of the farthest distance there is */

struct near_entry {
    double away;
    uint64_t number;  /* order of arrival, for what is equally far */
    struct slice key; /* of its record */
};

struct command_near {
    const struct query_plan *plan;
    double inner;
    double outer;    /* of the ring; INFINITY: of the last one */
    double farthest; /* nothing asked for is farther */
    bool begun;
    bool giving;
    struct arena keys;   /* of the ring */
    struct arena ranges; /* of its scan */
    struct near_entry *entries;
    uint64_t count;
    uint64_t room;
    uint64_t next;
};

/* ---- rings ---- */

static const struct geo_near *near_at(const struct command_near *near)
{
    return &near->plan->near->query->at;
}

/* How far can a place of the index be? */
static double near_farthest(const struct command_near *near)
{
    const struct geo_near *at = near_at(near);
    const struct geo_index *index = near->plan->near->index;
    if (at->spherical) {
        return M_PI;
    }
    double x = fmax(fabs(at->point.x - index->min), fabs(at->point.x - index->max));
    double y = fmax(fabs(at->point.y - index->min), fabs(at->point.y - index->max));
    return hypot(x, y);
}

/* From what clients say to radians. */
static double near_internal(const struct command_near *near, double distance)
{
    const struct geo_near *at = near_at(near);
    return at->spherical ? distance / at->unit : distance;
}

struct command_near *command_near_new(const struct query_plan *plan)
{
    struct command_near *near = mem_zero(1, sizeof *near);
    near->plan = plan;
    arena_init(&near->keys);
    arena_init(&near->ranges);
    double all = near_farthest(near);
    double slack = 1e-12 * all; /* the exact bounds are tested on what clients see */
    near->farthest = fmin(all, near_internal(near, near_at(near)->max) + slack);
    near->inner = fmax(0, near_internal(near, near_at(near)->min) - slack);
    near->outer = plan->near->whole ? INFINITY : near->inner + NEAR_FIRST * all;
    return near;
}

void command_near_free(struct command_near *near)
{
    if (near != NULL) {
        arena_close(&near->keys);
        arena_close(&near->ranges);
        mem_free(near->entries);
        mem_free(near);
    }
}

uint64_t command_near_bytes(const struct command_near *near)
{
    return arena_used(&near->keys) + near->room * sizeof *near->entries;
}

static void near_begin(struct command_read *read)
{
    struct command_near *near = read->near;
    arena_reset(&near->keys);
    arena_reset(&near->ranges);
    near->count = 0;
    near->next = 0;
    near->begun = true;
    if (near->outer >= near->farthest) {
        near->outer = INFINITY;
    }
    struct query_plan_branch branch =
        query_plan_ring(&near->ranges, near->plan, near->inner, fmin(near->outer, near->farthest));
    command_read_scan(read, &branch, &near->ranges);
}

/* Where the next ring ends. */
static void near_advance(struct command_near *near)
{
    double reach = near->outer;
    double growth = near->count == 0 ? 8 : arena_used(&near->keys) < NEAR_MUCH ? 2 : 1.4;
    double inner = near->inner;
    near->inner = reach;
    near->outer = near->count == 0 ? inner + (reach - inner) * growth : reach * growth;
    near->outer = fmax(near->outer, reach + NEAR_FIRST * near->farthest);
    near->outer = near->plan->near->whole ? INFINITY : near->outer;
    near->giving = false;
    near->begun = false;
}

/* ---- what is in a ring ---- */

static int near_order(const void *a, const void *b)
{
    const struct near_entry *one = a;
    const struct near_entry *other = b;
    int order = (one->away > other->away) - (one->away < other->away);
    return order != 0 ? order : (one->number > other->number) - (one->number < other->number);
}

/* Let the ring end where half of its documents are nearer, if they are not all as far. */
static void near_cut(struct command_near *near)
{
    uint64_t kept = near->count / 2;
    qsort(near->entries, near->count, sizeof *near->entries, near_order);
    while (kept > 0 && near->entries[kept - 1].away == near->entries[kept].away) {
        kept--;
    }
    if (kept == 0 || near->entries[kept].away <= near->inner) {
        return;
    }
    struct arena smaller;
    arena_init(&smaller);
    for (uint64_t i = 0; i < kept; i++) {
        near->entries[i].key = arena_copy(&smaller, near->entries[i].key);
    }
    arena_close(&near->keys);
    near->keys = smaller;
    near->outer = near->entries[kept].away;
    near->count = kept;
}

static void near_keep(struct command_near *near, double away, struct slice key)
{
    if (near->count == near->room) {
        near->room = near->room == 0 ? NEAR_ROOM : 2 * near->room;
        near->entries = mem_grow(near->entries, near->room * sizeof *near->entries);
    }
    near->entries[near->count++] =
        (struct near_entry){away, near->next++, arena_copy(&near->keys, key)};
    if (command_near_bytes(near) > NEAR_BYTES && near->count > 1) {
        near_cut(near);
    }
}

/* Is the document as far as was asked for? */
static bool near_measure(const struct command_near *near, struct slice doc,
                         struct query_near_hit *ret_hit)
{
    return query_near_doc(near->plan->near->query, doc, ret_hit) &&
           ret_hit->distance >= near_at(near)->min && ret_hit->distance <= near_at(near)->max;
}

/* Keep it when it is in the ring and matches. */
static int near_consider(struct command_read *read, struct slice doc)
{
    struct command_near *near = read->near;
    struct query_near_hit hit;
    if (!near_measure(near, doc, &hit) || hit.away < near->inner || hit.away >= near->outer) {
        return 0;
    }
    int code = query_match_doc(read->match, &read->eval, doc, NULL, read->err);
    if (code > 0) {
        struct doc_value id = doc_get_str(doc, "_id");
        near_keep(near, hit.away, store_record_key(&read->scratch, read->collection, id));
    }
    return code;
}

/* All of a ring: 0; negative. */
static int near_scan(struct command_read *read)
{
    struct store_scan_record record;
    for (;;) {
        if (read->budget == 0) {
            return -LT_EYIELD;
        }
        int code = store_scan_next(&read->scan, &record);
        if (code <= 0) {
            return code;
        }
        read->budget--;
        arena_reset(&read->scratch);
        code = near_consider(read, record.doc);
        code = code < 0 ? code : command_read_hold(read);
        if (code < 0) {
            return code;
        }
    }
}

/* Make a ring ready to be given: 1, 0 there are no more, negative. */
static int near_prepare(struct command_read *read)
{
    struct command_near *near = read->near;
    if (near->giving && near->outer == INFINITY) {
        return 0;
    }
    if (near->giving) {
        near_advance(near);
    }
    if (near->inner > near->farthest) {
        return 0;
    }
    if (!near->begun) {
        near_begin(read);
    }
    int code = near_scan(read);
    if (code < 0) {
        return code;
    }
    command_read_scanned(read);
    if (near->count > 0) {
        qsort(near->entries, near->count, sizeof *near->entries, near_order);
    }
    near->giving = true;
    near->next = 0;
    return 1;
}

/* The document of the next entry: 1, 0 it is gone, or elsewhere by now, negative. */
static int near_give(struct command_read *read, struct slice *ret_doc)
{
    struct command_near *near = read->near;
    struct query_near_hit hit;
    store_pin_release(&read->pin);
    int code = store_view_get(read->view, near->entries[near->next].key, &read->pin);
    if (code == -LT_EAGAIN) {
        return code;
    }
    near->next++;
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    code = store_record_doc(read->pin.value, ret_doc);
    return code < 0 ? code : near_measure(near, *ret_doc, &hit);
}

int command_near_next(struct command_read *read, struct slice *ret_doc)
{
    struct command_near *near = read->near;
    for (;;) {
        while (near->giving && near->next < near->count) {
            int code = near_give(read, ret_doc);
            if (code != 0) {
                return code;
            }
        }
        int code = near_prepare(read);
        if (code <= 0) {
            return code;
        }
    }
}
