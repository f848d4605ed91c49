/* command/index_wildcard.c - what a wildcard index may be.
 *
 * One field is a wildcard, the last part of its name; only "$**" takes a projection, and beside
 * other fields it needs one that leaves them out. */
#include "command/index_spec.h"
#include "doc/view.h"
#include "doc/wildcard.h"
#include "query/project.h"

enum { WILDCARD_PATHS_MAX = 1000 };

static bool wildcard_is_whole(struct slice name)
{
    return slice_is(name, "$**");
}

/* Of the names of a key pattern: the one that is a wildcard, or none. */
static int wildcard_find(struct command_op *op, struct slice key, struct doc_elem *ret_field)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    *ret_field = (struct doc_elem){.value = doc_missing};
    while (doc_iter_next(&iter, &elem)) {
        if (!doc_wildcard_is_name(elem.name) || !doc_value_is_number(elem.value)) {
            continue;
        }
        if (doc_value_exists(ret_field->value)) {
            return err_set(&op->err, 7246201,
                           "wildcard indexes do not allow more than one wildcard field: '%.*s' is "
                           "the second",
                           SLICE_FMT(elem.name));
        }
        *ret_field = elem;
    }
    return 0;
}

bool command_index_is_wildcard(struct slice key)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        if (doc_wildcard_is_name(elem.name) && doc_value_is_number(elem.value)) {
            return true;
        }
    }
    return false;
}

/* ---- the projection ---- */

static int wildcard_check_values(struct command_op *op, struct slice projection, uint32_t depth)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, projection);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT) {
            code = depth < DOC_PATH_PARTS_MAX
                       ? wildcard_check_values(op, doc_value_get_doc(elem.value), depth + 1)
                       : err_set(&op->err, LT_EOVERFLOW, "wildcardProjection is nested too deep");
        } else if (elem.value.type != DOC_BOOL && !doc_value_is_number(elem.value)) {
            code = err_set(&op->err, 51271,
                           "wildcardProjection value of '%.*s' must be a boolean, a number or a "
                           "document, but is %s",
                           SLICE_FMT(elem.name), doc_type_name(elem.value.type));
        }
    }
    return code;
}

/* No path may be another's, or above it. */
static int wildcard_check_paths(struct command_op *op, struct slice projection)
{
    uint32_t count;
    bool keeps;
    struct slice *paths = doc_wildcard_paths(&op->arena, projection, &count, &keeps);
    if (count > WILDCARD_PATHS_MAX) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "wildcardProjection has %u paths, the limit is %d", count,
                       WILDCARD_PATHS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            if (i != k && doc_wildcard_is_below(paths[i], paths[k])) {
                return err_set(&op->err, i < k ? 31250 : 31249,
                               "Path collision at %.*s in wildcardProjection", SLICE_FMT(paths[i]));
            }
        }
    }
    return 0;
}

static int wildcard_check_projection(struct command_op *op, struct slice projection)
{
    struct query_context context = {.arena = &op->arena};
    struct query_project *project;
    if (doc_is_empty(projection)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "The 'wildcardProjection' field can't be an empty object");
    }
    int code = wildcard_check_values(op, projection, 0);
    code = code < 0 ? code : wildcard_check_paths(op, projection);
    code = code < 0
               ? code
               : query_project_parse(&context, projection, QUERY_PROJECT_FIND, &project, &op->err);
    return code == -31253 ? err_set(&op->err, 31254, "wildcardProjection keeps and leaves out")
                          : code;
}

/* ---- beside other fields ---- */

static int wildcard_overlaps(struct command_op *op, struct slice name)
{
    return err_set(&op->err, 7246209,
                   "wildcard indexes must not index a field twice: '%.*s' must be left out by the "
                   "wildcard's path or by wildcardProjection",
                   SLICE_FMT(name));
}

/* No other field may be among the wildcard's, nor have some of them. */
static int wildcard_check_others(struct command_op *op, struct slice spec, struct slice key)
{
    const struct doc_wildcard *wildcard = doc_wildcard_of_spec(&op->arena, spec);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (i == wildcard->field) {
            continue;
        }
        if (!doc_value_is_number(elem.value)) {
            return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                           "wildcard indexes do not allow fields of other kinds: '%.*s'",
                           SLICE_FMT(elem.name));
        }
        if (doc_wildcard_place_of(wildcard, elem.name) != DOC_WILDCARD_OUTSIDE) {
            return wildcard_overlaps(op, elem.name);
        }
    }
    return 0;
}

static int wildcard_check_options(struct command_op *op,
                                  const struct command_index_options *options)
{
    int64_t version = 2;
    const char *wrong = options->unique ? "unique" : options->sparse ? "sparse" : NULL;
    if (wrong != NULL) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Index type 'wildcard' does not support the %s option", wrong);
    }
    if (options->expires) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Index type 'wildcard' cannot be a TTL index");
    }
    if (doc_value_exists(options->version) &&
        (!doc_value_to_i64_exact(options->version, &version) || version < 2)) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Invalid index specification: wildcard indexes need index version 2");
    }
    return 0;
}

int command_index_check_wildcard(struct command_op *op, struct slice spec,
                                 const struct command_index_options *options)
{
    struct slice key = doc_value_get_doc(doc_get_str(spec, "key"));
    struct doc_value projection = doc_get_str(spec, "wildcardProjection");
    struct doc_elem field;
    int code = wildcard_find(op, key, &field);
    if (code < 0) {
        return code;
    }
    if (!doc_value_exists(field.value)) {
        return doc_value_exists(projection)
                   ? err_set(
                         &op->err, LT_EBADVALUE,
                         "The field 'wildcardProjection' is only allowed in an 'wildcard' index")
                   : 0;
    }
    code = wildcard_check_options(op, options);
    if (code == 0 && doc_value_exists(projection)) {
        if (!wildcard_is_whole(field.name)) {
            return err_set(&op->err, LT_EFAILEDTOPARSE,
                           "The field 'wildcardProjection' is only allowed when the wildcard field "
                           "is '$**', not '%.*s'",
                           SLICE_FMT(field.name));
        }
        code = wildcard_check_projection(op, doc_value_get_doc(projection));
    }
    return code < 0 ? code : wildcard_check_others(op, spec, key);
}
