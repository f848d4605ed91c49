/* test/conformance/equal.c - one comparison, its options passed down. */
#include "conformance/equal.h"

#include <math.h>
#include <stdlib.h>

#include "doc/decimal.h"
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

static bool equal_ordered_docs(const struct conf_equal *options, struct slice expected,
                               struct slice actual)
{
    struct doc_iter expected_iter, actual_iter;
    struct doc_elem expected_elem, actual_elem;
    doc_iter_init(&expected_iter, expected);
    doc_iter_init(&actual_iter, actual);
    while (doc_iter_next(&expected_iter, &expected_elem)) {
        do {
            if (!doc_iter_next(&actual_iter, &actual_elem)) {
                return false;
            }
        } while (options->partial && !slice_equal(actual_elem.name, expected_elem.name));
        if (!slice_equal(actual_elem.name, expected_elem.name) ||
            !conf_equal_value(options, expected_elem.value, actual_elem.value)) {
            return false;
        }
    }
    return options->partial || !doc_iter_next(&actual_iter, &actual_elem);
}

static bool equal_docs(const struct conf_equal *options, struct slice expected, struct slice actual)
{
    if (options->field_order) {
        return equal_ordered_docs(options, expected, actual);
    }
    if (!options->partial && doc_count(expected) != doc_count(actual)) {
        return false;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, expected);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value value = doc_get(actual, elem.name);
        if (value.type == DOC_MISSING || !conf_equal_value(options, elem.value, value)) {
            return false;
        }
    }
    return true;
}

static bool equal_arrays(const struct conf_equal *options, struct slice expected,
                         struct slice actual)
{
    struct doc_iter expected_iter, actual_iter;
    struct doc_elem expected_elem, actual_elem;
    doc_iter_init(&expected_iter, expected);
    doc_iter_init(&actual_iter, actual);
    while (doc_iter_next(&expected_iter, &expected_elem)) {
        if (!doc_iter_next(&actual_iter, &actual_elem) ||
            !conf_equal_value(options, expected_elem.value, actual_elem.value)) {
            return false;
        }
    }
    return options->partial || !doc_iter_next(&actual_iter, &actual_elem);
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
                      slice_of(actual.data + 8 + code_len, actual.len - 8 - code_len));
}

bool conf_equal_value(const struct conf_equal *options, struct doc_value expected,
                      struct doc_value actual)
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
        return equal_docs(options, doc_value_get_doc(expected), doc_value_get_doc(actual));
    case DOC_ARRAY:
        return equal_arrays(options, doc_value_get_doc(expected), doc_value_get_doc(actual));
    case DOC_DECIMAL:
        return equal_decimal(expected, actual);
    case DOC_CODE_W_SCOPE:
        return equal_code_w_scope(options, expected, actual);
    default: /* doubles by their bits too: 0.0 is not -0.0 */
        return expected.len == actual.len &&
               (expected.len == 0 || memcmp(expected.data, actual.data, expected.len) == 0);
    }
}

static bool equal_result_doc(const struct conf_equal *options, struct doc_value expected,
                             struct doc_value actual);

/* Each expected element finds an actual one of its own. */
static bool equal_multisets(const struct conf_equal *options, struct slice expected,
                            struct slice actual, bool outermost)
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
            if (taken[i]) {
                continue;
            }
            found = outermost ? equal_result_doc(options, expected_elem.value, actual_elem.value)
                              : conf_equal_value(options, expected_elem.value, actual_elem.value);
            taken[i] = found;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool equal_is_unordered(const struct conf_equal *options, struct slice name)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, options->unordered_fields)
    {
        if (cJSON_IsString(field) && slice_is(name, field->valuestring)) {
            return true;
        }
    }
    return false;
}

/* One document of the result: some of its arrays may be multisets. */
static bool equal_result_doc(const struct conf_equal *options, struct doc_value expected,
                             struct doc_value actual)
{
    if (options->unordered_fields == NULL || expected.type != DOC_OBJECT ||
        actual.type != DOC_OBJECT) {
        return conf_equal_value(options, expected, actual);
    }
    struct slice actual_doc = doc_value_get_doc(actual);
    struct doc_iter iter;
    struct doc_elem elem;
    if (!options->partial && doc_count(doc_value_get_doc(expected)) != doc_count(actual_doc)) {
        return false;
    }
    doc_iter_value(&iter, expected);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value value = doc_get(actual_doc, elem.name);
        bool arrays = elem.value.type == DOC_ARRAY && value.type == DOC_ARRAY;
        bool fine = value.type != DOC_MISSING;
        if (fine && arrays && equal_is_unordered(options, elem.name)) {
            fine = equal_multisets(options, doc_value_get_doc(elem.value), doc_value_get_doc(value),
                                   false);
        } else if (fine) {
            fine = conf_equal_value(options, elem.value, value);
        }
        if (!fine) {
            return false;
        }
    }
    return true;
}

bool conf_equal_result(const struct conf_equal *options, struct doc_value expected,
                       struct doc_value actual)
{
    if (expected.type != DOC_ARRAY || actual.type != DOC_ARRAY) {
        return equal_result_doc(options, expected, actual);
    }
    struct slice expected_docs = doc_value_get_doc(expected);
    struct slice actual_docs = doc_value_get_doc(actual);
    if (options->unordered) {
        return equal_multisets(options, expected_docs, actual_docs, true);
    }
    if (options->unordered_fields == NULL) {
        return conf_equal_value(options, expected, actual);
    }
    size_t count = doc_count(expected_docs);
    if (options->partial ? doc_count(actual_docs) < count : doc_count(actual_docs) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!equal_result_doc(options, doc_array_at(expected_docs, i),
                              doc_array_at(actual_docs, i))) {
            return false;
        }
    }
    return true;
}

struct doc_value conf_at(struct doc_value value, const char *path)
{
    while (*path != '\0') {
        const char *dot = strchrnul(path, '.');
        struct slice part = slice_of(path, (size_t)(dot - path));
        if (value.type == DOC_OBJECT) {
            value = doc_get(doc_value_get_doc(value), part);
        } else if (value.type == DOC_ARRAY) {
            char *end;
            long index = strtol(path, &end, 10);
            bool number = end == dot && end != path && index >= 0;
            value = number ? doc_array_at(doc_value_get_doc(value), (size_t)index) : doc_missing;
        } else {
            return doc_missing;
        }
        path = *dot == '.' ? dot + 1 : dot;
    }
    return value;
}
