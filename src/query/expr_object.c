/* query/expr_object.c - documents as values: fields in and out, merging, turning into arrays. */
#include "query/expr_private.h"
#include "query/set.h"

/* ---- $objectToArray, $arrayToObject ---- */

static int object_to_array(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_OBJECT) {
        return err_set(call->err, 40390, "$objectToArray requires a document input, found: %s",
                       doc_type_name(call->args[0].type));
    }
    struct arena *arena = call->eval->arena;
    struct query__list list;
    query__list_begin(&list, arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, call->args[0]);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        struct query__list pair;
        query__list_begin(&pair, arena, DOC_OBJECT);
        query__list_field(&pair, SLICE("k"), doc_value_string(arena, elem.name));
        query__list_field(&pair, SLICE("v"), elem.value);
        query__list_add(&list, query__list_end(&pair));
    }
    *ret_value = query__list_end(&list);
    return 0;
}

struct object_pair {
    struct doc_value key;
    struct doc_value value;
};

static int object_pair_array(struct query__call *call, struct doc_value item,
                             struct object_pair *ret_pair)
{
    if (item.type != DOC_ARRAY) {
        return err_set(call->err, 40396,
                       "$arrayToObject requires a consistent input format. "
                       "Elements must all be arrays or all be objects. Array was "
                       "detected, now found: %s",
                       doc_type_name(item.type));
    }
    struct slice array = doc_value_get_doc(item);
    if (doc_count(array) != 2) {
        return err_set(call->err, 40397,
                       "$arrayToObject requires an array of size 2 arrays,found "
                       "array of size: %zu",
                       doc_count(array));
    }
    ret_pair->key = doc_array_at(array, 0);
    ret_pair->value = doc_array_at(array, 1);
    if (ret_pair->key.type != DOC_STRING) {
        return err_set(call->err, 40395,
                       "$arrayToObject requires an array of key-value pairs, "
                       "where the key must be of type string. Found key type: %s",
                       doc_type_name(ret_pair->key.type));
    }
    return 0;
}

static int object_pair_object(struct query__call *call, struct doc_value item,
                              struct object_pair *ret_pair)
{
    if (item.type != DOC_OBJECT) {
        return err_set(call->err, 40391,
                       "$arrayToObject requires a consistent input format. "
                       "Elements must all be arrays or all be objects. Object "
                       "was detected, now found: %s",
                       doc_type_name(item.type));
    }
    struct slice doc = doc_value_get_doc(item);
    if (doc_count(doc) != 2) {
        return err_set(call->err, 40392,
                       "$arrayToObject requires an object keys of 'k' and 'v'. "
                       "Found incorrect number of keys:%zu",
                       doc_count(doc));
    }
    ret_pair->key = doc_get_str(doc, "k");
    ret_pair->value = doc_get_str(doc, "v");
    if (!doc_value_exists(ret_pair->key) || !doc_value_exists(ret_pair->value)) {
        return err_set(call->err, 40393,
                       "$arrayToObject requires an object with keys 'k' and 'v'. "
                       "Missing either or both keys");
    }
    if (ret_pair->key.type != DOC_STRING) {
        return err_set(call->err, 40394,
                       "$arrayToObject requires an object with keys 'k' and 'v', "
                       "where the value of 'k' must be of type string. Found "
                       "type: %s",
                       doc_type_name(ret_pair->key.type));
    }
    return 0;
}

