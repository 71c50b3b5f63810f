/*
 * The command line: turns it into a plan, or into one of the helper commands.  Does nothing of it.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
	"usage: fsbench [OPTION...] --system NAME=DIR [--system NAME=DIR ...]\n"
	"Compares file systems, each given by a directory, in interleaved rounds.\n"
	"  --system NAME=DIR    a system to measure; the first is what ratios refer to.  NAME@N "
	"is\n"
	"                       measured with N client threads.  DIR may be a file of at least\n"
	"                       4 KiB: then only trip-... phases run, on it\n"
	"  --baseline=NAME      a second system that ratios refer to\n"
	"  --phases=LIST        comma-separated phases; default all:\n";

static const char usage_rest[] =
	"  --files=N            small files for each client thread (5000); trees have a fifth\n"
	"  --size=BYTES         the big file for each client thread, k, m or g (64m)\n"
	"  --threads=N          client threads, each in its own directory (1)\n"
	"  --rounds=N           times each system has its turn (5, at most 64)\n"
	"  --csv=FILE           write every sample there\n"
	"  --read=FILE          read samples from such a file, again for more files, instead of\n"
	"                       measuring; --system NAME and --phases choose from them\n"
	"  --svg=FILE           draw the ratios to --baseline, or to the first system, as bars\n"
	"  --title=TEXT         of that picture\n"
	"  --no-table           leave out the table of rates\n"
	"  --together           print the geometric mean of each system's ratios, too\n"
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
	OPT_READ,
	OPT_SVG,
	OPT_TITLE,
	OPT_NO_TABLE,
	OPT_TOGETHER,
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
	{"read", required_argument, NULL, OPT_READ},
	{"svg", required_argument, NULL, OPT_SVG},
	{"title", required_argument, NULL, OPT_TITLE},
	{"no-table", no_argument, NULL, OPT_NO_TABLE},
	{"together", no_argument, NULL, OPT_TOGETHER},
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

void options_usage(void)
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

static int system_add(struct plan *plan, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t length = equals == NULL ? strlen(text) : (size_t)(equals - text);

	if (plan->system_count == MAX_SYSTEMS)
		return usage_error("more than %d systems", MAX_SYSTEMS);
	struct system *system = &plan->systems[plan->system_count];
	if (!name_copy(system->name, text, length) || strpbrk(system->name, ",/") != NULL ||
	    (equals != NULL && equals[1] == '\0'))
		return usage_error("bad system '%s' (want NAME=DIR)", text);
	int threads = name_threads(system->name, MAX_THREADS);
	if (threads < 0)
		return usage_error("bad number of threads in '%s' (want NAME@N)", system->name);
	if (plan_system(plan, system->name) >= 0)
		return usage_error("system '%s' given twice", system->name);
	system->dir = equals == NULL ? NULL : equals + 1;
	system->threads = (unsigned)threads;
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
		if (plan_phase(plan, phase->name) >= 0)
			return usage_error("phase '%s' given twice", phase->name);
		plan->phases[plan->phase_count++] = phase;
		at += length;
		if (*at == '\0')
			return 0;
	}
}

static int goal_add(struct plan *plan, const char *text)
{
	if (plan->goal_count == MAX_GOALS)
		return usage_error("more than %d goals", MAX_GOALS);
	struct goal *goal = &plan->goals[plan->goal_count];
	if (!goal_parse(goal, text))
		return usage_error("bad goal '%s' (want PHASE:SYSTEM/BASE>=RATIO)", text);
	if (phase_find(goal->phase, strlen(goal->phase)) == NULL)
		return usage_error("unknown phase in goal '%s'", text);
	plan->goal_count++;
	return 0;
}

static int read_add(struct plan *plan, const char *name)
{
	if (plan->read_count == MAX_READS)
		return usage_error("more than %d files to read", MAX_READS);
	plan->reads[plan->read_count++] = name;
	return 0;
}

/* "DIR:N" for the helpers; the directory may hold colons itself. */
static int command_parse(struct command *command, enum command_verb verb, char *text)
{
	char *colon = strrchr(text, ':');

	command->verb = verb;
	command->dir = text;
	if (verb == COMMAND_LIST)
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
		return count_parse("threads", text, MAX_THREADS, &plan->threads);
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
	case OPT_READ:
		return read_add(plan, text);
	case OPT_SVG:
		plan->svg = text;
		return 0;
	case OPT_TITLE:
		plan->title = text;
		return 0;
	case OPT_NO_TABLE:
		plan->untabled = true;
		return 0;
	case OPT_TOGETHER:
		plan->together = true;
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
		return command_parse(command, COMMAND_MAKE, text);
	case OPT_UNLINK:
		return command_parse(command, COMMAND_UNLINK, text);
	case OPT_LIST:
		return command_parse(command, COMMAND_LIST, text);
	case OPT_BYTES:
		if (!number_parse(text, true, BULK_BYTES, &command->bytes))
			return usage_error("bad --bytes=%s", text);
		return 0;
	case OPT_HELP:
		command->verb = COMMAND_HELP;
		return 0;
	}
	return EXIT_USAGE; /* getopt has said what is wrong */
}

static int plan_check(const struct plan *plan)
{
	if (plan->read_count > 0)
		return 0;
	if (plan->system_count == 0)
		return usage_error("no --system NAME=DIR given");
	for (unsigned i = 0; i < plan->system_count; i++)
		if (plan->systems[i].dir == NULL)
			return usage_error("bad system '%s' (want NAME=DIR)",
					   plan->systems[i].name);
	if (plan->baseline != NULL && plan_system(plan, plan->baseline) < 0)
		return usage_error("no system is named '%s' (--baseline)", plan->baseline);
	return 0;
}

int options_parse(int argc, char **argv, struct plan *plan, struct command *command)
{
	int option, status;

	while ((option = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
		status = option_apply(plan, command, (enum option_id)option, optarg);
		if (status != 0)
			return status;
	}
	if (optind != argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	if (plan->phase_count == 0 && plan->read_count == 0)
		for (unsigned i = 0; i < phase_count; i++)
			plan->phases[plan->phase_count++] = &phase_table[i];
	return command->verb == COMMAND_NONE ? plan_check(plan) : 0;
}
