/* query/plan.c - choosing.
 *
 * Every index that holds all that can match is scored by what the predicates say about its leading
 * fields; the best wins if it narrows the search or delivers the sort. An $or may do better: each
 * of its children with all the rest is planned by itself. Without either the collection is read. */
#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"
#include "query/plan_private.h"

enum {
    PLAN_OR_DEPTH_MAX = 4,
    PLAN_WORK_MAX = 100000, /* leaves looked at for children of $or */
};

struct planner {
    struct query_context *context;
    const struct query_plan_request *request;
    struct plan_index *indexes;
    int32_t hinted; /* -1: none; then only this index */
    int natural;    /* the hint {$natural: ±1}, or 0 */
    uint32_t work;
    struct query_plan *rejected; /* ways to plan the whole filter that were not the best */
    uint32_t rejected_branches;
};

/* What one way to plan comes to. */
struct plan_choice {
    struct query_plan_branch *branches;
    uint32_t count;
    bool sorted;
    int score[PLAN_SCORES];
};

/* ---- {_id: value} ---- */

static const struct query_match *plan_id_equality(const struct query_match *match)
{
    for (uint32_t i = 0; match->kind == QUERY_MATCH_AND && i < match->children_count; i++) {
        const struct query_match *child = match->children[i];
        if (child->kind == QUERY_MATCH_EQ && slice_is(child->path.text, "_id") &&
            child->operand.type != DOC_ARRAY) {
            return child;
        }
    }
    return NULL;
}

static int32_t plan_id_index(const struct query_plan_request *request)
{
    for (uint32_t i = 0; i < request->indexes_count; i++) {
        if (request->indexes[i].is_id) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* The commonest of all filters, without looking at every index. */
static bool plan_by_id(struct planner *planner, struct query_plan *ret_plan)
{
    const struct query_plan_request *request = planner->request;
    const struct query_match *equality = plan_id_equality(request->match);
    int32_t index = plan_id_index(request);
    if (equality == NULL || index < 0 || doc_value_exists(request->hint)) {
        return false;
    }
    const struct doc_collation *collation = request->indexes[index].collation;
    if (doc_collation_concerns(equality->operand.type) &&
        !doc_collation_is_same(collation, equality->collation)) {
        return false;
    }
    struct arena *arena = planner->context->arena;
    struct query_plan_branch *branch = arena_zero(arena, 1, sizeof *branch);
    struct buf key;
    buf_init(&key, arena);
    doc_key_encode_by(&key, equality->operand, false, collation);
    branch->index = index;
    branch->collation = collation;
    branch->point = true;
    branch->ranges = arena_zero(arena, 1, sizeof *branch->ranges);
    branch->ranges[0].from = buf_slice(&key);
    branch->ranges_count = 1;
    *ret_plan = (struct query_plan){.branches = branch, .branches_count = 1, .sorted = true};
    return true;
}

/* ---- hints ---- */

static int plan_hint_natural(struct planner *planner, struct doc_value value, struct err *err)
{
    int64_t way = 0;
    if (doc_count(doc_value_get_doc(planner->request->hint)) > 1) {
        return err_set(err, LT_EBADVALUE, "$natural hint must stand alone");
    }
    if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, &way) ||
        (way != 1 && way != -1)) {
        return err_set(err, LT_EBADVALUE, "$natural hint must be 1 or -1");
    }
    planner->natural = (int)way;
    return 0;
}

static bool plan_is_hinted(const struct query_plan_index *index, struct doc_value hint)
{
    if (hint.type == DOC_STRING) {
        return slice_equal(index->name, doc_value_get_string(hint));
    }
    return doc_compare_docs(index->key, doc_value_get_doc(hint)) == 0;
}

