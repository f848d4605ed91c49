/* query/update_ops.c - the operators on fields, and the table of all operators. */
#include "doc/compare.h"
#include "doc/decimal.h"
#include "doc/json.h"
#include "doc/view.h"
#include "query/update_private.h"

static bool ops_is_integer(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64;
}

static bool ops_is_number(struct doc_value value)
{
    return ops_is_integer(value) || value.type == DOC_DOUBLE || value.type == DOC_DECIMAL;
}

static int64_t ops_integer(struct doc_value value)
{
    int64_t number = 0;
    doc_value_to_i64_exact(value, &number);
    return number;
}

/* ---- $set, $setOnInsert, $unset, $min, $max ---- */

static int ops_set(const struct update_op *op, struct update_run *run, struct doc_value old,
                   struct doc_value *ret_value)
{
    (void)run;
    (void)old;
    *ret_value = op->operand;
    return 0;
}

static bool ops_not_inserting(const struct update_op *op, const struct update_run *run)
{
    (void)op;
    return !run->insert;
}

static int ops_unset(const struct update_op *op, struct update_run *run, struct doc_value old,
                     struct doc_value *ret_value)
{
    (void)op;
    (void)run;
    (void)old;
    *ret_value = doc_missing;
    return 0;
}

static int ops_min(const struct update_op *op, struct update_run *run, struct doc_value old,
                   struct doc_value *ret_value)
{
    bool takes = !doc_value_exists(old) ||
                 doc_compare_by(op->operand, old, run->eval->context->collation) < 0;
    *ret_value = takes ? op->operand : old;
    return 0;
}

static int ops_max(const struct update_op *op, struct update_run *run, struct doc_value old,
                   struct doc_value *ret_value)
{
    bool takes = !doc_value_exists(old) ||
                 doc_compare_by(op->operand, old, run->eval->context->collation) > 0;
    *ret_value = takes ? op->operand : old;
    return 0;
}

/* ---- $inc, $mul ---- */

static int ops_number_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    if (ops_is_number(op->operand)) {
        return 0;
    }
    struct buf text;
    buf_init(&text, context->arena);
    doc_json_write_shell(&text, op->operand);
    return err_set(err, LT_ETYPEMISMATCH, "Cannot %s with non-numeric argument: {%.*s: %.*s}",
                   slice_is(SLICE("$inc"), op->kind->name) ? "increment" : "multiply",
                   SLICE_FMT(op->path.text), SLICE_FMT(buf_slice(&text)));
}

static int ops_integers(const struct update_op *op, struct update_run *run, struct doc_value old,
                        struct doc_value *ret_value)
{
    int64_t a = ops_integer(old);
    int64_t b = ops_integer(op->operand);
    int64_t result = 0;
    bool inc = slice_is(SLICE("$inc"), op->kind->name);
    if (inc ? __builtin_add_overflow(a, b, &result) : __builtin_mul_overflow(a, b, &result)) {
        struct buf text;
        buf_init(&text, run->eval->arena);
        doc_json_write_shell(&text, doc_get_str(run->doc, "_id"));
        return err_set(run->err, LT_EBADVALUE,
                       "Failed to apply %s operations to current value ((NumberLong)%lld) for "
                       "document {_id: %.*s}",
                       op->kind->name, (long long)a, SLICE_FMT(buf_slice(&text)));
    }
    bool narrow = old.type == DOC_INT32 && op->operand.type == DOC_INT32;
    *ret_value = narrow ? doc_value_integer(run->eval->arena, result)
                        : doc_value_i64(run->eval->arena, result);
    return 0;
}

static int ops_arithmetic(const struct update_op *op, struct update_run *run, struct doc_value old,
                          struct doc_value *ret_value)
{
    struct arena *arena = run->eval->arena;
    bool inc = slice_is(SLICE("$inc"), op->kind->name);
    if (!doc_value_exists(old)) {
        if (inc) {
            *ret_value = op->operand;
            return 0;
        }
        old = doc_value_i32(arena, 0);
    }
    if (!ops_is_number(old)) {
        struct buf text;
        buf_init(&text, arena);
        doc_json_write_shell(&text, doc_get_str(run->doc, "_id"));
        return err_set(run->err, LT_ETYPEMISMATCH,
                       "Cannot apply %s to a value of non-numeric type. {_id: %.*s} has the field "
                       "'%.*s' of non-numeric type %s",
                       op->kind->name, SLICE_FMT(buf_slice(&text)),
                       SLICE_FMT(op->path.parts[op->path.count - 1].name), doc_type_name(old.type));
    }
    if (old.type == DOC_DECIMAL || op->operand.type == DOC_DECIMAL) {
        *ret_value = doc_value_decimal(
            arena, doc_decimal_apply(inc ? DOC_DECIMAL_ADD : DOC_DECIMAL_MULTIPLY,
                                     doc_decimal_of_value(old), doc_decimal_of_value(op->operand)));
        return 0;
    }
    if (old.type == DOC_DOUBLE || op->operand.type == DOC_DOUBLE) {
        double a = doc_value_to_double(old);
        double b = doc_value_to_double(op->operand);
        *ret_value = doc_value_double(arena, inc ? a + b : a * b);
        return 0;
    }
    return ops_integers(op, run, old, ret_value);
}

