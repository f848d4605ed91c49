/* command/sieve_test.c - a sieve holds back what its filter would, and nothing else. */
#include "command/sieve.h"

#include <stdio.h>

#include "lib/store_kit.h"

static const struct store_filter_ops sieve_no_filters;

struct sieve_kit {
    struct store_kit store;
    struct store_tail tail;
    struct store_tail_entry *entry;
};

static struct slice sieve_doc(struct sieve_kit *kit, const char *json)
{
    return json_doc(&kit->store.arena, json);
}

/* Five inserts, an update, a replacement, a deletion, a new collection. */
static void sieve_open(struct sieve_kit *kit)
{
    static const char *const docs[] = {
        "{'_id': 1, 'g': 7, 'o': {'x': 'a'}}",
        "{'_id': 2, 'g': 7.0}",
        "{'_id': 3, 'g': [7, 8], 'o': [{'x': 'a'}]}",
        "{'_id': {'k': 4}, 'g': 8, 'o': 'a'}",
        "{'_id': 5}",
    };
    *kit = (struct sieve_kit){0};
    store_kit_open(&kit->store, &sieve_no_filters, NULL, 0);
    struct store_kit *store = &kit->store;
    struct store_write write = {&store->writer, store_kit_collection(store), &store->arena,
                                &store->err};
    for (size_t i = 0; i < sizeof docs / sizeof docs[0]; i++) {
        assert_int_equal(store_insert(&write, sieve_doc(kit, docs[i])), 0);
    }
    struct slice first = sieve_doc(kit, docs[0]);
    struct slice changed = sieve_doc(kit, "{'_id': 1, 'g': 9}");
    struct store_note create = {.type = STORE_NOTE_CREATE, .details = sieve_doc(kit, "{}")};
    assert_int_equal(store_update(&write, first, changed), 0);
    write.replaces = true;
    assert_int_equal(store_update(&write, changed, changed), 0);
    assert_int_equal(store_delete(&write, changed), 0);
    store_note_put(&store->writer, write.collection, &create);
    store_tail_init(&kit->tail, 1 << 20);
    struct store_mark mark = {1, 1, 1};
    kit->entry = store_tail_entry_new(&mark, buf_slice(&store->writer.effects));
}

static void sieve_close(struct sieve_kit *kit)
{
    store_tail_entry_release(kit->entry);
    store_tail_close(&kit->tail);
    store_kit_close(&kit->store);
}

/* A letter for each event that passes the filter's sieve, a dot for others. */
static const char *sieve_pass(struct sieve_kit *kit, struct command_sieve sieve, const char *filter)
{
    static const char letters[] = {
        [STORE_NOTE_INSERT] = 'i', [STORE_NOTE_UPDATE] = 'u', [STORE_NOTE_REPLACE] = 'r',
        [STORE_NOTE_DELETE] = 'd', [STORE_NOTE_CREATE] = 'c',
    };
    struct query_context context = {.arena = &kit->store.arena};
    struct query_match *match = NULL;
    int code = query_match_parse(&context, sieve_doc(kit, filter), &match, &kit->store.err);
    assert_int_equal(code, 0);
    command_sieve_set(&sieve, match);
    const struct command_digest *digest = command_digest_of(&kit->tail, kit->entry);
    const uint32_t *marks = command_sieve_marks(&sieve, &kit->tail, kit->entry);
    char *pass = arena_zero(&kit->store.arena, digest->count + 1, 1);
    memset(pass, '.', digest->count);
    assert_int_equal(digest->code, 0);
    for (uint32_t at = 0; (at = command_sieve_next(&sieve, marks, digest, at)) < digest->count;
         at++) {
        pass[at] = letters[digest->events[at].type];
    }
    return pass;
}

TEST(sieve_passes_what_may_match)
{
    static const struct {
        const char *filter;
        const char *pass;
    } cases[] = {
        {"{'fullDocument.g': 7}", "iii.....c"},
        {"{'fullDocument.g': {'$numberDecimal': '7.00'}}", "iii.....c"},
        {"{'fullDocument.g': 8}", "..ii....c"},
        {"{'fullDocument.g': 9}", "..i...r.c"},
        {"{'fullDocument.o.x': 'a'}", "i.i.....c"},
        {"{'$and': [{'fullDocument.a': {'$gt': 1}}, {'fullDocument.g': {'$eq': 7}}]}", "iii.....c"},
        {"{'documentKey._id': 1}", "i....urdc"},
        {"{'documentKey._id.k': 4}", "...i....c"},
        /* of these nothing is known */
        {"{'fullDocument.g': null}", "iiiiiurdc"},
        {"{'fullDocument.g': [7, 8]}", "iiiiiurdc"},
        {"{'fullDocument.g': {'$gt': 100}}", "iiiiiurdc"},
        {"{'fullDocument.g': {'$ne': 7}}", "iiiiiurdc"},
        {"{'$or': [{'fullDocument.g': 7}, {'fullDocument.g': 8}]}", "iiiiiurdc"},
        {"{'fullDocument': 7}", "iiiiiurdc"},
        {"{'operationType': 'insert'}", "iiiiiurdc"},
        {"{'documentKey': 1}", "iiiiiurdc"},
        {"{}", "iiiiiurdc"},
    };
    struct sieve_kit kit;
    sieve_open(&kit);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *pass = sieve_pass(&kit, (struct command_sieve){0}, cases[i].filter);
        assert_string_equal(pass, cases[i].pass);
    }
    sieve_close(&kit);
}

TEST(sieve_passes_updates_that_are_looked_up)
{
    struct sieve_kit kit;
    sieve_open(&kit);
    const char *filter = "{'fullDocument.g': 7}";
    struct command_sieve looks_up = {.with_updates = true};
    struct command_sieve is_open = {.is_open = true};
    assert_string_equal(sieve_pass(&kit, looks_up, filter), "iii..u..c");
    assert_string_equal(sieve_pass(&kit, is_open, filter), "iiiiiurdc");
    sieve_close(&kit);
}

TEST(sieve_passes_all_when_an_entry_has_marks_enough)
{
    struct sieve_kit kit;
    char filter[64];
    sieve_open(&kit);
    for (int i = 0; i < STORE_TAIL_GLOSSES_MAX; i++) {
        bool fits = i < STORE_TAIL_GLOSSES_MAX - 1; /* one is the digest */
        snprintf(filter, sizeof filter, "{'fullDocument.f%d': 1}", i);
        const char *pass = sieve_pass(&kit, (struct command_sieve){0}, filter);
        assert_string_equal(pass, fits ? "........c" : "iiiiiurdc");
    }
    sieve_close(&kit);
}
