/* base/hist.c - 2048 buckets of width 1, then 1024 for each further power of two. */
#include "base/hist.h"

#include <assert.h>
#include <math.h>

#include "base/mem.h"

enum {
    HIST_BITS = 10,
    HIST_HALF = 1 << HIST_BITS,  /* buckets of one power of two */
    HIST_LINEAR = 2 * HIST_HALF, /* values with a bucket of their own */
    HIST_POWERS = 40 - HIST_BITS - 1,
    HIST_BUCKETS = HIST_LINEAR + HIST_POWERS * HIST_HALF,
};

struct hist {
    uint64_t count;
    uint64_t min;
    uint64_t max;
    double sum;
    uint64_t buckets[HIST_BUCKETS];
};

struct hist *hist_new(void)
{
    struct hist *hist = mem_alloc(sizeof *hist);
    hist_reset(hist);
    return hist;
}

void hist_free(struct hist *hist)
{
    mem_free(hist);
}

void hist_reset(struct hist *hist)
{
    *hist = (struct hist){.min = UINT64_MAX};
}

static uint32_t hist_index(uint64_t value)
{
    if (value < HIST_LINEAR) {
        return (uint32_t)value;
    }
    uint32_t power = 63 - (uint32_t)__builtin_clzll(value);
    uint32_t within = (uint32_t)(value >> (power - HIST_BITS)) - HIST_HALF;
    uint32_t index = HIST_LINEAR + (power - HIST_BITS - 1) * HIST_HALF + within;
    assert(index < HIST_BUCKETS);
    return index;
}

/* The largest value of a bucket. */
static uint64_t hist_top(uint32_t index)
{
    if (index < HIST_LINEAR) {
        return index;
    }
    uint32_t power = (index - HIST_LINEAR) / HIST_HALF + HIST_BITS + 1;
    uint64_t within = (index - HIST_LINEAR) % HIST_HALF + HIST_HALF;
    return ((within + 1) << (power - HIST_BITS)) - 1;
}

void hist_record(struct hist *hist, uint64_t value)
{
    value = value > HIST_VALUE_MAX ? HIST_VALUE_MAX : value;
    hist->count++;
    hist->sum += (double)value;
    hist->min = value < hist->min ? value : hist->min;
    hist->max = value > hist->max ? value : hist->max;
    hist->buckets[hist_index(value)]++;
}

void hist_merge(struct hist *hist, const struct hist *from)
{
    hist->count += from->count;
    hist->sum += from->sum;
    hist->min = from->min < hist->min ? from->min : hist->min;
    hist->max = from->max > hist->max ? from->max : hist->max;
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        hist->buckets[i] += from->buckets[i];
    }
}

uint64_t hist_count(const struct hist *hist)
{
    return hist->count;
}

uint64_t hist_min(const struct hist *hist)
{
    return hist->count == 0 ? 0 : hist->min;
}

uint64_t hist_max(const struct hist *hist)
{
    return hist->max;
}

double hist_mean(const struct hist *hist)
{
    return hist->count == 0 ? 0 : hist->sum / (double)hist->count;
}

uint64_t hist_percentile(const struct hist *hist, double percent)
{
    assert(percent >= 0 && percent <= 100);
    double share = percent / 100 * (double)hist->count;
    uint64_t rank = (uint64_t)ceil(share * (1 - 1e-12)); /* 99.9 % of 1000 is 999.00000000000011 */
    uint64_t seen = 0;
    rank = rank == 0 ? 1 : rank;
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen >= rank) {
            uint64_t top = hist_top(i);
            return top > hist->max ? hist->max : top;
        }
    }
    return hist->max;
}
