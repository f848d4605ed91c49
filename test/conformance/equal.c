/* test/conformance/equal.c - one comparison, its options passed down. */
#include "conformance/equal.h"

#include <math.h>

#include "doc/decimal.h"
#include "doc/path.h"
#include "doc/view.h"

static bool equal_is_nan(struct doc_value value)
{
    return (value.type == DOC_DOUBLE && isnan(doc_value_get_double(value))) ||
           (value.type == DOC_DECIMAL && doc_decimal_is_nan(doc_value_get_decimal(value)));
}

/* {"$approx": {"value": d, "tolerance": t}} */
static bool equal_get_approx(struct doc_value expected, struct slice *ret_inside)
{
    if (expected.type != DOC_OBJECT || doc_count(doc_value_get_doc(expected)) != 1) {
        return false;
    }
    struct doc_value inside = doc_get_str(doc_value_get_doc(expected), "$approx");
    if (inside.type != DOC_OBJECT) {
        return false;
    }
    *ret_inside = doc_value_get_doc(inside);
    return true;
}

static bool equal_approx(struct slice inside, struct doc_value actual)
{
    if (!doc_value_is_number(actual) || actual.type == DOC_DECIMAL) {
        return false;
    }
    double wanted = doc_value_to_double(doc_get_str(inside, "value"));
    double tolerance = doc_value_to_double(doc_get_str(inside, "tolerance"));
    double number = doc_value_to_double(actual);
    if (isnan(wanted)) {
        return isnan(number);
    }
    return number == wanted || fabs(number - wanted) <= tolerance;
}

static bool equal_decimal(struct doc_value expected, struct doc_value actual)
{
    char expected_text[DOC_DECIMAL_TEXT_MAX];
    char actual_text[DOC_DECIMAL_TEXT_MAX];
    doc_decimal_to_text(doc_value_get_decimal(expected), expected_text);
    doc_decimal_to_text(doc_value_get_decimal(actual), actual_text);
    return strcmp(expected_text, actual_text) == 0;
}

/* `fields`: names whose arrays are multisets; NULL below the outermost documents. */
static bool equal_value(const struct conf_equal *options, struct doc_value expected,
                        struct doc_value actual, const cJSON *fields);

static bool equal_is_named(const cJSON *fields, struct slice name)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, fields)
    {
        if (cJSON_IsString(field) && slice_is(name, field->valuestring)) {
            return true;
        }
    }
    return false;
}

static bool equal_arrays(const struct conf_equal *options, struct slice expected,
                         struct slice actual, const cJSON *fields)
{
    struct doc_iter expected_iter, actual_iter;
    struct doc_elem expected_elem, actual_elem;
    doc_iter_init(&expected_iter, expected);
    doc_iter_init(&actual_iter, actual);
    while (doc_iter_next(&expected_iter, &expected_elem)) {
        if (!doc_iter_next(&actual_iter, &actual_elem) ||
            !equal_value(options, expected_elem.value, actual_elem.value, fields)) {
            return false;
        }
    }
    return options->partial || !doc_iter_next(&actual_iter, &actual_elem);
}