static int plan_hint(struct planner *planner, struct err *err)
{
    const struct query_plan_request *request = planner->request;
    struct doc_value hint = request->hint;
    planner->hinted = -1;
    if (!doc_value_exists(hint)) {
        return 0;
    }
    if (hint.type != DOC_STRING && hint.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "Hint must be a string or an object");
    }
    if (hint.type == DOC_OBJECT) {
        struct doc_elem first = doc_first(doc_value_get_doc(hint));
        if (!doc_value_exists(first.value)) {
            return 0;
        }
        if (slice_is(first.name, "$natural")) {
            return plan_hint_natural(planner, first.value, err);
        }
    }
    for (uint32_t i = 0; i < request->indexes_count; i++) {
        const struct query_plan_index *index = &request->indexes[i];
        if (index->unusable || !plan_is_hinted(index, hint)) {
            continue;
        }
        /* Of several with one key, the one that knows the query's strings. */
        if (planner->hinted < 0 ||
            doc_collation_is_same(index->collation, planner->context->collation)) {
            planner->hinted = (int32_t)i;
        }
    }
    if (planner->hinted >= 0) {
        return 0;
    }
    return err_set(err, LT_EBADVALUE,
                   "error processing query: planner returned error :: caused by :: hint provided "
                   "does not correspond to an existing index");
}

/* ---- choosing ---- */

static int plan_compare(const int *a, const int *b, int count)
{
    for (int i = 0; i < count; i++) {
        if (a[i] != b[i]) {
            return a[i] - b[i];
        }
    }
    return 0;
}

static void plan_reject(struct planner *planner, struct query_plan_branch *branches, uint32_t count,
                        bool sorted)
{
    if (count > QUERY_PLAN_BRANCHES_MAX - planner->rejected_branches) {
        return;
    }
    struct query_plan *plan = arena_alloc(planner->context->arena, sizeof *plan);
    *plan = (struct query_plan){.branches = branches,
                                .branches_count = count,
                                .sorted = sorted,
                                .overlap = count > 1,
                                .rejected = planner->rejected};
    planner->rejected = plan;
    planner->rejected_branches += count;
}

/* Without its ranges. */
static struct query_plan_branch *plan_branch(const struct planner *planner,
                                             const struct plan_fit *fit)
{
    struct query_plan_branch *branch = arena_zero(planner->context->arena, 1, sizeof *branch);
    struct plan_fit *copy = arena_alloc(planner->context->arena, sizeof *copy);
    *copy = *fit;
    branch->index = (int32_t)fit->index->at;
    branch->collation = fit->index->spec->collation;
    branch->backward = fit->backward;
    branch->fit = copy;
    return branch;
}

/* The candidate against the best so far. `whole`: the set is the whole filter. */
static void plan_try(struct planner *planner, const struct plan_fit *fit, bool whole,
                     struct plan_fit *best)
{
    bool useful = planner->hinted >= 0 || fit->score[PLAN_SCORE_EQUALITY] > 0 ||
                  fit->score[PLAN_SCORE_RANGE] > 0 || fit->score[PLAN_SCORE_SORTED] > 0 ||
                  fit->score[PLAN_SCORE_RESTRICTED] > 0;
    if (!useful) {
        return;
    }
    bool better = best->index == NULL || plan_compare(fit->score, best->score, PLAN_SCORES) > 0;
    if (whole && best->index != NULL) {
        const struct plan_fit *worse = better ? best : fit;
        plan_reject(planner, plan_branch(planner, worse), 1, worse->sorted);
    }
    if (better) {
        *best = *fit;
    }
}

/* The best single index, if any is of use. */
static bool plan_one(struct planner *planner, const struct plan_set *set,
                     const struct query_sort *sort, bool whole, struct plan_choice *ret_choice)
{
    struct arena *arena = planner->context->arena;
    struct plan_fit best = {.index = NULL};
    for (uint32_t i = 0; i < planner->request->indexes_count; i++) {
        const struct plan_index *index = &planner->indexes[i];
        uint32_t count = 1;
        bool hinted = planner->hinted >= 0;
        if (hinted ? (uint32_t)planner->hinted != i : !query__plan_holds_all(index, set)) {
            continue;
        }
        if (!index->usable) {
            continue;
        }
        if (index->spec->wildcard != NULL) {
            index = query__plan_wildcard_each(arena, index, set, &count);
        }
        for (uint32_t k = 0; k < count; k++) {
            struct plan_fit fit;
            query__plan_fit(arena, &index[k], set, sort, &fit);
            if (query__plan_text_refuses(&fit, set)) {
                continue;
            }
            plan_try(planner, &fit, whole, &best);
        }
    }
    if (best.index == NULL) {
        return false;
    }
    ret_choice->branches = plan_branch(planner, &best);
    query__plan_ranges(planner->context->arena, &best, ret_choice->branches);
    bool one_value =
        best.whole && !best.index->spec->is_id && ret_choice->branches->ranges_count == 1;
    ret_choice->branches->entry = one_value && best.score[PLAN_SCORE_UNIQUE] != 0;
    ret_choice->branches->once = query__plan_is_once(&best);
    ret_choice->branches->page = one_value && !best.index->spec->unique;
    ret_choice->count = 1;
    ret_choice->sorted = best.sorted;
    memcpy(ret_choice->score, best.score, sizeof best.score);
    return true;
}