static int object_from_array(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_ARRAY) {
        return err_set(call->err, 40386, "$arrayToObject requires an array input, found: %s",
                       doc_type_name(call->args[0].type));
    }
    struct arena *arena = call->eval->arena;
    uint32_t count;
    struct doc_value *items = query__elements(arena, call->args[0], &count);
    struct query__set keys;
    query__set_init(&keys, arena, NULL);
    struct doc_value *values = arena_alloc(arena, count * sizeof *values);
    bool arrays = count > 0 && items[0].type == DOC_ARRAY;
    if (count > 0 && !arrays && items[0].type != DOC_OBJECT) {
        return err_set(call->err, 40398, "Unrecognised input type format for $arrayToObject: %s",
                       doc_type_name(items[0].type));
    }
    for (uint32_t i = 0; i < count; i++) {
        struct object_pair pair;
        int rc = arrays ? object_pair_array(call, items[i], &pair)
                        : object_pair_object(call, items[i], &pair);
        if (rc < 0) {
            return rc;
        }
        struct slice key = doc_value_get_string(pair.key);
        if (memchr(key.data, '\0', key.len) != NULL) {
            return err_set(call->err, arrays ? 4940400 : 4940401,
                           "Key field cannot contain an embedded null byte");
        }
        uint32_t number;
        query__set_add(&keys, pair.key, &number);
        values[number] = pair.value;
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    for (uint32_t i = 0; i < keys.count; i++) {
        query__list_field(&list, doc_value_get_string(keys.values[i]), values[i]);
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $mergeObjects ---- */

struct doc_value query__object_with(struct arena *arena, struct slice doc, struct slice name,
                                    struct doc_value value)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    struct doc_iter iter;
    doc_iter_init(&iter, doc);
    struct doc_elem elem;
    bool done = false;
    while (doc_iter_next(&iter, &elem)) {
        bool here = slice_equal(elem.name, name);
        query__list_field(&list, elem.name, here ? value : elem.value);
        done |= here;
    }
    if (!done) {
        query__list_field(&list, name, value);
    }
    return query__list_end(&list);
}

struct doc_value query__object_merge(struct arena *arena, struct slice left, struct slice right)
{
    if (doc_is_empty(left)) {
        return doc_value_object(right);
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, left);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value other = doc_get(right, elem.name);
        query__list_field(&list, elem.name, doc_value_exists(other) ? other : elem.value);
    }
    doc_iter_init(&iter, right);
    while (doc_iter_next(&iter, &elem)) {
        if (!doc_value_exists(doc_get(left, elem.name))) {
            query__list_field(&list, elem.name, elem.value);
        }
    }
    return query__list_end(&list);
}

static int object_merge(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value merged = doc_empty_object;
    for (uint32_t i = 0; i < call->count; i++) {
        struct doc_value value = call->args[i];
        if (doc_value_is_nullish(value)) {
            continue;
        }
        if (value.type != DOC_OBJECT) {
            return err_set(call->err, 40400,
                           "$mergeObjects requires object inputs, but input %.*s "
                           "is of type %s",
                           SLICE_FMT(query__print(call->eval, value)), doc_type_name(value.type));
        }
        merged = query__object_merge(call->eval->arena, doc_value_get_doc(merged),
                                     doc_value_get_doc(value));
    }
    *ret_value = merged;
    return 0;
}

/* ---- $getField, $setField, $unsetField: args are field, input, value ---- */

enum { OBJECT_FIELD, OBJECT_INPUT, OBJECT_VALUE };

static const struct query__params object_get_params = {
    3041701, 3041701, {{"field", 3041702}, {"input", 3041703}}};
static const struct query__params object_set_params = {
    4161100, 4161101, {{"field", 4161102}, {"input", 4161109}, {"value", 4161103}}};
static const struct query__params object_unset_params = {
    4161100, 4161101, {{"field", 4161102}, {"input", 4161109}}};

/* The `field` parameter must be a constant string; "$x" written there is no field path. */
static int object_field_check(struct query_context *context, struct query_expr *expr,
                              struct err *err)
{
    struct query_expr *field = expr->args[OBJECT_FIELD];
    if (field->kind == QUERY__EXPR_PATH) {
        return err_set(err, 4161108,
                       "A field path reference which is not allowed in this context. "
                       "Did you mean {$literal: '$%.*s'}?",
                       SLICE_FMT(field->path));
    }
    bool parts = (field->kind == QUERY__EXPR_OBJECT || field->kind == QUERY__EXPR_ARRAY) &&
                 field->args_count > 0;
    int rc = query__expr_optimize(context, field, err);
    if (rc < 0) {
        return rc;
    }
    const struct doc_value *name = query_expr_constant(field);
    if (name == NULL || parts || name->type == DOC_ARRAY) {
        return err_set(err, 4161106, "%s requires 'field' to evaluate to a constant",
                       expr->op->name);
    }
    if (name->type != DOC_STRING) {
        return err_set(err, 4161107, "%s requires 'field' to evaluate to type String, but got %s",
                       expr->op->name, doc_type_name(name->type));
    }
    struct slice text = doc_value_get_string(*name);
    if (memchr(text.data, '\0', text.len) != NULL) {
        return err_set(err, 9534700, "%s requires 'field' to not contain an embedded null byte",
                       expr->op->name);
    }
    return 0;
}

/* MongoDB asks for `field`, then `value`, then `input`. */
static int object_set_parse(struct query_context *context, struct doc_value spec,
                            struct query_expr *expr, struct err *err)
{
    if (expr->op->params == &object_set_params && spec.type == DOC_OBJECT) {
        struct slice doc = doc_value_get_doc(spec);
        bool field = doc_value_exists(doc_get_str(doc, "field"));
        struct doc_iter iter;
        doc_iter_init(&iter, doc);
        struct doc_elem elem;
        bool known = true;
        while (doc_iter_next(&iter, &elem)) {
            known &= slice_is(elem.name, "field") || slice_is(elem.name, "input") ||
                     slice_is(elem.name, "value");
        }
        if (known && field && !doc_value_exists(doc_get_str(doc, "value"))) {
            return err_set(err, 4161103, "%s requires 'value' to be specified", expr->op->name);
        }
    }
    int rc = query__parse_params(context, spec, expr, err);
    return rc < 0 ? rc : object_field_check(context, expr, err);
}

