/* command/rights.c - what commands on data and on the server need.
 *
 * Shapes are not judged here: a command that cannot be read asks for the least that it could mean,
 * and its handler refuses it. */
#include <assert.h>

#include "command/args.h"
#include "command/authorize.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "command/rights_private.h"
#include "doc/view.h"

/* ---- asking ---- */

int rights__may(const struct rights_ask *ask, const struct security_resource *where,
                enum security_action action)
{
    return security_may(ask->privileges, where, action) ? 0 : -LT_EUNAUTHORIZED;
}

int rights__may_collection(const struct rights_ask *ask, struct slice db, struct slice collection,
                           enum security_action action)
{
    struct security_resource where = security_place(db, collection);
    return rights__may(ask, &where, action);
}

int rights__may_db(const struct rights_ask *ask, struct slice db, enum security_action action)
{
    return rights__may_collection(ask, db, (struct slice){0}, action);
}

int rights__may_cluster(const struct rights_ask *ask, enum security_action action)
{
    struct security_resource where = security_cluster();
    return rights__may(ask, &where, action);
}

struct slice rights__collection(const struct rights_ask *ask)
{
    struct doc_value first = doc_first(ask->body).value;
    bool text = first.type == DOC_STRING || first.type == DOC_SYMBOL;
    return text ? doc_value_get_string(first) : (struct slice){0};
}

bool rights__is_own(const struct rights_ask *ask, const struct command_name *user)
{
    return slice_equal(ask->user->name, user->name) && slice_equal(ask->user->db, user->db);
}

bool rights__says(struct slice doc, const char *name)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, name) && doc_value_truth(elem.value)) {
            return true;
        }
    }
    return false;
}

/* ---- the plain ones ---- */

int rights_login(const struct rights_ask *ask, enum security_action what)
{
    (void)ask;
    (void)what;
    return 0;
}

int rights_collection(const struct rights_ask *ask, enum security_action what)
{
    return rights__may_collection(ask, ask->db, rights__collection(ask), what);
}

int rights_db(const struct rights_ask *ask, enum security_action what)
{
    return rights__may_db(ask, ask->db, what);
}

int rights_cluster(const struct rights_ask *ask, enum security_action what)
{
    return rights__may_cluster(ask, what);
}

int rights_everything(const struct rights_ask *ask, enum security_action what)
{
    const struct security_resource all = {.kind = SECURITY_ANY};
    return rights__may(ask, &all, what);
}

/* ---- writes ---- */

/* The action, and the one that validators are passed by with. */
static int rights_write(const struct rights_ask *ask, enum security_action what)
{
    int code = rights_collection(ask, what);
    if (code == 0 && rights__says(ask->body, "bypassDocumentValidation")) {
        code = rights_collection(ask, SECURITY_bypassDocumentValidation);
    }
    return code;
}

int rights_insert(const struct rights_ask *ask, enum security_action what)
{
    return rights_write(ask, what);
}

/* Does any statement say `upsert`? They are in the body, or beside it. */
static bool rights_upserts(const struct rights_ask *ask)
{
    struct command_docs docs;
    struct slice statement;
    if (command_docs_open(ask->op, "updates", &docs) < 0) {
        ask->op->err.code = 0; /* the handler will say so */
        return false;
    }
    while (command_docs_next(&docs, &statement)) {
        if (rights__says(statement, "upsert")) {
            return true;
        }
    }
    return false;
}

int rights_update(const struct rights_ask *ask, enum security_action what)
{
    int code = rights_write(ask, what);
    return code == 0 && rights_upserts(ask) ? rights_collection(ask, SECURITY_insert) : code;
}

int rights_find_and_modify(const struct rights_ask *ask, enum security_action what)
{
    bool removes = rights__says(ask->body, "remove");
    int code = rights_write(ask, what);
    code = code < 0 ? code : rights_collection(ask, removes ? SECURITY_remove : SECURITY_update);
    if (code == 0 && rights__says(ask->body, "upsert")) {
        code = rights_collection(ask, SECURITY_insert);
    }
    return code;
}

/* Who may read a view sees what it is on: then he must be able to read that, too. */
static int rights_view(const struct rights_ask *ask)
{
    struct slice none = doc_value_get_doc(doc_empty_array);
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (rights_collection(ask, SECURITY_find) < 0) {
        return 0;
    }
    doc_iter_init(&iter, ask->body);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "viewOn") && elem.value.type == DOC_STRING) {
            code = rights__pipeline(ask, doc_value_get_string(elem.value), none);
        } else if (slice_is(elem.name, "pipeline") && elem.value.type == DOC_ARRAY) {
            code = rights__pipeline(ask, rights__collection(ask), doc_value_get_doc(elem.value));
        }
    }
    return code;
}

