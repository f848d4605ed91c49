/* query/stage_densify.c - $densify: documents where the steps of a number or a date have none.
 *
 * All documents are kept, sorted by partition and field (with bounds "full" by the field alone).
 * Each partition remembers its next step; a document goes out once its partition has stepped up to
 * it, and when all are out the partitions step up to their common end. */
#include "doc/compare.h"
#include "doc/key.h"
#include "query/expr_date.h"
#include "query/fields.h"
#include "query/pipeline_private.h"
#include "query/set.h"
#include "query/sum.h"

enum { DENSIFY_GENERATED_MAX = 500000 };

enum densify_bounds {
    DENSIFY_FULL,
    DENSIFY_PARTITION,
    DENSIFY_RANGE,
};

struct densify_parsed {
    struct query_expr *field;       /* a path */
    struct query_expr **partitions; /* paths */
    uint32_t partitions_count;
    enum densify_bounds bounds;
    struct doc_value lower; /* of DENSIFY_RANGE */
    struct doc_value upper;
    struct doc_value step;
    enum query__date_unit unit; /* QUERY__UNIT_NONE: numbers */
};

/* A number or a date that changes in place. */
struct densify_value {
    uint8_t bytes[16];
    uint8_t len;
    uint8_t type;
};

struct densify_state {
    struct query__keep keep;
    struct query__set partitions;
    struct densify_value *next; /* step, by number of the partition */
    uint32_t room;              /* of next */
    struct densify_value least; /* of all documents: where partitions begin with "full" */
    uint32_t tail;              /* partition that steps up to the end */
    uint64_t at;                /* next to go out, in keep */
    uint64_t generated;
    bool sorted;
};

/* ---- parsing ---- */

enum { DENSIFY_FIELD, DENSIFY_PARTITIONS, DENSIFY_SPEC_RANGE, DENSIFY_FIELDS };

static const struct query__field densify_fields[] = {
    {"field", DOC_STRING, true},
    {"partitionByFields", DOC_ARRAY, false},
    {"range", DOC_OBJECT, true},
    {0},
};

enum { DENSIFY_BOUNDS, DENSIFY_STEP, DENSIFY_UNIT, DENSIFY_RANGE_FIELDS };

static const struct query__field densify_range_fields[] = {
    {"bounds", QUERY__FIELD_ANY, true},
    {"step", QUERY__FIELD_NUMBER, true},
    {"unit", DOC_STRING, false},
    {0},
};

static int densify_parse_path(struct query_context *context, struct slice text,
                              struct query_expr **ret_path, struct err *err)
{
    struct query_expr *path = arena_zero(context->arena, 1, sizeof *path);
    path->kind = QUERY__EXPR_PATH;
    path->slot = QUERY__ROOT;
    *ret_path = path;
    return query__path_parse(context, text, path, err);
}

static int densify_parse_partition(struct query_context *context, struct doc_elem elem,
                                   struct slice field, struct query_expr **ret_path,
                                   struct err *err)
{
    if (elem.value.type != DOC_STRING) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$densify.partitionByFields.%.*s' is the wrong type '%s', "
                       "expected type 'string'",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    struct slice text = doc_value_get_string(elem.value);
    if (slice_equal(text, field)) {
        return err_set(err, 8993000,
                       "BSON field '$densify.partitionByFields' contains the field that is being "
                       "densified");
    }
    return densify_parse_path(context, text, ret_path, err);
}

static int densify_parse_partitions(struct query_context *context, struct doc_value spec,
                                    struct slice field, struct densify_parsed *parsed,
                                    struct err *err)
{
    if (!doc_value_exists(spec)) {
        return 0;
    }
    size_t count = doc_count(doc_value_get_doc(spec));
    parsed->partitions = arena_zero(context->arena, count, sizeof(struct query_expr *));
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = densify_parse_partition(context, elem, field,
                                     &parsed->partitions[parsed->partitions_count++], err);
    }
    return rc;
}

static int densify_range_error(struct err *err)
{
    return err_set(err, 5733402,
                   "the bounds in a range statement must be the string 'full', 'partition', or an "
                   "ascending array of two numbers or two dates");
}

