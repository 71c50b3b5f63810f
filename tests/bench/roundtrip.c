/*
 * Round trips of a file system in user space: GETATTR that the server must answer, and 4 KiB of
 * direct I/O, on one open file each of several systems, interleaved.  It knows nothing of servers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYSTEMS_MAX 16
#define ROUNDS_MAX  256
#define THREADS_MAX 16
#define RATIOS_MAX  16
#define BLOCK       4096
#define SPREAD      256 /* blocks at the begin of the file that are used */

enum phase { GETATTR, READ, WRITE, PHASES };
static const char *const phase_names[PHASES] = {"getattr", "read-4k", "write-4k"};

struct target {
	const char *name; /* not NUL-terminated: `len` bytes */
	size_t len;
	int fd;
	double rates[PHASES][ROUNDS_MAX]; /* per second */
	double median[PHASES];
};

struct plan {
	struct target targets[SYSTEMS_MAX];
	unsigned ntargets;
	const char *ratios[RATIOS_MAX];
	unsigned nratios;
	unsigned rounds, threads, ms;
	bool pin;
	int only; /* this phase, or PHASES: each */
};

/* One thread's share of a phase on one system. */
struct share {
	const struct plan *plan;
	const struct target *target;
	enum phase phase;
	unsigned cpu;
	uint64_t done, ns;
	pthread_t thread;
};

