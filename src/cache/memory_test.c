/* cache/memory_test.c - one shard against a plain array. */
#include "cache/memory.h"

#include <stdio.h>

#include "lib/random_doc.h"
#include "lib/test.h"

enum { MODEL_KEYS = 3000, MODEL_BYTES = 1 << 20 };

struct model {
    struct memory_pages *pages;
    struct cache_memory memory;
    struct random_doc random;
    uint32_t versions[MODEL_KEYS]; /* 0: removed */
    uint64_t hits;
    uint64_t left;
    uint64_t reused; /* of those that left */
};

/* All hashes share buckets and now and then are equal. */
static struct cache_key model_key(uint32_t number, char text[16])
{
    return (struct cache_key){slice_of(text, (size_t)snprintf(text, 16, "key%u", number)),
                              number / 2 * 7u};
}

/* 8 to 40,000 bytes that tell the key and the version; most are small. */
static struct slice model_value(struct model *model, uint32_t number, uint8_t *bytes)
{
    uint32_t version = model->versions[number];
    uint32_t len = 8 + (version * 2654435761u + number) % (version % 64 == 0 ? 40000 : 600);
    memset(bytes, (int)(version ^ number), len);
    memcpy(bytes, &number, 4);
    memcpy(bytes + 4, &version, 4);
    return slice_of(bytes, len);
}

static void model_put(struct model *model, uint32_t number)
{
    static uint8_t bytes[40008];
    char text[16];
    model->versions[number]++;
    struct cache_key key = model_key(number, text);
    struct cache_item item = {model_value(model, number, bytes)};
    cache_memory_put(&model->memory, &key, &item);
}

static void model_get(struct model *model, uint32_t number)
{
    static uint8_t bytes[40008];
    char text[16];
    struct store_pin pin;
    struct cache_key key = model_key(number, text);
    if (cache_memory_get(&model->memory, &key, 0, &pin) == CACHE_MISS) {
        return;
    }
    assert_true(model->versions[number] != 0);
    struct slice value = model_value(model, number, bytes);
    assert_true(slice_equal(pin.value, value));
    store_pin_release(&pin);
    model->hits++;
}

static void model_remove(struct model *model, uint32_t number)
{
    char text[16];
    struct cache_key key = model_key(number, text);
    cache_memory_remove(&model->memory, &key);
}

/* What leaves is what was put last. */
static void model_leave(void *context, const struct cache_leaver *leaver)
{
    static uint8_t bytes[40008];
    char text[16];
    struct model *model = context;
    uint32_t number;
    memcpy(&number, leaver->value.data, sizeof number);
    assert_true(leaver->hash == model_key(number, text).hash);
    assert_true(slice_equal(leaver->key, model_key(number, text).bytes));
    assert_true(slice_equal(leaver->value, model_value(model, number, bytes)));
    model->left++;
    model->reused += leaver->reused;
}

static void model_open(struct model *model, uint64_t seed)
{
    *model = (struct model){.random = {seed}};
    model->pages = memory_pages_new(seed % 2 == 0);
    struct cache_memory_options options = {.policy = &cache_policy_s3fifo,
                                           .pages = model->pages,
                                           .bytes_max = MODEL_BYTES,
                                           .leave = model_leave,
                                           .context = model};
    cache_memory_init(&model->memory, &options);
}

static struct cache_counts model_counts(struct model *model)
{
    struct cache_counts sum = {0};
    for (size_t i = 0; i < CACHE_TALLY_ROWS; i++) {
        cache_counts_add(&sum, &model->memory.tally.counts[i]);
    }
    return sum;
}

static void model_close(struct model *model)
{
    cache_memory_close(&model->memory);
    memory_pages_free(model->pages);
}

