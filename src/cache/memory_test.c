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
};

static struct slice model_key(uint32_t number, char text[16])
{
    return slice_of(text, (size_t)snprintf(text, 16, "key%u", number));
}

/* All hashes share buckets and now and then are equal. */
static uint64_t model_hash(uint32_t number)
{
    return number / 2 * 7u;
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
    cache_memory_put(&model->memory, model_hash(number), model_key(number, text),
                     model_value(model, number, bytes));
}

static void model_get(struct model *model, uint32_t number)
{
    static uint8_t bytes[40008];
    char text[16];
    struct store_pin pin;
    struct slice key = model_key(number, text);
    if (!cache_memory_get(&model->memory, model_hash(number), key, &pin)) {
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
    cache_memory_remove(&model->memory, model_hash(number), model_key(number, text));
}

static void model_open(struct model *model, uint64_t seed)
{
    *model = (struct model){.random = {seed}};
    model->pages = memory_pages_new(seed % 2 == 0);
    struct cache_memory_options options = {&cache_policy_s3fifo, model->pages, MODEL_BYTES};
    cache_memory_init(&model->memory, &options);
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
    assert_true(model.memory.evictions > 1000);
    assert_true(model.memory.moves > 0);
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

TEST(a_pin_outlives_eviction_and_the_cache)
{
    static struct model model;
    char text[16];
    struct store_pin pin;
    model_open(&model, 9);
    model_put(&model, 1);
    assert_true(cache_memory_get(&model.memory, model_hash(1), model_key(1, text), &pin));
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
    model_open(&model, 10);
    cache_memory_put(&model.memory, 5, SLICE("k"), SLICE("small"));
    cache_memory_put(&model.memory, 5, SLICE("k"), slice_of(big, sizeof big));
    assert_false(cache_memory_get(&model.memory, 5, SLICE("k"), &pin));
    model_close(&model);
}
