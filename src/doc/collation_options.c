/* doc/collation_options.c - the document that asks for a collation.
 *
 * A row says which field there is, of which type, and where it goes. null stands for a field that
 * is not there, but for `backwards`, as MongoDB has it. */
#include <stdlib.h>

#include "doc/collation_private.h"
#include "doc/view.h"

struct options_name {
    const char *name;
    int value;
};

static const struct options_name options_case_first[] = {
    {"off", UCOL_OFF}, {"upper", UCOL_UPPER_FIRST}, {"lower", UCOL_LOWER_FIRST}, {NULL, 0}};
static const struct options_name options_alternate[] = {
    {"non-ignorable", UCOL_NON_IGNORABLE}, {"shifted", UCOL_SHIFTED}, {NULL, 0}};
static const struct options_name options_max_variable[] = {
    {"punct", UCOL_REORDER_CODE_PUNCTUATION}, {"space", UCOL_REORDER_CODE_SPACE}, {NULL, 0}};

static const char *options_name_of(const struct options_name *names, int value)
{
    for (; names->name != NULL; names++) {
        if (names->value == value) {
            return names->name;
        }
    }
    return "";
}

const char *doc__collation_case_first_name(int value)
{
    return options_name_of(options_case_first, value);
}

const char *doc__collation_alternate_name(int value)
{
    return options_name_of(options_alternate, value);
}

const char *doc__collation_max_variable_name(int value)
{
    return options_name_of(options_max_variable, value);
}

/* ---- fields ---- */

enum options_kind {
    OPTIONS_LOCALE,
    OPTIONS_STRENGTH,
    OPTIONS_BOOL,
    OPTIONS_NAME,
    OPTIONS_VERSION_TEXT,
};

struct options_field {
    const char *name;
    enum options_kind kind;
    size_t offset;
    const struct options_name *names;
    bool null_too; /* null is a value, of the wrong type */
};

#define OPTIONS_AT(member) offsetof(struct doc__collation_options, member)

static const struct options_field options_fields[] = {
    {"locale", OPTIONS_LOCALE, 0, NULL, false},
    {"strength", OPTIONS_STRENGTH, 0, NULL, false},
    {"caseLevel", OPTIONS_BOOL, OPTIONS_AT(case_level), NULL, false},
    {"caseFirst", OPTIONS_NAME, OPTIONS_AT(case_first), options_case_first, false},
    {"numericOrdering", OPTIONS_BOOL, OPTIONS_AT(numeric), NULL, false},
    {"alternate", OPTIONS_NAME, OPTIONS_AT(alternate), options_alternate, false},
    {"maxVariable", OPTIONS_NAME, OPTIONS_AT(max_variable), options_max_variable, false},
    {"normalization", OPTIONS_BOOL, OPTIONS_AT(normalization), NULL, false},
    {"backwards", OPTIONS_BOOL, OPTIONS_AT(backwards), NULL, true},
    {"version", OPTIONS_VERSION_TEXT, 0, NULL, false},
};

struct options_parser {
    const char *field; /* what the document is called */
    struct doc__collation_options *options;
    struct err *err;
};

static int options_wrong_type(const struct options_parser *parser, struct doc_elem elem,
                              const char *expected)
{
    return err_set(parser->err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%.*s' is the wrong type '%s', expected type%s '%s'",
                   parser->field, SLICE_FMT(elem.name), doc_type_name(elem.value.type),
                   expected[0] == '[' ? "s" : "", expected);
}

static int options_take_strength(const struct options_parser *parser, struct doc_elem elem)
{
    if (!doc_value_is_number(elem.value)) {
        return options_wrong_type(parser, elem, "[long, int, decimal, double]");
    }
    int64_t strength = doc_value_to_i64_clamped(elem.value);
    if (strength < 1 || strength > 5) {
        return err_set(parser->err, LT_EBADVALUE,
                       "BSON field '%s.strength' value must be %s, actual value '%lld'",
                       parser->field, strength < 1 ? ">= 1" : "<= 5", (long long)strength);
    }
    parser->options->strength = strength;
    return 0;
}

static int options_take_name(const struct options_parser *parser, struct doc_elem elem,
                             const struct options_field *row)
{
    struct slice text = doc_value_get_string(elem.value);
    for (const struct options_name *known = row->names; known->name != NULL; known++) {
        if (slice_is(text, known->name)) {
            *(int *)(void *)((uint8_t *)parser->options + row->offset) = known->value;
            return 0;
        }
    }
    return err_set(parser->err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field '%s.%s' is not a valid value.",
                   SLICE_FMT(text), parser->field, row->name);
}

static int options_take_version(const struct options_parser *parser, struct slice version)
{
    if (slice_is(version, DOC__COLLATION_VERSION)) {
        return 0;
    }
    return err_set(parser->err, LT_EINCOMPATIBLECOLLATIONVERSION,
                   "Requested collation version %.*s but the only available collator version was "
                   "%s",
                   SLICE_FMT(version), DOC__COLLATION_VERSION);
}

static int options_take(const struct options_parser *parser, struct doc_elem elem,
                        const struct options_field *row)
{
    if (row->kind == OPTIONS_STRENGTH) {
        return options_take_strength(parser, elem);
    }
    if (row->kind == OPTIONS_BOOL) {
        if (elem.value.type != DOC_BOOL) {
            return options_wrong_type(parser, elem, "bool");
        }
        int *into = (int *)(void *)((uint8_t *)parser->options + row->offset);
        *into = doc_value_get_bool(elem.value);
        return 0;
    }
    if (elem.value.type != DOC_STRING) {
        return options_wrong_type(parser, elem, "string");
    }
    if (row->kind == OPTIONS_NAME) {
        return options_take_name(parser, elem, row);
    }
    if (row->kind == OPTIONS_VERSION_TEXT) {
        return options_take_version(parser, doc_value_get_string(elem.value));
    }
    parser->options->locale = doc_value_get_string(elem.value);
    return 0;
}

static int options_field(const struct options_parser *parser, struct doc_elem elem)
{
    for (size_t i = 0; i < sizeof options_fields / sizeof *options_fields; i++) {
        const struct options_field *row = &options_fields[i];
        if (!slice_is(elem.name, row->name)) {
            continue;
        }
        bool absent = doc_value_is_nullish(elem.value) && !row->null_too;
        return absent ? 0 : options_take(parser, elem, row);
    }
    return err_set(parser->err, 40415, "BSON field '%s.%.*s' is an unknown field.", parser->field,
                   SLICE_FMT(elem.name));
}

int doc__collation_options(struct slice spec, const char *field,
                           struct doc__collation_options *ret_options, struct err *err)
{
    *ret_options = (struct doc__collation_options){
        .strength = DOC__COLLATION_UNSET,
        .case_level = DOC__COLLATION_UNSET,
        .case_first = DOC__COLLATION_UNSET,
        .numeric = DOC__COLLATION_UNSET,
        .alternate = DOC__COLLATION_UNSET,
        .max_variable = DOC__COLLATION_UNSET,
        .normalization = DOC__COLLATION_UNSET,
        .backwards = DOC__COLLATION_UNSET,
    };
    struct options_parser parser = {field, ret_options, err};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int code = options_field(&parser, elem);
        if (code < 0) {
            return code;
        }
    }
    if (ret_options->locale.data == NULL) {
        return err_set(err, 40414, "BSON field '%s.locale' is missing but a required field", field);
    }
    return 0;
}