/* A result of the same type and value is no change: -0.0 stays. */
static int ops_number(const struct update_op *op, struct update_run *run, struct doc_value old,
                      struct doc_value *ret_value)
{
    int rc = ops_arithmetic(op, run, old, ret_value);
    if (rc == 0 && ret_value->type == old.type && doc_equal(*ret_value, old)) {
        *ret_value = old;
    }
    return rc;
}

/* ---- $bit ---- */

static int ops_bit_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    (void)context;
    if (op->operand.type != DOC_OBJECT) {
        return err_set(
            err, LT_EBADVALUE,
            "The $bit modifier is not compatible with a %s. You must pass in an embedded "
            "document: {$bit: {field: {and/or/xor: #}}",
            doc_type_name(op->operand.type));
    }
    if (doc_is_empty(doc_value_get_doc(op->operand))) {
        return err_set(err, LT_EBADVALUE,
                       "You must pass in at least one bitwise operation. The format is: "
                       "{$bit: {field: {and/or/xor: #}}");
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, op->operand);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "and") && !slice_is(elem.name, "or") &&
            !slice_is(elem.name, "xor")) {
            return err_set(
                err, LT_EBADVALUE,
                "The $bit modifier only supports 'and', 'or', and 'xor', not '%.*s' which "
                "is an unknown operator: {$bit: {field: {and/or/xor: #}}",
                SLICE_FMT(elem.name));
        }
        if (!ops_is_integer(elem.value)) {
            return err_set(err, LT_EBADVALUE,
                           "The $bit modifier field must be an Integer(32/64 bit); a '%s' is not "
                           "supported here",
                           doc_type_name(elem.value.type));
        }
    }
    return 0;
}

static int ops_bit(const struct update_op *op, struct update_run *run, struct doc_value old,
                   struct doc_value *ret_value)
{
    if (doc_value_exists(old) && !ops_is_integer(old)) {
        return err_set(
            run->err, LT_EBADVALUE,
            "Cannot apply $bit to a value of non-integral type. The field '%.*s' has the "
            "value of type %s",
            SLICE_FMT(op->path.text), doc_type_name(old.type));
    }
    bool wide = old.type == DOC_INT64;
    int64_t number = doc_value_exists(old) ? ops_integer(old) : 0;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, op->operand);
    while (doc_iter_next(&iter, &elem)) {
        int64_t mask = ops_integer(elem.value);
        wide = wide || elem.value.type == DOC_INT64;
        number = slice_is(elem.name, "and")  ? number & mask
                 : slice_is(elem.name, "or") ? number | mask
                                             : number ^ mask;
    }
    *ret_value = wide ? doc_value_i64(run->eval->arena, number)
                      : doc_value_i32(run->eval->arena, (int32_t)number);
    return 0;
}

/* ---- $currentDate ---- */

static int ops_date_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    (void)context;
    if (op->operand.type == DOC_BOOL) {
        return 0;
    }
    if (op->operand.type != DOC_OBJECT) {
        return err_set(err, LT_EBADVALUE,
                       "%s is not valid type for $currentDate. Please use a boolean ('true') or a "
                       "$type expression ({$type: 'timestamp/date'}).",
                       doc_type_name(op->operand.type));
    }
    struct doc_iter iter;
    struct doc_elem elem;
    bool found = false;
    doc_iter_value(&iter, op->operand);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "$type")) {
            return err_set(err, LT_EBADVALUE, "Unrecognized $currentDate option: %.*s",
                           SLICE_FMT(elem.name));
        }
        bool text = elem.value.type == DOC_STRING;
        bool stamp = text && slice_is(doc_value_get_string(elem.value), "timestamp");
        if (!stamp && (!text || !slice_is(doc_value_get_string(elem.value), "date"))) {
            return err_set(err, LT_EBADVALUE,
                           "The '$type' string field is required to be 'date' or 'timestamp': "
                           "{$currentDate: {field : {$type: 'date'}}}");
        }
        op->detail = stamp ? op : NULL;
        found = true;
    }
    if (!found) {
        return err_set(err, LT_EBADVALUE,
                       "The '$type' string field is required to be 'date' or 'timestamp': "
                       "{$currentDate: {field : {$type: 'date'}}}");
    }
    return 0;
}

