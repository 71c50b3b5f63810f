/*
 * The ratios of a plan's samples as a picture: which systems and phases are in it.  Draws nothing
 * itself.
 */
#include "fsbench.h"
#include "stats.h"
#include "svg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static double ratio(const struct samples *samples, unsigned phase, unsigned system, unsigned base)
{
	struct summary mine =
		stats_summarise(samples->rate[phase][system], samples->count[phase][system]);
	struct summary its =
		stats_summarise(samples->rate[phase][base], samples->count[phase][base]);

	return mine.median < 0 || its.median <= 0 ? -1 : mine.median / its.median;
}

int report_svg(const struct plan *plan, const struct samples *samples)
{
	const char *series[MAX_SYSTEMS], *groups[MAX_PHASES];
	double values[MAX_PHASES * MAX_SYSTEMS];
	char one[NAME_SIZE + 16];
	int chosen = plan->baseline == NULL ? 0 : plan_system(plan, plan->baseline);
	unsigned base = chosen < 0 ? 0 : (unsigned)chosen;
	unsigned count = 0, at = 0;

	for (unsigned i = 0; i < plan->system_count; i++)
		if (i != base)
			series[count++] = plan->systems[i].name;
	for (unsigned p = 0; p < plan->phase_count; p++) {
		groups[p] = plan->phases[p]->name;
		for (unsigned i = 0; i < plan->system_count; i++)
			if (i != base)
				values[at++] = ratio(samples, p, i, base);
	}
	snprintf(one, sizeof(one), "%s = 1", plan->systems[base].name);
	FILE *file = fopen(plan->svg, "w");
	if (file != NULL)
		svg_chart(file, &(struct chart){.title = plan->title ? plan->title : "fsbench",
						.unit_of_one = one,
						.series = series,
						.series_count = count,
						.groups = groups,
						.group_count = plan->phase_count,
						.values = values});
	if (file != NULL && fclose(file) == 0)
		return 0;
	fprintf(stderr, "fsbench: %s: %s\n", plan->svg, strerror(errno));
	return -1;
}
