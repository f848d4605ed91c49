/* store/capped_test.c - the order of a capped collection, and what goes. */
#include "store/capped.h"

#include "doc/view.h"
#include "lib/store_kit.h"
#include "store/keys.h"
#include "store/scan.h"

/* The kit's collection, capped so. */
static void capped_open(struct store_kit *kit, const char *options)
{
    static const char *const specs[] = {"{'key': {'a': 1}, 'name': 'a_1', 'unique': true}"};
    store_kit_open(kit, NULL, specs, 1);
    struct store_collection *collection = store_kit_collection(kit);
    struct store_describe_head head = store_describe_head_of(collection);
    head.options = json_doc(&kit->arena, options);
    head.natural = store_writer_new_id(&kit->writer);
    struct store_describe *describe = store_describe_begin(&kit->arena, &head);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        store_describe_index(describe, &collection->indexes[i]);
    }
    struct slice description = store_describe_end(describe);
    assert_int_equal(store_writer_put_collection(&kit->writer, description, collection), 0);
}

static int capped_insert(struct store_kit *kit, const char *doc)
{
    return store_kit_insert(kit, json_doc(&kit->arena, doc));
}

/* As many documents {_id, a}, from `first` on. */
static void capped_insert_many(struct store_kit *kit, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        struct slice text = arena_format(&kit->arena, "{'_id': %d, 'a': %d}", i, i);
        assert_int_equal(capped_insert(kit, (const char *)text.data), 0);
    }
}

static void capped_scan_open(struct store_kit *kit, struct store_scan *scan, bool backward)
{
    struct store_collection *collection = store_kit_collection(kit);
    store_scan_init(scan, &kit->writer.view, collection, &collection->capped->natural);
    store_scan_set_ranges(scan, &kit->arena, NULL, 0, backward);
}

/* The _id of each document that the scan still gives: "1 2 3". */
static const char *capped_read(struct store_kit *kit, struct store_scan *scan)
{
    struct store_scan_record record;
    struct buf text;
    int code;
    buf_init(&text, &kit->arena);
    while ((code = store_scan_next(scan, &record)) > 0) {
        buf_format(&text, "%s", text.len > 0 ? " " : "");
        doc_json_write_shell(&text, doc_get_str(record.doc, "_id"));
    }
    assert_int_equal(code, 0);
    buf_append_byte(&text, '\0');
    return (const char *)text.data;
}

static const char *capped_ids(struct store_kit *kit, bool backward)
{
    struct store_scan scan;
    capped_scan_open(kit, &scan, backward);
    const char *ids = capped_read(kit, &scan);
    store_scan_close(&scan);
    assert_int_equal(scan.keys_examined, 0);
    return ids;
}

/* How many keys there are with that id. */
static int capped_keys(struct store_kit *kit, uint32_t id)
{
    struct store_view_cursor cursor;
    uint8_t bytes[8];
    struct slice from, to;
    int count = 0;
    store_key_range(id, bytes, &from, &to);
    store_view_cursor_open(&cursor, &kit->writer.view);
    int code = store_view_seek(&cursor, from, false);
    for (; code > 0 && slice_compare(store_view_key(&cursor), to) < 0; count++) {
        code = store_view_step(&cursor);
    }
    store_view_cursor_close(&cursor);
    return count;
}

TEST(documents_come_in_the_order_they_were_inserted)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 4096}");
    assert_int_equal(capped_insert(&kit, "{'_id': 5, 'a': 1}"), 0);
    assert_int_equal(capped_insert(&kit, "{'_id': 'x', 'a': 2}"), 0);
    assert_int_equal(capped_insert(&kit, "{'_id': 1, 'a': 3}"), 0);
    assert_string_equal(capped_ids(&kit, false), "5 \"x\" 1");
    assert_string_equal(capped_ids(&kit, true), "1 \"x\" 5");
    store_kit_close(&kit);
}

TEST(the_oldest_go_with_their_entries)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 4096, 'max': 3}");
    capped_insert_many(&kit, 1, 5);
    assert_string_equal(capped_ids(&kit, false), "3 4 5");
    struct store_collection *collection = store_kit_collection(&kit);
    assert_int_equal(capped_keys(&kit, collection->id), 3);
    assert_int_equal(capped_keys(&kit, collection->indexes[1].id), 3);
    assert_int_equal(capped_keys(&kit, collection->capped->natural.id), 3);
    store_kit_close(&kit);
}

TEST(a_deleted_document_does_not_hold_up_those_behind_it)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 4096, 'max': 3}");
    capped_insert_many(&kit, 1, 4);
    struct store_write write = {&kit.writer, store_kit_collection(&kit), &kit.arena, &kit.err};
    assert_int_equal(store_delete(&write, json_doc(&kit.arena, "{'_id': 2, 'a': 2}")), 0);
    assert_int_equal(store_delete(&write, json_doc(&kit.arena, "{'_id': 4, 'a': 4}")), 0);
    capped_insert_many(&kit, 5, 2);
    assert_string_equal(capped_ids(&kit, false), "3 5 6");
    capped_insert_many(&kit, 7, 2);
    assert_string_equal(capped_ids(&kit, false), "6 7 8");
    store_kit_close(&kit);
}

