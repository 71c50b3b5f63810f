/*
 * Turns samples into what people read on a terminal: the tables of rates and of latencies, and the
 * goals.  Knows samples and names only; measures nothing.
 */
#include "fsbench.h"
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct summary rates_summary(const struct samples *samples, unsigned phase, unsigned system)
{
	return stats_summarise(samples->rate[phase][system], samples->count[phase][system]);
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
	printf("%-12s %-9s %-20s %10s %10s %10s %6s %10s", "phase", "unit", "system", "median",
	       "min", "max", "IQR", first);
	if (baseline != NULL) {
		snprintf(chosen, sizeof(chosen), "/%s", baseline->name);
		printf(" %10s", chosen);
	}
	printf("\n");
}

static void row_print(const struct plan *plan, const struct summary *mine, unsigned system)
{
	if (mine->median < 0)
		printf(" %-20s %10s %10s %10s %6s", plan->systems[system].name, "-", "-", "-", "-");
	else
		printf(" %-20s %10.0f %10.0f %10.0f %5.0f%%", plan->systems[system].name,
		       mine->median, mine->min, mine->max, mine->spread * 100);
}

static void phase_print(const struct plan *plan, const struct samples *samples, unsigned phase,
			const struct system *baseline)
{
	struct summary summaries[MAX_SYSTEMS];
	bool named = false;

	for (unsigned i = 0; i < plan->system_count; i++)
		summaries[i] = rates_summary(samples, phase, i);
	for (unsigned i = 0; i < plan->system_count; i++) {
		if (samples->count[phase][i] == 0)
			continue;
		printf("%-12s %-9s", named ? "" : plan->phases[phase]->name,
		       named ? "" : plan->phases[phase]->unit);
		named = true;
		row_print(plan, &summaries[i], i);
		ratio_print(&summaries[i], &summaries[0]);
		if (baseline != NULL)
			ratio_print(&summaries[i], &summaries[baseline - plan->systems]);
		printf("\n");
	}
}

void report_table(const struct plan *plan, const struct samples *samples)
{
	int chosen = plan->baseline == NULL ? -1 : plan_system(plan, plan->baseline);
	const struct system *baseline = chosen > 0 ? &plan->systems[chosen] : NULL;

	if (plan->read_count == 0)
		printf("%u client thread%s (NAME@N: N), %u files each, big file of %llu bytes "
		       "each, %u round%s\n",
		       plan->threads, plan->threads == 1 ? "" : "s", plan->files,
		       (unsigned long long)plan->size, plan->rounds, plan->rounds == 1 ? "" : "s");
	header_print(plan, baseline);
	for (unsigned i = 0; i < plan->phase_count; i++)
		phase_print(plan, samples, i, baseline);
}

/* The geometric mean of a system's ratios to the first system over all phases that both have. */
static double together(const struct plan *plan, const struct samples *samples, unsigned system,
		       unsigned *phases)
{
	double logs = 0;

	*phases = 0;
	for (unsigned p = 0; p < plan->phase_count; p++) {
		double mine = rates_summary(samples, p, system).median;
		double base = rates_summary(samples, p, 0).median;
		if (mine <= 0 || base <= 0)
			continue;
		logs += log(mine / base);
		*phases += 1;
	}
	return *phases == 0 ? 0 : exp(logs / *phases);
}

void report_together(const struct plan *plan, const struct samples *samples)
{
	printf("all phases together: the geometric mean of the ratios to %s\n",
	       plan->systems[0].name);
	for (unsigned i = 0; i < plan->system_count; i++) {
		unsigned phases;
		double mean = together(plan, samples, i, &phases);
		if (phases > 0)
			printf("  %-20s %.3f of %u phases\n", plan->systems[i].name, mean, phases);
	}
}

/* Which part of all operations lasted so long: a column for each factor of two. */
static void bars_print(const struct histogram *histogram)
{
	static const char *const shades[] = {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"};
	unsigned column = 0;

	if (histogram->count == 0)
		return;
	printf("  |");
	/* From 512 ns to 8 ms; the first and the last take what lies outside. */
	for (unsigned power = 9; power <= 23; power++) {
		uint64_t seen = 0;
		unsigned end = power == 23 ? HISTOGRAM_BUCKETS : histogram_bucket(2ULL << power);
		for (; column < end; column++)
			seen += histogram->buckets[column];
		unsigned shade = (unsigned)(seen * 9 / histogram->count);
		printf("%s", shades[seen > 0 && shade == 0 ? 1 : shade]);
	}
	printf("|");
}

static void tail_print(const struct plan *plan, const struct samples *samples, unsigned phase,
		       unsigned system)
{
	double values[3][MAX_ROUNDS];
	unsigned count = samples->count[phase][system];
	const struct tail *tails = samples->tail[phase][system];

	for (unsigned i = 0; i < count; i++) {
		values[0][i] = tails[i].p50;
		values[1][i] = tails[i].p99;
		values[2][i] = tails[i].p999;
	}
	printf(" %-20s", plan->systems[system].name);
	for (unsigned i = 0; i < 3; i++)
		printf(" %9.1f", stats_summarise(values[i], count).median);
	bars_print(&samples->latency[phase][system]);
	printf("\n");
}

void report_latency(const struct plan *plan, const struct samples *samples)
{
	bool headed = false;

	for (unsigned p = 0; p < plan->phase_count; p++) {
		const char *name = plan->phases[p]->name;
		for (unsigned s = 0; s < plan->system_count; s++) {
			if (!(plan->phases[p]->flags & PHASE_TRIP) ||
			    rates_summary(samples, p, s).median < 0)
				continue;
			if (!headed)
				printf("latency, microseconds: medians of the rounds%s\n"
				       "%-22s %-20s %9s %9s %9s\n",
				       plan->read_count > 0
					       ? ""
					       : "; and how many lasted 0.5, 1, 2, 4, ... us "
						 "to 8 ms, from . for few to @ for all",
				       "phase", "system", "p50", "p99", "p99.9");
			headed = true;
			printf("%-22s", name);
			name = "";
			tail_print(plan, samples, p, s);
		}
	}
}

/* The median of a phase on a system; below 0 when it was not measured. */
static double median_of(const struct plan *plan, const struct samples *samples, const char *phase,
			const char *system)
{
	int p = plan_phase(plan, phase), s = plan_system(plan, system);

	return p < 0 || s < 0 ? -1 : rates_summary(samples, (unsigned)p, (unsigned)s).median;
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
		printf("  %-12s %s at least %.2f x %s: ", goal->phase, goal->system, goal->ratio,
		       goal->base);
		if (measured)
			printf("%.2f, %s\n", mine / base, reached ? "reached" : "MISSED");
		else
			printf("not measured\n");
	}
	return missed;
}