TEST(a_hit_is_what_was_put_last_and_memory_stays_in_its_bound)
{
    static struct model model;
    model_open(&model, 7);
    for (int i = 0; i < 100000; i++) {
        uint32_t number = random_doc_below(&model.random, MODEL_KEYS);
        switch (random_doc_below(&model.random, 4)) {
        case 0:
            model_put(&model, number);
            break;
        case 1:
            if (random_doc_below(&model.random, 8) == 0) {
                model_remove(&model, number);
            }
            break;
        default:
            model_get(&model, number);
        }
        assert_in_range(cache_memory_bytes(&model.memory), 0, MODEL_BYTES + CACHE_SEGMENT_BYTES);
    }
    assert_true(model.hits > 10000);
    assert_true(model_counts(&model).evictions > 1000);
    assert_true(model.memory.moves > 0);
    assert_int_equal(model.left, model_counts(&model).evictions);
    assert_in_range(model.reused, 100, model.left - 100);
    model_close(&model);
}

TEST(what_is_removed_gives_its_memory_back)
{
    static struct model model;
    model_open(&model, 8);
    for (uint32_t number = 0; number < 1000; number++) {
        model_put(&model, number);
    }
    assert_true(model.memory.count > 900);
    for (uint32_t number = 0; number < 1000; number++) {
        model_remove(&model, number);
    }
    assert_int_equal(model.memory.count, 0);
    assert_int_equal(model.memory.log.live, 0);
    assert_true(model.memory.log.bytes <= CACHE_SEGMENT_BYTES);
    model_close(&model);
}

TEST(holes_are_closed_up_and_nothing_that_lives_is_lost)
{
    static struct model model;
    enum { KEYS = 1000, PERCENT = 3 };
    model_open(&model, 11);
    for (uint32_t number = 0; number < KEYS; number++) {
        model_put(&model, number);
    }
    uint64_t count = model.memory.count;
    assert_false(cache_memory_close_up(&model.memory, PERCENT));
    for (uint32_t number = 0; number < KEYS; number += 2) {
        model_remove(&model, number);
    }
    assert_in_range(model.memory.count, count / 2 - 50, count / 2 + 50);
    assert_true(model.memory.log.dead > model.memory.log.live / 2);
    count = model.memory.count;
    while (cache_memory_close_up(&model.memory, PERCENT)) {
    }
    assert_int_equal(model.memory.count, count);
    assert_true(model.memory.log.dead <= model.memory.log.bytes / 100 * PERCENT);
    assert_true(model.memory.log.bytes <=
                model.memory.log.live / 20 * 21 + 2 * CACHE_SEGMENT_BYTES);
    for (uint32_t number = 1; number < KEYS; number += 2) {
        model_get(&model, number);
    }
    assert_int_equal(model.hits, count);
    model_close(&model);
}

TEST(a_shard_is_calm_when_little_has_died_since_the_last_look)
{
    static struct model model;
    model_open(&model, 12);
    for (uint32_t number = 0; number < 1000; number++) {
        model_put(&model, number);
    }
    assert_true(cache_memory_is_calm(&model.memory));
    model_remove(&model, 0);
    assert_true(cache_memory_is_calm(&model.memory));
    for (uint32_t number = 1; number < 500; number++) {
        model_remove(&model, number);
    }
    assert_false(cache_memory_is_calm(&model.memory));
    assert_true(cache_memory_is_calm(&model.memory));
    model_close(&model);
}

TEST(a_pin_outlives_eviction_and_the_cache)
{
    static struct model model;
    char text[16];
    struct store_pin pin;
    model_open(&model, 9);
    model_put(&model, 1);
    struct cache_key key = model_key(1, text);
    assert_int_equal(cache_memory_get(&model.memory, &key, 0, &pin), CACHE_HIT);
    uint8_t copy[700];
    memcpy(copy, pin.value.data, pin.value.len);
    for (uint32_t number = 2; number < MODEL_KEYS; number++) {
        model_put(&model, number);
        model_put(&model, number);
    }
    cache_memory_close(&model.memory);
    assert_memory_equal(copy, pin.value.data, pin.value.len);
    store_pin_release(&pin);
    memory_pages_free(model.pages);
}

