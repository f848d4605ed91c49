/* command/explain_plan.c - a plan as a tree of stages, with counts when it was run.
 *
 *   LIMIT, PROJECTION, SKIP, SORT - over - FETCH - IXSCAN, or FETCH - OR - several, or COLLSCAN,
 *   or GEO_NEAR_2DSPHERE, GEO_NEAR_2D
 *
 * The tree is made from the bottom up, then written from the top down. */
#include "command/explain.h"
#include "doc/view.h"

/* An int32 when it fits, as MongoDB counts. */
static void explain_number(struct doc_builder *builder, const char *name, int64_t number)
{
    if (number >= INT32_MIN && number <= INT32_MAX) {
        doc_build_i32(builder, name, (int32_t)number);
    } else {
        doc_build_i64(builder, name, number);
    }
}

struct explain_stage {
    const char *name;
    struct slice fields; /* what the plan says about it */
    struct slice counts; /* what running it added */
    uint64_t returned;
    struct explain_stage *inputs;
    uint32_t inputs_count;
};

struct explain_tree {
    struct arena *arena;
    const struct command_explain *explain;
    const struct command_read *read;
    const struct query_plan *plan; /* the read's, or one that was rejected: without counts */
    struct doc_builder *builder;   /* of the document in hand */
    uint64_t keys;
    uint64_t docs;
    bool simple; /* the filter is on one field */
};

/* ---- documents on the side ---- */

static struct doc_builder *tree_begin(struct explain_tree *tree)
{
    struct buf *buf = arena_alloc(tree->arena, sizeof *buf);
    tree->builder = arena_alloc(tree->arena, sizeof *tree->builder);
    buf_init(buf, tree->arena);
    doc_build_begin(tree->builder, buf);
    return tree->builder;
}

static struct slice tree_end(struct explain_tree *tree)
{
    return doc_build_end(tree->builder);
}

static struct slice tree_count(struct explain_tree *tree, const char *name, uint64_t count)
{
    explain_number(tree_begin(tree), name, (int64_t)count);
    return tree_end(tree);
}

static struct explain_stage *tree_stage(struct explain_tree *tree, const char *name,
                                        struct explain_stage *input)
{
    struct explain_stage *stage = arena_zero(tree->arena, 1, sizeof *stage);
    stage->name = name;
    stage->inputs = input;
    stage->inputs_count = input != NULL;
    stage->returned = input != NULL ? input->returned : 0;
    return stage;
}

/* ---- scans ---- */

static struct slice tree_filter(const struct explain_tree *tree)
{
    return doc_value_get_doc(tree->read->match->operand);
}

/* Do the index's fields take in every predicate at the top? */
static bool tree_is_covered(const struct explain_tree *tree, struct slice key)
{
    const struct query_match *match = tree->read->match;
    for (uint32_t i = 0; i < match->children_count; i++) {
        const struct query_match *child = match->children[i];
        bool bounded = child->kind >= QUERY_MATCH_EQ && child->kind <= QUERY_MATCH_IN;
        if (!bounded || !doc_value_exists(doc_get(key, child->path.text))) {
            return false;
        }
    }
    return true;
}

static void tree_index(struct explain_tree *tree, const struct query_plan_branch *branch,
                       struct explain_stage *stage)
{
    const struct store_index *index = &tree->read->collection->indexes[branch->index];
    struct slice bounds = query_plan_bounds(tree->arena, branch);
    struct doc_builder *builder = tree_begin(tree);
    stage->name = "IXSCAN";
    struct query_plan_index kind = {.key = index->key, .wildcard = index->wildcard};
    doc_build_doc(builder, "keyPattern", query_plan_key_pattern(tree->arena, &kind, branch));
    doc_build_string(builder, "indexName", index->name);
    if (index->collation != NULL) {
        doc_build_doc(builder, "collation", doc_collation_spec(index->collation));
    }
    doc_build_bool(builder, "isMultiKey", index->multikey);
    doc_build_bool(builder, "isUnique", index->unique || index->is_id);
    doc_build_bool(builder, "isSparse", index->sparse);
    doc_build_bool(builder, "isPartial", index->partial.len > 0);
    doc_build_i32(builder, "indexVersion", 2);
    doc_build_text(builder, "direction", branch->backward ? "backward" : "forward");
    doc_build_doc(builder, "indexBounds", bounds);
    stage->fields = tree_end(tree);
    uint64_t keys = tree->keys;
    uint64_t docs = tree->docs;
    if (tree->plan->branches_count > 1) {
        const uint64_t *each = tree->plan == &tree->read->plan ? tree->read->branch_keys : NULL;
        keys = docs = each == NULL ? 0 : each[branch - tree->plan->branches];
    }
    stage->counts = tree_count(tree, "keysExamined", keys);
    stage->returned = docs;
}

