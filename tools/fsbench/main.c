/*
 * fsbench: compares directories of different file systems, interleaved, phase by phase.
 * Reads the command line and chooses; the only place that decides the exit status.
 */
#include "fsbench.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_RUN   1
#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: fsbench [OPTION...] --system NAME=DIR [--system NAME=DIR ...]\n"
	"Compares file systems, each given by a directory, in interleaved rounds.\n"
	"  --system NAME=DIR    a system to measure; the first is what ratios refer to\n"
	"  --baseline=NAME      a second system that ratios refer to\n"
	"  --phases=LIST        comma-separated phases; default all:\n";

static const char usage_rest[] =
	"  --files=N            small files for each client thread (5000)\n"
	"  --size=BYTES         the big file for each client thread, k, m or g (64m)\n"
	"  --threads=N          client threads, each in its own directory (1)\n"
	"  --rounds=N           times each system has its turn (5, at most 64)\n"
	"  --csv=FILE           write every sample there\n"
	"  --hook=PROGRAM       run as PROGRAM begin|end SYSTEM PHASE DONE around each phase\n"
	"  --goal=PHASE:SYSTEM/BASE>=RATIO  report whether the ratio of medians is reached\n"
	"  --strict             a goal that is missed or not measured is a failure\n"
	"or one of these, to make, remove or list many files in a directory, timed:\n"
	"  --make-files=DIR:N   --unlink-files=DIR:N   --list=DIR\n"
	"  --bytes=N            what --make-files writes to each (nothing)\n"
	"exit status: 0 done, 1 a run failed, 2 usage\n";

enum option_id {
	OPT_SYSTEM = 1,
	OPT_BASELINE,
	OPT_PHASES,
	OPT_FILES,
	OPT_SIZE,
	OPT_THREADS,
	OPT_ROUNDS,
	OPT_CSV,
	OPT_HOOK,
	OPT_GOAL,
	OPT_STRICT,
	OPT_MAKE,
	OPT_UNLINK,
	OPT_LIST,
	OPT_BYTES,
	OPT_HELP,
};

static const struct option option_table[] = {
	{"system", required_argument, NULL, OPT_SYSTEM},
	{"baseline", required_argument, NULL, OPT_BASELINE},
	{"phases", required_argument, NULL, OPT_PHASES},
	{"files", required_argument, NULL, OPT_FILES},
	{"size", required_argument, NULL, OPT_SIZE},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"csv", required_argument, NULL, OPT_CSV},
	{"hook", required_argument, NULL, OPT_HOOK},
	{"goal", required_argument, NULL, OPT_GOAL},
	{"strict", no_argument, NULL, OPT_STRICT},
	{"make-files", required_argument, NULL, OPT_MAKE},
	{"unlink-files", required_argument, NULL, OPT_UNLINK},
	{"list", required_argument, NULL, OPT_LIST},
	{"bytes", required_argument, NULL, OPT_BYTES},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* What the command line asks for besides the plan. */
struct command {
	enum option_id verb; /* OPT_MAKE, OPT_UNLINK or OPT_LIST; 0: run the plan */
	char *dir;
	uint64_t count;
	uint64_t bytes; /* in each file that is made */
};

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("fsbench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("\n", stderr);
	va_end(arguments);
	return EXIT_USAGE;
}

static void usage_print(void)
{
	fputs(usage_text, stdout);
	for (unsigned i = 0; i < phase_count; i++)
		printf("%s%s%s", i % 8 == 0 ? "                       " : " ", phase_table[i].name,
		       i % 8 == 7 || i + 1 == phase_count ? "\n" : "");
	fputs(usage_rest, stdout);
}

/* A positive number up to `max`, with a suffix where `units` allows one. */
static bool number_parse(const char *text, bool units, uint64_t max, uint64_t *value)
{
	char *end;
	unsigned shift = 0;

	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9')
		return false;
	if (units && *end != '\0' && end[1] == '\0') {
		const char *unit = strchr("kmg", *end | 0x20);
		if (unit == NULL)
			return false;
		shift = (unsigned)(unit - "kmg" + 1) * 10;
		end++;
	}
	if (*end != '\0' || number == 0 || number > max >> shift)
		return false;
	*value = number << shift;
	return true;
}

static bool name_copy(char name[static NAME_SIZE], const char *text, size_t length)
{
	if (length == 0 || length >= NAME_SIZE)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return true;
}

static int system_add(struct plan *plan, const char *text)
{
	const char *equals = strchr(text, '=');

	if (plan->system_count == MAX_SYSTEMS)
		return usage_error("more than %d systems", MAX_SYSTEMS);
	struct system *system = &plan->systems[plan->system_count];
	if (equals == NULL || equals[1] == '\0' ||
	    !name_copy(system->name, text, (size_t)(equals - text)))
		return usage_error("bad system '%s' (want NAME=DIR)", text);
	system->dir = equals + 1;
	for (unsigned i = 0; i < plan->system_count; i++)
		if (strcmp(plan->systems[i].name, system->name) == 0)
			return usage_error("system '%s' given twice", system->name);
	plan->system_count++;
	return 0;
}

static int phases_parse(struct plan *plan, const char *text)
{
	plan->phase_count = 0;
	for (const char *at = text;; at++) {
		size_t length = strcspn(at, ",");
		const struct phase *phase = phase_find(at, length);

		if (phase == NULL)
			return usage_error("unknown phase '%.*s'", (int)length, at);
		for (unsigned i = 0; i < plan->phase_count; i++)
			if (plan->phases[i] == phase)
				return usage_error("phase '%s' given twice", phase->name);
		plan->phases[plan->phase_count++] = phase;
		at += length;
		if (*at == '\0')
			return 0;
	}
}