/* Each expected element finds an actual one of its own. */
static bool equal_multisets(const struct conf_equal *options, struct slice expected,
                            struct slice actual, const cJSON *fields)
{
    size_t count = doc_count(actual);
    if (!options->partial && doc_count(expected) != count) {
        return false;
    }
    bool *taken = arena_zero(options->arena, count + 1, sizeof *taken);
    struct doc_iter expected_iter, actual_iter;
    struct doc_elem expected_elem, actual_elem;
    doc_iter_init(&expected_iter, expected);
    while (doc_iter_next(&expected_iter, &expected_elem)) {
        bool found = false;
        doc_iter_init(&actual_iter, actual);
        for (size_t i = 0; !found && doc_iter_next(&actual_iter, &actual_elem); i++) {
            if (!taken[i]) {
                found = equal_value(options, expected_elem.value, actual_elem.value, fields);
                taken[i] = found;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* The field of that name; with field_order the next one, which may skip others when partial. */
static struct doc_value equal_field(const struct conf_equal *options, struct slice doc,
                                    struct doc_iter *iter, struct slice name)
{
    struct doc_elem elem;
    if (!options->field_order) {
        return doc_get(doc, name);
    }
    while (doc_iter_next(iter, &elem)) {
        if (slice_equal(elem.name, name)) {
            return elem.value;
        }
        if (!options->partial) {
            break;
        }
    }
    return doc_missing;
}

static bool equal_docs(const struct conf_equal *options, struct slice expected, struct slice actual,
                       const cJSON *fields)
{
    struct doc_iter iter, actual_iter;
    struct doc_elem elem;
    if (!options->partial && doc_count(expected) != doc_count(actual)) {
        return false;
    }
    doc_iter_init(&iter, expected);
    doc_iter_init(&actual_iter, actual);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value value = equal_field(options, actual, &actual_iter, elem.name);
        bool arrays = elem.value.type == DOC_ARRAY && value.type == DOC_ARRAY;
        bool same = arrays && equal_is_named(fields, elem.name)
                        ? equal_multisets(options, doc_value_get_doc(elem.value),
                                          doc_value_get_doc(value), NULL)
                        : equal_value(options, elem.value, value, NULL);
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool equal_code_w_scope(const struct conf_equal *options, struct doc_value expected,
                               struct doc_value actual)
{
    uint32_t code_len = doc_load_u32(expected.data + 4);
    if (actual.len < 8 + code_len ||
        memcmp(expected.data + 4, actual.data + 4, 4 + code_len) != 0) {
        return false;
    }
    return equal_docs(options, slice_of(expected.data + 8 + code_len, expected.len - 8 - code_len),
                      slice_of(actual.data + 8 + code_len, actual.len - 8 - code_len), NULL);
}

static bool equal_value(const struct conf_equal *options, struct doc_value expected,
                        struct doc_value actual, const cJSON *fields)
{
    struct slice approx;
    if (equal_get_approx(expected, &approx)) {
        return equal_approx(approx, actual);
    }
    if (options->nan && equal_is_nan(expected) && equal_is_nan(actual)) {
        return true;
    }
    if (expected.type != actual.type) {
        return false;
    }
    switch (expected.type) {
    case DOC_OBJECT:
        return equal_docs(options, doc_value_get_doc(expected), doc_value_get_doc(actual), fields);
    case DOC_ARRAY:
        return equal_arrays(options, doc_value_get_doc(expected), doc_value_get_doc(actual), NULL);
    case DOC_DECIMAL:
        return equal_decimal(expected, actual);
    case DOC_CODE_W_SCOPE:
        return equal_code_w_scope(options, expected, actual);
    default: /* doubles by their bits too: 0.0 is not -0.0 */
        return expected.len == actual.len &&
               (expected.len == 0 || memcmp(expected.data, actual.data, expected.len) == 0);
    }
}

bool conf_equal_value(const struct conf_equal *options, struct doc_value expected,
                      struct doc_value actual)
{
    return equal_value(options, expected, actual, NULL);
}

bool conf_equal_result(const struct conf_equal *options, struct doc_value expected,
                       struct doc_value actual)
{
    const cJSON *fields = options->unordered_fields;
    if (expected.type != DOC_ARRAY || actual.type != DOC_ARRAY) {
        return equal_value(options, expected, actual, fields);
    }
    return (options->unordered ? equal_multisets : equal_arrays)(
        options, doc_value_get_doc(expected), doc_value_get_doc(actual), fields);
}

struct doc_value conf_at(struct arena *arena, struct doc_value value, const char *path)
{
    struct doc_path parsed;
    if (*path == '\0') {
        return value;
    }
    if (value.type != DOC_OBJECT || doc_path_parse(arena, slice_str(path), &parsed, NULL) < 0) {
        return doc_missing;
    }
    return doc_path_get(&parsed, doc_value_get_doc(value));
}
