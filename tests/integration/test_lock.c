/*
 * The global lock on a mount: who may be inside, who gets it next, and what misuse comes to.
 * Most of it with one thread for handlers and with four; see testfs/lockyield.c.
 */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fact for both numbers of threads. */
#define LOCK_FACT(name) \
	static void check_##name(const char *workers); \
	FACT(lock, name##_with_one_worker) \
	{ \
		check_##name("--workers=1"); \
	} \
	FACT(lock, name##_with_four_workers) \
	{ \
		check_##name("--workers=4"); \
	} \
	static void check_##name(const char *workers)

static void start(struct daemon *d, const char *workers, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "lockyield"};
	daemon_start(d, workers, option, NULL);
}

/* One read of a file: 0 or an errno value. */
static int read_once(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	char byte;

	if (fd < 0)
		return errno;
	ret = read(fd, &byte, 1) < 0 ? errno : 0;
	close(fd);
	return ret;
}

static const char *text_of(const struct daemon *d, const char *name)
{
	static char text[512];
	int fd = open(daemon_path(d, "%s", name), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	cr_assert(n >= 0, "%s: %s", name, strerror(errno));
	text[n] = '\0';
	close(fd);
	return text;
}

static void order(const struct daemon *d, const char *text)
{
	int fd = open(daemon_path(d, "control"), O_WRONLY | O_CLOEXEC);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s", strerror(errno));
	close(fd);
}

/* What the backend's log says behind these words; -1: it has not said them. */
static long logged(const struct daemon *d, size_t from, const char *words)
{
	char *log = daemon_log(d, from), *at = strstr(log, words);
	long value = at ? strtol(at + strlen(words), NULL, 10) : -1;

	free(log);
	return value;
}

static void stop(const struct daemon *d)
{
	cr_assert_eq(report_of(d, "overlaps"), 0, "two were inside at the same time");
	cr_assert_eq(daemon_stop(d), 0);
}

/* ---- exclusion ---- */

#define CLIENTS 8
#define READS   150

static int read_often(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char byte;

	for (int i = 0; i < READS; i++)
		if (read(fd, &byte, 1) < 0 || stat(path, &st) < 0)
			return errno;
	return close(fd) < 0 ? errno : 0;
}

LOCK_FACT(no_two_handlers_run_at_once_under_8_clients)
{
	pid_t client[CLIENTS];
	struct daemon d;

	start(&d, workers, NULL);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = harness_fork(read_often, daemon_path(&d, "busy"));
	for (int i = 0; i < CLIENTS; i++)
		cr_assert_eq(harness_reap(client[i], 20000), 0);
	cr_assert_eq(report_of(&d, "busy"), CLIENTS * READS);
	stop(&d);
}

FACT(lock, who_releases_it_and_sleeps_lets_others_be_served)
{
	pid_t sleeper[2];
	struct daemon d;

	start(&d, "--workers=4", "-onap=600");
	for (int i = 0; i < 2; i++)
		sleeper[i] = harness_fork(read_once, daemon_path(&d, "slow"));
	cr_assert(eventually_within(500, report_of(&d, "asleep") == 2));
	cr_assert_eq(read_often(daemon_path(&d, "busy")), 0);
	cr_assert(report_of(&d, "served") >= READS / 2, "only %lu of %d were served meanwhile",
		  report_of(&d, "served"), READS);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(harness_reap(sleeper[i], 5000), 0);
	stop(&d);
}

#define SLEEPERS 24

LOCK_FACT(more_sleepers_than_threads_all_come_back)
{
	pid_t sleeper[SLEEPERS], client[2];
	struct daemon d;

	start(&d, workers, "-onap=15");
	for (int i = 0; i < 2; i++)
		client[i] = harness_fork(read_often, daemon_path(&d, "busy"));
	for (int i = 0; i < SLEEPERS; i++)
		sleeper[i] = harness_fork(read_once, daemon_path(&d, "slow"));
	for (int i = 0; i < SLEEPERS; i++)
		cr_assert_eq(harness_reap(sleeper[i], 10000), 0, "sleeper %d", i);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(harness_reap(client[i], 10000), 0);
	cr_assert_eq(report_of(&d, "asleep"), 0);
	stop(&d);
}

/* ---- yielding ---- */

/* Requests that have been read and are not answered. */
static int in_flight(const struct daemon *d)
{
	size_t from = daemon_log_size(d);
	int n = 0;
	char *log;

	cr_assert_eq(kill(d->pid, SIGUSR1), 0);
	/* what comes behind the list */
	cr_assert(eventually(daemon_log_has(d, from, ": thread ")));
	log = daemon_log(d, from);
	for (char *at = log; (at = strstr(at, "in flight: ")); at++)
		n++;
	free(log);
	return n;
}

/* Our thread holds the lock, `waiting` clients are known to wait for it, and only then it yields.
 * Returns how many handlers ran before yield returned. */
static long yield_to(const struct daemon *d, const char *go, int waiting)
{
	size_t from = daemon_log_size(d);
	pid_t client[3];
	int fd;

	order(d, "hold 1");
	cr_assert(eventually(daemon_log_has(d, from, "lockyield: held")));
	for (int i = 0; i < waiting; i++)
		client[i] = harness_fork(read_once, daemon_path(d, "busy"));
	cr_assert(eventually(in_flight(d) >= waiting));
	fd = open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert(eventually(logged(d, from, "lockyield: yielded calls=") >= 0));
	for (int i = 0; i < waiting; i++)
		cr_assert_eq(harness_reap(client[i], 5000), 0);
	return logged(d, from, "lockyield: yielded calls=");
}

LOCK_FACT(yield_always_lets_a_waiting_request_run)
{
	char *go = harness_path("go"), *option;
	struct daemon d;

	cr_assert(asprintf(&option, "-ogo=%s", go) >= 0);
	start(&d, workers, option);
	for (int round = 0; round < 12; round++) {
		long calls = yield_to(&d, go, 1 + round % 3);

		cr_assert(calls >= 1, "round %d: %ld handlers ran", round, calls);
	}
	stop(&d);
}

LOCK_FACT(yield_returns_at_once_where_nobody_waits)
{
	struct daemon d;
	size_t from;

	start(&d, workers, NULL);
	for (int round = 0; round < 5; round++) {
		from = daemon_log_size(&d);
		order(&d, "quiet");
		/* the last of the requests of the order itself may still be under way */
		cr_assert(eventually(logged(&d, from, " ms=") >= 0));
		cr_assert(logged(&d, from, " ms=") < 300, "%ld ms", logged(&d, from, " ms="));
		cr_assert(logged(&d, from, "yielded calls=") <= 2);
	}
	stop(&d);
}

LOCK_FACT(a_handler_yields_to_a_thread)
{
	struct daemon d;

	start(&d, workers, NULL);
	for (int round = 0; round < 20; round++)
		cr_assert_str_eq(text_of(&d, "polite"), "ran=1\n");
	stop(&d);
}

/* Clients that ask until they are told to stop; how often each was served. */
struct crowd {
	const char *path;
	atomic_bool stop;
	atomic_uint next;
	atomic_ulong served[CLIENTS];
};

static int ask_until_told(void *arg)
{
	struct crowd *crowd = arg;
	unsigned me = atomic_fetch_add(&crowd->next, 1);
	int fd = open(crowd->path, O_RDONLY | O_CLOEXEC);
	char byte;

	while (!atomic_load(&crowd->stop)) {
		if (read(fd, &byte, 1) < 0)
			return errno;
		atomic_fetch_add(&crowd->served[me], 1);
	}
	return 0;
}

static struct crowd *start_crowd(const struct daemon *d, pid_t *client, unsigned n)
{
	struct crowd *crowd = mmap(NULL, sizeof *crowd, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(crowd, MAP_FAILED);
	crowd->path = daemon_path(d, "busy");
	for (unsigned i = 0; i < n; i++)
		client[i] = harness_fork(ask_until_told, crowd);
	for (unsigned i = 0; i < n; i++)
		cr_assert(eventually(atomic_load(&crowd->served[i]) > 0));
	return crowd;
}

static void stop_crowd(struct crowd *crowd, const pid_t *client, unsigned n)
{
	atomic_store(&crowd->stop, true);
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(harness_reap(client[i], 5000), 0);
}

LOCK_FACT(a_thread_and_six_clients_compete_and_both_get_on)
{
	struct crowd *crowd;
	unsigned long before;
	struct daemon d;
	pid_t client[6];
	size_t from;

	start(&d, workers, NULL);
	crowd = start_crowd(&d, client, 6);
	from = daemon_log_size(&d);
	before = report_of(&d, "busy");
	order(&d, "compete 200");
	cr_assert(eventually(daemon_log_has(&d, from, "lockyield: competed")));
	cr_assert_eq(report_of(&d, "rounds"), 200);
	/* six ask all the time; that none of them does for a whole millisecond is rare */
	cr_assert(report_of(&d, "misses") <= 50, "nobody ran in %lu of 200 yields",
		  report_of(&d, "misses"));
	cr_assert(report_of(&d, "busy") - before >= 150);
	stop_crowd(crowd, client, 6);
	stop(&d);
}

LOCK_FACT(no_client_of_six_starves)
{
	unsigned long least = ~0ul, most = 0;
	struct crowd *crowd;
	struct daemon d;
	pid_t client[6];

	start(&d, workers, NULL);
	crowd = start_crowd(&d, client, 6);
	for (int i = 0; i < 6; i++)
		atomic_store(&crowd->served[i], 0);
	nap(1000);
	stop_crowd(crowd, client, 6);
	for (int i = 0; i < 6; i++) {
		unsigned long n = atomic_load(&crowd->served[i]);

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	cr_assert(least * 4 >= most, "%lu and %lu", least, most);
	stop(&d);
}

/* ---- misuse ---- */

LOCK_FACT(each_misuse_has_its_error)
{
	struct daemon d;

	start(&d, workers, NULL);
	for (int round = 0; round < 3; round++)
		cr_assert_str_eq(
			text_of(&d, "errors"),
			"again_now=EDEADLK again=EDEADLK yield=0 release=0 twice=EPERM "
			"yield_without=EPERM not_now=ETIMEDOUT too_long=ETIMEDOUT waited=1 "
			"taken=0 thread_release=EPERM thread_yield=EPERM "
			"thread_twice=EDEADLK\n");
	stop(&d);
}

LOCK_FACT(a_handler_that_loses_it_is_told_of_once)
{
	const char *words = " returned without the global lock";
	unsigned lines = 0;
	struct daemon d;
	char *log;

	start(&d, workers, NULL);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(read_once(daemon_path(&d, "forgetful")), 0);
	cr_assert_eq(read_often(daemon_path(&d, "busy")), 0);
	log = daemon_log(&d, 0);
	for (char *at = log; (at = strstr(at, words)); at++)
		lines++;
	cr_assert_eq(lines, 1, "%u lines", lines);
	stop(&d);
}
