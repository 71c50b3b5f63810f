/*
 * A picture of grouped horizontal bars.  Knows numbers and words only.
 */
#ifndef FSBENCH_SVG_H
#define FSBENCH_SVG_H

#include <stdio.h>

/* Bars of one length for 1.0; what is longer than 1.5 times that is cut, its number says how long
 * it is. */
struct chart {
	const char *title;
	const char *unit_of_one;   /* what 1.0 is */
	const char *const *series; /* names, one colour each */
	unsigned series_count;
	const char *const *groups;
	unsigned group_count;
	const double *values; /* [group][series]; below 0: no bar */
};

/* The whole picture; errors are the stream's. */
void svg_chart(FILE *file, const struct chart *chart);

/* Text as it stands in an element or a quoted attribute. */
void svg_text(FILE *file, const char *text);

#endif
