/* query/schema_test.c - what $jsonSchema lets pass. */
#include "query/schema.h"

#include "lib/json_doc.h"

static int schema_case(const char *spec, const char *doc)
{
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    struct query_context context = {.arena = &arena};
    struct query_schema *schema = NULL;
    int rc = query_schema_parse(&context, json_doc(&arena, spec), &schema, &err);
    if (rc == 0) {
        rc = query_schema_match(schema, doc_value_object(json_doc(&arena, doc)), &err);
    }
    arena_close(&arena);
    return rc;
}

TEST(schema_keywords_speak_about_their_own_types)
{
    static const struct {
        const char *schema;
        const char *doc;
        int want;
    } cases[] = {
        {"{}", "{'a': 1}", 1},
        {"{'required': ['a', 'b']}", "{'a': 1}", 0},
        {"{'properties': {'a': {'bsonType': 'int'}}}", "{'a': 1}", 1},
        {"{'properties': {'a': {'bsonType': 'int'}}}", "{'a': 'x'}", 0},
        {"{'properties': {'a': {'bsonType': 'int'}}}", "{}", 1},
        {"{'properties': {'a': {'minimum': 3, 'exclusiveMinimum': true}}}", "{'a': 3}", 0},
        {"{'properties': {'a': {'minimum': 3}}}", "{'a': 'x'}", 1},
        {"{'properties': {'a': {'multipleOf': 0.1}}}", "{'a': 0.3}", 1},
        {"{'properties': {'a': {'maxLength': 2}}}", "{'a': 'xyz'}", 0},
        {"{'properties': {'a': {'pattern': '^x'}}}", "{'a': 'xy'}", 1},
        {"{'properties': {'a': {'uniqueItems': true}}}", "{'a': [1, 1.0]}", 0},
        {"{'properties': {'a': {'items': [{'type': 'number'}], 'additionalItems': false}}}",
         "{'a': [1, 2]}", 0},
        {"{'properties': {'a': {}}, 'additionalProperties': false}", "{'a': 1, 'b': 1}", 0},
        {"{'patternProperties': {'^s': {'type': 'string'}}}", "{'s1': 1}", 0},
        {"{'dependencies': {'a': ['b']}}", "{'a': 1}", 0},
        {"{'dependencies': {'a': ['b']}}", "{'c': 1}", 1},
        {"{'oneOf': [{'required': ['a']}, {'required': ['b']}]}", "{'a': 1, 'b': 1}", 0},
        {"{'anyOf': [{'required': ['a']}, {'required': ['b']}]}", "{'b': 1}", 1},
        {"{'not': {'required': ['a']}}", "{'a': 1}", 0},
        {"{'enum': [{'a': 1}]}", "{'a': 1.0}", 1},
        {"{'unknown': 1}", "{}", -LT_EFAILEDTOPARSE},
        {"{'type': 'integer'}", "{}", -LT_EFAILEDTOPARSE},
        {"{'type': 'object', 'bsonType': 'object'}", "{}", -LT_EFAILEDTOPARSE},
        {"{'required': 'a'}", "{}", -LT_ETYPEMISMATCH},
        {"{'exclusiveMaximum': true}", "{}", -LT_EFAILEDTOPARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = schema_case(cases[i].schema, cases[i].doc);
        if (got != cases[i].want) {
            fail_msg("%s on %s: %d", cases[i].schema, cases[i].doc, got);
        }
    }
}
