/* command/stage_merge.c - the specification of $merge. */
#include "command/args.h"
#include "command/merge.h"
#include "command/stages.h"
#include "doc/view.h"
#include "query/expr.h"

struct merge_args {
    struct doc_value into;
    struct doc_value on;
    struct slice let;
    struct doc_value matched;
    struct slice unmatched;
};

static const struct command_arg merge_arg_table[] = {
    {"into", COMMAND_ARG_VALUE, offsetof(struct merge_args, into), 0},
    {"on", COMMAND_ARG_VALUE, offsetof(struct merge_args, on), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct merge_args, let), 0},
    {"whenMatched", COMMAND_ARG_VALUE, offsetof(struct merge_args, matched), 0},
    {"whenNotMatched", COMMAND_ARG_STRING, offsetof(struct merge_args, unmatched), 0},
    {NULL},
};

static int merge_read(struct doc_value spec, struct merge_args *args, struct err *err)
{
    static const struct command_args_spec fields = {"$merge", merge_arg_table, false, false};
    if (spec.type == DOC_STRING) {
        args->into = spec;
        return 0;
    }
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 51182, "$merge requires a string or object argument, but found %s",
                       doc_type_name(spec.type));
    }
    struct slice doc = doc_value_get_doc(spec);
    int code = command_sink_check_fields("$merge", doc, err);
    code = code < 0 ? code : command_args_read(&fields, doc, args, err);
    if (code == 0 && !doc_value_exists(args->into)) {
        code = err_set(err, 40414, "BSON field '$merge.into' is missing but a required field");
    }
    return code;
}

/* ---- into ---- */

static int merge_into(const struct query_stage_parse *parse, struct doc_value into,
                      struct slice *ret_ns, struct err *err)
{
    static const struct command_arg table[] = {
        {"db", COMMAND_ARG_STRING, offsetof(struct command_sink_target, db), 0},
        {"coll", COMMAND_ARG_STRING, offsetof(struct command_sink_target, coll), 0},
        {NULL},
    };
    static const struct command_args_spec fields = {"$merge.into", table, false, false};
    struct command_sink_target target = {.database_code = 31320, .system_code = 31319};
    int code = 0;
    if (into.type == DOC_STRING) {
        target.coll = doc_value_get_string(into);
    } else if (into.type == DOC_OBJECT) {
        code = command_sink_check_fields("$merge.into", doc_value_get_doc(into), err);
        code = code < 0 ? code : command_args_read(&fields, doc_value_get_doc(into), &target, err);
    } else {
        code = err_set(err, 51178,
                       "$merge 'into' field  must be either a string or an object, but found %s",
                       doc_type_name(into.type));
    }
    if (code == 0 && target.coll.len == 0) {
        code = err_set(err, into.type == DOC_OBJECT ? 51178 : LT_EINVALIDNAMESPACE,
                       "$merge 'into' field must specify a 'coll' that is not empty");
    }
    target.db = target.db.len == 0 ? (struct slice){0} : target.db;
    return code < 0 ? code : command_sink_resolve(parse, &target, ret_ns, err);
}

/* ---- on ---- */

static int merge_on_add(struct query_context *context, struct command_merge *merge,
                        struct doc_value field, struct err *err)
{
    struct slice text = doc_value_get_string(field);
    struct doc_path *path = &merge->on[merge->on_count];
    for (uint32_t i = 0; i < merge->on_count; i++) {
        if (slice_equal(merge->on[i].text, text)) {
            return err_set(err, 31465, "Found a duplicate field '%.*s' in $merge's 'on'",
                           SLICE_FMT(text));
        }
    }
    int code = doc_path_parse(context->arena, text, path, err);
    if (code == 0 && doc_path_has_empty_part(path)) {
        code =
            err_set(err, 40353, "FieldPath must not have an empty part: '%.*s'", SLICE_FMT(text));
    }
    merge->on_count++;
    merge->on_id |= slice_is(text, "_id");
    return code;
}