static int goal_add(struct plan *plan, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *slash = colon == NULL ? NULL : strchr(colon, '/');
	const char *sign = slash == NULL ? NULL : strstr(slash, ">=");
	char *end;

	if (plan->goal_count == MAX_GOALS)
		return usage_error("more than %d goals", MAX_GOALS);
	struct goal *goal = &plan->goals[plan->goal_count];
	if (sign == NULL || !name_copy(goal->system, colon + 1, (size_t)(slash - colon - 1)) ||
	    !name_copy(goal->base, slash + 1, (size_t)(sign - slash - 1)))
		return usage_error("bad goal '%s' (want PHASE:SYSTEM/BASE>=RATIO)", text);
	goal->phase = phase_find(text, (size_t)(colon - text));
	if (goal->phase == NULL)
		return usage_error("unknown phase in goal '%s'", text);
	goal->ratio = strtod(sign + 2, &end);
	if (end == sign + 2 || *end != '\0' || !(goal->ratio > 0))
		return usage_error("bad ratio in goal '%s'", text);
	plan->goal_count++;
	return 0;
}

/* "DIR:N" for the helpers; the directory may hold colons itself. */
static int command_parse(struct command *command, enum option_id verb, char *text)
{
	char *colon = strrchr(text, ':');

	command->verb = verb;
	command->dir = text;
	if (verb == OPT_LIST)
		return 0;
	if (colon == NULL || !number_parse(colon + 1, false, 999999999, &command->count))
		return usage_error("bad argument '%s' (want DIR:N)", text);
	*colon = '\0';
	return 0;
}

static int count_parse(const char *what, const char *text, uint64_t max, unsigned *value)
{
	uint64_t number;

	if (!number_parse(text, false, max, &number))
		return usage_error("bad --%s=%s (1 to %llu)", what, text, (unsigned long long)max);
	*value = (unsigned)number;
	return 0;
}

static int option_apply(struct plan *plan, struct command *command, enum option_id option,
			char *text)
{
	switch (option) {
	case OPT_SYSTEM:
		return system_add(plan, text);
	case OPT_BASELINE:
		plan->baseline = text;
		return 0;
	case OPT_PHASES:
		return phases_parse(plan, text);
	case OPT_FILES:
		return count_parse("files", text, 9999999, &plan->files);
	case OPT_THREADS:
		return count_parse("threads", text, 1024, &plan->threads);
	case OPT_ROUNDS:
		return count_parse("rounds", text, MAX_ROUNDS, &plan->rounds);
	case OPT_SIZE:
		if (!number_parse(text, true, 1ULL << 40, &plan->size) ||
		    plan->size % BLOCK_SIZE != 0)
			return usage_error("bad --size=%s (a multiple of 4096)", text);
		return 0;
	case OPT_CSV:
		plan->csv = text;
		return 0;
	case OPT_HOOK:
		plan->hook = text;
		return 0;
	case OPT_GOAL:
		return goal_add(plan, text);
	case OPT_STRICT:
		plan->strict = true;
		return 0;
	case OPT_MAKE:
	case OPT_UNLINK:
	case OPT_LIST:
		return command_parse(command, option, text);
	case OPT_BYTES:
		if (!number_parse(text, true, BULK_BYTES, &command->bytes))
			return usage_error("bad --bytes=%s", text);
		return 0;
	case OPT_HELP:
		usage_print();
		exit(0);
	}
	return EXIT_USAGE; /* getopt has said what is wrong */
}

static int plan_check(const struct plan *plan)
{
	if (plan->system_count == 0)
		return usage_error("no --system NAME=DIR given");
	if (plan->baseline == NULL)
		return 0;
	for (unsigned i = 0; i < plan->system_count; i++)
		if (strcmp(plan->systems[i].name, plan->baseline) == 0)
			return 0;
	return usage_error("no system is named '%s' (--baseline)", plan->baseline);
}

static int plan_run(const struct plan *plan)
{
	struct samples *samples = calloc(1, sizeof(*samples));

	if (samples == NULL) {
		fprintf(stderr, "fsbench: out of memory\n");
		return EXIT_RUN;
	}
	int status = run_plan(plan, samples) == 0 ? 0 : EXIT_RUN;
	if (status == 0) {
		report_table(plan, samples);
		if (report_goals(plan, samples) > 0 && plan->strict)
			status = EXIT_RUN;
		if (plan->csv != NULL && report_csv(plan, samples) != 0)
			status = EXIT_RUN;
	}
	free(samples);
	return status;
}

int main(int argc, char **argv)
{
	struct plan plan = {.files = 5000, .size = 64 << 20, .threads = 1, .rounds = 5};
	struct command command = {.verb = 0};
	int option, status;

	for (unsigned i = 0; i < phase_count; i++)
		plan.phases[plan.phase_count++] = &phase_table[i];
	while ((option = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
		status = option_apply(&plan, &command, (enum option_id)option, optarg);
		if (status != 0)
			return status;
	}
	if (optind != argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	if (command.verb == OPT_MAKE)
		return bulk_make(command.dir, command.count, command.bytes) == 0 ? 0 : EXIT_RUN;
	if (command.verb == OPT_UNLINK)
		return bulk_unlink(command.dir, command.count) == 0 ? 0 : EXIT_RUN;
	if (command.verb == OPT_LIST)
		return bulk_list(command.dir) == 0 ? 0 : EXIT_RUN;
	status = plan_check(&plan);
	return status != 0 ? status : plan_run(&plan);
}
