/* command/room_test.c - on a full disk only what makes room is written. */
#include "command/server.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"

struct room {
    const char *command;
    bool refused;
};

static const struct room rooms[] = {
    {"{'insert': 'c', 'documents': [{'_id': 2}], '$db': 'd'}", true},
    {"{'update': 'c', 'updates': [{'q': {'_id': 1}, 'u': {'$set': {'a': 1}}}], '$db': 'd'}", true},
    {"{'findAndModify': 'c', 'query': {'_id': 1}, 'remove': true, '$db': 'd'}", true},
    {"{'create': 'e', '$db': 'd'}", true},
    {"{'createIndexes': 'c', 'indexes': [{'key': {'a': 1}, 'name': 'a_1'}], '$db': 'd'}", true},
    {"{'find': 'c', '$db': 'd'}", false},
    {"{'delete': 'c', 'deletes': [{'q': {}, 'limit': 0}], '$db': 'd'}", false},
    {"{'drop': 'c', '$db': 'd'}", false},
    {"{'dropDatabase': 1, '$db': 'd'}", false},
};

TEST(room_is_made_on_a_full_disk_and_not_taken)
{
    struct mini_node *node = mini_node_new();
    struct arena arena;
    arena_init(&arena);
    mini_node_run(node, json_doc(&arena, "{'insert': 'c', 'documents': [{'_id': 1}], '$db': 'd'}"));
    atomic_store(&mini_node_server(node)->disk_is_full, true);
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct slice reply = mini_node_run(node, json_doc(&arena, rooms[i].command));
        struct doc_value code = doc_get_str(reply, "code");
        bool refused = code.type == DOC_INT32 && doc_value_get_i32(code) == LT_EOUTOFDISKSPACE;
        bool fine = doc_value_to_double(doc_get_str(reply, "ok")) == 1;
        if (refused != rooms[i].refused || fine == refused) {
            fail_msg("%s: %s", rooms[i].command, json_text(&arena, reply));
        }
    }
    atomic_store(&mini_node_server(node)->disk_is_full, false);
    struct slice reply = mini_node_run(node, json_doc(&arena, rooms[0].command));
    assert_true(doc_value_to_double(doc_get_str(reply, "ok")) == 1);
    arena_close(&arena);
    mini_node_free(node);
}