static int object_set(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value input = call->args[OBJECT_INPUT];
    if (doc_value_is_nullish(input)) {
        *ret_value = doc_null;
        return 0;
    }
    if (input.type != DOC_OBJECT) {
        return err_set(call->err, 4161105, "%s requires 'input' to evaluate to type Object",
                       call->expr->op->name);
    }
    bool unset = call->count <= OBJECT_VALUE;
    *ret_value = query__object_with(call->eval->arena, doc_value_get_doc(input),
                                    doc_value_get_string(call->args[OBJECT_FIELD]),
                                    unset ? doc_missing : call->args[OBJECT_VALUE]);
    return 0;
}

static int object_get_parse(struct query_context *context, struct doc_value spec,
                            struct query_expr *expr, struct err *err)
{
    struct slice doc = spec.type == DOC_OBJECT ? doc_value_get_doc(spec) : (struct slice){0};
    bool named = doc.len > 0 && !query__is_operator(spec);
    int rc;
    if (named) {
        rc = query__parse_params(context, spec, expr, err);
    } else {
        query__args_alloc(context, expr, 2);
        rc = query__expr_parse(context, spec, &expr->args[OBJECT_FIELD], err);
        struct doc_value current = doc_value_string(context->arena, SLICE("$$CURRENT"));
        rc = rc < 0 ? rc : query__expr_parse(context, current, &expr->args[OBJECT_INPUT], err);
    }
    if (rc == 0 && expr->args[OBJECT_FIELD]->kind == QUERY__EXPR_CONSTANT &&
        expr->args[OBJECT_FIELD]->constant.type != DOC_STRING) {
        return err_set(err, 5654602,
                       "$getField requires 'field' to evaluate to type String, but "
                       "got %s",
                       doc_type_name(expr->args[OBJECT_FIELD]->constant.type));
    }
    return rc;
}

static int object_get(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value field = call->args[OBJECT_FIELD];
    struct doc_value input = call->args[OBJECT_INPUT];
    if (field.type != DOC_STRING) {
        return err_set(call->err, 3041704,
                       "$getField requires 'field' to evaluate to type String, "
                       "but got %s",
                       doc_type_name(field.type));
    }
    if (doc_value_is_nullish(input)) {
        *ret_value = doc_value_exists(input) ? doc_null : doc_missing;
    } else {
        *ret_value = input.type == DOC_OBJECT
                         ? doc_get(doc_value_get_doc(input), doc_value_get_string(field))
                         : doc_missing;
    }
    return 0;
}

/* ---- sizes ---- */

static int object_bson_size(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_OBJECT) {
        return err_set(call->err, 31393, "$bsonSize requires a document input, found: %s",
                       doc_type_name(call->args[0].type));
    }
    *ret_value = doc_value_integer(call->eval->arena, call->args[0].len);
    return 0;
}

static int object_binary_size(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value value = call->args[0];
    if (value.type != DOC_STRING && value.type != DOC_BINARY) {
        return err_set(call->err, 51276,
                       "$binarySize requires a string or BinData argument, "
                       "found: %s",
                       doc_type_name(value.type));
    }
    size_t len = value.type == DOC_STRING ? doc_value_get_string(value).len
                                          : doc_value_get_binary(value).len;
    *ret_value = doc_value_integer(call->eval->arena, (int64_t)len);
    return 0;
}

const struct query__op query__ops_object[] = {
    {"$objectToArray", 1, 1, QUERY__NULLISH, .call = object_to_array},
    {"$arrayToObject", 1, 1, QUERY__NULLISH, .call = object_from_array},
    {"$mergeObjects", 0, -1, .call = object_merge},
    {"$getField", 1, 1, .call = object_get, .params = &object_get_params,
     .parse = object_get_parse},
    {"$setField", 1, 1, .call = object_set, .params = &object_set_params,
     .parse = object_set_parse},
    {"$unsetField", 1, 1, .call = object_set, .params = &object_unset_params,
     .parse = object_set_parse},
    {"$bsonSize", 1, 1, QUERY__NULLISH, .call = object_bson_size},
    {"$binarySize", 1, 1, QUERY__NULLISH, .call = object_binary_size},
    {0},
};