/* Numbers step by a number of their own type, dates by whole units. */
static int densify_check_types(const struct densify_parsed *parsed, struct err *err)
{
    int64_t whole;
    bool number = doc_value_is_number(parsed->lower);
    bool upper_number = doc_value_is_number(parsed->upper);
    if ((!number && parsed->lower.type != DOC_DATE) ||
        (!upper_number && parsed->upper.type != DOC_DATE) ||
        doc_compare(parsed->lower, parsed->upper) > 0) {
        return densify_range_error(err);
    }
    if (number && parsed->unit != QUERY__UNIT_NONE) {
        return err_set(err, 5733409, "numeric bounds may not have unit parameter");
    }
    if (number != upper_number) {
        return err_set(err, 5733406,
                       "a bounding array must contain either both dates or both numeric types");
    }
    if (!number && !doc_value_to_i64_exact(parsed->step, &whole)) {
        return err_set(err, 6586400,
                       "The step parameter in a range statement must be a whole number when "
                       "densifying a date range");
    }
    if (parsed->unit == QUERY__UNIT_NONE &&
        (parsed->lower.type != parsed->step.type || parsed->upper.type != parsed->step.type)) {
        return err_set(err, 5876900,
                       "Upper bound, lower bound, and step must all have the same type");
    }
    return 0;
}

static int densify_parse_bounds(struct query_context *context, struct doc_value spec,
                                struct densify_parsed *parsed, struct err *err)
{
    if (spec.type == DOC_STRING) {
        bool full = slice_is(doc_value_get_string(spec), "full");
        if (!full && !slice_is(doc_value_get_string(spec), "partition")) {
            return err_set(err, 5946802, "Bounds string must either be 'full' or 'partition'");
        }
        if (!full && parsed->partitions_count == 0) {
            return err_set(err, 5733408,
                           "one may not specify the bounds as 'partition' without specifying a "
                           "non-empty array of partitionByFields. You may have meant to specify "
                           "'full' bounds.");
        }
        parsed->bounds = full ? DENSIFY_FULL : DENSIFY_PARTITION;
        return 0;
    }
    if (spec.type != DOC_ARRAY) {
        return densify_range_error(err);
    }
    uint32_t count;
    struct doc_value *pair = query__elements(context->arena, spec, &count);
    if (count != 2) {
        return err_set(err, 5733403,
                       "a bounding array in a range statement must have exactly two elements");
    }
    parsed->bounds = DENSIFY_RANGE;
    parsed->lower = pair[0];
    parsed->upper = pair[1];
    return densify_check_types(parsed, err);
}

static int densify_parse_range(struct query_context *context, struct slice spec,
                               struct densify_parsed *parsed, struct err *err)
{
    static const struct doc_value zero = {(const uint8_t *)"\0\0\0", 4, DOC_INT32};
    struct doc_value values[DENSIFY_RANGE_FIELDS];
    int rc = query__fields_read("$densify.range", spec, densify_range_fields, values, err);
    if (rc < 0) {
        return rc;
    }
    parsed->step = values[DENSIFY_STEP];
    if (doc_compare(parsed->step, zero) <= 0) {
        return err_set(err, 5733401,
                       "the step parameter in a range statement must be a strictly positive "
                       "numeric value");
    }
    parsed->unit = QUERY__UNIT_NONE;
    if (doc_value_exists(values[DENSIFY_UNIT])) {
        struct slice unit = doc_value_get_string(values[DENSIFY_UNIT]);
        parsed->unit = query__date_unit_find(unit);
        if (parsed->unit == QUERY__UNIT_NONE) {
            return err_set(err, LT_EFAILEDTOPARSE, "unknown time unit value: %.*s",
                           SLICE_FMT(unit));
        }
    }
    return densify_parse_bounds(context, values[DENSIFY_BOUNDS], parsed, err);
}

static int densify_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "the $densify stage specification must be an object, found %s",
                       doc_type_name(spec.type));
    }
    struct query_context *context = parse->context;
    struct doc_value values[DENSIFY_FIELDS];
    int rc = query__fields_read("$densify", doc_value_get_doc(spec), densify_fields, values, err);
    if (rc < 0) {
        return rc;
    }
    struct densify_parsed *parsed = arena_zero(context->arena, 1, sizeof *parsed);
    struct slice field = doc_value_get_string(values[DENSIFY_FIELD]);
    rc = densify_parse_path(context, field, &parsed->field, err);
    rc = rc < 0 ? rc
                : densify_parse_partitions(context, values[DENSIFY_PARTITIONS], field, parsed, err);
    if (rc == 0) {
        struct slice range = doc_value_get_doc(values[DENSIFY_SPEC_RANGE]);
        rc = densify_parse_range(context, range, parsed, err);
    }
    if (rc == 0) {
        query_stage_add(parse, &query__stage_densify, parsed);
    }
    return rc;
}

