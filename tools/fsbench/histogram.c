/*
 * The buckets: below 16 ns one each, then 16 for each power of two.  Pure.
 */
#include "histogram.h"

unsigned histogram_bucket(uint64_t ns)
{
	if (ns < HISTOGRAM_STEPS)
		return (unsigned)ns;
	unsigned power = 63 - (unsigned)__builtin_clzll(ns);
	unsigned shift = power - 4;
	unsigned bucket = (shift + 1) * HISTOGRAM_STEPS + (unsigned)(ns >> shift) - HISTOGRAM_STEPS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_floor(unsigned bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS)
	       << (bucket / HISTOGRAM_STEPS - 1);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->buckets[histogram_bucket(ns)]++;
	if (ns > histogram->longest)
		histogram->longest = ns;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	to->count += from->count;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
	if (from->longest > to->longest)
		to->longest = from->longest;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t seen = 0;
	double wanted = quantile * (double)histogram->count;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen == 0 || (double)seen < wanted)
			continue;
		uint64_t middle = (histogram_floor(i) + histogram_floor(i + 1)) / 2;
		return middle < histogram->longest ? middle : histogram->longest;
	}
	return histogram->longest;
}
