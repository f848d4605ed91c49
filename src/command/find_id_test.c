/* command/find_id_test.c - the short way of a find by _id gives what the general way gives.
 *
 * An empty sort changes no result and is no field of the short way: each command is run as it is
 * and with one, and the replies are compared byte for byte. */
#include "command/find_id.h"

#include "command/server.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/miss_kv.h"
#include "lib/test.h"

struct kit {
    struct mini_node *node;
    struct arena arena;
};

static const char *const stored[] = {
    "{'_id': 1, 'a': 1}",
    "{'_id': {'$numberDouble': '2.5'}, 'a': [1, {'b': 2}]}",
    "{'_id': {'$numberLong': '9007199254740993'}}",
    "{'_id': {'$numberDecimal': '0.1'}}",
    "{'_id': {'$numberDouble': 'NaN'}}",
    "{'_id': 'x'}",
    "{'_id': ''}",
    "{'_id': {'$oid': '0123456789abcdef01234567'}, 'a': 'the one with an ObjectId'}",
    "{'_id': {'$date': 5}}",
    "{'_id': {'$timestamp': {'t': 1, 'i': 2}}}",
    "{'_id': true}",
    "{'_id': {'$binary': {'base64': 'AAEC', 'subType': '04'}}}",
    "{'_id': null}",
    "{'_id': {'k': 1}}",
    "{'_id': {'$minKey': 1}}",
};

/* Filters of the short way, and beside them what is not in the collection. */
static const char *const plain[] = {
    "{'_id': 1}",
    "{'_id': {'$numberDouble': '1.0'}}",
    "{'_id': {'$numberLong': '1'}}",
    "{'_id': {'$numberDecimal': '1.00'}}",
    "{'_id': 2}",
    "{'_id': {'$numberDouble': '2.5'}}",
    "{'_id': {'$numberDouble': '9007199254740992'}}",
    "{'_id': {'$numberLong': '9007199254740993'}}",
    "{'_id': {'$numberDecimal': '0.1'}}",
    "{'_id': {'$numberDouble': '0.1'}}",
    "{'_id': {'$numberDecimal': 'NaN'}}",
    "{'_id': 'x'}",
    "{'_id': ''}",
    "{'_id': 'y'}",
    "{'_id': {'$oid': '0123456789abcdef01234567'}}",
    "{'_id': {'$date': 5}}",
    "{'_id': {'$timestamp': {'t': 1, 'i': 2}}}",
    "{'_id': true}",
    "{'_id': false}",
    "{'_id': {'$binary': {'base64': 'AAEC', 'subType': '04'}}}",
    "{'_id': {'$binary': {'base64': 'AAEC', 'subType': '00'}}}",
};

/* Filters of the general way. */
static const char *const others[] = {
    "{}",
    "{'_id': null}",
    "{'_id': {'k': 1}}",
    "{'_id': {'$gt': 0}}",
    "{'_id': {'$eq': 1}}",
    "{'_id': {'$regularExpression': {'pattern': 'x', 'options': ''}}}",
    "{'_id': [1]}",
    "{'_id': {'$minKey': 1}}",
    "{'_id': 1, 'a': 1}",
    "{'a': 1}",
    "{'_id.k': 1}",
    "{'$or': [{'_id': 1}]}",
};

/* What may come after the filter, on the short way and not. */
static const char *const with[] = {
    "",
    ", 'limit': 1, 'singleBatch': true",
    ", 'limit': 5",
    ", 'limit': 0",
    ", 'limit': {'$numberLong': '1'}, 'batchSize': 1, 'singleBatch': true",
    ", 'batchSize': 2",
    ", 'lsid': {'id': {'$binary': {'base64': 'AAECAwQFBgcICQoLDA0ODw==', 'subType': '04'}}}",
    ", 'readConcern': {'level': 'majority'}, '$readPreference': {'mode': 'primary'}",
    ", 'maxTimeMS': 1000, 'comment': 'why'",
};
static const char *const without[] = {
    ", 'batchSize': 0",       ", 'batchSize': 1", ", 'batchSize': 0, 'singleBatch': true",
    ", 'limit': -1",          ", 'limit': 'x'",   ", 'limit': 1.5",
    ", 'singleBatch': 1",     ", 'skip': 1",      ", 'projection': {'a': 1}",
    ", 'filter': {'_id': 2}", ", 'hint': '_id_'", ", 'nobody': 'knows'",
};

