/* cache/sample_test.c - the sample's curve against caches of those sizes. */
#include "cache/sample.h"

#include <xxhash.h>

#include "cache/policy_shadow_private.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { SAMPLE_TEST_BYTES = 8 << 20, SAMPLE_TEST_SIZE = 256, SAMPLE_TEST_READS = 300000 };

/* Few keys come often, many seldom. */
static uint64_t sample_test_hash(struct random_doc *random)
{
    uint64_t range = UINT64_C(1) << (8 + random_doc_below(random, 12));
    uint64_t key = random_doc_below(random, (uint32_t)range);
    return XXH3_64bits_withSeed(&key, sizeof key, 1);
}

TEST(a_sample_tells_what_caches_of_other_sizes_would_miss)
{
    static const struct cache_s3_tuning lru = {.small_percent = 100};
    struct cache_sample *sample = cache_sample_new(SAMPLE_TEST_BYTES);
    struct cache_shadow whole[CACHE_SAMPLE_SIZES];
    uint64_t misses[CACHE_SAMPLE_SIZES] = {0};
    struct random_doc random = {3};
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        cache__shadow_init(&whole[i], (SAMPLE_TEST_BYTES / 8) << i, lru);
    }
    for (int i = 0; i < SAMPLE_TEST_READS; i++) {
        struct cache_sample_read read = {sample_test_hash(&random), SAMPLE_TEST_SIZE,
                                         CACHE_SOURCE_MEMORY, (uint64_t)i % 100};
        for (uint32_t size = 0; size < CACHE_SAMPLE_SIZES; size++) {
            misses[size] += !cache__shadow_read(&whole[size], read.hash, read.size);
        }
        if (cache_sample_has(sample, read.hash)) {
            cache_sample_record(sample, &read);
        }
    }
    struct cache_sample_stats stats;
    cache_sample_stats(sample, &stats);
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        double off = stats.curve[i].miss_ratio - (double)misses[i] / SAMPLE_TEST_READS;
        assert_int_equal(stats.curve[i].bytes, (SAMPLE_TEST_BYTES / 8) << i);
        assert_true(off < 0.05 && off > -0.05);
        cache__shadow_close(&whole[i]);
    }
    assert_true(misses[0] > misses[CACHE_SAMPLE_SIZES - 1] * 2); /* or it would tell nothing */
    assert_in_range(stats.latency[CACHE_SOURCE_MEMORY].p50_us, 48, 51);
    assert_int_equal(stats.latency[CACHE_SOURCE_MEMORY].max_us, 99);
    assert_int_equal(stats.latency[CACHE_SOURCE_ENGINE].reads, 0);
    cache_sample_free(sample);
}
