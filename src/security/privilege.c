/* security/privilege.c - sets of privileges: merging them, asking them, and their documents. */
#include "security/privilege.h"

#include "doc/view.h"

/* ---- actions ---- */

static const char *const action_names[] = {
#define ACTION(name) #name,
#include "security/actions.def"
};

const char *security_action_name(enum security_action action)
{
    assert(action < SECURITY_ACTIONS_COUNT);
    return action_names[action];
}

int security_action_find(struct slice name)
{
    for (int i = 0; i < SECURITY_ACTIONS_COUNT; i++) {
        if (slice_is(name, action_names[i])) {
            return i;
        }
    }
    return -1;
}

void security_actions_add(struct security_actions *actions, enum security_action action)
{
    actions->bits[action / 64] |= UINT64_C(1) << (action % 64);
}

struct security_actions security_actions_of(const char *words)
{
    struct security_actions actions = {{0}};
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        int action = security_action_find(slice_of(words, len));
        assert(action >= 0);
        security_actions_add(&actions, (enum security_action)action);
        words += len + (words[len] == ' ');
    }
    return actions;
}

static bool actions_are_none(const struct security_actions *actions)
{
    uint64_t any = 0;
    for (int i = 0; i < SECURITY_ACTION_WORDS; i++) {
        any |= actions->bits[i];
    }
    return any == 0;
}

/* ---- sets ---- */

void security_privileges_init(struct security_privileges *privileges, struct arena *arena)
{
    *privileges = (struct security_privileges){.arena = arena};
}

static bool resource_equal(const struct security_resource *a, const struct security_resource *b)
{
    return a->kind == b->kind && slice_equal(a->db, b->db) &&
           slice_equal(a->collection, b->collection);
}

static struct security_privilege *privileges_find(const struct security_privileges *privileges,
                                                  const struct security_resource *resource)
{
    for (uint32_t i = 0; i < privileges->count; i++) {
        if (resource_equal(&privileges->all[i].resource, resource)) {
            return &privileges->all[i];
        }
    }
    return NULL;
}

static struct security_privilege *privileges_append(struct security_privileges *privileges,
                                                    const struct security_resource *resource)
{
    if (privileges->count == privileges->cap) {
        struct security_privilege *old = privileges->all;
        privileges->cap = privileges->cap == 0 ? 8 : privileges->cap * 2;
        privileges->all = arena_zero(privileges->arena, privileges->cap, sizeof *old);
        if (privileges->count > 0) {
            memcpy(privileges->all, old, privileges->count * sizeof *old);
        }
    }
    struct security_privilege *added = &privileges->all[privileges->count++];
    added->resource =
        (struct security_resource){resource->kind, arena_copy(privileges->arena, resource->db),
                                   arena_copy(privileges->arena, resource->collection)};
    return added;
}

void security_privileges_add(struct security_privileges *privileges,
                             const struct security_resource *resource,
                             const struct security_actions *actions)
{
    if (actions_are_none(actions)) {
        return;
    }
    struct security_privilege *into = privileges_find(privileges, resource);
    if (into == NULL) {
        into = privileges_append(privileges, resource);
    }
    for (int i = 0; i < SECURITY_ACTION_WORDS; i++) {
        into->actions.bits[i] |= actions->bits[i];
    }
}

void security_privileges_remove(struct security_privileges *privileges,
                                const struct security_resource *resource,
                                const struct security_actions *actions)
{
    struct security_privilege *from = privileges_find(privileges, resource);
    if (from == NULL) {
        return;
    }
    for (int i = 0; i < SECURITY_ACTION_WORDS; i++) {
        from->actions.bits[i] &= ~actions->bits[i];
    }
    if (actions_are_none(&from->actions)) {
        size_t after = (size_t)(privileges->all + privileges->count - (from + 1));
        memmove(from, from + 1, after * sizeof *from);
        privileges->count--;
    }
}

/* ---- asking ---- */

static bool db_is_apart(struct slice db)
{
    return slice_is(db, "local") || slice_is(db, "config");
}

static bool place_covers(const struct security_resource *place,
                         const struct security_resource *where)
{
    bool same_collection = slice_equal(place->collection, where->collection);
    bool all = place->collection.len == 0 && !slice_starts(where->collection, SLICE("system."));
    if (place->db.len == 0) {
        return same_collection ? place->collection.len > 0 || !db_is_apart(where->db)
                               : all && !db_is_apart(where->db);
    }
    return slice_equal(place->db, where->db) && (same_collection || all);
}

static bool resource_covers(const struct security_resource *resource,
                            const struct security_resource *where)
{
    return resource->kind == SECURITY_ANY ||
           (resource->kind == where->kind &&
            (where->kind != SECURITY_PLACE || place_covers(resource, where)));
}

bool security_may(const struct security_privileges *privileges,
                  const struct security_resource *where, enum security_action action)
{
    for (uint32_t i = 0; i < privileges->count; i++) {
        const struct security_privilege *privilege = &privileges->all[i];
        bool acts = security_actions_have(&privilege->actions, action) ||
                    security_actions_have(&privilege->actions, SECURITY_anyAction);
        if (acts && resource_covers(&privilege->resource, where)) {
            return true;
        }
    }
    return false;
}