static struct explain_stage *tree_fetch(struct explain_tree *tree, struct explain_stage *input,
                                        bool filters)
{
    struct explain_stage *fetch = tree_stage(tree, "FETCH", input);
    if (filters) {
        doc_build_doc(tree_begin(tree), "filter", tree_filter(tree));
        fetch->fields = tree_end(tree);
    }
    fetch->counts = tree_count(tree, "docsExamined", tree->docs);
    fetch->returned = tree->read->docs_given;
    return fetch;
}

static struct explain_stage *tree_branches(struct explain_tree *tree)
{
    const struct query_plan *plan = tree->plan;
    const struct query_match *match = tree->read->match;
    struct explain_stage *either = tree_stage(tree, "OR", NULL);
    either->inputs = arena_zero(tree->arena, plan->branches_count, sizeof *either->inputs);
    either->inputs_count = plan->branches_count;
    either->returned = tree->docs;
    for (uint32_t i = 0; i < plan->branches_count; i++) {
        tree_index(tree, &plan->branches[i], &either->inputs[i]);
    }
    bool alone = match->children_count == 1 && match->children[0]->kind == QUERY_MATCH_OR;
    struct explain_stage *fetch = tree_fetch(tree, either, true);
    return alone ? tree_stage(tree, "SUBPLAN", fetch) : fetch;
}

static struct explain_stage *tree_collection(struct explain_tree *tree, bool backward)
{
    struct explain_stage *scan = tree_stage(tree, "COLLSCAN", NULL);
    struct doc_builder *builder = tree_begin(tree);
    if (!doc_is_empty(tree_filter(tree))) {
        doc_build_doc(builder, "filter", tree_filter(tree));
    }
    doc_build_text(builder, "direction", backward ? "backward" : "forward");
    scan->fields = tree_end(tree);
    scan->counts = tree_count(tree, "docsExamined", tree->docs);
    scan->returned = tree->read->docs_given;
    return scan;
}

/* The index, which is read ring by ring: it has no bounds to tell. */
static struct explain_stage *tree_near(struct explain_tree *tree)
{
    const struct query_plan *plan = tree->plan;
    const struct store_index *index = &tree->read->collection->indexes[plan->branches[0].index];
    bool sphere = index->geo.kind == GEO_INDEX_SPHERE;
    struct explain_stage *stage =
        tree_stage(tree, sphere ? "GEO_NEAR_2DSPHERE" : "GEO_NEAR_2D", NULL);
    struct doc_builder *builder = tree_begin(tree);
    doc_build_doc(builder, "keyPattern", index->key);
    doc_build_string(builder, "indexName", index->name);
    doc_build_i32(builder, "indexVersion", 2);
    stage->fields = tree_end(tree);
    explain_number(tree_begin(tree), "keysExamined", (int64_t)tree->keys);
    explain_number(tree->builder, "docsExamined", (int64_t)tree->docs);
    stage->counts = tree_end(tree);
    stage->returned = tree->read->docs_given;
    return stage;
}

static void tree_words(struct doc_builder *builder, const char *name, const struct text_list *list)
{
    doc_build_open_array(builder, slice_str(name));
    for (uint32_t i = 0; i < list->count; i++) {
        doc_build_string(builder, "", list->items[i]);
    }
    doc_build_close(builder);
}

