/* query/fields.h - the fields of a stage's or an operator's specification, by a table.
 *
 * Invariant   a field that is null or undefined is not given, unless any type will do.
 * Thread      pure.
 * Memory      values are borrowed from the document.
 * Errors      40415 for an unknown field, TypeMismatch for a wrong type, 40414 for a missing one.
 */
#ifndef QUERY_FIELDS_H
#define QUERY_FIELDS_H

#include "base/err.h"
#include "doc/value.h"

enum {
    QUERY__FIELD_ANY = DOC_MISSING,
    QUERY__FIELD_NUMBER = 0xF0, /* a number of any type; else the field's one type */
};

struct query__field {
    const char *name;
    uint8_t type;
    bool required;
};

/* Read the fields; those not given are missing. The table ends with a row without a name, `prefix`
 * names the whole in errors. */
int query__fields_read(const char *prefix, struct slice doc, const struct query__field *fields,
                       struct doc_value *ret_values, struct err *err);

#endif
