/* command/rights_pipeline.c - every collection that a pipeline reads or writes.
 *
 * Stages are walked as they came, with the pipelines inside them. A stage that reads data names its
 * collection in one of a few fields; every field of such a name is asked for, wherever the stage
 * takes its value from. A stage that is not known here has its own privileges nowhere: it works on
 * what comes in. */
#include "command/rights_private.h"
#include "doc/view.h"

enum { PIPELINE_DEPTH_MAX = 32 };

struct pipeline_walk {
    const struct rights_ask *ask;
    int depth;
};

static int pipeline_stages(struct pipeline_walk *walk, struct slice collection, struct slice stages,
                           bool reads);

/* The collection in a value: "name", or {db, coll}. */
static int pipeline_target(const struct rights_ask *ask, struct doc_value value,
                           const char *actions)
{
    struct slice db = ask->db;
    struct slice collection = {0};
    if (value.type == DOC_STRING) {
        collection = doc_value_get_string(value);
    } else if (value.type == DOC_OBJECT) {
        struct doc_value own = doc_get_str(doc_value_get_doc(value), "db");
        struct doc_value name = doc_get_str(doc_value_get_doc(value), "coll");
        bool named = own.type == DOC_STRING && doc_value_get_string(own).len > 0;
        db = named ? doc_value_get_string(own) : db;
        collection = name.type == DOC_STRING ? doc_value_get_string(name) : collection;
    }
    struct security_actions wanted = security_actions_of(actions);
    for (int action = 0; action < SECURITY_ACTIONS_COUNT; action++) {
        if (security_actions_have(&wanted, (enum security_action)action) &&
            rights__may_collection(ask, db, collection, (enum security_action)action) < 0) {
            return -LT_EUNAUTHORIZED;
        }
    }
    return 0;
}

/* $lookup, $graphLookup, $unionWith: what they read, and the pipelines over it. */
static int pipeline_joined(struct pipeline_walk *walk, struct doc_value spec)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct slice joined = {0};
    int code = 0;
    if (spec.type == DOC_STRING) {
        return pipeline_target(walk->ask, spec, "find");
    }
    if (spec.type != DOC_OBJECT) {
        return 0;
    }
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "from") || slice_is(elem.name, "coll")) {
            code = pipeline_target(walk->ask, elem.value, "find");
            joined = elem.value.type == DOC_STRING ? doc_value_get_string(elem.value) : joined;
        }
    }
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "pipeline") && elem.value.type == DOC_ARRAY) {
            code = pipeline_stages(walk, joined, doc_value_get_doc(elem.value), false);
        }
    }
    return code;
}

static int pipeline_facet(struct pipeline_walk *walk, struct doc_value spec)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (spec.type != DOC_OBJECT) {
        return 0;
    }
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_ARRAY) {
            code = pipeline_stages(walk, (struct slice){0}, doc_value_get_doc(elem.value), false);
        }
    }
    return code;
}

/* Validators of the target are passed by with an action of its own. */
static int pipeline_written(const struct rights_ask *ask, struct doc_value target,
                            const char *actions)
{
    int code = pipeline_target(ask, target, actions);
    return code == 0 && rights__says(ask->body, "bypassDocumentValidation")
               ? pipeline_target(ask, target, "bypassDocumentValidation")
               : code;
}

static int pipeline_out(struct pipeline_walk *walk, struct doc_value spec)
{
    return pipeline_written(walk->ask, spec, "insert remove");
}

static bool pipeline_says_one(struct slice doc, const char *name, const char *one,
                              const char *other)
{
    struct doc_value value = doc_get_str(doc, name);
    return value.type == DOC_STRING && (slice_is(doc_value_get_string(value), one) ||
                                        slice_is(doc_value_get_string(value), other));
}

/* {into, whenMatched: "merge" | [...], whenNotMatched: "insert"}, or where to alone. */
static int pipeline_merge(struct pipeline_walk *walk, struct doc_value spec)
{
    struct doc_value into = spec;
    bool updates = true;
    bool inserts = true;
    if (spec.type == DOC_OBJECT) {
        struct slice doc = doc_value_get_doc(spec);
        into = doc_value_exists(doc_get_str(doc, "into")) ? doc_get_str(doc, "into") : spec;
        updates = !pipeline_says_one(doc, "whenMatched", "fail", "keepExisting");
        inserts = !updates || !pipeline_says_one(doc, "whenNotMatched", "discard", "fail");
    }
    return pipeline_written(walk->ask, into,
                            !updates  ? "insert"
                            : inserts ? "insert update"
                                      : "update");
}

/* A first stage that brings documents from elsewhere: what it needs on the collection, or on the
 * server. NULL: the documents are the collection's. */
static const struct {
    const char *name;
    const char *collection; /* actions on it */
    const char *cluster;    /* action on the server */
} pipeline_sources[] = {
    {"$collStats", "collStats", NULL},
    {"$indexStats", "indexStats", NULL},
    {"$planCacheStats", "planCacheRead", NULL},
    {"$listSearchIndexes", "listSearchIndexes", NULL},
    {"$documents", "", NULL},
    {"$queryStats", "", "queryStatsRead"},
    {"$listClusterCatalog", "", "listDatabases"},
    {"$listCatalog", "collStats listIndexes", NULL},
};

static bool pipeline_says(struct doc_value spec, const char *name)
{
    return spec.type == DOC_OBJECT && rights__says(doc_value_get_doc(spec), name);
}