/* A search by words: what is looked for stands above the index and the documents. */
static struct explain_stage *tree_text(struct explain_tree *tree)
{
    const struct query_plan_branch *branch = &tree->plan->branches[0];
    const struct text_query *query = tree->plan->text->query;
    const struct store_index *index = &tree->read->collection->indexes[branch->index];
    struct explain_stage *scan = tree_stage(tree, "IXSCAN", NULL);
    tree_index(tree, branch, scan);
    struct explain_stage *stage = tree_stage(tree, "TEXT_MATCH", tree_fetch(tree, scan, false));
    struct doc_builder *builder = tree_begin(tree);
    doc_build_doc(builder, "indexPrefix", doc_value_get_doc(doc_empty_object));
    doc_build_string(builder, "indexName", index->name);
    doc_build_open(builder, SLICE("parsedTextQuery"));
    tree_words(builder, "terms", &query->words);
    tree_words(builder, "negatedTerms", &query->unwanted);
    tree_words(builder, "phrases", &query->phrases);
    tree_words(builder, "negatedPhrases", &query->unwanted_phrases);
    doc_build_close(builder);
    doc_build_i32(builder, "textIndexVersion", 3);
    stage->fields = tree_end(tree);
    stage->returned = tree->read->docs_given;
    return stage;
}

static struct explain_stage *tree_scan(struct explain_tree *tree)
{
    const struct query_plan *plan = tree->plan;
    if (tree->read->collection == NULL || plan->branches_count == 0) {
        return tree_stage(tree, "EOF", NULL);
    }
    if (plan->near != NULL) {
        return tree_near(tree);
    }
    if (plan->branches_count > 1) {
        return tree_branches(tree);
    }
    if (plan->text != NULL && plan->branches_count == 1) {
        return tree_text(tree);
    }
    const struct query_plan_branch *branch = &plan->branches[0];
    if (branch->index < 0) {
        return tree_collection(tree, branch->backward);
    }
    if (branch->point && tree->simple) {
        struct explain_stage *direct = tree_stage(tree, "IDHACK", NULL);
        explain_number(tree_begin(tree), "keysExamined", (int64_t)tree->keys);
        explain_number(tree->builder, "docsExamined", (int64_t)tree->docs);
        direct->counts = tree_end(tree);
        direct->returned = tree->read->docs_given;
        return direct;
    }
    struct slice key = tree->read->collection->indexes[branch->index].key;
    struct explain_stage *scan = tree_stage(tree, "IXSCAN", NULL);
    tree_index(tree, branch, scan);
    return tree_fetch(tree, scan, !tree_is_covered(tree, key));
}

/* ---- what stands above ---- */

static struct explain_stage *tree_sort(struct explain_tree *tree, struct explain_stage *input,
                                       struct slice sort, int64_t limit)
{
    struct explain_stage *stage = tree_stage(tree, "SORT", input);
    struct doc_builder *builder = tree_begin(tree);
    doc_build_doc(builder, "sortPattern", sort);
    doc_build_i32(builder, "memLimit", 104857600);
    if (limit > 0) {
        explain_number(builder, "limitAmount", limit);
    }
    doc_build_text(builder, "type", "simple");
    stage->fields = tree_end(tree);
    if (limit > 0 && stage->returned > (uint64_t)limit) {
        stage->returned = (uint64_t)limit;
    }
    return stage;
}

static struct explain_stage *tree_number(struct explain_tree *tree, struct explain_stage *input,
                                         const char *name, int64_t amount)
{
    bool skips = name[0] == 'S';
    struct explain_stage *stage = tree_stage(tree, name, input);
    stage->fields = tree_count(tree, skips ? "skipAmount" : "limitAmount", (uint64_t)amount);
    uint64_t most = (uint64_t)amount;
    if (skips) {
        stage->returned = input->returned > most ? input->returned - most : 0;
    } else {
        stage->returned = input->returned < most ? input->returned : most;
    }
    return stage;
}

