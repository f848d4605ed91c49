/* query/fields.c - see fields.h. */
#include "query/fields.h"

#include "doc/view.h"

static int fields_check(const char *prefix, const struct query__field *field,
                        struct doc_value value, struct doc_value *ret_value, struct err *err)
{
    *ret_value = doc_missing;
    if (field->type != QUERY__FIELD_ANY && doc_value_is_nullish(value)) {
        return 0;
    }
    bool number = field->type == QUERY__FIELD_NUMBER;
    if (field->type != QUERY__FIELD_ANY && value.type != field->type &&
        !(number && doc_value_is_number(value))) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%s' is the wrong type '%s', expected type '%s'", prefix,
                       field->name, doc_type_name(value.type),
                       number ? "number" : doc_type_name(field->type));
    }
    *ret_value = value;
    return 0;
}

int query__fields_read(const char *prefix, struct slice doc, const struct query__field *fields,
                       struct doc_value *ret_values, struct err *err)
{
    for (uint32_t i = 0; fields[i].name != NULL; i++) {
        ret_values[i] = doc_missing;
    }
    struct doc_iter iter;
    doc_iter_init(&iter, doc);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        uint32_t at = 0;
        while (fields[at].name != NULL && !slice_is(elem.name, fields[at].name)) {
            at++;
        }
        if (fields[at].name == NULL) {
            return err_set(err, 40415, "BSON field '%s.%.*s' is an unknown field.", prefix,
                           SLICE_FMT(elem.name));
        }
        int rc = fields_check(prefix, &fields[at], elem.value, &ret_values[at], err);
        if (rc < 0) {
            return rc;
        }
    }
    for (uint32_t i = 0; fields[i].name != NULL; i++) {
        if (fields[i].required && !doc_value_exists(ret_values[i])) {
            return err_set(err, 40414, "BSON field '%s.%s' is missing but a required field", prefix,
                           fields[i].name);
        }
    }
    return 0;
}