static bool plan_set(struct planner *planner, const struct plan_set *set,
                     const struct query_sort *sort, uint32_t depth, struct plan_choice *ret_choice);

/* Children put behind one another; the worst one's score is the score of all. */
static void plan_append(struct arena *arena, struct plan_choice *all, const struct plan_choice *one)
{
    struct query_plan_branch *branches =
        arena_alloc(arena, (all->count + one->count) * sizeof *branches);
    if (all->count > 0) {
        memcpy(branches, all->branches, all->count * sizeof *branches);
    }
    memcpy(branches + all->count, one->branches, one->count * sizeof *branches);
    if (all->count == 0 || plan_compare(one->score, all->score, PLAN_SCORES) < 0) {
        memcpy(all->score, one->score, sizeof one->score);
    }
    all->branches = branches;
    all->count += one->count;
}

/* All children of an $or, each by an index; false when one cannot. */
static bool plan_either(struct planner *planner, const struct plan_set *set,
                        const struct query_match *either, uint32_t depth,
                        struct plan_choice *ret_choice)
{
    struct plan_choice all = {0};
    for (uint32_t i = 0; i < either->children_count; i++) {
        struct plan_set branch = query__plan_branch(set, either->children[i]);
        struct plan_choice one = {0};
        planner->work += branch.leaves_count + 1;
        if (branch.never) {
            continue;
        }
        if (planner->work > PLAN_WORK_MAX || !plan_set(planner, &branch, NULL, depth, &one) ||
            all.count + one.count > QUERY_PLAN_BRANCHES_MAX) {
            return false;
        }
        bool bounded = one.score[PLAN_SCORE_EQUALITY] > 0 || one.score[PLAN_SCORE_RANGE] > 0 ||
                       one.score[PLAN_SCORE_RESTRICTED] > 0;
        if (!bounded) {
            return false;
        }
        plan_append(planner->context->arena, &all, &one);
    }
    all.score[PLAN_SCORE_SORTED] = 0;
    *ret_choice = all;
    return all.count > 0;
}

/* The best single index, or the best $or; false when the collection must be read. */
static bool plan_set(struct planner *planner, const struct plan_set *set,
                     const struct query_sort *sort, uint32_t depth, struct plan_choice *ret_choice)
{
    struct plan_choice best = {0};
    bool found = plan_one(planner, set, sort, depth == 0, &best);
    for (uint32_t i = 0; i < set->ors_count && depth < PLAN_OR_DEPTH_MAX; i++) {
        struct plan_choice choice = {0};
        if (!plan_either(planner, set, set->ors[i], depth + 1, &choice)) {
            continue;
        }
        if (!found || plan_compare(choice.score, best.score, PLAN_SCORE_SHORT) > 0) {
            if (found && depth == 0) {
                plan_reject(planner, best.branches, best.count, best.sorted);
            }
            choice.sorted = sort == NULL;
            best = choice;
            found = true;
        }
    }
    *ret_choice = best;
    return found;
}

static void plan_collection(const struct planner *planner, struct query_plan *plan)
{
    const struct query_sort *sort = planner->request->sort;
    int natural = sort != NULL && sort->natural != 0 ? sort->natural : planner->natural;
    plan->branches = arena_zero(planner->context->arena, 1, sizeof *plan->branches);
    plan->branches[0].index = -1;
    plan->branches[0].backward = natural < 0;
    plan->branches_count = 1;
    plan->sorted = sort == NULL || sort->natural != 0;
}