int rights_create(const struct rights_ask *ask, enum security_action what)
{
    int code = rights_collection(ask, what);
    code = code < 0 ? rights_collection(ask, SECURITY_insert) : 0;
    return code < 0 ? code : rights_view(ask);
}

int rights_coll_mod(const struct rights_ask *ask, enum security_action what)
{
    int code = rights_collection(ask, what);
    return code < 0 ? code : rights_view(ask);
}

int rights_clone(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value value = doc_get_str(ask->body, "toCollection");
    struct slice to = value.type == DOC_STRING ? doc_value_get_string(value) : SLICE("");
    static const enum security_action actions[] = {SECURITY_insert, SECURITY_createIndex,
                                                   SECURITY_convertToCapped};
    int code = rights_collection(ask, what);
    for (size_t i = 0; code == 0 && i < sizeof actions / sizeof actions[0]; i++) {
        code = rights__may_collection(ask, ask->db, to, actions[i]);
    }
    return code;
}

/* ---- renameCollection ---- */

static void rights_split(struct slice ns, struct slice *ret_db, struct slice *ret_collection)
{
    const uint8_t *dot = ns.len == 0 ? NULL : memchr(ns.data, '.', ns.len);
    size_t len = dot == NULL ? ns.len : (size_t)(dot - ns.data);
    *ret_db = slice_of(ns.data, len);
    *ret_collection = dot == NULL ? (struct slice){0} : slice_from(ns, len + 1);
}

/* Within a database who may rename there need not be able to read, unless that would make the
 * collection readable. */
static bool rights_rename_inside(const struct rights_ask *ask, struct slice db, struct slice from,
                                 struct slice to)
{
    return rights__may_db(ask, db, SECURITY_renameCollectionSameDB) == 0 &&
           !slice_starts(from, SLICE("system.")) && !slice_starts(to, SLICE("system.")) &&
           (rights__may_collection(ask, db, from, SECURITY_find) == 0 ||
            rights__may_collection(ask, db, to, SECURITY_find) < 0);
}

int rights_rename(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value to_value = doc_get_str(ask->body, "to");
    struct slice to_ns = to_value.type == DOC_STRING ? doc_value_get_string(to_value) : SLICE("");
    struct slice from_db, from, to_db, to;
    int code = 0;
    (void)what;
    rights_split(rights__collection(ask), &from_db, &from);
    rights_split(to_ns, &to_db, &to);
    if (!slice_equal(from_db, to_db) || !rights_rename_inside(ask, from_db, from, to)) {
        code = rights__may_collection(ask, from_db, from, SECURITY_find);
        code =
            code < 0 ? code : rights__may_collection(ask, from_db, from, SECURITY_dropCollection);
        code = code < 0 ? code : rights__may_collection(ask, to_db, to, SECURITY_insert);
        code = code < 0 ? code : rights__may_collection(ask, to_db, to, SECURITY_createIndex);
    }
    if (code == 0 && rights__says(ask->body, "dropTarget")) {
        code = rights__may_collection(ask, to_db, to, SECURITY_dropCollection);
    }
    return code;
}

int rights_data_size(const struct rights_ask *ask, enum security_action what)
{
    struct slice db, collection;
    rights_split(rights__collection(ask), &db, &collection);
    return rights__may_collection(ask, db, collection, what);
}

/* ---- reads ---- */

/* The row of another command: the one that is explained, or made a cursor. */
static int rights_of(const struct rights_ask *ask, struct slice body)
{
    struct rights_ask asked = *ask;
    struct slice name = doc_first(body).name;
    const struct command *command;
    for (size_t i = 0; (command = command_each(i)) != NULL; i++) {
        if (slice_is(name, command->name)) {
            break;
        }
    }
    asked.command = command;
    asked.body = body;
    bool nested = command == NULL || command->run == command_explain;
    return nested ? 0 : rights__ask(&asked);
}

int rights_explain(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value inner = doc_first(ask->body).value;
    (void)what;
    return inner.type == DOC_OBJECT ? rights_of(ask, doc_value_get_doc(inner)) : 0;
}