bool security_may_see_collection(const struct security_privileges *privileges, struct slice db,
                                 struct slice collection)
{
    struct security_resource where = security_place(db, collection);
    for (uint32_t i = 0; i < privileges->count; i++) {
        if (resource_covers(&privileges->all[i].resource, &where)) {
            return true;
        }
    }
    return false;
}

bool security_may_see_db(const struct security_privileges *privileges, struct slice db)
{
    struct security_resource where = security_place(db, (struct slice){0});
    for (uint32_t i = 0; i < privileges->count; i++) {
        const struct security_resource *resource = &privileges->all[i].resource;
        bool inside = resource->kind == SECURITY_PLACE && slice_equal(resource->db, db);
        if (inside || resource_covers(resource, &where)) {
            return true;
        }
    }
    return false;
}

/* ---- as documents ---- */

static int privilege_flag(struct doc_value flag, const char *name, struct err *err)
{
    if (flag.type != DOC_BOOL || !doc_value_get_bool(flag)) {
        return err_set(err, LT_EBADVALUE, "%s must be true when specified", name);
    }
    return 0;
}

static int resource_parse(struct slice doc, struct security_resource *ret_resource, struct err *err)
{
    struct doc_value db = doc_get_str(doc, "db");
    struct doc_value collection = doc_get_str(doc, "collection");
    struct doc_value cluster = doc_get_str(doc, "cluster");
    struct doc_value any = doc_get_str(doc, "anyResource");
    bool place = doc_value_exists(db) || doc_value_exists(collection);
    if (place + doc_value_exists(cluster) + doc_value_exists(any) != 1) {
        return err_set(err, LT_EBADVALUE,
                       "resource must set exactly one of 'db' and 'collection', 'cluster', "
                       "'anyResource'");
    }
    if (!place) {
        bool whole = doc_value_exists(cluster);
        ret_resource->kind = whole ? SECURITY_CLUSTER : SECURITY_ANY;
        return privilege_flag(whole ? cluster : any, whole ? "cluster" : "anyResource", err);
    }
    if (db.type != DOC_STRING || collection.type != DOC_STRING) {
        return err_set(err, LT_EBADVALUE,
                       "resource must have both 'db' and 'collection', and both must be strings");
    }
    *ret_resource = security_place(doc_value_get_string(db), doc_value_get_string(collection));
    return 0;
}

static int privilege_actions(struct slice array, struct security_actions *actions, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        int action = -1;
        if (elem.value.type == DOC_STRING) {
            action = security_action_find(doc_value_get_string(elem.value));
        }
        if (action < 0) {
            struct slice name = elem.value.type == DOC_STRING ? doc_value_get_string(elem.value)
                                                              : SLICE("(no string)");
            return err_set(err, LT_EBADVALUE, "Unrecognized action privilege strings: %.*s",
                           SLICE_FMT(name));
        }
        security_actions_add(actions, (enum security_action)action);
    }
    return 0;
}

int security_privilege_parse(struct slice doc, struct security_privilege *ret_privilege,
                             struct err *err)
{
    struct doc_value resource = doc_get_str(doc, "resource");
    struct doc_value actions = doc_get_str(doc, "actions");
    struct security_privilege privilege = {0};
    if (resource.type != DOC_OBJECT || actions.type != DOC_ARRAY) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "a privilege must have a document 'resource' and an array 'actions'");
    }
    if (doc_is_empty(doc_value_get_doc(actions))) {
        return err_set(err, LT_EFAILEDTOPARSE, "a privilege must have at least one action");
    }
    int code = resource_parse(doc_value_get_doc(resource), &privilege.resource, err);
    code = code < 0 ? code : privilege_actions(doc_value_get_doc(actions), &privilege.actions, err);
    if (code == 0) {
        *ret_privilege = privilege;
    }
    return code;
}

int security_privileges_parse(struct security_privileges *privileges, struct slice array,
                              struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        struct security_privilege one;
        if (elem.value.type != DOC_OBJECT) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "BSON field 'privileges.%.*s' is the wrong type '%s', expected type "
                           "'object'",
                           SLICE_FMT(elem.name), doc_type_name(elem.value.type));
        }
        int code = security_privilege_parse(doc_value_get_doc(elem.value), &one, err);
        if (code < 0) {
            return code;
        }
        security_privileges_add(privileges, &one.resource, &one.actions);
    }
    return 0;
}

static void resource_build(const struct security_resource *resource, struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("resource"));
    switch (resource->kind) {
    case SECURITY_CLUSTER:
        doc_build_bool(builder, "cluster", true);
        break;
    case SECURITY_ANY:
        doc_build_bool(builder, "anyResource", true);
        break;
    case SECURITY_PLACE:
        doc_build_string(builder, "db", resource->db);
        doc_build_string(builder, "collection", resource->collection);
        break;
    }
    doc_build_close(builder);
}

void security_privileges_build(const struct security_privileges *privileges,
                               struct doc_builder *builder, const char *name)
{
    doc_build_open_array(builder, slice_str(name));
    for (uint32_t i = 0; i < privileges->count; i++) {
        doc_build_open(builder, SLICE(""));
        resource_build(&privileges->all[i].resource, builder);
        doc_build_open_array(builder, SLICE("actions"));
        for (int action = 0; action < SECURITY_ACTIONS_COUNT; action++) {
            if (security_actions_have(&privileges->all[i].actions, (enum security_action)action)) {
                doc_build_text(builder, "", action_names[action]);
            }
        }
        doc_build_close(builder);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}