/* ---- values that step ---- */

static void densify_put(struct densify_value *to, struct doc_value value)
{
    assert(value.len <= sizeof to->bytes);
    memcpy(to->bytes, value.data, value.len);
    to->len = (uint8_t)value.len;
    to->type = value.type;
}

static struct doc_value densify_get(const struct densify_value *value)
{
    return (struct doc_value){value->bytes, value->len, value->type};
}

/* *to = from + step */
static int densify_step(struct query_stage_run *self, struct doc_value from,
                        struct densify_value *to, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    if (parsed->unit == QUERY__UNIT_NONE) {
        struct query__sum sum;
        query__sum_init(&sum);
        query__sum_add(&sum, from);
        query__sum_add(&sum, parsed->step);
        densify_put(to, query__sum_value(&sum, self->eval->arena));
        return 0;
    }
    int64_t moved;
    int64_t step = doc_value_to_i64_clamped(parsed->step);
    if (!query__date_shift(&query__zone_utc, doc_value_get_i64(from), parsed->unit, step, &moved)) {
        return err_set(err, 5166406, "$dateAdd overflowed");
    }
    densify_put(to, doc_value_date(self->eval->arena, moved));
    return 0;
}

/* ---- running ---- */

static struct doc_value densify_path(struct query_stage_run *self, const struct query_expr *path,
                                     struct slice doc)
{
    return query__path_eval(path->names, path->names_count, doc_value_object(doc),
                            self->eval->arena);
}

/* The document of a partition: what its generated documents begin with. */
static struct doc_value densify_partition_of(struct query_stage_run *self, struct slice doc)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct doc_value made = doc_empty_object;
    for (uint32_t i = 0; i < parsed->partitions_count; i++) {
        const struct query_expr *path = parsed->partitions[i];
        struct doc_value value = densify_path(self, path, doc);
        if (doc_value_exists(value)) {
            made = query__path_set(self->eval->arena, doc_value_get_doc(made), path, 0, value);
        }
    }
    return made;
}

static int densify_holds(struct query_stage_run *self, struct err *err)
{
    const struct densify_state *state = self->state;
    return query__stage_holds(self, state->keep.bytes + arena_used(&self->hold), err);
}

static int densify_check(const struct densify_parsed *parsed, struct doc_value value,
                         struct err *err)
{
    bool number = doc_value_is_number(value);
    if (!number && value.type != DOC_DATE) {
        return err_set(err, 5733201, "Densify field type must be numeric or a date");
    }
    if (number != (parsed->unit == QUERY__UNIT_NONE)) {
        return err_set(err, 6053600,
                       number ? "Encountered numeric densify value in collection when step has a "
                                "date unit."
                              : "Encountered date densify value in collection when step does not "
                                "have a date unit.");
    }
    return 0;
}

static int densify_take(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    struct doc_value value = densify_path(self, parsed->field, doc);
    int rc = doc_value_is_nullish(value) ? 0 : densify_check(parsed, value, err);
    if (rc < 0) {
        return rc;
    }
    struct buf key;
    buf_init(&key, self->eval->arena);
    if (parsed->bounds != DENSIFY_FULL) {
        doc_key_encode_by(&key, densify_partition_of(self, doc), false,
                          self->eval->context->collation);
    }
    doc_key_encode(&key, value, false);
    query__keep_add(&state->keep, buf_slice(&key), doc);
    return densify_holds(self, err);
}

/* A new partition's first step: for "partition" the one behind its first document. */
static int densify_begin(struct query_stage_run *self, struct doc_value first,
                         struct densify_value *next, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    switch (parsed->bounds) {
    case DENSIFY_RANGE:
        densify_put(next, parsed->lower);
        return 0;
    case DENSIFY_PARTITION:
        return densify_step(self, first, next, err);
    default:
        /* the first document of all that has a value is the first that comes here */
        if (state->partitions.count == 1) {
            densify_put(&state->least, first);
        }
        *next = state->least;
        return 0;
    }
}

