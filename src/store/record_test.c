/* store/record_test.c - documents and their index entries. */
#include "store/record.h"

#include "base/mem.h"
#include "doc/key.h"
#include "doc/view.h"
#include "lib/store_kit.h"
#include "store/scan.h"

/* A filter for partial indexes: {field: ...} lets through documents that have the field. */
static void *record_filter_parse(struct slice filter, const struct doc_collation *collation)
{
    (void)collation;
    return mem_copy(doc_first(filter).name);
}

static bool record_filter_matches(const void *filter, struct slice doc)
{
    return doc_value_exists(doc_get_str(doc, filter));
}

static void record_filter_free(void *filter)
{
    mem_free(filter);
}

static const struct store_filter_ops record_filter_ops = {
    .parse = record_filter_parse,
    .matches = record_filter_matches,
    .free = record_filter_free,
};

static void record_open(struct store_kit *kit, const char *spec)
{
    store_kit_open(kit, &record_filter_ops, &spec, 1);
}

/* The keys of a document in the kit's index, decoded: "1 2 3". */
static const char *record_keys(struct store_kit *kit, const char *doc)
{
    const struct store_index *index = &store_kit_collection(kit)->indexes[1];
    struct store_index_keys keys;
    struct buf text;
    buf_init(&text, &kit->arena);
    int code = store_index_keys(&kit->arena, index, json_doc(&kit->arena, doc), &keys, &kit->err);
    if (code < 0) {
        return "error";
    }
    for (uint32_t i = 0; i < keys.count; i++) {
        struct slice key = keys.keys[i];
        for (uint32_t j = 0; key.len > 0; j++) { /* a wildcard is two fields */
            bool first = index->wildcard == NULL || j <= index->wildcard->field;
            bool descending = index->fields[first ? j : j - 1].descending;
            struct doc_value value;
            assert_int_equal(doc_key_decode(&key, descending, &kit->arena, &value, NULL), 0);
            buf_format(&text, "%s", j > 0 ? "," : i > 0 ? " " : "");
            doc_json_write_shell(&text, value);
        }
    }
    buf_append_byte(&text, '\0');
    return (const char *)text.data;
}

static int record_insert(struct store_kit *kit, const char *doc)
{
    return store_kit_insert(kit, json_doc(&kit->arena, doc));
}

/* How many records a scan of the index gives. */
static int record_scan(struct store_kit *kit, bool backward)
{
    struct store_collection *collection = store_kit_collection(kit);
    struct store_scan scan;
    struct store_scan_record record;
    int count = 0;
    int code;
    store_scan_init(&scan, &kit->writer.view, collection, &collection->indexes[1]);
    store_scan_set_ranges(&scan, &kit->arena, NULL, 0, backward);
    while ((code = store_scan_next(&scan, &record)) > 0) {
        count++;
        if (count % 2 == 0) { /* one that is not dealt with is given again */
            store_scan_retry(&scan);
            assert_int_equal(store_scan_next(&scan, &record), 1);
        }
    }
    assert_int_equal(code, 0);
    store_scan_close(&scan);
    return count;
}

TEST(record_keys_expand_arrays)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a.b': 1, 'c': -1}, 'name': 'i'}");
    assert_string_equal(record_keys(&kit, "{'a': {'b': 1}, 'c': 2}"), "1,2");
    assert_string_equal(record_keys(&kit, "{'a': {'b': [2, 1, 2]}}"), "1,null 2,null");
    assert_string_equal(record_keys(&kit, "{'a': [{'b': 1}, {'b': 2}, 5], 'c': 1}"),
                        "null,1 1,1 2,1");
    assert_string_equal(record_keys(&kit, "{'a': {'b': []}}"), "undefined,null");
    assert_string_equal(record_keys(&kit, "{'a': {'b': [[1, 2]]}}"), "[ 1, 2 ],null");
    assert_string_equal(record_keys(&kit, "{}"), "null,null");
    store_kit_close(&kit);
}

TEST(record_keys_of_fields_in_one_array_belong_together)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a.x': 1, 'a.y': 1}, 'name': 'i'}");
    assert_string_equal(record_keys(&kit, "{'a': [{'x': 1, 'y': 2}, {'x': 3, 'y': 4}]}"),
                        "1,2 3,4");
    store_kit_close(&kit);
}

TEST(record_refuses_parallel_arrays)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1, 'b': 1}, 'name': 'i'}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': [1], 'b': [2]}"),
                     -LT_ECANNOTINDEXPARALLELARRAYS);
    assert_string_equal(kit.err.text, "cannot index parallel arrays [b] [a]");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': [1], 'b': 2}"), 0);
    store_kit_close(&kit);
}

TEST(record_marks_an_index_multikey_with_the_first_array)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1}, 'name': 'i'}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': 1}"), 0);
    assert_false(store_kit_collection(&kit)->indexes[1].multikey);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': [1, 2, 3]}"), 0);
    assert_true(store_kit_collection(&kit)->indexes[1].multikey);
    assert_int_equal(record_insert(&kit, "{'_id': 3, 'a': [3, 4]}"), 0);
    assert_int_equal(record_scan(&kit, false), 3);
    assert_int_equal(record_scan(&kit, true), 3);
    store_kit_close(&kit);
}

