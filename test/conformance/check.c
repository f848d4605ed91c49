/* test/conformance/check.c - tests by a table of their names. */
#include "conformance/check.h"

#include "conformance/equal.h"
#include "doc/compare.h"
#include "doc/view.h"

struct check_case {
    const cJSON *operand;
    struct doc_value value; /* at the path; may be missing */
    const struct conf_cursors *cursors;
    struct arena *arena;
};

typedef bool (*check_cb)(const struct check_case *it);

static bool check_operand(const struct check_case *it, const cJSON *json, struct doc_value *ret)
{
    return json != NULL && conf_ejson_value(it->arena, json, it->cursors, ret);
}

static bool check_equal(const struct check_case *it, const cJSON *json, struct doc_value actual)
{
    struct conf_equal options = {.arena = it->arena};
    struct doc_value wanted;
    return check_operand(it, json, &wanted) && conf_equal_value(&options, wanted, actual);
}

static bool check_there(const struct check_case *it)
{
    return doc_value_exists(it->value);
}

static bool check_exists(const struct check_case *it)
{
    return check_there(it) == (bool)cJSON_IsTrue(it->operand);
}

static bool check_type(const struct check_case *it)
{
    const char *name = cJSON_GetStringValue(it->operand);
    return check_there(it) && name != NULL && doc_type_of_name(slice_str(name)) == it->value.type;
}

static bool check_eq(const struct check_case *it)
{
    return check_there(it) && check_equal(it, it->operand, it->value);
}

static bool check_ne(const struct check_case *it)
{
    struct doc_value wanted;
    if (!check_there(it)) {
        return true;
    }
    if (!check_operand(it, it->operand, &wanted)) {
        return false;
    }
    bool numbers = doc_value_is_number(wanted) && doc_value_is_number(it->value);
    if (numbers && wanted.type != it->value.type) {
        return false;
    }
    return !check_equal(it, it->operand, it->value);
}

/* The order against the operand; false when the two do not order. */
static bool check_order(const struct check_case *it, int *ret_order)
{
    struct doc_value wanted;
    if (!check_there(it) || !check_operand(it, it->operand, &wanted)) {
        return false;
    }
    int type_class = doc_class(wanted.type);
    if (doc_class(it->value.type) != type_class ||
        !(doc_value_is_number(wanted) || wanted.type == DOC_DATE || wanted.type == DOC_STRING)) {
        return false;
    }
    *ret_order = doc_compare(it->value, wanted);
    return true;
}

static bool check_gt(const struct check_case *it)
{
    int order;
    return check_order(it, &order) && order > 0;
}

static bool check_gte(const struct check_case *it)
{
    int order;
    return check_order(it, &order) && order >= 0;
}

static bool check_lte(const struct check_case *it)
{
    int order;
    return check_order(it, &order) && order <= 0;
}

/* Elements less the operand; false when it is no array. */
static bool check_length(const struct check_case *it, long *ret_over)
{
    if (it->value.type != DOC_ARRAY || !cJSON_IsNumber(it->operand)) {
        return false;
    }
    *ret_over = (long)doc_count(doc_value_get_doc(it->value)) - (long)it->operand->valuedouble;
    return true;
}

static bool check_len(const struct check_case *it)
{
    long over;
    return check_length(it, &over) && over == 0;
}

static bool check_len_gt(const struct check_case *it)
{
    long over;
    return check_length(it, &over) && over > 0;
}

static bool check_len_lte(const struct check_case *it)
{
    long over;
    return check_length(it, &over) && over <= 0;
}

static bool check_keys(const struct check_case *it)
{
    if (it->value.type != DOC_OBJECT) {
        return false;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    const cJSON *key = it->operand->child;
    doc_iter_value(&iter, it->value);
    while (doc_iter_next(&iter, &elem)) {
        if (!cJSON_IsString(key) || !slice_is(elem.name, key->valuestring)) {
            return false;
        }
        key = key->next;
    }
    return key == NULL;
}

static bool check_has_key(const struct check_case *it)
{
    const char *key = cJSON_GetStringValue(it->operand);
    return it->value.type == DOC_OBJECT && key != NULL &&
           doc_value_exists(doc_get_str(doc_value_get_doc(it->value), key));
}

static bool check_contains(const struct check_case *it)
{
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(it->operand, "key"));
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(it->operand, "value");
    if (it->value.type != DOC_ARRAY || key == NULL) {
        return false;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, it->value);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_OBJECT) {
            struct doc_value field = doc_get_str(doc_value_get_doc(elem.value), key);
            if (doc_value_exists(field) && check_equal(it, wanted, field)) {
                return true;
            }
        }
    }
    return false;
}

static bool check_not_contains(const struct check_case *it)
{
    return !check_there(it) || (it->value.type == DOC_ARRAY && !check_contains(it));
}

static bool check_contains_element(const struct check_case *it)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (it->value.type != DOC_ARRAY) {
        return false;
    }
    doc_iter_value(&iter, it->value);
    while (doc_iter_next(&iter, &elem)) {
        if (check_equal(it, it->operand, elem.value)) {
            return true;
        }
    }
    return false;
}

static bool check_non_empty_str(const struct check_case *it)
{
    return it->value.type == DOC_STRING && doc_value_get_string(it->value).len > 0;
}

static bool check_byte_len(const struct check_case *it)
{
    return it->value.type == DOC_BINARY && cJSON_IsNumber(it->operand) &&
           doc_value_get_binary(it->value).len == (size_t)it->operand->valuedouble;
}

static const struct {
    const char *name;
    check_cb holds;
} check_tests[] = {
    {"exists", check_exists},
    {"type", check_type},
    {"eq", check_eq},
    {"ne", check_ne},
    {"gt", check_gt},
    {"gte", check_gte},
    {"lte", check_lte},
    {"len", check_len},
    {"len_gt", check_len_gt},
    {"len_lte", check_len_lte},
    {"keys", check_keys},
    {"has_key", check_has_key},
    {"contains", check_contains},
    {"not_contains", check_not_contains},
    {"contains_element", check_contains_element},
    {"non_empty_str", check_non_empty_str},
    {"byte_len", check_byte_len},
};

const char *conf_check(const cJSON *check, struct doc_value value,
                       const struct conf_cursors *cursors, struct arena *arena)
{
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(check, "path"));
    if (path == NULL) {
        return "no path";
    }
    for (size_t i = 0; i < sizeof check_tests / sizeof check_tests[0]; i++) {
        const cJSON *operand = cJSON_GetObjectItemCaseSensitive(check, check_tests[i].name);
        if (operand != NULL) {
            struct check_case it = {operand, conf_at(arena, value, path), cursors, arena};
            return check_tests[i].holds(&it) ? NULL : check_tests[i].name;
        }
    }
    return "unknown test";
}
