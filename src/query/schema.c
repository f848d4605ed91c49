/* query/schema.c - does a value satisfy a schema?
 *
 * Each group of keywords speaks about one kind of value and lets all others pass; a document
 * satisfies the schema when every group agrees. */
#include "query/schema.h"

#include "doc/compare.h"
#include "doc/decimal.h"
#include "doc/view.h"
#include "query/schema_private.h"
#include "query/set.h"

static bool schema_number(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
           value.type == DOC_DECIMAL;
}

static bool schema_in_range(const struct query_schema *schema, struct doc_value value)
{
    if (doc_value_exists(schema->minimum)) {
        int order = doc_compare(value, schema->minimum);
        if (order < 0 || (order == 0 && schema->minimum_exclusive)) {
            return false;
        }
    }
    if (doc_value_exists(schema->maximum)) {
        int order = doc_compare(value, schema->maximum);
        if (order > 0 || (order == 0 && schema->maximum_exclusive)) {
            return false;
        }
    }
    if (!doc_value_exists(schema->multiple_of)) {
        return true;
    }
    struct doc_decimal rest = doc_decimal_apply(DOC_DECIMAL_MOD, doc_decimal_of_value(value),
                                                doc_decimal_of_value(schema->multiple_of));
    return doc_decimal_is_zero(rest);
}

static bool schema_within(const struct query_schema *schema, enum schema_limit low, int64_t count)
{
    int64_t min = schema->limits[low];
    int64_t max = schema->limits[low + 1];
    return (min < 0 || count >= min) && (max < 0 || count <= max);
}

static int schema_string(const struct query_schema *schema, struct doc_value value, struct err *err)
{
    struct slice text = doc_value_get_string(value);
    int64_t letters = 0;
    for (size_t i = 0; i < text.len; i++) {
        letters += (text.data[i] & 0xC0) != 0x80;
    }
    if (!schema_within(schema, SCHEMA_LENGTH_MIN, letters)) {
        return 0;
    }
    return schema->pattern == NULL ? 1 : query_regex_match(schema->pattern, text, err);
}

static const struct query_schema *schema_of_item(const struct query_schema *schema, uint32_t index)
{
    if (!schema->has_tuple) {
        return schema->items;
    }
    return index < schema->tuple.count ? schema->tuple.items[index] : schema->more_items;
}

static bool schema_unique(struct doc_value array)
{
    struct arena arena;
    struct query__set set;
    struct doc_iter iter;
    struct doc_elem elem;
    bool unique = true;
    arena_init(&arena);
    query__set_init(&set, &arena, NULL);
    doc_iter_value(&iter, array);
    while (unique && doc_iter_next(&iter, &elem)) {
        unique = query__set_add(&set, elem.value, NULL);
    }
    arena_close(&arena);
    return unique;
}

static int schema_array(const struct query_schema *schema, struct doc_value value, struct err *err)
{
    int64_t count = (int64_t)doc_count(doc_value_get_doc(value));
    if (!schema_within(schema, SCHEMA_ITEMS_MIN, count)) {
        return 0;
    }
    if (schema->has_tuple && schema->refuses_more_items && count > schema->tuple.count) {
        return 0;
    }
    if (schema->unique_items && !schema_unique(value)) {
        return 0;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, value);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        const struct query_schema *inner = schema_of_item(schema, i);
        int rc = inner == NULL ? 1 : query_schema_match(inner, elem.value, err);
        if (rc != 1) {
            return rc;
        }
    }
    return 1;
}

