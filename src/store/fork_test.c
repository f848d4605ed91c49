/* store/fork_test.c - forks beside the owner's writer: what each sees, who may write, what a merge
 * leaves behind. */
#include "store/fork.h"

#include "doc/view.h"
#include "lib/store_kit.h"
#include "store/claim.h"
#include "store/effect.h"
#include "store/keys.h"

static const struct store_filter_ops fork_no_filters;

struct fork_kit {
    struct store_kit store;
    struct store_fork forks[2];
};

/* Two forks over {_id: 1, u: 1}, {_id: 2, u: 2}, with a unique index on u. */
static void fork_open(struct fork_kit *kit)
{
    const char *spec = "{'v': 2, 'key': {'u': 1}, 'name': 'u_1', 'unique': true}";
    store_kit_open(&kit->store, &fork_no_filters, &spec, 1);
    for (int i = 1; i <= 2; i++) {
        struct slice doc = json_doc(&kit->store.arena, i == 1 ? "{'_id': 1, 'u': 1, 'n': 0}"
                                                              : "{'_id': 2, 'u': 2, 'n': 0}");
        assert_int_equal(store_kit_insert(&kit->store, doc), 0);
    }
    store_kit_apply(&kit->store);
    store_writer_begin(&kit->store.writer, 2, 7, 1);
    for (int i = 0; i < 2; i++) {
        store_fork_open(&kit->forks[i], &kit->store.writer, kit->store.writer.catalog);
    }
}

static void fork_close(struct fork_kit *kit)
{
    store_fork_close(&kit->forks[0]);
    store_fork_close(&kit->forks[1]);
    store_kit_close(&kit->store);
}

static struct store_write fork_write(struct fork_kit *kit, struct store_writer *writer)
{
    struct store_collection *collection = store_catalog_find(writer->catalog, SLICE("db.c"));
    return (struct store_write){writer, collection, &kit->store.arena, &kit->store.err};
}

static int fork_insert(struct fork_kit *kit, struct store_writer *writer, const char *doc)
{
    struct store_write write = fork_write(kit, writer);
    return store_insert(&write, json_doc(&kit->store.arena, doc));
}

/* The document with that _id, or an empty slice. */
static struct slice fork_get(struct fork_kit *kit, struct store_writer *writer, int32_t id)
{
    struct store_pin pin;
    struct slice doc = {0};
    struct arena *arena = &kit->store.arena;
    struct slice filter = json_doc(arena, id == 1   ? "{'_id': 1}"
                                          : id == 2 ? "{'_id': 2}"
                                                    : "{'_id': 3}");
    struct store_collection *collection = store_catalog_find(writer->catalog, SLICE("db.c"));
    struct slice key = store_record_key(arena, collection, doc_first(filter).value);
    if (store_view_get(&writer->view, key, &pin) == 0) {
        assert_int_equal(store_record_doc(pin.value, &doc), 0);
        doc = arena_copy(arena, doc);
        store_pin_release(&pin);
    }
    return doc;
}

static int fork_set(struct fork_kit *kit, struct store_writer *writer, int32_t id, const char *doc)
{
    struct store_write write = fork_write(kit, writer);
    return store_update(&write, fork_get(kit, writer, id), json_doc(&kit->store.arena, doc));
}

static int fork_delete(struct fork_kit *kit, struct store_writer *writer, int32_t id)
{
    struct store_write write = fork_write(kit, writer);
    return store_delete(&write, fork_get(kit, writer, id));
}

static double fork_n(struct fork_kit *kit, struct store_writer *writer, int32_t id)
{
    return doc_value_to_double(doc_get_str(fork_get(kit, writer, id), "n"));
}

TEST(fork_is_seen_by_itself_until_it_is_merged)
{
    struct fork_kit kit;
    struct store_counts counts;
    fork_open(&kit);
    struct store_writer *base = &kit.store.writer;
    struct store_writer *one = &kit.forks[0].writer;
    uint32_t id = store_kit_collection(&kit.store)->id;
    assert_int_equal(fork_set(&kit, one, 1, "{'_id': 1, 'u': 1, 'n': 5}"), 0);
    assert_int_equal(fork_insert(&kit, one, "{'_id': 3, 'u': 3, 'n': 3}"), 0);
    assert_int_equal(fork_delete(&kit, one, 2), 0);
    assert_true(fork_n(&kit, one, 1) == 5 && fork_n(&kit, one, 3) == 3);
    assert_int_equal(fork_get(&kit, one, 2).len, 0);
    assert_true(fork_n(&kit, base, 1) == 0 && fork_get(&kit, base, 3).len == 0);
    assert_true(fork_n(&kit, &kit.forks[1].writer, 2) == 0);
    assert_int_equal(store_fork_check(&kit.forks[0]), 0);
    store_fork_merge(&kit.forks[0]);
    assert_true(fork_n(&kit, base, 1) == 5 && fork_n(&kit, base, 3) == 3);
    assert_int_equal(fork_get(&kit, base, 2).len, 0);
    assert_true(fork_n(&kit, &kit.forks[1].writer, 1) == 0);
    assert_int_equal(store_writer_counts(base, id, &counts), 0);
    assert_int_equal(counts.documents, 2);
    assert_int_equal(fork_insert(&kit, base, "{'_id': 4, 'u': 3}"), -LT_EDUPLICATEKEY);
    fork_close(&kit);
}