static struct explain_stage *tree_project(struct explain_tree *tree, struct explain_stage *input,
                                          struct slice spec)
{
    bool simple = true;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        simple &= (doc_value_is_number(elem.value) || elem.value.type == DOC_BOOL) &&
                  memchr(elem.name.data, '.', elem.name.len) == NULL;
    }
    struct explain_stage *stage =
        tree_stage(tree, simple ? "PROJECTION_SIMPLE" : "PROJECTION_DEFAULT", input);
    doc_build_doc(tree_begin(tree), "transformBy", spec);
    stage->fields = tree_end(tree);
    return stage;
}

static struct slice tree_doc_of(struct slice body, const char *name)
{
    struct doc_value value = doc_get_str(body, name);
    bool has = value.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(value));
    return has ? doc_value_get_doc(value) : (struct slice){0};
}

static struct explain_stage *tree_find(struct explain_tree *tree, struct explain_stage *stage)
{
    const struct command_explain *explain = tree->explain;
    const struct command_results_plan *plan = explain->cursor->plan;
    struct slice sort = tree_doc_of(explain->body, "sort");
    struct slice projection = tree_doc_of(explain->body, "projection");
    struct doc_value skip_value = doc_get_str(explain->body, "skip");
    int64_t skip = doc_value_is_number(skip_value) ? doc_value_to_i64_clamped(skip_value) : 0;
    bool sorts = sort.len > 0 && !tree->plan->sorted;
    if (sorts) {
        stage = tree_sort(tree, stage, sort, plan->limit > 0 ? plan->limit + skip : 0);
    }
    if (skip > 0) {
        stage = tree_number(tree, stage, "SKIP", skip);
    }
    if (projection.len > 0) {
        stage = tree_project(tree, stage, projection);
    }
    if (plan->limit > 0 && !sorts) {
        stage = tree_number(tree, stage, "LIMIT", plan->limit);
    }
    return stage;
}

/* The stages that are the plan's, but for those that the read does. A leading $sort is the read's
 * when its plan delivers it: that need not be so for a rejected one. */
static struct explain_stage *tree_aggregate(struct explain_tree *tree, struct explain_stage *stage)
{
    const struct command_explain *explain = tree->explain;
    const struct command_results_plan *results = explain->cursor->plan;
    uint32_t first = results->first_stage + tree->plan->sorted - tree->read->plan.sorted;
    uint32_t end = explain->pushed ? UINT32_MAX : results->first_stage;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, explain->stages);
    for (uint32_t at = 0; at < end && doc_iter_next(&iter, &elem); at++) {
        struct doc_elem spec = doc_first(doc_value_get_doc(elem.value));
        if (at < first) {
            continue;
        }
        if (spec.value.type == DOC_OBJECT) {
            struct slice doc = doc_value_get_doc(spec.value);
            stage = slice_is(spec.name, "$sort") ? tree_sort(tree, stage, doc, 0)
                                                 : tree_project(tree, stage, doc);
        } else {
            stage = tree_number(tree, stage, slice_is(spec.name, "$skip") ? "SKIP" : "LIMIT",
                                doc_value_to_i64_clamped(spec.value));
        }
    }
    return stage;
}

static struct explain_stage *tree_wrap(struct explain_tree *tree, struct explain_stage *input)
{
    const struct command_explain *explain = tree->explain;
    if (explain->wrapper == NULL) {
        return input;
    }
    struct explain_stage *stage = tree_stage(tree, explain->wrapper, input);
    struct doc_builder *builder = tree_begin(tree);
    int64_t given = (int64_t)explain->given;
    stage->returned = 0;
    if (explain->wrapper[0] == 'C') {
        stage->returned = 1;
        explain_number(builder, "nCounted", given);
    } else if (explain->wrapper[0] == 'D') {
        explain_number(builder, "nWouldDelete", given);
    } else {
        explain_number(builder, "nMatched", given);
        explain_number(builder, "nWouldModify", given);
        explain_number(builder, "nWouldUpsert", explain->upsert && given == 0);
    }
    stage->counts = tree_end(tree);
    return stage;
}

