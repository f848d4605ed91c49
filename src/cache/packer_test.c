/* cache/packer_test.c - values get smaller where that pays, and come back whole. */
#include "cache/packer.h"

#include "base/mem.h"
#include "cache/dictionary.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { ORDERS = 3000 };

struct bench {
    struct cache_packer *packer;
    struct random_doc random;
    struct buf value;
    struct buf scratch;
};

static void bench_open(struct bench *bench, enum cache_codec codec)
{
    *bench = (struct bench){.packer = cache_packer_new(codec), .random = {11}};
    buf_init(&bench->value, NULL);
    buf_init(&bench->scratch, NULL);
}

static void bench_close(struct bench *bench)
{
    buf_close(&bench->value);
    buf_close(&bench->scratch);
    cache_packer_free(bench->packer);
}

static struct slice bench_order(struct bench *bench, const char *words)
{
    struct random_doc *random = &bench->random;
    bench->value.len = 0;
    buf_format(&bench->value, "%s: %08x, %s %u, %s {%x %x}", words,
               (uint32_t)random_doc_next(random), words + 3, random_doc_below(random, 100),
               words + 7, (uint32_t)random_doc_next(random), random_doc_below(random, 9));
    return buf_slice(&bench->value);
}

static struct slice bench_noise(struct bench *bench)
{
    bench->value.len = 0;
    for (int i = 0; i < 50; i++) {
        uint64_t number = random_doc_next(&bench->random);
        buf_append(&bench->value, &number, sizeof number);
    }
    return buf_slice(&bench->value);
}

static struct cache_packed bench_pack(struct bench *bench, uint8_t collection, struct slice value)
{
    const uint8_t key[6] = {0, 0, 0, collection, 'k', 1};
    struct cache_packed packed;
    cache_packer_pack(bench->packer, slice_of(key, sizeof key), value, &bench->scratch, &packed);
    return packed;
}

static void assert_unpacks(struct cache_packer *packer, const struct cache_packed *packed,
                           struct slice value)
{
    uint8_t *plain = mem_alloc(packed->plain_len);
    assert_int_equal(cache_packer_unpack(packer, packed, plain), 0);
    assert_int_equal(packed->plain_len, value.len);
    assert_memory_equal(plain, value.data, value.len);
    mem_free(plain);
}

static const char *const bench_words = "customer order, delivery address, remark";
static const char *const bench_other = "SENSOR READING; CELSIUS BY THE MINUTE";

TEST(a_dictionary_is_trained_and_makes_small_values_smaller)
{
    struct bench bench;
    size_t before = 0;
    size_t after = 0;
    bench_open(&bench, CACHE_CODEC_ZSTD);
    for (int i = 0; i < 2 * ORDERS; i++) {
        struct slice value = bench_order(&bench, bench_words);
        struct cache_packed packed = bench_pack(&bench, 1, value);
        assert_unpacks(bench.packer, &packed, value);
        *(packed.dictionary == 0 ? &before : &after) = packed.bytes.len;
    }
    assert_int_equal(cache_packer_stats(bench.packer).trained, 1);
    assert_in_range(after, 1, before * 2 / 3);
    bench_close(&bench);
}

TEST(a_dictionary_that_has_aged_is_replaced_and_the_old_one_can_still_be_read)
{
    struct bench bench;
    struct buf old;
    struct buf old_plain;
    struct cache_packed first = {0};
    buf_init(&old, NULL);
    buf_init(&old_plain, NULL);
    bench_open(&bench, CACHE_CODEC_ZSTD);
    for (int i = 0; i < 2 * ORDERS; i++) {
        struct slice value = bench_order(&bench, bench_words);
        struct cache_packed packed = bench_pack(&bench, 1, value);
        if (packed.dictionary != 0 && first.dictionary == 0) {
            first = packed;
            buf_append_slice(&old, packed.bytes);
            buf_append_slice(&old_plain, value);
            first.bytes = buf_slice(&old);
        }
    }
    for (int i = 0; i < 2 * ORDERS; i++) {
        bench_pack(&bench, 1, bench_order(&bench, bench_other));
    }
    assert_int_equal(first.dictionary, 1);
    assert_int_equal(bench_pack(&bench, 1, bench_order(&bench, bench_other)).dictionary, 2);
    assert_unpacks(bench.packer, &first, buf_slice(&old_plain));
    buf_close(&old);
    buf_close(&old_plain);
    bench_close(&bench);
}

