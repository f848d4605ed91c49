/* command/validate_test.c - what is wrong in an index, or an order, is told. */
#include "command/server.h"
#include "doc/view.h"
#include "lib/json_doc.h"
#include "lib/mini_node.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/keys.h"

enum damage { DAMAGE_NONE, DAMAGE_MISSING, DAMAGE_EXTRA, DAMAGE_OTHER, DAMAGE_KINDS };

/* The first entry of the index. */
static void validate_first_entry(struct command_server *server, uint32_t id, struct buf *key,
                                 struct buf *value)
{
    struct store_cursor *cursor = server->kv->ops->cursor(server->kv, NULL, STORE_MAY_WAIT);
    struct buf from;
    buf_init(&from, NULL);
    store_key_id(&from, id);
    assert_int_equal(cursor->ops->seek(cursor, buf_slice(&from), false), 1);
    assert_true(slice_starts(cursor->ops->key(cursor), buf_slice(&from)));
    buf_append_slice(key, cursor->ops->key(cursor));
    buf_append_slice(value, cursor->ops->value(cursor));
    cursor->ops->close(cursor);
    buf_close(&from);
}

/* Behind the back of everybody. */
static void validate_damage(struct command_server *server, const struct store_index *index,
                            enum damage damage)
{
    struct store_mark mark = server->kv->ops->applied(server->kv);
    struct buf payload, key, value;
    buf_init(&payload, NULL);
    buf_init(&key, NULL);
    buf_init(&value, NULL);
    validate_first_entry(server, index->id, &key, &value);
    store_effect_begin(&payload, ++mark.clock);
    if (damage != DAMAGE_EXTRA) {
        store_effect_delete(&payload, buf_slice(&key));
    }
    if (damage != DAMAGE_MISSING) { /* one that no document has */
        key.data[key.len - 1] ^= 1;
        store_effect_put(&payload, buf_slice(&key), buf_slice(&value));
    }
    struct slice payloads[1] = {buf_slice(&payload)};
    mark.index++;
    assert_int_equal(server->kv->ops->apply(server->kv, payloads, 1, mark), 0);
    buf_close(&payload);
    buf_close(&key);
    buf_close(&value);
}

static void validate_run(const char *created, enum damage damage)
{
    struct mini_node *node = mini_node_new();
    struct command_server *server = mini_node_server(node);
    struct arena arena;
    arena_init(&arena);
    mini_node_run(node, json_doc(&arena, created));
    mini_node_run(node, json_doc(&arena, "{'insert': 'c', 'documents': [{'_id': 1, 'a': 5}, "
                                         "{'_id': 2, 'a': [6, 7]}, {'_id': 3}], '$db': 'd'}"));
    struct store_catalog *catalog = command_server_catalog(server);
    const struct store_collection *collection = store_catalog_find(catalog, SLICE("d.c"));
    if (damage != DAMAGE_NONE) {
        bool is_capped = collection->capped != NULL;
        validate_damage(server, is_capped ? &collection->capped->natural : &collection->indexes[1],
                        damage);
    }
    store_catalog_release(catalog);
    struct slice reply = mini_node_run(node, json_doc(&arena, "{'validate': 'c', '$db': 'd'}"));
    struct doc_value valid = doc_get_str(reply, "valid");
    struct doc_value errors = doc_get_str(reply, "errors");
    if (valid.type != DOC_BOOL || doc_value_get_bool(valid) != (damage == DAMAGE_NONE) ||
        doc_is_empty(doc_value_get_doc(errors)) != (damage == DAMAGE_NONE)) {
        fail_msg("%s, damage %d: %s", created, (int)damage, json_text(&arena, reply));
    }
    arena_close(&arena);
    mini_node_free(node);
}

TEST(validate_tells_of_entries_that_are_missing_too_many_or_others)
{
    static const char *const created[] = {
        "{'createIndexes': 'c', 'indexes': [{'key': {'a': 1}, 'name': 'a'}], '$db': 'd'}",
        ("{'createIndexes': 'c', 'indexes': [{'key': {'a': -1}, 'name': 'a', 'unique': true}], "
         "'$db': 'd'}"),
        "{'create': 'c', 'capped': true, 'size': 4096, '$db': 'd'}",
    };
    for (size_t i = 0; i < sizeof created / sizeof created[0]; i++) {
        for (enum damage damage = DAMAGE_NONE; damage < DAMAGE_KINDS; damage++) {
            validate_run(created[i], damage);
        }
    }
}