static struct explain_stage *tree_make(struct explain_tree *tree, const struct query_plan *plan)
{
    tree->plan = plan;
    struct explain_stage *scan = tree_scan(tree);
    return tree->explain->stages.len == 0 ? tree_find(tree, scan) : tree_aggregate(tree, scan);
}

/* ---- writing ---- */

static void stage_write(struct doc_builder *builder, const struct explain_stage *stage, bool counts)
{
    doc_build_text(builder, "stage", stage->name);
    if (counts) {
        explain_number(builder, "nReturned", (int64_t)stage->returned);
        doc_build_i32(builder, "executionTimeMillisEstimate", 0);
        explain_number(builder, "works", (int64_t)stage->returned + 1);
        explain_number(builder, "advanced", (int64_t)stage->returned);
        doc_build_i32(builder, "needTime", 0);
        doc_build_i32(builder, "needYield", 0);
        doc_build_i32(builder, "saveState", 0);
        doc_build_i32(builder, "restoreState", 0);
        doc_build_i32(builder, "isEOF", 1);
    }
    if (stage->fields.len > 0) {
        doc_build_fields(builder, stage->fields);
    }
    if (counts && stage->counts.len > 0) {
        doc_build_fields(builder, stage->counts);
    }
    if (stage->inputs_count == 1) {
        doc_build_open(builder, SLICE("inputStage"));
        stage_write(builder, &stage->inputs[0], counts);
        doc_build_close(builder);
    } else if (stage->inputs_count > 1) {
        doc_build_open_array(builder, SLICE("inputStages"));
        for (uint32_t i = 0; i < stage->inputs_count; i++) {
            doc_build_open(builder, SLICE(""));
            stage_write(builder, &stage->inputs[i], counts);
            doc_build_close(builder);
        }
        doc_build_close(builder);
    }
}

/* One predicate in its long form: {a: {$eq: 1}}. */
static void parsed_write_leaf(struct doc_builder *builder, const struct query_match *leaf)
{
    static const char *const names[] = {
        [QUERY_MATCH_EQ] = "$eq", [QUERY_MATCH_LT] = "$lt",   [QUERY_MATCH_LTE] = "$lte",
        [QUERY_MATCH_GT] = "$gt", [QUERY_MATCH_GTE] = "$gte", [QUERY_MATCH_IN] = "$in",
    };
    doc_build_open(builder, leaf->path.text);
    doc_build_value(builder, slice_str(names[leaf->kind]), leaf->operand);
    doc_build_close(builder);
}

static bool parsed_is_plain(const struct query_match *match)
{
    for (uint32_t i = 0; i < match->children_count; i++) {
        enum query_match_kind kind = match->children[i]->kind;
        if (kind < QUERY_MATCH_EQ || kind > QUERY_MATCH_IN) {
            return false;
        }
    }
    return true;
}