TEST(a_value_too_large_is_not_kept_and_takes_the_old_one_out)
{
    static struct model model;
    static uint8_t big[MODEL_BYTES / 4];
    struct store_pin pin;
    struct cache_key key = {SLICE("k"), 5};
    model_open(&model, 10);
    cache_memory_put(&model.memory, &key, &(struct cache_item){SLICE("small")});
    cache_memory_put(&model.memory, &key, &(struct cache_item){slice_of(big, sizeof big)});
    assert_int_equal(cache_memory_get(&model.memory, &key, 0, &pin), CACHE_MISS);
    model_close(&model);
}

TEST(an_entry_expires_at_its_second_and_not_before)
{
    static struct model model;
    struct store_pin pin;
    struct cache_key key = {SLICE("k"), 5};
    model_open(&model, 11);
    cache_memory_put(&model.memory, &key, &(struct cache_item){SLICE("v"), .expires_s = 10});
    assert_int_equal(cache_memory_get(&model.memory, &key, 9, &pin), CACHE_HIT);
    store_pin_release(&pin);
    assert_int_equal(cache_memory_get(&model.memory, &key, 10, &pin), CACHE_MISS);
    assert_int_equal(model_counts(&model).expirations, 1);
    assert_int_equal(model.memory.count, 0);
    model_close(&model);
}

TEST(absence_and_expiry_survive_moving)
{
    static struct model model;
    struct store_pin pin;
    struct cache_key absent = {SLICE("absent"), 5};
    struct cache_key mortal = {SLICE("mortal"), 6};
    model_open(&model, 12);
    cache_memory_put(&model.memory, &absent, &(struct cache_item){.absent = true});
    cache_memory_put(&model.memory, &mortal, &(struct cache_item){SLICE("v"), .expires_s = 10});
    for (uint32_t number = 0; model.memory.moves == 0; number = (number + 1) % MODEL_KEYS) {
        model_put(&model, number);
        cache_memory_get(&model.memory, &absent, 0, &pin);
        assert_int_equal(cache_memory_get(&model.memory, &mortal, 0, &pin), CACHE_HIT);
        store_pin_release(&pin);
    }
    assert_int_equal(cache_memory_get(&model.memory, &absent, 0, &pin), CACHE_ABSENT);
    assert_int_equal(cache_memory_get(&model.memory, &mortal, 10, &pin), CACHE_MISS);
    model_close(&model);
}

TEST(a_smaller_bound_is_fitted_and_a_larger_one_is_filled_again)
{
    static struct model model;
    enum { BOUND = MODEL_BYTES / 2 };
    model_open(&model, 13);
    for (uint32_t number = 0; number < MODEL_KEYS; number++) {
        model_put(&model, number);
    }
    assert_false(cache_memory_fit(&model.memory));
    assert_true(cache_memory_bytes(&model.memory) > BOUND + CACHE_SEGMENT_BYTES);
    cache_memory_set_bound(&model.memory, BOUND);
    while (cache_memory_fit(&model.memory)) {
    }
    assert_in_range(cache_memory_bytes(&model.memory), BOUND / 2, BOUND);
    for (uint32_t number = 0; number < MODEL_KEYS; number++) {
        model_put(&model, number);
        model_get(&model, number);
        assert_in_range(cache_memory_bytes(&model.memory), 0, BOUND + CACHE_SEGMENT_BYTES);
    }
    assert_true(model.hits > 0);
    cache_memory_set_bound(&model.memory, MODEL_BYTES);
    for (uint32_t number = 0; number < MODEL_KEYS; number++) {
        model_put(&model, number);
    }
    assert_true(cache_memory_bytes(&model.memory) > BOUND + CACHE_SEGMENT_BYTES);
    cache_memory_set_bound(&model.memory, 0);
    while (cache_memory_fit(&model.memory)) {
    }
    assert_int_equal(model.memory.count, 0);
    model_close(&model);
}

