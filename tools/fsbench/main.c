/*
 * fsbench: compares directories of different file systems, interleaved, phase by phase.
 * Chooses what is done; the only place that decides the exit status.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int plan_system(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->system_count; i++)
		if (strcmp(plan->systems[i].name, name) == 0)
			return (int)i;
	return -1;
}

int plan_phase(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->phase_count; i++)
		if (strcmp(plan->phases[i]->name, name) == 0)
			return (int)i;
	return -1;
}

/* Everything that samples are good for. */
static int samples_report(const struct plan *plan, const struct samples *samples)
{
	int status = 0;

	if (!plan->untabled) {
		report_table(plan, samples);
		report_latency(plan, samples);
	}
	if (plan->together)
		report_together(plan, samples);
	if (report_goals(plan, samples) > 0 && plan->strict)
		status = EXIT_RUN;
	if (plan->csv != NULL && csv_write(plan, samples) != 0)
		status = EXIT_RUN;
	if (plan->svg != NULL && report_svg(plan, samples) != 0)
		status = EXIT_RUN;
	return status;
}

static int plan_run(struct plan *plan)
{
	struct samples *samples = calloc(1, sizeof(*samples));

	if (samples == NULL) {
		fprintf(stderr, "fsbench: out of memory\n");
		return EXIT_RUN;
	}
	int error = plan->read_count > 0 ? csv_read(plan, samples) : run_plan(plan, samples);
	if (error == 0 && plan->system_count == 0) {
		fprintf(stderr, "fsbench: no samples were read\n");
		error = -1;
	}
	int status = error == 0 ? samples_report(plan, samples) : EXIT_RUN;
	free(samples);
	return status;
}

int main(int argc, char **argv)
{
	struct plan plan = {.files = 5000, .size = 64 << 20, .threads = 1, .rounds = 5};
	struct command command = {.verb = COMMAND_NONE};
	int error = 0, status = options_parse(argc, argv, &plan, &command);

	if (status != 0)
		return status;
	switch (command.verb) {
	case COMMAND_NONE:
		return plan_run(&plan);
	case COMMAND_MAKE:
		error = bulk_make(command.dir, command.count, command.bytes);
		break;
	case COMMAND_UNLINK:
		error = bulk_unlink(command.dir, command.count);
		break;
	case COMMAND_LIST:
		error = bulk_list(command.dir);
		break;
	case COMMAND_HELP:
		options_usage();
		break;
	}
	return error == 0 ? 0 : EXIT_RUN;
}
