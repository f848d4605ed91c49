/* query/sort.c - a pattern, and what of a document it sorts by.
 *
 * A field's key is one value, encoded so that bytes compare as values do; descending ones are
 * complemented. */
#include "query/sort.h"

#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"

static bool sort_direction(struct doc_value value, int64_t *ret_way)
{
    bool number = value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
                  value.type == DOC_DECIMAL;
    if (number) {
        *ret_way = doc_value_to_i64_clamped(value);
    }
    return number;
}

static int sort_meta(struct query_sort_field *field, struct doc_elem elem, struct err *err)
{
    struct slice spec = doc_value_get_doc(elem.value);
    struct doc_elem meta = doc_first(spec);
    if (!slice_is(meta.name, "$meta")) {
        return err_set(err, 17312, "$meta is the only expression supported by $sort right now");
    }
    if (doc_count(spec) > 1) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "Cannot have additional keys in a $meta sort specification");
    }
    struct slice what = SLICE("");
    if (meta.value.type == DOC_STRING) {
        what = doc_value_get_string(meta.value);
    }
    field->random = slice_is(what, "randVal");
    field->nothing = slice_is(what, "searchScore") || slice_is(what, "vectorSearchScore") ||
                     slice_is(what, "score");
    if (field->random || field->nothing) {
        return 0;
    }
    static const char *const known[] = {"textScore", "geoNearDistance"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (slice_is(what, known[i])) {
            return err_set(err, 40218, "query requires %s metadata, but it is not available",
                           known[i]);
        }
    }
    return err_set(err, 31138, "Illegal $meta sort: %.*s", SLICE_FMT(elem.name));
}

static int sort_path(struct query_context *context, struct query_sort_field *field,
                     struct slice name, struct err *err)
{
    if (name.len == 0) {
        return err_set(err, 40352, "FieldPath cannot be constructed with empty string");
    }
    if (name.data[name.len - 1] == '.') {
        return err_set(err, 40353, "FieldPath must not end with a '.'.");
    }
    int rc = doc_path_parse(context->arena, name, &field->path, err);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < field->path.count; i++) {
        struct slice part = field->path.parts[i].name;
        if (part.len == 0) {
            return err_set(err, 15998, "FieldPath field names may not be empty strings.");
        }
        if (part.data[0] == '$') {
            return err_set(err, 16410,
                           "FieldPath field names may not start with '$'. Consider using "
                           "$getField or $setField.");
        }
    }
    return 0;
}

static int sort_natural(struct query_sort *sort, struct slice spec, struct doc_value value,
                        struct err *err)
{
    int64_t way = 0;
    if (!sort_direction(value, &way) || (way != 1 && way != -1)) {
        return err_set(err, LT_EBADVALUE, "$natural sort must be 1 or -1");
    }
    if (doc_count(spec) > 1) {
        return err_set(err, LT_EBADVALUE,
                       "Cannot include '$natural' in compound sort: $natural must stand alone");
    }
    sort->natural = (int)way;
    return 0;
}

static int sort_field(struct query_context *context, struct query_sort_field *field,
                      struct doc_elem elem, struct err *err)
{
    if (elem.value.type == DOC_OBJECT) {
        return sort_meta(field, elem, err);
    }
    int64_t way = 0;
    if (!sort_direction(elem.value, &way)) {
        return err_set(err, 15974, "Illegal key in $sort specification: %.*s",
                       SLICE_FMT(elem.name));
    }
    if (way != 1 && way != -1) {
        return err_set(err, 15975,
                       "$sort key ordering must be 1 (for ascending) or -1 (for descending)");
    }
    field->descending = way < 0;
    return sort_path(context, field, elem.name, err);
}

int query_sort_parse(struct query_context *context, struct slice spec, struct query_sort **ret_sort,
                     struct err *err)
{
    struct query_sort *sort = arena_zero(context->arena, 1, sizeof *sort);
    struct doc_value natural = doc_get_str(spec, "$natural");
    *ret_sort = sort;
    if (doc_value_exists(natural)) {
        return sort_natural(sort, spec, natural, err);
    }
    size_t count = doc_count(spec);
    uint32_t paths = 0;
    sort->fields = arena_zero(context->arena, count, sizeof *sort->fields);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int rc = sort_field(context, &sort->fields[sort->count++], elem, err);
        if (rc < 0) {
            return rc;
        }
        paths += elem.value.type != DOC_OBJECT;
        if (paths > QUERY_SORT_FIELDS_MAX) {
            return err_set(err, 13103, "too many compound keys");
        }
    }
    return 0;
}

/* ---- keys ---- */

struct sort_pick {
    struct doc_value best;
    bool descending;
    bool any;
};

static void sort_offer(struct sort_pick *pick, struct doc_value value)
{
    if (!doc_value_exists(value)) {
        value = doc_null;
    }
    int order = pick->any ? doc_compare(value, pick->best) : 0;
    if (!pick->any || (pick->descending ? order > 0 : order < 0)) {
        pick->best = value;
        pick->any = true;
    }
}

static bool sort_hit(void *context, const struct doc_path_hit *hit)
{
    struct sort_pick *pick = context;
    if (hit->value.type != DOC_ARRAY) {
        sort_offer(pick, hit->value);
        return false;
    }
    if (doc_is_empty(doc_value_get_doc(hit->value))) {
        sort_offer(pick, (struct doc_value){hit->value.data, 0, DOC_UNDEFINED});
        return false;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, hit->value);
    while (doc_iter_next(&iter, &elem)) {
        sort_offer(pick, elem.value);
    }
    return false;
}

/* The part of the path that is the first array on it; empty when there is none. */
static struct slice sort_array_on(const struct doc_path *path, struct slice doc)
{
    for (uint32_t i = 0; i < path->count; i++) {
        struct slice name = path->parts[i].name;
        struct doc_value value = doc_get(doc, name);
        if (value.type == DOC_ARRAY) {
            return slice_of(path->text.data, (size_t)(name.data + name.len - path->text.data));
        }
        if (value.type != DOC_OBJECT) {
            break;
        }
        doc = doc_value_get_doc(value);
    }
    return SLICE("");
}

int query_sort_key(const struct query_sort *sort, struct query_eval *eval, struct slice doc,
                   struct buf *key, struct err *err)
{
    struct slice array = SLICE("");
    for (uint32_t i = 0; i < sort->count; i++) {
        const struct query_sort_field *field = &sort->fields[i];
        if (field->random) {
            int64_t number = (int64_t)query_random(eval->context);
            doc_key_encode(key, doc_value_i64(eval->arena, number), false);
            continue;
        }
        if (field->nothing) {
            continue;
        }
        if (sort->count > 1) {
            struct slice here = sort_array_on(&field->path, doc);
            if (here.len > 0 && array.len > 0 && !slice_equal(here, array)) {
                return err_set(err, LT_EBADVALUE, "cannot sort with keys that are parallel arrays");
            }
            array = here.len > 0 ? here : array;
        }
        struct sort_pick pick = {.best = doc_null, .descending = field->descending};
        doc_path_visit(&field->path, doc, sort_hit, &pick);
        doc_key_encode(key, pick.best, field->descending);
    }
    return 0;
}