/* Wrong for every command: the errors must be the same too. */
static const char *const wrong[] = {
    ", 'maxTimeMS': -1",
    ", 'readConcern': {'level': 'none'}",
    ", 'writeConcern': {'w': 1}",
    ", 'maxTimeMS': 'x'",
};

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.node = mini_node_new()};
    arena_init(&kit->arena);
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        struct slice insert =
            arena_format(&kit->arena, "{'insert': 'c', '$db': 'd', 'documents': [%s]}", stored[i]);
        struct slice reply =
            mini_node_run(kit->node, json_doc(&kit->arena, (const char *)insert.data));
        assert_false(doc_value_exists(doc_get_str(reply, "writeErrors")));
    }
}

static void kit_close(struct kit *kit)
{
    arena_close(&kit->arena);
    mini_node_free(kit->node);
}

static struct slice find(struct kit *kit, const char *name, const char *filter, const char *rest)
{
    struct slice text =
        arena_format(&kit->arena, "{'find': %s, 'filter': %s%s, '$db': 'd'}", name, filter, rest);
    return json_doc(&kit->arena, (const char *)text.data);
}

static bool is_short(struct slice body)
{
    struct command_op op = {.body = body};
    struct doc_value id;
    return command_find_is_by_id(&op, &id);
}

static void compare(struct kit *kit, const char *name, const char *filter, const char *rest)
{
    struct slice general = arena_format(&kit->arena, "%s, 'sort': {}", rest);
    struct slice body = find(kit, name, filter, (const char *)general.data);
    assert_false(is_short(body));
    struct slice expected = arena_copy(&kit->arena, mini_node_run(kit->node, body));
    body = find(kit, name, filter, rest);
    struct slice reply = mini_node_run(kit->node, body);
    if (!slice_equal(reply, expected)) {
        fail_msg("%s:\n%s\nis not\n%s", json_text(&kit->arena, body), json_text(&kit->arena, reply),
                 json_text(&kit->arena, expected));
    }
}

static void compare_all(struct kit *kit)
{
    static const char *const names[] = {"'c'", "'none'", "''", "1", "'.c'"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        for (size_t j = 0; j < sizeof with / sizeof *with; j++) {
            compare(kit, "'c'", plain[i], with[j]);
        }
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            compare(kit, "'c'", plain[i], wrong[j]);
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        compare(kit, names[i], plain[0], "");
    }
}

TEST(find_id_takes_the_short_way_for_what_is_plain)
{
    struct kit kit;
    kit_open(&kit);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        for (size_t j = 0; j < sizeof with / sizeof *with; j++) {
            assert_true(is_short(find(&kit, "'c'", plain[i], with[j])));
        }
        for (size_t j = 0; j < sizeof without / sizeof *without; j++) {
            assert_false(is_short(find(&kit, "'c'", plain[i], without[j])));
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(is_short(find(&kit, "'c'", others[i], "")));
    }
    assert_false(is_short(json_doc(&kit.arena, "{'find': 'c', '$db': 'd'}")));
    kit_close(&kit);
}

TEST(find_id_replies_as_the_general_way_does)
{
    struct kit kit;
    kit_open(&kit);
    compare_all(&kit);
    kit_close(&kit);
}

TEST(find_id_waits_for_what_is_not_in_memory)
{
    struct kit kit;
    struct miss_kv miss;
    struct random_doc random = {1};
    kit_open(&kit);
    struct command_server *server = mini_node_server(kit.node);
    struct store_kv *kv = server->kv;
    miss_kv_init(&miss, kv, &random, 2);
    server->kv = &miss.kv;
    compare_all(&kit);
    server->kv = kv;
    kit_close(&kit);
}