int rights_aggregate(const struct rights_ask *ask, enum security_action what)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    int pipelines = 0;
    doc_iter_init(&iter, ask->body);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "pipeline") && elem.value.type == DOC_ARRAY) {
            pipelines++;
            code = rights__pipeline(ask, rights__collection(ask), doc_value_get_doc(elem.value));
        }
    }
    return pipelines == 0 ? rights_collection(ask, what) : code;
}

int rights_cache_stats(const struct rights_ask *ask, enum security_action what)
{
    struct slice collection = rights__collection(ask);
    if (collection.len > 0) {
        return rights__may_collection(ask, ask->db, collection, what);
    }
    return slice_is(ask->db, "admin") ? rights__may_cluster(ask, SECURITY_serverStatus)
                                      : rights__may_db(ask, ask->db, SECURITY_dbStats);
}

/* ---- cursors ---- */

/* Is there such a cursor, and somebody else's? */
static bool rights_is_foreign(const struct rights_ask *ask, int64_t id,
                              struct command_cursor_origin *ret_origin)
{
    return command_cursor_origin(ask->op->server->cursors, id, &ask->op->arena, ret_origin) &&
           !command_is_user(ask->op, ret_origin->user_id);
}

/* A cursor is its user's, for as long as that one may run the command that made it. */
int rights_getmore(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value id = doc_first(ask->body).value;
    struct doc_value collection = doc_get_str(ask->body, "collection");
    struct command_cursor_origin origin = {.command = {0}};
    if (id.type != DOC_INT64 || collection.type != DOC_STRING) {
        return 0;
    }
    if (rights_is_foreign(ask, doc_value_get_i64(id), &origin)) {
        return err_set(&ask->op->err, LT_EUNAUTHORIZED,
                       "cursor id %lld was not created by the authenticated user",
                       (long long)doc_value_get_i64(id));
    }
    if (origin.command.len > 0) {
        return rights_of(ask, origin.command);
    }
    return rights__may_collection(ask, ask->db, doc_value_get_string(collection), what);
}

int rights_kill_cursors(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value list = doc_get_str(ask->body, "cursors");
    struct doc_iter iter;
    struct doc_elem elem;
    if (list.type != DOC_ARRAY) {
        return 0;
    }
    doc_iter_value(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        struct command_cursor_origin origin;
        bool foreign = elem.value.type == DOC_INT64 &&
                       rights_is_foreign(ask, doc_value_get_i64(elem.value), &origin);
        if (foreign && rights_collection(ask, what) < 0) {
            return -LT_EUNAUTHORIZED;
        }
    }
    return 0;
}

/* ---- lists ---- */

int rights_list_databases(const struct rights_ask *ask, enum security_action what)
{
    struct doc_value authorized = doc_get_str(ask->body, "authorizedDatabases");
    bool all = rights__may_cluster(ask, what) == 0;
    bool said = !doc_value_is_nullish(authorized);
    ask->op->filtered = said ? doc_value_truth(authorized) : !all;
    return all || ask->op->filtered ? 0 : -LT_EUNAUTHORIZED;
}

int rights_list_collections(const struct rights_ask *ask, enum security_action what)
{
    bool authorized = doc_value_truth(doc_get_str(ask->body, "authorizedCollections"));
    bool names = doc_value_truth(doc_get_str(ask->body, "nameOnly"));
    bool all = rights__may_db(ask, ask->db, what) == 0;
    ask->op->filtered = authorized;
    return all || (authorized && names && security_may_see_db(ask->privileges, ask->db))
               ? 0
               : -LT_EUNAUTHORIZED;
}

/* ---- operations ---- */

int rights_current_op(const struct rights_ask *ask, enum security_action what)
{
    ask->op->filtered = doc_value_truth(doc_get_str(ask->body, "$ownOps"));
    return ask->op->filtered ? 0 : rights__may_cluster(ask, what);
}

int rights_kill_op(const struct rights_ask *ask, enum security_action what)
{
    struct command_server *server = ask->op->server;
    struct doc_value value = doc_get_str(ask->body, "op");
    int64_t opid = doc_value_is_number(value) ? doc_value_to_i64_clamped(value) : 0;
    bool own = false;
    if (rights__may_cluster(ask, what) == 0) {
        return 0;
    }
    pthread_mutex_lock(&server->ops_lock);
    for (const struct command_op *op = server->ops; op != NULL; op = op->next) {
        own |= op->opid == opid && command_is_user(ask->op, op->user_id);
    }
    pthread_mutex_unlock(&server->ops_lock);
    return own ? 0 : -LT_EUNAUTHORIZED;
}