TEST(counts_are_by_collection_and_a_collection_can_be_dropped)
{
    static struct model model;
    struct store_pin pin;
    struct cache_key keys[] = {
        {SLICE("\0\0\0\1a"), 1}, {SLICE("\0\0\0\1b"), 2}, {SLICE("\0\0\0\2a"), 3}};
    model_open(&model, 14);
    for (size_t i = 0; i < 3; i++) {
        cache_memory_put(&model.memory, &keys[i], &(struct cache_item){SLICE("v")});
    }
    assert_int_equal(cache_tally_of(&model.memory.tally, keys[0].bytes)->entries, 2);
    assert_int_equal(cache_tally_of(&model.memory.tally, keys[2].bytes)->entries, 1);
    cache_memory_drop(&model.memory, 1);
    assert_int_equal(cache_memory_get(&model.memory, &keys[1], 0, &pin), CACHE_MISS);
    assert_int_equal(cache_tally_of(&model.memory.tally, keys[0].bytes)->entries, 0);
    assert_int_equal(cache_tally_of(&model.memory.tally, keys[0].bytes)->bytes, 0);
    assert_int_equal(cache_memory_get(&model.memory, &keys[2], 0, &pin), CACHE_HIT);
    store_pin_release(&pin);
    model_close(&model);
}

TEST(more_collections_than_rows_share_the_last_one)
{
    struct cache_tally tally = {0};
    for (uint8_t id = 1; id <= 200; id++) {
        uint8_t key[5] = {0, 0, 0, id, 'k'};
        cache_tally_of(&tally, slice_of(key, sizeof key))->hits++;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < CACHE_TALLY_ROWS; i++) {
        sum += tally.counts[i].hits;
    }
    assert_int_equal(sum, 200);
    assert_int_equal(tally.counts[CACHE_TALLY_ROWS - 1].hits, 200 - (CACHE_TALLY_ROWS - 1));
}

TEST(what_is_pinned_stays_and_what_does_not_fit_is_not_let_in)
{
    static struct model model;
    struct store_pin pin;
    uint8_t value[1000] = {0};
    model.pages = memory_pages_new(false);
    struct cache_memory_options options = {
        .policy = &cache_policy_pin, .pages = model.pages, .bytes_max = MODEL_BYTES};
    cache_memory_init(&model.memory, &options);
    for (uint64_t i = 0; i < 2000; i++) {
        struct cache_key key = {slice_of(&i, sizeof i), i};
        cache_memory_put(&model.memory, &key, &(struct cache_item){slice_of(value, sizeof value)});
    }
    assert_in_range(model.memory.count, 500, MODEL_BYTES / 1000);
    for (uint64_t i = 0; i < model.memory.count; i++) {
        struct cache_key key = {slice_of(&i, sizeof i), i};
        assert_int_equal(cache_memory_get(&model.memory, &key, 0, &pin), CACHE_HIT);
        store_pin_release(&pin);
    }
    assert_in_range(cache_memory_bytes(&model.memory), 0, MODEL_BYTES);
    model_close(&model);
}

/* ---- ahead ---- */

static struct cache_key number_key(const uint64_t *number)
{
    return (struct cache_key){slice_of(number, sizeof *number), *number * 0x9e3779b97f4a7c15u};
}

static enum cache_found number_get(struct model *model, uint64_t number)
{
    struct store_pin pin = {0};
    struct cache_key key = number_key(&number);
    enum cache_found found = cache_memory_get(&model->memory, &key, 0, &pin);
    store_pin_release(&pin);
    return found;
}

static void number_put(struct model *model, uint64_t number, enum cache_guess_kind ahead)
{
    static const uint8_t value[1000];
    struct cache_key key = number_key(&number);
    struct cache_item item = {.value = slice_of(value, sizeof value), .ahead = ahead};
    cache_memory_put(&model->memory, &key, &item);
}

static void model_open_with(struct model *model, const struct cache_policy_ops *policy)
{
    model->pages = memory_pages_new(false);
    struct cache_memory_options options = {
        .policy = policy, .pages = model->pages, .bytes_max = MODEL_BYTES};
    cache_memory_init(&model->memory, &options);
}

