/* command/encrypted_fields_test.c - descriptions of encrypted fields, and what is wrong with them.
 */
#include "command/encrypted_fields.h"

#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

#define KEY "'keyId': {'$binary': {'base64': 'EjRWeBI0RniBI0VngAAQAQ==', 'subType': '04'}}"
#define TEXT "'strMinQueryLength': 1, 'strMaxQueryLength': 9, 'caseSensitive': true, "

static void encrypted_is(struct mini_node *node, int code, const char *options)
{
    struct arena arena;
    struct buf command;
    arena_init(&arena);
    buf_init(&command, &arena);
    buf_format(&command, "{'create': 'c', %s, '$db': 'd'}", options);
    buf_append_byte(&command, '\0');
    struct slice reply = mini_node_run(node, json_doc(&arena, (const char *)command.data));
    struct doc_value found = doc_get_str(reply, "code");
    if (found.type != DOC_INT32 || doc_value_get_i32(found) != code) {
        fail_msg("%s: %d expected, %s", options, code, json_text(&arena, reply));
    }
    arena_close(&arena);
}

TEST(encrypted_fields_without_mistakes_are_not_supported)
{
    static const char *const good[] = {
        "'encryptedFields': {'fields': []}",
        "'encryptedFields': {'fields': [{'path': 'a', " KEY "}, {'path': 'a-b', " KEY "}]}",
        ("'encryptedFields': {'fields': [{'path': 'a.b', " KEY ", 'bsonType': 'int', 'queries': "
         "{'queryType': 'range', 'min': 1, 'max': 2, 'sparsity': 1.0}}]}"),
        ("'encryptedFields': {'fields': [{'path': 'a', " KEY ", 'bsonType': 'string', 'queries': "
         "[{'queryType': 'suffixPreview', " TEXT "'diacriticSensitive': true}, "
         "{'queryType': 'prefixPreview', " TEXT "'diacriticSensitive': true}]}]}"),
    };
    struct mini_node *node = mini_node_new();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        encrypted_is(node, 238, good[i]);
    }
    mini_node_free(node);
}

TEST(encrypted_fields_with_mistakes_are_told)
{
    static const struct {
        int code;
        const char *options;
    } bad[] = {
        {40414, "'encryptedFields': {}"},
        {40415, "'encryptedFields': {'fields': [], 'other': 1}"},
        {14, "'encryptedFields': {'fields': [1]}"},
        {6367301, "'encryptedFields': {'fields': []}, 'capped': true, 'size': 4096"},
        {6346401, "'encryptedFields': {'fields': []}, 'viewOn': 'x'"},
        {6338402,
         "'encryptedFields': {'fields': [{'path': 'a', " KEY "}, {'path': 'a', " KEY "}]}"},
        {6338403, ("'encryptedFields': {'fields': [{'path': 'a', " KEY "}, {'path': 'a-', " KEY
                   "}, {'path': 'a.b', " KEY "}]}")},
        {2, ("'encryptedFields': {'fields': [{'path': 'a', " KEY ", 'queries': "
             "{'queryType': 'equality'}}]}")},
        {9783401,
         ("'encryptedFields': {'fields': [{'path': 'a', " KEY ", 'bsonType': 'string', "
          "'queries': {'queryType': 'substringPreview', " TEXT "'diacriticSensitive': true}}]}")},
    };
    struct mini_node *node = mini_node_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        encrypted_is(node, bad[i].code, bad[i].options);
    }
    mini_node_free(node);
}