TEST(a_size_holds)
{
    struct store_kit kit;
    struct store_counts counts;
    capped_open(&kit, "{'capped': true, 'size': 256}"); /* documents have 21 bytes */
    capped_insert_many(&kit, 1, 100);
    uint32_t id = store_kit_collection(&kit)->id;
    assert_int_equal(store_writer_counts(&kit.writer, id, &counts), 0);
    assert_int_equal(counts.documents, 256 / 21);
    assert_true(counts.bytes <= 256);
    assert_string_equal(capped_ids(&kit, true), "100 99 98 97 96 95 94 93 92 91 90 89");
    store_kit_close(&kit);
}

TEST(what_is_refused_drives_nothing_out)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 256, 'max': 2}");
    capped_insert_many(&kit, 1, 2);
    struct slice text = arena_format(&kit.arena, "{'_id': 3, 'b': '%0300d'}", 0);
    assert_int_equal(capped_insert(&kit, (const char *)text.data), -LT_EBADVALUE);
    assert_int_equal(capped_insert(&kit, "{'_id': 1}"), -LT_EDUPLICATEKEY);
    assert_int_equal(capped_insert(&kit, "{'_id': 3, 'a': 1}"), -LT_EDUPLICATEKEY);
    assert_string_equal(capped_ids(&kit, false), "1 2");
    store_kit_close(&kit);
}

TEST(a_document_keeps_its_place)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 4096}");
    capped_insert_many(&kit, 1, 3);
    struct store_write write = {&kit.writer, store_kit_collection(&kit), &kit.arena, &kit.err};
    struct slice old = json_doc(&kit.arena, "{'_id': 2, 'a': 2}");
    assert_int_equal(
        store_update(&write, old, json_doc(&kit.arena, "{'_id': 2, 'a': 9, 'more': 'text'}")), 0);
    assert_string_equal(capped_ids(&kit, false), "1 2 3");
    assert_int_equal(store_delete(&write, json_doc(&kit.arena, "{'_id': 1, 'a': 1}")), 0);
    assert_string_equal(capped_ids(&kit, false), "2 3");
    store_kit_close(&kit);
}

TEST(a_number_is_not_given_twice)
{
    struct store_kit kit;
    struct store_counts counts;
    capped_open(&kit, "{'capped': true, 'size': 4096}");
    capped_insert_many(&kit, 1, 3);
    struct store_write write = {&kit.writer, store_kit_collection(&kit), &kit.arena, &kit.err};
    assert_int_equal(store_delete(&write, json_doc(&kit.arena, "{'_id': 3, 'a': 3}")), 0);
    uint32_t id = store_kit_collection(&kit)->id;
    store_kit_apply(&kit);
    store_writer_close(&kit.writer);
    assert_int_equal(store_writer_open(&kit.writer, kit.kv, NULL, &kit.err), 0);
    store_writer_begin(&kit.writer, 2, 2, 2);
    assert_int_equal(store_writer_counts(&kit.writer, id, &counts), 0);
    assert_int_equal(counts.sequence, 3);
    capped_insert_many(&kit, 4, 1);
    assert_string_equal(capped_ids(&kit, false), "1 2 4");
    store_kit_close(&kit);
}

TEST(many_go_in_several_entries)
{
    struct store_kit kit;
    capped_open(&kit, "{'capped': true, 'size': 65536}");
    capped_insert_many(&kit, 1, 2 * STORE_CAPPED_SLICE);
    struct slice text = arena_format(&kit.arena, "{'_id': 0, 'b': '%065480d'}", 0);
    assert_int_equal(capped_insert(&kit, (const char *)text.data), -LT_EYIELD);
    assert_int_equal(capped_keys(&kit, store_kit_collection(&kit)->id), STORE_CAPPED_SLICE);
    assert_int_equal(capped_insert(&kit, (const char *)text.data), 0);
    assert_string_equal(capped_ids(&kit, false), "256 0");
    store_kit_close(&kit);
}

TEST(a_scan_that_tails_goes_on_and_knows_when_it_was_overtaken)
{
    struct store_kit kit;
    struct store_scan scan;
    struct store_scan_record record;
    capped_open(&kit, "{'capped': true, 'size': 4096, 'max': 3}");
    capped_scan_open(&kit, &scan, false);
    scan.tails = true;
    assert_string_equal(capped_read(&kit, &scan), "");
    capped_insert_many(&kit, 1, 2);
    assert_string_equal(capped_read(&kit, &scan), "1 2");
    assert_string_equal(capped_read(&kit, &scan), "");
    capped_insert_many(&kit, 3, 2);
    assert_string_equal(capped_read(&kit, &scan), "3 4");
    capped_insert_many(&kit, 5, 3);
    assert_int_equal(store_scan_next(&scan, &record), -LT_ECAPPEDPOSITIONLOST);
    store_scan_close(&scan);
    store_kit_close(&kit);
}
