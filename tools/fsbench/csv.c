/*
 * Samples as a CSV file and back, so that tables, goals and pictures can be made from several runs.
 * Knows samples and names only.
 */
#include "fsbench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "threads,files,size,phase,unit,system,round,rate,p50_us,p99_us,"
			     "p999_us\n";

static int csv_failed(const char *name)
{
	fprintf(stderr, "fsbench: %s: %s\n", name, strerror(errno));
	return -1;
}

static void sample_write(FILE *file, const struct plan *plan, const struct samples *samples,
			 unsigned p, unsigned s, unsigned r)
{
	const struct tail *tail = &samples->tail[p][s][r];
	const struct system *system = &plan->systems[s];

	fprintf(file, "%u,%u,%llu,%s,%s,%s,%u,%.1f",
		system->threads > 0 ? system->threads : plan->threads, plan->files,
		(unsigned long long)plan->size, plan->phases[p]->name, plan->phases[p]->unit,
		system->name, r + 1, samples->rate[p][s][r]);
	if (plan->phases[p]->flags & PHASE_TRIP)
		fprintf(file, ",%.2f,%.2f,%.2f\n", tail->p50, tail->p99, tail->p999);
	else
		fputs(",,,\n", file);
}

int csv_write(const struct plan *plan, const struct samples *samples)
{
	FILE *file = fopen(plan->csv, "w");

	if (file == NULL)
		return csv_failed(plan->csv);
	fputs(header, file);
	for (unsigned p = 0; p < plan->phase_count; p++)
		for (unsigned s = 0; s < plan->system_count; s++)
			for (unsigned r = 0; r < samples->count[p][s]; r++)
				sample_write(file, plan, samples, p, s, r);
	return fclose(file) == 0 ? 0 : csv_failed(plan->csv);
}

/* The plan's index of a system: with `open`, a new one is added.  -1: none, or no room. */
static int system_index(struct plan *plan, const char *name, bool open)
{
	int index = plan_system(plan, name);

	if (index >= 0 || !open || plan->system_count == MAX_SYSTEMS)
		return index;
	struct system *system = &plan->systems[plan->system_count];
	return name_copy(system->name, name, strlen(name)) ? (int)plan->system_count++ : -1;
}

static int phase_index(struct plan *plan, const char *name, bool open)
{
	int index = plan_phase(plan, name);
	const struct phase *phase = phase_find(name, strlen(name));

	if (index >= 0 || !open || phase == NULL || plan->phase_count == MAX_PHASES)
		return index;
	plan->phases[plan->phase_count] = phase;
	return (int)plan->phase_count++;
}

/* Which of the two lists the files may add to. */
struct openness {
	bool systems, phases;
};

/* Take one line; false if it is none of ours.  What is left out is left out silently. */
static bool line_take(struct plan *plan, struct samples *samples, const struct openness *open,
		      const char *line)
{
	char phase[NAME_SIZE], system[NAME_SIZE];
	struct tail tail = {0};
	double rate;

	if (sscanf(line, "%*u,%*u,%*u,%31[^,],%*31[^,],%31[^,],%*u,%lf,%lf,%lf,%lf", phase, system,
		   &rate, &tail.p50, &tail.p99, &tail.p999) < 3)
		return false;
	int p = phase_index(plan, phase, open->phases);
	int s = system_index(plan, system, open->systems);
	if (p >= 0 && s >= 0 && samples->count[p][s] < MAX_ROUNDS) {
		unsigned round = samples->count[p][s]++;
		samples->rate[p][s][round] = rate;
		samples->tail[p][s][round] = tail;
	}
	return true;
}

static int file_read(struct plan *plan, struct samples *samples, const struct openness *open,
		     const char *name)
{
	char line[512];
	FILE *file = fopen(name, "r");
	bool good;

	if (file == NULL)
		return csv_failed(name);
	good = fgets(line, sizeof(line), file) != NULL && strcmp(line, header) == 0;
	while (good && fgets(line, sizeof(line), file) != NULL)
		good = line_take(plan, samples, open, line);
	fclose(file);
	if (!good)
		fprintf(stderr, "fsbench: %s: not a CSV file of fsbench\n", name);
	return good ? 0 : -1;
}

int csv_read(struct plan *plan, struct samples *samples)
{
	const struct openness open = {.systems = plan->system_count == 0,
				      .phases = plan->phase_count == 0};

	for (unsigned i = 0; i < plan->read_count; i++)
		if (file_read(plan, samples, &open, plan->reads[i]) != 0)
			return -1;
	return 0;
}
