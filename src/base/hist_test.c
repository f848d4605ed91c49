/* base/hist_test.c - percentiles are right to three digits. */
#include "base/hist.h"
#include "lib/test.h"

TEST(hist_without_values_answers_zero)
{
    struct hist *hist = hist_new();
    assert_int_equal(hist_count(hist), 0);
    assert_int_equal(hist_min(hist), 0);
    assert_int_equal(hist_max(hist), 0);
    assert_int_equal(hist_percentile(hist, 50), 0);
    assert_true(hist_mean(hist) == 0);
    hist_free(hist);
}

TEST(hist_is_exact_for_small_values)
{
    struct hist *hist = hist_new();
    for (uint64_t value = 1; value <= 1000; value++) {
        hist_record(hist, value);
    }
    assert_int_equal(hist_percentile(hist, 50), 500);
    assert_int_equal(hist_percentile(hist, 99.9), 999);
    assert_int_equal(hist_percentile(hist, 100), 1000);
    assert_int_equal(hist_percentile(hist, 0), 1);
    assert_int_equal(hist_min(hist), 1);
    assert_true(hist_mean(hist) == 500.5);
    hist_free(hist);
}

TEST(hist_keeps_three_digits_of_every_value)
{
    struct hist *hist = hist_new();
    for (uint64_t value = 1; value < HIST_VALUE_MAX / 3; value = value * 3 + 7) {
        hist_reset(hist);
        hist_record(hist, value);
        hist_record(hist, HIST_VALUE_MAX);
        uint64_t found = hist_percentile(hist, 50);
        assert_true(found >= value);
        assert_true((double)(found - value) <= (double)value / 1000);
    }
    hist_free(hist);
}

TEST(hist_finds_every_power_of_two_and_its_neighbours)
{
    struct hist *hist = hist_new();
    for (int power = 0; power < 40; power++) {
        for (int step = -1; step <= 1; step++) {
            uint64_t value = (UINT64_C(1) << power) + (uint64_t)step;
            hist_reset(hist);
            hist_record(hist, value);
            assert_int_equal(hist_percentile(hist, 99), value);
        }
    }
    hist_free(hist);
}

TEST(hist_counts_what_is_too_large_as_the_largest)
{
    struct hist *hist = hist_new();
    hist_record(hist, UINT64_MAX);
    assert_int_equal(hist_max(hist), HIST_VALUE_MAX);
    assert_int_equal(hist_percentile(hist, 50), HIST_VALUE_MAX);
    hist_free(hist);
}

TEST(hist_merged_is_as_if_recorded_together)
{
    struct hist *a = hist_new();
    struct hist *b = hist_new();
    struct hist *both = hist_new();
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t value = i * i % 100003;
        hist_record(i % 3 == 0 ? a : b, value);
        hist_record(both, value);
    }
    hist_merge(a, b);
    assert_int_equal(hist_count(a), 5000);
    assert_int_equal(hist_min(a), hist_min(both));
    assert_int_equal(hist_max(a), hist_max(both));
    for (double percent = 0; percent <= 100; percent += 0.5) {
        assert_int_equal(hist_percentile(a, percent), hist_percentile(both, percent));
    }
    hist_free(a);
    hist_free(b);
    hist_free(both);
}