static int merge_on_list(struct query_context *context, struct command_merge *merge,
                         struct doc_value list, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    merge->on =
        arena_zero(context->arena, doc_count(doc_value_get_doc(list)) + 1, sizeof *merge->on);
    doc_iter_value(&iter, list);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = elem.value.type == DOC_STRING
                   ? merge_on_add(context, merge, elem.value, err)
                   : err_set(err, 51134, "$merge 'on' array elements must be strings, but found %s",
                             doc_type_name(elem.value.type));
    }
    if (code == 0 && merge->on_count == 0) {
        code = err_set(err, 51187,
                       "If explicitly specifying $merge 'on', must include at least one field");
    }
    return code;
}

static int merge_on(struct query_context *context, struct command_merge *merge, struct doc_value on,
                    struct err *err)
{
    if (on.type == DOC_ARRAY) {
        return merge_on_list(context, merge, on, err);
    }
    merge->on = arena_zero(context->arena, 1, sizeof *merge->on);
    if (!doc_value_exists(on)) {
        return merge_on_add(context, merge, doc_value_string(context->arena, SLICE("_id")), err);
    }
    if (on.type != DOC_STRING) {
        return err_set(err, 51186,
                       "$merge 'on' field  must be either a string or an array of strings, but "
                       "found %s",
                       doc_type_name(on.type));
    }
    return merge_on_add(context, merge, on, err);
}

/* Has the index these fields, in whatever order, and no others? Its strings must be told apart as
 * the command does. */
static bool merge_index_fits(const struct command_merge *merge, const struct store_index *index,
                             const struct doc_collation *collation)
{
    uint32_t found = 0;
    bool fits = index->unique && index->ready && index->partial.len == 0 &&
                doc_collation_is_same(index->collation, collation) &&
                index->fields_count == merge->on_count;
    for (uint32_t i = 0; fits && i < index->fields_count; i++) {
        for (uint32_t k = 0; k < merge->on_count; k++) {
            found += slice_equal(index->fields[i].path.text, merge->on[k].text);
        }
        fits = !index->fields[i].geo;
    }
    return fits && found == merge->on_count;
}

/* One that has nulls is the better one. A collection that is not there will have one on _id. */
static int merge_check_index(const struct command_cursor *cursor, struct command_merge *merge,
                             struct err *err)
{
    struct store_catalog *catalog = command_cursor_catalog(cursor);
    const struct store_collection *target = store_catalog_find(catalog, merge->sink.ns);
    bool found = target == NULL && merge->on_id && merge->on_count == 1;
    for (uint32_t i = 0; target != NULL && i < target->indexes_count; i++) {
        if (merge_index_fits(merge, &target->indexes[i], cursor->context.collation)) {
            found = true;
            merge->takes_null |= !target->indexes[i].sparse;
        }
    }
    store_catalog_release(catalog);
    return found
               ? 0
               : err_set(err, 51183, "Cannot find index to verify that join fields will be unique");
}

/* ---- whenMatched, whenNotMatched, let ---- */

static int merge_pipeline(struct command_merge *merge, struct doc_value stages, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, stages);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_OBJECT) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "Each element of the 'pipeline' array must be an object");
        }
    }
    merge->matched = COMMAND_MERGE_PIPELINE;
    merge->pipeline = stages;
    return 0;
}

static int merge_matched(struct command_merge *merge, struct doc_value matched, struct err *err)
{
    static const char *const names[] = {[COMMAND_MERGE_MERGE] = "merge",
                                        [COMMAND_MERGE_REPLACE] = "replace",
                                        [COMMAND_MERGE_KEEP] = "keepExisting",
                                        [COMMAND_MERGE_FAIL] = "fail"};
    if (!doc_value_exists(matched)) {
        return 0;
    }
    if (matched.type == DOC_ARRAY) {
        return merge_pipeline(merge, matched, err);
    }
    if (matched.type != DOC_STRING) {
        return err_set(err, 51191,
                       "$merge 'whenMatched' field  must be either a string or an array, but "
                       "found %s",
                       doc_type_name(matched.type));
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_is(doc_value_get_string(matched), names[i])) {
            merge->matched = (enum command_merge_matched)i;
            return 0;
        }
    }
    return err_set(err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field 'whenMatched' is not a valid value.",
                   SLICE_FMT(doc_value_get_string(matched)));
}