static void parsed_write(struct doc_builder *builder, const struct query_match *match)
{
    if (!parsed_is_plain(match)) {
        doc_build_doc(builder, "parsedQuery", doc_value_get_doc(match->operand));
        return;
    }
    doc_build_open(builder, SLICE("parsedQuery"));
    if (match->children_count == 1) {
        parsed_write_leaf(builder, match->children[0]);
    } else if (match->children_count > 1) {
        doc_build_open_array(builder, SLICE("$and"));
        for (uint32_t i = 0; i < match->children_count; i++) {
            doc_build_open(builder, SLICE(""));
            parsed_write_leaf(builder, match->children[i]);
            doc_build_close(builder);
        }
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static void plan_write(struct doc_builder *builder, const char *name,
                       const struct explain_stage *top)
{
    doc_build_open(builder, slice_str(name));
    doc_build_bool(builder, "isCached", false);
    stage_write(builder, top, false);
    doc_build_close(builder);
}

static void planner_write(struct doc_builder *builder, struct explain_tree *tree,
                          const struct explain_stage *top)
{
    doc_build_open(builder, SLICE("queryPlanner"));
    doc_build_i32(builder, "plannerVersion", 1);
    const struct command_cursor *cursor = tree->explain->cursor;
    doc_build_string(builder, "namespace",
                     cursor->collection != NULL ? cursor->collection->ns : cursor->ns);
    parsed_write(builder, tree->read->match);
    if (tree->read->match->collation != NULL) {
        doc_build_doc(builder, "collation", doc_collation_spec(tree->read->match->collation));
    }
    doc_build_bool(builder, "indexFilterSet", tree->read->restricted);
    doc_build_i32(builder, "optimizationTimeMillis", 0);
    doc_build_bool(builder, "maxIndexedOrSolutionsReached", false);
    doc_build_bool(builder, "maxIndexedAndSolutionsReached", false);
    doc_build_bool(builder, "maxScansToExplodeReached", false);
    plan_write(builder, "winningPlan", top);
    doc_build_open_array(builder, SLICE("rejectedPlans"));
    const struct query_plan *other = tree->read->plan.rejected;
    for (; other != NULL; other = other->rejected) {
        plan_write(builder, "", tree_make(tree, other));
    }
    doc_build_close(builder);
    doc_build_close(builder);
}

static void stats_write(struct doc_builder *builder, const struct explain_tree *tree,
                        const struct explain_stage *top)
{
    const struct command_explain *explain = tree->explain;
    if (explain->verbosity == EXPLAIN_PLANNER) {
        return;
    }
    doc_build_open(builder, SLICE("executionStats"));
    doc_build_bool(builder, "executionSuccess", true);
    explain_number(builder, "nReturned", explain->wrapper == NULL ? (int64_t)explain->given : 0);
    explain_number(builder, "executionTimeMillis", (int64_t)(explain->elapsed_us / 1000));
    explain_number(builder, "totalKeysExamined", (int64_t)tree->keys);
    explain_number(builder, "totalDocsExamined", (int64_t)tree->docs);
    doc_build_open(builder, SLICE("executionStages"));
    stage_write(builder, top, true);
    doc_build_close(builder);
    if (explain->verbosity == EXPLAIN_ALL_PLANS) {
        doc_build_open_array(builder, SLICE("allPlansExecution"));
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

/* [{$cursor: {queryPlanner, executionStats}}, and the stages that are not the plan's]; of what
 * $geoNear reads $geoNearCursor. */
static void stages_write(struct doc_builder *builder, struct explain_tree *tree,
                         const struct explain_stage *top)
{
    const struct command_results_plan *plan = tree->explain->cursor->plan;
    bool near = tree->read != NULL && tree->read->plan.near != NULL;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_build_open_array(builder, SLICE("stages"));
    if (tree->read != NULL) {
        doc_build_open(builder, SLICE(""));
        doc_build_open(builder, near ? SLICE("$geoNearCursor") : SLICE("$cursor"));
        planner_write(builder, tree, top);
        stats_write(builder, tree, top);
        doc_build_close(builder);
        doc_build_close(builder);
    }
    doc_iter_init(&iter, tree->explain->stages);
    for (uint32_t at = 0; doc_iter_next(&iter, &elem); at++) {
        if (at >= plan->first_stage + near) {
            doc_build_value(builder, SLICE(""), elem.value);
        }
    }
    doc_build_close(builder);
}

void command_explain_build(struct command_op *op, const struct command_explain *explain)
{
    struct doc_builder *builder = &op->builder;
    struct explain_tree tree = {.arena = &op->arena, .explain = explain};
    struct explain_stage *top = NULL;
    doc_build_text(builder, "explainVersion", "1");
    if (explain->cursor->has_read) {
        tree.read = &explain->cursor->read;
        tree.simple = tree.read->match->children_count == 1;
        command_read_examined(tree.read, &tree.keys, &tree.docs);
        top = tree_wrap(&tree, tree_make(&tree, &tree.read->plan));
    }
    if (explain->stages.len > 0 && !explain->pushed) {
        stages_write(builder, &tree, top);
        return;
    }
    planner_write(builder, &tree, top);
    stats_write(builder, &tree, top);
}
