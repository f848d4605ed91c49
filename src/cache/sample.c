/* cache/sample.c - shadows of several sizes, and a histogram for each source. */
#include "cache/sample.h"

#include <pthread.h>

#include "base/hist.h"
#include "base/mem.h"
#include "cache/policy_shadow_private.h"

enum {
    SAMPLE_BYTES = 1 << 20,     /* what stands for the whole cache */
    SAMPLE_READS_MAX = 1 << 16, /* then all counts are halved */
    SAMPLE_WHOLE = 3,           /* sizes go by twos; this one is the cache's own */
};

struct cache_sample {
    uint64_t bytes_max;
    uint32_t shift; /* one of 2^shift keys */
    pthread_mutex_t lock;
    /* ---- under it ---- */
    struct cache_shadow shadows[CACHE_SAMPLE_SIZES];
    uint64_t reads;
    uint64_t misses[CACHE_SAMPLE_SIZES];
    struct hist *latencies[CACHE_SOURCES]; /* microseconds */
};

static uint64_t sample_size(uint64_t bytes, uint32_t index)
{
    return index < SAMPLE_WHOLE ? bytes >> (SAMPLE_WHOLE - index) : bytes << (index - SAMPLE_WHOLE);
}

struct cache_sample *cache_sample_new(uint64_t bytes_max)
{
    static const struct cache_s3_tuning lru = {.small_percent = 100};
    struct cache_sample *sample = mem_zero(1, sizeof *sample);
    sample->bytes_max = bytes_max;
    while (bytes_max >> sample->shift > SAMPLE_BYTES) {
        sample->shift++;
    }
    pthread_mutex_init(&sample->lock, NULL);
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        cache__shadow_init(&sample->shadows[i], sample_size(bytes_max >> sample->shift, i), lru);
    }
    for (uint32_t i = 0; i < CACHE_SOURCES; i++) {
        sample->latencies[i] = hist_new();
    }
    return sample;
}

void cache_sample_free(struct cache_sample *sample)
{
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        cache__shadow_close(&sample->shadows[i]);
    }
    for (uint32_t i = 0; i < CACHE_SOURCES; i++) {
        hist_free(sample->latencies[i]);
    }
    pthread_mutex_destroy(&sample->lock);
    mem_free(sample);
}

/* By other bits than those that choose shards, stripes and buckets. */
bool cache_sample_has(const struct cache_sample *sample, uint64_t hash)
{
    return sample->shift == 0 || (hash * 0x9e3779b97f4a7c15u) >> (64 - sample->shift) == 0;
}

static void sample_fade(struct cache_sample *sample)
{
    sample->reads /= 2;
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        sample->misses[i] /= 2;
    }
}

void cache_sample_record(struct cache_sample *sample, const struct cache_sample_read *read)
{
    pthread_mutex_lock(&sample->lock);
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        sample->misses[i] += !cache__shadow_read(&sample->shadows[i], read->hash, read->size);
    }
    if (++sample->reads == SAMPLE_READS_MAX) {
        sample_fade(sample);
    }
    hist_record(sample->latencies[read->source], read->us);
    pthread_mutex_unlock(&sample->lock);
}

void cache_sample_stats(struct cache_sample *sample, struct cache_sample_stats *ret_stats)
{
    pthread_mutex_lock(&sample->lock);
    ret_stats->reads = sample->reads;
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        ret_stats->curve[i].bytes = sample_size(sample->bytes_max, i);
        ret_stats->curve[i].miss_ratio =
            sample->reads == 0 ? 0 : (double)sample->misses[i] / (double)sample->reads;
    }
    for (uint32_t i = 0; i < CACHE_SOURCES; i++) {
        const struct hist *hist = sample->latencies[i];
        ret_stats->latency[i].reads = hist_count(hist);
        ret_stats->latency[i].p50_us = hist_percentile(hist, 50);
        ret_stats->latency[i].p99_us = hist_percentile(hist, 99);
        ret_stats->latency[i].max_us = hist_max(hist);
    }
    pthread_mutex_unlock(&sample->lock);
}
