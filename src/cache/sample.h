/* cache/sample.h - what a sample of the keys tells: how many reads would miss a larger or a smaller
 * cache, and how long reads take.
 *
 * Invariant   the same keys are always in the sample (spatial sampling: Waldspurger et al., SHARDS,
 *             FAST 2015), so a cache as much smaller as the sample is stands for the whole.
 * Thread      any.
 * Memory      about 1 MB, more where records are small.
 * Errors      none.
 */
#ifndef CACHE_SAMPLE_H
#define CACHE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

struct cache_sample;

enum { CACHE_SAMPLE_SIZES = 7 };

/* Where a read ended. */
enum cache_source { CACHE_SOURCE_MEMORY, CACHE_SOURCE_LEVELS, CACHE_SOURCE_ENGINE, CACHE_SOURCES };

/* For a cache of so many bytes. */
struct cache_sample *cache_sample_new(uint64_t bytes_max);
void cache_sample_free(struct cache_sample *sample);

bool cache_sample_has(const struct cache_sample *sample, uint64_t hash);

struct cache_sample_read {
    uint64_t hash;
    uint32_t size; /* of the entry */
    enum cache_source source;
    uint64_t us;
};

/* One whose hash the sample has. */
void cache_sample_record(struct cache_sample *sample, const struct cache_sample_read *read);

struct cache_sample_stats {
    uint64_t reads; /* of the sample; the newer weigh more */
    struct {
        uint64_t bytes;
        double miss_ratio; /* an LRU cache of so many bytes would have had */
    } curve[CACHE_SAMPLE_SIZES];
    struct {
        uint64_t reads;
        uint64_t p50_us;
        uint64_t p99_us;
        uint64_t max_us;
    } latency[CACHE_SOURCES];
};

void cache_sample_stats(struct cache_sample *sample, struct cache_sample_stats *ret_stats);

#endif