/* A filter on one _id needs no hint, as MongoDB has it; it went its own way before. */
static int plan_between(struct planner *planner, struct query_plan *plan, struct err *err)
{
    const struct query_plan_request *request = planner->request;
    struct plan_index *index = NULL;
    if (planner->hinted >= 0) {
        planner->indexes =
            arena_zero(planner->context->arena, request->indexes_count, sizeof *planner->indexes);
        index = &planner->indexes[planner->hinted];
        query__plan_index_init(planner->context, &request->indexes[planner->hinted], index);
    }
    int code = query__plan_between(planner->context, request, index, plan, err);
    if (code == 0) {
        plan->branches[0].index = planner->hinted;
    }
    return code;
}

static void plan_indexes(struct planner *planner)
{
    const struct query_plan_request *request = planner->request;
    planner->indexes =
        arena_zero(planner->context->arena, request->indexes_count, sizeof *planner->indexes);
    for (uint32_t i = 0; i < request->indexes_count; i++) {
        query__plan_index_init(planner->context, &request->indexes[i], &planner->indexes[i]);
        planner->indexes[i].at = i;
        planner->indexes[i].usable &= planner->hinted < 0 || (uint32_t)planner->hinted == i;
    }
}

/* By distance, on an index that can be read so, whatever else there is. */
static int plan_near(struct planner *planner, struct query_near *near, const struct plan_set *set,
                     struct query_plan *plan, struct err *err)
{
    const struct query_plan_request *request = planner->request;
    plan->near = arena_zero(planner->context->arena, 1, sizeof *plan->near);
    plan->near->query = near;
    plan->sorted = request->sort == NULL;
    if (planner->natural != 0) {
        return err_set(err, LT_EBADVALUE, "$natural hint cannot be used with $near or $geoNear");
    }
    plan_indexes(planner);
    struct plan_indexes indexes = {planner->indexes, request->indexes_count};
    int code = query__plan_near_path(planner->context, &indexes, near, err);
    return code < 0 ? code : query__plan_near(&indexes, set, plan, err);
}

int query_plan_make(struct query_context *context, const struct query_plan_request *request,
                    struct query_plan *ret_plan, struct err *err)
{
    struct planner planner = {.context = context, .request = request};
    const struct query_sort *sort = request->sort;
    struct query_near *near = query_match_near(request->match);
    struct query_text *text = query_match_text(request->match);
    if (near == NULL && text == NULL && plan_by_id(&planner, ret_plan)) {
        return 0;
    }
    int code = text == NULL ? 0 : query__plan_text_begin(context, request, text, err);
    code = code < 0 ? code : plan_hint(&planner, err);
    if (code < 0) {
        return code;
    }
    if (request->min.len > 0 || request->max.len > 0) {
        return plan_between(&planner, ret_plan, err);
    }
    *ret_plan = (struct query_plan){.sorted = true, .text = text};
    struct plan_set set = {.arena = context->arena};
    query__plan_collect(&set, request->match);
    if (near != NULL) {
        return plan_near(&planner, near, &set, ret_plan, err);
    }
    if (set.never) {
        return 0;
    }
    if (planner.natural != 0 || (sort != NULL && sort->natural != 0)) {
        plan_collection(&planner, ret_plan);
        return 0;
    }
    plan_indexes(&planner);
    struct plan_choice choice = {0};
    bool found = plan_set(&planner, &set, sort, 0, &choice);
    if (!found && planner.hinted >= 0 && request->indexes[planner.hinted].wildcard != NULL) {
        return err_set(err, LT_ENOQUERYEXECUTIONPLANS,
                       "error processing query: planner returned error :: caused by :: No query "
                       "solutions: wildcard index %.*s does not have all documents of the query",
                       SLICE_FMT(request->indexes[planner.hinted].name));
    }
    if (!found && text != NULL) {
        return err_set(err, LT_ENOQUERYEXECUTIONPLANS,
                       "error processing query: planner returned error :: caused by :: failed to "
                       "use text index to satisfy $text query (if text index is compound, are "
                       "equality predicates given for all prefix fields?)");
    }
    if (!found) {
        plan_collection(&planner, ret_plan);
        return 0;
    }
    ret_plan->branches = choice.branches;
    ret_plan->branches_count = choice.count;
    ret_plan->sorted = choice.sorted;
    ret_plan->overlap = choice.count > 1;
    ret_plan->rejected = planner.rejected;
    return 0;
}
