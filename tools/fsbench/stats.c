/*
 * Medians and spreads.  Pure.
 */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

static int sample_compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double stats_quantile(const double *sorted, unsigned count, double quantile)
{
	double place = quantile * (count - 1);
	unsigned below = (unsigned)place;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - below);
}

struct summary stats_summarise(const double *samples, unsigned count)
{
	double sorted[STATS_MOST];

	if (count == 0 || count > STATS_MOST)
		return (struct summary){.median = -1};
	memcpy(sorted, samples, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), sample_compare);
	if (sorted[0] < 0)
		return (struct summary){.median = -1};
	struct summary summary = {.median = stats_quantile(sorted, count, 0.5),
				  .min = sorted[0],
				  .max = sorted[count - 1]};
	if (summary.median > 0)
		summary.spread = (stats_quantile(sorted, count, 0.75) -
				  stats_quantile(sorted, count, 0.25)) /
				 summary.median;
	return summary;
}