TEST(fork_merges_records_with_the_clock_of_their_entry)
{
    struct fork_kit kit;
    struct store_effect effect;
    size_t at = 0;
    uint64_t clock = 0;
    fork_open(&kit);
    assert_int_equal(fork_insert(&kit, &kit.forks[0].writer, "{'_id': 3, 'u': 3, 'n': 3}"), 0);
    kit.store.writer.clock = 99;
    assert_int_equal(store_fork_check(&kit.forks[0]), 0);
    store_fork_merge(&kit.forks[0]);
    struct slice payload = buf_slice(&kit.store.writer.effects);
    uint32_t id = store_kit_collection(&kit.store)->id;
    while (store_effect_next(payload, &at, &effect) > 0) {
        if (store_key_load_id(effect.key.data) == id) {
            memcpy(&clock, effect.value.data + 1, sizeof clock);
        }
    }
    assert_int_equal(clock, 99);
    fork_close(&kit);
}

TEST(fork_lets_the_first_writer_win)
{
    struct fork_kit kit;
    fork_open(&kit);
    struct store_writer *base = &kit.store.writer;
    struct store_writer *one = &kit.forks[0].writer;
    struct store_writer *two = &kit.forks[1].writer;
    assert_int_equal(fork_set(&kit, one, 1, "{'_id': 1, 'u': 1, 'n': 5}"), 0);
    assert_int_equal(fork_set(&kit, two, 1, "{'_id': 1, 'u': 1, 'n': 6}"), -LT_EWRITECONFLICT);
    assert_int_equal(fork_set(&kit, base, 1, "{'_id': 1, 'u': 1, 'n': 7}"), -LT_EWAIT);
    assert_ptr_equal(base->blocker, &kit.forks[0].holder);
    assert_int_equal(fork_insert(&kit, one, "{'_id': 3, 'u': 3}"), 0);
    assert_int_equal(fork_insert(&kit, two, "{'_id': 4, 'u': 3}"), -LT_EWRITECONFLICT);
    assert_int_equal(fork_insert(&kit, base, "{'_id': 4, 'u': 3}"), -LT_EWAIT);
    store_locks_release(&base->locks, &kit.forks[0].holder);
    assert_int_equal(fork_set(&kit, base, 1, "{'_id': 1, 'u': 1, 'n': 7}"), 0);
    fork_close(&kit);
}

TEST(fork_does_not_write_over_what_came_after_its_snapshot)
{
    struct fork_kit kit;
    fork_open(&kit);
    struct store_writer *base = &kit.store.writer;
    struct store_writer *one = &kit.forks[0].writer;
    assert_int_equal(fork_set(&kit, base, 1, "{'_id': 1, 'u': 1, 'n': 7}"), 0);
    assert_int_equal(fork_insert(&kit, base, "{'_id': 3, 'u': 3}"), 0);
    assert_int_equal(fork_set(&kit, one, 1, "{'_id': 1, 'u': 1, 'n': 5}"), -LT_EWRITECONFLICT);
    assert_int_equal(fork_insert(&kit, one, "{'_id': 3, 'u': 9}"), -LT_EWRITECONFLICT);
    assert_int_equal(fork_insert(&kit, one, "{'_id': 4, 'u': 3}"), -LT_EWRITECONFLICT);
    assert_int_equal(fork_set(&kit, one, 2, "{'_id': 2, 'u': 2, 'n': 5}"), 0);
    assert_int_equal(fork_delete(&kit, base, 1), 0);
    assert_int_equal(fork_delete(&kit, one, 1), -LT_EWRITECONFLICT);
    fork_close(&kit);
}

TEST(fork_is_not_merged_into_a_collection_that_has_changed)
{
    struct fork_kit kit;
    fork_open(&kit);
    struct store_writer *base = &kit.store.writer;
    assert_int_equal(fork_set(&kit, &kit.forks[0].writer, 1, "{'_id': 1, 'u': 1, 'n': 5}"), 0);
    store_writer_drop_collection(base, store_kit_collection(&kit.store));
    size_t before = base->effects.len;
    assert_int_equal(store_fork_check(&kit.forks[0]), -LT_EWRITECONFLICT);
    assert_int_equal(base->effects.len, before);
    assert_int_equal(store_fork_check(&kit.forks[1]), 0);
    fork_close(&kit);
}

TEST(fork_claims_the_name_of_a_collection_that_it_makes)
{
    struct fork_kit kit;
    fork_open(&kit);
    struct store_writer *one = &kit.forks[0].writer;
    assert_int_equal(store_claim_name(one, SLICE("db.new")), 0);
    assert_int_equal(store_claim_name(one, SLICE("db.new")), 0);
    assert_int_equal(store_claim_name(&kit.forks[1].writer, SLICE("db.new")), -LT_EWRITECONFLICT);
    assert_int_equal(store_claim_name(&kit.store.writer, SLICE("db.new")), -LT_EWAIT);
    assert_int_equal(store_claim_name(&kit.store.writer, SLICE("db.other")), 0);
    fork_close(&kit);
}

TEST(locks_of_many_keys_are_found_and_let_go)
{
    enum { KEYS = 1000 };
    struct store_locks locks;
    struct store_locks_holder holders[2] = {0};
    store_locks_init(&locks);
    for (int i = 0; i < KEYS; i++) {
        store_locks_take(&locks, slice_of((uint8_t *)&i, sizeof i), &holders[i % 2]);
    }
    store_locks_release(&locks, &holders[0]);
    for (int i = 0; i < KEYS; i++) {
        struct slice key = slice_of((uint8_t *)&i, sizeof i);
        assert_ptr_equal(store_locks_find(&locks, key), i % 2 == 0 ? NULL : &holders[1]);
    }
    store_locks_release(&locks, &holders[1]);
    assert_int_equal(locks.count, 0);
    store_locks_close(&locks);
}
