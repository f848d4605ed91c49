/* base/hist.h - how often each value came: log-linear buckets, three significant digits.
 *
 * Invariant   a value below 2048 has a bucket of its own; a larger one shares its bucket only with
 *             values that differ from it by less than 0.1 %; values past HIST_VALUE_MAX count as
 *             that. count is the sum of all buckets.
 * Thread      one at a time; hist_merge brings threads together.
 * Memory      hist_new gives about 250 KB, hist_free takes it.
 * Errors      none.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define HIST_VALUE_MAX ((UINT64_C(1) << 40) - 1)

struct hist;

struct hist *hist_new(void);
/* NULL is fine. */
void hist_free(struct hist *hist);
/* Forget everything. */
void hist_reset(struct hist *hist);

void hist_record(struct hist *hist, uint64_t value);
/* Add everything that `from` has seen. */
void hist_merge(struct hist *hist, const struct hist *from);

uint64_t hist_count(const struct hist *hist);
/* The smallest and largest value recorded, exactly; 0 when there is none. */
uint64_t hist_min(const struct hist *hist);
uint64_t hist_max(const struct hist *hist);
double hist_mean(const struct hist *hist);

/* The value that `percent` (0..100) of all values do not exceed, rounded up within its bucket,
 * never above hist_max; 0 when there is none. */
uint64_t hist_percentile(const struct hist *hist, double percent);

#endif