static void die(const char *what)
{
	fprintf(stderr, "roundtrip: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void once(const struct share *share, void *buffer, uint64_t n)
{
	off_t at = (off_t)((n * 97 + share->cpu * 31) % SPREAD * BLOCK);
	int fd = share->target->fd;
	struct statx st;
	bool good;

	if (share->phase == GETATTR)
		good = statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) ==
		       0;
	else if (share->phase == READ)
		good = pread(fd, buffer, BLOCK, at) == BLOCK;
	else
		good = pwrite(fd, buffer, BLOCK, at) == BLOCK;
	if (!good)
		die(phase_names[share->phase]);
}

static void *run(void *arg)
{
	struct share *share = arg;
	void *buffer = aligned_alloc(BLOCK, BLOCK);
	uint64_t begin, end;
	cpu_set_t one;

	if (!buffer)
		die("memory");
	memset(buffer, 'x', BLOCK);
	CPU_ZERO(&one);
	CPU_SET(share->cpu, &one);
	if (share->plan->pin)
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	for (unsigned i = 0; i < 100; i++)
		once(share, buffer, i);
	begin = now();
	end = begin + share->plan->ms * UINT64_C(1000000);
	do {
		for (unsigned i = 0; i < 32; i++)
			once(share, buffer, share->done++);
		share->ns = now() - begin;
	} while (begin + share->ns < end);
	free(buffer);
	return NULL;
}

/* All threads at once; their sum per second. */
static double measure(const struct plan *plan, const struct target *target, enum phase phase)
{
	struct share shares[THREADS_MAX] = {0};
	double rate = 0;

	for (unsigned i = 0; i < plan->threads; i++) {
		shares[i] =
			(struct share){.plan = plan, .target = target, .phase = phase, .cpu = i};
		errno = pthread_create(&shares[i].thread, NULL, run, &shares[i]);
		if (errno != 0)
			die("thread");
	}
	for (unsigned i = 0; i < plan->threads; i++) {
		pthread_join(shares[i].thread, NULL);
		rate += (double)shares[i].done * 1e9 / (double)shares[i].ns;
	}
	return rate;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* ---- what is printed ---- */

static void print_rates(struct plan *plan)
{
	printf("%-12s", "per second");
	for (int p = 0; p < PHASES; p++)
		printf(" %12s", phase_names[p]);
	printf("   (medians of %u, %u ms each, %u thread%s)\n", plan->rounds, plan->ms,
	       plan->threads, plan->threads > 1 ? "s" : "");
	for (unsigned i = 0; i < plan->ntargets; i++) {
		struct target *t = &plan->targets[i];

		printf("%-12.*s", (int)t->len, t->name);
		for (int p = 0; p < PHASES; p++) {
			t->median[p] = median(t->rates[p], plan->rounds);
			printf(" %12.0f", t->median[p]);
		}
		printf("\n");
	}
}

static const struct target *find(const struct plan *plan, const char *name, size_t len)
{
	for (unsigned i = 0; i < plan->ntargets; i++)
		if (plan->targets[i].len == len && memcmp(plan->targets[i].name, name, len) == 0)
			return &plan->targets[i];
	errno = EINVAL;
	die("--ratio names a system that is not there");
	return NULL;
}

/* Of the medians, and the median of the rounds' own ratios, which a slow spell disturbs less. */
static void print_ratio(const struct plan *plan, const char *text)
{
	size_t over = strcspn(text, "/");
	const struct target *a = find(plan, text, over);
	const struct target *b = find(plan, text + over + 1, strlen(text + over + 1));
	double each[ROUNDS_MAX];

	printf("%-12s", text);
	for (int p = 0; p < PHASES; p++) {
		for (unsigned r = 0; r < plan->rounds; r++)
			each[r] = a->rates[p][r] / b->rates[p][r];
		printf("  %.3f/%.3f", a->median[p] / b->median[p], median(each, plan->rounds));
	}
	printf("\n");
}

/* ---- the command line ---- */

static const struct option options[] = {
	{"rounds", required_argument, NULL, 'r'},
	{"threads", required_argument, NULL, 't'},
	{"ms", required_argument, NULL, 'm'},
	{"ratio", required_argument, NULL, 'q'},
	{"pin", no_argument, NULL, 'p'},
	{"only", required_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};

static void usage(void)
{
	fputs("usage: roundtrip [OPTION...] NAME=FILE...\n"
	      "  --rounds=N --threads=N --ms=N   turns of each system, clients, length of a turn\n"
	      "  --ratio=NAME/NAME               to be printed: of medians / median of the "
	      "rounds'\n"
	      "  --pin                           each client stays on a processor\n"
	      "  --only=PHASE                    getattr, read-4k or write-4k\n",
	      stderr);
	exit(2);
}

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n == 0 || n > most)
		usage();
	return (unsigned)n;
}

static int phase_of(const char *name)
{
	int p = 0;

	while (p < PHASES && strcmp(phase_names[p], name) != 0)
		p++;
	if (p == PHASES)
		usage();
	return p;
}

static bool wanted(const struct plan *plan, int phase)
{
	return plan->only == PHASES || plan->only == phase;
}

static void parse_options(struct plan *plan, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			plan->rounds = number(optarg, ROUNDS_MAX);
		else if (c == 't')
			plan->threads = number(optarg, THREADS_MAX);
		else if (c == 'm')
			plan->ms = number(optarg, 60000);
		else if (c == 'q' && plan->nratios < RATIOS_MAX && strchr(optarg, '/'))
			plan->ratios[plan->nratios++] = optarg;
		else if (c == 'p')
			plan->pin = true;
		else if (c == 'o')
			plan->only = phase_of(optarg);
		else
			usage();
	}
}

static void add_target(struct plan *plan, const char *text)
{
	struct target *t = &plan->targets[plan->ntargets++];

	t->name = text;
	t->len = strcspn(text, "=");
	if (plan->ntargets > SYSTEMS_MAX || text[t->len] != '=')
		usage();
	t->fd = open(text + t->len + 1, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (t->fd < 0)
		die(text);
}

int main(int argc, char **argv)
{
	static struct plan plan = {.rounds = 15, .threads = 1, .ms = 150, .only = PHASES};

	parse_options(&plan, argc, argv);
	for (int i = optind; i < argc; i++)
		add_target(&plan, argv[i]);
	if (plan.ntargets == 0)
		usage();
	for (unsigned r = 0; r < plan.rounds; r++)
		for (int p = 0; p < PHASES; p++)
			for (unsigned i = 0; i < plan.ntargets && wanted(&plan, p); i++) {
				struct target *t = &plan.targets[(i + r) % plan.ntargets];

				t->rates[p][r] = measure(&plan, t, (enum phase)p);
			}
	print_rates(&plan);
	for (unsigned i = 0; i < plan.nratios; i++)
		print_ratio(&plan, plan.ratios[i]);
	return 0;
}