static int merge_unmatched(struct command_merge *merge, struct slice unmatched, struct err *err)
{
    static const char *const names[] = {[COMMAND_MERGE_INSERT] = "insert",
                                        [COMMAND_MERGE_DISCARD] = "discard",
                                        [COMMAND_MERGE_MISSING_FAILS] = "fail"};
    size_t at = 0;
    while (unmatched.data != NULL && at < sizeof names / sizeof names[0] &&
           !slice_is(unmatched, names[at])) {
        at++;
    }
    if (at == sizeof names / sizeof names[0]) {
        return err_set(
            err, LT_EBADVALUE,
            "Enumeration value '%.*s' for field '$merge.whenNotMatched' is not a valid value.",
            SLICE_FMT(unmatched));
    }
    merge->unmatched = (enum command_merge_unmatched)at;
    bool inserts = merge->unmatched == COMMAND_MERGE_INSERT;
    if (!inserts &&
        (merge->matched == COMMAND_MERGE_FAIL || merge->matched == COMMAND_MERGE_KEEP)) {
        return err_set(err, 51181,
                       "Combination of $merge modes 'whenMatched: %s' and 'whenNotMatched: %s' is "
                       "not supported",
                       merge->matched == COMMAND_MERGE_FAIL ? "fail" : "keepExisting",
                       names[merge->unmatched]);
    }
    return 0;
}

/* `new` is the document, whatever its place among the others. */
static int merge_variable(struct query_context *context, struct command_merge *merge,
                          const struct doc_elem *elem, struct err *err)
{
    if (slice_is(elem->name, "new")) {
        bool root =
            elem->value.type == DOC_STRING && slice_is(doc_value_get_string(elem->value), "$$ROOT");
        return root ? 0
                    : err_set(err, 51273,
                              "'let' may not define a value for the reserved 'new' variable other "
                              "than '$$ROOT'");
    }
    struct command_merge_variable *variable = &merge->variables[merge->variables_count++];
    variable->name = elem->name;
    int code = query_variable_name(elem->name, err);
    return code < 0 ? code : query_expr_parse(context, elem->value, &variable->value, err);
}

static int merge_let(struct query_context *context, struct command_merge *merge, struct slice let,
                     struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (let.data == NULL) {
        return 0;
    }
    if (merge->matched != COMMAND_MERGE_PIPELINE) {
        return err_set(err, 51199,
                       "Cannot use 'let' variables with a 'whenMatched' that is no pipeline");
    }
    merge->variables = arena_zero(context->arena, doc_count(let) + 1, sizeof *merge->variables);
    doc_iter_init(&iter, let);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = merge_variable(context, merge, &elem, err);
    }
    return code;
}

static int merge_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct query_context *context = parse->context;
    struct command_merge *merge = arena_zero(context->arena, 1, sizeof *merge);
    struct merge_args args = {0};
    merge->sink.ops = &command_merge_sink;
    merge->sink.name = parse->ops->name;
    int code = merge_read(spec, &args, err);
    code = code < 0 ? code : merge_into(parse, args.into, &merge->sink.ns, err);
    code = code < 0 ? code : merge_matched(merge, args.matched, err);
    code = code < 0 ? code : merge_unmatched(merge, args.unmatched, err);
    code = code < 0 ? code : merge_let(context, merge, args.let, err);
    code = code < 0 ? code : merge_on(context, merge, args.on, err);
    code = code < 0 ? code : merge_check_index(parse->options->owner, merge, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, merge);
    }
    return code;
}

const struct query_stage_ops command_stage_merge = {
    .name = "$merge",
    .flags = QUERY_STAGE_LAST,
    .parse = merge_parse,
    .next = command_sink_next,
};