TEST(a_collection_that_does_not_shrink_is_left_alone_and_tried_again)
{
    struct bench bench;
    bench_open(&bench, CACHE_CODEC_LZ4);
    for (int i = 0; i < 16; i++) {
        struct slice value = bench_noise(&bench);
        struct cache_packed packed = bench_pack(&bench, 1, value);
        assert_int_equal(packed.codec, CACHE_CODEC_NONE);
        assert_unpacks(bench.packer, &packed, value);
    }
    static const char text[] = "the same again the same again the same again the same again";
    struct slice value = slice_of(text, sizeof text);
    assert_int_equal(bench_pack(&bench, 1, value).codec, CACHE_CODEC_NONE);
    assert_int_equal(bench_pack(&bench, 2, value).codec, CACHE_CODEC_LZ4);
    int skipped = 1;
    while (bench_pack(&bench, 1, value).codec == CACHE_CODEC_NONE) {
        skipped++;
    }
    assert_int_equal(skipped, 256);
    bench_close(&bench);
}

TEST(two_collections_in_one_place_leave_it_to_the_busier)
{
    struct bench bench;
    static const char text[] = "the same again the same again the same again the same again";
    struct slice value = slice_of(text, sizeof text);
    bench_open(&bench, CACHE_CODEC_LZ4);
    bench_pack(&bench, 3, value);
    assert_int_equal(bench_pack(&bench, 67, value).codec, CACHE_CODEC_NONE);
    assert_int_equal(bench_pack(&bench, 67, value).codec, CACHE_CODEC_LZ4);
    assert_int_equal(bench_pack(&bench, 3, value).codec, CACHE_CODEC_NONE);
    bench_close(&bench);
}

TEST(dictionaries_are_kept_and_damaged_ones_refused)
{
    struct bench bench;
    struct buf saved;
    buf_init(&saved, NULL);
    bench_open(&bench, CACHE_CODEC_ZSTD);
    for (int i = 0; i < 2 * ORDERS; i++) {
        bench_pack(&bench, 1, bench_order(&bench, bench_words));
    }
    struct slice value = bench_order(&bench, bench_words);
    struct cache_packed packed = bench_pack(&bench, 1, value);
    assert_int_equal(packed.dictionary, 1);
    cache_packer_save(bench.packer, &saved);
    struct cache_packer *other = cache_packer_new(CACHE_CODEC_LZ4);
    uint8_t plain[200];
    assert_int_equal(cache_packer_unpack(other, &packed, plain), -LT_ENOSUCHKEY);
    assert_int_equal(cache_packer_load(other, slice_of(saved.data, saved.len - 1)), -LT_ECORRUPT);
    assert_int_equal(cache_packer_load(other, slice_of(saved.data, 5)), -LT_ECORRUPT);
    assert_int_equal(cache_packer_load(other, buf_slice(&saved)), 0);
    assert_unpacks(other, &packed, value);
    cache_packer_free(other);
    buf_close(&saved);
    bench_close(&bench);
}

TEST(the_table_of_dictionaries_is_bounded_and_keeps_those_in_use)
{
    struct cache_dictionaries table;
    struct cache_dictionary *found;
    cache_dictionaries_init(&table);
    struct cache_dictionary *held = cache_dictionaries_add(&table, 0, 7, SLICE("held"));
    for (uint32_t i = 0; i < 2 * CACHE_DICTIONARIES_MAX; i++) {
        cache_dictionary_release(cache_dictionaries_add(&table, 0, 8, SLICE("another")));
    }
    assert_int_equal(table.count, CACHE_DICTIONARIES_MAX);
    assert_int_equal(cache_dictionaries_find(&table, held->version, &found), 0);
    cache_dictionary_release(found);
    assert_int_equal(cache_dictionaries_find(&table, 2, &found), -LT_ENOSUCHKEY);
    cache_dictionary_release(held);
    cache_dictionaries_close(&table);
}
