/* command/plan_cache.c - planCacheSetFilter and its like: what an operator says to the planner.
 *
 * Plans are made anew for each query: planCacheClear has nothing to drop. */
#include "command/args.h"
#include "command/collation.h"
#include "command/handlers.h"
#include "command/index_filter.h"
#include "command/server.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

/* The collection that the command is about; NULL when there is none. */
static int plan_cache_collection(struct command_op *op, struct store_collection **ret_collection)
{
    struct slice ns;
    int code = command_namespace(op, &ns);
    code = code < 0 ? code : command_view_refuse(op, ns);
    *ret_collection = code < 0 ? NULL : store_catalog_find(op->catalog, ns);
    return code;
}

/* One of the fields that are documents; empty when it is not given. */
static int plan_cache_doc(struct command_op *op, const char *name, struct slice *ret_doc)
{
    struct doc_value value = doc_get_str(op->body, name);
    *ret_doc = value.type == DOC_OBJECT ? doc_value_get_doc(value) : (struct slice){0};
    return !doc_value_exists(value) || value.type == DOC_OBJECT
               ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "optional field %s must be an object: it is of type %s", name,
                         doc_type_name(value.type));
}

static int plan_cache_collation(struct command_op *op, struct slice *ret_collation)
{
    int code = plan_cache_doc(op, "collation", ret_collation);
    if (code < 0 || ret_collation->len == 0) {
        return code;
    }
    if (doc_is_empty(*ret_collation)) {
        return err_set(&op->err, LT_EBADVALUE, "optional field collation cannot be empty");
    }
    return doc_value_exists(doc_get_str(*ret_collation, "locale"))
               ? 0
               : err_set(&op->err, 40414,
                         "BSON field 'Collation.locale' is missing but a required field");
}

/* The shape that query, sort, projection and collation describe. */
static int plan_cache_shape(struct command_op *op, const struct store_collection *collection,
                            struct slice *ret_query, struct command_query_shape *ret_shape)
{
    struct query_context context = command_context(op, &op->arena, &op->memory.query);
    struct query_match *match = NULL;
    if (doc_get_str(op->body, "query").type != DOC_OBJECT) {
        return err_set(&op->err, LT_EBADVALUE, "required field query must be an object");
    }
    int code = plan_cache_doc(op, "query", ret_query);
    code = code < 0 ? code : plan_cache_doc(op, "sort", &ret_shape->sort);
    code = code < 0 ? code : plan_cache_doc(op, "projection", &ret_shape->projection);
    code = code < 0 ? code : plan_cache_collation(op, &ret_shape->collation);
    code = code < 0 ? code : command_collation(op, ret_shape->collation, collection, &context);
    code = code < 0 ? code : query_match_parse_near(&context, *ret_query, &match, &op->err);
    ret_shape->match = match;
    ret_shape->collation = code < 0 || context.collation == NULL
                               ? (struct slice){0}
                               : doc_collation_spec(context.collation);
    return code;
}

/* For commands to which no query means all of them: *ret_any says so. */
static int plan_cache_some(struct command_op *op, const struct store_collection *collection,
                           bool *ret_any, struct command_query_shape *ret_shape)
{
    struct slice query;
    *ret_any = !doc_value_exists(doc_get_str(op->body, "query"));
    if (!*ret_any) {
        return plan_cache_shape(op, collection, &query, ret_shape);
    }
    bool alone = doc_value_exists(doc_get_str(op->body, "sort")) ||
                 doc_value_exists(doc_get_str(op->body, "projection")) ||
                 doc_value_exists(doc_get_str(op->body, "collation"));
    return alone ? err_set(&op->err, LT_EBADVALUE,
                           "sort, projection or collation provided without query")
                 : 0;
}

/* An array of index names and key patterns. */
static int plan_cache_indexes(struct command_op *op, struct slice *ret_indexes)
{
    struct doc_value value = doc_get_str(op->body, "indexes");
    struct doc_iter iter;
    struct doc_elem elem;
    if (value.type != DOC_ARRAY || doc_is_empty(doc_value_get_doc(value))) {
        return err_set(&op->err, LT_EBADVALUE,
                       "required field indexes must be an array of at least one index");
    }
    *ret_indexes = doc_value_get_doc(value);
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        bool key = elem.value.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(elem.value));
        bool name = elem.value.type == DOC_STRING && doc_value_get_string(elem.value).len > 0;
        if (!key && !name) {
            return err_set(&op->err, LT_EBADVALUE,
                           "each item in indexes must be a key pattern or an index name, neither "
                           "of them empty");
        }
    }
    return 0;
}

int command_plan_cache_clear(struct command_op *op)
{
    struct store_collection *collection;
    struct command_query_shape shape = {0};
    bool any;
    int code = plan_cache_collection(op, &collection);
    return code < 0 || collection == NULL ? code : plan_cache_some(op, collection, &any, &shape);
}

int command_plan_cache_set_filter(struct command_op *op)
{
    struct store_collection *collection;
    struct command_index_filter filter = {0};
    int code = plan_cache_collection(op, &collection);
    if (code == 0 && collection == NULL) {
        return err_set(&op->err, LT_EBADVALUE, "no such collection");
    }
    code = code < 0 ? code : plan_cache_shape(op, collection, &filter.query, &filter.shape);
    code = code < 0 ? code : plan_cache_indexes(op, &filter.indexes);
    return code < 0 ? code
                    : command_index_filters_set(&op->server->index_filters, op->catalog, collection,
                                                &filter, &op->err);
}

int command_plan_cache_clear_filters(struct command_op *op)
{
    struct store_collection *collection;
    struct command_query_shape shape = {0};
    bool any;
    int code = plan_cache_collection(op, &collection);
    if (code < 0 || collection == NULL) {
        return code;
    }
    code = plan_cache_some(op, collection, &any, &shape);
    if (code == 0) {
        command_index_filters_clear(&op->server->index_filters, collection, any ? NULL : &shape);
    }
    return code;
}

int command_plan_cache_list_filters(struct command_op *op)
{
    struct store_collection *collection;
    int code = plan_cache_collection(op, &collection);
    if (code < 0) {
        return code;
    }
    doc_build_open_array(&op->builder, SLICE("filters"));
    if (collection != NULL) {
        command_index_filters_build(&op->server->index_filters, collection, &op->builder);
    }
    doc_build_close(&op->builder);
    return 0;
}
