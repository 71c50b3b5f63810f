/*
 * Durations counted in buckets whose width grows with the duration, so that a quantile is known to
 * 1/16 over the whole range.  Pure: no clock, no output.
 */
#ifndef FSBENCH_HISTOGRAM_H
#define FSBENCH_HISTOGRAM_H

#include <stdint.h>

/* 16 buckets for each power of two, from 0 to more than 500 s; what is longer is counted last. */
#define HISTOGRAM_STEPS   16
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 36)

struct histogram {
	uint64_t count;
	uint64_t longest; /* ns */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/* Add what another one has counted. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* The bucket of a duration, and the shortest duration (ns) of a bucket. */
unsigned histogram_bucket(uint64_t ns);
uint64_t histogram_floor(unsigned bucket);

/* The duration (ns) that a part of `quantile` (above 0 to 1) of all did not exceed: the middle of
 * its bucket, but never more than the longest.  0 if nothing was counted. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
