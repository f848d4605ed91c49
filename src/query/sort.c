/* query/sort.c - a pattern, and what of a document it sorts by.
 *
 * A field's key is one value, encoded so that bytes compare as values do; descending ones are
 * complemented. */
#include "query/sort.h"

#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"
#include "query/expr_private.h"
#include "query/match.h"

static bool sort_direction(struct doc_value value, int64_t *ret_way)
{
    bool number = value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
                  value.type == DOC_DECIMAL;
    if (number) {
        *ret_way = doc_value_to_i64_clamped(value);
    }
    return number;
}

static int sort_meta(const struct query_context *context, struct query_sort_field *field,
                     struct doc_elem elem, struct err *err)
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
    field->nothing |= context->near != NULL && slice_is(what, "geoNearDistance");
    if (field->random || field->nothing) { /* by distance: as documents come, sorts are stable */
        return 0;
    }
    if (context->text != NULL && slice_is(what, "textScore")) {
        field->text = context->text;
        field->descending = true;
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
    for (uint32_t i = 0; rc == 0 && i < field->path.count; i++) {
        rc = query__path_part_check(field->path.parts[i].name, err);
    }
    return rc;
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
        return sort_meta(context, field, elem, err);
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
    sort->collation = context->collation;
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
    const struct doc_collation *collation;
    bool descending;
    bool any;
};

static void sort_offer(struct sort_pick *pick, struct doc_value value)
{
    if (!doc_value_exists(value)) {
        value = doc_null;
    }
    int order = pick->any ? doc_compare_by(value, pick->best, pick->collation) : 0;
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

/* How many parts of the path lead to the first array on it, and that array; 0 when there is none.
 */
static uint32_t sort_array_on(const struct doc_path *path, struct slice doc,
                              struct doc_value *ret_array)
{
    for (uint32_t i = 0; i < path->count; i++) {
        struct doc_value value = doc_get(doc, path->parts[i].name);
        if (value.type == DOC_ARRAY) {
            *ret_array = value;
            return i + 1;
        }
        if (value.type != DOC_OBJECT) {
            break;
        }
        doc = doc_value_get_doc(value);
    }
    return 0;
}

/* The array that several fields go through: they must then be taken from one element. */
struct sort_shared {
    const struct doc_path *path; /* of the first of them; NULL: no array */
    uint32_t parts;              /* of it lead to the array */
    struct doc_value array;
    uint32_t fields;
    const struct doc_collation *collation; /* the pattern's */
};

static bool sort_goes_through(const struct sort_shared *shared, const struct doc_path *path)
{
    if (shared->path == NULL || path->count < shared->parts) {
        return false;
    }
    for (uint32_t i = 0; i < shared->parts; i++) {
        if (!slice_equal(path->parts[i].name, shared->path->parts[i].name)) {
            return false;
        }
    }
    return true;
}

static bool sort_has_no_path(const struct query_sort_field *field)
{
    return field->random || field->nothing || field->text != NULL;
}

static int sort_share(const struct query_sort *sort, struct slice doc, struct sort_shared *shared,
                      struct err *err)
{
    *shared = (struct sort_shared){.collation = sort->collation};
    for (uint32_t i = 0; i < sort->count && sort->count > 1; i++) {
        const struct query_sort_field *field = &sort->fields[i];
        struct doc_value array = doc_missing;
        uint32_t parts = sort_has_no_path(field) ? 0 : sort_array_on(&field->path, doc, &array);
        if (parts == 0) {
            continue;
        }
        if (shared->path == NULL) {
            *shared = (struct sort_shared){&field->path, parts, array, 0, sort->collation};
        }
        if (!sort_goes_through(shared, &field->path)) {
            return err_set(err, LT_EBADVALUE, "cannot sort with keys that are parallel arrays");
        }
        shared->fields++;
        if (parts < field->path.count && field->path.parts[parts].index >= 0) {
            shared->fields = 0; /* a position, not any element */
            return 0;
        }
    }
    return 0;
}

/* The field's value; `elem` is the element of the shared array to take it from, or NULL. */
static struct doc_value sort_value(const struct query_sort_field *field, struct slice doc,
                                   const struct sort_shared *shared, const struct doc_value *elem)
{
    struct sort_pick pick = {
        .best = doc_null, .collation = shared->collation, .descending = field->descending};
    if (elem == NULL || !sort_goes_through(shared, &field->path)) {
        doc_path_visit(&field->path, doc, sort_hit, &pick);
        return pick.best;
    }
    if (field->path.count == shared->parts) {
        return *elem;
    }
    if (elem->type == DOC_OBJECT) {
        struct doc_path rest = field->path;
        rest.parts += shared->parts;
        rest.count -= shared->parts;
        doc_path_visit(&rest, doc_value_get_doc(*elem), sort_hit, &pick);
    }
    return pick.best;
}

static void sort_encode(const struct query_sort *sort, struct query_eval *eval, struct slice doc,
                        const struct sort_shared *shared, struct buf *key)
{
    const struct doc_value *elem = shared->fields > 1 ? &shared->array : NULL;
    for (uint32_t i = 0; i < sort->count; i++) {
        const struct query_sort_field *field = &sort->fields[i];
        if (field->random) {
            int64_t number = (int64_t)query_random(eval->context);
            doc_key_encode(key, doc_value_i64(eval->arena, number), false);
        } else if (field->text != NULL) {
            double score = 0;
            query_text_score(field->text, eval->arena, doc, &score);
            doc_key_encode(key, doc_value_double(eval->arena, score), true);
        } else if (!field->nothing) {
            doc_key_encode_by(key, sort_value(field, doc, shared, elem), field->descending,
                              sort->collation);
        }
    }
}

int query_sort_key(const struct query_sort *sort, struct query_eval *eval, struct slice doc,
                   struct buf *key, struct err *err)
{
    struct sort_shared shared;
    int rc = sort_share(sort, doc, &shared, err);
    if (rc < 0) {
        return rc;
    }
    if (shared.fields < 2 || doc_is_empty(doc_value_get_doc(shared.array))) {
        shared.fields = 0;
        sort_encode(sort, eval, doc, &shared, key);
        return 0;
    }
    struct slice best = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, shared.array);
    while (doc_iter_next(&iter, &elem)) {
        struct buf one;
        struct sort_shared at = shared;
        at.array = elem.value;
        buf_init(&one, eval->arena);
        sort_encode(sort, eval, doc, &at, &one);
        if (best.data == NULL || slice_compare(buf_slice(&one), best) < 0) {
            best = buf_slice(&one);
        }
    }
    buf_append_slice(key, best);
    return 0;
}