TEST(record_marks_an_index_multikey_when_a_path_steps_to_a_position)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a.0': 1}, 'name': 'i'}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': {'0': 5}}"), 0);
    assert_false(store_kit_collection(&kit)->indexes[1].multikey);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': [1, 2, 3]}"), 0);
    assert_true(store_kit_collection(&kit)->indexes[1].multikey);
    store_kit_close(&kit);
}

TEST(record_leaves_documents_out_of_sparse_and_partial_indexes)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1, 'b': 1}, 'name': 'i', 'sparse': true}");
    assert_string_equal(record_keys(&kit, "{'c': 1}"), "");
    assert_string_equal(record_keys(&kit, "{'b': null}"), "null,null");
    store_kit_close(&kit);
    record_open(&kit, "{'v': 2, 'key': {'a': 1}, 'name': 'i', 'unique': true, "
                      "'partialFilterExpression': {'p': {'$exists': true}}}");
    assert_string_equal(record_keys(&kit, "{'a': 1}"), "");
    assert_string_equal(record_keys(&kit, "{'a': 1, 'p': 1}"), "1");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': 1}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': 1}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 3, 'a': 1, 'p': 1}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 4, 'a': 1, 'p': 1}"), -LT_EDUPLICATEKEY);
    store_kit_close(&kit);
}

TEST(record_puts_each_leaf_into_a_wildcard_index)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'$**': 1}, 'name': 'i'}");
    assert_string_equal(record_keys(&kit, "{'_id': 1}"), "");
    assert_string_equal(record_keys(&kit, "{'_id': 1, 'a': 1, 'b': {'c': 'x', 'd': {}}}"),
                        "\"a\",1 \"b.c\",\"x\" \"b.d\",{}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': null}"), 0);
    assert_false(store_kit_collection(&kit)->indexes[1].multikey);
    assert_string_equal(record_keys(&kit, "{'a': [1, {'b': 2}, [3], {}, 1]}"),
                        "\"a\",1 \"a\",{} \"a\",[ 3 ] \"a.b\",2");
    assert_string_equal(record_keys(&kit, "{'a': []}"), "\"a\",undefined");
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': [7]}"), 0);
    assert_true(store_kit_collection(&kit)->indexes[1].multikey);
    assert_int_equal(record_scan(&kit, false), 2);
    store_kit_close(&kit);
    record_open(&kit, "{'v': 2, 'key': {'$**': 1}, 'name': 'i', 'wildcardProjection': {'a.b': 0}}");
    assert_string_equal(record_keys(&kit, "{'a': {'b': 1}, 'c': 2}"), "\"a\",{} \"c\",2");
    store_kit_close(&kit);
}

TEST(record_of_a_compound_wildcard_index_always_has_a_key)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'p': 1, 'a.$**': 1, 's': -1}, 'name': 'i'}");
    assert_string_equal(record_keys(&kit, "{'p': 1, 'b': 2}"), "1,MinKey,MinKey,null");
    assert_string_equal(record_keys(&kit, "{'p': 1, 's': 3, 'a': {'x': 5, 'y': [6, 7]}}"),
                        "1,\"a.x\",5,3 1,\"a.y\",6,3 1,\"a.y\",7,3");
    assert_string_equal(record_keys(&kit, "{'p': [1]}"), "error");
    assert_int_equal(kit.err.code, 7246301);
    store_kit_close(&kit);
}

TEST(record_puts_each_word_into_a_text_index)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'p': 1, '_fts': 'text', '_ftsx': 1, 's': -1}, 'name': 'i', "
                      "'weights': {'t': 1}}");
    const struct store_index *index = &store_kit_collection(&kit)->indexes[1];
    struct store_index_keys keys;
    struct doc_value value;
    struct slice doc = json_doc(&kit.arena, "{'p': 7, 't': ['Running foxes', 'the fox'], 's': 1}");
    assert_int_equal(store_index_keys(&kit.arena, index, doc, &keys, &kit.err), 0);
    assert_true(keys.count == 2 && keys.multikey);
    struct slice key = keys.keys[1];
    assert_int_equal(doc_key_decode(&key, false, &kit.arena, &value, NULL), 0);
    assert_int_equal(doc_value_to_i64_clamped(value), 7);
    assert_int_equal(doc_key_decode(&key, false, &kit.arena, &value, NULL), 0);
    assert_true(slice_is(doc_value_get_string(value), "run"));
    assert_string_equal(record_keys(&kit, "{'p': 1, 'u': 'word'}"), "");
    assert_string_equal(record_keys(&kit, "{'p': [1], 't': 'word'}"), "error");
    assert_int_equal(kit.err.code, 16675);
    store_kit_close(&kit);
}

TEST(record_puts_hashes_in_place_of_values_and_refuses_arrays)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1, 'b.c': 'hashed'}, 'name': 'i'}");
    assert_string_equal(record_keys(&kit, "{'a': 1, 'b': {'c': 'hello'}}"),
                        "1,5347277839332858538");
    assert_string_equal(record_keys(&kit, "{'b': {'c': [1]}}"), "error");
    assert_int_equal(kit.err.code, 16766);
    assert_string_equal(record_keys(&kit, "{'b': [{'c': 1}]}"), "error");
    assert_string_equal(record_keys(&kit, "{'a': [1]}"), "error");
    store_kit_close(&kit);
}