/* One field against properties, patternProperties and additionalProperties. */
static int schema_field(const struct query_schema *schema, struct doc_elem field, struct err *err)
{
    bool known = false;
    for (uint32_t i = 0; i < schema->properties.count; i++) {
        if (slice_equal(schema->properties.items[i].name, field.name)) {
            known = true;
            int rc = query_schema_match(schema->properties.items[i].schema, field.value, err);
            if (rc != 1) {
                return rc;
            }
        }
    }
    for (uint32_t i = 0; i < schema->patterns.count; i++) {
        int rc = query_regex_match(schema->patterns.items[i].pattern, field.name, err);
        if (rc == 1) {
            known = true;
            rc = query_schema_match(schema->patterns.items[i].schema, field.value, err);
            if (rc != 1) {
                return rc;
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    if (known) {
        return 1;
    }
    if (schema->refuses_more) {
        return 0;
    }
    return schema->more == NULL ? 1 : query_schema_match(schema->more, field.value, err);
}

/* Are all names of the array in the document? */
static bool schema_has(struct slice doc, struct doc_value names)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, names);
    while (doc_iter_next(&iter, &elem)) {
        if (!doc_value_exists(doc_get(doc, doc_value_get_string(elem.value)))) {
            return false;
        }
    }
    return true;
}

static int schema_dependencies(const struct query_schema *schema, struct doc_value value,
                               struct err *err)
{
    struct slice doc = doc_value_get_doc(value);
    if (doc_value_exists(schema->dependencies)) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, schema->dependencies);
        while (doc_iter_next(&iter, &elem)) {
            if (elem.value.type == DOC_ARRAY && doc_value_exists(doc_get(doc, elem.name)) &&
                !schema_has(doc, elem.value)) {
                return 0;
            }
        }
    }
    for (uint32_t i = 0; i < schema->needs.count; i++) {
        if (doc_value_exists(doc_get(doc, schema->needs.items[i].name))) {
            int rc = query_schema_match(schema->needs.items[i].schema, value, err);
            if (rc != 1) {
                return rc;
            }
        }
    }
    return 1;
}

static int schema_object(const struct query_schema *schema, struct doc_value value, struct err *err)
{
    struct slice doc = doc_value_get_doc(value);
    if (!schema_within(schema, SCHEMA_PROPERTIES_MIN, (int64_t)doc_count(doc))) {
        return 0;
    }
    if (doc_value_exists(schema->required) && !schema_has(doc, schema->required)) {
        return 0;
    }
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &field)) {
        int rc = schema_field(schema, field, err);
        if (rc != 1) {
            return rc;
        }
    }
    return schema_dependencies(schema, value, err);
}

/* How many of the list are satisfied; stops when more than `enough` are. */
static int schema_count(const struct schema_list *list, struct doc_value value, int enough,
                        struct err *err)
{
    int count = 0;
    for (uint32_t i = 0; i < list->count && count <= enough; i++) {
        int rc = query_schema_match(list->items[i], value, err);
        if (rc < 0) {
            return rc;
        }
        count += rc;
    }
    return count;
}

static int schema_logic(const struct query_schema *schema, struct doc_value value, struct err *err)
{
    int all = (int)schema->all_of.count;
    int rc = schema_count(&schema->all_of, value, all, err);
    if (rc != all) {
        return rc < 0 ? rc : 0;
    }
    if (schema->any_of.count > 0) {
        rc = schema_count(&schema->any_of, value, 0, err);
        if (rc <= 0) {
            return rc;
        }
    }
    if (schema->one_of.count > 0) {
        rc = schema_count(&schema->one_of, value, 1, err);
        if (rc != 1) {
            return rc < 0 ? rc : 0;
        }
    }
    if (schema->not_this == NULL) {
        return 1;
    }
    rc = query_schema_match(schema->not_this, value, err);
    return rc < 0 ? rc : !rc;
}

static bool schema_listed(struct doc_value values, struct doc_value value)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, values);
    while (doc_iter_next(&iter, &elem)) {
        if (doc_equal(elem.value, value)) {
            return true;
        }
    }
    return false;
}

int query_schema_match(const struct query_schema *schema, struct doc_value value, struct err *err)
{
    int rc = 1;
    if (schema->type != NULL) {
        rc = query__match_leaf(schema->type, value, err);
    }
    if (rc == 1 && doc_value_exists(schema->values)) {
        rc = schema_listed(schema->values, value);
    }
    if (rc == 1 && schema_number(value)) {
        rc = schema_in_range(schema, value);
    } else if (rc == 1 && value.type == DOC_STRING) {
        rc = schema_string(schema, value, err);
    } else if (rc == 1 && value.type == DOC_ARRAY) {
        rc = schema_array(schema, value, err);
    } else if (rc == 1 && value.type == DOC_OBJECT) {
        rc = schema_object(schema, value, err);
    }
    return rc == 1 ? schema_logic(schema, value, err) : rc;
}