static int ops_date(const struct update_op *op, struct update_run *run, struct doc_value old,
                    struct doc_value *ret_value)
{
    (void)old;
    const struct query_context *context = run->eval->context;
    uint64_t stamp = context->cluster_time;
    *ret_value = op->detail != NULL ? doc_value_timestamp(run->eval->arena, (uint32_t)(stamp >> 32),
                                                          (uint32_t)stamp)
                                    : doc_value_date(run->eval->arena, context->now_ms);
    return 0;
}

/* ---- $rename: removes the source, and a second operator at the target takes its value ---- */

/* The value at the source; a negative code when an array is on the way. */
static int ops_rename_source(const struct update_op *op, const struct update_run *run,
                             const struct doc_path *path, struct doc_value *ret_value)
{
    struct doc_value value = doc_value_object(run->doc);
    for (uint32_t i = 0; i < path->count; i++) {
        if (value.type == DOC_ARRAY) {
            return err_set(run->err, LT_EBADVALUE,
                           "The %s field cannot be an array element, '%.*s' in doc has an array "
                           "field called '%.*s'",
                           path == &op->path ? "destination" : "source", SLICE_FMT(path->text),
                           SLICE_FMT(path->parts[i - 1].name));
        }
        if (value.type != DOC_OBJECT) {
            value = doc_missing;
            break;
        }
        value = doc_get(doc_value_get_doc(value), path->parts[i].name);
    }
    *ret_value = value;
    return 0;
}

static bool ops_rename_idle(const struct update_op *op, const struct update_run *run)
{
    struct doc_value value = doc_missing;
    struct update_run quiet = *run;
    quiet.err = NULL;
    return ops_rename_source(op, &quiet, op->detail, &value) == 0 && !doc_value_exists(value);
}

static int ops_rename_to(const struct update_op *op, struct update_run *run, struct doc_value old,
                         struct doc_value *ret_value)
{
    (void)old;
    struct doc_value unused = doc_missing;
    int rc = ops_rename_source(op, run, op->detail, ret_value);
    return rc < 0 ? rc : ops_rename_source(op, run, &op->path, &unused);
}

static int ops_rename_from(const struct update_op *op, struct update_run *run, struct doc_value old,
                           struct doc_value *ret_value)
{
    (void)old;
    struct doc_value value = doc_missing;
    *ret_value = doc_missing;
    struct update_op source = *op;
    return ops_rename_source(&source, run, &op->path, &value);
}

static int ops_rename_parse(struct query_context *context, struct update_op *op, struct err *err)
{
    (void)context;
    if (op->operand.type != DOC_STRING) {
        return err_set(err, LT_EBADVALUE, "The 'to' field for $rename must be a string: %.*s",
                       SLICE_FMT(op->path.text));
    }
    if (slice_equal(doc_value_get_string(op->operand), op->path.text)) {
        return err_set(err, LT_EBADVALUE,
                       "The source and target field for $rename must differ: %.*s",
                       SLICE_FMT(op->path.text));
    }
    return 0;
}

static const struct update_kind ops_rename_target = {"$rename",       NULL, ops_rename_to,
                                                     ops_rename_idle, true, false};

const struct update_kind *query__update_kind_rename_to(void)
{
    return &ops_rename_target;
}

static const struct update_kind ops_kinds[] = {
    {"$set", NULL, ops_set, NULL, true, false},
    {"$setOnInsert", NULL, ops_set, ops_not_inserting, true, false},
    {"$unset", NULL, ops_unset, NULL, false, false},
    {"$inc", ops_number_parse, ops_number, NULL, true, false},
    {"$mul", ops_number_parse, ops_number, NULL, true, false},
    {"$min", NULL, ops_min, NULL, true, false},
    {"$max", NULL, ops_max, NULL, true, false},
    {"$rename", ops_rename_parse, ops_rename_from, NULL, false, false},
    {"$currentDate", ops_date_parse, ops_date, NULL, true, false},
    {"$bit", ops_bit_parse, ops_bit, NULL, true, false},
    {"$push", query__update_push_parse, query__update_push, NULL, true, false},
    {"$addToSet", query__update_add_to_set_parse, query__update_add_to_set, NULL, true, false},
    {"$pop", query__update_pop_parse, query__update_pop, NULL, false, true},
    {"$pull", query__update_pull_parse, query__update_pull, NULL, false, false},
    {"$pullAll", query__update_pull_all_parse, query__update_pull_all, NULL, false, false},
};

const struct update_kind *query__update_kind(struct slice name)
{
    for (size_t i = 0; i < sizeof ops_kinds / sizeof *ops_kinds; i++) {
        if (slice_is(name, ops_kinds[i].name)) {
            return &ops_kinds[i];
        }
    }
    return NULL;
}