/* The number of a document's partition. */
static int densify_find(struct query_stage_run *self, struct doc_value partition,
                        struct doc_value first, uint32_t *ret_number, struct err *err)
{
    struct densify_state *state = self->state;
    if (state->partitions.arena == NULL) {
        query__set_init(&state->partitions, &self->hold, self->eval->context->collation);
    }
    if (!query__set_add(&state->partitions, partition, ret_number)) {
        return 0;
    }
    state->partitions.values[*ret_number] = doc_value_copy(&self->hold, partition);
    if (state->partitions.count > state->room) {
        uint32_t room = state->room == 0 ? 16 : 2 * state->room;
        struct densify_value *next = arena_zero(&self->hold, room, sizeof *next);
        if (state->room > 0) {
            memcpy(next, state->next, state->room * sizeof *next);
        }
        state->next = next;
        state->room = room;
    }
    return densify_begin(self, first, &state->next[*ret_number], err);
}

/* A document for the partition's next step. */
static int densify_generate(struct query_stage_run *self, uint32_t number, struct slice *ret_doc,
                            struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    if (++state->generated > DENSIFY_GENERATED_MAX) {
        return err_set(
            err, 5897900,
            "Generated %d documents in $densify, which is over the limit of %d. Increase "
            "the 'internalQueryMaxAllowedDensifyDocs' parameter to allow more generated "
            "documents",
            DENSIFY_GENERATED_MAX + 1, DENSIFY_GENERATED_MAX);
    }
    struct densify_value *next = &state->next[number];
    struct slice partition = doc_value_get_doc(state->partitions.values[number]);
    struct doc_value made =
        query__path_set(self->eval->arena, partition, parsed->field, 0, densify_get(next));
    *ret_doc = doc_value_get_doc(made);
    int rc = densify_step(self, densify_get(next), next, err);
    return rc < 0 ? rc : 1;
}

/* The document in hand, or a step on the way to it. */
static int densify_emit(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    struct slice doc = query__keep_doc(&state->keep, state->at);
    struct doc_value value = densify_path(self, parsed->field, doc);
    if (!doc_value_is_nullish(value)) {
        uint32_t number;
        int rc = densify_find(self, densify_partition_of(self, doc), value, &number, err);
        if (rc < 0) {
            return rc;
        }
        bool past = parsed->bounds == DENSIFY_RANGE && doc_compare(value, parsed->upper) >= 0;
        struct densify_value *next = &state->next[number];
        int order = doc_compare(densify_get(next), past ? parsed->upper : value);
        if (order < 0) {
            return densify_generate(self, number, ret_doc, err);
        }
        rc = order > 0 || past ? 0 : densify_step(self, value, next, err);
        if (rc < 0) {
            return rc;
        }
    }
    state->at++;
    *ret_doc = doc;
    return 1;
}

/* All documents are out: each partition goes on to the end, which belongs to it when it is the
 * greatest value of all. */
static int densify_tail(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    bool full = parsed->bounds == DENSIFY_FULL;
    struct doc_value end = parsed->upper;
    if (full && state->partitions.count > 0) {
        struct slice last = query__keep_doc(&state->keep, state->keep.count - 1);
        end = densify_path(self, parsed->field, last);
    }
    for (; state->tail < state->partitions.count; state->tail++) {
        int order = doc_compare(densify_get(&state->next[state->tail]), end);
        if (order < 0 || (order == 0 && full)) {
            return densify_generate(self, state->tail, ret_doc, err);
        }
    }
    return 0;
}

static int densify_collect(struct query_stage_run *self, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    struct slice doc;
    int rc;
    while ((rc = query_stage_pull(self, &doc, err)) > 0) {
        rc = densify_take(self, doc, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (rc < 0) {
        return rc;
    }
    query__keep_sort(&state->keep, 0);
    state->sorted = true;
    if (parsed->bounds == DENSIFY_RANGE && parsed->partitions_count == 0) {
        uint32_t number; /* there is one partition, also when there is no document */
        rc = densify_find(self, doc_empty_object, doc_null, &number, err);
    }
    return rc;
}

static int densify_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct densify_parsed *parsed = self->stage->parsed;
    struct densify_state *state = self->state;
    int rc = state->sorted ? 0 : densify_collect(self, err);
    if (rc < 0) {
        return rc;
    }
    query_stage_fresh(self);
    if (state->at < state->keep.count) {
        return densify_emit(self, ret_doc, err);
    }
    return parsed->bounds == DENSIFY_PARTITION ? 0 : densify_tail(self, ret_doc, err);
}

static void densify_close(struct query_stage_run *self)
{
    struct densify_state *state = self->state;
    query__keep_close(&state->keep);
}

const struct query_stage_ops query__stage_densify = {.name = "$densify",
                                                     .state_size = sizeof(struct densify_state),
                                                     .parse = densify_parse,
                                                     .next = densify_next,
                                                     .close = densify_close};