/* 400 entries that were asked for again, and thousands that nobody asks for. */
TEST(what_nobody_asked_for_displaces_nothing_that_was_asked_for_again)
{
    static struct model model;
    const struct cache_policy_ops *const policies[] = {&cache_policy_s3fifo,
                                                       &cache_policy_adaptive};
    for (size_t p = 0; p < 2; p++) {
        model_open_with(&model, policies[p]);
        for (uint64_t i = 0; i < 400; i++) {
            number_put(&model, i, CACHE_GUESS_NONE);
            for (int hit = 0; hit < 3; hit++) {
                assert_int_equal(number_get(&model, i), CACHE_HIT);
            }
        }
        for (uint64_t i = 1000; i < 5000; i++) {
            number_put(&model, i, CACHE_GUESS_SEQUENCE);
        }
        for (uint64_t i = 0; i < 400; i++) {
            assert_int_equal(number_get(&model, i), CACHE_HIT);
        }
        struct cache_counts counts = model_counts(&model);
        assert_true(counts.ahead > 2000);
        assert_int_equal(counts.ahead_used, 0);
        assert_int_equal(counts.ahead - counts.ahead_unused, counts.entries - 400);
        model_close(&model);
    }
}

TEST(the_first_hit_of_what_came_ahead_is_told_once_and_proves_nothing)
{
    static struct model model;
    model_open_with(&model, &cache_policy_s3fifo);
    number_put(&model, 1, CACHE_GUESS_SEQUENCE);
    number_put(&model, 2, CACHE_GUESS_PAIR);
    number_put(&model, 2, CACHE_GUESS_SEQUENCE); /* it is there: it stays what it was */
    assert_int_equal(number_get(&model, 1), CACHE_HIT_SEQUENCE);
    assert_int_equal(number_get(&model, 2), CACHE_HIT_PAIR);
    assert_int_equal(number_get(&model, 1), CACHE_HIT);
    struct cache_counts counts = model_counts(&model);
    assert_int_equal(counts.ahead, 2);
    assert_int_equal(counts.ahead_used, 2);
    assert_int_equal(counts.hits, 3);
    number_get(&model, 1);
    for (uint64_t i = 1000; i < 3000; i++) {
        number_put(&model, i, CACHE_GUESS_NONE);
    }
    assert_int_equal(number_get(&model, 1), CACHE_HIT); /* asked for again */
    assert_int_equal(number_get(&model, 2), CACHE_MISS);
    model_close(&model);
}

/* ---- tables ---- */

static void number_remove(struct model *model, uint64_t number)
{
    struct cache_key key = number_key(&number);
    assert_true(cache_memory_remove(&model->memory, &key));
}

/* What is there goes, what is not comes. */
static void number_toggle(struct model *model, bool *there, uint64_t number)
{
    if (there[number]) {
        number_remove(model, number);
    } else {
        number_put(model, number, CACHE_GUESS_NONE);
    }
    there[number] = !there[number];
}

static void number_expect(struct model *model, const bool *there, uint64_t number)
{
    assert_int_equal(number_get(model, number), there[number] ? CACHE_HIT : CACHE_MISS);
}

static void number_leave(void *context, const struct cache_leaver *leaver)
{
    bool *there = context;
    uint64_t number;
    memcpy(&number, leaver->key.data, sizeof number);
    there[number] = false;
}

/* The lower half is full before the upper one is empty. */
TEST(a_table_that_fills_again_while_it_shrinks_becomes_whole)
{
    static struct model model;
    enum { MANY = 5000 };
    model_open_with(&model, &cache_policy_s3fifo);
    cache_memory_set_bound(&model.memory, 64 << 20);
    for (uint64_t i = 0; i < MANY; i++) {
        number_put(&model, i, CACHE_GUESS_NONE);
    }
    for (uint64_t i = 1000; i < MANY; i++) {
        number_remove(&model, i);
    }
    assert_true(cache_memory_shrink(&model.memory));
    for (uint64_t i = 1000; i < MANY; i++) {
        number_put(&model, i, CACHE_GUESS_NONE);
    }
    while (cache_memory_shrink(&model.memory)) {
    }
    assert_int_equal(model.memory.shrinks, 0);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(number_get(&model, i), CACHE_HIT);
    }
    model_close(&model);
}