/* Of a collection, of a database when it is empty, or of all that is no system's. */
static int pipeline_change_stream(const struct rights_ask *ask, struct slice collection,
                                  struct doc_value spec)
{
    bool all = pipeline_says(spec, "allChangesForCluster");
    struct slice nothing = {0};
    struct security_resource where =
        all ? security_place(nothing, nothing) : security_place(ask->db, collection);
    int code = rights__may(ask, &where, SECURITY_changeStream);
    return code < 0 ? code : rights__may(ask, &where, SECURITY_find);
}

static bool pipeline_is_text(struct doc_value doc, const char *name, struct slice text)
{
    struct doc_value value = doc_get_str(doc_value_get_doc(doc), name);
    return value.type == DOC_STRING && slice_equal(doc_value_get_string(value), text);
}

/* Has the list of users anybody but the caller? What is malformed counts as somebody. */
static bool pipeline_has_others(const struct rights_ask *ask, struct doc_value users)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool others = false;
    doc_iter_value(&iter, users);
    while (!others && doc_iter_next(&iter, &elem)) {
        others = elem.value.type != DOC_OBJECT || doc_count(doc_value_get_doc(elem.value)) != 2 ||
                 !pipeline_is_text(elem.value, "user", ask->user->name) ||
                 !pipeline_is_text(elem.value, "db", ask->user->db);
    }
    return others;
}

static bool pipeline_names_others(const struct rights_ask *ask, struct doc_value spec)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool others = false;
    doc_iter_value(&iter, spec.type == DOC_OBJECT ? spec : doc_empty_object);
    while (!others && doc_iter_next(&iter, &elem)) {
        others = slice_is(elem.name, "users") && elem.value.type == DOC_ARRAY &&
                 pipeline_has_others(ask, elem.value);
    }
    return others;
}

/* One's own are shown to everybody. */
static int pipeline_sessions(const struct rights_ask *ask, struct slice collection,
                             struct doc_value spec)
{
    bool others = pipeline_says(spec, "allUsers") || pipeline_names_others(ask, spec);
    (void)collection;
    return others ? rights__may_cluster(ask, SECURITY_listSessions) : 0;
}

/* Likewise. */
static int pipeline_current_op(const struct rights_ask *ask, struct slice collection,
                               struct doc_value spec)
{
    (void)collection;
    return pipeline_says(spec, "allUsers") ? rights__may_cluster(ask, SECURITY_inprog) : 0;
}

static const struct {
    const char *name;
    int (*ask)(const struct rights_ask *ask, struct slice collection, struct doc_value spec);
} pipeline_asked[] = {
    {"$changeStream", pipeline_change_stream},
    {"$currentOp", pipeline_current_op},
    {"$listSessions", pipeline_sessions},
    {"$listLocalSessions", pipeline_sessions},
};

/* 1 it is such a stage, and allowed; 0 it is none; negative. */
static int pipeline_source(const struct rights_ask *ask, struct slice collection,
                           const struct doc_elem *stage)
{
    struct slice name = stage->name;
    for (size_t i = 0; i < sizeof pipeline_asked / sizeof pipeline_asked[0]; i++) {
        if (slice_is(name, pipeline_asked[i].name)) {
            int code = pipeline_asked[i].ask(ask, collection, stage->value);
            return code < 0 ? code : 1;
        }
    }
    for (size_t i = 0; i < sizeof pipeline_sources / sizeof pipeline_sources[0]; i++) {
        if (!slice_is(name, pipeline_sources[i].name)) {
            continue;
        }
        int code = 0;
        if (pipeline_sources[i].cluster != NULL) {
            int action = security_action_find(slice_str(pipeline_sources[i].cluster));
            code = rights__may_cluster(ask, (enum security_action)action);
        } else if (*pipeline_sources[i].collection != '\0') {
            struct doc_value target = doc_value_string(&ask->op->arena, collection);
            code = pipeline_target(ask, target, pipeline_sources[i].collection);
        }
        return code < 0 ? code : 1;
    }
    return 0;
}

static int pipeline_stage(struct pipeline_walk *walk, const struct doc_elem *stage)
{
    static const struct {
        const char *name;
        int (*walk)(struct pipeline_walk *walk, struct doc_value spec);
    } walks[] = {
        {"$lookup", pipeline_joined},    {"$graphLookup", pipeline_joined},
        {"$unionWith", pipeline_joined}, {"$facet", pipeline_facet},
        {"$out", pipeline_out},          {"$merge", pipeline_merge},
    };
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        if (slice_is(stage->name, walks[i].name)) {
            return walks[i].walk(walk, stage->value);
        }
    }
    return 0;
}

/* `reads`: unless its first stage says otherwise it reads `collection`, which the stage before it
 * has not been asked for. */
static int pipeline_stages(struct pipeline_walk *walk, struct slice collection, struct slice stages,
                           bool reads)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct doc_elem stage = doc_first(stages);
    int code = 0;
    if (walk->depth == PIPELINE_DEPTH_MAX) {
        return -LT_EUNAUTHORIZED; /* deeper than any pipeline that is run */
    }
    if (stage.value.type == DOC_OBJECT) {
        stage = doc_first(doc_value_get_doc(stage.value));
        code = pipeline_source(walk->ask, collection, &stage);
    }
    if (reads && code == 0) {
        code = rights__may_collection(walk->ask, walk->ask->db, collection, SECURITY_find);
    }
    walk->depth++;
    doc_iter_init(&iter, stages);
    while (code >= 0 && doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT) {
            stage = doc_first(doc_value_get_doc(elem.value));
            code = pipeline_stage(walk, &stage);
        }
    }
    walk->depth--;
    return code < 0 ? code : 0;
}

int rights__pipeline(const struct rights_ask *ask, struct slice collection, struct slice stages)
{
    struct pipeline_walk walk = {.ask = ask};
    return pipeline_stages(&walk, collection, stages, true);
}
