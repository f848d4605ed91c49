/* command/stage_none.c - stages that list what this server has none of: cached plans, query
 * settings, sampled queries. They read their arguments as MongoDB does and give no document. */
#include "command/stages.h"
#include "doc/view.h"

static int none_place(const struct query_stage_parse *parse, bool database, struct err *err)
{
    if (command_stage_of_database(parse) == database) {
        return 0;
    }
    return err_set(err, LT_EINVALIDNAMESPACE, "%s must be run against %s", parse->ops->name,
                   database ? "the database with {aggregate: 1}, not a collection"
                            : "a collection");
}

/* A document with one optional field, of one type. */
static int none_fields(const struct query_stage_parse *parse, struct doc_value spec,
                       const char *name, uint8_t type, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s expects a document as argument, but got %s",
                       parse->ops->name, doc_type_name(spec.type));
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, name)) {
            return err_set(err, 40415, "BSON field '%s.%.*s' is an unknown field.",
                           parse->ops->name, SLICE_FMT(elem.name));
        }
        if (elem.value.type != type && !doc_value_is_nullish(elem.value)) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "BSON field '%s.%s' is the wrong type '%s', expected type '%s'",
                           parse->ops->name, name, doc_type_name(elem.value.type),
                           doc_type_name(type));
        }
    }
    return 0;
}

static int none_parse_settings(struct query_stage_parse *parse, struct doc_value spec,
                               struct err *err)
{
    int code = none_fields(parse, spec, "showDebugQueryShape", DOC_BOOL, err);
    code = code < 0 ? code : none_place(parse, true, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, NULL);
    }
    return code;
}

static int none_parse_samples(struct query_stage_parse *parse, struct doc_value spec,
                              struct err *err)
{
    int code = none_fields(parse, spec, "namespace", DOC_STRING, err);
    code = code < 0 ? code : none_place(parse, true, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, NULL);
    }
    return code;
}

static int none_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    (void)self;
    (void)ret_doc;
    (void)err;
    return 0;
}

/* ---- $planCacheStats: the parsed form is the cursor, which knows whether there is a collection */

static int none_plan_field(const struct doc_elem *elem, struct err *err)
{
    if (!slice_is(elem->name, "allHosts")) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$planCacheStats parameters object may contain only 'allHosts' field. "
                       "Found: %.*s",
                       SLICE_FMT(elem->name));
    }
    if (elem->value.type != DOC_BOOL) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "allHosts parameter to $planCacheStats must be a boolean, but found %s",
                       doc_type_name(elem->value.type));
    }
    return 0;
}

static int none_parse_plans(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "$planCacheStats value must be an object. Found: %s",
                       doc_type_name(spec.type));
    }
    struct doc_iter iter;
    struct doc_elem elem;
    bool all_hosts = false;
    int code = 0;
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = none_plan_field(&elem, err);
        all_hosts = code == 0 && doc_value_get_bool(elem.value);
    }
    if (code == 0 && all_hosts) {
        code = err_set(err, 4503200,
                       "$planCacheStats stage supports allHosts parameter only for "
                       "sharded clusters");
    }
    code = code < 0 ? code : none_place(parse, false, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, parse->options->owner);
    }
    return code;
}

static int none_next_plan(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    (void)ret_doc;
    const struct command_cursor *cursor = self->stage->parsed;
    return cursor->collection != NULL
               ? 0
               : err_set(err, 50933, "collection '%.*s' does not exist", SLICE_FMT(cursor->ns));
}

enum { NONE_FLAGS = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET };

const struct query_stage_ops command_stage_plan_cache = {
    .name = "$planCacheStats",
    .flags = NONE_FLAGS,
    .parse = none_parse_plans,
    .next = none_next_plan,
};
const struct query_stage_ops command_stage_query_settings = {
    .name = "$querySettings",
    .flags = NONE_FLAGS,
    .parse = none_parse_settings,
    .next = none_next,
};
const struct query_stage_ops command_stage_sampled_queries = {
    .name = "$listSampledQueries",
    .flags = NONE_FLAGS,
    .parse = none_parse_samples,
    .next = none_next,
};