enum { LARGE_TABLE = 40000, LARGE_TABLE_BYTES = 64 << 20, LARGE_TABLE_STEP = 256 << 10 };

/* Whatever is done meanwhile, and however large it is. */
TEST(a_table_that_is_nearly_empty_shrinks_in_small_steps_and_loses_nothing)
{
    static struct model model;
    static bool there[LARGE_TABLE];
    const struct cache_policy_ops *policy;
    for (size_t p = 0; (policy = cache_policy_at(p)) != NULL; p++) {
        struct random_doc random = {p};
        model_open_with(&model, policy);
        cache_memory_set_bound(&model.memory, LARGE_TABLE_BYTES);
        model.memory.leave = number_leave;
        model.memory.context = there;
        memset(there, false, sizeof there);
        for (uint64_t i = 0; i < LARGE_TABLE; i++) {
            number_toggle(&model, there, i);
        }
        for (uint64_t i = 0; i < LARGE_TABLE; i++) {
            if (i % 10 != 0) {
                number_toggle(&model, there, i);
            }
        }
        uint64_t full = cache_memory_tables(&model.memory);
        uint64_t before;
        bool more;
        do {
            number_toggle(&model, there, random_doc_below(&random, LARGE_TABLE));
            cache_memory_evict(&model.memory);
            for (int i = 0; i < 100; i++) {
                number_expect(&model, there, random_doc_below(&random, LARGE_TABLE));
            }
            before = cache_memory_tables(&model.memory);
            more = cache_memory_shrink(&model.memory);
            assert_in_range(cache_memory_tables(&model.memory), before - LARGE_TABLE_STEP, before);
        } while (more);
        assert_in_range(model.memory.shrinks, 2, 4);
        assert_true(cache_memory_tables(&model.memory) * 4 <= full);
        for (uint64_t i = 0; i < LARGE_TABLE; i++) {
            number_expect(&model, there, i);
        }
        model_close(&model);
    }
}

/* The rest is work for later puts, and done before it grows again. */
TEST(a_put_that_needs_a_larger_table_adds_little_and_splits_few_buckets)
{
    static struct model model;
    struct random_doc random = {5};
    uint32_t grown = 0;
    model_open_with(&model, &cache_policy_s3fifo);
    cache_memory_set_bound(&model.memory, LARGE_TABLE_BYTES);
    for (uint64_t i = 0; i < LARGE_TABLE; i++) {
        uint32_t cap = model.memory.slots_cap;
        uint32_t buckets = model.memory.buckets_count;
        uint64_t tables = cache_memory_tables(&model.memory);
        number_put(&model, i, CACHE_GUESS_NONE);
        tables = cache_memory_tables(&model.memory) - tables;
        assert_in_range(tables, 0, LARGE_TABLE_STEP);
        if (cap != 0) {
            assert_in_range(model.memory.buckets_count, buckets, buckets + 2);
            grown += model.memory.slots_cap > cap;
        }
        assert_int_equal(number_get(&model, random_doc_below(&random, (uint32_t)i + 1)), CACHE_HIT);
    }
    assert_int_equal(grown, 10);
    model_close(&model);
}

/* Ever smaller entries, ever more of them. */
TEST(a_table_that_grows_in_a_full_shard_takes_the_place_of_few)
{
    static struct model model;
    static const uint8_t value[300];
    enum { KEYS = 200000, EVICTED_MAX = 3000 };
    model_open_with(&model, &cache_policy_s3fifo);
    cache_memory_set_bound(&model.memory, 8 * MODEL_BYTES);
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t before = model.memory.count;
        struct cache_key key = number_key(&i);
        struct cache_item item = {.value = slice_of(value, i < KEYS / 2 ? sizeof value : 20)};
        cache_memory_put(&model.memory, &key, &item);
        assert_in_range(model.memory.count + EVICTED_MAX, before, before + EVICTED_MAX + 1);
    }
    assert_true(model.memory.count > 65536);
    model_close(&model);
}
