/*
 * Turns samples into what people read: the table of medians and ratios, the goals, the CSV file.
 * Knows samples and names only; measures nothing.
 */
#include "fsbench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct summary {
	double median, min, max; /* median below 0: not supported */
};

static int rate_compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static struct summary summarise(const double *rates, unsigned rounds)
{
	double sorted[MAX_ROUNDS];

	memcpy(sorted, rates, rounds * sizeof(sorted[0]));
	qsort(sorted, rounds, sizeof(sorted[0]), rate_compare);
	double middle = sorted[rounds / 2];
	if (rounds % 2 == 0)
		middle = (middle + sorted[rounds / 2 - 1]) / 2;
	return (struct summary){
		.median = sorted[0] < 0 ? -1 : middle, .min = sorted[0], .max = sorted[rounds - 1]};
}

static int system_index(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->system_count; i++)
		if (strcmp(plan->systems[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void ratio_print(const struct summary *mine, const struct summary *base)
{
	if (mine->median < 0 || base->median <= 0)
		printf(" %10s", "-");
	else
		printf(" %10.2f", mine->median / base->median);
}

static void header_print(const struct plan *plan, const struct system *baseline)
{
	char first[NAME_SIZE + 1], chosen[NAME_SIZE + 1];

	snprintf(first, sizeof(first), "/%s", plan->systems[0].name);
	printf("%-13s %-9s %-10s %12s %12s %12s %10s", "phase", "unit", "system", "median", "min",
	       "max", first);
	if (baseline != NULL) {
		snprintf(chosen, sizeof(chosen), "/%s", baseline->name);
		printf(" %10s", chosen);
	}
	printf("\n");
}

static void phase_print(const struct plan *plan, const struct samples *samples, unsigned phase,
			const struct system *baseline)
{
	struct summary summaries[MAX_SYSTEMS];

	for (unsigned i = 0; i < plan->system_count; i++)
		summaries[i] = summarise(samples->rate[phase][i], plan->rounds);
	for (unsigned i = 0; i < plan->system_count; i++) {
		const struct summary *mine = &summaries[i];
		printf("%-13s %-9s %-10s", i == 0 ? plan->phases[phase]->name : "",
		       i == 0 ? plan->phases[phase]->unit : "", plan->systems[i].name);
		if (mine->median < 0)
			printf(" %12s %12s %12s", "unsupported", "-", "-");
		else
			printf(" %12.0f %12.0f %12.0f", mine->median, mine->min, mine->max);
		ratio_print(mine, &summaries[0]);
		if (baseline != NULL)
			ratio_print(mine, &summaries[baseline - plan->systems]);
		printf("\n");
	}
}

void report_table(const struct plan *plan, const struct samples *samples)
{
	int chosen = plan->baseline == NULL ? -1 : system_index(plan, plan->baseline);
	const struct system *baseline = chosen > 0 ? &plan->systems[chosen] : NULL;

	printf("%u client thread%s, %u files each, big file of %llu bytes each, %u round%s\n",
	       plan->threads, plan->threads == 1 ? "" : "s", plan->files,
	       (unsigned long long)plan->size, plan->rounds, plan->rounds == 1 ? "" : "s");
	header_print(plan, baseline);
	for (unsigned i = 0; i < plan->phase_count; i++)
		phase_print(plan, samples, i, baseline);
}

/* The median of a phase on a system; below 0 when it was not measured. */
static double median_of(const struct plan *plan, const struct samples *samples,
			const struct phase *phase, const char *system)
{
	int index = system_index(plan, system);

	for (unsigned i = 0; index >= 0 && i < plan->phase_count; i++)
		if (plan->phases[i] == phase)
			return summarise(samples->rate[i][index], plan->rounds).median;
	return -1;
}

unsigned report_goals(const struct plan *plan, const struct samples *samples)
{
	unsigned missed = 0;

	if (plan->goal_count > 0)
		printf("goals\n");
	for (unsigned i = 0; i < plan->goal_count; i++) {
		const struct goal *goal = &plan->goals[i];
		double mine = median_of(plan, samples, goal->phase, goal->system);
		double base = median_of(plan, samples, goal->phase, goal->base);
		bool measured = mine >= 0 && base > 0;
		bool reached = measured && mine / base >= goal->ratio;

		missed += !reached;
		printf("  %-12s %s at least %.2f x %s: ", goal->phase->name, goal->system,
		       goal->ratio, goal->base);
		if (measured)
			printf("%.2f, %s\n", mine / base, reached ? "reached" : "MISSED");
		else
			printf("not measured\n");
	}
	return missed;
}

int report_csv(const struct plan *plan, const struct samples *samples)
{
	FILE *file = fopen(plan->csv, "w");

	if (file == NULL) {
		fprintf(stderr, "fsbench: %s: %s\n", plan->csv, strerror(errno));
		return -1;
	}
	fprintf(file, "threads,files,size,phase,unit,system,round,rate\n");
	for (unsigned p = 0; p < plan->phase_count; p++)
		for (unsigned s = 0; s < plan->system_count; s++)
			for (unsigned r = 0; r < plan->rounds; r++)
				fprintf(file, "%u,%u,%llu,%s,%s,%s,%u,%.1f\n", plan->threads,
					plan->files, (unsigned long long)plan->size,
					plan->phases[p]->name, plan->phases[p]->unit,
					plan->systems[s].name, r + 1, samples->rate[p][s][r]);
	if (fclose(file) != 0) {
		fprintf(stderr, "fsbench: %s: %s\n", plan->csv, strerror(errno));
		return -1;
	}
	return 0;
}
