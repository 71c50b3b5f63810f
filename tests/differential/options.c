/*
 * The command line.
 * Knows nothing of operations but the names of their groups.
 */
#include "options.h"

#include "allow.h"
#include "fault.h"
#include "op.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("differential: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 2;
}

static void help(void)
{
	puts("usage: differential [options] DIR_A DIR_B\n"
	     "Does the same random operations in two empty directories, as several users, and "
	     "compares\n"
	     "every answer.  Must be root.  0: no difference, 1: a difference, 2: wrong usage.\n"
	     "  --seed=N         start of the random numbers (default: from the clock)\n"
	     "  --ops=N          operations (100000)\n"
	     "  --procs=N        processes a side, 1 to 8 (4)\n"
	     "  --group=LIST     only these: "
	     "files,dirs,names,io,space,falloc,mmap,attr,xattr,locks,limits,\n"
	     "                   and only if named: flags (those of chattr(1)), full (not with "
	     "mmap: fills\n"
	     "                   the file systems again and again)\n"
	     "  --epoch=N        operations until a fresh directory and fresh processes (2000)\n"
	     "  --walk=N         operations between looks at the whole tree (250)\n"
	     "  --time-sample=N  look at the moves of times at every N-th operation (32, 0: "
	     "never)\n"
	     "  --timeout=N      seconds until an operation counts as hung (60)\n"
	     "  --shrink-time=N  seconds for shrinking a case (60)\n"
	     "  --no-shrink      report the difference as it was met\n"
	     "  --allow=LIST     allow these differences too, by their names or sets' names; "
	     "\"none\"\n"
	     "                   switches all off.  At first those of the set memfs are on\n"
	     "  --list-allowed   the differences that can be allowed, [their sets] and why\n"
	     "  --behind=DIR     the last process of side A works in DIR, which A shows: behind "
	     "its back\n"
	     "  --replay=FILE    do the operations written in FILE\n"
	     "  --self-test=X    make side A lie in one way, to see it found (\"list\" shows "
	     "them)\n"
	     "  --verbose        print every operation");
}

static bool number(const char *text, unsigned long min, unsigned long max, unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(text, &end, 0);
	return *text && *text != '-' && !*end && !errno && *v >= min && *v <= max;
}

static bool groups_known(const char *list)
{
	char copy[256], *save;

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *g = strtok_r(copy, ",", &save); g; g = strtok_r(NULL, ",", &save))
		if (!op_group_known(g) || strcmp(g, "walk") == 0)
			return false;
	return *list;
}

enum {
	OPT_SEED,
	OPT_OPS,
	OPT_PROCS,
	OPT_GROUP,
	OPT_EPOCH,
	OPT_WALK,
	OPT_TIME_SAMPLE,
	OPT_TIMEOUT,
	OPT_SHRINK_TIME,
	OPT_SHRINK,
	OPT_NO_SHRINK,
	OPT_ALLOW,
	OPT_LIST_ALLOWED,
	OPT_BEHIND,
	OPT_REPLAY,
	OPT_SELF_TEST,
	OPT_VERBOSE,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"seed", required_argument, NULL, OPT_SEED},
	{"ops", required_argument, NULL, OPT_OPS},
	{"procs", required_argument, NULL, OPT_PROCS},
	{"group", required_argument, NULL, OPT_GROUP},
	{"epoch", required_argument, NULL, OPT_EPOCH},
	{"walk", required_argument, NULL, OPT_WALK},
	{"time-sample", required_argument, NULL, OPT_TIME_SAMPLE},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"shrink-time", required_argument, NULL, OPT_SHRINK_TIME},
	{"shrink", no_argument, NULL, OPT_SHRINK},
	{"no-shrink", no_argument, NULL, OPT_NO_SHRINK},
	{"allow", required_argument, NULL, OPT_ALLOW},
	{"list-allowed", no_argument, NULL, OPT_LIST_ALLOWED},
	{"behind", required_argument, NULL, OPT_BEHIND},
	{"replay", required_argument, NULL, OPT_REPLAY},
	{"self-test", required_argument, NULL, OPT_SELF_TEST},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static bool option_value(struct options *o, int opt, const char *arg)
{
	unsigned long seed;

	switch (opt) {
	case OPT_SEED:
		if (!number(arg, 0, ULONG_MAX, &seed))
			return false;
		o->seed = seed;
		return true;
	case OPT_OPS:
		return number(arg, 1, ULONG_MAX, &o->ops);
	case OPT_PROCS:
		return number(arg, 1, PROCS_MAX, &o->procs);
	case OPT_EPOCH:
		return number(arg, 1, 1000000, &o->epoch);
	case OPT_WALK:
		return number(arg, 1, 1000000, &o->walk);
	case OPT_TIME_SAMPLE:
		return number(arg, 0, 1000000, &o->time_sample);
	case OPT_TIMEOUT:
		return number(arg, 1, 86400, &o->timeout);
	case OPT_SHRINK_TIME:
		return number(arg, 1, 86400, &o->shrink_time);
	case OPT_GROUP:
		o->groups = arg;
		return groups_known(arg);
	case OPT_ALLOW:
		return allow_choose(arg);
	case OPT_BEHIND:
		return realpath(arg, o->behind);
	case OPT_SELF_TEST:
		return fault_choose(arg);
	default:
		return true;
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int opt, index = 0;

	*o = (struct options){.seed = (uint64_t)time(NULL) ^ ((uint64_t)getpid() << 32),
			      .ops = 100000,
			      .epoch = 2000,
			      .walk = 250,
			      .time_sample = 32,
			      .procs = 4,
			      .timeout = 60,
			      .shrink_time = 60,
			      .shrink = true};
	allow_choose("memfs");
	while ((opt = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (opt == '?')
			return 2;
		if (opt == OPT_SELF_TEST && strcmp(optarg, "list") == 0) {
			fault_list(stdout);
			return -1;
		}
		if (opt == OPT_HELP || opt == OPT_LIST_ALLOWED) {
			opt == OPT_HELP ? help() : allow_list(stdout);
			return -1;
		}
		if (!option_value(o, opt, optarg))
			return usage_error("--%s: wrong value \"%s\"", long_options[index].name,
					   optarg);
		if (opt == OPT_SHRINK || opt == OPT_NO_SHRINK)
			o->shrink = opt == OPT_SHRINK;
		o->verbose |= opt == OPT_VERBOSE;
		if (opt == OPT_REPLAY)
			o->replay = optarg;
	}
	if (argc - optind != 2)
		return usage_error("two directories are needed (--help tells more)");
	o->dir[0] = argv[optind];
	o->dir[1] = argv[optind + 1];
	return 0;
}
