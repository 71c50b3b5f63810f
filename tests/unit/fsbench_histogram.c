/*
 * fsbench's histogram: which bucket a duration falls in, and what quantiles say.
 */
#include <criterion/criterion.h>

#include "fsbench/histogram.h"

Test(fsbench_histogram, every_bucket_begins_where_the_one_before_ends)
{
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t floor = histogram_floor(i);

		cr_assert_eq(histogram_bucket(floor), i, "%u", i);
		cr_assert_eq(histogram_bucket(floor - 1), i - 1, "%u", i);
	}
}

Test(fsbench_histogram, buckets_are_a_sixteenth_wide_at_most)
{
	for (unsigned i = HISTOGRAM_STEPS; i + 1 < HISTOGRAM_BUCKETS; i++)
		cr_assert_leq((histogram_floor(i + 1) - histogram_floor(i)) * HISTOGRAM_STEPS,
			      histogram_floor(i));
}

Test(fsbench_histogram, the_longest_durations_are_counted_in_the_last_bucket)
{
	cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	cr_assert_geq(histogram_floor(HISTOGRAM_BUCKETS - 1), UINT64_C(500000000000));
}

Test(fsbench_histogram, nothing_counted_has_no_quantile)
{
	static struct histogram histogram;

	cr_assert_eq(histogram_quantile(&histogram, 0.5), 0);
}

Test(fsbench_histogram, quantiles_of_small_durations_are_exact)
{
	static struct histogram histogram;

	for (uint64_t ns = 1; ns <= 10; ns++)
		histogram_add(&histogram, ns);
	cr_assert_eq(histogram_quantile(&histogram, 0.5), 5);
	cr_assert_eq(histogram_quantile(&histogram, 0.9), 9);
	cr_assert_eq(histogram_quantile(&histogram, 0.91), 10);
	cr_assert_eq(histogram_quantile(&histogram, 1), 10);
}

Test(fsbench_histogram, quantiles_are_right_to_a_sixteenth)
{
	static struct histogram histogram;

	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&histogram, i * 1000);
	cr_assert_float_eq((double)histogram_quantile(&histogram, 0.5), 500e3, 500e3 / 16);
	cr_assert_float_eq((double)histogram_quantile(&histogram, 0.99), 990e3, 990e3 / 16);
	cr_assert_leq(histogram_quantile(&histogram, 0.999), 1000000);
}

Test(fsbench_histogram, merged_ones_count_as_one)
{
	static struct histogram one, other;

	for (unsigned i = 0; i < 90; i++)
		histogram_add(&one, 3);
	for (unsigned i = 0; i < 10; i++)
		histogram_add(&other, 12);
	histogram_merge(&one, &other);
	cr_assert_eq(one.count, 100);
	cr_assert_eq(one.longest, 12);
	cr_assert_eq(histogram_quantile(&one, 0.9), 3);
	cr_assert_eq(histogram_quantile(&one, 0.91), 12);
}