TEST(record_puts_cells_in_place_of_places)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1, 'p': '2dsphere', 'q': '2dsphere'}, 'name': 'i'}");
    const struct store_index *index = &store_kit_collection(&kit)->indexes[1];
    struct store_index_keys keys;
    assert_string_equal(record_keys(&kit, "{'a': 1, 'p': null}"), "");
    assert_string_equal(record_keys(&kit, "{'a': 1, 'p': 5}"), "error");
    assert_int_equal(kit.err.code, 16755);
    assert_string_equal(record_keys(&kit, "{'p': [[1, 1], [2, 2]]}"), "error");
    const char *one = record_keys(&kit, "{'a': 7, 'p': [1, 1]}");
    assert_true(strncmp(one, "7,", 2) == 0 && strstr(one, ",null") != NULL);
    struct slice line = json_doc(&kit.arena, "{'a': [1, 2], 'q': [3, 3], 'p': {'type': "
                                             "'LineString', 'coordinates': [[1, 1], [2, 2]]}}");
    assert_int_equal(store_index_keys(&kit.arena, index, line, &keys, &kit.err), 0);
    assert_true(keys.multikey && keys.count > 4 && keys.count % 2 == 0);
    store_kit_close(&kit);
}

TEST(record_puts_each_place_of_an_array_into_a_plane_index)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'p': '2d'}, 'name': 'i', 'min': 0, 'max': 10}");
    const struct store_index *index = &store_kit_collection(&kit)->indexes[1];
    struct store_index_keys keys;
    struct slice two = json_doc(&kit.arena, "{'p': [[1, 1], [2, 2], [1, 1]]}");
    assert_int_equal(store_index_keys(&kit.arena, index, two, &keys, &kit.err), 0);
    assert_int_equal(keys.count, 2);
    assert_true(keys.multikey);
    assert_string_equal(record_keys(&kit, "{'p': [11, 1]}"), "error");
    assert_int_equal(kit.err.code, 13027);
    assert_string_equal(record_keys(&kit, "{'p': {'type': 'Point', 'coordinates': [1, 1]}}"),
                        "error");
    assert_int_equal(kit.err.code, 13026);
    assert_string_equal(record_keys(&kit, "{'p': 'text'}"), "");
    store_kit_close(&kit);
}

TEST(record_says_which_key_is_there_twice)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1, 'b': -1}, 'name': 'a_1_b_-1', 'unique': true}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': 5, 'b': 'x'}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': [4, 5], 'b': 'x'}"), -LT_EDUPLICATEKEY);
    assert_string_equal(kit.err.text, "E11000 duplicate key error collection: db.c index: "
                                      "a_1_b_-1 dup key: { a: 5, b: \"x\" }");
    assert_string_equal(json_text(&kit.arena, kit.err.info),
                        "{'keyPattern':{'a':1,'b':-1},'keyValue':{'a':5,'b':'x'}}");
    assert_int_equal(record_insert(&kit, "{'_id': 1, 'a': 9}"), -LT_EDUPLICATEKEY);
    assert_string_equal(kit.err.text, "E11000 duplicate key error collection: db.c index: _id_ "
                                      "dup key: { _id: 1 }");
    store_kit_close(&kit);
}

TEST(record_takes_missing_for_null_in_a_unique_index)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1}, 'name': 'i', 'unique': true}");
    assert_int_equal(record_insert(&kit, "{'_id': 1}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': null}"), -LT_EDUPLICATEKEY);
    assert_int_equal(record_insert(&kit, "{'_id': 3, 'a': [7, 7]}"), 0);
    store_kit_close(&kit);
}

TEST(record_changes_only_the_entries_that_differ)
{
    struct store_kit kit;
    record_open(&kit, "{'v': 2, 'key': {'a': 1}, 'name': 'i', 'unique': true}");
    struct slice old_doc = json_doc(&kit.arena, "{'_id': 1, 'a': [1, 2]}");
    struct slice new_doc = json_doc(&kit.arena, "{'_id': 1, 'a': [2, 3]}");
    struct store_counts counts;
    assert_int_equal(store_kit_insert(&kit, old_doc), 0);
    struct store_write write = {&kit.writer, store_kit_collection(&kit), &kit.arena, &kit.err};
    assert_int_equal(store_update(&write, old_doc, new_doc), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 2, 'a': 1}"), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 3, 'a': 3}"), -LT_EDUPLICATEKEY);
    assert_int_equal(store_delete(&write, new_doc), 0);
    assert_int_equal(record_insert(&kit, "{'_id': 3, 'a': 3}"), 0);
    assert_int_equal(store_writer_counts(&kit.writer, store_kit_collection(&kit)->id, &counts), 0);
    assert_int_equal(counts.documents, 2);
    assert_int_equal(record_scan(&kit, false), 2);
    store_kit_close(&kit);
}
