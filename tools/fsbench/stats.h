/*
 * What a few samples of one thing say together.  Pure.
 */
#ifndef FSBENCH_STATS_H
#define FSBENCH_STATS_H

struct summary {
	double median, min, max; /* median below 0: unsupported, or not measured */
	double spread;           /* the middle half's width, divided by the median */
};

#define STATS_MOST 64

/* Of `count` samples, at most STATS_MOST; one below 0 makes all of it unsupported. */
struct summary stats_summarise(const double *samples, unsigned count);

/* The quantile (0 to 1) of ascending samples, at least one, between the two nearest. */
double stats_quantile(const double *sorted, unsigned count, double quantile);

#endif
